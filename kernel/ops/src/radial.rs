//! What depends on the distance from the direct beam.

operations! {
    pub mod azimuthal_integral: IntegrateAzimuthally;
}
