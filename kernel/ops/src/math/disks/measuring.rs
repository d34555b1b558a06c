//! A scan while it is measured: rounds of finding its disks and of learning from them.

use super::beam::{is_covered, symmetric_centre};
use super::clean::Clean;
use super::darkest::darkest;
use super::fit::cholesky;
use super::image::Image;
use super::model::{Beyond, DISK_COST, Found, Model, Scan};
use super::prepared::{Given, Prepared, TOO_GOOD};
use super::radial::{Quarter, Rings};
use super::search::Scratch;
use super::shape::Shape;
use super::shape_sums::ShapeSums;
use super::statistics::{BEST_KNOWN, KNOWN, darker_half, level_share, middle, spread};
use crate::math::in_parts::in_parts;

const ROUNDS: usize = 12;
/// After so many, what differs between disks is the disks'.
const FIRST_ROUNDS: usize = 3;
/// In the first rounds one frame in so many is looked at, if these have so many disks.
const FEW: usize = 4;
const ENOUGH: usize = 100;
/// The same of the later rounds.
const LATER: usize = 2;
const MANY: usize = 1000;
/// Between rounds radius and edge move by less than this in px in the end.
const SETTLED: f64 = 0.003;
/// Before anything is known of it: sharp on square pixels is about 0.3.
const FIRST_EDGE: f64 = 0.75;
const LEAST_EDGE: f64 = 0.2;
/// Standard deviations that a disk is found with while the scan is measured.
pub(super) const SURE: f64 = 6.0;
const SURE_LATER: f64 = 4.0;
/// The background under a disk is not known before it is measured.
const UNKNOWN: f64 = 5.0;
const LEAST_RADIUS: f64 = 0.8;
/// Most that a radius changes in one round, as a share of it.
const LARGEST_STEP: f64 = 0.25;
/// What is taken for the beam wanders by this share of the frame: it is another disk each time.
const LOST: f64 = 0.12;
/// Share of the darker half of the pixels that no background is less than before it is measured.
const LEAST_LEVEL: f64 = 1e-3;
/// Beyond the wander that was seen, in px.
const FURTHER: f64 = 2.0;
/// Disks that are none in a frame of background, and between which thresholds that is looked for.
const FALSE: f64 = 5e-4;
const THRESHOLDS: [f64; 2] = [2.0, 10.0];

/// Where measuring begins.
pub(super) struct Start<'a> {
    pub radius: f64,
    /// Whether the disks have about that radius: what is smaller is a piece of one.
    pub binds: bool,
    /// What is known from another beginning.
    pub before: Option<&'a Prepared>,
    /// What a pattern must explain more than flat disks and its own noise do.
    pub pattern_cost: f64,
}

/// From one radius on; what is inside the disks only where flat ones explain more than what was known before.
pub(super) fn measure(
    frames: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
    seen: &[([f64; 2], f64)],
    start: &Start<'_>,
) -> Option<Prepared> {
    let first = start.radius;
    let mut measuring = Measuring::begin(frames, size, clean, seen, given.direct_beam, first);
    if start.binds {
        measuring.bind(first);
    }
    let mut last = None;
    for round in 0..ROUNDS {
        let (looked, settled) = measuring.round(round)?;
        last = Some(looked);
        if round > FIRST_ROUNDS && settled {
            break;
        }
    }
    let flat = measuring.conclude(&last?);
    let worse = start
        .before
        .is_some_and(|before| before.flat_cost <= flat.cost);
    let left = if start.binds {
        BOUND_PATTERNED
    } else {
        PATTERNED
    };
    // Where counts are few a misfit tells little; that pieces explain them better, or that there is less noise than there must be,
    // tells more.
    let is_flat = match start.binds {
        true => flat.misfit < left && flat.misfit > TOO_GOOD && !worse,
        false => flat.misfit < left || worse,
    };
    if is_flat {
        return Some(flat);
    }
    let patterned = measuring.patterned(flat.shape_errors);
    Some(match patterned {
        Some(patterned) if patterned.cost + start.pattern_cost < flat.cost => Prepared {
            flat_cost: flat.cost,
            ..patterned
        },
        _ => flat,
    })
}

/// Misfit of flat disks from which on it is looked for what is inside.
pub(super) const PATTERNED: f64 = 1.1;
/// The same where the radius is known: then nothing else can be the reason.
const BOUND_PATTERNED: f64 = 1.02;
/// Most that a radius which binds is off, as a factor.
pub(super) const ABOUT: f64 = 1.4;
/// Misfit below which a pattern leaves little to explain.
pub(super) const PATTERN_EXPLAINS: f64 = 1.25;
/// Rounds in which the background settles when the disks are known.
const TOLD_ROUNDS: usize = 5;

