//! A spot that is larger than the filter that found it: all of it, around a point of it.

use super::Grid;

/// What belongs to a spot is at least this share as bright as the point it was found at.
const HALF: f32 = 0.5;
/// Largest spot, in times the size that is looked for.
const LARGEST: f64 = 8.0;
/// Area over that of a disk with the same mean square distance from the middle: 1 for a disk, 0.95 for a square, 0.8 for an
/// ellipse of 2 to 1, 0.67 for two disks that touch.
const ROUND: f64 = 0.8;

pub struct Spot {
    /// Centroid (row, column).
    pub middle: [f64; 2],
    /// Flat places.
    pub pixels: Vec<usize>,
}

/// The connected pixels at least half as bright as the one at (row, column), when they reach further than `reach` from it
/// on any side and make something round within the image. `image` is smooth and 0 beside the spots. A spot that does not reach
/// so far costs eight looks.
pub fn larger_spot(image: &Grid<f32>, row: usize, column: usize, reach: f64) -> Option<Spot> {
    let (rows, columns) = (image.rows, image.columns);
    let least = HALF * image.at(row, column);
    let is_bright = |angle: u8| {
        let (sin, cos) = (f64::from(angle) * std::f64::consts::FRAC_PI_4).sin_cos();
        let place = |at: usize, step: f64| at.checked_add_signed((step * reach).round() as isize);
        let (y, x) = (place(row, sin), place(column, cos));
        matches!((y, x), (Some(y), Some(x)) if y < rows && x < columns && image.at(y, x) >= least)
    };
    if least <= 0.0 || !(0..8).any(is_bright) {
        return None;
    }
    let furthest = (LARGEST * reach).ceil() as usize;
    let (top, left) = (
        row.saturating_sub(furthest),
        column.saturating_sub(furthest),
    );
    let (height, width) = (
        (row + furthest + 1).min(rows) - top,
        (column + furthest + 1).min(columns) - left,
    );
    let mut seen = vec![false; height * width];
    let mut inside = vec![(row - top) * width + column - left];
    seen[inside[0]] = true;
    let mut next = 0;
    while let Some(at) = inside.get(next).copied() {
        next += 1;
        let (y, x) = (at / width, at % width);
        // Cut by the edge, or without an end: its middle is not known.
        if y == 0 || x == 0 || y + 1 == height || x + 1 == width {
            return None;
        }
        for other in [at - width, at - 1, at + 1, at + width] {
            let (y, x) = (top + other / width, left + other % width);
            if !seen[other] && image.at(y, x) >= least {
                seen[other] = true;
                inside.push(other);
            }
        }
    }
    let places = || {
        inside
            .iter()
            .map(|at| [(top + at / width) as f64, (left + at % width) as f64])
    };
    let from = [row as f64, column as f64];
    // What was bright over there may belong to something else.
    if !places().any(|[y, x]| (y - from[0]).hypot(x - from[1]) > reach) {
        return None;
    }
    let count = inside.len() as f64;
    let middle = [0, 1].map(|axis| places().map(|place| place[axis]).sum::<f64>() / count);
    let square = |[y, x]: [f64; 2]| (y - middle[0]).powi(2) + (x - middle[1]).powi(2);
    let spread = places().map(square).sum::<f64>() / count;
    let pixels = inside
        .iter()
        .map(|at| (top + at / width) * columns + left + at % width);
    (count >= ROUND * 2.0 * std::f64::consts::PI * spread).then(|| Spot {
        middle,
        pixels: pixels.collect(),
    })
}
