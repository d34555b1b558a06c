//! How the noise of pixels grows with what they hold: gain, what is added to all of them, and noise of the readout.

use super::statistics::{middle, spread};

/// Pixels along a side of the blocks that noise is measured in.
const BLOCK: usize = 8;
/// Gains nearer to 1 than this are counts.
const NEARLY_COUNTS: f64 = 0.15;
/// Tenths of the blocks that have no edges of disks: the darker ones.
const DARKER: usize = 6;
/// Blocks that say anything, and in how many parts by their means, the first where a line is not looked for.
const FEWEST: usize = 12;
const PARTS: usize = 6;
const LINE_PARTS: usize = 12;
/// Standard deviation of the variance of a block, and of half of one, as a share of it, how many of these a fifth of the blocks
/// are below the middle, and from how many on a block is no noise.
const BY_CHANCE: f64 = 0.28;
const HALF_BY_CHANCE: f64 = 0.4;
const FIFTH: f64 = 0.84;
const FAR: f64 = 2.5;
/// Mean of the variances of blocks over their median.
const TRIMMED: f64 = 1.03;
const HALF_TRIMMED: f64 = 1.05;
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

/// How far away what confirms a pixel is looked for, and how far it must be from that to be broken: so many times as far as what
/// is around it is from each other, and so many times as far as that is nearly everywhere.
const APART: usize = 2;
const BEYOND: f32 = 3.0;
const BEYOND_ALL: f32 = 5.0;

/// Pixels that in the sum of all frames are far above or below everything around them.
fn broken(frames: &[Vec<f32>], (rows, columns): (usize, usize)) -> Vec<bool> {
    let mut sums = vec![0.0f32; rows * columns];
    for frame in frames {
        (sums.iter_mut().zip(frame)).for_each(|(sum, value)| *sum += value);
    }
    let near = |at: usize, size: usize| {
        let all = [at.checked_sub(APART), Some(at), Some(at + APART)];
        all.into_iter().flatten().filter(move |at| *at < size)
    };
    let around: Vec<[f32; 2]> = (0..rows * columns)
        .map(|at| {
            let (row, column) = (at / columns, at % columns);
            let mut range = [f32::INFINITY, f32::NEG_INFINITY];
            for y in near(row, rows) {
                for x in near(column, columns).filter(|x| (y, *x) != (row, column)) {
                    let value = sums[y * columns + x];
                    range = [range[0].min(value), range[1].max(value)];
                }
            }
            range
        })
        .collect();
    let wide = |[low, high]: [f32; 2]| high - low;
    let usual = spread(around.iter().map(|range| f64::from(wide(*range))));
    (sums.iter().zip(around))
        .map(|(here, range)| {
            let reach = (BEYOND * wide(range)).max(BEYOND_ALL * usual as f32);
            *here > range[1] + reach || *here < range[0] - reach
        })
        .collect()
}

/// Means and variances of the even and the odd rows of blocks of pixels.
fn halves(frames: &[Vec<f32>], (rows, columns): (usize, usize), most: f32) -> Vec<[[f64; 2]; 2]> {
    let broken = broken(frames, (rows, columns));
    let half = |frame: &[f32], row: usize, column: usize| {
        let (mut square, mut sum, mut count) = (0.0f64, 0.0f64, 0.0f64);
        for y in (row..row + BLOCK - 1).step_by(2) {
            let line = y * columns + column..y * columns + column + BLOCK;
            let windows = frame[line.clone()].windows(3).zip(broken[line].windows(3));
            for (three, broken) in windows {
                let bend = f64::from(three[0]) - 2.0 * f64::from(three[1]) + f64::from(three[2]);
                let sound = !broken.contains(&true) && three.iter().all(|value| *value < most);
                if bend.is_finite() && sound {
                    square += bend * bend / 6.0;
                    // As much of each as the difference has of its variance.
                    sum += three.iter().map(|value| f64::from(*value)).sum::<f64>() / 6.0
                        + f64::from(three[1]) / 2.0;
                    count += 1.0;
                }
            }
        }
        (count >= 12.0).then(|| [sum / count, square / count])
    };
    let mut halves = Vec::new();
    for frame in frames {
        for row in (0..rows.saturating_sub(BLOCK - 1)).step_by(BLOCK) {
            for column in (0..columns.saturating_sub(BLOCK - 1)).step_by(BLOCK) {
                let both = half(frame, row, column).zip(half(frame, row + 1, column));
                halves.extend(both.map(|(even, odd)| [even, odd]));
            }
        }
    }
    halves
}

