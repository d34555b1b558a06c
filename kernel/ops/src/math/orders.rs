//! Whether peaks that fit a reference lattice lie on a coarser or a finer one: another lattice shares some of its points
//! with the reference, a multiple of its spacing or a part of it, and fits there without residual.

use super::lattice::{Cells, Point, distance_squared};

/// Furthest a point may be from where its order would be, in spacings.
const NEAR: f64 = 0.15;
/// Share of the points that must lie on one lattice.
const ON_LATTICE: f64 = 0.8;
/// Longest vector that is looked at as one of the lattice, in spacings.
const LONGEST: f64 = 4.0;
/// A vector of the lattice leads from this share of the points to another one.
const REPEATED: f64 = 0.25;
/// Points in the middle whose neighbours give the vectors.
const STARTS: usize = 12;
/// Most of the other orders that strangers may stand for.
const STRANGERS: f64 = 0.15;
/// How often peaks that are missing by chance may be taken for a coarser lattice, at most: where more than 60 % of the orders
/// are there, it does not happen.
const CHANCE: f64 = 0.02;
/// Share of the places between the orders at which peaks make a finer lattice.
const FILLED: f64 = 0.6;

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
/// Cosets of all of them.
const TESTS: f64 = 3.0 * 2.0 + 4.0 * 3.0 + 4.0;

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

/// The orders of a set of points that make a lattice; empty for others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    origin: Point,
    basis: [Point; 2],
    /// Of each point, as far as it lies on the lattice.
    of: Vec<Option<[i64; 2]>>,
    /// Half-way, or at one and two thirds, between two orders: one list for each finer lattice.
    between: Vec<Vec<Place>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Place {
    at: Point,
    /// Numbers of the points it is between; the beam is the one after the last.
    ends: [usize; 2],
}

impl Orders {
    /// `beam` is a point of the lattice that is not among `points`.
    pub fn of(points: &[Point], beam: Option<Point>, spacing: f64) -> Self {
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
        let Some(order) = indexing(origin, basis) else {
            return Orders::default();
        };
        let of: Vec<Option<[i64; 2]>> = points.iter().map(|point| order(*point)).collect();
        if (of.iter().flatten().count() as f64) < ON_LATTICE * points.len() as f64 {
            return Orders::default();
        }
        let [a, b] = basis;
        let [sum, difference] = [added(a, b, 1.0), added(a, b, -1.0)];
        let mut between = Vec::new();
        for (parts, steps) in [
            (2, vec![a]),
            (2, vec![b]),
            (2, vec![sum, difference]),
            (3, vec![a]),
            (3, vec![b]),
            (3, vec![sum]),
            (3, vec![difference]),
        ] {
            let mut places = Vec::new();
            for step in steps {
                for (n, from) in all.iter().enumerate() {
                    let Some(to) = has(added(*from, step, 1.0)) else {
                        continue;
                    };
                    places.extend((1..parts).map(|part| Place {
                        at: added(*from, step, f64::from(part) / f64::from(parts)),
                        ends: [n, to],
                    }));
                }
            }
            between.push(places);
        }
        Orders {
            origin,
            basis,
            of,
            between,
        }
    }

    /// Whether the points that were found (`Some(true)`) lie in one coset of a sublattice and nearly none of the others
    /// does, which is more than chance; `None` for points whose absence says nothing. `moved` takes a point to where it was
    /// found. Further peaks, `strangers`, count when they lie on orders that are not among the points.
    pub fn are_of_a_coarser_lattice(
        &self,
        found: &[Option<bool>],
        moved: impl Fn(Point) -> Point,
        strangers: &[Point],
    ) -> bool {
        let origin = moved(self.origin);
        let step = |step: Point| added(moved(added(self.origin, step, 1.0)), origin, -1.0);
        let Some(order) = indexing(origin, self.basis.map(step)) else {
            return false;
        };
        let known: Vec<([i64; 2], bool)> = (self.of.iter().zip(found))
            .filter_map(|(order, found)| Some(((*order)?, (*found)?)))
            .collect();
        let further: Vec<[i64; 2]> = (strangers.iter())
            .filter_map(|peak| order(*peak))
            .filter(|order| !self.of.contains(&Some(*order)))
            .collect();
        SUBLATTICES.iter().any(|sublattice| {
            let (mut all, mut seen, mut beyond) = ([0usize; 4], [0usize; 4], [0usize; 4]);
            for (order, found) in &known {
                let coset = sublattice.coset(*order);
                all[coset] += 1;
                seen[coset] += usize::from(*found);
            }
            for order in &further {
                beyond[sublattice.coset(*order)] += 1;
            }
            let [total, count, more] = [all, seen, beyond].map(|of| of.iter().sum::<usize>());
            (0..4).any(|coset| {
                let (others, strangers) = (total - all[coset], count - seen[coset]);
                if others == 0 || strangers as f64 > STRANGERS * others as f64 {
                    return false;
                }
                let share = all[coset] as f64 / total as f64;
                let chance = so_few_of(others, all[coset], count, strangers)
                    * so_many_of(more, beyond[coset], share);
                chance * TESTS <= CHANCE
            })
        })
    }

