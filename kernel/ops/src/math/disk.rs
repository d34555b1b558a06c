//! Normalised correlation of an image with a flat disk.

use super::robust::Scale;
use super::{Grid, whole_sample};

/// Part of the image's own spread below which a window counts as flat.
const FLAT: f64 = 0.01;

/// Zero-mean normalised correlation with a disk of `radius` pixels.
///
/// The template is 1 where `x² + y² ≤ radius²` on a square of side `2 radius + 1`. The score at a pixel is
/// `(d - m) / max(s, 0.01 spread(I)) · sqrt(p / (1 - p))` with `d` the mean over the disk, `m` and `s` mean and
/// standard deviation over the square of side `2 (radius + window_pad) + 1`, and `p` the disk's share of its own
/// square; with `window_pad` 0 this is the textbook zero-mean NCC, in [-1, 1]. A wider window dilutes the disk it is
/// compared with, so that good disks score above 1; the caller clips what it shows, not what it refines, because a
/// clipped top has no position. Edges are reflected, whole-sample.
/// The spread of the image is a robust one ([`Scale`]). NaN pixels have no weight; a disk less than half valid scores 0.
/// O(P · radius).
/// J. P. Lewis, Fast normalized cross-correlation, Vision Interface 1995.
pub fn score_map(grid: &Grid<f64>, radius: usize, window_pad: usize) -> Grid<f64> {
    let mut score = Grid::filled(grid.rows, grid.columns, 0.0);
    let Some(scale) = Scale::of_image(grid) else {
        return score;
    };
    let window = Window::new(radius, window_pad);
    let centred = |value: f64| match value.is_nan() {
        true => 0.0,
        false => scale.centred(value),
    };
    let values = window.running(grid, centred);
    let (disk, square) = (window.disk_sums(&values), window.square_sums(&values));
    let squares = window.square_sums(&window.running(grid, |value| centred(value).powi(2)));
    let valid = grid.has_nan().then(|| {
        let valid = window.running(grid, |value| f64::from(u8::from(!value.is_nan())));
        (window.disk_sums(&valid), window.square_sums(&valid))
    });

    let side = (2 * radius + 1) as f64;
    let share = window.disk_pixels / (side * side);
    let contrast = (share / (1.0 - share)).sqrt();
    for (at, score) in score.values.iter_mut().enumerate() {
        let (disk_count, box_count) = match &valid {
            None => (window.disk_pixels, window.box_pixels),
            Some((disk, square)) => (disk[at], square[at]),
        };
        if disk_count < 0.5 * window.disk_pixels {
            continue;
        }
        let window_mean = square[at] / box_count;
        let variance = squares[at] / box_count - window_mean * window_mean;
        let spread = variance.max(0.0).sqrt().max(FLAT * scale.spread);
        let rise = disk[at] / disk_count - window_mean;
        *score = rise / spread * contrast;
    }
    score
}

/// Half width of each row of a disk, top to bottom.
fn half_widths(radius: usize) -> Vec<usize> {
    let reach = radius as isize;
    (-reach..=reach)
        .map(|dy| ((reach * reach - dy * dy) as f64).sqrt().floor() as usize)
        .collect()
}

/// Running sums along each row, reflected at both ends, so that the sum of any run of pixels is one subtraction.
struct Running {
    rows: usize,
    columns: usize,
    width: usize,
    sums: Vec<f64>,
}

impl Running {
    /// The row `dy` below `row`, reflected at the edges.
    fn line(&self, row: usize, dy: isize) -> &[f64] {
        let from = whole_sample(row as isize + dy, self.rows);
        &self.sums[from * self.width..(from + 1) * self.width]
    }
}

struct Window {
    radius: usize,
    reach: usize,
    half_widths: Vec<usize>,
    disk_pixels: f64,
    box_pixels: f64,
}

impl Window {
    fn new(radius: usize, window_pad: usize) -> Self {
        let half_widths = half_widths(radius);
        let reach = radius + window_pad;
        Window {
            radius,
            reach,
            disk_pixels: half_widths.iter().map(|half| 2 * half + 1).sum::<usize>() as f64,
            box_pixels: ((2 * reach + 1) * (2 * reach + 1)) as f64,
            half_widths,
        }
    }

