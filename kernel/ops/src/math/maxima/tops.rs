//! Pixels that are the largest of their square, told of all squares at once.

use super::candidates::{ALONE, NOTHING, PART, PLATEAU};
use crate::math::{Grid, Real};
use signal::simd::Vectorised;

/// Pixels that are the largest of their square and not below `least`, in C order; how many. Most of those of which a neighbour is
/// like them and no maximum are left out.
pub struct Tops<'a, T> {
    pub grid: &'a Grid<T>,
    pub largest: &'a Grid<T>,
    pub least: T,
    /// Twice the place, and the last bit of the kind. Longer than the pixels.
    pub found: &'a mut [u32],
}

impl<T: Real> Vectorised for Tops<'_, T> {
    type Result = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let (values, tops) = (&self.grid.values[..], &self.largest.values[..]);
        let columns = self.grid.columns;
        let mut count = 0;
        for (number, (own, top)) in (values.chunks(PART).zip(tops.chunks(PART))).enumerate() {
            if let (Some(own), Some(top)) = (own.first_chunk::<PART>(), top.first_chunk::<PART>()) {
                let mut any = false;
                for lane in 0..PART {
                    any |= self.is_one(own[lane], top[lane]);
                }
                if !any {
                    continue;
                }
            }
            let first = number * PART;
            let end = first + own.len();
            let is_inside = first > columns && end + columns < values.len() && own.len() == PART;
            let mut kinds = [u32::from(NOTHING); PART];
            if is_inside {
                kinds = self.kinds(first);
                // What is beside the first and the last of a row is in another row.
                let mut edge = first.next_multiple_of(columns);
                while edge <= end {
                    for at in [edge - 1, edge] {
                        if (first..end).contains(&at) {
                            kinds[at - first] = self.kind(at);
                        }
                    }
                    edge += columns;
                }
            } else {
                for (at, kind) in (first..end).zip(&mut kinds) {
                    *kind = self.kind(at);
                }
            }
            for (at, kind) in (first as u32..).zip(kinds) {
                self.found[count] = 2 * at + (kind & 1);
                count += usize::from(kind != u32::from(NOTHING));
            }
        }
        count
    }
}

impl<T: Real> Tops<'_, T> {
    #[inline(always)]
    fn is_one(&self, value: T, largest: T) -> bool {
        (value >= self.least) & (value == largest)
    }

    fn kind(&self, at: usize) -> u32 {
        match self.is_one(self.grid.values[at], self.largest.values[at]) {
            false => u32::from(NOTHING),
            true if has_equal_neighbour(self.grid, at) => u32::from(PLATEAU),
            true => u32::from(ALONE),
        }
    }

    /// Of pixels that have others all around.
    #[inline(always)]
    fn kinds(&self, first: usize) -> [u32; PART] {
        let columns = self.grid.columns;
        let own = &self.grid.values[first..][..PART];
        let top = &self.largest.values[first..][..PART];
        let mut seen = [[0u32; PART]; 2];
        seen = self.look(first - columns - 1, own, seen);
        seen = self.look(first - columns, own, seen);
        seen = self.look(first - columns + 1, own, seen);
        seen = self.look(first - 1, own, seen);
        seen = self.look(first + 1, own, seen);
        seen = self.look(first + columns - 1, own, seen);
        seen = self.look(first + columns, own, seen);
        seen = self.look(first + columns + 1, own, seen);
        let [alike, shoulder] = seen;
        let mut kinds = [u32::from(NOTHING); PART];
        for lane in 0..PART {
            let is_one = u32::from(self.is_one(own[lane], top[lane]));
            kinds[lane] = (is_one & (1 - shoulder[lane])) << alike[lane];
        }
        kinds
    }

    /// Which of some pixels are like others, and like some that are no maximum, too.
    #[inline(always)]
    fn look(
        &self,
        from: usize,
        own: &[T],
        [mut alike, mut shoulder]: [[u32; PART]; 2],
    ) -> [[u32; PART]; 2] {
        let values = &self.grid.values[from..][..PART];
        let tops = &self.largest.values[from..][..PART];
        for lane in 0..PART {
            let is_alike = values[lane] == own[lane];
            alike[lane] |= u32::from(is_alike);
            shoulder[lane] |= u32::from(is_alike & (tops[lane] != own[lane]));
        }
        [alike, shoulder]
    }
}

/// The pixels around one, also at its corners.
pub fn neighbours(at: usize, rows: usize, columns: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (at / columns, at % columns);
    (row.saturating_sub(1)..(row + 2).min(rows)).flat_map(move |y| {
        (column.saturating_sub(1)..(column + 2).min(columns))
            .map(move |x| y * columns + x)
            .filter(move |other| *other != at)
    })
}

fn has_equal_neighbour<T: Real>(grid: &Grid<T>, at: usize) -> bool {
    neighbours(at, grid.rows, grid.columns).any(|other| grid.values[other] == grid.values[at])
}
