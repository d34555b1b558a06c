//! File formats: file to source, result to file.
//!
//! [`open`] finds the format of a path in the list of `registry.rs` and returns a
//! [`Source`](signal::Source): headers are read, no pixel. [`ResultWriter`] streams a computed signal
//! into a `.zspy`, `.zarr`, `.hspy` or `.npy`, and takes up what an earlier process could not finish.
//! Nothing else in the project touches a file of pixels.

mod absent;
mod binary;
mod container;
#[cfg(test)]
mod contract;
mod decoders;
mod dictionary;
mod direct_electron;
mod expression;
mod format;
mod hdf5_absent;
mod hdf5_array;
mod hdf5_encode;
mod hdf5_filters;
mod hdf5_frames;
mod hdf5_links;
mod hdf5_objects;
mod hdf5_open;
mod hdf5_selection;
mod hdf5_tree;
mod hdf5_virtual;
mod hspy;
mod hspy_write;
mod hyperspy_axes;
mod hyperspy_tree;
mod json;
mod locate;
mod map_file;
mod mark;
mod mrc;
mod mrc_header;
mod npy;
mod npy_write;
mod options;
mod pixel;
mod provenance;
mod registry;
mod replace;
mod reshaped;
mod result_blocks;
mod result_codec;
mod result_core;
mod result_options;
mod result_partial;
mod result_plan;
mod result_sink;
mod result_target;
mod result_threads;
mod result_tree;
mod result_writer;
mod units;
mod zarr;
mod zarr3_write;
mod zarr_absent;
mod zarr_array;
mod zarr_chunks;
mod zarr_codecs;
mod zarr_tree;
mod zspy;
mod zspy_ragged;
mod zspy_write;

pub use format::{Format, FormatInfo};
pub use locate::{expanded, locate};
pub use mark::sample_of;
pub use options::OpenOptions;
pub use provenance::provenance;
pub use registry::{format_name, formats, open};
pub use result_options::{Compression, Part, ResultFormat, Unfinished, WriteOptions};
pub use result_partial::{UnfinishedInfo, discard_unfinished, unfinished};
pub use result_writer::{Block, ResultWriter, combine};
