//! The disks of one frame.

use signal::simd::{Vectorised, vectorised};

use super::fit::{Disk, Evidence, FAINTEST, Known, Passes, Window, cholesky};
use super::ground::{Ground, Part};
use super::image::{Image, Stencil};
use super::lanes::{LANES, total};
use super::prepare::ShapeSums;
use super::shape::Shape;

/// Standard deviations of the counts in a disk from which a place is looked at. Far below what is kept: where the background is
/// only about known, the sum misses it by more than the fit.
const LOOKED_AT: f32 = 3.0;
/// Beyond this distance from its middle, in radii, another maximum is another disk.
const APART: f64 = 0.7;
/// Nearer than this to a brighter one, in radii, is no second disk.
const TAKEN: f64 = 1.0;
/// Share of the radius by which the disk that is counted is larger, in px: half of the pixels at the edge belong to it.
const HARD: f64 = 0.3;
/// See [`Model::level_share`].
const LEVEL_SHARE: f64 = 0.5;
/// Least share of a disk's pixels that must be valid.
const LEAST_VALID: f32 = 0.3;
/// Share of the threshold that a candidate must pass after its first fit.
const SURE_ENOUGH: f64 = 0.7;
/// A disk's edge is seen to where it is this share of the background's noise.
const SEEN: f64 = 0.3;
/// Disks nearer than this to a brighter one, in radii, have little weight in the shape of all.
const OVERLAP: f64 = 1.7;
const DOUBTFUL: f64 = 0.01;
/// See [`Search::distrust_amplitude`]: for frames that disks cover but for this share.
const FREE_ENOUGH: f64 = 0.1;
const MUCH_LESS: f64 = 0.8;
/// Standard deviations from which on a disk tells the shape of all.
const SHAPELY: f64 = 8.0;
/// Misfit of what is no such disk, and how many times as high it is as what it leaves over.
const NO_DISK: f64 = 2.0;
const LEFT_OVER: f64 = 2.5;
/// How far outside the frame a disk's middle may be for its part inside to be told from background, in radii.
const OUTSIDE: f64 = 0.8;
/// Least counts off the disks that tell a frame's background better than its first guess.
const LEAST_FREE: f64 = 100.0;
/// Of the places in a frame that are not on disks there are at least so many.
const FREE: f64 = 0.25;

/// What a scan's disks have in common.
#[derive(Clone, Debug)]
pub struct Model {
    pub shape: Shape,
    pub ground: Ground,
    /// Where the direct beam is in the mean, row first.
    pub centre: [f64; 2],
    /// How far from there it may be, in px.
    pub wander: f64,
    /// Least standard deviations that a disk is found with.
    pub threshold: f64,
    /// Times the background of a frame's darker places, disks among them, that its background is.
    pub darker: f64,
    /// The background under a disk is known to this share of itself from the rest of the scan.
    pub level_share: f64,
    /// The frame's background is known to this share of itself before any disk is.
    pub frame_share: f64,
    pub rows: usize,
    pub columns: usize,
    stencil: Stencil,
    /// Share of the disk around each pixel that is inside the frame.
    inside: Vec<f32>,
    around: Around,
    /// Distance of the pixels that take part in a fit.
    reach: f64,
    /// Whether the direct beam is on the detector and not covered.
    pub beam_is_seen: bool,
}

/// How far beyond the radius a fit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// As far as the edge tells where the disk is.
    Edge,
    /// As far as the foot of a disk that is saturated inside.
    Foot,
}

/// Pixels around a disk: first those that take part in its fit, then those that only its edge reaches.
#[derive(Clone, Debug)]
struct Around {
    /// Of each run of pixels in a row: rows and columns from the middle to its first one, how many there are, and where they are
    /// in the lists.
    runs: Vec<Run>,
    /// Places from the middle; both parts fill all lanes.
    y: Vec<f32>,
    x: Vec<f32>,
    /// Pixels of the first part, and runs of it.
    fitted: usize,
    fitted_runs: usize,
    /// Fewest valid ones of the first part when the frame's edge cuts none off.
    whole: f64,
    /// Distance of the pixels that a usual disk has counts in.
    furthest: f64,
    /// Furthest row or column.
    reach: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    down: isize,
    across: isize,
    count: usize,
    at: usize,
}

