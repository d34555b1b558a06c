//! What the background is under a disk and the model does not say: how far places are off by it.

use super::fit::{Disk, FAINTEST, Factors, Known, Window};
use super::image::Image;
use super::model::Model;
use super::search::{Candidate, Scratch, Search};
use super::statistics::middle;

/// Trust in a disk from which on it tells this, and fewest of them.
const TRUSTED: f64 = 0.5;
const FEWEST: usize = 40;
/// Standard deviations that places scatter more than by chance.
const SURE: f64 = 4.0;
/// Share of a standard error from which on that matters: then errors are a twentieth too small.
const MATTERS: f64 = 0.3;

/// How far places are off, in px, by a slope of the background that the model does not have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uneven {
    /// A standard deviation of either coordinate.
    pub off: f64,
    /// The usual standard error beside it.
    pub error: f64,
}

/// Of one coordinate of a disk: by how much a slope of its own moves it, the standard error of that, and that of the place.
pub(super) type Moved = [f64; 3];

impl Uneven {
    /// Where places move by more than chance; half of the disks move less than two thirds of a deviation, whatever the others do.
    pub(super) fn of(moved: &[Moved]) -> Option<Self> {
        if moved.len() < FEWEST {
            return None;
        }
        let scaled = moved.iter().map(|[by, chance, _]| (by / chance).abs());
        let scatter = middle(scaled) / 0.6745;
        // Of the square of a scatter by medians.
        let chance = 2.0 * 1.17 / (moved.len() as f64).sqrt();
        let excess = scatter * scatter - 1.0;
        let off = excess.max(0.0).sqrt() * middle(moved.iter().map(|[_, chance, _]| *chance));
        let error = middle(moved.iter().map(|[.., error]| *error));
        (excess > SURE * chance && off > MATTERS * error).then_some(Uneven { off, error })
    }
}

impl Model {
    /// How disks of a frame move, after [`Model::find`], when the background under each has a slope of its own.
    pub(super) fn moved(&self, image: &Image, scratch: &mut Scratch) -> Vec<Moved> {
        let ground = self.ground.around(scratch.centre, self.size());
        let mut search = Search {
            model: self,
            threshold: self.threshold,
            image,
            ground,
            scratch,
        };
        search.moved()
    }
}

impl Search<'_> {
    fn moved(&mut self) -> Vec<Moved> {
        let known = self.known(self.model.level_share);
        let pattern = self.model.pattern();
        let mut passes = std::mem::take(&mut self.scratch.passes);
        let mut moved = Vec::new();
        for n in 0..self.scratch.candidates.len() {
            let Candidate {
                slot,
                row,
                column,
                disk,
                ..
            } = self.scratch.candidates[n];
            self.others(slot, (row, column));
            let window = self.window(slot);
            let evidence = window.evidence(&mut passes, pattern, disk, known);
            if evidence.deviations < self.threshold || self.trust(n, &evidence) < TRUSTED {
                continue;
            }
            // The share of the pixels and its slopes.
            window.sums(&mut passes, pattern, disk, known);
            let shares = passes.share.iter().zip(&passes.down).zip(&passes.across);
            let shares = shares.map(|((share, down), across)| [*share, *down, *across]);
            moved.extend(window.moved(shares, disk, known).into_iter().flatten());
        }
        self.scratch.passes = passes;
        moved
    }
}

impl Window<'_> {
    fn moved(
        &self,
        shares: impl Iterator<Item = [f32; 3]>,
        disk: Disk,
        known: Known,
    ) -> Option<[Moved; 2]> {
        let (mut information, mut slope) = ([[0.0; 6]; 6], [0.0; 6]);
        for (at, [share, down, across]) in shares.enumerate().take(self.y.len()) {
            let expected = f64::from(self.expected(at, share, disk).max(FAINTEST));
            let weight = f64::from(self.valid[at]) / expected;
            let rest = f64::from(self.counts[at]) - expected;
            let ground = f64::from(self.ground[at]);
            let along = [
                disk.height * f64::from(down),
                disk.height * f64::from(across),
                f64::from(share),
                ground,
                ground * f64::from(self.y[at]),
                ground * f64::from(self.x[at]),
            ];
            for i in 0..6 {
                slope[i] += weight * along[i] * rest;
                for j in 0..=i {
                    information[i][j] += weight * along[i] * along[j];
                }
            }
        }
        for i in 0..6 {
            for j in 0..i {
                information[j][i] = information[i][j];
            }
        }
        information[3][3] += known.weight;
        slope[3] += known.weight * (known.level - disk.level);
        let own: [[f64; 4]; 4] =
            std::array::from_fn(|i| std::array::from_fn(|j| information[i][j]));
        let (with, without) = (Factors::of(information)?, Factors::of(own)?);
        let moved = with.solve(slope);
        let stays = without.solve(std::array::from_fn(|i| slope[i]));
        let of_axis = |axis: usize| {
            let variance =
                with.solve(std::array::from_fn(|i| f64::from(u8::from(i == axis))))[axis];
            let own = without.solve(std::array::from_fn(|i| f64::from(u8::from(i == axis))))[axis];
            let chance = (variance - own).max(1e-12).sqrt();
            [moved[axis] - stays[axis], chance, own.sqrt()]
        };
        Some([of_axis(0), of_axis(1)])
    }
}
