use std::ops::AddAssign;

use super::Total;
use super::blocks::{LANES, Visit, visit};
use super::pixel::Pixel;
use crate::simd::{Vectorised, vectorised};
use crate::{ComplexPart, ElementType, Frame, PixelRun};

/// Pixels of 16 bits whose sums in the lanes of a block fit 32 bits.
const PIXELS_PER_U32: usize = LANES << 16;

fn pixels_of(runs: &[PixelRun]) -> usize {
    (runs.iter())
        .map(|run| (run.end - run.first) as usize)
        .sum()
}

struct Sum<'a, T> {
    pixels: &'a [T],
    runs: &'a [PixelRun],
    columns: usize,
}

/// Sums of the lanes of blocks.
struct Line<P, F> {
    sums: [P; LANES],
    ready: F,
}

impl<T: Pixel, P: AddAssign, F: Fn(T) -> P> Visit<T> for Line<P, F> {
    #[inline(always)]
    fn whole(&mut self, _number: usize, block: &[T; LANES]) {
        let Line { sums, ready } = self;
        for lane in 0..LANES {
            sums[lane] += ready(block[lane]);
        }
    }

    #[inline(always)]
    fn part(&mut self, _number: usize, block: &[T; LANES], [from, upto]: [&[T::Bits; LANES]; 2]) {
        for lane in 0..LANES {
            self.sums[lane] += (self.ready)(block[lane].masked(from[lane], upto[lane]));
        }
    }
}

impl<T: Pixel> Sum<'_, T> {
    /// Of pixels made ready one by one: within a run in numbers of type `P`, over all in those of type `W`.
    #[inline(always)]
    fn of<P, W>(&self, ready: impl Fn(T) -> P) -> W
    where
        P: Copy + Default + AddAssign,
        W: Copy + Default + AddAssign + From<P>,
    {
        let mut sums = [W::default(); LANES];
        for run in self.runs {
            let row = run.row as usize * self.columns;
            let (mut first, end) = (run.first as usize, run.end as usize);
            while first < end {
                let next = end.min(first + PIXELS_PER_U32);
                // Of its own, so that it stays in registers.
                let mut line = Line {
                    sums: [P::default(); LANES],
                    ready: &ready,
                };
                visit(self.pixels, row, first..next, &mut line);
                let line = line.sums;
                for lane in 0..LANES {
                    sums[lane] += line[lane].into();
                }
                first = next;
            }
        }
        let mut sum = W::default();
        sums.into_iter().for_each(|lane| sum += lane);
        sum
    }
}

macro_rules! exact_sum {
    ($($pixel:ty: $narrow:ty, $wide:ty);*) => {$(
        impl Vectorised for Sum<'_, $pixel> {
            type Result = $wide;

            #[inline(always)]
            fn run(self) -> $wide {
                self.of::<$narrow, $wide>(<$narrow>::from)
            }
        }
    )*};
}

// 64 bits hold any number of sums of 32 bits of a frame.
exact_sum!(u8: u32, u64; u16: u32, u64; i8: i32, i64; i16: i32, i64);
exact_sum!(u32: u64, u64; i32: i64, i64; u64: u128, u128; i64: i128, i128);

macro_rules! float_sum {
    ($($pixel:ty),*) => {$(
        impl Vectorised for Sum<'_, $pixel> {
            type Result = Total;

            #[inline(always)]
            fn run(self) -> Total {
                let pixels = pixels_of(self.runs);
                // A pixel that is not finite leaves no sum finite.
                let sum: f64 = self.of(f64::from);
                if sum.is_finite() {
                    return Total { sum, valid: pixels };
                }
                let invalid: f64 = self.of(|pixel| if pixel.is_finite() { 0.0 } else { 1.0 });
                Total {
                    sum: self.of(|pixel| if pixel.is_finite() { f64::from(pixel) } else { 0.0 }),
                    valid: pixels - invalid as usize,
                }
            }
        }
    )*};
}

float_sum!(f32, f64);

pub(super) fn runs_total(frame: &Frame, runs: &[PixelRun], columns: usize) -> Total {
    macro_rules! sum {
        ($pixel:ty) => {
            vectorised(Sum::<$pixel> {
                pixels: frame.pixels_of_own_type(),
                runs,
                columns,
            })
        };
    }
    let sum = match frame.element() {
        ElementType::F32 => return sum!(f32),
        ElementType::F64 => return sum!(f64),
        ElementType::U8 => sum!(u8) as f64,
        ElementType::I8 => sum!(i8) as f64,
        ElementType::U16 => sum!(u16) as f64,
        ElementType::I16 => sum!(i16) as f64,
        ElementType::U32 => sum!(u32) as f64,
        ElementType::I32 => sum!(i32) as f64,
        ElementType::U64 => sum!(u64) as f64,
        ElementType::I64 => sum!(i64) as f64,
        ElementType::C64 | ElementType::C128 => {
            return runs_total(&frame.part(ComplexPart::Amplitude), runs, columns);
        }
        ElementType::Rgb8 | ElementType::Rgba8 | ElementType::Rgb16 | ElementType::Rgba16 => {
            return runs_total(&frame.luminance(), runs, columns);
        }
    };
    Total {
        sum,
        valid: pixels_of(runs),
    }
}
