//! What the disks of a scan have in common, measured from some of its frames: radius, edge, background, wander of the beam.

use super::clean::Clean;
use super::find::{Beyond, Model, Scratch};
use super::fit::cholesky;
use super::image::Image;
use super::shape::Shape;
use crate::math::{Grid, direct_beam};

const ROUNDS: usize = 12;
/// After so many, what differs between disks is the disks'.
const FIRST_ROUNDS: usize = 3;
/// Between rounds radius and edge move by less than this in px in the end.
const SETTLED: f64 = 0.003;
/// Before anything is known of it: sharp on square pixels is about 0.3.
const FIRST_EDGE: f64 = 0.75;
const LEAST_EDGE: f64 = 0.2;
/// Standard deviations that a disk is found with while the scan is measured.
const SURE: f64 = 6.0;
const SURE_LATER: f64 = 4.0;
/// The background under a disk is not known before it is measured, then known to this share of itself.
const UNKNOWN: f64 = 5.0;
const KNOWN: f64 = 0.5;
const BEST_KNOWN: f64 = 0.05;
/// Most that a radius changes in one round, as a share of it.
const LARGEST_STEP: f64 = 0.25;
/// Beyond the wander that was seen, in px.
const FURTHER: f64 = 2.0;
/// Least and greatest threshold that is chosen, in standard deviations.
const THRESHOLDS: [f64; 2] = [4.5, 5.5];

/// A scan's disks as far as they could be measured.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub model: Model,
    /// How pixels become counts.
    pub clean: Clean,
    /// Disks that the shape was measured from.
    pub disks: usize,
    pub frames: usize,
    /// Standard errors of radius and edge in px, as far as counts make them.
    pub shape_errors: [f64; 2],
    /// Mean square of what is left over, in units of its expected variance: 1 for Poisson counts.
    pub misfit: f64,
    /// Sum of that over all pixels, and what every disk costs.
    cost: f64,
    /// Disks that are neither sure nor doubtful.
    doubtful: f64,
}

/// What is known before: `None` is measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// Where measuring begins, in px.
    pub radius: Option<f64>,
    /// Row and column of the direct beam.
    pub centre: Option<[f64; 2]>,
    /// The largest value that a pixel can have.
    pub saturation: Option<f32>,
    /// Standard deviations; left out, chosen by the brightness of the disks there are.
    pub threshold: Option<f64>,
}

/// Normal equations of radius and edge over all disks, every disk's own numbers eliminated.
#[derive(Clone, Debug, Default)]
pub struct ShapeSums {
    pub information: [[f64; 2]; 2],
    pub slope: [f64; 2],
    pub disks: usize,
    /// Largest height.
    pub brightest: f64,
    pub misfit: f64,
    /// Of the background under each disk, how far it is from the frame's, as a share, and the error of that.
    pub levels: Vec<[f64; 2]>,
}

/// Measures what the disks of `frames` (pixels in C order, NaN where invalid) have in common, beginning with the radius of the
/// direct beam and with the one that is given; what explains the counts with fewer disks is taken. `None` where there are none.
pub fn prepare(frames: Vec<Vec<f32>>, size: (usize, usize), given: Given) -> Option<Prepared> {
    let (_, radius) = look(&frames, size);
    let radius = given.radius.unwrap_or(radius);
    let mut clean = Clean::measure(&frames, size, given.saturation, radius);
    let again = clean.saturated.then(|| frames.clone());
    let found = prepare_clean(frames, size, given, &clean);
    let (None, Some(frames)) = (&found, again) else {
        return found;
    };
    // All disks are saturated inside: then what is there is better than nothing.
    clean.saturation = None;
    prepare_clean(frames, size, given, &clean)
}

/// Places and radii of the direct beam, and the median of these.
fn look(frames: &[Vec<f32>], size: (usize, usize)) -> (Vec<([f64; 2], f64)>, f64) {
    let seen: Vec<([f64; 2], f64)> = frames.iter().map(|frame| beam(frame, size)).collect();
    let radius = middle(seen.iter().map(|(_, radius)| *radius));
    (seen, radius)
}

