//! A reference set of diffraction peaks, gathered over many patterns.
//! Points are (x, y) = (column, row).

use signal::HeapBytes;

use super::clusters::{all_pairs, clusters, median_point, nearest_distances};
use super::deformation::Matrix;
use super::orders::Orders;
pub use super::point::Point;
pub(super) use super::point::distance_squared;
use super::rings::median;
use super::variation::Variation;

/// A vector belongs to the reference when this share of the patterns has it.
const SEEN_IN: f64 = 0.5;
/// Peaks in fewer patterns say nothing of the region.
const SEEN_AT_ALL: f64 = 0.3;
/// Most peaks that are no part of the lattice, in those that are: a second grain has as many, but for those that both share.
const MAX_STRANGE: f64 = 0.25;
/// A vector shorter than this share of the median length is the direct beam.
const DIRECT_BEAM: f64 = 0.25;
/// Two points exclude each other below this correlation of the patterns that have them.
const EXCLUDES: f64 = -0.6;
/// Of fewer patterns chance makes such correlations.
const LEAST_PATTERNS: usize = 8;
/// Standard error in px that a peak has at least: disks are not even to a hundredth of a pixel, and one very bright peak
/// must not own the lattice.
const LEAST_ERROR: f64 = 0.01;
/// Peaks further off than so many standard deviations are no peaks of the point.
const STRAY: f64 = 3.5;
/// Squared distance in two dimensions, in variances, that half of the good peaks exceed.
pub(super) const MEDIAN_SQUARE: f64 = 1.386;
/// Strain up to which another choice of lattice vectors is taken for the same lattice, turned.
const MAX_ALIKE: f64 = 0.35;

/// Peaks that a region's patterns have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    pub points: Vec<Point>,
    /// Variance of each along x and y; zero where nothing is known of it.
    pub variance: Vec<[f64; 2]>,
    /// Median distance of a peak to its nearest neighbour.
    pub spacing: f64,
    /// How bright each is; empty where nothing is known of it.
    pub brightness: Vec<f64>,
    /// Which order each is.
    pub orders: Orders,
    /// What the errors of the peaks leave out.
    pub noise: Noise,
    /// How wide the peaks of one lattice are.
    pub widths: Widths,
    /// Peaks whose errors go together.
    pub neighbours: Neighbours,
    /// How far the peaks of each point scatter, as a variance in px², for peaks whose finder knows no errors; empty where
    /// nothing is known of it.
    pub scatter: Vec<f64>,
    /// Lattices that differ from the reference by little more than a turn, as the turns that take one to the other: the
    /// symmetry of the lattice, exact or nearly so.
    pub alike: Vec<Matrix>,
    /// How the lattices of the region's patterns differ from each other, where that matters.
    pub varies: Option<Variation>,
    /// Why there are no points.
    pub flaw: Option<Flaw>,
}

/// Variance of a peak about the lattice: `times` that of its finder, and `more` px².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    pub times: f64,
    pub more: f64,
}

impl Default for Noise {
    fn default() -> Self {
        Noise {
            times: 1.0,
            more: LEAST_ERROR * LEAST_ERROR,
        }
    }
}

/// How far the peaks of one lattice are spread beyond what their finder takes for usual.
#[derive(Clone, Debug, PartialEq)]
pub struct Widths {
    /// Of each point, and the variances of that; empty where nothing is known of it.
    pub usual: Vec<Spread>,
    /// How far the spreads go with the place by themselves, as a variance in units of the usual one.
    pub scatter: f64,
}

impl Default for Widths {
    fn default() -> Self {
        Widths {
            usual: Vec::new(),
            scatter: 1.0,
        }
    }
}

/// Points that lie next to each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    pub pairs: Vec<Pair>,
    /// Of the errors of two of them along the line between them.
    pub correlation: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub ends: [u32; 2],
    /// Squares of the cosines of the line between them along x and y.
    pub along: [f64; 2],
}

/// Why a region is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    TooFew,
    NoLattice,
    SeveralLattices,
}

impl Flaw {
    pub fn text(self) -> &'static str {
        match self {
            Flaw::TooFew => {
                "fewer than three peaks are in half of the reference region's patterns: choose a region with a clear pattern, or find more peaks"
            }
            Flaw::NoLattice => {
                "the peaks of the reference region do not make one lattice: choose a region inside one grain"
            }
            Flaw::SeveralLattices => {
                "the patterns of the reference region have different lattices: choose a region inside one grain"
            }
        }
    }
}

/// The peaks of one pattern.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    pub points: Vec<Point>,
    /// One entry per point.
    pub brightness: Vec<f64>,
    /// Of each along x and y; empty where the finder knows none.
    pub variance: Vec<[f64; 2]>,
    /// How each is spread more than the scan's; empty where the finder knows it of none.
    pub spread: Vec<Spread>,
}

