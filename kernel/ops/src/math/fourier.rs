//! The discrete Fourier transform of any length, along one axis and of images, in double precision.
//!
//! `X(k) = Σ x(n) exp(-2πi k n / N)`; the inverse has the other sign and divides by N. Powers of two by Cooley and Tukey's
//! recursion, other lengths as a convolution of such a length (Bluestein 1970, doi:10.1109/TAU.1970.1162132).

use std::f64::consts::PI;
use std::ops::{Add, Mul, Sub};

/// A complex number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Complex {
    pub re: f64,
    pub im: f64,
}

impl Complex {
    pub fn new(re: f64, im: f64) -> Self {
        Complex { re, im }
    }

    /// `exp(i angle)`.
    fn turned(angle: f64) -> Self {
        Complex::new(angle.cos(), angle.sin())
    }

    fn conjugate(self) -> Self {
        Complex::new(self.re, -self.im)
    }

    pub fn scaled(self, by: f64) -> Self {
        Complex::new(self.re * by, self.im * by)
    }
}

impl Add for Complex {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Complex::new(self.re + other.re, self.im + other.im)
    }
}

impl Sub for Complex {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Complex::new(self.re - other.re, self.im - other.im)
    }
}

impl Mul for Complex {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Complex::new(
            self.re * other.re - self.im * other.im,
            self.re * other.im + self.im * other.re,
        )
    }
}

/// Transforms lines of one length.
pub struct Fourier {
    length: usize,
    /// `exp(-2πi k / M)` for half of the power of two M that is worked with.
    turns: Vec<Complex>,
    /// Of other lengths than powers of two: `exp(-πi n² / N)`, and the transform of its conjugate.
    chirp: Option<(Vec<Complex>, Vec<Complex>)>,
}

impl Fourier {
    pub fn new(length: usize) -> Self {
        let power = match length.is_power_of_two() {
            true => length,
            false => (2 * length).next_power_of_two(),
        };
        let turns: Vec<Complex> = (0..power / 2)
            .map(|k| Complex::turned(-2.0 * PI * k as f64 / power as f64))
            .collect();
        let chirp = (!length.is_power_of_two()).then(|| {
            // n² modulo 2 N: the angle of a large one would lose its digits.
            let turn =
                |n: usize| Complex::turned(-PI * (n * n % (2 * length)) as f64 / length as f64);
            let chirp: Vec<Complex> = (0..length).map(turn).collect();
            let mut kernel = vec![Complex::default(); power];
            for (n, value) in chirp.iter().enumerate() {
                kernel[n] = value.conjugate();
                kernel[(power - n) % power] = value.conjugate();
            }
            radix_two(&mut kernel, &turns);
            (chirp, kernel)
        });
        Fourier {
            length,
            turns,
            chirp,
        }
    }

    /// In place.
    pub fn forward(&self, line: &mut [Complex]) {
        let Some((chirp, kernel)) = &self.chirp else {
            radix_two(line, &self.turns);
            return;
        };
        let mut long = vec![Complex::default(); kernel.len()];
        for (long, (value, chirp)) in long.iter_mut().zip(line.iter().zip(chirp)) {
            *long = *value * *chirp;
        }
        radix_two(&mut long, &self.turns);
        for (long, kernel) in long.iter_mut().zip(kernel) {
            *long = (*long * *kernel).conjugate();
        }
        // The inverse, by the conjugate of both sides.
        radix_two(&mut long, &self.turns);
        let scale = 1.0 / kernel.len() as f64;
        for (value, (long, chirp)) in line.iter_mut().zip(long.iter().zip(chirp)) {
            *value = long.conjugate().scaled(scale) * *chirp;
        }
    }

    /// In place.
    pub fn inverse(&self, line: &mut [Complex]) {
        line.iter_mut().for_each(|value| *value = value.conjugate());
        self.forward(line);
        let scale = 1.0 / self.length as f64;
        line.iter_mut()
            .for_each(|value| *value = value.conjugate().scaled(scale));
    }
}

