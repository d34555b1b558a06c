//! Whether the direct beam is where it is said to be: the brightest disk is there, or nothing is to be seen and the others are a
//! lattice about that place.

use super::image::Image;
use super::model::Found;
use super::prepared::Prepared;
use super::search::{Scratch, square_apart};
use super::statistics::middle;
use crate::math::in_parts::in_parts;

/// Frames that are looked at.
const FRAMES: usize = 16;
/// Times as bright as the beam that another disk must be, in this share of the frames.
const BRIGHTER: f64 = 1.5;
const MAX: f64 = 0.5;
/// Share of a disk's pixels that are invalid where it is covered.
const COVERED: f64 = 0.3;
/// A place is dark when this share of all others of a disk's size is brighter.
const DARK: f64 = 0.8;
/// Disks from the said place's nearest ones on that a lattice is tried with, share of its disks that others must be at, and how
/// near, in radii.
const NEAREST: usize = 4;
const ON_LATTICE: f64 = 0.7;
const NEAR: f64 = 0.4;
/// How far from the said place a hidden beam may be, in distances between disks: far less than half of one.
const WANDER: f64 = 0.3;
/// How far the brightest disk is from a hidden beam at most, in the same.
const AROUND: f64 = 3.0;
/// Further than this from the said place, in radii and px, is elsewhere.
const OFF: [f64; 2] = [1.5, 2.0];

/// A direct beam that is not where it was said to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elsewhere {
    pub said: [f64; 2],
    /// Where the brightest disk is, and how many times as bright as the one that was taken for the beam; `None`: there is none.
    pub brightest: [f64; 2],
    pub times: Option<f64>,
    /// Whether that was taken for the beam instead.
    pub taken: bool,
    /// Whether a disk is at the place that was said.
    pub(super) is_there: bool,
}

/// What a frame says.
struct Look {
    brightest: Option<Found>,
    /// Of the disk where the beam is said to be.
    beam: Option<Found>,
    lattice: Option<bool>,
    covered: bool,
}

/// What speaks against the place in frames that are cleaned.
pub(super) fn elsewhere(
    frames: &[Vec<f32>],
    prepared: &Prepared,
    said: [f64; 2],
) -> Option<Elsewhere> {
    let model = &prepared.model;
    let radius = f64::from(model.shape.radius);
    let near = (NEAR * radius).max(2.0);
    // It wanders.
    let reach = match prepared.apart.is_finite() {
        true => (WANDER * prepared.apart) as i32,
        false => 0,
    };
    let step = frames.len().div_ceil(FRAMES).max(1);
    let chosen: Vec<&Vec<f32>> = frames.iter().step_by(step).collect();
    let looks = in_parts(
        chosen.len(),
        |(image, scratch): &mut (Image, Scratch), n| {
            image.fill(
                model.size(),
                model.margin(),
                chosen[n],
                prepared.clean.most(),
            );
            let found = model.find(image, scratch);
            let centre = match model.beam_is_seen {
                true => scratch.centre,
                false => said,
            };
            let away = |peak: &Found| square_apart([peak.y, peak.x], centre).sqrt();
            let brightest = found.iter().max_by(|a, b| a.height.total_cmp(&b.height));
            let beam = found.iter().min_by(|a, b| away(a).total_cmp(&away(b)));
            Look {
                brightest: brightest.copied(),
                beam: beam.copied().filter(|beam| away(beam) < radius.max(2.0)),
                lattice: is_about_lattice(&found, centre, near, reach),
                covered: is_covered(chosen[n], model.size(), centre, radius),
            }
        },
    );
    let share = |of: &dyn Fn(&Look) -> bool| {
        looks.iter().filter(|look| of(look)).count() as f64 / looks.len().max(1) as f64
    };
    let places = |axis: usize| {
        let all = looks.iter().filter_map(|look| look.brightest);
        middle(all.map(move |peak| [peak.y, peak.x][axis]))
    };
    let brightest = [places(0), places(1)];
    if !brightest.iter().all(|at| at.is_finite()) {
        return None;
    }
    // Another one each time is no beam either.
    let reach = model.wander + 2.0 * radius;
    let is_one = |look: &Look| {
        look.brightest
            .is_some_and(|peak| square_apart([peak.y, peak.x], brightest) < reach * reach)
    };
    let off = square_apart(model.centre, said).sqrt();
    let is_off = off > OFF[0] * radius + OFF[1];
    let doubt = |times: Option<f64>| Elsewhere {
        said,
        brightest,
        times,
        taken: false,
        is_there: times.is_some() && !is_off,
    };
    let times = |look: &Look| Some(look.brightest?.height / look.beam?.height);
    if share(&|look| look.beam.is_some()) >= MAX {
        let brighter =
            share(&|look| is_one(look) && times(look).is_some_and(|times| times > BRIGHTER));
        let usual = middle(looks.iter().filter_map(times));
        if brighter > MAX {
            return Some(doubt(Some(usual)));
        }
        return is_off.then(|| Elsewhere {
            brightest: model.centre,
            taken: true,
            ..doubt(None)
        });
    }
    let hidden = share(&|look| look.covered) > MAX;
    let told: Vec<bool> = looks.iter().filter_map(|look| look.lattice).collect();
    let is_lattice = told.iter().filter(|is| **is).count() as f64 >= MAX * told.len() as f64;
    // The brightest are about a hidden beam.
    let is_near = square_apart(brightest, said).sqrt() < AROUND * prepared.apart;
    (!(hidden && is_lattice && is_near) && share(&is_one) > MAX).then(|| doubt(None))
}

