//! The affine map from a reference set of peaks to the peaks of one pattern. Points are (x, y) = (column, row).
//!
//! Closed form: the map and its covariance for given matches and weights. What is searched are the matches: near the
//! reference, else from the differences of the peaks (`affine/start.rs`); and which of them are strays
//! (`affine/least_squares.rs`). Nothing depends on other positions but the reference.

mod apart;
mod borne_out;
mod doubled;
mod least_squares;
mod neighbours;
mod region;
mod start;

use self::least_squares::{Match, Solved};
pub use self::region::reference;
use self::start::Choice;
use super::deformation::Matrix;
use super::lattice::{Point, Reference, Spread, distance_squared, stretch_and_turn};

/// Least share of the reference vectors that must find a peak.
const LEAST_COVERAGE: f64 = 0.35;
/// Largest residual, as a share of the spacing: peaks that lie anyhow leave about twice as much.
const MAX_RESIDUAL: f64 = 0.09;
/// Furthest move of a vector, as a share of its length, where the lattice is little turned. A quarter is where the innermost
/// ones leave their search circle (strain from -20 to +33 %), and a little more for noise.
const FURTHEST_MOVE: f64 = 0.26;
/// Most strain of a lattice that is turned further: its logarithm.
const MAX_TURNED: f64 = 0.115;
/// Most that the map may be uncertain by, at 95 % confidence: with few matches one stray among them moves it further.
const MAX_UNCERTAIN: f64 = 0.05;
/// Where so many of the expected peaks are there, the others are a second lattice, or noise.
const NEARLY_ALL: f64 = 0.8;
/// Fewest matches, and least share of the reference vectors, of a lattice that was searched.
const FEWEST_SEARCHED: usize = 5;
const LEAST_SEARCHED: f64 = 0.5;
/// Peaks are matched no further than this, in spacings: beyond half of it another vector is nearer.
const FURTHEST_MATCH: f64 = 0.45;
/// Where fewer peaks than tell a stray disagree by more than chance by so many standard deviations, one of them is.
const STRAY_AMONG_FEW: f64 = 5.0;
/// A second lattice that is as well there has this share of the matches.
const AS_WELL: f64 = 0.6;

/// `point = matrix · reference + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    pub matrix: Matrix,
    pub shift: Point,
}

impl Affine {
    const NONE: Affine = Affine {
        matrix: [[1.0, 0.0], [0.0, 1.0]],
        shift: [0.0, 0.0],
    };

    fn apply(&self, [x, y]: Point) -> Point {
        let m = &self.matrix;
        [
            m[0][0] * x + m[0][1] * y + self.shift[0],
            m[1][0] * x + m[1][1] * y + self.shift[1],
        ]
    }

    fn inverse(&self) -> Option<Affine> {
        let [[a, b], [c, d]] = self.matrix;
        let det = a * d - b * c;
        if !(det.is_finite() && det.abs() > 1e-9) {
            return None;
        }
        let back = Affine {
            matrix: [[d / det, -b / det], [-c / det, a / det]],
            shift: [0.0, 0.0],
        };
        let [x, y] = back.apply(self.shift);
        Some(Affine {
            shift: [-x, -y],
            ..back
        })
    }

    /// How far it moves a vector at most, as a share of its length: the largest singular value of `matrix - 1`.
    fn furthest_move(&self) -> f64 {
        let [[a, b], [c, d]] = self.matrix;
        let (a, d) = (a - 1.0, d - 1.0);
        0.5 * ((a + d).hypot(c - b) + (a - d).hypot(b + c))
    }
}

/// Largest difference of two components.
fn differ(a: Matrix, b: Matrix) -> f64 {
    (0..4)
        .map(|n| (a[n / 2][n % 2] - b[n / 2][n % 2]).abs())
        .fold(0.0, f64::max)
}

fn product(a: Matrix, b: Matrix) -> Matrix {
    let cell = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j];
    [[cell(0, 0), cell(0, 1)], [cell(1, 0), cell(1, 1)]]
}

