//! The affine map from a reference set of peaks to the peaks of one pattern. Points are (x, y) = (column, row).

use super::deformation::Matrix;
use super::lattice::{Point, Reference, distance_squared, nearest_pairs};
use super::orders::Evidence;
use super::rings::median;

/// Least share of the reference vectors that must find a peak.
const LEAST_COVERAGE: f64 = 1.0 / 3.0;
/// Largest residual, as a share of the spacing: peaks that lie anyhow leave about twice as much.
const MOST_RESIDUAL: f64 = 0.09;
/// Furthest move of a vector, as a share of its length. A quarter is where the innermost ones leave their search circle
/// (strain from -20 to +33 %, rotation up to 14.5 degrees), and a little more for noise.
const FURTHEST_MOVE: f64 = 0.26;
/// Most that the map may be uncertain by, at 95 % confidence: with few matches one stray among them moves it further.
const MOST_UNCERTAIN: f64 = 0.05;
/// Least share of the peaks among the expected ones that are expected: a lattice of another spacing has many between.
const LEAST_EXPLAINED: f64 = 0.45;
/// The same, with each peak as bright as it is: the peaks of a lattice that falls on the wrong orders are as bright as those
/// that happen to fit, noise is not.
const LEAST_BRIGHT: f64 = 0.65;
/// Which does not count where so many of the expected ones are there: then the others are a second lattice, or noise.
const NEARLY_ALL: f64 = 0.8;
/// Share of the usual brightness from which a peak, or an order of the reference, is as bright as the others: those of a
/// superstructure that comes and goes are fainter.
const AS_BRIGHT: f64 = 0.5;
/// A peak is among the expected ones when it is this near to one, in spacings.
const AMONG: f64 = 0.75;

/// `point = matrix · reference + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    pub matrix: Matrix,
    pub shift: Point,
}

impl Affine {
    fn apply(&self, [x, y]: Point) -> Point {
        let m = &self.matrix;
        [
            m[0][0] * x + m[0][1] * y + self.shift[0],
            m[1][0] * x + m[1][1] * y + self.shift[1],
        ]
    }

    /// How far it moves a vector at most, as a share of its length: the largest singular value of `matrix - 1`.
    fn furthest_move(&self) -> f64 {
        let [[a, b], [c, d]] = self.matrix;
        let (a, d) = (a - 1.0, d - 1.0);
        0.5 * ((a + d).hypot(c - b) + (a - d).hypot(b + c))
    }
}

/// How one pattern relates to the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// `None`: too few matches, all on one line, or peaks that do not bear the map out (see [`fit`]).
    pub affine: Option<Affine>,
    /// Share of the reference vectors that found a peak.
    pub coverage: f64,
    /// Root mean square distance of the matched peaks from the fit, in the points' unit; also of a fit that is not borne
    /// out; NaN without any.
    pub residual: f64,
}

