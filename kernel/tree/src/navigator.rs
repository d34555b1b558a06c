//! The navigation image of a file: the mean of each frame, coarse at once, exact in the background.

mod planes;
mod scans;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal::{CancelToken, Frame, NavigationIndex, Output, sums};

use crate::cache::Reservation;
use crate::compute::{Inner, UnitScope, guarded};
use crate::pass::{Consumer, PieceSink, Subscriber};
use crate::scan::Pieces;
use crate::scheduler::{Priority, work_for_a_pass};
use crate::{Cause, ComputeError, Engine, EngineEvent, Graph, Node, Origin, lock};

pub(crate) use planes::Navigators;
pub use scans::NavigationImage;

/// Frames read for the coarse pictures, one level after the other.
const COARSE_READS: [usize; 3] = [64, 256, 1024];
/// No finer coarse level is begun after this time; the exact pass follows anyway.
const COARSE_TIME: Duration = Duration::from_millis(300);
/// An exact image that is ready after this time needs no coarse one before.
const QUICK: Duration = Duration::from_millis(150);
/// Nor does one that is ready before so many times the coarse one: a scan of a few large chunks.
const WORTHWHILE: u32 = 4;
/// Shortest time between two events.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(200);

struct Painting {
    /// C order over the two fastest navigation axes; NaN where nothing is known.
    values: Vec<f32>,
    /// 0: nothing is painted yet.
    stride: usize,
    done: usize,
    last_notified: Instant,
    error: Option<ComputeError>,
}

/// The navigation image of a file, from which every node below has its own. Of a scan with more than two
/// navigation axes it is one plane, at a position of the slower ones.
pub(crate) struct Navigator {
    file: u32,
    rows: usize,
    columns: usize,
    /// The position of the slower axes.
    outer: Vec<usize>,
    painting: Mutex<Painting>,
    changed: Condvar,
    cancel: CancelToken,
    _reserved: Reservation,
}

/// The navigation image as far as it is computed.
#[derive(Clone, Debug)]
pub struct NavigatorPicture {
    pub rows: usize,
    pub columns: usize,
    /// The position of the axes before the last two.
    pub outer: Vec<usize>,
    /// C order; NaN where nothing is known.
    pub values: Vec<f32>,
    /// Every how many scan positions one was read; 1 once the exact image has begun to replace it.
    pub stride: usize,
    /// Share of the exact image that is computed, 0 to 1.
    pub complete: f64,
    /// Why the first unreadable frame could not be read.
    pub error: Option<ComputeError>,
}

impl Navigator {
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The picture now; waits at most `patience` for a first one.
    pub fn picture(&self, patience: Duration) -> NavigatorPicture {
        let until = Instant::now() + patience;
        let mut painting = lock(&self.painting);
        while painting.stride == 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            painting = self
                .changed
                .wait_timeout(painting, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        NavigatorPicture {
            rows: self.rows,
            columns: self.columns,
            outer: self.outer.clone(),
            values: painting.values.clone(),
            stride: painting.stride.max(1),
            complete: painting.done as f64 / (self.rows * self.columns).max(1) as f64,
            error: painting.error.clone(),
        }
    }

    fn at(&self, row: usize, column: usize, rank: usize) -> NavigationIndex {
        let mut index = self.outer.clone();
        index.extend([row, column].into_iter().skip(2_usize.saturating_sub(rank)));
        NavigationIndex::new(&index)
    }

    fn is_finished(&self) -> bool {
        lock(&self.painting).done >= self.rows * self.columns
    }

    /// Pixel of a scan position; `None` outside the part that is shown.
    fn pixel(&self, at: NavigationIndex) -> Option<usize> {
        let index = at.as_slice();
        let (outer, inner) = index.split_at(self.outer.len().min(index.len()));
        (outer == self.outer).then(|| {
            NavigationIndex::new(inner).flat(&[self.rows, self.columns][2 - inner.len()..])
        })
    }
}

impl Engine {
    /// The image of the file of `root` at a position of its slower axes; the first call starts computing it in the background.
    fn navigator_of_file(
        &self,
        graph: &Arc<Graph>,
        root: &Arc<Node>,
        outer: Vec<usize>,
    ) -> Result<Arc<Navigator>, ComputeError> {
        let shape = root.meta.axes.navigation_shape();
        let mut navigators = lock(&self.inner.navigators);
        if let Some(navigator) = navigators.get(root.file.number, &outer) {
            return Ok(navigator);
        }
        let (rows, columns) = match shape.as_slice() {
            [] => (1, 1),
            [columns] => (1, *columns),
            [.., rows, columns] => (*rows, *columns),
        };
        let bytes = rows * columns * size_of::<f32>();
        let reserved = self.inner.cache.reserve(bytes).ok_or_else(|| {
            let cause = Cause::Memory {
                what: "the navigation image".into(),
                need_bytes: bytes,
                budget_bytes: self.memory().budget_bytes,
            };
            ComputeError::new(root, None, cause)
        })?;
        let navigator = Arc::new(Navigator {
            file: root.file.number,
            rows,
            columns,
            outer,
            painting: Mutex::new(Painting {
                values: vec![f32::NAN; rows * columns],
                stride: 0,
                done: 0,
                last_notified: Instant::now(),
                error: None,
            }),
            changed: Condvar::new(),
            cancel: CancelToken::new(),
            _reserved: reserved,
        });
        if root.file.ended.is_set() {
            navigator.cancel();
            return Ok(navigator);
        }
        navigators.add(navigator.clone());
        drop(navigators);
        let graph = Arc::new(graph.above(&[root.id]));
        let (inner, root) = (self.inner.clone(), root.clone());
        let painter = navigator.clone();
        let started = std::thread::Builder::new()
            .name(format!("navigator-{}", root.id))
            .spawn(move || {
                if let Err(text) = guarded(|| inner.paint(&graph, &root, &painter)) {
                    tracing::error!("the navigation image of `{}` failed: {text}", root.name);
                }
            });
        if let Err(error) = started {
            tracing::error!("a navigation image could not be started: {error}");
        }
        Ok(navigator)
    }
}

impl Inner {
    fn paint(self: &Arc<Self>, graph: &Arc<Graph>, root: &Arc<Node>, navigator: &Arc<Navigator>) {
        work_for_a_pass();
        self.paint_coarse(graph, root, navigator);
        if let Err(error) = self.paint_exact(graph, root, navigator)
            && !error.is_cancelled()
        {
            lock(&navigator.painting).error.get_or_insert(error);
        }
        self.notify_navigator(navigator);
    }

