//! Weighted least squares of an affine map, robust against strays, with its covariance.
//!
//! `x` and `y` of the peaks are two fits with weights of their own, each in closed form: a line through three sums.

use super::super::lattice::{MEDIAN_SQUARE, Point};
use super::super::rings::median;
use super::Affine;

/// A peak that was matched to a reference point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub point: u32,
    pub peak: u32,
    /// The reference point, and the peak.
    pub from: Point,
    pub to: Point,
    /// Along x and y; of all alike when nothing is known.
    pub variance: [f64; 2],
    /// What the user wants it to count, beside its variance.
    pub wish: f64,
}

/// The map with the covariance of its matrix: of the first row and of the second, as xx, xy, yy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solved {
    pub affine: Affine,
    pub covariance: [[f64; 3]; 2],
}

impl Solved {
    /// Standard error of the matrix in the direction that it is least sure of.
    pub(super) fn least_sure(&self) -> f64 {
        let most =
            (self.covariance).map(|[xx, xy, yy]| 0.5 * (xx + yy) + (0.5 * (xx - yy)).hypot(xy));
        most[0].max(most[1]).sqrt()
    }
}

/// Strays lie further out than so many standard deviations: 0.2 % of good peaks do.
const STRAY: f64 = 3.5;
/// Down to this part of their deviation the weight of peaks falls to nothing while it is not known which are strays.
const BIWEIGHT: f64 = 4.7;
/// Fewer peaks do not tell which of them is the stray.
pub(super) const LEAST_FOR_STRAYS: usize = 7;
/// Of fewer, some three always leave a small median.
const LEAST_FOR_TRIPLES: usize = 10;
/// Share of the matches that is kept whatever they are.
const KEPT: f64 = 0.5;
/// Maps of three peaks that are tried: with 30 % strays a dozen of them have none.
const TRIPLES: usize = 36;

