//! From (node, scan position) to an output, through the node's ancestors.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use signal::{
    CancelToken, Chunk, ChunkId, Computation, Inputs, NavigationIndex, OperationError, Output,
    Prepared, SignalKind, Source, SourceError,
};

use crate::cache::{Cache, Cached, Key, Memory, Reservation};
use crate::estimate::Cubes;
use crate::inherit::Estates;
use crate::map::{MapRun, is_referred};
use crate::materialised::MaterialisedSignals;
use crate::navigator::Navigators;
use crate::pass::Pass;
use crate::prefetch::PrefetchQueue;
use crate::preparation::{PreparationProgress, Preparations};
use crate::region_sum::Regions;
use crate::scan::Layouts;
use crate::scheduler::{InteractiveGuard, Priority, Scheduler};
use crate::{Cause, ComputeError, Graph, MapProgress, Node, Origin, Removed, ViewId, lock};

#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Bytes of cached chunks, outputs, map and navigation images together.
    pub budget_bytes: usize,
    /// Threads of whole-scan passes.
    pub threads: usize,
}

impl Default for EngineConfig {
    /// 1 GiB and one thread per core.
    fn default() -> Self {
        EngineConfig {
            budget_bytes: 1 << 30,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        }
    }
}

/// What the engine did, for tests and for the status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Chunks read from files.
    pub chunks: u64,
    /// Outputs computed by operations.
    pub outputs: u64,
}

/// Events of background work.
#[derive(Clone, Debug)]
pub enum EngineEvent {
    Map(MapProgress),
    /// The navigation image of this file became better.
    Navigator {
        file: u32,
        complete: f64,
    },
    /// The frame of a region that `view` shows became better.
    Region {
        node: u32,
        view: ViewId,
        complete: f64,
    },
    /// Estimates of the virtual detectors below this frame node became better.
    Estimate {
        node: u32,
        complete: f64,
    },
    /// What was computed to memory of this node had to go; it is computed frame by frame again.
    Evicted {
        node: u32,
    },
    /// What this node needs of other scan positions is on its way.
    Preparing(PreparationProgress),
    /// What this node needs of other scan positions is there.
    Prepared {
        node: u32,
    },
    /// Reading has shown something of this file, see [`Graph::found_caveats`].
    Caveats {
        source: u32,
    },
}

type Observer = Box<dyn Fn(EngineEvent) + Send + Sync>;

/// Computes on snapshots of the tree. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    /// Itself, for threads that outlive a call.
    pub this: Weak<Inner>,
    pub cache: Arc<Cache>,
    pub scheduler: Arc<Scheduler>,
    pub threads: usize,
    pub prefetch: Arc<PrefetchQueue>,
    pub cubes: Cubes,
    pub regions: Regions,
    pub preparations: Preparations,
    pub maps: Mutex<HashMap<u32, Arc<MapRun>>>,
    pub layouts: Layouts,
    /// Signals that were computed to memory as a whole.
    pub materialised: MaterialisedSignals,
    pub estates: Estates,
    /// By the number of the file, as the passes over it.
    pub navigators: Mutex<Navigators>,
    pub passes: Mutex<HashMap<u32, Arc<Pass>>>,
    /// Set when the engine is shut down: ends every background pass.
    pub ended: CancelToken,
    observer: Mutex<Option<Arc<Observer>>>,
    chunks_read: AtomicU64,
    outputs_computed: AtomicU64,
}

thread_local! {
    /// The chunk a batch thread used last, so that frames of one unit share it even when the cache cannot keep it.
    static LAST_CHUNK: RefCell<Option<(u32, ChunkId, Arc<Chunk>)>> = const { RefCell::new(None) };
}

/// Lets go of the batch thread's chunk at the end of a unit.
pub(crate) struct UnitScope;

impl Drop for UnitScope {
    fn drop(&mut self) {
        LAST_CHUNK.take();
    }
}

impl Engine {
    pub fn new(config: EngineConfig) -> Self {
        let scheduler = Arc::new(Scheduler::new(config.threads));
        Engine {
            inner: Arc::new_cyclic(|this| Inner {
                this: this.clone(),
                cache: Arc::new(Cache::new(config.budget_bytes, scheduler.clone())),
                scheduler,
                threads: config.threads.max(1),
                prefetch: Arc::default(),
                cubes: Cubes::default(),
                regions: Regions::default(),
                preparations: Preparations::default(),
                maps: Mutex::default(),
                layouts: Layouts::default(),
                materialised: MaterialisedSignals::default(),
                estates: Estates::default(),
                navigators: Mutex::default(),
                passes: Mutex::default(),
                ended: CancelToken::new(),
                observer: Mutex::new(None),
                chunks_read: AtomicU64::new(0),
                outputs_computed: AtomicU64::new(0),
            }),
        }
    }

