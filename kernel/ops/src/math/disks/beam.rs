//! Where the direct beam is, how large, and where it would be when it is covered.

use super::clean::Clean;
use crate::math::{Grid, direct_beam};

/// Share of a disk's pixels at the middle of the pattern that must be covered for the direct beam to be hidden.
const HIDDEN: f64 = 0.3;

/// The middle of the pattern where the direct beam is not seen: the point about which the mean pattern is most like itself
/// turned by half a turn.
pub(super) fn symmetric_centre(frames: &[Vec<f32>], (rows, columns): (usize, usize)) -> [f64; 2] {
    let mut mean = vec![[0.0f64; 2]; rows * columns];
    for frame in frames {
        for (sum, value) in mean.iter_mut().zip(frame) {
            if value.is_finite() {
                sum[0] += f64::from(*value);
                sum[1] += 1.0;
            }
        }
    }
    // Square roots: the noise is the same everywhere.
    let mean: Vec<f64> = mean
        .iter()
        .map(|[sum, count]| (sum / count).max(0.0).sqrt())
        .collect();
    // Sums of row and column of a pixel and of its opposite, that is twice the middle.
    let unlike = |twice: [isize; 2]| {
        let (mut sum, mut count) = (0.0, 0.0f64);
        for row in (0..rows as isize).step_by(2) {
            let other_row = twice[0] - row;
            if other_row < 0 || other_row >= rows as isize {
                continue;
            }
            for column in 0..columns as isize {
                let other = twice[1] - column;
                if other < 0 || other >= columns as isize {
                    continue;
                }
                let here = mean[(row * columns as isize + column) as usize];
                let there = mean[(other_row * columns as isize + other) as usize];
                if here.is_finite() && there.is_finite() {
                    sum += (here - there).powi(2);
                    count += 1.0;
                }
            }
        }
        if count < 0.2 * (rows * columns) as f64 / 2.0 {
            f64::INFINITY
        } else {
            sum / count
        }
    };
    let reach = (rows.min(columns) / 4) as isize;
    let start = [rows as isize - 1, columns as isize - 1];
    let (mut best, mut at) = (f64::INFINITY, start);
    for (step, reach) in [(4, reach), (2, 4), (1, 2)] {
        let around = at;
        for dy in (-reach..=reach).step_by(step) {
            for dx in (-reach..=reach).step_by(step) {
                let place = [around[0] + dy, around[1] + dx];
                let value = unlike(place);
                if value < best {
                    (best, at) = (value, place);
                }
            }
        }
    }
    at.map(|twice| 0.5 * twice as f64)
}

/// Whether so much of a beam at `centre` is covered that it is hidden.
pub(super) fn is_covered(
    centre: [f64; 2],
    (rows, columns): (usize, usize),
    clean: &Clean,
    radius: f64,
) -> bool {
    let of_beam = |place: usize| {
        let (dy, dx) = (
            (place / columns) as f64 - centre[0],
            (place % columns) as f64 - centre[1],
        );
        dy * dy + dx * dx <= radius * radius
    };
    let hidden = clean.dead.iter().filter(|place| of_beam(**place)).count() as f64;
    let all = (0..rows * columns).filter(|place| of_beam(*place)).count() as f64;
    hidden > HIDDEN * all
}

/// Place and radius of the brightest disk near the middle, or near where the beam is said to be: what is connected above half
/// its height. Where that place is covered the radius is that of the brightest disk anywhere.
pub(super) fn beam(
    frame: &[f32],
    (rows, columns): (usize, usize),
    about: Option<[f64; 2]>,
) -> ([f64; 2], f64) {
    // As bright as can be told.
    let most = frame
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f32::max);
    let frame: Vec<f32> = frame
        .iter()
        .map(|value| {
            if *value == f32::INFINITY {
                most
            } else {
                *value
            }
        })
        .collect();
    let frame = &*frame;
    let values = frame.iter().map(|value| f64::from(*value)).collect();
    let grid = Grid::new(rows, columns, values);
    let at = match about {
        Some(about) => direct_beam::find_about(&grid, about),
        None => direct_beam::find(&grid),
    };
    // Means of three by three pixels: single counts make no region.
    let smooth = |row: usize, column: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in row.saturating_sub(1)..(row + 2).min(rows) {
            for x in column.saturating_sub(1)..(column + 2).min(columns) {
                let value = frame[y * columns + x];
                if value.is_finite() {
                    sum += f64::from(value);
                    count += 1.0;
                }
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    };
    let start = [0, 1].map(|n| (at[n].round().max(0.0) as usize).min([rows, columns][n] - 1));
    let mut sorted: Vec<f32> = frame
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    if sorted.is_empty() {
        return (at, 1.0);
    }
    let middle = sorted.len() / 2;
    let low = f64::from(*sorted.select_nth_unstable_by(middle, f32::total_cmp).1);
    let connected = |start: [usize; 2]| {
        let half = 0.5 * (smooth(start[0], start[1]) + low);
        let mut seen = vec![false; rows * columns];
        let mut next = vec![start];
        seen[start[0] * columns + start[1]] = true;
        let mut pixels = 0usize;
        while let Some([row, column]) = next.pop() {
            pixels += 1;
            let around = [
                (row.wrapping_sub(1), column),
                (row + 1, column),
                (row, column.wrapping_sub(1)),
                (row, column + 1),
            ];
            for (y, x) in around {
                if y < rows && x < columns && !seen[y * columns + x] && smooth(y, x) > half {
                    seen[y * columns + x] = true;
                    next.push([y, x]);
                }
            }
        }
        pixels
    };
    let mut pixels = connected(start);
    if pixels == 1 {
        // It is covered; other disks have the same radius.
        let all = (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column]));
        let brightest = all
            .map(|[row, column]| (smooth(row, column), [row, column]))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        pixels = brightest.map_or(pixels, |(_, start)| connected(start));
    }
    (at, (pixels as f64 / std::f64::consts::PI).sqrt())
}
