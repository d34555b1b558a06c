//! Streaming a computed signal into a file or store.
//!
//! It is written beside its target and renamed into place when it is complete: an error, a full disk, a
//! cancelled computation or a killed process leaves an old file with that name as it was. What was finished
//! before can be continued (`result_partial.rs`), also by several processes at once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal::{Frame, NavigationIndex, Output, Peaks, SignalKind, SignalMeta, SourceError};

use crate::hspy_write::HspySink;
use crate::npy_write::NpySink;
use crate::options::check_axes;
use crate::registry::{io_error, not_found};
use crate::replace;
use crate::result_blocks::{Boxes, flats};
use crate::result_options::{Part, ResultFormat, WriteOptions};
use crate::result_partial::{Manifest, Partial, Record};
use crate::result_plan::Plan;
use crate::result_threads::Compressors;
use crate::zarr3_write::ZarrSink;
use crate::zspy_write::ZspySink;

/// How one format stores what is complete. Called from several threads at once, for different chunks.
pub trait Sink: Send + Sync {
    /// Stores the frames of one chunk, of full size also at the edge (zeros there).
    fn chunk(&self, chunk: usize, bytes: &[u8]) -> Result<(), SourceError>;

    /// Stores the lists of one chunk, `None` beyond the edge.
    fn peaks(&self, chunk: usize, lists: &[Option<Arc<Peaks>>]) -> Result<(), SourceError>;

    /// All chunks of a block were stored: completes its files. With `durable` they are on the disk then.
    fn finish_block(&self, block: usize, durable: bool) -> Result<Record, SourceError>;

    /// Whether the files of a block are as they were when it was finished.
    fn holds(&self, block: usize, record: Record) -> bool;

    /// Stores a whole map: the images of its components one after the other.
    fn images(&self, images: &[f32]) -> Result<(), SourceError>;

    /// Everything was stored: completes the file.
    fn finish(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// A file that belongs beside the target, and the name it gets there.
    fn beside(&self, _target: &Path) -> Option<(PathBuf, PathBuf)> {
        None
    }
}

/// Scan positions that are finished together, see [`ResultWriter::blocks`].
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// One range per navigation axis.
    pub positions: Vec<std::ops::Range<usize>>,
    /// Whether it was complete when the writer was made.
    pub finished: bool,
}

/// Writes one signal, in any order of scan positions and from any number of threads.
///
/// Memory: the chunks that are begun and not complete; for a map all of its images.
/// Dropped before [`ResultWriter::finish`], it removes what it wrote, unless that has an identity.
pub struct ResultWriter {
    target: PathBuf,
    core: Arc<Core>,
    compressors: Option<Compressors>,
    blocks: Vec<Block>,
    part: Option<Part>,
    already: u64,
}

/// What the compressing threads share.
pub(crate) struct Core {
    plan: Plan,
    sink: Box<dyn Sink>,
    partial: Partial,
    navigation: Vec<usize>,
    begun: Mutex<HashMap<usize, Arc<Mutex<Begun>>>>,
    images: Mutex<Vec<f32>>,
    seen: Mutex<Vec<u64>>,
    /// Positions of each block that are not stored yet.
    left: Vec<AtomicUsize>,
    written: AtomicU64,
}

/// A chunk that waits for more of its positions.
#[derive(Default)]
pub(crate) struct Begun {
    bytes: Vec<u8>,
    peaks: Vec<Option<Arc<Peaks>>>,
    missing: usize,
}

impl ResultWriter {
    /// A result in the usual form, that nobody resumes; the format is told by the name.
    ///
    /// # Errors
    /// As [`ResultWriter::create_with`].
    pub fn create(path: &Path, meta: &SignalMeta) -> Result<Self, SourceError> {
        Self::create_with(path, meta, &WriteOptions::default())
    }