    /// Calls `observer` from background threads; at most some ten times a second per pass.
    pub fn observe(&self, observer: impl Fn(EngineEvent) + Send + Sync + 'static) {
        *lock(&self.inner.observer) = Some(Arc::new(Box::new(observer)));
    }

    pub fn reads(&self) -> Reads {
        Reads {
            chunks: self.inner.chunks_read.load(Ordering::Relaxed),
            outputs: self.inner.outputs_computed.load(Ordering::Relaxed),
        }
    }

    pub fn memory(&self) -> Memory {
        self.inner.cache.memory()
    }

    /// Counts bytes that lie outside the engine and cannot be given up in the budget, while the answer lives; `None` when they do
    /// not fit beside what cannot be given up either.
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        self.inner.cache.reserve(bytes)
    }

    /// A new memory budget; a smaller one holds at once.
    pub fn set_budget(&self, bytes: usize) {
        self.inner.cache.set_budget(bytes);
    }

    /// While the guard lives, batch work yields between frames.
    pub fn interactive(&self) -> InteractiveGuard<'_> {
        self.inner.scheduler.interactive()
    }

    /// Drops what is kept of earlier revisions of nodes that changed, and ends their passes. What somebody
    /// has begun with the new parameters goes on.
    pub fn forget_older(&self, graph: &Graph, nodes: &[u32]) {
        let current: Vec<(u32, u32)> = (nodes.iter())
            .filter_map(|node| graph.node(*node))
            .map(|node| (node.id, node.revision))
            .collect();
        self.inner.prefetch.forget();
        let revisions = current
            .iter()
            .map(|(node, current)| (*node, Some(*current)));
        self.inner.materialised.forget(revisions);
        self.inner.cubes.forget_older(&current);
        let changed: Vec<u32> = current.iter().map(|(node, _)| *node).collect();
        self.inner.regions.forget(&changed);
        self.inner.cache.forget_older(&current);
        self.inner.preparations.forget_older(&current);
        let mut maps = lock(&self.inner.maps);
        for (node, revision) in &current {
            if maps.get(node).is_some_and(|run| run.revision() < *revision)
                && let Some(run) = maps.remove(node)
            {
                run.cancel();
            }
        }
    }

    /// The output if nothing needs to be computed for it; a file's frame when its chunk is decoded.
    pub fn cached_output(&self, graph: &Graph, node: u32, at: NavigationIndex) -> Option<Output> {
        let node = graph.node(node)?;
        if let Some(output) = self.inner.materialised.output(node, at) {
            return Some(output);
        }
        if node.fault.is_none()
            && node.meta.axes.contains(at)
            && let Some((input, at)) = graph.passed_on(node, at).ok()?
        {
            return self.cached_output(graph, input.id, at);
        }
        let key = match &node.origin {
            _ if node.fault.is_some() || !node.meta.axes.contains(at) => return None,
            Origin::Source(source) => Key::Chunk {
                file: node.file.number,
                chunk: guarded(|| source.chunk_at(at)).ok()?,
            },
            Origin::Operation(_) => Key::Output {
                node: node.id,
                revision: node.revision,
                at,
            },
        };
        match (
            self.inner.cache.get(&key, Priority::Interactive)?,
            &node.origin,
        ) {
            (Cached::Output(output), _) => Some(output),
            // Through the usual way: it checks that the file is still what it was.
            (Cached::Chunk(_), Origin::Source(source)) => {
                let never = CancelToken::new();
                (self.inner)
                    .read(node, source, at, Priority::Interactive, &never)
                    .ok()
            }
            (Cached::Chunk(_), Origin::Operation(_)) => None,
        }
    }

    /// Whether this thread works for a pass: then it belongs to whoever waits for that pass, not to a cell.
    pub fn on_a_pass_thread() -> bool {
        Scheduler::on_a_pass_thread()
    }

    /// Drops what is kept of nodes that were removed, or of drafts, and ends their passes. Of files too, when no
    /// node goes back to them any more.
    pub fn forget(&self, removed: &Removed) {
        // First: from here on nobody adds anything.
        removed.nodes.iter().for_each(|node| node.ended.set());
        removed.files.iter().for_each(|file| file.ended.set());
        let nodes = &*removed.ids();
        let files: Vec<u32> = removed.files.iter().map(|file| file.number).collect();
        self.inner.prefetch.forget_nodes(nodes);
        self.inner
            .materialised
            .forget(nodes.iter().map(|node| (*node, None)));
        self.inner.cubes.forget(nodes);
        self.inner.regions.forget(nodes);
        self.inner.cache.forget(nodes, &files);
        self.inner.preparations.forget(nodes);
        lock(&self.inner.passes).retain(|file, _| !files.contains(file));
        let mut maps = lock(&self.inner.maps);
        let runs: Vec<_> = nodes.iter().filter_map(|node| maps.remove(node)).collect();
        drop(maps);
        for run in runs {
            run.cancel();
        }
        lock(&self.inner.navigators).forget(&files);
    }

    /// Ends every background pass.
    pub fn shut_down(&self) {
        self.inner.ended.cancel();
        self.inner.prefetch.end();
        self.inner.estates.clear();
        self.inner.preparations.cancel_all();
        self.inner.cubes.clear();
        self.inner.regions.clear();
        *lock(&self.inner.observer) = None;
        for run in lock(&self.inner.maps).values() {
            run.cancel();
        }
        lock(&self.inner.navigators).cancel_all();
    }

    /// The output of a node at one scan position.
    ///
    /// # Errors
    /// [`ComputeError`] naming node, operation, position and cause. A panic in a source or an
    /// operation is one of them.
    pub fn output(
        &self,
        graph: &Graph,
        node: u32,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        if !node.meta.axes.contains(at) {
            let shape = node.meta.axes.navigation_shape();
            let cause = Cause::OutsideScan { shape };
            return Err(ComputeError::new(node, Some(at), cause));
        }
        self.inner.output(graph, node, at, priority, cancel)
    }
}