/// Variances in px² that a peak is spread by, and their own variances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// In the mean of all directions.
    pub even: f64,
    pub even_variance: f64,
    /// Half of what it is more along x than along y, and the same of the diagonals.
    pub stretch: [f64; 2],
    pub stretch_variance: f64,
}

impl HeapBytes for Pattern {
    fn heap_bytes(&self) -> usize {
        self.points.heap_bytes()
            + self.brightness.heap_bytes()
            + self.variance.heap_bytes()
            + self.spread.heap_bytes()
    }
}

impl HeapBytes for Reference {
    fn heap_bytes(&self) -> usize {
        self.points.heap_bytes()
            + self.variance.heap_bytes()
            + self.brightness.heap_bytes()
            + self.orders.heap_bytes()
            + self.widths.usual.heap_bytes()
            + self.neighbours.pairs.heap_bytes()
            + self.scatter.heap_bytes()
            + self.alike.heap_bytes()
    }
}

impl Reference {
    pub(super) fn flawed(flaw: Flaw) -> Self {
        Reference {
            flaw: Some(flaw),
            ..Reference::default()
        }
    }

    /// Clusters the peaks of `patterns` within a quarter of the nearest-neighbour distance, densest first; keeps clusters
    /// that half of the non-empty patterns have, at their mean after each pattern's own shift is taken out; drops the one
    /// at the direct beam, `centre`, and what does not lie on the lattice of the others. Without points, and with the reason,
    /// when fewer than three are left, they make no lattice, or some of them only occur without the others.
    pub fn gather(patterns: &[Pattern], centre: Point) -> Self {
        let patterns: Vec<&Pattern> = (patterns.iter())
            .filter(|pattern| !pattern.points.is_empty())
            .collect();
        let filled: Vec<&[Point]> = patterns.iter().map(|pattern| &*pattern.points).collect();
        let mut nearest: Vec<f64> = filled.iter().flat_map(|p| nearest_distances(p)).collect();
        let Some(spacing) = median(&mut nearest).filter(|spacing| *spacing > 0.0) else {
            return Reference::flawed(Flaw::TooFew);
        };
        let radius = 0.25 * spacing;
        let at_least = |share: f64| (share * filled.len() as f64).ceil().max(1.0) as usize;
        let (often, seldom): (Vec<_>, Vec<_>) = clusters(&filled, radius, at_least(SEEN_AT_ALL))
            .into_iter()
            .partition(|(_, count)| *count >= at_least(SEEN_IN));
        let mut points: Vec<Point> = often.into_iter().map(|(point, _)| point).collect();
        for _ in 0..2 {
            let pairs = all_pairs(&points, &filled, radius);
            points = without_shifts(&patterns, &points, &pairs).0;
        }
        let beam = remove_direct_beam(&mut points, centre);
        if points.len() < 3 {
            return Reference::flawed(Flaw::TooFew);
        }
        points.sort_by(|a, b| a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0])));
        let orders = Orders::of(&points, beam, centre, spacing);
        if orders.is_empty() {
            return Reference::flawed(Flaw::NoLattice);
        }
        let strange = (seldom.iter())
            .filter(|(point, _)| !orders.is_near_a_part(*point))
            .count();
        let mut number = 0..;
        let all = points.len();
        points.retain(|_| number.next().is_some_and(|n| orders.has(n)));
        if filled.len() >= LEAST_PATTERNS
            && (strange + all - points.len()) as f64 > MAX_STRANGE * points.len() as f64
        {
            return Reference::flawed(Flaw::SeveralLattices);
        }
        let orders = Orders::of(&points, beam, centre, spacing);
        if orders.is_empty() || points.len() < 3 {
            return Reference::flawed(Flaw::NoLattice);
        }
        let pairs = all_pairs(&points, &filled, radius);
        if has_several_lattices(&pairs, points.len()) {
            return Reference::flawed(Flaw::SeveralLattices);
        }
        let (points, variance) = without_shifts(&patterns, &points, &pairs);
        let brightness = brightness(&patterns, &pairs, points.len());
        let alike = alike(orders.basis());
        Reference {
            points,
            variance,
            spacing,
            brightness,
            orders,
            alike,
            noise: Noise::default(),
            widths: Widths::default(),
            neighbours: Neighbours::default(),
            scatter: Vec::new(),
            varies: None,
            flaw: None,
        }
    }
}

