//! A reference set of diffraction peaks, gathered over many patterns, and the affine map from it to one pattern.
//! Points are (x, y) = (column, row).

use std::collections::HashMap;

use super::deformation::Matrix;
use super::rings::median;

pub type Point = [f64; 2];

/// A vector belongs to the reference when this share of the patterns has it.
const SEEN_IN: f64 = 0.5;
/// A vector shorter than this share of the median length is the direct beam.
const DIRECT_BEAM: f64 = 0.25;

/// Peaks that a region's patterns have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    pub points: Vec<Point>,
    /// Median distance of a peak to its nearest neighbour.
    pub spacing: f64,
}

impl Reference {
    /// Clusters the peaks of `patterns` within a quarter of the nearest-neighbour distance, densest first; keeps clusters
    /// that half of the non-empty patterns have, at their mean after each pattern's own shift is taken out; drops the one
    /// at the direct beam, `centre`. Empty when fewer than three are left.
    pub fn gather(patterns: &[Vec<Point>], centre: Point) -> Self {
        let filled: Vec<&[Point]> = patterns
            .iter()
            .map(Vec::as_slice)
            .filter(|points| !points.is_empty())
            .collect();
        let mut nearest: Vec<f64> = filled.iter().flat_map(|p| nearest_distances(p)).collect();
        let Some(spacing) = median(&mut nearest).filter(|spacing| *spacing > 0.0) else {
            return Reference::default();
        };
        let enough = (SEEN_IN * filled.len() as f64).ceil().max(1.0) as usize;
        let mut points = clusters(&filled, 0.25 * spacing, enough);
        for _ in 0..3 {
            points = without_shifts(&filled, &points, 0.25 * spacing);
        }
        remove_direct_beam(&mut points, centre);
        if points.len() < 3 {
            return Reference::default();
        }
        points.sort_by(|a, b| a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0])));
        Reference { points, spacing }
    }
}

fn distance_squared(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

fn nearest_distances(points: &[Point]) -> Vec<f64> {
    let nearest = |n: usize, point: &Point| {
        points
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != n)
            .map(|(_, other)| distance_squared(*point, *other))
            .min_by(f64::total_cmp)
    };
    points
        .iter()
        .enumerate()
        .filter_map(|(n, point)| nearest(n, point).map(f64::sqrt))
        .collect()
}

/// Points in square cells, so that the neighbours of a point are in nine cells.
struct Cells {
    size: f64,
    cells: HashMap<(i64, i64), Vec<u32>>,
}

impl Cells {
    fn new(points: &[(Point, u32)], size: f64) -> Self {
        let mut cells: HashMap<_, Vec<u32>> = HashMap::new();
        for (n, (point, _)) in points.iter().enumerate() {
            cells
                .entry(Cells::key(*point, size))
                .or_default()
                .push(n as u32);
        }
        Cells { size, cells }
    }

    fn key(point: Point, size: f64) -> (i64, i64) {
        (
            (point[0] / size).floor() as i64,
            (point[1] / size).floor() as i64,
        )
    }

    fn around(&self, point: Point) -> impl Iterator<Item = usize> {
        let (x, y) = Cells::key(point, self.size);
        (-1..=1)
            .flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy)))
            .filter_map(|key| self.cells.get(&key))
            .flatten()
            .map(|n| *n as usize)
    }
}

/// Medians of the clusters that at least `enough` patterns contribute to.
fn clusters(patterns: &[&[Point]], radius: f64, enough: usize) -> Vec<Point> {
    let points: Vec<(Point, u32)> = patterns
        .iter()
        .zip(0u32..)
        .flat_map(|(points, pattern)| points.iter().map(move |point| (*point, pattern)))
        .collect();
    let cells = Cells::new(&points, radius);
    let near = |point: Point| {
        cells
            .around(point)
            .filter(|n| distance_squared(points[*n].0, point) <= radius * radius)
            .collect::<Vec<usize>>()
    };
    let mut order: Vec<(usize, usize)> = (0..points.len())
        .map(|n| (near(points[n].0).len(), n))
        .collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut used = vec![false; points.len()];
    let mut found = Vec::new();
    for (_, seed) in order {
        if used[seed] {
            continue;
        }
        let members = |point: Point, used: &[bool]| -> Vec<usize> {
            near(point).into_iter().filter(|n| !used[*n]).collect()
        };
        let first = members(points[seed].0, &used);
        let middle = median_point(first.iter().map(|n| points[*n].0));
        let again = members(middle, &used);
        let mut seen: Vec<u32> = again.iter().map(|n| points[*n].1).collect();
        seen.sort_unstable();
        seen.dedup();
        if seen.len() >= enough {
            found.push(median_point(again.iter().map(|n| points[*n].0)));
        }
        for n in first.into_iter().chain(again) {
            used[n] = true;
        }
    }
    found
}

fn median_point(points: impl Iterator<Item = Point> + Clone) -> Point {
    [0, 1].map(|axis| {
        let mut values: Vec<f64> = points.clone().map(|point| point[axis]).collect();
        median(&mut values).unwrap_or(f64::NAN)
    })
}

/// Mean of each reference point over the patterns, every pattern moved by its mean difference from the reference.
/// This takes out a beam that wanders over the region.
fn without_shifts(patterns: &[&[Point]], points: &[Point], radius: f64) -> Vec<Point> {
    let mut sums = vec![([0.0, 0.0], 0.0); points.len()];
    for pattern in patterns {
        let pairs = nearest_pairs(points, pattern, radius);
        if pairs.len() < 3 {
            continue;
        }
        let count = pairs.len() as f64;
        let shift = [0, 1].map(|axis| {
            let sum: f64 = pairs
                .iter()
                .map(|(r, p)| pattern[*p][axis] - points[*r][axis])
                .sum();
            sum / count
        });
        for (reference, peak) in pairs {
            let (sum, count) = &mut sums[reference];
            sum[0] += pattern[peak][0] - shift[0];
            sum[1] += pattern[peak][1] - shift[1];
            *count += 1.0;
        }
    }
    sums.iter()
        .zip(points)
        .map(|((sum, count), point)| match *count > 0.0 {
            true => [sum[0] / count, sum[1] / count],
            false => *point,
        })
        .collect()
}

fn remove_direct_beam(points: &mut Vec<Point>, centre: Point) {
    let mut lengths: Vec<f64> = points
        .iter()
        .map(|p| distance_squared(*p, centre).sqrt())
        .collect();
    if let Some(typical) = median(&mut lengths) {
        let shortest = DIRECT_BEAM * typical;
        points.retain(|point| distance_squared(*point, centre) >= shortest * shortest);
    }
}

/// Pairs (reference, peak) closer than `radius`: each peak goes to its nearest reference, each reference keeps its
/// nearest peak. Sorted by reference.
fn nearest_pairs(references: &[Point], peaks: &[Point], radius: f64) -> Vec<(usize, usize)> {
    let mut best: Vec<Option<(f64, usize)>> = vec![None; references.len()];
    for (peak, point) in peaks.iter().enumerate() {
        let nearest = references
            .iter()
            .map(|reference| distance_squared(*reference, *point))
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((reference, squared)) = nearest
            && squared <= radius * radius
            && best[reference].is_none_or(|(other, _)| squared < other)
        {
            best[reference] = Some((squared, peak));
        }
    }
    best.iter()
        .enumerate()
        .filter_map(|(reference, best)| best.map(|(_, peak)| (reference, peak)))
        .collect()
}

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
