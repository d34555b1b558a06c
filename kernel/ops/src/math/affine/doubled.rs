//! Whether the peaks that bear a map out are those of two lattices.
//!
//! Of two lattices that share the direct beam the disks merge near it and lie beside each other further out. Two disks a little apart
//! look like one between them that is spread along the line between them (`disks/spread.rs`); where the finder has both, they are
//! taken for one that is spread by as much. How that goes with the place of the disk tells the lattices (`affine/apart.rs`). What
//! some disks have in all patterns is learned in the reference region.

use super::super::deformation::Matrix;
use super::super::lattice::{Reference, Spread, Widths};
use super::super::rings::median;
use super::apart::{Apart, Spreading, apart};
use super::least_squares::Match;
use super::region::OfPattern;
use super::{Affine, FURTHEST_MATCH, Observed};

/// Gain in log-likelihood, times 2, that is two lattices: one lattice reaches it in one position of a thousand.
const DOUBLED: f64 = 21.0;
/// From so much on it may be two, and the map is less sure: one lattice in twelve positions.
const DOUBTFUL: f64 = 8.0;
/// Of the variance that two lattices would make, the share that the map has just below [`DOUBLED`], and the gain by which that
/// falls to 37 %: chance reaches small gains so often that all of it would make the errors of 3 of 100 positions of one lattice 12 to 30
/// times too large; a tenth of it covers the bias of two at three standard errors.
const UNSURE: f64 = 0.5;
const FALLS: f64 = 6.0;
/// Share of the gain that stays without the disk that speaks most against one lattice: one disk alone is no lattice.
const WITHOUT_ONE: f64 = 0.5;
/// Usual gain of one lattice.
const USUAL: f64 = 3.5;

/// What the spread of the peaks says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    One,
    /// Perhaps two: how unsure each element of the map's matrix is for that.
    Perhaps(Matrix),
    Two,
}

/// Variances, and those that are usual of the point taken off.
fn spreading(reference: &Reference, one: &Match, spread: Spread) -> Option<Spreading> {
    let usual = reference.widths.usual.get(one.point as usize)?;
    let beam = reference.orders.beam();
    let disk = Spreading {
        at: [one.from[0] - beam[0], one.from[1] - beam[1]],
        even: spread.even - usual.even,
        even_variance: spread.even_variance + usual.even_variance,
        stretch: [0, 1].map(|n| spread.stretch[n] - usual.stretch[n]),
        stretch_variance: spread.stretch_variance + usual.stretch_variance,
    };
    (disk.even_variance.is_finite() && disk.stretch_variance.is_finite()).then_some(disk)
}

/// Adds to each disk what lies beside it: peaks that were not matched, by how bright they are.
fn add_others(
    reference: &Reference,
    observed: &Observed<'_>,
    (matches, map): (&[Match], &Affine),
    spread: &mut [Spread],
) {
    let peaks = observed.points;
    let Some(back) = map.inverse().filter(|_| peaks.len() > matches.len()) else {
        return;
    };
    let (mut at, mut used) = (
        vec![usize::MAX; reference.points.len()],
        vec![false; peaks.len()],
    );
    for (n, one) in matches.iter().enumerate() {
        at[one.point as usize] = n;
        used[one.peak as usize] = true;
    }
    let bright = |peak: usize| {
        observed
            .brightness
            .get(peak)
            .map_or(1.0, |value| value.max(0.0))
    };
    let furthest = (FURTHEST_MATCH * reference.spacing).powi(2);
    // Of each match: brightness, and that times places from the matched one, and times their squares.
    let mut sums: Vec<[f64; 6]> = vec![[0.0; 6]; matches.len()];
    for (peak, place) in peaks.iter().enumerate().filter(|(n, _)| !used[*n]) {
        let order = reference.orders.order_at(back.apply(*place));
        let Some(n) = reference.orders.point(order).map(|point| at[point]) else {
            continue;
        };
        let Some(one) = matches.get(n) else { continue };
        let [x, y] = map.apply(one.from);
        if (place[0] - x).powi(2) + (place[1] - y).powi(2) < furthest {
            let [x, y] = [place[0] - one.to[0], place[1] - one.to[1]];
            let terms = [1.0, x, y, x * x, x * y, y * y];
            for (sum, term) in sums[n].iter_mut().zip(terms) {
                *sum += bright(peak) * term;
            }
        }
    }
    for ((sums, one), spread) in sums.iter().zip(matches).zip(spread) {
        let all = sums[0] + bright(one.peak as usize);
        if sums[0] > 0.0 {
            let [_, x, y, xx, xy, yy] = sums.map(|sum| sum / all);
            let (xx, xy, yy) = (xx - x * x, xy - x * y, yy - y * y);
            spread.even += 0.5 * (xx + yy);
            spread.stretch[0] += 0.5 * (xx - yy);
            spread.stretch[1] += xy;
        }
    }
}

