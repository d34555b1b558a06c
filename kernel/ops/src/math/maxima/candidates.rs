//! Pixels that may be maxima: those that are the largest of the square around them, told of many at once.

use super::bits::{Bits, WORD, pack, places, weights};
use super::few::{EachSquare, SteepOfFew};
use super::window::Window;
use crate::math::pool::{self, Lent};
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// Pixels that are looked at together.
pub(super) const PART: usize = 16;

/// Where not more than one of so many pixels is high enough, each of them is looked at.
const FEW: usize = 16;
/// Neighbours of so many pixels are looked at one by one.
const ONE_BY_ONE: usize = 400;

/// Which pixels are the largest of their square.
pub struct Candidates {
    /// Not below any other one of the square, nor below the threshold.
    pub largest: Bits,
    /// Of these, those like one of the eight pixels around them that is not.
    pub shoulders: Bits,
}

impl Candidates {
    /// In the square of side `2 reach + 1`, cut at the edges, not below `least`; `None` where no pixel is so high.
    pub fn of<T: Real>(grid: &Grid<T>, reach: usize, least: T) -> Option<Self> {
        let Grid { rows, columns, .. } = *grid;
        let high = vectorised(High { grid, least });
        if high == 0 {
            return None;
        }
        let bits = || Bits::none(rows, columns);
        let (mut largest, mut shoulders) = (bits(), bits());
        if high > grid.values.len() / FEW {
            let mut alike = bits();
            if reach > 1 {
                Window::look(grid, reach, least, &mut largest);
                alike.copy(&largest);
            } else {
                vectorised(Steep {
                    padded: &Padded::of(grid),
                    least,
                    largest: &mut largest,
                    alike: &mut alike,
                });
            }
            if alike.count() > ONE_BY_ONE {
                vectorised(Shoulders {
                    padded: &mut Padded::of(grid),
                    grid,
                    largest: &largest,
                    among: &alike,
                    shoulders: &mut shoulders,
                });
            } else {
                mark_shoulders(grid, &largest, &alike, &mut shoulders);
            }
            return Some(Candidates { largest, shoulders });
        }
        let mut alike = bits();
        vectorised(SteepOfFew {
            grid,
            least,
            largest: &mut largest,
            alike: &mut alike,
        });
        if reach > 1 {
            vectorised(EachSquare {
                grid,
                reach,
                found: &mut largest,
            });
            alike.and(&largest);
        }
        mark_shoulders(grid, &largest, &alike, &mut shoulders);
        Some(Candidates { largest, shoulders })
    }
}

/// Looks for shoulders among some of the largest, one by one.
fn mark_shoulders<T: Real>(grid: &Grid<T>, largest: &Bits, among: &Bits, shoulders: &mut Bits) {
    for row in 0..grid.rows {
        for word in 0..among.words {
            for place in places(among.row(row)[word]) {
                let column = word * WORD + place;
                if is_shoulder(grid, largest, row, column) {
                    shoulders.set(row, column);
                }
            }
        }
    }
}

fn is_shoulder<T: Real>(grid: &Grid<T>, largest: &Bits, row: usize, column: usize) -> bool {
    let value = grid.at(row, column);
    let (left, right) = (column.saturating_sub(1), (column + 2).min(grid.columns));
    (row.saturating_sub(1)..(row + 2).min(grid.rows)).any(|y| {
        let mut line = (left..right).zip(&grid.row(y)[left..right]);
        line.any(|(x, other)| *other == value && !largest.has(y, x))
    })
}

/// How many pixels are not below `least`.
struct High<'a, T> {
    grid: &'a Grid<T>,
    least: T,
}

impl<T: Real> Vectorised for High<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let is_high = |value: &T| u32::from(*value >= self.least);
        let parts = self.grid.values.chunks(2048);
        parts
            .map(|part| part.iter().map(is_high).sum::<u32>() as usize)
            .sum()
    }
}

/// An image with the smallest value before and after each row, in rows of whole words; the smallest value in place of NaN, too.
struct Padded<T: Real> {
    rows: usize,
    words: usize,
    values: Lent<T>,
}