impl Around {
    fn new(fit: f64, paint: f64) -> Self {
        let (inner, outer) = (Stencil::new(fit), Stencil::new(paint.max(fit)));
        let mut around = Around {
            runs: Vec::new(),
            y: Vec::new(),
            x: Vec::new(),
            fitted: 0,
            fitted_runs: 0,
            whole: 0.9 * inner.pixels() as f64,
            furthest: fit,
            reach: outer.reach(),
        };
        let reach = inner.reach() as isize;
        for (down, half) in (-reach..).zip(&inner.half_widths) {
            around.push(down, -(*half as isize), 2 * half + 1);
        }
        around.close();
        around.fitted = around.y.len();
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

impl Run {
    /// Places of its pixels in an image when the disk's middle is at `middle`.
    #[inline(always)]
    fn from(&self, middle: usize, width: usize) -> std::ops::Range<usize> {
        let first = middle.wrapping_add_signed(self.down * width as isize + self.across);
        first..first + self.count
    }

    #[inline(always)]
    fn to(&self) -> std::ops::Range<usize> {
        self.at..self.at + self.count
    }
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
}

/// What finding needs and what it leaves behind, so that nothing is allocated per frame.
#[derive(Default)]
pub struct Scratch {
    running: Vec<f32>,
    sums: Vec<f32>,
    /// Deviations of the sums.
    deviations: Vec<f32>,
    /// Expected counts of all disks, laid out as the image.
    pub models: Vec<f32>,
    rest: Vec<f32>,
    disk_sums: Vec<f32>,
    /// Windows of the candidates, one after the other.
    counts: Vec<f32>,
    valid: Vec<f32>,
    grounds: Vec<f32>,
    /// What each has in `models`.
    own: Vec<f32>,
    others: Vec<f32>,
    passes: Passes,
    slots: usize,
    candidates: Vec<Candidate>,
    places: Vec<(f32, usize)>,
    tops: Vec<u8>,
    ratios: Vec<f32>,
    rows: Vec<[f32; 2]>,
    /// Of the direct beam, and times the scan's background.
    pub centre: [f64; 2],
    pub amplitude: f64,
    /// Of the frame's darker places, see [`Model::darker`].
    pub first_amplitude: f64,
    /// Share of the background that no disk reaches.
    free: f64,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Pixel that its window is around.
    row: usize,
    column: usize,
    disk: Disk,
    start: [f64; 2],
    /// Its window among all.
    slot: usize,
    /// Whether its window has its pixels.
    loaded: bool,
    /// Not to be fitted again.
    settled: bool,
}

impl Candidate {
    fn at(&self) -> [f64; 2] {
        [
            self.row as f64 + self.disk.y,
            self.column as f64 + self.disk.x,
        ]
    }
}

/// One frame at work.
struct Search<'a> {
    model: &'a Model,
    image: &'a Image,
    ground: Part<'a>,
    scratch: &'a mut Scratch,
}

impl Model {
    pub fn new(
        shape: Shape,
        profile: Vec<f32>,
        (rows, columns): (usize, usize),
        centre: [f64; 2],
        wander: f64,
        threshold: f64,
        brightest: f64,
        beyond: Beyond,
    ) -> Self {
        let stencil = Stencil::new(f64::from(shape.radius) + HARD);
        // As far as the edge of the brightest disk is seen above the noise of the background.
        let darkest = profile
            .iter()
            .copied()
            .fold(f32::INFINITY, f32::min)
            .max(1e-3);
        let seen = (brightest / (SEEN * f64::from(darkest).sqrt()))
            .max(1.0)
            .ln()
            .clamp(3.0, 12.0);
        let edge = f64::from(shape.edge);
        let reach = f64::from(shape.radius)
            + match beyond {
                Beyond::Edge => (4.0 * edge).clamp(2.0, 4.0),
                Beyond::Foot => (8.0 * edge).clamp(3.0, 9.0),
            };
        let around = Around::new(reach, f64::from(shape.radius) + seen * edge);
        let margin = around.reach;
        let ground = Ground::new(profile, (rows, columns), centre, wander, margin, &stencil);
        let (mut running, mut inside, mut ones) = (Vec::new(), Vec::new(), Image::default());
        ones.fill((rows, columns), margin, &vec![1.0; rows * columns], 0.0);
        stencil.sums(
            &ones.counts,
            (rows, columns),
            margin,
            &mut running,
            &mut inside,
        );
        let all = stencil.pixels() as f32;
        inside.iter_mut().for_each(|share| *share /= all);
        Model {
            around,
            reach,
            beam_is_seen: true,
            shape,
            ground,
            centre,
            wander,
            threshold,
            darker: 1.0,
            level_share: LEVEL_SHARE,
            frame_share: 5.0,
            rows,
            columns,
            stencil,
            inside,
        }
    }

    /// Width of the border that an [`Image`] of a frame needs.
    pub fn margin(&self) -> usize {
        self.around.reach
    }

    fn size(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    fn first_share(&self) -> f64 {
        self.level_share.hypot(self.frame_share)
    }

    /// Pixels of a disk.
    fn area(&self) -> f64 {
        self.stencil.pixels() as f64
    }

    /// Disks of a frame, the surest first.
    pub fn find(&self, image: &Image, scratch: &mut Scratch) -> Vec<Found> {
        let Scratch { running, sums, .. } = scratch;
        self.stencil
            .sums(&image.counts, self.size(), image.margin, running, sums);
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
            image,
            ground: self.ground.around(centre, self.size()),
            scratch,
        };
        search.first_amplitude();
        if image.holed {
            search.fill();
        }
        search.deviations(false);
        search.take_maxima();
        search.sweep(self.first_share(), (3, 0.05));
        search.amplitude();
        search.drop_unlikely(0);
        search.settle_apart();
        search.sweep(self.level_share, (2, 0.02));
        let first = search.scratch.candidates.len();
        search.distrust_amplitude();
        search.look_at_rest();
        if search.scratch.candidates.len() > first {
            search.settle_far_from(first);
            search.sweep(self.first_share(), (3, 0.05));
            search.amplitude();
            search.distrust_amplitude();
            search.drop_unlikely(first);
            search.sweep(self.level_share, (2, 0.01));
        }
        search.conclude()
    }