/// Squares of what speaks against one lattice.
fn against(disk: &Spreading) -> f64 {
    let [along, diagonal] = disk.stretch;
    (along * along + diagonal * diagonal) / disk.stretch_variance
        + disk.even * disk.even / disk.even_variance
}

pub(super) fn told(
    reference: &Reference,
    observed: &Observed<'_>,
    (matches, map): (&[Match], &Affine),
) -> Told {
    let mut spread: Vec<Spread> = (matches.iter())
        .map(|one| observed.spread[one.peak as usize])
        .collect();
    add_others(reference, observed, (matches, map), &mut spread);
    let disks = matches.iter().zip(spread);
    let mut disks: Vec<Spreading> = disks
        .filter_map(|(one, spread)| spreading(reference, one, spread))
        .collect();
    let scatter = reference.widths.scatter;
    let gain_of =
        |disks: &[Spreading]| apart(disks).filter(|apart| apart.gain > DOUBTFUL * scatter);
    let Some(Apart { gain, by }) = gain_of(&disks) else {
        return Told::One;
    };
    if gain > DOUBLED * scatter {
        let most = |a: &usize, b: &usize| against(&disks[*a]).total_cmp(&against(&disks[*b]));
        if let Some(most) = (0..disks.len()).max_by(most) {
            disks.swap_remove(most);
        }
        if apart(&disks).is_some_and(|apart| apart.gain > WITHOUT_ONE * DOUBLED * scatter) {
            return Told::Two;
        }
    }
    let unsure = UNSURE * ((gain / scatter - DOUBLED) / FALLS).min(0.0).exp();
    Told::Perhaps(by.map(|row| row.map(|x| unsure.sqrt() * x)))
}

/// What the patterns of the reference region say of the widths.
pub(super) fn widths(reference: &Reference, fits: &[OfPattern<'_>]) -> Widths {
    let known: Vec<&OfPattern<'_>> = (fits.iter())
        .filter(|one| !one.pattern.spread.is_empty())
        .collect();
    if known.is_empty() {
        return Widths::default();
    }
    // Weights, and sums of the weighted: even, and both of the stretch.
    let mut sums = vec![[0.0; 5]; reference.points.len()];
    let mut all = [0.0; 5];
    for one in &known {
        for m in &one.matches {
            let of = &one.pattern.spread[m.peak as usize];
            let (even, stretch) = (1.0 / of.even_variance, 1.0 / of.stretch_variance);
            let [along, diagonal] = of.stretch.map(|value| stretch * value);
            let terms = [even, even * of.even, stretch, along, diagonal];
            for sums in [&mut sums[m.point as usize], &mut all] {
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum += term;
                }
            }
        }
    }
    let mean = |of: [f64; 5]| {
        // What no pattern has is as wide as the others.
        let [even, of_even, stretch, along, diagonal] = match of[0] > 0.0 && of[2] > 0.0 {
            true => of,
            false => all,
        };
        Spread {
            even: of_even / even,
            even_variance: 1.0 / even,
            stretch: [along / stretch, diagonal / stretch],
            stretch_variance: 1.0 / stretch,
        }
    };
    let usual = sums.into_iter().map(mean).collect();
    let with = Reference {
        widths: Widths {
            usual,
            scatter: 1.0,
        },
        ..reference.clone()
    };
    let gain = |one: &&OfPattern<'_>| {
        let of = |m: &Match| spreading(&with, m, one.pattern.spread[m.peak as usize]);
        let disks: Vec<Spreading> = one.matches.iter().filter_map(of).collect();
        Some(apart(&disks)?.gain)
    };
    let mut gains: Vec<f64> = known.iter().filter_map(gain).collect();
    let usual = median(&mut gains).unwrap_or(0.0) / USUAL;
    Widths {
        scatter: usual.max(1.0),
        ..with.widths
    }
}