    /// Makes the unfinished result beside `path` with everything but pixels, or continues it.
    ///
    /// # Errors
    /// A folder that does not exist, a format that cannot hold the signal, a target that exists and is
    /// of another format, an unfinished result of something else, a disk that cannot be written.
    pub fn create_with(
        path: &Path,
        meta: &SignalMeta,
        options: &WriteOptions,
    ) -> Result<Self, SourceError> {
        let path = &std::path::absolute(path).map_err(|error| io_error(path, &error))?;
        check_folder(path)?;
        let plan = Plan::new(path, meta, options)?;
        check_target(path, plan.format)?;
        check_axes(path, &meta.axes)?;
        check_part(path, plan.format, options)?;
        if options.identity.is_empty() || !plan.format.can_resume() {
            let partial = Partial::temporary(path, replace::next_number())?;
            prepare(&plan, &partial.result())?;
            return Self::assemble(path, plan, partial, None, options.threads);
        }
        let asked = Manifest {
            version: Manifest::version(),
            identity: options.identity.clone(),
            format: plan.format,
            compression: plan.compression,
            chunk: plan.chunks.size.clone(),
            block: plan.blocks.size.clone(),
            of: options.part.map_or(1, |part| part.of),
            meta: plan.meta.clone(),
            provenance: plan.provenance.clone(),
        };
        let make = |result: &Path| prepare(&plan, result);
        let (partial, _) =
            Partial::resumable(path, &asked, options.part, options.unfinished, &make)?;
        Self::assemble(path, plan, partial, options.part, options.threads)
    }

    /// The unfinished result beside `path` with all its parts.
    fn whole(path: &Path) -> Result<Self, SourceError> {
        let (partial, manifest) = Partial::whole(path)?;
        let options = WriteOptions {
            format: Some(manifest.format),
            compression: manifest.compression,
            provenance: manifest.provenance,
            ..WriteOptions::default()
        };
        let mut plan = Plan::new(path, &manifest.meta, &options)?;
        let navigation = manifest.meta.axes.navigation_shape();
        plan.chunks = Boxes::new(&navigation, &manifest.chunk);
        plan.blocks = Boxes::new(&navigation, &manifest.block);
        Self::assemble(path, plan, partial, None, 0)
    }

    fn assemble(
        target: &Path,
        plan: Plan,
        partial: Partial,
        part: Option<Part>,
        threads: usize,
    ) -> Result<Self, SourceError> {
        let sink = open_sink(&plan, &partial.result())?;
        let positions = plan.meta.axes.positions();
        let map_values = match plan.meta.kind {
            SignalKind::Map => positions * plan.meta.components.len(),
            _ => 0,
        };
        let core = Core {
            navigation: plan.meta.axes.navigation_shape(),
            begun: Mutex::default(),
            images: Mutex::new(vec![f32::NAN; map_values]),
            seen: Mutex::new(vec![0; positions.div_ceil(64)]),
            left: (0..plan.blocks.count())
                .map(|block| AtomicUsize::new(plan.blocks.positions(block)))
                .collect(),
            written: AtomicU64::new(0),
            plan,
            sink,
            partial,
        };
        let finished = core.recall()?;
        let blocks = (0..core.plan.blocks.count())
            .map(|block| Block {
                positions: core.plan.blocks.ranges(block),
                finished: finished[block],
            })
            .collect();
        let core = Arc::new(core);
        Ok(ResultWriter {
            target: target.into(),
            already: core.written.load(Ordering::Relaxed),
            compressors: Compressors::start(threads, &core),
            core,
            blocks,
            part,
        })
    }

    /// The boxes of positions that are finished one by one, in the order of the file. A pass that goes
    /// through them loses least when it is interrupted.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Numbers of the blocks that this process has to compute.
    pub fn wanted(&self) -> Vec<usize> {
        let all = self.blocks.len();
        let own = match self.part {
            Some(part) => (part.number - 1) * all / part.of..part.number * all / part.of,
            None => 0..all,
        };
        own.filter(|block| !self.blocks[*block].finished).collect()
    }

    /// Whether a position was written, by this writer or before it.
    pub fn has(&self, at: NavigationIndex) -> bool {
        let flat = at.flat(&self.core.navigation);
        lock(&self.core.seen)
            .get(flat / 64)
            .is_some_and(|word| word & (1 << (flat % 64)) != 0)
    }

    /// Scan positions that were there when the writer was made.
    pub fn already(&self) -> u64 {
        self.already
    }

