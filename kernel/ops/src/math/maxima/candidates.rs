//! Pixels that may be maxima: first those not below their eight neighbours, which vector instructions tell; of these, the largest of
//! their square.

use super::largest::largest_in_square;
use super::tops::Tops;
use crate::math::pool::{self, Lent};
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// What a pixel is: none of its neighbours is like it, or there are more of a plateau. The last bit tells them apart.
pub(super) const NOTHING: u8 = 0;
pub(super) const ALONE: u8 = 1;
pub(super) const PLATEAU: u8 = 2;

/// Pixels that are looked at together.
pub(super) const PART: usize = 16;

/// Where not more than one of so many pixels is high enough, each of them is looked at.
const FEW: usize = 16;

/// Twice the place, and [`ALONE`] in the last bit: of pixels that are the largest of the square of side `2 reach + 1` around them and
/// not below `least`, in C order. Most of those of which a neighbour is like them and no maximum are left out, or none.
pub fn candidates<T: Real>(grid: &Grid<T>, reach: usize, least: T) -> Lent<u32> {
    let pixels = grid.values.len();
    let mut found = pool::any(pixels + PART);
    let high = vectorised(High { grid, least });
    let count = if high == 0 {
        0
    } else if high <= pixels / FEW {
        few(grid, reach, least, &mut found)
    } else {
        let mut largest = pool::grid(grid.rows, grid.columns);
        largest_in_square(grid, reach, &mut largest);
        vectorised(Tops {
            grid,
            largest: &largest,
            least,
            found: &mut found,
        })
    };
    found.truncate(count);
    found
}

fn few<T: Real>(grid: &Grid<T>, reach: usize, least: T, found: &mut [u32]) -> usize {
    let count = vectorised(Steep { grid, least, found });
    let found = &mut found[..count];
    let side = 2 * reach + 1;
    if reach <= 1 {
        count
    } else if count * side * side <= 2 * grid.values.len() {
        vectorised(EachSquare { grid, reach, found })
    } else {
        let mut largest = pool::grid(grid.rows, grid.columns);
        largest_in_square(grid, reach, &mut largest);
        retain(found, |at| grid.values[at] == largest.values[at])
    }
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

/// Moves the places that stay to the front; how many.
#[inline(always)]
fn retain(found: &mut [u32], mut stays: impl FnMut(usize) -> bool) -> usize {
    let mut count = 0;
    for n in 0..found.len() {
        let candidate = found[n];
        found[count] = candidate;
        count += usize::from(stays((candidate >> 1) as usize));
    }
    count
}

/// Pixels that are not below `least` nor below any neighbour.
struct Steep<'a, T> {
    grid: &'a Grid<T>,
    least: T,
    /// Longer than the pixels by as many as are looked at together.
    found: &'a mut [u32],
}

impl<T: Real> Vectorised for Steep<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(mut self) -> usize {
        let Grid { rows, columns, .. } = *self.grid;
        let mut count = 0;
        for row in 0..rows {
            let first = row * columns;
            let last = first + columns - 1;
            let is_within = row > 0 && row + 1 < rows && columns >= PART + 2;
            if !is_within {
                for at in first..=last {
                    count = self.keep(at, self.kind(at), count);
                }
                continue;
            }
            count = self.keep(first, self.kind(first), count);
            let mut next = first + 1;
            while next < last {
                // The last part begins within the one before.
                let from = next.min(last - PART);
                let kinds = self.kinds(from);
                if kinds != [NOTHING; PART] {
                    // Written in any case and kept or not: what is where cannot be foreseen.
                    let found = &mut self.found[count..][..PART];
                    let mut more = 0;
                    for (lane, kind) in kinds.iter().enumerate().skip(next - from) {
                        found[more] = 2 * (from + lane) as u32 + u32::from(kind & 1);
                        more += usize::from(*kind != NOTHING);
                    }
                    count += more;
                }
                next = from + PART;
            }
            count = self.keep(last, self.kind(last), count);
        }
        count
    }
}

