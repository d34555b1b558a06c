//! The counts of one frame, and sums over disks of them.

use signal::simd::{Vectorised, vectorised};

/// Counts with a margin around them, so that what surrounds a pixel is there for all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Of the frame, without the margin.
    pub rows: usize,
    pub columns: usize,
    pub margin: usize,
    /// In C order; 0 at invalid pixels and in the margin, the most that can be counted at saturated ones.
    pub counts: Vec<f32>,
    /// 1 or 0 per pixel, 0 in the margin.
    pub valid: Vec<f32>,
    /// Whether any pixel of the frame is invalid.
    pub holed: bool,
}

/// Pixels of a disk, as runs of columns: for the rows `-reach..=reach`, how far to both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Stencil {
    pub half_widths: Vec<usize>,
}

impl Stencil {
    /// Pixels with `dy² + dx² ≤ radius²`.
    pub fn new(radius: f64) -> Self {
        let reach = radius.floor().max(0.0) as isize;
        let half_widths = (-reach..=reach)
            .map(|dy| (radius * radius - (dy * dy) as f64).max(0.0).sqrt() as usize)
            .collect();
        Stencil { half_widths }
    }

    pub fn reach(&self) -> usize {
        self.half_widths.len() / 2
    }

    pub fn pixels(&self) -> usize {
        self.half_widths.iter().map(|half| 2 * half + 1).sum()
    }

    /// Sums over the disk around every `step`th pixel of every `step`th row of a frame in the middle of `values`, which have a margin
    /// of at least the reach around it; O(P · radius / step²). `line` is scratch.
    pub fn sums(
        &self,
        values: &[f32],
        (rows, columns): (usize, usize),
        (margin, step): (usize, usize),
        line: &mut Vec<f32>,
        out: &mut Vec<f32>,
    ) {
        let columns_out = columns.div_ceil(step);
        line.resize(columns + 2 * margin + step + columns_out, 0.0);
        out.clear();
        out.resize(rows.div_ceil(step) * columns_out, 0.0);
        vectorised(DiskSums {
            stencil: self,
            values,
            frame: (rows, columns),
            margin,
            step,
            line,
            out,
        });
    }
}

struct DiskSums<'a> {
    stencil: &'a Stencil,
    values: &'a [f32],
    frame: (usize, usize),
    margin: usize,
    step: usize,
    line: &'a mut [f32],
    out: &'a mut [f32],
}

impl Vectorised for DiskSums<'_> {
    type Result = ();

    /// Sums of a row over more and more columns to both sides, each added to the rows where it is that wide.
    #[inline(always)]
    fn run(self) {
        let DiskSums {
            stencil,
            frame: (rows, columns),
            margin,
            step,
            ..
        } = self;
        let (reach, width) = (stencil.reach(), columns + 2 * margin);
        let count = columns.div_ceil(step);
        let (planes, line) = self.line.split_at_mut(width + step);
        let line = &mut line[..count];
        // Columns that are `step` apart lie next to each other.
        let plane = width.div_ceil(step);
        for (from, values) in self.values.chunks_exact(width).enumerate() {
            // Of a row of the margin as of one of the frame.
            let Some(last) = (from + reach).checked_sub(margin) else {
                continue;
            };
            if from > rows + margin + reach {
                break;
            }
            let values = match step {
                1 => values,
                _ => {
                    let (even, odd) = planes.split_at_mut(plane);
                    let pairs = values.chunks_exact(2).zip(even.iter_mut().zip(odd));
                    pairs.for_each(|(pair, (even, odd))| (*even, *odd) = (pair[0], pair[1]));
                    if let [last] = values.chunks_exact(2).remainder() {
                        even[plane - 1] = *last;
                    }
                    &*planes
                }
            };
            let shifted = |column: usize| &values[column % step * plane + column / step..][..count];
            line.copy_from_slice(shifted(margin));
            let mut half = 0;
            // Half widths grow from the first row of the disk to its middle.
            for (at, wanted) in stencil.half_widths[..=reach].iter().enumerate() {
                while half < *wanted {
                    half += 1;
                    let (left, right) = (shifted(margin - half), shifted(margin + half));
                    for ((line, left), right) in line.iter_mut().zip(left).zip(right) {
                        *line += left + right;
                    }
                }
                // The disk's rows as far above its middle and below.
                let away = reach - at;
                let above = (last + away).checked_sub(reach);
                let below = last.checked_sub(reach + away).filter(|_| away > 0);
                for row in [above, below].into_iter().flatten() {
                    if row < rows && row.is_multiple_of(step) {
                        let out = &mut self.out[row / step * count..][..count];
                        for (out, line) in out.iter_mut().zip(line.iter()) {
                            *out += line;
                        }
                    }
                }
            }
        }
    }
}

