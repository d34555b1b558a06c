//! Where to begin when the peaks are not near the reference: the beam has wandered, or the lattice is turned.
//!
//! Differences between neighbouring peaks are vectors of the lattice wherever the beam is. They vote for a turn, and give the
//! matrix; the phases of the peaks on that lattice give the shift but for whole vectors, which change no strain.

use std::f64::consts::{PI, TAU};

use super::super::deformation::Matrix;
use super::super::lattice::{Point, Reference, distance_squared, stretch_and_turn};
use super::{Affine, product};

/// Steps of the reference that differences are compared with, in spacings.
const NEIGHBOURS: f64 = 1.6;
/// How much longer or shorter than a step a difference that votes for a turn may be.
const LENGTHS: f64 = 0.12;
/// Turns are counted in so many steps of half a circle.
const TURNS: usize = 90;
/// How far a difference may be from the turned step, as a share of the spacing: at first where no turn is assumed, where one
/// is, and in the end.
const NEAR: [f64; 3] = [0.3, 0.2, 0.12];
/// Candidates that are tried.
const CANDIDATES: usize = 3;
/// Least votes of a candidate, as a share of the best one's.
const LEAST_VOTES: f64 = 0.6;
/// Whole vectors that the beam may have wandered by.
const WANDER: i64 = 3;
/// So much strain is doubted where a turn and next to none would do.
const MUCH_STRAIN: f64 = 0.04;
/// Strain and turn that are as unlikely as each other.
const STRAIN: f64 = 0.05;
const TURN: f64 = 20.0 * PI / 180.0;

/// How far a map is from none: the turn is only known up to the symmetry of the lattice, and the least change is taken.
pub(super) fn cost(matrix: Matrix) -> f64 {
    let (stretch, turn) = stretch_and_turn(matrix);
    stretch / STRAIN + turn.abs() / TURN
}

/// What the symmetry of the reference says of a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Choice {
    Least,
    /// Another map takes the reference to the same lattice with less change.
    Other(Matrix),
    /// Another one does so with about the same change.
    Doubtful,
}

pub(super) fn choice(reference: &Reference, matrix: Matrix) -> Choice {
    let own = (cost(matrix), stretch_and_turn(matrix).0);
    let others = reference
        .alike
        .iter()
        .map(|alike| product(matrix, *alike))
        .filter(|other| super::differ(*other, matrix) > 1e-3);
    // The same strain with another turn is a question of convention, less strain with more turn one of belief.
    let clear = |a: (f64, f64), b: (f64, f64)| match (a.1 - b.1).abs() < 0.003 {
        true => b.0 > a.0 + 0.1,
        false => b.0 > 1.25 * a.0 + 0.1 && !(a.1 > MUCH_STRAIN && b.1 < 0.1 * a.1 + 0.005),
    };
    let mut choice = Choice::Least;
    let mut least = own;
    for other in others {
        let of_it = (cost(other), stretch_and_turn(other).0);
        if clear(least, of_it) {
            continue;
        }
        if of_it.0 < least.0 {
            choice = match clear(of_it, least) {
                true => Choice::Other(other),
                false => Choice::Doubtful,
            };
            least = of_it;
        } else {
            choice = Choice::Doubtful;
        }
    }
    choice
}

/// Maps to begin with, the likeliest first.
pub(super) fn starts(reference: &Reference, peaks: &[Point]) -> Vec<Affine> {
    let steps = steps(reference);
    let (Some(longest), Some(shortest)) = (
        steps.iter().map(|v| v[0].hypot(v[1])).reduce(f64::max),
        steps.iter().map(|v| v[0].hypot(v[1])).reduce(f64::min),
    ) else {
        return Vec::new();
    };
    let differences = differences(peaks, 0.6 * shortest, 1.35 * longest);
    let mut found: Vec<Affine> = Vec::new();
    let straight = matrix_of(&differences, &steps, 0.0, NEAR[0] * shortest, shortest);
    let turned = turns(&differences, &steps)
        .into_iter()
        .filter_map(|turn| matrix_of(&differences, &steps, turn, NEAR[1] * shortest, shortest));
    for matrix in straight.into_iter().chain(turned) {
        let matrix = match choice(reference, matrix) {
            Choice::Other(other) => other,
            _ => matrix,
        };
        let is_new = found
            .iter()
            .all(|one| super::differ(one.matrix, matrix) > 0.05);
        if is_new && let Some(affine) = with_shift(reference, peaks, matrix) {
            found.push(affine);
        }
    }
    found
}

