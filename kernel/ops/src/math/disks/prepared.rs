//! What the disks of a scan have in common, as far as it is known and as far as it could be measured.

use std::ops::Range;

use super::clean::Clean;
use super::elsewhere::Elsewhere;
use super::fit::FAINTEST;
use super::image::Image;
use super::measuring::{PATTERN_EXPLAINS, Work};
use super::model::{DISK_COST, Found, Model};
use super::search::{Scratch, square_apart};
use super::statistics::middle;
use super::uneven::Uneven;
use crate::math::in_parts::in_parts;

/// What is known before: `None` is measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// Where measuring begins, in px.
    pub radius: Option<f64>,
    /// Where the direct beam is looked for in every frame, row first; left out, near the middle.
    pub direct_beam: Option<[f64; 2]>,
    /// The largest value that a pixel can have.
    pub saturation: Option<f32>,
}

/// A scan's disks as far as they could be measured.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub model: Model,
    /// How pixels become counts.
    pub clean: Clean,
    /// Whether the disks are what the direct beam is without specimen.
    pub told: bool,
    /// Disks that the shape was measured from.
    pub disks: usize,
    pub frames: usize,
    /// Standard errors of radius and edge in px, as far as counts make them.
    pub shape_errors: [f64; 2],
    /// Mean square of what is left over, in units of its expected variance: 1 for Poisson counts.
    pub misfit: f64,
    /// The median of that over the disks: the brightest have more that no model says.
    pub(super) usual_misfit: f64,
    /// The median distance in px from one disk to the next.
    pub(super) apart: f64,
    /// Deviance of the counts from what is expected, and what every disk costs.
    pub(super) cost: f64,
    /// The same with flat disks.
    pub(super) flat_cost: f64,
    /// As far in px as the counts of the direct beam reach, where the disks that were found may be pieces of larger ones.
    pub whole: Option<f64>,
    /// Where the direct beam is not where it is said to be.
    pub elsewhere: Option<Elsewhere>,
    /// How far places are off by what the background is under disks and the model does not say.
    pub uneven: Option<Uneven>,
}

impl Prepared {
    /// Cost of what is further than so many px from the edges of the frames.
    pub(super) fn cost_within(&self, frames: &[Vec<f32>], border: f64) -> f64 {
        let model = &self.model;
        let [rows, columns] = [model.rows, model.columns].map(|size| {
            let border = (border as usize).min(size / 2);
            border..(size - border).max(border + 1)
        });
        let inside = |at: f64, range: &Range<usize>| {
            at >= range.start as f64 - 0.5 && at < range.end as f64 - 0.5
        };
        let costs = in_parts(frames.len(), |(image, scratch): &mut Work, n| {
            image.fill(model.size(), model.margin(), &frames[n], self.clean.most());
            let found = model.find(image, scratch);
            let disks = (found.iter())
                .filter(|peak| inside(peak.y, &rows) && inside(peak.x, &columns))
                .count();
            let deviance = model.deviance_within(image, scratch, rows.clone(), columns.clone());
            deviance + DISK_COST * disks as f64
        });
        costs.iter().sum()
    }

    /// How badly mean and variance say what is in the pixels of frames as they were read, per pixel: the squares of what is left over,
    /// over the variance, and its logarithm (Dawid and Sebastiani, doi:10.1214/aos/1018031101), in units of the values.
    pub(super) fn score(&self, frames: &[Vec<f32>]) -> f64 {
        let of_frames = self.in_frames(frames, |image, scratch, _| {
            let expected = self.model.expected(image, scratch);
            let columns = self.model.columns;
            let (mut sum, mut pixels) = (0.0, 0.0);
            for at in 0..self.model.rows * columns {
                let pixel = image.at(at / columns, at % columns);
                if image.valid[pixel] > 0.0 {
                    let variance = expected(at).max(f64::from(FAINTEST));
                    let off = f64::from(image.counts[pixel]) - variance;
                    sum += (off * off / variance).min(OUTLIER) + variance.ln();
                    pixels += 1.0;
                }
            }
            [sum, pixels]
        });
        let total = |n: usize| of_frames.iter().map(|of_frame| of_frame[n]).sum::<f64>();
        total(0) / total(1) + 2.0 * self.clean.gain.ln()
    }

