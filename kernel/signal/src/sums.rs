//! Sums of pixels: exact for whole numbers, in a fixed order for others, with the widest vectors of the machine.
//!
//! The same bits on every machine: whole numbers are added as such, and floating-point sums always run over the
//! same eight partial sums.

use crate::simd::{Vectorised, vectorised};
use crate::{Detector, Element, ElementType, Frame, Measure, Span, for_pixels};

/// Pixels of 16 bits whose sum fits 32 bits.
const PIXELS_PER_U32: usize = 1 << 16;
/// Partial sums of floating-point pixels.
const LANES: usize = 8;
/// Most columns of a pattern whose column sums are kept on the stack.
const STACK_COLUMNS: usize = 1024;

/// Sum and number of pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    pub sum: f64,
    pub valid: usize,
}

impl Total {
    /// NaN without a valid pixel.
    pub fn mean(self) -> f64 {
        if self.valid == 0 {
            f64::NAN
        } else {
            self.sum / self.valid as f64
        }
    }
}

/// The pixels that are neither NaN nor infinite, all of the frame.
pub fn total(frame: &Frame) -> Total {
    let (rows, columns) = frame.rows_columns();
    // One row of all pixels: there is no need to stop at the ends of rows.
    let all = [Span {
        row: 0,
        first: 0,
        end: (rows * columns) as u32,
    }];
    if u32::try_from(rows * columns).is_err() {
        let rows: Vec<Span> = (0..rows)
            .map(|row| Span {
                row: row as u32,
                first: 0,
                end: columns as u32,
            })
            .collect();
        return spans_total(frame, &rows, columns);
    }
    spans_total(frame, &all, 0)
}

impl Detector {
    /// Number of values [`Detector::measure`] gives.
    pub fn components(&self) -> usize {
        self.measure.components()
    }

    /// The values of one frame of the shape this was made for: NaN and infinities are left out; without a valid
    /// pixel (for a centre of mass: without a positive sum) they are NaN. Sums of whole numbers are exact.
    pub fn measure(&self, frame: &Frame, values: &mut [f32]) {
        let (_, columns) = frame.rows_columns();
        match (self.measure, values) {
            (Measure::Sum, [value, ..]) => {
                let total = spans_total(frame, &self.spans, columns);
                *value = match total.valid {
                    0 => f32::NAN,
                    _ => total.sum as f32,
                };
            }
            (Measure::Mean, [value, ..]) => {
                *value = spans_total(frame, &self.spans, columns).mean() as f32;
            }
            (Measure::CenterOfMass { centre }, [y, x, ..]) => {
                let moments = moments(frame, &self.spans, columns, centre);
                let shift = |moment: f64| match moments.sum > 0.0 {
                    true => (moment / moments.sum) as f32,
                    false => f32::NAN,
                };
                (*y, *x) = (shift(moments.y), shift(moments.x));
            }
            _ => {}
        }
    }
}

fn pixels_of(spans: &[Span]) -> usize {
    (spans.iter())
        .map(|span| (span.end - span.first) as usize)
        .sum()
}

/// The pixels of each span in turn.
#[inline(always)]
fn rows<'a, T>(
    pixels: &'a [T],
    spans: &'a [Span],
    columns: usize,
) -> impl Iterator<Item = (&'a Span, &'a [T])> {
    spans.iter().map(move |span| {
        let row = span.row as usize * columns;
        let pixels = pixels.get(row + span.first as usize..row + span.end as usize);
        (span, pixels.unwrap_or_default())
    })
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
                for (_, row) in rows(self.pixels, self.spans, self.columns) {
                    for part in row.chunks(PIXELS_PER_U32) {
                        sum += <$wide>::from(part.iter().map(|p| <$narrow>::from(*p)).sum::<$narrow>());
                    }
                }
                sum
            }
        }
    )*};
}

// 32 bits hold the sum of 65536 pixels of 16, and 64 bits any number of such sums of a frame.
exact_sum!(u8: u32, u64, u16: u32, u64, i8: i32, i64, i16: i32, i64);
exact_sum!(u32: u64, u64, i32: i64, i64, u64: u128, u128, i64: i128, i128);

