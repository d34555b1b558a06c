//! What fits a lattice to the peaks of each frame.

operations! {
    pub mod strain_map: MapStrain;
}
