//! What depends on the distance from the direct beam.

pub mod azimuthal_integral;
