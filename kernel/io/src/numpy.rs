//! NumPy's files, and maps of them.

pub mod map_file;
pub mod npy;
pub mod npy_write;