/// Mean of each reference point over the patterns, every pattern moved by its median difference from the reference, and the
/// variance of that mean. This takes out a beam that wanders over the region. Peaks count by their variance where it is known;
/// those that are further off than good ones are left out.
fn without_shifts(
    patterns: &[&Pattern],
    points: &[Point],
    pairs: &[Vec<(usize, usize)>],
) -> (Vec<Point>, Vec<[f64; 2]>) {
    let mut all: Vec<Vec<Seen>> = vec![Vec::new(); points.len()];
    for (pattern, pairs) in patterns.iter().zip(pairs) {
        if pairs.len() < 3 {
            continue;
        }
        let off = |(r, p): &(usize, usize)| {
            let (from, to) = (points[*r], pattern.points[*p]);
            [to[0] - from[0], to[1] - from[1]]
        };
        let shift = median_point(pairs.iter().map(off));
        for pair in pairs {
            let [x, y] = off(pair);
            all[pair.0].push(Seen {
                off: [x - shift[0], y - shift[1]],
                variance: pattern.variance.get(pair.1).copied(),
            });
        }
    }
    let mean = |(seen, point): (&mut Vec<Seen>, &Point)| {
        let (off, variance) = mean_of(seen);
        ([point[0] + off[0], point[1] + off[1]], variance)
    };
    all.iter_mut().zip(points).map(mean).unzip()
}

/// A peak that a pattern has of a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub off: [f64; 2],
    pub variance: Option<[f64; 2]>,
}

/// Mean and its variance, without those that are further from the median than good ones. Those whose variance is known count by
/// it and by what they differ by beyond it (R. DerSimonian and N. Laird, doi:10.1016/0197-2456(86)90046-2).
pub(super) fn mean_of(seen: &mut Vec<Seen>) -> ([f64; 2], [f64; 2]) {
    if seen.is_empty() {
        return Default::default();
    }
    let middle = median_point(seen.iter().map(|one| one.off));
    let square = |one: &Seen| distance_squared(one.off, middle);
    let mut squares: Vec<f64> = seen.iter().map(square).collect();
    let scale = median(&mut squares).unwrap_or(0.0) / MEDIAN_SQUARE;
    let own = |one: &Seen| one.variance.map_or(0.0, |v| 0.5 * (v[0] + v[1]));
    seen.retain(|one| square(one) <= STRAY * STRAY * scale.max(own(one)));
    let count = seen.len() as f64;
    let is_known = seen.iter().all(|one| one.variance.is_some());
    let own = |one: &Seen, axis: usize| one.variance.map_or(1.0, |v| v[axis].max(1e-8));
    let of = |axis: usize| {
        let weighed = |more: f64| {
            let weight = |one: &Seen| 1.0 / (own(one, axis) + more);
            let total: f64 = seen.iter().map(weight).sum();
            let sum: f64 = seen.iter().map(|one| weight(one) * one.off[axis]).sum();
            let mean = sum / total;
            let about = |one: &Seen| weight(one) * (one.off[axis] - mean).powi(2);
            (mean, total, seen.iter().map(about).sum::<f64>())
        };
        let (mean, total, about) = weighed(0.0);
        if !is_known {
            let variance = if count > 1.0 {
                about / total / (count - 1.0)
            } else {
                0.0
            };
            return [mean, variance];
        }
        // A strain that varies over the region is no error: the mean of the region, not of its brightest patterns.
        let squares: f64 = seen.iter().map(|one| own(one, axis).powi(-2)).sum();
        let freedom = total - squares / total;
        let between = if freedom > 0.0 {
            ((about - (count - 1.0)) / freedom).max(0.0)
        } else {
            0.0
        };
        let (mean, total, _) = weighed(between);
        let of_own = |one: &Seen| own(one, axis) / (own(one, axis) + between).powi(2);
        [mean, seen.iter().map(of_own).sum::<f64>() / (total * total)]
    };
    let [x, y] = [of(0), of(1)];
    ([x[0], y[0]], [x[1], y[1]])
}

/// Whether a quarter of the points each exclude a quarter of the points: they are those of two lattices, of which a pattern
/// has one or the other.
fn has_several_lattices(pairs: &[Vec<(usize, usize)>], points: usize) -> bool {
    if pairs.len() < LEAST_PATTERNS {
        return false;
    }
    // A bit per pattern.
    let mut seen = vec![vec![0u64; pairs.len().div_ceil(64)]; points];
    for (n, pairs) in pairs.iter().enumerate() {
        for (point, _) in pairs {
            seen[*point][n / 64] |= 1 << (n % 64);
        }
    }
    let all = pairs.len() as f64;
    let count = |a: &[u64], b: &[u64]| -> f64 {
        let both = a.iter().zip(b).map(|(a, b)| (a & b).count_ones());
        f64::from(both.sum::<u32>())
    };
    let counts: Vec<f64> = seen.iter().map(|seen| count(seen, seen)).collect();
    let excludes = |a: usize, b: usize| {
        let (both, a, b) = (count(&seen[a], &seen[b]), counts[a], counts[b]);
        let spread = (a * (all - a) * b * (all - b)).sqrt();
        all * both - a * b < EXCLUDES * spread
    };
    let quarter = points.div_ceil(4);
    let many = |of: &usize| {
        let others = (0..points).filter(|other| excludes(*of, *other));
        others.count() >= quarter
    };
    (0..points).filter(many).count() >= quarter
}