    /// Scan positions written so far, with those that were there.
    pub fn written(&self) -> u64 {
        self.core.written.load(Ordering::Relaxed)
    }

    /// Whether what is written stays when this process ends before it is finished.
    pub fn is_resumable(&self) -> bool {
        self.core.partial.is_resumable()
    }

    /// Stores what was computed at one scan position. Writing a position twice is an error.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for another kind, shape or type than announced;
    /// [`SourceError::Io`] when the disk is full or gone.
    pub fn write(&self, at: NavigationIndex, output: &Output) -> Result<(), SourceError> {
        if let Some(compressors) = &self.compressors {
            compressors.check()?;
        }
        self.check_output(at, output)?;
        self.mark(at)?;
        let complete = match output {
            Output::Frame(frame) => self.core.add_frame(at, frame),
            Output::Peaks(peaks) => self.core.add_peaks(at, peaks),
            Output::Values(values) => {
                self.core.add_values(at, values)?;
                None
            }
        };
        self.core.written.fetch_add(1, Ordering::Relaxed);
        match (complete, &self.compressors) {
            (Some((chunk, begun)), Some(compressors)) => compressors.send(chunk, begun),
            (Some((chunk, begun)), None) => self.core.store(chunk, &begun),
            (None, _) => Ok(()),
        }
    }

    /// Stores a whole map: the images of its components one after the other, each in C order.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when the signal is no map or the number of values is another.
    pub fn write_map(&self, images: &[f32]) -> Result<(), SourceError> {
        let meta = &self.core.plan.meta;
        let mut own = lock(&self.core.images);
        if meta.kind != SignalKind::Map || images.len() != own.len() {
            return Err(SourceError::Invalid {
                what: format!(
                    "{}: {} values do not fill {}",
                    self.target.display(),
                    images.len(),
                    meta.summary()
                ),
                remedy: "this is a fault of the program: please report it".into(),
            });
        }
        own.copy_from_slice(images);
        lock(&self.core.seen).fill(u64::MAX);
        let positions = meta.axes.positions() as u64;
        self.core.written.store(positions, Ordering::Relaxed);
        Ok(())
    }

    /// Completes the result and renames it into place.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when positions are missing; [`SourceError::Io`] when the disk is full.
    /// In either case an old file with that name is untouched.
    pub fn finish(self) -> Result<(), SourceError> {
        self.finish_if(|| true)
    }

    /// As [`ResultWriter::finish`]; `wanted` is asked when everything is on the disk, last before the
    /// result takes its place. One part of several stays unfinished for [`combine`].
    ///
    /// # Errors
    /// As [`ResultWriter::finish`], and [`SourceError::Cancelled`] when it is not wanted any more.
    pub fn finish_if(mut self, wanted: impl FnOnce() -> bool) -> Result<(), SourceError> {
        if let Some(compressors) = self.compressors.take() {
            compressors.finish()?;
        }
        if let Some(part) = self.part.filter(|part| part.of > 1) {
            return self.finish_part(part);
        }
        let positions = self.core.plan.meta.axes.positions() as u64;
        if self.written() != positions {
            let missing = format!(
                "{}: {} of {positions} scan positions were computed",
                self.target.display(),
                self.written()
            );
            return Err(SourceError::Invalid {
                what: missing,
                remedy: match self.is_resumable() {
                    true => "save again: it goes on where it was".into(),
                    false => "save again; nothing was written".into(),
                },
            });
        }
        if self.core.plan.meta.kind == SignalKind::Map {
            self.core.sink.images(&lock(&self.core.images))?;
        }
        self.core.sink.finish()?;
        // Hours may have passed: what lies there now may be something else.
        check_target(&self.target, self.core.plan.format)?;
        self.core.partial.replace(&self.target, wanted)?;
        match self.core.sink.beside(&self.target) {
            Some((file, place)) => {
                std::fs::rename(&file, &place).map_err(|error| io_error(&place, &error))
            }
            None => Ok(()),
        }
    }

    /// Removes what was written, also when it could be resumed.
    pub fn discard(self) {
        self.core.partial.discard();
    }