    /// Whether `strangers`, peaks as bright as those on the orders, stand at most places half-way, or at both thirds, between
    /// orders that were found.
    pub fn are_of_a_finer_lattice(
        &self,
        found: &[Option<bool>],
        moved: impl Fn(Point) -> Point,
        strangers: &[Point],
        spacing: f64,
    ) -> bool {
        let near = (NEAR * spacing).powi(2);
        let is_found = |end: &usize| found.get(*end).is_none_or(|found| *found == Some(true));
        self.between.iter().any(|places| {
            let places = || {
                places
                    .iter()
                    .filter(|place| place.ends.iter().all(is_found))
            };
            let enough = ((FILLED * places().count() as f64).ceil() as usize).max(2);
            // Each is at most at two: both diagonals of a cell have one middle.
            if 2 * strangers.len() < enough {
                return false;
            }
            let filled = places().filter(|place| {
                let place = moved(place.at);
                (strangers.iter()).any(|peak| distance_squared(*peak, place) <= near)
            });
            filled.count() >= enough
        })
    }
}

fn added(point: Point, step: Point, times: f64) -> Point {
    [point[0] + times * step[0], point[1] + times * step[1]]
}

fn cross(a: Point, b: Point) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// From a point to its order, when it is near one.
fn indexing(origin: Point, [a, b]: [Point; 2]) -> Option<impl Fn(Point) -> Option<[i64; 2]>> {
    let area = cross(a, b);
    (area.abs() > 1e-9).then_some(move |point: Point| {
        let from = added(point, origin, -1.0);
        let index = [cross(from, b) / area, cross(a, from) / area];
        let whole = index.map(f64::round);
        let off = (index[0] - whole[0]).abs().max((index[1] - whole[1]).abs());
        (off <= NEAR).then_some(whole.map(|order| order as i64))
    })
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
            if length > 0.5 * spacing && length <= LONGEST * spacing {
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

fn ln_ways(of: usize, take: usize) -> f64 {
    (0..take)
        .map(|n| ((of - n) as f64 / (n + 1) as f64).ln())
        .sum()
}

/// Chance that `few` or fewer of `count` things that are taken out of `some + rest` are among `some`.
fn so_few_of(some: usize, rest: usize, count: usize, few: usize) -> f64 {
    let all = ln_ways(some + rest, count);
    (0..=few.min(some).min(count))
        .filter(|taken| count - taken <= rest)
        .map(|taken| (ln_ways(some, taken) + ln_ways(rest, count - taken) - all).exp())
        .sum()
}

/// Chance that at least `many` of `count` things are of a kind that `share` of them are.
fn so_many_of(count: usize, many: usize, share: f64) -> f64 {
    (many..=count)
        .map(|taken| {
            let others = (count - taken) as i32;
            ln_ways(count, taken).exp() * share.powi(taken as i32) * (1.0 - share).powi(others)
        })
        .sum::<f64>()
        .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_an_urn() {
        // 24 orders, 14 of them in the coset: all of 14 found there, and 8 of 8.
        let all: f64 = 1.0 / 1_961_256.0;
        assert!((so_few_of(10, 14, 14, 0) / all - 1.0).abs() < 1e-9);
        assert!((so_few_of(10, 14, 8, 0) - 3003.0 / 735_471.0).abs() < 1e-9);
        assert!((so_few_of(10, 14, 8, 8) - 1.0).abs() < 1e-9);
        assert!((so_many_of(3, 3, 0.5) - 0.125).abs() < 1e-12);
        assert!((so_many_of(3, 0, 0.2) - 1.0).abs() < 1e-12);
    }

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
            let found = Orders::of(&points, Some(at(0, 0)), a[0].hypot(a[1]));
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
        assert_eq!(Orders::of(&anyhow, None, 12.0), Orders::default());
        assert_eq!(Orders::of(&[], None, 12.0), Orders::default());
    }
}
