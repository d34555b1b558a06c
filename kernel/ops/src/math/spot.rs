//! A spot that is larger than the filter that found it: all of it, around a point of it.

mod circle;
mod region;

use std::f64::consts::TAU;

use super::Grid;
use super::maxima::Score;
use super::pool::{self, Lent};
use circle::Circle;

/// Largest spot, in times the size that is looked for.
const LARGEST: f64 = 8.0;
/// Directions from a point in which a middle is looked for, and points on a circle.
const DIRECTIONS: usize = 16;
const ON_CIRCLE: usize = 24;
/// Places that are looked at before a circle is moved.
const PAIRS: usize = ON_CIRCLE / 2;
/// Across the edge of a disk, this far to both sides, the drop is measured.
const EDGE: f64 = 1.5;
/// The drop across a circle that may be a disk's border, in half the height of its maximum: where it is less there is no edge, and
/// where it is more it is that of something brighter.
const LEAST_DROP: f64 = 0.8;
const MAX_DROP: f64 = 3.0;
/// Least share of a circle that must be within the image.
const WITHIN: f64 = 0.4;

pub struct Spot {
    /// Middle (row, column).
    pub middle: [f64; 2],
    /// Flat places.
    pub pixels: Lent<usize>,
}

/// Where to look for spots that go further than `reach` from a point of theirs, in images of one shape.
pub struct Spots {
    reach: f64,
    /// At the distance `reach`.
    around: [Offset; 8],
    directions: Vec<Direction>,
}

/// From one pixel to another.
#[derive(Clone, Copy, Default)]
struct Offset {
    down: i32,
    right: i32,
    flat: i32,
}

struct Direction {
    /// At the distance `reach`.
    first: Offset,
    /// Of circles that the point is on.
    rings: Vec<Ring>,
}

/// A circle seen from a point that it goes through nearly, in whole pixels.
struct Ring {
    middle: [f64; 2],
    radius: f64,
    /// Inside and outside of the edge.
    pairs: [[Offset; PAIRS]; 2],
    flat: [[i32; PAIRS]; 2],
    /// How far the pairs go up, left, down and right.
    extent: [usize; 4],
}

impl Spots {
    pub fn new(columns: usize, reach: f64) -> Self {
        let angle = |n: usize, all: usize| TAU * n as f64 / all as f64;
        let offset = |place: [f64; 2]| Offset::to(place, columns);
        let ring = |direction: f64, radius: f64| {
            let middle = moved(FROM, direction, radius - 1.0);
            let pairs = [-EDGE, EDGE].map(|by| {
                std::array::from_fn(|n| offset(moved(middle, angle(n, PAIRS), radius + by)))
            });
            Ring {
                middle: [middle[0] - FROM[0], middle[1] - FROM[1]],
                radius,
                extent: extent(pairs.as_flattened()),
                flat: pairs.map(|side| side.map(|offset| offset.flat)),
                pairs,
            }
        };
        let radii = || {
            let first = 0.8 * reach;
            std::iter::successors(Some(first), |radius| Some(radius + 1.0))
                .take_while(|radius| *radius <= LARGEST * reach)
        };
        let direction = |n: usize| {
            let angle = angle(n, DIRECTIONS);
            Direction {
                first: offset(moved(FROM, angle, reach)),
                rings: radii().map(|radius| ring(angle, radius)).collect(),
            }
        };
        Spots {
            reach,
            around: std::array::from_fn(|n| offset(moved(FROM, angle(n, 8), reach))),
            directions: (0..DIRECTIONS).map(direction).collect(),
        }
    }

    /// In a smooth image and the score that maxima are of.
    pub fn search<'a>(&'a self, image: &'a Grid<f32>, score: Score<'a, f32>) -> Search<'a> {
        Search {
            spots: self,
            image,
            score,
            seen: pool::empty(),
            beside: pool::empty(),
        }
    }
}

/// A place to measure offsets from; so far from 0 that what is exactly between two pixels stays so.
const FROM: [f64; 2] = [4096.0; 2];

impl Offset {
    fn to([y, x]: [f64; 2], columns: usize) -> Self {
        let whole = |at: f64, from: f64| at.round() as i32 - from as i32;
        let (down, right) = (whole(y, FROM[0]), whole(x, FROM[1]));
        Offset {
            down,
            right,
            flat: down * columns as i32 + right,
        }
    }

    /// The value there; NaN outside.
    #[inline(always)]
    fn value(&self, image: &Grid<f32>, (row, column): (usize, usize)) -> f32 {
        let row = row.wrapping_add_signed(self.down as isize);
        let column = column.wrapping_add_signed(self.right as isize);
        if row < image.rows && column < image.columns {
            image.at(row, column)
        } else {
            f32::NAN
        }
    }
}

fn extent(offsets: &[Offset]) -> [usize; 4] {
    let most = |of: fn(&Offset) -> i32| offsets.iter().map(of).max().unwrap_or(0).max(0) as usize;
    [
        most(|offset| -offset.down),
        most(|offset| -offset.right),
        most(|offset| offset.down),
        most(|offset| offset.right),
    ]
}

