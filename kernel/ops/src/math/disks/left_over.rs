//! The noise of a scan from what its model leaves over: exact where the background is, whatever edges disks have.

use super::clean::Clean;
use super::fit::{FAINTEST, cholesky};
use super::image::Image;
use super::model::Model;
use super::search::Scratch;
use crate::math::in_parts::in_parts;

/// Every so many rows are looked at.
const ROWS: usize = 2;
/// Parts of the pixels by their expected counts.
const PARTS: usize = 16;
/// Fewest pixels of a part.
const FEWEST: usize = 200;
/// Squares of what is left over count no more than so many times their expectation, and that of some counts.
const MAX: f64 = 100.0;
const SOME: f64 = 1.0;
/// What the variances are sure of, as a share.
const SURE: f64 = 0.02;
/// Standard deviations by which variances must bend to do so.
const CLEAR: f64 = 3.0;
/// Numbers that are fitted to each disk.
const FITTED: f64 = 4.0;

/// The variance of counts is `gain · counts + rest` when a model leaves so much over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Left {
    pub gain: f64,
    pub rest: f64,
}

/// Of frames of counts; `None` where they do not tell.
pub(super) fn left_over(model: &Model, clean: &Clean, frames: &[Vec<f32>]) -> Option<Left> {
    let of_frames = in_parts(
        frames.len(),
        |(image, scratch): &mut (Image, Scratch), n| {
            image.fill(model.size(), model.margin(), &frames[n], clean.most());
            model.find(image, scratch);
            model.squares(image, scratch, ROWS)
        },
    );
    let mut pixels: Vec<[f32; 3]> = of_frames.into_iter().flatten().collect();
    pixels.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let count = pixels.len().div_ceil(PARTS);
    if count < FEWEST {
        return None;
    }
    // Mean counts, which disks that were missed are in too, variance, and its error by chance as a share.
    let points: Vec<[f64; 3]> = (pixels.chunks(count))
        .map(|part| {
            let of = part.len() as f64;
            let counts = part.iter().map(|pixel| f64::from(pixel[1])).sum::<f64>() / of;
            let limit = (MAX * (counts.max(0.0) + SOME)) as f32;
            let squares = part.iter().map(|pixel| f64::from(pixel[2].min(limit)));
            let variance = squares.sum::<f64>() / of;
            let chance = (2.0 + 1.0 / counts.max(1e-3)) / of;
            [counts, variance, chance]
        })
        .collect();
    let lowest = points[0][0];
    let mut weights: Vec<f64> = points.iter().map(|[_, variance, _]| *variance).collect();
    let mut found = None;
    for _ in 0..4 {
        // What disks are not as the model says goes with the square of their counts.
        let fit = |numbers: usize| {
            let (mut matrix, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
            for ([counts, variance, chance], of_line) in points.iter().zip(&weights) {
                let weight = 1.0 / (of_line * of_line * (chance + SURE * SURE));
                let along = [1.0, counts - lowest, (counts - lowest).powi(2)];
                for i in 0..3 {
                    for j in 0..3 {
                        matrix[i][j] += weight * along[i] * along[j];
                    }
                    right[i] += weight * along[i] * variance;
                }
            }
            if numbers == 2 {
                matrix[2] = [0.0, 0.0, 1.0];
                (matrix[0][2], matrix[1][2], right[2]) = (0.0, 0.0, 0.0);
            }
            let variance = cholesky(matrix, [0.0, 0.0, 1.0])?[2];
            Some((cholesky(matrix, right)?, variance.sqrt()))
        };
        let [at_lowest, gain, bend] = match fit(3) {
            Some((fit, error)) if fit[2] > CLEAR * error => fit,
            _ => fit(2)?.0,
        };
        if gain <= 0.0 || at_lowest <= 0.0 {
            return None;
        }
        for (weight, [counts, ..]) in weights.iter_mut().zip(&points) {
            let above = counts - lowest;
            *weight = at_lowest + gain * above + bend * above * above;
        }
        found = Some(Left {
            gain,
            rest: at_lowest - gain * lowest,
        });
    }
    found
}

impl Model {
    /// Expected counts, counts and the square of what is left over after [`Model::find`], of every pixel of some rows.
    fn squares(&self, image: &Image, scratch: &Scratch, rows: usize) -> Vec<[f32; 3]> {
        let ground = self.ground.around(scratch.centre, self.size());
        let amplitude = scratch.amplitude as f32;
        let fewer = (1.0 + FITTED / self.around.fitted as f64) as f32;
        let mut squares = Vec::with_capacity(self.rows * self.columns / rows);
        for row in (0..self.rows).step_by(rows) {
            let line = image.at(row, 0)..image.at(row, 0) + self.columns;
            let pixels = (image.counts[line.clone()].iter())
                .zip(&image.valid[line.clone()])
                .zip(&scratch.models[line])
                .zip(ground.row(row as isize, 0));
            for (((counts, valid), models), under) in pixels {
                let under = amplitude * under;
                let expected = (models + under).max(FAINTEST);
                let rest = counts - expected;
                if *valid > 0.0 {
                    let own = if *models > 0.1 * under { fewer } else { 1.0 };
                    squares.push([expected, *counts, own * rest * rest]);
                }
            }
        }
        squares
    }
}