/// The peaks of one pattern. Everything but `points` may be empty: then all are alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed<'a> {
    pub points: &'a [Point],
    /// Variance of each along x and y.
    pub variance: &'a [[f64; 2]],
    /// How each is spread more than those of its scan.
    pub spread: &'a [Spread],
    /// Weights that are wished for, instead of the inverse variances.
    pub weights: &'a [f64],
    pub brightness: &'a [f64],
}

/// How one pattern relates to the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// `None`: too few matches, all on one line, or peaks that do not bear the map out (see [`fit`]).
    pub affine: Option<Affine>,
    /// Of its matrix: of the first row and of the second, each as xx, xy, yy; NaN where three peaks without known errors
    /// leave nothing to tell it from.
    pub covariance: [[f64; 3]; 2],
    /// Share of the reference vectors that found a peak.
    pub coverage: f64,
    /// Root mean square distance of the matched peaks from the fit, in the points' unit; also of a fit that is not borne
    /// out; NaN without any.
    pub residual: f64,
}

/// Fits the affine map from the reference to the peaks.
///
/// Peaks are matched within `radius`, where they are; the first fit predicts where every vector should be and the match is
/// repeated there. Strays are taken out (`affine/least_squares.rs`). Peaks count by the inverse of their variance; where they
/// disagree by more than chance, as much variance as explains it is added to each. Peaks without a variance count alike, and
/// their residual tells it. Where that finds no lattice, it is searched turned and shifted (`affine/start.rs`).
///
/// A map can be fitted to anything. It counts only when 35 % of the reference vectors found a peak, the residual is at
/// most 0.09 spacings, no vector moved by more than a quarter of its length (or the strain is at most 12 % and the rest a turn),
/// the map is not more uncertain than 5 %, and 45 % of the peaks that lie among the expected ones are expected, 65 % by
/// brightness (or 80 % of the expected ones are there). Nor may the peaks be as well those of another lattice
/// (`math/orders.rs`), a second lattice near the reference be there beside the first, or the symmetry of the lattice allow another map
/// with about as little change.
pub fn fit(reference: &Reference, observed: &Observed<'_>, radius: f64, min_matches: usize) -> Fit {
    let radius = radius.min(FURTHEST_MATCH * reference.spacing);
    let search = Search {
        reference,
        observed,
        radius,
        least: min_matches.max(3),
    };
    let near = search
        .settle(Affine::NONE)
        .map(|settled| search.unslipped(settled));
    if let Ok(settled) = &near
        && settled.is_borne_out(&search)
    {
        return match start::choice(reference, settled.solved.affine.matrix) {
            Choice::Least => search.concluded(settled),
            Choice::Other(matrix) => start::with_shift(reference, observed.points, matrix)
                .and_then(|start| search.settle(start).ok())
                .filter(|other| other.is_surely_borne_out(&search))
                .map_or(settled.fit(false), |other| search.unless_merged(&other)),
            Choice::Doubtful => settled.fit(false),
        };
    }
    if observed.points.len() >= search.least && !reference.points.is_empty() {
        for start in start::starts(reference, observed.points) {
            if let Ok(found) = search.settle(start)
                && found.is_surely_borne_out(&search)
            {
                return match start::choice(reference, found.solved.affine.matrix) {
                    Choice::Least => search.concluded(&found),
                    _ => found.fit(false),
                };
            }
        }
    }
    match near {
        Ok(settled) => settled.fit(false),
        Err(matched) => Fit {
            affine: None,
            covariance: [[f64::NAN; 3]; 2],
            coverage: match reference.points.len() {
                0 => 0.0,
                total => matched as f64 / total as f64,
            },
            residual: f64::NAN,
        },
    }
}

struct Search<'a> {
    reference: &'a Reference,
    observed: &'a Observed<'a>,
    radius: f64,
    /// Matches.
    least: usize,
}