    fn notify_navigator(&self, navigator: &Navigator) {
        navigator.changed.notify_all();
        let done = lock(&navigator.painting).done;
        self.notify(EngineEvent::Navigator {
            file: navigator.file,
            complete: done as f64 / (navigator.rows * navigator.columns).max(1) as f64,
        });
    }

    /// Strided pictures, each finer than the one before, as long as reading is quick.
    fn paint_coarse(&self, graph: &Graph, root: &Arc<Node>, navigator: &Navigator) {
        let started = Instant::now();
        let _scope = UnitScope;
        let (rows, columns) = (navigator.rows, navigator.columns);
        let mut last_stride = usize::MAX;
        let mut read_time = ReadTime::new(root, self.threads);
        for reads in COARSE_READS {
            let stride = ((rows * columns) as f64 / reads as f64)
                .sqrt()
                .ceil()
                .max(1.0) as usize;
            if stride >= last_stride || started.elapsed() > COARSE_TIME {
                continue;
            }
            last_stride = stride;
            let mut left_reads = rows.div_ceil(stride) * columns.div_ceil(stride);
            for top in (0..rows).step_by(stride) {
                for left in (0..columns).step_by(stride) {
                    if navigator.cancel.is_cancelled() || self.ended.is_cancelled() {
                        return;
                    }
                    if read_time.exact_is_better(left_reads) {
                        return;
                    }
                    left_reads -= 1;
                    let middle = |start: usize, size: usize| (start + stride / 2).min(size - 1);
                    let rank = root.meta.axes.navigation.len();
                    let at = navigator.at(middle(top, rows), middle(left, columns), rank);
                    let began = Instant::now();
                    let value = self.mean_at(graph, root, at, Priority::Batch, navigator);
                    read_time.read(began.elapsed());
                    let mut painting = lock(&navigator.painting);
                    for row in top..(top + stride).min(rows) {
                        let line = row * columns;
                        painting.values[line + left..line + (left + stride).min(columns)]
                            .fill(value);
                    }
                }
            }
            lock(&navigator.painting).stride = stride;
            self.notify_navigator(navigator);
        }
    }

    /// Every scan position, together with whatever else is computed from the same source.
    fn paint_exact(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        root: &Arc<Node>,
        navigator: &Arc<Navigator>,
    ) -> Result<(), ComputeError> {
        let exact = Exact {
            inner: self.clone(),
            root: root.clone(),
            navigator: navigator.clone(),
            pieces: self.pieces_of(graph, root)?,
        };
        self.run_pass(vec![Subscriber::new(
            graph.clone(),
            root.clone(),
            Priority::Background,
            navigator.cancel.clone(),
            Arc::new(exact),
        )])
    }

