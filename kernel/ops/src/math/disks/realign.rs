//! Where a pattern fits badly: other places around are tried.

use signal::simd::{Vectorised, vectorised};

use super::around::Around;
use super::fit::{Disk, FAINTEST};
use super::lanes::LANES;
use super::search::{Candidate, Search};

/// Misfit, in standard deviations over 1, from which on a pattern fits badly.
const BADLY: f64 = 5.0;
/// How far around other places are tried, in radii, and how often: where a neighbour was wrong, the first time may be too.
const AROUND: f64 = 0.75;
const TRIES: u8 = 3;
/// A better place nearer than this, in px, is the one that the fit has come from.
const SAME: f64 = 1.0;

/// What a pattern is compared with at many places.
#[derive(Default)]
pub(super) struct Surroundings {
    /// Of the pattern at whole pixels, by the pixels of [`Around`]: its share, and that squared.
    shares: Vec<[f32; 2]>,
    /// What is left over times its weight, and the weights, of the pixels around, lines of `width`.
    rest: Vec<f32>,
    weights: Vec<f32>,
    width: usize,
    /// Of each place: sums of what is left over along the pattern, and of the pattern's squares.
    along: Vec<f32>,
    squares: Vec<f32>,
}

impl Search<'_> {
    /// A pattern with rings or rays fits in more places than one: where it fits badly, others around are tried.
    pub(super) fn realign(&mut self) {
        let known = self.known(self.model.level_share);
        let mut surroundings = std::mem::take(&mut self.scratch.surroundings);
        surroundings.shares.clear();
        for n in 0..self.scratch.candidates.len() {
            let candidate = self.scratch.candidates[n];
            let Candidate {
                slot,
                row,
                column,
                disk,
                tries,
                ..
            } = candidate;
            if tries == TRIES {
                continue;
            }
            self.others(slot, (row, column));
            let evidence = self.evidence(slot, disk, known);
            let spread = (2.0 / evidence.pixels.max(1.0)).sqrt();
            if evidence.misfit < 1.0 + BADLY * spread {
                continue;
            }
            self.scratch.candidates[n].tries += 1;
            let Some(place) = self.better_place(&candidate, &mut surroundings) else {
                continue;
            };
            self.repaint(slot, (row, column), None);
            self.load(slot, place);
            self.others(slot, place);
            let there = Disk {
                y: 0.0,
                x: 0.0,
                ..disk
            };
            let moved = (self.improve(slot, there, known, (4, 0.5)))
                .filter(|disk| self.evidence(slot, *disk, known).deviations > evidence.deviations);
            match moved {
                Some(disk) => {
                    let [y, x] = [place.0 as f64, place.1 as f64];
                    self.scratch.candidates[n] = Candidate {
                        row: place.0,
                        column: place.1,
                        disk,
                        start: [y + disk.y, x + disk.x],
                        settled: false,
                        ..self.scratch.candidates[n]
                    };
                    self.repaint(slot, place, Some(disk));
                }
                None => {
                    self.load(slot, (row, column));
                    self.repaint(slot, (row, column), Some(disk));
                }
            }
        }
        self.scratch.surroundings = surroundings;
        self.sweep(self.model.level_share, (2, 0.1));
    }

    /// The pixel of the frame where what is left over without a candidate is most like the pattern, unless it is where the
    /// candidate is.
    fn better_place(
        &mut self,
        candidate: &Candidate,
        surroundings: &mut Surroundings,
    ) -> Option<(usize, usize)> {
        let model = self.model;
        if surroundings.shares.is_empty() {
            self.shares(surroundings);
        }
        let [y, x] = candidate.at();
        let middle = [y.round() as isize, x.round() as isize];
        let span = ((AROUND * f64::from(model.shape.radius)).round() as isize).max(2);
        let reach = model.around.fitted_reach() as isize;
        let places = 2 * span as usize + 1;
        self.surroundings(candidate, middle, (span + reach) as usize, surroundings);
        let lines = places * places.next_multiple_of(LANES);
        surroundings.along.clear();
        surroundings.along.resize(lines, 0.0);
        surroundings.squares.clear();
        surroundings.squares.resize(lines, 0.0);
        vectorised(Compare {
            around: &model.around,
            reach,
            places,
            surroundings,
        });
        let mut best = (0.0f32, middle);
        for down in 0..places {
            for across in 0..places {
                let at = down * places.next_multiple_of(LANES) + across;
                let (along, squares) = (surroundings.along[at], surroundings.squares[at]);
                let place = [
                    middle[0] + down as isize - span,
                    middle[1] + across as isize - span,
                ];
                let inside = (0..model.rows as isize).contains(&place[0])
                    && (0..model.columns as isize).contains(&place[1]);
                let gain = along * along / squares;
                if inside && along > 0.0 && gain > best.0 {
                    best = (gain, place);
                }
            }
        }
        let [row, column] = best.1;
        let off = (row as f64 - y).abs().max((column as f64 - x).abs());
        (off > SAME).then_some((row as usize, column as usize))
    }

    /// The pattern in the middle of a pixel.
    fn shares(&self, surroundings: &mut Surroundings) {
        let Around {
            y, x, fitted, runs, ..
        } = &self.model.around;
        let runs = &runs[..self.model.around.fitted_runs];
        let mut shares = vec![0.0; *fitted];
        let disk = Disk {
            y: 0.0,
            x: 0.0,
            height: 1.0,
            level: 1.0,
        };
        let places = (&y[..*fitted], &x[..*fitted]);
        (self.model.pattern()).shares(places, runs, disk, &mut shares);
        let squares = shares.iter().map(|share| [*share, share * share]);
        surroundings.shares.extend(squares);
    }

    /// Pixels within `far` rows and columns of the middle, without the candidate.
    fn surroundings(
        &self,
        candidate: &Candidate,
        [row, column]: [isize; 2],
        far: usize,
        surroundings: &mut Surroundings,
    ) {
        let Search {
            model,
            image,
            ground,
            scratch,
            ..
        } = self;
        let Candidate { slot, disk, .. } = *candidate;
        // Compared are whole vectors of places.
        let width = 2 * far + 1 + LANES;
        surroundings.width = width;
        let far = far as isize;
        for values in [&mut surroundings.rest, &mut surroundings.weights] {
            values.clear();
            values.resize((2 * far as usize + 1) * width, 0.0);
        }
        let columns = (column - far).max(0)..(column + far + 1).min(model.columns as isize);
        let level = disk.level as f32;
        for (line, y) in (row - far..row + far + 1).enumerate() {
            if y < 0 || y >= model.rows as isize || columns.is_empty() {
                continue;
            }
            let from = image.at(y as usize, columns.start as usize);
            let count = columns.len();
            let under = &ground.row(y, columns.start)[..count];
            let first = line * width + (columns.start - (column - far)) as usize;
            let own = from..from + count;
            let pixels = (image.counts[own.clone()].iter())
                .zip(&image.valid[own.clone()])
                .zip(&scratch.models[own])
                .zip(under);
            let out =
                (surroundings.rest[first..].iter_mut()).zip(&mut surroundings.weights[first..]);
            for ((rest, weight), (((counts, valid), models), under)) in out.zip(pixels) {
                let expected = level * under + models;
                *rest = counts - expected;
                *weight = valid / (expected + 0.5 * disk.height as f32).max(FAINTEST);
            }
        }
        // What the candidate itself has is in the models.
        let own = &scratch.own[self.painted(slot)];
        for run in &model.around.runs {
            let y = candidate.row as isize + run.down - (row - far);
            if y < 0 || y > 2 * far {
                continue;
            }
            for (n, own) in own[run.to()].iter().enumerate() {
                let x = candidate.column as isize + run.across + n as isize - (column - far);
                if (0..=2 * far).contains(&x) {
                    surroundings.rest[y as usize * width + x as usize] += own;
                }
            }
        }
        for (rest, weight) in surroundings.rest.iter_mut().zip(&surroundings.weights) {
            *rest *= weight;
        }
    }
}

