//! What an operation prepares over the scan before it can compute a frame, once for all that it depends on: made by a
//! thread of its own while those who want it wait, counted in the memory budget, kept as far as it is when nobody waits any
//! more.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use signal::serde_json::Value;
use signal::{CancelToken, Prepared, SignalMeta};

use crate::cache::{Evictable, Use};
use crate::compute::{EngineEvent, Inner, guarded};
use crate::map::PassState;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Engine, Graph, Node, lock};

mod crew;
mod make;
mod parts;
mod run;

pub(crate) use run::Run;
use run::{Begun, Waiter};

/// How often somebody who waits looks whether it is cancelled.
const TICK: Duration = Duration::from_millis(5);

/// Where a preparation stands.
#[derive(Clone, Debug)]
pub struct PreparationProgress {
    pub node: u32,
    pub revision: u32,
    pub state: PassState,
    /// The pass over the scan that it is at, from 1; of a few positions that are looked at before it ([`signal::Positions::Spread`])
    /// the one that comes.
    pub pass: usize,
    /// Passes in all, where that is known.
    pub passes: Option<usize>,
    /// Scan positions of this pass.
    pub done: usize,
    pub total: usize,
    /// Since when all positions are there, and what they come to is worked out.
    pub concluding: Option<Instant>,
    pub error: Option<ComputeError>,
}

/// What was prepared, in the memory budget until it is dropped.
pub(crate) struct Made {
    prepared: Prepared,
    counted: Evictable,
}

/// What was prepared, in use: it stays while this lives.
#[derive(Clone)]
pub(crate) struct InUse {
    made: Arc<Made>,
    _use: Arc<Use>,
}

impl InUse {
    /// `None` when memory was short in between.
    fn of(made: Arc<Made>) -> Option<Self> {
        let using = made.counted.used()?;
        Some(InUse {
            made,
            _use: Arc::new(using),
        })
    }
}

impl Deref for InUse {
    type Target = Prepared;

    fn deref(&self) -> &Prepared {
        &self.made.prepared
    }
}

/// What was prepared for a node and all above it, which stays while this lives.
pub struct PreparedAbove {
    _all: Vec<InUse>,
}

#[derive(Clone)]
enum Slot {
    /// The operation needs nothing.
    Nothing,
    Run(Arc<Run>),
}

/// All that a preparation depends on: the same prepares the same.
#[derive(Clone, PartialEq)]
struct Depends {
    operation: &'static str,
    params: Value,
    /// Nodes and revisions of the inputs.
    inputs: Vec<(u32, u32)>,
}

impl Depends {
    /// `None` for what has no recipe.
    fn of(graph: &Graph, node: &Node) -> Option<Self> {
        let computation = (node.computation()).filter(|computation| computation.has_recipe())?;
        let inputs = graph.inputs(node)?;
        Some(Depends {
            operation: computation.info().name,
            params: computation.preparation_params(),
            inputs: (inputs.iter())
                .map(|input| (input.id, input.revision))
                .collect(),
        })
    }
}

#[derive(Default)]
pub(crate) struct Preparations {
    /// By node and revision; several may share a run.
    slots: Mutex<HashMap<(u32, u32), Slot>>,
    /// What was prepared last for each node: a parameter that the preparation does not depend on may change.
    last: Mutex<HashMap<u32, Arc<Run>>>,
}

impl Preparations {
    pub fn forget_older(&self, nodes: &[(u32, u32)]) {
        let older = |(node, revision): &(u32, u32)| {
            (nodes.iter()).any(|(changed, current)| node == changed && revision < current)
        };
        let mut slots = lock(&self.slots);
        let gone: Vec<_> = slots.extract_if(|key, _| older(key)).collect();
        // After the slots: nothing is kept for a node that has none.
        let mut last = lock(&self.last);
        for ((node, _), slot) in gone {
            match slot {
                Slot::Run(run) if run.is_worth_something() => drop(last.insert(node, run)),
                _ => {}
            }
        }
    }

    fn run(&self, node: &Node) -> Option<Arc<Run>> {
        match lock(&self.slots).get(&(node.id, node.revision))? {
            Slot::Run(run) => Some(run.clone()),
            Slot::Nothing => None,
        }
    }

    /// What was prepared for a node that leaves the tree, as far as it is.
    pub fn worth_keeping(&self, node: &Node) -> Option<Arc<Run>> {
        self.run(node).filter(|run| run.is_worth_something())
    }

