//! Pixels alike that touch each other.

use crate::math::pool::{self, Lent};
use crate::math::{Grid, Real};

/// What is known of a pixel: it is not the largest of its square; it is; its plateau was looked at.
const LOWER: u8 = 0;
const LARGEST: u8 = 1;
const SEEN: u8 = 2;

/// Plateaus of one image.
pub struct Plateaus<'a, T> {
    grid: &'a Grid<T>,
    /// Empty before the first one.
    known: Lent<u8>,
    /// Row and column.
    pixels: Lent<[u32; 2]>,
}

impl<'a, T: Real> Plateaus<'a, T> {
    pub fn of(grid: &'a Grid<T>) -> Self {
        Plateaus {
            grid,
            known: pool::empty(),
            pixels: pool::empty(),
        }
    }

    /// All pixels alike that are connected with the one at `first`: row and column of the one nearest to their centroid, and that;
    /// `None` when one of them is no maximum, and when they were looked at. Only those that are one are looked at, for the others are
    /// around them. `candidates` are the largest of their square.
    pub fn around(
        &mut self,
        first: [usize; 2],
        candidates: &[u32],
    ) -> Option<([usize; 2], [f64; 2])> {
        let Plateaus {
            grid,
            known,
            pixels,
        } = self;
        let Grid { rows, columns, .. } = **grid;
        if known.is_empty() {
            known.resize(grid.values.len(), LOWER);
            let places = candidates.iter().map(|candidate| (candidate >> 1) as usize);
            places.for_each(|at| known[at] = LARGEST);
        }
        let start = first[0] * columns + first[1];
        if known[start] == SEEN {
            return None;
        }
        let value = grid.values[start];
        known[start] = SEEN;
        pixels.clear();
        pixels.push(first.map(|at| at as u32));
        let (mut next, mut is_one) = (0, true);
        while let Some(pixel) = pixels.get(next) {
            next += 1;
            let [row, column] = pixel.map(|at| at as usize);
            let (left, right) = (column.saturating_sub(1), (column + 2).min(columns));
            for y in row.saturating_sub(1)..(row + 2).min(rows) {
                let line = y * columns + left..y * columns + right;
                let line = grid.values[line.clone()].iter().zip(&mut known[line]);
                for (x, (other, known)) in (left..).zip(line) {
                    if *other != value || *known == SEEN {
                        continue;
                    }
                    if *known == LARGEST {
                        *known = SEEN;
                        pixels.push([y as u32, x as u32]);
                    } else {
                        is_one = false;
                    }
                }
            }
        }
        is_one.then(|| middle(pixels))
    }
}

/// Of the pixels: the one nearest to the centroid, the first in C order of those as near, and the centroid.
fn middle(pixels: &[[u32; 2]]) -> ([usize; 2], [f64; 2]) {
    let place = |pixel: &[u32; 2]| pixel.map(f64::from);
    let sum = pixels.iter().fold([0.0; 2], |sum, pixel| {
        let [row, column] = place(pixel);
        [sum[0] + row, sum[1] + column]
    });
    let middle = sum.map(|sum| sum / pixels.len() as f64);
    let (mut nearest, mut least) = ([u32::MAX; 2], f64::INFINITY);
    for pixel in pixels {
        let [row, column] = place(pixel);
        let distance = (row - middle[0]).powi(2) + (column - middle[1]).powi(2);
        if distance < least || (distance == least && *pixel < nearest) {
            (nearest, least) = (*pixel, distance);
        }
    }
    (nearest.map(|at| at as usize), middle)
}
