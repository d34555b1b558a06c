//! What makes the disks of a scan doubtful, or why there are none, each with what to do about it.

use signal::Caveat;

use super::NormalizedCorrelation;
use crate::math::disks::{Elsewhere, Prepared, Uneven};

/// Of what was measured; `None` where no disk was found.
pub(super) fn of(params: &NormalizedCorrelation, prepared: Option<&Prepared>) -> Vec<Caveat> {
    let Some(prepared) = prepared else {
        return vec![Caveat::new("no_disks", no_disks(params))];
    };
    let unlike = (prepared.misfit > UNLIKE).then(|| {
        Caveat::new(
            "disks_unlike",
            format!(
                "the disks do not look like the measured one (misfit {:.1}, it is 1 where they do), so disks may be \
                 missed and errors are doubtful: {REMEDY}",
                prepared.misfit
            ),
        )
    });
    let doubtful = radius_error(prepared).filter(|error| *error > DOUBTFUL);
    let doubtful = doubtful.map(|error| {
        let disks = match prepared.disks {
            1 => "1 disk".to_owned(),
            count => format!("{count} disks"),
        };
        Caveat::new(
            "radius_doubtful",
            format!(
                "the radius of the disks is known to {:.0} % only, from {disks}: what was found may be no disks; {REMEDY}",
                100.0 * error
            ),
        )
    });
    let pieces = (prepared.whole).map(|whole| pieces(prepared, whole));
    let large = large(params, prepared);
    let elsewhere = (prepared.elsewhere.as_ref()).map(beam_elsewhere);
    (unlike.into_iter().chain(doubtful))
        .chain(pieces)
        .chain(large)
        .chain(elsewhere)
        .chain(no_direct_beam(params, prepared))
        .chain(background_taken(prepared))
        .chain(prepared.uneven.map(uneven))
        .chain(too_quiet(prepared))
        .chain(mostly_covered(prepared))
        .chain(noise_in_common(prepared))
        .collect()
}

/// Above this misfit the disks are something else than the measured one.
const UNLIKE: f64 = 2.0;
/// Above this standard error, as a part of it, nobody knows whether the radius is one.
const DOUBTFUL: f64 = 0.05;
const REMEDY: &str =
    "say about how large they are, by `radius`, or name a `vacuum` region without specimen";

/// Why there are no peaks anywhere.
fn no_disks(params: &NormalizedCorrelation) -> String {
    let remedy = match (params.radius, params.direct_beam) {
        (None, _) => REMEDY,
        (Some(_), Some(_)) => "try another `radius`, or `direct_beam`, or a lower `threshold`",
        (Some(_), None) => {
            "try another `radius`, or say by `direct_beam` where the direct beam is, or lower `threshold`"
        }
    };
    format!("no disk stands out in the frames that were looked at, so there are no peaks: {remedy}")
}

/// Said where larger disks may have been taken to pieces.
fn pieces(prepared: &Prepared, whole: f64) -> Caveat {
    Caveat::new(
        "disks_in_pieces",
        format!(
            "the disks were found with a radius of {:.1} px, but the counts of the direct beam reach as far as {whole:.1} px: these may be pieces of larger, patterned disks; {REMEDY}",
            prepared.model.shape.radius
        ),
    )
}

/// From this share of the frame's shorter side on a disk may be all of the pattern.
const LARGE: f64 = 0.2;

/// Said where many disks may have been taken for one: those of an annular aperture are like a lattice of their own.
fn large(params: &NormalizedCorrelation, prepared: &Prepared) -> Option<Caveat> {
    let model = &prepared.model;
    let radius = f64::from(model.shape.radius);
    let is_large = radius > LARGE * model.rows.min(model.columns) as f64;
    (is_large && params.radius.is_none() && !prepared.told).then(|| {
        Caveat::new(
            "disks_so_large",
            format!(
                "the disks were found with a radius of {radius:.1} px in frames of {} x {} px: each may be several smaller disks \
                 that were taken for one; {REMEDY}",
                model.rows, model.columns
            ),
        )
    })
}

/// Said where the direct beam is not where it was said to be.
fn beam_elsewhere(elsewhere: &Elsewhere) -> Caveat {
    let place = |[y, x]: [f64; 2]| format!("[{y:.1}, {x:.1}]");
    let (said, brightest) = (place(elsewhere.said), place(elsewhere.brightest));
    let how = match elsewhere.times {
        Some(times) => format!("{times:.1} times as bright as the one there"),
        None => "and there is none there".to_owned(),
    };
    let what = match elsewhere.taken {
        true => "the beam was looked for near the middle instead, which explains the frames better",
        false => {
            "the background is measured about the place that was given, and wrong if the beam is elsewhere"
        }
    };
    Caveat::new(
        "direct_beam_elsewhere",
        format!(
            "direct_beam = {said}, but the brightest disk is at {brightest}, {how}: {what}; leave `direct_beam` out, or say where it is"
        ),
    )
}

