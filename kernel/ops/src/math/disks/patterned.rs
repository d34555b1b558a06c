//! What is inside the disks of a scan that are not flat.

use super::measuring::{
    Measuring, PATTERN_EXPLAINS, PATTERNED, SURE, What, Work, away, first_shape, look_once, nearest,
};
use super::model::{Model, Scan};
use super::prepared::{Prepared, cheaper};
use super::probe::Probe;
use super::statistics::middle;
use crate::math::in_parts::in_parts;

/// Rounds that a pattern is learned in, and what a round does.
const PATTERN_ROUNDS: usize = 8;
const BETTER: f64 = 0.004;
/// Rounds after which it is about known what a pattern is, and those that are of direct beams.
const FIRST_PATTERNS: usize = 2;
const BEAM_ROUNDS: usize = 1;
const BOUND_BEAM_ROUNDS: usize = 4;
/// Frames that say how far disks are from each other.
const NEIGHBOURS_FRAMES: usize = 8;
/// Share of the radius by which the centroid of a pattern is off its circle when it is not chance.
const UNEVEN: f64 = 0.08;
/// Times that a pattern may be finer than counts ask for.
const FINER: [f64; 2] = [1.6, 2.5];
/// What each wave of a pattern must explain: noise alone explains 3 to 3.7 of deviance.
const WAVE_COST: f64 = 4.0;
/// How far beyond its edge a pattern is looked for, in px.
const AROUND_PATTERN: f64 = 1.0;

impl Measuring<'_> {
    /// What is inside the disks, beginning with that of the direct beam and, where that leaves something to explain, with flat ones.
    pub(super) fn patterned(&mut self, shape_errors: [f64; 2]) -> Option<Prepared> {
        let mut flat = self.scan.clone();
        if let Some(radius) = self.bound {
            // What of a soft edge is too much the background would have, and nothing tells.
            flat.shape = first_shape(radius);
        }
        let from_beam = flat.beam_is_seen && !self.clean.saturated;
        let mut best: Option<Prepared> = None;
        let beam_rounds = match self.bound {
            Some(_) => BOUND_BEAM_ROUNDS,
            None => BEAM_ROUNDS,
        };
        let starts = [if from_beam { beam_rounds } else { 0 }, 0];
        let mut tried = starts[0];
        let mut learn = |beam_rounds, finer, best: Option<Prepared>| {
            // What flat disks left over was taken for more of them, and the background for less.
            self.scan = Scan {
                shape: flat.shape,
                centre: flat.centre,
                wander: flat.wander,
                brightest: flat.brightest,
                ..self.first.clone()
            };
            cheaper(best, self.learn_pattern(beam_rounds, finer))
        };
        for beam_rounds in starts {
            best = learn(beam_rounds, 1.0, best);
            tried = beam_rounds;
            let explains = |best: &Prepared| best.misfit < PATTERN_EXPLAINS;
            if beam_rounds == 0 || best.as_ref().is_some_and(explains) {
                break;
            }
        }
        // What is left over may be too fine for what counts ask for.
        for finer in FINER {
            let is_too_smooth = |best: &Prepared| {
                let probe = best.model.probe.as_ref();
                best.misfit > PATTERNED && probe.is_some_and(Probe::is_smooth)
            };
            if best.as_ref().is_some_and(is_too_smooth) {
                best = learn(tried, finer, best);
            }
        }
        best.map(|best| Prepared {
            shape_errors,
            ..best
        })
    }

    /// Radius and middle of disks by the circle that their pattern fills, where its counts are not even about their centroid.
    fn encircle(&mut self, model: &Model) {
        let end = self.neighbours(model);
        let Some((middle, radius)) = (self.scan.probe.as_ref()).and_then(|probe| probe.circle(end))
        else {
            return;
        };
        let [low, high] = self.limits;
        let radius = radius.clamp(low, high);
        self.scan.shape.radius = radius as f32;
        let probe = self.scan.probe.take();
        self.scan.probe = match middle.filter(|middle| away(*middle, [0.0; 2]) > UNEVEN * radius) {
            Some(middle) => probe.map(|probe| probe.about(middle)),
            None => probe,
        };
    }

    /// How far from the middle of a disk nothing is of the next one, in px; of disks that overlap nobody knows.
    fn neighbours(&self, model: &Model) -> f64 {
        let some = self.frames.len().div_ceil(NEIGHBOURS_FRAMES);
        let chosen: Vec<&Vec<f32>> = self.frames.iter().step_by(some).collect();
        let of_frames = in_parts(chosen.len(), |(image, scratch): &mut Work, n| {
            image.fill(model.size(), model.margin(), chosen[n], self.clean.most());
            let found = model.find(image, scratch);
            let away = found.iter().map(|peak| nearest(peak, &found));
            away.collect::<Vec<f64>>()
        });
        let half = 0.5 * middle(of_frames.into_iter().flatten());
        match self.bound {
            Some(bound) if half >= bound => half,
            _ => f64::INFINITY,
        }
    }

    /// From what the pattern so far, at first a flat disk, leaves over; in so many rounds in direct beams only.
    fn learn_pattern(&mut self, beam_rounds: usize, finer: f64) -> Option<Prepared> {
        let shape = self.scan.shape;
        let edge = f64::from(shape.edge);
        let reach = f64::from(shape.radius) + (4.0 * edge).clamp(2.0, 4.0) + AROUND_PATTERN;
        let mut probe = Probe::new(reach, |y, x| f64::from(shape.at(y as f32, x as f32).share));
        let mut misfit = f64::INFINITY;
        let rounds = PATTERN_ROUNDS + beam_rounds.saturating_sub(BEAM_ROUNDS);
        for round in 1..=rounds {
            self.scan.probe = Some(probe);
            let of_beam = round <= beam_rounds;
            let mut model = Model::new(self.scan.clone(), SURE);
            // Not before it is about known what they are.
            model.realigns = round > FIRST_PATTERNS.max(beam_rounds);
            let what = if of_beam { What::Beam } else { What::Disks };
            let looked = look_once(&model, &self.quarter, self.frames, self.clean, 1, what);
            if looked.sums.disks == 0 {
                return None;
            }
            let sums = match of_beam {
                true => looked.sums,
                false => self.learn(looked, true),
            };
            let before = std::mem::replace(&mut misfit, sums.misfit / sums.disks as f64);
            let settled = (before - misfit).abs() < BETTER * misfit;
            if round > FIRST_PATTERNS.max(beam_rounds) && (settled || round == rounds) {
                if self.bound.is_some() {
                    self.encircle(&model);
                }
                let mut found = self.conclude(&sums);
                let free = (self.scan.probe.as_ref()).map_or(0.0, Probe::freedom);
                found.cost += WAVE_COST * free;
                return Some(found);
            }
            let corrections = sums.probe.as_ref()?;
            probe = corrections.correct(self.scan.probe.as_ref()?, finer);
        }
        None
    }
}
