//! Places in a frame where the counts in a disk stand out of the background, and of what the disks so far leave over.

use signal::simd::{Vectorised, vectorised};

use super::fit::Disk;
use super::lanes::LANES;
use super::search::{Candidate, Scratch, Search, TAKEN, square_apart};
use super::sweep::OVERLAP;

/// Standard deviations of the counts in a disk from which a place is looked at. Far below what is kept: where the background is
/// only about known, the sum misses it by more than the fit.
const LOOKED_AT: f32 = 3.0;
/// Beyond this distance from its middle, in radii, another maximum is another disk.
const APART: f64 = 0.7;

impl Search<'_> {
    pub(super) fn look_at_counts(&mut self) {
        match &self.model.matched {
            Some(matched) => {
                self.match_pattern(matched);
                self.take_maxima(true);
            }
            None => {
                if self.image.holed {
                    self.fill();
                }
                self.take_maxima(false);
            }
        }
    }

    /// Of the candidates only the direct beam.
    pub(super) fn keep_beam(&mut self) {
        let centre = self.scratch.centre;
        let nearest = (self.scratch.candidates.iter())
            .map(|candidate| square_apart(candidate.at(), centre))
            .fold(f64::INFINITY, f64::min);
        let radius = f64::from(self.model.shape.radius);
        self.scratch.candidates.retain(|candidate| {
            let away = square_apart(candidate.at(), centre);
            away <= nearest && away < radius * radius
        });
        for candidate in &mut self.scratch.candidates {
            candidate.disk.y += centre[0] - candidate.at()[0];
            candidate.disk.x += centre[1] - candidate.at()[1];
        }
    }

    /// Counts at invalid pixels as the background has them: a hole is no edge.
    fn fill(&mut self) {
        let Search {
            model,
            image,
            ground,
            scratch,
            ..
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
            line, sums, rest, ..
        } = &mut **scratch;
        let margin = (image.margin, model.step);
        model.stencil.sums(rest, model.size(), margin, line, sums);
    }

    /// Looks for what the models of the disks so far leave over.
    pub(super) fn look_at_rest(&mut self) {
        match &self.model.matched {
            Some(matched) => self.match_pattern(matched),
            None => self.sum_rest(),
        }
        self.take_maxima(true);
    }

    fn sum_rest(&mut self) {
        let Search {
            model,
            image,
            ground,
            scratch,
            ..
        } = self;
        let amplitude = scratch.amplitude as f32;
        scratch.rest.clear();
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
        let Scratch {
            line,
            rest_sums,
            rest,
            ..
        } = &mut **scratch;
        let margin = (image.margin, model.step);
        model
            .stencil
            .sums(rest, model.size(), margin, line, rest_sums);
    }

    /// `(sum - expected) / √expected`; of what is left over the sum is the difference, and what was counted there is the variance
    /// too, also where a disk is.
    fn deviations(&mut self, left_over: bool) {
        let Search {
            model,
            ground,
            scratch,
            ..
        } = self;
        let amplitude = scratch.amplitude as f32;
        // With a border that is no maximum.
        let (rows, columns) = model.grid();
        let width = columns + 2;
        scratch
            .deviations
            .resize((rows + 2) * width, f32::NEG_INFINITY);
        scratch.deviations[..width].fill(f32::NEG_INFINITY);
        for row in 0..rows {
            let line = row * columns..(row + 1) * columns;
            let out = &mut scratch.deviations[(row + 1) * width..(row + 2) * width];
            (out[0], out[width - 1]) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
            vectorised(Deviations {
                under: &ground.sums(row * model.step)[..columns],
                inside: &model.inside[line.clone()],
                counted: &scratch.sums[line.clone()],
                left_over: left_over.then(|| &scratch.rest_sums[line.clone()]),
                amplitude,
                out: &mut out[1..width - 1],
            });
        }
        scratch.deviations[(rows + 1) * width..].fill(f32::NEG_INFINITY);
    }

    fn take_maxima(&mut self, left_over: bool) {
        self.deviations(left_over);
        let model = self.model;
        let (rows, columns) = model.grid();
        let step = model.step;
        let reach = APART * f64::from(model.shape.radius) / step as f64;
        let reach = (reach.round() as usize).max(1);
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
            let (row, column) = (at / columns, at % columns);
            let width = columns + 2;
            let middle = (row + 1) * width + column + 1;
            let map = &self.scratch.deviations;
            let off = [width, 1]
                .map(|next| step as f64 * top([map[middle - next], deviation, map[middle + next]]));
            let here = [
                (row * step) as f64 + off[0],
                (column * step) as f64 + off[1],
            ];
            let place = [(here[0], model.rows), (here[1], model.columns)]
                .map(|(at, size)| (at.round().max(0.0) as usize).min(size - 1));
            let place = (place[0], place[1]);
            // Between two brighter disks halves of both are like a faint one: that is looked for when these are known.
            let (before, new) = self.scratch.candidates.split_at(known);
            if self.is_taken(before, here, TAKEN)
                || (model.probe.is_some() && self.is_taken(new, here, OVERLAP))
                || !self.enough_valid(place)
            {
                continue;
            }
            let inside = f64::from(model.inside[at]);
            let amplitude = self.scratch.amplitude;
            let over = match left_over {
                true => f64::from(self.scratch.rest_sums[at]),
                false => {
                    let under = f64::from(self.ground.sums(row * step)[column]);
                    f64::from(self.scratch.sums[at]) - under * inside * amplitude
                }
            };
            let disk = Disk {
                y: here[0] - place.0 as f64,
                x: here[1] - place.1 as f64,
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
                painted: false,
                tries: 0,
                settled: false,
            });
        }
    }
}

/// Where the parabola through three values, of which the middle one is the largest, is largest.
fn top([before, value, after]: [f32; 3]) -> f64 {
    let bend = f64::from(before) - 2.0 * f64::from(value) + f64::from(after);
    let at = 0.5 * (f64::from(before) - f64::from(after)) / bend;
    // At the frame's edge there is none.
    if at.is_finite() { at } else { 0.0 }
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
    counted: &'a [f32],
    left_over: Option<&'a [f32]>,
    amplitude: f32,
    out: &'a mut [f32],
}

impl Vectorised for Deviations<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let all = (self.under.iter())
            .zip(self.inside)
            .zip(self.counted)
            .zip(self.out);
        let at_least_one = |value: f32| if value > 1.0 { value } else { 1.0 };
        match self.left_over {
            None => {
                for (((under, inside), counted), out) in all {
                    let expected = self.amplitude * under * inside;
                    *out = (counted - expected) / at_least_one(expected).sqrt();
                }
            }
            Some(left_over) => {
                for ((((under, inside), counted), out), sum) in all.zip(left_over) {
                    let expected = self.amplitude * under * inside;
                    let most = if *counted > expected {
                        *counted
                    } else {
                        expected
                    };
                    *out = sum / at_least_one(most).sqrt();
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