    /// Disks that noise makes above so many standard deviations in a frame, on average: maxima of a random field, which
    /// are as many as fit next to each other. The number was measured in simulated frames of background, radius 2 to 9 px.
    pub fn false_disks(&self, deviations: f64) -> f64 {
        let density = 0.011 / f64::from(self.shape.radius).sqrt();
        let pixels = (self.rows * self.columns) as f64;
        density * pixels * deviations * (-0.5 * deviations * deviations).exp()
    }

    /// Sum of the squares of what is left over after [`Model::find`], in units of its variance.
    pub fn misfit(&self, image: &Image, scratch: &Scratch) -> f64 {
        let ground = self.ground.around(scratch.centre, self.size());
        let amplitude = scratch.amplitude as f32;
        (0..self.rows)
            .map(|row| {
                let line = image.at(row, 0)..image.at(row, 0) + self.columns;
                let pixels = (image.counts[line.clone()].iter())
                    .zip(&image.valid[line.clone()])
                    .zip(&scratch.models[line])
                    .zip(ground.row(row as isize, 0));
                let squares = pixels.map(|(((counts, valid), models), under)| {
                    let expected = (models + amplitude * under).max(FAINTEST);
                    f64::from(valid * (counts - expected) * (counts - expected) / expected)
                });
                squares.sum::<f64>()
            })
            .sum()
    }

    /// Adds what the disks of a frame, after [`Model::find`], say of radius and edge.
    pub fn shape_sums(&self, image: &Image, scratch: &mut Scratch, sums: &mut ShapeSums) {
        let ground = self.ground.around(scratch.centre, self.size());
        let mut search = Search {
            model: self,
            image,
            ground,
            scratch,
        };
        search.shape_sums(sums);
    }

    /// Place of the direct beam: the brightest disk near where it is in the mean.
    fn direct_beam(&self, image: &Image, scratch: &mut Scratch) -> Option<[f64; 2]> {
        let range = |at: f64, size: usize| {
            let low = (at - self.wander).ceil().max(0.0) as usize;
            low..((at + self.wander).floor() as usize + 1).min(size)
        };
        let mut best = (f32::NEG_INFINITY, 0, 0);
        for row in range(self.centre[0], self.rows) {
            for column in range(self.centre[1], self.columns) {
                let at = row * self.columns + column;
                let value = scratch.sums[at] / self.inside[at].max(LEAST_VALID);
                if value > best.0 {
                    best = (value, row, column);
                }
            }
        }
        let (sum, row, column) = best;
        let ground = self.ground.around([row as f64, column as f64], self.size());
        let over = f64::from(sum) - f64::from(ground.sums(row)[column]);
        if over <= 5.0 * f64::from(sum).max(1.0).sqrt() {
            return None;
        }
        let mut search = Search {
            model: self,
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
        let fitted = search.improve(slot, disk, known, (4, 0.05));
        scratch.slots = 0;
        let Disk { y, x, .. } = fitted?;
        let near = y.hypot(x) < f64::from(self.shape.radius).max(1.5);
        near.then(|| [row as f64 + y, column as f64 + x])
    }
}

impl Search<'_> {
    /// Times the scan's background that the darker places of this frame have.
    fn first_amplitude(&mut self) {
        let Model {
            rows,
            columns,
            stencil,
            inside,
            ..
        } = self.model;
        let step = stencil.reach().max(1);
        let scratch = &mut *self.scratch;
        scratch.ratios.clear();
        for row in (step / 2..*rows).step_by(step) {
            let under = self.ground.sums(row);
            for column in (step / 2..*columns).step_by(step) {
                let at = row * columns + column;
                let expected = under[column] * inside[at];
                if expected > 0.0 && self.image.valid[self.image.at(row, column)] > 0.0 {
                    scratch.ratios.push(scratch.sums[at] / expected);
                }
            }
        }
        let place = (FREE * scratch.ratios.len() as f64) as usize;
        scratch.first_amplitude = 1.0;
        scratch.amplitude = 1.0;
        if place < scratch.ratios.len() {
            let (_, ratio, _) = scratch.ratios.select_nth_unstable_by(place, f32::total_cmp);
            scratch.first_amplitude = f64::from(*ratio).max(1e-3);
            scratch.amplitude = scratch.first_amplitude * self.model.darker;
        }
    }

