//! Whether a disk is wider than the scan's, as two that lie on each other are, and along which line.
//!
//! Two disks a little apart are to second order one disk between them whose every point is spread by a variance along the line
//! between them. The score test of that variance (C. R. Rao, doi:10.1017/S0305004100023987): how far the counts that are left over
//! go along with the second derivatives of the disk, beside what height and background take up of them. Place and second
//! derivatives do not mix: the one is odd, the other even. The variance is a tensor: what it is in the mean of all directions,
//! which disks of another thickness or focus have as well, and how much more it is along one than across it, which they have not.

use signal::simd::{Vectorised, vectorised};

use super::around::Run;
use super::fit::{Disk, FAINTEST, Factors, Passes, Pattern, Step, Window};
use super::lanes::{LANES, total};

/// Variances in px² that a disk is spread by beyond its pattern, and their standard errors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// In the mean of all directions.
    pub even: f64,
    pub even_error: f64,
    /// Half of what it is more along rows of pixels than along columns, and the same between the diagonals.
    pub stretch: [f64; 2],
    /// Of either.
    pub stretch_error: f64,
}

impl Pattern<'_> {
    /// How the share changes with the variances that a disk is spread by, per height and px², at the pixels of the passes: the
    /// even one, and both of the stretch.
    #[inline(always)]
    fn spreads(self, window: Window<'_>, disk: Disk, passes: &mut Passes) {
        let Passes {
            share,
            down: even,
            across: along,
            diagonal,
            grid,
        } = passes;
        match self {
            Pattern::Disk(shape) => {
                let (per_edge, per_radius) = (1.0 / shape.edge, 1.0 / shape.radius);
                let (y0, x0) = (disk.y as f32, disk.x as f32);
                let places = (window.y.chunks_exact(LANES)).zip(window.x.chunks_exact(LANES));
                let out = (even.chunks_exact_mut(LANES))
                    .zip(along.chunks_exact_mut(LANES))
                    .zip(diagonal.chunks_exact_mut(LANES));
                for (((y, x), share), ((even, along), diagonal)) in
                    places.zip(share.chunks_exact(LANES)).zip(out)
                {
                    for n in 0..LANES {
                        let (dy, dx) = (y[n] - y0, x[n] - x0);
                        let slope = 0.5 * share[n] * (1.0 - share[n]) * per_edge;
                        let bend = (1.0 - 2.0 * share[n]) * per_edge;
                        let turn = slope * (bend + per_radius) * (diagonal[n] * diagonal[n]);
                        even[n] = slope * (bend - per_radius);
                        along[n] = turn * (dx * dx - dy * dy);
                        diagonal[n] = turn * (2.0 * dx * dy);
                    }
                }
            }
            Pattern::Probe(_) => by_differences(window.runs, share, grid, [even, along, diagonal]),
        }
    }
}

/// From the pixels around each; outside the window there is nothing.
#[inline(always)]
fn by_differences(
    runs: &[Run],
    share: &[f32],
    grid: &mut Vec<f32>,
    [even, along, diagonal]: [&mut [f32]; 3],
) {
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
        let at = run.from(middle, side).start;
        // Rows above, at and below the run, from one pixel before it to one behind it.
        let row = |by: isize| &grid[at.wrapping_add_signed(by) - 1..][..run.count + 2];
        let rows = (row(-(side as isize)).windows(3))
            .zip(row(0).windows(3))
            .zip(row(side as isize).windows(3));
        let out = (even[run.to()].iter_mut())
            .zip(&mut along[run.to()])
            .zip(&mut diagonal[run.to()]);
        for (((above, here), below), ((even, along), diagonal)) in rows.zip(out) {
            let xx = here[0] + here[2] - 2.0 * here[1];
            let yy = above[1] + below[1] - 2.0 * here[1];
            *even = 0.5 * (xx + yy);
            *along = 0.5 * (xx - yy);
            *diagonal = 0.25 * ((above[0] + below[2]) - (above[2] + below[0]));
        }
    }
}

struct Score<'a> {
    window: Window<'a>,
    passes: &'a mut Passes,
    pattern: Pattern<'a>,
    step: &'a Step,
}

