use std::ops::{AddAssign, Mul};

use super::blocks::{LANES, Visit, visit};
use super::pixel::Pixel;
use crate::simd::{Vectorised, vectorised};
use crate::{Element, ElementType, Frame, PixelRun, for_pixels};

/// Blocks of columns whose sums are kept at once.
const TILE: usize = 16;

/// Sum of the valid pixels, and of their products with the distance from a centre.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub sum: f64,
    pub y: f64,
    pub x: f64,
}

/// What sums of rows and columns are added up in.
trait Whole: Element + Default + AddAssign + Mul<Output = Self> + From<u32> {}

impl<T: Element + Default + AddAssign + Mul<Output = Self> + From<u32>> Whole for T {}

struct Gather<'a, T> {
    pixels: &'a [T],
    runs: &'a [PixelRun],
    columns: usize,
    centre: [f64; 2],
}

impl<T: Pixel> Gather<'_, T> {
    /// Of pixels made ready one by one. Each is added to its row and to its column, whose sums, in numbers of type `P`, are
    /// multiplied with the number of the row or column, in those of type `W`: nothing is multiplied per pixel.
    #[inline(always)]
    fn gather<P, W>(&self, ready: impl Fn(T) -> P) -> Moments
    where
        P: Copy + Default + AddAssign,
        W: Whole + From<P>,
    {
        let nothing = [W::default(); LANES];
        let (mut sum, mut by_row, mut by_column) = (nothing, nothing, nothing);
        for left in (0..self.columns).step_by(TILE * LANES) {
            let mut under = [[P::default(); LANES]; TILE];
            for run in self.runs {
                let first = (run.first as usize).saturating_sub(left);
                let end = (run.end as usize).saturating_sub(left).min(TILE * LANES);
                if first >= end {
                    continue;
                }
                let start = run.row as usize * self.columns + left;
                let mut line = Line {
                    sums: [P::default(); LANES],
                    under: &mut under,
                    ready: &ready,
                };
                visit(self.pixels, start, first..end, &mut line);
                let (row, line) = (W::from(run.row), line.sums);
                for lane in 0..LANES {
                    by_row[lane] += row * line[lane].into();
                }
            }
            let blocks = (self.columns - left).div_ceil(LANES);
            for (number, under) in under.iter().enumerate().take(blocks) {
                let column = (left + number * LANES) as u32;
                for lane in 0..LANES {
                    let under = W::from(under[lane]);
                    sum[lane] += under;
                    by_column[lane] += W::from(column + lane as u32) * under;
                }
            }
        }
        let [sum, by_row, by_column] = [sum, by_row, by_column].map(|lanes| {
            let mut all = W::default();
            lanes.into_iter().for_each(|lane| all += lane);
            all.to_f64()
        });
        let [cy, cx] = self.centre;
        Moments {
            sum,
            y: by_row - cy * sum,
            x: by_column - cx * sum,
        }
    }
}

/// Sums of the lanes of the blocks of a row, which are added to those of their columns, too.
struct Line<'a, P, F> {
    sums: [P; LANES],
    under: &'a mut [[P; LANES]; TILE],
    ready: F,
}

impl<T: Pixel, P: Copy + AddAssign, F: Fn(T) -> P> Visit<T> for Line<'_, P, F> {
    #[inline(always)]
    fn whole(&mut self, number: usize, block: &[T; LANES]) {
        let under = &mut self.under[number];
        for lane in 0..LANES {
            let value = (self.ready)(block[lane]);
            self.sums[lane] += value;
            under[lane] += value;
        }
    }

    #[inline(always)]
    fn part(&mut self, number: usize, block: &[T; LANES], [from, upto]: [&[T::Bits; LANES]; 2]) {
        let under = &mut self.under[number];
        for lane in 0..LANES {
            let value = (self.ready)(block[lane].masked(from[lane], upto[lane]));
            self.sums[lane] += value;
            under[lane] += value;
        }
    }
}

macro_rules! exact_moments {
    ($($pixel:ty: $narrow:ty, $wide:ty);*) => {$(
        impl Vectorised for Gather<'_, $pixel> {
            type Result = Moments;

            #[inline(always)]
            fn run(self) -> Moments {
                self.gather::<$narrow, $wide>(<$narrow>::from)
            }
        }
    )*};
}

