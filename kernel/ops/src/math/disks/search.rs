//! One frame at work: its candidates, the pixels around each, and what all have in the frame.

use signal::simd::{Vectorised, vectorised};

use super::around::{Around, Run, gather};
use super::fit::{Disk, Evidence, Known, Passes, Pattern, Window};
use super::ground::Part;
use super::image::Image;
use super::model::Model;
use super::realign::Surroundings;

/// Least share of a disk's pixels that must be valid.
pub(super) const LEAST_VALID: f32 = 0.3;
/// Nearer than this to a brighter one, in radii, is no second disk.
pub(super) const TAKEN: f64 = 1.0;

/// What finding needs and what it leaves behind, so that nothing is allocated per frame.
#[derive(Default)]
pub struct Scratch {
    pub(super) line: Vec<f32>,
    /// Over disks: of the counts, and of what is left over.
    pub(super) sums: Vec<f32>,
    pub(super) rest_sums: Vec<f32>,
    /// Deviations of the sums.
    pub(super) deviations: Vec<f32>,
    /// Expected counts of all disks, laid out as the image.
    pub models: Vec<f32>,
    pub(super) rest: Vec<f32>,
    /// Windows of the candidates, one after the other.
    pub(super) counts: Vec<f32>,
    pub(super) valid: Vec<f32>,
    /// Whether all pixels of a window are valid: then `valid` has none of it.
    pub(super) whole: Vec<bool>,
    pub(super) grounds: Vec<f32>,
    /// What each has in `models`.
    pub(super) own: Vec<f32>,
    pub(super) others: Vec<f32>,
    pub(super) passes: Passes,
    pub(super) surroundings: Surroundings,
    pub(super) slots: usize,
    pub(super) candidates: Vec<Candidate>,
    pub(super) places: Vec<(f32, usize)>,
    pub(super) tops: Vec<u8>,
    pub(super) ratios: Vec<f32>,
    pub(super) rows: Vec<[f32; 2]>,
    /// Of the direct beam, and times the scan's background.
    pub centre: [f64; 2],
    pub amplitude: f64,
    /// Of the frame's darker places, see [`Model::darker`].
    pub first_amplitude: f64,
    /// Share of the background that no disk reaches.
    pub(super) free: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Pixel that its window is around.
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) disk: Disk,
    pub(super) start: [f64; 2],
    /// Its window among all.
    pub(super) slot: usize,
    /// Whether its window has its pixels, and the models its own.
    pub(super) loaded: bool,
    pub(super) painted: bool,
    /// How often other places were tried.
    pub(super) tries: u8,
    /// Not to be fitted again.
    pub(super) settled: bool,
}

impl Candidate {
    pub(super) fn at(&self) -> [f64; 2] {
        [
            self.row as f64 + self.disk.y,
            self.column as f64 + self.disk.x,
        ]
    }
}

/// Square of the distance between two places.
pub(super) fn square_apart([y, x]: [f64; 2], [other_y, other_x]: [f64; 2]) -> f64 {
    let (dy, dx) = (y - other_y, x - other_x);
    dy * dy + dx * dx
}

/// One frame at work.
pub(super) struct Search<'a> {
    pub(super) model: &'a Model,
    /// Least standard deviations that a disk is found with.
    pub(super) threshold: f64,
    pub(super) image: &'a Image,
    pub(super) ground: Part<'a>,
    pub(super) scratch: &'a mut Scratch,
}