/// In the order of the mean of the other half: by their own they would be bright or dark by chance, of which their variance knows
/// nothing, and the line would be too flat.
fn by_the_other(halves: &[[[f64; 2]; 2]]) -> Vec<[f64; 2]> {
    let mut sorted: Vec<([f64; 2], f64)> = (halves.iter())
        .flat_map(|[even, odd]| [(*even, odd[0]), (*odd, even[0])])
        .collect();
    sorted.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    sorted.into_iter().map(|(half, _)| half).collect()
}

/// Blocks of about one mean.
#[derive(Clone, Copy, Debug)]
struct Point {
    mean: f64,
    variance: f64,
    blocks: f64,
}

/// Of blocks in the order of their means.
fn points(dark: &[[f64; 2]], parts: usize) -> Vec<Point> {
    dark.chunks(dark.len().div_ceil(parts))
        .map(|part| Point::of(part, |variances, mean| usual(variances, mean, BY_CHANCE)))
        .collect()
}

impl Point {
    fn of(part: &[[f64; 2]], usual: impl Fn(&mut [f64], f64) -> f64) -> Self {
        let blocks = part.len() as f64;
        let mean = part.iter().map(|[mean, _]| mean).sum::<f64>() / blocks;
        let mut variances: Vec<f64> = part.iter().map(|[_, variance]| *variance).collect();
        Point {
            mean,
            variance: usual(&mut variances, mean),
            blocks,
        }
    }
}

/// The median of the variances of blocks without those that edges, cosmic rays and hot pixels are in. Of hardly any counts a median
/// is none.
fn usual(variances: &mut [f64], mean: f64, by_chance: f64) -> f64 {
    let all = mean_of(variances);
    if mean * mean < HARDLY_ANY * all {
        return all / TRIMMED;
    }
    variances.sort_unstable_by(f64::total_cmp);
    let mut middle = variances[variances.len() / 2];
    // Where most blocks have edges of bright disks the median is theirs; with few counts chance is more than they are.
    if mean * mean > middle {
        middle = variances[variances.len() / 5] / (1.0 - FIFTH * by_chance);
        for _ in 0..4 {
            let limit = middle * (1.0 + FAR * by_chance);
            let within = variances.partition_point(|variance| *variance <= limit);
            middle = variances[within / 2];
        }
    }
    middle
}

/// Variances of blocks with few counts are no more than so many times their median where there are any.
const MOST: f64 = 20.0;

