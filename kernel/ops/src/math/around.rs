//! Mean of the pixels around a place.

use super::maxima::half_widths;
use super::pool::{self, Lent};
use super::{Grid, Real};
use signal::simd::{Vectorised, vectorised};

/// A disk whose middle is a pixel.
pub struct Disk {
    half_widths: Lent<usize>,
}

impl Disk {
    /// The pixels with `dy² + dx² ≤ radius²`.
    pub fn new(radius: f64) -> Self {
        Disk {
            half_widths: half_widths(radius),
        }
    }

    /// As [`Disk::mean`] around each of some places.
    pub fn means<T: Real>(&self, grid: &Grid<T>, places: &[[f64; 2]], out: &mut [f64]) {
        vectorised(Means {
            disk: self,
            grid,
            places,
            out,
        });
    }

    /// Mean of the valid pixels in the disk around the pixel nearest to a place; NaN when nothing valid is inside the frame.
    pub fn mean<T: Real>(&self, grid: &Grid<T>, [y, x]: [f64; 2]) -> f64 {
        let reach = self.half_widths.len() / 2;
        let (cy, cx) = (nearest(y, grid.rows), nearest(x, grid.columns));
        let (mut sum, mut count) = (0.0, 0usize);
        for row in cy.saturating_sub(reach)..(cy + reach + 1).min(grid.rows) {
            let half = self.half_widths[row + reach - cy];
            let across = cx.saturating_sub(half)..(cx + half + 1).min(grid.columns);
            for value in &grid.row(row)[across] {
                let is_valid = !value.is_nan();
                sum += if is_valid { value.to_f64() } else { 0.0 };
                count += usize::from(is_valid);
            }
        }
        sum / count as f64
    }
}

struct Means<'a, T> {
    disk: &'a Disk,
    grid: &'a Grid<T>,
    places: &'a [[f64; 2]],
    out: &'a mut [f64],
}

impl<T: Real> Vectorised for Means<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        match self.disk.half_widths[..] {
            [0, 1, 0] => self.crosses(),
            _ => match self.disk.half_widths.len() {
                0..=4 => self.sums::<4, 4>(),
                5..=8 => self.sums::<8, 8>(),
                9..=12 => self.sums::<16, 12>(),
                13..=16 => self.sums::<16, 16>(),
                17..=20 => self.sums::<32, 20>(),
                21..=24 => self.sums::<32, 24>(),
                _ => self.sums::<32, 32>(),
            },
        }
    }
}

