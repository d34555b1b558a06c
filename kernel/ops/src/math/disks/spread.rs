//! Whether a disk is wider than the scan's, as two that lie on each other are.
//!
//! Two disks a little apart are to second order one disk between them whose every point is spread by a variance. The score test
//! of that variance (C. R. Rao, doi:10.1017/S0305004100023987): how far the counts that are left over go along with the second
//! derivatives of the disk, beside what height and background take up of them. Place and second derivatives do not mix: the one
//! is odd, the other even.

use signal::simd::{Vectorised, vectorised};

use super::around::Run;
use super::fit::{FAINTEST, Passes, Pattern, Step, Window, cholesky};
use super::lanes::{LANES, total};

impl Pattern<'_> {
    /// How the share changes with the variance that a disk is spread by, per height and px², at the pixels where `share` is known.
    #[inline(always)]
    fn spreads(self, window: Window<'_>, passes: &mut Passes) {
        let Passes {
            share,
            down: spread,
            grid,
            ..
        } = passes;
        match self {
            Pattern::Disk(shape) => {
                let (per_edge, per_radius) = (1.0 / shape.edge, 1.0 / shape.radius);
                for (out, share) in spread.iter_mut().zip(share) {
                    let slope = *share * (1.0 - *share) * per_edge;
                    *out = 0.5 * slope * ((1.0 - 2.0 * *share) * per_edge - per_radius);
                }
            }
            Pattern::Probe(_) => by_differences(window.runs, share, grid, spread),
        }
    }
}

/// From the pixels around each; outside the window there is nothing.
#[inline(always)]
fn by_differences(runs: &[Run], share: &[f32], grid: &mut Vec<f32>, spread: &mut [f32]) {
    let reach = runs.iter().map(|run| run.down.max(-run.across)).max();
    let reach = reach.unwrap_or(0).unsigned_abs() + 1;
    let side = 2 * reach + 1;
    grid.clear();
    grid.resize(side * side, 0.0);
    let middle = reach * side + reach;
    for run in runs {
        grid[run.from(middle, side)].copy_from_slice(&share[run.to()]);
    }
    for run in runs {
        let at = run.from(middle, side);
        let moved = |by: isize| {
            let from = at.start.wrapping_add_signed(by);
            grid[from..from + run.count].iter()
        };
        let beside = moved(-1).zip(moved(1));
        let above = moved(-(side as isize)).zip(moved(side as isize));
        let around = beside.zip(above).zip(&grid[at.clone()]);
        for (out, (((left, right), (up, down)), own)) in spread[run.to()].iter_mut().zip(around) {
            *out = 0.5 * ((left + right) + (up + down)) - 2.0 * own;
        }
    }
}

struct Score<'a> {
    window: Window<'a>,
    passes: &'a mut Passes,
    pattern: Pattern<'a>,
    step: &'a Step,
}

impl Vectorised for Score<'_> {
    type Result = [f64; 2];

    #[inline(always)]
    fn run(self) -> [f64; 2] {
        let Score {
            window,
            passes,
            pattern,
            step,
        } = self;
        pattern.spreads(window, passes);
        let (height, level) = (step.disk.height as f32, step.disk.level as f32);
        let mut sums = [[0.0f32; LANES]; 4];
        let all = (passes.share.chunks_exact(LANES))
            .zip(passes.down.chunks_exact(LANES))
            .zip(window.counts.chunks_exact(LANES))
            .zip(window.ground.chunks_exact(LANES))
            .zip(window.others.chunks_exact(LANES))
            .zip(window.valid.chunks_exact(LANES));
        for (((((share, spread), counts), ground), others), valid) in all {
            for n in 0..LANES {
                let expected = height * share[n] + level * ground[n] + others[n];
                let expected = if expected > FAINTEST {
                    expected
                } else {
                    FAINTEST
                };
                let weighed = height * spread[n] * valid[n] / expected;
                sums[0][n] += weighed * (counts[n] - expected);
                sums[1][n] += weighed * height * spread[n];
                sums[2][n] += weighed * share[n];
                sums[3][n] += weighed * ground[n];
            }
        }
        let [score, own, with_height, with_level] = sums.map(|sum| f64::from(total(&sum)));
        let taken = {
            let of = |i: usize, j: usize| step.information[i][j];
            let among = [[of(2, 2), of(2, 3)], [of(3, 2), of(3, 3)]];
            cholesky(among, [with_height, with_level]).map_or(0.0, |[height, level]| {
                height * with_height + level * with_level
            })
        };
        let information = (own - taken).max(1e-3 * own);
        [score / information, information.powf(-0.5)]
    }
}

impl Window<'_> {
    /// Variance in px² that the disk is spread by beyond its pattern, and its standard error; right after [`Window::evidence`] of
    /// the same disk.
    pub fn spread(&self, passes: &mut Passes, pattern: Pattern<'_>, step: &Step) -> [f64; 2] {
        vectorised(Score {
            window: *self,
            passes,
            pattern,
            step,
        })
    }
}