    /// Mean of the valid pixels of a frame.
    fn mean(&self, root: &Node, frame: &Frame) -> f32 {
        let total = sums::total(frame);
        let invalid = frame.len() - total.valid;
        if root.meta.element.is_float() && root.file.found.invalid_pixels(invalid) {
            self.notify(EngineEvent::Caveats { source: root.id });
        }
        total.mean() as f32
    }

    /// Mean of one frame; NaN (and the first reason kept) when it cannot be read.
    fn mean_at(
        &self,
        graph: &Graph,
        root: &Arc<Node>,
        at: NavigationIndex,
        priority: Priority,
        navigator: &Navigator,
    ) -> f32 {
        let cancel = &navigator.cancel;
        let output = self.output(graph, root, at, priority, cancel);
        match output.and_then(|output| self.in_use(graph, root, output, priority, cancel)) {
            Ok(Output::Frame(frame)) => self.mean(root, &frame),
            Ok(_) => f32::NAN,
            Err(error) => {
                if !error.is_cancelled() {
                    lock(&navigator.painting).error.get_or_insert(error);
                }
                f32::NAN
            }
        }
    }
}

/// How long frames at scattered positions take, and from that the exact image.
struct ReadTime {
    reads: u32,
    took: Duration,
    /// Reads of the exact pass that take as long as these, on one thread.
    exact_reads: f64,
}

impl ReadTime {
    fn new(root: &Node, threads: usize) -> Self {
        let exact_reads = match &root.origin {
            Origin::Source(source) => match guarded(|| (source.access().mapped, source.chunks())) {
                Ok((false, chunks)) => chunks as f64,
                _ => root.meta.axes.positions() as f64,
            },
            Origin::Operation(_) => root.meta.axes.positions() as f64,
        };
        ReadTime {
            reads: 0,
            took: Duration::ZERO,
            exact_reads: exact_reads / threads as f64,
        }
    }

    fn read(&mut self, took: Duration) {
        self.reads += 1;
        self.took += took;
    }

    /// Whether `left` more coarse reads would only delay the exact image.
    fn exact_is_better(&self, left: usize) -> bool {
        if self.reads < 2 {
            return false;
        }
        let one = self.took / self.reads;
        let exact = one.mul_f64(self.exact_reads);
        exact < QUICK || exact < one * (left as u32).saturating_mul(WORTHWHILE)
    }
}

/// The exact image as it is filled by a pass over the source.
struct Exact {
    inner: Arc<Inner>,
    root: Arc<Node>,
    navigator: Arc<Navigator>,
    pieces: Pieces,
}

impl Consumer for Exact {
    fn wants(&self, piece: usize) -> bool {
        // Of a scan with more than two axes most pieces are not shown.
        self.navigator.outer.is_empty()
            || (self.pieces.positions(piece).into_iter())
                .any(|at| self.navigator.pixel(at).is_some())
    }

    fn begin(
        &self,
        _piece: usize,
        positions: &[NavigationIndex],
    ) -> Option<Box<dyn PieceSink + '_>> {
        Some(Box::new(ExactPiece {
            of: self,
            means: Vec::with_capacity(positions.len()),
            error: None,
        }))
    }
}

struct ExactPiece<'a> {
    of: &'a Exact,
    means: Vec<(usize, f32)>,
    error: Option<ComputeError>,
}

impl PieceSink for ExactPiece<'_> {
    fn push(&mut self, at: NavigationIndex, output: &Result<Output, ComputeError>) {
        let Some(pixel) = self.of.navigator.pixel(at) else {
            return;
        };
        let value = match output {
            Ok(Output::Frame(frame)) => self.of.inner.mean(&self.of.root, frame),
            Ok(_) => f32::NAN,
            Err(error) => {
                self.error.get_or_insert(error.clone());
                f32::NAN
            }
        };
        self.means.push((pixel, value));
    }

    fn finish(self: Box<Self>) {
        let navigator = &self.of.navigator;
        let mut painting = lock(&navigator.painting);
        painting.done += self.means.len();
        for (pixel, mean) in &self.means {
            painting.values[*pixel] = *mean;
        }
        if painting.done == navigator.rows * navigator.columns {
            painting.stride = 1;
        }
        if let Some(error) = self.error {
            painting.error.get_or_insert(error);
        }
        let due = painting.last_notified.elapsed() >= NOTIFY_INTERVAL;
        if due {
            painting.last_notified = Instant::now();
        }
        drop(painting);
        if due {
            self.of.inner.notify_navigator(navigator);
        }
    }
}
