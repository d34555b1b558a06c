//! How the noise of pixels grows with what they hold: gain, what is added to all of them, and noise of the readout.

mod blocks;
mod line;

use blocks::{Point, TRIMMED, by_the_other, halves, points};
use line::Line;

/// Gains nearer to 1 than this are counts.
const NEARLY_COUNTS: f64 = 0.15;
/// Tenths of the blocks that have no edges of disks: the darker ones.
const DARKER: usize = 6;
/// Blocks that say anything, and in how many parts by their means where a line is not looked for.
const FEWEST: usize = 12;
const PARTS: usize = 6;
/// Less noise than this share of that of counts is none at all: a simulation; of frames from which is taken what is added to all
/// pixels, that of the mean of ten thousand.
const LEAST_GAIN: f64 = 0.05;
const LEAST_OF_MEANS: f64 = 1e-4;

/// Variance of a pixel is `gain · (mean + offset)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    pub gain: f64,
    /// The variance of the readout over the gain, less what is added to all pixels.
    pub offset: f64,
    /// Whether something is added to all pixels, or taken from them.
    pub shifted: bool,
    /// The value of pixels without counts, where values are whole numbers above it.
    pub zero: Option<f64>,
}

const COUNTS: Noise = Noise {
    gain: 1.0,
    offset: 0.0,
    shifted: false,
    zero: None,
};

impl Default for Noise {
    fn default() -> Self {
        COUNTS
    }
}

/// Frames as they are read, or without what is added to all of their pixels: few of these may have the direct beam only, of which
/// no line is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Added {
    Unknown,
    Nothing,
}

/// `None` where there is none. Of blocks of pixels, from how much neighbours differ.
pub(super) fn noise(
    frames: &[Vec<f32>],
    size: (usize, usize),
    saturation: Option<f32>,
    added: Added,
) -> Option<Noise> {
    let least = match added {
        Added::Unknown => LEAST_GAIN,
        Added::Nothing => LEAST_OF_MEANS,
    };
    let halves = halves(frames, size, saturation.unwrap_or(f32::INFINITY));
    let mut blocks: Vec<[f64; 2]> = (halves.iter())
        .map(|[one, other]| [0, 1].map(|n| 0.5 * (one[n] + other[n])))
        .collect();
    blocks.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let dark = &blocks[..blocks.len() * DARKER / 10];
    if dark.len() < FEWEST {
        return Some(COUNTS);
    }
    let line = Line::of(&by_the_other(&halves));
    let shifted = (line.as_ref()).filter(|line| added == Added::Unknown && line.is_shifted());
    if let Some(line) = shifted {
        return (line.gain > least).then(|| line.noise(frames));
    }
    let points = points(dark, PARTS);
    let (mean, variance) = (points.iter()).fold((0.0, 0.0), |(m, v), point| {
        (m + point.mean, v + point.variance)
    });
    if mean <= 0.0 {
        return Some(COUNTS);
    }
    let gain = TRIMMED * variance / mean;
    // Where there are few counts at all their medians are none.
    let few = || line.is_some_and(|line| line.few && is_counts(line.gain_from(0.0)));
    if gain.is_finite() && gain > least && !is_counts(gain) && !few() {
        return Some(with_readout(&points, gain));
    }
    (gain > least).then_some(COUNTS)
}

/// Weighted least squares of variance against mean, both parts not negative.
fn with_readout(points: &[Point], ratio: f64) -> Noise {
    let weight = |variance: f64| 1.0 / (variance * variance).max(1e-30);
    let mut sums = [0.0; 5];
    for Point { mean, variance, .. } in points {
        let w = weight(*variance);
        for (sum, value) in
            sums.iter_mut()
                .zip([1.0, *mean, mean * mean, *variance, mean * variance])
        {
            *sum += w * value;
        }
    }
    let [n, x, xx, y, xy] = sums;
    let determinant = n * xx - x * x;
    let gain = (n * xy - x * y) / determinant * TRIMMED;
    let rest = (y * xx - x * xy) / determinant * TRIMMED;
    if gain.is_finite() && gain > 0.2 * ratio && rest > 0.02 * ratio * points[0].mean.abs() {
        Noise {
            gain,
            offset: rest / gain,
            ..COUNTS
        }
    } else {
        Noise {
            gain: ratio,
            ..COUNTS
        }
    }
}

/// Whether a gain is nearly that of counts.
pub(super) fn is_counts(gain: f64) -> bool {
    (gain - 1.0).abs() <= NEARLY_COUNTS
}
