//! Pixels that nothing around them confirms.

use super::{DEVIATIONS_PER_MAD, median_distance, sample, sample_step};
use crate::math::real::{larger, smaller};
use crate::math::select::median;
use crate::math::{Grid, Real, pool};
use signal::simd::{Vectorised, vectorised};

/// A hot pixel rises this many times as high above the median as anything that a neighbour confirms.
const HOT: f64 = 20.0;
/// What a neighbour confirms is more than noise when it rises this many deviations above the median.
const STRUCTURE: f64 = 10.0;

/// Whether the median of the sample is not above a limit for certain.
fn most_are_not_above<T: Real>(grid: &Grid<T>, limit: f64) -> bool {
    let (mut count, mut valid) = (0, 0);
    let step = sample_step(grid.values.len());
    let all = grid.values.len().div_ceil(step);
    for value in grid.values.iter().step_by(step) {
        count += usize::from(value.to_f64() <= limit);
        valid += usize::from(!value.is_nan());
        if count > all / 2 {
            return true;
        }
    }
    count > valid / 2
}

/// Makes hot pixels NaN, see [`hot_pixels`].
pub fn leave_out_hot_pixels<T: Real>(grid: &mut Grid<T>) {
    for at in hot_pixels(grid) {
        grid.values[at] = T::NAN;
    }
}

/// Pixels that rise more than twenty times as far above the frame's median as the brightest pixel that one of its eight
/// neighbours confirms, in a frame where that is more than noise; flat places, in C order. The brightest pixel and the neighbour
/// that confirms it do not count when no third pixel around them does: two hot ones side by side. A disk, a spot of three
/// pixels, two spots of two, and the single electrons of a sparse pattern are none. O(P); a frame whose brightest pixel is
/// confirmed costs two looks at every pixel.
pub fn hot_pixels<T: Real>(grid: &Grid<T>) -> Vec<usize> {
    let Some((_, high)) = grid.range() else {
        return Vec::new();
    };
    let Some(brightest) = grid.first(high) else {
        return Vec::new();
    };
    let Some(beside) = brightest_around(grid, [brightest, brightest]) else {
        return hot_beyond(grid, high, &sample(grid), &[]);
    };
    let third = brightest_around(grid, [brightest, beside]);
    // Without the median: what it must not be above so that the fainter of both confirms the brightest.
    let fainter = third.map_or(f64::NEG_INFINITY, |third| {
        smaller(grid.values[third], grid.values[beside]).to_f64()
    });
    let most = (HOT * fainter - high) / (HOT - 1.0);
    if most_are_not_above(grid, most) {
        return Vec::new();
    }
    let sample = sample(grid);
    let level = median(&sample).unwrap_or(0.0);
    let confirms = |at: usize| high - level <= HOT * (grid.values[at].to_f64() - level);
    match (confirms(beside), third.is_some_and(confirms)) {
        (true, true) => Vec::new(),
        (true, false) => hot_beyond(grid, high, &sample, &[brightest, beside]),
        (false, _) => hot_beyond(grid, high, &sample, &[]),
    }
}

/// Those above what is confirmed without some pixels; none is above `high`.
fn hot_beyond<T: Real>(grid: &Grid<T>, high: f64, sample: &[T], apart: &[usize]) -> Vec<usize> {
    let level = median(sample).unwrap_or(0.0);
    let noise = DEVIATIONS_PER_MAD * median_distance(sample, level).unwrap_or(0.0);
    let structure = confirmed(grid, apart) - level;
    let is_noise = structure <= STRUCTURE * noise || structure <= 0.0;
    if is_noise || high - level <= HOT * structure {
        return Vec::new();
    }
    (0..grid.values.len())
        .filter(|at| grid.values[*at].to_f64() - level > HOT * structure)
        .collect()
}

/// The brightest value that a neighbour confirms, some pixels left out.
fn confirmed<T: Real>(grid: &Grid<T>, apart: &[usize]) -> f64 {
    let (columns, width) = (grid.columns, grid.columns + 2);
    let mut padded = pool::filled(width * (grid.rows + 2) + TOGETHER, T::NEG_INFINITY);
    for row in 0..grid.rows {
        let out = &mut padded[(row + 1) * width + 1..][..columns];
        for (out, value) in out.iter_mut().zip(grid.row(row)) {
            *out = larger(*value, T::NEG_INFINITY);
        }
    }
    for at in apart {
        padded[(at / columns + 1) * width + at % columns + 1] = T::NEG_INFINITY;
    }
    vectorised(Confirmed {
        padded: &padded,
        width,
    })
    .to_f64()
}

