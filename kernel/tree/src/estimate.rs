//! Images of virtual detectors before the scan has been gone through: from a [`DetectorCube`] that fills in the
//! background, coarse at once.

use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use signal::{CancelToken, Detector, NavigationIndex, Output, SignalKind, SignalMeta};

use crate::cache::Evictable;
use crate::compute::{Inner, guarded};
use crate::detector_cube::{Binned, CubeShape, DetectorCube, bin};
use crate::pass::{Consumer, PieceSink};
use crate::scheduler::{Priority, Scheduler};
use crate::{ComputeError, Engine, Graph, Node, lock};

mod fill;
mod picture;

use picture::{fill_holes, spread};

/// What a first picture needs.
const FIRST_PATTERNS: usize = 48;
/// Longest wait for a picture of which nothing is known.
const FIRST_TIME: Duration = Duration::from_secs(3);
/// Cubes kept at the same time.
const MAX_CUBES: usize = 3;

/// A map of a virtual detector as far as it can be told from coarse bins.
#[derive(Clone, Debug)]
pub struct Estimate {
    pub rows: usize,
    pub columns: usize,
    /// One image per component, C order over the two fastest navigation axes; a reference is not subtracted.
    pub images: Vec<Vec<f32>>,
    /// Share of the scan positions that were looked at; the others show what their neighbours have.
    pub complete: f64,
}

/// The cube of one frame node, and how far it is.
pub(crate) struct Filling {
    node: u32,
    revision: u32,
    /// Position on the slower navigation axes.
    outer: Vec<usize>,
    cube: DetectorCube,
    progress: Mutex<Progress>,
    changed: Condvar,
    cancel: CancelToken,
    memory: OnceLock<Evictable>,
}

#[derive(Default)]
struct Progress {
    done: usize,
    ended: bool,
    error: Option<ComputeError>,
}

/// Cubes in use, the one asked for last at the end.
#[derive(Default)]
pub(crate) struct Cubes(Mutex<Vec<Arc<Filling>>>);

impl Cubes {
    /// Ends and drops those that are not wanted.
    fn retain(&self, wanted: impl Fn(&Filling) -> bool) {
        let mut gone = Vec::new();
        lock(&self.0).retain(|filling| {
            let stays = wanted(filling);
            if !stays {
                gone.push(filling.clone());
            }
            stays
        });
        // Outside the lock: with a cube its bytes are given back to the budget.
        gone.iter().for_each(|filling| filling.end());
    }

    pub fn forget(&self, nodes: &[u32]) {
        self.retain(|filling| !nodes.contains(&filling.node));
    }

    pub fn forget_older(&self, nodes: &[(u32, u32)]) {
        self.retain(|filling| {
            (nodes.iter())
                .all(|(node, revision)| filling.node != *node || filling.revision >= *revision)
        });
    }

    /// Ends and drops the unfinished ones of a node.
    fn rest(&self, node: u32) {
        self.retain(|filling| filling.node != node || lock(&filling.progress).ended);
    }

    pub fn clear(&self) {
        self.retain(|_| false);
    }
}

impl Engine {
    /// Nobody looks at a detector below this frame node any more: a cube that is being filled is given up.
    pub fn pause_estimates(&self, node: u32) {
        self.inner.cubes.rest(node);
    }
}

impl Filling {
    fn end(&self) {
        self.cancel.cancel();
        self.changed.notify_all();
    }

    fn add(&self, patterns: &[(usize, Binned)]) {
        let added = self.cube.add(patterns);
        lock(&self.progress).done += added;
        self.changed.notify_all();
    }

    fn complete(&self) -> f64 {
        lock(&self.progress).done as f64 / self.cube.shape.positions().max(1) as f64
    }

    /// The kept position at a scan position; `None` when the cube leaves it out.
    fn kept(&self, at: NavigationIndex) -> Option<usize> {
        let index = at.as_slice();
        let (outer, inner) = index.split_at(self.outer.len().min(index.len()));
        let place = match inner {
            [] => [0, 0],
            [column] => [0, *column],
            [row, column, ..] => [*row, *column],
        };
        (outer == self.outer).then(|| self.cube.shape.kept_at(place))?
    }

