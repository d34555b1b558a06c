//! What of a frame is counts: gain and offset taken out, and pixels left out that say nothing: saturated, covered, hot ones.

use signal::simd::{Vectorised, vectorised};

use super::covered::{Seen, covered, darker_than_expected};
use super::dimmed::dimmed;
use super::left_over::Left;
use super::noise::{Added, Noise, is_counts, noise};

/// Standard deviations by which a single pixel is above everything around it.
const LONE: f32 = 6.0;
/// Share of the frames in which a pixel is alone above everything around it, from which on it is hot.
const HOT: f64 = 0.3;
/// Standard deviations of the readout that hardly a pixel without counts is below zero.
const FAR_BELOW: f64 = 2.0;
/// Noise that differs by less than this factor is the same: a few frames do not tell it any better.
const OTHER_NOISE: f64 = 2.0;

/// How pixel values become counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Clean {
    rows: usize,
    columns: usize,
    /// Variance over mean; 1 for counts.
    pub gain: f64,
    /// Added to values before they are divided by the gain: the variance that is there without counts, less what is added to all
    /// pixels.
    pub offset: f64,
    /// Whether something is added to all pixels, or taken from them.
    pub shifted: bool,
    /// Share of the pixels that are below zero in the file and as counts, further than readout noise explains: a background was taken
    /// away, and nobody knows its noise.
    pub below_zero: f64,
    /// The value of pixels without counts, where values are whole numbers above it.
    zero: Option<f64>,
    /// The largest value that a pixel can have, when it has an end.
    pub saturation: Option<f32>,
    /// Pixels that are hot or covered, flat.
    pub dead: Vec<usize>,
    /// As many of them, the first ones, are hot.
    pub hot: usize,
    /// Whether a stop that is not dark covers them.
    stopped: bool,
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
        let mut noisy = noise(frames, (rows, columns), None, Added::Unknown);
        let saturation = match noisy {
            Some(noise) => piled_up(frames, noise).or(saturation),
            None => saturation,
        };
        let reached = |end: f32| frames.iter().flatten().any(|value| *value >= end);
        if saturation.is_some_and(reached) {
            noisy = noise(frames, (rows, columns), saturation, Added::Unknown);
        }
        let noise = noisy.unwrap_or_default();
        Self::with_noise(noise, frames, (rows, columns), saturation, radius)
    }

    /// Of counts above `zero`, whatever their noise looks like; `None` where values are not whole numbers above that.
    pub(super) fn of_counts(
        frames: &[Vec<f32>],
        size: (usize, usize),
        saturation: Option<f32>,
        radius: f64,
        zero: f64,
    ) -> Option<Self> {
        let is_count = |value: &f32| value.fract() == 0.0 && f64::from(*value) >= zero;
        let mut finite = frames.iter().flatten().filter(|value| value.is_finite());
        let noise = Noise {
            offset: -zero,
            shifted: zero != 0.0,
            zero: Some(zero),
            ..Noise::default()
        };
        (finite.all(is_count)).then(|| Self::with_noise(noise, frames, size, saturation, radius))
    }

    fn with_noise(
        noise: Noise,
        frames: &[Vec<f32>],
        (rows, columns): (usize, usize),
        saturation: Option<f32>,
        radius: f64,
    ) -> Self {
        let Noise {
            gain,
            offset,
            shifted,
            zero,
        } = noise;
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
            shifted,
            below_zero: 0.0,
            zero,
            saturation,
            dead: Vec::new(),
            hot: 0,
            stopped: false,
            saturated: false,
            apart,
        };
        let mut seen = vec![Seen::NOTHING; rows * columns];
        let mut lone = vec![0u32; rows * columns];
        let mut flags = Vec::new();
        // Less than readout noise makes of no counts.
        let readout = if clean.shifted {
            0.0
        } else {
            (clean.offset / clean.gain).max(0.0)
        };
        let least = (readout - FAR_BELOW * readout.sqrt()).min(0.0) as f32;
        let mut below = 0;
        for frame in frames {
            let mut counts = frame.clone();
            clean.saturated |= clean.to_counts(&mut counts);
            let values = frame.iter().zip(&counts);
            below += values
                .filter(|(value, counts)| **value < 0.0 && **counts < least)
                .count();
            (seen.iter_mut().zip(&counts)).for_each(|(seen, counts)| seen.add(*counts));
            clean.lone(&counts, &mut flags, |at| lone[at] += 1);
        }
        clean.below_zero = below as f64 / (frames.len() * rows * columns).max(1) as f64;
        let often = ((HOT * frames.len() as f64).ceil() as u32).max(2);
        clean.dead = (0..lone.len()).filter(|at| lone[*at] >= often).collect();
        clean.hot = clean.dead.len();
        let mut dark = vec![false; rows * columns];
        covered(&seen, (rows, columns), &mut dark);
        (clean.dead.iter()).for_each(|at| dark[*at] = false);
        (clean.dead).extend((0..dark.len()).filter(|at| dark[*at]));
        clean
    }

    /// Leaves out what is under a beam stop that is not dark, where nothing is covered already.
    pub(super) fn leave_out_stop(&mut self, frames: &[Vec<f32>], centre: [f64; 2]) {
        if self.is_covered_anywhere() {
            return;
        }
        let mut sums = vec![0.0; self.rows * self.columns];
        let mut counts = Vec::new();
        for frame in frames {
            counts.clone_from(frame);
            self.to_counts(&mut counts);
            (sums.iter_mut().zip(&counts)).for_each(|(sum, counts)| *sum += f64::from(*counts));
        }
        let mut dead = vec![false; sums.len()];
        for at in &self.dead {
            (dead[*at], sums[*at]) = (true, f64::NAN);
        }
        let dim = dimmed(&sums, (self.rows, self.columns), centre);
        self.dead.extend(dim.into_iter().filter(|at| !dead[*at]));
        self.stopped = self.is_covered_anywhere();
    }

    /// Leaves those covered that are dark where counts are expected, of all frames that were looked at: between disks without a
    /// background none are. What is under a stop that is not dark was compared with what is beside it.
    pub(super) fn uncover(&mut self, expected: impl Fn(usize) -> f64) {
        if self.stopped {
            return;
        }
        let mut dark = vec![false; self.rows * self.columns];
        (self.dead.drain(self.hot..)).for_each(|at| dark[at] = true);
        darker_than_expected(&mut dark, (self.rows, self.columns), expected);
        (self.dead).extend((0..dark.len()).filter(|at| dark[*at]));
    }

    /// The value of pixels without counts, as far as that is a whole number.
    pub(super) fn zero(&self) -> f64 {
        self.zero.filter(|_| self.shifted).unwrap_or(0.0)
    }

    pub(super) fn is_covered_anywhere(&self) -> bool {
        self.dead.len() > self.hot
    }

    /// For frames of the same detector whose noise may be another one: of many that were averaged into one it is less, and each
    /// value stands for as many more counts.
    pub(super) fn beside(&self, frames: &[Vec<f32>]) -> Self {
        let size = (self.rows, self.columns);
        // What is added to all pixels is that of the detector, however many frames were averaged.
        let added = if self.shifted { self.offset } else { 0.0 };
        let mut above = frames.to_vec();
        (above.iter_mut().flatten()).for_each(|value| *value += added as f32);
        let saturation = self.saturation.map(|end| end + added as f32);
        let found = noise(&above, size, saturation, Added::Nothing);
        let other = |found: &Noise| (found.gain / self.gain).ln().abs() > OTHER_NOISE.ln();
        match found.filter(other) {
            Some(found) => Clean {
                gain: found.gain,
                offset: found.offset + added,
                ..self.clone()
            },
            None => self.clone(),
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

    /// The variance of counts turned out to be another line.
    pub(super) fn take_line(&mut self, left: Left) {
        self.offset += self.gain * left.rest / left.gain;
        self.gain *= left.gain;
        let zero = if self.shifted { self.zero } else { Some(0.0) };
        if let Some(zero) = zero.filter(|_| is_counts(self.gain)) {
            (self.gain, self.offset) = (1.0, -zero);
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
        vectorised(ToCounts {
            clean: self,
            values,
        })
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
            let any = vectorised(Alone {
                above: line(row - apart),
                here: line(row),
                below: line(row + apart),
                apart,
                out: flags,
            });
            if any {
                (flags.iter().enumerate())
                    .filter(|(_, flag)| **flag != 0)
                    .for_each(|(n, _)| each(row * columns + n));
            }
        }
    }
}

struct ToCounts<'a> {
    clean: &'a Clean,
    values: &'a mut [f32],
}