impl<T: Real> Padded<T> {
    fn of(grid: &Grid<T>) -> Self {
        let words = grid.columns.div_ceil(WORD);
        let values = pool::any(grid.rows * (words * WORD + PART));
        let rows = grid.rows;
        let mut padded = Padded {
            rows,
            words,
            values,
        };
        vectorised(Pad {
            grid,
            padded: &mut padded,
        });
        padded
    }

    #[inline(always)]
    fn stride(&self) -> usize {
        self.words * WORD + PART
    }

    /// From the pixel before the first one on.
    #[inline(always)]
    fn row(&self, row: usize) -> &[T] {
        &self.values[row * self.stride()..][..self.stride()]
    }
}

struct Pad<'a, T: Real> {
    grid: &'a Grid<T>,
    padded: &'a mut Padded<T>,
}

impl<T: Real> Vectorised for Pad<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Pad { grid, padded } = self;
        let stride = padded.stride();
        for (row, out) in padded.values.chunks_exact_mut(stride).enumerate() {
            out[0] = T::NEG_INFINITY;
            let (own, behind) = out[1..].split_at_mut(grid.columns);
            for (own, value) in own.iter_mut().zip(grid.row(row)) {
                *own = larger(*value, T::NEG_INFINITY);
            }
            behind.fill(T::NEG_INFINITY);
        }
    }
}

/// The largest of the eight pixels around each, row after row.
struct Around<'a, T: Real> {
    image: &'a Padded<T>,
    /// The larger one of both beside each pixel, of two rows.
    beside: Lent<T>,
    /// The largest of these and the pixel, of three rows.
    three: Lent<T>,
}

impl<'a, T: Real> Around<'a, T> {
    #[inline(always)]
    fn of(image: &'a Padded<T>) -> Self {
        let width = image.words * WORD;
        let mut around = Around {
            image,
            beside: pool::any(2 * width),
            three: pool::filled(3 * width, T::NEG_INFINITY),
        };
        around.look(0);
        around
    }

    /// At a row that comes next, or none that comes after the last one.
    #[inline(always)]
    fn look(&mut self, row: usize) {
        let width = self.image.words * WORD;
        let three = &mut self.three[row % 3 * width..][..width];
        if row == self.image.rows {
            three.fill(T::NEG_INFINITY);
            return;
        }
        let line = self.image.row(row);
        let beside = &mut self.beside[row % 2 * width..][..width];
        let [left, middle, right] = [0, 1, 2].map(|by| &line[by..][..width]);
        for column in 0..width {
            let most = larger(left[column], right[column]);
            beside[column] = most;
            three[column] = larger(middle[column], most);
        }
    }

    /// Around the pixels of a row, when the one below was looked at: the larger one of both beside each, the largest of the three
    /// above it and of those below it.
    #[inline(always)]
    fn rows(&self, row: usize) -> [&[T]; 3] {
        let width = self.image.words * WORD;
        [
            &self.beside[row % 2 * width..][..width],
            &self.three[(row + 2) % 3 * width..][..width],
            &self.three[(row + 1) % 3 * width..][..width],
        ]
    }
}

/// Pixels that are not below `least` nor below any neighbour, and those of them that a neighbour is like.
struct Steep<'a, T: Real> {
    padded: &'a Padded<T>,
    least: T,
    largest: &'a mut Bits,
    alike: &'a mut Bits,
}

impl<T: Real> Vectorised for Steep<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Padded { rows, words, .. } = *self.padded;
        let (width, least) = (words * WORD, self.least);
        let mut around = Around::of(self.padded);
        let weights = &weights(words)[..width];
        let (mut is_one, mut is_like) = (pool::any(width), pool::any(width));
        let (is_one, is_like) = (&mut is_one[..width], &mut is_like[..width]);
        for row in 0..rows {
            around.look(row + 1);
            let own = &self.padded.row(row)[1..][..width];
            let mut high = 0;
            for value in own {
                high |= u32::from(*value >= least);
            }
            if high == 0 {
                continue;
            }
            let [beside, above, below] = around.rows(row);
            for at in 0..width {
                let most = larger(beside[at], larger(above[at], below[at]));
                let weight = if own[at] >= least { weights[at] } else { 0 };
                is_one[at] = if own[at] >= most { weight } else { 0 };
                is_like[at] = if own[at] == most { weight } else { 0 };
            }
            pack(is_one, self.largest.row_mut(row));
            pack(is_like, self.alike.row_mut(row));
        }
    }
}

