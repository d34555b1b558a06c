//! Position of the direct beam in one pattern.

use super::gaussian::Blur;
use super::{Grid, Real, robust};

/// Standard deviation of the smoothing before the brightest point is looked for, in pixels.
const SIGMA: f64 = 2.0;

/// Centre (row, column) of the disk that is brightest near the middle of the frame.
///
/// Only the square of half width `min(rows, columns) / 4` around the reference centre is searched, and brightness
/// counts less towards its border (cosine squared), so that a Bragg disk brighter than the direct beam does not win.
/// The smoothed disk's part above half its height is cut out, and the centroid of what rises above that
/// level is the answer; for a flat disk it is unbiased whatever the disk's radius. Hot pixels take no part. A frame without
/// contrast or valid pixel gives the reference centre. O(P) with a small factor.
pub fn find<T: Real>(grid: &Grid<T>) -> [f64; 2] {
    let half_width = (grid.rows.min(grid.columns) / 4).max(4);
    find_within(grid, grid.reference_centre(), half_width)
}

/// The same near a place that is known roughly: no further from it than an eighth of the frame.
pub fn find_about<T: Real>(grid: &Grid<T>, about: [f64; 2]) -> [f64; 2] {
    find_within(grid, about, (grid.rows.min(grid.columns) / 8).max(4))
}

/// The same in the square of some half width around a place; brightness counts less towards the square's border.
pub fn find_within<T: Real>(grid: &Grid<T>, reference: [f64; 2], half_width: usize) -> [f64; 2] {
    let (top, left, square) = cut(grid, reference, half_width);
    let smooth = Blur::new(square.rows, square.columns, SIGMA, 3.0).apply(&square);
    let middle = [reference[0] - top as f64, reference[1] - left as f64];
    let Some(peak) = brightest(&smooth, middle, half_width) else {
        return reference;
    };
    match centroid(&smooth, peak) {
        Some([row, column]) => [row + top as f64, column + left as f64],
        None => reference,
    }
}

/// The square around a place, hot pixels as invalid ones.
fn cut<T: Real>(grid: &Grid<T>, about: [f64; 2], half_width: usize) -> (usize, usize, Grid<f32>) {
    let nearest = |at: f64, size: usize| (at.round().max(0.0) as usize).min(size.saturating_sub(1));
    let (cy, cx) = (
        nearest(about[0], grid.rows),
        nearest(about[1], grid.columns),
    );
    let (top, left) = (cy.saturating_sub(half_width), cx.saturating_sub(half_width));
    let bottom = (cy + half_width + 1).min(grid.rows);
    let right = (cx + half_width + 1).min(grid.columns);
    let values = (top..bottom)
        .flat_map(|row| &grid.row(row)[left..right])
        .map(|value| value.to_f64() as f32)
        .collect();
    let mut square = Grid::new(bottom - top, right - left, values);
    for hot in robust::hot_pixels(grid) {
        let (row, column) = (hot / grid.columns, hot % grid.columns);
        if (top..bottom).contains(&row) && (left..right).contains(&column) {
            square.values[(row - top) * (right - left) + column - left] = f32::NAN;
        }
    }
    (top, left, square)
}

/// The pixel with the largest rise above the square's lowest value, weighted by its distance from the middle.
fn brightest(smooth: &Grid<f32>, middle: [f64; 2], half_width: usize) -> Option<usize> {
    let (lowest, highest) = smooth.range()?;
    // Rounding alone makes a constant frame uneven by about 1e-7 of its value.
    if highest - lowest <= 1e-5 * highest.abs().max(lowest.abs()) {
        return None;
    }
    let weight = |distance: f64| {
        let angle = distance.abs() / (half_width as f64 + 1.0) * std::f64::consts::FRAC_PI_2;
        angle.min(std::f64::consts::FRAC_PI_2).cos().powi(2)
    };
    let across = |column: usize| weight(column as f64 - middle[1]);
    let across: Vec<f64> = (0..smooth.columns).map(across).collect();
    let mut best = None;
    let mut most = 0.0;
    for row in 0..smooth.rows {
        let down = weight(row as f64 - middle[0]);
        for (column, (value, across)) in smooth.row(row).iter().zip(&across).enumerate() {
            let rise = f64::from(*value - lowest as f32) * down * across;
            if rise > most {
                most = rise;
                best = Some(row * smooth.columns + column);
            }
        }
    }
    best
}

