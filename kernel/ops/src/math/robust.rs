//! What a few bright, dead or hot pixels do not change: level and spread of an image, and which pixels are hot.

use super::Grid;
use super::rings::median;

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
    pub fn of(values: &mut [f64]) -> Option<Scale> {
        let level = median(values)?;
        let mut distances: Vec<f64> = values.iter().map(|value| (value - level).abs()).collect();
        let spread = DEVIATIONS_PER_MAD * median(&mut distances)?;
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
    pub fn of_image(grid: &Grid<f64>) -> Option<Scale> {
        let (low, high) = grid.range()?;
        if high - low <= 1e-12 * high.abs().max(low.abs()) {
            return None;
        }
        // A sample without contrast is no reason to see none.
        Scale::of(&mut sample(grid)).or_else(|| {
            let (_, spread) = grid.mean_and_deviation()?;
            let level = median(&mut sample(grid))?;
            Some(Scale { level, spread })
        })
    }
}

/// Of values more than half of which are alike.
fn spread_of_few(values: &mut [f64]) -> Option<f64> {
    let last = values.len() - 1;
    let [low, high] = TRIMMED.map(|share| {
        let place = (share * last as f64).round() as usize;
        *values.select_nth_unstable_by(place, f64::total_cmp).1
    });
    let deviation = |low: f64, high: f64| {
        let inside = || values.iter().map(|value| value.clamp(low, high));
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

fn sample(grid: &Grid<f64>) -> Vec<f64> {
    // An odd step does not stay in a few columns of an image whose width is a power of two.
    let step = grid.values.len().div_ceil(SAMPLED) | 1;
    let valid = |value: &f64| !value.is_nan();
    let some: Vec<f64> = (grid.values.iter().step_by(step))
        .copied()
        .filter(valid)
        .collect();
    match some.is_empty() {
        true => grid.values.iter().copied().filter(valid).collect(),
        false => some,
    }
}

/// Makes hot pixels NaN, see [`hot_pixels`].
pub fn leave_out_hot_pixels(grid: &mut Grid<f64>) {
    for at in hot_pixels(grid) {
        grid.values[at] = f64::NAN;
    }
}

/// Pixels that rise more than twenty times as far above the frame's median as the brightest pixel that one of its eight
/// neighbours confirms, in a frame where that is more than noise; flat places, in C order. A disk, a spot of two pixels, and
/// the single electrons of a sparse pattern are none; two hot pixels side by side confirm each other and are not found.
/// O(P); a frame whose brightest pixel is confirmed costs one look at every pixel.
pub fn hot_pixels(grid: &Grid<f64>) -> Vec<usize> {
    let Some(brightest) = brightest(grid) else {
        return Vec::new();
    };
    let level = median(&mut sample(grid)).unwrap_or(0.0);
    if grid.values[brightest] - level <= HOT * (neighbour(grid, brightest) - level) {
        return Vec::new();
    }
    let confirmed = (0..grid.values.len())
        .map(|at| grid.values[at].min(neighbour(grid, at)))
        .fold(f64::NEG_INFINITY, f64::max);
    let mut distances: Vec<f64> = sample(grid).iter().map(|v| (v - level).abs()).collect();
    let noise = DEVIATIONS_PER_MAD * median(&mut distances).unwrap_or(0.0);
    let structure = confirmed - level;
    if structure <= STRUCTURE * noise || structure <= 0.0 {
        return Vec::new();
    }
    (0..grid.values.len())
        .filter(|at| grid.values[*at] - level > HOT * structure)
        .collect()
}

fn brightest(grid: &Grid<f64>) -> Option<usize> {
    let (_, high) = grid.range()?;
    grid.values.iter().position(|value| *value == high)
}

/// The largest value among the neighbours of a pixel; −∞ where none is valid.
fn neighbour(grid: &Grid<f64>, at: usize) -> f64 {
    let (row, column) = (at / grid.columns, at % grid.columns);
    let mut largest = f64::NEG_INFINITY;
    for y in row.saturating_sub(1)..(row + 2).min(grid.rows) {
        for x in column.saturating_sub(1)..(column + 2).min(grid.columns) {
            if (y, x) != (row, column) {
                largest = largest.max(grid.at(y, x));
            }
        }
    }
    largest
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
        let found = Scale::of(&mut sparse).unwrap();
        assert!((found.spread - 0.0995).abs() < 1e-3 && found.level == 0.0);
        // One value of a million is not the spread of the others.
        let mut values: Vec<f64> = (0..100)
            .map(|at| f64::from(u8::from(at % 5 == 0)))
            .collect();
        values[41] = 1e6;
        assert!(Scale::of(&mut values).unwrap().spread < 1.0);
        assert_eq!(Scale::of(&mut [3.0; 9]), None);
        assert_eq!(Scale::of(&mut []), None);
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
