//! A spot that is larger than the filter that found it: all of it, around a point of it.

use std::collections::HashSet;
use std::f64::consts::TAU;

use super::Grid;

/// Largest spot, in times the size that is looked for.
const LARGEST: f64 = 8.0;
/// Directions from a point in which a middle is looked for, and points on a circle.
const DIRECTIONS: usize = 16;
const ON_CIRCLE: usize = 24;
/// Across the edge of a disk, this far to both sides, the drop is measured.
const EDGE: f64 = 1.5;
/// The circle is moved by steps down to this.
const FINEST: f64 = 0.03;
/// Least share of a circle that must be within the image.
const WITHIN: f64 = 0.4;
/// Least share of that where the edge is, and of the places inside that are bright: from this share of the usual drop on.
const ROUND: f64 = 0.7;
const FILLED: f64 = 0.85;
const BRIGHT: f64 = 0.4;
/// The same for a disk that nothing touches and that is no ellipse.
const ALL_AROUND: f64 = 0.95;
const EVEN: f64 = 0.7;
/// A peak with a foot, the halo of the beam say, is no disk: much of it rises higher.
const BRIGHTEST: f64 = 2.0;
/// Area over that of a disk with the same mean square distance from the middle: 1 for a disk, 0.95 for a square, 0.8 for an
/// ellipse of 2 to 1, 0.67 for two disks that touch.
const COMPACT: f64 = 0.8;

pub struct Spot {
    /// Middle (row, column).
    pub middle: [f64; 2],
    /// Flat places.
    pub pixels: Vec<usize>,
}

/// The middle between the value of a maximum and the lowest one at the distance `reach`, when the image is above that in any
/// of eight directions: there may be more of the spot. `image` is smooth.
pub fn half_height(image: &Grid<f32>, row: usize, column: usize, reach: f64) -> Option<f64> {
    let start = [row as f64, column as f64];
    let around =
        (0..8).filter_map(|n| nearest(image, moved(start, TAU * f64::from(n) / 8.0, reach)));
    let (low, high) = around.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let top = f64::from(image.at(row, column));
    let half = 0.5 * (top + low);
    (low < top && high >= half).then_some(half)
}

/// The spot that goes further than `reach` from the maximum of the `score` at (row, column), which is near its border: a disk,
/// also one that touches others or that the image cuts; or else the connected pixels above `half`, with their centroid as the
/// middle when they are compact, and the middle of the largest disk within that reaches the maximum when they are not. `None` for
/// a spot that does not go so far, and for the slope or the shoulder of something brighter.
pub fn larger_spot(
    image: &Grid<f32>,
    score: &Grid<f64>,
    (row, column): (usize, usize),
    half: f64,
    reach: f64,
) -> Option<Spot> {
    let start = [row as f64, column as f64];
    let disk = disk(image, start, half, reach);
    if disk.as_ref().is_some_and(|(_, is_whole)| *is_whole) {
        return disk.map(|(spot, _)| spot);
    }
    let connected = connected(image, score, (row, column), half, reach);
    match (connected, disk) {
        (Some((spot, true)), _) | (_, Some((spot, _))) | (Some((spot, false)), None) => Some(spot),
        (None, None) => None,
    }
}

fn moved([y, x]: [f64; 2], angle: f64, by: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [y + by * sin, x + by * cos]
}

/// The pixel at a place; `None` outside and where it has no value.
fn nearest(image: &Grid<f32>, [y, x]: [f64; 2]) -> Option<f64> {
    let (y, x) = (y.round(), x.round());
    if y < 0.0 || x < 0.0 || y >= image.rows as f64 || x >= image.columns as f64 {
        return None;
    }
    let value = f64::from(image.at(y as usize, x as usize));
    (!value.is_nan()).then_some(value)
}