impl Inner {
    pub fn notify(&self, event: EngineEvent) {
        let observer = lock(&self.observer).clone();
        if let Some(observer) = observer {
            observer(event);
        }
    }

    pub fn output(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        if cancel.is_cancelled() {
            return Err(ComputeError::new(node, Some(at), Cause::Cancelled));
        }
        if let Some(fault) = &node.fault {
            let cause = Cause::NotApplicable(fault.clone());
            return Err(ComputeError::new(node, Some(at), cause));
        }
        if let Some(output) = self.materialised.output(node, at) {
            return Ok(output);
        }
        if let Some(map) = self.finished_map(node) {
            return Ok(Output::Values(map.values(at).into()));
        }
        if let Some((input, at)) = graph.passed_on(node, at)? {
            return self.output(graph, input, at, priority, cancel);
        }
        match &node.origin {
            Origin::Source(source) => self.read(node, source, at, priority, cancel),
            Origin::Operation(_) if is_referred(node) => self.referred(graph, node, at, cancel),
            // A batch pass over a map keeps the values in the map's images.
            Origin::Operation(computation)
                if node.meta.kind == SignalKind::Map && priority < Priority::Prefetch =>
            {
                self.compute(graph, node, &**computation, at, priority, cancel)
            }
            Origin::Operation(computation) => {
                let key = Key::Output {
                    node: node.id,
                    revision: node.revision,
                    at,
                };
                let cached = self.cache.get_or_make(
                    key,
                    priority,
                    cancel,
                    &|| ComputeError::new(node, Some(at), Cause::Cancelled),
                    &|| {
                        self.compute(graph, node, &**computation, at, priority, cancel)
                            .map(Cached::Output)
                    },
                )?;
                if node.ended.is_set() {
                    self.cache.forget_entry(&key);
                }
                match cached {
                    Cached::Output(output) => Ok(output),
                    Cached::Chunk(_) => Err(wrong(node, at, "an output", "a chunk")),
                }
            }
        }
    }

    /// A frame of a file: a view into its decoded chunk.
    pub fn read(
        &self,
        node: &Node,
        source: &Arc<dyn Source>,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let fail = |cause| ComputeError::new(node, Some(at), cause);
        let id = guarded(|| source.check().map(|()| source.chunk_at(at)))
            .map_err(|text| fail(Cause::Panic(text)))?
            .map_err(|error| fail(Cause::Source(error)))?;
        let chunk = match last_chunk(node.file.number, id, priority) {
            Some(chunk) => chunk,
            None => {
                // Another position of the same chunk may have failed first; the error is for this one.
                let chunk = (self.chunk(node, source, id, priority, cancel))
                    .map_err(|error| fail(*error.cause))?;
                if priority < Priority::Prefetch {
                    LAST_CHUNK.set(Some((node.file.number, id, chunk.clone())));
                }
                chunk
            }
        };
        let frame = chunk
            .frame(at)
            .map_err(|error| fail(Cause::Source(error)))?;
        Ok(stored_output(node, frame))
    }

