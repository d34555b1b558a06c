use signal::simd::{Vectorised, vectorised};

use super::Real;
use super::real::{larger, smaller};

/// An image in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid<T> {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<T>,
}

impl<T: Copy> Grid<T> {
    /// `values` must hold `rows · columns` numbers; a frame guarantees it.
    pub fn new(rows: usize, columns: usize, values: Vec<T>) -> Self {
        debug_assert_eq!(values.len(), rows * columns);
        Grid {
            rows,
            columns,
            values,
        }
    }

    pub fn filled(rows: usize, columns: usize, value: T) -> Self {
        Grid::new(rows, columns, vec![value; rows * columns])
    }

    /// Zero-frequency pixel of a shifted Fourier transform: `floor(size / 2)`, row first.
    pub fn reference_centre(&self) -> [f64; 2] {
        [(self.rows / 2) as f64, (self.columns / 2) as f64]
    }

    #[inline(always)]
    pub fn at(&self, row: usize, column: usize) -> T {
        self.values[row * self.columns + column]
    }

    #[inline(always)]
    pub fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }
}

impl<T: Real> Grid<T> {
    pub fn has_nan(&self) -> bool {
        vectorised(HasNan(&self.values))
    }

    /// Least and greatest valid pixel, `None` when there are none.
    pub fn range(&self) -> Option<(f64, f64)> {
        let (least, greatest) = vectorised(Range(&self.values));
        (least <= greatest).then_some((least.to_f64(), greatest.to_f64()))
    }

    /// Where a value stands first.
    pub fn first(&self, value: f64) -> Option<usize> {
        vectorised(First(&self.values, value))
    }

    /// Mean and population standard deviation of the valid pixels, `None` when there are none.
    pub fn mean_and_deviation(&self) -> Option<(f64, f64)> {
        let valid =
            || (self.values.iter().map(|value| value.to_f64())).filter(|value| !value.is_nan());
        let count = valid().count();
        if count == 0 {
            return None;
        }
        let mean = valid().sum::<f64>() / count as f64;
        let variance = valid().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count as f64;
        Some((mean, variance.sqrt()))
    }
}

struct HasNan<'a, T>(&'a [T]);

impl<T: Real> Vectorised for HasNan<'_, T> {
    type Result = bool;

    #[inline(always)]
    fn run(self) -> bool {
        (self.0.chunks(256)).any(|part| part.iter().fold(false, |any, value| any | value.is_nan()))
    }
}

struct Range<'a, T>(&'a [T]);

impl<T: Real> Vectorised for Range<'_, T> {
    type Result = (T, T);

    #[inline(always)]
    fn run(self) -> (T, T) {
        // NaN is neither less nor greater.
        const LANES: usize = 32;
        let (mut least, mut greatest) = ([T::INFINITY; LANES], [T::NEG_INFINITY; LANES]);
        let mut parts = self.0.chunks_exact(LANES);
        for part in &mut parts {
            for lane in 0..LANES {
                least[lane] = smaller(part[lane], least[lane]);
                greatest[lane] = larger(part[lane], greatest[lane]);
            }
        }
        for value in parts.remainder() {
            (least[0], greatest[0]) = (smaller(*value, least[0]), larger(*value, greatest[0]));
        }
        (
            least.into_iter().fold(T::INFINITY, smaller),
            greatest.into_iter().fold(T::NEG_INFINITY, larger),
        )
    }
}

struct First<'a, T>(&'a [T], f64);

impl<T: Real> Vectorised for First<'_, T> {
    type Result = Option<usize>;

    #[inline(always)]
    fn run(self) -> Option<usize> {
        const PART: usize = 256;
        let First(values, wanted) = self;
        let is_it = |value: &T| value.to_f64() == wanted;
        let part = (values.chunks(PART))
            .position(|part| part.iter().fold(false, |any, value| any | is_it(value)))?;
        let within = values[PART * part..].iter().position(is_it)?;
        Some(PART * part + within)
    }
}

impl Grid<f64> {
    pub fn to_f32(&self) -> Grid<f32> {
        let values = self.values.iter().map(|value| *value as f32).collect();
        Grid::new(self.rows, self.columns, values)
    }
}

/// Index inside `0..size` of a position beyond the edge, edge pixel repeated: `c b a | a b c | c b a`.
pub fn half_sample(at: isize, size: usize) -> usize {
    let size = size as isize;
    let folded = at.rem_euclid(2 * size);
    (if folded < size {
        folded
    } else {
        2 * size - 1 - folded
    }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_pixel_is_repeated() {
        let half: Vec<_> = (-3..6).map(|at| half_sample(at, 3)).collect();
        assert_eq!(half, [2, 1, 0, 0, 1, 2, 2, 1, 0]);
    }
}