    fn finish_part(&self, part: Part) -> Result<(), SourceError> {
        let missing = (self.wanted().into_iter())
            .filter(|block| self.core.left[*block].load(Ordering::Relaxed) > 0)
            .count();
        if missing == 0 {
            return Ok(());
        }
        Err(SourceError::Invalid {
            what: format!(
                "{}: {missing} blocks of part {}/{} were not computed",
                self.target.display(),
                part.number,
                part.of
            ),
            remedy: "compute the part again: it goes on where it was".into(),
        })
    }

    fn refuse(&self, at: NavigationIndex, why: String) -> SourceError {
        SourceError::Invalid {
            what: format!("{}: scan position {at} {why}", self.target.display()),
            remedy: "this is a fault of the operation that computed it: please report it".into(),
        }
    }

    fn check_output(&self, at: NavigationIndex, output: &Output) -> Result<(), SourceError> {
        let meta = &self.core.plan.meta;
        if !meta.axes.contains(at) {
            return Err(self.refuse(at, "lies outside the navigation axes".into()));
        }
        match (meta.kind, output) {
            (SignalKind::Frame, Output::Frame(frame)) => self.check_frame(at, frame),
            (SignalKind::Map, Output::Values(values)) if values.len() != meta.components.len() => {
                let expected = meta.components.len();
                let why = format!("has {} components, {expected} expected", values.len());
                Err(self.refuse(at, why))
            }
            (SignalKind::Map, Output::Values(_)) | (SignalKind::Peaks, Output::Peaks(_)) => Ok(()),
            (kind, other) => {
                let why = format!("has {}, {} expected", other.kind().noun(), kind.noun());
                Err(self.refuse(at, why))
            }
        }
    }

    fn check_frame(&self, at: NavigationIndex, frame: &Frame) -> Result<(), SourceError> {
        let meta = &self.core.plan.meta;
        let shape = meta.axes.signal_shape();
        if frame.shape() == shape && frame.element() == meta.element {
            return Ok(());
        }
        Err(self.refuse(
            at,
            format!(
                "has a frame of shape {:?} {}, {shape:?} {} expected",
                frame.shape(),
                frame.element(),
                meta.element
            ),
        ))
    }

    /// Notes that a position was given; twice is an error.
    fn mark(&self, at: NavigationIndex) -> Result<(), SourceError> {
        let flat = at.flat(&self.core.navigation);
        let mut seen = lock(&self.core.seen);
        let (word, bit) = (flat / 64, 1u64 << (flat % 64));
        if seen[word] & bit != 0 {
            return Err(self.refuse(at, "was written twice".into()));
        }
        seen[word] |= bit;
        Ok(())
    }
}

impl Drop for ResultWriter {
    fn drop(&mut self) {
        // Threads that still write must not find their folder gone.
        drop(self.compressors.take());
    }
}

/// Puts together what several processes have computed, each its part, and renames it into place.
///
/// # Errors
/// [`SourceError::Invalid`] naming the part that is missing or still running.
pub fn combine(path: &Path) -> Result<(), SourceError> {
    let path = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    let writer = ResultWriter::whole(&path)?;
    let missing = writer.wanted();
    if let Some(first) = missing.first() {
        return Err(SourceError::Invalid {
            what: format!(
                "{}: {} of {} blocks were not computed; the first begins at scan position {:?}",
                path.display(),
                missing.len(),
                writer.blocks.len(),
                (writer.blocks[*first].positions.iter())
                    .map(|range| range.start)
                    .collect::<Vec<_>>()
            ),
            remedy: "compute the parts that are missing, then combine again".into(),
        });
    }
    writer.finish()
}

impl Core {
    /// Takes over what is finished already: which blocks, and the values of a map.
    fn recall(&self) -> Result<Vec<bool>, SourceError> {
        let mut finished = vec![false; self.plan.blocks.count()];
        if !self.partial.is_resumable() {
            return Ok(finished);
        }
        for (block, record) in self.partial.records()? {
            if block >= finished.len() || !self.recall_block(block, record) {
                continue;
            }
            finished[block] = true;
            self.left[block].store(0, Ordering::Relaxed);
            let mut seen = lock(&self.seen);
            for flat in flats(&self.plan.blocks.ranges(block), &self.navigation) {
                seen[flat / 64] |= 1 << (flat % 64);
            }
            let positions = self.plan.blocks.positions(block) as u64;
            self.written.fetch_add(positions, Ordering::Relaxed);
        }
        Ok(finished)
    }

