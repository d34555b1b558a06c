//! Finds small spots by the difference of two Gaussians, in units of the frame's noise.
//!
//! `(ny, nx | ky, kx)` frames → `(ny, nx | ky, kx)` peaks: position in detector pixels, mean counts within `sigma_wide`,
//! score in noise deviations. `D = G(sigma_narrow) I - G(sigma_wide) I`, kernels cut at 3 sigma, half-sample reflected;
//! `S = (D - median D) / (1.4826 MAD)` over the valid pixels; where more than half of them are alike (sparse counts), their
//! standard deviation takes the place of the MAD. A constant frame has no peaks. Invalid pixels have no weight, nor have
//! hot ones, which nothing around them confirms; a spot in whose middle one lies is found from the pixels around it.
//! Pixels alike that touch are one peak. On a disk larger than the filter D is a ring: what is round, connected, at least half as
//! bright above the median as its top, both in `G(sigma_narrow) I`, and reaches further than `1.5 sigma_wide` from it is one
//! peak, at its centroid; of a larger spot that is not round, or that is cut by the edge, the peak is the top of the ring.
//! Frame-local, O(P) per frame. Use it for spots of a few pixels; disks are better found by correlation.

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

    const REVISION: u32 = 3;

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
        let Some((score, smooth)) = significance(&grid, &blurs) else {
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
        Ok(finder.peaks_of_spots(&grid, &score, &smooth, REACH * params.sigma_wide))
    }
}

/// Least share of valid pixels in the narrow Gaussian around an invalid one for a score there.
const VALID: f32 = 0.5;

/// A spot that reaches further than this from its maximum, in `sigma_wide`, is larger than the filter.
const REACH: f64 = 1.5;

/// The difference of Gaussians in robust standard deviations, and the narrow one above the frame's level; `None` when it does
/// not vary.
fn significance(grid: &Grid<f64>, (narrow, wide): &(Blur, Blur)) -> Option<(Grid<f64>, Grid<f32>)> {
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
    Some((score, narrow))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signal::Frame;

    use super::*;

    /// Flat disks of a radius, each pixel with the share of it that is inside, and a noise that is the same every time.
    fn frame(centres: &[[f64; 2]], radius: f64, noise: f64) -> Frame {
        let mut state = 9u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24) - 0.5
        };
        let pixels = (0..80 * 100).map(|at| {
            let (row, column) = ((at / 100) as f64, (at % 100) as f64);
            let inside =
                |[y, x]: &[f64; 2]| (radius + 0.5 - (row - y).hypot(column - x)).clamp(0.0, 1.0);
            let disks: f64 = centres.iter().map(inside).sum();
            (5.0 + 200.0 * disks + noise * random()) as f32
        });
        Frame::from_vec(&[80, 100], pixels.collect::<Vec<f32>>()).unwrap()
    }

    fn found(frame: Frame, params: &DifferenceOfGaussiansPeaks) -> Arc<signal::Peaks> {
        let outputs = [Output::Frame(frame)];
        let inputs = Inputs {
            metas: &[] as &[Arc<SignalMeta>],
            outputs: &outputs,
        };
        let operation = FindDifferenceOfGaussiansPeaks::default();
        let at = NavigationIndex::new(&[0, 0]);
        match operation.compute(&inputs, at, params, None, &CancelToken::new()) {
            Ok(Output::Peaks(peaks)) => peaks,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_disk_of_any_size_that_is_found_is_one_peak_in_its_middle() {
        let centres = [
            [20.0, 20.0],
            [21.3, 50.4],
            [19.7, 79.25],
            [58.5, 31.5],
            [59.1, 66.8],
        ];
        for step in 2..=20 {
            let radius = 0.5 * f64::from(step);
            for noise in [0.0, 10.0, 60.0] {
                let peaks = found(
                    frame(&centres, radius, noise),
                    &DifferenceOfGaussiansPeaks::default(),
                );
                // The ring of a large disk is fainter than the threshold in much noise, and in none, where the deviation
                // that counts is that of the disks themselves.
                let all = noise == 10.0 || radius <= 3.0;
                assert!(
                    peaks.len() == centres.len() || (!all && peaks.len() < centres.len()),
                    "radius {radius}, noise {noise}: {peaks:?}"
                );
                let far = |[y, x]: [f64; 2]| {
                    let distances = (peaks.ky.iter().zip(&peaks.kx))
                        .map(|(ky, kx)| (f64::from(*ky) - y).hypot(f64::from(*kx) - x));
                    distances.fold(f64::INFINITY, f64::min)
                };
                // Where the disk is about as large as the filter the top of D is flat: 0.27 px at a radius of 2.5. Of four
                // pixels alike around a middle between them rounding may leave three: 0.24 px.
                let most = if noise < 20.0 { 0.3 } else { 0.5 };
                let near = centres.iter().filter(|centre| far(**centre) < most).count();
                assert_eq!(
                    near,
                    peaks.len(),
                    "radius {radius}, noise {noise}: {peaks:?}"
                );
            }
        }
    }

    #[test]
    fn spots_side_by_side_and_streaks_are_not_merged() {
        let centres = [[30.0, 30.0], [30.0, 36.0], [36.0, 30.0], [36.0, 36.0]];
        let params = DifferenceOfGaussiansPeaks {
            min_distance: 3,
            ..DifferenceOfGaussiansPeaks::default()
        };
        let peaks = found(frame(&centres, 1.0, 0.0), &params);
        assert_eq!(peaks.len(), 4, "{peaks:?}");
        let streak: Vec<[f64; 2]> = (0..12).map(|n| [40.0, 30.0 + 2.0 * f64::from(n)]).collect();
        assert!(found(frame(&streak, 1.0, 10.0), &params).len() > 1);
    }
}
