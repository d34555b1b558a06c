//! File formats: file to source, result to file.
//!
//! [`open`] finds the format of a path in the list of `registry.rs` and returns a
//! [`Source`](signal::Source): headers are read, no pixel. [`ResultWriter`] streams a computed
//! signal into a `.zspy` store that hyperspy opens. Nothing else in the project touches a file of pixels.

mod binary;
#[cfg(test)]
mod contract;
mod dictionary;
mod direct_electron;
mod format;
mod json;
mod mrc;
mod npy;
mod options;
mod registry;
mod replace;
mod units;
mod zarr;
mod zarr_array;
mod zarr_chunks;
mod zspy;
mod zspy_layout;
mod zspy_ragged;
mod zspy_write;

pub use format::{Format, FormatInfo};
pub use options::OpenOptions;
pub use registry::{formats, open};
pub use zspy_write::ResultWriter;
