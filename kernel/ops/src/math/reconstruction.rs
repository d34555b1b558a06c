//! Grey reconstruction by dilation and the h-dome transform built on it.

use signal::simd::{Vectorised, vectorised};

use super::Grid;
use super::pool::{self, Lent};
use super::real::{larger, smaller};

/// h-domes of `grid` scaled to a maximum of 1, averaged over 3 x 3; zeros when no pixel is positive.
pub fn domes(grid: &Grid<f64>, h: f64) -> Vec<f32> {
    let Grid { rows, columns, .. } = *grid;
    let highest = grid.range().map_or(0.0, |(_, highest)| highest);
    if highest <= 0.0 {
        let zero = |value: &f64| if value.is_nan() { f32::NAN } else { 0.0 };
        return grid.values.iter().map(zero).collect();
    }
    let mut mask = Bordered::new(rows, columns, f64::NEG_INFINITY);
    let mut marker = Bordered::new(rows, columns, f64::NEG_INFINITY);
    vectorised(Begin {
        grid,
        highest,
        h,
        mask: &mut mask,
        marker: &mut marker,
    });
    reconstruct(&mut marker, &mask);
    vectorised(Domes {
        mask: &mut mask,
        marker: &marker,
    });
    let smooth = mean_of_neighbours(&mask);
    let top = smooth.iter().copied().fold(0.0, larger);
    let scale = if top > 0.0 { 1.0 / top } else { 0.0 };
    smooth.iter().map(|value| (value * scale) as f32).collect()
}

/// An image with a border of one pixel, so that every pixel has eight neighbours.
struct Bordered {
    rows: usize,
    columns: usize,
    width: usize,
    values: Lent<f64>,
}

impl Bordered {
    fn new(rows: usize, columns: usize, value: f64) -> Self {
        let width = columns + 2;
        Bordered {
            rows,
            columns,
            width,
            values: pool::filled((rows + 2) * width, value),
        }
    }

    /// Places of a row's pixels.
    #[inline(always)]
    fn row(&self, row: usize) -> std::ops::Range<usize> {
        let first = (row + 1) * self.width + 1;
        first..first + self.columns
    }

    /// From a pixel to those around it, in C order.
    fn around(&self) -> [isize; 8] {
        let width = self.width as isize;
        [
            -width - 1,
            -width,
            -width + 1,
            -1,
            1,
            width - 1,
            width,
            width + 1,
        ]
    }
}

/// The image in parts of its highest pixel, and `h` below it. An invalid pixel lies below everything, so nothing spreads through it.
struct Begin<'a> {
    grid: &'a Grid<f64>,
    highest: f64,
    h: f64,
    mask: &'a mut Bordered,
    marker: &'a mut Bordered,
}

impl Vectorised for Begin<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for row in 0..self.grid.rows {
            let (mask, marker) = (self.mask.row(row), self.marker.row(row));
            let mask = &mut self.mask.values[mask];
            let marker = &mut self.marker.values[marker];
            for ((mask, marker), value) in mask.iter_mut().zip(marker).zip(self.grid.row(row)) {
                *mask = match value.is_nan() {
                    true => f64::NEG_INFINITY,
                    false => value / self.highest,
                };
                *marker = *mask - self.h;
            }
        }
    }
}

/// What the mask rises above the marker, in place of the mask; NaN where it is invalid and beyond the image.
struct Domes<'a> {
    mask: &'a mut Bordered,
    marker: &'a Bordered,
}

impl Vectorised for Domes<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (mask, marker) in self.mask.values.iter_mut().zip(self.marker.values.iter()) {
            // Infinity less infinity is NaN.
            *mask -= marker;
        }
    }
}

/// Raises `marker` to its reconstruction under `mask` (8 neighbours): two sweeps, then what is left from pixel to pixel
/// (L. Vincent, doi:10.1109/83.217222). The order changes the time only: the result is what nothing raises any more.
fn reconstruct(marker: &mut Bordered, mask: &Bordered) {
    let mut line = pool::any(marker.columns);
    for is_back in [false, true] {
        vectorised(Sweep {
            marker,
            mask,
            line: &mut line,
            is_back,
        });
    }
    let (mut open, mut next) = (pool::empty(), pool::empty());
    vectorised(Open {
        marker,
        mask,
        open: &mut open,
    });
    let around = marker.around();
    while !open.is_empty() {
        for at in open.drain(..) {
            let value = marker.values[at];
            for by in around {
                let other = at.wrapping_add_signed(by);
                let raised = smaller(value, mask.values[other]);
                if marker.values[other] < raised {
                    marker.values[other] = raised;
                    next.push(other);
                }
            }
        }
        std::mem::swap(&mut open, &mut next);
    }
}

/// Raises each pixel to the largest of those before it, in C order or from the end.
struct Sweep<'a> {
    marker: &'a mut Bordered,
    mask: &'a Bordered,
    line: &'a mut [f64],
    is_back: bool,
}

