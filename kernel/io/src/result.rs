//! Results: what is written, in which pieces, and how it is taken up again.

pub mod blocks;
pub mod codec;
pub mod core;
pub mod options;
pub mod partial;
pub mod sink;
pub mod target;
pub mod threads;
pub mod tree;
pub mod write_layout;
