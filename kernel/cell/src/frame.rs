//! One frame in a cell: pixels borrowed from the kernel without a copy, or owned by the cell.

#![allow(unsafe_code)] // reads the kernel's pixels through a pointer

use std::marker::PhantomData;
use std::ops::Index;

use crate::abi::{self, MAX_RANK, View, element};
use crate::complex::{Complex, Float};
use crate::error::{Error, Result};
use crate::host;

/// A type of pixel: a real or a complex number.
pub trait Pixel: Copy + Default + Send + Sync + std::fmt::Debug + 'static {
    #[doc(hidden)]
    const CODE: u32;
}

/// A pixel that is a real number.
pub trait Element: Pixel + PartialOrd {
    fn to_f64(self) -> f64;
}

macro_rules! elements {
    ($($rust:ty => $code:ident),* $(,)?) => {
        $(impl Pixel for $rust {
            const CODE: u32 = element::$code;
        }

        impl Element for $rust {
            fn to_f64(self) -> f64 { self as f64 }
        })*
    };
}

elements! {
    u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32,
    u64 => U64, i64 => I64, f32 => F32, f64 => F64,
}

impl Pixel for Complex<f32> {
    const CODE: u32 = element::C64;
}

impl Pixel for Complex<f64> {
    const CODE: u32 = element::C128;
}

enum Pixels<'a, T> {
    Own(Vec<T>),
    /// Kernel memory; `guard` is given back on drop when this frame holds one.
    Kernel {
        data: *const T,
        guard: Option<u64>,
        alive: PhantomData<&'a [T]>,
    },
}

/// One signal-space array (a diffraction pattern, a spectrum), rows before columns: `frame[(row, column)]`.
///
/// In a closure given to [`Signal::map`](crate::Signal::map) it borrows the kernel's memory.
pub struct Frame<'a, T: Pixel> {
    pixels: Pixels<'a, T>,
    shape: [usize; MAX_RANK],
    rank: usize,
    position: [usize; MAX_RANK],
    position_rank: usize,
}

// SAFETY: the pixels are read only and `Pixel` is `Send + Sync`; the guard is only given back.
unsafe impl<T: Pixel> Send for Frame<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Pixel> Sync for Frame<'_, T> {}

impl<T: Pixel> Frame<'static, T> {
    /// A frame that owns `pixels`, in C order (row after row).
    ///
    /// # Errors
    /// When the number of pixels is not the product of `shape`, or the rank is not 1 to 4.
    pub fn from_vec(shape: &[usize], pixels: Vec<T>) -> Result<Self> {
        if shape.is_empty() || shape.len() > MAX_RANK {
            return Err(Error::new(format!(
                "a frame has 1 to {MAX_RANK} axes, not {}",
                shape.len()
            )));
        }
        if pixels.len() != shape.iter().product::<usize>() {
            return Err(Error::new(format!(
                "{} pixels do not fill a frame of shape {shape:?}",
                pixels.len()
            )));
        }
        let mut padded = [0; MAX_RANK];
        padded[..shape.len()].copy_from_slice(shape);
        Ok(Frame {
            pixels: Pixels::Own(pixels),
            shape: padded,
            rank: shape.len(),
            position: [0; MAX_RANK],
            position_rank: 0,
        })
    }

    /// An image of `(rows, columns)` with the pixel at each `(row, column)` computed by `pixel`.
    pub fn from_fn((rows, columns): (usize, usize), pixel: impl Fn((usize, usize)) -> T) -> Self {
        let pixels = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(pixel)
            .collect();
        Frame {
            pixels: Pixels::Own(pixels),
            shape: [rows, columns, 0, 0],
            rank: 2,
            position: [0; MAX_RANK],
            position_rank: 0,
        }
    }

    /// Pixels of the kernel that stay alive until the frame is dropped.
    pub(crate) fn guarded(view: View, guard: u64, at: &[usize]) -> Result<Self> {
        // SAFETY: the kernel keeps the memory until the guard is given back, in `Drop`.
        let borrowed = unsafe { Frame::borrowed(&view, at) };
        match borrowed {
            Ok(mut frame) => {
                if let Pixels::Kernel { guard: slot, .. } = &mut frame.pixels {
                    *slot = Some(guard);
                }
                Ok(frame)
            }
            Err(error) => {
                host::release_frame(guard);
                Err(error)
            }
        }
    }

    pub(crate) fn guard(&self) -> Option<u64> {
        match &self.pixels {
            Pixels::Own(_) => None,
            Pixels::Kernel { guard, .. } => *guard,
        }
    }

    /// Takes the owned pixels apart for the kernel; kernel pixels are copied first.
    pub(crate) fn into_parts(self) -> (Vec<T>, [usize; MAX_RANK], usize) {
        let (shape, rank) = (self.shape, self.rank);
        let mut this = self;
        let pixels = match &mut this.pixels {
            Pixels::Own(pixels) => std::mem::take(pixels),
            Pixels::Kernel { .. } => this.as_slice().to_vec(),
        };
        (pixels, shape, rank)
    }
}

