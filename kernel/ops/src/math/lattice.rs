//! A reference set of diffraction peaks, gathered over many patterns.
//! Points are (x, y) = (column, row).

use std::collections::HashMap;

use super::orders::Orders;
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
    /// How bright each is; empty where nothing is known of it.
    pub brightness: Vec<f64>,
    /// Which order each is, when they make a lattice.
    pub orders: Orders,
}

/// The peaks of one pattern.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    pub points: Vec<Point>,
    /// One entry per point.
    pub brightness: Vec<f64>,
}

impl Reference {
    /// Clusters the peaks of `patterns` within a quarter of the nearest-neighbour distance, densest first; keeps clusters
    /// that half of the non-empty patterns have, at their mean after each pattern's own shift is taken out; drops the one
    /// at the direct beam, `centre`. Empty when fewer than three are left.
    pub fn gather(patterns: &[Pattern], centre: Point) -> Self {
        let patterns: Vec<&Pattern> = (patterns.iter())
            .filter(|pattern| !pattern.points.is_empty())
            .collect();
        let filled: Vec<&[Point]> = patterns.iter().map(|pattern| &*pattern.points).collect();
        let mut nearest: Vec<f64> = filled.iter().flat_map(|p| nearest_distances(p)).collect();
        let Some(spacing) = median(&mut nearest).filter(|spacing| *spacing > 0.0) else {
            return Reference::default();
        };
        let enough = (SEEN_IN * filled.len() as f64).ceil().max(1.0) as usize;
        let mut points = clusters(&filled, 0.25 * spacing, enough);
        for _ in 0..3 {
            points = without_shifts(&filled, &points, 0.25 * spacing);
        }
        let beam = remove_direct_beam(&mut points, centre);
        if points.len() < 3 {
            return Reference::default();
        }
        points.sort_by(|a, b| a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0])));
        let brightness = brightness(&patterns, &points, 0.25 * spacing);
        let orders = Orders::of(&points, beam, centre, spacing);
        Reference {
            points,
            spacing,
            brightness,
            orders,
        }
    }
}

pub(super) fn distance_squared(a: Point, b: Point) -> f64 {
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

/// Medians of the clusters that at least `enough` patterns contribute to.
fn clusters(patterns: &[&[Point]], radius: f64, enough: usize) -> Vec<Point> {
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

/// Median brightness of the peaks at each point.
fn brightness(patterns: &[&Pattern], points: &[Point], radius: f64) -> Vec<f64> {
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); points.len()];
    for pattern in patterns {
        for (point, peak) in nearest_pairs(points, &pattern.points, radius) {
            all[point].extend(
                pattern
                    .brightness
                    .get(peak)
                    .filter(|value| value.is_finite()),
            );
        }
    }
    all.iter_mut()
        .map(|values| median(values).unwrap_or(f64::NAN))
        .collect()
}

/// Gives the nearest of those it takes out.
fn remove_direct_beam(points: &mut Vec<Point>, centre: Point) -> Option<Point> {
    let mut lengths: Vec<f64> = points
        .iter()
        .map(|p| distance_squared(*p, centre).sqrt())
        .collect();
    let shortest = DIRECT_BEAM * median(&mut lengths)?;
    let beam = (points.iter().copied())
        .filter(|point| distance_squared(*point, centre) < shortest * shortest)
        .min_by(|a, b| distance_squared(*a, centre).total_cmp(&distance_squared(*b, centre)));
    points.retain(|point| distance_squared(*point, centre) >= shortest * shortest);
    beam
}

/// Pairs (reference, peak) closer than `radius`: each peak goes to its nearest reference, each reference keeps its
/// nearest peak. Sorted by reference.
pub(super) fn nearest_pairs(
    references: &[Point],
    peaks: &[Point],
    radius: f64,
) -> Vec<(usize, usize)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lattice() -> Vec<Point> {
        let orders = || (-2..=2).flat_map(|h| (-2..=2).map(move |k| (f64::from(h), f64::from(k))));
        orders()
            .map(|(h, k)| [50.0 + 17.3 * h - 3.4 * k, 60.0 + 2.6 * h + 15.1 * k])
            .collect()
    }

    fn pattern(points: Vec<Point>) -> Pattern {
        Pattern {
            brightness: vec![1.0; points.len()],
            points,
        }
    }

    /// Deterministic numbers from -0.5 to 0.5.
    fn noise(state: &mut u32) -> f64 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*state >> 8) / f64::from(1u32 << 24) - 0.5
    }

    #[test]
    fn a_wandering_beam_missing_and_invented_peaks_do_not_move_the_reference() {
        let mut state = 3;
        let patterns: Vec<Pattern> = (0..60)
            .map(|n| {
                let shift = [
                    1.2 * (n as f64 / 59.0 - 0.5),
                    -0.8 * (n as f64 / 59.0 - 0.5),
                ];
                let mut points: Vec<Point> = lattice()
                    .into_iter()
                    .filter_map(|[x, y]| {
                        let found = noise(&mut state) < 0.3;
                        let (dx, dy) = (0.1 * noise(&mut state), 0.1 * noise(&mut state));
                        found.then_some([x + shift[0] + dx, y + shift[1] + dy])
                    })
                    .collect();
                points.push([
                    100.0 * (noise(&mut state) + 0.5),
                    120.0 * (noise(&mut state) + 0.5),
                ]);
                pattern(points)
            })
            .chain([Pattern::default()])
            .collect();
        let reference = Reference::gather(&patterns, [50.5, 59.0]);
        // The direct beam is left out.
        assert_eq!(reference.points.len(), 24);
        let mean_shift: Vec<Point> = reference
            .points
            .iter()
            .map(|point| {
                let nearest = lattice()
                    .into_iter()
                    .min_by(|a, b| {
                        distance_squared(*a, *point).total_cmp(&distance_squared(*b, *point))
                    })
                    .unwrap();
                [point[0] - nearest[0], point[1] - nearest[1]]
            })
            .collect();
        for shift in &mean_shift {
            // What is common to all is no strain.
            assert!(
                distance_squared(*shift, mean_shift[0]).sqrt() < 0.06,
                "{mean_shift:?}"
            );
        }
    }

    #[test]
    fn what_most_patterns_lack_is_no_reference() {
        let mut patterns = vec![pattern(lattice()); 4];
        patterns[0].points.push([90.0, 8.0]);
        assert_eq!(Reference::gather(&patterns, [0.0, 0.0]).points.len(), 25);
        assert_eq!(Reference::gather(&[], [0.0, 0.0]), Reference::default());
        assert_eq!(
            Reference::gather(&[pattern(vec![[1.0, 2.0]])], [0.0, 0.0]),
            Reference::default()
        );
        let line = vec![pattern(vec![[1.0, 2.0], [9.0, 2.0]]); 3];
        assert_eq!(Reference::gather(&line, [50.0, 50.0]), Reference::default());
    }
}
