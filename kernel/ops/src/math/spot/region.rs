//! A spot that is no disk: the pixels that are connected with its maximum.

use std::f64::consts::TAU;

use super::{LARGEST, Search, Spot, distance};
use crate::math::pool::{self, Lent};
use signal::simd::{Vectorised, vectorised};

/// Area over that of a disk with the same mean square distance from the middle: 1 for a disk, 0.95 for a square, 0.8 for an
/// ellipse of 2 to 1, 0.67 for two disks that touch.
const COMPACT: f64 = 0.8;

/// The pixels that are connected with the first one, which goes first; `None` where `stop` says so of one. `seen` is false
/// everywhere, before and after.
fn flood(
    (rows, columns): (usize, usize),
    first: usize,
    seen: &mut [bool],
    belongs: impl Fn(usize) -> bool,
    stop: impl Fn(usize, [f64; 2]) -> bool,
) -> Option<Lent<usize>> {
    let mut inside = pool::empty();
    inside.push(first);
    seen[first] = true;
    let mut next = 0;
    let mut is_stopped = false;
    while let Some(at) = inside.get(next).copied() {
        next += 1;
        let (row, column) = (at / columns, at % columns);
        is_stopped = stop(at, [row as f64, column as f64]);
        if is_stopped {
            break;
        }
        let others = [
            (row > 0, at.wrapping_sub(columns)),
            (column > 0, at.wrapping_sub(1)),
            (column + 1 < columns, at + 1),
            (row + 1 < rows, at + columns),
        ];
        for (is_there, other) in others {
            if is_there && !seen[other] && belongs(other) {
                seen[other] = true;
                inside.push(other);
            }
        }
    }
    inside.iter().for_each(|at| seen[*at] = false);
    (!is_stopped).then_some(inside)
}

fn place(at: usize, columns: usize) -> [f64; 2] {
    [(at / columns) as f64, (at % columns) as f64]
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

impl Search<'_> {
    /// The connected pixels not below `least`, when they end and nothing among them is much brighter; and whether they are
    /// compact.
    pub fn connected(&mut self, (row, column): (usize, usize), least: f64) -> Option<(Spot, bool)> {
        let (image, score, reach) = (self.image, self.score, self.spots.reach);
        let shape @ (rows, columns) = (image.rows, image.columns);
        self.seen.resize(rows * columns, false);
        let start = row * columns + column;
        let from = place(start, columns);
        // The border of a larger spot stands out of its surroundings as far as the maximum does; beside a small spot on the slope
        // of something nothing does.
        let half_score = 0.5 * score.of(score.grid.values[start]);
        let border = |at: usize| score.of(score.grid.values[at]) >= half_score;
        let is_far = |_, at| distance(at, from) > reach;
        if flood(shape, start, &mut self.seen, border, is_far).is_some() {
            return None;
        }
        let value = |at: usize| f64::from(image.values[at]);
        let most = 2.0 * value(start) - least;
        let furthest = LARGEST * reach;
        let is_beyond = |[y, x]: [f64; 2]| (y - from[0]).abs().max((x - from[1]).abs()) >= furthest;
        let pixels = flood(
            shape,
            start,
            &mut self.seen,
            |at| value(at) >= least,
            |at, place| value(at) > most || is_beyond(place),
        )?;
        // What was bright over there may belong to something else.
        if !(pixels.iter()).any(|at| distance(place(*at, columns), from) > reach) {
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
        Some((self.widest(pixels, start)?, false))
    }

    /// The largest disk within the pixels, of those that reach the first one; the frame's edge does not bound it.
    fn widest(&mut self, mut pixels: Lent<usize>, start: usize) -> Option<Spot> {
        let (rows, columns) = (self.image.rows, self.image.columns);
        self.beside.resize(rows * columns, false);
        pixels.iter().for_each(|at| self.seen[*at] = true);
        let (mut ys, mut xs) = (pool::empty::<f32>(), pool::empty::<f32>());
        let mut marked = pool::empty();
        for at in pixels.iter() {
            let (row, column) = (at / columns, at % columns);
            for y in row.saturating_sub(1)..(row + 2).min(rows) {
                for x in column.saturating_sub(1)..(column + 2).min(columns) {
                    let other = y * columns + x;
                    if !self.seen[other] && !self.beside[other] {
                        self.beside[other] = true;
                        marked.push(other);
                        ys.push(y as f32);
                        xs.push(x as f32);
                    }
                }
            }
        }
        pixels.iter().for_each(|at| self.seen[*at] = false);
        marked.iter().for_each(|at| self.beside[*at] = false);
        let mut rooms = pool::empty::<f64>();
        for at in pixels.iter() {
            let (y, x) = ((at / columns) as f32, (at % columns) as f32);
            let (ys, xs) = (&*ys, &*xs);
            let room = f64::from(vectorised(Nearest { ys, xs, y, x })).sqrt();
            let reaches = distance(place(*at, columns), place(start, columns)) <= room + 0.5;
            rooms.push(if reaches { room } else { f64::NAN });
        }
        let largest = rooms.iter().copied().fold(0.0, f64::max);
        let in_middle = (pixels.iter().zip(rooms.iter()))
            .filter(|(_, room)| **room >= largest - 0.5)
            .map(|(at, _)| *at);
        let middle = centroid(in_middle, columns);
        pixels.retain(|at| distance(place(*at, columns), middle) <= largest + 0.5);
        (largest > 0.0 && largest.is_finite()).then_some(Spot { middle, pixels })
    }
}

/// The smallest square of the distances from a place; exact, of whole numbers that are not too large.
struct Nearest<'a> {
    ys: &'a [f32],
    xs: &'a [f32],
    y: f32,
    x: f32,
}

impl Vectorised for Nearest<'_> {
    type Result = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        const LANES: usize = 16;
        let mut least = [f32::INFINITY; LANES];
        for (ys, xs) in self.ys.chunks(LANES).zip(self.xs.chunks(LANES)) {
            for (lane, (y, x)) in least.iter_mut().zip(ys.iter().zip(xs)) {
                let (dy, dx) = (y - self.y, x - self.x);
                let square = dy * dy + dx * dx;
                *lane = if square < *lane { square } else { *lane };
            }
        }
        least.into_iter().fold(f32::INFINITY, f32::min)
    }
}
