//! Pixels that may be maxima, where few are high enough.

use super::bits::{Bits, WORD, places};
use super::candidates::PART;
use crate::math::real::larger;
use crate::math::{Grid, Real};
use signal::simd::Vectorised;

/// Pixels that are not below `least` nor below any neighbour, and those of them that a neighbour is like; only what is around high
/// pixels is looked at.
pub struct SteepOfFew<'a, T> {
    pub grid: &'a Grid<T>,
    pub least: T,
    pub largest: &'a mut Bits,
    pub alike: &'a mut Bits,
}

impl<T: Real> Vectorised for SteepOfFew<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(mut self) {
        let Grid { rows, columns, .. } = *self.grid;
        let last = columns - 1;
        for row in 0..rows {
            let mut high = 0;
            for value in self.grid.row(row) {
                high |= u32::from(*value >= self.least);
            }
            if high == 0 {
                continue;
            }
            let is_within = row > 0 && row + 1 < rows && columns >= PART + 2;
            if !is_within {
                (0..columns).for_each(|column| self.look(row, column));
                continue;
            }
            self.look(row, 0);
            let mut next = 1;
            while next < last {
                // The last part begins within the one before.
                self.look_at_part(row, next.min(last - PART));
                next += PART;
            }
            self.look(row, last);
        }
    }
}

impl<T: Real> SteepOfFew<'_, T> {
    /// At a pixel anywhere.
    #[inline(always)]
    fn look(&mut self, row: usize, column: usize) {
        let value = self.grid.at(row, column);
        if value >= self.least {
            self.look_around(row, column, value);
        }
    }

    fn look_around(&mut self, row: usize, column: usize, value: T) {
        let Grid { rows, columns, .. } = *self.grid;
        let (left, right) = (column.saturating_sub(1), (column + 2).min(columns));
        // Itself is one of those like it.
        let (mut above, mut alike) = (false, 0);
        for y in row.saturating_sub(1)..(row + 2).min(rows) {
            for other in &self.grid.row(y)[left..right] {
                above |= *other > value;
                alike += u32::from(*other == value);
            }
        }
        if !above {
            self.largest.set(row, column);
            if alike > 1 {
                self.alike.set(row, column);
            }
        }
    }

    /// At pixels that have others all around.
    #[inline(always)]
    fn look_at_part(&mut self, row: usize, column: usize) {
        let columns = self.grid.columns;
        let first = row * columns + column;
        let own = &self.grid.values[first..][..PART];
        let mut any = false;
        for value in own {
            any |= *value >= self.least;
        }
        if !any {
            return;
        }
        let values = |at: usize| &self.grid.values[at..][..PART];
        let (above, below) = (first - columns, first + columns);
        let mut most = [T::NEG_INFINITY; PART];
        most = larger_of(values(above - 1), most);
        most = larger_of(values(above), most);
        most = larger_of(values(above + 1), most);
        most = larger_of(values(first - 1), most);
        most = larger_of(values(first + 1), most);
        most = larger_of(values(below - 1), most);
        most = larger_of(values(below), most);
        most = larger_of(values(below + 1), most);
        let (mut is_one, mut is_like) = ([0u8; PART], [0u8; PART]);
        for lane in 0..PART {
            let is_high = (own[lane] >= self.least) & (own[lane] >= most[lane]);
            is_one[lane] = u8::from(is_high);
            is_like[lane] = u8::from(is_high & (own[lane] == most[lane]));
        }
        if is_one != [0; PART] {
            self.largest.set_part(row, column, bits_of(&is_one));
            self.alike.set_part(row, column, bits_of(&is_like));
        }
    }
}

/// Flags of 0 or 1 as bits, the first one the lowest.
#[inline(always)]
fn bits_of(flags: &[u8; PART]) -> u64 {
    let eight = |flags: [u8; 8]| {
        // Each flag comes to a bit of its own in the highest byte.
        u64::from_le_bytes(flags).wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    let [low, high] = [0, 1].map(|half| flags.as_chunks::<8>().0[half]);
    eight(low) | eight(high) << 8
}

/// Of some pixels and others.
#[inline(always)]
fn larger_of<T: Real>(values: &[T], mut most: [T; PART]) -> [T; PART] {
    let values = &values[..PART];
    for lane in 0..PART {
        most[lane] = larger(values[lane], most[lane]);
    }
    most
}

/// Leaves those that are the largest of their square, of few places.
pub struct EachSquare<'a, T> {
    pub grid: &'a Grid<T>,
    pub reach: usize,
    pub found: &'a mut Bits,
}

impl<T: Real> Vectorised for EachSquare<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let EachSquare { grid, reach, found } = self;
        let (rows, columns) = (grid.rows, grid.columns);
        for row in 0..rows {
            for (n, word) in found.row_mut(row).iter_mut().enumerate() {
                for place in places(*word) {
                    let column = n * WORD + place;
                    let value = grid.at(row, column);
                    let left = column.saturating_sub(reach);
                    let width = (column + reach + 1).min(columns) - left;
                    let mut is_below = false;
                    for y in row.saturating_sub(reach)..(row + reach + 1).min(rows) {
                        let line = &grid.values[y * columns + left..];
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
                            break;
                        }
                    }
                    *word &= !(u64::from(is_below) << place);
                }
            }
        }
    }
}
