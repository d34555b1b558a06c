//! Phase of the specimen from scans of convergent beams.

pub mod integrated_center_of_mass;
