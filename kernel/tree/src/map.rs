//! Maps: images of the scan that a streaming pass fills.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use signal::{CancelToken, MapReference, NavigationIndex, Output};

use crate::compute::{Inner, guarded};
use crate::scheduler::work_for_a_pass;
use crate::{Cause, ComputeError, Engine, EngineEvent, Graph, Node, lock};

mod filling;
mod finished;
mod reference;
mod runs;
pub(crate) use filling::{MapRun, copy};
pub(crate) use finished::is_referred;
pub use reference::refer;

/// How often somebody who waits for a map is asked whether to go on: an interrupt is felt within it.
const TICK: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassState {
    /// Nobody has asked for it yet.
    Idle,
    Running,
    Done,
    /// What was done is kept; starting again goes on from there.
    Cancelled,
    Failed,
}

/// Where a whole-scan pass stands.
#[derive(Clone, Debug)]
pub struct MapProgress {
    pub node: u32,
    pub revision: u32,
    pub state: PassState,
    /// Scan positions.
    pub done: usize,
    pub total: usize,
    /// Scan positions without an answer because their frame failed.
    pub failures: usize,
    /// Further scan positions whose first image has no value: their frame gave none.
    pub without_value: usize,
    /// Why the pass failed, or else the first frame did.
    pub error: Option<ComputeError>,
}

/// One call that waits for a pass.
struct Waiting<'a>(&'a MapRun);

