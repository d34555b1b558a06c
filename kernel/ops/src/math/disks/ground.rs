//! What is under the disks: the counts that depend on the distance from the direct beam, and of a slope on the side of it.

use signal::HeapBytes;

use super::image::Stencil;
use super::model::Scan;
use crate::math::in_parts::in_parts;

/// Most images along an axis between two pixels, and numbers in all of them.
const MAX_PHASES: usize = 3;
const MAX_NUMBERS: usize = 1 << 23;
/// Standard deviations that a disk's counts of background may be off because the middle is not at one of the places.
const OFF: f64 = 0.15;

/// A radial background as images around a middle at some places between two pixels, larger than a frame by the wander of the
/// beam, so that one for another middle is a part of one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ground {
    /// Of the images.
    rows: usize,
    columns: usize,
    /// The pixel at or before the middle in the images.
    middle: [usize; 2],
    /// Of the frames.
    margin: usize,
    /// Places between two pixels, along each axis.
    phases: usize,
    /// By place, row first.
    images: Vec<Surface>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Surface {
    values: Vec<f32>,
    /// Sums over a disk around every pixel; in each row those of every `step`th column next to each other, `plane` of them.
    sums: Vec<f32>,
    step: usize,
    plane: usize,
}

/// A frame's part of a [`Ground`].
#[derive(Clone, Copy)]
pub struct Part<'a> {
    of: &'a Surface,
    columns: usize,
    row: usize,
    column: usize,
}

impl Ground {
    /// For frames with a margin, in which the beam is nowhere further from its place in the mean than it wanders, for sums over
    /// disks around every `step`th pixel.
    pub fn new(scan: &Scan, margin: usize, (stencil, step): (&Stencil, usize)) -> Self {
        let profile = &scan.profile;
        let further = scan.wander.ceil() as usize + margin + 2;
        let (rows, columns) = (scan.rows + 2 * further, scan.columns + 2 * further);
        let middle = (scan.centre).map(|at| at.round().max(0.0) as usize + further);
        // As many places as the steepest part of the background needs.
        let steepest = (profile.windows(2))
            .map(|two| f64::from((two[1] - two[0]).abs() / two[0].max(two[1]).max(1e-6).sqrt()))
            .fold(0.0, f64::max);
        let off = 0.5 * steepest * (stencil.pixels() as f64).sqrt();
        let mut phases = ((off / OFF).ceil() as usize).clamp(1, MAX_PHASES);
        while phases > 1 && 2 * phases * phases * rows * columns > MAX_NUMBERS {
            phases -= 1;
        }
        let images = in_parts(phases * phases, |line: &mut Vec<f32>, n| {
            let part = [n / phases, n % phases].map(|part| part as f32 / phases as f32);
            let middle = [0, 1].map(|axis| middle[axis] as f32 + part[axis]);
            Surface::new(scan, (rows, columns), middle, (stencil, step), line)
        });
        Ground {
            rows,
            columns,
            middle,
            margin,
            phases,
            images,
        }
    }

    /// With its middle at the place next to `centre`.
    pub fn around(&self, centre: [f64; 2], (rows, columns): (usize, usize)) -> Part<'_> {
        // Which row or column of the images is the first of the frame, and which image.
        let corner = |axis: usize, size: usize, all: usize| {
            let off = self.middle[axis] as f64 - centre[axis];
            let parts = (off * self.phases as f64).round() as isize;
            let first = parts.div_euclid(self.phases as isize);
            let part = parts.rem_euclid(self.phases as isize) as usize;
            let (first, part) = match part {
                0 => (first, 0),
                part => (first + 1, self.phases - part),
            };
            let last = all - size - self.margin;
            let first = first.clamp(self.margin as isize, last as isize) as usize;
            (first, part)
        };
        let (row, down) = corner(0, rows, self.rows);
        let (column, across) = corner(1, columns, self.columns);
        Part {
            of: &self.images[down * self.phases + across],
            columns: self.columns,
            row,
            column,
        }
    }
}

impl HeapBytes for Ground {
    fn heap_bytes(&self) -> usize {
        let surfaces = self.images.iter();
        let numbers = surfaces.map(|image| image.values.heap_bytes() + image.sums.heap_bytes());
        numbers.sum()
    }
}

impl Surface {
    fn new(
        scan: &Scan,
        (rows, columns): (usize, usize),
        middle: [f32; 2],
        (stencil, step): (&Stencil, usize),
        line: &mut Vec<f32>,
    ) -> Self {
        // With the stencil's reach around it, for the sums.
        let reach = stencil.reach();
        let width = columns + 2 * reach;
        let mut values = Vec::with_capacity((rows + 2 * reach) * width);
        for row in 0..rows + 2 * reach {
            let dy = row as f32 - (middle[0] + reach as f32);
            for column in 0..width {
                let dx = column as f32 - (middle[1] + reach as f32);
                let distance = (dy * dy + dx * dx).sqrt();
                let mean = at(&scan.profile, distance);
                let factor = (scan.slope.as_ref())
                    .map_or(1.0, |slope| slope.factor(mean, [dy, dx], distance));
                values.push(mean * factor);
            }
        }
        let mut sums = Vec::new();
        stencil.sums(&values, (rows, columns), (reach, 1), line, &mut sums);
        let plane = columns.div_ceil(step);
        let sums = sums
            .chunks_exact(columns)
            .flat_map(|row| {
                (0..plane * step).map(|n| row[(n % plane * step + n / plane).min(columns - 1)])
            })
            .collect();
        let values = (0..rows)
            .flat_map(|row| &values[(row + reach) * width + reach..][..columns])
            .copied()
            .collect();
        Surface {
            values,
            sums,
            step,
            plane,
        }
    }
}

/// Linear between whole distances, constant beyond the last.
pub fn at(profile: &[f32], distance: f32) -> f32 {
    let last = profile.len() - 1;
    let below = (distance as usize).min(last);
    let above = (below + 1).min(last);
    let part = (distance - below as f32).clamp(0.0, 1.0);
    profile[below] * (1.0 - part) + profile[above] * part
}

impl<'a> Part<'a> {
    /// Counts of a row of the frame and of the margin to its right; rows and columns of the margin are below 0.
    #[inline(always)]
    pub fn row(&self, row: isize, column: isize) -> &'a [f32] {
        let (row, column) = (self.row as isize + row, self.column as isize + column);
        &self.of.values[row as usize * self.columns + column as usize..]
    }

    /// Sums over the disk around every `step`th pixel of a row of the frame, what is beyond its edges counted too.
    #[inline(always)]
    pub fn sums(&self, row: usize) -> &'a [f32] {
        let Surface { step, plane, .. } = *self.of;
        let row = (self.row + row) * plane * step;
        let from = row + self.column % step * plane + self.column / step;
        &self.of.sums[from..row + (self.column % step + 1) * plane]
    }

    /// The same around one pixel.
    pub fn sum_at(&self, row: usize, column: usize) -> f32 {
        let Surface { step, plane, .. } = *self.of;
        let column = self.column + column;
        self.of.sums[((self.row + row) * step + column % step) * plane + column / step]
    }
}