impl Vectorised for ToCounts<'_> {
    type Result = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let ToCounts { clean, values } = self;
        let mut any = false;
        if let Some(saturation) = clean.saturation {
            for value in values.iter_mut() {
                let saturated = *value >= saturation;
                any |= saturated;
                *value = if saturated { f32::INFINITY } else { *value };
            }
        }
        if clean.gain != 1.0 || clean.offset != 0.0 {
            let (gain, offset) = (1.0 / clean.gain as f32, clean.offset as f32);
            values
                .iter_mut()
                .for_each(|value| *value = (*value + offset) * gain);
        }
        if clean.shifted {
            // A broken pixel holds what it holds, whatever is added to the others.
            let least = -LONE - 3.0;
            for value in values.iter_mut() {
                *value = if *value < least { f32::NAN } else { *value };
            }
        }
        any
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
    /// Whether there is any.
    type Result = bool;

    #[inline(always)]
    fn run(self) -> bool {
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
        let mut any = 0;
        for n in 0..count {
            // What is no number is larger than nothing.
            let mut most = larger(0.0, a0[n]);
            for other in [a1[n], a2[n], h0[n], h2[n], b0[n], b1[n], b2[n]] {
                most = larger(most, other);
            }
            out[n] = u8::from(h1[n] > most + LONE * (most + 1.0).sqrt() + 3.0);
            any |= out[n];
        }
        any != 0
    }
}

/// The largest value of all, when many more pixels have it than a little less: there the detector ends.
fn piled_up(frames: &[Vec<f32>], noise: Noise) -> Option<f32> {
    let added = if noise.shifted {
        -noise.offset as f32
    } else {
        0.0
    };
    let all = || {
        frames
            .iter()
            .flatten()
            .copied()
            .filter(|value| value.is_finite())
    };
    let most = all().fold(f32::NEG_INFINITY, f32::max);
    let (mut at_most, mut nearly) = (0usize, 0usize);
    let range = most - added;
    for value in all().filter(|value| *value > added + 0.95 * range) {
        *(if value == most {
            &mut at_most
        } else {
            &mut nearly
        }) += 1;
    }
    let each = nearly as f32 / (0.05 * range).max(1.0);
    (range > PILE && at_most as f32 > 20.0 + 3.0 * each).then_some(most)
}

/// Less than this is reached by chance.
const PILE: f32 = 20.0;
