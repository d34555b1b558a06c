//! Disks of one shape in diffraction patterns: where they are, how sure that is, and what they have in common over a scan.

mod clean;
mod find;
mod fit;
mod ground;
mod image;
mod lanes;
mod prepare;
mod shape;

#[cfg(test)]
mod families;

pub use find::{Found, Model, Scratch};
pub use fit::Evidence;
pub use image::{Image, Stencil};
pub use prepare::{Given, Prepared, prepare};
pub use shape::Shape;
