//! What every format stands on: files and bytes, pixels, chunks, JSON.

pub mod absent;
pub mod binary;
pub mod chunk;
pub mod colours;
pub mod container;
pub mod decoders;
pub mod json;
pub mod lock;
pub mod mark;
pub mod pixel;
pub mod replace;
pub mod reshaped;
pub mod write;
