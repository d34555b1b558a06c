//! What a scan's disks have in common, and the way from a frame to its disks.

use std::ops::{Deref, Range};

use signal::HeapBytes;

use super::around::Around;
use super::fit::{Disk, Evidence, FAINTEST, Known, Pattern};
use super::ground::Ground;
use super::image::{Image, Stencil};
use super::matched::Matched;
use super::probe::Probe;
use super::search::{LEAST_VALID, Scratch, Search};
use super::shape::Shape;
use super::shape_sums::ShapeSums;
use super::slope::Slope;
use super::spread::Spread;

/// Share of the radius by which the disk that is counted is larger, in px: half of the pixels at the edge belong to it.
const HARD: f64 = 0.3;
/// Disks of this radius in px are seen on every second pixel.
const COARSE: f32 = 4.0;
/// Looks at what the disks so far leave over, the next one only where the one before found so many more, as a share.
const MAX_LOOKS: usize = 3;
const MANY: f64 = 0.15;
/// What a disk must explain at least (Bayesian information criterion: four numbers, thousands of pixels).
pub(super) const DISK_COST: f64 = 40.0;
/// A frame's first guess of its background, of the scan's, below which it has perhaps no disks in its darker places.
const MUCH_DARKER: f64 = 0.6;
/// Share of the darker places that is background from which on it is all of it.
const HARDLY_DARKER: f64 = 0.9;
/// A disk's edge is seen to where it is this share of the background's noise.
const SEEN: f64 = 0.3;

/// What a scan's frames have in common.
#[derive(Clone, Debug)]
pub struct Scan {
    pub rows: usize,
    pub columns: usize,
    pub shape: Shape,
    /// What the disks are when they are not flat.
    pub probe: Option<Probe>,
    /// Background in counts at whole distances in px from the direct beam.
    pub profile: Vec<f32>,
    /// How that is more on one side of the beam than on the other.
    pub slope: Option<Slope>,
    /// Where the direct beam is in the mean, row first.
    pub centre: [f64; 2],
    /// How far from there it may be, in px.
    pub wander: f64,
    /// Whether it is on the detector and not covered.
    pub beam_is_seen: bool,
    /// Times the background of a frame's darker places, disks among them, that its background is.
    pub darker: f64,
    /// The background under a disk is known to this share of itself from the rest of the scan.
    pub level_share: f64,
    /// The frame's background is known to this share of itself before any disk is.
    pub frame_share: f64,
    /// Height of the brightest disk.
    pub brightest: f64,
    pub beyond: Beyond,
}

/// The way from a frame to its disks.
#[derive(Clone, Debug)]
pub struct Model {
    pub scan: Scan,
    pub(super) ground: Ground,
    /// Least standard deviations that a disk is found with, if nothing else is said.
    pub threshold: f64,
    pub(super) stencil: Stencil,
    /// Sums over disks are made around every so many pixels of every so many rows: the grid.
    pub(super) step: usize,
    /// Share of the disk around each pixel of the grid that is inside the frame.
    pub(super) inside: Vec<f32>,
    /// A pattern is looked for instead of the sums.
    pub(super) matched: Option<Matched>,
    pub(super) around: Around,
    /// Distance of the pixels that take part in a fit.
    pub(super) reach: f64,
    /// Whether patterns that fit badly are tried elsewhere: once it is known what they are.
    pub(super) realigns: bool,
    /// Standard deviation of the noise of many pixels together, over what it would be if each had its own.
    pub noise: f64,
}

impl Deref for Model {
    type Target = Scan;

    fn deref(&self) -> &Scan {
        &self.scan
    }
}

/// How far beyond the radius a fit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// As far as the edge tells where the disk is.
    Edge,
    /// As far as the foot of a disk that is saturated inside.
    Foot,
}

/// A disk that was found, in px of the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    pub y: f64,
    pub x: f64,
    pub height: f64,
    pub level: f64,
    pub y_error: f64,
    pub x_error: f64,
    pub evidence: Evidence,
    /// How it is spread more than the model's disks.
    pub spread: Spread,
}

