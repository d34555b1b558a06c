//! The errors of disks that touch go together, and what that costs the map.
//!
//! Where two disks touch, counts that one has are missed by the other: both move the same way along the line between them. The map
//! averages over all peaks, so its errors are larger than those of as many peaks on their own. How much the errors of neighbours
//! go together is learned from what the fits in the reference region leave over.

use signal::spread_over;

use super::super::lattice::{Neighbours, Pair, Reference, distance_squared};
use super::by_chance;
use super::least_squares::{Match, Moments, Solved};
use super::region::OfPattern;

/// Neighbours are no further apart than this, in spacings.
const NEAR: f64 = 1.3;
/// Fewer standard deviations are chance.
const LEAST: f64 = 2.0;
/// Largest correlation of two peaks: more of it is something else.
const MAX: f64 = 0.2;
/// Patterns that it is learned from.
const MAX_PATTERNS: usize = 64;

/// Weights of the peaks along an axis, and their places about the weighted middle.
struct Row {
    weights: Vec<f64>,
    places: Vec<[f64; 2]>,
    moments: Moments,
}

impl Row {
    fn of(matches: &[Match], axis: usize) -> Option<Self> {
        let weight = |one: &Match| one.wish / one.variance[axis];
        let moments = Moments::of(matches.iter().map(|one| (one.from, weight(one))))?;
        Some(Row {
            weights: matches.iter().map(weight).collect(),
            places: matches.iter().map(|one| moments.about(one.from)).collect(),
            moments,
        })
    }

    /// Share that each of two peaks, in standard deviations, has in where the fit puts the other.
    fn shared(&self, i: usize, j: usize) -> f64 {
        let [x, y] = self.moments.slopes(self.places[j]);
        let [a, b] = self.places[i];
        (self.weights[i] * self.weights[j]).sqrt() * (1.0 / self.moments.total() + a * x + b * y)
    }
}

/// Pairs of neighbours that were both matched, as places among the matches.
fn matched<'a>(
    neighbours: &'a [Pair],
    points: usize,
    matches: &[Match],
) -> impl Iterator<Item = ([usize; 2], [f64; 2])> + 'a {
    let mut place = vec![None; points];
    for (n, one) in matches.iter().enumerate() {
        place[one.point as usize] = Some(n);
    }
    neighbours.iter().filter_map(move |pair| {
        let [i, j] = pair.ends.map(|end| place[end as usize]);
        Some(([i?, j?], pair.along))
    })
}

/// Learns the pairs and their correlation.
pub(super) fn learned(reference: &Reference, fits: &[OfPattern<'_>]) -> Neighbours {
    let points = &reference.points;
    let furthest = (NEAR * reference.spacing).powi(2);
    let mut pairs = Vec::new();
    for i in 0..points.len() {
        for j in 0..i {
            let squared = distance_squared(points[i], points[j]);
            if squared <= furthest {
                let along = [0, 1].map(|n| (points[i][n] - points[j][n]).powi(2) / squared);
                pairs.push(Pair {
                    ends: [i as u32, j as u32],
                    along,
                });
            }
        }
    }
    let [mut over, mut weight] = [0.0; 2];
    for n in spread_over(fits.len(), MAX_PATTERNS) {
        let one = &fits[n];
        if one.squares > by_chance(one.freedom, 4.0) {
            continue;
        }
        let pairs: Vec<_> = matched(&pairs, points.len(), &one.matches).collect();
        for axis in 0..2 {
            let Some(row) = Row::of(&one.matches, axis) else {
                continue;
            };
            let [of_over, of_weight] = one_row(one, &row, &pairs, axis);
            over += of_over;
            weight += of_weight;
        }
    }
    let correlation = over / weight;
    // The variance of `over` is `weight` where there is no correlation.
    let is_sure = weight > 0.0 && over > LEAST * weight.sqrt();
    match is_sure {
        true => Neighbours {
            pairs,
            correlation: correlation.min(MAX),
        },
        false => Neighbours::default(),
    }
}

/// Sum of the products of what is left over of neighbours, beyond what the fit makes of peaks on their own, and that sum for a
/// correlation of 1.
fn one_row(
    one: &OfPattern<'_>,
    row: &Row,
    pairs: &[([usize; 2], [f64; 2])],
    axis: usize,
) -> [f64; 2] {
    let count = one.matches.len();
    let rest: Vec<f64> = (one.matches.iter())
        .map(|m| {
            let there = one.solved.affine.apply(m.from);
            (m.to[axis] - there[axis]) / m.variance[axis].sqrt()
        })
        .collect();
    // What is left of each error in what is left over of each peak, summed over the neighbours.
    let left = |i: usize, j: usize| f64::from(u8::from(i == j)) - row.shared(i, j);
    let mut sums = vec![0.0; count * count];
    let mut over = 0.0;
    for ([i, j], along) in pairs {
        let along = along[axis];
        over += along * rest[*i] * rest[*j];
        for n in 0..count {
            sums[i * count + n] += along * left(*j, n);
            sums[j * count + n] += along * left(*i, n);
        }
    }
    let (mut alone, mut together) = (0.0, 0.0);
    for i in 0..count {
        alone += sums[i * count + i];
        for j in 0..count {
            together += sums[i * count + j] * sums[j * count + i];
        }
    }
    [over - 0.5 * alone, 0.5 * together]
}

/// Adds to the covariance what neighbours have together.
pub(super) fn add_correlation(reference: &Reference, matches: &[Match], solved: &mut Solved) {
    let Neighbours { pairs, correlation } = &reference.neighbours;
    if *correlation == 0.0 {
        return;
    }
    let rows = [Row::of(matches, 0), Row::of(matches, 1)];
    let pairs: Vec<_> = matched(pairs, reference.points.len(), matches).collect();
    for (axis, row) in rows.into_iter().enumerate() {
        let Some(row) = row else { return };
        let [xx, xy, yy] = &mut solved.covariance[axis];
        for ([i, j], along) in &pairs {
            let size = |n: usize| row.weights[n] * matches[n].variance[axis].sqrt();
            let both = correlation * along[axis] * size(*i) * size(*j);
            let [a, b] = row.moments.slopes(row.places[*i]);
            let [c, d] = row.moments.slopes(row.places[*j]);
            *xx += 2.0 * both * a * c;
            *xy += both * (a * d + b * c);
            *yy += 2.0 * both * b * d;
        }
    }
}
