//! Finds small spots by the difference of two Gaussians, in units of the frame's noise.
//!
//! `(ny, nx | ky, kx)` frames → `(ny, nx | ky, kx)` peaks: position in detector pixels, mean counts within `sigma_wide`,
//! score in noise deviations. `D = G(sigma_narrow) I - G(sigma_wide) I`, kernels cut at 3 sigma, half-sample reflected;
//! `S = (D - median D) / (1.4826 MAD)` over the valid pixels; where more than half of them are alike (sparse counts), their
//! standard deviation takes the place of the MAD. A constant frame has no peaks. Invalid pixels have no weight, nor have
//! hot ones, which nothing around them confirms; a spot in whose middle one lies is found from the pixels around it.
//! Pixels alike that touch are one peak. Frame-local, O(P) per frame. Use it for spots of a few pixels; disks are better
//! found by correlation.

use signal::{
    CancelToken, Inputs, NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo,
    Output, SignalMeta, parameters,
};

use crate::accept;
use crate::math::Grid;
use crate::math::gaussian::Blur;
use crate::math::robust::Scale;
use crate::peak_finder::{self, Finder, Subpixel};
use crate::plan::Plan;

parameters! {
    /// Finds small spots by the difference of two Gaussians.
    pub struct DifferenceOfGaussiansPeaks {
        /// Standard deviation of the narrow Gaussian, about the spot's own.
        pub sigma_narrow: f64 = 0.8, range (0.3, 20.0), units "px";
        /// Standard deviation of the wide Gaussian, the spot's surroundings.
        pub sigma_wide: f64 = 2.0, range (0.5, 60.0), units "px";
        /// Lowest score of a peak, in standard deviations of the frame's noise.
        pub threshold: f64 = 10.0, range (1.0, 1000.0);
        /// Peaks this close to a better one are dropped.
        pub min_distance: usize = 5, range (1, 512), units "px";
        /// How positions are refined beyond whole pixels.
        pub subpixel: Subpixel = Subpixel::Parabola;
        /// Peaks closer than this to the frame's edge are dropped.
        pub exclude_border: usize = 0, range (0, 512), units "px";
        /// Keep only the best peaks of each frame. Left out: all.
        pub max_peaks: Option<usize> = None, range (1, 100000);
    }
}

#[derive(Default)]
pub struct FindDifferenceOfGaussiansPeaks {
    blurs: Plan<(Blur, Blur)>,
}

impl Operation for FindDifferenceOfGaussiansPeaks {
    type Params = DifferenceOfGaussiansPeaks;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "difference_of_gaussians_peaks",
        method: "find_peaks",
        parameters_type: "DifferenceOfGaussiansPeaks",
        title: "Find spots (difference of Gaussians)",
        summary: "Finds spots of a few pixels that stand out of the frame's noise.",
        category: "Peaks",
        reference: "D. G. Lowe, doi:10.1023/B:VISI.0000029664.99615.94",
    };

    const REVISION: u32 = 2;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &DifferenceOfGaussiansPeaks,
    ) -> Result<SignalMeta, NotApplicable> {
        if params.sigma_wide <= params.sigma_narrow {
            return Err(accept::refuse(
                format!(
                    "sigma_wide = {} px is not larger than sigma_narrow = {} px",
                    params.sigma_wide, params.sigma_narrow
                ),
                "a sigma_wide larger than sigma_narrow",
            ));
        }
        peak_finder::describe(inputs)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &DifferenceOfGaussiansPeaks,
        _prepared: Option<&()>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let grid = accept::grid_without_hot_pixels(inputs.frame()?)?;
        let blurs = self.blurs.get((grid.rows, grid.columns), || {
            let blur = |sigma| Blur::new(grid.rows, grid.columns, sigma, 3.0);
            (blur(params.sigma_narrow), blur(params.sigma_wide))
        });
        let Some(score) = significance(&grid, &blurs) else {
            return Ok(Output::Peaks(Default::default()));
        };
        cancel.check()?;
        let finder = Finder {
            min_distance: params.min_distance,
            threshold: params.threshold,
            exclude_border: params.exclude_border,
            max_peaks: params.max_peaks,
            subpixel: params.subpixel,
            radius: params.sigma_wide.ceil(),
            score_range: (f64::NEG_INFINITY, f64::INFINITY),
        };
        Ok(finder.peaks(&grid, &score))
    }
}

/// Least share of valid pixels in the narrow Gaussian around an invalid one for a score there.
const VALID: f32 = 0.5;

/// The difference of Gaussians in robust standard deviations; `None` when it does not vary.
fn significance(grid: &Grid<f64>, (narrow, wide): &(Blur, Blur)) -> Option<Grid<f64>> {
    let scale = Scale::of_image(grid)?;
    // The level is taken off first, so that single precision is spent on the contrast.
    let centred = (grid.values.iter())
        .map(|value| scale.centred(*value) as f32)
        .collect();
    let centred = Grid::new(grid.rows, grid.columns, centred);
    let (narrow, valid) = narrow.apply_weighted(&centred);
    let wide = wide.apply(&centred);
    let differences = (narrow.values.iter().zip(&wide.values))
        .map(|(narrow, wide)| f64::from(narrow - wide))
        .collect();
    let mut score = Grid::new(grid.rows, grid.columns, differences);
    let mut known: Vec<f64> = (score.values.iter().zip(&grid.values))
        .filter(|(_, pixel)| !pixel.is_nan())
        .map(|(difference, _)| *difference)
        .collect();
    let Scale { level, spread } = Scale::of(&mut known)?;
    for value in &mut score.values {
        *value = (*value - level) / spread;
    }
    if let Some(valid) = valid {
        for ((score, pixel), valid) in
            (score.values.iter_mut().zip(&grid.values)).zip(&valid.values)
        {
            if pixel.is_nan() && *valid < VALID {
                *score = f64::NAN;
            }
        }
    }
    Some(score)
}
