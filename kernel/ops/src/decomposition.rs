//! Models that take a scan apart into a few components, and what is read of them.

mod assemble;
mod estimate;
mod gram;
pub mod loadings;
mod loops;
mod model;
mod project;
pub mod reconstruct;
mod rows;
mod scatter;
pub mod scores;
mod sketch;
pub mod svd;
