//! Pixels that are the largest of a larger square, told of all at once.
//!
//! Across by runs of one, two, four, … pixels; then down by blocks as high as the square, whose largest values from the start and to
//! the end of the block are known (van Herk, doi:10.1016/0167-8655(92)90069-C).

use super::bits::{Bits, WORD, pack, weights};
use super::candidates::PART;
use crate::math::pool;
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// Pixels of the rows that are looked at together: what was just written should not be read again at once, at places in between.
const TOGETHER: usize = 2048;

pub struct Window<'a, T> {
    grid: &'a Grid<T>,
    least: T,
    across: usize,
    down: usize,
    /// Some rows with `across` pixels of the smallest value before, between and after them; twice.
    lines: [&'a mut [T]; 2],
    /// Rows of whole words: the largest values within each row.
    half: &'a mut [T],
    /// Of these the largest from each row to the end of its block, of whole blocks.
    to_end: &'a mut [T],
    /// From the start of a block on, of one row and of the next one.
    from_start: [&'a mut [T]; 2],
    found: &'a mut Bits,
}

impl<'a, T: Real> Window<'a, T> {
    /// In the square of side `2 reach + 1`, what is beyond the edges left out, and not below `least`; NaN is below everything.
    /// O(P log reach).
    pub fn look(grid: &'a Grid<T>, reach: usize, least: T, found: &'a mut Bits) {
        let Grid { rows, columns, .. } = *grid;
        let (across, down) = (reach.min(columns - 1), reach.min(rows - 1));
        let width = found.words * WORD;
        let together = (TOGETHER / columns).clamp(1, rows);
        // What is beyond the end may be read, with what is there.
        let length = across + together * (columns + across) + 2 * across + 2 * WORD;
        vectorised(Window {
            grid,
            least,
            across,
            down,
            lines: [&mut pool::any(length), &mut pool::any(length)],
            half: &mut pool::any(rows * width),
            to_end: &mut pool::any(rows.next_multiple_of(2 * down + 1) * width),
            from_start: [&mut pool::any(width), &mut pool::any(width)],
            found,
        });
    }
}

impl<T: Real> Vectorised for Window<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(mut self) {
        self.across();
        self.look_to_ends();
        self.compare();
    }
}

impl<T: Real> Window<'_, T> {
    #[inline(always)]
    fn across(&mut self) {
        let (columns, across) = (self.grid.columns, self.across);
        let (stride, width) = (columns + across, self.found.words * WORD);
        let together = (TOGETHER / columns).clamp(1, self.grid.rows);
        let [mut line, mut other] = self.lines.each_mut().map(|line| &mut **line);
        let parts = self.grid.values.chunks(together * columns);
        for (part, half) in parts.zip(self.half.chunks_mut(together * width)) {
            let end = across + part.len() / columns * stride;
            line[..across].fill(T::NEG_INFINITY);
            let padded = line[across..end].chunks_exact_mut(stride);
            for (row, padded) in part.chunks_exact(columns).zip(padded) {
                let (own, between) = padded.split_at_mut(columns);
                for (own, value) in own.iter_mut().zip(row) {
                    *own = larger(*value, T::NEG_INFINITY);
                }
                between.fill(T::NEG_INFINITY);
            }
            // The largest of one, two, four, … values from each place on; then of two such runs that overlap.
            let (side, mut length) = (2 * across + 1, 1);
            while 2 * length <= side {
                // Into other memory, or each store becomes one that is masked.
                let parts = other[..end.next_multiple_of(PART)]
                    .as_chunks_mut::<PART>()
                    .0;
                for (n, out) in parts.iter_mut().enumerate() {
                    *out = larger_of(&line[n * PART..], &line[n * PART + length..]);
                }
                std::mem::swap(&mut line, &mut other);
                length *= 2;
            }
            for (row, out) in half.chunks_exact_mut(width).enumerate() {
                let line = &line[row * stride..];
                for (n, out) in out.as_chunks_mut::<PART>().0.iter_mut().enumerate() {
                    let near = &line[n * PART..];
                    *out = larger_of(near, &near[side - length..]);
                }
            }
        }
    }

    /// Blocks count from `down` rows above the first one, so that the square around a row begins at the place of its number.
    #[inline(always)]
    fn row_at(place: usize, down: usize, rows: usize) -> Option<usize> {
        place.checked_sub(down).filter(|row| *row < rows)
    }

    #[inline(always)]
    fn look_to_ends(&mut self) {
        let (rows, side) = (self.grid.rows, 2 * self.down + 1);
        let width = self.found.words * WORD;
        for place in (0..rows.next_multiple_of(side)).rev() {
            let (own, after) = self.to_end[place * width..].split_at_mut(width);
            let after = (place % side != side - 1).then_some(after);
            let row = Self::row_at(place, self.down, rows);
            let row = row.map(|row| &self.half[row * width..][..width]);
            join(row, after.as_deref(), own);
        }
    }

    #[inline(always)]
    fn compare(&mut self) {
        let (rows, side) = (self.grid.rows, 2 * self.down + 1);
        let width = self.found.words * WORD;
        let [mut from_start, mut other] = self.from_start.each_mut().map(|row| &mut **row);
        let weights = weights(self.found.words);
        let mut flags = pool::filled(width, 0);
        let mut place = 0;
        for row in 0..rows {
            while place < row + side {
                let before = (place % side != 0).then_some(&*from_start);
                let row = Self::row_at(place, self.down, rows);
                let row = row.map(|row| &self.half[row * width..][..width]);
                join(row, before, other);
                std::mem::swap(&mut from_start, &mut other);
                place += 1;
            }
            let own = self.grid.row(row);
            let to_end = &self.to_end[row * width..][..own.len()];
            let from_start = &from_start[..own.len()];
            let (is_one, weights) = (&mut flags[..own.len()], &weights[..own.len()]);
            for at in 0..own.len() {
                let most = larger(to_end[at], from_start[at]);
                let weight = if own[at] >= self.least {
                    weights[at]
                } else {
                    0
                };
                is_one[at] = if own[at] == most { weight } else { 0 };
            }
            pack(&flags, self.found.row_mut(row));
        }
    }
}

/// The larger ones of two rows, or of those that are there. Into other memory, or each store becomes one that is masked.
#[inline(always)]
fn join<T: Real>(one: Option<&[T]>, other: Option<&[T]>, out: &mut [T]) {
    match (one, other) {
        (Some(one), Some(other)) => {
            let parts = one
                .as_chunks::<PART>()
                .0
                .iter()
                .zip(other.as_chunks::<PART>().0);
            for (out, (one, other)) in out.as_chunks_mut::<PART>().0.iter_mut().zip(parts) {
                *out = larger_of(one, other);
            }
        }
        (Some(row), None) | (None, Some(row)) => out.copy_from_slice(&row[..out.len()]),
        (None, None) => out.fill(T::NEG_INFINITY),
    }
}

#[inline(always)]
fn larger_of<T: Real>(one: &[T], other: &[T]) -> [T; PART] {
    let (one, other) = (&one[..PART], &other[..PART]);
    let mut most = [T::NEG_INFINITY; PART];
    for lane in 0..PART {
        most[lane] = larger(one[lane], other[lane]);
    }
    most
}
