use crate::{CancelToken, Chunk, ChunkId, NavigationIndex, SignalMeta, SourceError};

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

    /// Asked before pixels that were read earlier are used again. A mapped file that has become shorter
    /// since must say so here: touching a page it has lost would end the process.
    ///
    /// # Errors
    /// As [`Source::read_chunk`].
    fn check(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// Reads and decodes one chunk; frames come out of it without a further copy.
    ///
    /// # Errors
    /// A typed error naming path and place; other chunks stay readable.
    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError>;
}
