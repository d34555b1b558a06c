//! Whether peaks that fit a reference lattice are as well those of a coarser or a finer one: another lattice shares some of its
//! points with the reference, a multiple of its spacing or a part of it, and fits there without residual. The less is there
//! (few orders, missing peaks, strays), the less tells them apart; what leaves a doubt is taken for another lattice.

mod chance;
mod table;

use std::collections::HashSet;
use std::f64::consts::PI;

use signal::HeapBytes;

use self::chance::{few_of_many, is_at_most, so_few_of, so_few_of_at_least, so_many_of};
use self::table::Table;
use super::clusters::Cells;
use super::point::{Point, distance_squared};

/// Furthest a point may be from where its order would be, in spacings.
const NEAR: f64 = 0.15;
/// Share of the points that must lie on one lattice.
const ON_LATTICE: f64 = 0.8;
/// Longest vector that is looked at as one of the lattice, in spacings.
const MAX: f64 = 4.0;
/// A vector of the lattice leads from this share of the points to another one.
const REPEATED: f64 = 0.25;
/// Points in the middle whose neighbours give the vectors.
const STARTS: usize = 12;
/// Furthest a peak may be from a place of a finer lattice, in spacings.
const ON_PLACE: f64 = 0.1;
/// Where the beam moved further than this, in spacings, its peak must be where it went, or the lattice may have slipped.
const BEAM_MOVES: f64 = 0.35;
/// How often peaks that lie anyhow may be taken for those that tell a lattice from a coarser one.
const BY_CHANCE: f64 = 0.05;
/// How often a finer lattice may be passed over because many of its peaks are missing.
const PASSED_OVER: f64 = 0.01;
/// Added and taken away it leaves the nearest whole number, without a call.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// Every finer lattice contains one of these times as many points.
const PRIMES: [i64; 4] = [2, 3, 5, 7];

/// Sublattices up to the index that a third of the orders can lie on: `(u h + v k) mod p`, and orders even in both.
#[derive(Clone, Copy)]
enum Sublattice {
    Along { p: i64, u: i64, v: i64 },
    Even,
}

use Sublattice::{Along, Even};

#[rustfmt::skip]
const SUBLATTICES: [Sublattice; 8] = [
    Along { p: 2, u: 1, v: 0 }, Along { p: 2, u: 0, v: 1 }, Along { p: 2, u: 1, v: 1 },
    Along { p: 3, u: 1, v: 0 }, Along { p: 3, u: 0, v: 1 }, Along { p: 3, u: 1, v: 1 }, Along { p: 3, u: 1, v: 2 },
    Even,
];
impl Sublattice {
    /// Number of the coset that an order lies in, below 4.
    fn coset(self, [h, k]: [i64; 2]) -> usize {
        let coset = match self {
            Along { p, u, v } => (u * h + v * k).rem_euclid(p),
            Even => 2 * h.rem_euclid(2) + k.rem_euclid(2),
        };
        coset as usize
    }
}

/// What a pattern says of a point of the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// It is faint: its absence says nothing.
    Nothing,
    Missing,
    /// So far from where all others put it.
    Found(f64),
}

use Evidence::{Found, Nothing};

/// The orders of a set of points that make a lattice; empty for others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    origin: Point,
    basis: [Point; 2],
    /// From a place to parts of the vectors.
    to_order: [Point; 2],
    /// Of each point, as far as it lies on the lattice.
    of: Vec<Option<[i64; 2]>>,
    beam: Option<Beam>,
    /// Orders with a neighbour along the first vector, and along the second one.
    sides: [HashSet<[i64; 2]>; 2],
    /// Cells with at least three corners, by the lowest one.
    cells: HashSet<[i64; 2]>,
    table: Table,
    /// Of each point on the lattice, the coset of each sublattice.
    cosets: Vec<Option<[u8; SUBLATTICES.len()]>>,
}