fn prepare_clean(
    mut frames: Vec<Vec<f32>>,
    size: (usize, usize),
    given: Given,
    clean: &Clean,
) -> Option<Prepared> {
    let mut flags = Vec::new();
    frames
        .iter_mut()
        .for_each(|frame| clean.apply(frame, &mut flags));
    let frames = &*frames;
    let (seen, measured) = look(frames, size);
    let mut best = measure(frames, size, given, clean, &seen, measured);
    // Other beginnings where something is left to explain: the one given, and, as a saturated beam looks larger, a smaller one.
    let given_radius = given
        .radius
        .filter(|radius| (radius / measured - 1.0).abs() > ANOTHER);
    for radius in [given_radius, Some(SMALLER * measured)]
        .into_iter()
        .flatten()
    {
        if best.as_ref().is_some_and(|best| best.misfit < EXPLAINED) {
            break;
        }
        let other = measure(frames, size, given, clean, &seen, radius);
        best = match (best, other) {
            (Some(best), Some(other)) => Some(if other.cost < best.cost { other } else { best }),
            (best, other) => best.or(other),
        };
    }
    let mut prepared = best?;
    if given.threshold.is_none() {
        prepared.model.threshold = threshold_of(&prepared, frames.len());
    }
    Some(prepared)
}

const SMALLER: f64 = 0.75;
/// Below this misfit nothing is left to explain.
const EXPLAINED: f64 = 1.03;
/// Radii that differ by more than this share of one are two beginnings.
const ANOTHER: f64 = 0.1;

/// From one radius on.
fn measure(
    frames: &[Vec<f32>],
    size: (usize, usize),
    given: Given,
    clean: &Clean,
    seen: &[([f64; 2], f64)],
    first: f64,
) -> Option<Prepared> {
    let (rows, columns) = size;
    let centre = given
        .centre
        .unwrap_or_else(|| [0, 1].map(|axis| middle(seen.iter().map(|(at, _)| at[axis]))));
    let beyond = if clean.saturated {
        Beyond::Foot
    } else {
        Beyond::Edge
    };
    // A covered beam is between the disks on both sides.
    let covered = match given.centre {
        None => {
            let lost = spread(
                seen.iter()
                    .map(|(at, _)| (at[0] - centre[0]).hypot(at[1] - centre[1])),
            );
            covered_centre(
                frames,
                size,
                clean,
                first,
                lost > LOST * rows.min(columns) as f64,
            )
        }
        Some(_) => None,
    };
    let centre = covered.unwrap_or(centre);
    let beam_is_seen = covered.is_none();
    let away = |[y, x]: [f64; 2]| (y - centre[0]).hypot(x - centre[1]);
    let wandered = spread(seen.iter().map(|(at, _)| away(*at)));
    let mut wander = if beam_is_seen { wandered } else { 0.0 } + FURTHER;
    let largest = 0.25 * rows.min(columns) as f64;
    let radius = first.clamp(1.0, largest.max(1.0));
    let mut shape = Shape {
        radius: radius as f32,
        edge: FIRST_EDGE.min(0.3 * radius) as f32,
    };
    let far = ((rows * rows + columns * columns) as f64).sqrt().ceil() as usize + 2;
    let level = darker_half(frames).max(1e-3);
    let mut profile = vec![level as f32; far];
    let mut centre = centre;
    let mut brightest = 100.0;
    let mut share = UNKNOWN;
    let mut darker = 1.0;
    let mut frame_share = UNKNOWN;
    let mut image = Image::default();
    let mut scratch = Scratch::default();
    for round in 0..ROUNDS {
        let mut model = Model::new(
            shape,
            profile.clone(),
            size,
            centre,
            wander,
            if round < FIRST_ROUNDS {
                SURE
            } else {
                SURE_LATER
            },
            10.0 * brightest,
            beyond,
        );
        model.beam_is_seen = beam_is_seen;
        model.level_share = share;
        model.frame_share = frame_share;
        model.darker = darker;
        let mut sums = ShapeSums::default();
        let mut rings = Rings::new(far);
        let (mut ratios, mut beams, mut amplitudes) = (Vec::new(), Vec::new(), Vec::new());
        for frame in frames {
            image.fill(size, model.margin(), frame, clean.most());
            model.find(&image, &mut scratch);
            model.shape_sums(&image, &mut scratch, &mut sums);
            rings.add(&model, &image, &scratch);
            ratios.push(scratch.amplitude / scratch.first_amplitude);
            beams.push(scratch.centre);
            amplitudes.push(scratch.amplitude);
        }
        if sums.disks == 0 {
            return None;
        }
        brightest = sums.brightest;
        let step = cholesky(sums.information, sums.slope)?;
        let radius = f64::from(shape.radius);
        let limit = LARGEST_STEP * radius;
        let new_radius = (radius + step[0].clamp(-limit, limit)).clamp(0.8, largest.max(1.0));
        let edge = f64::from(shape.edge);
        let new_edge = (edge + step[1].clamp(-0.5 * edge, edge))
            .clamp(LEAST_EDGE, (0.5 * new_radius).max(LEAST_EDGE));
        shape = Shape {
            radius: new_radius as f32,
            edge: new_edge as f32,
        };
        let settled = (new_radius - radius).abs().max((new_edge - edge).abs()) < SETTLED;
        // In the median frame once the background.
        let usual = middle(amplitudes.into_iter()) as f32;
        profile = rings.profile(&profile, f64::from(shape.radius));
        profile.iter_mut().for_each(|value| *value *= usual);
        centre = given
            .centre
            .or(covered)
            .unwrap_or_else(|| [0, 1].map(|axis| middle(beams.iter().map(|at| at[axis]))));
        wander = spread(
            beams
                .iter()
                .map(|at| (at[0] - centre[0]).hypot(at[1] - centre[1])),
        ) + FURTHER;
        darker = middle(ratios.iter().copied());
        frame_share = spread(ratios.iter().map(|ratio| (ratio / darker - 1.0).abs()))
            .clamp(BEST_KNOWN, UNKNOWN);
        share = if round < FIRST_ROUNDS {
            KNOWN
        } else {
            level_share(&sums.levels)
        };
        if (round > FIRST_ROUNDS && settled) || round + 1 == ROUNDS {
            let threshold = given.threshold.unwrap_or(THRESHOLDS[0]);
            let mut model = Model::new(
                shape, profile, size, centre, wander, threshold, brightest, beyond,
            );
            model.beam_is_seen = beam_is_seen;
            model.darker = darker;
            model.level_share = share;
            model.frame_share = frame_share;
            let (mut cost, mut doubtful) = (0.0, 0.0);
            for frame in frames {
                image.fill(size, model.margin(), frame, clean.most());
                let found = model.find(&image, &mut scratch);
                cost += model.misfit(&image, &scratch) + DISK_COST * found.len() as f64;
                let within = |value: f64| value >= BAND[0] && value < BAND[1];
                doubtful += found
                    .iter()
                    .filter(|peak| within(peak.evidence.deviations))
                    .count() as f64;
            }
            let error = |n: usize| {
                let mut unit = [0.0; 2];
                unit[n] = 1.0;
                cholesky(sums.information, unit).map_or(f64::NAN, |inverse| inverse[n].sqrt())
            };
            return Some(Prepared {
                model,
                clean: clean.clone(),
                disks: sums.disks,
                frames: frames.len(),
                shape_errors: [error(0), error(1)],
                misfit: sums.misfit / sums.disks as f64,
                cost,
                doubtful,
            });
        }
    }
    None
}