/// Second moments of points about their weighted centroid.
pub(super) struct Moments {
    middle: Point,
    total: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Moments {
    /// `None` when the points are on one line.
    pub(super) fn of(points: impl Iterator<Item = (Point, f64)> + Clone) -> Option<Self> {
        let (mut total, mut middle) = (0.0, [0.0, 0.0]);
        for (point, weight) in points.clone() {
            total += weight;
            middle[0] += weight * point[0];
            middle[1] += weight * point[1];
        }
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let middle = middle.map(|sum| sum / total);
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (point, weight) in points {
            let [x, y] = [point[0] - middle[0], point[1] - middle[1]];
            xx += weight * x * x;
            yy += weight * y * y;
            xy += weight * x * y;
        }
        let moments = Moments {
            middle,
            total,
            xx,
            yy,
            xy,
        };
        (moments.det() > 1e-4 * (0.5 * (xx + yy)).powi(2)).then_some(moments)
    }

    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// A place from the middle.
    pub(super) fn about(&self, point: Point) -> Point {
        [point[0] - self.middle[0], point[1] - self.middle[1]]
    }

    /// What a point at this place from the middle adds to the slopes, by its weight and value.
    pub(super) fn slopes(&self, [x, y]: Point) -> [f64; 2] {
        let det = self.det();
        [
            (x * self.yy - y * self.xy) / det,
            (y * self.xx - x * self.xy) / det,
        ]
    }

    fn det(&self) -> f64 {
        self.xx * self.yy - self.xy * self.xy
    }

    /// Share that one of the points, of weight 1, has in where the fit puts it.
    pub(super) fn leverage(&self, point: Point) -> f64 {
        let [x, y] = [point[0] - self.middle[0], point[1] - self.middle[1]];
        let squares = x * x * self.yy - 2.0 * x * y * self.xy + y * y * self.xx;
        1.0 / self.total + squares / self.det()
    }
}

/// One axis of the map: slopes and the value at the middle.
fn row(
    matches: &[Match],
    axis: usize,
    weight: impl Fn(usize) -> f64 + Copy,
) -> Option<([f64; 2], f64, Moments)> {
    let moments = Moments::of((matches.iter().enumerate()).map(|(n, m)| (m.from, weight(n))))?;
    let (mut at, mut x, mut y) = (0.0, 0.0, 0.0);
    // About the first peak: differences keep their digits.
    let near = matches.first()?.to[axis];
    for (n, m) in matches.iter().enumerate() {
        let value = weight(n) * (m.to[axis] - near);
        at += value;
        x += value * (m.from[0] - moments.middle[0]);
        y += value * (m.from[1] - moments.middle[1]);
    }
    let det = moments.det();
    let slopes = [
        (x * moments.yy - y * moments.xy) / det,
        (y * moments.xx - x * moments.xy) / det,
    ];
    Some((slopes, near + at / moments.total, moments))
}

/// `None` when the reference points of the matches are on one line. `robust` has a factor per match.
pub(super) fn affine(matches: &[Match], robust: &[f64]) -> Option<Affine> {
    let of = |axis: usize| {
        row(matches, axis, |n| {
            robust[n] * matches[n].wish / matches[n].variance[axis]
        })
    };
    let rows = [of(0)?, of(1)?];
    Some(through([&rows[0], &rows[1]]))
}

fn through(rows: [&([f64; 2], f64, Moments); 2]) -> Affine {
    let matrix = rows.map(|(slopes, _, _)| *slopes);
    let shift = rows.map(|(slopes, at, moments)| {
        at - slopes[0] * moments.middle[0] - slopes[1] * moments.middle[1]
    });
    Affine { matrix, shift }
}

/// The map and how well it is known when the variances hold.
pub(super) fn solve(matches: &[Match]) -> Option<Solved> {
    let of = |axis: usize| {
        row(matches, axis, |n| {
            matches[n].wish / matches[n].variance[axis]
        })
    };
    let rows = [of(0)?, of(1)?];
    let covariance = [0, 1].map(|axis| {
        let (_, _, m) = &rows[axis];
        // Sums of squared weights by the variances; those are the moments where nothing else is wished for.
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for one in matches {
            let [x, y] = [one.from[0] - m.middle[0], one.from[1] - m.middle[1]];
            let weight = one.wish * one.wish / one.variance[axis];
            xx += weight * x * x;
            xy += weight * x * y;
            yy += weight * y * y;
        }
        let det = m.det();
        let [a, b, c] = [m.yy / det, -m.xy / det, m.xx / det];
        [
            a * a * xx + 2.0 * a * b * xy + b * b * yy,
            a * b * xx + (a * c + b * b) * xy + b * c * yy,
            b * b * xx + 2.0 * b * c * xy + c * c * yy,
        ]
    });
    Some(Solved {
        affine: through([&rows[0], &rows[1]]),
        covariance,
    })
}

/// Squared distance from where the map puts it, in variances.
pub(super) fn square(m: &Match, affine: &Affine) -> f64 {
    let [x, y] = affine.apply(m.from);
    (m.to[0] - x).powi(2) / m.variance[0] + (m.to[1] - y).powi(2) / m.variance[1]
}

/// Squared distance in px².
pub(super) fn distance(m: &Match, affine: &Affine) -> f64 {
    let [x, y] = affine.apply(m.from);
    (m.to[0] - x).powi(2) + (m.to[1] - y).powi(2)
}

/// Takes strays out of the matches: Tukey's biweight with the median as scale finds the map of the many, then those beyond
/// 3.5 standard deviations of it go (or further than `limit`, where the variances do not say that they may), and again,
/// until they are the same. Variances that are `known` are not taken for smaller than they are. Where there are strays it
/// begins from the map of three peaks that leaves the least median: all together may be drawn too far.
pub(super) fn without_strays(
    matches: &mut Vec<Match>,
    start: Affine,
    known: bool,
    limit: f64,
) -> Option<()> {
    if matches.len() < LEAST_FOR_STRAYS {
        return Some(());
    }
    let mut strays = Strays {
        robust: vec![1.0; matches.len()],
        squares: vec![0.0; matches.len()],
        sorted: Vec::with_capacity(matches.len()),
        least: if known { 1.0 } else { 1e-12 },
    };
    let squared = match known {
        true => f64::INFINITY,
        false => limit * limit,
    };
    let even = affine(matches, &strays.robust).unwrap_or(start);
    let most = STRAY * STRAY * strays.scale(matches, &even);
    let is_good = |(square, m): (&f64, &Match)| *square <= most && distance(m, &even) <= squared;
    if strays.squares.iter().zip(&*matches).all(is_good) {
        return Some(());
    }
    let mut kept = strays.kept(matches, even, squared)?;
    if kept < matches.len() && matches.len() >= LEAST_FOR_TRIPLES {
        let best = strays.of_three(matches, even);
        let again = strays.kept(matches, best, squared)?;
        kept = again;
    }
    if kept == 0 {
        // The many do not agree: all of them, with the residual they leave.
        return Some(());
    }
    let mut number = 0..;
    matches.retain(|_| number.next().is_some_and(|n: usize| strays.robust[n] > 0.0));
    Some(())
}

struct Strays {
    /// What each match counts.
    robust: Vec<f64>,
    squares: Vec<f64>,
    sorted: Vec<f64>,
    least: f64,
}

impl Strays {
    /// Variance of the many in units of the variances.
    fn scale(&mut self, matches: &[Match], map: &Affine) -> f64 {
        for (square_of, m) in self.squares.iter_mut().zip(matches) {
            *square_of = square(m, map);
        }
        self.sorted.clone_from(&self.squares);
        let count = matches.len() as f64;
        let median = median(&mut self.sorted).unwrap_or(0.0);
        (median / MEDIAN_SQUARE * count / (count - 3.0)).max(self.least)
    }