/// A power of two, in place: bits reversed, then butterflies.
fn radix_two(line: &mut [Complex], turns: &[Complex]) {
    let length = line.len();
    if length < 2 {
        return;
    }
    let bits = length.trailing_zeros();
    for at in 0..length {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            line.swap(at, other);
        }
    }
    let mut half = 1;
    while half < length {
        let every = length / (2 * half);
        for block in line.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (low, high)) in low.iter_mut().zip(high).enumerate() {
                let turned = *high * turns[k * every];
                (*low, *high) = (*low + turned, *low - turned);
            }
        }
        half *= 2;
    }
}

/// An image in C order, in place; `inverse` back again. `keep_on` is asked before every line, and ends it.
pub fn image(
    values: &mut [Complex],
    [rows, columns]: [usize; 2],
    inverse: bool,
    keep_on: &mut dyn FnMut() -> bool,
) -> bool {
    let along = |line: &mut [Complex], fourier: &Fourier| match inverse {
        true => fourier.inverse(line),
        false => fourier.forward(line),
    };
    let fourier = Fourier::new(columns);
    for row in values.chunks_exact_mut(columns) {
        if !keep_on() {
            return false;
        }
        along(row, &fourier);
    }
    let fourier = Fourier::new(rows);
    let mut line = vec![Complex::default(); rows];
    for column in 0..columns {
        if !keep_on() {
            return false;
        }
        for (row, value) in line.iter_mut().enumerate() {
            *value = values[row * columns + column];
        }
        along(&mut line, &fourier);
        for (row, value) in line.iter().enumerate() {
            values[row * columns + column] = *value;
        }
    }
    true
}

/// The frequency of each place of a transform of this length, in cycles per step: 0, 1/N, …, and the negative ones.
pub fn frequencies(length: usize) -> Vec<f64> {
    (0..length)
        .map(|k| match k < length.div_ceil(2) {
            true => k as f64 / length as f64,
            false => k as f64 / length as f64 - 1.0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: usize) -> Vec<Complex> {
        let value = |n: usize| ((n * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        (0..length)
            .map(|n| Complex::new(value(n), value(3 * n + 1)))
            .collect()
    }

    fn by_definition(line: &[Complex]) -> Vec<Complex> {
        let length = line.len();
        (0..length)
            .map(|k| {
                (line.iter().enumerate()).fold(Complex::default(), |sum, (n, value)| {
                    let angle = -2.0 * PI * (k * n % length) as f64 / length as f64;
                    sum + *value * Complex::turned(angle)
                })
            })
            .collect()
    }

    fn close(a: &[Complex], b: &[Complex]) {
        // Rounding of sums of up to 100 numbers around 1.
        for (a, b) in a.iter().zip(b) {
            assert!(
                (*a - *b).re.abs() < 1e-11 && (*a - *b).im.abs() < 1e-11,
                "{a:?} {b:?}"
            );
        }
    }

    #[test]
    fn every_length_is_the_definition_and_comes_back() {
        for length in [1, 2, 3, 5, 8, 12, 31, 64, 100] {
            let given = line(length);
            let fourier = Fourier::new(length);
            let mut found = given.clone();
            fourier.forward(&mut found);
            close(&found, &by_definition(&given));
            fourier.inverse(&mut found);
            close(&found, &given);
        }
    }

    #[test]
    fn an_image_is_not_transposed() {
        let (rows, columns) = (3, 4);
        let wave = |row: usize, column: usize| {
            Complex::turned(2.0 * PI * (row as f64 / 3.0 + 3.0 * column as f64 / 4.0))
        };
        let mut values: Vec<Complex> = (0..12).map(|at| wave(at / columns, at % columns)).collect();
        let given = values.clone();
        assert!(image(&mut values, [rows, columns], false, &mut || true));
        let mut only = vec![Complex::default(); 12];
        only[columns + 3] = Complex::new(12.0, 0.0);
        close(&values, &only);
        assert!(image(&mut values, [rows, columns], true, &mut || true));
        close(&values, &given);
        assert!(!image(&mut values, [rows, columns], true, &mut || false));
    }

    #[test]
    fn frequencies_are_those_of_numpy() {
        assert_eq!(frequencies(4), [0.0, 0.25, -0.5, -0.25]);
        assert_eq!(frequencies(5), [0.0, 0.2, 0.4, 0.6 - 1.0, 0.8 - 1.0]);
    }
}