impl Search<'_> {
    pub(super) fn new_slot(&mut self) -> usize {
        let slot = self.scratch.slots;
        self.scratch.slots += 1;
        let Around { fitted, y, .. } = &self.model.around;
        let Scratch {
            counts,
            valid,
            whole,
            grounds,
            own,
            ..
        } = &mut *self.scratch;
        whole.resize(whole.len().max(slot + 1), false);
        for (column, pixels) in [
            (counts, *fitted),
            (valid, *fitted),
            (grounds, *fitted),
            (own, y.len()),
        ] {
            if column.len() < (slot + 1) * pixels {
                column.resize((slot + 1) * pixels, 0.0);
            }
        }
        slot
    }

    /// Where the pixels of a slot's fit are.
    pub(super) fn fitted(&self, slot: usize) -> std::ops::Range<usize> {
        let pixels = self.model.around.fitted;
        slot * pixels..(slot + 1) * pixels
    }

    /// Where all pixels are that the slot's disk has counts in.
    pub(super) fn painted(&self, slot: usize) -> std::ops::Range<usize> {
        let pixels = self.model.around.y.len();
        slot * pixels..(slot + 1) * pixels
    }

    /// Copies the pixels around one into a slot, without a disk of its own.
    pub(super) fn load(&mut self, slot: usize, (row, column): (usize, usize)) {
        let (fitted, painted) = (self.fitted(slot), self.painted(slot));
        let Search {
            model,
            image,
            ground,
            scratch,
            ..
        } = self;
        let Scratch {
            counts,
            valid,
            whole,
            grounds,
            own,
            ..
        } = &mut **scratch;
        let (counts, valid) = (&mut counts[fitted.clone()], &mut valid[fitted.clone()]);
        let grounds = &mut grounds[fitted];
        let (middle, width) = (image.at(row, column), image.width());
        let runs = &model.around.runs[..model.around.fitted_runs];
        gather(
            runs,
            |run| &image.counts[run.first(middle, width)..],
            counts,
        );
        let under = |run: &Run| ground.row(row as isize + run.down, column as isize + run.across);
        gather(runs, under, grounds);
        let reach = model.around.fitted_reach();
        let inside = |at: usize, size: usize| at >= reach && at + reach < size;
        whole[slot] = !image.holed && inside(row, image.rows) && inside(column, image.columns);
        if !whole[slot] {
            gather(runs, |run| &image.valid[run.first(middle, width)..], valid);
            // Those that only fill the lanes may be left from another window.
            let filled = runs.last().map_or(0, |run| run.to().end);
            valid[filled..].fill(0.0);
        }
        own[painted].fill(0.0);
    }

    /// What others have in a window.
    pub(super) fn others(&mut self, slot: usize, (row, column): (usize, usize)) {
        let painted = self.painted(slot);
        let Search {
            model,
            image,
            scratch,
            ..
        } = self;
        let Scratch {
            others,
            models,
            own,
            ..
        } = &mut **scratch;
        let (middle, width) = (image.at(row, column), image.width());
        let runs = &model.around.runs[..model.around.fitted_runs];
        gather(runs, |run| &models[run.first(middle, width)..], others);
        vectorised(Without {
            others: &mut others[..model.around.fitted],
            own: &own[painted],
        });
    }

    /// Replaces what a disk has in the models of the frame, by nothing when it is none.
    pub(super) fn repaint(
        &mut self,
        slot: usize,
        (row, column): (usize, usize),
        disk: Option<Disk>,
    ) {
        let painted = self.painted(slot);
        let Search {
            model,
            image,
            scratch,
            ..
        } = self;
        let Scratch {
            others: change,
            models,
            own,
            ..
        } = &mut **scratch;
        let own = &mut own[painted];
        vectorised(Repaint {
            pattern: model.pattern(),
            around: &model.around,
            disk,
            own,
            change,
        });
        let (middle, width) = (image.at(row, column), image.width());
        vectorised(AddRuns {
            runs: &model.around.runs,
            change,
            models,
            middle,
            width,
        });
    }

    /// The window of a slot; [`Search::others`] first.
    pub(super) fn window(&self, slot: usize) -> Window<'_> {
        let range = self.fitted(slot);
        let Scratch {
            counts,
            valid,
            whole,
            grounds,
            others,
            ..
        } = &*self.scratch;
        let Around {
            y,
            x,
            fitted,
            runs,
            all,
            ..
        } = &self.model.around;
        Window {
            y: &y[..*fitted],
            x: &x[..*fitted],
            runs: &runs[..self.model.around.fitted_runs],
            counts: &counts[range.clone()],
            ground: &grounds[range.clone()],
            others: &others[..*fitted],
            valid: if whole[slot] { all } else { &valid[range] },
        }
    }

    pub(super) fn improve(
        &mut self,
        slot: usize,
        disk: Disk,
        known: Known,
        steps: (usize, f64),
    ) -> Option<Disk> {
        let mut passes = std::mem::take(&mut self.scratch.passes);
        let step = self
            .window(slot)
            .improve(&mut passes, self.model.pattern(), disk, known, steps);
        self.scratch.passes = passes;
        step.map(|step| step.disk)
    }

    /// Of the slot's window; [`Search::others`] first.
    pub(super) fn evidence(&mut self, slot: usize, disk: Disk, known: Known) -> Evidence {
        let mut passes = std::mem::take(&mut self.scratch.passes);
        let window = self.window(slot);
        let evidence = window.evidence(&mut passes, self.model.pattern(), disk, known);
        self.scratch.passes = passes;
        evidence
    }

    /// The background under a disk, known to a share of itself.
    pub(super) fn known(&self, share: f64) -> Known {
        let level = self.scratch.amplitude;
        Known {
            level,
            weight: (share * level).powi(-2),
        }
    }

    /// Whether one of some candidates is nearer to a place than so many radii.
    pub(super) fn is_taken(&self, by: &[Candidate], place: [f64; 2], radii: f64) -> bool {
        let apart = radii * f64::from(self.model.shape.radius);
        (by.iter()).any(|other| square_apart(other.at(), place) < apart * apart)
    }

    pub(super) fn enough_valid(&self, (row, column): (usize, usize)) -> bool {
        let Search { model, image, .. } = self;
        if !image.holed {
            return true;
        }
        let reach = model.stencil.reach();
        let mut valid = 0.0;
        for (at, half) in model.stencil.half_widths.iter().enumerate() {
            let middle = image.at(row, column) + at * image.width() - reach * image.width();
            let line = middle - half..=middle + half;
            let pixels = image.valid[line.clone()].iter().zip(&image.counts[line]);
            valid += pixels
                .filter(|(valid, counts)| **valid > 0.0 || **counts > 0.0)
                .count() as f32;
        }
        valid >= LEAST_VALID * model.stencil.pixels() as f32
    }
}

