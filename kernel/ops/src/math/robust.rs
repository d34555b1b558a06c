//! What a few bright, dead or hot pixels do not change: level and spread of an image, and which pixels are hot.

use super::pool::{self, Lent};
use super::real::{larger, smaller};
use super::select::{at_rank, median};
use super::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// Most pixels that level and spread are taken from.
const SAMPLED: usize = 4096;
/// Standard deviations per median absolute deviation, for normally distributed values.
const DEVIATIONS_PER_MAD: f64 = 1.4826;
/// Where more than half of the values are alike (sparse counts), the spread of those between these quantiles.
const TRIMMED: [f64; 2] = [0.02, 0.98];
/// A hot pixel rises this many times as high above the median as anything that a neighbour confirms.
const HOT: f64 = 20.0;
/// What a neighbour confirms is more than noise when it rises this many deviations above the median.
const STRUCTURE: f64 = 10.0;

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
fn sample_step<T: Real>(grid: &Grid<T>) -> usize {
    grid.values.len().div_ceil(SAMPLED) | 1
}

/// Whether the median of the sample is not above a limit for certain.
fn most_are_not_above<T: Real>(grid: &Grid<T>, limit: f64) -> bool {
    let (mut count, mut valid) = (0, 0);
    for value in grid.values.iter().step_by(sample_step(grid)) {
        count += usize::from(value.to_f64() <= limit);
        valid += usize::from(!value.is_nan());
    }
    count > valid / 2
}

fn sample<T: Real>(grid: &Grid<T>) -> Lent<T> {
    let step = sample_step(grid);
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
        return hot_beyond(grid, &sample(grid), &[]);
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
        (true, false) => hot_beyond(grid, &sample, &[brightest, beside]),
        (false, _) => hot_beyond(grid, &sample, &[]),
    }
}

/// Those above what is confirmed without some pixels.
fn hot_beyond<T: Real>(grid: &Grid<T>, sample: &[T], apart: &[usize]) -> Vec<usize> {
    let level = median(sample).unwrap_or(0.0);
    let noise = DEVIATIONS_PER_MAD * median_distance(sample, level).unwrap_or(0.0);
    let structure = confirmed(grid, apart) - level;
    if structure <= STRUCTURE * noise || structure <= 0.0 {
        return Vec::new();
    }
    (0..grid.values.len())
        .filter(|at| grid.values[*at].to_f64() - level > HOT * structure)
        .collect()
}

/// The brightest value that a neighbour confirms, some pixels left out.
fn confirmed<T: Real>(grid: &Grid<T>, apart: &[usize]) -> f64 {
    let (columns, width) = (grid.columns, grid.columns + 2);
    let mut padded = pool::filled(width * (grid.rows + 2), T::NEG_INFINITY);
    for row in 0..grid.rows {
        let out = &mut padded[(row + 1) * width + 1..][..columns];
        for (out, value) in out.iter_mut().zip(grid.row(row)) {
            *out = larger(*value, T::NEG_INFINITY);
        }
    }
    for at in apart {
        padded[(at / columns + 1) * width + at % columns + 1] = T::NEG_INFINITY;
    }
    let mut lanes = pool::filled(columns, T::NEG_INFINITY);
    vectorised(Confirmed {
        padded: &padded,
        width,
        lanes: &mut lanes,
    });
    (lanes.iter().copied())
        .fold(T::NEG_INFINITY, larger)
        .to_f64()
}

struct Confirmed<'a, T> {
    /// With a border of one pixel without a value.
    padded: &'a [T],
    width: usize,
    /// The brightest of each column.
    lanes: &'a mut [T],
}

impl<T: Real> Vectorised for Confirmed<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (padded, width) = (self.padded, self.width);
        let columns = self.lanes.len();
        for row in 1..(padded.len() / width).saturating_sub(1) {
            let line = |down: usize, right: usize| {
                let from = (row + down - 1) * width + right;
                &padded[from..from + columns]
            };
            let around = [
                line(0, 0),
                line(0, 1),
                line(0, 2),
                line(1, 0),
                line(1, 2),
                line(2, 0),
                line(2, 1),
                line(2, 2),
            ];
            let own = line(1, 1);
            for (at, lane) in self.lanes.iter_mut().enumerate() {
                let neighbour = around
                    .iter()
                    .fold(T::NEG_INFINITY, |most, line| larger(line[at], most));
                *lane = larger(smaller(own[at], neighbour), *lane);
            }
        }
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
    use super::*;

    fn noise(state: &mut u32) -> f64 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*state >> 8) / f64::from(1u32 << 24)
    }

    /// Disks of radius 3 and 100 counts on noise.
    fn pattern() -> Grid<f64> {
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
