use signal::simd::{Vectorised, vectorised};
use signal::{Element, Frame, for_pixels};

/// Range of a picture's finite values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// 1st and 99th percentile.
    pub percentiles: [f64; 2],
    /// Least and greatest.
    pub extrema: [f64; 2],
}

/// Most values that percentiles are taken from: their error is far below what a screen shows, and a large frame
/// costs one pass.
const SAMPLED: usize = 1 << 14;
/// Those of `u8` and `u16`, which are counted and not sorted.
const COUNTED: usize = 1 << 16;

const NOTHING: Levels = Levels {
    percentiles: [0.0; 2],
    extrema: [0.0; 2],
};

/// Percentiles and extrema of the finite values; zeros when there are none.
///
/// Extrema are exact. Percentiles come from evenly spread values: of `u8` and `u16` from at most some 65 000, of
/// other types from at most some 16 000.
pub fn levels(frame: &Frame) -> Levels {
    if let Some(pixels) = frame.pixels::<u8>() {
        return counted(pixels);
    }
    if let Some(pixels) = frame.pixels::<u16>() {
        return counted(pixels);
    }
    for_pixels!(frame, |pixels| sampled(pixels))
}

/// Rank of a percentile among `count` sorted values.
fn rank(count: usize, percent: usize) -> usize {
    (count - 1) * percent / 100
}

/// An odd step does not stay in a few columns of a frame whose width is a power of two.
fn step(count: usize, most: usize) -> usize {
    count.div_ceil(most) | 1
}

struct Extrema<'a, T>(&'a [T]);

impl<T: Element + Ord> Vectorised for Extrema<'_, T> {
    type Result = Option<(T, T)>;
    #[inline(always)]
    fn run(self) -> Self::Result {
        let first = *self.0.first()?;
        let (mut least, mut greatest) = (first, first);
        for pixel in self.0 {
            least = least.min(*pixel);
            greatest = greatest.max(*pixel);
        }
        Some((least, greatest))
    }
}

fn counted<T: Element + Ord + Into<usize>>(pixels: &[T]) -> Levels {
    let Some((least, greatest)) = vectorised(Extrema(pixels)) else {
        return NOTHING;
    };
    let mut histogram = vec![0u32; greatest.into() + 1];
    let mut count = 0;
    for pixel in pixels.iter().step_by(step(pixels.len(), COUNTED)) {
        histogram[(*pixel).into()] += 1;
        count += 1;
    }
    let at_rank = |rank: usize| {
        let mut seen = 0;
        let bin = histogram.iter().position(|bin| {
            seen += *bin as usize;
            seen > rank
        });
        bin.unwrap_or(0) as f64
    };
    Levels {
        percentiles: [1, 99].map(|percent| at_rank(rank(count, percent))),
        extrema: [least.to_f64(), greatest.to_f64()],
    }
}

/// Least and greatest finite value; the first is larger than the second when there is none.
fn extrema<T: Element>(pixels: &[T]) -> (f32, f32) {
    // Lanes without branches let the compiler use vector instructions.
    const LANES: usize = 16;
    let mut least = [f32::INFINITY; LANES];
    let mut greatest = [f32::NEG_INFINITY; LANES];
    for part in pixels.chunks(LANES) {
        for (lane, pixel) in part.iter().enumerate() {
            let value = pixel.to_f32();
            let finite = value.abs() < f32::INFINITY;
            least[lane] = if finite & (value < least[lane]) {
                value
            } else {
                least[lane]
            };
            greatest[lane] = if finite & (value > greatest[lane]) {
                value
            } else {
                greatest[lane]
            };
        }
    }
    (
        least.into_iter().fold(f32::INFINITY, f32::min),
        greatest.into_iter().fold(f32::NEG_INFINITY, f32::max),
    )
}

fn sampled<T: Element>(pixels: &[T]) -> Levels {
    let (least, greatest) = extrema(pixels);
    if least > greatest {
        return NOTHING;
    }
    let step = step(pixels.len(), SAMPLED);
    let finite = |pixel: &T| Some(pixel.to_f32()).filter(|value| value.is_finite());
    let mut values: Vec<f32> = pixels.iter().step_by(step).filter_map(finite).collect();
    if values.is_empty() {
        values.push(least); // the few finite pixels lie between the sampled ones
    }
    let count = values.len();
    let mut at_rank =
        |rank: usize| f64::from(*values.select_nth_unstable_by(rank, f32::total_cmp).1);
    Levels {
        percentiles: [1, 99].map(|percent| at_rank(rank(count, percent))),
        extrema: [f64::from(least), f64::from(greatest)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_floats_agree() {
        let counts: Vec<u16> = (0..1000).rev().collect();
        let floats: Vec<f32> = counts.iter().map(|value| f32::from(*value)).collect();
        let exact = levels(&Frame::from_vec(&[10, 100], counts).unwrap());
        let selected = levels(&Frame::from_vec(&[10, 100], floats).unwrap());
        assert_eq!(exact, selected);
        assert_eq!(exact.percentiles, [9.0, 989.0]);
        assert_eq!(exact.extrema, [0.0, 999.0]);
    }

    #[test]
    fn nan_and_infinity_are_left_out() {
        let frame = Frame::from_vec(&[4], vec![f32::NAN, 2.0, f32::INFINITY, -1.0]).unwrap();
        assert_eq!(levels(&frame).extrema, [-1.0, 2.0]);
        let nothing = Frame::from_vec(&[2], vec![f32::NAN; 2]).unwrap();
        assert_eq!(levels(&nothing).extrema, [0.0, 0.0]);
    }

    #[test]
    fn percentiles_of_a_large_frame_are_close_and_its_extrema_exact() {
        let pixels: Vec<f32> = (0..512 * 512)
            .map(|n| ((n * 7919) % 100_003) as f32)
            .collect();
        let found = levels(&Frame::from_vec(&[512, 512], pixels).unwrap());
        assert_eq!(found.extrema, [0.0, 100_002.0]);
        assert!((found.percentiles[0] - 1000.0).abs() < 300.0, "{found:?}");
        assert!((found.percentiles[1] - 99_000.0).abs() < 300.0, "{found:?}");
        let counts: Vec<u16> = (0..1024 * 1024u64)
            .map(|n| ((n * 7919) % 10_007) as u16)
            .collect();
        let found = levels(&Frame::from_vec(&[1024, 1024], counts).unwrap());
        assert_eq!(found.extrema, [0.0, 10_006.0]);
        assert!((found.percentiles[0] - 100.0).abs() < 20.0, "{found:?}");
        assert!((found.percentiles[1] - 9906.0).abs() < 20.0, "{found:?}");
    }
}