/// A scan while it is measured.
pub(super) struct Measuring<'a> {
    pub(super) frames: &'a [Vec<f32>],
    pub(super) clean: &'a Clean,
    /// As measuring began, and as far as it is.
    pub(super) first: Scan,
    pub(super) scan: Scan,
    /// Where the direct beam is covered.
    pub(super) covered: Option<[f64; 2]>,
    pub(super) quarter: Quarter,
    /// Few frames have too few disks.
    pub(super) every_frame: bool,
    /// Between which the radius is, in px, and the one that binds.
    pub(super) limits: [f64; 2],
    pub(super) bound: Option<f64>,
}

impl<'a> Measuring<'a> {
    pub(super) fn begin(
        frames: &'a [Vec<f32>],
        (rows, columns): (usize, usize),
        clean: &'a Clean,
        seen: &[([f64; 2], f64)],
        direct_beam: Option<[f64; 2]>,
        first: f64,
    ) -> Self {
        let size = (rows, columns);
        let centre = [0, 1].map(|axis| middle(seen.iter().map(|(at, _)| at[axis])));
        // A covered beam is between the disks on both sides.
        let lost = is_lost(seen, size);
        let centre_of = || direct_beam.unwrap_or_else(|| symmetric_centre(frames, size));
        let covered = if lost {
            Some(centre_of())
        } else if clean.is_covered_anywhere() {
            Some(centre_of()).filter(|centre| is_covered(*centre, size, clean, first))
        } else {
            None
        };
        let centre = covered.unwrap_or(centre);
        let beam_is_seen = covered.is_none();
        let wandered = spread(seen.iter().map(|(at, _)| away(*at, centre)));
        let wander = if beam_is_seen { wandered } else { 0.0 } + FURTHER;
        let radius = first.clamp(1.0, largest(size));
        let shape = first_shape(radius);
        let far = ((rows * rows + columns * columns) as f64).sqrt().ceil() as usize + 2;
        let level = darker_half(frames).max(1e-3);
        let middles: Vec<[f64; 2]> = (seen.iter())
            .map(
                |(at, _)| match beam_is_seen && away(*at, centre) <= wander {
                    true => *at,
                    false => centre,
                },
            )
            .collect();
        let mut profile = darkest(frames, size, &middles, far, LEAST_LEVEL * level)
            .unwrap_or_else(|| vec![level as f32; far]);
        // The edge of the direct beam is soft.
        let beside = (radius.ceil() as usize + 4).min(far - 1);
        let under = profile[beside];
        profile[..beside].fill(under);
        let scan = Scan {
            rows,
            columns,
            shape,
            probe: None,
            profile,
            slope: None,
            centre,
            wander,
            beam_is_seen,
            darker: 1.0,
            level_share: UNKNOWN,
            frame_share: UNKNOWN,
            brightest: 1000.0,
            beyond: if clean.saturated {
                Beyond::Foot
            } else {
                Beyond::Edge
            },
        };
        Measuring {
            frames,
            clean,
            first: scan.clone(),
            scan,
            covered,
            quarter: Quarter::new(size, far),
            every_frame: false,
            limits: [LEAST_RADIUS, largest(size)],
            bound: None,
        }
    }

    /// The disks have about this radius.
    fn bind(&mut self, radius: f64) {
        let [low, high] = self.limits;
        self.limits = [radius / ABOUT, radius * ABOUT].map(|limit| limit.clamp(low, high));
        self.bound = Some(radius.clamp(low, high));
    }

    /// Looks at frames once, and whether radius and edge stay as they are.
    fn round(&mut self, round: usize) -> Option<(ShapeSums, bool)> {
        let sure = if round < FIRST_ROUNDS {
            SURE
        } else {
            SURE_LATER
        };
        let model = Model::new(self.scan.clone(), sure);
        let step = match round {
            _ if self.every_frame => 1,
            round if round < FIRST_ROUNDS => FEW,
            _ => LATER,
        };
        let look = |step| {
            look_once(
                &model,
                &self.quarter,
                self.frames,
                self.clean,
                step,
                What::Disks,
            )
        };
        let mut looked = look(step);
        // Later rounds leave more exact numbers.
        let enough = if step == FEW { ENOUGH } else { MANY };
        if step > 1 && looked.sums.disks < enough {
            self.every_frame = true;
            looked = look(1);
        }
        if looked.sums.disks == 0 {
            return None;
        }
        let settled = self.reshape(&looked.sums)?;
        Some((self.learn(looked, round >= FIRST_ROUNDS), settled))
    }