    /// The scan position of a kept one.
    fn at(&self, kept: usize, rank: usize) -> NavigationIndex {
        let [row, column] = self.cube.shape.place(kept);
        let mut index = self.outer.clone();
        match rank - index.len() {
            0 => {}
            1 => index.push(column),
            _ => index.extend([row, column]),
        }
        NavigationIndex::new(&index)
    }

    /// Waits until a first picture can be drawn.
    fn wait(&self, scheduler: &Scheduler, patience: Duration) {
        let _waiting = scheduler.waiting(Priority::Interactive);
        let (begun, positions) = (Instant::now(), self.cube.shape.positions());
        let mut progress = lock(&self.progress);
        while !progress.ended && progress.done < FIRST_PATTERNS.min(positions) {
            let longest = if progress.done == 0 {
                FIRST_TIME.max(patience)
            } else {
                patience
            };
            let left = longest.saturating_sub(begun.elapsed());
            if left.is_zero() || self.cancel.is_cancelled() {
                return;
            }
            progress = (self.changed)
                .wait_timeout(progress, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Bins of one piece, until it is finished.
struct Piece<'a> {
    filling: &'a Filling,
    patterns: Vec<(usize, Binned)>,
}

impl PieceSink for Piece<'_> {
    fn push(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>) {
        let Some(kept) = self.filling.kept(at) else {
            return;
        };
        if let Ok(Output::Frame(frame)) = output
            && !self.filling.cube.has(kept)
        {
            let binned = bin(frame, &self.filling.cube.shape);
            self.patterns.push((kept, binned));
        }
    }

    fn finish(self: Box<Self>) {
        self.filling.add(&self.patterns);
    }
}

impl Consumer for Filling {
    fn begin(
        &self,
        _piece: usize,
        positions: &[NavigationIndex],
    ) -> Option<Box<dyn PieceSink + '_>> {
        let missing =
            |at: &NavigationIndex| self.kept(*at).is_some_and(|kept| !self.cube.has(kept));
        let wanted = !self.cancel.is_cancelled() && positions.iter().any(missing);
        wanted.then(|| {
            Box::new(Piece {
                filling: self,
                patterns: Vec::with_capacity(positions.len()),
            }) as Box<dyn PieceSink>
        })
    }
}

impl Engine {
    /// The images of a map at once, when it is a virtual detector: from what is known of its parent's frames in
    /// coarse bins, which the first call begins to gather. `at` says the position on the slower navigation axes.
    /// Waits at most about `patience` for a first picture; `None` when the node is something else, or the memory
    /// budget has no room.
    ///
    /// # Errors
    /// [`ComputeError`] when no frame can be computed.
    pub fn estimate(
        &self,
        graph: &Arc<Graph>,
        node: u32,
        at: NavigationIndex,
        patience: Duration,
    ) -> Result<Option<Estimate>, ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let Some((parent, detector)) = detector_of(graph, node) else {
            return Ok(None);
        };
        let Some(filling) = self.inner.cube(graph, parent, at) else {
            return Ok(None);
        };
        filling.wait(&self.inner.scheduler, patience);
        {
            let progress = lock(&filling.progress);
            if progress.done == 0
                && let Some(error) = &progress.error
            {
                return Err(error.clone());
            }
        }
        let _first = self.interactive();
        let complete = filling.complete();
        let shape = &filling.cube.shape;
        let (images, known) = filling.cube.images(&detector);
        let images = (images.into_iter())
            .map(|image| {
                let filled = fill_holes(image, &known, shape.kept());
                spread(filled, shape)
            })
            .collect();
        Ok(Some(Estimate {
            rows: shape.scan[0],
            columns: shape.scan[1],
            images,
            complete: complete / (shape.step * shape.step) as f64,
        }))
    }
}

