//! Maps: images of the scan that a streaming pass fills.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal::{CancelToken, Output, SignalKind};

use crate::cache::Reservation;
use crate::compute::{Inner, guarded};
use crate::gate::{Lane, work_for_a_pass};
use crate::scan::UnitOutputs;
use crate::{Cause, ComputeError, Engine, EngineEvent, Graph, Node, lock};

/// Shortest time between two progress events of a pass.
const TELL_EVERY: Duration = Duration::from_millis(150);
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
    /// Why the pass failed, or else the first frame did.
    pub error: Option<ComputeError>,
}

struct Filling {
    /// Component-major, each image in C order over the scan; NaN where nothing is computed.
    images: Vec<f32>,
    unit_done: Vec<bool>,
    progress: MapProgress,
    cancel: CancelToken,
    /// Calls of `finish_map` under way: one that gives up ends the pass only if no other waits for it.
    waiting: usize,
}

pub(crate) struct MapRun {
    revision: u32,
    shape: Vec<usize>,
    components: usize,
    filling: Mutex<Filling>,
    changed: Condvar,
    _reserved: Reservation,
}

impl MapRun {
    /// Ends the pass for everybody at once, and says whether one was running. Its threads notice at their
    /// next frame; what they still compute is dropped, and a new pass may begin before that.
    pub fn cancel(&self) -> bool {
        self.cancel_if(|_| true)
    }

    fn cancel_if(&self, wanted: impl FnOnce(&mut Filling) -> bool) -> bool {
        let mut filling = lock(&self.filling);
        if !wanted(&mut filling) {
            return false;
        }
        filling.cancel.cancel();
        let ran = filling.progress.state == PassState::Running;
        if ran {
            filling.progress.state = PassState::Cancelled;
        }
        drop(filling);
        self.changed.notify_all();
        ran
    }

    /// Writes the values of one unit; a failed frame leaves NaN and is counted. Writes nothing for a pass
    /// that was cancelled: another one may fill the same images.
    fn fill(&self, unit: usize, outputs: UnitOutputs, pass: &CancelToken) -> ControlFlow<()> {
        let positions = self.positions();
        let mut filling = lock(&self.filling);
        if pass.is_cancelled() {
            return ControlFlow::Break(());
        }
        filling.unit_done[unit] = true;
        for (at, output) in outputs.outputs {
            filling.progress.done += 1;
            match output {
                Ok(Output::Values(values)) => {
                    let flat = at.flat(&self.shape);
                    for (component, value) in values.iter().take(self.components).enumerate() {
                        filling.images[component * positions + flat] = *value;
                    }
                }
                Ok(_) => filling.progress.failures += 1,
                Err(error) => {
                    filling.progress.failures += 1;
                    filling.progress.error.get_or_insert(error);
                }
            }
        }
        ControlFlow::Continue(())
    }

    pub fn revision(&self) -> u32 {
        self.revision
    }

    fn positions(&self) -> usize {
        self.shape.iter().product()
    }

    fn progress(&self) -> MapProgress {
        lock(&self.filling).progress.clone()
    }
}

/// One call that waits for a pass.
struct Waiting<'a>(&'a MapRun);

impl Waiting<'_> {
    /// Ends the pass unless somebody else waits for it, and says whether one was running.
    fn give_up(self) -> bool {
        let ended = self.0.cancel_if(|filling| {
            filling.waiting -= 1;
            filling.waiting == 0
        });
        std::mem::forget(self);
        ended
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.0.filling).waiting -= 1;
    }
}

/// The images of a map node as far as they are computed.
#[derive(Clone)]
pub struct MapImages {
    run: Arc<MapRun>,
}

impl MapImages {
    /// The whole image of one component, C order over the scan; NaN where nothing is computed yet.
    pub fn component(&self, component: usize) -> Vec<f32> {
        let positions = self.run.positions();
        let filling = lock(&self.run.filling);
        filling
            .images
            .get(component * positions..(component + 1) * positions)
            .map_or_else(Vec::new, <[f32]>::to_vec)
    }

    /// All images, component-major.
    pub fn all(&self) -> Vec<f32> {
        lock(&self.run.filling).images.clone()
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
        self.begin_map(graph, node, 0)
    }

