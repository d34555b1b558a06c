//! Whether the peaks that bear a map out are those of two lattices whose disks merged.
//!
//! Two disks a little apart look like one between them that is spread by a variance (`disks/spread.rs`). Of two lattices that share
//! the direct beam they are further apart the further out they are, so the spread grows with the square of the distance from the
//! beam. What all disks of a pattern have says nothing: thickness, bending and focus widen them too. What some disks have in all
//! patterns is learned in the reference region.

use super::super::lattice::{Reference, Widths, distance_squared};
use super::super::rings::median;
use super::least_squares::Match;
use super::region::OfPattern;

/// Standard deviations of a spread that is two lattices: one lattice reaches them in less than one position of a thousand.
const DOUBLED: f64 = 3.2;
/// From so many on it may be two, and the map is as unsure as they would make it: one lattice in thirty positions.
const DOUBTFUL: f64 = 1.7;
/// Share of the spread at the mean square of the distance that grows, at least: of two lattices all of it.
const GROWS: f64 = 0.5;
/// Median of the size of a normal number.
const MEDIAN_SIZE: f64 = 0.6745;

/// What the spread of the matched peaks says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    One,
    /// Perhaps two: variance of each element of the map's matrix that they would make.
    Perhaps(f64),
    Two,
}

/// How the spread grows with the square of the distance from the beam, with its standard error; `None` where peaks are too few, or all are spread.
fn growth(
    reference: &Reference,
    matches: &[Match],
    spread: impl Fn(&Match) -> [f64; 2],
) -> Option<[f64; 2]> {
    let (beam, widths) = (reference.orders.beam(), &reference.widths);
    let more = |one: &Match| {
        let [usual, doubt] = *widths.usual.get(one.point as usize)?;
        let far = distance_squared(one.from, beam);
        let [spread, variance] = spread(one);
        Some([1.0 / (variance + doubt), far, spread - usual])
    };
    let peaks: Vec<[f64; 3]> = matches.iter().filter_map(more).collect();
    let freedom = peaks.len() as f64 - 2.0;
    if freedom < 2.0 {
        return None;
    }
    let sum = |of: &dyn Fn(&[f64; 3]) -> f64| peaks.iter().map(of).sum::<f64>();
    let total = sum(&|[weight, ..]| *weight);
    let far = sum(&|[weight, far, _]| weight * far) / total;
    let mean = sum(&|[weight, _, spread]| weight * spread) / total;
    let across = sum(&|[weight, a, _]| weight * (a - far).powi(2));
    let along = sum(&|[weight, a, b]| weight * (a - far) * (b - mean));
    if across <= 0.0 {
        return None;
    }
    let slope = along / across;
    if slope * far < GROWS * mean {
        return None;
    }
    let rest = sum(&|[weight, _, b]| weight * (b - mean).powi(2)) - slope * along;
    let scatter = (rest / freedom).max(1.0);
    Some([slope, widths.scatter * (scatter / across).sqrt()])
}

pub(super) fn told(
    reference: &Reference,
    matches: &[Match],
    spread: impl Fn(&Match) -> [f64; 2],
) -> Told {
    let Some([slope, error]) = growth(reference, matches, spread) else {
        return Told::One;
    };
    if slope > DOUBLED * error {
        Told::Two
    } else if slope > DOUBTFUL * error {
        // A line of two points is spread along one axis, a disk as far along both: twice as much.
        Told::Perhaps(2.0 * (slope + error))
    } else {
        Told::One
    }
}

/// What the patterns of the reference region say of the widths.
pub(super) fn widths(reference: &Reference, fits: &[OfPattern<'_>]) -> Widths {
    let known: Vec<&OfPattern<'_>> = (fits.iter())
        .filter(|one| !one.pattern.spread.is_empty())
        .collect();
    let mut widths = Widths::default();
    if known.is_empty() {
        return widths;
    }
    let mut sums = vec![[0.0; 2]; reference.points.len()];
    let mut all = [0.0; 2];
    for one in &known {
        for m in &one.matches {
            let [spread, variance] = one.pattern.spread[m.peak as usize];
            for [sum, weight] in [&mut sums[m.point as usize], &mut all] {
                *sum += spread / variance;
                *weight += 1.0 / variance;
            }
        }
    }
    let mean = |[sum, weight]: [f64; 2]| match weight > 0.0 {
        true => [sum / weight, 1.0 / weight],
        // What no pattern has is as wide as the others.
        false => [all[0] / all[1], 1.0 / all[1]],
    };
    widths.usual = sums.into_iter().map(mean).collect();
    let with = Reference {
        widths,
        ..reference.clone()
    };
    let mut sizes: Vec<f64> = (known.iter())
        .filter_map(|one| growth(&with, &one.matches, |m| one.pattern.spread[m.peak as usize]))
        .map(|[slope, error]| (slope / error).abs())
        .collect();
    let usual = median(&mut sizes).unwrap_or(0.0) / MEDIAN_SIZE;
    Widths {
        scatter: usual.max(1.0),
        ..with.widths
    }
}
