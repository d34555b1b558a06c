//! What of a frame is counts: gain and offset taken out, and pixels left out that say nothing: saturated, covered, hot ones.

use signal::simd::{Vectorised, vectorised};

/// Standard deviations by which a single pixel is above everything around it.
const LONE: f32 = 6.0;
/// Share of the frames in which a pixel is alone above everything around it, from which on it is hot.
const HOT: f64 = 0.3;
/// Usual counts of nine pixels over all frames, from which on none at all means that they are covered.
const COUNTED: f64 = 15.0;
/// Gains nearer to 1 than this are counts.
const NEARLY_COUNTS: f64 = 0.15;
/// Noise that differs by less than this factor is the same: a few frames do not tell it any better.
const OTHER_NOISE: f64 = 2.0;
/// Pixels along a side of the blocks that gain and noise are measured in.
const BLOCK: usize = 8;

/// How pixel values become counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Clean {
    rows: usize,
    columns: usize,
    /// Variance over mean; 1 for counts.
    pub gain: f64,
    /// Added to values before they are divided by the gain: the variance that is there without counts.
    pub offset: f64,
    /// The largest value that a pixel can have, when it has an end.
    pub saturation: Option<f32>,
    /// Pixels that are covered or hot, flat, in C order.
    pub dead: Vec<usize>,
    /// Of them, those that are hot.
    pub hot: usize,
    /// Whether a frame that was looked at has saturated pixels.
    pub saturated: bool,
    /// How far away what confirms a pixel is looked for: nearer ones may be hot beside it. 0: nothing is.
    pub apart: usize,
}

impl Clean {
    /// From some frames of a scan (pixels in C order, NaN where invalid) with disks of about this radius.
    pub fn measure(
        frames: &[Vec<f32>],
        (rows, columns): (usize, usize),
        saturation: Option<f32>,
        radius: f64,
    ) -> Self {
        // Eight bits are also stored as sixteen. Without noise a plateau is no end.
        let noisy = noise(frames, (rows, columns), None, LEAST_GAIN).is_some();
        let saturation = match noisy {
            true => piled_up(frames).or(saturation),
            false => saturation,
        };
        let noise = noise(frames, (rows, columns), saturation, LEAST_GAIN);
        let (gain, offset) = noise.unwrap_or((1.0, 0.0));
        let apart = match radius {
            radius if radius >= 3.5 => 2,
            radius if radius >= 1.8 => 1,
            _ => 0,
        };
        let mut clean = Clean {
            rows,
            columns,
            gain,
            offset,
            saturation,
            dead: Vec::new(),
            hot: 0,
            saturated: false,
            apart,
        };
        let mut sums = vec![0.0f64; rows * columns];
        let mut lone = vec![0u32; rows * columns];
        let mut flags = Vec::new();
        for frame in frames {
            let mut counts = frame.clone();
            clean.saturated |= clean.to_counts(&mut counts);
            for (sum, value) in sums.iter_mut().zip(&counts) {
                *sum += if value.is_finite() {
                    f64::from(*value)
                } else {
                    1.0
                };
            }
            clean.lone(&counts, &mut flags, |at| lone[at] += 1);
        }
        let often = ((HOT * frames.len() as f64).ceil() as u32).max(2);
        let mut dead: Vec<bool> = lone.iter().map(|times| *times >= often).collect();
        clean.hot = dead.iter().filter(|dead| **dead).count();
        if offset == 0.0 {
            covered(&sums, (rows, columns), &mut dead);
        }
        clean.dead = (0..dead.len()).filter(|at| dead[*at]).collect();
        clean
    }

