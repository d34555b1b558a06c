//! Subtracts from each pixel the median of its ring around the direct beam.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts as `f32`.
//! `r = floor(hypot(ky - cy, kx - cx))`; result = `I - median { I(p) : r(p) = r }`; the median of an even
//! number of pixels is the mean of the middle two. Rings are cut at the frame's edge; a ring of few pixels
//! keeps its own median. NaN pixels are left out and stay NaN. Frame-local, O(P) per frame.
//! A direct beam fills its own rings, so that their median would take it away: with `keep_direct_beam` the
//! rings inside the steepest edge of the profile take the median of the first ring outside.
//! Reference (`keep_direct_beam` off): pyxem `subtract_diffraction_background(method="radial median")`.

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use crate::background;
use crate::inputs::{self, Image};
use crate::math::{Grid, Real, direct_beam, rings};

parameters! {
    /// Subtracts the median of each ring around the direct beam.
    pub struct RadialMedian {
        /// Centre of the rings (row, column). Left out: the direct beam is found in every frame.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// Leave the direct beam in: its rings take the median of the first ring outside it.
        pub keep_direct_beam: bool = true;
        /// Set negative results to 0.
        pub clip: bool = false;
    }
}

#[derive(Default)]
pub struct SubtractRadialMedian;

impl Operation for SubtractRadialMedian {
    type Params = RadialMedian;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "radial_median",
        method: "subtract_background",
        parameters_type: "RadialMedian",
        title: "Subtract radial median",
        summary: "Removes the background that depends only on the distance from the direct beam.",
        category: Category::Background,
        reference: "pyxem, Diffraction2D.subtract_diffraction_background, doi:10.5281/zenodo.2649351",
    };

    const REVISION: u32 = 3;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &RadialMedian,
    ) -> Result<SignalMeta, NotApplicable> {
        let meta = background::describe(inputs)?;
        let (rows, columns) = inputs::frame_shape(&meta);
        if let Some(centre) = params.centre {
            inputs::near_the_frame(centre, (rows, columns))?;
        }
        Ok(meta)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &RadialMedian,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let pixels = match inputs::image(frame)? {
            Image::Single(grid) => flattened(&grid, params),
            Image::Double(grid) => flattened(&grid, params),
        };
        background::subtracted(frame.shape(), pixels, params.clip)
    }
}

fn flattened<T: Real>(grid: &Grid<T>, params: &RadialMedian) -> Vec<f32> {
    let centre = params.centre.unwrap_or_else(|| direct_beam::find(grid));
    rings::minus_median(grid, centre, params.keep_direct_beam)
}