/// Centroid of the connected part above half height around `peak`, weighted by the height above that level.
fn centroid(smooth: &Grid<f32>, peak: usize) -> Option<[f64; 2]> {
    let mut sorted: Vec<f32> = smooth
        .values
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .collect();
    let quarter = sorted.len() / 4;
    let (_, background, _) = sorted.select_nth_unstable_by(quarter, f32::total_cmp);
    let level = 0.5 * (*background + smooth.values[peak]);
    let mut seen = vec![false; smooth.values.len()];
    let mut open = vec![peak];
    seen[peak] = true;
    let (mut sum, mut moment_y, mut moment_x) = (0.0, 0.0, 0.0);
    while let Some(at) = open.pop() {
        let (row, column) = (at / smooth.columns, at % smooth.columns);
        let height = f64::from(smooth.values[at] - level);
        sum += height;
        moment_y += height * row as f64;
        moment_x += height * column as f64;
        let mut visit = |next: usize| {
            if !seen[next] && smooth.values[next] > level {
                seen[next] = true;
                open.push(next);
            }
        };
        if row > 0 {
            visit(at - smooth.columns);
        }
        if row + 1 < smooth.rows {
            visit(at + smooth.columns);
        }
        if column > 0 {
            visit(at - 1);
        }
        if column + 1 < smooth.columns {
            visit(at + 1);
        }
    }
    (sum > 0.0).then(|| [moment_y / sum, moment_x / sum])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(grid: &mut Grid<f64>, [cy, cx]: [f64; 2], radius: f64, height: f64) {
        for row in 0..grid.rows {
            for column in 0..grid.columns {
                let distance = (row as f64 - cy).hypot(column as f64 - cx);
                let cover = (radius + 0.5 - distance).clamp(0.0, 1.0);
                grid.values[row * grid.columns + column] += height * cover;
            }
        }
    }

    fn off(found: [f64; 2], truth: [f64; 2]) -> f64 {
        (found[0] - truth[0]).hypot(found[1] - truth[1])
    }

    #[test]
    fn exact_for_any_radius_and_fraction_of_a_pixel() {
        for radius in [1.0, 2.5, 4.0, 9.0] {
            for (dy, dx) in [(0.0, 0.0), (2.3, -1.4), (-3.75, 0.5), (1.1, 4.2)] {
                let mut grid = Grid::filled(96, 80, 2.0);
                let truth = [48.0 + dy, 40.0 + dx];
                disk(&mut grid, truth, radius, 300.0);
                assert!(
                    off(find(&grid), truth) < 0.1,
                    "{radius} {truth:?} {:?}",
                    find(&grid)
                );
            }
        }
    }

    #[test]
    fn brighter_bragg_disks_do_not_win() {
        let mut grid = Grid::filled(96, 80, 2.0);
        let truth = [49.3, 38.6];
        disk(&mut grid, truth, 4.0, 300.0);
        for (ky, kx, height) in [
            (49.3, 54.6, 500.0),
            (33.3, 38.6, 600.0),
            (20.0, 70.0, 9000.0),
        ] {
            disk(&mut grid, [ky, kx], 4.0, height);
        }
        assert!(off(find(&grid), truth) < 0.3, "{:?}", find(&grid));
    }

    #[test]
    fn a_hot_pixel_is_no_beam() {
        let mut grid = Grid::filled(96, 80, 2.0);
        let truth = [49.3, 38.6];
        disk(&mut grid, truth, 4.0, 300.0);
        let clean = find(&grid);
        grid.values[55 * 80 + 30] = 1e6;
        assert!(off(find(&grid), clean) < 0.02, "{:?}", find(&grid));
    }

    #[test]
    fn no_contrast_gives_the_reference_centre() {
        for value in [0.0, 7.0, f64::NAN] {
            assert_eq!(find(&Grid::filled(31, 20, value)), [15.0, 10.0]);
        }
        assert_eq!(find(&Grid::filled(1, 1, 4.0)), [0.0, 0.0]);
    }
}