/// What is large in it.
impl HeapBytes for Model {
    fn heap_bytes(&self) -> usize {
        self.ground.heap_bytes()
            + self.scan.profile.heap_bytes()
            + self.scan.slope.heap_bytes()
            + self.scan.probe.heap_bytes()
            + self.inside.heap_bytes()
    }
}

impl Model {
    pub fn new(scan: Scan, threshold: f64) -> Self {
        let (rows, columns) = (scan.rows, scan.columns);
        let (radius, edge) = (f64::from(scan.shape.radius), f64::from(scan.shape.edge));
        let stencil = Stencil::new(radius + HARD);
        // As far as the edge of the brightest disk is seen above the noise of the background.
        let darkest = (scan.profile.iter().copied())
            .fold(f32::INFINITY, f32::min)
            .max(1e-3);
        let seen = (scan.brightest / (SEEN * f64::from(darkest).sqrt()))
            .max(1.0)
            .ln()
            .clamp(3.0, 12.0);
        let (reach, painted) = match (&scan.probe, scan.beyond) {
            (Some(probe), _) => (probe.reach, probe.reach),
            (None, Beyond::Edge) => (radius + (4.0 * edge).clamp(2.0, 4.0), radius + seen * edge),
            (None, Beyond::Foot) => (radius + (8.0 * edge).clamp(3.0, 9.0), radius + seen * edge),
        };
        let around = Around::new(reach, painted);
        let margin = around.reach;
        let step = if scan.shape.radius < COARSE { 1 } else { 2 };
        let ground = Ground::new(&scan, margin, (&stencil, step));
        let (mut line, mut inside, mut ones) = (Vec::new(), Vec::new(), Image::default());
        ones.fill((rows, columns), margin, &vec![1.0; rows * columns], 0.0);
        let grid = (margin, step);
        stencil.sums(&ones.counts, (rows, columns), grid, &mut line, &mut inside);
        let all = stencil.pixels() as f32;
        inside.iter_mut().for_each(|share| *share /= all);
        let matched = (scan.probe.as_ref()).map(|probe| Matched::new(probe, &stencil, step));
        Model {
            scan,
            ground,
            threshold,
            stencil,
            step,
            inside,
            matched,
            around,
            reach,
            realigns: false,
            noise: 1.0,
        }
    }

