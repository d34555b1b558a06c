//! Whether the peaks of a pattern bear a map out, or chance or another lattice would do as well.

use super::super::lattice::{Point, Reference};
use super::super::orders::Evidence;
use super::super::rings::median;
use super::least_squares::{Match, Moments, distance};
use super::{Affine, Observed};

/// Least share of the peaks among the expected ones that are expected: a lattice of another spacing has many between.
const LEAST_EXPLAINED: f64 = 0.45;
/// The same, with each peak as bright as it is: the peaks of a lattice that falls on the wrong orders are as bright as those
/// that happen to fit, noise is not.
const LEAST_BRIGHT: f64 = 0.65;
/// Share of the usual brightness from which a peak, or an order of the reference, is as bright as the others: those of a
/// superstructure that comes and goes are fainter.
const AS_BRIGHT: f64 = 0.5;
/// A peak is among the expected ones when it is this near to one, in spacings.
const AMONG: f64 = 0.75;

/// Whether enough of the peaks among the expected ones were matched.
pub(super) fn is_explained(
    reference: &Reference,
    observed: &Observed<'_>,
    matches: &[Match],
    affine: &Affine,
) -> bool {
    let Some(back) = affine.inverse() else {
        return false;
    };
    let peaks = observed.points;
    let reach = AMONG * reference.spacing;
    let among = |peak: &usize| {
        let at = back.apply(peaks[*peak]);
        reference.orders.is_among(&reference.points, at, reach)
    };
    let bright = |peak: usize| {
        let brightness = observed.brightness.get(peak);
        brightness.map_or(1.0, |value| value.max(0.0))
    };
    // No brighter than most: one bright peak explains no lattice.
    let mut matched: Vec<f64> = matches
        .iter()
        .map(|one| bright(one.peak as usize))
        .collect();
    matched.sort_unstable_by(f64::total_cmp);
    let usual = matched.get(matched.len() / 2).copied().unwrap_or(1.0);
    let all: Vec<usize> = (0..peaks.len()).filter(among).collect();
    let light = |peaks: &mut dyn Iterator<Item = usize>| -> f64 {
        peaks.map(|peak| bright(peak).min(usual)).sum()
    };
    let total = light(&mut all.iter().copied());
    let explained = light(&mut matches.iter().map(|one| one.peak as usize));
    matches.len() as f64 >= LEAST_EXPLAINED * all.len() as f64
        && (total <= 0.0 || explained >= LEAST_BRIGHT * total)
}

/// Whether the matches are the points that a coarser or a finer lattice shares with the reference.
pub(super) fn is_of_another_lattice(
    reference: &Reference,
    observed: &Observed<'_>,
    matches: &[Match],
    affine: &Affine,
) -> bool {
    let peaks = observed.points;
    let (mut matched, mut used) = (
        vec![false; reference.points.len()],
        vec![false; peaks.len()],
    );
    for one in matches {
        matched[one.point as usize] = true;
        used[one.peak as usize] = true;
    }
    // Compared with those that were matched, in the reference and in the pattern.
    let bright = |all: &[f64], matched: &dyn Fn(usize) -> bool| -> Vec<bool> {
        let mut values: Vec<f64> = (all.iter().enumerate())
            .filter(|(n, value)| matched(*n) && value.is_finite())
            .map(|(_, value)| *value)
            .collect();
        let least = median(&mut values).map_or(f64::NEG_INFINITY, |usual| AS_BRIGHT * usual);
        all.iter().map(|value| *value >= least).collect()
    };
    let expected = bright(&reference.brightness, &|point| matched[point]);
    let seen = bright(observed.brightness, &|peak| used[peak]);
    // Noise that happens to be near an order is no peak of it.
    for one in matches {
        matched[one.point as usize] = *seen.get(one.peak as usize).unwrap_or(&true);
    }
    let mut evidence: Vec<Evidence> = (0..matched.len())
        .map(|n| match *expected.get(n).unwrap_or(&true) {
            true => Evidence::Missing,
            false => Evidence::Nothing,
        })
        .collect();
    let moments = Moments::of(matches.iter().map(|one| (one.from, 1.0)));
    for one in matches {
        let point = one.point as usize;
        if matched[point] && evidence[point] == Evidence::Missing {
            let off = distance(one, affine).sqrt();
            // As far as it would be from a fit to the others.
            let others = moments
                .as_ref()
                .map_or(0.0, |all| 1.0 - all.leverage(one.from));
            evidence[point] = Evidence::Found(match others > 1e-6 {
                true => off / others,
                false => f64::INFINITY,
            });
        }
    }
    let strangers: Vec<Point> = (peaks.iter().enumerate())
        .filter(|(n, _)| !used[*n] && *seen.get(*n).unwrap_or(&true))
        .map(|(_, peak)| *peak)
        .collect();
    reference.orders.may_be_of_another_lattice(
        &evidence,
        |point| affine.apply(point),
        peaks,
        &strangers,
        reference.spacing,
    )
}
