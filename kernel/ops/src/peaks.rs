//! What finds peaks in each frame.

pub mod difference_of_gaussians_peaks;
pub mod local_maximum;
pub mod normalized_correlation;
pub mod peak_finder;
