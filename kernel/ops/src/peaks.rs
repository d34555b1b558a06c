//! What finds peaks in each frame.

pub mod peak_finder;

operations! {
    pub mod normalized_correlation: FindDisks;
    pub mod difference_of_gaussians_peaks: FindDifferenceOfGaussiansPeaks;
    pub mod local_maximum: FindLocalMaxima;
}
