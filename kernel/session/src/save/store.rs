//! From the threads of a pass into the file.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use protocol::{Event, NoticeLevel, WireError};
use signal::{NavigationIndex, Output, SignalKind};
use tree::{ComputeError, Graph, Node, Receiver};

use super::{Job, io_error, meta};
use crate::{convert, lock};

/// Writes what a pass computes. Compression runs on the threads of the pass.
struct Store {
    /// Taken out when the pass is over.
    writer: RwLock<Option<io::ResultWriter>>,
    shape: Vec<usize>,
    /// One bit for each position that is not to be computed: it was there, belongs to another share, or somebody has
    /// it. A pass may begin a piece twice.
    taken: Vec<AtomicU64>,
    /// Positions of a map that failed.
    holes: AtomicUsize,
    first_hole: Mutex<Option<ComputeError>>,
    failed: Mutex<Option<WireError>>,
    /// The last field: while there is a job, its file may be open.
    job: Arc<Job>,
}

impl Store {
    fn bit(&self, at: NavigationIndex) -> (&AtomicU64, u64) {
        let flat = at.flat(&self.shape);
        (&self.taken[flat / 64], 1 << (flat % 64))
    }

    fn store(&self, at: NavigationIndex, output: &Output) -> Result<(), WireError> {
        let writer = self.writer.read().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = &*writer else {
            return Err(convert::cancelled());
        };
        writer
            .write(at, output)
            .map_err(|error| io_error(&self.job, &error))?;
        self.job.writing.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A frame that fails ends the save: a hole would look like counts. A position of a map becomes NaN.
    fn failed(&self, at: NavigationIndex, error: &ComputeError) -> Result<(), WireError> {
        let meta = &self.job.node.meta;
        let wire = convert::compute_error(error);
        if wire.code == "cancelled" {
            return Err(wire);
        }
        if meta.kind != SignalKind::Map {
            return Err(not_saved(&self.job.node, wire));
        }
        self.holes.fetch_add(1, Ordering::Relaxed);
        lock(&self.first_hole).get_or_insert_with(|| error.clone());
        let nothing: Arc<[f32]> = vec![f32::NAN; meta.components.len()].into();
        self.store(at, &Output::Values(nothing))
    }
}

fn not_saved(node: &Node, mut wire: WireError) -> WireError {
    wire.message = format!("`{}` was not saved; {}", node.name, wire.message);
    wire
}

impl Receiver for Store {
    fn wants(&self, at: NavigationIndex) -> bool {
        let (word, bit) = self.bit(at);
        word.load(Ordering::Relaxed) & bit == 0
    }

    fn receive(
        &self,
        at: NavigationIndex,
        output: &Result<Output, ComputeError>,
    ) -> ControlFlow<()> {
        if self.job.writing.cancel.is_cancelled() {
            return ControlFlow::Break(());
        }
        let (word, bit) = self.bit(at);
        if word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            return ControlFlow::Continue(());
        }
        let stored = match output {
            Ok(output) => self.store(at, output),
            Err(error) => self.failed(at, error),
        };
        match stored {
            Ok(()) => ControlFlow::Continue(()),
            // The pass says why.
            Err(error) if error.code == "cancelled" => ControlFlow::Break(()),
            Err(error) => {
                lock(&self.failed).get_or_insert(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Computes what the writer does not have, and gives the writer back.
pub(super) fn stream(
    job: &Arc<Job>,
    writer: io::ResultWriter,
) -> Result<io::ResultWriter, WireError> {
    let shape = job.node.meta.axes.navigation_shape();
    let taken = taken(&writer, &shape);
    let store = Arc::new(Store {
        job: job.clone(),
        writer: RwLock::new(Some(writer)),
        shape,
        taken,
        holes: AtomicUsize::new(0),
        first_hole: Mutex::new(None),
        failed: Mutex::new(None),
    });
    let pass = &job.writing.pass;
    let delivered = (job.session.engine).deliver(&job.graph, job.node.id, pass, store.clone());
    let writer = (store.writer.write())
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(error) = lock(&store.failed).take() {
        leave(writer, job);
        return Err(error);
    }
    if let Err(error) = delivered {
        leave(writer, job);
        return Err(convert::compute_error(&error));
    }
    if let Some(first) = lock(&store.first_hole).take() {
        note_holes(job, store.holes.load(Ordering::Relaxed), &first.to_string());
    }
    writer.ok_or_else(convert::cancelled)
}

/// What can be resumed stays, unless there is nothing in it yet.
pub(super) fn leave(writer: Option<io::ResultWriter>, job: &Job) {
    let Some(writer) = writer else { return };
    let kept = job.kept();
    match kept {
        Some(0) => writer.discard(),
        _ => drop(writer),
    }
}

/// All scan positions but those of the blocks that this process has to compute.
fn taken(writer: &io::ResultWriter, shape: &[usize]) -> Vec<AtomicU64> {
    let positions: usize = shape.iter().product();
    let mut taken = vec![u64::MAX; positions.div_ceil(64)];
    for block in writer.wanted() {
        let ranges = &writer.blocks()[block].positions;
        let sizes: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        for flat in 0..sizes.iter().product() {
            let inside = NavigationIndex::from_flat(flat, &sizes);
            let index: Vec<usize> = (inside.as_slice().iter().zip(ranges))
                .map(|(index, range)| range.start + index)
                .collect();
            let flat = NavigationIndex::new(&index).flat(shape);
            taken[flat / 64] &= !(1 << (flat % 64));
        }
    }
    taken.into_iter().map(AtomicU64::new).collect()
}

pub(super) fn note_holes(job: &Job, holes: usize, first: &str) {
    lock(&job.writing.found).push(meta::holes(holes, first));
    job.session.events.send(&Event::Notice {
        level: NoticeLevel::Warning,
        message: match holes {
            1 => format!("1 position has no value: {first}"),
            _ => format!("{holes} positions have no value; the first: {first}"),
        },
        hint: "they are NaN in the file".into(),
        node: Some(job.node.id),
    });
}

/// Computes the map (or takes it as it is) and writes its images.
pub(super) fn write_map(
    job: &Arc<Job>,
    graph: &Arc<Graph>,
    writer: &io::ResultWriter,
) -> Result<(), WireError> {
    let map = (job.session.engine)
        .finish_map(graph, job.node.id, &mut |progress| {
            job.writing.done.store(progress.done, Ordering::Relaxed);
            super::flow(job.writing.cancel.is_cancelled())
        })
        .map_err(|error| convert::compute_error(&error))?;
    let progress = map.progress();
    if progress.failures > 0 {
        let first = progress
            .error
            .map_or_else(String::new, |error| error.to_string());
        note_holes(job, progress.failures, &first);
    }
    writer
        .write_map(&map.all())
        .map_err(|error| io_error(job, &error))
}