impl Vectorised for Sweep<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Sweep {
            marker,
            mask,
            line,
            is_back,
        } = self;
        let (rows, columns, width) = (marker.rows, marker.columns, marker.width);
        for row in 0..rows {
            let row = if is_back { rows - 1 - row } else { row };
            let own = marker.row(row);
            let first = match is_back {
                true => own.start + width - 1,
                false => own.start - width - 1,
            };
            let before = |by: usize| &marker.values[first + by..][..columns];
            let before = before(0).iter().zip(before(1)).zip(before(2));
            for ((line, own), ((left, middle), right)) in
                line.iter_mut().zip(&marker.values[own.clone()]).zip(before)
            {
                *line = larger(larger(*own, *left), larger(*middle, *right));
            }
            let mut last = f64::NEG_INFINITY;
            let mut raise = |((marker, mask), line): ((&mut f64, &f64), &f64)| {
                last = smaller(larger(*line, last), *mask);
                *marker = last;
            };
            let places = marker.values[own.clone()].iter_mut();
            let places = places.zip(&mask.values[own]).zip(&*line);
            match is_back {
                true => places.rev().for_each(&mut raise),
                false => places.for_each(&mut raise),
            }
        }
    }
}

/// The pixels that may raise one of those around them.
struct Open<'a> {
    marker: &'a Bordered,
    mask: &'a Bordered,
    open: &'a mut Vec<usize>,
}

impl Vectorised for Open<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        const PART: usize = 16;
        let Open { marker, mask, open } = self;
        let (marker_values, mask_values) = (&marker.values[..], &mask.values[..]);
        for row in 0..marker.rows {
            let own = marker.row(row);
            for from in own.clone().step_by(PART) {
                let count = PART.min(own.end - from);
                let mut spreads = [false; PART];
                let values = &marker_values[from..from + count];
                for by in marker.around() {
                    let at = from.wrapping_add_signed(by);
                    let others = marker_values[at..at + count].iter();
                    let others = others.zip(&mask_values[at..at + count]);
                    for ((spreads, value), (other, mask)) in
                        spreads.iter_mut().zip(values).zip(others)
                    {
                        *spreads |= *other < smaller(*value, *mask);
                    }
                }
                if spreads.contains(&true) {
                    let places = (from..).zip(spreads).filter(|(_, spreads)| *spreads);
                    open.extend(places.map(|(at, _)| at));
                }
            }
        }
    }
}

/// Mean of the valid pixels among each pixel and its neighbours inside the image; NaN stays NaN.
fn mean_of_neighbours(image: &Bordered) -> Lent<f64> {
    let mut out = pool::any(image.rows * image.columns);
    vectorised(Mean {
        image,
        out: &mut out,
    });
    out
}

struct Mean<'a> {
    image: &'a Bordered,
    out: &'a mut [f64],
}

impl Vectorised for Mean<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let Mean { image, out } = self;
        let columns = image.columns.max(1);
        let mut counts = pool::any::<f64>(columns);
        for (row, out) in out.chunks_exact_mut(columns).enumerate() {
            let own = image.row(row);
            out.copy_from_slice(&image.values[own.clone()]);
            counts.fill(1.0);
            for by in image.around() {
                let at = own.start.wrapping_add_signed(by);
                let others = &image.values[at..at + columns];
                for ((sum, count), other) in out.iter_mut().zip(counts.iter_mut()).zip(others) {
                    let is_valid = !other.is_nan();
                    *sum += if is_valid { *other } else { 0.0 };
                    *count += if is_valid { 1.0 } else { 0.0 };
                }
            }
            for (sum, count) in out.iter_mut().zip(counts.iter()) {
                *sum /= count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconstruction_follows_a_spiral_that_no_sweep_can() {
        // One corridor of height 1 that turns back on itself; its start is marked.
        let corridor = [
            "#########",
            "........#",
            "#######.#",
            "#.....#.#",
            "#.###.#.#",
            "#.#...#.#",
            "#.#####.#",
            "#.......#",
            "#########",
        ];
        let values = corridor
            .iter()
            .flat_map(|line| line.bytes().map(|c| if c == b'#' { 0.0 } else { 1.0 }))
            .collect();
        let values: Vec<f64> = values;
        let mut mask = Bordered::new(9, 9, f64::NEG_INFINITY);
        let mut marker = Bordered::new(9, 9, f64::NEG_INFINITY);
        for (row, values) in values.chunks(9).enumerate() {
            let places = mask.row(row);
            mask.values[places.clone()].copy_from_slice(values);
            marker.values[places].fill(0.0);
        }
        let start = marker.row(1).start;
        marker.values[start] = 1.0;
        reconstruct(&mut marker, &mask);
        assert_eq!(*marker.values, *mask.values);
    }

    #[test]
    fn a_dome_keeps_h_and_a_plateau_keeps_nothing() {
        let mut grid = Grid::filled(9, 12, 2.0);
        grid.values[4 * 12 + 5] = 10.0;
        let dome = domes(&grid, 0.3);
        assert!((dome[4 * 12 + 5] - 1.0).abs() < 1e-6);
        assert!(dome[0].abs() < 1e-6);
        assert!(
            domes(&Grid::filled(4, 6, 0.0), 0.3)
                .iter()
                .all(|v| *v == 0.0)
        );
    }
}