    /// Nodes for which something was prepared, or is.
    fn nodes(&self) -> Vec<u32> {
        let slots = lock(&self.slots);
        let runs = (slots.iter()).filter(|(_, slot)| matches!(slot, Slot::Run(_)));
        runs.map(|((node, _), _)| *node).collect()
    }

    /// Of a node with the same recipe, unless this one has something itself.
    pub fn give(&self, node: &Node, run: Arc<Run>) {
        if node.ended.is_set() {
            return;
        }
        let mut slots = lock(&self.slots);
        let key = (node.id, node.revision);
        match slots.get(&key) {
            Some(Slot::Run(own)) if own.is_worth_something() => {}
            Some(Slot::Nothing) => {}
            _ => drop(slots.insert(key, Slot::Run(run))),
        }
    }

    /// What was prepared last, or is being prepared, for the same operation on the same inputs.
    fn found(&self, depends: &Depends) -> Option<Arc<Run>> {
        let same = |run: &&Arc<Run>| run.depends() == Some(depends) && run.is_worth_something();
        let running = |slot: &Slot| match slot {
            Slot::Run(run) => Some(run.clone()).filter(|run| same(&run)),
            Slot::Nothing => None,
        };
        if let Some(run) = lock(&self.slots).values().find_map(running) {
            return Some(run);
        }
        lock(&self.last).values().find(same).cloned()
    }

    /// Unless the node was forgotten in the meantime.
    fn keep_last(&self, node: &Node, run: &Arc<Run>) {
        let slots = lock(&self.slots);
        if slots.contains_key(&(node.id, node.revision)) && run.is_worth_something() {
            let before = lock(&self.last).insert(node.id, run.clone());
            drop(slots);
            drop(before);
        }
    }

    pub fn forget(&self, nodes: &[u32]) {
        let mut slots = lock(&self.slots);
        let slots: Vec<_> = slots
            .extract_if(|(node, _), _| nodes.contains(node))
            .collect();
        let mut last = lock(&self.last);
        let last: Vec<_> = last.extract_if(|node, _| nodes.contains(node)).collect();
        // Outside the locks: what is dropped may be large.
        drop((slots, last));
    }

    /// Ends all that is being prepared.
    pub fn cancel_all(&self) {
        let slots = lock(&self.slots);
        for slot in slots.values() {
            if let Slot::Run(run) = slot {
                run.cancel();
            }
        }
    }
}

impl Engine {
    /// Prepares what a node and everything above it need, as a pass over it would do first. It stays while the answer
    /// lives.
    ///
    /// # Errors
    /// [`ComputeError`] when one of the preparations fails or is cancelled.
    pub fn prepare(
        &self,
        graph: &Graph,
        node: u32,
        cancel: &CancelToken,
    ) -> Result<PreparedAbove, ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let all = self
            .inner
            .prepare_all(graph, node, Priority::Batch, cancel)?;
        Ok(PreparedAbove { _all: all })
    }

    /// As [`Engine::prepare`], and does not wait for it: it goes on until it is there or cancelled.
    ///
    /// # Errors
    /// [`ComputeError`] when there is no such node.
    pub fn start_preparation(&self, graph: &Arc<Graph>, node: u32) -> Result<(), ComputeError> {
        let found = (graph.node(node)).ok_or_else(|| ComputeError::no_node(node))?;
        let (engine, graph) = (self.clone(), Arc::new(graph.above(&[found.id])));
        let wait = move || {
            // Its progress says how it ended.
            let _ = engine.prepare(&graph, node, &CancelToken::new());
        };
        let started = std::thread::Builder::new()
            .name(format!("wait-{node}"))
            .spawn(wait);
        if let Err(error) = started {
            tracing::error!("a preparation could not be started: {error}");
        }
        Ok(())
    }

    /// What was prepared for a node, if it is there.
    pub fn prepared(&self, node: &Node) -> Option<Prepared> {
        self.inner.preparations.run(node)?.prepared()
    }

    /// How far the preparation of a node is that somebody has asked for.
    pub fn preparation_progress(&self, node: &Node) -> Option<PreparationProgress> {
        self.inner.preparations.run(node)?.progress()
    }

    /// Ends the preparation of a node for everybody who waits for it; as far as it is, it is kept.
    pub fn cancel_preparation(&self, node: &Node) {
        if let Some(run) = self.inner.preparations.run(node)
            && let Some(progress) = run.cancel()
        {
            self.inner.notify(EngineEvent::Preparing(progress));
        }
    }
}

