//! Phase of the specimen from scans of convergent beams.

operations! {
    pub mod integrated_center_of_mass: IntegrateShift;
}