/// A map that its matches agree on.
struct Settled {
    solved: Solved,
    matches: Vec<Match>,
    coverage: f64,
    residual: f64,
    /// Half the 95 % confidence interval of the matrix in the direction that it is least sure of.
    uncertain: Option<f64>,
    /// Sum of squared distances in variances, before they were enlarged.
    misfit: f64,
}

impl Settled {
    fn fit(&self, has_value: bool) -> Fit {
        Fit {
            affine: has_value.then_some(self.solved.affine),
            covariance: self.solved.covariance,
            coverage: self.coverage,
            residual: self.residual,
        }
    }

    /// What was searched turned and shifted has more ways to fit by chance.
    fn is_surely_borne_out(&self, search: &Search<'_>) -> bool {
        self.matches.len() >= FEWEST_SEARCHED
            && self.coverage >= LEAST_SEARCHED
            && self
                .uncertain
                .is_some_and(|at_most| at_most <= 0.5 * MAX_UNCERTAIN)
            && self.residual <= 0.5 * MAX_RESIDUAL * search.reference.spacing
            && self.is_borne_out(search)
    }

    fn is_borne_out(&self, search: &Search<'_>) -> bool {
        let affine = &self.solved.affine;
        self.coverage >= LEAST_COVERAGE
            && self.residual <= MAX_RESIDUAL * search.reference.spacing
            && (affine.furthest_move() <= FURTHEST_MOVE
                || stretch_and_turn(affine.matrix).0 <= MAX_TURNED)
            && self
                .uncertain
                .is_none_or(|at_most| at_most <= MAX_UNCERTAIN)
            && !(self.matches.len() < least_squares::LEAST_FOR_STRAYS
                && self.misfit > by_chance(freedom(&self.matches), STRAY_AMONG_FEW))
            && (self.coverage >= NEARLY_ALL
                || borne_out::is_explained(
                    search.reference,
                    search.observed,
                    &self.matches,
                    affine,
                ))
            && !borne_out::is_of_another_lattice(
                search.reference,
                search.observed,
                &self.matches,
                affine,
            )
    }
}

