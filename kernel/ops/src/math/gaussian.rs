//! Gaussian smoothing with half-sample reflection, as two banded matrices.

use super::{Grid, half_sample};

/// Gaussian weights along one axis with the reflection folded in: `out[i] = Σ_j weight(i, j) in[j]`.
/// The matrix is symmetric, so a row is also a column.
struct Band {
    first: Vec<usize>,
    start: Vec<usize>,
    weights: Vec<f32>,
}

impl Band {
    fn new(size: usize, sigma: f64, truncate: f64) -> Self {
        let radius = (truncate * sigma + 0.5).floor() as isize;
        let mut kernel: Vec<f64> = (-radius..=radius)
            .map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp())
            .collect();
        let sum: f64 = kernel.iter().sum();
        kernel.iter_mut().for_each(|weight| *weight /= sum);

        let mut band = Band {
            first: Vec::with_capacity(size),
            start: vec![0],
            weights: Vec::new(),
        };
        let mut dense = vec![0.0f64; size];
        for at in 0..size as isize {
            dense.fill(0.0);
            for (tap, weight) in (at - radius..).zip(&kernel) {
                dense[half_sample(tap, size)] += weight;
            }
            let first = (at - radius).max(0) as usize;
            let last = (at + radius).min(size as isize - 1) as usize;
            band.first.push(first);
            band.weights
                .extend(dense[first..=last].iter().map(|weight| *weight as f32));
            band.start.push(band.weights.len());
        }
        band
    }

    /// First index and weights of row `at`.
    #[inline(always)]
    fn row(&self, at: usize) -> (usize, &[f32]) {
        (
            self.first[at],
            &self.weights[self.start[at]..self.start[at + 1]],
        )
    }
}

/// Gaussian smoothing of images of one shape; build once, apply to many.
pub struct Blur {
    down: Band,
    across: Band,
}

impl Blur {
    /// Kernel radius `floor(truncate · sigma + 0.5)`.
    pub fn new(rows: usize, columns: usize, sigma: f64, truncate: f64) -> Self {
        Blur {
            down: Band::new(rows, sigma, truncate),
            across: Band::new(columns, sigma, truncate),
        }
    }

    /// The smoothed image. NaN pixels have weight 0; where no valid pixel is near, the result is NaN.
    pub fn apply(&self, grid: &Grid<f32>) -> Grid<f32> {
        if !grid.values.iter().any(|value| value.is_nan()) {
            return self.convolve(grid);
        }
        let masked = |take: fn(f32) -> f32| {
            let values = grid.values.iter().map(|value| take(*value)).collect();
            self.convolve(&Grid::new(grid.rows, grid.columns, values))
        };
        let mut sum = masked(|value| if value.is_nan() { 0.0 } else { value });
        let weight = masked(|value| f32::from(!value.is_nan()));
        for (sum, weight) in sum.values.iter_mut().zip(&weight.values) {
            *sum = if *weight > 1e-6 {
                *sum / weight
            } else {
                f32::NAN
            };
        }
        sum
    }

    fn convolve(&self, grid: &Grid<f32>) -> Grid<f32> {
        let Grid { rows, columns, .. } = *grid;
        let mut down = Grid::filled(rows, columns, 0.0f32);
        for (row, out) in down.values.chunks_exact_mut(columns.max(1)).enumerate() {
            let (first, weights) = self.down.row(row);
            for (from, weight) in (first..).zip(weights) {
                add_scaled(out, grid.row(from), *weight);
            }
        }
        let mut both = Grid::filled(rows, columns, 0.0f32);
        for (row, out) in both.values.chunks_exact_mut(columns.max(1)).enumerate() {
            for (column, value) in down.row(row).iter().enumerate() {
                let (first, weights) = self.across.row(column);
                add_scaled(&mut out[first..first + weights.len()], weights, *value);
            }
        }
        both
    }
}

#[inline(always)]
fn add_scaled(out: &mut [f32], values: &[f32], factor: f32) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_and_a_hole_is_filled_from_around_it() {
        let mut grid = Grid::filled(7, 11, 5.0f32);
        grid.values[3 * 11 + 4] = f32::NAN;
        for sigma in [0.5, 2.0, 40.0] {
            let smooth = Blur::new(7, 11, sigma, 4.0).apply(&grid);
            assert!(smooth.values.iter().all(|v| (v - 5.0).abs() < 1e-4));
        }
    }

    #[test]
    fn the_sum_is_kept_because_the_edges_reflect() {
        let mut grid = Grid::filled(6, 9, 0.0f32);
        grid.values[9] = 3.0;
        let smooth = Blur::new(6, 9, 3.0, 4.0).apply(&grid);
        assert!((smooth.values.iter().sum::<f32>() - 3.0).abs() < 1e-5);
        assert!(smooth.at(1, 0) > smooth.at(0, 0) || smooth.at(1, 0) > smooth.at(2, 0));
    }
}
