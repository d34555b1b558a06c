//! Every pattern of a scan in coarse bins: the image of any virtual detector from sums of bins, in milliseconds.

use std::sync::Mutex;

use signal::simd::{Vectorised, vectorised};
use signal::{Detector, DetectorStatistic, Element, ElementType, Frame, for_pixels};

use crate::lock;

/// Scan positions of one block: one word of marks, and 256 bytes in a row per bin.
const LANES: usize = 64;
/// Fewest bins that still draw a detector; below it, scan positions are left out instead.
const FEWEST_BINS: usize = 256;
/// Most bytes of one cube; a drag reads them in about ten milliseconds.
const MAX_BYTES: usize = 128 << 20;
/// Share of the memory budget a cube may take.
const BUDGET_SHARE: usize = 8;

/// Shape of a cube: which scan positions, and how large the bins are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CubeShape {
    /// Scan rows and columns of the plane it covers.
    pub scan: [usize; 2],
    /// Every how many scan rows and columns one is kept.
    pub step: usize,
    /// Rows and columns of a pattern.
    pub frame: [usize; 2],
    /// Rows and columns of pixels in a bin; bins at the last edges are smaller.
    pub bin: usize,
    /// Whether bins hold whole counts, which are added exactly.
    pub counts: bool,
}

impl CubeShape {
    /// The finest bins that fit; of a scan too large for them only every `step`-th position. `None` when
    /// the budget is too small for any.
    pub fn fitting(
        scan: [usize; 2],
        frame: [usize; 2],
        element: ElementType,
        budget_bytes: usize,
    ) -> Option<CubeShape> {
        let most = (budget_bytes / BUDGET_SHARE).min(MAX_BYTES);
        let largest = scan[0].max(scan[1]);
        let mut step = 1;
        loop {
            let mut shape = CubeShape {
                scan,
                step,
                frame,
                // A spectrum has one row: each of its channels can be told alone where there is room.
                bin: frame[0].clamp(1, 2),
                counts: matches!(element, ElementType::U8 | ElementType::U16),
            };
            let enough = FEWEST_BINS.min(shape.bins());
            while shape.bytes() > most && shape.bins() > enough {
                shape.bin *= 2;
            }
            if shape.bytes() <= most && shape.bins() * 4 > enough {
                return Some(shape);
            }
            if step >= largest {
                return None;
            }
            step += step.div_ceil(4);
        }
    }

    /// Rows and columns of scan positions kept.
    pub fn kept(&self) -> [usize; 2] {
        self.scan.map(|size| size.div_ceil(self.step))
    }

    pub fn positions(&self) -> usize {
        self.kept().iter().product()
    }

    /// Rows and columns of bins.
    fn grid(&self) -> [usize; 2] {
        self.frame.map(|size| size.div_ceil(self.bin))
    }

    pub fn bins(&self) -> usize {
        self.grid().iter().product()
    }

    pub fn bytes(&self) -> usize {
        self.positions().next_multiple_of(LANES) * self.bins() * size_of::<u32>()
    }

    /// Scan row and column that stands for a kept position.
    pub fn place(&self, kept: usize) -> [usize; 2] {
        let [_, columns] = self.kept();
        let middle = |at: usize, size: usize| (at * self.step + self.step / 2).min(size - 1);
        [
            middle(kept / columns, self.scan[0]),
            middle(kept % columns, self.scan[1]),
        ]
    }

    /// The kept position that is exactly this scan row and column, if it is one.
    pub fn kept_at(&self, [row, column]: [usize; 2]) -> Option<usize> {
        let kept = row / self.step * self.kept()[1] + column / self.step;
        (self.place(kept) == [row, column]).then_some(kept)
    }
}

/// Bins of one pattern: their sums over the valid pixels, and the number of those where it is not all of them.
pub(crate) struct Binned {
    sums: Sums,
    valid: Option<Vec<u32>>,
}

enum Sums {
    Counts(Vec<u32>),
    Values(Vec<f32>),
}