    /// What a disk of height 1 is.
    pub(super) fn pattern(&self) -> Pattern<'_> {
        match &self.probe {
            Some(probe) => Pattern::Probe(probe),
            None => Pattern::Disk(self.shape),
        }
    }

    /// Width of the border that an [`Image`] of a frame needs.
    pub fn margin(&self) -> usize {
        self.around.reach
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Rows and columns of the grid.
    pub(super) fn grid(&self) -> (usize, usize) {
        (
            self.rows.div_ceil(self.step),
            self.columns.div_ceil(self.step),
        )
    }

    fn first_share(&self) -> f64 {
        self.level_share.hypot(self.frame_share)
    }

    /// Pixels of a disk.
    pub(super) fn area(&self) -> f64 {
        self.stencil.pixels() as f64
    }

    /// The direct beam alone.
    pub(super) fn find_beam(&self, image: &Image, scratch: &mut Scratch) -> Vec<Found> {
        let mut search = self.begin(image, scratch, self.darker);
        search.keep_beam();
        search.sweep(self.first_share(), (4, 0.1));
        search.amplitude();
        search.sweep(self.level_share, (2, 0.1));
        search.conclude()
    }

    /// The candidates of a frame, of whose darker places this share is background.
    fn begin<'a>(&'a self, image: &'a Image, scratch: &'a mut Scratch, darker: f64) -> Search<'a> {
        let Scratch { line, sums, .. } = scratch;
        self.stencil.sums(
            &image.counts,
            self.size(),
            (image.margin, self.step),
            line,
            sums,
        );
        scratch.models.clear();
        scratch.models.resize(image.counts.len(), 0.0);
        scratch.candidates.clear();
        scratch.slots = 0;
        scratch.others.resize(self.around.y.len(), 0.0);
        scratch.passes.resize(self.around.fitted);
        let beam = if self.beam_is_seen {
            self.direct_beam(image, scratch)
        } else {
            None
        };
        let centre = beam.unwrap_or(self.centre);
        scratch.centre = centre;
        let mut search = Search {
            model: self,
            threshold: self.threshold,
            image,
            ground: self.ground.around(centre, self.size()),
            scratch,
        };
        search.first_amplitude(darker);
        search.look_at_counts();
        search
    }

    /// Disks of a frame, the surest first.
    pub fn find(&self, image: &Image, scratch: &mut Scratch) -> Vec<Found> {
        self.find_above(self.threshold, image, scratch)
    }

    /// The same with another threshold.
    pub fn find_above(&self, threshold: f64, image: &Image, scratch: &mut Scratch) -> Vec<Found> {
        let noise = self.noise;
        let mut found = self.find_as_if_independent(threshold * noise, image, scratch);
        for peak in &mut found {
            peak.y_error *= noise;
            peak.x_error *= noise;
            peak.evidence.deviations /= noise;
            peak.spread.even_error *= noise;
            peak.spread.stretch_error *= noise;
        }
        found
    }

    /// The same for noise that each pixel has for itself.
    fn find_as_if_independent(
        &self,
        threshold: f64,
        image: &Image,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        let found = self.find_beside(self.darker, threshold, image, scratch);
        // Where all of the scan's darker places is background, the second guess is the first.
        if self.darker > HARDLY_DARKER || scratch.first_amplitude * self.darker > MUCH_DARKER {
            return found;
        }
        // Much darker than usual: there are hardly any disks, so that all of it is background, or there is less of that.
        let cost = |found: &[Found], scratch: &Scratch| {
            self.deviance(image, scratch) + DISK_COST * found.len() as f64
        };
        let usual = cost(&found, scratch);
        let without = self.find_beside(1.0, threshold, image, scratch);
        if cost(&without, scratch) < usual {
            return without;
        }
        // What was found last is what the scratch is left with.
        self.find_beside(self.darker, threshold, image, scratch)
    }

    /// The same when of the frame's darker places this share is background.
    fn find_beside(
        &self,
        darker: f64,
        threshold: f64,
        image: &Image,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        let mut search = self.begin(image, scratch, darker);
        search.threshold = threshold;
        search.sweep(self.first_share(), (3, 0.5));
        search.amplitude();
        search.drop_unlikely(0);
        search.settle_apart();
        search.sweep(self.level_share, (2, 0.1));
        for _ in 0..MAX_LOOKS {
            if self.realigns {
                search.realign();
            }
            let first = search.scratch.candidates.len();
            search.distrust_amplitude();
            search.look_at_rest();
            if search.scratch.candidates.len() == first {
                break;
            }
            search.settle_far_from(first);
            search.sweep(self.first_share(), (3, 0.5));
            search.amplitude();
            search.distrust_amplitude();
            search.drop_unlikely(first);
            search.sweep(self.level_share, (2, 0.1));
            // With many more disks the background is another.
            let more = search.scratch.candidates.len().saturating_sub(first);
            if more as f64 <= MANY * first as f64 {
                break;
            }
        }
        if self.realigns {
            search.realign();
        }
        search.conclude()
    }

    /// Disks that noise makes above so many standard deviations in a frame, on average, or a little less: maxima of a random
    /// field, which are as many as fit next to each other. The number was measured in simulated frames of background, radius
    /// 2 to 14 px; where counts are few there are fewer.
    pub fn false_disks(&self, deviations: f64) -> f64 {
        let radius = f64::from(self.shape.radius);
        let density = 0.53 / (radius * (radius + 9.0));
        let pixels = (self.rows * self.columns) as f64;
        density * pixels * deviations * (-0.5 * deviations * deviations).exp()
    }

    /// Deviance of a frame's counts from what is expected after [`Model::find`]: twice what the likelihood falls short of that of a
    /// model that expects just these counts. Squares in units of the variance would speak for whatever expects more counts.
    pub fn deviance(&self, image: &Image, scratch: &Scratch) -> f64 {
        self.deviance_within(image, scratch, 0..self.rows, 0..self.columns)
    }

    /// The same of a part of the frame.
    pub(super) fn deviance_within(
        &self,
        image: &Image,
        scratch: &Scratch,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> f64 {
        let ground = self.ground.around(scratch.centre, self.size());
        let amplitude = scratch.amplitude as f32;
        rows.map(|row| {
            let line = image.at(row, columns.start)..image.at(row, columns.end);
            let pixels = (image.counts[line.clone()].iter())
                .zip(&image.valid[line.clone()])
                .zip(&scratch.models[line])
                .zip(ground.row(row as isize, columns.start as isize));
            let deviances = pixels.map(|(((counts, valid), models), under)| {
                let expected = (models + amplitude * under).max(FAINTEST);
                let surprise = match *counts > 0.0 {
                    true => counts * (counts / expected).ln(),
                    // Readout noise, or a constant that was taken off.
                    false => -counts * expected.ln(),
                };
                2.0 * f64::from(valid * (surprise + expected - counts))
            });
            deviances.sum::<f64>()
        })
        .sum()
    }

    /// Counts that are expected at a pixel of a frame after [`Model::find`], flat in C order.
    pub(super) fn expected<'a>(
        &'a self,
        image: &'a Image,
        scratch: &'a Scratch,
    ) -> impl Fn(usize) -> f64 + use<'a> {
        let ground = self.ground.around(scratch.centre, self.size());
        move |at| {
            let (row, column) = (at / self.columns, at % self.columns);
            let under = ground.row(row as isize, column as isize);
            let under = scratch.amplitude * f64::from(under.first().copied().unwrap_or(0.0));
            f64::from(scratch.models[image.at(row, column)]) + under
        }
    }

    /// Adds what the disks of a frame, after [`Model::find`], say of radius and edge, or of what is inside.
    pub(super) fn shape_sums(&self, image: &Image, scratch: &mut Scratch, sums: &mut ShapeSums) {
        let ground = self.ground.around(scratch.centre, self.size());
        let mut search = Search {
            model: self,
            threshold: self.threshold,
            image,
            ground,
            scratch,
        };
        search.shape_sums(sums);
    }

    /// Place of the direct beam: the brightest disk near where it is in the mean.
    fn direct_beam(&self, image: &Image, scratch: &mut Scratch) -> Option<[f64; 2]> {
        let step = self.step;
        let (rows, columns) = self.grid();
        let range = |at: f64, size: usize| {
            let low = (at - self.wander).ceil().max(0.0) as usize;
            low.div_ceil(step)
                ..((at + self.wander).floor() as usize + 1)
                    .min(size)
                    .div_ceil(step)
        };
        let mean = |row: usize, column: usize| {
            let at = row * columns + column;
            scratch.sums[at] / self.inside[at].max(LEAST_VALID)
        };
        // The flank of a brighter disk further out is none.
        let is_top = |value: f32, row: usize, column: usize| {
            (row.saturating_sub(1)..(row + 2).min(rows)).all(|y| {
                (column.saturating_sub(1)..(column + 2).min(columns)).all(|x| mean(y, x) <= value)
            })
        };
        let mut best: Option<(f32, usize, usize)> = None;
        for row in range(self.centre[0], self.rows) {
            for column in range(self.centre[1], self.columns) {
                let value = mean(row, column);
                let brighter = best.is_none_or(|(most, ..)| value > most);
                if brighter && is_top(value, row, column) {
                    best = Some((value, row, column));
                }
            }
        }
        let (sum, row, column) = best.map(|(sum, row, column)| (sum, row * step, column * step))?;
        let ground = self.ground.around([row as f64, column as f64], self.size());
        let over = f64::from(sum) - f64::from(ground.sum_at(row, column));
        if over <= 5.0 * f64::from(sum).max(1.0).sqrt() {
            return None;
        }
        let mut search = Search {
            model: self,
            threshold: self.threshold,
            image,
            ground,
            scratch,
        };
        let slot = search.new_slot();
        search.load(slot, (row, column));
        search.others(slot, (row, column));
        let known = Known {
            level: 1.0,
            weight: 0.1,
        };
        let disk = Disk {
            y: 0.0,
            x: 0.0,
            height: over / self.area(),
            level: 1.0,
        };
        let fitted = search.improve(slot, disk, known, (4, 0.5));
        scratch.slots = 0;
        let Disk { y, x, .. } = fitted?;
        let near = y.hypot(x) < f64::from(self.shape.radius).max(1.5);
        near.then_some([row as f64 + y, column as f64 + x])
    }
}