    /// Radius and edge of the disks.
    fn reshape(&mut self, sums: &ShapeSums) -> Option<bool> {
        let step = cholesky(sums.information, sums.slope)?;
        let Shape { radius, edge } = self.scan.shape;
        let (radius, edge) = (f64::from(radius), f64::from(edge));
        let limit = LARGEST_STEP * radius;
        let [low, high] = self.limits;
        let new_radius = (radius + step[0].clamp(-limit, limit)).clamp(low, high);
        let new_edge = (edge + step[1].clamp(-0.5 * edge, edge))
            .clamp(LEAST_EDGE, (0.5 * new_radius).max(LEAST_EDGE));
        self.scan.shape = Shape {
            radius: new_radius as f32,
            edge: new_edge as f32,
        };
        Some((new_radius - radius).abs().max((new_edge - edge).abs()) < SETTLED)
    }

    /// All but the shape of the disks.
    pub(super) fn learn(&mut self, looked: Looked, later: bool) -> ShapeSums {
        let Looked {
            sums,
            rings,
            ratios,
            beams,
            amplitudes,
        } = looked;
        let scan = &mut self.scan;
        // Brighter ones may come.
        scan.brightest = 10.0 * sums.brightest;
        // In the median frame once the background.
        let usual = middle(amplitudes.into_iter()) as f32;
        let radius = f64::from(scan.shape.radius);
        let found = rings.slope(radius);
        let rings = match &found {
            Some((slope, means)) => rings.levelled(slope, means),
            None => rings,
        };
        scan.profile = rings.profile(&scan.profile, radius);
        scan.profile.iter_mut().for_each(|value| *value *= usual);
        scan.slope = found.map(|(mut slope, _)| {
            slope.multiply(usual);
            slope
        });
        scan.centre = (self.covered)
            .unwrap_or_else(|| [0, 1].map(|axis| middle(beams.iter().map(|at| at[axis]))));
        scan.wander = spread(beams.iter().map(|at| away(*at, scan.centre))) + FURTHER;
        scan.darker = middle(ratios.iter().copied());
        scan.frame_share = spread(ratios.iter().map(|ratio| (ratio / scan.darker - 1.0).abs()))
            .clamp(BEST_KNOWN, UNKNOWN);
        scan.level_share = match later {
            true => level_share(&sums.levels),
            false => KNOWN,
        };
        sums
    }

    /// What all frames together are explained by.
    pub(super) fn conclude(&self, sums: &ShapeSums) -> Prepared {
        let scan = Scan {
            brightest: sums.brightest,
            ..self.scan.clone()
        };
        let mut model = Model::new(scan, SURE);
        model.threshold = threshold_of(&model);
        model.realigns = model.probe.is_some();
        let of_frames = in_parts(self.frames.len(), |(image, scratch): &mut Work, n| {
            let counts = &self.frames[n];
            image.fill(model.size(), model.margin(), counts, self.clean.most());
            let found = model.find(image, scratch);
            let cost = model.deviance(image, scratch) + DISK_COST * found.len() as f64;
            let of_peaks = (found.iter()).map(|peak| [peak.evidence.misfit, nearest(peak, &found)]);
            (cost, of_peaks.collect::<Vec<[f64; 2]>>())
        });
        let cost = of_frames.iter().map(|(cost, _)| cost).sum();
        let usual = |n: usize| {
            let of_peaks = of_frames.iter().flat_map(|(_, of_peaks)| of_peaks);
            middle(of_peaks.map(move |of| of[n]))
        };
        let (usual_misfit, apart) = (usual(0), usual(1));
        Prepared {
            model,
            clean: self.clean.clone(),
            told: false,
            disks: sums.disks,
            frames: self.frames.len(),
            shape_errors: sums.errors(),
            misfit: sums.misfit / sums.disks as f64,
            usual_misfit,
            apart,
            cost,
            flat_cost: cost,
            whole: None,
            elsewhere: None,
            uneven: None,
        }
    }