macro_rules! float_sum {
    ($($pixel:ty),*) => {$(
        impl Vectorised for Sum<'_, $pixel> {
            type Result = Total;
            #[inline(always)]
            fn run(self) -> Total {
                let (mut sums, mut counts) = ([0f64; LANES], [0u64; LANES]);
                let mut add = |lane: usize, pixel: $pixel| {
                    let value = f64::from(pixel);
                    let valid = value.is_finite();
                    sums[lane] += if valid { value } else { 0.0 };
                    counts[lane] += u64::from(valid);
                };
                for (_, row) in rows(self.pixels, self.spans, self.columns) {
                    let lanes = row.chunks_exact(LANES);
                    let rest = lanes.remainder();
                    lanes.for_each(|eight| (0..LANES).for_each(|lane| add(lane, eight[lane])));
                    rest.iter().enumerate().for_each(|(lane, pixel)| add(lane, *pixel));
                }
                Total {
                    sum: sums.iter().sum(),
                    valid: counts.iter().sum::<u64>() as usize,
                }
            }
        }
    )*};
}

float_sum!(f32, f64);

fn spans_total(frame: &Frame, spans: &[Span], columns: usize) -> Total {
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
    };
    Total {
        sum,
        valid: pixels_of(spans),
    }
}

/// Sum of the valid pixels, and of their products with the distance from a centre.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    sum: f64,
    y: f64,
    x: f64,
}

struct Gather<'a, T> {
    pixels: &'a [T],
    spans: &'a [Span],
    columns: usize,
    centre: [f64; 2],
    /// Zeros, one per column.
    profile: &'a mut [u32],
}

macro_rules! exact_moments {
    ($($pixel:ty),*) => {$(
        impl Vectorised for Gather<'_, $pixel> {
            type Result = Moments;
            /// Sums per row and per column first: a column of 65536 rows fits 32 bits.
            #[inline(always)]
            fn run(self) -> Moments {
                let (mut sum, mut by_row) = (0u64, 0u64);
                for (span, row) in rows(self.pixels, self.spans, self.columns) {
                    let first = span.first as usize;
                    let profile = &mut self.profile[first..first + row.len()];
                    let mut line = 0u32;
                    for (column, pixel) in profile.iter_mut().zip(row) {
                        let value = u32::from(*pixel);
                        *column += value;
                        line += value;
                    }
                    sum += u64::from(line);
                    by_row += u64::from(line) * u64::from(span.row);
                }
                let by_column: u64 = (0u64..)
                    .zip(self.profile.iter())
                    .map(|(column, sum)| column * u64::from(*sum))
                    .sum();
                let sum = sum as f64;
                Moments {
                    sum,
                    y: by_row as f64 - self.centre[0] * sum,
                    x: by_column as f64 - self.centre[1] * sum,
                }
            }
        }
    )*};
}

exact_moments!(u8, u16);

struct GatherAny<'a, T>(Gather<'a, T>);

impl<T: Element> Vectorised for GatherAny<'_, T> {
    type Result = Moments;
    #[inline(always)]
    fn run(self) -> Moments {
        let Gather {
            pixels,
            spans,
            columns,
            centre: [cy, cx],
            ..
        } = self.0;
        let mut moments = Moments::default();
        for (span, row) in rows(pixels, spans, columns) {
            let (mut line, mut line_x) = ([0f64; LANES], [0f64; LANES]);
            let mut add = |lane: usize, column: usize, pixel: &T| {
                let value = pixel.to_f64();
                let value = if value.is_finite() { value } else { 0.0 };
                line[lane] += value;
                line_x[lane] += value * ((span.first as usize + column) as f64 - cx);
            };
            let lanes = row.chunks_exact(LANES);
            let rest = lanes.remainder();
            let whole = row.len() - rest.len();
            for (eight, pixels) in lanes.enumerate() {
                (0..LANES).for_each(|lane| add(lane, eight * LANES + lane, &pixels[lane]));
            }
            for (lane, pixel) in rest.iter().enumerate() {
                add(lane, whole + lane, pixel);
            }
            let line: f64 = line.iter().sum();
            moments.sum += line;
            moments.y += line * (f64::from(span.row) - cy);
            moments.x += line_x.iter().sum::<f64>();
        }
        moments
    }
}