/// Pixels that are looked at together.
const TOGETHER: usize = 32;

struct Confirmed<'a, T> {
    /// With a border of one pixel without a value, and as many more as are looked at together.
    padded: &'a [T],
    width: usize,
}

impl<T: Real> Vectorised for Confirmed<'_, T> {
    type Result = T;

    #[inline(always)]
    fn run(self) -> T {
        let (padded, width) = (self.padded, self.width);
        let mut lanes = [T::NEG_INFINITY; TOGETHER];
        // Of two neighbours the first one looks at the second, on its right or below it.
        let end = padded.len() - TOGETHER - width - 1;
        for from in (0..end).step_by(TOGETHER) {
            let part = |by: usize| &padded[from + by..][..TOGETHER];
            let (own, right) = (part(0), part(1));
            let below = [part(width - 1), part(width), part(width + 1)];
            for lane in 0..TOGETHER {
                let [left, middle, last] = below.map(|below| below[lane]);
                let most = larger(larger(left, middle), larger(last, right[lane]));
                lanes[lane] = larger(smaller(own[lane], most), lanes[lane]);
            }
        }
        lanes.into_iter().fold(T::NEG_INFINITY, larger)
    }
}

/// The brightest of the pixels around one or two neighbours, not they themselves; `None` where none is valid.
fn brightest_around<T: Real>(grid: &Grid<T>, apart: [usize; 2]) -> Option<usize> {
    let mut brightest: Option<usize> = None;
    for at in apart {
        let (row, column) = (at / grid.columns, at % grid.columns);
        for y in row.saturating_sub(1)..(row + 2).min(grid.rows) {
            for x in column.saturating_sub(1)..(column + 2).min(grid.columns) {
                let other = y * grid.columns + x;
                let value = grid.values[other];
                let is_better = brightest.is_none_or(|best| value > grid.values[best]);
                if !apart.contains(&other) && !value.is_nan() && is_better {
                    brightest = Some(other);
                }
            }
        }
    }
    brightest
}

#[cfg(test)]
mod tests {
    use super::super::tests::{noise, pattern};
    use super::*;

    #[test]
    fn hot_pixels_are_found_and_nothing_else() {
        let mut grid = pattern();
        assert!(hot_pixels(&grid).is_empty());
        let places = [0, 47, 500, 501 + 48 * 3, 1700, 2999];
        for (n, at) in places.iter().enumerate() {
            grid.values[*at] = 3000.0 * (n + 1) as f64;
        }
        assert_eq!(hot_pixels(&grid), places);
    }

    #[test]
    fn two_hot_pixels_side_by_side_do_not_confirm_each_other() {
        for [first, second] in [
            [500, 501],
            [500, 548],
            [500, 549],
            [500, 547],
            [0, 1],
            [47, 95],
        ] {
            let mut grid = pattern();
            (grid.values[first], grid.values[second]) = (9000.0, 4000.0);
            grid.values[1700] = 3000.0;
            let mut places = [first, second, 1700];
            places.sort_unstable();
            assert_eq!(hot_pixels(&grid), places);
            assert_eq!(hot_pixels(&grid.to_f32()), places);
            // A third one makes a spot of them, and so does a second spot somewhere else.
            let mut spot = grid.clone();
            spot.values[first.max(second) - 1] = 1000.0;
            spot.values[first.max(second) + 1] = 1000.0;
            assert!(hot_pixels(&spot).is_empty());
            (grid.values[2000], grid.values[2001]) = (700.0, 700.0);
            assert!(hot_pixels(&grid).is_empty());
        }
    }

    #[test]
    fn single_electrons_and_a_lone_spot_are_not_hot() {
        let mut alone = Grid::filled(9, 11, 0.0);
        alone.values[30] = 5.0;
        assert!(hot_pixels(&alone).is_empty());
        let mut state = 3;
        let electrons = (0..64 * 64).map(|_| match noise(&mut state) < 0.01 {
            true => 150.0 + noise(&mut state),
            false => noise(&mut state),
        });
        assert!(hot_pixels(&Grid::new(64, 64, electrons.collect())).is_empty());
    }
}