    /// All but what the disks are, which is what the direct beam is in frames without specimen.
    pub(super) fn told(&mut self, beam: &Prepared) -> Option<Prepared> {
        self.scan.shape = beam.model.shape;
        self.scan.probe = beam.model.probe.clone();
        let mut last = None;
        for round in 0..TOLD_ROUNDS {
            let model = Model::new(self.scan.clone(), SURE);
            let looked = look_once(
                &model,
                &self.quarter,
                self.frames,
                self.clean,
                1,
                What::Disks,
            );
            if looked.sums.disks == 0 {
                return None;
            }
            last = Some(self.learn(looked, round + 1 >= FIRST_ROUNDS));
        }
        let mut prepared = self.conclude(&last?);
        prepared.told = true;
        prepared.shape_errors = beam.shape_errors;
        Some(prepared)
    }
}

/// Whether what was taken for the direct beam is another disk each time.
pub(super) fn is_lost(seen: &[([f64; 2], f64)], (rows, columns): (usize, usize)) -> bool {
    let centre = [0, 1].map(|axis| middle(seen.iter().map(|(at, _)| at[axis])));
    let wandered = spread(seen.iter().map(|(at, _)| away(*at, centre)));
    wandered > LOST * rows.min(columns) as f64
}

pub(super) fn first_shape(radius: f64) -> Shape {
    Shape {
        radius: radius as f32,
        edge: FIRST_EDGE.min(0.3 * radius) as f32,
    }
}

/// How far the nearest other one is.
pub(super) fn nearest(peak: &Found, all: &[Found]) -> f64 {
    let away = all
        .iter()
        .map(|other| (other.y - peak.y).hypot(other.x - peak.x));
    away.filter(|away| *away > 0.0)
        .fold(f64::INFINITY, f64::min)
}

pub(super) fn away([y, x]: [f64; 2], centre: [f64; 2]) -> f64 {
    (y - centre[0]).hypot(x - centre[1])
}

/// Most that a radius can be, in px.
fn largest((rows, columns): (usize, usize)) -> f64 {
    (0.25 * rows.min(columns) as f64).max(1.0)
}

/// What is looked at in a frame.
#[derive(Clone, Copy)]
pub(super) enum What {
    Disks,
    Beam,
}

/// What a thread finds with.
pub(super) type Work = (Image, Scratch);

/// What one round says of the frames it looked at.
pub(super) struct Looked {
    pub(super) sums: ShapeSums,
    pub(super) rings: Rings,
    pub(super) ratios: Vec<f64>,
    pub(super) beams: Vec<[f64; 2]>,
    pub(super) amplitudes: Vec<f64>,
}

/// Frames of which sums are made together: as many whatever the number of threads, so that bits do not depend on it.
const TOGETHER: usize = 4;

/// Every `step`th of the frames.
pub(super) fn look_once(
    model: &Model,
    quarter: &Quarter,
    frames: &[Vec<f32>],
    clean: &Clean,
    step: usize,
    what: What,
) -> Looked {
    let new = || Looked {
        sums: ShapeSums::default(),
        rings: Rings::new(quarter),
        ratios: Vec::new(),
        beams: Vec::new(),
        amplitudes: Vec::new(),
    };
    let chosen: Vec<&Vec<f32>> = frames.iter().step_by(step).collect();
    let parts: Vec<&[&Vec<f32>]> = chosen.chunks(TOGETHER).collect();
    let looked = in_parts(parts.len(), |(image, scratch): &mut Work, n| {
        let mut looked = new();
        for frame in parts[n] {
            image.fill(model.size(), model.margin(), frame, clean.most());
            match what {
                What::Disks => model.find(image, scratch),
                What::Beam => model.find_beam(image, scratch),
            };
            model.shape_sums(image, scratch, &mut looked.sums);
            looked.rings.add(quarter, model, image, scratch);
            looked
                .ratios
                .push(scratch.amplitude / scratch.first_amplitude);
            looked.beams.push(scratch.centre);
            looked.amplitudes.push(scratch.amplitude);
        }
        looked
    });
    looked.into_iter().fold(new(), |mut all, other| {
        all.sums.merge(other.sums);
        all.rings.merge(&other.rings);
        all.ratios.extend(other.ratios);
        all.beams.extend(other.beams);
        all.amplitudes.extend(other.amplitudes);
        all
    })
}

/// The threshold above which noise makes so few disks in a frame, whatever its counts are.
fn threshold_of(model: &Model) -> f64 {
    let [mut low, mut high] = THRESHOLDS;
    for _ in 0..40 {
        let at = 0.5 * (low + high);
        if model.false_disks(at) > FALSE {
            low = at;
        } else {
            high = at;
        }
    }
    0.5 * (low + high)
}
