//! Position of one disk by fitting its outline.

use super::Grid;

/// Half the width of the model's edge in pixels: a sharp disk on square pixels.
const SOFT: f64 = 0.5;
/// How far beyond the radius pixels take part.
const MARGIN: f64 = 2.0;
const STEPS: usize = 10;
/// How far the radius may be from the one given, as a share of it (one standard deviation).
const RADIUS_SHARE: f64 = 0.10;
/// A fit that walks further than this from where it began has found something else.
const FURTHEST: f64 = 1.5;

/// Least-squares fit of `level + height · disk(p - centre)` to the pixels around `start` (row, column).
///
/// The disk is 1 inside, falls linearly over 1 px around its radius, and is 0 outside; the radius is fitted too, held near
/// `radius`. Only the outline moves the centre, so the answer is not drawn to whole pixels, as the top of a
/// correlation is. `None` where the pixels do not determine it or the fit leaves its start by more than 1.5 px.
/// Gauss-Newton, O(radius²).
pub fn disk_centre(grid: &Grid<f64>, start: [f64; 2], radius: f64) -> Option<[f64; 2]> {
    let pixels = around(grid, start, radius + MARGIN);
    let mut model = Model::start(&pixels, start, radius)?;
    // Every pixel alike at first; the noise on and off the disk once it is about found.
    let mut noise = Noise::even(model.height);
    for step in 0..STEPS {
        if step == 3 {
            noise = Noise::estimate(&pixels, &model);
        }
        let moved = model.improve(&pixels, &noise, radius)?;
        let [cy, cx] = model.centre;
        if model.height <= 0.0 || (cy - start[0]).hypot(cx - start[1]) > FURTHEST {
            return None;
        }
        if step > 3 && moved < 1e-3 {
            break;
        }
    }
    Some(model.centre)
}

/// Row, column and value of the valid pixels within `reach`.
fn around(grid: &Grid<f64>, [cy, cx]: [f64; 2], reach: f64) -> Vec<[f64; 3]> {
    let range = |at: f64, size: usize| {
        let low = (at - reach).ceil().max(0.0) as usize;
        let end = ((at + reach).floor() + 1.0).clamp(0.0, size as f64) as usize;
        low..end
    };
    let mut pixels = Vec::new();
    for row in range(cy, grid.rows) {
        for column in range(cx, grid.columns) {
            let (dy, dx) = (row as f64 - cy, column as f64 - cx);
            let value = grid.at(row, column);
            if dy * dy + dx * dx <= reach * reach && !value.is_nan() {
                pixels.push([row as f64, column as f64, value]);
            }
        }
    }
    pixels
}

struct Model {
    centre: [f64; 2],
    radius: f64,
    level: f64,
    height: f64,
}

impl Model {
    /// Level and height from where the disk is thought to be.
    fn start(pixels: &[[f64; 3]], centre: [f64; 2], radius: f64) -> Option<Self> {
        let mut model = Model {
            centre,
            radius,
            level: 0.0,
            height: 0.0,
        };
        let even = Noise { off: 1.0, on: 1.0 };
        let (matrix, right) = model.normal_equations::<2>(pixels, &even);
        [model.level, model.height] = cholesky(matrix, right)?;
        (model.height > 0.0).then_some(model)
    }

    /// Distance of a pixel from the centre, and how much of it the disk covers.
    fn cover(&self, row: f64, column: f64) -> (f64, f64) {
        let (dy, dx) = (row - self.centre[0], column - self.centre[1]);
        let distance = (dy * dy + dx * dx).sqrt();
        let cover = (self.radius + SOFT - distance) / (2.0 * SOFT);
        (distance, cover.clamp(0.0, 1.0))
    }

    /// One Gauss-Newton step; how far the centre moved.
    fn improve(&mut self, pixels: &[[f64; 3]], noise: &Noise, given: f64) -> Option<f64> {
        let (mut matrix, mut right) = self.normal_equations::<5>(pixels, noise);
        let hold = (RADIUS_SHARE * given).powi(-2);
        matrix[4][4] += hold;
        right[4] += hold * (given - self.radius);
        let [level, height, dy, dx, dr] = cholesky(matrix, right)?;
        let (dy, dx) = (dy.clamp(-0.7, 0.7), dx.clamp(-0.7, 0.7));
        self.level = level;
        self.height = height;
        self.centre = [self.centre[0] + dy, self.centre[1] + dx];
        self.radius = (self.radius + dr.clamp(-0.5, 0.5)).clamp(0.5 * given, 2.0 * given);
        Some(dy.hypot(dx))
    }