    /// Counts at invalid pixels as the background has them: a hole is no edge.
    fn fill(&mut self) {
        let Search {
            model,
            image,
            ground,
            scratch,
        } = self;
        let amplitude = scratch.amplitude as f32;
        scratch.rest.clear();
        scratch.rest.extend_from_slice(&image.counts);
        for row in 0..model.rows {
            let under = ground.row(row as isize, 0);
            let first = image.at(row, 0);
            let line = first..first + model.columns;
            let pixels = scratch.rest[line.clone()]
                .iter_mut()
                .zip(&image.valid[line])
                .zip(under);
            for ((value, valid), under) in pixels {
                *value = if *valid > 0.0 || *value > 0.0 {
                    *value
                } else {
                    amplitude * under
                };
            }
        }
        let Scratch {
            running,
            sums,
            rest,
            ..
        } = &mut **scratch;
        model
            .stencil
            .sums(rest, model.size(), image.margin, running, sums);
    }

    /// Looks for what the models of the disks so far leave over.
    fn look_at_rest(&mut self) {
        let Search {
            model,
            image,
            ground,
            scratch,
        } = self;
        let amplitude = scratch.amplitude as f32;
        scratch.rest.resize(image.counts.len(), 0.0);
        for row in 0..model.rows {
            let first = image.at(row, 0);
            let line = first..first + model.columns;
            vectorised(Rest {
                counts: &image.counts[line.clone()],
                valid: &image.valid[line.clone()],
                models: &scratch.models[line.clone()],
                under: &ground.row(row as isize, 0)[..model.columns],
                amplitude,
                out: &mut scratch.rest[line],
            });
        }
        // What was counted there is the variance too, also where a disk is.
        std::mem::swap(&mut scratch.sums, &mut scratch.disk_sums);
        let Scratch {
            running,
            sums,
            rest,
            ..
        } = &mut **scratch;
        model
            .stencil
            .sums(rest, model.size(), image.margin, running, sums);
        self.deviations(true);
        self.take_maxima();
    }

    /// `(sum - expected) / √expected`; of what is left over, `sums` is the difference and `disk_sums` the counts.
    fn deviations(&mut self, left_over: bool) {
        let Search {
            model,
            ground,
            scratch,
            ..
        } = self;
        let amplitude = scratch.amplitude as f32;
        // With a border that is no maximum.
        let width = model.columns + 2;
        scratch
            .deviations
            .resize((model.rows + 2) * width, f32::NEG_INFINITY);
        scratch.deviations[..width].fill(f32::NEG_INFINITY);
        for row in 0..model.rows {
            let line = row * model.columns..(row + 1) * model.columns;
            let out = &mut scratch.deviations[(row + 1) * width..(row + 2) * width];
            (out[0], out[width - 1]) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
            vectorised(Deviations {
                under: &ground.sums(row)[..model.columns],
                inside: &model.inside[line.clone()],
                sums: &scratch.sums[line.clone()],
                others: left_over.then(|| &scratch.disk_sums[line.clone()]),
                amplitude,
                out: &mut out[1..width - 1],
            });
        }
        scratch.deviations[(model.rows + 1) * width..].fill(f32::NEG_INFINITY);
    }

    fn take_maxima(&mut self) {
        let model = self.model;
        let (rows, columns) = model.size();
        let reach = ((APART * f64::from(model.shape.radius)).round() as usize).max(1);
        let scratch = &mut *self.scratch;
        let map = &scratch.deviations;
        let width = columns + 2;
        scratch.places.clear();
        scratch.tops.resize(columns.next_multiple_of(LANES), 0);
        for row in 0..rows {
            let line = |row: usize| &map[row * width..(row + 1) * width];
            vectorised(Tops {
                above: line(row),
                here: line(row + 1),
                below: line(row + 2),
                out: &mut scratch.tops[..columns],
            });
            for (part, tops) in scratch.tops.chunks_exact(LANES).enumerate() {
                if tops.iter().all(|top| *top == 0) {
                    continue;
                }
                for column in (part * LANES..)
                    .zip(tops)
                    .filter(|(_, top)| **top != 0)
                    .map(|(at, _)| at)
                {
                    if is_largest(map, (rows, columns), (row, column), reach) {
                        let value = map[(row + 1) * width + column + 1];
                        scratch.places.push((value, row * columns + column));
                    }
                }
            }
        }
        scratch
            .places
            .sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let known = scratch.candidates.len();
        for n in 0..self.scratch.places.len() {
            let (deviation, at) = self.scratch.places[n];
            let place = (at / columns, at % columns);
            let here = [place.0 as f64, place.1 as f64];
            if self.is_taken(known, here) || !self.enough_valid(place) {
                continue;
            }
            let inside = f64::from(model.inside[at]);
            let amplitude = self.scratch.amplitude;
            let under = f64::from(self.ground.sums(place.0)[place.1]) * inside * amplitude;
            let over = f64::from(deviation) * under.max(1.0).sqrt();
            let disk = Disk {
                y: 0.0,
                x: 0.0,
                height: over / (model.area() * inside).max(1.0),
                level: amplitude,
            };
            let slot = self.new_slot();
            self.scratch.candidates.push(Candidate {
                row: place.0,
                column: place.1,
                disk,
                start: here,
                slot,
                loaded: false,
                settled: false,
            });
        }
    }