impl Waiting<'_> {
    /// Ends the pass unless somebody else waits for it, and says whether one was running.
    fn give_up(self) -> bool {
        let ended = self.0.cancel_if(|filling| filling.left());
        std::mem::forget(self);
        ended
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// The images of a map node as far as they are computed.
#[derive(Clone)]
pub struct MapImages {
    run: Arc<MapRun>,
}

impl MapImages {
    /// The whole image of one component, C order over the scan, from its reference; NaN where nothing is computed yet.
    pub fn component(&self, component: usize) -> Vec<f32> {
        self.referred(self.run.component(component))
    }

    /// All images, component-major, each from its reference.
    pub fn all(&self) -> Vec<f32> {
        self.referred(self.run.images())
    }

    /// As [`MapImages::component`], before the reference is subtracted.
    pub fn measured(&self, component: usize) -> Vec<f32> {
        self.run.component(component)
    }

    /// What is subtracted from each image.
    pub fn reference(&self) -> MapReference {
        self.run.reference()
    }

    fn referred(&self, mut images: Vec<f32>) -> Vec<f32> {
        refer(self.run.reference(), &mut images, self.run.plane());
        images
    }

    pub fn progress(&self) -> MapProgress {
        self.run.progress()
    }

    /// Share of the scan that is computed, 0 to 1.
    pub fn complete(&self) -> f64 {
        let progress = self.run.progress();
        progress.done as f64 / progress.total.max(1) as f64
    }
}

impl Engine {
    /// The images of a map node, without starting its pass.
    ///
    /// # Errors
    /// [`ComputeError`] when the node has no maps or the images do not fit into the memory budget.
    pub fn map(&self, graph: &Graph, node: u32) -> Result<MapImages, ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let run = self.inner.map_run(graph, node)?;
        Ok(MapImages { run })
    }

    /// Starts or resumes the pass of a map node in the background; does nothing when it runs or is done,
    /// or when the snapshot is older than the node's parameters: the images are then those of the newer ones.
    ///
    /// # Errors
    /// See [`Engine::map`].
    pub fn start_map(&self, graph: &Arc<Graph>, node: u32) -> Result<MapImages, ComputeError> {
        let images = self.begin_map(graph, node, 0)?;
        images.run.ask();
        Ok(images)
    }

    /// As [`Engine::start_map`], because a view shows the map: [`Engine::pause_map`] ends its pass again.
    ///
    /// # Errors
    /// See [`Engine::map`].
    pub fn show_map(&self, graph: &Arc<Graph>, node: u32) -> Result<MapImages, ComputeError> {
        self.begin_map(graph, node, 0)
    }

    /// Nobody looks at a map any more: unless somebody asked for it, its pass rests until it is looked at again. Whether it
    /// was running.
    pub fn pause_map(&self, node: u32) -> bool {
        let run = lock(&self.inner.maps).get(&node).cloned();
        run.is_some_and(|run| run.pause())
    }

    /// Starts or resumes several maps; those below the same source are filled by one pass over it.
    ///
    /// # Errors
    /// See [`Engine::map`]; then none of them is started.
    pub fn start_maps(
        &self,
        graph: &Arc<Graph>,
        nodes: &[u32],
    ) -> Result<Vec<MapImages>, ComputeError> {
        let all = self.begin_maps(graph, nodes, 0)?;
        all.iter().for_each(|images| images.run.ask());
        Ok(all)
    }

    /// As [`Engine::start_map`]; `waiting` more wait for the pass from the moment it is found or begun.
    fn begin_map(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        waiting: usize,
    ) -> Result<MapImages, ComputeError> {
        let (images, pass) = self.inner.map_pass(graph, node, waiting)?;
        self.fill(graph, pass.into_iter().collect());
        Ok(images)
    }

    fn begin_maps(
        &self,
        graph: &Arc<Graph>,
        nodes: &[u32],
        waiting: usize,
    ) -> Result<Vec<MapImages>, ComputeError> {
        // All or none: what cannot be started is found before anything runs.
        for node in nodes {
            self.map(graph, *node)?;
        }
        let (mut all, mut together) = (Vec::new(), Vec::new());
        for node in nodes {
            let (images, pass) = self.inner.map_pass(graph, *node, waiting)?;
            all.push(images);
            match pass {
                // Gathering a reference may take long; the others do not wait for it.
                Some(pass) if self.inner.gathers_first(graph, &pass.node) => {
                    self.fill(graph, vec![pass])
                }
                pass => together.extend(pass),
            }
        }
        self.fill(graph, together);
        Ok(all)
    }

    /// Runs passes on a thread of their own.
    fn fill(&self, graph: &Arc<Graph>, passes: Vec<MapPass>) {
        let Some(first) = passes.first() else { return };
        let name = format!("map-{}", first.node.id);
        let runs: Vec<_> = passes.iter().map(|pass| pass.run.clone()).collect();
        let nodes: Vec<u32> = passes.iter().map(|pass| pass.node.id).collect();
        let (inner, graph) = (self.inner.clone(), Arc::new(graph.above(&nodes)));
        let started = std::thread::Builder::new()
            .name(name)
            .spawn(move || inner.run_maps(&graph, passes));
        if let Err(error) = started {
            tracing::error!("a map pass could not be started: {error}");
            runs.iter().for_each(|run| run.fail_to_start());
        }
    }

    /// Starts or resumes a map and waits for it. `tick` is called every few milliseconds with the
    /// progress and ends the pass with `Break`, which does not wait for a frame under way; what is done
    /// is kept.
    ///
    /// # Errors
    /// [`ComputeError`] when the pass fails or is cancelled, also by a change of parameters.
    pub fn finish_map(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        tick: &mut dyn FnMut(&MapProgress) -> ControlFlow<()>,
    ) -> Result<MapImages, ComputeError> {
        let images = self.begin_map(graph, node, 1)?;
        images.run.ask();
        let waiting = Waiting(&images.run);
        self.await_map(graph, node, &images, waiting, tick)?;
        Ok(images)
    }

    /// Starts or resumes several maps and waits for all; those below the same source are filled by one pass
    /// over it. `tick` as in [`Engine::finish_map`], for whichever map is waited for.
    ///
    /// # Errors
    /// The first [`ComputeError`] in the order of `nodes`; the other maps are filled all the same, unless
    /// `tick` ends them.
    pub fn finish_maps(
        &self,
        graph: &Arc<Graph>,
        nodes: &[u32],
        tick: &mut dyn FnMut(&MapProgress) -> ControlFlow<()>,
    ) -> Result<Vec<MapImages>, ComputeError> {
        let all = self.begin_maps(graph, nodes, 1)?;
        all.iter().for_each(|images| images.run.ask());
        let waiting: Vec<_> = all.iter().map(|images| Waiting(&images.run)).collect();
        let mut first = None;
        let mut stopped = false;
        for ((images, node), waiting) in all.iter().zip(nodes).zip(waiting) {
            let ended = self.await_map(graph, *node, images, waiting, &mut |progress| {
                if !stopped {
                    stopped = tick(progress).is_break();
                }
                match stopped {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
            if let Err(error) = ended {
                first.get_or_insert(error);
            }
        }
        first.map_or(Ok(all), Err)
    }

    fn await_map(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        images: &MapImages,
        waiting: Waiting<'_>,
        tick: &mut dyn FnMut(&MapProgress) -> ControlFlow<()>,
    ) -> Result<(), ComputeError> {
        let cancelled = || match graph.node(node) {
            Some(node) => ComputeError::new(node, None, Cause::Cancelled),
            None => ComputeError::no_node(node),
        };
        if graph.node(node).map(|node| node.revision) != Some(images.run.revision()) {
            return Err(cancelled());
        }
        let mut stopped = false;
        let progress = self.wait_for_map(images, &mut |progress| {
            let flow = tick(progress);
            stopped = flow.is_break() && progress.state == PassState::Running;
            flow
        });
        if stopped {
            if waiting.give_up() {
                self.inner.notify(EngineEvent::Map(images.progress()));
            }
            let _ = tick(&images.progress());
            return Err(cancelled());
        }
        match progress.state {
            PassState::Done => Ok(()),
            PassState::Failed => Err(progress.error.unwrap_or_else(cancelled)),
            _ => Err(cancelled()),
        }
    }

    /// Waits while a map's pass runs, or until `tick` (called every few milliseconds) says `Break`; the
    /// pass goes on then.
    pub fn wait_for_map(
        &self,
        images: &MapImages,
        tick: &mut dyn FnMut(&MapProgress) -> ControlFlow<()>,
    ) -> MapProgress {
        loop {
            let progress = images.progress();
            if tick(&progress).is_break() || progress.state != PassState::Running {
                return progress;
            }
            images.run.wait(TICK);
        }
    }

    /// Ends the pass of a node, also one that rests, until somebody asks for the map; what is done is kept.
    pub fn cancel_map(&self, node: u32) {
        let run = lock(&self.inner.maps).get(&node).cloned();
        if let Some(run) = run {
            self.inner.cancel_run(&run);
        }
    }

    /// What was computed for a draft becomes the map of `node`, which has the draft's computation now: only what
    /// is missing will be computed. The draft's own pass ends.
    pub fn adopt_map(&self, graph: &Graph, draft: u32, node: u32) {
        let Some(tried) = lock(&self.inner.maps).remove(&draft) else {
            return;
        };
        tried.cancel();
        let adopted = graph.node(node).map(|node| self.inner.map_run(graph, node));
        if let Some(Ok(run)) = adopted {
            run.adopt(&tried);
        }
    }

    /// Progress of a map that somebody has asked for.
    pub fn map_progress(&self, node: u32) -> Option<MapProgress> {
        let run = lock(&self.inner.maps).get(&node)?.clone();
        Some(run.progress())
    }
}

impl Inner {
    /// The values of a map at one position, from a reference that is known when the map is complete: all of it is
    /// computed first.
    pub fn referred(
        &self,
        graph: &Graph,
        node: &Node,
        at: NavigationIndex,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let cancelled = || ComputeError::new(node, Some(at), Cause::Cancelled);
        let inner = self.this.upgrade().ok_or_else(cancelled)?;
        let images = (Engine { inner }).finish_map(
            &Arc::new(graph.clone()),
            node.id,
            &mut |_| match cancel.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            },
        )?;
        Ok(Output::Values(images.run.values(at).into()))
    }

    fn cancel_run(&self, run: &MapRun) {
        if run.stop() {
            self.notify(EngineEvent::Map(run.progress()));
        }
    }

    /// Finds or makes the images of a map, and what is to be run for them, if anything.
    fn map_pass(
        &self,
        graph: &Graph,
        node: u32,
        waiting: usize,
    ) -> Result<(MapImages, Option<MapPass>), ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?
            .clone();
        if let Some(fault) = &node.fault {
            let cause = Cause::NotApplicable(fault.clone());
            return Err(ComputeError::new(&node, None, cause));
        }
        let run = self.map_run(graph, &node)?;
        let images = MapImages { run: run.clone() };
        let pass = (run.begin(node.revision, waiting)).map(|cancel| MapPass { node, run, cancel });
        Ok((images, pass))
    }

    /// The body of a thread that fills maps: fills them in one pass and says how each ended.
    fn run_maps(self: &Arc<Self>, graph: &Arc<Graph>, passes: Vec<MapPass>) {
        work_for_a_pass();
        let mut subscribers = Vec::new();
        let mut subscribing = Vec::new();
        for pass in passes {
            self.notify(EngineEvent::Map(pass.run.progress()));
            let subscriber = guarded(|| filling::subscriber(self, graph, &pass))
                .unwrap_or_else(|text| Err(pass.error(Cause::Panic(text))));
            match subscriber {
                Ok(subscriber) => {
                    subscribers.push(subscriber);
                    subscribing.push(pass);
                }
                Err(error) => self.end_map(&pass, Err(error)),
            }
        }
        std::thread::scope(|scope| {
            for (pass, handle) in subscribing.into_iter().zip(self.subscribe(subscribers)) {
                let wait = move || self.end_map(&pass, handle.and_then(|handle| handle.wait(self)));
                if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, wait) {
                    tracing::error!("a map pass cannot be watched: {error}");
                }
            }
        });
    }

    fn end_map(&self, pass: &MapPass, outcome: Result<(), ComputeError>) {
        if pass.run.end(&pass.cancel, outcome) {
            self.notify(EngineEvent::Map(pass.run.progress()));
        }
    }
}

/// A pass that is to fill the images of one map.
struct MapPass {
    node: Arc<Node>,
    run: Arc<MapRun>,
    cancel: CancelToken,
}

impl MapPass {
    fn error(&self, cause: Cause) -> ComputeError {
        ComputeError::new(&self.node, None, cause)
    }
}

impl Inner {
    /// Whether something must be gathered over the scan, or a map filled, before a frame of `node` can be computed.
    fn gathers_first(&self, graph: &Graph, node: &Node) -> bool {
        let prepares = node.computation().is_some_and(|computation| {
            let metas = graph.input_metas(node).unwrap_or_default();
            let metas: Vec<_> = metas.iter().map(|meta| &**meta).collect();
            guarded(|| computation.preparation(&metas).is_some()) == Ok(true)
        });
        prepares
            || self.waits_for_maps(graph, node)
            || (node.parents.iter())
                .filter_map(|parent| graph.node(*parent))
                .any(|parent| self.gathers_first(graph, parent))
    }
}