/// The map with this matrix that fits the peaks.
pub(super) fn with_shift(reference: &Reference, peaks: &[Point], matrix: Matrix) -> Option<Affine> {
    let orders = &reference.orders;
    let origin = orders.beam();
    let basis = orders
        .basis()
        .map(|v| [0, 1].map(|n| matrix[n][0] * v[0] + matrix[n][1] * v[1]));
    let [a, b] = basis;
    let area = a[0] * b[1] - a[1] * b[0];
    if area.abs() < 1e-9 {
        return None;
    }
    let index = |peak: &Point| {
        let [x, y] = [peak[0] - origin[0], peak[1] - origin[1]];
        [(x * b[1] - y * b[0]) / area, (a[0] * y - a[1] * x) / area]
    };
    let mut sums = [[0.0; 2]; 2];
    for peak in peaks {
        for (sum, index) in sums.iter_mut().zip(index(peak)) {
            let (sin, cos) = (TAU * index).sin_cos();
            sum[0] += cos;
            sum[1] += sin;
        }
    }
    let part = sums.map(|[cos, sin]| sin.atan2(cos) / TAU);
    let beam = orders.order_at(origin);
    let places: Vec<[i64; 2]> = (peaks.iter().map(index))
        .map(|at| [0, 1].map(|n| (at[n] - part[n]).round() as i64 + beam[n]))
        .collect();
    let whole = || -WANDER..=WANDER;
    let shift = |[m, n]: [i64; 2]| {
        let (m, n) = (part[0] + m as f64, part[1] + n as f64);
        [m * a[0] + n * b[0], m * a[1] + n * b[1]]
    };
    let score = |[m, n]: [i64; 2]| {
        let there = places
            .iter()
            .filter(|[h, k]| orders.point([h - m, k - n]).is_some());
        let [x, y] = shift([m, n]);
        there.count() as f64 - 0.5 * x.hypot(y) / reference.spacing
    };
    let best = whole()
        .flat_map(|m| whole().map(move |n| [m, n]))
        .map(|by| (score(by), by))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let [x, y] = shift(best.1);
    let [[p, q], [r, s]] = matrix;
    Some(Affine {
        matrix,
        shift: [
            origin[0] + x - p * origin[0] - q * origin[1],
            origin[1] + y - r * origin[0] - s * origin[1],
        ],
    })
}

/// Short vectors of the reference's lattice, of each pair of opposite ones one.
fn steps(reference: &Reference) -> Vec<Point> {
    let [a, b] = reference.orders.basis();
    let length = |v: Point| v[0].hypot(v[1]);
    let reach = (NEIGHBOURS * reference.spacing).max(1.1 * length(a).max(length(b)));
    (0..=2)
        .flat_map(|h| (-2..=2).map(move |k| [f64::from(h), f64::from(k)]))
        .filter(|[h, k]| *h > 0.0 || *k > 0.0)
        .map(|[h, k]| [h * a[0] + k * b[0], h * a[1] + k * b[1]])
        .filter(|step| length(*step) <= reach)
        .collect()
}

fn differences(peaks: &[Point], least: f64, most: f64) -> Vec<Point> {
    let mut found = Vec::with_capacity(8 * peaks.len());
    for (n, a) in peaks.iter().enumerate() {
        for b in &peaks[n + 1..] {
            let squared = distance_squared(*a, *b);
            if squared >= least * least && squared <= most * most {
                found.push([b[0] - a[0], b[1] - a[1]]);
            }
        }
    }
    found
}