    /// Whether one of the first `n` candidates is at the same place.
    fn is_taken(&self, n: usize, [y, x]: [f64; 2]) -> bool {
        let apart = TAKEN * f64::from(self.model.shape.radius);
        self.scratch.candidates[..n].iter().any(|other| {
            let [oy, ox] = other.at();
            let (dy, dx) = (y - oy, x - ox);
            dy * dy + dx * dx < apart * apart
        })
    }

    fn enough_valid(&self, (row, column): (usize, usize)) -> bool {
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

    fn new_slot(&mut self) -> usize {
        let slot = self.scratch.slots;
        self.scratch.slots += 1;
        let Around { fitted, y, .. } = &self.model.around;
        let Scratch {
            counts,
            valid,
            grounds,
            own,
            ..
        } = &mut *self.scratch;
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
    fn fitted(&self, slot: usize) -> std::ops::Range<usize> {
        let pixels = self.model.around.fitted;
        slot * pixels..(slot + 1) * pixels
    }

    /// Where all pixels are that the slot's disk has counts in.
    fn painted(&self, slot: usize) -> std::ops::Range<usize> {
        let pixels = self.model.around.y.len();
        slot * pixels..(slot + 1) * pixels
    }

    /// Copies the pixels around one into a slot, without a disk of its own.
    fn load(&mut self, slot: usize, (row, column): (usize, usize)) {
        let (fitted, painted) = (self.fitted(slot), self.painted(slot));
        let Search {
            model,
            image,
            ground,
            scratch,
        } = self;
        let Scratch {
            counts,
            valid,
            grounds,
            own,
            ..
        } = &mut **scratch;
        let (counts, valid) = (&mut counts[fitted.clone()], &mut valid[fitted.clone()]);
        let grounds = &mut grounds[fitted];
        let (middle, width) = (image.at(row, column), image.width());
        for run in &model.around.runs[..model.around.fitted_runs] {
            let from = run.from(middle, width);
            let under = ground.row(row as isize + run.down, column as isize + run.across);
            counts[run.to()].copy_from_slice(&image.counts[from.clone()]);
            valid[run.to()].copy_from_slice(&image.valid[from]);
            grounds[run.to()].copy_from_slice(&under[..run.count]);
        }
        // Those that only fill the lanes may be left from another window.
        let filled = model.around.runs[..model.around.fitted_runs]
            .last()
            .map_or(0, |run| run.to().end);
        valid[filled..].fill(0.0);
        own[painted].fill(0.0);
    }

    /// What others have in a window.
    fn others(&mut self, slot: usize, (row, column): (usize, usize)) {
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
        for run in &model.around.runs[..model.around.fitted_runs] {
            others[run.to()].copy_from_slice(&models[run.from(middle, width)]);
        }
        for (others, own) in others[..model.around.fitted].iter_mut().zip(&own[painted]) {
            let rest = *others - own;
            *others = if rest > 0.0 { rest } else { 0.0 };
        }
    }

    /// Replaces what a disk has in the models of the frame, by nothing when it is none.
    fn repaint(&mut self, slot: usize, (row, column): (usize, usize), disk: Option<Disk>) {
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
            shape: model.shape,
            y: &model.around.y,
            x: &model.around.x,
            disk,
            own,
            change,
        });
        let (middle, width) = (image.at(row, column), image.width());
        for run in &model.around.runs {
            let out = models[run.from(middle, width)].iter_mut();
            for (out, change) in out.zip(&change[run.to()]) {
                *out += change;
            }
        }
    }

    /// The window of a slot; [`Search::others`] first.
    fn window(&self, slot: usize) -> Window<'_> {
        let range = self.fitted(slot);
        let Scratch {
            counts,
            valid,
            grounds,
            others,
            ..
        } = &*self.scratch;
        let Around { y, x, fitted, .. } = &self.model.around;
        Window {
            y: &y[..*fitted],
            x: &x[..*fitted],
            counts: &counts[range.clone()],
            ground: &grounds[range.clone()],
            others: &others[..*fitted],
            valid: &valid[range],
        }
    }

    fn improve(
        &mut self,
        slot: usize,
        disk: Disk,
        known: Known,
        steps: (usize, f64),
    ) -> Option<Disk> {
        let mut passes = std::mem::take(&mut self.scratch.passes);
        let step = self
            .window(slot)
            .improve(&mut passes, self.model.shape, disk, known, steps);
        self.scratch.passes = passes;
        step.map(|step| step.disk)
    }

    /// The background under a disk, known to a share of itself.
    fn known(&self, share: f64) -> Known {
        let level = self.scratch.amplitude;
        Known {
            level,
            weight: (share * level).powi(-2),
        }
    }