/// Said where the background has a middle that nobody saw.
fn no_direct_beam(params: &NormalizedCorrelation, prepared: &Prepared) -> Option<Caveat> {
    let model = &prepared.model;
    let is_lost = !model.beam_is_seen && params.direct_beam.is_none();
    (is_lost && !prepared.beam_is_covered()).then(|| {
        let [y, x] = model.centre;
        Caveat::new(
            "no_direct_beam",
            format!(
                "no direct beam was found in the frames, and no patch without counts covers one: the background is measured about [{y:.1}, {x:.1}], which \
                 is wrong where the beam is outside of the frames, so that peaks may be false and places off; if it is inside, say where by \
                 `direct_beam`"
            ),
        )
    })
}

/// Below this misfit pixels are no counts, whatever they were taken for.
const QUIET: f64 = 0.75;
/// From this share of a frame on it is said that it is left out.
const MOSTLY: f64 = 0.2;

/// From this share of pixels below zero on they are no counts.
const BELOW_ZERO: f64 = 0.2;

/// Where a file has lost its background.
fn background_taken(prepared: &Prepared) -> Option<Caveat> {
    let share = prepared.clean.below_zero;
    (share > BELOW_ZERO).then(|| {
        Caveat::new(
            "background_taken",
            format!(
                "{:.0} % of the pixels are below zero, so a background was subtracted before these were stored, and how large its noise is \
                 nobody can tell from them: errors are doubtful and peaks may be noise; find the peaks in the file as it was recorded \
                 (`find_peaks` measures the background itself)",
                100.0 * share
            ),
        )
    })
}

/// Where disks lie on slopes of the background that the model does not have.
fn uneven(uneven: Uneven) -> Caveat {
    let Uneven { off, error } = uneven;
    Caveat::new(
        "background_uneven",
        format!(
            "the background changes under the disks in a way that is not in the model (by the distance from the direct beam, with one slope for \
             the whole scan): places are off by about {off:.3} px beside their usual standard error of {error:.3} px, which knows nothing of it"
        ),
    )
}

/// Where less is left over than counts make.
fn too_quiet(prepared: &Prepared) -> Option<Caveat> {
    let misfit = prepared.misfit;
    (misfit < QUIET).then(|| {
        Caveat::new(
            "noise_less",
            format!(
                "pixels scatter less than counts do (misfit {misfit:.2}, it is 1 for counts), so errors are too large and faint disks are \
                 missed: a constant that could not be measured is added to them, or they are smoothed or without noise; a constant of \
                 100 is taken off by `scan.map(|frame: Frame<f32>| frame.mapv(|value| value - 100.0))?`"
            ),
        )
    })
}

/// Where neighbouring pixels have noise in common.
fn noise_in_common(prepared: &Prepared) -> Option<Caveat> {
    let factor = prepared.model.noise;
    (factor > 1.0).then(|| {
        Caveat::new(
            "noise_in_common",
            format!(
                "neighbouring pixels have noise in common, as by the point spread of a detector, or after interpolation or smoothing: \
                 standard errors are {factor:.1} times those of counts, and scores as much smaller; faint disks are found best in the \
                 file as it was recorded"
            ),
        )
    })
}

/// Where much of the frame is taken for covered.
fn mostly_covered(prepared: &Prepared) -> Option<Caveat> {
    let covered = prepared.clean.dead.len() - prepared.clean.hot;
    let share = covered as f64 / (prepared.model.rows * prepared.model.columns) as f64;
    (share > MOSTLY).then(|| {
        Caveat::new(
            "mostly_covered",
            format!(
                "{:.0} % of the pixels are dark in every frame that was looked at, beside others that are not, and are left out as \
                 covered by a beam stop or mask: where nothing covers them, disks there are missed",
                100.0 * share
            ),
        )
    })
}

/// Standard error of the radius as a part of it; none where the disks are not flat, since theirs is that of another shape.
fn radius_error(prepared: &Prepared) -> Option<f64> {
    let radius = f64::from(prepared.model.shape.radius);
    (prepared.model.probe.is_none()).then_some(prepared.shape_errors[0] / radius)
}
