//! Finds small spots by the difference of two Gaussians, in units of the frame's noise.
//!
//! `(ny, nx | ky, kx)` frames → `(ny, nx | ky, kx)` peaks: position in detector pixels, mean counts within `sigma_wide`,
//! score in noise deviations. `D = G(sigma_narrow) I - G(sigma_wide) I`, kernels cut at 3 sigma, half-sample reflected;
//! `S = (D - median D) / (1.4826 MAD)` over the valid pixels; where more than half of them are alike (sparse counts), their
//! standard deviation takes the place of the MAD. A constant frame has no peaks. Invalid pixels have no weight, nor have
//! hot ones, which nothing around them confirms; a spot in whose middle one lies is found from the pixels around it.
//! Pixels alike that touch are one peak. On a spot larger than the filter, one that goes further than `1.5 sigma_wide` from the
//! maximum, D is a ring; it is one peak, in its middle. Of a disk, also one that others touch or the frame's edge cuts, that is the
//! centre of the circle across which `G(sigma_narrow) I` drops most, by 0.8 to 3 times half the height of the maximum above what is
//! around it: a slope or a halo under it does not move it, and the border of something much brighter is none of it. Of anything else
//! compact it is the centroid of what is connected above half of the local contrast, and of a streak the middle of its width next
//! to the maximum. Spots wider than 12 `sigma_wide` stay where the ring is highest.
//! Frame-local, O(P) per frame. Made for spots of a few pixels. The Gaussians of spots see only the border of a larger disk, which
//! is not far above the noise when the disk is faint; those of half and of all its radius see the disk.

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use signal::simd::{Vectorised, vectorised};

use crate::inputs::{self, Image};
use crate::math::gaussian::{Blur, Fill, Pair};
use crate::math::maxima::Score;
use crate::math::robust::Scale;
use crate::math::spot::Spots;
use crate::math::{Grid, Real, pool};
use crate::peaks::peak_finder::{self, Finder, Subpixel};
use crate::shape_cache::ShapeCache;