impl<'a, T: Pixel> Frame<'a, T> {
    /// # Safety
    /// The pixels of `view` must stay alive and unchanged for `'a`.
    pub(crate) unsafe fn borrowed(view: &View, at: &[usize]) -> Result<Self> {
        let rank = view.rank as usize;
        if view.element != T::CODE || rank > MAX_RANK || at.len() > abi::MAX_RANK {
            return Err(Error::new(format!(
                "the kernel sent a frame of type {} and rank {rank}, {} was asked for",
                view.element,
                T::CODE
            )));
        }
        let mut position = [0; MAX_RANK];
        position[..at.len()].copy_from_slice(at);
        Ok(Frame {
            pixels: Pixels::Kernel {
                data: view.data.cast(),
                guard: None,
                alive: PhantomData,
            },
            shape: view.shape,
            rank,
            position,
            position_rank: at.len(),
        })
    }

    /// Sizes of the axes, slowest first: `[rows, columns]`.
    pub fn shape(&self) -> &[usize] {
        &self.shape[..self.rank]
    }

    /// Rows and columns; a spectrum is one row, a stack its images one below the other.
    pub fn rows_columns(&self) -> (usize, usize) {
        match self.shape() {
            [] => (1, 1),
            [pixels] => (1, *pixels),
            [outer @ .., rows, columns] => (outer.iter().product::<usize>() * rows, *columns),
        }
    }

    /// The scan position this frame belongs to, slowest axis first; empty when the cell made it.
    pub fn position(&self) -> &[usize] {
        &self.position[..self.position_rank]
    }

    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels in C order, row after row.
    pub fn as_slice(&self) -> &[T] {
        match &self.pixels {
            Pixels::Own(pixels) => pixels,
            Pixels::Kernel { data, .. } if !data.is_null() => {
                // SAFETY: the kernel promised `len` aligned pixels of this type, alive as long as
                // this frame (`'a`, or the guard).
                unsafe { std::slice::from_raw_parts(*data, self.len()) }
            }
            Pixels::Kernel { .. } => &[],
        }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    /// The rows of an image, first to last.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, T> {
        self.as_slice().chunks_exact(self.rows_columns().1.max(1))
    }

    /// The pixel at `(row, column)`, if it lies inside.
    pub fn get(&self, (row, column): (usize, usize)) -> Option<T> {
        let (rows, columns) = self.rows_columns();
        (row < rows && column < columns).then(|| self.as_slice()[row * columns + column])
    }

    /// A new frame with `f` applied to every pixel; the result may be of another type.
    pub fn mapv<U: Pixel>(&self, f: impl Fn(T) -> U) -> Frame<'static, U> {
        self.like(self.iter().map(|pixel| f(*pixel)).collect())
    }

    /// A new frame with `f((row, column), pixel)` for every pixel.
    pub fn indexed_mapv<U: Pixel>(&self, f: impl Fn((usize, usize), T) -> U) -> Frame<'static, U> {
        let columns = self.rows_columns().1.max(1);
        let pixels = self
            .iter()
            .enumerate()
            .map(|(flat, pixel)| f((flat / columns, flat % columns), *pixel))
            .collect();
        self.like(pixels)
    }

    /// A new frame with `f` applied to the pixels of both frames.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn zip_mapv<V: Pixel, U: Pixel>(
        &self,
        other: &Frame<'_, V>,
        f: impl Fn(T, V) -> U,
    ) -> Result<Frame<'static, U>> {
        if self.shape() != other.shape() {
            return Err(Error::new(format!(
                "frames of shape {:?} and {:?} do not fit together",
                self.shape(),
                other.shape()
            )));
        }
        let pixels = self
            .iter()
            .zip(other.iter())
            .map(|(a, b)| f(*a, *b))
            .collect();
        Ok(self.like(pixels))
    }

    /// A copy that owns its pixels.
    pub fn to_owned(&self) -> Frame<'static, T> {
        self.like(self.as_slice().to_vec())
    }

    fn like<U: Pixel>(&self, pixels: Vec<U>) -> Frame<'static, U> {
        Frame {
            pixels: Pixels::Own(pixels),
            shape: self.shape,
            rank: self.rank,
            position: self.position,
            position_rank: self.position_rank,
        }
    }
}

