//! Finds pixels brighter than everything around them.
//!
//! `(ny, nx | ky, kx)` frames → `(ny, nx | ky, kx)` peaks: position in detector pixels, mean counts within `min_distance`,
//! score = the pixel's value. A peak equals the maximum of the square of side `2 min_distance + 1` around it and lies
//! above the larger of `threshold_abs` and `threshold_rel · max I` (both left out: above the frame's minimum).
//! Pixels alike that touch each other (a saturated disk) are one peak, at their centroid. Invalid pixels take no part, nor
//! do hot ones, which nothing around them confirms. Frame-local, O(P) per frame.
//! Reference: hyperspy `find_peaks(method="local_max")`, scikit-image `peak_local_max`.

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use crate::inputs::{self, Image};
use crate::math::{Grid, Real};
use crate::peaks::peak_finder::{self, Finder, Subpixel};

parameters! {
    /// Finds pixels brighter than everything around them.
    pub struct LocalMaximum {
        /// Half the side of the square a peak must be the maximum of.
        pub min_distance: usize = 1, range (1, 512), units "px";
        /// Lowest value of a peak, exclusive. Left out: the frame's minimum.
        pub threshold_abs: Option<f64> = None, units "counts";
        /// Lowest value of a peak as a fraction of the frame's maximum, exclusive. Left out: none.
        pub threshold_rel: Option<f64> = None, range (0.0, 1.0);
        /// How positions are refined beyond whole pixels.
        pub subpixel: Subpixel = Subpixel::Parabola;
        /// Peaks closer than this to the frame's edge are dropped. Left out: `min_distance`.
        pub exclude_border: Option<usize> = None, range (0, 512), units "px";
        /// Keep only the brightest peaks of each frame. Left out: all.
        pub max_peaks: Option<usize> = None, range (1, 100000);
    }
}

#[derive(Default)]
pub struct FindLocalMaxima;

impl Operation for FindLocalMaxima {
    type Params = LocalMaximum;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "local_maximum",
        method: "find_peaks",
        parameters_type: "LocalMaximum",
        title: "Find local maxima",
        summary: "Finds pixels brighter than everything around them; for sharp spots or smoothed frames.",
        category: Category::Peaks,
        reference: "scikit-image, peak_local_max, doi:10.7717/peerj.453",
    };

    const REVISION: u32 = 3;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        _params: &LocalMaximum,
    ) -> Result<SignalMeta, NotApplicable> {
        peak_finder::describe(inputs)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &LocalMaximum,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        Ok(match inputs::image_without_hot_pixels(inputs.frame()?)? {
            Image::Single(grid) => peaks(&grid, params),
            Image::Double(grid) => peaks(&grid, params),
        })
    }
}

fn peaks<T: Real>(grid: &Grid<T>, params: &LocalMaximum) -> Output {
    let Some(threshold) = threshold(grid, params) else {
        return Output::Peaks(Default::default());
    };
    let finder = Finder {
        min_distance: params.min_distance,
        threshold,
        exclude_border: params.exclude_border.unwrap_or(params.min_distance),
        max_peaks: params.max_peaks,
        subpixel: params.subpixel,
        radius: params.min_distance as f64,
        score_range: (f64::NEG_INFINITY, f64::INFINITY),
    };
    finder.peaks(grid, grid)
}

/// Smallest value a peak can have; `None` for a frame that is empty or constant.
fn threshold<T: Real>(grid: &Grid<T>, params: &LocalMaximum) -> Option<f64> {
    let (low, high) = grid.range()?;
    if high <= low {
        return None;
    }
    let absolute = params.threshold_abs.unwrap_or(low);
    let relative = params.threshold_rel.map_or(absolute, |part| part * high);
    // Exclusive in the reference: the next larger number makes it inclusive.
    Some(absolute.max(relative).next_up())
}