    /// Leaves those pixels covered where counts are expected.
    pub(super) fn uncover(&mut self, frames: &[Vec<f32>]) {
        let clean = &self.clean;
        let covered = clean.dead[clean.hot..].to_vec();
        if covered.is_empty() {
            return;
        }
        let of_frames = self.in_frames(frames, |image, scratch, _| {
            let expected = self.model.expected(image, scratch);
            covered.iter().map(|at| expected(*at)).collect::<Vec<f64>>()
        });
        let mut sums = vec![0.0; self.model.rows * self.model.columns];
        for of_frame in &of_frames {
            let places = covered.iter().zip(of_frame);
            places.for_each(|(at, expected)| sums[*at] += expected);
        }
        self.clean.uncover(|at| sums[at]);
        if self.clean.dead.len() == self.clean.hot + covered.len() {
            return;
        }
        let misfits = self.in_frames(frames, |_, _, found| {
            let misfits = found.iter().map(|peak| peak.evidence.misfit);
            misfits.collect::<Vec<f64>>()
        });
        let misfits: Vec<f64> = misfits.into_iter().flatten().collect();
        if !misfits.is_empty() {
            self.misfit = misfits.iter().sum::<f64>() / misfits.len() as f64;
            self.usual_misfit = middle(misfits.into_iter());
        }
    }

    /// Whether something covers the place of the direct beam.
    pub fn beam_is_covered(&self) -> bool {
        let model = &self.model;
        let near = f64::from(model.shape.radius).powi(2);
        self.clean.dead[self.clean.hot..].iter().any(|at| {
            let pixel = [(at / model.columns) as f64, (at % model.columns) as f64];
            square_apart(pixel, model.centre) <= near
        })
    }

    /// Something of every frame in which disks were found.
    pub(super) fn in_frames<T: Send>(
        &self,
        frames: &[impl AsRef<[f32]> + Sync],
        what: impl Fn(&Image, &mut Scratch, &[Found]) -> T + Sync,
    ) -> Vec<T> {
        let (model, clean) = (&self.model, &self.clean);
        in_parts(frames.len(), |(image, scratch): &mut Work, n| {
            let mut counts = frames[n].as_ref().to_vec();
            clean.apply(&mut counts, &mut Vec::new());
            image.fill(model.size(), model.margin(), &counts, clean.most());
            let found = model.find(image, scratch);
            what(image, scratch, &found)
        })
    }

    pub(super) fn is_about(&self, radius: f64, factor: f64) -> bool {
        (f64::from(self.model.shape.radius) / radius).ln().abs() < factor.ln()
    }

    pub(super) fn is_larger_than(&self, radius: f64) -> bool {
        f64::from(self.model.shape.radius) > radius
    }

    /// Flat disks that explain everything are no pieces, whatever was said of the radius, and whatever a background that falls
    /// outwards makes of the beam's extent.
    pub(super) fn is_flat(&self) -> bool {
        self.model.probe.is_none() && self.explains()
    }

    /// Whether nothing is left to explain.
    pub(super) fn explains(&self) -> bool {
        let explained = match self.model.probe {
            Some(_) => PATTERN_EXPLAINS,
            None => EXPLAINED,
        };
        self.misfit < explained
    }
}

/// What explains the frames better.
pub(super) fn cheaper(best: Option<Prepared>, other: Option<Prepared>) -> Option<Prepared> {
    match (best, other) {
        (Some(best), Some(other)) => Some(if other.cost < best.cost { other } else { best }),
        (best, other) => best.or(other),
    }
}

/// Squares of what is left over count no more than so many variances.
const OUTLIER: f64 = 100.0;
/// Below this misfit nothing is left to explain.
pub(super) const EXPLAINED: f64 = 1.05;
/// Below this one there is less noise than it was taken for, or counts are too few to tell.
pub(super) const TOO_GOOD: f64 = 0.92;
