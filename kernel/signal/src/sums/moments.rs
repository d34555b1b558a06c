use super::blocks::blocks;
use crate::simd::{Vectorised, vectorised};
use crate::{Element, ElementType, Frame, Span, for_pixels};

/// Pixels that are looked at together.
const LANES: usize = 16;
/// Blocks of pixels of 16 bits so few that the products with their numbers fit 32 bits.
const BLOCKS_PER_U32: usize = 256;

/// Sum of the valid pixels, and of their products with the distance from a centre.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub sum: f64,
    pub y: f64,
    pub x: f64,
}

struct Gather<'a, T> {
    pixels: &'a [T],
    spans: &'a [Span],
    columns: usize,
    centre: [f64; 2],
}

/// Exact sums of pixels of at most 16 bits.
#[derive(Default)]
struct Exact {
    sum: [i64; LANES],
    by_row: [i64; LANES],
    /// Of the products with the columns that the pixels' blocks begin at.
    by_block: [i64; LANES],
}

impl Exact {
    #[inline(always)]
    fn add(&mut self, row: u32, sum: [i64; LANES], by_block: [i64; LANES]) {
        for lane in 0..LANES {
            self.sum[lane] += sum[lane];
            self.by_row[lane] += i64::from(row) * sum[lane];
            self.by_block[lane] += by_block[lane];
        }
    }

    fn moments(&self, [cy, cx]: [f64; 2]) -> Moments {
        let sum = self.sum.iter().sum::<i64>() as f64;
        let by_row = self.by_row.iter().sum::<i64>() as f64;
        let within = (0i64..).zip(&self.sum).map(|(lane, sum)| lane * sum);
        let by_column = (within.sum::<i64>() + self.by_block.iter().sum::<i64>()) as f64;
        Moments {
            sum,
            y: by_row - cy * sum,
            x: by_column - cx * sum,
        }
    }
}

macro_rules! exact_moments {
    ($($pixel:ty),*) => {$(
        impl Vectorised for Gather<'_, $pixel> {
            type Result = Moments;

            #[inline(always)]
            fn run(self) -> Moments {
                const STEP: i64 = LANES as i64;
                let mut exact = Exact::default();
                for span in self.spans {
                    let own = blocks::<_, LANES>(self.pixels, span, self.columns);
                    let mut column = i64::from(span.first);
                    for part in own.whole.chunks(BLOCKS_PER_U32) {
                        let (mut sum, mut sums) = ([0u32; LANES], [0u32; LANES]);
                        for block in part {
                            for lane in 0..LANES {
                                sum[lane] += u32::from(block[lane]);
                                // The first block is counted as often as there are blocks, the last one once.
                                sums[lane] += sum[lane];
                            }
                        }
                        column += STEP * part.len() as i64;
                        let (sum, sums) = (sum.map(i64::from), sums.map(i64::from));
                        let by_block = std::array::from_fn(|lane| column * sum[lane] - STEP * sums[lane]);
                        exact.add(span.row, sum, by_block);
                    }
                    if let Some(rest) = own.rest {
                        let sum = rest.map(i64::from);
                        let column = i64::from(span.end) - STEP;
                        exact.add(span.row, sum, sum.map(|sum| column * sum));
                    }
                }
                exact.moments(self.centre)
            }
        }
    )*};
}

exact_moments!(u8, u16);

struct GatherAny<'a, T>(Gather<'a, T>);

impl<T: Element> GatherAny<'_, T> {
    #[inline(always)]
    fn gather(&self, ready: impl Fn(T) -> f64) -> Moments {
        const STEP: f64 = LANES as f64;
        let [cy, cx] = self.0.centre;
        let mut moments = Moments::default();
        for span in self.0.spans {
            let own = blocks::<_, LANES>(self.0.pixels, span, self.0.columns);
            let (mut line, mut line_x) = ([0f64; LANES], [0f64; LANES]);
            let mut add = |values: [f64; LANES], from_centre: f64| {
                for lane in 0..LANES {
                    line[lane] += values[lane];
                    line_x[lane] += values[lane] * (from_centre + lane as f64);
                }
            };
            let mut from_centre = f64::from(span.first) - cx;
            for block in own.whole {
                add(block.map(&ready), from_centre);
                from_centre += STEP;
            }
            if let Some(rest) = own.rest {
                add(rest.map(&ready), f64::from(span.end) - STEP - cx);
            }
            let line: f64 = line.iter().sum();
            moments.sum += line;
            moments.y += line * (f64::from(span.row) - cy);
            moments.x += line_x.iter().sum::<f64>();
        }
        moments
    }
}

impl<T: Element> Vectorised for GatherAny<'_, T> {
    type Result = Moments;

    #[inline(always)]
    fn run(self) -> Moments {
        // A pixel that is not finite leaves no sum finite.
        let moments = self.gather(|pixel| pixel.to_f64());
        if moments.sum.is_finite() {
            return moments;
        }
        self.gather(|pixel| {
            let value = pixel.to_f64();
            if value.is_finite() { value } else { 0.0 }
        })
    }
}

pub(super) fn moments(frame: &Frame, spans: &[Span], columns: usize, centre: [f64; 2]) -> Moments {
    let (rows, _) = frame.rows_columns();
    // Products of a sum of so many pixels of 16 bits with their rows or columns fit 64 bits.
    let is_small = rows.max(columns) < 1 << 15;
    macro_rules! gather {
        ($pixels:expr) => {
            Gather {
                pixels: $pixels,
                spans,
                columns,
                centre,
            }
        };
    }
    match frame.element() {
        ElementType::U8 if is_small => vectorised(gather!(frame.pixels_of_own_type::<u8>())),
        ElementType::U16 if is_small => vectorised(gather!(frame.pixels_of_own_type::<u16>())),
        _ => for_pixels!(frame, |pixels| vectorised(GatherAny(gather!(pixels)))),
    }
}
