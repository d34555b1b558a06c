//! The scatter of pixels: `Σ (x - m)(x - m)ᵀ` about the mean `m`. Blocks of rows are multiplied in single precision about a mean of their
//! own, so that what all frames have in common takes no digits of what differs, and added in double precision (Chan, Golub, LeVeque:
//! merging of sums of squares). Counts of up to 8 bits and their products are exact.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, s};
use signal::HeapBytes;

use super::loops::{add_products, add_rows, add_times};
use super::rows::Rows;

/// Rows that are multiplied at a time: of so many bytes the squares about their mean have a sum below 2²⁴, exact in single precision.
const BLOCK_ROWS: usize = 1024;
/// Rows of the matrix that lie together: of the half on and above its diagonal.
const BAND: usize = 128;
/// The scatter of some rows about their mean.
pub(super) struct Scatter {
    pub count: f64,
    pub mean: Vec<f64>,
    /// Of pixels `n · BAND` and on, with those from the first of them.
    bands: Vec<Array2<f64>>,
}

impl Scatter {
    pub fn new(pixels: usize) -> Self {
        let starts = (0..pixels).step_by(BAND);
        Scatter {
            count: 0.0,
            mean: vec![0.0; pixels],
            bands: starts
                .map(|start| Array2::zeros((BAND.min(pixels - start), pixels - start)))
                .collect(),
        }
    }

    fn pixels(&self) -> usize {
        self.mean.len()
    }

    /// Takes over rows: their count, their mean and, by bands, what is added to the scatter about it.
    fn add(&mut self, count: f64, mean: &[f64], mut band: impl FnMut(usize, &mut Array2<f64>)) {
        let total = self.count + count;
        let apart: Vec<f64> = mean
            .iter()
            .zip(&self.mean)
            .map(|(new, own)| new - own)
            .collect();
        let weight = self.count * count / total;
        for (number, own) in self.bands.iter_mut().enumerate() {
            band(number, own);
            if weight == 0.0 {
                continue;
            }
            let apart = &apart[number * BAND..];
            for (mut row, one) in own.rows_mut().into_iter().zip(apart) {
                let sums = row.as_slice_mut().expect("rows of a band lie in one piece");
                add_times(sums, weight * one, apart);
            }
        }
        let share = count / total;
        (self.mean.iter_mut().zip(&apart)).for_each(|(own, apart)| *own += share * apart);
        self.count = total;
    }

    /// Takes over rows as they are.
    pub fn add_rows(&mut self, rows: &Rows, whole: bool) {
        let pixels = self.pixels();
        let mut block = Vec::with_capacity(BLOCK_ROWS.min(rows.len()) * pixels);
        let mut each = rows.each(pixels).peekable();
        while each.peek().is_some() {
            block.clear();
            each.by_ref()
                .take(BLOCK_ROWS)
                .for_each(|row| block.extend_from_slice(row));
            self.add_block(&mut block, whole);
        }
    }

    fn add_block(&mut self, block: &mut [f32], whole: bool) {
        let pixels = self.pixels();
        let count = block.len() / pixels;
        let mut sums = vec![0.0f64; pixels];
        add_rows(block, &mut sums);
        let middle = |sum: &f64| {
            let mean = (sum / count as f64) as f32;
            if whole { mean.round() } else { mean }
        };
        let middles: Vec<f32> = sums.iter().map(middle).collect();
        for row in block.chunks_exact_mut(pixels) {
            (row.iter_mut().zip(&middles)).for_each(|(value, middle)| *value -= middle);
        }
        // What is left of the mean when a number near it was subtracted.
        let left: Vec<f64> = (sums.iter().zip(&middles))
            .map(|(sum, middle)| sum / count as f64 - f64::from(*middle))
            .collect();
        let mean: Vec<f64> = (left.iter().zip(&middles))
            .map(|(left, middle)| left + f64::from(*middle))
            .collect();
        let rows = ArrayView2::from_shape((count, pixels), block).expect("whole rows");
        let mut products = Array2::<f32>::zeros((0, 0));
        self.add(count as f64, &mean, |number, sum| {
            let start = number * BAND;
            let (some, all) = (
                rows.slice(s![.., start..start + sum.nrows()]),
                rows.slice(s![.., start..]),
            );
            if products.dim() != sum.dim() {
                products = Array2::zeros(sum.dim());
            }
            general_mat_mul(1.0, &some.t(), &all, 0.0, &mut products);
            let left = &left[start..];
            for ((mut sums, products), one) in
                (sum.rows_mut().into_iter().zip(products.rows())).zip(left)
            {
                let sums = sums
                    .as_slice_mut()
                    .expect("rows of a band lie in one piece");
                let products = products.as_slice().expect("and those of its products");
                add_products(sums, products, count as f64 * one, left);
            }
        });
    }

