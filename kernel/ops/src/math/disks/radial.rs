//! The radial background of a scan, from the pixels that disks leave free.

use super::image::Image;
use super::model::Model;
use super::search::Scratch;

/// Disks that were missed are in some directions only.
pub(super) const SECTORS: usize = 24;
/// Of the directions in the order of their counts, those between these shares are believed.
const LOWER: [f64; 2] = [0.15, 0.55];
/// Share of the background from which on what disks have at a pixel spoils it: they are not known better than to some tenths.
const ON_DISKS: f32 = 0.02;
/// Share of the disks' counts that is off in all cells of a ring alike and makes the ring as much less sure; and the share of a
/// cell's background that this may be.
const SPOILT: f64 = 0.1;
const MAX_SPOILT: f64 = 0.25;
/// Cells that disks spoil this much more than the freest, and more than that, tell nothing: next to the direct beam its edge would
/// become background.
const LEAST_FREE: f64 = 0.3;
const ALL_FREE: f64 = 0.03;
/// Share of free pixels from which on a ring is believed whatever it says.
const SURELY_FREE: f64 = 0.15;
/// Least weight of a cell: a pixel of some frames.
const LEAST_WEIGHT: f64 = 1.0;
/// Directions agree that are brighter than the agreed by no more than this share and so many standard deviations of theirs.
pub(super) const NEARLY: f64 = 0.03;
const CHANCE: f64 = 2.0;
const AGREEING: usize = 8;
/// Weight of the logarithm of what only lies between rings that are known.
const BETWEEN: f64 = 1.0;
/// Mean square, in units of the variance, of what smoothing leaves over.
const LEFT: f64 = 0.9;
/// Most that the background under the direct beam differs from that beside it, as a logarithm.
const MAX_UNDER: f64 = 1.0;

/// Counts off the disks, by distance from the direct beam and direction.
#[derive(Clone)]
pub(super) struct Rings {
    pub(super) cells: Vec<[Cell; SECTORS]>,
}

/// A stretch of a ring, over all frames.
#[derive(Clone, Copy, Default)]
pub(super) struct Cell {
    pub(super) counts: f64,
    /// Weights times amplitudes: the counts over these are the background.
    pub(super) weights: f64,
    pub(super) pixels: f64,
    /// Weights times what disks have there.
    disks: f64,
    /// Variance of the counts, in units of the background.
    pub(super) variance: f64,
}

impl Cell {
    /// As one whose counts have the variance of their mean.
    fn effective(&self) -> Cell {
        let times = if self.variance > 0.0 {
            self.weights / self.variance
        } else {
            1.0
        };
        Cell {
            counts: times * self.counts,
            weights: times * self.weights,
            pixels: times * self.pixels,
            disks: times * self.disks,
            variance: times * times * self.variance,
        }
    }

    fn free(&self) -> f64 {
        match self.weights >= LEAST_WEIGHT {
            true => self.weights / self.pixels,
            false => 0.0,
        }
    }

    /// Whether what is not known of the disks is little beside the background.
    fn is_known(&self) -> bool {
        SPOILT * self.disks < MAX_SPOILT * self.counts
    }
}

/// Which direction each pixel of a quarter around the direct beam belongs to.
pub(super) struct Quarter {
    columns: usize,
    directions: Vec<u32>,
    rings: usize,
}

const QUARTERS: usize = 4;

impl Quarter {
    /// For frames of this size; what is further away belongs to the last ring.
    pub(super) fn new((rows, columns): (usize, usize), rings: usize) -> Self {
        let of = |row: usize, column: usize| {
            let turn = (row as f64).atan2(column as f64) / std::f64::consts::FRAC_PI_2;
            let directions = SECTORS / QUARTERS;
            ((turn * directions as f64) as usize).min(directions - 1) as u32
        };
        let all = (0..rows).flat_map(|row| (0..columns).map(move |column| of(row, column)));
        Quarter {
            columns,
            directions: all.collect(),
            rings,
        }
    }
}

impl Rings {
    pub(super) fn new(quarter: &Quarter) -> Self {
        Rings {
            cells: vec![Default::default(); quarter.rings],
        }
    }

    pub(super) fn merge(&mut self, other: &Rings) {
        let all = self.cells.as_flattened_mut().iter_mut();
        for (cell, other) in all.zip(other.cells.as_flattened()) {
            cell.counts += other.counts;
            cell.weights += other.weights;
            cell.pixels += other.pixels;
            cell.disks += other.disks;
            cell.variance += other.variance;
        }
    }

