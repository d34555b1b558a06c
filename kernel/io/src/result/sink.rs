//! What a format must do to be written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal::{Peaks, SourceError};

use super::partial::Record;
use super::write_layout::WriteLayout;

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

    /// Everything was stored: completes the file. `plan` is that of before, with what is to be said of the signal
    /// and of how it was made as it is known now.
    fn finish(&self, layout: &WriteLayout) -> Result<(), SourceError>;

    /// A file that belongs beside the target, and the name it gets there.
    fn beside(&self, _target: &Path) -> Option<(PathBuf, PathBuf)> {
        None
    }
}