/// Between the four pixels around a place.
fn between(image: &Grid<f32>, [y, x]: [f64; 2]) -> Option<f64> {
    if y < 0.0 || x < 0.0 || y > image.rows as f64 - 1.0 || x > image.columns as f64 - 1.0 {
        return None;
    }
    let (top, left) = (y.floor() as usize, x.floor() as usize);
    let (bottom, right) = (
        (top + 1).min(image.rows - 1),
        (left + 1).min(image.columns - 1),
    );
    let (v, u) = (y - top as f64, x - left as f64);
    let at = |row, column| f64::from(image.at(row, column));
    let value = (1.0 - v) * ((1.0 - u) * at(top, left) + u * at(top, right))
        + v * ((1.0 - u) * at(bottom, left) + u * at(bottom, right));
    (!value.is_nan()).then_some(value)
}

#[derive(Clone, Copy)]
struct Circle {
    middle: [f64; 2],
    radius: f64,
}

impl Circle {
    /// How much darker it is outside, on the part that is within the image; `None` when that is little.
    fn mean_drop(&self, points: usize, look: impl Fn([f64; 2]) -> Option<f64>) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0usize);
        for n in 0..points {
            let angle = TAU * n as f64 / points as f64;
            let inside = look(moved(self.middle, angle, self.radius - EDGE));
            let outside = look(moved(self.middle, angle, self.radius + EDGE));
            if let (Some(inside), Some(outside)) = (inside, outside) {
                sum += inside - outside;
                count += 1;
            }
        }
        (count as f64 >= WITHIN * points as f64).then(|| sum / count as f64)
    }

    /// The one near it across which the drop is largest.
    fn refined(self, image: &Grid<f32>) -> Self {
        let drop = |circle: &Circle| circle.mean_drop(ON_CIRCLE, |place| between(image, place));
        let (mut most, mut best) = (drop(&self).unwrap_or(0.0), self);
        let mut step = 1.0;
        while step > FINEST {
            let [y, x] = best.middle;
            let others = [-step, step].map(|by| {
                [
                    ([y + by, x], best.radius),
                    ([y, x + by], best.radius),
                    ([y, x], best.radius + by),
                ]
            });
            let better = (others.into_iter().flatten())
                .map(|(middle, radius)| Circle { middle, radius })
                .filter_map(|other| Some((drop(&other)?, other)))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(drop, _)| *drop > most);
            match better {
                Some(better) => (most, best) = better,
                None => step *= 0.5,
            }
        }
        best
    }
}

/// The circle across which the drop is largest, of those that the place is on, when most of it is an edge and what is within is
/// bright; and whether it is even and goes all around.
fn disk(image: &Grid<f32>, start: [f64; 2], half: f64, reach: f64) -> Option<(Spot, bool)> {
    let mut best: Option<(f64, Circle)> = None;
    for n in 0..DIRECTIONS {
        let angle = TAU * n as f64 / DIRECTIONS as f64;
        if nearest(image, moved(start, angle, reach)).is_none_or(|value| value < half) {
            continue;
        }
        let mut radius = 0.8 * reach;
        while radius <= LARGEST * reach {
            let circle = Circle {
                middle: moved(start, angle, radius - 1.0),
                radius,
            };
            let drop = circle.mean_drop(ON_CIRCLE / 2, |place| nearest(image, place));
            if let Some(drop) = drop
                && best.is_none_or(|(most, _)| drop > most)
            {
                best = Some((drop, circle));
            }
            radius += 1.0;
        }
    }
    let least = nearest(image, start)? - half;
    let circle = best
        .filter(|(drop, _)| *drop >= 0.5 * least)?
        .1
        .refined(image);
    let away = (circle.middle[0] - start[0]).hypot(circle.middle[1] - start[1]);
    // The steepest part of the slope that the maximum is on may be elsewhere.
    let is_of_it = (away - (circle.radius - 1.0)).abs() <= EDGE && away + circle.radius > reach;
    let is_whole = edge(image, &circle, least).filter(|_| is_of_it)?;
    let pixels = inside(image, circle.middle, circle.radius + 0.5);
    let [y, x] = circle.middle;
    let middle = [
        y.clamp(0.0, image.rows as f64 - 1.0),
        x.clamp(0.0, image.columns as f64 - 1.0),
    ];
    // Of one that is further outside only the part within the image is known.
    if distance(middle, circle.middle) > 1.0 {
        return None;
    }
    Some((Spot { middle, pixels }, is_whole))
}