/// The sums of a pattern at all places of a square.
struct Compare<'a> {
    around: &'a Around,
    reach: isize,
    places: usize,
    surroundings: &'a mut Surroundings,
}

impl Vectorised for Compare<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Compare {
            around,
            reach,
            places,
            surroundings,
        } = self;
        let Surroundings {
            shares,
            rest,
            weights,
            width,
            along,
            squares,
        } = surroundings;
        let wide = places.next_multiple_of(LANES);
        for down in 0..places {
            for part in (0..wide).step_by(LANES) {
                let (mut sum, mut square) = ([0.0f32; LANES], [0.0f32; LANES]);
                for run in &around.runs[..around.fitted_runs] {
                    let line = (down as isize + reach + run.down) as usize * *width;
                    let first = line + (reach + run.across) as usize + part;
                    for (n, [share, share_square]) in shares[run.to()].iter().enumerate() {
                        let rest = &rest[first + n..][..LANES];
                        let weights = &weights[first + n..][..LANES];
                        for lane in 0..LANES {
                            sum[lane] += share * rest[lane];
                            square[lane] += share_square * weights[lane];
                        }
                    }
                }
                let at = down * wide + part;
                along[at..at + LANES].copy_from_slice(&sum);
                squares[at..at + LANES].copy_from_slice(&square);
            }
        }
    }
}