exact_moments!(u8: u32, u64; i8: i32, i64; u16: u32, u64; i16: i32, i64);

/// In double precision.
struct Rounded<'a, T>(Gather<'a, T>);

impl<T: Pixel> Vectorised for Rounded<'_, T> {
    type Result = Moments;

    #[inline(always)]
    fn run(self) -> Moments {
        // A pixel that is not finite leaves no sum finite.
        let moments = self.0.gather::<f64, f64>(|pixel| pixel.to_f64());
        if moments.sum.is_finite() {
            return moments;
        }
        self.0.gather::<f64, f64>(|pixel| {
            let value = pixel.to_f64();
            if value.is_finite() { value } else { 0.0 }
        })
    }
}

pub(super) fn moments(
    frame: &Frame,
    runs: &[PixelRun],
    columns: usize,
    centre: [f64; 2],
) -> Moments {
    let (rows, _) = frame.rows_columns();
    // Sums of so many pixels of 16 bits fit 32 bits, and products of all of them with their rows or columns 64.
    let is_small = rows.max(columns) < 1 << 15;
    macro_rules! gather {
        ($pixels:expr) => {
            Gather {
                pixels: $pixels,
                runs,
                columns,
                centre,
            }
        };
    }
    macro_rules! exact {
        ($pixel:ty) => {
            vectorised(gather!(frame.pixels_of_own_type::<$pixel>()))
        };
    }
    match frame.element() {
        ElementType::U8 if is_small => exact!(u8),
        ElementType::I8 if is_small => exact!(i8),
        ElementType::U16 if is_small => exact!(u16),
        ElementType::I16 if is_small => exact!(i16),
        _ => for_pixels!(frame, |pixels| vectorised(Rounded(gather!(pixels)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detector, DetectorStatistic};

    const SHAPE: [usize; 2] = [61, 1100];
    /// Twice it is a whole number.
    const CENTRE: [f64; 2] = [30.0, 549.5];

    /// Sum and twice the moments of some pixels of a frame of whole numbers.
    fn exact(values: &[i64], places: &[u32]) -> [i64; 3] {
        places.iter().fold([0; 3], |[sum, y, x], place| {
            let value = values[*place as usize];
            let (row, column) = (i64::from(*place) / 1100, i64::from(*place) % 1100);
            [
                sum + value,
                y + value * (2 * row - 60),
                x + value * (2 * column - 1099),
            ]
        })
    }

    /// About a level that is large beside what differs, so that little is left of what is added up.
    #[test]
    fn moments_are_those_of_exact_arithmetic() {
        let [rows, columns] = SHAPE;
        let places: Vec<u32> = (0..(rows * columns) as u32)
            .filter(|place| place % 83 > 1)
            .collect();
        let runs = Detector::from_places(&places, columns as u32, DetectorStatistic::Sum).runs;
        let counts: Vec<u16> = (0..rows * columns)
            .map(|place| ((1 << 14) + place * place % 257) as u16)
            .collect();
        let values: Vec<i64> = counts.iter().map(|count| i64::from(*count)).collect();
        let [sum, y, x] = exact(&values, &places).map(|exact| exact as f64);
        let frame = Frame::from_vec(&SHAPE, counts).unwrap();
        let found = moments(&frame, &runs, columns, CENTRE);
        assert_eq!([found.sum, 2.0 * found.y, 2.0 * found.x], [sum, y, x]);
        assert!(x.abs() < 1e-3 * sum * columns as f64);

        // In single precision a third of them is a multiple of 2⁻¹¹.
        let thirds: Vec<f32> = values.iter().map(|value| *value as f32 / 3.0).collect();
        let values: Vec<i64> = thirds.iter().map(|third| (third * 2048.0) as i64).collect();
        let [sum, y, x] = exact(&values, &places).map(|exact| exact as f64 / 2048.0);
        let frame = Frame::from_vec(&SHAPE, thirds).unwrap();
        let found = moments(&frame, &runs, columns, CENTRE);
        let near = |found: f64, exact: f64, size: usize| {
            (found - exact).abs() <= 1e-13 * sum * size as f64
        };
        assert!(near(found.sum, sum, 1));
        assert!(near(found.y, y / 2.0, rows));
        assert!(near(found.x, x / 2.0, columns));
    }
}