/// Sums a pattern into bins.
pub(crate) fn bin(frame: &Frame, shape: &CubeShape) -> Binned {
    if shape.counts {
        let sums = match frame.element() {
            ElementType::U8 => counts(frame.pixels_of_own_type::<u8>(), shape),
            _ => counts(frame.pixels_of_own_type::<u16>(), shape),
        };
        return Binned {
            sums: Sums::Counts(sums),
            valid: None,
        };
    }
    let (sums, valid) = for_pixels!(frame, |pixels| values(pixels, shape));
    let valid = frame.element().is_float().then_some(valid);
    Binned {
        sums: Sums::Values(sums),
        valid,
    }
}

fn counts<T: Element + Into<u32>>(pixels: &[T], shape: &CubeShape) -> Vec<u32> {
    vectorised(Counts { pixels, shape })
}

struct Counts<'a, T> {
    pixels: &'a [T],
    shape: &'a CubeShape,
}

impl<T: Element + Into<u32>> Vectorised for Counts<'_, T> {
    type Result = Vec<u32>;

    #[inline(always)]
    fn run(self) -> Vec<u32> {
        let (columns, bin) = (self.shape.frame[1], self.shape.bin);
        let mut sums = Vec::with_capacity(self.shape.bins());
        let mut line = vec![0u32; columns];
        for rows in self.pixels.chunks(bin * columns) {
            line.fill(0);
            for row in rows.chunks_exact(columns) {
                for (sum, pixel) in line.iter_mut().zip(row) {
                    *sum += (*pixel).into();
                }
            }
            sums.extend(line.chunks(bin).map(|bin| bin.iter().sum::<u32>()));
        }
        sums
    }
}

fn values<T: Element>(pixels: &[T], shape: &CubeShape) -> (Vec<f32>, Vec<u32>) {
    let columns = shape.frame[1];
    let (mut sums, mut valid) = (
        Vec::with_capacity(shape.bins()),
        Vec::with_capacity(shape.bins()),
    );
    let (mut line, mut number) = (vec![0f32; columns], vec![0u32; columns]);
    for rows in pixels.chunks(shape.bin * columns) {
        line.fill(0.0);
        number.fill(0);
        for row in rows.chunks_exact(columns) {
            for ((sum, number), pixel) in line.iter_mut().zip(&mut number).zip(row) {
                let value = pixel.to_f32();
                let finite = value.is_finite();
                *sum += if finite { value } else { 0.0 };
                *number += u32::from(finite);
            }
        }
        sums.extend(line.chunks(shape.bin).map(|bin| bin.iter().sum::<f32>()));
        valid.extend(number.chunks(shape.bin).map(|bin| bin.iter().sum::<u32>()));
    }
    (sums, valid)
}

/// Bins of [`LANES`] scan positions, bin-major, and which of them are there.
#[derive(Default)]
struct Block {
    done: u64,
    counts: Vec<u32>,
    values: Vec<f32>,
}

/// What is known of the valid pixels, from the patterns that were binned.
#[derive(Default)]
struct Valid {
    patterns: u64,
    /// Per bin, over all patterns; empty while every pixel was valid.
    pixels: Vec<u64>,
}

pub(crate) struct DetectorCube {
    pub shape: CubeShape,
    blocks: Vec<Mutex<Block>>,
    valid: Mutex<Valid>,
}

impl DetectorCube {
    /// Takes memory as it is filled.
    pub fn new(shape: CubeShape) -> Self {
        let blocks = shape.positions().div_ceil(LANES);
        DetectorCube {
            shape,
            blocks: (0..blocks).map(|_| Mutex::default()).collect(),
            valid: Mutex::default(),
        }
    }

    pub fn has(&self, kept: usize) -> bool {
        lock(&self.blocks[kept / LANES]).done >> (kept % LANES) & 1 == 1
    }

