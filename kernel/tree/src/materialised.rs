//! Whole signals that somebody has computed to memory: their outputs are looked up, not computed again.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use signal::{CancelToken, NavigationIndex, Output, SignalKind};

use crate::cache::{Evictable, NOBODY};
use crate::compute::Inner;
use crate::deliver::Receiver;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Engine, EngineEvent, Graph, Node, lock};

/// What one output costs besides its pixels.
const SLOT_BYTES: usize = 192;
/// Peaks are counted in the budget in steps of at least so many bytes, and at least a quarter of what is there.
const STEP_BYTES: usize = 4 << 20;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Outputs of one node at every scan position.
#[derive(Clone)]
pub(crate) struct MaterialisedSignal {
    revision: u32,
    /// Shared by nodes of the same recipe.
    data: Arc<Data>,
}

struct Data {
    number: u64,
    /// Of the scan.
    shape: Vec<usize>,
    outputs: Vec<OnceLock<Output>>,
    /// In the budget, until it is dropped.
    counted: Vec<Evictable>,
}

impl MaterialisedSignal {
    /// Whose outputs they are, for [`Inner::evict_materialised`].
    pub fn number(&self) -> u64 {
        self.data.number
    }

    /// `false` when the cache took back what was counted.
    pub fn is_counted(&self) -> bool {
        self.data.counted.iter().all(Evictable::touch)
    }
}

#[derive(Default)]
pub(crate) struct MaterialisedSignals(Mutex<HashMap<u32, MaterialisedSignal>>);

impl MaterialisedSignals {
    pub fn output(&self, node: &Node, at: NavigationIndex) -> Option<Output> {
        let materialised = lock(&self.0).get(&node.id)?.clone();
        if materialised.revision != node.revision {
            return None;
        }
        // Others go before it now.
        materialised.is_counted();
        let data = &*materialised.data;
        data.outputs.get(at.flat(&data.shape))?.get().cloned()
    }

    pub fn has(&self, node: &Node) -> bool {
        (lock(&self.0).get(&node.id))
            .is_some_and(|materialised| materialised.revision == node.revision)
    }

    pub fn of(&self, node: &Node) -> Option<MaterialisedSignal> {
        let materialised = lock(&self.0).get(&node.id)?.clone();
        (materialised.revision == node.revision).then_some(materialised)
    }

    /// Takes out what is in memory of a node that leaves the tree.
    pub fn take(&self, node: &Node) -> Option<MaterialisedSignal> {
        let materialised = lock(&self.0).remove(&node.id)?;
        (materialised.revision == node.revision).then_some(materialised)
    }

    /// Drops what is in memory of these nodes, or only what is older than the revision.
    pub fn forget(&self, nodes: impl IntoIterator<Item = (u32, Option<u32>)>) {
        let mut dropped = Vec::new();
        {
            let mut all = lock(&self.0);
            for (node, current) in nodes {
                let old = all.get(&node).is_some_and(|materialised| match current {
                    Some(current) => materialised.revision < current,
                    None => true,
                });
                if old {
                    dropped.extend(all.remove(&node));
                }
            }
        }
        // Outside the lock: giving back a gigabyte takes a while.
        drop(dropped);
    }
}

/// Collects the outputs of one node.
struct Collecting {
    inner: Arc<Inner>,
    node: Arc<Node>,
    number: u64,
    shape: Vec<usize>,
    outputs: Vec<OnceLock<Output>>,
    done: Arc<AtomicUsize>,
    reserved: Mutex<Reserved>,
    /// The cache took back what was counted.
    evicted: CancelToken,
    failed: Mutex<Option<ComputeError>>,
}

/// Bytes counted in the budget.
#[derive(Default)]
struct Reserved {
    left: usize,
    total: usize,
    counted: Vec<Evictable>,
}

impl Collecting {
    /// Counts more bytes against the budget.
    fn reserve(&self, reserved: &mut Reserved, bytes: usize) -> Result<(), ComputeError> {
        let (weak, number) = (Arc::downgrade(&self.inner), self.number);
        let evicted = self.evicted.clone();
        let on_evict = move || {
            evicted.cancel();
            if let Some(inner) = weak.upgrade() {
                inner.evict_materialised(number);
            }
        };
        let priority = Priority::Interactive;
        let counted =
            (self.inner.cache).reserve_evictable(NOBODY, bytes, priority, Arc::new(on_evict));
        match counted {
            Some(counted) => {
                reserved.counted.push(counted);
                reserved.left += bytes;
                reserved.total += bytes;
                Ok(())
            }
            None => Err(self.too_big(reserved.total + bytes)),
        }
    }

    /// What the whole signal needs, as far as it is known.
    fn too_big(&self, least: usize) -> ComputeError {
        let done = self.done.load(Ordering::Relaxed);
        let need_bytes = match (self.node.meta.kind, done) {
            (SignalKind::Frame, _) | (_, 0) => least,
            (_, done) => (least as f64 * self.outputs.len() as f64 / done as f64) as usize,
        };
        let cause = Cause::Memory {
            what: "the computed signal".into(),
            need_bytes,
            budget_bytes: self.inner.cache.memory().budget_bytes,
        };
        ComputeError::new(&self.node, None, cause)
    }