/// Share of a disk's pixels at the middle of the pattern that must be covered for the direct beam to be hidden.
const HIDDEN: f64 = 0.3;
/// What is taken for the beam wanders by this share of the frame: it is another disk each time.
const LOST: f64 = 0.12;

/// The middle of the pattern when the direct beam is covered there: the point about which the mean pattern is most like itself
/// turned by half a turn, also when it is known to be lost. `None` where the beam is seen.
fn covered_centre(
    frames: &[Vec<f32>],
    (rows, columns): (usize, usize),
    clean: &Clean,
    radius: f64,
    lost: bool,
) -> Option<[f64; 2]> {
    if clean.dead.len() <= clean.hot && !lost {
        return None;
    }
    let mut mean = vec![[0.0f64; 2]; rows * columns];
    for frame in frames {
        for (sum, value) in mean.iter_mut().zip(frame) {
            if value.is_finite() {
                sum[0] += f64::from(*value);
                sum[1] += 1.0;
            }
        }
    }
    // Square roots: the noise is the same everywhere.
    let mean: Vec<f64> = mean
        .iter()
        .map(|[sum, count]| (sum / count).max(0.0).sqrt())
        .collect();
    // Sums of row and column of a pixel and of its opposite, that is twice the middle.
    let unlike = |twice: [isize; 2]| {
        let (mut sum, mut count) = (0.0, 0.0f64);
        for row in (0..rows as isize).step_by(2) {
            let other_row = twice[0] - row;
            if other_row < 0 || other_row >= rows as isize {
                continue;
            }
            for column in 0..columns as isize {
                let other = twice[1] - column;
                if other < 0 || other >= columns as isize {
                    continue;
                }
                let here = mean[(row * columns as isize + column) as usize];
                let there = mean[(other_row * columns as isize + other) as usize];
                if here.is_finite() && there.is_finite() {
                    sum += (here - there).powi(2);
                    count += 1.0;
                }
            }
        }
        if count < 0.2 * (rows * columns) as f64 / 2.0 {
            f64::INFINITY
        } else {
            sum / count
        }
    };
    let reach = (rows.min(columns) / 4) as isize;
    let start = [rows as isize - 1, columns as isize - 1];
    let (mut best, mut at) = (f64::INFINITY, start);
    for (step, reach) in [(4, reach), (2, 4), (1, 2)] {
        let around = at;
        for dy in (-reach..=reach).step_by(step) {
            for dx in (-reach..=reach).step_by(step) {
                let place = [around[0] + dy, around[1] + dx];
                let value = unlike(place);
                if value < best {
                    (best, at) = (value, place);
                }
            }
        }
    }
    let centre = at.map(|twice| 0.5 * twice as f64);
    let of_beam = |place: usize| {
        let (dy, dx) = (
            (place / columns) as f64 - centre[0],
            (place % columns) as f64 - centre[1],
        );
        dy * dy + dx * dx <= radius * radius
    };
    let hidden = clean.dead.iter().filter(|place| of_beam(**place)).count() as f64;
    let all = (0..rows * columns).filter(|place| of_beam(*place)).count() as f64;
    (lost || hidden > HIDDEN * all).then_some(centre)
}

