//! The sampled Gaussian of one axis: its taps, and the matrix they make with the reflection at the ends.

use std::f64::consts::PI;

use crate::math::half_sample;

/// Taps `-radius ..= radius` of a normalised Gaussian, cut at `floor(truncate · sigma + 0.5)`.
pub struct Kernel {
    pub taps: Vec<f64>,
}

impl Kernel {
    pub fn new(sigma: f64, truncate: f64) -> Self {
        let radius = (truncate * sigma + 0.5).floor() as isize;
        let mut taps: Vec<f64> = (-radius..=radius)
            .map(|at| (-0.5 * (at as f64 / sigma).powi(2)).exp())
            .collect();
        let sum: f64 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        Kernel { taps }
    }

    pub fn radius(&self) -> usize {
        self.taps.len() / 2
    }

    /// Answer to the cosine `cos(π k (n + ½) / size)`, which reflection at both ends makes an eigenvector.
    pub fn eigenvalue(&self, k: usize, size: usize) -> f64 {
        let radius = self.radius();
        let step = PI * k as f64 / size as f64;
        let wing: f64 = (1..=radius)
            .map(|tap| self.taps[radius + tap] * (step * tap as f64).cos())
            .sum();
        self.taps[radius] + 2.0 * wing
    }

    /// The whole matrix in C order: `out[i] = Σ_j matrix[i][j] in[j]`. It is symmetric.
    pub fn matrix(&self, size: usize) -> Vec<f64> {
        let radius = self.radius() as isize;
        let mut matrix = vec![0.0; size * size];
        for (at, row) in matrix.chunks_exact_mut(size.max(1)).enumerate() {
            for (from, tap) in (at as isize - radius..).zip(&self.taps) {
                row[half_sample(from, size)] += tap;
            }
        }
        matrix
    }
}

/// Orthonormal cosine `k` on `size` samples.
pub fn cosine(k: usize, size: usize) -> impl Iterator<Item = f64> {
    let scale = if k == 0 { 1.0f64 } else { 2.0 } / size as f64;
    (0..size).map(move |at| scale.sqrt() * (PI * k as f64 * (at as f64 + 0.5) / size as f64).cos())
}