    fn keep(&self, at: NavigationIndex, output: &Output) -> Result<(), ComputeError> {
        // It must keep nothing but itself in memory: no whole chunk, and no file.
        let output = match output {
            Output::Frame(frame) if frame.is_view() => Output::Frame(frame.detached()),
            output => output.clone(),
        };
        let mut reserved = lock(&self.reserved);
        if self.node.meta.kind == SignalKind::Peaks {
            let bytes = output.heap_bytes();
            if reserved.left < bytes {
                let step = STEP_BYTES.max(reserved.total / 4).max(bytes);
                self.reserve(&mut reserved, step)?;
            }
            reserved.left -= bytes;
        }
        if self.evicted.is_cancelled() {
            return Err(self.too_big(reserved.total));
        }
        drop(reserved);
        if self.outputs[at.flat(&self.shape)].set(output).is_ok() {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Receiver for Collecting {
    fn wants(&self, _at: NavigationIndex) -> bool {
        true
    }

    fn receive(
        &self,
        at: NavigationIndex,
        output: &Result<Output, ComputeError>,
    ) -> ControlFlow<()> {
        let kept = match output {
            Ok(output) => self.keep(at, output),
            Err(error) => Err(error.clone()),
        };
        match kept {
            Ok(()) => ControlFlow::Continue(()),
            // The pass says why.
            Err(error) if error.is_cancelled() => ControlFlow::Break(()),
            Err(error) => {
                lock(&self.failed).get_or_insert(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Engine {
    /// Whether the outputs of a node are all in memory.
    pub fn is_materialised(&self, graph: &Graph, node: u32) -> bool {
        (graph.node(node)).is_some_and(|node| self.inner.materialised.has(node))
    }

    /// Computes every output of a node with frames or peaks and keeps them, counted in the memory budget,
    /// until the node changes or memory is short. `done` counts scan positions.
    ///
    /// # Errors
    /// [`ComputeError`] when the budget has no room for it, when a frame fails, or `cancelled`.
    pub fn materialise(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        cancel: &CancelToken,
        done: Arc<AtomicUsize>,
    ) -> Result<(), ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        if self.inner.materialised.has(node) {
            done.store(node.meta.axes.positions(), Ordering::Relaxed);
            return Ok(());
        }
        let positions = node.meta.axes.positions();
        if let Some(materialised) = self.inner.materialised_of_the_same(graph, node)
            && self.inner.share_materialised(node, materialised)
        {
            done.store(positions, Ordering::Relaxed);
            return Ok(());
        }
        let per_position = match node.meta.kind {
            SignalKind::Frame => node.meta.axes.frame_len() * node.meta.element.size_bytes(),
            _ => 0,
        };
        let collecting = Arc::new(Collecting {
            inner: self.inner.clone(),
            node: node.clone(),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            shape: node.meta.axes.navigation_shape(),
            outputs: (0..positions).map(|_| OnceLock::new()).collect(),
            done,
            reserved: Mutex::default(),
            evicted: CancelToken::new(),
            failed: Mutex::new(None),
        });
        {
            let mut reserved = lock(&collecting.reserved);
            let bytes = positions.saturating_mul(per_position + SLOT_BYTES);
            collecting.reserve(&mut reserved, bytes)?;
            reserved.left = 0;
        }
        let delivered = self.deliver(graph, node.id, cancel, collecting.clone());
        if let Some(error) = lock(&collecting.failed).take() {
            return Err(error);
        }
        delivered?;
        self.inner.keep_materialised(node, &collecting)
    }
}

impl Inner {
    fn keep_materialised(
        &self,
        node: &Arc<Node>,
        collecting: &Collecting,
    ) -> Result<(), ComputeError> {
        let outputs = (collecting.outputs.iter())
            .map(|slot| {
                slot.get()
                    .cloned()
                    .map_or_else(OnceLock::new, OnceLock::from)
            })
            .collect();
        let counted = std::mem::take(&mut lock(&collecting.reserved).counted);
        let materialised = MaterialisedSignal {
            revision: node.revision,
            data: Arc::new(Data {
                number: collecting.number,
                shape: collecting.shape.clone(),
                outputs,
                counted,
            }),
        };
        if !node.ended.is_set() {
            lock(&self.materialised.0).insert(node.id, materialised);
        }
        if collecting.evicted.is_cancelled() {
            self.evict_materialised(collecting.number);
            let total = lock(&collecting.reserved).total;
            return Err(collecting.too_big(total));
        }
        Ok(())
    }

    /// What is in memory of a node with the same recipe is that of `node` too; `false` when memory was short in between.
    pub fn share_materialised(&self, node: &Arc<Node>, materialised: MaterialisedSignal) -> bool {
        if node.ended.is_set() {
            return false;
        }
        let materialised = MaterialisedSignal {
            revision: node.revision,
            data: materialised.data,
        };
        let before = lock(&self.materialised.0).insert(node.id, materialised.clone());
        drop(before);
        let stays = materialised.is_counted();
        if !stays {
            self.evict_materialised(materialised.number());
        }
        stays
    }

    /// Memory was short: nobody has these outputs any more.
    pub fn evict_materialised(&self, number: u64) {
        let mut dropped = Vec::new();
        lock(&self.materialised.0).retain(|node, materialised| {
            let stays = materialised.number() != number;
            if !stays {
                dropped.push((*node, materialised.clone()));
            }
            stays
        });
        self.estates.drop_evicted(number);
        for (node, _) in dropped {
            self.notify(EngineEvent::Evicted { node });
        }
    }
}