impl Ring {
    /// How much darker it is outside, of the pixels nearest to each place; `None` where too much of it is outside the image.
    #[inline(always)]
    fn mean_drop(&self, image: &Grid<f32>, (row, column): (usize, usize)) -> Option<f32> {
        let [up, left, down, right] = self.extent;
        let is_inside = row >= up
            && column >= left
            && row + down < image.rows
            && column + right < image.columns;
        if is_inside {
            let start = (row * image.columns + column) as i32;
            let value = |flat: i32| image.values[(start + flat) as usize];
            let mut drops = [0.0; PAIRS];
            for (n, drop) in drops.iter_mut().enumerate() {
                *drop = value(self.flat[0][n]) - value(self.flat[1][n]);
            }
            let sum: f32 = drops.iter().sum();
            if !sum.is_nan() {
                return Some(sum / PAIRS as f32);
            }
        }
        let (mut sum, mut count) = (0.0, 0usize);
        let value = |offset: &Offset| offset.value(image, (row, column));
        for (inside, outside) in self.pairs[0].iter().zip(&self.pairs[1]) {
            let drop = f64::from(value(inside)) - f64::from(value(outside));
            let is_valid = !drop.is_nan();
            sum += if is_valid { drop } else { 0.0 };
            count += usize::from(is_valid);
        }
        mean(sum, count, PAIRS).map(|mean| mean as f32)
    }
}

/// `None` of too few.
#[inline(always)]
fn mean(sum: f64, count: usize, points: usize) -> Option<f64> {
    (count as f64 >= WITHIN * points as f64).then(|| sum / count as f64)
}

/// Finds the larger spots of one image.
pub struct Search<'a> {
    spots: &'a Spots,
    image: &'a Grid<f32>,
    score: Score<'a, f32>,
    /// Empty or false everywhere, between two spots.
    seen: Lent<bool>,
    beside: Lent<bool>,
}

impl Search<'_> {
    /// The middle between the value of a maximum and the lowest one at the distance `reach`, when the image is above that in any
    /// of eight directions: there may be more of the spot.
    pub fn half_height(&self, row: usize, column: usize) -> Option<f64> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for offset in &self.spots.around {
            let value = f64::from(offset.value(self.image, (row, column)));
            (low, high) = (low.min(value), high.max(value));
        }
        let top = f64::from(self.image.at(row, column));
        let half = 0.5 * (top + low);
        (low < top && high >= half).then_some(half)
    }

    /// The spot that goes further than `reach` from the maximum of the score at (row, column), which is near its border: a disk,
    /// also one that touches others or that the image cuts; or else the connected pixels above `half`, with their centroid as the
    /// middle when they are compact, and the middle of the largest disk within that reaches the maximum when they are not. `None` for
    /// a spot that does not go so far, and for the slope or the shoulder of something brighter.
    pub fn larger_spot(&mut self, at: (usize, usize), half: f64) -> Option<Spot> {
        let disk = self.disk(at, half);
        if disk.as_ref().is_some_and(|(_, is_whole)| *is_whole) {
            return disk.map(|(spot, _)| spot);
        }
        match (self.connected(at, half), disk) {
            (Some((spot, true)), _) | (_, Some((spot, _))) | (Some((spot, false)), None) => {
                Some(spot)
            }
            (None, None) => None,
        }
    }

    /// The circle across which the drop is largest, of those that the place is on, when most of it is an edge and what is within
    /// is bright; and whether it is even and goes all around.
    fn disk(&self, at: (usize, usize), half: f64) -> Option<(Spot, bool)> {
        let (image, reach) = (self.image, self.spots.reach);
        let top = f64::from(image.at(at.0, at.1));
        let least = top - half;
        let most = (MAX_DROP * least) as f32;
        let mut best: Option<(f32, &Ring)> = None;
        for direction in &self.spots.directions {
            let first = f64::from(direction.first.value(image, at));
            if first.is_nan() || first < half {
                continue;
            }
            for ring in &direction.rings {
                let Some(drop) = ring.mean_drop(image, at) else {
                    continue;
                };
                if drop > most {
                    return None;
                }
                if best.is_none_or(|(best, _)| drop > best) {
                    best = Some((drop, ring));
                }
            }
        }
        let start = [at.0 as f64, at.1 as f64];
        let (_, ring) = best.filter(|(drop, _)| f64::from(*drop) >= LEAST_DROP * least)?;
        let circle = Circle {
            middle: [start[0] + ring.middle[0], start[1] + ring.middle[1]],
            radius: ring.radius,
        }
        .refined(image);
        let away = distance(circle.middle, start);
        // The steepest part of the slope that the maximum is on may be elsewhere.
        let is_of_it = (away - (circle.radius - 1.0)).abs() <= EDGE && away + circle.radius > reach;
        let is_whole = circle.edge(image, least).filter(|_| is_of_it)?;
        let [y, x] = circle.middle;
        let middle = [
            y.clamp(0.0, image.rows as f64 - 1.0),
            x.clamp(0.0, image.columns as f64 - 1.0),
        ];
        // Of one that is further outside only the part within the image is known.
        if distance(middle, circle.middle) > 1.0 {
            return None;
        }
        let pixels = circle.pixels(image, 0.5);
        Some((Spot { middle, pixels }, is_whole))
    }
}

fn moved([y, x]: [f64; 2], angle: f64, by: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [y + by * sin, x + by * cos]
}

#[inline(always)]
fn distance([y, x]: [f64; 2], [v, u]: [f64; 2]) -> f64 {
    ((y - v) * (y - v) + (x - u) * (x - u)).sqrt()
}
