//! How many times the scan's background a frame has.

use signal::simd::{Vectorised, vectorised};

use super::lanes::{LANES, total};
use super::model::Model;
use super::search::Search;

/// Of the places in a frame that are not on disks there are at least so many.
const FREE: f64 = 0.25;
/// Least counts, in the mean of a frame, that a place is judged by.
const TELLING: f32 = 20.0;
/// Least counts off the disks that tell a frame's background better than its first guess.
const LEAST_FREE: f64 = 50.0;
/// Counts of a frame's background from which on some of its rows have enough of them.
const ENOUGH: f64 = 1e4;
/// Counts in a piece of a row.
const PIECE: f32 = 100.0;
/// Counts that pieces have at least, together if need be.
const FEWEST: f64 = 20.0;
/// See [`Search::distrust_amplitude`]: for frames that disks cover but for this share.
const FREE_ENOUGH: f64 = 0.1;
const MUCH_LESS: f64 = 0.8;

impl Search<'_> {
    /// Times the scan's background that the darker places of this frame have, of which `darker` is background.
    pub(super) fn first_amplitude(&mut self, darker: f64) {
        let Model {
            stencil, inside, ..
        } = self.model;
        let step = self.model.step;
        let (rows, columns) = self.model.grid();
        let apart = stencil.reach().max(1).div_ceil(step);
        let scratch = &mut *self.scratch;
        scratch.rows.clear();
        let [mut all, mut all_expected] = [0.0; 2];
        for row in (apart / 2..rows).step_by(apart) {
            let under = self.ground.sums(row * step);
            for column in (apart / 2..columns).step_by(apart) {
                let at = row * columns + column;
                let expected = under[column] * inside[at];
                let pixel = self.image.at(row * step, column * step);
                if expected > 0.0 && self.image.valid[pixel] > 0.0 {
                    scratch.rows.push([scratch.sums[at], expected]);
                    all += scratch.sums[at];
                    all_expected += expected;
                }
            }
        }
        // Where a place has few counts the darkest are so by chance: as many together as have enough.
        scratch.ratios.clear();
        let enough = TELLING * all_expected / f32::max(all, 1.0);
        let [mut sum, mut expected] = [0.0; 2];
        for [counts, under] in &scratch.rows {
            sum += counts;
            expected += under;
            if expected >= enough {
                scratch.ratios.push(sum / expected);
                [sum, expected] = [0.0; 2];
            }
        }
        let place = (FREE * scratch.ratios.len() as f64) as usize;
        scratch.first_amplitude = 1.0;
        scratch.amplitude = 1.0;
        if place < scratch.ratios.len() {
            let (_, ratio, _) = scratch.ratios.select_nth_unstable_by(place, f32::total_cmp);
            scratch.first_amplitude = f64::from(*ratio).max(1e-3);
            scratch.amplitude = scratch.first_amplitude * darker;
        }
    }

    /// Times the scan's background that the pixels off the disks have; as before where that is few counts.
    pub(super) fn amplitude(&mut self) {
        let Search {
            model,
            image,
            ground,
            scratch,
            ..
        } = self;
        // The median over pieces of rows, each with the weight of its expected counts: what is on disks that were not found stays
        // out. Of few counts the median is less than the mean, and of hardly any it is 0.
        scratch.rows.clear();
        let mut everything = 0.0;
        let middle = ground.row((model.rows / 2) as isize, 0);
        let mean = middle[..model.columns].iter().sum::<f32>() / model.columns as f32;
        let enough = PIECE / (scratch.amplitude as f32 * mean).max(1e-6);
        let piece = (enough as usize).next_multiple_of(LANES).max(LANES);
        // Some rows tell it as well as it is needed, unless they have few counts.
        let pixels = (model.rows * model.columns) as f64;
        let step = match scratch.amplitude * f64::from(mean) * pixels < ENOUGH {
            true => 1,
            false => 2 * model.step,
        };
        for row in (0..model.rows).step_by(step) {
            for from in (0..model.columns).step_by(piece) {
                let count = piece.min(model.columns - from);
                let first = image.at(row, from);
                let line = first..first + count;
                let [sum, under, whole] = vectorised(Free {
                    counts: &image.counts[line.clone()],
                    valid: &image.valid[line.clone()],
                    models: &scratch.models[line],
                    under: &ground.row(row as isize, from as isize)[..count],
                    limit: 0.1 * scratch.amplitude as f32,
                });
                everything += f64::from(whole);
                if under > 0.0 {
                    scratch.rows.push([sum, under]);
                }
            }
        }
        let (counts, all) = (scratch.rows.iter()).fold((0.0, 0.0), |all, [sum, under]| {
            (all.0 + f64::from(*sum), all.1 + f64::from(*under))
        });
        together(&mut scratch.rows, FEWEST * all / counts.max(1.0));
        scratch.free = if everything > 0.0 {
            all / everything
        } else {
            0.0
        };
        if all * scratch.amplitude > LEAST_FREE {
            scratch.rows.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
            let mut below = 0.0;
            let middle = scratch.rows.iter().find(|[_, under]| {
                below += f64::from(*under);
                below >= 0.5 * all
            });
            scratch.amplitude = middle.map_or(1.0, |[ratio, _]| f64::from(*ratio)).max(1e-3);
        }
    }

    /// Pixels of disks that were missed are off the disks too: where what is under the others is much less, that is believed.
    pub(super) fn distrust_amplitude(&mut self) {
        let scratch = &mut *self.scratch;
        if scratch.free > FREE_ENOUGH {
            return;
        }
        scratch.ratios.clear();
        (scratch.ratios).extend(scratch.candidates.iter().map(|c| c.disk.level as f32));
        let middle = scratch.ratios.len() / 2;
        if middle > 0 {
            let (_, level, _) = scratch
                .ratios
                .select_nth_unstable_by(middle, f32::total_cmp);
            let level = f64::from(*level);
            if level < MUCH_LESS * scratch.amplitude {
                scratch.amplitude = level.max(1e-3);
            }
        }
    }
}

