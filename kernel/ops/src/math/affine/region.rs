//! The reference from the patterns of its region: aligned where the beam wanders, whether they have one lattice, and what
//! the errors of peaks leave out.

use signal::spread_over;

use super::super::lattice::{
    Flaw, Noise, Pattern, Point, Reference, Seen, mean_of, stretch_and_turn,
};
use super::super::rings::median;
use super::super::two_groups::two_groups;
use super::super::variation::{Measured, Variation};
use super::doubled;
use super::least_squares::{self, Match, Moments, Solved};
use super::neighbours;
use super::start::with_shift;
use super::{Affine, FURTHEST_MATCH, Observed, Search, by_chance, freedom, more_variance, sum};

/// Patterns that are looked at; more of them would say the same.
const MAX_PATTERNS: usize = 128;
/// Independent residuals that tell it.
const LEAST_FREEDOM: f64 = 200.0;
/// Rounds until the variance explains itself.
const ROUNDS: usize = 5;

/// Nothing is changed that explains the residuals as well.
const CLOSE: f64 = 0.01;
/// The scatter of a point counts as much as that of all when it has so many independent residuals.
const FIRM: f64 = 10.0;
/// Least scatter of a point, as a share of that of all: none is to own the lattice.
const LEAST_SCATTER: f64 = 0.02;
/// Fewer points than this share of a pattern's peaks: the patterns do not lie on each other.
const WANDERING: f64 = 0.5;
/// Share of the patterns that must have the lattice of the first.
const MOSTLY: f64 = 0.8;
/// Least turn between two grains that is told from one that is bent.
const TURN: f64 = 1.5 * std::f64::consts::PI / 180.0;
/// Least share of the variance of the turns that lies between two grains: of an even bend it is three quarters.
const BETWEEN: f64 = 0.9;
/// Fewer patterns have two turns by chance.
const LEAST_PATTERNS: usize = 8;

/// Gathers the reference and learns from the patterns what is the same for all positions. Without points where the region
/// lies over two grains, or as [`Reference::gather`] says. `radius` as in [`super::fit`], a quarter of the spacing without one.
pub fn reference(
    patterns: &[Pattern],
    centre: Point,
    radius: Option<f64>,
    min_matches: usize,
) -> Reference {
    let radius = |reference: &Reference| radius.unwrap_or(0.25 * reference.spacing);
    let mut reference = Reference::gather(patterns, centre);
    let mut counts: Vec<f64> = (patterns.iter())
        .map(|pattern| pattern.points.len() as f64)
        .filter(|count| *count > 0.0)
        .collect();
    let usual = median(&mut counts).unwrap_or(0.0);
    if reference.flaw != Some(Flaw::SeveralLattices)
        && (reference.points.len() as f64) < WANDERING * usual
        && let Some(aligned) = aligned(patterns, centre, usual)
    {
        let of_aligned = Reference::gather(&aligned, centre);
        if of_aligned.points.len() > reference.points.len() {
            reference = of_aligned;
            let radius = radius(&reference);
            level(&mut reference, &aligned, radius, min_matches);
            learn(&mut reference, &aligned, radius, min_matches);
            return reference;
        }
    }
    let radius = radius(&reference);
    level(&mut reference, patterns, radius, min_matches);
    learn(&mut reference, patterns, radius, min_matches);
    reference
}

/// All patterns moved to where one of them has its lattice: the first with the `usual` number of peaks. `None` when that is
/// no lattice, or not that of the others.
fn aligned(patterns: &[Pattern], centre: Point, usual: f64) -> Option<Vec<Pattern>> {
    let first = (patterns.iter()).find(|pattern| pattern.points.len() as f64 >= usual)?;
    let lattice = Reference::gather(std::slice::from_ref(first), centre);
    if lattice.points.is_empty() {
        return None;
    }
    let moved = |pattern: &Pattern| {
        let mut moved = pattern.clone();
        let matrix = Affine::NONE.matrix;
        if let Some(start) = with_shift(&lattice, &pattern.points, matrix) {
            for point in &mut moved.points {
                *point = [point[0] - start.shift[0], point[1] - start.shift[1]];
            }
        }
        moved
    };
    let all: Vec<Pattern> = patterns.iter().map(moved).collect();
    let is_like_it = |pattern: &&Pattern| {
        let near = (pattern.points.iter()).filter(|point| {
            lattice
                .orders
                .is_among(&lattice.points, **point, 0.15 * lattice.spacing)
        });
        near.count() as f64 >= WANDERING * pattern.points.len() as f64
    };
    let filled = all.iter().filter(|pattern| !pattern.points.is_empty());
    let alike = filled.clone().filter(is_like_it).count() as f64;
    (alike >= MOSTLY * filled.count() as f64).then_some(all)
}