    /// For frames of the same detector whose noise may be another one: of many that were averaged into one it is less, and each
    /// value stands for as many more counts.
    pub(super) fn beside(&self, frames: &[Vec<f32>]) -> Self {
        let size = (self.rows, self.columns);
        let noise = noise(frames, size, self.saturation, LEAST_OF_MEANS);
        let noise = noise.unwrap_or((self.gain, self.offset));
        let other = (noise.0 / self.gain).ln().abs() > OTHER_NOISE.ln();
        let (gain, offset) = if other {
            noise
        } else {
            (self.gain, self.offset)
        };
        Clean {
            gain,
            offset,
            ..self.clone()
        }
    }

    /// Turns a frame's pixels into counts: NaN where they say nothing, ∞ where there are more than can be said.
    pub fn apply(&self, values: &mut [f32], flags: &mut Vec<u8>) {
        let saturated = self.to_counts(values);
        self.dead.iter().for_each(|at| values[*at] = f32::NAN);
        let mut alone = Vec::new();
        self.lone(values, flags, |at| alone.push(at));
        alone.into_iter().for_each(|at| values[at] = f32::NAN);
        if saturated {
            self.around_saturated(values);
        }
    }

    /// Next to a saturated pixel others are nearly so: that they are not is chance, which makes them less than they should be.
    fn around_saturated(&self, values: &mut [f32]) {
        let (columns, near) = (self.columns, 0.3 * self.most());
        let saturated: Vec<usize> = (0..values.len())
            .filter(|at| values[*at] == f32::INFINITY)
            .collect();
        for at in saturated {
            let (row, column) = (at / columns, at % columns);
            for y in row.saturating_sub(1)..(row + 2).min(self.rows) {
                for x in column.saturating_sub(1)..(column + 2).min(columns) {
                    let value = &mut values[y * columns + x];
                    // A sharp edge ends before it.
                    if value.is_finite() && *value > near {
                        *value = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }

    /// The noise turned out to be this share of what it was taken for.
    pub(super) fn lower_gain(&mut self, share: f64) {
        self.gain *= share;
        if (self.gain - 1.0).abs() < NEARLY_COUNTS {
            (self.gain, self.offset) = (1.0, 0.0);
        }
    }

    /// Counts as values of the frame again.
    pub fn values(&self, counts: f32) -> f32 {
        (f64::from(counts) * self.gain - self.offset) as f32
    }

    /// Counts at saturated pixels.
    pub fn most(&self) -> f32 {
        let most = f64::from(self.saturation.unwrap_or(f32::MAX));
        ((most + self.offset) / self.gain) as f32
    }

    /// Whether any is saturated.
    fn to_counts(&self, values: &mut [f32]) -> bool {
        let mut any = false;
        if let Some(saturation) = self.saturation {
            for value in values.iter_mut() {
                let saturated = *value >= saturation;
                any |= saturated;
                *value = if saturated { f32::INFINITY } else { *value };
            }
        }
        if self.gain != 1.0 || self.offset != 0.0 {
            let (gain, offset) = (1.0 / self.gain as f32, self.offset as f32);
            values
                .iter_mut()
                .for_each(|value| *value = (*value + offset) * gain);
        }
        any
    }

    /// Pixels far above everything around them.
    fn lone(&self, values: &[f32], flags: &mut Vec<u8>, mut each: impl FnMut(usize)) {
        let (apart, columns) = (self.apart, self.columns);
        if apart == 0 || self.rows <= 2 * apart || columns <= 2 * apart {
            return;
        }
        flags.resize(columns, 0);
        for row in apart..self.rows - apart {
            let line = |row: usize| &values[row * columns..(row + 1) * columns];
            vectorised(Alone {
                above: line(row - apart),
                here: line(row),
                below: line(row + apart),
                apart,
                out: flags,
            });
            for (part, flags) in flags.chunks(16).enumerate() {
                if flags.iter().any(|flag| *flag != 0) {
                    (flags.iter().enumerate())
                        .filter(|(_, flag)| **flag != 0)
                        .for_each(|(n, _)| each(row * columns + part * 16 + n));
                }
            }
        }
    }
}

struct Alone<'a> {
    above: &'a [f32],
    here: &'a [f32],
    below: &'a [f32],
    apart: usize,
    out: &'a mut [u8],
}

impl Vectorised for Alone<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (apart, count) = (self.apart, self.here.len() - 2 * self.apart);
        let (a0, a1, a2) = (
            &self.above[..count],
            &self.above[apart..][..count],
            &self.above[2 * apart..][..count],
        );
        let (h0, h1, h2) = (
            &self.here[..count],
            &self.here[apart..][..count],
            &self.here[2 * apart..][..count],
        );
        let (b0, b1, b2) = (
            &self.below[..count],
            &self.below[apart..][..count],
            &self.below[2 * apart..][..count],
        );
        let larger = |one: f32, other: f32| if other > one { other } else { one };
        let end = self.out.len();
        self.out[..apart].fill(0);
        self.out[end - apart..].fill(0);
        let out = &mut self.out[apart..][..count];
        for n in 0..count {
            // What is no number is larger than nothing.
            let mut most = larger(0.0, a0[n]);
            for other in [a1[n], a2[n], h0[n], h2[n], b0[n], b1[n], b2[n]] {
                most = larger(most, other);
            }
            out[n] = u8::from(h1[n] > most + LONE * (most + 1.0).sqrt() + 3.0);
        }
    }
}

/// The largest value of all, when many more pixels have it than a little less: there the detector ends.
fn piled_up(frames: &[Vec<f32>]) -> Option<f32> {
    let all = || {
        frames
            .iter()
            .flatten()
            .copied()
            .filter(|value| value.is_finite())
    };
    let most = all().fold(f32::NEG_INFINITY, f32::max);
    let (mut at_most, mut nearly) = (0usize, 0usize);
    for value in all().filter(|value| *value > 0.95 * most) {
        *(if value == most {
            &mut at_most
        } else {
            &mut nearly
        }) += 1;
    }
    let each = nearly as f32 / (0.05 * most).max(1.0);
    (most > PILE && at_most as f32 > 20.0 + 3.0 * each).then_some(most)
}

/// Less than this is reached by chance.
const PILE: f32 = 20.0;

/// Marks pixels of which no frame has counts, together with those around them, and what their edge may reach.
fn covered(sums: &[f64], (rows, columns): (usize, usize), dead: &mut [bool]) {
    let block = |row: usize, column: usize| {
        let mut sum = 0.0;
        for y in row - 1..=row + 1 {
            for x in column - 1..=column + 1 {
                sum += sums[y * columns + x].max(0.0);
            }
        }
        sum
    };
    if rows < 5 || columns < 5 {
        return;
    }
    let inside = || (1..rows - 1).flat_map(|row| (1..columns - 1).map(move |column| (row, column)));
    let mut blocks: Vec<f64> = inside()
        .map(|(row, column)| block(row, column))
        .filter(|sum| *sum > 0.0)
        .collect();
    let middle = blocks.len() / 4;
    if blocks.is_empty() || *blocks.select_nth_unstable_by(middle, f64::total_cmp).1 < COUNTED {
        return;
    }
    for (row, column) in inside().filter(|(row, column)| block(*row, *column) == 0.0) {
        for y in row.saturating_sub(2)..(row + 3).min(rows) {
            for x in column.saturating_sub(2)..(column + 3).min(columns) {
                dead[y * columns + x] = true;
            }
        }
    }
}

/// `None` where there is no noise, or less than `least` of that of counts. Gain and offset such that variance is `gain · mean + gain · offset`: of blocks of pixels, from how much neighbours differ.
fn noise(
    frames: &[Vec<f32>],
    (rows, columns): (usize, usize),
    saturation: Option<f32>,
    least: f64,
) -> Option<(f64, f64)> {
    let mut blocks: Vec<[f64; 2]> = Vec::new();
    let most = saturation.unwrap_or(f32::INFINITY);
    for frame in frames {
        for row in (0..rows.saturating_sub(BLOCK - 1)).step_by(BLOCK) {
            for column in (0..columns.saturating_sub(BLOCK - 1)).step_by(BLOCK) {
                let (mut square, mut sum, mut count) = (0.0f64, 0.0f64, 0.0f64);
                for y in row..row + BLOCK {
                    let line = &frame[y * columns + column..][..BLOCK];
                    for three in line.windows(3) {
                        let bend =
                            f64::from(three[0]) - 2.0 * f64::from(three[1]) + f64::from(three[2]);
                        if bend.is_finite() && three.iter().all(|value| *value < most) {
                            square += bend * bend / 6.0;
                            sum += f64::from(three[1]);
                            count += 1.0;
                        }
                    }
                }
                if count >= 24.0 {
                    blocks.push([sum / count, square / count]);
                }
            }
        }
    }
    // The darker ones have no edges of disks.
    blocks.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let dark = &blocks[..blocks.len() * 6 / 10];
    if dark.len() < 12 {
        return Some((1.0, 0.0));
    }
    const PARTS: usize = 6;
    let points: Vec<[f64; 2]> = dark
        .chunks(dark.len().div_ceil(PARTS))
        .map(|part| {
            let mean = part.iter().map(|[mean, _]| mean).sum::<f64>() / part.len() as f64;
            let mut variances: Vec<f64> = part.iter().map(|[_, variance]| *variance).collect();
            [mean, usual(&mut variances, mean)]
        })
        .collect();
    let ratio = {
        let (mean, variance) = points.iter().fold((0.0, 0.0), |(m, v), [mean, variance]| {
            (m + mean, v + variance)
        });
        if mean > 0.0 {
            variance / mean
        } else {
            return Some((1.0, 0.0));
        }
    };
    let gain = ratio * TRIMMED;
    if gain.is_finite() && gain > least && (gain - 1.0).abs() > NEARLY_COUNTS {
        return Some(line(&points, gain));
    }
    (gain > least).then_some((1.0, 0.0))
}

/// The median of the variances of blocks without those that edges, cosmic rays and hot pixels are in.
fn usual(variances: &mut [f64], mean: f64) -> f64 {
    variances.sort_unstable_by(f64::total_cmp);
    let mut middle = variances[variances.len() / 2];
    // Where most blocks have edges of bright disks the median is theirs; with few counts chance is more than they are.
    if mean * mean > middle {
        middle = variances[variances.len() / 5] / (1.0 - FIFTH * BY_CHANCE);
        for _ in 0..4 {
            let limit = middle * (1.0 + FAR * BY_CHANCE);
            let within = variances.partition_point(|variance| *variance <= limit);
            middle = variances[within / 2];
        }
    }
    middle
}

/// Standard deviation of a block's variance as a share of it, how many of these a fifth of the blocks are below the middle, and
/// from how many on a block is no noise.
const BY_CHANCE: f64 = 0.28;
const FIFTH: f64 = 0.84;
const FAR: f64 = 2.5;
/// Mean of the variances of blocks over their median.
const TRIMMED: f64 = 1.03;
/// Less noise than this share of that of counts is none at all: a simulation.
const LEAST_GAIN: f64 = 0.05;
/// That of the mean of ten thousand frames.
const LEAST_OF_MEANS: f64 = 1e-4;

/// Weighted least squares of variance against mean, both parts not negative.
fn line(points: &[[f64; 2]], ratio: f64) -> (f64, f64) {
    let weight = |variance: f64| 1.0 / (variance * variance).max(1e-30);
    let mut sums = [0.0; 5];
    for [mean, variance] in points {
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
    if gain.is_finite() && gain > 0.2 * ratio && rest > 0.02 * ratio * points[0][0].abs() {
        (gain, rest / gain)
    } else {
        (ratio, 0.0)
    }
}