impl<T: Real> Steep<'_, T> {
    #[inline(always)]
    fn keep(&mut self, at: usize, kind: u8, count: usize) -> usize {
        if kind == NOTHING {
            return count;
        }
        self.found[count] = 2 * at as u32 + u32::from(kind & 1);
        count + 1
    }

    /// Of a pixel anywhere.
    fn kind(&self, at: usize) -> u8 {
        let value = self.grid.values[at];
        let is_one = value >= self.least;
        if !is_one {
            return NOTHING;
        }
        let (rows, columns) = (self.grid.rows, self.grid.columns);
        let (row, column) = (at / columns, at % columns);
        let mut kind = ALONE;
        for y in row.saturating_sub(1)..(row + 2).min(rows) {
            for x in column.saturating_sub(1)..(column + 2).min(columns) {
                let other = self.grid.at(y, x);
                if other > value {
                    return NOTHING;
                }
                if other == value && y * columns + x != at {
                    kind = PLATEAU;
                }
            }
        }
        kind
    }

    /// Of pixels that have others all around.
    #[inline(always)]
    fn kinds(&self, first: usize) -> [u8; PART] {
        let columns = self.grid.columns;
        let own = &self.grid.values[first..][..PART];
        let mut kinds = [NOTHING; PART];
        let mut any = false;
        for value in own {
            any |= *value >= self.least;
        }
        if !any {
            return kinds;
        }
        let (above, below) = (first - columns, first + columns);
        let mut most = [T::NEG_INFINITY; PART];
        most = self.largest_of(above - 1, most);
        most = self.largest_of(above, most);
        most = self.largest_of(above + 1, most);
        most = self.largest_of(first - 1, most);
        most = self.largest_of(first + 1, most);
        most = self.largest_of(below - 1, most);
        most = self.largest_of(below, most);
        most = self.largest_of(below + 1, most);
        for lane in 0..PART {
            let is_one = (own[lane] >= self.least) & (own[lane] >= most[lane]);
            let is_alike = own[lane] == most[lane];
            kinds[lane] = match (is_one, is_alike) {
                (false, _) => NOTHING,
                (true, false) => ALONE,
                (true, true) => PLATEAU,
            };
        }
        kinds
    }

    /// Of some pixels and others.
    #[inline(always)]
    fn largest_of(&self, from: usize, mut most: [T; PART]) -> [T; PART] {
        let values = &self.grid.values[from..][..PART];
        for lane in 0..PART {
            most[lane] = larger(values[lane], most[lane]);
        }
        most
    }
}

/// Leaves those that are the largest of their square, of few places.
struct EachSquare<'a, T> {
    grid: &'a Grid<T>,
    reach: usize,
    found: &'a mut [u32],
}

impl<T: Real> Vectorised for EachSquare<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let EachSquare { grid, reach, found } = self;
        let (rows, columns) = (grid.rows, grid.columns);
        retain(found, |at| {
            let (row, column) = (at / columns, at % columns);
            let value = grid.values[at];
            let left = column.saturating_sub(reach);
            let width = (column + reach + 1).min(columns) - left;
            for y in row.saturating_sub(reach)..(row + reach + 1).min(rows) {
                let line = &grid.values[y * columns + left..];
                let mut is_below = false;
                match line.first_chunk::<PART>() {
                    Some(part) if width <= PART => {
                        for (lane, other) in part.iter().enumerate() {
                            is_below |= (*other > value) & (lane < width);
                        }
                    }
                    _ => line[..width]
                        .iter()
                        .for_each(|other| is_below |= *other > value),
                }
                if is_below {
                    return false;
                }
            }
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tops::neighbours;
    use super::*;

    /// Every pixel looked at with its square.
    fn slow(grid: &Grid<f64>, reach: usize, least: f64) -> Vec<u32> {
        let (rows, columns) = (grid.rows, grid.columns);
        let mut found = Vec::new();
        for at in 0..rows * columns {
            let (row, column) = (at / columns, at % columns);
            let value = grid.values[at];
            let around = |reach: usize| {
                let across = column.saturating_sub(reach)..(column + reach + 1).min(columns);
                (row.saturating_sub(reach)..(row + reach + 1).min(rows))
                    .flat_map(move |y| across.clone().map(move |x| (y, x)))
                    .filter(move |place| *place != (row, column))
                    .map(|(y, x)| grid.at(y, x))
            };
            if value >= least && !around(reach).any(|other| other > value) {
                let is_alone = !around(1).any(|other| other == value);
                found.push(2 * at as u32 + u32::from(is_alone));
            }
        }
        found
    }

    /// Whether a neighbour is like a pixel and not the largest of its square.
    fn is_shoulder(grid: &Grid<f64>, all: &[u32], at: usize) -> bool {
        neighbours(at, grid.rows, grid.columns).any(|other| {
            let is_largest = all.iter().any(|one| (one >> 1) as usize == other);
            grid.values[other] == grid.values[at] && !is_largest
        })
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
            (40, 18),
            (37, 50),
        ] {
            for levels in [3.0, 1000.0] {
                let values = (0..rows * columns).map(|at| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let value = (f64::from(state >> 8) / f64::from(1u32 << 24) * levels).floor();
                    if at % 29 == 3 { f64::NAN } else { value }
                });
                let grid = Grid::new(rows, columns, values.collect());
                for reach in [1, 2, 5, 8, 60] {
                    for share in [0.0, 0.5, 0.99] {
                        let least = share * levels;
                        let mut fast = candidates(&grid, reach, least);
                        let mut slow = slow(&grid, reach, least);
                        let all = slow.clone();
                        for found in [&mut *fast, &mut slow] {
                            found.retain(|one| !is_shoulder(&grid, &all, (one >> 1) as usize));
                        }
                        assert_eq!(*fast, slow, "{rows} {columns} {reach}");
                    }
                }
            }
        }
    }
}