    pub fn merge(&mut self, later: &Scatter) {
        let Scatter { count, mean, bands } = later;
        self.add(*count, mean, |number, sum| *sum += &bands[number]);
    }

    /// Of two pixels.
    pub fn of(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (a.min(b), a.max(b));
        let band = a / BAND;
        self.bands[band][[a - band * BAND, b - band * BAND]]
    }
}

impl HeapBytes for Scatter {
    fn heap_bytes(&self) -> usize {
        let bands = self.bands.iter().map(|band| band.len() * size_of::<f64>());
        bands.sum::<usize>() + self.mean.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(values: &[f32], pixels: usize, per_block: usize) -> Rows {
        let mut rows = Rows::default();
        for block in values.chunks(pixels * per_block) {
            rows.append(&mut Rows::of(block.to_vec(), pixels));
        }
        rows
    }

    #[test]
    fn scatter_is_the_sum_of_squares_about_the_mean_however_it_is_merged() {
        let pixels = 150;
        let value = |row: usize, pixel: usize| {
            100.0 + ((row * 7 + pixel * 3) % 11) as f32 + ((row * pixel) as f32 * 0.1).sin()
        };
        let values: Vec<f32> = (0..700 * pixels)
            .map(|at| value(at / pixels, at % pixels))
            .collect();
        let mut whole = Scatter::new(pixels);
        whole.add_rows(&rows_of(&values, pixels, 700), false);
        let mut merged = Scatter::new(pixels);
        for part in values.chunks(150 * pixels) {
            let mut other = Scatter::new(pixels);
            other.add_rows(&rows_of(part, pixels, 40), false);
            merged.merge(&other);
        }
        let mean = |pixel: usize| {
            (0..700)
                .map(|row| f64::from(value(row, pixel)))
                .sum::<f64>()
                / 700.0
        };
        for (a, b) in [(0, 0), (3, 149), (130, 140), (149, 149), (70, 20)] {
            let expected: f64 = (0..700)
                .map(|row| {
                    (f64::from(value(row, a)) - mean(a)) * (f64::from(value(row, b)) - mean(b))
                })
                .sum();
            for found in [&whole, &merged] {
                assert_eq!(found.count, 700.0);
                assert!(
                    (found.of(a, b) - expected).abs() < 2e-5 * 700.0 * 10.0,
                    "{a} {b}"
                );
                assert!((found.mean[a] - mean(a)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn counts_are_exact() {
        let pixels = 5;
        let counts: Vec<f32> = (0..600 * pixels)
            .map(|at| ((at * at) % 256) as f32)
            .collect();
        let mut scatter = Scatter::new(pixels);
        scatter.add_rows(&rows_of(&counts, pixels, 64), true);
        let column = |pixel: usize| {
            counts
                .iter()
                .skip(pixel)
                .step_by(pixels)
                .map(|v| f64::from(*v))
        };
        let squares: f64 = column(1).zip(column(4)).map(|(a, b)| a * b).sum();
        let sums: f64 = column(1).sum::<f64>() * column(4).sum::<f64>() / 600.0;
        assert!((scatter.of(4, 1) - (squares - sums)).abs() < 1e-6);
    }
}