/// Fits the affine map from the reference to `peaks`; `weights` has one entry per peak or is empty (all alike).
///
/// Peaks are matched within `radius`, as they are and with centroids removed, whichever matches more; the first
/// fit predicts where every vector should be and the match is repeated there; peaks further off than
/// `min(2.5 RMS, radius / 2)` are dropped once and the fit repeated.
///
/// A map can be fitted to anything. It counts only when a third of the reference vectors found a peak, the residual is at
/// most 0.09 spacings, no vector moved by more than a quarter of its length (beyond that it is not known which peak
/// belongs to which vector), the map is not more uncertain than 5 %, and 45 % of the peaks that lie among the expected ones are
/// expected, 65 % by `brightness` (or 80 % of the expected ones are there). Nor may the peaks be as well those of another lattice
/// (`math/orders.rs`). `brightness` has one entry per peak or is empty (all alike).
pub fn fit(
    reference: &Reference,
    peaks: &[Point],
    weights: &[f64],
    brightness: &[f64],
    radius: f64,
    min_matches: usize,
) -> Fit {
    let total = reference.points.len();
    let mut pairs = first_pairs(reference, peaks, radius);
    let nothing = |matched: usize| Fit {
        affine: None,
        coverage: if total > 0 {
            matched as f64 / total as f64
        } else {
            0.0
        },
        residual: f64::NAN,
    };
    for round in 0..3 {
        if pairs.len() < min_matches.max(3) {
            return nothing(pairs.len());
        }
        let Some(affine) = least_squares(reference, peaks, weights, &pairs) else {
            return nothing(pairs.len());
        };
        if round == 2 {
            let coverage = pairs.len() as f64 / total as f64;
            let residual = residual(reference, peaks, &pairs, &affine);
            let borne_out = coverage >= LEAST_COVERAGE
                && residual <= MOST_RESIDUAL * reference.spacing
                && affine.furthest_move() <= FURTHEST_MOVE
                && uncertainty(reference, &pairs, residual)
                    .is_none_or(|uncertain| uncertain <= MOST_UNCERTAIN)
                && (coverage >= NEARLY_ALL
                    || is_explained(reference, peaks, brightness, &pairs, &affine))
                && !is_of_another_lattice(reference, peaks, brightness, &pairs, &affine);
            return Fit {
                affine: borne_out.then_some(affine),
                coverage,
                residual,
            };
        }
        if round == 0 {
            let expected: Vec<Point> = reference.points.iter().map(|g| affine.apply(*g)).collect();
            pairs = nearest_pairs(&expected, peaks, radius);
        } else {
            let rms = residual(reference, peaks, &pairs, &affine);
            let limit = (2.5 * rms).max(1e-6).min(0.5 * radius);
            pairs.retain(|(r, p)| {
                distance_squared(affine.apply(reference.points[*r]), peaks[*p]) <= limit * limit
            });
        }
    }
    nothing(pairs.len())
}

fn first_pairs(reference: &Reference, peaks: &[Point], radius: f64) -> Vec<(usize, usize)> {
    let raw = nearest_pairs(&reference.points, peaks, radius);
    if raw.len() == reference.points.len() || peaks.is_empty() {
        return raw;
    }
    let centroid = |points: &[Point]| {
        [0, 1].map(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / points.len() as f64)
    };
    let (from, to) = (centroid(&reference.points), centroid(peaks));
    let moved: Vec<Point> = reference
        .points
        .iter()
        .map(|g| [g[0] + to[0] - from[0], g[1] + to[1] - from[1]])
        .collect();
    let centred = nearest_pairs(&moved, peaks, radius);
    if centred.len() > raw.len() {
        centred
    } else {
        raw
    }
}

/// Whether enough of the peaks among the expected ones were matched.
fn is_explained(
    reference: &Reference,
    peaks: &[Point],
    brightness: &[f64],
    pairs: &[(usize, usize)],
    affine: &Affine,
) -> bool {
    let expected: Vec<Point> = reference.points.iter().map(|g| affine.apply(*g)).collect();
    let near = (AMONG * reference.spacing).powi(2);
    let among = |peak: &usize| {
        (expected.iter()).any(|point| distance_squared(*point, peaks[*peak]) <= near)
    };
    let bright = |peak: usize| brightness.get(peak).map_or(1.0, |value| value.max(0.0));
    // No brighter than most: one bright peak explains no lattice.
    let mut matched: Vec<f64> = pairs.iter().map(|(_, peak)| bright(*peak)).collect();
    matched.sort_unstable_by(f64::total_cmp);
    let usual = matched.get(matched.len() / 2).copied().unwrap_or(1.0);
    let all: Vec<usize> = (0..peaks.len()).filter(among).collect();
    let light = |peaks: &mut dyn Iterator<Item = usize>| -> f64 {
        peaks.map(|peak| bright(peak).min(usual)).sum()
    };
    let total = light(&mut all.iter().copied());
    let explained = light(&mut pairs.iter().map(|(_, peak)| *peak));
    pairs.len() as f64 >= LEAST_EXPLAINED * all.len() as f64
        && (total <= 0.0 || explained >= LEAST_BRIGHT * total)
}

