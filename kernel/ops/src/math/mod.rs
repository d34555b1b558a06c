//! Formulas on plain arrays, without signals, axes or parameters. Rows first; NaN means "no value".

pub mod affine;
pub mod annuli;
pub mod around;
pub mod beam_found;
mod clusters;
pub mod deformation;
pub mod direct_beam;
pub mod disks;
pub mod fourier;
pub mod gaussian;
mod grid;
pub mod in_parts;
pub mod lattice;
pub mod linear;
pub mod maxima;
pub mod median;
mod orders;
mod point;
pub mod pool;
pub mod real;
pub mod reconstruction;
pub mod rings;
pub mod robust;
pub mod select;
pub mod shift;
pub mod spot;
mod two_groups;
pub mod variation;

pub use grid::{Grid, half_sample};
pub use real::Real;