    /// Of level, height and (for `N` = 5) the steps of row, column and radius.
    fn normal_equations<const N: usize>(
        &self,
        pixels: &[[f64; 3]],
        noise: &Noise,
    ) -> ([[f64; N]; N], [f64; N]) {
        let mut matrix = [[0.0; N]; N];
        let mut right = [0.0; N];
        for [row, column, value] in pixels {
            let (distance, cover) = self.cover(*row, *column);
            let weight = 1.0 / (noise.off + cover * (noise.on - noise.off));
            // Moving the centre towards an edge pixel covers more of it.
            let edge = match cover > 0.0 && cover < 1.0 && distance > 0.0 {
                true => self.height / (2.0 * SOFT * distance),
                false => 0.0,
            };
            let (dy, dx) = (row - self.centre[0], column - self.centre[1]);
            let slopes = [1.0, cover, edge * dy, edge * dx, edge * distance];
            for i in 0..N {
                for j in 0..=i {
                    matrix[i][j] += weight * slopes[i] * slopes[j];
                }
                right[i] += weight * slopes[i] * value;
            }
        }
        (matrix, right)
    }
}

/// Variance of a pixel off and on the disk. Counts are noisier where there are more of them, so pixels are
/// weighed by what their neighbours' scatter says.
struct Noise {
    off: f64,
    on: f64,
}

impl Noise {
    /// Fewer pixels than this say nothing about their scatter.
    const FEWEST: f64 = 8.0;

    /// Alike everywhere, on the scale of the disk's height.
    fn even(height: f64) -> Noise {
        let variance = 0.5 * height * height;
        Noise {
            off: variance,
            on: variance,
        }
    }

    fn estimate(pixels: &[[f64; 3]], model: &Model) -> Noise {
        let (mut off, mut on) = ((0.0, 0.0), (0.0, 0.0));
        for [row, column, value] in pixels {
            let (_, cover) = model.cover(*row, *column);
            let (sum, count) = match cover {
                0.0 => &mut off,
                1.0 => &mut on,
                _ => continue,
            };
            *sum += (value - model.level - model.height * cover).powi(2);
            *count += 1.0;
        }
        if off.1 < Self::FEWEST || on.1 < Self::FEWEST {
            return Noise::even(model.height);
        }
        let floor = 1e-3 * model.height * model.height;
        Noise {
            off: off.0 / off.1 + floor,
            on: on.0 / on.1 + floor,
        }
    }
}

/// Solves a symmetric positive system given its lower triangle.
fn cholesky<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for j in 0..N {
        let scale = a[j][j];
        for k in 0..j {
            a[j][j] -= a[j][k] * a[j][k];
        }
        if a[j][j].is_nan() || a[j][j] <= 1e-10 * scale {
            return None;
        }
        a[j][j] = a[j][j].sqrt();
        for i in j + 1..N {
            for k in 0..j {
                a[i][j] -= a[i][k] * a[j][k];
            }
            a[i][j] /= a[j][j];
        }
    }
    for i in 0..N {
        for k in 0..i {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_any_fraction_of_a_pixel_also_with_a_wrong_radius_and_a_hole() {
        for (dy, dx) in [(0.0, 0.0), (0.3, -0.4), (-0.5, 0.5), (0.25, 0.1)] {
            let truth = [10.0 + dy, 14.0 + dx];
            let mut grid = Grid::filled(21, 27, 3.0);
            for row in 0..21 {
                for column in 0..27 {
                    let distance = (row as f64 - truth[0]).hypot(column as f64 - truth[1]);
                    grid.values[row * 27 + column] += 40.0 * (4.5 - distance).clamp(0.0, 1.0);
                }
            }
            for radius in [3.4, 4.0, 5.0] {
                let found = disk_centre(&grid, [10.0, 14.0], radius).unwrap();
                assert!(
                    (found[0] - truth[0]).hypot(found[1] - truth[1]) < 0.05,
                    "{found:?} {truth:?}"
                );
            }
            grid.values[10 * 27 + 15] = f64::NAN;
            let found = disk_centre(&grid, [10.0, 14.0], 4.0).unwrap();
            assert!((found[0] - truth[0]).hypot(found[1] - truth[1]) < 0.03);
        }
    }

    #[test]
    fn nothing_to_fit_gives_nothing() {
        assert_eq!(
            disk_centre(&Grid::filled(9, 12, 1.0), [4.0, 5.0], 3.0),
            None
        );
        assert_eq!(
            disk_centre(&Grid::filled(9, 12, f64::NAN), [4.0, 5.0], 3.0),
            None
        );
    }
}
