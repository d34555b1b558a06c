//! What makes one pattern of many frames.

pub mod pattern;