/// Whether the patterns have one lattice, and what the errors of their peaks leave out: that is a part that all peaks have (disks that are not even, a detector whose pixels
/// are not), or errors that are too large throughout. One pattern has too few peaks to tell that from chance.
fn learn(reference: &mut Reference, patterns: &[Pattern], radius: f64, min_matches: usize) {
    let some = spread_over(patterns.len(), MAX_PATTERNS).into_iter();
    let some: Vec<&Pattern> = some.map(|n| &patterns[n]).collect();
    let radius = radius.min(FURTHEST_MATCH * reference.spacing);
    let first = fits(reference, &some, radius, min_matches);
    let turns = first
        .iter()
        .map(|one| stretch_and_turn(one.solved.affine.matrix).1)
        .collect();
    if are_two_grains(turns) {
        *reference = Reference::flawed(Flaw::SeveralLattices);
    } else if some.iter().all(|pattern| pattern.variance.is_empty()) {
        reference.scatter = scatter(reference, &first);
        let again = fits(reference, &some, radius, min_matches);
        reference.scatter = scatter(reference, &again);
        if !reference.scatter.is_empty() {
            let last = fits(reference, &some, radius, min_matches);
            reference.varies = variation(reference, &last);
        }
    } else {
        let known: Vec<&Pattern> = (some.into_iter())
            .filter(|pattern| !pattern.variance.is_empty())
            .collect();
        for _ in 0..ROUNDS {
            let fits = fits(reference, &known, radius, min_matches);
            if !has_changed(&mut reference.noise, &fits) {
                break;
            }
        }
        let fits = fits(reference, &known, radius, min_matches);
        reference.widths = doubled::widths(reference, &fits);
        reference.neighbours = neighbours::learned(reference, &fits);
        reference.varies = variation(reference, &fits);
    }
}

/// Rounds until the points are where the patterns put them.
const LEVELLED: usize = 2;

/// Takes the strain of each pattern of the region out of its peaks, and makes their mean that of the reference. A point near the
/// border of the detector is only seen where the strain moves it inwards: its mean place is not that of the mean lattice.
fn level(reference: &mut Reference, patterns: &[Pattern], radius: f64, min_matches: usize) {
    let all: Vec<&Pattern> = patterns.iter().collect();
    let radius = radius.min(FURTHEST_MATCH * reference.spacing);
    for _ in 0..LEVELLED {
        let mut fits = fits(reference, &all, radius, min_matches);
        let usual = usual_ratio(&fits).max(1.0);
        fits.retain(|one| one.squares <= usual * by_chance(one.freedom, 4.0));
        if fits.len() < LEAST_PATTERNS {
            return;
        }
        let mut off: Vec<Vec<Seen>> = vec![Vec::new(); reference.points.len()];
        let mut rows: [Vec<Seen>; 2] = Default::default();
        for OfPattern {
            matches, solved, ..
        } in &fits
        {
            let Some(back) = solved.affine.inverse() else {
                continue;
            };
            for one in matches {
                let at = back.apply(one.to);
                off[one.point as usize].push(Seen {
                    off: [at[0] - one.from[0], at[1] - one.from[1]],
                    variance: Some(one.variance),
                });
            }
            for (row, seen) in rows.iter_mut().enumerate() {
                let [xx, _, yy] = solved.covariance[row];
                seen.push(Seen {
                    off: solved.affine.matrix[row],
                    variance: Some([xx, yy]),
                });
            }
        }
        let [first, second] = &mut rows;
        let mean = [mean_of(first).0, mean_of(second).0];
        let about = reference.orders.beam();
        for (point, seen) in reference.points.iter_mut().zip(&mut off) {
            let ([dx, dy], _) = mean_of(seen);
            let [x, y] = [point[0] + dx - about[0], point[1] + dy - about[1]];
            *point = [0, 1].map(|n| about[n] + mean[n][0] * x + mean[n][1] * y);
        }
    }
}