    fn running(&self, grid: &Grid<f64>, take: impl Fn(f64) -> f64) -> Running {
        let Grid { rows, columns, .. } = *grid;
        let padded = columns + 2 * self.reach;
        let source: Vec<usize> = (0..padded)
            .map(|at| whole_sample(at as isize - self.reach as isize, columns))
            .collect();
        let width = padded + 1;
        let mut sums = vec![0.0; rows * width];
        for (row, sums) in sums.chunks_exact_mut(width).enumerate() {
            let pixels = grid.row(row);
            let mut sum = 0.0;
            for (out, from) in sums[1..].iter_mut().zip(&source) {
                sum += take(pixels[*from]);
                *out = sum;
            }
        }
        Running {
            rows,
            columns,
            width,
            sums,
        }
    }

    fn disk_sums(&self, running: &Running) -> Vec<f64> {
        let mut sums = vec![0.0; running.rows * running.columns];
        for (row, out) in sums.chunks_exact_mut(running.columns.max(1)).enumerate() {
            for (dy, half) in (-(self.radius as isize)..).zip(&self.half_widths) {
                let line = running.line(row, dy);
                let low = &line[self.reach - half..];
                let high = &line[self.reach + half + 1..];
                for (out, (high, low)) in out.iter_mut().zip(high.iter().zip(low)) {
                    *out += high - low;
                }
            }
        }
        sums
    }

    /// The window slides down one row at a time: one row enters, one leaves.
    fn square_sums(&self, running: &Running) -> Vec<f64> {
        let reach = self.reach as isize;
        let side = 2 * self.reach + 1;
        let mut window = vec![0.0; running.columns];
        let slide = |window: &mut [f64], line: &[f64], sign: f64| {
            for (out, (high, low)) in window.iter_mut().zip(line[side..].iter().zip(line)) {
                *out += sign * (high - low);
            }
        };
        for dy in -reach..=reach {
            slide(&mut window, running.line(0, dy), 1.0);
        }
        let mut sums = Vec::with_capacity(running.rows * running.columns);
        sums.extend_from_slice(&window);
        for row in 1..running.rows {
            slide(&mut window, running.line(row, reach), 1.0);
            slide(&mut window, running.line(row, -reach - 1), -1.0);
            sums.extend_from_slice(&window);
        }
        sums
    }
}

/// Mean of the valid pixels with `dy² + dx² ≤ radius²` around a pixel; below radius 1 the interpolated value
/// at the given fractional position. NaN when nothing valid is inside the frame.
pub fn mean_over_disk(grid: &Grid<f64>, [y, x]: [f64; 2], radius: f64) -> f64 {
    if radius < 1.0 {
        return interpolated(grid, [y, x]);
    }
    let (cy, cx) = (y.round() as isize, x.round() as isize);
    let reach = radius.floor() as isize;
    let (mut sum, mut count) = (0.0, 0.0);
    for row in (cy - reach).max(0)..=(cy + reach).min(grid.rows as isize - 1) {
        let dy = (row - cy) as f64;
        let half = (radius * radius - dy * dy).max(0.0).sqrt().floor() as isize;
        for column in (cx - half).max(0)..=(cx + half).min(grid.columns as isize - 1) {
            let value = grid.at(row as usize, column as usize);
            if !value.is_nan() {
                sum += value;
                count += 1.0;
            }
        }
    }
    sum / count
}