/// Which of some of the largest a neighbour is like that is not.
struct Shoulders<'a, T: Real> {
    grid: &'a Grid<T>,
    /// The same; the largest are taken out of it.
    padded: &'a mut Padded<T>,
    largest: &'a Bits,
    among: &'a Bits,
    shoulders: &'a mut Bits,
}

impl<T: Real> Vectorised for Shoulders<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Padded { rows, words, .. } = *self.padded;
        let stride = self.padded.stride();
        for (row, line) in self.padded.values.chunks_exact_mut(stride).enumerate() {
            for (n, word) in self.largest.row(row).iter().enumerate() {
                for place in places(*word) {
                    line[1 + n * WORD + place] = T::NEG_INFINITY;
                }
            }
        }
        let mut around = Around::of(self.padded);
        let weights = weights(words);
        let mut is_like = pool::filled(words * WORD, 0);
        for row in 0..rows {
            around.look(row + 1);
            let among = self.among.row(row);
            if among.iter().all(|word| *word == 0) {
                continue;
            }
            let own = self.grid.row(row);
            let [beside, above, below] = around.rows(row).map(|line| &line[..own.len()]);
            let (is_one, weights) = (&mut is_like[..own.len()], &weights[..own.len()]);
            for at in 0..own.len() {
                let most = larger(beside[at], larger(above[at], below[at]));
                is_one[at] = if own[at] == most { weights[at] } else { 0 };
            }
            // None of the others around one of the largest is larger than it.
            let shoulders = self.shoulders.row_mut(row);
            pack(&is_like, shoulders);
            for (shoulders, among) in shoulders.iter_mut().zip(among) {
                *shoulders &= among;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of the square around one, without itself.
    fn around(
        grid: &Grid<f64>,
        (row, column): (usize, usize),
        reach: usize,
    ) -> impl Iterator<Item = (usize, usize)> {
        let across = column.saturating_sub(reach)..(column + reach + 1).min(grid.columns);
        (row.saturating_sub(reach)..(row + reach + 1).min(grid.rows))
            .flat_map(move |y| across.clone().map(move |x| (y, x)))
            .filter(move |place| *place != (row, column))
    }

    #[test]
    fn they_are_those_of_looking_at_every_square() {
        let mut state = 1u32;
        for (rows, columns) in [
            (1, 1),
            (1, 40),
            (40, 1),
            (3, 17),
            (23, 31),
            (40, 64),
            (37, 130),
        ] {
            for levels in [2.0, 3.0, 1000.0] {
                let values = (0..rows * columns).map(|at| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let value = (f64::from(state >> 8) / f64::from(1u32 << 24) * levels).floor();
                    if at % 29 == 3 { f64::NAN } else { value }
                });
                let grid = Grid::new(rows, columns, values.collect());
                for reach in [1, 2, 5, 8, 60] {
                    for share in [0.0, 0.5, 0.99] {
                        let least = share * levels;
                        let is_largest = |(row, column): (usize, usize)| {
                            let value = grid.at(row, column);
                            let mut others = around(&grid, (row, column), reach);
                            value >= least && !others.any(|(y, x)| grid.at(y, x) > value)
                        };
                        let fast = Candidates::of(&grid, reach, least);
                        for at in 0..rows * columns {
                            let place @ (row, column) = (at / columns, at % columns);
                            let has = |bits: fn(&Candidates) -> &Bits| {
                                fast.as_ref()
                                    .is_some_and(|fast| bits(fast).has(row, column))
                            };
                            let is_one = is_largest(place);
                            let is_shoulder = is_one
                                && around(&grid, place, 1).any(|other| {
                                    grid.at(other.0, other.1) == grid.at(row, column)
                                        && !is_largest(other)
                                });
                            let what = format!("{rows} {columns} {reach} {share}: {row} {column}");
                            assert_eq!(has(|fast| &fast.largest), is_one, "{what}");
                            assert_eq!(has(|fast| &fast.shoulders), is_shoulder, "{what}");
                        }
                    }
                }
            }
        }
    }
}
