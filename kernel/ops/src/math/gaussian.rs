//! Gaussian smoothing with half-sample reflection.

mod blocks;
mod direct;
mod kernel;
mod pair;
mod smooth;

use std::cell::RefCell;

use super::{Grid, pool};
use direct::Direct;
use kernel::Kernel;
pub use pair::{Fill, Pair};
use smooth::Smooth;

/// Gaussian smoothing of images of one shape; build once, apply to many.
pub struct Blur(Way);

/// Whichever takes fewer operations; they agree to the rounding of single precision.
enum Way {
    Direct(Direct),
    Smooth(Smooth),
}

thread_local! {
    /// Intermediate sums, kept from image to image.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Blur {
    /// Kernel radius `floor(truncate · sigma + 0.5)`.
    pub fn new(rows: usize, columns: usize, sigma: f64, truncate: f64) -> Self {
        let kernel = Kernel::new(sigma, truncate);
        let (rows, columns) = (rows.max(1), columns.max(1));
        let smooth = Smooth::cost(rows, columns, &kernel);
        Blur(if smooth < Direct::cost(rows, columns, &kernel) {
            Way::Smooth(Smooth::new(rows, columns, &kernel))
        } else {
            Way::Direct(Direct::new(rows, columns, &kernel))
        })
    }

    /// Both Gaussians at once, when they are narrow and this one is the narrower.
    pub fn pair_with(&self, wide: &Blur) -> Option<Pair> {
        match (&self.0, &wide.0) {
            (Way::Direct(narrow), Way::Direct(wide)) => narrow.pair_with(wide),
            _ => None,
        }
    }

    /// The smoothed image. NaN pixels have weight 0; where no valid pixel is near, the result is NaN.
    pub fn apply(&self, grid: &Grid<f32>) -> Grid<f32> {
        if !grid.has_nan() {
            return self.convolve(grid);
        }
        let blank = || Grid::filled(grid.rows, grid.columns, 0.0);
        let (mut sum, mut weight) = (blank(), blank());
        self.weighted_into(grid, &mut sum, &mut weight);
        sum
    }

    /// Into images that are there already, with the share of valid pixels, by weight, that each result was made from.
    pub fn weighted_into(&self, grid: &Grid<f32>, sum: &mut Grid<f32>, weight: &mut Grid<f32>) {
        let mut masked = pool::any(grid.values.len());
        let mut convolve = |take: fn(f32) -> f32, out: &mut Grid<f32>| {
            for (masked, value) in masked.iter_mut().zip(&grid.values) {
                *masked = take(*value);
            }
            self.apply_into(&masked, &mut out.values);
        };
        convolve(|value| if value.is_nan() { 0.0 } else { value }, sum);
        convolve(|value| f32::from(!value.is_nan()), weight);
        for (sum, weight) in sum.values.iter_mut().zip(&weight.values) {
            *sum = if *weight > 1e-6 {
                *sum / weight
            } else {
                f32::NAN
            };
        }
    }

    fn convolve(&self, grid: &Grid<f32>) -> Grid<f32> {
        let mut out = Grid::filled(grid.rows, grid.columns, 0.0f32);
        self.apply_into(&grid.values, &mut out.values);
        out
    }

    /// As [`Blur::apply`] for an image without NaN, into pixels that are there already.
    pub fn apply_into(&self, image: &[f32], out: &mut [f32]) {
        SCRATCH.with_borrow_mut(|scratch| match &self.0 {
            Way::Direct(direct) => direct.apply(image, out, scratch),
            Way::Smooth(smooth) => smooth.apply(image, out, scratch),
        });
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

    /// The matrices themselves in double precision.
    fn reference(image: &[f32], rows: usize, columns: usize, kernel: &Kernel) -> Vec<f64> {
        let (down, across) = (kernel.matrix(rows), kernel.matrix(columns));
        let mut half = vec![0.0; rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                half[row * columns + column] = (0..rows)
                    .map(|from| down[row * rows + from] * f64::from(image[from * columns + column]))
                    .sum();
            }
        }
        let mut both = vec![0.0; rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                both[row * columns + column] = (0..columns)
                    .map(|from| half[row * columns + from] * across[from * columns + column])
                    .sum();
            }
        }
        both
    }

    /// Noise, a ramp and a beam that is brighter than everything else together.
    fn pattern(rows: usize, columns: usize) -> Vec<f32> {
        let mut seed = 1u32;
        (0..rows * columns)
            .map(|at| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let beam = if at == (rows / 3) * columns + columns / 2 {
                    60_000.0
                } else {
                    0.0
                };
                (seed >> 24) as f32 + 0.1 * (at % columns) as f32 + beam
            })
            .collect()
    }

    #[test]
    fn both_ways_are_exact_to_single_precision() {
        for (rows, columns) in [(48, 40), (96, 131), (1, 300), (130, 7)] {
            let image = pattern(rows, columns);
            for (sigma, truncate) in [
                (0.6, 4.0),
                (2.0, 3.0),
                (14.0, 4.0),
                (55.0, 4.0),
                (250.0, 4.0),
            ] {
                let kernel = Kernel::new(sigma, truncate);
                let exact = reference(&image, rows, columns, &kernel);
                let mut out = vec![0.0f32; image.len()];
                let mut scratch = Vec::new();
                let check = |way: &str, out: &[f32]| {
                    let worst = (out.iter().zip(&exact))
                        .map(|(found, exact)| (f64::from(*found) - exact).abs() / exact.abs())
                        .fold(0.0, f64::max);
                    assert!(
                        worst < 5e-6,
                        "{way} {rows}x{columns} sigma {sigma}: {worst:e}"
                    );
                };
                Direct::new(rows, columns, &kernel).apply(&image, &mut out, &mut scratch);
                check("direct", &out);
                if sigma > 10.0 {
                    Smooth::new(rows, columns, &kernel).apply(&image, &mut out, &mut scratch);
                    check("smooth", &out);
                }
            }
        }
    }

    /// The rows of an image as they are.
    struct Rows<'a>(&'a [f32], usize);

    impl Fill for Rows<'_> {
        #[inline(always)]
        fn row(&self, row: usize, out: &mut [f32]) {
            out.copy_from_slice(&self.0[row * self.1..(row + 1) * self.1]);
        }
    }

    #[test]
    fn two_at_once_are_exact_to_single_precision() {
        for (rows, columns) in [(48, 40), (97, 131), (1, 300), (130, 7), (2, 3)] {
            let image = pattern(rows, columns);
            for (narrow, wide) in [(0.8, 2.0), (1.0, 1.1), (2.5, 5.0), (4.5, 9.0)] {
                let kernels = [narrow, wide].map(|sigma| Kernel::new(sigma, 3.0));
                let [narrow, wide] = [0, 1].map(|at| Direct::new(rows, columns, &kernels[at]));
                let pair = narrow.pair_with(&wide).unwrap();
                let mut smooth = vec![0.0f32; image.len()];
                let mut difference = smooth.clone();
                pair.apply(Rows(&image, columns), &mut smooth, &mut difference);
                let exact = kernels.map(|kernel| reference(&image, rows, columns, &kernel));
                for at in 0..image.len() {
                    let [narrow, wide] = [exact[0][at], exact[1][at]];
                    let worst = 5e-6 * narrow.abs().max(wide.abs());
                    assert!((f64::from(smooth[at]) - narrow).abs() < worst);
                    assert!((f64::from(difference[at]) - (narrow - wide)).abs() < 2.0 * worst);
                }
            }
        }
    }

    #[test]
    fn the_cheaper_way_is_taken() {
        let smooth = |sigma| matches!(Blur::new(256, 256, sigma, 4.0).0, Way::Smooth(_));
        assert!(!smooth(1.0) && smooth(20.0) && smooth(55.0));
    }
}