/// The frame node a virtual detector looks at.
fn detector_of<'a>(graph: &'a Graph, node: &Node) -> Option<(&'a Arc<Node>, Detector)> {
    if node.meta.kind != SignalKind::Map || node.fault.is_some() {
        return None;
    }
    let metas = graph.parent_metas(node)?;
    let metas: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
    let computation = node.computation()?;
    let detector = guarded(|| computation.detector(&metas)).ok()??;
    let parent = graph.node(*node.parents.first()?)?;
    let rank = parent.meta.axes.signal.len();
    let fits = parent.meta.kind == SignalKind::Frame && (1..=2).contains(&rank);
    fits.then_some((parent, detector))
}

impl Inner {
    /// The cube of a frame node; the first call begins to fill it.
    fn cube(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        at: NavigationIndex,
    ) -> Option<Arc<Filling>> {
        let axes = &node.meta.axes;
        let outer = axes.navigation.len().saturating_sub(2);
        let outer = at.as_slice().get(..outer)?.to_vec();
        let element = match graph.stored_in(node) {
            Some((root, source)) => {
                let never = CancelToken::new();
                match self
                    .dead_pixels(root, source, Priority::Interactive, &never)
                    .ok()?
                {
                    Some(_) => node.meta.element.as_float(),
                    None => node.meta.element,
                }
            }
            _ => node.meta.element,
        };
        let mut cubes = lock(&self.cubes.0);
        let found = cubes.iter().position(|filling| {
            (filling.node, filling.revision) == (node.id, node.revision) && filling.outer == outer
        });
        if let Some(found) = found {
            let filling = cubes.remove(found);
            cubes.push(filling.clone());
            drop(cubes);
            if let Some(memory) = filling.memory.get() {
                memory.touch();
            }
            return Some(filling);
        }
        let scan = match axes.navigation_shape().as_slice() {
            [] => [1, 1],
            [columns] => [1, *columns],
            [.., rows, columns] => [*rows, *columns],
        };
        let frame = match axes.signal_shape().as_slice() {
            [rows, columns] => [*rows, *columns],
            [channels] => [1, *channels],
            _ => return None,
        };
        if node.ended.is_set() {
            return None;
        }
        let budget = self.cache.memory().budget_bytes;
        let shape = CubeShape::fitting(scan, frame, element, budget)?;
        let filling = Arc::new(Filling {
            node: node.id,
            revision: node.revision,
            outer,
            cube: DetectorCube::new(shape),
            progress: Mutex::default(),
            changed: Condvar::new(),
            cancel: CancelToken::new(),
            memory: OnceLock::new(),
        });
        cubes.push(filling.clone());
        let oldest = (cubes.len() > MAX_CUBES).then(|| cubes.remove(0));
        drop(cubes);
        if let Some(oldest) = oldest {
            oldest.end();
        }
        let memory = {
            let (inner, cube) = (Arc::downgrade(self), Arc::downgrade(&filling));
            let on_evict = Arc::new(move || evicted(&inner, &cube));
            (self.cache).reserve_evictable(node.id, shape.bytes(), Priority::Interactive, on_evict)
        };
        let Some(memory) = memory else {
            self.cubes.retain(|other| !std::ptr::eq(other, &*filling));
            return None;
        };
        let _ = filling.memory.set(memory);
        let graph = Arc::new(graph.above(&[node.id]));
        let (inner, node, thread) = (self.clone(), node.clone(), filling.clone());
        let started = std::thread::Builder::new()
            .name(format!("cube-{}", node.id))
            .spawn(move || inner.fill_cube(&graph, &node, &thread));
        if let Err(error) = started {
            tracing::error!("a detector cube could not be started: {error}");
            lock(&filling.progress).ended = true;
        }
        Some(filling)
    }
}

fn evicted(inner: &Weak<Inner>, filling: &Weak<Filling>) {
    if let (Some(inner), Some(filling)) = (inner.upgrade(), filling.upgrade()) {
        inner.cubes.retain(|other| !std::ptr::eq(other, &*filling));
    }
}