impl Search<'_> {
    /// The matches near `start` without strays, with their variances, or how many there were.
    fn matches(&self, start: Affine) -> Result<Vec<Match>, usize> {
        let mut best = vec![(f64::INFINITY, 0); self.reference.points.len()];
        let mut matches = Vec::with_capacity(best.len());
        self.matched(&start, &mut best, &mut matches);
        let mut even = vec![1.0; best.len()];
        let mut map = start;
        for _ in 0..4 {
            if matches.len() < self.least {
                return Err(matches.len());
            }
            let count = matches.len();
            map = least_squares::affine(&matches, &even).ok_or(count)?;
            let before = matches.len();
            self.matched(&map, &mut best, &mut matches);
            if matches.len() <= before {
                break;
            }
        }
        let count = matches.len();
        if count < self.least {
            return Err(count);
        }
        let known = !self.observed.variance.is_empty();
        if known {
            for one in &mut matches {
                let peak = self.observed.variance[one.peak as usize];
                let of = self.reference.variance.get(one.point as usize);
                let of = of.map_or(0.0, |of| 0.5 * (of[0] + of[1]));
                let noise = self.reference.noise;
                one.variance = peak.map(|own| noise.times * own + noise.more + of);
            }
        } else if !self.reference.scatter.is_empty() {
            for one in &mut matches {
                one.variance = [self.reference.scatter[one.point as usize]; 2];
            }
        }
        even.truncate(count);
        least_squares::without_strays(&mut matches, map, known, 0.5 * self.radius).ok_or(count)?;
        match matches.len() {
            few if few < self.least => Err(few),
            _ => Ok(matches),
        }
    }

    /// The map near `start`, or how many peaks were matched.
    fn settle(&self, start: Affine) -> Result<Settled, usize> {
        let mut matches = self.matches(start)?;
        let count = matches.len();
        let known = !self.observed.variance.is_empty();
        if !self.observed.weights.is_empty() {
            for one in &mut matches {
                one.wish = self.observed.weights[one.peak as usize].max(0.0)
                    * 0.5
                    * (one.variance[0] + one.variance[1]);
            }
        }
        let agreed = match known {
            true => with_errors(&mut matches),
            false => without_errors(&matches),
        };
        let Agreed {
            mut solved,
            uncertain,
            squares: misfit,
        } = agreed.ok_or(count)?;
        if known {
            neighbours::add_correlation(self.reference, &matches, &mut solved);
        }
        let squares = sum(&matches, &solved.affine, least_squares::distance);
        Ok(Settled {
            solved,
            coverage: count as f64 / self.reference.points.len() as f64,
            residual: (squares / count as f64).sqrt(),
            matches,
            uncertain,
            misfit,
        })
    }

    /// Where the beam has wandered by about a whole vector, most peaks are near a point of the reference, and the others of the
    /// reference are found when all move by that vector.
    fn unslipped(&self, settled: Settled) -> Settled {
        let matrix = settled.solved.affine.matrix;
        if settled.coverage >= NEARLY_ALL || self.observed.points.len() == settled.matches.len() {
            return settled;
        }
        start::with_shift(self.reference, self.observed.points, matrix)
            .filter(|start| {
                let [x, y] = settled.solved.affine.shift;
                let off = distance_squared(start.shift, [x, y]).sqrt();
                off > 0.5 * self.reference.spacing
            })
            .and_then(|start| self.settle(start).ok())
            .filter(|moved| moved.matches.len() > settled.matches.len())
            .unwrap_or(settled)
    }

    /// Each peak goes to the reference point that it is nearest to, each point keeps its nearest peak.
    fn matched(&self, map: &Affine, best: &mut [(f64, u32)], matches: &mut Vec<Match>) {
        matches.clear();
        let Some(back) = map.inverse() else {
            return;
        };
        best.fill((f64::INFINITY, 0));
        let (points, orders) = (&self.reference.points, &self.reference.orders);
        let furthest = self.radius * self.radius;
        for (peak, at) in (0..).zip(self.observed.points) {
            let Some(point) = orders.point(orders.order_at(back.apply(*at))) else {
                continue;
            };
            let squared = distance_squared(map.apply(points[point]), *at);
            if squared <= furthest && squared < best[point].0 {
                best[point] = (squared, peak);
            }
        }
        for (point, (_, peak)) in (0..).zip(&*best).filter(|(_, best)| best.0.is_finite()) {
            matches.push(Match {
                point,
                peak: *peak,
                from: points[point as usize],
                to: self.observed.points[*peak as usize],
                variance: [1.0; 2],
                wish: 1.0,
            });
        }
    }

    /// Without a value where there are two lattices.
    fn concluded(&self, found: &Settled) -> Fit {
        match self.has_second(found) {
            true => found.fit(false),
            false => self.unless_merged(found),
        }
    }

    /// Without a value where the disks are those of two lattices, less sure where they may be.
    fn unless_merged(&self, found: &Settled) -> Fit {
        if self.observed.spread.is_empty() {
            return found.fit(true);
        }
        let of = (&*found.matches, &found.solved.affine);
        match doubled::told(self.reference, self.observed, of) {
            doubled::Told::One => found.fit(true),
            doubled::Told::Two => found.fit(false),
            doubled::Told::Perhaps(by) => {
                let mut fit = found.fit(true);
                for ([xx, xy, yy], [x, y]) in fit.covariance.iter_mut().zip(by) {
                    *xx += x * x;
                    *xy += x * y;
                    *yy += y * y;
                }
                fit
            }
        }
    }

    /// Whether the peaks that were not matched are another lattice near the reference: which of the two it is, nobody knows.
    fn has_second(&self, first: &Settled) -> bool {
        let count = first.matches.len();
        let rest = self.observed.points.len() - count;
        if (rest as f64) < AS_WELL * count as f64 {
            return false;
        }
        let mut used = vec![false; self.observed.points.len()];
        for one in &first.matches {
            used[one.peak as usize] = true;
        }
        let others: Vec<Point> = (self.observed.points.iter().zip(&used))
            .filter(|(_, used)| !**used)
            .map(|(point, _)| *point)
            .collect();
        let observed = Observed {
            points: &others,
            ..Observed::default()
        };
        let search = Search {
            observed: &observed,
            ..*self
        };
        search.settle(Affine::NONE).is_ok_and(|second| {
            second.matches.len() as f64 >= AS_WELL * count as f64
                && second.residual <= 0.5 * MAX_RESIDUAL * self.reference.spacing
                && second.solved.affine.furthest_move() <= FURTHEST_MOVE
        })
    }
}

