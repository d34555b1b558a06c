//! Streaming a computed signal into a file or store.
//!
//! It is written beside its target and renamed into place when it is complete: an error, a full disk, a
//! cancelled computation or a killed process leaves an old file with that name as it was. What was finished
//! before can be continued (`result_partial.rs`), also by several processes at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use signal::{Caveat, Frame, NavigationIndex, Output, SignalKind, SignalMeta, SourceError};

use crate::error::io_error;
use crate::options::check_axes;
use crate::result::blocks::Boxes;
use crate::result::core::Core;
use crate::result::options::{Part, WriteOptions};
use crate::result::partial::{Manifest, Partial};
use crate::result::target::{check_folder, check_part, check_target};
use crate::result::threads::Compressors;
use crate::result::write_layout::WriteLayout;
use crate::storage::lock::lock;
use crate::storage::replace;
use crate::writers::{open_sink, prepare};

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
    /// Said of the result when it is finished, in the place of what was known when it was begun.
    caveats: Option<(Vec<Caveat>, Value)>,
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
        let layout = WriteLayout::new(path, meta, options)?;
        check_target(path, layout.format)?;
        check_axes(path, &meta.axes)?;
        check_part(path, layout.format, options)?;
        if options.identity.is_empty() || !layout.format.can_resume() {
            let partial = Partial::temporary(path, replace::next_number())?;
            prepare(&layout, &partial.result())?;
            return Self::assemble(path, layout, partial, None, options.threads);
        }
        let asked = Manifest {
            version: Manifest::version(),
            identity: options.identity.clone(),
            format: layout.format,
            compression: layout.compression,
            chunk: layout.chunks.size.clone(),
            block: layout.blocks.size.clone(),
            of: options.part.map_or(1, |part| part.of),
            meta: layout.meta.clone(),
            provenance: layout.provenance.clone(),
        };
        let make = |result: &Path| prepare(&layout, result);
        let (partial, _) =
            Partial::resumable(path, &asked, options.part, options.unfinished, &make)?;
        Self::assemble(path, layout, partial, options.part, options.threads)
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
        let mut layout = WriteLayout::new(path, &manifest.meta, &options)?;
        let navigation = manifest.meta.axes.navigation_shape();
        layout.chunks = Boxes::new(&navigation, &manifest.chunk);
        layout.blocks = Boxes::new(&navigation, &manifest.block);
        Self::assemble(path, layout, partial, None, 0)
    }

    fn assemble(
        target: &Path,
        layout: WriteLayout,
        partial: Partial,
        part: Option<Part>,
        threads: usize,
    ) -> Result<Self, SourceError> {
        let sink = open_sink(&layout, &partial.result())?;
        let core = Core::new(layout, partial, sink);
        let finished = core.recall()?;
        let blocks = (0..core.layout.blocks.count())
            .map(|block| Block {
                positions: core.layout.blocks.ranges(block),
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
            caveats: None,
        })
    }

    /// The boxes of positions that are finished one by one, in the order of the file. A pass that goes
    /// through them loses least when it is interrupted.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Numbers of the blocks of this process: its part, or all.
    fn own(&self) -> std::ops::Range<usize> {
        let all = self.blocks.len();
        match self.part {
            Some(part) => (part.number - 1) * all / part.of..part.number * all / part.of,
            None => 0..all,
        }
    }

    /// Numbers of the blocks that this process has to compute.
    pub fn wanted(&self) -> Vec<usize> {
        let own = self.own();
        own.filter(|block| !self.blocks[*block].finished).collect()
    }

    /// Scan positions of this process, and those of them that were there when the writer was made.
    pub fn share(&self) -> (u64, u64) {
        let positions = |block: &Block| -> u64 {
            let sizes = block.positions.iter().map(ExactSizeIterator::len);
            sizes.product::<usize>() as u64
        };
        let own = &self.blocks[self.own()];
        let there = own.iter().filter(|block| block.finished);
        (own.iter().map(positions).sum(), there.map(positions).sum())
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
            Output::Model(_) => {
                return Err(self.refuse(at, "has a model, which has no pixels".into()));
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
        let meta = &self.core.layout.meta;
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

    /// What is to be said of the result, as it is known now that everything was read: it goes into the file in the
    /// place of what was given when it was begun.
    pub fn set_caveats(&mut self, caveats: Vec<Caveat>, provenance: Value) {
        self.caveats = Some((caveats, provenance));
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
        let positions = self.core.layout.meta.axes.positions() as u64;
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
        if self.core.layout.meta.kind == SignalKind::Map {
            self.core.sink.images(&lock(&self.core.images))?;
        }
        let mut layout = self.core.layout.clone();
        if let Some((caveats, provenance)) = self.caveats.take() {
            (layout.meta.caveats, layout.provenance) = (caveats, provenance);
        }
        self.core.sink.finish(&layout)?;
        // Hours may have passed: what lies there now may be something else.
        check_target(&self.target, self.core.layout.format)?;
        self.core.partial.replace(&self.target, wanted)?;
        match self.core.sink.beside(&self.target) {
            Some((file, place)) => {
                std::fs::rename(&file, &place).map_err(|error| io_error(&place, &error))
            }
            None => Ok(()),
        }
    }

    /// Removes what was written, also when it could be resumed; not one part of several, beside which
    /// others are at work.
    pub fn discard(self) {
        if self.part.is_none_or(|part| part.of <= 1) {
            self.core.partial.discard();
        }
    }

    fn finish_part(&self, part: Part) -> Result<(), SourceError> {
        let missing = (self.wanted().into_iter())
            .filter(|block| self.core.left[*block].load(Ordering::Relaxed) > 0)
            .count();
        if missing == 0 {
            return match &self.caveats {
                Some((caveats, _)) => self.core.partial.keep_caveats(part, caveats),
                None => Ok(()),
            };
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
        let meta = &self.core.layout.meta;
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
                let why = format!("has {}, {} expected", other.noun(), kind.noun());
                Err(self.refuse(at, why))
            }
        }
    }

    fn check_frame(&self, at: NavigationIndex, frame: &Frame) -> Result<(), SourceError> {
        let meta = &self.core.layout.meta;
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
/// `add_caveats` adds to the provenance what the parts have found that must be said of the result.
///
/// # Errors
/// [`SourceError::Invalid`] naming the part that is missing or still running.
pub fn combine(
    path: &Path,
    add_caveats: &dyn Fn(&mut Value, &[Caveat]),
) -> Result<(), SourceError> {
    let path = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    let mut writer = ResultWriter::whole(&path)?;
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
    let mut meta = writer.core.layout.meta.clone();
    for caveat in writer.core.partial.caveats()? {
        meta.add_caveat(caveat);
    }
    let mut provenance = writer.core.layout.provenance.clone();
    add_caveats(&mut provenance, &meta.caveats);
    writer.set_caveats(meta.caveats, provenance);
    writer.finish()
}