fn inside(image: &Grid<f32>, [y, x]: [f64; 2], radius: f64) -> Vec<usize> {
    let range = |at: f64, size: usize| {
        let (from, to) = ((at - radius).ceil().max(0.0), (at + radius).floor());
        from as usize..((to + 1.0).max(0.0) as usize).min(size)
    };
    range(y, image.rows)
        .flat_map(|row| range(x, image.columns).map(move |column| (row, column)))
        .filter(|(row, column)| (*row as f64 - y).hypot(*column as f64 - x) <= radius)
        .map(|(row, column)| row * image.columns + column)
        .collect()
}

/// Whether the edge is even and goes all around; `None` where it is missing on much of the circle, where it drops by less than
/// `least`, and where not everything inside is bright.
fn edge(image: &Grid<f32>, circle: &Circle, least: f64) -> Option<bool> {
    let outer = circle.radius + EDGE;
    let look = |by: f64, n: usize| {
        between(
            image,
            moved(circle.middle, TAU * n as f64 / ON_CIRCLE as f64, by),
        )
    };
    let outside: Vec<Option<f64>> = (0..ON_CIRCLE).map(|n| look(outer, n)).collect();
    let drop = |n: usize| Some(look(circle.radius - EDGE, n)? - outside[n]?);
    let opposite = |n: usize| (n + ON_CIRCLE / 2) % ON_CIRCLE;
    let drops: Vec<f64> = (0..ON_CIRCLE).filter_map(drop).collect();
    let mut sorted = drops.clone();
    sorted.sort_by(f64::total_cmp);
    let usual = (sorted.get(sorted.len() / 2).copied()).filter(|usual| *usual >= least)?;
    let share = |drops: &[f64], least: f64| {
        let edge = drops.iter().filter(|drop| **drop >= least * usual);
        edge.count() as f64 / drops.len() as f64
    };
    // A slope under the disk takes from one side what it gives to the other.
    let even: Vec<f64> = (0..ON_CIRCLE)
        .filter_map(|n| {
            let here = drop(n)?;
            Some(drop(opposite(n)).map_or(here, |there| 0.5 * (here + there)))
        })
        .collect();
    let (mut bright, mut all) = (0usize, 0usize);
    for n in 0..ON_CIRCLE {
        for share in [0.1, 0.35, 0.6] {
            let by = share * circle.radius;
            let part = 0.5 * (1.0 + by / outer);
            let level = match (outside[n], outside[opposite(n)]) {
                (Some(here), Some(there)) => part * here + (1.0 - part) * there,
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => continue,
            };
            if let Some(value) = look(by, n) {
                all += 1;
                bright += usize::from((BRIGHT..=BRIGHTEST).contains(&((value - level) / usual)));
            }
        }
    }
    let is_disk = share(&drops, BRIGHT) >= ROUND && all > 0 && bright as f64 >= FILLED * all as f64;
    is_disk.then(|| share(&even, EVEN) >= ALL_AROUND)
}

/// The pixels that are connected with the first one, which goes first; `None` where `stop` says so of one.
fn flood(
    (rows, columns): (usize, usize),
    first: usize,
    belongs: impl Fn(usize) -> bool,
    stop: impl Fn(usize) -> bool,
) -> Option<Vec<usize>> {
    let mut seen = HashSet::from([first]);
    let mut inside = vec![first];
    let mut next = 0;
    while let Some(at) = inside.get(next).copied() {
        next += 1;
        if stop(at) {
            return None;
        }
        let (row, column) = (at / columns, at % columns);
        let others = [
            (row > 0).then(|| at - columns),
            (column > 0).then(|| at - 1),
            (column + 1 < columns).then(|| at + 1),
            (row + 1 < rows).then(|| at + columns),
        ];
        for other in others.into_iter().flatten() {
            if belongs(other) && seen.insert(other) {
                inside.push(other);
            }
        }
    }
    Some(inside)
}

fn place(at: usize, columns: usize) -> [f64; 2] {
    [(at / columns) as f64, (at % columns) as f64]
}

