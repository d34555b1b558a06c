//! Subtracts the median of a square neighbourhood of each pixel.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts as `f32`.
//! result = `I - median over k x k`, k odd, half-sample reflected at the edges (`c b a | a b c`; a footprint
//! larger than the frame reflects repeatedly). NaN pixels are left out and stay NaN. Frame-local, O(P k) per frame.
//! Reference: pyxem `subtract_diffraction_background(method="median kernel")`;
//! Perreault and Hebert, doi:10.1109/TIP.2007.902329.

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use crate::math::median::minus_square_median;
use crate::{background, inputs};

parameters! {
    /// Subtracts the median of the square around each pixel.
    pub struct MedianKernel {
        /// Side of the square: an odd number just above four disk radii.
        pub footprint: usize = 19, range (3, 255), units "px";
        /// Set negative results to 0.
        pub clip: bool = false;
    }
}

#[derive(Default)]
pub struct SubtractMedianKernel;

impl Operation for SubtractMedianKernel {
    type Params = MedianKernel;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "median_kernel",
        method: "subtract_background",
        parameters_type: "MedianKernel",
        title: "Subtract median kernel",
        summary: "Removes whatever is wider than half the square; keeps smaller disks.",
        category: Category::Background,
        reference: "Perreault and Hebert, doi:10.1109/TIP.2007.902329; pyxem, doi:10.5281/zenodo.2649351",
    };

    const REVISION: u32 = 2;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &MedianKernel,
    ) -> Result<SignalMeta, NotApplicable> {
        if params.footprint.is_multiple_of(2) {
            return Err(inputs::refuse(
                format!("footprint = {} px is even", params.footprint),
                "an odd footprint, so that the square has a middle pixel",
            ));
        }
        background::describe(inputs)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &MedianKernel,
        _prepared: Option<&()>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let grid = inputs::grid(frame)?;
        let pixels = minus_square_median(&grid, params.footprint / 2, &mut || cancel.check())?;
        background::subtracted(frame.shape(), pixels, params.clip)
    }
}
