//! An image moved by a fraction of a pixel.

use signal::simd::{Vectorised, vectorised};

use super::{Grid, Real};

/// `out(p) = I(p + by)`, bilinear between pixel centres; a pixel of which a part lies outside the image is `outside`. NaN
/// spreads to the pixels that have a part of it. A whole number of pixels copies values.
pub fn moved<T: Real>(grid: &Grid<T>, by: [f64; 2], outside: T) -> Vec<T> {
    let (rows, columns) = (grid.rows, grid.columns);
    let mut out = vec![outside; rows * columns];
    let [down, across] = by.map(Step::of);
    let (first, last) = across.range(columns);
    for (row, out) in out.chunks_exact_mut(columns.max(1)).enumerate() {
        let (Some(upper), Some(lower)) = (down.first(row, rows), down.second(row, rows)) else {
            continue;
        };
        if first < last {
            let from = (first as isize + across.whole) as usize;
            vectorised(Between {
                upper: &grid.row(upper)[from..],
                lower: &grid.row(lower)[from..],
                shares: [down.share, across.share],
                out: &mut out[first..last],
            });
        }
    }
    out
}

/// Whole pixels, and the share of the next one.
#[derive(Clone, Copy)]
struct Step {
    whole: isize,
    share: f64,
}

impl Step {
    fn of(by: f64) -> Self {
        // As far as this nothing is left inside.
        let by = by.clamp(-1e9, 1e9);
        Step {
            whole: by.floor() as isize,
            share: by - by.floor(),
        }
    }

    fn first(self, at: usize, size: usize) -> Option<usize> {
        let from = at as isize + self.whole;
        usize::try_from(from).ok().filter(|from| *from < size)
    }

    /// The next one, if there is a share of it.
    fn second(self, at: usize, size: usize) -> Option<usize> {
        let next = self.first(at, size)? + usize::from(self.share > 0.0);
        (next < size).then_some(next)
    }

    /// The places that come from inside.
    fn range(self, size: usize) -> (usize, usize) {
        let first = (-self.whole).clamp(0, size as isize);
        let last = size as isize - self.whole - isize::from(self.share > 0.0);
        (first as usize, last.clamp(0, size as isize) as usize)
    }
}

struct Between<'a, T> {
    upper: &'a [T],
    lower: &'a [T],
    shares: [f64; 2],
    out: &'a mut [T],
}

impl<T: Real> Vectorised for Between<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let [down, across] = self.shares;
        let along = |a: T, b: T, share: f64| a.to_f64() * (1.0 - share) + b.to_f64() * share;
        let count = self.out.len();
        let (upper, lower) = (&self.upper[..count], &self.lower[..count]);
        match (down > 0.0, across > 0.0) {
            (false, false) => self.out.copy_from_slice(upper),
            (true, false) => {
                for ((out, upper), lower) in self.out.iter_mut().zip(upper).zip(lower) {
                    *out = T::nearest(along(*upper, *lower, down));
                }
            }
            (is_down, true) => {
                let next = [&self.upper[1..=count], &self.lower[1..=count]];
                let pairs = upper.iter().zip(next[0]).zip(lower.iter().zip(next[1]));
                for (out, ((a, b), (c, d))) in self.out.iter_mut().zip(pairs) {
                    let above = along(*a, *b, across);
                    *out = T::nearest(match is_down {
                        true => above * (1.0 - down) + along(*c, *d, across) * down,
                        false => above,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(rows: usize, columns: usize) -> Grid<f64> {
        let value = |at: usize| 10.0 * (at / columns) as f64 + (at % columns) as f64;
        Grid::new(rows, columns, (0..rows * columns).map(value).collect())
    }

    #[test]
    fn a_ramp_moves_exactly_and_its_edges_are_outside() {
        let grid = ramp(9, 6);
        for by in [
            [0.0, 0.0],
            [1.0, -2.0],
            [0.25, 0.0],
            [0.0, -0.5],
            [-2.75, 1.5],
            [20.0, 0.5],
        ] {
            let out = moved(&grid, by, f64::NAN);
            for (at, found) in out.iter().enumerate() {
                let from = [(at / 6) as f64 + by[0], (at % 6) as f64 + by[1]];
                let inside = (0.0..=8.0).contains(&from[0]) && (0.0..=5.0).contains(&from[1]);
                let truth = 10.0 * from[0] + from[1];
                match inside {
                    true => assert!((found - truth).abs() < 1e-12, "{by:?} {at}: {found}"),
                    false => assert!(found.is_nan(), "{by:?} {at}: {found}"),
                }
            }
        }
    }

    #[test]
    fn nan_spreads_only_where_it_has_a_share() {
        let mut grid = ramp(9, 6);
        grid.values[4 * 6 + 3] = f64::NAN;
        let count = |by| {
            let out = moved(&grid, by, 0.0);
            out.iter().filter(|value| value.is_nan()).count()
        };
        assert_eq!(
            [[1.0, 1.0], [0.5, 0.0], [0.0, 0.5], [0.5, 0.5]].map(count),
            [1, 2, 2, 4]
        );
    }
}
