//! What the disks of a scan have in common, measured from some of its frames: radius, edge, background, wander of the beam.

use super::beam::beam;
use super::clean::Clean;
use super::left_over::{Left, left_over};
use super::measuring::{Measuring, PATTERN_EXPLAINS, Start, measure};
use super::model::Model;
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
    /// Sum of that over all pixels, and what every disk costs.
    pub(super) cost: f64,
    /// The same with flat disks.
    pub(super) flat_cost: f64,
}

impl Prepared {
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
    let (_, radius) = look(&frames, size, given.direct_beam);
    let radius = given.radius.unwrap_or(radius);
    let mut clean = Clean::measure(&frames, size, given.saturation, radius);
    let measured = |clean: &Clean| prepare_clean(&frames, &vacuum, size, given, clean);
    // Edges of disks were taken for noise, and noise for counts: what the model leaves over is neither.
    let few: Vec<Vec<f32>> = match frames.len() / FEW {
        0 | 1 => frames.clone(),
        step => frames.iter().step_by(step).cloned().collect(),
    };
    for _ in 0..GAINS {
        if clean.gain == 1.0 {
            break;
        }
        let Some(prepared) = prepare_clean(&few, &[], size, given, &clean) else {
            break;
        };
        match left_over(&prepared.model, &clean, &cleaned(&few, &clean)) {
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
    let found = measured(&clean);
    if found.is_none() && clean.saturated {
        // All disks are saturated inside: then what is there is better than nothing.
        clean.saturation = None;
        return measured(&clean);
    }
    found
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

fn cleaned(frames: &[Vec<f32>], clean: &Clean) -> Vec<Vec<f32>> {
    let mut flags = Vec::new();
    let mut frames = frames.to_vec();
    (frames.iter_mut()).for_each(|frame| clean.apply(frame, &mut flags));
    frames
}

fn prepare_clean(
    frames: &[Vec<f32>],
    vacuum: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
) -> Option<Prepared> {
    let frames = &*cleaned(frames, clean);
    let own = measure_any(frames, size, given, clean, PATTERN_COST);
    if vacuum.is_empty() {
        return own;
    }
    let of_vacuum = clean.beside(vacuum);
    let told = measure_any(
        &cleaned(vacuum, &of_vacuum),
        size,
        given,
        &of_vacuum,
        BEAM_PATTERN_COST,
    )
    .and_then(|beam| {
        let (seen, first) = look(frames, size, given.direct_beam);
        let mut measuring = Measuring::begin(frames, size, clean, &seen, given.direct_beam, first);
        measuring.told(&beam)
    });
    // Few beams may tell less than many disks, and there may be specimen after all.
    match (own, told) {
        (Some(own), Some(told)) => Some(if told.cost < own.cost { told } else { own }),
        (own, told) => told.or(own),
    }
}

/// From several radii on, as long as something is left to explain.
fn measure_any(
    frames: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
    pattern_cost: f64,
) -> Option<Prepared> {
    let (seen, measured) = look(frames, size, given.direct_beam);
    let measure_from = |radius, before: Option<&Prepared>| {
        let start = Start {
            radius,
            before,
            pattern_cost,
        };
        measure(frames, size, given, clean, &seen, &start)
    };
    let mut best = measure_from(measured, None);
    // Other beginnings where something is left to explain: the one given; where a beam is said to be that is covered, that of
    // another disk; and, as a saturated beam looks larger, a smaller one.
    let elsewhere = given.direct_beam.map(|_| look(frames, size, None).1);
    let others = [given.radius, elsewhere]
        .into_iter()
        .flatten()
        .filter(|radius| (radius / measured - 1.0).abs() > ANOTHER);
    for radius in others.chain([SMALLER * measured]) {
        if best.as_ref().is_some_and(Prepared::explains) {
            break;
        }
        let other = measure_from(radius, best.as_ref());
        best = match (best, other) {
            (Some(best), Some(other)) => Some(if other.cost < best.cost { other } else { best }),
            (best, other) => best.or(other),
        };
    }
    best
}

const SMALLER: f64 = 0.75;
/// What a pattern must explain at least. That of a vacuum has to explain the disks of the scan in the end: one frame of it has few
/// counts to speak for it.
const PATTERN_COST: f64 = 3000.0;
const BEAM_PATTERN_COST: f64 = 300.0;
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