    /// Directions are those from the pixel next to the beam.
    pub(super) fn add(
        &mut self,
        quarter: &Quarter,
        model: &Model,
        image: &Image,
        scratch: &Scratch,
    ) {
        // The beam may be a little outside the frame.
        let next_to = |axis: usize, size: usize| {
            (scratch.centre[axis].round().max(0.0) as usize).min(size - 1)
        };
        let (middle_row, middle) = (next_to(0, image.rows), next_to(1, image.columns));
        let amplitude = scratch.amplitude;
        let free = ON_DISKS * amplitude as f32;
        let ground = model
            .ground
            .around(scratch.centre, (image.rows, image.columns));
        let cells = self.cells.as_flattened_mut();
        for row in 0..image.rows {
            let first = image.at(row, 0);
            let under = ground.row(row as isize, 0);
            let below = usize::from(row >= middle_row) * 2;
            let line = row.abs_diff(middle_row) * quarter.columns;
            let dy = (row as f64 - scratch.centre[0]) as f32;
            for (column, under) in under.iter().enumerate().take(image.columns) {
                let at = first + column;
                if image.valid[at] == 0.0 {
                    continue;
                }
                let dx = column as f32 - scratch.centre[1] as f32;
                let ring = ((dy * dy + dx * dx).sqrt().round() as usize).min(quarter.rings - 1);
                let direction = quarter.directions[line + column.abs_diff(middle)] as usize;
                let place = ring * SECTORS + direction;
                let right = usize::from(column >= middle);
                let models = scratch.models[at];
                let enough = (free * under).max(1e-6);
                let weight = enough * enough / (enough * enough + models * models);
                let cell = &mut cells[place + (below + right) * (SECTORS / QUARTERS)];
                cell.counts += f64::from(weight * (image.counts[at] - models));
                cell.weights += f64::from(weight) * amplitude;
                cell.pixels += amplitude;
                cell.disks += f64::from(weight * models);
                cell.variance +=
                    f64::from(weight * weight) * (amplitude + f64::from(models / under.max(1e-6)));
            }
        }
    }

    /// As if their counts had the variance of their mean.
    pub(super) fn effective(&self) -> Vec<[Cell; SECTORS]> {
        let rings = self.cells.iter();
        rings
            .map(|ring| ring.each_ref().map(Cell::effective))
            .collect()
    }

    /// Which of such cells say something of the background.
    pub(super) fn believed(effective: &[[Cell; SECTORS]]) -> impl Fn(&Cell) -> bool + use<> {
        let all = effective.iter().flatten();
        let freest = all.map(Cell::free).fold(0.0, f64::max);
        let enough = (LEAST_FREE * freest).min(ALL_FREE);
        move |cell| {
            let share = cell.free();
            share > 0.0 && (share >= enough || cell.is_known())
        }
    }