impl<T: Real> Means<'_, T> {
    /// The first of so many pixels in a row that begin where the disk does, when all of it and of them is in the image.
    #[inline(always)]
    fn first_of(&self, place: [f64; 2], lanes: usize) -> Option<usize> {
        let Means { disk, grid, .. } = self;
        let reach = disk.half_widths.len() / 2;
        let (row, column) = (
            nearest(place[0], grid.rows),
            nearest(place[1], grid.columns),
        );
        let is_inside = disk.half_widths.len() <= lanes
            && row >= reach
            && column >= reach
            && row + reach < grid.rows
            && column + reach < grid.columns
            && (row + reach) * grid.columns + column - reach + lanes <= grid.values.len();
        is_inside.then(|| (row - reach) * grid.columns + column - reach)
    }

    /// Of a pixel and the four beside it.
    #[inline(always)]
    fn crosses(self) {
        /// 2⁵²: a number as large has its whole part in the last bits.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        let Grid { rows, columns, .. } = *self.grid;
        let values = &self.grid.values[..];
        let whole = |at: f64| {
            let bits = ((at + 0.5).floor() + WHOLE).to_bits();
            (bits & (WHOLE as u64 - 1)) as usize
        };
        for (place, out) in self.places.iter().zip(self.out) {
            let [row, column] = place.map(whole);
            let is_inside = row.wrapping_sub(1) < rows.wrapping_sub(2)
                && column.wrapping_sub(1) < columns.wrapping_sub(2);
            let mut sum = f64::NAN;
            // From the left one on there are four pixels.
            if is_inside && (row + 1) * columns + column + 3 <= values.len() {
                let middle = row * columns + column;
                let [above, left, right, below] =
                    [middle - columns, middle - 1, middle + 1, middle + columns];
                let value = |at: usize| values[at].to_f64();
                let down = value(above) + value(middle) + value(below);
                sum = value(left) + value(right) + down;
            }
            // Where a pixel is invalid one has to look at each.
            *out = match sum.is_nan() {
                true => self.disk.mean(self.grid, *place),
                false => sum / 5.0,
            };
        }
    }

    /// Of whole rows of lanes, of which those outside the disk count as 0, as do those beyond the first `USED`.
    #[inline(always)]
    fn sums<const LANES: usize, const USED: usize>(self) {
        let (disk, grid) = (self.disk, self.grid);
        let widths = &disk.half_widths[..];
        let reach = widths.len() / 2;
        let area = widths.iter().map(|half| 2 * half + 1).sum::<usize>() as f64;
        // All bits of a lane inside of the disk, none of one outside.
        let mut masks = pool::filled(USED * widths.len(), 0u64);
        for (mask, half) in masks.as_chunks_mut::<USED>().0.iter_mut().zip(widths) {
            let inside = reach - half..(reach + half + 1).min(USED);
            mask.get_mut(inside)
                .into_iter()
                .for_each(|mask| mask.fill(u64::MAX));
        }
        for (n, place) in self.places.iter().enumerate() {
            let mut sums = [0.0f64; LANES];
            sums[0] = f64::NAN;
            if let Some(first) = self.first_of(*place, LANES) {
                sums[0] = 0.0;
                let masks = masks.as_chunks::<USED>().0;
                for (down, mask) in masks.iter().enumerate() {
                    let values = &grid.values[first + down * grid.columns..][..USED];
                    for lane in 0..USED {
                        let value = values[lane].to_f64().to_bits() & mask[lane];
                        sums[lane] += f64::from_bits(value);
                    }
                }
                let mut count = LANES;
                while count > 1 {
                    count /= 2;
                    for lane in 0..count {
                        sums[lane] += sums[lane + count];
                    }
                }
            }
            // Where a pixel is invalid one has to look at each.
            self.out[n] = match sums[0].is_nan() {
                true => disk.mean(grid, *place),
                false => sums[0] / area,
            };
        }
    }
}

/// The whole number nearest to one that is not far from `0..size`.
fn nearest(at: f64, size: usize) -> usize {
    ((at + 0.5) as usize).min(size.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_cut_by_the_frame_and_leaves_out_what_is_invalid() {
        let mut grid = Grid::new(12, 9, (0..108).map(f64::from).collect());
        let corner = Disk::new(1.0).mean(&grid, [0.2, 0.3]);
        assert_eq!(corner, (0.0 + 1.0 + 9.0) / 3.0);
        assert_eq!(Disk::new(3.0).mean(&grid, [5.0, 4.4]), grid.at(5, 4));
        assert_eq!(
            Disk::new(3.0)
                .half_widths
                .iter()
                .map(|half| 2 * half + 1)
                .sum::<usize>(),
            29
        );
        for radius in [0.0, 1.0, 2.5, 4.0, 9.0] {
            let places = [[0.2, 0.3], [5.0, 4.4], [6.6, 4.0], [11.3, 8.4]];
            let mut means = [0.0; 4];
            for hole in [None, Some(6 * 9 + 3)] {
                let mut grid = grid.clone();
                hole.into_iter().for_each(|at| grid.values[at] = f64::NAN);
                let disk = Disk::new(radius);
                disk.means(&grid, &places, &mut means);
                assert_eq!(means, places.map(|place| disk.mean(&grid, place)));
            }
        }
        grid.values[5 * 9 + 4] = f64::NAN;
        grid.values[5 * 9 + 5] = f64::NAN;
        let four = (grid.at(4, 4) + grid.at(6, 4) + grid.at(5, 3)) / 3.0;
        assert_eq!(Disk::new(1.0).mean(&grid, [5.0, 4.4]), four);
        assert_eq!(
            Disk::new(1.0).mean(&grid.to_f32(), [11.3, 8.4]),
            (107.0 + 106.0 + 98.0) / 3.0
        );
    }
}
