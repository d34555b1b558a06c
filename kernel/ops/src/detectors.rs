//! What sums a part of each frame, to be seen as an image of the scan.

pub mod center_of_mass;
pub mod energy_window;
pub mod polygon;
pub mod virtual_image;
