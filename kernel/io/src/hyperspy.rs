//! HyperSpy's files: `.hspy` and `.zspy`.

pub mod dictionary;
pub mod hspy;
pub mod hspy_tree;
pub mod hspy_write;
pub mod zspy;
pub mod zspy_ragged;
pub mod zspy_write;
