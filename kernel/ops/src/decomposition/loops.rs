//! Loops over rows of pixels, with the widest vectors of the machine.

use signal::Element;
use signal::simd::{Vectorised, vectorised};

/// Fills a row with pixels in single precision, with NaN for what is not finite; how many those are.
pub(super) fn to_single<T: Element>(pixels: &[T], row: &mut [f32]) -> usize {
    vectorised(ToSingle { pixels, row })
}

struct ToSingle<'a, T> {
    pixels: &'a [T],
    row: &'a mut [f32],
}

impl<T: Element> Vectorised for ToSingle<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let mut invalid = 0u32;
        for (value, pixel) in self.row.iter_mut().zip(self.pixels) {
            let single = pixel.to_f32();
            let is_valid = single.is_finite();
            *value = if is_valid { single } else { f32::NAN };
            invalid += u32::from(!is_valid);
        }
        invalid as usize
    }
}

/// In double precision.
pub(super) fn sum(row: &[f32]) -> f64 {
    vectorised(Sum(row, |value| value))
}

/// Of squares, in double precision.
pub(super) fn squares(values: &[f32]) -> f64 {
    vectorised(Sum(values, |value| value * value))
}

/// Of sixteen at a time.
struct Sum<'a, F>(&'a [f32], F);

impl<F: Fn(f64) -> f64> Vectorised for Sum<'_, F> {
    type Result = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Sum(values, of) = self;
        let (chunks, rest) = values.as_chunks::<16>();
        let mut lanes = [0.0f64; 16];
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += of(f64::from(chunk[lane]));
            }
        }
        let rest = rest.iter().map(|value| of(f64::from(*value)));
        lanes.iter().sum::<f64>() + rest.sum::<f64>()
    }
}

/// Adds rows of so many pixels as there are sums to these.
pub(super) fn add_rows(rows: &[f32], sums: &mut [f64]) {
    vectorised(AddRows { rows, sums });
}

struct AddRows<'a> {
    rows: &'a [f32],
    sums: &'a mut [f64],
}

impl Vectorised for AddRows<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            for (sum, value) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
    }
}

/// `sums += one · others`.
pub(super) fn add_times(sums: &mut [f64], one: f64, others: &[f64]) {
    vectorised(AddTimes { sums, one, others });
}

struct AddTimes<'a> {
    sums: &'a mut [f64],
    one: f64,
    others: &'a [f64],
}

impl Vectorised for AddTimes<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (sum, other) in self.sums.iter_mut().zip(self.others) {
            *sum += self.one * other;
        }
    }
}

/// `sums += products - one · others`.
pub(super) fn add_products(sums: &mut [f64], products: &[f32], one: f64, others: &[f64]) {
    vectorised(AddProducts {
        sums,
        products,
        one,
        others,
    });
}

struct AddProducts<'a> {
    sums: &'a mut [f64],
    products: &'a [f32],
    one: f64,
    others: &'a [f64],
}

impl Vectorised for AddProducts<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let products = self.products.iter().zip(self.others);
        for (sum, (product, other)) in self.sums.iter_mut().zip(products) {
            *sum += f64::from(*product) - self.one * other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 37;

    fn numbers(times: f32) -> Vec<f32> {
        (0..SIZE).map(|at| times * at as f32 - 5.0).collect()
    }

    #[test]
    fn rows_are_made_of_what_is_finite() {
        let mut pixels: Vec<f64> = numbers(0.5).into_iter().map(f64::from).collect();
        (pixels[3], pixels[36]) = (f64::INFINITY, 1e300);
        let mut row = vec![0.0; SIZE];
        assert_eq!(to_single(&pixels, &mut row), 2);
        assert!(row[3].is_nan() && row[36].is_nan() && row[35] == 12.5);
        assert_eq!(to_single(&[7u16; SIZE], &mut row), 0);
        assert_eq!(sum(&row), 7.0 * SIZE as f64);
        assert_eq!(squares(&row), 49.0 * SIZE as f64);
    }

    #[test]
    fn sums_are_those_of_every_pixel() {
        let rows = [numbers(1.0), numbers(2.0)].concat();
        let mut sums = vec![1.0; SIZE];
        add_rows(&rows, &mut sums);
        assert!((0..SIZE).all(|at| sums[at] == 3.0 * at as f64 - 9.0));
        let others: Vec<f64> = (0..SIZE).map(|at| at as f64).collect();
        add_times(&mut sums, 2.0, &others);
        add_products(&mut sums, &numbers(1.0), 6.0, &others);
        assert!(sums.iter().all(|sum| *sum == -14.0));
    }
}