fn distance([y, x]: [f64; 2], [v, u]: [f64; 2]) -> f64 {
    (y - v).hypot(x - u)
}

fn centroid(pixels: impl Iterator<Item = usize>, columns: usize) -> [f64; 2] {
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for at in pixels {
        let [y, x] = place(at, columns);
        sum = [sum[0] + y, sum[1] + x];
        count += 1.0;
    }
    sum.map(|sum| sum / count)
}

/// The connected pixels not below `least`, when they end and nothing among them is much brighter; and whether they are compact.
fn connected(
    image: &Grid<f32>,
    score: &Grid<f64>,
    (row, column): (usize, usize),
    least: f64,
    reach: f64,
) -> Option<(Spot, bool)> {
    let shape @ (rows, columns) = (image.rows, image.columns);
    let start = row * columns + column;
    let away = |at: usize| distance(place(at, columns), place(start, columns));
    // The border of a larger spot stands out of its surroundings as far as the maximum does; beside a small spot on the slope
    // of something nothing does.
    let half_score = 0.5 * score.values[start];
    let border = |at: usize| score.values[at] >= half_score;
    if flood(shape, start, border, |at| away(at) > reach).is_some() {
        return None;
    }
    let value = |at: usize| f64::from(image.values[at]);
    let most = 2.0 * value(start) - least;
    let furthest = LARGEST * reach;
    let is_beyond = |at: usize| {
        let [y, x] = place(at, columns);
        (y - row as f64).abs().max((x - column as f64).abs()) >= furthest
    };
    let pixels = flood(
        shape,
        start,
        |at| value(at) >= least,
        |at| value(at) > most || is_beyond(at),
    )?;
    // What was bright over there may belong to something else.
    if !pixels.iter().any(|at| away(*at) > reach) {
        return None;
    }
    let is_cut = pixels.iter().any(|at| {
        let (y, x) = (at / columns, at % columns);
        y == 0 || x == 0 || y + 1 == rows || x + 1 == columns
    });
    let middle = centroid(pixels.iter().copied(), columns);
    let count = pixels.len() as f64;
    let squares = |at: &usize| distance(place(*at, columns), middle).powi(2);
    let spread = pixels.iter().map(squares).sum::<f64>() / count;
    if !is_cut && count >= COMPACT * TAU * spread {
        return Some((Spot { middle, pixels }, true));
    }
    Some((widest(shape, pixels, start)?, false))
}

/// The largest disk within the pixels, of those that reach the first one; the frame's edge does not bound it.
fn widest((rows, columns): (usize, usize), mut pixels: Vec<usize>, start: usize) -> Option<Spot> {
    let place = |at: usize| place(at, columns);
    let own: HashSet<usize> = pixels.iter().copied().collect();
    let around = |at: usize| {
        let (y, x) = (at / columns, at % columns);
        let across = x.saturating_sub(1)..(x + 2).min(columns);
        (y.saturating_sub(1)..(y + 2).min(rows))
            .flat_map(move |y| across.clone().map(move |x| y * columns + x))
    };
    let beside: HashSet<usize> = (pixels.iter())
        .flat_map(|at| around(*at))
        .filter(|at| !own.contains(at))
        .collect();
    let room = |at: usize| {
        (beside.iter())
            .map(|other| distance(place(at), place(*other)))
            .fold(f64::INFINITY, f64::min)
    };
    let rooms: Vec<(usize, f64)> = (pixels.iter())
        .map(|at| (*at, room(*at)))
        .filter(|(at, room)| distance(place(*at), place(start)) <= room + 0.5)
        .collect();
    let largest = rooms.iter().map(|(_, room)| *room).fold(0.0, f64::max);
    let in_middle = rooms.iter().filter(|(_, room)| *room >= largest - 0.5);
    let middle = centroid(in_middle.map(|(at, _)| *at), columns);
    pixels.retain(|at| distance(place(*at), middle) <= largest + 0.5);
    (largest > 0.0 && largest.is_finite()).then_some(Spot { middle, pixels })
}
