//! The largest value of the square around every pixel.

use crate::math::pool;
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// Pixels of the rows that are looked at together.
const TOGETHER: usize = 2048;
/// Columns that are looked at together.
const WIDEST: usize = 32;

/// Largest value within `reach` rows and columns, what is beyond the edges left out; NaN counts as the smallest value. O(P log
/// reach) across, O(P) down.
pub fn largest_in_square<T: Real>(grid: &Grid<T>, reach: usize, out: &mut Grid<T>) {
    let Grid { rows, columns, .. } = *grid;
    if grid.values.is_empty() {
        return;
    }
    let across = reach.min(columns - 1);
    let together = (TOGETHER / columns).clamp(1, rows);
    let length = across + together * (columns + across);
    vectorised(Square {
        grid,
        across,
        down: reach.min(rows - 1),
        lines: [&mut pool::any(length), &mut pool::any(length)],
        half: &mut pool::grid(rows, columns),
        tails: &mut pool::any(WIDEST * rows),
        out,
    });
}

struct Square<'a, T> {
    grid: &'a Grid<T>,
    across: usize,
    down: usize,
    /// Some rows with `across` pixels of the smallest value before, between and after them; twice.
    lines: [&'a mut [T]; 2],
    /// The largest within each row.
    half: &'a mut Grid<T>,
    /// The largest from each row to the end of its block, of some columns.
    tails: &'a mut [T],
    out: &'a mut Grid<T>,
}

impl<T: Real> Vectorised for Square<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (columns, across) = (self.grid.columns, self.across);
        let stride = columns + across;
        let [mut line, mut other] = self.lines;
        let together = (line.len() - across) / stride * columns;
        let parts = self.grid.values.chunks(together);
        for (part, out) in parts.zip(self.half.values.chunks_mut(together)) {
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
                let (near, far) = (&line[..end - length], &line[length..end]);
                for (out, (near, far)) in other.iter_mut().zip(near.iter().zip(far)) {
                    *out = larger(*near, *far);
                }
                std::mem::swap(&mut line, &mut other);
                length *= 2;
            }
            for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                let near = &line[row * stride..][..columns];
                let far = &line[row * stride + side - length..][..columns];
                for (out, (near, far)) in out.iter_mut().zip(near.iter().zip(far)) {
                    *out = larger(*near, *far);
                }
            }
        }
        let (half, down, tails, out) = (&*self.half, self.down, self.tails, self.out);
        let mut from = 0;
        from = strips::<T, WIDEST>(half, down, tails, out, from);
        from = strips::<T, 8>(half, down, tails, out, from);
        strips::<T, 1>(half, down, tails, out, from);
    }
}

/// Some columns at a time: maxima from the end and from the start of blocks of the window's length (M. van Herk,
/// doi:10.1016/0167-8655(92)90069-C). The rows are thought to go on by `reach` of the smallest value on both sides.
#[inline(always)]
fn strips<T: Real, const WIDTH: usize>(
    grid: &Grid<T>,
    reach: usize,
    tails: &mut [T],
    out: &mut Grid<T>,
    mut from: usize,
) -> usize {
    let (rows, columns) = (grid.rows, grid.columns);
    let block = 2 * reach + 1;
    let blank = [T::NEG_INFINITY; WIDTH];
    while from + WIDTH <= columns {
        let place = |row: usize| row * columns + from..row * columns + from + WIDTH;
        let join = |running: &mut [T; WIDTH], at: usize| {
            if at >= reach && at < reach + rows {
                let row = &grid.values[place(at - reach)];
                for (running, value) in running.iter_mut().zip(row) {
                    *running = larger(*value, *running);
                }
            }
        };
        let mut first = (rows - 1) / block * block;
        let mut running = blank;
        let mut at = first + block;
        while at > 0 {
            at -= 1;
            join(&mut running, at);
            if at < rows {
                tails[at * WIDTH..][..WIDTH].copy_from_slice(&running);
            }
            if at == first {
                running = blank;
                first = first.saturating_sub(block);
            }
        }
        let mut next = 0;
        for at in 0..rows + 2 * reach {
            if at == next {
                running = blank;
                next += block;
            }
            join(&mut running, at);
            if at >= 2 * reach {
                let out = &mut out.values[place(at - 2 * reach)];
                let tail = &tails[(at - 2 * reach) * WIDTH..][..WIDTH];
                for (out, (running, tail)) in out.iter_mut().zip(running.iter().zip(tail)) {
                    *out = larger(*running, *tail);
                }
            }
        }
        from += WIDTH;
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_equals_looking_at_every_square() {
        for (rows, columns) in [(1, 1), (1, 20), (9, 1), (5, 9), (23, 31), (70, 43)] {
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