impl HeapBytes for Orders {
    fn heap_bytes(&self) -> usize {
        let sets = self.sides.iter().chain([&self.cells]);
        let sets: usize = sets.map(HashSet::capacity).sum();
        self.of.heap_bytes()
            + self.cosets.heap_bytes()
            + self.table.heap_bytes()
            + sets * size_of::<[i64; 2]>()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Beam {
    at: Point,
    order: [i64; 2],
    /// Whether it is a peak of the patterns, or stopped.
    is_seen: bool,
}

impl Orders {
    /// `beam` is a point of the lattice that is not among `points`; without one it is the order nearest to `centre`.
    pub fn of(points: &[Point], beam: Option<Point>, centre: Point, spacing: f64) -> Self {
        let mut all = points.to_vec();
        all.extend(beam);
        let near = NEAR * spacing;
        let cells = Cells::new(all.iter().copied(), near);
        let has = |point: Point| {
            let mut around = cells.around(point);
            around.find(|n| distance_squared(all[*n], point) <= near * near)
        };
        let Some((origin, basis)) = basis(&all, spacing, has) else {
            return Orders::default();
        };
        let Some(index) = indexing(origin, basis) else {
            return Orders::default();
        };
        let of: Vec<Option<[i64; 2]>> = points.iter().map(|point| order(index(*point))).collect();
        if (of.iter().flatten().count() as f64) < ON_LATTICE * points.len() as f64 {
            return Orders::default();
        }
        let beam = match beam {
            Some(at) => order(index(at)).map(|order| Beam {
                at,
                order,
                is_seen: true,
            }),
            None => {
                let whole = index(centre).map(f64::round);
                let [a, b] = basis;
                Some(Beam {
                    at: added(added(origin, a, whole[0]), b, whole[1]),
                    order: whole.map(|order| order as i64),
                    is_seen: false,
                })
            }
        };
        let known: HashSet<[i64; 2]> = (of.iter().flatten().copied())
            .chain(beam.map(|beam| beam.order))
            .collect();
        let with_next = |[dh, dk]: [i64; 2]| {
            let known = &known;
            let has_next = move |[h, k]: &[i64; 2]| known.contains(&[h + dh, k + dk]);
            known.iter().copied().filter(has_next).collect()
        };
        let ([a, b], area) = (basis, cross(basis[0], basis[1]));
        Orders {
            origin,
            basis,
            sides: [with_next([1, 0]), with_next([0, 1])],
            cells: cells_of(&known),
            table: Table::of(&of),
            cosets: of
                .iter()
                .map(|order| order.map(|order| SUBLATTICES.map(|one| one.coset(order) as u8)))
                .collect(),
            to_order: [[b[1] / area, -b[0] / area], [-a[1] / area, a[0] / area]],
            of,
            beam,
        }
    }

    /// Whether there are any: a reference without them is no lattice.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether the point with this number lies on the lattice.
    pub fn has(&self, point: usize) -> bool {
        self.of.get(point).is_some_and(Option::is_some)
    }

    pub fn basis(&self) -> [Point; 2] {
        self.basis
    }

    /// Where the beam is among the points.
    pub fn beam(&self) -> Point {
        self.beam.map_or(self.origin, |beam| beam.at)
    }

    /// Whether a place is near an order, or half or a third of the way to one, where a superstructure has peaks.
    pub fn is_near_a_part(&self, at: Point) -> bool {
        let [x, y] = added(at, self.origin, -1.0);
        let index = self.to_order.map(|row| row[0] * x + row[1] * y);
        [1.0, 2.0, 3.0].into_iter().any(|parts: f64| {
            let off = |index: f64| (parts * index - (parts * index).round()).abs() / parts;
            index.into_iter().all(|index| off(index) <= 0.5 * ON_PLACE)
        })
    }

    /// Order that is nearest to a place, for places within some half of the spacing.
    pub fn order_at(&self, at: Point) -> [i64; 2] {
        let [x, y] = added(at, self.origin, -1.0);
        (self.to_order).map(|row| (row[0] * x + row[1] * y + WHOLE - WHOLE) as i64)
    }

    /// Number of the point that has an order.
    pub fn point(&self, order: [i64; 2]) -> Option<usize> {
        self.table.get(order)
    }

    /// Whether a place is within `reach` of a point.
    pub fn is_among(&self, points: &[Point], at: Point, reach: f64) -> bool {
        let [h, k] = self.order_at(at);
        (-1..=1)
            .flat_map(|dk| (-1..=1).map(move |dh| [h + dh, k + dk]))
            .filter_map(|order| self.point(order))
            .any(|n| distance_squared(points[n], at) <= reach * reach)
    }

    /// Whether the peaks of a pattern are as well those of a lattice of which the reference is a part, or that is a part of the
    /// reference. `evidence` has one entry per point, `moved` takes a point to where the fit puts it, and of the `peaks` the
    /// `strangers` are as bright as those that were found and fit no point.
    pub fn may_be_of_another_lattice(
        &self,
        evidence: &[Evidence],
        moved: impl Fn(Point) -> Point,
        peaks: &[Point],
        strangers: &[Point],
        spacing: f64,
    ) -> bool {
        self.may_be_of_a_coarser_one(evidence, &moved, peaks, strangers, spacing)
            || self.may_be_of_a_finer_one(evidence, &moved, strangers, spacing)
    }

    /// Whether nothing speaks for the orders that a coarser lattice has not: none of them was found, or those that were are
    /// as near to their places as peaks that lie anyhow often are, or more often than a pattern by chance lacks as many.
    fn may_be_of_a_coarser_one(
        &self,
        evidence: &[Evidence],
        moved: impl Fn(Point) -> Point,
        peaks: &[Point],
        strangers: &[Point],
        spacing: f64,
    ) -> bool {
        let known = || {
            (self.cosets.iter().zip(evidence)).filter_map(|(cosets, evidence)| match evidence {
                Nothing => None,
                evidence => Some(((*cosets)?, *evidence)),
            })
        };
        let [a, b] = self.basis;
        let area = cross(a, b).abs() * (self.of.len() + 1) as f64;
        let share_of = |number: usize, off: f64| (number as f64 * PI * off * off / area).min(1.0);
        // Any lattice of diffraction spots has the beam.
        let beam = self.beam.filter(|beam| {
            let at = moved(beam.at);
            let near =
                |point: Point, reach: f64| distance_squared(point, at) <= (reach * spacing).powi(2);
            near(beam.at, BEAM_MOVES) || beam.is_seen && peaks.iter().any(|peak| near(*peak, NEAR))
        });
        // Of each coset of each sublattice: how many are known, how many found, and how far off at most.
        let mut counts = [[(0usize, 0usize, 0.0f64); 4]; SUBLATTICES.len()];
        for (cosets, evidence) in known() {
            for (counts, coset) in counts.iter_mut().zip(cosets) {
                let (known, found, furthest) = &mut counts[usize::from(coset)];
                *known += 1;
                if let Found(off) = evidence {
                    *found += 1;
                    *furthest = furthest.max(off);
                }
            }
        }
        (SUBLATTICES.iter().zip(&counts).enumerate()).any(|(which, (sublattice, counts))| {
            let of_beam = beam.map(|beam| sublattice.coset(beam.order));
            (0..4).any(|coset| {
                let [mine, all] = [true, false].map(|only| {
                    (counts.iter().enumerate())
                        .filter(|(other, _)| !only || *other == coset)
                        .fold((0, 0), |sum, (_, of)| (sum.0 + of.0, sum.1 + of.1))
                });
                let (number, off_count) = (all.0 - mine.0, all.1 - mine.1);
                if of_beam.map_or(mine.0 == 0, |of_beam| of_beam != coset) || number == 0 {
                    return false;
                }
                let (strays, rest) = (strangers.len() + off_count, all.0 - number);
                // Bounds first: nearly always they decide.
                let limit = so_few_of_at_least(number, rest, all.1, off_count).min(BY_CHANCE);
                let furthest = (counts.iter().enumerate())
                    .filter(|(other, _)| *other != coset)
                    .fold(0.0, |most: f64, (_, of)| most.max(of.2));
                if off_count > 0 && is_at_most(limit, strays, off_count, share_of(number, furthest))
                {
                    return false;
                }
                let mut off: Vec<f64> = known()
                    .filter_map(|(cosets, evidence)| match evidence {
                        Found(off) if usize::from(cosets[which]) != coset => Some(off),
                        _ => None,
                    })
                    .collect();
                off.sort_by(f64::total_cmp);
                let anyhow = (off.iter().enumerate())
                    .map(|(n, off)| so_many_of(strays, n + 1, share_of(number, *off)))
                    .fold(1.0, f64::min);
                anyhow > BY_CHANCE || anyhow > so_few_of(number, rest, all.1, off_count)
            })
        })
    }

    /// Whether as many of the strangers stand at the places of a finer lattice, between the orders, as its peaks would when as
    /// many are missing as of the reference, or more than peaks that lie anyhow.
    fn may_be_of_a_finer_one(
        &self,
        evidence: &[Evidence],
        moved: impl Fn(Point) -> Point,
        strangers: &[Point],
        spacing: f64,
    ) -> bool {
        if strangers.is_empty() {
            return false;
        }
        let origin = moved(self.origin);
        let basis =
            (self.basis).map(|step| added(moved(added(self.origin, step, 1.0)), origin, -1.0));
        let Some(index) = indexing(origin, basis) else {
            return false;
        };
        let [found, known] = [
            evidence.iter().filter(|at| matches!(at, Found(_))).count(),
            evidence.iter().filter(|at| **at != Nothing).count(),
        ];
        let share = (found as f64 + 0.5) / (known as f64 + 1.0);
        let near = ON_PLACE * spacing;
        let area = cross(basis[0], basis[1]).abs() * (self.of.len() + 1) as f64;
        let indices: Vec<[f64; 2]> = strangers.iter().map(|peak| index(*peak)).collect();
        PRIMES.into_iter().any(|p| {
            let place = |at: &[f64; 2]| {
                let parts = at.map(|index| (p as f64 * index).round());
                let [u, v] = [0, 1].map(|axis| at[axis] - parts[axis] / p as f64);
                let off = added(basis[0].map(|x| u * x), basis[1], v);
                let place = parts.map(|part| part as i64);
                (off[0].hypot(off[1]) <= near && self.has_between(place, p)).then_some(place)
            };
            let filled: HashSet<[i64; 2]> = indices.iter().filter_map(place).collect();
            (0..=p).any(|direction| {
                let count = (filled.iter())
                    .filter(|place| direction_of(**place, p) == direction)
                    .count();
                let places = (p - 1) as usize
                    * match direction {
                        0 => self.sides[0].len(),
                        other if other == p => self.sides[1].len(),
                        _ => self.cells.len(),
                    };
                if count == 0 {
                    return false;
                }
                let of_it = few_of_many(places, count, share);
                let inside = (places as f64 * PI * near * near / area).min(1.0);
                of_it > PASSED_OVER || of_it > so_many_of(strangers.len(), count, inside)
            })
        })
    }

    /// Whether a place, in `p`-th parts of the vectors, is between orders and none itself.
    fn has_between(&self, place: [i64; 2], p: i64) -> bool {
        let cell = place.map(|part| part.div_euclid(p));
        match place.map(|part| part.rem_euclid(p)) {
            [0, 0] => false,
            [_, 0] => self.sides[0].contains(&cell),
            [0, _] => self.sides[1].contains(&cell),
            _ => self.cells.contains(&cell),
        }
    }
}

fn cells_of(known: &HashSet<[i64; 2]>) -> HashSet<[i64; 2]> {
    const CORNERS: [[i64; 2]; 4] = [[0, 0], [1, 0], [0, 1], [1, 1]];
    let has_three = |[h, k]: &[i64; 2]| {
        let corners = CORNERS
            .iter()
            .filter(|[dh, dk]| known.contains(&[h + dh, k + dk]));
        corners.count() >= 3
    };
    (known.iter())
        .flat_map(|[h, k]| CORNERS.map(|[dh, dk]| [h - dh, k - dk]))
        .filter(has_three)
        .collect()
}

/// Which of the `p + 1` lattices with `p` times as many points a place belongs to: `v / u` modulo `p`, or `p` where `u` is 0.
fn direction_of([u, v]: [i64; 2], p: i64) -> i64 {
    let rest = |number: i64| number.rem_euclid(p);
    (0..p)
        .find(|n| rest(n * u - v) == 0)
        .filter(|_| rest(u) != 0)
        .unwrap_or(p)
}

fn added(point: Point, step: Point, times: f64) -> Point {
    [point[0] + times * step[0], point[1] + times * step[1]]
}

fn cross(a: Point, b: Point) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// From a point to its order, in parts of one.
fn indexing(origin: Point, [a, b]: [Point; 2]) -> Option<impl Fn(Point) -> [f64; 2]> {
    let area = cross(a, b);
    (area.abs() > 1e-9).then_some(move |point: Point| {
        let from = added(point, origin, -1.0);
        [cross(from, b) / area, cross(a, from) / area]
    })
}

/// The order that an index is near to.
fn order(index: [f64; 2]) -> Option<[i64; 2]> {
    let whole = index.map(f64::round);
    let off = (index[0] - whole[0]).abs().max((index[1] - whole[1]).abs());
    (off <= NEAR).then_some(whole.map(|order| order as i64))
}

/// A point in the middle, and the two shortest vectors that lead from many points to others: in a plane they are a basis of
/// the lattice. `has` is the point at a place.
fn basis(
    points: &[Point],
    spacing: f64,
    has: impl Fn(Point) -> Option<usize>,
) -> Option<(Point, [Point; 2])> {
    let count = points.len() as f64;
    let middle = [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
    let mut starts = points.to_vec();
    starts.sort_by(|a, b| distance_squared(*a, middle).total_cmp(&distance_squared(*b, middle)));
    starts.truncate(STARTS);
    let mut steps: Vec<Point> = Vec::new();
    for start in &starts {
        for point in points {
            let step = added(*point, *start, -1.0);
            let length = step[0].hypot(step[1]);
            if length > 0.5 * spacing && length <= MAX * spacing {
                steps.push(step);
            }
        }
    }
    steps.sort_by(|a, b| a[0].hypot(a[1]).total_cmp(&b[0].hypot(b[1])));
    let mut found: Option<Point> = None;
    for step in steps {
        if found.is_some_and(|first| {
            cross(first, step).abs() < 0.5 * first[0].hypot(first[1]) * step[0].hypot(step[1])
        }) {
            continue;
        }
        let pairs = points.iter().filter_map(|from| {
            let to = has(added(*from, step, 1.0))?;
            Some(added(points[to], *from, -1.0))
        });
        let (mut sum, mut number) = ([0.0; 2], 0.0);
        for pair in pairs {
            sum = added(sum, pair, 1.0);
            number += 1.0;
        }
        if number < (REPEATED * count).max(2.0) {
            continue;
        }
        let mean = sum.map(|sum| sum / number);
        match found {
            None => found = Some(mean),
            Some(first) => return Some((*starts.first()?, [first, mean])),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_lattices_with_holes_and_strays() {
        for [a, b] in [
            [[15.0, 0.0], [0.0, 15.0]],
            [[17.3, 2.6], [-3.4, 15.1]],
            [[14.0, 0.0], [7.0, 12.124]],
            [[9.0, 1.0], [-2.0, 29.0]],
        ] {
            let at = |h: i64, k: i64| {
                let point = added([80.0, 70.0], a, h as f64);
                added(point, b, k as f64)
            };
            let orders = || (-3..=3).flat_map(|h| (-2..=2).map(move |k| [h, k]));
            let kept = |[h, k]: &[i64; 2]| (*h, *k) != (0, 0) && (h * 5 + k * 3).rem_euclid(7) != 2;
            let orders: Vec<[i64; 2]> = orders().filter(kept).collect();
            let mut points: Vec<Point> = orders.iter().map(|[h, k]| at(*h, *k)).collect();
            points.push(added(at(1, 1), a, 0.4));
            let found = Orders::of(&points, Some(at(0, 0)), at(0, 0), a[0].hypot(a[1]));
            assert_eq!(found.of.len(), points.len());
            assert_eq!(found.of.last(), Some(&None));
            let area = cross(found.basis[0], found.basis[1]).abs();
            assert!(
                (area / cross(a, b).abs() - 1.0).abs() < 1e-6,
                "{:?}",
                found.basis
            );
        }
        let anyhow: Vec<Point> = (0..30)
            .map(|n| [f64::from(n * n * 7 % 101), f64::from(n * 37 % 89)])
            .collect();
        assert_eq!(Orders::of(&anyhow, None, [0.0; 2], 12.0), Orders::default());
        assert_eq!(Orders::of(&[], None, [0.0; 2], 12.0), Orders::default());
    }
}
