//! What every peak finder shares: from a score map to separate, sub-pixel, sorted peaks.

use std::sync::Arc;

use signal::{ElementType, NotApplicable, Output, Peaks, SignalKind, SignalMeta, choices};

use crate::inputs;
use crate::math::around::Disk;
use crate::math::maxima::{Maximum, Score, centre_of_mass, local_maxima, parabolas, separate};
use crate::math::pool::{self, Lent};
use crate::math::spot::Spots;
use crate::math::{Grid, Real};

choices! {
    /// How a peak's position is refined beyond whole pixels.
    pub enum Subpixel {
        /// Whole pixels; of pixels alike, their middle.
        None = "none",
        /// Top of the parabola through the score and its neighbours.
        Parabola = "parabola",
        /// Centre of mass of the score around the peak.
        Com = "com",
    }
}

/// Peaks in the plane of the input's signal axes.
pub fn describe(inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
    let input = inputs::images(inputs)?;
    Ok(SignalMeta {
        kind: SignalKind::Peaks,
        element: ElementType::F32,
        ..input.clone()
    })
}

/// What happens after the score map.
pub struct Finder {
    pub min_distance: usize,
    pub threshold: f64,
    pub exclude_border: usize,
    pub max_peaks: Option<usize>,
    pub subpixel: Subpixel,
    /// Radius of the disk whose mean counts are a peak's intensity, and of the centre-of-mass window.
    pub radius: f64,
    /// Range of the score that is reported; what lies beyond is clipped.
    pub score_range: (f64, f64),
}

impl Finder {
    /// Maxima of `score` as peaks of `grid`, best first. A score of NaN is no maximum; one that was told from the valid
    /// pixels around an invalid one may be.
    pub fn peaks<T: Real, S: Real>(&self, grid: &Grid<T>, score: &Grid<S>) -> Output {
        let score = Score::plain(score);
        let maxima = self.maxima(score, self.max_peaks.unwrap_or(usize::MAX));
        self.as_peaks(grid, score, &maxima)
    }

    /// As [`Finder::peaks`]; of a spot in `smooth` that goes further than `reach` from its maximum there is one peak, in the middle:
    /// where a filter is smaller than a disk its score is a ring, the top of which is anywhere.
    pub fn peaks_of_spots<T: Real>(
        &self,
        grid: &Grid<T>,
        score: Score<'_, f32>,
        spots: &Spots,
        smooth: &Grid<f32>,
    ) -> Output {
        let (rows, columns) = (grid.rows, grid.columns);
        // Empty before the first larger spot.
        let mut taken = pool::empty();
        let mut maxima = self.maxima(score, usize::MAX);
        let is_taken = |taken: &[bool], maximum: &Maximum| {
            let at = maximum.row * columns + maximum.column;
            taken.get(at).copied().unwrap_or(false)
        };
        // Which stay, also on a larger spot: those that are one, and those that stand out of it.
        let mut stay = pool::empty();
        let mut search = spots.search(smooth, score);
        maxima.retain_mut(|maximum| {
            let Maximum { row, column, .. } = *maximum;
            let Some(half) = search.half_height(row, column) else {
                stay.push(true);
                return true;
            };
            if is_taken(&taken, maximum) {
                return false;
            }
            let spot = search.larger_spot((row, column), half);
            stay.push(spot.is_some());
            if let Some(spot) = spot {
                taken.resize(rows * columns, false);
                spot.pixels.iter().for_each(|pixel| taken[*pixel] = true);
                maximum.plateau = Some(spot.middle);
            }
            true
        });
        let mut stay = stay.iter();
        maxima.retain(|maximum| *stay.next().unwrap_or(&true) || !is_taken(&taken, maximum));
        let border = self.exclude_border as f64;
        maxima.retain(|maximum| {
            let [row, column] = maximum.middle();
            let inside = |at: f64, size: usize| at >= border && at + border <= size as f64 - 1.0;
            inside(row, rows) && inside(column, columns)
        });
        self.as_peaks(grid, score, &maxima)
    }

    fn maxima<S: Real>(&self, score: Score<'_, S>, most: usize) -> Lent<Maximum> {
        let (distance, border) = (self.min_distance, self.exclude_border);
        let mut maxima = local_maxima(score, distance, self.threshold, border);
        let shape = (score.grid.rows, score.grid.columns);
        separate(&mut maxima, distance, shape, most);
        maxima
    }

    fn as_peaks<T: Real, S: Real>(
        &self,
        grid: &Grid<T>,
        score: Score<'_, S>,
        separate: &[Maximum],
    ) -> Output {
        let count = separate.len().min(self.max_peaks.unwrap_or(usize::MAX));
        let separate = &separate[..count];
        let mut places = pool::any(count);
        self.positions(score, separate, &mut places);
        let mut intensities = pool::any(count);
        Disk::new(self.radius).means(grid, &places, &mut intensities);
        let (least, most) = self.score_range;
        let score = |maximum: &Maximum| maximum.score.clamp(least, most) as f32;
        Output::Peaks(Arc::new(Peaks::of(
            places.iter().map(|place| place[0] as f32).collect(),
            places.iter().map(|place| place[1] as f32).collect(),
            intensities.iter().map(|mean| *mean as f32).collect(),
            separate.iter().map(score).collect(),
        )))
    }

    fn positions<S: Real>(&self, score: Score<'_, S>, maxima: &[Maximum], places: &mut [[f64; 2]]) {
        let reach = (self.radius.round() as usize).max(1);
        let of_each = |places: &mut [[f64; 2]], position: &dyn Fn(&Maximum) -> [f64; 2]| {
            for (place, maximum) in places.iter_mut().zip(maxima) {
                *place = maximum.plateau.unwrap_or_else(|| position(maximum));
            }
        };
        match self.subpixel {
            Subpixel::None => of_each(places, &Maximum::middle),
            Subpixel::Parabola => parabolas(score.grid, maxima, places),
            Subpixel::Com => of_each(places, &|maximum| {
                let Maximum { row, column, .. } = *maximum;
                let [dy, dx] = centre_of_mass(score, row, column, reach);
                [row as f64 + dy, column as f64 + dx]
            }),
        }
    }
}
