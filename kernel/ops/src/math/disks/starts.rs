//! From where on disks are measured: radii that they may have, of which the one that explains most is taken.

use super::beam::beam;
use super::clean::Clean;
use super::extent::{Around, extent};
use super::measuring::{ABOUT, Start, measure};
use super::prepared::{EXPLAINED, Given, Prepared, cheaper};
use super::statistics::middle;
use crate::math::in_parts::in_parts;

/// From several radii on, as long as something is left to explain; what is said of the radius binds.
pub(super) fn measure_any(
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
        whole = measure_from(said, true, best.as_ref());
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
    // Disks that nearly touch each other may be rings and spots of larger ones, whose dark parts end what is seen of the beam.
    let touches = |best: &Prepared| {
        let radius = f64::from(best.model.shape.radius);
        best.misfit > EXPLAINED && best.apart < TOUCHING * radius
    };
    if let Some(pieces) = best.clone().filter(|best| said.is_none() && touches(best)) {
        for times in LARGER {
            let radius = times * f64::from(pieces.model.shape.radius);
            if radius > LARGEST * side {
                break;
            }
            let border = 1.5 * radius;
            let cost = |found: &Prepared| found.cost_within(frames, border);
            let other = measure_from(radius, true, Some(&pieces));
            best = match (best, other) {
                (Some(best), Some(other)) if cost(&other) + PATTERN_COST < cost(&best) => {
                    Some(other)
                }
                (best, _) => best,
            };
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
            // Of a soft edge some is beyond, of a beam that wanders some more; of a disk that is a bright part of a larger one as much.
            None => {
                let about = if best.explains() { ABOUT } else { NEARLY };
                radius < about * (own + edge + BLUR)
            }
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

/// Places and radii of the direct beam, and the median of these.
pub(super) fn look(
    frames: &[Vec<f32>],
    size: (usize, usize),
    about: Option<[f64; 2]>,
) -> (Vec<([f64; 2], f64)>, f64) {
    let seen = in_parts(frames.len(), |_: &mut (), n| beam(&frames[n], size, about));
    let radius = middle(seen.iter().map(|(_, radius)| *radius));
    (seen, radius)
}

const SMALLER: f64 = 0.75;
/// Share of the frame's shorter side from which on a radius is perhaps that of several disks, and shares that are tried then.
const LARGE: f64 = 0.11;
/// The same of what parts of disks may be parts of.
const LARGEST: f64 = 0.15;
const PARTS: [f64; 4] = [0.09, 0.065, 0.045, 0.03];
/// A radius that is nearer than this factor to the one that was said is that one.
const NEARLY_SAID: f64 = 1.3;
/// The same of the extent of the beam, where something is left to explain.
const NEARLY: f64 = 1.2;
/// Times that disks may be as large as what was taken for the beam, where their pieces leave something to explain.
const LARGER: [f64; 3] = [2.0, 2.9, 3.9];
/// Disks nearer than so many radii may be parts of larger ones.
const TOUCHING: f64 = 3.0;
/// The extent of a beam is told to about so much, in px.
const BLUR: f64 = 0.5;
/// Pieces of a disk are nearer to each other than so many of its radii.
const PIECES: f64 = 1.3;
/// Radii that differ by more than this share of one are two beginnings.
const ANOTHER: f64 = 0.1;
/// What a pattern must explain at least, beside its own noise. That of a vacuum has to explain the disks of the scan in the end.
pub(super) const PATTERN_COST: f64 = 1000.0;