struct Agreed {
    solved: Solved,
    uncertain: Option<f64>,
    squares: f64,
}

fn freedom(matches: &[Match]) -> f64 {
    2.0 * matches.len() as f64 - 6.0
}

/// What [`sum`] is at most by chance, `times` standard deviations above its mean.
fn by_chance(freedom: f64, times: f64) -> f64 {
    freedom + times * (2.0 * freedom).sqrt()
}

fn sum(matches: &[Match], affine: &Affine, of: fn(&Match, &Affine) -> f64) -> f64 {
    matches.iter().map(|one| of(one, affine)).sum()
}

/// Variance for each that would make so much of `squares` as there is freedom for: to first order.
fn more_variance(matches: &[Match], squares: f64) -> [f64; 2] {
    let (freedom, count) = (freedom(matches), matches.len() as f64);
    let weights: f64 = matches
        .iter()
        .map(|one| 1.0 / one.variance[0] + 1.0 / one.variance[1])
        .sum();
    [squares - freedom, weights * 0.5 * freedom / count]
}

/// From variances that are known. Where the peaks disagree by more than chance, disks are not where the model says: each
/// gets as much variance more as explains it (DerSimonian and Laird, doi:10.1016/0197-2456(86)90046-2).
fn with_errors(matches: &mut [Match]) -> Option<Agreed> {
    let freedom = freedom(matches);
    let mut solved = least_squares::solve(matches)?;
    let first = sum(matches, &solved.affine, least_squares::square);
    let mut squares = first;
    for _ in 0..6 {
        if squares <= by_chance(freedom, 2.0) || freedom <= 0.0 {
            break;
        }
        let [over, weights] = more_variance(matches, squares);
        for one in &mut *matches {
            let before = one.variance[0] + one.variance[1];
            one.variance = one.variance.map(|variance| variance + over / weights);
            if one.wish != 1.0 {
                one.wish *= (one.variance[0] + one.variance[1]) / before;
            }
        }
        solved = least_squares::solve(matches)?;
        squares = sum(matches, &solved.affine, least_squares::square);
    }
    Some(Agreed {
        uncertain: Some(1.96 * solved.least_sure()),
        solved,
        squares: first,
    })
}

/// From variances of which only the ratios are known: the residuals tell the rest; three peaks leave none.
fn without_errors(matches: &[Match]) -> Option<Agreed> {
    let mut solved = least_squares::solve(matches)?;
    let freedom = freedom(matches);
    if freedom <= 0.0 {
        solved.covariance = [[f64::NAN; 3]; 2];
        return Some(Agreed {
            solved,
            uncertain: None,
            squares: 0.0,
        });
    }
    let times = sum(matches, &solved.affine, least_squares::square) / freedom;
    solved.covariance = solved.covariance.map(|row| row.map(|value| value * times));
    // Student's t of 95 % and of 68 %: so few residuals are uncertain themselves.
    let of_95 = 1.96 + 2.4 / freedom + 2.9 / freedom.powi(2) + 3.4 / freedom.powi(3);
    let of_68 = 1.0 + 0.5 / freedom + 0.3 / freedom.powi(2);
    let uncertain = Some(of_95 * solved.least_sure());
    solved.covariance = (solved.covariance).map(|row| row.map(|value| value * of_68 * of_68));
    Some(Agreed {
        solved,
        uncertain,
        squares: freedom,
    })
}

#[cfg(test)]
mod errors;
#[cfg(test)]
mod families;
#[cfg(test)]
mod tests;
