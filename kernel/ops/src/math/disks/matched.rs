//! Where a pattern stands out of what is left over: its correlation with that, on the grid of the sums over disks.

use signal::simd::{Vectorised, vectorised};

use super::image::Stencil;
use super::lanes::LANES;
use super::probe::Probe;
use super::search::Search;

/// A pattern in cells of the grid.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    /// Pixels of a cell along each axis.
    step: usize,
    /// Cells to each side of the one that the pattern's middle is the first pixel of.
    reach: usize,
    /// Mean of the pattern in each cell, over its sum of squares and times the pixels of a disk, so that sums are those of a flat disk
    /// of the same height; rows of cells, row first.
    shares: Vec<f32>,
}

impl Matched {
    pub(super) fn new(probe: &Probe, stencil: &Stencil, step: usize) -> Self {
        let reach = (probe.reach / step as f64).ceil() as usize;
        let across = 2 * reach + 1;
        let first = -((reach * step) as isize);
        let mut shares: Vec<f32> = (0..across * across)
            .map(|cell| {
                let pixel = |cell: usize, n: usize| first + (cell * step + n) as isize;
                let sum: f32 = (0..step * step)
                    .map(|n| {
                        probe.at_pixel(
                            pixel(cell / across, n / step),
                            pixel(cell % across, n % step),
                        )
                    })
                    .sum();
                sum / (step * step) as f32
            })
            .collect();
        let squares = shares.iter().map(|share| share * share).sum::<f32>() * (step * step) as f32;
        let scale = stencil.pixels() as f32 / squares.max(f32::MIN_POSITIVE);
        shares.iter_mut().for_each(|share| *share *= scale);
        Matched {
            step,
            reach,
            shares,
        }
    }
}

impl Search<'_> {
    /// What is left over along the pattern, as sums of what is left over.
    pub(super) fn match_pattern(&mut self, matched: &Matched) {
        let Search {
            model,
            image,
            ground,
            scratch,
            ..
        } = self;
        let Matched { step, reach, .. } = *matched;
        let (rows, columns) = model.grid();
        // With the pattern's reach around, and whole vectors.
        let width = columns.next_multiple_of(LANES) + 2 * reach;
        scratch.rest.clear();
        scratch.rest.resize((rows + 2 * reach) * width, 0.0);
        let amplitude = scratch.amplitude as f32;
        for row in 0..model.rows {
            let first = image.at(row, 0);
            let under = &ground.row(row as isize, 0)[..model.columns];
            let models = &scratch.models[first..first + model.columns];
            let counts = &image.counts[first..first + model.columns];
            let valid = &image.valid[first..first + model.columns];
            let cells = &mut scratch.rest[(row / step + reach) * width + reach..][..columns];
            let pixels = (counts.chunks(step).zip(valid.chunks(step)))
                .zip(models.chunks(step).zip(under.chunks(step)));
            for (cell, ((counts, valid), (models, under))) in cells.iter_mut().zip(pixels) {
                for n in 0..counts.len() {
                    *cell += valid[n] * (counts[n] - models[n] - amplitude * under[n]);
                }
            }
        }
        scratch.rest_sums.clear();
        scratch.rest_sums.resize(rows * columns, 0.0);
        vectorised(Correlate {
            matched,
            cells: &scratch.rest,
            width,
            columns,
            out: &mut scratch.rest_sums,
        });
    }
}

struct Correlate<'a> {
    matched: &'a Matched,
    cells: &'a [f32],
    width: usize,
    columns: usize,
    out: &'a mut [f32],
}

impl Vectorised for Correlate<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let across = 2 * self.matched.reach + 1;
        for (row, out) in self.out.chunks_exact_mut(self.columns).enumerate() {
            for (part, out) in out.chunks_mut(LANES).enumerate() {
                let mut sum = [0.0f32; LANES];
                for (down, shares) in self.matched.shares.chunks_exact(across).enumerate() {
                    let line = &self.cells[(row + down) * self.width + part * LANES..];
                    for (n, share) in shares.iter().enumerate() {
                        let cells = &line[n..][..LANES];
                        for lane in 0..LANES {
                            sum[lane] += share * cells[lane];
                        }
                    }
                }
                out.copy_from_slice(&sum[..out.len()]);
            }
        }
    }
}
