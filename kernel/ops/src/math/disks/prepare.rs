//! What the disks of a scan have in common, measured from some of its frames: radius, edge, background, wander of the beam.

use super::beam::symmetric_centre;
use super::clean::Clean;
use super::correlated::Products;
use super::elsewhere::{Elsewhere, elsewhere};
use super::left_over::{Left, left_over};
use super::measuring::is_lost;
use super::prepared::{Given, Prepared, TOO_GOOD};
use super::starts::{PATTERN_COST, look};
use super::uneven::Uneven;
use super::vacuum::{cleaned, measure_beside};

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
    let some: Vec<&Vec<f32>> = frames.iter().step_by(step).collect();
    let products = found.in_frames(&some, |image, scratch, _| {
        Products::of(&found.model, image, scratch)
    });
    let all = products.into_iter().reduce(|all, one| all.merge(&one));
    found.model.noise = all.map_or(1.0, |all| all.factor());
    let step = frames.len().div_ceil(ENOUGH).max(1);
    let some: Vec<&Vec<f32>> = frames.iter().step_by(step).collect();
    let moved = found.in_frames(&some, |image, scratch, _| found.model.moved(image, scratch));
    found.uneven = Uneven::of(&moved.concat());
    Some(found)
}

/// With whatever is dark left out as covered.
fn prepare_any(
    frames: &[Vec<f32>],
    vacuum: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
) -> Option<Prepared> {
    let (seen, radius) = look(frames, size, given.direct_beam);
    let radius = given.radius.unwrap_or(radius);
    let mut clean = Clean::measure(frames, size, given.saturation, radius);
    let stop = match given.direct_beam {
        None if is_lost(&seen, size) => Some(symmetric_centre(frames, size)),
        said => said,
    };
    let stopped = |mut clean: Clean, frames: &[Vec<f32>]| {
        stop.into_iter()
            .for_each(|centre| clean.leave_out_stop(frames, centre));
        clean
    };
    clean = stopped(clean, frames);
    let measured = |clean: &Clean| measure_beside(frames, vacuum, size, given, clean);
    // Edges of disks were taken for noise, and noise for counts: what the model leaves over is neither.
    let few: Vec<Vec<f32>> = match frames.len() / FEW {
        0 | 1 => frames.to_vec(),
        step => frames.iter().step_by(step).cloned().collect(),
    };
    for _ in 0..GAINS {
        if clean.gain == 1.0 {
            break;
        }
        let Some(prepared) = measure_beside(&few, &[], size, given, &clean) else {
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
    if clean.gain != 1.0
        && let Some(counts) = Clean::of_counts(&few, size, clean.saturation, radius, clean.zero())
    {
        let counts = stopped(counts, &few);
        // What a pattern leaves over looks like noise: counts are counts unless another noise says what is there better.
        let measured = |clean: &Clean| measure_beside(&few, &[], size, given, clean);
        let score = |found: Option<Prepared>| {
            let found = found.filter(|found| found.usual_misfit < NO_COUNTS);
            found.map_or(f64::INFINITY, |found| found.score(&few))
        };
        let [as_noise, as_counts] = [&clean, &counts].map(|clean| score(measured(clean)));
        if as_counts < as_noise + SAME_SCORE {
            clean = Clean::of_counts(frames, size, clean.saturation, radius, clean.zero())
                .map_or(clean, |counts| stopped(counts, frames));
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
        return match measure_beside(frames, vacuum, size, there, &clean) {
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
    let other = measure_beside(frames, vacuum, size, looked_for, &clean);
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

/// The noise is told by so many frames in so many steps.
const FEW: usize = 16;
const GAINS: usize = 2;
/// How uneven the background is under disks is told by so many.
const ENOUGH: usize = 32;
/// A gain that changes by less than this share is measured.
const SAME_GAIN: f64 = 0.03;
/// Scores per pixel that differ by less are the same.
const SAME_SCORE: f64 = 0.02;
/// With a misfit like this pixels are no counts.
const NO_COUNTS: f64 = 10.0;
