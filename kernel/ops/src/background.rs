//! What every background subtraction shares: the result's description and how a frame is returned.

use signal::{ElementType, Frame, NotApplicable, OperationError, Output, SignalMeta};

use crate::inputs;

operations! {
    pub mod radial_median: SubtractRadialMedian;
    pub mod difference_of_gaussians: SubtractDifferenceOfGaussians;
    pub mod median_kernel: SubtractMedianKernel;
    pub mod h_dome: SubtractHDome;
}

/// Same axes as the input, `f32` pixels.
pub fn describe(inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
    let input = inputs::images(inputs)?;
    Ok(SignalMeta {
        element: ElementType::F32,
        ..input.clone()
    })
}

/// A frame of `pixels`, negatives set to 0 when `clip`; NaN stays NaN.
pub fn subtracted(
    shape: &[usize],
    mut pixels: Vec<f32>,
    clip: bool,
) -> Result<Output, OperationError> {
    if clip {
        for pixel in &mut pixels {
            if *pixel < 0.0 {
                *pixel = 0.0;
            }
        }
    }
    Frame::from_vec(shape, pixels)
        .map(Output::Frame)
        .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
}
