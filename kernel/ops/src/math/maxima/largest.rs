//! The largest value of the square around every pixel.

use crate::math::pool;
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// Pixels of the rows that are looked at together.
const TOGETHER: usize = 2048;

/// Largest value within `reach` rows and columns, what is beyond the edges left out; NaN counts as the smallest value.
/// O(P log reach).
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
        below(self.half, self.down);
        let half = &*self.half;
        for (row, out) in self.out.values.chunks_exact_mut(columns).enumerate() {
            // What is above a row and what is below it; near the top what begins with the first row does not go too far.
            let (above, below) = (half.row(row.saturating_sub(self.down)), half.row(row));
            for (out, (above, below)) in out.iter_mut().zip(above.iter().zip(below)) {
                *out = larger(*above, *below);
            }
        }
    }
}

/// Makes each row the largest of it and the `reach` rows below: of one, two, four, … rows; then of two such runs that overlap.
#[inline(always)]
fn below<T: Real>(grid: &mut Grid<T>, reach: usize) {
    let (rows, columns) = (grid.rows, grid.columns);
    let mut join = |by: usize| {
        for row in 0..rows.saturating_sub(by) {
            let (own, other) = grid.values.split_at_mut((row + by) * columns);
            let own = &mut own[row * columns..][..columns];
            for (own, other) in own.iter_mut().zip(&other[..columns]) {
                *own = larger(*other, *own);
            }
        }
    };
    let mut length = 1;
    while 2 * length <= reach + 1 {
        join(length);
        length *= 2;
    }
    if length <= reach {
        join(reach + 1 - length);
    }
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