/// Whether the matches are the points that a coarser or a finer lattice shares with the reference.
fn is_of_another_lattice(
    reference: &Reference,
    peaks: &[Point],
    brightness: &[f64],
    pairs: &[(usize, usize)],
    affine: &Affine,
) -> bool {
    let (mut matched, mut used) = (
        vec![false; reference.points.len()],
        vec![false; peaks.len()],
    );
    for (point, peak) in pairs {
        matched[*point] = true;
        used[*peak] = true;
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
    let seen = bright(brightness, &|peak| used[peak]);
    // Noise that happens to be near an order is no peak of it.
    for (point, peak) in pairs {
        matched[*point] = *seen.get(*peak).unwrap_or(&true);
    }
    let mut evidence: Vec<Evidence> = (0..matched.len())
        .map(|n| match *expected.get(n).unwrap_or(&true) {
            true => Evidence::Missing,
            false => Evidence::Nothing,
        })
        .collect();
    let moments = Moments::of(
        pairs
            .iter()
            .map(|(point, _)| (reference.points[*point], 1.0)),
    );
    for (point, peak) in pairs {
        let at = reference.points[*point];
        if matched[*point] && evidence[*point] == Evidence::Missing {
            let off = distance_squared(affine.apply(at), peaks[*peak]).sqrt();
            // As far as it would be from a fit to the others.
            let others = moments.as_ref().map_or(0.0, |all| 1.0 - all.leverage(at));
            evidence[*point] = Evidence::Found(match others > 1e-6 {
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

/// Half the 95 % confidence interval of the matrix in the direction that it is least sure of, from the residual; `None` for three
/// matches, which leave none.
fn uncertainty(reference: &Reference, pairs: &[(usize, usize)], residual: f64) -> Option<f64> {
    let count = pairs.len() as f64;
    let freedom = 2.0 * count - 6.0;
    let moments = Moments::of(
        pairs
            .iter()
            .map(|(point, _)| (reference.points[*point], 1.0)),
    )?;
    (freedom > 0.0).then(|| {
        // Student's t.
        let times = 1.96 + 2.4 / freedom + 2.9 / freedom.powi(2) + 3.4 / freedom.powi(3);
        times * residual * (count / freedom / moments.least()).sqrt()
    })
}

fn residual(
    reference: &Reference,
    peaks: &[Point],
    pairs: &[(usize, usize)],
    affine: &Affine,
) -> f64 {
    let sum: f64 = pairs
        .iter()
        .map(|(r, p)| distance_squared(affine.apply(reference.points[*r]), peaks[*p]))
        .sum();
    (sum / pairs.len() as f64).sqrt()
}

/// Second moments of points about their weighted centroid.
struct Moments {
    middle: Point,
    total: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Moments {
    /// `None` when the points are on one line.
    fn of(points: impl Iterator<Item = (Point, f64)> + Clone) -> Option<Self> {
        let total: f64 = points.clone().map(|(_, weight)| weight).sum();
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let middle = points.clone().fold([0.0, 0.0], |sum, (point, weight)| {
            let weight = weight / total;
            [sum[0] + weight * point[0], sum[1] + weight * point[1]]
        });
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

    fn det(&self) -> f64 {
        self.xx * self.yy - self.xy * self.xy
    }

    /// In the direction where it is least.
    fn least(&self) -> f64 {
        0.5 * (self.xx + self.yy) - (0.5 * (self.xx - self.yy)).hypot(self.xy)
    }

    /// Share that one of the points, of weight 1, has in where the fit puts it.
    fn leverage(&self, point: Point) -> f64 {
        let [x, y] = [point[0] - self.middle[0], point[1] - self.middle[1]];
        let squares = x * x * self.yy - 2.0 * x * y * self.xy + y * y * self.xx;
        1.0 / self.total + squares / self.det()
    }
}

/// Weighted least squares about the weighted centroids; `None` when the reference points are on one line.
fn least_squares(
    reference: &Reference,
    peaks: &[Point],
    weights: &[f64],
    pairs: &[(usize, usize)],
) -> Option<Affine> {
    let weighted = || {
        pairs.iter().map(|(r, p)| {
            let weight = weights.get(*p).copied().unwrap_or(1.0).max(0.0);
            (reference.points[*r], peaks[*p], weight)
        })
    };
    let moments = Moments::of(weighted().map(|(g, _, weight)| (g, weight)))?;
    let (g0, total) = (moments.middle, moments.total);
    let p0 = weighted().fold([0.0, 0.0], |sum, (_, p, weight)| {
        let weight = weight / total;
        [sum[0] + weight * p[0], sum[1] + weight * p[1]]
    });
    let mut moment = [[0.0; 2]; 2];
    for (g, p, w) in weighted() {
        let g = [g[0] - g0[0], g[1] - g0[1]];
        let p = [p[0] - p0[0], p[1] - p0[1]];
        for (row, p) in moment.iter_mut().zip(p) {
            row[0] += w * p * g[0];
            row[1] += w * p * g[1];
        }
    }
    let (xx, yy, xy, det) = (moments.xx, moments.yy, moments.xy, moments.det());
    let matrix = moment.map(|row| {
        [
            (row[0] * yy - row[1] * xy) / det,
            (row[1] * xx - row[0] * xy) / det,
        ]
    });
    let turned = Affine {
        matrix,
        shift: [0.0, 0.0],
    }
    .apply(g0);
    let shift = [p0[0] - turned[0], p0[1] - turned[1]];
    Some(Affine { matrix, shift })
}

#[cfg(test)]
mod families;

#[cfg(test)]
mod tests {
    use super::super::orders::Orders;
    use super::*;

    fn reference() -> Reference {
        let orders = || (-2..=2).flat_map(|h| (-2..=2).map(move |k| (f64::from(h), f64::from(k))));
        let points: Vec<Point> = orders()
            .filter(|order| *order != (0.0, 0.0))
            .map(|(h, k)| [50.0 + 17.3 * h - 3.4 * k, 60.0 + 2.6 * h + 15.1 * k])
            .collect();
        Reference {
            orders: Orders::of(&points, Some([50.0, 60.0]), [50.0, 60.0], 15.5),
            points,
            spacing: 15.5,
            brightness: Vec::new(),
        }
    }

    const MATRIX: Matrix = [[0.98, 0.03], [-0.02, 1.015]];

    fn moved(shift: Point) -> Vec<Point> {
        let affine = Affine {
            matrix: MATRIX,
            shift,
        };
        reference()
            .points
            .iter()
            .map(|point| affine.apply(*point))
            .collect()
    }

    fn off(fit: &Fit) -> f64 {
        let found = fit.affine.unwrap().matrix;
        (0..4)
            .map(|n| (found[n / 2][n % 2] - MATRIX[n / 2][n % 2]).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn exact_peaks_give_the_map_to_rounding() {
        let fit = fit(&reference(), &moved([0.4, 1.3]), &[], &[], 3.9, 4);
        assert!(off(&fit) < 1e-12 && fit.residual < 1e-10 && fit.coverage == 1.0);
    }

    #[test]
    fn a_large_shift_of_the_beam_is_no_strain() {
        let fit = fit(&reference(), &moved([9.0, -7.0]), &[], &[], 3.9, 4);
        assert!(off(&fit) < 1e-12 && fit.coverage == 1.0);
    }

    #[test]
    fn an_outlier_is_dropped_and_an_invented_peak_ignored() {
        let mut peaks = moved([0.4, 1.3]);
        peaks[5][0] += 1.6;
        peaks.push([3.0, 4.0]);
        let fit = fit(&reference(), &peaks, &[], &[], 3.9, 4);
        assert!(off(&fit) < 1e-12, "{fit:?}");
        assert!((fit.coverage - 23.0 / 24.0).abs() < 1e-12);
    }

    /// Peaks of the lattice after `F = T^-T`, in the same field of view.
    fn deformed(f: Matrix) -> Vec<Point> {
        let det = f[0][0] * f[1][1] - f[0][1] * f[1][0];
        let t = [
            [f[1][1] / det, -f[1][0] / det],
            [-f[0][1] / det, f[0][0] / det],
        ];
        let orders = || (-8..=8).flat_map(|h| (-8..=8).map(move |k| (f64::from(h), f64::from(k))));
        orders()
            .map(|(h, k)| [17.3 * h - 3.4 * k, 2.6 * h + 15.1 * k])
            .map(|[x, y]| [t[0][0] * x + t[0][1] * y, t[1][0] * x + t[1][1] * y])
            .filter(|[x, y]| x.hypot(*y) > 1.0 && x.hypot(*y) < 55.0)
            .map(|[x, y]| [x + 50.0, y + 60.0])
            .collect()
    }

    #[test]
    fn strain_far_outside_the_model_is_no_fit_whatever_the_radius() {
        let turn = |degrees: f64| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            [[cos, -sin], [sin, cos]]
        };
        let mut f = Vec::from([[[1.5, 0.0], [0.0, 1.0]], [[1.4, 0.2], [0.0, 0.7]]]);
        f.extend([20.0, 25.0, 30.0, 45.0, 70.0].map(turn));
        for f in f {
            for radius in [3.9, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0] {
                let fit = fit(&reference(), &deformed(f), &[], &[], radius, 4);
                assert_eq!(fit.affine, None, "{f:?} within {radius}: {fit:?}");
            }
        }
        for f in [
            [[1.25, 0.0], [0.0, 1.0]],
            [[0.82, 0.0], [0.03, 1.1]],
            turn(12.0),
        ] {
            let fit = fit(&reference(), &deformed(f), &[], &[], 3.9, 4);
            assert!(
                fit.residual < 1e-6 && fit.affine.is_some(),
                "{f:?}: {fit:?}"
            );
        }
    }

    /// Of a lattice with as many orders as the reference, some fall near other ones, all equally bright.
    #[test]
    fn a_lattice_that_falls_on_other_orders_is_no_fit() {
        for scale in [0.5, 0.55, 0.586, 0.622, 1.5, 1.528] {
            for radius in [3.9, 7.0, 9.0, 14.0] {
                for axis in 0..2 {
                    let centre = [50.0, 60.0];
                    let mut peaks = reference().points;
                    peaks.push(centre);
                    for peak in &mut peaks {
                        peak[axis] = centre[axis] + scale * (peak[axis] - centre[axis]);
                    }
                    let found = fit(&reference(), &peaks, &[], &[], radius, 4);
                    assert_eq!(found.affine, None, "{scale} {radius} {axis}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn half_of_the_peaks_and_as_many_strangers_still_make_a_fit() {
        let peaks = moved([0.4, 1.3]);
        let mut some: Vec<Point> = peaks.iter().copied().step_by(2).collect();
        some.extend((0..10).map(|n| [20.0 + 7.3 * f64::from(n), 30.0 + 6.1 * f64::from(n)]));
        let mut brightness = vec![90.0; some.len()];
        brightness[some.len() - 10..].fill(35.0);
        let found = fit(&reference(), &some, &[], &brightness, 3.9, 4);
        assert!(off(&found) < 1e-9);
        // A second lattice over the first.
        let mut both = peaks.clone();
        both.extend(deformed([[0.94, -0.34], [0.34, 0.94]]));
        assert!(fit(&reference(), &both, &[], &[], 3.9, 4).affine.is_some());
    }

    #[test]
    fn peaks_that_lie_anyhow_are_no_lattice() {
        let mut state = 5u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24)
        };
        let mut fits = 0;
        for _ in 0..300 {
            let peaks: Vec<Point> = (0..40)
                .map(|_| [110.0 * random(), 120.0 * random()])
                .collect();
            let fit = fit(&reference(), &peaks, &[], &[], 3.9, 4);
            fits += u32::from(fit.affine.is_some());
        }
        assert_eq!(fits, 0);
    }

    #[test]
    fn weights_decide_between_disagreeing_peaks() {
        let mut peaks = moved([0.4, 1.3]);
        peaks[5][0] += 0.05;
        let mut weights = vec![1.0; peaks.len()];
        let even = off(&fit(&reference(), &peaks, &weights, &[], 3.9, 4));
        weights[5] = 0.0;
        let without = off(&fit(&reference(), &peaks, &weights, &[], 3.9, 4));
        assert!(without <= even && without < 1e-12);
    }

    #[test]
    fn too_few_and_collinear_matches_give_coverage_only() {
        let all = moved([0.4, 1.3]);
        let few = fit(&reference(), &all[..3], &[], &[], 3.9, 4);
        assert_eq!((few.affine, few.coverage), (None, 3.0 / 24.0));
        // The first five are one row of the lattice.
        let line = fit(&reference(), &all[..5], &[], &[], 3.9, 4);
        assert_eq!(line.affine, None);
        assert!(line.residual.is_nan());
        let none = fit(&Reference::default(), &all, &[], &[], 3.9, 4);
        assert_eq!((none.affine, none.coverage), (None, 0.0));
    }
}