/// One step towards the noise that explains the residuals; false where there is nothing to change.
fn has_changed(noise: &mut Noise, fits: &[OfPattern<'_>]) -> bool {
    // Few peaks may hold a stray: patterns that are worse than most say nothing.
    let usual = usual_ratio(fits);
    let [mut squares, mut all, mut over, mut weights] = [0.0; 4];
    for one in fits {
        if one.squares <= usual * by_chance(one.freedom, 4.0) {
            let [over_here, weights_here] = more_variance(&one.matches, one.squares);
            squares += one.squares;
            all += one.freedom;
            over += over_here;
            weights += weights_here;
        }
    }
    if all < LEAST_FREEDOM || (squares / all - 1.0).abs() < CLOSE {
        return false;
    }
    let least = Noise::default().more;
    if squares <= all && noise.more <= least {
        noise.times *= (squares / all).max(0.01);
    } else {
        noise.more = (noise.more + over / weights).max(least);
    }
    true
}

/// Variance of the peaks about the map, for each point: of those that were matched too seldom that of all.
fn scatter(reference: &Reference, fits: &[OfPattern<'_>]) -> Vec<f64> {
    let mut sums = vec![[0.0; 2]; reference.points.len()];
    for one in fits {
        let weight = |m: &Match| 1.0 / m.variance[0];
        let Some(moments) = Moments::of(one.matches.iter().map(|m| (m.from, weight(m)))) else {
            continue;
        };
        for m in &one.matches {
            // As far as it would be off if it had not drawn the map.
            let freedom = 2.0 * (1.0 - weight(m) * moments.leverage(m.from)).max(0.0);
            let [squares, all] = &mut sums[m.point as usize];
            *squares += least_squares::distance(m, &one.solved.affine);
            *all += freedom;
        }
    }
    let [squares, all] = sums
        .iter()
        .fold([0.0; 2], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
    if all < LEAST_FREEDOM || squares <= 0.0 {
        return Vec::new();
    }
    let usual = squares / all;
    sums.iter()
        .map(|[squares, all]| (squares + FIRM * usual) / (all + FIRM))
        .map(|variance| variance.max(LEAST_SCATTER * usual))
        .collect()
}

pub(super) struct OfPattern<'a> {
    pub pattern: &'a Pattern,
    pub matches: Vec<Match>,
    pub solved: Solved,
    pub squares: f64,
    pub freedom: f64,
}

fn fits<'a>(
    reference: &Reference,
    patterns: &[&'a Pattern],
    radius: f64,
    min_matches: usize,
) -> Vec<OfPattern<'a>> {
    let of = |pattern: &&'a Pattern| {
        let observed = Observed {
            points: &pattern.points,
            variance: &pattern.variance,
            ..Observed::default()
        };
        let search = Search {
            reference,
            observed: &observed,
            radius,
            least: min_matches.max(4),
        };
        let matches = search.matches(Affine::NONE).ok()?;
        let solved = least_squares::solve(&matches)?;
        Some(OfPattern {
            pattern,
            squares: sum(&matches, &solved.affine, least_squares::square),
            freedom: freedom(&matches),
            matches,
            solved,
        })
    };
    patterns.iter().filter_map(of).collect()
}

/// How the lattices of patterns differ, as far as their peaks are those of one lattice each.
fn variation(reference: &Reference, fits: &[OfPattern<'_>]) -> Option<Variation> {
    let usual = usual_ratio(fits);
    let all: Vec<Measured> = (fits.iter())
        .filter(|one| one.squares <= usual * by_chance(one.freedom, 4.0))
        .filter_map(|one| {
            let mut solved = one.solved;
            neighbours::add_correlation(reference, &one.matches, &mut solved);
            Measured::of(solved.affine.matrix, solved.covariance)
        })
        .collect();
    Variation::among(&all)
}

/// What a pattern's squares usually are, by its freedom.
fn usual_ratio(fits: &[OfPattern<'_>]) -> f64 {
    let mut ratios: Vec<f64> = fits.iter().map(|one| one.squares / one.freedom).collect();
    median(&mut ratios).unwrap_or(1.0)
}

/// Whether the turns are two, with little between them.
fn are_two_grains(mut turns: Vec<f64>) -> bool {
    if turns.len() < LEAST_PATTERNS {
        return false;
    }
    turns.sort_by(f64::total_cmp);
    two_groups(&turns).is_some_and(|of| of.apart >= TURN && of.between >= BETWEEN * of.variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_grains_are_told_from_one_that_is_bent() {
        let turns = |of: fn(f64) -> f64| (0..100).map(|n| of(f64::from(n) / 99.0)).collect();
        assert!(!are_two_grains(turns(|at| 0.2 * at)));
        assert!(!are_two_grains(turns(|at| 0.1 * (2.0 * at - 1.0).powi(3))));
        assert!(are_two_grains(turns(
            |at| 0.005 * at + if at < 0.3 { 0.0 } else { 0.06 }
        )));
        assert!(!are_two_grains(turns(
            |at| 0.002 * at + if at < 0.3 { 0.0 } else { 0.015 }
        )));
        assert!(!are_two_grains(vec![0.0, 0.1]));
    }
}
