//! What a few bright, dead or hot pixels do not change: level and spread of an image, and which pixels are hot.

mod hot;

use super::pool::{self, Lent};
use super::select::{at_rank, median};
use super::{Grid, Real};
pub use hot::{hot_pixels, leave_out_hot_pixels};
use signal::simd::{Vectorised, vectorised};

/// Most pixels that level and spread are taken from.
const SAMPLED: usize = 4096;
/// Standard deviations per median absolute deviation, for normally distributed values.
const DEVIATIONS_PER_MAD: f64 = 1.4826;
/// Where more than half of the values are alike (sparse counts), the spread of those between these quantiles.
const TRIMMED: [f64; 2] = [0.02, 0.98];

/// Pixels further from the level than so many times the spread count as that far: one pixel at the end of a 32-bit
/// number would take the digits of all sums that contain it.
const FURTHEST: f64 = 1e5;

/// Where most values lie, and how far apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The median.
    pub level: f64,
    /// Above 0.
    pub spread: f64,
}

impl Scale {
    /// Median and `1.4826 · MAD` of values without NaN; where more than half of them are alike, their standard deviation
    /// with the outer 2 % on both sides drawn in, and where even that is 0, the whole standard deviation. `None` for
    /// no values and for values that are all alike.
    pub fn of<T: Real>(values: &[T]) -> Option<Scale> {
        let level = median(values)?;
        let spread = DEVIATIONS_PER_MAD * median_distance(values, level)?;
        let spread = match spread > 0.0 {
            true => spread,
            false => spread_of_few(values)?,
        };
        Some(Scale { level, spread })
    }

    /// A value from the level, with what lies absurdly far drawn in.
    #[inline(always)]
    pub fn centred(&self, value: f64) -> f64 {
        let furthest = FURTHEST * self.spread;
        (value - self.level).clamp(-furthest, furthest)
    }

    /// Of some 4000 pixels evenly spread over the valid ones. `None` for an image without contrast: what rounding
    /// alone does to a constant is none.
    pub fn of_image<T: Real>(grid: &Grid<T>) -> Option<Scale> {
        let (low, high) = grid.range()?;
        if high - low <= 1e-12 * high.abs().max(low.abs()) {
            return None;
        }
        let sample = sample(grid);
        // A sample without contrast is no reason to see none.
        Scale::of(&sample).or_else(|| {
            let (_, spread) = grid.mean_and_deviation()?;
            let level = median(&sample)?;
            Some(Scale { level, spread })
        })
    }
}

fn median_distance<T: Real>(values: &[T], level: f64) -> Option<f64> {
    let mut distances = pool::any(values.len());
    vectorised(Distances {
        values,
        level,
        out: &mut distances,
    });
    median(&distances)
}

struct Distances<'a, T> {
    values: &'a [T],
    level: f64,
    out: &'a mut [T],
}

impl<T: Real> Vectorised for Distances<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (out, value) in self.out.iter_mut().zip(self.values) {
            *out = T::nearest((value.to_f64() - self.level).abs());
        }
    }
}

/// Of values more than half of which are alike.
fn spread_of_few<T: Real>(values: &[T]) -> Option<f64> {
    let last = values.len() - 1;
    let [low, high] = TRIMMED.map(|share| {
        let place = (share * last as f64).round() as usize;
        at_rank(values, place).to_f64()
    });
    let deviation = |low: f64, high: f64| {
        let inside = || values.iter().map(|value| value.to_f64().clamp(low, high));
        let mean = inside().sum::<f64>() / values.len() as f64;
        let squares = inside().map(|value| (value - mean).powi(2)).sum::<f64>();
        (squares / values.len() as f64).sqrt()
    };
    let trimmed = if high > low {
        deviation(low, high)
    } else {
        0.0
    };
    let spread = match trimmed > 0.0 {
        true => trimmed,
        false => deviation(f64::NEG_INFINITY, f64::INFINITY),
    };
    (spread > 0.0).then_some(spread)
}

/// An odd step does not stay in a few columns of an image whose width is a power of two.
fn sample_step(length: usize) -> usize {
    length.div_ceil(SAMPLED) | 1
}

fn sample<T: Real>(grid: &Grid<T>) -> Lent<T> {
    let step = sample_step(grid.values.len());
    let mut some = pool::any(grid.values.len().div_ceil(step));
    let mut count = 0;
    let out: &mut [T] = &mut some;
    for value in grid.values.iter().step_by(step) {
        out[count] = *value;
        count += usize::from(!value.is_nan());
    }
    some.truncate(count);
    if some.is_empty() {
        some.extend((grid.values.iter().copied()).filter(|value| !value.is_nan()));
    }
    some
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn noise(state: &mut u32) -> f64 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*state >> 8) / f64::from(1u32 << 24)
    }

    /// Disks of radius 3 and 100 counts on noise.
    pub(super) fn pattern() -> Grid<f64> {
        let mut state = 7;
        let values = (0..64 * 48)
            .map(|at| {
                let (row, column) = (at / 48 % 16, at % 48 % 16);
                let disk = (row as f64 - 7.0).hypot(column as f64 - 8.0) <= 3.0;
                f64::from(u8::from(disk)) * 100.0 + (5.0 * noise(&mut state)).floor()
            })
            .collect();
        Grid::new(64, 48, values)
    }

    #[test]
    fn a_dead_column_does_not_move_level_and_spread() {
        let clean = Scale::of_image(&pattern()).unwrap();
        let mut holed = pattern();
        for row in 0..64 {
            holed.values[row * 48 + 20] = f64::from(u32::MAX);
        }
        let found = Scale::of_image(&holed).unwrap();
        assert!((found.level - clean.level).abs() <= 1.0);
        assert!(found.spread < 1.5 * clean.spread, "{found:?} {clean:?}");
    }

    #[test]
    fn values_that_are_mostly_alike_have_a_spread_and_a_constant_has_none() {
        let mut sparse = vec![0.0; 100];
        sparse[30] = 1.0;
        let found = Scale::of(&sparse).unwrap();
        assert!((found.spread - 0.0995).abs() < 1e-3 && found.level == 0.0);
        // One value of a million is not the spread of the others.
        let mut values: Vec<f64> = (0..100)
            .map(|at| f64::from(u8::from(at % 5 == 0)))
            .collect();
        values[41] = 1e6;
        assert!(Scale::of(&values).unwrap().spread < 1.0);
        assert_eq!(Scale::of(&[3.0; 9]), None);
        assert_eq!(Scale::of::<f64>(&[]), None);
        let mut frame = Grid::filled(8, 9, 41.3);
        assert_eq!(Scale::of_image(&frame), None);
        frame.values[4] += 1e-14;
        assert_eq!(Scale::of_image(&frame), None);
        frame.values.fill(f64::NAN);
        assert_eq!(Scale::of_image(&frame), None);
    }
}