fn interpolated(grid: &Grid<f64>, [y, x]: [f64; 2]) -> f64 {
    let y = y.clamp(0.0, grid.rows as f64 - 1.0);
    let x = x.clamp(0.0, grid.columns as f64 - 1.0);
    let (top, left) = (y as usize, x as usize);
    let (bottom, right) = (
        (top + 1).min(grid.rows - 1),
        (left + 1).min(grid.columns - 1),
    );
    let (fy, fx) = (y - top as f64, x - left as f64);
    let upper = grid.at(top, left) * (1.0 - fx) + grid.at(top, right) * fx;
    let lower = grid.at(bottom, left) * (1.0 - fx) + grid.at(bottom, right) * fx;
    upper * (1.0 - fy) + lower * fy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(rows: usize, columns: usize) -> Grid<f64> {
        let values = (0..rows * columns)
            .map(|at| ((at * 7919 + 13) % 101) as f64 + (at % columns) as f64)
            .collect();
        Grid::new(rows, columns, values)
    }

    /// The definition, pixel by pixel.
    fn slow_score(grid: &Grid<f64>, radius: isize, pad: isize, row: isize, column: isize) -> f64 {
        let at = |y, x| grid.at(whole_sample(y, grid.rows), whole_sample(x, grid.columns));
        let template = |y: isize, x: isize| f64::from(u8::from(y * y + x * x <= radius * radius));
        let square: Vec<(isize, isize)> = (-radius..=radius)
            .flat_map(|y| (-radius..=radius).map(move |x| (y, x)))
            .collect();
        let n = square.len() as f64;
        let total: f64 = square.iter().map(|(y, x)| template(*y, *x)).sum();
        let ts = (square
            .iter()
            .map(|(y, x)| (template(*y, *x) / total - 1.0 / n).powi(2))
            .sum::<f64>()
            / n)
            .sqrt();
        let x_sum: f64 = square
            .iter()
            .map(|(y, x)| template(*y, *x) / total * at(row + y, column + x))
            .sum();
        let reach = radius + pad;
        let window: Vec<f64> = (-reach..=reach)
            .flat_map(|y| (-reach..=reach).map(move |x| (y, x)))
            .map(|(y, x)| at(row + y, column + x))
            .collect();
        let m = window.iter().sum::<f64>() / window.len() as f64;
        let s = (window.iter().map(|v| (v - m).powi(2)).sum::<f64>() / window.len() as f64).sqrt();
        (x_sum / n - m / n) / (s * ts)
    }

    #[test]
    fn equals_the_definition_on_a_non_square_frame() {
        let grid = pattern(17, 23);
        for (radius, pad) in [(1, 0), (3, 1), (4, 3)] {
            let fast = score_map(&grid, radius as usize, pad as usize);
            for row in 0..17 {
                for column in 0..23 {
                    let slow = slow_score(&grid, radius, pad, row, column);
                    assert!((fast.at(row as usize, column as usize) - slow).abs() < 1e-11);
                }
            }
        }
    }

    #[test]
    fn an_invalid_pixel_changes_nothing_far_away_and_little_near() {
        let mut grid = Grid::filled(31, 40, 3.0);
        for row in 10..=16isize {
            for column in 17..=23isize {
                if (row - 13).pow(2) + (column - 20).pow(2) <= 9 {
                    grid.values[(row * 40 + column) as usize] = 50.0;
                }
            }
        }
        let whole = score_map(&grid, 3, 1);
        grid.values[13 * 40 + 21] = f64::NAN;
        let holed = score_map(&grid, 3, 1);
        assert!((whole.at(13, 20) - holed.at(13, 20)).abs() < 0.05);
        assert!(whole.at(13, 20) > 0.8);
        assert!(
            score_map(&Grid::filled(9, 12, f64::NAN), 2, 1)
                .values
                .iter()
                .all(|s| *s == 0.0)
        );
        assert!(
            score_map(&Grid::filled(9, 12, 0.1), 2, 1)
                .values
                .iter()
                .all(|s| *s == 0.0)
        );
    }

    #[test]
    fn the_disk_of_radius_3_has_29_pixels() {
        assert_eq!(
            half_widths(3)
                .iter()
                .map(|half| 2 * half + 1)
                .sum::<usize>(),
            29
        );
        let grid = pattern(12, 9);
        let corner = mean_over_disk(&grid, [0.2, 0.3], 1.0);
        assert_eq!(
            corner,
            (grid.at(0, 0) + grid.at(0, 1) + grid.at(1, 0)) / 3.0
        );
        assert_eq!(
            mean_over_disk(&grid, [2.0, 3.5], 0.5),
            0.5 * (grid.at(2, 3) + grid.at(2, 4))
        );
    }
}
