//! What the disks of a scan have in common, measured from some of its frames: radius, edge, background, wander of the beam.

use std::ops::Range;

use super::beam::beam;
use super::clean::Clean;
use super::correlated::Products;
use super::elsewhere::{Elsewhere, elsewhere};
use super::extent::{Around, extent};
use super::image::Image;
use super::left_over::{Left, left_over};
use super::measuring::{ABOUT, Measuring, PATTERN_EXPLAINS, Start, Work, measure};
use super::model::{DISK_COST, Found, Model};
use super::search::Scratch;
use super::statistics::middle;
use crate::math::in_parts::in_parts;

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
}

impl Prepared {
    /// Cost of what is further than so many px from the edges of the frames.
    fn cost_within(&self, frames: &[Vec<f32>], border: f64) -> f64 {
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

    /// Leaves those pixels covered where counts are expected.
    fn uncover(&mut self, frames: &[Vec<f32>]) {
        let clean = &self.clean;
        let covered = clean.dead[clean.hot..].to_vec();
        if covered.is_empty() {
            return;
        }
        let frames: Vec<&[f32]> = frames.iter().map(Vec::as_slice).collect();
        let of_frames = self.in_frames(&frames, |image, scratch, _| {
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
        let misfits = self.in_frames(&frames, |_, _, found| {
            let misfits = found.iter().map(|peak| peak.evidence.misfit);
            misfits.collect::<Vec<f64>>()
        });
        let misfits: Vec<f64> = misfits.into_iter().flatten().collect();
        if !misfits.is_empty() {
            self.misfit = misfits.iter().sum::<f64>() / misfits.len() as f64;
            self.usual_misfit = middle(misfits.into_iter());
        }
    }

    /// Something of every frame in which disks were found.
    fn in_frames<T: Send>(
        &self,
        frames: &[&[f32]],
        what: impl Fn(&Image, &Scratch, &[Found]) -> T + Sync,
    ) -> Vec<T> {
        let (model, clean) = (&self.model, &self.clean);
        in_parts(frames.len(), |(image, scratch): &mut Work, n| {
            let mut counts = frames[n].to_vec();
            clean.apply(&mut counts, &mut Vec::new());
            image.fill(model.size(), model.margin(), &counts, clean.most());
            let found = model.find(image, scratch);
            what(image, scratch, &found)
        })
    }

    fn is_about(&self, radius: f64, factor: f64) -> bool {
        (f64::from(self.model.shape.radius) / radius).ln().abs() < factor.ln()
    }

    fn is_larger_than(&self, radius: f64) -> bool {
        f64::from(self.model.shape.radius) > radius
    }

    /// Flat disks that explain everything are no pieces, whatever was said of the radius, and whatever a background that falls
    /// outwards makes of the beam's extent.
    fn is_flat(&self) -> bool {
        self.model.probe.is_none() && self.explains()
    }

    /// Whether nothing is left to explain.
    fn explains(&self) -> bool {
        let explained = match self.model.probe {
            Some(_) => PATTERN_EXPLAINS,
            None => EXPLAINED,
        };
        self.misfit < explained
    }
}

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

/// Measures what the disks of `frames` (pixels in C order, NaN where invalid) have in common, beginning with the radius of the
/// direct beam and with the one that is given; what explains the counts with fewer disks is taken. Where there are frames without
/// specimen, `vacuum`, disks are what the direct beam is there if that explains the counts better than they do themselves. `None`
/// where there are no disks.
pub fn prepare(
    frames: Vec<Vec<f32>>,
    vacuum: Vec<Vec<f32>>,
    size: (usize, usize),
    given: Given,
) -> Option<Prepared> {
    let mut found = prepare_any(&frames, &vacuum, size, given)?;
    found.uncover(&frames);
    let step = frames.len().div_ceil(FEW).max(1);
    let some: Vec<&[f32]> = frames.iter().step_by(step).map(Vec::as_slice).collect();
    let products = found.in_frames(&some, |image, scratch, _| {
        Products::of(&found.model, image, scratch)
    });
    let all = products.into_iter().reduce(|all, one| all.merge(&one));
    found.model.noise = all.map_or(1.0, |all| all.factor());
    Some(found)
}

/// With whatever is dark left out as covered.
fn prepare_any(
    frames: &[Vec<f32>],
    vacuum: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
) -> Option<Prepared> {
    let (_, radius) = look(frames, size, given.direct_beam);
    let radius = given.radius.unwrap_or(radius);
    let mut clean = Clean::measure(frames, size, given.saturation, radius);
    let measured = |clean: &Clean| prepare_clean(frames, vacuum, size, given, clean);
    // Edges of disks were taken for noise, and noise for counts: what the model leaves over is neither.
    let few: Vec<Vec<f32>> = match frames.len() / FEW {
        0 | 1 => frames.to_vec(),
        step => frames.iter().step_by(step).cloned().collect(),
    };
    for _ in 0..GAINS {
        if clean.gain == 1.0 {
            break;
        }
        let Some(prepared) = prepare_clean(&few, &[], size, given, &clean) else {
            break;
        };
        // Where the model is none for most of what is there, that is no noise.
        let is_noise = |left: &Left| left.gain < 1.0 || prepared.usual_misfit >= TOO_GOOD;
        let left = left_over(&prepared.model, &clean, &cleaned(&few, &clean));
        match left.filter(is_noise) {
            Some(left) => {
                clean.take_line(left);
                if (left.gain - 1.0).abs() < SAME_GAIN {
                    break;
                }
            }
            // No model leaves over less than noise.
            None if prepared.usual_misfit < TOO_GOOD => clean.take_line(Left {
                gain: prepared.usual_misfit,
                rest: 0.0,
            }),
            None => break,
        }
    }
    let mut found = measured(&clean);
    if found.is_none() && clean.saturated {
        // All disks are saturated inside: then what is there is better than nothing.
        clean.saturation = None;
        found = measured(&clean);
    }
    let Some(said) = given.direct_beam else {
        let found = found?;
        // A beam that is far from the middle is where the brightest disk is, if that explains the frames better.
        let near_the_middle = found.model.centre;
        let doubt = elsewhere(&cleaned(frames, &clean), &found, near_the_middle);
        let Some(brightest) = doubt.filter(|doubt| doubt.times.is_some()) else {
            return Some(found);
        };
        let there = Given {
            direct_beam: Some(brightest.brightest),
            ..given
        };
        return match prepare_clean(frames, vacuum, size, there, &clean) {
            Some(other) if other.cost + PATTERN_COST < found.cost => Some(other),
            _ => Some(found),
        };
    };
    let doubt = elsewhere(&cleaned(frames, &clean), found.as_ref()?, said);
    let Some(doubt) = doubt else {
        return found;
    };
    if doubt.taken {
        return found.map(|found| Prepared {
            elsewhere: Some(doubt),
            ..found
        });
    }
    let looked_for = Given {
        direct_beam: None,
        ..given
    };
    let other = prepare_clean(frames, vacuum, size, looked_for, &clean);
    either(found?, other, doubt)
}

/// Of the beam that is said and the one that is found, what explains the frames better; what is said if both do.
fn either(said: Prepared, found: Option<Prepared>, doubt: Elsewhere) -> Option<Prepared> {
    Some(match found {
        Some(found) if found.cost + PATTERN_COST < said.cost => Prepared {
            elsewhere: Some(Elsewhere {
                taken: true,
                ..doubt
            }),
            ..found
        },
        // The background is about the disk at the place that was said: a beam that is fainter than others.
        Some(found) if doubt.is_there && said.cost + PATTERN_COST < found.cost => said,
        _ => Prepared {
            elsewhere: Some(doubt),
            ..said
        },
    })
}

fn cheaper(best: Option<Prepared>, other: Option<Prepared>) -> Option<Prepared> {
    match (best, other) {
        (Some(best), Some(other)) => Some(if other.cost < best.cost { other } else { best }),
        (best, other) => best.or(other),
    }
}

/// Frames as counts.
fn cleaned(frames: &[Vec<f32>], clean: &Clean) -> Vec<Vec<f32>> {
    let mut flags = Vec::new();
    let mut frames = frames.to_vec();
    (frames.iter_mut()).for_each(|frame| clean.apply(frame, &mut flags));
    frames
}

/// Places and radii of the direct beam, and the median of these.
fn look(
    frames: &[Vec<f32>],
    size: (usize, usize),
    about: Option<[f64; 2]>,
) -> (Vec<([f64; 2], f64)>, f64) {
    let seen = in_parts(frames.len(), |_: &mut (), n| beam(&frames[n], size, about));
    let radius = middle(seen.iter().map(|(_, radius)| *radius));
    (seen, radius)
}

fn prepare_clean(
    frames: &[Vec<f32>],
    vacuum: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
) -> Option<Prepared> {
    let frames = &*cleaned(frames, clean);
    if vacuum.is_empty() {
        return measure_any(frames, size, given, clean, given.radius);
    }
    let of_vacuum = clean.beside(vacuum);
    let vacuum = &*cleaned(vacuum, &of_vacuum);
    let beam = measure_beam(vacuum, size, given, &of_vacuum);
    let own = measure_any(frames, size, given, clean, given.radius);
    // Disks of the scan are as large as its beam, unless that was taken for something else: few frames tell little.
    let radius = beam.as_ref().map(|(_, radius)| *radius);
    let is_another = |own: &Prepared| radius.is_some_and(|radius| !own.is_about(radius, ABOUT));
    let own = match own {
        Some(own) if own.is_flat() || !is_another(&own) => Some(own),
        own => cheaper(own, measure_any(frames, size, given, clean, radius)),
    };
    let told = beam.and_then(|(beam, _)| {
        let (seen, first) = look(frames, size, given.direct_beam);
        let mut measuring = Measuring::begin(frames, size, clean, &seen, given.direct_beam, first);
        measuring.told(&beam)
    });
    // Few beams may tell less than many disks, and there may be specimen after all; but a pattern of many disks has a part of their
    // noise too.
    let noise = |own: &Prepared| own.model.probe.as_ref().map_or(0.0, |_| OF_NOISE);
    match (own, told) {
        (Some(own), Some(told)) => Some(if told.cost < own.cost + noise(&own) {
            told
        } else {
            own
        }),
        (own, told) => told.or(own),
    }
}

/// The direct beam alone and its radius.
fn measure_beam(
    frames: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
) -> Option<(Prepared, f64)> {
    let (seen, measured) = look(frames, size, given.direct_beam);
    let places: Vec<[f64; 2]> = seen.iter().map(|(at, _)| *at).collect();
    let radius = (given.radius).or_else(|| extent(frames, size, &places, Around::Nothing))?;
    let measure_from = |radius, binds| {
        let start = Start {
            radius,
            binds,
            before: None,
            pattern_cost: BEAM_PATTERN_COST,
        };
        measure(frames, size, given, clean, &seen, &start)
    };
    let is_whole = |beam: &Prepared| beam.explains() && beam.is_about(radius, ABOUT);
    let free = measure_from(measured, false);
    let beam = match free {
        Some(beam) if is_whole(&beam) => beam,
        free => measure_from(radius, true).or(free)?,
    };
    let radius = f64::from(beam.model.shape.radius);
    Some((beam, radius))
}

/// From several radii on, as long as something is left to explain; what is said of the radius binds.
fn measure_any(
    frames: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
    said: Option<f64>,
) -> Option<Prepared> {
    let (seen, measured) = look(frames, size, given.direct_beam);
    let measure_from = |radius, binds, before: Option<&Prepared>| {
        let start = Start {
            radius,
            binds,
            before,
            pattern_cost: PATTERN_COST,
        };
        measure(frames, size, given, clean, &seen, &start)
    };
    let mut best = measure_from(measured, false, None);
    if best.as_ref().is_some_and(Prepared::is_flat) {
        return best;
    }
    // Pieces of disks explain some of them; so do the disks as a whole, and better.
    let mut whole = None;
    if let Some(said) = said
        && !best
            .as_ref()
            .is_some_and(|best| best.explains() && best.is_about(said, ABOUT))
    {
        whole = measure_from(said, true, None);
        if whole
            .as_ref()
            .is_some_and(|whole| whole.explains() && whole.is_about(said, NEARLY_SAID))
        {
            return whole;
        }
    }
    // Other beginnings where something is left to explain: the one given; where a beam is said to be that is covered, that of
    // another disk; and, as a saturated beam looks larger, a smaller one.
    let elsewhere = given.direct_beam.map(|_| look(frames, size, None).1);
    let others = [said, elsewhere]
        .into_iter()
        .flatten()
        .filter(|radius| (radius / measured - 1.0).abs() > ANOTHER);
    for radius in others.chain([SMALLER * measured]) {
        if best.as_ref().is_some_and(Prepared::explains) {
            break;
        }
        let other = measure_from(radius, false, best.as_ref());
        best = cheaper(best, other);
    }
    // Disks that are dark inside stand in a lattice, which is taken for one of them.
    let side = size.0.min(size.1) as f64;
    let is_lattice = |best: &Prepared| {
        best.is_larger_than(LARGE * side) && (best.model.probe.is_some() || !best.explains())
    };
    if said.is_none() && best.as_ref().is_some_and(is_lattice) {
        for part in PARTS {
            let other = measure_from(part * side, true, None);
            best = cheaper(best, other);
            if !best.as_ref().is_some_and(is_lattice) {
                break;
            }
        }
    }
    let places: Vec<[f64; 2]> = seen.iter().map(|(at, _)| *at).collect();
    // Where there are no pieces there is no whole: a background that is brightest in the middle; nor is there one to be seen of a
    // beam that is covered.
    let seen_in = best.as_ref().filter(|best| best.model.beam_is_seen);
    let of_beam = || seen_in.and_then(|_| extent(frames, size, &places, Around::Disks));
    let Some(radius) = said.or_else(of_beam) else {
        return best;
    };
    let is_whole = |best: &Prepared| {
        let [own, edge] = [best.model.shape.radius, best.model.shape.edge].map(f64::from);
        match said {
            Some(said) => best.is_about(said, ABOUT),
            // Of a soft edge some is beyond, of a beam that wanders some more.
            None => radius < ABOUT * (own + edge + BLUR),
        }
    };
    if best.as_ref().is_some_and(is_whole) {
        return best;
    }
    if said.is_none() {
        whole = measure_from(radius, true, best.as_ref());
        for times in LARGER {
            if [&best, &whole]
                .iter()
                .any(|one| one.as_ref().is_some_and(Prepared::explains))
            {
                break;
            }
            let other = measure_from(times * measured, true, best.as_ref());
            whole = cheaper(whole, other);
        }
    }
    // What was said binds, unless the disks are flat ones of another radius and nothing else.
    let best = match (best, whole) {
        (Some(best), Some(whole)) => {
            // Of larger disks more are cut by the frame's edge, where what is seen of them has no place in a model.
            let [of_whole, of_best] =
                [&whole, &best].map(|one| one.cost_within(frames, 1.5 * radius));
            let is_better = match said {
                Some(_) => !best.is_flat() || of_whole < of_best + PATTERN_COST,
                None => of_whole + PATTERN_COST < of_best,
            };
            Some(if is_better { whole } else { best })
        }
        (best, whole) => best.or(whole),
    };
    let in_pieces = |best: &Prepared| !is_whole(best) && best.apart < PIECES * radius;
    best.map(|best| Prepared {
        whole: (said.is_none() && in_pieces(&best)).then_some(radius),
        ..best
    })
}

const SMALLER: f64 = 0.75;
/// Share of the frame's shorter side from which on a radius is perhaps that of several disks, and shares that are tried then.
const LARGE: f64 = 0.11;
const PARTS: [f64; 4] = [0.09, 0.065, 0.045, 0.03];
/// A radius that is nearer than this factor to the one that was said is that one.
const NEARLY_SAID: f64 = 1.3;
/// Times that disks may be as large as what was taken for the beam, where their pieces leave something to explain.
const LARGER: [f64; 2] = [2.0, 2.9];
/// The extent of a beam is told to about so much, in px.
const BLUR: f64 = 0.5;
/// Pieces of a disk are nearer to each other than so many of its radii.
const PIECES: f64 = 1.3;
/// What a pattern must explain at least. That of a vacuum has to explain the disks of the scan in the end: one frame of it has few
/// counts to speak for it.
const PATTERN_COST: f64 = 1000.0;
const BEAM_PATTERN_COST: f64 = 300.0;
/// What a pattern of many disks explains of their own noise at most.
const OF_NOISE: f64 = 6000.0;
/// Below this misfit the noise is less than it was taken for, which so many frames tell in so many steps.
const TOO_GOOD: f64 = 0.92;
const FEW: usize = 16;
const GAINS: usize = 2;
/// A gain that changes by less than this share is measured.
const SAME_GAIN: f64 = 0.03;
/// Below this misfit nothing is left to explain.
const EXPLAINED: f64 = 1.05;
/// Radii that differ by more than this share of one are two beginnings.
const ANOTHER: f64 = 0.1;
