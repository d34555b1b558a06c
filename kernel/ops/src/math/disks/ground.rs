//! What is under the disks: the counts that depend on the distance from the direct beam only.

use super::image::Stencil;

/// A radial background as an image around a middle, larger than a frame by the wander of the beam, so that one for another middle
/// is a part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ground {
    /// Counts at whole distances in px from the middle.
    pub profile: Vec<f32>,
    /// Of the image.
    rows: usize,
    columns: usize,
    /// The middle in the image.
    middle: [usize; 2],
    /// Of the frames.
    margin: usize,
    values: Vec<f32>,
    /// Sums over a disk around every pixel; in each row those of every `step`th column next to each other, `plane` of them.
    sums: Vec<f32>,
    step: usize,
    plane: usize,
}

/// A frame's part of a [`Ground`].
#[derive(Clone, Copy)]
pub struct Part<'a> {
    of: &'a Ground,
    row: usize,
    column: usize,
}

impl Ground {
    /// For frames of `rows` and `columns`, in which the middle is nowhere further than `wander` px from `centre`.
    pub fn new(
        profile: Vec<f32>,
        frame: (usize, usize),
        centre: [f64; 2],
        wander: f64,
        margin: usize,
        stencil: &Stencil,
        step: usize,
    ) -> Self {
        let reach = stencil.reach();
        let further = wander.ceil() as usize + margin + 1;
        let (rows, columns) = (frame.0 + 2 * further, frame.1 + 2 * further);
        let middle = centre.map(|at| at.round().max(0.0) as usize + further);
        // With the stencil's reach around it, for the sums.
        let mut values = Vec::with_capacity((rows + 2 * reach) * (columns + 2 * reach));
        for row in 0..rows + 2 * reach {
            let dy = row as f32 - (middle[0] + reach) as f32;
            for column in 0..columns + 2 * reach {
                let dx = column as f32 - (middle[1] + reach) as f32;
                values.push(at(&profile, (dy * dy + dx * dx).sqrt()));
            }
        }
        let (mut line, mut sums) = (Vec::new(), Vec::new());
        stencil.sums(&values, (rows, columns), (reach, 1), &mut line, &mut sums);
        let plane = columns.div_ceil(step);
        let sums = sums
            .chunks_exact(columns)
            .flat_map(|row| {
                (0..plane * step).map(|n| row[(n % plane * step + n / plane).min(columns - 1)])
            })
            .collect();
        let width = columns + 2 * reach;
        let values = (0..rows)
            .flat_map(|row| &values[(row + reach) * width + reach..][..columns])
            .copied()
            .collect();
        Ground {
            profile,
            rows,
            columns,
            middle,
            margin,
            values,
            sums,
            step,
            plane,
        }
    }

    /// With its middle at the pixel next to `centre`.
    pub fn around(&self, centre: [f64; 2], (rows, columns): (usize, usize)) -> Part<'_> {
        let corner = |axis: usize, size: usize, all: usize| {
            let corner = self.middle[axis] as f64 - centre[axis].round();
            (corner.max(self.margin as f64) as usize).min(all - size - self.margin)
        };
        Part {
            of: self,
            row: corner(0, rows, self.rows),
            column: corner(1, columns, self.columns),
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
        &self.of.values[row as usize * self.of.columns + column as usize..]
    }

    /// Sums over the disk around every `step`th pixel of a row of the frame, what is beyond its edges counted too.
    #[inline(always)]
    pub fn sums(&self, row: usize) -> &'a [f32] {
        let Ground { step, plane, .. } = *self.of;
        let row = (self.row + row) * plane * step;
        let from = row + self.column % step * plane + self.column / step;
        &self.of.sums[from..row + (self.column % step + 1) * plane]
    }

    /// The same around one pixel.
    pub fn sum_at(&self, row: usize, column: usize) -> f32 {
        let Ground { step, plane, .. } = *self.of;
        let column = self.column + column;
        self.of.sums[((self.row + row) * step + column % step) * plane + column / step]
    }
}
