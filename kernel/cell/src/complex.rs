//! Complex numbers as pixels, without another crate.

use std::fmt::Display;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// A complex number, `re + im i`: the pixel of a wave or of a Fourier transform. `Frame<Complex<f32>>` has those of a signal of 64 bit,
/// `Frame<Complex<f64>>` those of 128 bit.
#[derive(Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub struct Complex<T> {
    /// Real part.
    pub re: T,
    /// Imaginary part.
    pub im: T,
}

impl<T> Complex<T> {
    pub const fn new(re: T, im: T) -> Self {
        Complex { re, im }
    }
}

/// A number that both parts of a complex one may be: `f32` or `f64`.
pub trait Float:
    Copy
    + Default
    + PartialOrd
    + Display
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    #[doc(hidden)]
    const ZERO: Self;
    #[doc(hidden)]
    const ONE: Self;
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    fn abs(self) -> Self;
    #[doc(hidden)]
    fn hypot(self, other: Self) -> Self;
    #[doc(hidden)]
    fn atan2(self, x: Self) -> Self;
    #[doc(hidden)]
    fn sin(self) -> Self;
    #[doc(hidden)]
    fn cos(self) -> Self;
    #[doc(hidden)]
    fn exp(self) -> Self;
    #[doc(hidden)]
    fn is_finite(self) -> bool;
    #[doc(hidden)]
    fn is_below_zero(self) -> bool;
    #[doc(hidden)]
    fn to_f64(self) -> f64;
}

macro_rules! floats {
    ($($number:ident),*) => {
        $(impl Float for $number {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAME: &'static str = stringify!($number);
            fn abs(self) -> Self {
                $number::abs(self)
            }
            fn hypot(self, other: Self) -> Self {
                $number::hypot(self, other)
            }
            fn atan2(self, x: Self) -> Self {
                $number::atan2(self, x)
            }
            fn sin(self) -> Self {
                $number::sin(self)
            }
            fn cos(self) -> Self {
                $number::cos(self)
            }
            fn exp(self) -> Self {
                $number::exp(self)
            }
            fn is_finite(self) -> bool {
                $number::is_finite(self)
            }
            fn is_below_zero(self) -> bool {
                self.is_sign_negative() && !self.is_nan()
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
        }

        impl Mul<Complex<$number>> for $number {
            type Output = Complex<$number>;
            fn mul(self, by: Complex<$number>) -> Complex<$number> {
                by * self
            }
        })*
    };
}

floats!(f32, f64);

impl<T: Float> Complex<T> {
    /// The imaginary unit.
    pub const I: Self = Complex {
        re: T::ZERO,
        im: T::ONE,
    };

    /// The number of this amplitude and phase in radians.
    pub fn from_polar(amplitude: T, phase: T) -> Self {
        Complex::new(amplitude * phase.cos(), amplitude * phase.sin())
    }

    /// Amplitude, `√(re² + im²)`.
    pub fn norm(self) -> T {
        self.re.hypot(self.im)
    }

    /// Intensity, `re² + im²`.
    pub fn norm_sqr(self) -> T {
        self.re * self.re + self.im * self.im
    }

    /// Phase in radians, from -π to π.
    pub fn arg(self) -> T {
        self.im.atan2(self.re)
    }

    /// Its mirror image, `re - im i`.
    pub fn conj(self) -> Self {
        Complex::new(self.re, -self.im)
    }

    /// `e` to its power.
    pub fn exp(self) -> Self {
        Complex::from_polar(self.re.exp(), self.im)
    }

    /// Whether both parts are finite.
    pub fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}

impl<T: Float> From<T> for Complex<T> {
    fn from(re: T) -> Self {
        Complex::new(re, T::ZERO)
    }
}

impl<T: Float> Add for Complex<T> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Complex::new(self.re + other.re, self.im + other.im)
    }
}

impl<T: Float> Sub for Complex<T> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Complex::new(self.re - other.re, self.im - other.im)
    }
}

impl<T: Float> Mul for Complex<T> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Complex::new(
            self.re * other.re - self.im * other.im,
            self.re * other.im + self.im * other.re,
        )
    }
}

