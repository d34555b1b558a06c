//! Disks that are what the direct beam is in frames without specimen, if that explains the counts better than they do themselves.

use super::clean::Clean;
use super::extent::{Around, extent};
use super::measuring::{ABOUT, Measuring, Start, measure};
use super::prepared::{Given, Prepared, cheaper};
use super::starts::{look, measure_any};

/// By frames of the scan and, where there are any, of a vacuum, both as they were read.
pub(super) fn measure_beside(
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
    // Few beams may tell less than many disks, and there may be specimen after all.
    cheaper(told, own)
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
            pattern_cost: 0.0,
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

/// Frames as counts.
pub(super) fn cleaned(frames: &[Vec<f32>], clean: &Clean) -> Vec<Vec<f32>> {
    let mut flags = Vec::new();
    let mut frames = frames.to_vec();
    (frames.iter_mut()).for_each(|frame| clean.apply(frame, &mut flags));
    frames
}