    fn recall_block(&self, block: usize, record: Record) -> bool {
        if self.plan.meta.kind != SignalKind::Map {
            return self.sink.holds(block, record);
        }
        let flats = flats(&self.plan.blocks.ranges(block), &self.navigation);
        let Ok(bytes) = std::fs::read(self.partial.block_file(block)) else {
            return false;
        };
        let components = self.plan.meta.components.len();
        let expected = flats.len() * components * size_of::<f32>();
        if bytes.len() != expected || crc32c::crc32c(&bytes) != record.checksum {
            return false;
        }
        let mut values = bytes
            .chunks_exact(size_of::<f32>())
            .map(|value| f32::from_le_bytes(value.try_into().unwrap_or_default()));
        let mut images = lock(&self.images);
        let positions = self.plan.meta.axes.positions();
        for component in 0..components {
            for flat in &flats {
                images[component * positions + flat] = values.next().unwrap_or(f32::NAN);
            }
        }
        true
    }

    fn add_frame(&self, at: NavigationIndex, frame: &Frame) -> Option<(usize, Begun)> {
        let pixels = frame.as_bytes();
        self.add(at, |begun, place, positions| {
            if begun.bytes.is_empty() {
                begun.bytes = vec![0; positions * pixels.len()];
            }
            begun.bytes[place * pixels.len()..(place + 1) * pixels.len()].copy_from_slice(pixels);
        })
    }

    fn add_peaks(&self, at: NavigationIndex, peaks: &Arc<Peaks>) -> Option<(usize, Begun)> {
        self.add(at, |begun, place, positions| {
            begun.peaks.resize(positions, None);
            begun.peaks[place] = Some(peaks.clone());
        })
    }

    /// Puts one position into its chunk; gives the chunk when that was the last one.
    fn add(
        &self,
        at: NavigationIndex,
        put: impl FnOnce(&mut Begun, usize, usize),
    ) -> Option<(usize, Begun)> {
        let (chunk, place) = self.plan.chunks.place(at.as_slice());
        let positions = self.plan.chunks.size.iter().product();
        let begun = (lock(&self.begun).entry(chunk))
            .or_insert_with(|| {
                Arc::new(Mutex::new(Begun {
                    missing: self.plan.chunks.positions(chunk),
                    ..Begun::default()
                }))
            })
            .clone();
        // The frame is copied under the lock of its chunk alone.
        let mut begun = lock(&begun);
        put(&mut begun, place, positions);
        begun.missing -= 1;
        if begun.missing > 0 {
            return None;
        }
        lock(&self.begun).remove(&chunk);
        Some((chunk, std::mem::take(&mut *begun)))
    }

    fn add_values(&self, at: NavigationIndex, values: &[f32]) -> Result<(), SourceError> {
        let flat = at.flat(&self.navigation);
        let positions = self.plan.meta.axes.positions();
        let mut images = lock(&self.images);
        for (component, value) in values.iter().enumerate() {
            images[component * positions + flat] = *value;
        }
        drop(images);
        let (block, _) = self.plan.blocks.place(at.as_slice());
        self.stored(block, 1)
    }

    /// Compresses and stores a complete chunk.
    pub(crate) fn store(&self, chunk: usize, begun: &Begun) -> Result<(), SourceError> {
        match self.plan.meta.kind {
            SignalKind::Peaks => self.sink.peaks(chunk, &begun.peaks)?,
            _ => self.sink.chunk(chunk, &begun.bytes)?,
        }
        let ranges = self.plan.chunks.ranges(chunk);
        let first: Vec<usize> = ranges.iter().map(|range| range.start).collect();
        let (block, _) = self.plan.blocks.place(&first);
        self.stored(block, self.plan.chunks.positions(chunk))
    }