    /// A chunk of a file, kept in memory as far as the budget has room.
    pub fn chunk(
        &self,
        node: &Node,
        source: &Arc<dyn Source>,
        id: ChunkId,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Arc<Chunk>, ComputeError> {
        let fail = |cause| ComputeError::new(node, None, cause);
        let key = Key::Chunk {
            file: node.file.number,
            chunk: id,
        };
        let cached =
            (self.cache).get_or_make(key, priority, cancel, &|| fail(Cause::Cancelled), &|| {
                self.count_chunk();
                match guarded(|| source.read_chunk(id, cancel)) {
                    Ok(Ok(chunk)) => Ok(Cached::Chunk(Arc::new(chunk))),
                    Ok(Err(SourceError::Cancelled)) => Err(fail(Cause::Cancelled)),
                    Ok(Err(error)) => Err(fail(Cause::Source(error))),
                    Err(text) => Err(fail(Cause::Panic(text))),
                }
            })?;
        if node.file.ended.is_set() {
            self.cache.forget_entry(&key);
        }
        match cached {
            Cached::Chunk(chunk) => Ok(chunk),
            Cached::Output(_) => Err(fail(Cause::WrongOutput {
                expected: "a chunk".into(),
                found: "an output".into(),
            })),
        }
    }

    pub fn count_output(&self) {
        self.outputs_computed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_chunk(&self) {
        self.chunks_read.fetch_add(1, Ordering::Relaxed);
    }

    /// The output of an operation, without looking whether somebody has it.
    pub fn compute(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        computation: &dyn Computation,
        at: NavigationIndex,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let prepared = self.prepared(graph, node, priority, cancel)?;
        let (metas, outputs) = self.inputs(graph, node, at, priority, cancel)?;
        let inputs = Inputs {
            metas: &metas,
            outputs: &outputs,
        };
        self.apply(node, computation, &inputs, at, prepared.as_deref(), cancel)
    }

    /// One operation on one frame; a panic in it becomes an error.
    pub fn apply(
        &self,
        node: &Node,
        computation: &dyn Computation,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        prepared: Option<&Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, ComputeError> {
        let fail = |cause| ComputeError::new(node, Some(at), cause);
        self.count_output();
        let computed = guarded(|| computation.compute(inputs, at, prepared, cancel))
            .map_err(|text| fail(Cause::Panic(text)))?;
        let output = computed.map_err(|error| match error {
            OperationError::Cancelled => fail(Cause::Cancelled),
            error => fail(Cause::Operation(error)),
        })?;
        check(node, at, output)
    }
}

/// What a frame of a file is to its node: the numbers of a saved map are one frame at each position.
pub(crate) fn stored_output(node: &Node, frame: signal::Frame) -> Output {
    match node.meta.kind {
        SignalKind::Map => Output::Values(frame.to_f32().into()),
        SignalKind::Frame | SignalKind::Peaks => Output::Frame(frame),
    }
}

fn last_chunk(file: u32, id: ChunkId, priority: Priority) -> Option<Arc<Chunk>> {
    if priority >= Priority::Prefetch {
        return None;
    }
    LAST_CHUNK.with_borrow(|last| match last {
        Some((of, chunk_id, chunk)) if *of == file && *chunk_id == id => Some(chunk.clone()),
        _ => None,
    })
}

/// Whether an operation gave what it had described.
fn check(node: &Node, at: NavigationIndex, output: Output) -> Result<Output, ComputeError> {
    let found = match &output {
        Output::Frame(frame) => {
            let expected = node.meta.axes.signal_shape();
            if node.meta.kind == SignalKind::Frame
                && frame.shape() == expected
                && frame.element() == node.meta.element
            {
                return Ok(output);
            }
            format!("a frame of shape {:?} {}", frame.shape(), frame.element())
        }
        Output::Peaks(_) if node.meta.kind == SignalKind::Peaks => return Ok(output),
        Output::Peaks(_) => "peaks".into(),
        Output::Values(values)
            if node.meta.kind == SignalKind::Map && values.len() == node.meta.components.len() =>
        {
            return Ok(output);
        }
        Output::Values(values) => format!("{} values", values.len()),
        Output::Model(_) => output.noun().to_owned(),
    };
    let expected = match node.meta.kind {
        SignalKind::Frame => format!(
            "a frame of shape {:?} {}",
            node.meta.axes.signal_shape(),
            node.meta.element
        ),
        SignalKind::Peaks => "peaks".into(),
        SignalKind::Map => format!("{} values", node.meta.components.len()),
    };
    Err(wrong(node, at, &expected, &found))
}

fn wrong(node: &Node, at: NavigationIndex, expected: &str, found: &str) -> ComputeError {
    let cause = Cause::WrongOutput {
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    ComputeError::new(node, Some(at), cause)
}

/// Runs code of an operation or a format; a panic becomes its message. What that code was working on
/// is dropped, so no half-made value is seen afterwards.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(&*panic))
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
