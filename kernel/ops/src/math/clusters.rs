//! Peaks of many patterns that lie at one place.

use std::collections::HashMap;

use super::point::{Point, distance_squared};
use super::rings::median;

/// Patterns whose peaks are the seeds of clusters.
const SEEDING: usize = 32;
pub(super) fn nearest_distances(points: &[Point]) -> Vec<f64> {
    let mut nearest = vec![f64::INFINITY; points.len()];
    for (n, point) in points.iter().enumerate() {
        for (other, far) in points.iter().enumerate().skip(n + 1) {
            let squared = distance_squared(*point, *far);
            nearest[n] = nearest[n].min(squared);
            nearest[other] = nearest[other].min(squared);
        }
    }
    nearest.retain(|squared| squared.is_finite());
    nearest.into_iter().map(f64::sqrt).collect()
}

/// Points in square cells, so that the neighbours of a point are in nine cells.
pub(super) struct Cells {
    size: f64,
    cells: HashMap<(i64, i64), Vec<u32>>,
}

impl Cells {
    pub(super) fn new(points: impl Iterator<Item = Point>, size: f64) -> Self {
        let mut cells: HashMap<_, Vec<u32>> = HashMap::new();
        for (n, point) in points.enumerate() {
            cells
                .entry(Cells::key(point, size))
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

    /// Numbers of the points in the cells around one, nearer than the size of a cell and others.
    pub(super) fn around(&self, point: Point) -> impl Iterator<Item = usize> {
        let (x, y) = Cells::key(point, self.size);
        (-1..=1)
            .flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy)))
            .filter_map(|key| self.cells.get(&key))
            .flatten()
            .map(|n| *n as usize)
    }
}

/// Medians of the clusters that at least `enough` patterns contribute to, and how many do.
pub(super) fn clusters(patterns: &[&[Point]], radius: f64, enough: usize) -> Vec<(Point, usize)> {
    let points: Vec<(Point, u32)> = patterns
        .iter()
        .zip(0u32..)
        .flat_map(|(points, pattern)| points.iter().map(move |point| (*point, pattern)))
        .collect();
    let cells = Cells::new(points.iter().map(|(point, _)| *point), radius);
    let near = |point: Point| {
        cells
            .around(point)
            .filter(|n| distance_squared(points[*n].0, point) <= radius * radius)
            .collect::<Vec<usize>>()
    };
    // Some patterns give the seeds: what a third of the patterns have, one of thirty-two surely has.
    let every = patterns.len().div_ceil(SEEDING).max(1) as u32;
    let seeds: Vec<usize> = (0..points.len())
        .filter(|n| points[*n].1.is_multiple_of(every))
        .collect();
    let few = Cells::new(seeds.iter().map(|n| points[*n].0), radius);
    let mut order: Vec<(usize, usize)> = (seeds.iter())
        .map(|seed| {
            let at = points[*seed].0;
            let is_near = |n: &usize| distance_squared(points[seeds[*n]].0, at) <= radius * radius;
            (few.around(at).filter(is_near).count(), *seed)
        })
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
            let middle = median_point(again.iter().map(|n| points[*n].0));
            found.push((middle, seen.len()));
        }
        for n in first.into_iter().chain(again) {
            used[n] = true;
        }
    }
    found
}

pub(super) fn median_point(points: impl Iterator<Item = Point> + Clone) -> Point {
    [0, 1].map(|axis| {
        let mut values: Vec<f64> = points.clone().map(|point| point[axis]).collect();
        median(&mut values).unwrap_or(f64::NAN)
    })
}

pub(super) fn all_pairs(
    points: &[Point],
    patterns: &[&[Point]],
    radius: f64,
) -> Vec<Vec<(usize, usize)>> {
    let pairs = |pattern: &&[Point]| nearest_pairs(points, pattern, radius);
    patterns.iter().map(pairs).collect()
}

/// Pairs (reference, peak) closer than `radius`: each peak goes to its nearest reference, each reference keeps its
/// nearest peak. Sorted by reference.
fn nearest_pairs(references: &[Point], peaks: &[Point], radius: f64) -> Vec<(usize, usize)> {
    let mut best: Vec<Option<(f64, usize)>> = vec![None; references.len()];
    for (peak, point) in peaks.iter().enumerate() {
        let mut nearest = (radius * radius, None);
        for (n, reference) in references.iter().enumerate() {
            let squared = distance_squared(*reference, *point);
            if squared < nearest.0 || squared == nearest.0 && nearest.1.is_none() {
                nearest = (squared, Some(n));
            }
        }
        if let (squared, Some(reference)) = nearest
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