fn moments(frame: &Frame, spans: &[Span], columns: usize, centre: [f64; 2]) -> Moments {
    let (rows, _) = frame.rows_columns();
    let narrow = rows < PIXELS_PER_U32 && columns < PIXELS_PER_U32;
    let (mut stack, mut heap);
    let profile = if columns <= STACK_COLUMNS {
        stack = [0u32; STACK_COLUMNS];
        &mut stack[..columns]
    } else {
        heap = vec![0u32; columns];
        &mut heap[..]
    };
    macro_rules! exact {
        ($pixel:ty) => {
            vectorised(Gather::<$pixel> {
                pixels: frame.pixels_of_own_type(),
                spans,
                columns,
                centre,
                profile,
            })
        };
    }
    match frame.element() {
        ElementType::U8 if narrow => exact!(u8),
        ElementType::U16 if narrow => exact!(u16),
        _ => for_pixels!(frame, |pixels| vectorised(GatherAny(Gather {
            pixels,
            spans,
            columns,
            centre,
            profile,
        }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector(places: &[u32], columns: u32, measure: Measure) -> Detector {
        Detector::from_places(places, columns, measure)
    }

    fn measured(frame: &Frame, detector: &Detector) -> Vec<f32> {
        let mut values = vec![f32::NAN; detector.components()];
        detector.measure(frame, &mut values);
        values
    }

    #[test]
    fn whole_numbers_are_summed_exactly() {
        let big = Frame::from_vec(&[1, 3], vec![u64::MAX, 1, 1]).unwrap();
        let two = detector(&[0, 1], 3, Measure::Sum);
        assert_eq!(measured(&big, &two), [2f32.powi(64)]);
        let full = Frame::from_vec(&[300, 400], vec![u16::MAX; 120_000]).unwrap();
        assert_eq!(total(&full).sum, 120_000.0 * 65535.0);
        let low = Frame::from_vec(&[1, 70_000], vec![i16::MIN; 70_000]).unwrap();
        assert_eq!(total(&low).sum, -70_000.0 * 32768.0);
    }

    #[test]
    fn invalid_pixels_are_left_out() {
        let holed = Frame::from_vec(&[1, 3], vec![1.0f32, f32::NAN, f32::INFINITY]).unwrap();
        let all = detector(&[0, 1, 2], 3, Measure::Sum);
        assert_eq!(measured(&holed, &all), [1.0]);
        let mean = detector(&[0, 1, 2], 3, Measure::Mean);
        assert_eq!(measured(&holed, &mean), [1.0]);
        let none = detector(&[1, 2], 3, Measure::Sum);
        assert!(measured(&holed, &none)[0].is_nan());
        assert_eq!((total(&holed).sum, total(&holed).valid), (1.0, 1));
        let pixels: Vec<f32> = (0..19)
            .map(|n| if n % 4 == 1 { f32::NAN } else { n as f32 })
            .collect();
        let valid: Vec<f32> = pixels.iter().copied().filter(|p| !p.is_nan()).collect();
        let mean = f64::from(valid.iter().sum::<f32>()) / valid.len() as f64;
        assert!((total(&Frame::from_vec(&[19], pixels).unwrap()).mean() - mean).abs() < 1e-9);
        let nothing = Frame::from_vec(&[1], vec![f64::NAN]).unwrap();
        assert!(total(&nothing).mean().is_nan());
    }

    /// All pixel types against the plain definition, on rows of every length and offset.
    #[test]
    fn sums_and_centres_follow_their_definition() {
        let (rows, columns) = (23, 37);
        let counts: Vec<u8> = (0..rows * columns).map(|n| (n * 31 % 251) as u8).collect();
        let places: Vec<u32> = (0..(rows * columns) as u32)
            .filter(|place| {
                let (row, column) = (place / 37, place % 37);
                column >= row && column < 37 - row / 2
            })
            .collect();
        let centre = [10.5, 17.25];
        let (mut sum, mut y, mut x) = (0.0, 0.0, 0.0);
        for place in &places {
            let value = f64::from(counts[*place as usize]);
            sum += value;
            y += value * (f64::from(place / 37) - centre[0]);
            x += value * (f64::from(place % 37) - centre[1]);
        }
        let frame = Frame::from_vec(&[rows, columns], counts).unwrap();
        for element in [
            ElementType::U8,
            ElementType::U16,
            ElementType::I16,
            ElementType::U32,
            ElementType::I64,
            ElementType::F32,
            ElementType::F64,
        ] {
            let frame = frame.cast(element);
            let total = measured(&frame, &detector(&places, 37, Measure::Sum));
            assert_eq!(total, [sum as f32], "{element}");
            let com = detector(&places, 37, Measure::CenterOfMass { centre });
            let found = measured(&frame, &com);
            assert!((f64::from(found[0]) - y / sum).abs() < 1e-5, "{element}");
            assert!((f64::from(found[1]) - x / sum).abs() < 1e-5, "{element}");
        }
    }

    #[test]
    fn nothing_has_no_centre() {
        let dark = Frame::from_vec(&[2, 3], vec![0u16; 6]).unwrap();
        let com = detector(&[0, 4], 3, Measure::CenterOfMass { centre: [0.5, 1.0] });
        assert!(measured(&dark, &com).iter().all(|value| value.is_nan()));
    }
}
