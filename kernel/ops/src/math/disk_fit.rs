//! Position of one disk by fitting its outline.

use super::Grid;

/// Half the width of the model's edge in pixels: a sharp disk on square pixels.
const SOFT: f64 = 0.5;
/// How far beyond the radius pixels take part.
const MARGIN: f64 = 2.0;
const STEPS: usize = 8;
/// A fit that walks further than this from where it began has found something else.
const FURTHEST: f64 = 1.5;

/// Least-squares fit of `level + height · disk(p - centre)` to the pixels around `start` (row, column).
///
/// The disk is 1 inside, falls linearly over 1 px around `radius`, and is 0 outside. Only the outline moves the centre, so
/// the answer does not depend on the template's radius in first order and is not drawn to whole pixels, as the top of a
/// correlation is. `None` where the pixels do not determine it or the fit leaves its start by more than 1.5 px.
/// Gauss-Newton, O(radius²).
pub fn disk_centre(grid: &Grid<f64>, start: [f64; 2], radius: f64) -> Option<[f64; 2]> {
    let pixels = around(grid, start, radius + MARGIN);
    let mut centre = start;
    // Level and height first, from where the disk is thought to be; the noise on and off it after that.
    let mut noise = Noise::EVEN;
    let [mut level, mut height, ..] = normal_equations::<2>(&pixels, centre, radius, 0.0, &noise)?;
    for step in 0..STEPS {
        if step == 2 {
            noise = Noise::estimate(&pixels, centre, radius, level, height);
        }
        let solved = normal_equations::<4>(&pixels, centre, radius, height, &noise)?;
        [level, height, ..] = solved;
        if height <= 0.0 {
            return None;
        }
        let (dy, dx) = (solved[2].clamp(-0.7, 0.7), solved[3].clamp(-0.7, 0.7));
        centre = [centre[0] + dy, centre[1] + dx];
        if (centre[0] - start[0]).hypot(centre[1] - start[1]) > FURTHEST {
            return None;
        }
        if step > 2 && dy.hypot(dx) < 1e-3 {
            break;
        }
    }
    Some(centre)
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

fn cover(radius: f64, distance: f64) -> f64 {
    ((radius + SOFT - distance) / (2.0 * SOFT)).clamp(0.0, 1.0)
}

/// Variance of a pixel off and on the disk. Counts are noisier where there are more of them, so pixels are
/// weighed by what their neighbours' scatter says.
struct Noise {
    off: f64,
    on: f64,
}

impl Noise {
    const EVEN: Noise = Noise { off: 1.0, on: 1.0 };
    /// Fewer pixels than this say nothing about their scatter.
    const FEWEST: f64 = 8.0;

    fn estimate(
        pixels: &[[f64; 3]],
        [cy, cx]: [f64; 2],
        radius: f64,
        level: f64,
        height: f64,
    ) -> Noise {
        let (mut off, mut on) = ((0.0, 0.0), (0.0, 0.0));
        for [row, column, value] in pixels {
            let squared = (row - cy).powi(2) + (column - cx).powi(2);
            let cover = cover(radius, squared.sqrt());
            let (sum, count) = match cover {
                0.0 => &mut off,
                1.0 => &mut on,
                _ => continue,
            };
            *sum += (value - level - height * cover).powi(2);
            *count += 1.0;
        }
        if off.1 < Self::FEWEST || on.1 < Self::FEWEST {
            return Noise::EVEN;
        }
        let floor = 1e-3 * height * height;
        Noise {
            off: off.0 / off.1 + floor,
            on: on.0 / on.1 + floor,
        }
    }
}

/// Level, height and (for `N` = 4) the step of the centre that minimise the squared differences.
fn normal_equations<const N: usize>(
    pixels: &[[f64; 3]],
    [cy, cx]: [f64; 2],
    radius: f64,
    height: f64,
    noise: &Noise,
) -> Option<[f64; 4]> {
    let mut matrix = [[0.0; N]; N];
    let mut right = [0.0; N];
    for [row, column, value] in pixels {
        let (dy, dx) = (row - cy, column - cx);
        let distance = (dy * dy + dx * dx).sqrt();
        let cover = cover(radius, distance);
        let weight = 1.0 / (noise.off + cover * (noise.on - noise.off));
        // Moving the centre towards an edge pixel covers more of it.
        let edge = match cover > 0.0 && cover < 1.0 && distance > 0.0 {
            true => height / (2.0 * SOFT * distance),
            false => 0.0,
        };
        let slopes = [1.0, cover, edge * dy, edge * dx];
        for i in 0..N {
            for j in 0..=i {
                matrix[i][j] += weight * slopes[i] * slopes[j];
            }
            right[i] += weight * slopes[i] * value;
        }
    }
    let solved = cholesky(matrix, right)?;
    let mut all = [0.0; 4];
    all[..N].copy_from_slice(&solved);
    Some(all)
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
            for radius in [3.6, 4.0, 4.4] {
                let found = disk_centre(&grid, [10.0, 14.0], radius).unwrap();
                assert!(
                    (found[0] - truth[0]).hypot(found[1] - truth[1])
                        < if radius == 4.0 { 0.03 } else { 0.1 },
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
