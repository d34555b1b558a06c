//! File formats: file to source, result to file.
//!
//! [`open`] finds the format of a path in the list of `registry.rs` and returns a
//! [`Source`](signal::Source): headers are read, no pixel. [`ResultWriter`] streams a computed signal
//! into a `.zspy`, `.zarr`, `.hspy` or `.npy`, and takes up what an earlier process could not finish.
//! Nothing else in the project touches a file of pixels.

#[cfg(test)]
mod contract;
mod error;
mod format;
mod hdf5;
mod hyperspy;
mod locate;
mod metadata;
mod mrc;
mod numpy;
mod options;
mod provenance;
mod registry;
mod result;
mod storage;
mod writer;
mod writers;
mod zarr;

pub use format::{Format, FormatInfo};
pub use locate::{expanded, locate};
pub use options::OpenOptions;
pub use provenance::{peak_columns, provenance};
pub use registry::{format_name, formats, open};
pub use result::options::{Compression, Part, ResultFormat, Unfinished, WriteOptions};
pub use result::partial::{UnfinishedInfo, discard_unfinished, unfinished};
pub use storage::mark::sample_of;
pub use writer::{Block, ResultWriter, combine};