    /// Counts per pixel at whole distances; under the beam and where disks cover everything, continued.
    pub(super) fn profile(&self, before: &[f32], radius: f64) -> Vec<f32> {
        let effective = self.effective();
        let believed = Rings::believed(&effective);
        let (counts, weights) = (self.cells.iter().flatten()).fold((0.0, 1e-9), |sum, cell| {
            (sum.0 + cell.counts, sum.1 + cell.weights)
        });
        let darkest = (1e-3 * counts / weights).max(1e-4);
        // What the directions say, and how sure.
        let mut sure = vec![0.0; self.cells.len()];
        let mut known: Vec<Option<f64>> = (effective.iter().zip(&mut sure))
            .map(|(ring, sure)| {
                let mut cells: Vec<&Cell> = ring.iter().filter(|cell| believed(cell)).collect();
                cells.sort_by(|a, b| (a.counts / a.weights).total_cmp(&(b.counts / b.weights)));
                let (value, weight) = agreed(&cells, darkest)?;
                *sure = weight;
                Some(value.max(darkest))
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
            (mean_v + (slope * (ring as f64 - mean_r)).clamp(-MAX_UNDER, MAX_UNDER)).exp()
        };
        // Where hardly a pixel is free, one that is free may be of a disk that was missed: no more than nearer to the beam, but for
        // what is chance, or every ring that is too dark by chance would make all further out as dark.
        let mut nearer = (f64::INFINITY, f64::INFINITY);
        for (ring, value) in known.iter_mut().enumerate() {
            let Some(value) = value else { continue };
            let (weights, pixels) = (self.cells[ring].iter()).fold((0.0, 0.0), |sum, cell| {
                (sum.0 + cell.weights, sum.1 + cell.pixels)
            });
            let chance = CHANCE * (1.0 / sure[ring].max(1e-3) + 1.0 / nearer.1).sqrt();
            if weights < SURELY_FREE * pixels && *value > nearer.0 * chance.exp() {
                *value = nearer.0;
            }
            nearer = (*value, sure[ring].max(1e-3));
        }
        let mut out = vec![0.0; known.len()];
        let mut last: Option<(usize, f64)> = None;
        for (ring, value) in known.iter().enumerate() {
            let Some(value) = value else { continue };
            match last {
                None => (0..ring).for_each(|r| out[r] = under(r)),
                Some((from, start)) => {
                    for (n, between) in (1..).zip(&mut out[from + 1..ring]) {
                        let part = f64::from(n) / (ring - from) as f64;
                        *between = start.powf(1.0 - part) * value.powf(part);
                    }
                }
            }
            out[ring] = *value;
            last = Some((ring, *value));
        }
        let mut end = first;
        if let Some((from, value)) = last {
            out[from + 1..].fill(value);
            end = from + 1;
        }
        for (sure, value) in sure.iter_mut().zip(&known) {
            *sure = if value.is_some() { *sure } else { BETWEEN };
        }
        let part: Vec<f64> = out[first..end].iter().map(|value| value.ln()).collect();
        for (value, smooth) in
            out[first..]
                .iter_mut()
                .zip(smoothed(&part, &sure[first..end], BETWEEN))
        {
            *value = smooth.exp();
        }
        if let Some(last) = end.checked_sub(1) {
            let value = out[last];
            out[end..].fill(value);
        }
        out.into_iter().map(|value| value as f32).collect()
    }
}

/// The counts per pixel that the cells of a ring, the darkest first, agree on, and the weight of its logarithm.
fn agreed(cells: &[&Cell], darkest: f64) -> Option<(f64, f64)> {
    // Every direction has one vote: a disk that was missed has more free pixels than the gaps between disks.
    let (from, to) = (LOWER[0] * cells.len() as f64, LOWER[1] * cells.len() as f64);
    let (mut sum, mut votes) = (0.0, 0.0);
    for (n, cell) in cells.iter().enumerate() {
        let inside = (n as f64 + 1.0).min(to) - (n as f64).max(from);
        if inside > 0.0 {
            sum += cell.counts * inside / cell.weights;
            votes += inside;
        }
    }
    if votes == 0.0 {
        return None;
    }
    let mut value = (sum / votes).max(darkest);
    let mut weight = 0.0;
    for _ in 0..AGREEING {
        // The darker ones are darker by chance too: with them belong all that are no brighter than chance makes them.
        let limit = |cell: &Cell| {
            let expected = value * cell.weights;
            (1.0 + NEARLY) * expected + SPOILT * cell.disks + CHANCE * (expected + 1.0).sqrt()
        };
        let within = || cells.iter().filter(|cell| cell.counts <= limit(cell));
        let (counts, weights, count) = within().fold((0.0, 0.0, 0.0), |sum, cell| {
            (sum.0 + cell.counts, sum.1 + cell.weights, sum.2 + 1.0)
        });
        let disks: f64 = within().map(|cell| cell.disks).sum();
        if weights == 0.0 {
            break;
        }
        let mean = (counts / weights).max(darkest);
        let square = within()
            .map(|cell| (cell.counts - mean * cell.weights).powi(2) / (mean * cell.weights))
            .sum::<f64>();
        // Directions that differ more than by chance make the ring as much less sure.
        weight = (mean * weights) / (square / (count - 1.0f64).max(1.0)).max(1.0);
        weight /= 1.0 + weight * (SPOILT * disks / (mean * weights)).powi(2);
        value = mean;
    }
    Some((value, weight))
}

/// As smooth a line (least squares of second differences) as the weights of the points allow: what is left over is as large as
/// its errors. Points with the weight `between` or less only lie between others.
pub(super) fn smoothed(values: &[f64], weights: &[f64], between: f64) -> Vec<f64> {
    let points = weights.iter().filter(|weight| **weight > between).count() as f64;
    let mut out = values.to_vec();
    if values.len() < 5 {
        return out;
    }
    let (mut soft, mut stiff) = (-3.0f64, 12.0f64);
    for _ in 0..20 {
        let middle = 0.5 * (soft + stiff);
        let line = whittaker(values, weights, 10f64.powf(middle));
        let left: f64 = (line.iter().zip(values).zip(weights))
            .filter(|(_, weight)| **weight > between)
            .map(|((line, value), weight)| weight * (line - value).powi(2))
            .sum();
        if left < LEFT * points {
            soft = middle;
            out = line;
        } else {
            stiff = middle;
        }
    }
    out
}

/// Minimises the weighted squares of what is left over plus `stiffness` times those of the second differences
/// (P. H. C. Eilers, doi:10.1021/ac034173t).
fn whittaker(values: &[f64], weights: &[f64], stiffness: f64) -> Vec<f64> {
    let n = values.len();
    // The matrix has a diagonal and two beside it: its LDLᵀ decomposition too.
    let mut rows = vec![[0.0; 3]; n];
    for (row, weight) in rows.iter_mut().zip(weights) {
        row[0] = *weight;
    }
    for at in 0..n - 2 {
        for (i, a) in [1.0, -2.0, 1.0].into_iter().enumerate() {
            for (j, b) in [1.0, -2.0, 1.0].into_iter().enumerate().skip(i) {
                rows[at + i][j - i] += stiffness * a * b;
            }
        }
    }
    let mut out: Vec<f64> = values.iter().zip(weights).map(|(v, w)| v * w).collect();
    for at in 0..n {
        for back in 1..=2usize.min(at) {
            let above = rows[at - back];
            let factor = above[back] / above[0];
            for ahead in 0..=2 - back {
                rows[at][ahead] -= factor * above[back + ahead];
            }
            out[at] -= factor * out[at - back];
        }
    }
    for at in (0..n).rev() {
        let mut value = out[at];
        for ahead in 1..=2usize.min(n - 1 - at) {
            value -= rows[at][ahead] * out[at + ahead];
        }
        out[at] = value / rows[at][0];
    }
    out
}