/// Of pieces' counts and background, neighbours together until they have `enough` background: ratio and background of each.
fn together(pieces: &mut Vec<[f32; 2]>, enough: f64) {
    let (mut joined, mut open) = (0, [0.0f32; 2]);
    for n in 0..pieces.len() {
        let [sum, under] = pieces[n];
        open = [open[0] + sum, open[1] + under];
        if f64::from(open[1]) >= enough || n + 1 == pieces.len() {
            pieces[joined] = [open[0] / open[1], open[1]];
            (joined, open) = (joined + 1, [0.0; 2]);
        }
    }
    pieces.truncate(joined);
}

/// Sums of counts and background of the pixels that disks do not reach, and of the background of all.
struct Free<'a> {
    counts: &'a [f32],
    valid: &'a [f32],
    models: &'a [f32],
    under: &'a [f32],
    /// Disks have less than this times the background there.
    limit: f32,
}

impl Vectorised for Free<'_> {
    type Result = [f32; 3];

    #[inline(always)]
    fn run(self) -> [f32; 3] {
        let mut sums = [[0.0; LANES]; 3];
        let whole = self.counts.len() / LANES * LANES;
        let all = (self
            .counts
            .chunks_exact(LANES)
            .zip(self.valid.chunks_exact(LANES)))
        .zip(
            self.models
                .chunks_exact(LANES)
                .zip(self.under.chunks_exact(LANES)),
        );
        let mut add = |n: usize, counts: f32, valid: f32, models: f32, under: f32| {
            let free = if models < self.limit * under {
                valid
            } else {
                0.0
            };
            sums[0][n] += free * (counts - models);
            sums[1][n] += free * under;
            sums[2][n] += valid * under;
        };
        for ((counts, valid), (models, under)) in all {
            for n in 0..LANES {
                add(n, counts[n], valid[n], models[n], under[n]);
            }
        }
        for n in whole..self.counts.len() {
            add(
                n - whole,
                self.counts[n],
                self.valid[n],
                self.models[n],
                self.under[n],
            );
        }
        sums.map(|lanes| total(&lanes))
    }
}
