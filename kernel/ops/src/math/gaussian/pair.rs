//! Two narrow Gaussians of one image at once: the narrower one and its difference from the wider one.
//!
//! Across first, where both use the same pixels. Down for some rows at a time, so that a row that was loaded is used for all of
//! them, as soon as the rows around are there: they are still near.

use crate::math::{half_sample, pool};
use signal::simd::{Vectorised, vectorised};

/// Pixels across, and rows, whose sums are in registers together.
const LANES: usize = 16;
const BLOCK: usize = 4;
/// Pixels of a line of the cache.
const LINE: usize = 16;

pub struct Pair {
    rows: usize,
    columns: usize,
    narrow: Taps,
    wide: Taps,
    /// Column behind each pixel beyond the left and beyond the right edge.
    beyond: [Vec<usize>; 2],
    /// Row behind `-radius .. rows + radius`, of whole blocks.
    folded: Vec<usize>,
}

struct Taps {
    across: Vec<f32>,
    /// What each row around a block adds to each of the block's: taps, and 0 where it is too far.
    down: Vec<[f32; BLOCK]>,
}

impl Taps {
    fn new(across: &[f32]) -> Self {
        let tap = |at: usize, row: usize| {
            let tap = at.checked_sub(row).and_then(|at| across.get(at));
            tap.copied().unwrap_or(0.0)
        };
        let down = (0..across.len() + BLOCK - 1)
            .map(|at| std::array::from_fn(|row| tap(at, row)))
            .collect();
        Taps {
            across: across.to_vec(),
            down,
        }
    }

    fn radius(&self) -> usize {
        self.across.len() / 2
    }
}

impl Pair {
    /// The first Gaussian has no more taps than the second.
    pub fn new(rows: usize, columns: usize, narrow: &[f32], wide: &[f32]) -> Self {
        let radius = (wide.len() / 2) as isize;
        let (below, right) = (rows.next_multiple_of(BLOCK) as isize, columns as isize);
        let column = |at: isize| half_sample(at, columns);
        Pair {
            rows,
            columns,
            narrow: Taps::new(narrow),
            wide: Taps::new(wide),
            beyond: [
                (-radius..0).map(column).collect(),
                (right..right + radius).map(column).collect(),
            ],
            folded: (-radius..below + radius)
                .map(|row| half_sample(row, rows))
                .collect(),
        }
    }

    /// Of the image whose rows `fill` writes, without NaN: smoothed by the narrow Gaussian, and that less what the wide one makes
    /// of it.
    pub fn apply<F: Fill>(&self, fill: F, narrow: &mut [f32], difference: &mut [f32]) {
        let across = self.columns.next_multiple_of(LANES);
        // Rows a power of two apart would share few places of the cache.
        let stride = across + LINE;
        let lend = || pool::any::<f32>(self.rows * stride + LINE);
        let (mut narrow_half, mut wide_half) = (lend(), lend());
        let mut padded = pool::any::<f32>(across + 2 * self.wide.radius());
        padded.fill(0.0);
        vectorised(Apply {
            plan: self,
            fill,
            stride,
            padded: &mut padded,
            halves: [on_a_line(&mut narrow_half), on_a_line(&mut wide_half)],
            narrow,
            difference,
        });
    }
}

/// From the first value on that begins a line of the cache.
fn on_a_line(values: &mut [f32]) -> &mut [f32] {
    let start = values.as_ptr().align_offset(LINE * size_of::<f32>());
    &mut values[start.min(LINE)..]
}

/// Writes the rows of an image.
pub trait Fill {
    fn row(&self, row: usize, out: &mut [f32]);
}

struct Apply<'a, F> {
    plan: &'a Pair,
    fill: F,
    stride: usize,
    /// One row with its reflections.
    padded: &'a mut [f32],
    /// Rows smoothed across by the narrow Gaussian, and by the wide one.
    halves: [&'a mut [f32]; 2],
    narrow: &'a mut [f32],
    difference: &'a mut [f32],
}