impl Inner {
    /// What `node` needs of other positions, prepared if it is not there; `None`: it needs nothing.
    pub fn prepared(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Option<InUse>, ComputeError> {
        let Some(run) = self.preparation_run(graph, node)? else {
            return Ok(None);
        };
        match run.in_use() {
            Some(made) => Ok(Some(made)),
            None => self.wait_for(graph, node, &run, priority, cancel).map(Some),
        }
    }

    /// The run that prepares what `node` needs: its own, or one of the same.
    fn preparation_run(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
    ) -> Result<Option<Arc<Run>>, ComputeError> {
        let Some(computation) = node.computation() else {
            return Ok(None);
        };
        match lock(&self.preparations.slots).get(&(node.id, node.revision)) {
            Some(Slot::Run(run)) => return Ok(Some(run.clone())),
            Some(Slot::Nothing) => return Ok(None),
            None => {}
        }
        let depends = Depends::of(graph, node);
        let found = (depends.as_ref())
            .and_then(|depends| self.preparations.found(depends))
            .filter(|_| graph.files_are_unchanged(node))
            .or_else(|| self.preparation_of_the_same(graph, node));
        let slot = match found {
            Some(run) => Slot::Run(run),
            None => {
                let metas = graph.input_metas(node);
                let metas = metas.ok_or_else(|| ComputeError::no_node(node.id))?;
                let metas: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
                let wanted = guarded(|| computation.preparation(&metas).is_some())
                    .map_err(|text| ComputeError::new(node, None, Cause::Panic(text)))?;
                match wanted {
                    true => Slot::Run(Arc::new(Run::new(node, depends))),
                    false => Slot::Nothing,
                }
            }
        };
        let (slot, is_new) = match node.ended.is_set() {
            // Nothing is kept for somebody who comes late.
            true => (slot, false),
            false => {
                let mut slots = lock(&self.preparations.slots);
                let key = (node.id, node.revision);
                let is_new = !slots.contains_key(&key);
                (slots.entry(key).or_insert(slot).clone(), is_new)
            }
        };
        let Slot::Run(run) = slot else {
            return Ok(None);
        };
        if is_new && run.prepared().is_some() {
            self.preparations.keep_last(node, &run);
            self.notify(EngineEvent::Prepared { node: node.id });
        }
        Ok(Some(run))
    }

    /// Of another node with the same recipe.
    fn preparation_of_the_same(&self, graph: &Graph, node: &Node) -> Option<Arc<Run>> {
        let others = self.preparations.nodes();
        let found = (others.into_iter())
            .filter(|other| *other != node.id)
            .filter_map(|other| graph.node(other))
            .filter(|other| graph.has_same_recipe(node, graph, other))
            .find_map(|other| self.preparations.worth_keeping(other))?;
        graph.files_are_unchanged(node).then_some(found)
    }

    /// Starts a run unless somebody has, and waits for it. It ends when nobody waits any more.
    fn wait_for(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        run: &Arc<Run>,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<InUse, ComputeError> {
        let cancelled = || ComputeError::new(node, None, Cause::Cancelled);
        let _lent = self.scheduler.lend_slot();
        let mut waiter = Waiter::new(run);
        let mut below = None;
        loop {
            if cancel.is_cancelled() || self.ended.is_cancelled() {
                return Err(cancelled());
            }
            match waiter.begin(priority) {
                Begun::Made(made) => {
                    if !run.is_first_of(node) {
                        self.notify(EngineEvent::Prepared { node: node.id });
                    }
                    return Ok(made);
                }
                Begun::Started(start) => self.start(graph, node, run, start),
                Begun::Ended(error) => return Err(error),
                Begun::Running(of) if of < priority => {
                    // It must not yield to the very thread that waits for it.
                    below.get_or_insert_with(|| self.scheduler.waiting(priority));
                }
                Begun::Running(_) => {}
            }
            run.wait(TICK);
            // Working out what was gathered may take long between two parts.
            run.progressed(self, |_| {});
        }
    }

    /// Prepares what `node` and everything above it need, so that the frames of a pass find it; it stays while the answer
    /// lives.
    pub fn prepare_all(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Vec<InUse>, ComputeError> {
        let mut all = Vec::new();
        for parent in &node.parents {
            let parent = graph
                .node(*parent)
                .ok_or_else(|| ComputeError::no_node(*parent))?;
            all.extend(self.prepare_all(graph, parent, priority, cancel)?);
        }
        all.extend(self.prepared(graph, node, priority, cancel)?);
        Ok(all)
    }
}
