//! Mean of the pixels around a place.

use super::maxima::half_widths;
use super::pool::Lent;
use super::{Grid, Real};

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