/// The mean of the variances of blocks with few counts, without those that broken pixels are in.
fn mean_of(variances: &[f64]) -> f64 {
    let limit = MOST * middle(variances.iter().copied().filter(|variance| *variance > 0.0));
    let (sum, count) = (variances.iter())
        .filter(|variance| **variance <= limit || **variance == 0.0)
        .fold((0.0, 0.0), |(sum, count), variance| {
            (sum + variance, count + 1.0)
        });
    sum / f64::max(count, 1.0)
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

/// What a line through points is sure of, as a share of the variance, beside chance: some blocks have edges.
const LINE_SURE: f64 = 0.03;
/// Least variance that a point is taken for, as a share of that of all.
const LEAST_VARIANCE: f64 = 0.05;
/// How much worse a line through the origin must be for anything to be added.
const MUCH_WORSE: f64 = 12.0;
/// Squares that a line leaves over at most, of all points: more is no line, but edges of disks in most blocks.
const NO_LINE: f64 = 150.0;
/// What is added is seen from this share of the variance of the darkest on.
const SEEN: f64 = 0.5;
const LINE_ROUNDS: usize = 5;
/// Blocks with fewer counts in a pixel differ by chance more than by the edges of disks.
const FEW: f64 = 1.5;
/// As long as the brightest of the dark blocks have fewer, brighter ones are taken: tenths of all.
const HARDLY_ANY: f64 = 0.2;
const BRIGHTER: [usize; 3] = [8, 9, 10];
/// One of so many blocks is among the darkest.
const DARKEST: usize = 20;

/// Variance is `gain · mean + rest`.
struct Line {
    points: Vec<Point>,
    weights: Vec<f64>,
    gain: f64,
    rest: f64,
    /// Variance of the darkest.
    darkest: f64,
    /// Whether there are few counts in the darker blocks.
    few: bool,
}

impl Line {
    /// Through the darker ones of blocks that are in the order of what their means should be.
    fn of(blocks: &[[f64; 2]]) -> Option<Self> {
        let darkest = &blocks[..(blocks.len() / DARKEST).max(1)];
        let least = darkest.iter().map(|[mean, _]| mean).sum::<f64>() / darkest.len() as f64;
        let counts = |mean: f64, variance: f64| {
            let above = (mean - least).max(0.0);
            above * above / variance.max(f64::MIN_POSITIVE)
        };
        let usual = |variances: &mut [f64], mean: f64| {
            let all = mean_of(variances);
            match counts(mean, all) < FEW {
                true => all,
                false => HALF_TRIMMED * usual(variances, mean - least, HALF_BY_CHANCE),
            }
        };
        let points = |tenths: usize| -> Vec<Point> {
            let dark = &blocks[..blocks.len() * tenths / 10];
            let parts = dark.chunks(dark.len().div_ceil(LINE_PARTS));
            parts.map(|part| Point::of(part, usual)).collect()
        };
        let hardly = |points: &[Point]| {
            (points.last()).is_none_or(|last| counts(last.mean, last.variance) < HARDLY_ANY)
        };
        let mut dark = points(DARKER);
        let few = hardly(&dark);
        for tenths in BRIGHTER {
            if !hardly(&dark) {
                break;
            }
            dark = points(tenths);
        }
        Self::through(dark, few)
    }

    /// Least squares, weighted by what the line itself says.
    fn through(points: Vec<Point>, few: bool) -> Option<Self> {
        let all = middle(points.iter().map(|point| point.variance));
        let least = LEAST_VARIANCE * all;
        let weight = |variance: f64, blocks: f64| {
            let chance = HALF_BY_CHANCE * HALF_BY_CHANCE * 1.57 / blocks;
            1.0 / (variance.max(least).powi(2) * (chance + LINE_SURE * LINE_SURE))
        };
        let mut weights: Vec<f64> = (points.iter())
            .map(|point| weight(point.variance, point.blocks))
            .collect();
        let (mut gain, mut rest) = (0.0, 0.0);
        for _ in 0..LINE_ROUNDS {
            let sum = |of: &dyn Fn(&Point) -> f64| -> f64 {
                (points.iter().zip(&weights))
                    .map(|(point, weight)| weight * of(point))
                    .sum()
            };
            let whole = sum(&|_| 1.0);
            let mean = sum(&|point| point.mean) / whole;
            let variance = sum(&|point| point.variance) / whole;
            let square = sum(&|point| (point.mean - mean).powi(2));
            let cross = sum(&|point| (point.mean - mean) * (point.variance - variance));
            gain = cross / square;
            rest = variance - gain * mean;
            for (weight_of, point) in weights.iter_mut().zip(&points) {
                *weight_of = weight(gain * point.mean + rest, point.blocks);
            }
        }
        (gain.is_finite() && rest.is_finite()).then(|| Line {
            darkest: points[0].variance.max(least),
            points,
            weights,
            gain,
            rest,
            few,
        })
    }

    fn sum(&self, of: impl Fn(&Point) -> f64) -> f64 {
        let points = self.points.iter().zip(&self.weights);
        points.map(|(point, weight)| weight * of(point)).sum()
    }

    /// Squares of what another line leaves over.
    fn misfit(&self, gain: f64, zero: f64) -> f64 {
        self.sum(|point| (point.variance - gain * (point.mean - zero)).powi(2))
    }

    /// Gain of the line that has no variance at a value.
    fn gain_from(&self, zero: f64) -> f64 {
        let cross = self.sum(|point| (point.mean - zero) * point.variance);
        let gain = cross / self.sum(|point| (point.mean - zero).powi(2));
        gain.max(0.0)
    }

    /// Value without variance.
    fn zero(&self) -> f64 {
        -self.rest / self.gain
    }

    /// Whether something is added to all pixels: no line through the origin explains the variances.
    fn is_shifted(&self) -> bool {
        let misfit = self.misfit(self.gain, self.zero());
        let worse = self.misfit(self.gain_from(0.0), 0.0) - misfit;
        let decisive = worse > MUCH_WORSE * (misfit / LINE_PARTS as f64).max(1.0);
        let is_line = misfit < NO_LINE && self.gain > 0.0;
        is_line && decisive && self.rest.abs() > SEEN * self.darkest
    }

    /// Where something is added to all pixels.
    fn noise(&self, frames: &[Vec<f32>]) -> Noise {
        let reach = 0.5 + ZERO_SURE * (self.points[0].mean - self.zero()).max(0.0);
        let zero = whole_zero(frames, self.zero(), reach);
        let counts = zero.filter(|zero| is_counts(self.gain_from(*zero)));
        let (gain, offset) = match counts {
            Some(zero) => (1.0, -zero),
            None => (self.gain, -self.zero()),
        };
        Noise {
            gain,
            offset,
            shifted: true,
            zero,
        }
    }
}

/// Every so many pixels are looked at for the step between values.
const SOME: usize = 29;
/// How far from a whole number of steps a value may be, and by how much of it for its few digits.
const ROUNDED: f64 = 1e-3;
const DIGITS: f64 = 1e-6;
/// How far the zero of counts may be from that of the line, beside half a count, as a share of the darkest.
const ZERO_SURE: f64 = 0.15;
/// Share of the pixels that have no counts, from which on the zero of counts is seen, and of those that may be broken below it.
const AT_ZERO: f64 = 1e-3;
const BROKEN: f64 = 0.05;

/// The value of pixels without counts, where values are whole numbers of counts above something that is about as large as this.
fn whole_zero(frames: &[Vec<f32>], about: f64, reach: f64) -> Option<f64> {
    let mut some: Vec<f64> = (frames.iter().flatten().step_by(SOME))
        .map(|value| f64::from(*value))
        .filter(|value| value.is_finite())
        .collect();
    let first = *some.first()?;
    let whole = (some.iter()).all(|value| {
        let steps = value - first;
        (steps - steps.round()).abs() < ROUNDED.max(DIGITS * value.abs())
    });
    let all = some.len() as f64;
    some.retain(|value| *value > about - reach - 0.5);
    if !whole || (some.len() as f64) < (1.0 - BROKEN) * all {
        return None;
    }
    let at = (AT_ZERO * some.len() as f64) as usize;
    let zero = *some.select_nth_unstable_by(at, f64::total_cmp).1;
    ((zero - about).abs() < reach).then_some(zero)
}

/// Whether a gain is nearly that of counts.
pub(super) fn is_counts(gain: f64) -> bool {
    (gain - 1.0).abs() <= NEARLY_COUNTS
}