/// Matrices that take a lattice onto itself and are turns but for a third of strain.
pub(super) fn alike([a, b]: [Point; 2]) -> Vec<Matrix> {
    let area = a[0] * b[1] - a[1] * b[0];
    let whole = || -2..=2i32;
    let all = whole().flat_map(|p| {
        whole().flat_map(move |q| whole().flat_map(move |r| whole().map(move |s| [p, q, r, s])))
    });
    all.filter(|[p, q, r, s]| p * s - q * r == 1)
        .map(|whole| {
            let [p, q, r, s] = whole.map(f64::from);
            let to = [0, 1].map(|x| [p * a[x] + q * b[x], r * a[x] + s * b[x]]);
            to.map(|[to_a, to_b]| {
                [
                    (to_a * b[1] - to_b * a[1]) / area,
                    (to_b * a[0] - to_a * b[0]) / area,
                ]
            })
        })
        .filter(|matrix| stretch_and_turn(*matrix).0 < MAX_ALIKE)
        .collect()
}

/// Largest logarithm of a singular value, and the angle of the turn.
pub(super) fn stretch_and_turn([[a, b], [c, d]]: Matrix) -> (f64, f64) {
    let (even, odd) = ((a + d).hypot(c - b), (a - d).hypot(b + c));
    let stretch = (0.5 * (even + odd))
        .ln()
        .max(-(0.5 * (even - odd)).max(1e-9).ln());
    (stretch, (c - b).atan2(a + d))
}

/// Median brightness of the peaks at each point.
fn brightness(patterns: &[&Pattern], pairs: &[Vec<(usize, usize)>], points: usize) -> Vec<f64> {
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); points];
    for (pattern, pairs) in patterns.iter().zip(pairs) {
        for (point, peak) in pairs {
            all[*point].extend(
                pattern
                    .brightness
                    .get(*peak)
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
            ..Pattern::default()
        }
    }

    /// Deterministic numbers from -0.5 to 0.5.
    fn noise(state: &mut u32) -> f64 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*state >> 8) / f64::from(1u32 << 24) - 0.5
    }

    #[test]
    fn the_reference_is_the_mean_of_a_region_whose_brightest_patterns_are_the_most_strained() {
        let mut state = 7;
        // Strain from -1 to 1 %; the half that it lengthens has a ninth of the variance.
        let mut strained = |n: usize| {
            let strain = 0.02 * (n as f64 / 99.0 - 0.5);
            let error = if strain > 0.0 { 0.01 } else { 0.03 };
            let moved = lattice().into_iter().map(|[x, y]| {
                let off = |state: &mut u32| error * 12f64.sqrt() * noise(state);
                [
                    x + strain * (x - 50.0) + off(&mut state),
                    y + off(&mut state),
                ]
            });
            let mut pattern = pattern(moved.collect());
            pattern.variance = vec![[error * error; 2]; pattern.points.len()];
            pattern
        };
        let patterns: Vec<Pattern> = (0..100).map(&mut strained).collect();
        let reference = Reference::gather(&patterns, [50.0, 60.0]);
        assert_eq!(reference.points.len(), 24);
        for (point, variance) in reference.points.iter().zip(&reference.variance) {
            let near = |other: &&Point| distance_squared(**other, *point) < 9.0;
            let truth = *lattice().iter().find(near).unwrap();
            // Weights of the errors alone would move the outermost by 0.4 % of 41 px.
            assert!((point[0] - truth[0]).abs() < 0.04, "{point:?} {truth:?}");
            // And the errors of peaks are those of the mean, not what the strain scatters by.
            assert!(variance[0] < 0.03f64.powi(2) / 50.0, "{variance:?}");
        }
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
        assert_eq!(
            Reference::gather(&[], [0.0, 0.0]),
            Reference::flawed(Flaw::TooFew)
        );
        assert_eq!(
            Reference::gather(&[pattern(vec![[1.0, 2.0]])], [0.0, 0.0]),
            Reference::flawed(Flaw::TooFew)
        );
        let line = vec![pattern(vec![[1.0, 2.0], [9.0, 2.0]]); 3];
        assert_eq!(
            Reference::gather(&line, [50.0, 50.0]),
            Reference::flawed(Flaw::TooFew)
        );
    }
}
