use std::path::PathBuf;

use crate::{CancelToken, Caveat, Chunk, ChunkId, NavigationIndex, SignalMeta, SourceError};

/// Frames on disk, read one storage chunk at a time.
///
/// Opening a source reads headers only; every byte of pixels comes through [`Source::read_chunk`].
/// Implementations are called from several threads at once.
pub trait Source: Send + Sync {
    fn meta(&self) -> &SignalMeta;

    /// The chunk that holds the frame at `at`; `at` lies inside the navigation axes.
    fn chunk_at(&self, at: NavigationIndex) -> ChunkId;

    /// Number of navigation chunks; ids are `0 .. chunks()`.
    fn chunks(&self) -> u64;

    /// Scan positions in a chunk, one range per navigation axis, without reading it.
    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<std::ops::Range<usize>>;

    /// What reading one frame costs, as far as it is known without reading.
    fn access(&self) -> Access {
        let meta = self.meta();
        let frame_bytes = meta.axes.frame_len() * meta.element.size_bytes();
        let frames_per_chunk = match self.chunks() {
            0 => 1,
            _ => (self.chunk_navigation(ChunkId(0)).iter())
                .map(ExactSizeIterator::len)
                .product(),
        };
        Access {
            frame_bytes,
            frames_per_chunk,
            chunk_bytes: frame_bytes * frames_per_chunk,
            mapped: false,
        }
    }

    /// Says that the frame at `at` will probably be read soon: a mapped file has the system fetch its pages.
    /// Returns at once; a source whose chunks are decoded ignores it.
    fn will_need(&self, at: NavigationIndex) {
        let _ = at;
    }

    /// Files other than the one that was opened from which pixels come: external links of HDF5. Opening the file
    /// again reads them anew when one of them has changed.
    fn files_beside(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// What has been found while reading and is not in [`Source::meta`]: chunks that are not there, so far. Grows
    /// only; cheap enough to be asked several times a second.
    fn caveats(&self) -> Vec<Caveat> {
        Vec::new()
    }

    /// Whether the frame at `at`, or a part of it, is the fill value of a chunk that is not there, as far as that
    /// is known from [`Source::caveats`]; at hand, without reading.
    fn is_filled(&self, at: NavigationIndex) -> bool {
        let _ = at;
        false
    }

    /// Asked before pixels that were read earlier are used again. A mapped file that has become shorter
    /// since must say so here: touching a page it has lost would end the process.
    ///
    /// # Errors
    /// As [`Source::read_chunk`].
    fn check(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Whether what was computed from the file earlier would be the same now, as far as that can be told.
    fn is_as_opened(&self) -> bool {
        self.check().is_ok()
    }

    /// Reads and decodes one chunk; frames come out of it without a further copy.
    ///
    /// # Errors
    /// A typed error naming path and place; other chunks stay readable.
    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError>;
}

/// What one frame of a source costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Bytes of one frame in memory.
    pub frame_bytes: usize,
    /// Frames that are decoded together.
    pub frames_per_chunk: usize,
    /// Bytes of those frames in memory: what is decoded to show the first of them.
    pub chunk_bytes: usize,
    /// Frames are views of a mapped file: each costs its own pages and nothing else.
    pub mapped: bool,
}