/// Whether the disks are a lattice that has the place or one within `reach` px.
fn is_about_lattice(found: &[Found], [y, x]: [f64; 2], near: f64, reach: i32) -> Option<bool> {
    let steps = || (-reach..=reach).map(f64::from);
    let places = steps().flat_map(|down| steps().map(move |across| [y + down, x + across]));
    let mut told = None;
    for is_lattice in places.filter_map(|place| is_lattice(found, place, near)) {
        told = Some(is_lattice);
        if is_lattice {
            break;
        }
    }
    told
}

/// Whether the disks are a lattice that has the place: moved from one of its nearest ones there, the others are on others. `None`
/// where they are too few to tell.
fn is_lattice(found: &[Found], place: [f64; 2], near: f64) -> Option<bool> {
    let all: Vec<[f64; 2]> = found.iter().map(|peak| [peak.y, peak.x]).collect();
    let mut nearest = all.clone();
    nearest.sort_by(|a, b| square_apart(*a, place).total_cmp(&square_apart(*b, place)));
    let within = |at: [f64; 2]| {
        (0..2).all(|axis| {
            let places = || all.iter().map(|at| at[axis]);
            let (low, high) = (
                places().fold(f64::INFINITY, f64::min),
                places().fold(f64::NEG_INFINITY, f64::max),
            );
            at[axis] >= low - near && at[axis] <= high + near
        })
    };
    let (mut on, mut of) = (0.0, 0.0);
    for from in nearest.iter().take(NEAREST) {
        let by = [place[0] - from[0], place[1] - from[1]];
        for at in &all {
            let to = [at[0] + by[0], at[1] + by[1]];
            if !within(to) || square_apart(to, place) < near * near {
                continue;
            }
            of += 1.0;
            let is_on = all
                .iter()
                .any(|other| square_apart(*other, to) < near * near);
            on += f64::from(u8::from(is_on));
        }
    }
    (of >= 4.0).then_some(on >= ON_LATTICE * of)
}

/// Whether a disk at the place would not be seen: pixels are invalid, or darker than nearly everywhere else.
fn is_covered(
    frame: &[f32],
    (rows, columns): (usize, usize),
    place: [f64; 2],
    radius: f64,
) -> bool {
    let around = |place: [f64; 2]| {
        let [top, bottom] = [place[0] - radius, place[0] + radius].map(|at| at.max(0.0) as usize);
        let [left, right] = [place[1] - radius, place[1] + radius].map(|at| at.max(0.0) as usize);
        let (mut sum, mut valid, mut all) = (0.0, 0.0, 0.0);
        for row in top..=bottom.min(rows - 1) {
            for column in left..=right.min(columns - 1) {
                if square_apart([row as f64, column as f64], place) <= radius * radius {
                    let value = frame[row * columns + column];
                    all += 1.0;
                    if value.is_finite() {
                        sum += f64::from(value);
                        valid += 1.0;
                    }
                }
            }
        }
        (sum / valid, valid / f64::max(all, 1.0))
    };
    let (here, valid) = around(place);
    if valid < 1.0 - COVERED {
        return true;
    }
    let step = (radius.ceil() as usize).max(1);
    let others: Vec<f64> = (0..rows)
        .step_by(step)
        .flat_map(|row| (0..columns).step_by(step).map(move |column| [row, column]))
        .map(|at| around(at.map(|at| at as f64)).0)
        .filter(|mean| mean.is_finite())
        .collect();
    let brighter = others.iter().filter(|mean| **mean > here).count() as f64;
    brighter > DARK * others.len() as f64
}