/// Pairs of the three variances.
const PAIRS: [[usize; 2]; 6] = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]];

impl Vectorised for Score<'_> {
    type Result = Spread;

    #[inline(always)]
    fn run(self) -> Spread {
        let Score {
            window,
            passes,
            pattern,
            step,
        } = self;
        pattern.spreads(window, step.disk, passes);
        let (height, level) = (step.disk.height as f32, step.disk.level as f32);
        let mut scores = [[0.0f32; LANES]; 3];
        let mut own = [[0.0f32; LANES]; 6];
        let mut mixed = [[[0.0f32; LANES]; 2]; 3];
        let spreads = (passes.down.chunks_exact(LANES))
            .zip(passes.across.chunks_exact(LANES))
            .zip(passes.diagonal.chunks_exact(LANES));
        let all = (passes.share.chunks_exact(LANES).zip(spreads))
            .zip(window.counts.chunks_exact(LANES))
            .zip(window.ground.chunks_exact(LANES))
            .zip(window.others.chunks_exact(LANES))
            .zip(window.valid.chunks_exact(LANES));
        for (((((share, ((even, along), diagonal)), counts), ground), others), valid) in all {
            for n in 0..LANES {
                let expected = height * share[n] + level * ground[n] + others[n];
                let expected = if expected > FAINTEST {
                    expected
                } else {
                    FAINTEST
                };
                let weight = valid[n] / expected;
                let rest = counts[n] - expected;
                let spreads = [even[n], along[n], diagonal[n]].map(|spread| height * spread);
                let weighed = spreads.map(|spread| weight * spread);
                for (at, weighed) in weighed.iter().enumerate() {
                    scores[at][n] += weighed * rest;
                    mixed[at][0][n] += weighed * share[n];
                    mixed[at][1][n] += weighed * ground[n];
                }
                for (sum, [i, j]) in own.iter_mut().zip(PAIRS) {
                    sum[n] += weighed[i] * spreads[j];
                }
            }
        }
        let scores = scores.map(|sum| f64::from(total(&sum)));
        let own = own.map(|sum| f64::from(total(&sum)));
        let mixed = mixed.map(|with| with.map(|sum| f64::from(total(&sum))));
        solved(step, scores, own, mixed)
    }
}

/// The variances, beside what height and level take up of them.
fn solved(step: &Step, scores: [f64; 3], own: [f64; 6], mixed: [[f64; 2]; 3]) -> Spread {
    let of = |i: usize, j: usize| step.information[i][j];
    let among = Factors::of([[of(2, 2), of(2, 3)], [of(3, 2), of(3, 3)]]);
    let mut information = [[0.0; 3]; 3];
    for (own, [i, j]) in own.iter().zip(PAIRS) {
        let taken = among.as_ref().map_or(0.0, |among| {
            let [height, level] = among.solve(mixed[j]);
            height * mixed[i][0] + level * mixed[i][1]
        });
        let left = if i == j {
            (own - taken).max(1e-3 * own)
        } else {
            own - taken
        };
        (information[i][j], information[j][i]) = (left, left);
    }
    let Some(factors) = Factors::of(information) else {
        return Spread {
            even_error: f64::INFINITY,
            stretch_error: f64::INFINITY,
            ..Spread::default()
        };
    };
    let [even, along, diagonal] = factors.solve(scores);
    let variance = [0, 1, 2].map(|n| {
        let mut unit = [0.0; 3];
        unit[n] = 1.0;
        factors.solve(unit)[n]
    });
    Spread {
        even,
        even_error: variance[0].sqrt(),
        stretch: [along, diagonal],
        stretch_error: (0.5 * (variance[1] + variance[2])).sqrt(),
    }
}

impl Window<'_> {
    /// How a disk is spread; right after [`Window::evidence`] of the same disk.
    pub fn spread(&self, passes: &mut Passes, pattern: Pattern<'_>, step: &Step) -> Spread {
        vectorised(Score {
            window: *self,
            passes,
            pattern,
            step,
        })
    }
}
