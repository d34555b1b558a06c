//! Zarr, versions 2 and 3.

pub mod absent;
pub mod array;
pub mod chunks;
pub mod codecs;
pub mod format;
pub mod tree;
pub mod write;
