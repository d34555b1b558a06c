use super::Total;
use super::blocks::{blocks, pixels};
use crate::simd::{Vectorised, vectorised};
use crate::{ComplexPart, ElementType, Frame, Span};

/// Partial sums of floating-point pixels: so many that no addition waits for the one before.
const LANES: usize = 16;
/// Pixels of 16 bits whose sum fits 32 bits.
const PIXELS_PER_U32: usize = 1 << 16;

fn pixels_of(spans: &[Span]) -> usize {
    (spans.iter())
        .map(|span| (span.end - span.first) as usize)
        .sum()
}

struct Sum<'a, T> {
    pixels: &'a [T],
    spans: &'a [Span],
    columns: usize,
}

macro_rules! exact_sum {
    ($($pixel:ty: $narrow:ty, $wide:ty),*) => {$(
        impl Vectorised for Sum<'_, $pixel> {
            type Result = $wide;

            #[inline(always)]
            fn run(self) -> $wide {
                let mut sum: $wide = 0;
                for span in self.spans {
                    for part in pixels(self.pixels, span, self.columns).chunks(PIXELS_PER_U32) {
                        sum += <$wide>::from(part.iter().map(|p| <$narrow>::from(*p)).sum::<$narrow>());
                    }
                }
                sum
            }
        }
    )*};
}

// 32 bits hold so many pixels of 16, and 64 bits any number of such sums of a frame.
exact_sum!(u8: u32, u64, u16: u32, u64, i8: i32, i64, i16: i32, i64);
exact_sum!(u32: u64, u64, i32: i64, i64, u64: u128, u128, i64: i128, i128);

/// Of pixels made ready one by one.
#[inline(always)]
fn float_sum<T: bytemuck::Pod>(sum: &Sum<'_, T>, ready: impl Fn(T) -> f64) -> f64 {
    let mut sums = [0f64; LANES];
    for span in sum.spans {
        let own = blocks::<_, LANES>(sum.pixels, span, sum.columns);
        // Of its own, so that it stays in registers.
        let mut part = [0f64; LANES];
        for block in own.whole {
            (0..LANES).for_each(|lane| part[lane] += ready(block[lane]));
        }
        if let Some(rest) = own.rest {
            (0..LANES).for_each(|lane| part[lane] += ready(rest[lane]));
        }
        (0..LANES).for_each(|lane| sums[lane] += part[lane]);
    }
    sums.iter().sum()
}

macro_rules! float_sum {
    ($($pixel:ty),*) => {$(
        impl Vectorised for Sum<'_, $pixel> {
            type Result = Total;

            #[inline(always)]
            fn run(self) -> Total {
                // A pixel that is not finite leaves no sum finite.
                let sum = float_sum(&self, f64::from);
                if sum.is_finite() {
                    return Total {
                        sum,
                        valid: pixels_of(self.spans),
                    };
                }
                let sum = float_sum(&self, |pixel| if pixel.is_finite() { f64::from(pixel) } else { 0.0 });
                let invalid = float_sum(&self, |pixel| if pixel.is_finite() { 0.0 } else { 1.0 });
                Total {
                    sum,
                    valid: pixels_of(self.spans) - invalid as usize,
                }
            }
        }
    )*};
}

float_sum!(f32, f64);

pub(super) fn spans_total(frame: &Frame, spans: &[Span], columns: usize) -> Total {
    macro_rules! sum {
        ($pixel:ty) => {
            vectorised(Sum::<$pixel> {
                pixels: frame.pixels_of_own_type(),
                spans,
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
            return spans_total(&frame.part(ComplexPart::Amplitude), spans, columns);
        }
    };
    Total {
        sum,
        valid: pixels_of(spans),
    }
}