impl<F: Fill> Vectorised for Apply<'_, F> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (plan, stride, padded) = (self.plan, self.stride, self.padded);
        let (rows, columns) = (plan.rows, plan.columns);
        let (reach, narrow_reach) = (plan.wide.radius(), plan.narrow.radius());
        let [half_narrow, half_wide] = self.halves;
        let blocks = (self.narrow.chunks_mut(BLOCK * columns))
            .zip(self.difference.chunks_mut(BLOCK * columns));
        let mut ready = 0;
        for (block, (narrow, difference)) in blocks.enumerate() {
            let first = block * BLOCK;
            while ready < rows.min(first + BLOCK + reach) {
                self.fill.row(ready, &mut padded[reach..reach + columns]);
                for (at, from) in plan.beyond[0].iter().enumerate() {
                    padded[at] = padded[reach + from];
                }
                for (at, from) in plan.beyond[1].iter().enumerate() {
                    padded[reach + columns + at] = padded[reach + from];
                }
                let place = ready * stride..(ready + 1) * stride;
                let narrow = &mut half_narrow[place.clone()];
                let wide = &mut half_wide[place];
                let at = across::<{ 2 * LANES }>(plan, padded, narrow, wide, 0);
                across::<LANES>(plan, padded, narrow, wide, at);
                ready += 1;
            }
            let folded = &plan.folded[first..];
            for at in (0..columns).step_by(LANES) {
                let width = LANES.min(columns - at);
                let around = &folded[reach - narrow_reach..];
                let smooth = down(&plan.narrow.down, around, half_narrow, stride, at);
                let wide = down(&plan.wide.down, folded, half_wide, stride, at);
                let outs = (narrow.chunks_mut(columns)).zip(difference.chunks_mut(columns));
                for ((narrow, difference), (smooth, wide)) in outs.zip(smooth.iter().zip(&wide)) {
                    let mut less = *smooth;
                    for (less, wide) in less.iter_mut().zip(wide) {
                        *less -= wide;
                    }
                    let put = |out: &mut [f32], values: &[f32; LANES]| match out.first_chunk_mut() {
                        Some(whole) => *whole = *values,
                        None => out.copy_from_slice(&values[..out.len()]),
                    };
                    put(&mut narrow[at..at + width], smooth);
                    put(&mut difference[at..at + width], &less);
                }
            }
        }
    }
}

/// Some pixels of a row by both Gaussians, and the place after them.
#[inline(always)]
fn across<const WIDTH: usize>(
    plan: &Pair,
    padded: &[f32],
    narrow: &mut [f32],
    wide: &mut [f32],
    from: usize,
) -> usize {
    let (narrow_taps, wide_taps) = (&plan.narrow.across[..], &plan.wide.across[..]);
    let apart = (wide_taps.len() - narrow_taps.len()) / 2;
    let (left, rest) = wide_taps.split_at(apart);
    let (middle, right) = rest.split_at(narrow_taps.len());
    let mut at = from;
    while at + WIDTH <= plan.columns.next_multiple_of(LANES) {
        let (mut small, mut large) = ([0.0f32; WIDTH], [0.0f32; WIDTH]);
        let add = |sums: &mut [f32; WIDTH], tap: f32, values: &[f32]| {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += tap * value;
            }
        };
        let mut windows = padded[at..].windows(WIDTH);
        for (tap, values) in left.iter().zip(&mut windows) {
            add(&mut large, *tap, values);
        }
        for ((tap, narrow_tap), values) in (middle.iter().zip(narrow_taps)).zip(&mut windows) {
            add(&mut small, *narrow_tap, values);
            add(&mut large, *tap, values);
        }
        for (tap, values) in right.iter().zip(&mut windows) {
            add(&mut large, *tap, values);
        }
        narrow[at..at + WIDTH].copy_from_slice(&small);
        wide[at..at + WIDTH].copy_from_slice(&large);
        at += WIDTH;
    }
    at
}

/// Some pixels of the rows of a block.
#[inline(always)]
fn down(
    taps: &[[f32; BLOCK]],
    folded: &[usize],
    half: &[f32],
    stride: usize,
    at: usize,
) -> [[f32; LANES]; BLOCK] {
    // One by one, so that all of them are in registers.
    let [mut first, mut second, mut third, mut fourth] = [[0.0f32; LANES]; BLOCK];
    for (taps, row) in taps.iter().zip(folded) {
        let values = &half[row * stride + at..][..LANES];
        let add = |sums: &mut [f32; LANES], tap: f32| {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += tap * value;
            }
        };
        add(&mut first, taps[0]);
        add(&mut second, taps[1]);
        add(&mut third, taps[2]);
        add(&mut fourth, taps[3]);
    }
    [first, second, third, fourth]
}