    /// Fits every candidate that is not settled among the others.
    fn sweep(&mut self, share: f64, steps: (usize, f64)) {
        let known = self.known(share);
        let model = self.model;
        let radius = f64::from(model.shape.radius);
        let mut n = 0;
        while n < self.scratch.candidates.len() {
            let mut candidate = self.scratch.candidates[n];
            if candidate.settled {
                n += 1;
                continue;
            }
            let Candidate {
                slot,
                row,
                column,
                loaded,
                ..
            } = candidate;
            if !loaded {
                self.load(slot, (row, column));
                candidate.loaded = true;
            }
            self.others(slot, (row, column));
            let improved = self.improve(slot, candidate.disk, known, steps);
            candidate.disk = improved.unwrap_or(candidate.disk);
            let [y, x] = candidate.at();
            // Part of a disk may be seen whose middle is not.
            let beyond = OUTSIDE * radius;
            let outside = |at: f64, size: usize| at < -beyond || at > size as f64 - 1.0 + beyond;
            let walked = (y - candidate.start[0]).hypot(x - candidate.start[1]);
            if improved.is_none()
                || outside(y, model.rows)
                || outside(x, model.columns)
                || walked > (1.5 * radius).max(2.0)
                || self.is_taken(n, [y, x])
            {
                self.repaint(slot, (row, column), None);
                self.scratch.candidates.remove(n);
                continue;
            }
            // The window follows the disk.
            let new_row = (y.round().max(0.0) as usize).min(model.rows - 1);
            let new_column = (x.round().max(0.0) as usize).min(model.columns - 1);
            if (new_row, new_column) != (row, column) {
                self.repaint(slot, (row, column), None);
                candidate.row = new_row;
                candidate.column = new_column;
                candidate.disk.y = y - new_row as f64;
                candidate.disk.x = x - new_column as f64;
                self.load(slot, (new_row, new_column));
            }
            self.repaint(slot, (new_row, new_column), Some(candidate.disk));
            self.scratch.candidates[n] = candidate;
            n += 1;
        }
    }

    /// Drops candidates from the `first` on that are no disks by most of the evidence that is asked for in the end.
    fn drop_unlikely(&mut self, first: usize) {
        let known = self.known(self.model.level_share);
        let (area, threshold) = (self.model.area(), self.model.threshold);
        let mut n = first;
        while n < self.scratch.candidates.len() {
            let Candidate {
                slot,
                row,
                column,
                disk,
                ..
            } = self.scratch.candidates[n];
            // Nearly all are beyond doubt.
            let under = f64::from(self.ground.sums(row)[column]) * disk.level;
            if disk.height * area > 3.0 * threshold * (under + disk.height * area).sqrt() {
                n += 1;
                continue;
            }
            self.others(slot, (row, column));
            let evidence = self.window(slot).evidence(self.model.shape, disk, known);
            if evidence.deviations < SURE_ENOUGH * threshold {
                self.repaint(slot, (row, column), None);
                self.scratch.candidates.remove(n);
            } else {
                n += 1;
            }
        }
    }

    /// Candidates whose windows no other disk reaches stay as they are.
    fn settle_apart(&mut self) {
        let far = self.model.reach + self.model.around.furthest;
        let all = &mut self.scratch.candidates;
        for n in 0..all.len() {
            let [y, x] = all[n].at();
            all[n].settled = (all.iter().enumerate()).all(|(other, candidate)| {
                let [oy, ox] = candidate.at();
                let (dy, dx) = (y - oy, x - ox);
                other == n || dy * dy + dx * dx > far * far
            });
        }
    }

    /// Candidates that new ones, from the `first` on, do not touch stay as they are.
    fn settle_far_from(&mut self, first: usize) {
        let far = 2.0 * self.model.reach;
        let (old, new) = self.scratch.candidates.split_at_mut(first);
        for candidate in old {
            let [y, x] = candidate.at();
            candidate.settled = new.iter().all(|other| {
                let [oy, ox] = other.at();
                let (dy, dx) = (y - oy, x - ox);
                dy * dy + dx * dx > far * far
            });
        }
    }

