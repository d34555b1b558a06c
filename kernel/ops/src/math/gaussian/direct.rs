//! A narrow Gaussian: its taps one by one, down and across.

use super::blocks::combine;
use super::kernel::Kernel;
use super::pair::Pair;
use crate::math::half_sample;
use signal::simd::{Vectorised, vectorised};

pub struct Direct {
    rows: usize,
    columns: usize,
    taps: Vec<f32>,
    /// Row behind each tap of each row: `-radius .. rows + radius` folded in.
    folded: Vec<usize>,
    /// Column behind each pixel beyond the left and beyond the right edge.
    beyond: [Vec<usize>; 2],
}

impl Direct {
    pub fn new(rows: usize, columns: usize, kernel: &Kernel) -> Self {
        let radius = kernel.radius() as isize;
        let right = columns as isize;
        let column = |at: isize| half_sample(at, columns);
        Direct {
            rows,
            columns,
            taps: kernel.taps.iter().map(|tap| *tap as f32).collect(),
            folded: (-radius..rows as isize + radius)
                .map(|row| half_sample(row, rows))
                .collect(),
            beyond: [
                (-radius..0).map(column).collect(),
                (right..right + radius).map(column).collect(),
            ],
        }
    }

    /// `None` where the other one is narrower.
    pub fn pair_with(&self, wide: &Direct) -> Option<Pair> {
        let pair = || Pair::new(self.rows, self.columns, &self.taps, &wide.taps);
        (self.taps.len() <= wide.taps.len()).then(pair)
    }

    /// Products and sums of one image.
    pub fn cost(rows: usize, columns: usize, kernel: &Kernel) -> usize {
        rows * columns * 2 * kernel.taps.len()
    }

    pub fn apply(&self, image: &[f32], out: &mut [f32], scratch: &mut Vec<f32>) {
        let radius = self.taps.len() / 2;
        scratch.clear();
        scratch.resize(self.columns + 2 * radius, 0.0);
        vectorised(Apply {
            plan: self,
            image,
            out,
            wide: scratch,
        });
    }
}

struct Apply<'a> {
    plan: &'a Direct,
    image: &'a [f32],
    out: &'a mut [f32],
    /// One row with its reflections.
    wide: &'a mut [f32],
}

impl Vectorised for Apply<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (plan, image, wide) = (self.plan, self.image, self.wide);
        let (columns, radius) = (plan.columns, plan.taps.len() / 2);
        debug_assert_eq!(image.len(), plan.rows * columns);
        for (row, out) in self.out.chunks_exact_mut(columns).enumerate() {
            let folded = &plan.folded[row..row + plan.taps.len()];
            combine(
                &mut wide[radius..radius + columns],
                plan.taps.len(),
                |tap| plan.taps[tap],
                |tap| &image[folded[tap] * columns..(folded[tap] + 1) * columns],
            );
            for (at, from) in plan.beyond[0].iter().enumerate() {
                wide[at] = wide[radius + from];
            }
            for (at, from) in plan.beyond[1].iter().enumerate() {
                wide[radius + columns + at] = wide[radius + from];
            }
            let wide = &*wide;
            combine(
                out,
                plan.taps.len(),
                |tap| plan.taps[tap],
                |tap| &wide[tap..tap + columns],
            );
        }
    }
}