/// Place and radius of the brightest disk near the middle: what is connected above half its height.
fn beam(frame: &[f32], (rows, columns): (usize, usize)) -> ([f64; 2], f64) {
    // As bright as can be told.
    let most = frame
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f32::max);
    let frame: Vec<f32> = frame
        .iter()
        .map(|value| {
            if *value == f32::INFINITY {
                most
            } else {
                *value
            }
        })
        .collect();
    let frame = &*frame;
    let values = frame.iter().map(|value| f64::from(*value)).collect();
    let at = direct_beam::find(&Grid::new(rows, columns, values));
    // Means of three by three pixels: single counts make no region.
    let smooth = |row: usize, column: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in row.saturating_sub(1)..(row + 2).min(rows) {
            for x in column.saturating_sub(1)..(column + 2).min(columns) {
                let value = frame[y * columns + x];
                if value.is_finite() {
                    sum += f64::from(value);
                    count += 1.0;
                }
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    };
    let start = [0, 1].map(|n| (at[n].round().max(0.0) as usize).min([rows, columns][n] - 1));
    let mut sorted: Vec<f32> = frame
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    if sorted.is_empty() {
        return (at, 1.0);
    }
    let middle = sorted.len() / 2;
    let low = f64::from(*sorted.select_nth_unstable_by(middle, f32::total_cmp).1);
    let half = 0.5 * (smooth(start[0], start[1]) + low);
    let mut seen = vec![false; rows * columns];
    let mut next = vec![start];
    seen[start[0] * columns + start[1]] = true;
    let mut pixels = 0usize;
    while let Some([row, column]) = next.pop() {
        pixels += 1;
        let around = [
            (row.wrapping_sub(1), column),
            (row + 1, column),
            (row, column.wrapping_sub(1)),
            (row, column + 1),
        ];
        for (y, x) in around {
            if y < rows && x < columns && !seen[y * columns + x] && smooth(y, x) > half {
                seen[y * columns + x] = true;
                next.push([y, x]);
            }
        }
    }
    (at, (pixels as f64 / std::f64::consts::PI).sqrt())
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return f64::NAN;
    }
    let at = values.len() / 2;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// How far the background under a disk is from the frame's, as a share of that: the scatter that its errors do not explain.
/// Half of the disks are nearer to the middle than two thirds of a deviation, whatever the outer ones do.
fn level_share(levels: &[[f64; 2]]) -> f64 {
    let half = |values: &mut dyn Iterator<Item = f64>| middle(values).abs() / 0.6745;
    // Only those that tell it.
    let telling = || levels.iter().filter(|[_, error]| *error < KNOWN);
    let scatter = half(&mut telling().map(|[off, _]| off.abs()));
    let error = middle(telling().map(|[_, error]| *error));
    let share = (scatter * scatter - error * error).max(0.0).sqrt();
    if share.is_nan() {
        KNOWN
    } else {
        share.clamp(BEST_KNOWN, KNOWN)
    }
}