    /// How many stay, with 1 in `robust`; 0 where so few do that the rest are no strays.
    fn kept(&mut self, matches: &[Match], start: Affine, limit: f64) -> Option<usize> {
        let mut map = start;
        let mut before = f64::INFINITY;
        for _ in 0..8 {
            let scale = self.scale(matches, &map);
            if (before - scale).abs() < 0.05 * scale {
                break;
            }
            before = scale;
            for (robust, square) in self.robust.iter_mut().zip(&self.squares) {
                *robust = (1.0 - square / (BIWEIGHT * BIWEIGHT * scale))
                    .max(0.0)
                    .powi(2);
            }
            match affine(matches, &self.robust) {
                Some(found) => map = found,
                None => break,
            }
        }
        let mut scale = self.scale(matches, &map);
        let mut kept = 0;
        for _ in 0..6 {
            let most = STRAY * STRAY * scale;
            let (mut count, mut squares) = (0, 0.0);
            for ((robust, square), m) in self.robust.iter_mut().zip(&self.squares).zip(matches) {
                let is_good = *square <= most && distance(m, &map) <= limit;
                *robust = f64::from(u8::from(is_good));
                count += usize::from(is_good);
                squares += f64::from(u8::from(is_good)) * square;
            }
            if (count as f64) < KEPT * matches.len() as f64 {
                return Some(0);
            }
            if count == kept {
                break;
            }
            kept = count;
            map = affine(matches, &self.robust)?;
            for (square_of, m) in self.squares.iter_mut().zip(matches) {
                *square_of = square(m, &map);
            }
            scale = (squares / (2.0 * count as f64 - 6.0)).max(self.least);
        }
        Some(kept)
    }

    /// The map of three matches that leaves the least median square.
    fn of_three(&mut self, matches: &[Match], start: Affine) -> Affine {
        let mut best = (self.scale(matches, &start), start);
        // The same triples whenever there are as many matches.
        let mut state = 0x2545_f491u32;
        let count = matches.len() as u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((u64::from(state) * u64::from(count)) >> 32) as usize
        };
        for _ in 0..TRIPLES {
            let three = [next(), next(), next()].map(|n| matches[n]);
            let Some(map) = affine(&three, &[1.0; 3]) else {
                continue;
            };
            let scale = self.scale(matches, &map);
            if scale < best.0 {
                best = (scale, map);
            }
        }
        best.1
    }
}