// Smith's: no square that is too large or too small on the way.
impl<T: Float> Div for Complex<T> {
    type Output = Self;
    fn div(self, by: Self) -> Self {
        if by.re.abs() >= by.im.abs() {
            let ratio = by.im / by.re;
            let length = by.re + by.im * ratio;
            Complex::new(
                (self.re + self.im * ratio) / length,
                (self.im - self.re * ratio) / length,
            )
        } else {
            let ratio = by.re / by.im;
            let length = by.re * ratio + by.im;
            Complex::new(
                (self.re * ratio + self.im) / length,
                (self.im * ratio - self.re) / length,
            )
        }
    }
}

impl<T: Float> Neg for Complex<T> {
    type Output = Self;
    fn neg(self) -> Self {
        Complex::new(-self.re, -self.im)
    }
}

impl<T: Float> Add<T> for Complex<T> {
    type Output = Self;
    fn add(self, other: T) -> Self {
        Complex::new(self.re + other, self.im)
    }
}

impl<T: Float> Sub<T> for Complex<T> {
    type Output = Self;
    fn sub(self, other: T) -> Self {
        Complex::new(self.re - other, self.im)
    }
}

impl<T: Float> Mul<T> for Complex<T> {
    type Output = Self;
    fn mul(self, by: T) -> Self {
        Complex::new(self.re * by, self.im * by)
    }
}

impl<T: Float> Div<T> for Complex<T> {
    type Output = Self;
    fn div(self, by: T) -> Self {
        Complex::new(self.re / by, self.im / by)
    }
}

impl<T: Float> AddAssign for Complex<T> {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<T: Float> SubAssign for Complex<T> {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<T: Float> MulAssign for Complex<T> {
    fn mul_assign(&mut self, by: Self) {
        *self = *self * by;
    }
}

impl<T: Float> Sum for Complex<T> {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Complex::new(T::ZERO, T::ZERO), |sum, number| sum + number)
    }
}

impl<'a, T: Float> Sum<&'a Complex<T>> for Complex<T> {
    fn sum<I: Iterator<Item = &'a Self>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

impl<T: Float> Display for Complex<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(&self.re, out)?;
        if self.im.is_below_zero() {
            out.write_str(" - ")?;
            Display::fmt(&-self.im, out)?;
        } else {
            out.write_str(" + ")?;
            Display::fmt(&self.im, out)?;
        }
        out.write_str("i")
    }
}

impl<T: Float> std::fmt::Debug for Complex<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_that_of_complex_numbers() {
        let (a, b) = (Complex::new(3.0, 4.0), Complex::new(1.0, -2.0));
        assert_eq!(a + b, Complex::new(4.0, 2.0));
        assert_eq!(a - b, Complex::new(2.0, 6.0));
        assert_eq!(a * b, Complex::new(11.0, -2.0));
        assert_eq!(a / b, Complex::new(-1.0, 2.0));
        assert_eq!(a / Complex::<f64>::I, Complex::new(4.0, -3.0));
        assert_eq!(
            (a * 2.0, 2.0 * a, a / 2.0),
            (a + a, a + a, Complex::new(1.5, 2.0))
        );
        assert_eq!(
            (a.norm(), a.norm_sqr(), a.conj()),
            (5.0, 25.0, Complex::new(3.0, -4.0))
        );
        assert_eq!([a, b].iter().sum::<Complex<f64>>(), a + b);
        let turned = Complex::from_polar(2.0, 0.5);
        assert!((turned.norm() - 2.0f64).abs() < 1e-15 && (turned.arg() - 0.5).abs() < 1e-15);
        let turn = (Complex::<f64>::I * std::f64::consts::PI).exp();
        assert!((turn + 1.0).norm() < 1e-15);
        let huge = Complex::new(2e300f64, -1e300) / Complex::new(3e300, 1e300);
        assert!((huge - Complex::new(0.5, -0.5)).norm() < 1e-15);
    }

    #[test]
    fn they_are_written_as_sums() {
        assert_eq!(format!("{}", Complex::new(1.5f32, -2.0)), "1.5 - 2i");
        assert_eq!(format!("{:?}", Complex::new(-0.25, 3.0)), "-0.25 + 3i");
        assert_eq!(format!("{:.2}", Complex::new(1.0, f64::NAN)), "1.00 + NaNi");
    }
}
