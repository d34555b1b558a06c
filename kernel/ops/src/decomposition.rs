//! Models that take a scan apart into a few components, and what is read of them.

mod assemble;
mod estimate;
mod gram;
mod loops;
mod model;
mod project;
mod rows;
mod scatter;
mod sketch;
mod start;

operations! {
    pub mod svd: Decompose;
    pub mod scores: MapScores;
    pub mod loadings: ShowLoadings;
    pub mod reconstruct: Rebuild;
}
