//! Pixels around a disk, as runs in the rows of an image.

use signal::simd::{Vectorised, vectorised};

use super::image::Stencil;
use super::lanes::LANES;

/// Pixels around a disk: first those that take part in its fit, then those that only its edge reaches.
#[derive(Clone, Debug)]
pub(super) struct Around {
    /// Of each run of pixels in a row: rows and columns from the middle to its first one, how many there are, and where they are
    /// in the lists.
    pub(super) runs: Vec<Run>,
    /// Places from the middle; both parts fill all lanes.
    pub(super) y: Vec<f32>,
    pub(super) x: Vec<f32>,
    /// Pixels of the first part, and runs of it.
    pub(super) fitted: usize,
    pub(super) fitted_runs: usize,
    /// 1 for each of those, 0 where they only fill the lanes: valid pixels where all are.
    pub(super) all: Vec<f32>,
    /// Fewest valid ones of the first part when the frame's edge cuts none off.
    pub(super) whole: f64,
    /// Distance of the pixels that a usual disk has counts in.
    pub(super) furthest: f64,
    /// Furthest row or column.
    pub(super) reach: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) down: isize,
    pub(super) across: isize,
    pub(super) count: usize,
    pub(super) at: usize,
}

impl Around {
    pub(super) fn new(fit: f64, paint: f64) -> Self {
        let (inner, outer) = (Stencil::new(fit), Stencil::new(paint.max(fit)));
        let mut around = Around {
            runs: Vec::new(),
            y: Vec::new(),
            x: Vec::new(),
            fitted: 0,
            fitted_runs: 0,
            all: Vec::new(),
            whole: 0.9 * inner.pixels() as f64,
            furthest: fit,
            reach: outer.reach(),
        };
        let reach = inner.reach() as isize;
        for (down, half) in (-reach..).zip(&inner.half_widths) {
            around.push(down, -(*half as isize), 2 * half + 1);
        }
        around.all = vec![1.0; around.y.len()];
        around.close();
        around.fitted = around.y.len();
        around.all.resize(around.fitted, 0.0);
        around.fitted_runs = around.runs.len();
        let reach = outer.reach() as isize;
        for (down, half) in (-reach..).zip(&outer.half_widths) {
            let within = (down + inner.reach() as isize).try_into().ok();
            let within = within.and_then(|row: usize| inner.half_widths.get(row));
            let half_width = *half as isize;
            match within {
                None => around.push(down, -half_width, 2 * half + 1),
                Some(within) if half > within => {
                    around.push(down, -half_width, half - within);
                    around.push(down, *within as isize + 1, half - within);
                }
                Some(_) => {}
            }
        }
        around.close();
        around
    }

    /// Furthest row or column of the pixels that take part in a fit.
    pub(super) fn fitted_reach(&self) -> usize {
        self.furthest as usize
    }

    fn push(&mut self, down: isize, across: isize, count: usize) {
        let at = self.y.len();
        self.y.extend(std::iter::repeat_n(down as f32, count));
        self.x
            .extend((0..count as isize).map(|n| (across + n) as f32));
        self.runs.push(Run {
            down,
            across,
            count,
            at,
        });
    }

    fn close(&mut self) {
        let whole = self.y.len().next_multiple_of(LANES);
        self.y.resize(whole, 0.0);
        self.x.resize(whole, 0.0);
    }
}

/// Copies pixels that `line` begins with for each run. Whole lanes at a time, as runs are short: what is too much the next run
/// overwrites.
pub(super) fn gather<'a>(runs: &[Run], line: impl Fn(&Run) -> &'a [f32], out: &mut [f32]) {
    vectorised(Gather { runs, line, out });
}

struct Gather<'a, F> {
    runs: &'a [Run],
    line: F,
    out: &'a mut [f32],
}

impl<'a, F: Fn(&Run) -> &'a [f32]> Vectorised for Gather<'_, F> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Gather { runs, line, out } = self;
        for run in runs {
            let line = line(run);
            for done in (0..run.count).step_by(LANES) {
                let (from, to) = (&line[done..], &mut out[run.at + done..]);
                match (from.first_chunk::<LANES>(), to.first_chunk_mut::<LANES>()) {
                    (Some(from), Some(to)) => *to = *from,
                    _ => {
                        let count = (run.count - done).min(LANES);
                        to[..count].copy_from_slice(&from[..count]);
                    }
                }
            }
        }
    }
}

impl Run {
    /// Places of its pixels in an image when the disk's middle is at `middle`.
    #[inline(always)]
    pub(super) fn from(&self, middle: usize, width: usize) -> std::ops::Range<usize> {
        let first = self.first(middle, width);
        first..first + self.count
    }

    /// Place of the first of them.
    #[inline(always)]
    pub(super) fn first(&self, middle: usize, width: usize) -> usize {
        middle.wrapping_add_signed(self.down * width as isize + self.across)
    }

    #[inline(always)]
    pub(super) fn to(&self) -> std::ops::Range<usize> {
        self.at..self.at + self.count
    }
}