    fn stored(&self, block: usize, positions: usize) -> Result<(), SourceError> {
        if self.left[block].fetch_sub(positions, Ordering::AcqRel) > positions {
            return Ok(());
        }
        let durable = self.partial.is_resumable();
        let record = match self.plan.meta.kind {
            SignalKind::Map if durable => self.spill(block)?,
            SignalKind::Map => return Ok(()),
            _ => self.sink.finish_block(block, durable)?,
        };
        self.partial.finished(block, record)
    }

    /// Keeps the values of one block of a map, component after component.
    fn spill(&self, block: usize) -> Result<Record, SourceError> {
        let flats = flats(&self.plan.blocks.ranges(block), &self.navigation);
        let positions = self.plan.meta.axes.positions();
        let images = lock(&self.images);
        let bytes: Vec<u8> = (0..self.plan.meta.components.len())
            .flat_map(|component| flats.iter().map(move |flat| component * positions + flat))
            .flat_map(|at| images[at].to_le_bytes())
            .collect();
        drop(images);
        let path = self.partial.block_file(block);
        std::fs::write(&path, &bytes).map_err(|error| io_error(&path, &error))?;
        Ok(Record {
            bytes: bytes.len() as u64,
            checksum: crc32c::crc32c(&bytes),
        })
    }
}

/// A poisoned lock means a panic elsewhere; the counts inside stay true.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what a result has before its first value.
fn prepare(plan: &Plan, result: &Path) -> Result<(), SourceError> {
    match plan.format {
        ResultFormat::Zspy => ZspySink::prepare(plan, result),
        ResultFormat::Zarr => ZarrSink::prepare(plan, result),
        ResultFormat::Npy => NpySink::prepare(plan, result),
        ResultFormat::Hspy => Ok(()),
    }
}

fn open_sink(plan: &Plan, result: &Path) -> Result<Box<dyn Sink>, SourceError> {
    Ok(match plan.format {
        ResultFormat::Zspy => Box::new(ZspySink::open(plan, result)?),
        ResultFormat::Zarr => Box::new(ZarrSink::open(plan, result)?),
        ResultFormat::Npy => Box::new(NpySink::open(plan, result)?),
        ResultFormat::Hspy => Box::new(HspySink::create(plan, result)?),
    })
}

fn check_part(
    path: &Path,
    format: ResultFormat,
    options: &WriteOptions,
) -> Result<(), SourceError> {
    let Some(part) = options.part else {
        return Ok(());
    };
    let refused = |what: &str| SourceError::Invalid {
        what: format!(
            "{}: part {}/{} {what}",
            path.display(),
            part.number,
            part.of
        ),
        remedy: "give parts 1/n to n/n of a .zspy, .zarr or .npy".into(),
    };
    if part.number == 0 || part.number > part.of {
        return Err(refused("does not exist"));
    }
    if part.of > 1 && !format.can_resume() {
        return Err(refused("of a file that only one process can write"));
    }
    if options.identity.is_empty() {
        return Err(refused("needs to know what the others compute"));
    }
    Ok(())
}

fn check_folder(path: &Path) -> Result<(), SourceError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent.is_dir() {
        Ok(())
    } else {
        Err(not_found(parent))
    }
}

/// What lies at the target is only replaced when it is of the same format.
fn check_target(path: &Path, format: ResultFormat) -> Result<(), SourceError> {
    if !path.exists() {
        return Ok(());
    }
    let holds = |names: &[&str]| names.iter().any(|name| path.join(name).is_file());
    let begins = |magic: &[u8]| {
        let mut head = vec![0; magic.len()];
        std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head))
            .is_ok_and(|()| head == magic)
    };
    let (same, what) = match format {
        ResultFormat::Zspy => (holds(&[".zgroup"]), "`.zspy` folder"),
        ResultFormat::Zarr => (holds(&["zarr.json", ".zgroup", ".zarray"]), "Zarr folder"),
        ResultFormat::Hspy => (begins(b"\x89HDF\r\n\x1a\n"), "HDF5 file"),
        ResultFormat::Npy => (begins(b"\x93NUMPY"), "NumPy file"),
    };
    if same {
        return Ok(());
    }
    Err(SourceError::Unsupported {
        path: path.into(),
        reason: format!("it exists and is no {what}, so it is not replaced; choose another name"),
    })
}
