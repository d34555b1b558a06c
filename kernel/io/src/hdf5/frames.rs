//! Frames of an HDF5 array, read-only and chunk by chunk.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal::{Block, CancelToken, Caveat, Chunk, ChunkId, SignalMeta, Source, SourceError};

use crate::hdf5::absent;
use crate::hdf5::array::{Pixels, Stored};
use crate::hdf5::links::Opened;
use crate::options::check_axes;
use crate::result::blocks::{Boxes, rows};
use crate::storage::absent::Absent;
use crate::storage::binary::no_such_chunk;
use crate::storage::chunk::chunk_bytes;
use crate::storage::pixel::Pixel;

/// Frames of an array without chunks that are read together.
const RUN_BYTES: usize = 1 << 20;

/// Frames of one array, wherever its pixels lie.
pub struct Hdf5Frames {
    path: PathBuf,
    meta: SignalMeta,
    data: Stored,
    /// Where its pixels lie, each file once.
    files: Vec<Arc<Opened>>,
    pixel: Pixel,
    chunks: Boxes,
    /// Of an array in chunks.
    absent: Option<Absent>,
    /// Reading this array was seen to read our file, so that what reads nothing of it is not there.
    watched: AtomicBool,
}

impl Hdf5Frames {
    /// # Errors
    /// Faulty axes, or chunks that are too large to decode.
    pub fn new(
        path: &Path,
        data: Stored,
        pixel: Pixel,
        meta: SignalMeta,
    ) -> Result<Self, SourceError> {
        check_axes(path, &meta.axes)?;
        let navigation = meta.axes.navigation_shape();
        let size: Vec<usize> = match data.chunk() {
            Some(chunk) => (chunk.iter().zip(&navigation))
                .map(|(size, all)| (*size).clamp(1, *all))
                .collect(),
            None => {
                let frame_bytes = (meta.axes.frame_len() * meta.element.size_bytes()).max(1);
                let one = vec![1; navigation.len()];
                rows(&navigation, &one, RUN_BYTES / frame_bytes)
            }
        };
        let signal = meta.axes.signal_shape();
        let shape = size.iter().chain(&signal).map(|size| *size as u64);
        chunk_bytes(path, shape, meta.element.size_bytes())?;
        Ok(Hdf5Frames {
            path: path.into(),
            chunks: Boxes::new(&navigation, &size),
            absent: (data.dataset()).and_then(|data| absent::look(path, data, &meta)),
            watched: AtomicBool::new(false),
            files: data.files().into_iter().cloned().collect(),
            data,
            pixel,
            meta,
        })
    }
}

impl Hdf5Frames {
    /// Reads a box, and notes when nothing of it was ever written.
    fn read(&self, chunk: ChunkId, ranges: &[Range<usize>]) -> Result<Pixels, SourceError> {
        let before = absent::reads();
        let pixels = self.data.read(&self.pixel, ranges)?;
        if absent::reads() > before {
            self.watched.store(true, Ordering::Relaxed);
        }
        if let Some(absent) = &self.absent
            && self.watched.load(Ordering::Relaxed)
            && alike(pixels.as_ref(), self.meta.element.size_bytes())
            && absent::unread(|| self.data.read(&self.pixel, ranges)).is_ok()
        {
            absent.note(chunk.0);
        }
        Ok(pixels)
    }
}

/// Whether all pixels have the same bits, as where nothing was written.
fn alike(bytes: &[u8], width: usize) -> bool {
    bytes
        .get(width..)
        .is_some_and(|rest| rest == &bytes[..rest.len()])
}

impl Source for Hdf5Frames {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: signal::NavigationIndex) -> ChunkId {
        ChunkId(self.chunks.place(at.as_slice()).0 as u64)
    }

    fn chunks(&self) -> u64 {
        self.chunks.count() as u64
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        self.chunks.ranges(chunk.0 as usize)
    }

    fn files_beside(&self) -> Vec<PathBuf> {
        let files = self.files.iter().map(|file| &file.path);
        files.filter(|path| **path != self.path).cloned().collect()
    }

    fn check(&self) -> Result<(), SourceError> {
        self.files.iter().try_for_each(|file| file.check_same())
    }

    fn caveats(&self) -> Vec<Caveat> {
        (self.absent.iter()).filter_map(Absent::caveat).collect()
    }

    fn is_filled(&self, at: signal::NavigationIndex) -> bool {
        let chunk = self.chunk_at(at);
        (self.absent.as_ref()).is_some_and(|absent| absent.has(chunk.0))
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        if cancel.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        if chunk.0 >= self.chunks() {
            return Err(no_such_chunk(&self.path, chunk, self.chunks()));
        }
        let navigation = self.chunk_navigation(chunk);
        let signal = self.meta.axes.signal.iter().map(|axis| 0..axis.size);
        let ranges: Vec<Range<usize>> = navigation.iter().cloned().chain(signal).collect();
        let block = Block::new(self.read(chunk, &ranges)?);
        let signal = self.meta.axes.signal_shape();
        Chunk::new(navigation, signal, self.meta.element, block, 0)
    }
}