parameters! {
    /// Finds small spots by the difference of two Gaussians.
    pub struct DifferenceOfGaussiansPeaks {
        /// Standard deviation of the narrow Gaussian, about the spot's own; for disks half their radius.
        pub sigma_narrow: f64 = 0.8, range (0.3, 20.0), units "px";
        /// Standard deviation of the wide Gaussian, the spot's surroundings, for disks their radius; spots wider than 12 of these are
        /// found on their border.
        pub sigma_wide: f64 = 2.0, range (0.5, 60.0), units "px";
        /// Lowest score of a peak, in standard deviations of the frame's noise. Disks add to that themselves: 3 finds the faint ones
        /// too.
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
    cache: ShapeCache<Filters>,
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
        category: Category::Peaks,
        reference: "D. G. Lowe, doi:10.1023/B:VISI.0000029664.99615.94",
    };

    const REVISION: u32 = 6;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &DifferenceOfGaussiansPeaks,
    ) -> Result<SignalMeta, NotApplicable> {
        if params.sigma_wide <= params.sigma_narrow {
            return Err(inputs::refuse(
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
        let frame = inputs.frame()?;
        let shape @ (rows, columns) = inputs::frame_rows_columns(frame)?;
        let filters = self.cache.get(shape, || {
            let [narrow, wide] = [params.sigma_narrow, params.sigma_wide]
                .map(|sigma| Blur::new(rows, columns, sigma, 3.0));
            Filters {
                both: narrow.pair_with(&wide),
                narrow,
                wide,
                spots: Spots::new(columns, REACH * params.sigma_wide),
            }
        });
        match inputs::image_without_hot_pixels(frame)? {
            Image::Single(grid) => filters.peaks(&grid, params, cancel),
            Image::Double(grid) => filters.peaks(&grid, params, cancel),
        }
    }
}

/// Least share of valid pixels in the narrow Gaussian around an invalid one for a score there.
const VALID: f32 = 0.5;

/// A spot that reaches further than this from its maximum, in `sigma_wide`, is larger than the filter.
const REACH: f64 = 1.5;

/// What depends on the parameters and the frame's shape only.
struct Filters {
    narrow: Blur,
    wide: Blur,
    both: Option<Pair>,
    spots: Spots,
}

impl Filters {
    fn peaks<T: Real>(
        &self,
        grid: &Grid<T>,
        params: &DifferenceOfGaussiansPeaks,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let none = Output::Peaks(Default::default());
        let Some(scale) = Scale::of_image(grid) else {
            return Ok(none);
        };
        let Grid { rows, columns, .. } = *grid;
        let lend = || pool::grid(rows, columns);
        let (mut narrow, mut difference) = (lend(), lend());
        // The level is taken off first, so that single precision is spent on the contrast.
        let centred = Centred { grid, scale };
        let has_holes = grid.has_nan();
        let mut valid = has_holes.then(lend);
        if let (Some(both), false) = (&self.both, has_holes) {
            both.apply(centred, &mut narrow.values, &mut difference.values);
        } else {
            let mut image = lend();
            vectorised(All(centred, &mut image));
            match &mut valid {
                None => {
                    self.narrow.apply_into(&image.values, &mut narrow.values);
                    self.wide.apply_into(&image.values, &mut difference.values);
                }
                Some(valid) => {
                    self.wide.weighted_into(&image, &mut difference, valid);
                    self.narrow.weighted_into(&image, &mut narrow, valid);
                }
            }
            vectorised(Subtract {
                narrow: &narrow.values,
                wide: &mut difference.values,
            });
        }
        cancel.check()?;
        let Some(Scale { level, spread }) = scale_of_known(grid, &difference) else {
            return Ok(none);
        };
        if let Some(valid) = valid {
            let places = difference.values.iter_mut().zip(&grid.values);
            for ((difference, pixel), valid) in places.zip(&valid.values) {
                if pixel.is_nan() && *valid < VALID {
                    *difference = f32::NAN;
                }
            }
        }
        let finder = Finder {
            min_distance: params.min_distance,
            threshold: params.threshold,
            exclude_border: params.exclude_border,
            max_peaks: params.max_peaks,
            subpixel: params.subpixel,
            radius: params.sigma_wide.ceil(),
            score_range: (f64::NEG_INFINITY, f64::INFINITY),
        };
        let score = Score {
            grid: &difference,
            level,
            spread,
        };
        Ok(finder.peaks_of_spots(grid, score, &self.spots, &narrow))
    }
}

/// Level and noise of the difference, where pixels are valid.
fn scale_of_known<T: Real>(grid: &Grid<T>, difference: &Grid<f32>) -> Option<Scale> {
    if !grid.has_nan() {
        return Scale::of(&difference.values);
    }
    let mut known = pool::empty();
    known.extend(
        (difference.values.iter().zip(&grid.values))
            .filter(|(_, pixel)| !pixel.is_nan())
            .map(|(difference, _)| *difference),
    );
    Scale::of(&known)
}

struct Centred<'a, T> {
    grid: &'a Grid<T>,
    scale: Scale,
}

impl<T: Real> Fill for Centred<'_, T> {
    #[inline(always)]
    fn row(&self, row: usize, out: &mut [f32]) {
        for (out, value) in out.iter_mut().zip(self.grid.row(row)) {
            *out = self.scale.centred(value.to_f64()) as f32;
        }
    }
}

/// Every row.
struct All<'a, F>(F, &'a mut Grid<f32>);

impl<F: Fill> Vectorised for All<'_, F> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let All(fill, out) = self;
        let columns = out.columns.max(1);
        for (row, out) in out.values.chunks_exact_mut(columns).enumerate() {
            fill.row(row, out);
        }
    }
}

/// Turns the wide average into the difference.
struct Subtract<'a> {
    narrow: &'a [f32],
    wide: &'a mut [f32],
}

impl Vectorised for Subtract<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (wide, narrow) in self.wide.iter_mut().zip(self.narrow) {
            *wide = narrow - *wide;
        }
    }
}

#[cfg(test)]
mod tests;
