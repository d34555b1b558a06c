//! Whether the peaks that bear a map out are those of two lattices whose disks merged.
//!
//! Two disks a little apart look like one between them that is spread by a variance (`disks/spread.rs`). Of two lattices that share
//! the direct beam they are further apart the further out they are, so the spread grows with the distance from the beam, which
//! that of another focus or thickness does not. What some disks have in all patterns is learned in the reference region.

use super::super::lattice::{Reference, Widths};
use super::super::rings::median;
use super::least_squares::Match;
use super::region::OfPattern;

/// Standard deviations of a spread that is two lattices: one lattice reaches them in less than one position of a thousand.
const DOUBLED: f64 = 3.0;
/// The same of what all disks have, which has other causes too: a thickness or focus that the reference region does not have.
const ALL_DOUBLED: f64 = 4.5;
/// From so many on it may be two, and the map is as unsure as they would make it: one lattice in thirty positions.
const DOUBTFUL: f64 = 1.7;
/// Standard deviation in px² of what all disks of a pattern may be spread by, at least: where the growth is looked at (an edge that
/// is a hundredth wider is about as much), and where all of it is.
const COMMON_BESIDE: f64 = 0.03;
const COMMON: f64 = 0.1;
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

/// The spread of all peaks, and its growth with the distance from the beam: each with its standard error.
struct Spread {
    all: [f64; 2],
    growth: [f64; 2],
    /// Of the peaks from the beam, the mean of the square.
    square: f64,
}

/// By the spread of each match and its variance; `None` where they are too few.
fn of(
    reference: &Reference,
    matches: &[Match],
    spread: impl Fn(&Match) -> [f64; 2],
) -> Option<Spread> {
    let (beam, widths) = (reference.orders.beam(), &reference.widths);
    let more = |one: &Match| {
        let [usual, doubt] = *widths.usual.get(one.point as usize)?;
        let far = (one.from[0] - beam[0]).hypot(one.from[1] - beam[1]);
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
    let mean = sum(&|[weight, _, spread]| weight * spread) / total;
    let rest = sum(&|[weight, _, spread]| weight * (spread - mean).powi(2));
    let scatter = (rest / (freedom + 1.0)).max(1.0);
    let error = (scatter / total + widths.common.max(COMMON * COMMON)).sqrt();
    // What all have is known before to be about nothing.
    let alike = total + 1.0 / widths.common.max(COMMON_BESIDE * COMMON_BESIDE);
    let far = sum(&|[weight, far, _]| weight * far) / alike;
    let own = mean * total / alike;
    let across = sum(&|[weight, a, _]| weight * a * a) - alike * far * far;
    let along = sum(&|[weight, a, b]| weight * a * b) - alike * far * own;
    if across <= 0.0 {
        return None;
    }
    let slope = along / across;
    let rest = sum(&|[weight, _, b]| weight * b * b) - alike * own * own - slope * along;
    let scatter = (rest / freedom).max(1.0);
    Some(Spread {
        all: [mean, error],
        growth: [slope, widths.scatter * (scatter / across).sqrt()],
        square: sum(&|[weight, far, _]| weight * far * far) / total,
    })
}

pub(super) fn told(
    reference: &Reference,
    matches: &[Match],
    spread: impl Fn(&Match) -> [f64; 2],
) -> Told {
    let Some(Spread {
        all,
        growth,
        square,
    }) = of(reference, matches, spread)
    else {
        return Told::One;
    };
    let deviations = |[value, error]: [f64; 2]| value / error;
    if deviations(growth) > DOUBLED || deviations(all) > ALL_DOUBLED {
        return Told::Two;
    }
    if deviations(growth) > DOUBTFUL {
        // A line of two points is spread along one axis, a disk as far along both: twice as much.
        let [slope, error] = growth;
        return Told::Perhaps(2.0 * (slope + error) / square.sqrt());
    }
    Told::One
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
    let mut over = 0.0;
    for one in &known {
        let [mut sum, mut weight] = [0.0; 2];
        for m in &one.matches {
            let [spread, variance] = one.pattern.spread[m.peak as usize];
            sum += (spread - widths.usual[m.point as usize][0]) / variance;
            weight += 1.0 / variance;
        }
        over += (sum / weight).powi(2) - 1.0 / weight;
    }
    widths.common = f64::max(over / known.len() as f64, 0.0);
    let with = Reference {
        widths,
        ..reference.clone()
    };
    let mut sizes: Vec<f64> = (known.iter())
        .filter_map(|one| of(&with, &one.matches, |m| one.pattern.spread[m.peak as usize]))
        .map(|Spread { growth, .. }| (growth[0] / growth[1]).abs())
        .collect();
    let usual = median(&mut sizes).unwrap_or(0.0) / MEDIAN_SIZE;
    Widths {
        scatter: usual.max(1.0),
        ..with.widths
    }
}