    /// As [`Engine::start_map`]; `waiting` more wait for the pass from the moment it is found or begun.
    fn begin_map(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        waiting: usize,
    ) -> Result<MapImages, ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?
            .clone();
        if let Some(fault) = &node.fault {
            let cause = Cause::NotApplicable(fault.clone());
            return Err(ComputeError::new(&node, None, cause));
        }
        let run = self.inner.map_run(graph, &node)?;
        let images = MapImages { run: run.clone() };
        lock(&run.filling).waiting += waiting;
        if run.revision != node.revision {
            // The parameters have changed since this snapshot: its values are not those of the run.
            return Ok(images);
        }
        let cancel = CancelToken::new();
        {
            let mut filling = lock(&run.filling);
            // Who gave up before ended the pass, which is begun anew; who gives up from now on finds the
            // count above.
            if matches!(filling.progress.state, PassState::Running | PassState::Done) {
                return Ok(images);
            }
            if filling.progress.failures == 0 {
                filling.progress.error = None; // of a pass that failed and is tried again
            }
            filling.progress.state = PassState::Running;
            filling.cancel = cancel.clone();
        }
        let (inner, graph, thread_run) = (self.inner.clone(), graph.clone(), run.clone());
        let started = std::thread::Builder::new()
            .name(format!("map-{}", node.id))
            .spawn(move || inner.run_map(&graph, &node, &thread_run, &cancel));
        if let Err(error) = started {
            tracing::error!("a map pass could not be started: {error}");
            lock(&run.filling).progress.state = PassState::Failed;
        }
        Ok(images)
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
        let run = images.run.clone();
        let waiting = Waiting(&run);
        let cancelled = || match graph.node(node) {
            Some(node) => ComputeError::new(node, None, Cause::Cancelled),
            None => ComputeError::no_node(node),
        };
        if graph.node(node).map(|node| node.revision) != Some(images.run.revision) {
            return Err(cancelled());
        }
        let mut stopped = false;
        let progress = self.wait_for_map(&images, &mut |progress| {
            let flow = tick(progress);
            stopped = flow.is_break() && progress.state == PassState::Running;
            flow
        });
        if stopped {
            if waiting.give_up() {
                self.inner.tell(EngineEvent::Map(images.progress()));
            }
            let _ = tick(&images.progress());
            return Err(cancelled());
        }
        match progress.state {
            PassState::Done => Ok(images),
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
            let filling = lock(&images.run.filling);
            if filling.progress.state == PassState::Running {
                drop(
                    images
                        .run
                        .changed
                        .wait_timeout(filling, TICK)
                        .unwrap_or_else(PoisonError::into_inner),
                );
            }
        }
    }

    /// Ends the pass of a node; what is done is kept.
    pub fn cancel_map(&self, node: u32) {
        let run = lock(&self.inner.maps).get(&node).cloned();
        if let Some(run) = run {
            self.inner.cancel_run(&run);
        }
    }

    /// Progress of a map that somebody has asked for.
    pub fn map_progress(&self, node: u32) -> Option<MapProgress> {
        let run = lock(&self.inner.maps).get(&node)?.clone();
        Some(run.progress())
    }
}

impl Inner {
    fn cancel_run(&self, run: &MapRun) {
        if run.cancel() {
            self.tell(EngineEvent::Map(run.progress()));
        }
    }

    /// The run of this node and revision; an older revision's run is ended and replaced.
    fn map_run(&self, graph: &Graph, node: &Node) -> Result<Arc<MapRun>, ComputeError> {
        if node.meta.kind != SignalKind::Map {
            let cause = Cause::WrongOutput {
                expected: "maps".into(),
                found: node.meta.kind.noun().into(),
            };
            return Err(ComputeError::new(node, None, cause));
        }
        let mut maps = lock(&self.maps);
        if let Some(run) = maps.get(&node.id) {
            if run.revision >= node.revision {
                return Ok(run.clone());
            }
            run.cancel();
            maps.remove(&node.id);
        }
        let shape = node.meta.axes.navigation_shape();
        let positions: usize = shape.iter().product();
        let components = node.meta.components.len();
        let bytes = positions * components * size_of::<f32>();
        let reserved = self.cache.reserve(bytes).ok_or_else(|| {
            let cause = Cause::Memory {
                what: "the map".into(),
                need_bytes: bytes,
                budget_bytes: self.cache.memory().budget_bytes,
            };
            ComputeError::new(node, None, cause)
        })?;
        let units = self.units(graph, node)?;
        let run = Arc::new(MapRun {
            revision: node.revision,
            shape,
            components,
            filling: Mutex::new(Filling {
                images: vec![f32::NAN; positions * components],
                unit_done: vec![false; units.len()],
                progress: MapProgress {
                    node: node.id,
                    revision: node.revision,
                    state: PassState::Idle,
                    done: 0,
                    total: positions,
                    failures: 0,
                    error: None,
                },
                cancel: CancelToken::new(),
                waiting: 0,
            }),
            changed: Condvar::new(),
            _reserved: reserved,
        });
        maps.insert(node.id, run.clone());
        Ok(run)
    }

    /// The body of a map's thread: fills what is missing and says how it ended.
    fn run_map(&self, graph: &Graph, node: &Arc<Node>, run: &MapRun, cancel: &CancelToken) {
        work_for_a_pass();
        self.tell(EngineEvent::Map(run.progress()));
        let outcome = guarded(|| self.fill_map(graph, node, run, cancel))
            .unwrap_or_else(|text| Err(ComputeError::new(node, None, Cause::Panic(text))));
        {
            let mut filling = lock(&run.filling);
            if cancel.is_cancelled() {
                return; // ended by `MapRun::cancel`, which has said so
            }
            let progress = &mut filling.progress;
            progress.state = match outcome {
                Ok(()) if progress.done == progress.total => PassState::Done,
                Ok(()) => PassState::Cancelled,
                Err(error) if error.is_cancelled() => PassState::Cancelled,
                Err(error) => {
                    progress.error = Some(error);
                    PassState::Failed
                }
            };
        }
        run.changed.notify_all();
        self.tell(EngineEvent::Map(run.progress()));
    }

    fn fill_map(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        run: &MapRun,
        cancel: &CancelToken,
    ) -> Result<(), ComputeError> {
        self.prepare_all(graph, node, Lane::Batch, cancel)?;
        let units = self.units(graph, node)?;
        let missing: Vec<usize> = lock(&run.filling)
            .unit_done
            .iter()
            .enumerate()
            .filter(|(_, done)| !**done)
            .map(|(unit, _)| unit)
            .collect();
        let mut told = Instant::now();
        self.pass(
            graph,
            node,
            &units,
            &missing,
            Lane::Batch,
            cancel,
            &mut || {},
            &mut |unit, outputs| {
                if run.fill(unit, outputs, cancel).is_break() {
                    return ControlFlow::Break(());
                }
                run.changed.notify_all();
                if told.elapsed() >= TELL_EVERY {
                    told = Instant::now();
                    self.tell(EngineEvent::Map(run.progress()));
                }
                ControlFlow::Continue(())
            },
        );
        Ok(())
    }
}