    /// Times the scan's background that the pixels off the disks have; as before where that is few counts.
    fn amplitude(&mut self) {
        let Search {
            model,
            image,
            ground,
            scratch,
        } = self;
        // The median over the rows, each with the weight of its expected counts: what is on disks that were not found stays out.
        scratch.rows.clear();
        let mut everything = 0.0;
        for row in 0..model.rows {
            let first = image.at(row, 0);
            let line = first..first + model.columns;
            let [sum, under, whole] = vectorised(Free {
                counts: &image.counts[line.clone()],
                valid: &image.valid[line.clone()],
                models: &scratch.models[line],
                under: &ground.row(row as isize, 0)[..model.columns],
                limit: 0.1 * scratch.amplitude as f32,
            });
            everything += f64::from(whole);
            if under > 0.0 {
                scratch.rows.push([sum / under, under]);
            }
        }
        let all: f64 = scratch
            .rows
            .iter()
            .map(|[_, under]| f64::from(*under))
            .sum();
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
    fn distrust_amplitude(&mut self) {
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

    /// Gauss-Newton equations of radius and edge; row, column, height and level of every disk are eliminated by the Schur
    /// complement.
    fn shape_sums(&mut self, sums: &mut ShapeSums) {
        let known = self.known(self.model.level_share);
        let Shape { radius, edge } = self.model.shape;
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
            let evidence = window.evidence(self.model.shape, disk, known);
            let whole = evidence.pixels >= self.model.around.whole;
            let [y, x] = self.scratch.candidates[n].at();
            let [cy, cx] = self.scratch.centre;
            let of_beam = (y - cy).hypot(x - cx) < f64::from(radius);
            if evidence.deviations < SHAPELY {
                continue;
            }
            let mut matrix = [[0.0f64; 6]; 6];
            let mut slope = [0.0f64; 6];
            for at in 0..window.y.len() {
                if window.valid[at] == 0.0 {
                    continue;
                }
                let (dy, dx) = (window.y[at] - disk.y as f32, window.x[at] - disk.x as f32);
                let cover = self.model.shape.at(dy, dx);
                let height = disk.height as f32;
                let expected = height * cover.share
                    + disk.level as f32 * window.ground[at]
                    + window.others[at];
                let expected = expected.max(FAINTEST);
                let along = height * cover.slope;
                let across = along / cover.distance;
                let outward = (cover.distance - radius) / edge;
                let all = [
                    across * dy,
                    across * dx,
                    cover.share,
                    window.ground[at],
                    along,
                    along * outward,
                ];
                let rest = f64::from(window.counts[at] - expected);
                let weight = 1.0 / f64::from(expected);
                for i in 0..6 {
                    let weighed = weight * f64::from(all[i]);
                    for j in 0..6 {
                        matrix[i][j] += weighed * f64::from(all[j]);
                    }
                    slope[i] += weighed * rest;
                }
            }
            matrix[3][3] += known.weight;
            slope[3] += known.weight * (known.level - disk.level);
            let own: [[f64; 4]; 4] = std::array::from_fn(|i| std::array::from_fn(|j| matrix[i][j]));
            let of_own = |right: [f64; 4]| cholesky(own, right);
            let columns = [4, 5].map(|j| of_own(std::array::from_fn(|i| matrix[i][j])));
            let (Some(first), Some(second), Some(rest)) = (
                columns[0],
                columns[1],
                of_own(std::array::from_fn(|i| slope[i])),
            ) else {
                continue;
            };
            // What overlaps with something brighter may be the misfit of that.
            let overlaps = self
                .scratch
                .candidates
                .iter()
                .enumerate()
                .any(|(other, candidate)| {
                    let [oy, ox] = candidate.at();
                    let near = (y - oy).hypot(x - ox) < OVERLAP * f64::from(radius);
                    other != n && near && candidate.disk.height > disk.height
                });
            // Nor is the background under the direct beam known.
            let trust = if overlaps || of_beam || !whole {
                DOUBTFUL
            } else {
                1.0
            };
            let trust = trust / evidence.misfit.max(1.0).powi(2);
            for (i, row) in [4, 5].into_iter().enumerate() {
                let dot = |other: &[f64; 4]| (0..4).map(|k| matrix[row][k] * other[k]).sum::<f64>();
                sums.information[i][0] += trust * (matrix[row][4] - dot(&first));
                sums.information[i][1] += trust * (matrix[row][5] - dot(&second));
                sums.slope[i] += trust * (slope[row] - dot(&rest));
            }
            if let Some(inverse) = cholesky(own, [0.0, 0.0, 0.0, 1.0]) {
                let amplitude = self.scratch.amplitude;
                let off = disk.level / amplitude - 1.0;
                sums.levels
                    .push([off, inverse[3].max(0.0).sqrt() / amplitude]);
            }
            sums.disks += 1;
            sums.misfit += evidence.misfit;
            sums.brightest = sums.brightest.max(disk.height);
        }
    }

    fn conclude(&mut self) -> Vec<Found> {
        let known = self.known(self.model.level_share);
        let shape = self.model.shape;
        let mut found = Vec::with_capacity(self.scratch.candidates.len());
        let mut passes = std::mem::take(&mut self.scratch.passes);
        for n in 0..self.scratch.candidates.len() {
            let candidate = self.scratch.candidates[n];
            self.others(candidate.slot, (candidate.row, candidate.column));
            let window = self.window(candidate.slot);
            let steps = (2, 0.02);
            let Some(step) = window.improve(&mut passes, shape, candidate.disk, known, steps)
            else {
                continue;
            };
            let evidence = window.evidence(shape, step.disk, known);
            let Some([y_error, x_error]) = step.errors() else {
                continue;
            };
            if evidence.deviations < self.model.threshold {
                continue;
            }
            let Disk { height, level, .. } = step.disk;
            let [y, x] = Candidate {
                disk: step.disk,
                ..candidate
            }
            .at();
            let inside = |at: f64, size: usize| at >= -0.5 && at <= size as f64 - 0.5;
            if !inside(y, self.model.rows) || !inside(x, self.model.columns) {
                continue;
            }
            found.push(Found {
                y,
                x,
                height,
                level,
                y_error,
                x_error,
                evidence,
            });
        }
        self.scratch.passes = passes;
        found.sort_by(|a, b| b.evidence.deviations.total_cmp(&a.evidence.deviations));
        // What a disk that is none leaves over is no other disk.
        let near = OVERLAP * f64::from(shape.radius);
        let left_over = |n: usize| {
            let peak = &found[n];
            found[..n].iter().any(|other| {
                let (dy, dx) = (peak.y - other.y, peak.x - other.x);
                dy * dy + dx * dx < near * near
                    && other.evidence.misfit > NO_DISK
                    && other.height > LEFT_OVER * peak.height
            })
        };
        let stay: Vec<bool> = (0..found.len()).map(|n| !left_over(n)).collect();
        let mut stay = stay.into_iter();
        found.retain(|_| stay.next().unwrap_or(true));
        found
    }
}

/// Whether nothing within a square is larger, and nothing before it as large; `map` has a border of one pixel.
#[inline(always)]
fn is_largest(
    map: &[f32],
    (rows, columns): (usize, usize),
    (row, column): (usize, usize),
    reach: usize,
) -> bool {
    let width = columns + 2;
    let value = map[(row + 1) * width + column + 1];
    let (first, end) = (
        (column + 1).saturating_sub(reach),
        (column + reach + 2).min(width),
    );
    for y in (row + 1).saturating_sub(reach)..(row + reach + 2).min(rows + 2) {
        let line = &map[y * width + first..y * width + end];
        let larger = match y <= row {
            true => line
                .iter()
                .fold(false, |any, other| any | (*other >= value)),
            false => line.iter().fold(false, |any, other| any | (*other > value)),
        };
        if larger {
            return false;
        }
    }
    true
}

/// Which pixels of a row are worth a look and larger than those beside, above and below.
struct Tops<'a> {
    above: &'a [f32],
    here: &'a [f32],
    below: &'a [f32],
    out: &'a mut [u8],
}