    /// Keeps the bins of some positions; those it has already stay as they are. Returns how many were new.
    pub fn add(&self, patterns: &[(usize, Binned)]) -> usize {
        let mut added = 0;
        for group in patterns.chunk_by(|(a, _), (b, _)| a / LANES == b / LANES) {
            let mut block = lock(&self.blocks[group[0].0 / LANES]);
            for (kept, binned) in group {
                let lane = kept % LANES;
                if block.done >> lane & 1 == 1 {
                    continue;
                }
                block.add(lane, binned);
                added += 1;
            }
            drop(block);
            group
                .iter()
                .for_each(|(_, binned)| self.count_valid(binned));
        }
        added
    }

    fn count_valid(&self, binned: &Binned) {
        let Some(found) = &binned.valid else { return };
        let mut valid = lock(&self.valid);
        if valid.pixels.is_empty() {
            valid.pixels = vec![0; found.len()];
        }
        valid.patterns += 1;
        (valid.pixels.iter_mut().zip(found)).for_each(|(sum, new)| *sum += u64::from(*new));
    }

    /// The images of a detector over the kept positions, one per component; NaN where there is no
    /// answer; and of which positions anything is known. Exact where the detector takes whole bins of counts.
    pub fn images(&self, detector: &Detector) -> (Vec<Vec<f32>>, Vec<bool>) {
        let cover = Cover::new(&self.shape, detector);
        let components = detector.measure.components();
        let mut images = vec![Vec::with_capacity(self.shape.positions()); components];
        let mut all_known = Vec::with_capacity(self.shape.positions());
        let pixels = self.valid_pixels(&cover);
        for (number, block) in self.blocks.iter().enumerate() {
            let lanes = (self.shape.positions() - number * LANES).min(LANES);
            let block = lock(block);
            let sums = block.sums(&cover);
            #[allow(clippy::needless_range_loop)] // a lane of three sums
            for lane in 0..lanes {
                let known = block.done >> lane & 1 == 1;
                all_known.push(known);
                let finished = match detector.measure {
                    _ if !known => [f64::NAN; 2],
                    DetectorStatistic::Sum => [sums[0][lane], f64::NAN],
                    DetectorStatistic::Mean => [sums[0][lane] / pixels, f64::NAN],
                    DetectorStatistic::CenterOfMass { .. } if sums[0][lane] > 0.0 => {
                        [1, 2].map(|moment| sums[moment][lane] / sums[0][lane])
                    }
                    DetectorStatistic::CenterOfMass { .. } => [f64::NAN; 2],
                };
                for (image, value) in images.iter_mut().zip(finished) {
                    image.push(value as f32);
                }
            }
        }
        (images, all_known)
    }

    /// Valid pixels inside, taken over all patterns: dead pixels are the same in each.
    fn valid_pixels(&self, cover: &Cover) -> f64 {
        let valid = lock(&self.valid);
        let share = |part: &Part| match valid.pixels.get(part.bin) {
            Some(pixels) => part.weight * *pixels as f64 / valid.patterns.max(1) as f64,
            None => part.pixels,
        };
        cover.whole.iter().chain(&cover.edge).map(share).sum()
    }
}

impl Block {
    fn add(&mut self, lane: usize, binned: &Binned) {
        fn scatter<T: Copy + Default>(cells: &mut Vec<T>, sums: &[T], lane: usize) {
            cells.resize(sums.len() * LANES, T::default());
            for (cells, sum) in cells.chunks_exact_mut(LANES).zip(sums) {
                cells[lane] = *sum;
            }
        }
        match &binned.sums {
            Sums::Counts(sums) => scatter(&mut self.counts, sums, lane),
            Sums::Values(sums) => scatter(&mut self.values, sums, lane),
        }
        self.done |= 1 << lane;
    }

    /// Sum, and for the centre of mass the moments of row and column, of every lane.
    fn sums(&self, cover: &Cover) -> [[f64; LANES]; 3] {
        if self.done == 0 {
            return [[0.0; LANES]; 3];
        }
        vectorised(BlockSums { block: self, cover })
    }
}

struct BlockSums<'a> {
    block: &'a Block,
    cover: &'a Cover,
}

