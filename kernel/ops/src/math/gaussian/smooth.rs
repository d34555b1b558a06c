//! A wide Gaussian: almost all of it is a handful of cosines.
//!
//! With half-sample reflection the matrix `A` of one axis is symmetric and the cosines `cos(π k (n + ½) / size)`
//! are its eigenvectors. Write `A = S + E`: `S` the first `K` cosines with their eigenvalues, `E` the rest, whose
//! largest eigenvalue is at most `REST`. For an image `I`
//!
//! `A_y I A_x = A_y I S_x + S_y I E_x + E_y I E_x`,
//!
//! and the last term is left out: its norm is at most `REST²` = 1e-8 of the image's, below the rounding of
//! single precision. The cut of the kernel, whose eigenvalues fall off slowly, is in the first two terms.
//! Both are products with `K` columns or rows: `O(pixels · K)`, `K ≈ 1.4 size / sigma`.

use super::blocks::{combine, dot};
use super::kernel::{Kernel, cosine};
use signal::simd::{Vectorised, vectorised};

/// Largest eigenvalue of what is not written as cosines.
const REST: f64 = 1e-4;

pub struct Smooth {
    rows: usize,
    columns: usize,
    down: Axis,
    across: Axis,
}

struct Axis {
    size: usize,
    /// Number of cosines.
    count: usize,
    /// One cosine after the other.
    cosines: Vec<f32>,
    /// `S_y` times this axis' cosines needs their eigenvalues.
    eigenvalues: Vec<f32>,
    /// `A`, C order.
    whole: Vec<f32>,
    /// `E`, C order.
    rest: Vec<f32>,
}

impl Axis {
    fn count(size: usize, kernel: &Kernel) -> usize {
        // The eigenvalues do not fall monotonically where the kernel's cut rules, so the last large one counts.
        (0..size)
            .rev()
            .find(|k| kernel.eigenvalue(*k, size).abs() > REST)
            .map_or(1, |last| last + 1)
    }

    fn new(size: usize, kernel: &Kernel) -> Self {
        let count = Self::count(size, kernel);
        let eigenvalues: Vec<f64> = (0..count).map(|k| kernel.eigenvalue(k, size)).collect();
        let cosines: Vec<Vec<f64>> = (0..count).map(|k| cosine(k, size).collect()).collect();
        let whole = kernel.matrix(size);
        let mut rest = whole.clone();
        for (cosine, eigenvalue) in cosines.iter().zip(&eigenvalues) {
            for (row, left) in rest.chunks_exact_mut(size).zip(cosine) {
                for (value, right) in row.iter_mut().zip(cosine) {
                    *value -= eigenvalue * left * right;
                }
            }
        }
        let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        Axis {
            size,
            count,
            cosines: single(cosines.concat()),
            eigenvalues: single(eigenvalues),
            whole: single(whole),
            rest: single(rest),
        }
    }

    #[inline(always)]
    fn cosine(&self, k: usize) -> &[f32] {
        &self.cosines[k * self.size..(k + 1) * self.size]
    }
}

impl Smooth {
    pub fn new(rows: usize, columns: usize, kernel: &Kernel) -> Self {
        Smooth {
            rows,
            columns,
            down: Axis::new(rows, kernel),
            across: Axis::new(columns, kernel),
        }
    }

    /// Products and sums of one image.
    pub fn cost(rows: usize, columns: usize, kernel: &Kernel) -> usize {
        let (down, across) = (Axis::count(rows, kernel), Axis::count(columns, kernel));
        2 * rows * columns * (down + across) + rows * rows * across + columns * columns * down
    }

    pub fn apply(&self, image: &[f32], out: &mut [f32], scratch: &mut Vec<f32>) {
        let (down, across) = (self.down.count, self.across.count);
        scratch.clear();
        scratch.resize(2 * (self.rows * across + self.columns * down), 0.0);
        vectorised(Apply {
            plan: self,
            image,
            out,
            scratch,
        });
    }
}

struct Apply<'a> {
    plan: &'a Smooth,
    image: &'a [f32],
    out: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Vectorised for Apply<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let (rows, columns) = (self.plan.rows, self.plan.columns);
        let (down, across) = (&self.plan.down, &self.plan.across);
        // Transposed where it makes the inner loop run along memory: `along` is (I B_x)ᵀ.
        let (along, scratch) = self.scratch.split_at_mut(across.count * rows);
        let (spread, scratch) = scratch.split_at_mut(across.count * rows);
        let (sums, corrected) = scratch.split_at_mut(down.count * columns);
        for (row, pixels) in self.image.chunks_exact(columns).enumerate() {
            for k in 0..across.count {
                along[k * rows + row] = dot(pixels, across.cosine(k));
            }
            for (k, sums) in sums.chunks_exact_mut(columns).enumerate() {
                let factor = down.cosine(k)[row];
                for (sum, pixel) in sums.iter_mut().zip(pixels) {
                    *sum += factor * pixel;
                }
            }
        }
        // (A_y I B_x Λ_x)ᵀ; A is symmetric.
        for k in 0..across.count {
            let (spread, along) = (&mut spread[k * rows..(k + 1) * rows], &along[k * rows..]);
            let eigenvalue = across.eigenvalues[k];
            combine(
                spread,
                rows,
                |row| eigenvalue * along[row],
                |row| &down.whole[row * rows..(row + 1) * rows],
            );
        }
        // Λ_y B_yᵀ I E_x
        for k in 0..down.count {
            let (sums, eigenvalue) = (&sums[k * columns..], down.eigenvalues[k]);
            combine(
                &mut corrected[k * columns..(k + 1) * columns],
                columns,
                |column| eigenvalue * sums[column],
                |column| &across.rest[column * columns..(column + 1) * columns],
            );
        }
        let (spread, corrected) = (&*spread, &*corrected);
        for (row, out) in self.out.chunks_exact_mut(columns).enumerate() {
            combine(
                out,
                across.count + down.count,
                |term| match term.checked_sub(across.count) {
                    None => spread[term * rows + row],
                    Some(k) => down.cosine(k)[row],
                },
                |term| match term.checked_sub(across.count) {
                    None => across.cosine(term),
                    Some(k) => &corrected[k * columns..(k + 1) * columns],
                },
            );
        }
    }
}
