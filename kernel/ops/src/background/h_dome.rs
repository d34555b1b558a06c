//! Keeps the domes that rise at least `h` above their surroundings.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → fraction of the highest dome, as `f32`.
//! `Z = I / max I`; `D = Z - rec(Z - h under Z)` (grey reconstruction by dilation, 8 neighbours); 3 x 3 mean of D
//! over the pixels inside the frame; divided by its maximum. A frame without positive pixel gives zeros.
//! NaN pixels are left out and stay NaN; hot pixels, which nothing around them confirms, become NaN: the domes are measured
//! by the brightest pixel. Frame-local, O(P) with a queue.
//! Reference: pyxem `subtract_diffraction_background(method="h-dome")`; Vincent, doi:10.1109/83.217222.

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use crate::background;
use crate::math::reconstruction::domes;

parameters! {
    /// Keeps what rises at least `h` above its surroundings.
    pub struct HDome {
        /// Height of a dome as a fraction of the frame's maximum.
        pub h: f64 = 0.2, range (0.001, 1.0);
    }
}

#[derive(Default)]
pub struct SubtractHDome;

impl Operation for SubtractHDome {
    type Params = HDome;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "h_dome",
        method: "subtract_background",
        parameters_type: "HDome",
        title: "Keep h-domes",
        summary: "Keeps peaks that rise a given height above their surroundings; result from 0 to 1.",
        category: Category::Background,
        reference: "Vincent, doi:10.1109/83.217222; pyxem, doi:10.5281/zenodo.2649351",
    };

    const REVISION: u32 = 3;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        _params: &HDome,
    ) -> Result<SignalMeta, NotApplicable> {
        Ok(SignalMeta {
            value_units: "fraction of the highest dome".into(),
            ..background::describe(inputs)?
        })
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &HDome,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let grid = crate::inputs::grid_without_hot_pixels(frame)?;
        background::subtracted(frame.shape(), domes(&grid, params.h), false)
    }
}