impl Vectorised for BlockSums<'_> {
    type Result = [[f64; LANES]; 3];

    #[inline(always)]
    fn run(self) -> Self::Result {
        let (block, cover) = (self.block, self.cover);
        let mut sums = [[0f64; LANES]; 3];
        let row = |part: &Part| part.bin * LANES..(part.bin + 1) * LANES;
        if block.counts.is_empty() {
            for part in cover.whole.iter().chain(&cover.edge) {
                add_weighted(&mut sums, &block.values[row(part)], part, cover.moments);
            }
            return sums;
        }
        let exact = if cover.moments { &[] } else { &*cover.whole };
        let weighted = if cover.moments { &*cover.whole } else { &[] };
        let mut whole = [0u64; LANES];
        for part in exact {
            for (sum, cell) in whole.iter_mut().zip(&block.counts[row(part)]) {
                *sum += u64::from(*cell);
            }
        }
        (sums[0].iter_mut().zip(whole)).for_each(|(sum, whole)| *sum = whole as f64);
        for part in weighted.iter().chain(&cover.edge) {
            add_weighted(&mut sums, &block.counts[row(part)], part, cover.moments);
        }
        sums
    }
}

#[inline(always)]
fn add_weighted<T: Copy + Into<f64>>(
    sums: &mut [[f64; LANES]; 3],
    cells: &[T],
    part: &Part,
    moments: bool,
) {
    let [total, rows, columns] = sums;
    for (sum, cell) in total.iter_mut().zip(cells) {
        *sum += part.weight * (*cell).into();
    }
    if moments {
        let [row, column] = part.moment.map(|moment| part.weight * moment);
        for (sum, cell) in rows.iter_mut().zip(cells) {
            *sum += row * (*cell).into();
        }
        for (sum, cell) in columns.iter_mut().zip(cells) {
            *sum += column * (*cell).into();
        }
    }
}

/// A bin that a detector takes, wholly or partly.
struct Part {
    bin: usize,
    /// Share of the bin's pixels inside.
    weight: f64,
    /// Pixels inside.
    pixels: f64,
    /// Mean row and column of the pixels inside, from the centre moments are measured from.
    moment: [f64; 2],
}

struct Cover {
    whole: Vec<Part>,
    edge: Vec<Part>,
    moments: bool,
}

impl Cover {
    fn new(shape: &CubeShape, detector: &Detector) -> Cover {
        let [_, grid_columns] = shape.grid();
        let centre = match detector.measure {
            DetectorStatistic::CenterOfMass { centre } => Some(centre),
            _ => None,
        };
        let [cy, cx] = centre.unwrap_or_default();
        // Pixels inside, and sums of their rows and columns.
        let mut inside = vec![[0f64; 3]; shape.bins()];
        for run in detector.runs.iter() {
            let (row, end) = (run.row as usize, run.end as usize);
            let mut first = run.first as usize;
            while first < end {
                let column = first / shape.bin;
                let next = ((column + 1) * shape.bin).min(end);
                let pixels = (next - first) as f64;
                let sums = &mut inside[row / shape.bin * grid_columns + column];
                sums[0] += pixels;
                sums[1] += pixels * (row as f64 - cy);
                sums[2] += pixels * ((first + next - 1) as f64 / 2.0 - cx);
                first = next;
            }
        }
        let size = |at: usize, frame: usize| shape.bin.min(frame - at * shape.bin);
        let parts = (inside.into_iter().enumerate()).filter(|(_, [pixels, ..])| *pixels > 0.0);
        let parts = parts.map(|(bin, [pixels, rows, columns])| {
            let area =
                size(bin / grid_columns, shape.frame[0]) * size(bin % grid_columns, shape.frame[1]);
            Part {
                bin,
                weight: pixels / area as f64,
                pixels,
                moment: [rows / pixels, columns / pixels],
            }
        });
        let (whole, edge) = parts.partition(|part| part.weight == 1.0);
        Cover {
            whole,
            edge,
            moments: centre.is_some(),
        }
    }
}

#[cfg(test)]
#[path = "detector_cube_tests.rs"]
mod tests;