struct FillRow<'a> {
    values: &'a [f32],
    counts: &'a mut [f32],
    known: &'a mut [f32],
    most: f32,
}

impl Vectorised for FillRow<'_> {
    /// Whether all are valid.
    type Result = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut valid = true;
        let out = self.counts.iter_mut().zip(self.known);
        for ((counts, known), value) in out.zip(self.values) {
            let finite = value.is_finite();
            valid &= finite;
            let least = if value.is_infinite() { self.most } else { 0.0 };
            let least = if *value < 0.0 { 0.5 * least } else { least };
            *counts = if finite { *value } else { least };
            *known = if finite { 1.0 } else { 0.0 };
        }
        valid
    }
}

impl Image {
    /// Takes over a frame's counts in C order; what is no number is invalid. What is infinite is invalid too, but so many
    /// counts at least, and what is less than all numbers is half of that.
    pub fn fill(
        &mut self,
        (rows, columns): (usize, usize),
        margin: usize,
        values: &[f32],
        most: f32,
    ) {
        if (self.rows, self.columns, self.margin) != (rows, columns, margin) {
            *self = Image {
                rows,
                columns,
                margin,
                ..Image::default()
            };
            let all = (rows + 2 * margin) * (columns + 2 * margin);
            self.counts.resize(all, 0.0);
            self.valid.resize(all, 0.0);
        }
        let mut valid = true;
        for (row, values) in values.chunks_exact(columns).enumerate() {
            let first = self.at(row, 0);
            let line = first..first + columns;
            let (counts, known) = (&mut self.counts[line.clone()], &mut self.valid[line]);
            valid &= vectorised(FillRow {
                values,
                counts,
                known,
                most,
            });
        }
        self.holed = !valid;
    }

    /// With the margin.
    pub fn width(&self) -> usize {
        self.columns + 2 * self.margin
    }

    /// Place of a pixel of the frame among all.
    #[inline(always)]
    pub fn at(&self, row: usize, column: usize) -> usize {
        (row + self.margin) * self.width() + column + self.margin
    }

    /// Mean of the valid pixels of a disk around the pixel next to a place; NaN where there are none.
    pub fn mean_over_disk(&self, [y, x]: [f64; 2], stencil: &Stencil) -> f32 {
        let reach = stencil.reach() as isize;
        let (y, x) = (y.round() as isize, x.round() as isize);
        let (mut sum, mut count) = (0.0f32, 0.0f32);
        for (row, half) in (y - reach..).zip(&stencil.half_widths) {
            let half = *half as isize;
            let first = (x - half).clamp(0, self.columns as isize) as usize;
            let end = (x + half + 1).clamp(0, self.columns as isize) as usize;
            if row < 0 || row >= self.rows as isize || first >= end {
                continue;
            }
            let from = self.at(row as usize, first);
            let line = from..from + end - first;
            sum += self.counts[line.clone()].iter().sum::<f32>();
            count += self.valid[line].iter().sum::<f32>();
        }
        sum / count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_disks_equal_adding_up_pixels_also_at_the_edges() {
        let (rows, columns) = (13, 19);
        let values: Vec<f32> = (0..rows * columns)
            .map(|at| ((at * 7919) % 101) as f32)
            .collect();
        let mut image = Image::default();
        image.fill((rows, columns), 9, &values, 0.0);
        for (radius, step) in [(0.0, 1), (1.0, 1), (2.3, 1), (4.3, 1), (4.3, 2), (9.0, 2)] {
            let (mut line, mut sums) = (Vec::new(), Vec::new());
            let stencil = Stencil::new(radius);
            let margin = (9, step);
            stencil.sums(&image.counts, (rows, columns), margin, &mut line, &mut sums);
            let mut of_grid = sums.into_iter();
            for row in (0..rows).step_by(step) {
                for column in (0..columns).step_by(step) {
                    let inside = |at: &usize| {
                        let (y, x) = (at / columns, at % columns);
                        (y as f64 - row as f64).hypot(x as f64 - column as f64) <= radius
                    };
                    let expected: f32 = (0..values.len()).filter(inside).map(|at| values[at]).sum();
                    assert_eq!(
                        of_grid.next(),
                        Some(expected),
                        "{radius} {step} {row} {column}"
                    );
                }
            }
            assert_eq!(of_grid.next(), None);
        }
        assert_eq!(Stencil::new(3.0).pixels(), 29);
    }
}
