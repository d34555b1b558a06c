//! The largest value of the square around every pixel.

use crate::math::pool;
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// Largest value within `reach` rows and columns, what is beyond the edges left out; NaN counts as the smallest value. O(P log
/// reach) across, O(P) down.
pub fn largest_in_square<T: Real>(grid: &Grid<T>, reach: usize, out: &mut Grid<T>) {
    let Grid { rows, columns, .. } = *grid;
    if grid.values.is_empty() {
        return;
    }
    let across = reach.min(columns - 1);
    let width = columns + 2 * across;
    vectorised(Square {
        grid,
        across,
        down: reach.min(rows - 1),
        lines: [
            &mut pool::filled(width, T::NEG_INFINITY),
            &mut pool::any(width),
        ],
        running: &mut pool::any(columns),
        half: &mut pool::grid(rows, columns),
        out,
    });
}

struct Square<'a, T> {
    grid: &'a Grid<T>,
    across: usize,
    down: usize,
    /// A row with `across` pixels more on both sides, twice.
    lines: [&'a mut [T]; 2],
    running: &'a mut [T],
    /// The largest within each row.
    half: &'a mut Grid<T>,
    out: &'a mut Grid<T>,
}

impl<T: Real> Vectorised for Square<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (columns, across) = (self.grid.columns, self.across);
        let rows = self.grid.values.chunks_exact(columns);
        let [mut line, mut other] = self.lines;
        for (row, out) in rows.zip(self.half.values.chunks_exact_mut(columns)) {
            line[..across].fill(T::NEG_INFINITY);
            line[across + columns..].fill(T::NEG_INFINITY);
            for (padded, value) in line[across..across + columns].iter_mut().zip(row) {
                *padded = larger(*value, T::NEG_INFINITY);
            }
            // The largest of one, two, four, … values from each place on; then of two such runs that overlap.
            let (side, mut length) = (2 * across + 1, 1);
            while 2 * length <= side {
                let (near, far) = (&line[..line.len() - length], &line[length..]);
                for (out, (near, far)) in other.iter_mut().zip(near.iter().zip(far)) {
                    *out = larger(*near, *far);
                }
                std::mem::swap(&mut line, &mut other);
                length *= 2;
            }
            let (near, far) = (&line[..columns], &line[side - length..]);
            for (out, (near, far)) in out.iter_mut().zip(near.iter().zip(far)) {
                *out = larger(*near, *far);
            }
        }
        down_columns(self.half, self.down, self.running, self.out);
    }
}

/// Whole rows at a time: maxima from the end and from the start of blocks of the window's length (M. van Herk,
/// doi:10.1016/0167-8655(92)90069-C). The rows are thought to go on by `reach` of the smallest value on both sides.
#[inline(always)]
fn down_columns<T: Real>(grid: &Grid<T>, reach: usize, running: &mut [T], out: &mut Grid<T>) {
    let (rows, columns) = (grid.rows, grid.columns);
    let block = 2 * reach + 1;
    let row = |at: usize| {
        let is_within = at >= reach && at < reach + rows;
        is_within.then(|| grid.row(at - reach))
    };
    let take = |running: &mut [T], at: usize, is_first: bool| match (row(at), is_first) {
        (Some(row), true) => running.copy_from_slice(row),
        (None, true) => running.fill(T::NEG_INFINITY),
        (Some(row), false) => {
            for (running, value) in running.iter_mut().zip(row) {
                *running = larger(*value, *running);
            }
        }
        (None, false) => {}
    };
    let last = (rows - 1) / block * block + block - 1;
    for at in (0..=last).rev() {
        take(running, at, (at + 1) % block == 0);
        if at < rows {
            out.values[at * columns..(at + 1) * columns].copy_from_slice(running);
        }
    }
    for at in 0..rows + 2 * reach {
        take(running, at, at % block == 0);
        if let Some(first) = at.checked_sub(2 * reach) {
            let out = &mut out.values[first * columns..(first + 1) * columns];
            for (out, running) in out.iter_mut().zip(&*running) {
                *out = larger(*running, *out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_equals_looking_at_every_square() {
        for (rows, columns) in [(1, 1), (1, 20), (9, 1), (5, 9), (23, 31)] {
            let values = (0..rows * columns).map(|at| match at % 7 {
                3 => f64::NAN,
                _ => ((at * 31 + 7) % 17) as f64,
            });
            let grid = Grid::new(rows, columns, values.collect());
            for reach in [0, 1, 2, 3, 4, 7, 30] {
                let mut fast = Grid::filled(rows, columns, 0.0);
                largest_in_square(&grid, reach, &mut fast);
                for row in 0..rows {
                    for column in 0..columns {
                        let down = row.saturating_sub(reach)..(row + reach + 1).min(rows);
                        let across =
                            column.saturating_sub(reach)..(column + reach + 1).min(columns);
                        let slow = down
                            .flat_map(|y| across.clone().map(move |x| (y, x)))
                            .map(|(y, x)| grid.at(y, x))
                            .fold(f64::NEG_INFINITY, f64::max);
                        assert_eq!(fast.at(row, column), slow, "{rows} {columns} {reach}");
                    }
                }
            }
        }
    }
}
