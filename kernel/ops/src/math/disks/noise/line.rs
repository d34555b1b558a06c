//! The line of variance against mean where something may be added to all pixels.

use super::super::statistics::middle;
use super::blocks::{HALF_BY_CHANCE, HALF_TRIMMED, HARDLY_ANY, Point, mean_of, usual};
use super::{DARKER, Noise, is_counts};

/// In how many parts blocks are taken, by their means.
const LINE_PARTS: usize = 12;
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
/// As long as the brightest of the dark blocks have hardly any, brighter ones are taken: tenths of all.
const BRIGHTER: [usize; 3] = [8, 9, 10];
/// One of so many blocks is among the darkest.
const DARKEST: usize = 20;

/// Variance is `gain · mean + rest`.
pub(super) struct Line {
    points: Vec<Point>,
    weights: Vec<f64>,
    pub(super) gain: f64,
    rest: f64,
    /// Variance of the darkest.
    darkest: f64,
    /// Whether there are few counts in the darker blocks.
    pub(super) few: bool,
}

impl Line {
    /// Through the darker ones of blocks that are in the order of what their means should be.
    pub(super) fn of(blocks: &[[f64; 2]]) -> Option<Self> {
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
    pub(super) fn gain_from(&self, zero: f64) -> f64 {
        let cross = self.sum(|point| (point.mean - zero) * point.variance);
        let gain = cross / self.sum(|point| (point.mean - zero).powi(2));
        gain.max(0.0)
    }

    /// Value without variance.
    fn zero(&self) -> f64 {
        -self.rest / self.gain
    }

    /// Whether something is added to all pixels: no line through the origin explains the variances.
    pub(super) fn is_shifted(&self) -> bool {
        let misfit = self.misfit(self.gain, self.zero());
        let worse = self.misfit(self.gain_from(0.0), 0.0) - misfit;
        let decisive = worse > MUCH_WORSE * (misfit / LINE_PARTS as f64).max(1.0);
        let is_line = misfit < NO_LINE && self.gain > 0.0;
        is_line && decisive && self.rest.abs() > SEEN * self.darkest
    }

    /// Where something is added to all pixels.
    pub(super) fn noise(&self, frames: &[Vec<f32>]) -> Noise {
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
