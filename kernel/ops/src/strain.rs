//! What fits a lattice to the peaks of each frame.

pub mod strain_map;