struct Without<'a> {
    others: &'a mut [f32],
    own: &'a [f32],
}

impl Vectorised for Without<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (others, own) in self.others.iter_mut().zip(self.own) {
            let rest = *others - own;
            *others = if rest > 0.0 { rest } else { 0.0 };
        }
    }
}

struct AddRuns<'a> {
    runs: &'a [Run],
    change: &'a [f32],
    models: &'a mut [f32],
    middle: usize,
    width: usize,
}

impl Vectorised for AddRuns<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for run in self.runs {
            let out = self.models[run.from(self.middle, self.width)].iter_mut();
            for (out, change) in out.zip(&self.change[run.to()]) {
                *out += change;
            }
        }
    }
}

struct Repaint<'a> {
    pattern: Pattern<'a>,
    around: &'a Around,
    disk: Option<Disk>,
    own: &'a mut [f32],
    change: &'a mut [f32],
}

impl Vectorised for Repaint<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Some(disk) = self.disk else {
            for (own, change) in self.own.iter_mut().zip(self.change) {
                *change = -*own;
                *own = 0.0;
            }
            return;
        };
        let Around { y, x, runs, .. } = self.around;
        self.pattern.shares((y, x), runs, disk, self.change);
        let height = disk.height as f32;
        for (own, change) in self.own.iter_mut().zip(self.change) {
            let new = height * *change;
            *change = new - *own;
            *own = new;
        }
    }
}
