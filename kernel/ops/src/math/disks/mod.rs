//! Disks of one shape in diffraction patterns: where they are, how sure that is, and what they have in common over a scan.

mod amplitude;
mod around;
mod beam;
mod clean;
mod correlated;
mod covered;
mod darkest;
mod dimmed;
mod elsewhere;
mod extent;
mod fit;
mod ground;
mod image;
mod lanes;
mod left_over;
mod matched;
mod measuring;
mod model;
mod noise;
mod patterned;
mod places;
mod prepare;
mod prepared;
mod probe;
mod radial;
mod realign;
mod search;
mod shape;
mod shape_sums;
mod slope;
mod spread;
mod starts;
mod statistics;
mod sweep;
mod uneven;
mod vacuum;

#[cfg(test)]
pub mod families;
#[cfg(test)]
mod tests;

pub use elsewhere::Elsewhere;
pub use fit::{Evidence, cholesky};
pub use image::{Image, Stencil};
pub use model::{Found, Model};
pub use prepare::prepare;
pub use prepared::{Given, Prepared};
pub use search::Scratch;
pub use shape::Shape;
pub use slope::Slope;
pub use spread::Spread;
pub use uneven::Uneven;