/// What nearly all are below.
fn spread(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return 0.0;
    }
    let at = (0.95 * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

/// Mean of the darker half of the pixels.
fn darker_half(frames: &[Vec<f32>]) -> f64 {
    let Some(frame) = frames.get(frames.len() / 2) else {
        return 0.0;
    };
    let mut values: Vec<f32> = frame
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    let at = values.len() / 2;
    if at == 0 {
        return 0.0;
    }
    values.select_nth_unstable_by(at, f32::total_cmp);
    values[..at]
        .iter()
        .map(|value| f64::from(*value))
        .sum::<f64>()
        / at as f64
}

/// Counts off the disks, by distance from the direct beam and direction.
struct Rings {
    cells: Vec<[Cell; SECTORS]>,
}

/// A stretch of a ring, over all frames.
#[derive(Clone, Copy, Default)]
struct Cell {
    counts: f64,
    /// Weights times amplitudes: the counts over these are the background.
    weights: f64,
    pixels: f64,
}

/// Disks that were missed are in some directions only.
const SECTORS: usize = 24;
/// Of the directions in the order of their counts, those between these shares are believed.
const LOWER: [f64; 2] = [0.15, 0.55];
/// Share of the background from which on what disks have at a pixel spoils it: they are not known better than to some tenths.
const ON_DISKS: f32 = 0.02;
/// Cells that disks spoil this much more than the freest tell nothing: next to the direct beam its edge would become background.
const LEAST_FREE: f64 = 0.3;
const ALL_FREE: f64 = 0.03;
/// Share of free pixels from which on a ring is believed whatever it says.
const SURELY_FREE: f64 = 0.15;
/// Least weight of a cell: a pixel of some frames.
const LEAST_WEIGHT: f64 = 1.0;
/// Most that the background under the direct beam differs from that beside it, as a logarithm.
const MOST_UNDER: f64 = 1.0;

impl Rings {
    fn new(rings: usize) -> Self {
        Rings {
            cells: vec![Default::default(); rings],
        }
    }

    fn add(&mut self, model: &Model, image: &Image, scratch: &Scratch) {
        let [y, x] = scratch.centre;
        let amplitude = scratch.amplitude;
        let ground = model
            .ground
            .around(scratch.centre, (image.rows, image.columns));
        for row in 0..image.rows {
            let first = image.at(row, 0);
            let dy = row as f64 - y;
            let under = ground.row(row as isize, 0);
            for column in 0..image.columns {
                let at = first + column;
                if image.valid[at] == 0.0 {
                    continue;
                }
                let dx = column as f64 - x;
                let ring = (dy * dy + dx * dx).sqrt().round() as usize;
                let turn = dy.atan2(dx) / std::f64::consts::TAU + 0.5;
                let sector = ((turn * SECTORS as f64) as usize).min(SECTORS - 1);
                let models = scratch.models[at];
                let spoilt = models / (ON_DISKS * amplitude as f32 * under[column]).max(1e-6);
                let weight = f64::from(1.0 / (1.0 + spoilt * spoilt));
                let cell = &mut self.cells[ring][sector];
                cell.counts += weight * f64::from(image.counts[at] - models);
                cell.weights += weight * amplitude;
                cell.pixels += amplitude;
            }
        }
    }

    /// Counts per pixel at whole distances; under the beam and where disks cover everything, continued.
    fn profile(&self, before: &[f32], radius: f64) -> Vec<f32> {
        let free = |cell: &Cell| match cell.weights >= LEAST_WEIGHT {
            true => cell.weights / cell.pixels,
            false => 0.0,
        };
        let freest = self.cells.iter().flatten().map(free).fold(0.0, f64::max);
        let enough = (LEAST_FREE * freest).min(ALL_FREE);
        let (counts, weights) = (self.cells.iter().flatten()).fold((0.0, 1e-9), |sum, cell| {
            (sum.0 + cell.counts, sum.1 + cell.weights)
        });
        let darkest = (1e-3 * counts / weights).max(1e-4);
        // The median over the directions.
        let mut known: Vec<Option<f64>> = (self.cells.iter())
            .map(|ring| {
                let mut cells: Vec<&Cell> = ring
                    .iter()
                    .filter(|cell| free(cell) >= enough && free(cell) > 0.0)
                    .collect();
                cells.sort_by(|a, b| (a.counts * b.weights).total_cmp(&(b.counts * a.weights)));
                // Every direction has one vote: a disk that was missed has more free pixels than the gaps between disks.
                let (from, to) = (LOWER[0] * cells.len() as f64, LOWER[1] * cells.len() as f64);
                let (mut counts, mut weights) = (0.0, 0.0);
                for (n, cell) in cells.iter().enumerate() {
                    let inside = (n as f64 + 1.0).min(to) - (n as f64).max(from);
                    if inside > 0.0 {
                        counts += cell.counts * inside / cell.weights;
                        weights += inside;
                    }
                }
                (weights > 0.0).then(|| (counts / weights).max(darkest))
            })
            .collect();
        // The edge of the direct beam is soft.
        let core = (radius + 2.0).ceil() as usize;
        let stretch = (radius.ceil() as usize).max(4);
        known.iter_mut().take(core).for_each(|value| *value = None);
        let Some(first) = known.iter().position(Option::is_some) else {
            return before.to_vec();
        };
        // In the logarithm a straight line goes on under the beam.
        let points: Vec<[f64; 2]> = (first..(first + stretch).min(known.len()))
            .filter_map(|ring| known[ring].map(|value| [ring as f64, value.ln()]))
            .collect();
        let count = points.len() as f64;
        let [mean_r, mean_v] = points.iter().fold([0.0; 2], |sum, [r, v]| {
            [sum[0] + r / count, sum[1] + v / count]
        });
        let (cross, square) = points.iter().fold((0.0, 0.0), |(cross, square), [r, v]| {
            (
                cross + (r - mean_r) * (v - mean_v),
                square + (r - mean_r).powi(2),
            )
        });
        let slope = if square > 0.0 { cross / square } else { 0.0 };
        // No background is much more under the beam than beside it; a wrong slope would make it so.
        let under = |ring: usize| {
            (mean_v + (slope * (ring as f64 - mean_r)).clamp(-MOST_UNDER, MOST_UNDER)).exp()
        };
        // Where hardly a pixel is free, one that is free may be of a disk that was missed: no more than nearer to the beam.
        let mut least = f64::INFINITY;
        for (ring, value) in known.iter_mut().enumerate() {
            let Some(value) = value else { continue };
            let (weights, pixels) = (self.cells[ring].iter()).fold((0.0, 0.0), |sum, cell| {
                (sum.0 + cell.weights, sum.1 + cell.pixels)
            });
            if weights < SURELY_FREE * pixels {
                *value = value.min(least);
            }
            least = *value;
        }
        let mut out = vec![0.0; known.len()];
        let mut last: Option<(usize, f64)> = None;
        for (ring, value) in known.iter().enumerate() {
            let Some(value) = value else { continue };
            match last {
                None => (0..ring).for_each(|r| out[r] = under(r)),
                Some((from, start)) => {
                    for r in from + 1..ring {
                        let part = (r - from) as f64 / (ring - from) as f64;
                        out[r] = start.powf(1.0 - part) * value.powf(part);
                    }
                }
            }
            out[ring] = *value;
            last = Some((ring, *value));
        }
        if let Some((from, value)) = last {
            out[from + 1..].fill(value);
        }
        out.into_iter().map(|value| value as f32).collect()
    }
}

/// What a disk must explain at least (Bayesian information criterion: four numbers, thousands of pixels).
const DISK_COST: f64 = 40.0;
/// Standard deviations of disks that nearly are doubtful.
const BAND: [f64; 2] = [5.5, 8.5];

/// The threshold at which one more peak is as likely a disk as noise: where disks are bright nothing is lost by asking for
/// more than in a scan whose weakest are hardly seen.
fn threshold_of(prepared: &Prepared, frames: usize) -> f64 {
    // Disks per frame and standard deviation, as far below as above; never none.
    let density = (prepared.doubtful / (BAND[1] - BAND[0])).max(0.3) / frames as f64;
    let (mut low, mut high) = (THRESHOLDS[0], THRESHOLDS[1]);
    for _ in 0..40 {
        let at = 0.5 * (low + high);
        let noise = prepared.model.false_disks(at) * (at - 1.0 / at);
        if noise > density {
            low = at;
        } else {
            high = at;
        }
    }
    0.5 * (low + high)
}
