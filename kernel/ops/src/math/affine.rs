//! The affine map from a reference set of peaks to the peaks of one pattern. Points are (x, y) = (column, row).

use super::deformation::Matrix;
use super::lattice::{Point, Reference, distance_squared, nearest_pairs};

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
}

/// How one pattern relates to the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// `None`: too few matches, or all on one line.
    pub affine: Option<Affine>,
    /// Share of the reference vectors that found a peak.
    pub coverage: f64,
    /// Root mean square distance of the matched peaks from the fit, in the points' unit; NaN without fit.
    pub residual: f64,
}

/// Fits the affine map from the reference to `peaks`; `weights` has one entry per peak or is empty (all alike).
///
/// Peaks are matched within `radius`, as they are and with centroids removed, whichever matches more; the first
/// fit predicts where every vector should be and the match is repeated there; peaks further off than
/// `min(2.5 RMS, radius / 2)` are dropped once and the fit repeated.
pub fn fit(
    reference: &Reference,
    peaks: &[Point],
    weights: &[f64],
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
            return Fit {
                affine: Some(affine),
                coverage: pairs.len() as f64 / total as f64,
                residual: residual(reference, peaks, &pairs, &affine),
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
    let total: f64 = weighted().map(|(_, _, w)| w).sum();
    if !(total > 0.0 && total.is_finite()) {
        return None;
    }
    let mean = |take: fn((Point, Point, f64)) -> Point| {
        weighted().fold([0.0, 0.0], |sum, pair| {
            let (point, weight) = (take(pair), pair.2 / total);
            [sum[0] + weight * point[0], sum[1] + weight * point[1]]
        })
    };
    let (g0, p0) = (mean(|(g, _, _)| g), mean(|(_, p, _)| p));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    let mut moment = [[0.0; 2]; 2];
    for (g, p, w) in weighted() {
        let g = [g[0] - g0[0], g[1] - g0[1]];
        let p = [p[0] - p0[0], p[1] - p0[1]];
        xx += w * g[0] * g[0];
        yy += w * g[1] * g[1];
        xy += w * g[0] * g[1];
        for (row, p) in moment.iter_mut().zip(p) {
            row[0] += w * p * g[0];
            row[1] += w * p * g[1];
        }
    }
    let det = xx * yy - xy * xy;
    if det.is_nan() || det <= 1e-4 * (0.5 * (xx + yy)).powi(2) {
        return None;
    }
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
mod tests {
    use super::*;

    fn reference() -> Reference {
        let orders = || (-2..=2).flat_map(|h| (-2..=2).map(move |k| (f64::from(h), f64::from(k))));
        Reference {
            points: orders()
                .filter(|order| *order != (0.0, 0.0))
                .map(|(h, k)| [50.0 + 17.3 * h - 3.4 * k, 60.0 + 2.6 * h + 15.1 * k])
                .collect(),
            spacing: 15.5,
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
        let fit = fit(&reference(), &moved([0.4, 1.3]), &[], 3.9, 4);
        assert!(off(&fit) < 1e-12 && fit.residual < 1e-10 && fit.coverage == 1.0);
    }

    #[test]
    fn a_large_shift_of_the_beam_is_no_strain() {
        let fit = fit(&reference(), &moved([9.0, -7.0]), &[], 3.9, 4);
        assert!(off(&fit) < 1e-12 && fit.coverage == 1.0);
    }

    #[test]
    fn an_outlier_is_dropped_and_an_invented_peak_ignored() {
        let mut peaks = moved([0.4, 1.3]);
        peaks[5][0] += 1.6;
        peaks.push([3.0, 4.0]);
        let fit = fit(&reference(), &peaks, &[], 3.9, 4);
        assert!(off(&fit) < 1e-12, "{fit:?}");
        assert!((fit.coverage - 23.0 / 24.0).abs() < 1e-12);
    }

    #[test]
    fn weights_decide_between_disagreeing_peaks() {
        let mut peaks = moved([0.4, 1.3]);
        peaks[5][0] += 0.05;
        let mut weights = vec![1.0; peaks.len()];
        let even = off(&fit(&reference(), &peaks, &weights, 3.9, 4));
        weights[5] = 0.0;
        let without = off(&fit(&reference(), &peaks, &weights, 3.9, 4));
        assert!(without <= even && without < 1e-12);
    }

    #[test]
    fn too_few_and_collinear_matches_give_coverage_only() {
        let all = moved([0.4, 1.3]);
        let few = fit(&reference(), &all[..3], &[], 3.9, 4);
        assert_eq!((few.affine, few.coverage), (None, 3.0 / 24.0));
        // The first five are one row of the lattice.
        let line = fit(&reference(), &all[..5], &[], 3.9, 4);
        assert_eq!(line.affine, None);
        assert!(line.residual.is_nan());
        let none = fit(&Reference::default(), &all, &[], 3.9, 4);
        assert_eq!((none.affine, none.coverage), (None, 0.0));
    }
}