/// Turns that most differences agree on, modulo half a circle.
fn turns(differences: &[Point], steps: &[Point]) -> Vec<f64> {
    let width = PI / TURNS as f64;
    let steps: Vec<(f64, f64)> = steps
        .iter()
        .map(|v| (v[0].hypot(v[1]), v[1].atan2(v[0])))
        .collect();
    let mut votes = [0.0f64; TURNS];
    for difference in differences {
        let length = difference[0].hypot(difference[1]);
        let mut angle = None;
        for (step, at) in &steps {
            if (length - step).abs() <= LENGTHS * step {
                let angle = *angle.get_or_insert_with(|| difference[1].atan2(difference[0]));
                let turn = (angle - at).rem_euclid(PI) / width;
                votes[turn as usize % TURNS] += 1.0;
            }
        }
    }
    let around = |n: usize, by: usize| votes[(n + by) % TURNS];
    let smooth: Vec<f64> = (0..TURNS)
        .map(|n| {
            let [far, near] = [[TURNS - 2, 2], [TURNS - 1, 1]].map(|by| by.map(|by| around(n, by)));
            around(n, 0) + 0.8 * (near[0] + near[1]) + 0.4 * (far[0] + far[1])
        })
        .collect();
    let mut tops: Vec<(f64, usize)> = (0..TURNS)
        .filter(|n| {
            let [before, after] = [TURNS - 1, 1].map(|by| smooth[(n + by) % TURNS]);
            smooth[*n] > 0.0 && smooth[*n] > before && smooth[*n] >= after
        })
        .map(|n| (smooth[n], n))
        .collect();
    tops.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let best = tops.first().map_or(0.0, |top| top.0);
    tops.iter()
        .take(CANDIDATES)
        .filter(|top| top.0 >= LEAST_VOTES * best)
        .map(|(_, n)| {
            let turn = (*n as f64 + 0.5) * width;
            if turn > 0.5 * PI { turn - PI } else { turn }
        })
        .collect()
}

/// Least squares of the differences near the turned steps.
fn matrix_of(
    differences: &[Point],
    steps: &[Point],
    turn: f64,
    radius: f64,
    shortest: f64,
) -> Option<Matrix> {
    let (sin, cos) = turn.sin_cos();
    let mut matrix = [[cos, -sin], [sin, cos]];
    for radius in [radius, radius, NEAR[2] * shortest] {
        let (mut gram, mut moment) = ([0.0; 3], [[0.0; 2]; 2]);
        let turned: Vec<Point> = steps
            .iter()
            .map(|v| [0, 1].map(|n| matrix[n][0] * v[0] + matrix[n][1] * v[1]))
            .collect();
        for difference in differences {
            for (step, at) in steps.iter().zip(&turned) {
                let there = distance_squared(*difference, *at) <= radius * radius;
                let opposite = [-difference[0], -difference[1]];
                let difference = match there {
                    true => *difference,
                    false if distance_squared(opposite, *at) <= radius * radius => opposite,
                    false => continue,
                };
                gram[0] += step[0] * step[0];
                gram[1] += step[0] * step[1];
                gram[2] += step[1] * step[1];
                for (row, value) in moment.iter_mut().zip(difference) {
                    row[0] += value * step[0];
                    row[1] += value * step[1];
                }
            }
        }
        let det = gram[0] * gram[2] - gram[1] * gram[1];
        if det <= 1e-4 * (0.5 * (gram[0] + gram[2])).powi(2) {
            return None;
        }
        matrix = moment.map(|[x, y]| {
            [
                (x * gram[2] - y * gram[1]) / det,
                (y * gram[0] - x * gram[1]) / det,
            ]
        });
    }
    Some(matrix)
}