impl<T: Element> Frame<'_, T> {
    /// Sum of all pixels.
    pub fn sum(&self) -> f64 {
        self.iter().map(|pixel| pixel.to_f64()).sum()
    }

    /// Mean of all pixels; NaN for an empty frame.
    pub fn mean(&self) -> f64 {
        self.sum() / self.len() as f64
    }

    /// Smallest pixel; NaN pixels are passed over.
    pub fn min(&self) -> Option<T> {
        self.iter()
            .copied()
            .filter(|pixel| pixel.partial_cmp(pixel).is_some())
            .reduce(|a, b| if b < a { b } else { a })
    }

    /// Largest pixel; NaN pixels are passed over.
    pub fn max(&self) -> Option<T> {
        self.iter()
            .copied()
            .filter(|pixel| pixel.partial_cmp(pixel).is_some())
            .reduce(|a, b| if b > a { b } else { a })
    }
}

impl<T: Float + Element> Frame<'_, Complex<T>>
where
    Complex<T>: Pixel,
{
    /// How large each complex number is.
    pub fn amplitude(&self) -> Frame<'static, T> {
        self.mapv(Complex::norm)
    }

    /// The angle of each complex number in radians, from -π to π.
    pub fn phase(&self) -> Frame<'static, T> {
        self.mapv(Complex::arg)
    }

    /// The real part of each complex number.
    pub fn real(&self) -> Frame<'static, T> {
        self.mapv(|pixel| pixel.re)
    }

    /// The imaginary part of each complex number.
    pub fn imaginary(&self) -> Frame<'static, T> {
        self.mapv(|pixel| pixel.im)
    }

    /// Sum of all complex numbers.
    pub fn total(&self) -> Complex<f64> {
        let wide =
            |pixel: &Complex<T>| Complex::new(Float::to_f64(pixel.re), Float::to_f64(pixel.im));
        self.iter().map(wide).sum()
    }
}

impl<T: Float + Element> std::fmt::Debug for Frame<'_, Complex<T>>
where
    Complex<T>: Pixel,
{
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let amplitude = self.amplitude();
        write!(
            out,
            "Frame({:?} Complex<{}>, amplitudes {:?} to {:?}, mean {:.6})",
            self.shape(),
            T::NAME,
            amplitude.min().unwrap_or_default(),
            amplitude.max().unwrap_or_default(),
            self.total() / self.len() as f64
        )
    }
}

impl<T: Pixel> Drop for Frame<'_, T> {
    fn drop(&mut self) {
        if let Pixels::Kernel {
            guard: Some(guard), ..
        } = self.pixels
        {
            host::release_frame(guard);
        }
    }
}

impl<T: Pixel> Clone for Frame<'_, T> {
    fn clone(&self) -> Self {
        self.like(self.as_slice().to_vec())
    }
}

impl<T: Pixel> Index<(usize, usize)> for Frame<'_, T> {
    type Output = T;

    fn index(&self, (row, column): (usize, usize)) -> &T {
        let (rows, columns) = self.rows_columns();
        assert!(
            row < rows && column < columns,
            "pixel ({row}, {column}) is outside a frame of {rows} rows and {columns} columns"
        );
        &self.as_slice()[row * columns + column]
    }
}

impl<T: Element> std::fmt::Debug for Frame<'_, T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "Frame({:?} {}, {:?} to {:?}, mean {:.6})",
            self.shape(),
            std::any::type_name::<T>(),
            self.min().unwrap_or_default(),
            self.max().unwrap_or_default(),
            self.mean()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_before_columns() {
        let frame = Frame::from_fn((2, 3), |(row, column)| (10 * row + column) as u16);
        assert_eq!(frame[(1, 2)], 12);
        assert_eq!(frame.get((2, 0)), None);
        assert_eq!(frame.rows().nth(1), Some(&[10u16, 11, 12][..]));
        assert_eq!(frame.mapv(f64::from).sum(), 36.0);
        assert_eq!(frame.max(), Some(12));
    }

    #[test]
    fn complex_frames_have_parts_and_a_total() {
        let pixels = vec![Complex::new(3.0f32, 4.0), Complex::new(0.0, -2.0)];
        let frame = Frame::from_vec(&[1, 2], pixels).unwrap();
        assert_eq!(frame.amplitude().as_slice(), [5.0, 2.0]);
        assert_eq!(frame.real().as_slice(), [3.0, 0.0]);
        assert_eq!(frame.imaginary().max(), Some(4.0));
        assert_eq!(frame.phase()[(0, 1)], -std::f32::consts::FRAC_PI_2);
        assert_eq!(frame.total(), Complex::new(3.0, 2.0));
        assert_eq!(
            frame.mapv(|pixel| pixel * pixel)[(0, 1)],
            Complex::new(-4.0, 0.0)
        );
        let text = format!("{frame:?}");
        assert!(
            text.contains("Complex<f32>") && text.contains("2.0 to 5.0"),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_number_of_pixels_is_an_error() {
        assert!(Frame::from_vec(&[2, 3], vec![0u8; 5]).is_err());
        assert!(Frame::from_vec(&[], vec![0u8; 1]).is_err());
    }
}