impl Vectorised for Tops<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let count = self.out.len();
        let (above, below) = (&self.above[1..][..count], &self.below[1..][..count]);
        let (left, here, right) = (
            &self.here[..count],
            &self.here[1..][..count],
            &self.here[2..][..count],
        );
        for n in 0..count {
            let value = here[n];
            let top = (value > LOOKED_AT)
                & (value > left[n])
                & (value > above[n])
                & (value >= right[n])
                & (value >= below[n]);
            self.out[n] = u8::from(top);
        }
    }
}

struct Deviations<'a> {
    under: &'a [f32],
    inside: &'a [f32],
    sums: &'a [f32],
    others: Option<&'a [f32]>,
    amplitude: f32,
    out: &'a mut [f32],
}

impl Vectorised for Deviations<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let all = self
            .under
            .iter()
            .zip(self.inside)
            .zip(self.sums)
            .zip(self.out);
        let at_least_one = |value: f32| if value > 1.0 { value } else { 1.0 };
        match self.others {
            None => {
                for (((under, inside), sum), out) in all {
                    let expected = self.amplitude * under * inside;
                    *out = (sum - expected) / at_least_one(expected).sqrt();
                }
            }
            Some(others) => {
                for ((((under, inside), sum), out), others) in all.zip(others) {
                    let expected = self.amplitude * under * inside;
                    let counted = if *others > expected {
                        *others
                    } else {
                        expected
                    };
                    *out = sum / at_least_one(counted).sqrt();
                }
            }
        }
    }
}

struct Rest<'a> {
    counts: &'a [f32],
    valid: &'a [f32],
    models: &'a [f32],
    under: &'a [f32],
    amplitude: f32,
    out: &'a mut [f32],
}

impl Vectorised for Rest<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let all = self
            .counts
            .iter()
            .zip(self.valid)
            .zip(self.models)
            .zip(self.under);
        for (out, (((counts, valid), models), under)) in self.out.iter_mut().zip(all) {
            *out = valid * (counts - models - self.amplitude * under);
        }
    }
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

struct Repaint<'a> {
    shape: Shape,
    y: &'a [f32],
    x: &'a [f32],
    disk: Option<Disk>,
    own: &'a mut [f32],
    change: &'a mut [f32],
}

impl Vectorised for Repaint<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let all = self.own.iter_mut().zip(self.change).zip(self.y).zip(self.x);
        let Some(disk) = self.disk else {
            for (((own, change), _), _) in all {
                *change = -*own;
                *own = 0.0;
            }
            return;
        };
        let (height, y0, x0) = (disk.height as f32, disk.y as f32, disk.x as f32);
        for (((own, change), y), x) in all {
            let new = height * self.shape.at(y - y0, x - x0).share;
            *change = new - *own;
            *own = new;
        }
    }
}
