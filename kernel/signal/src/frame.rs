use std::borrow::Cow;
use std::sync::Arc;

use crate::{Block, ComplexPart, Element, ElementType};

/// One signal-space array at one scan position (a diffraction pattern, a spectrum, an image).
///
/// A frame is a view into shared bytes (C order): cloning or slicing one out of a chunk copies no pixel.
#[derive(Clone)]
pub struct Frame {
    /// Shared by the frames of a chunk.
    shape: Arc<[usize]>,
    element: ElementType,
    block: Block,
    start: usize,
}

struct OwnPixels<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for OwnPixels<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// Complex pixels.
struct OwnPairs<T>(Vec<[T; 2]>);

impl<T: Element> AsRef<[u8]> for OwnPairs<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Frame {
    /// A frame that owns `pixels` (C order).
    ///
    /// # Errors
    /// A sentence when the number of pixels is not the product of `shape`.
    pub fn from_vec<T: Element>(shape: &[usize], pixels: Vec<T>) -> Result<Self, String> {
        if pixels.len() != shape.iter().product::<usize>() {
            return Err(format!(
                "{} pixels do not fill a frame of shape {shape:?}",
                pixels.len()
            ));
        }
        Ok(Frame {
            shape: shape.into(),
            element: T::TYPE,
            block: Block::new(OwnPixels(pixels)),
            start: 0,
        })
    }

    /// A frame of pixels that consist of several numbers (complex ones, colours), those of a pixel side by side (C order).
    ///
    /// # Errors
    /// A sentence when the pixels are not of such numbers, or there are other than the shape has.
    pub fn from_parts<T: Element>(
        shape: &[usize],
        element: ElementType,
        parts: Vec<T>,
    ) -> Result<Self, String> {
        let bytes = shape.iter().product::<usize>() * element.size_bytes();
        if T::TYPE != element.part() || size_of_val(&*parts) != bytes {
            return Err(format!(
                "{} numbers {} do not fill a frame of shape {shape:?} {element}",
                parts.len(),
                T::TYPE
            ));
        }
        Ok(Frame {
            shape: shape.into(),
            element,
            block: Block::new(OwnPixels(parts)),
            start: 0,
        })
    }

    /// The same numbers in another shape and type of pixels, without a copy.
    pub(crate) fn viewed_as(&self, shape: &[usize], element: ElementType) -> Frame {
        debug_assert_eq!(
            shape.iter().product::<usize>() * element.size_bytes(),
            self.as_bytes().len()
        );
        Frame {
            shape: shape.into(),
            element,
            block: self.block.clone(),
            start: self.start,
        }
    }

    /// A frame without pixels.
    pub fn empty() -> Self {
        Frame {
            shape: [0].into(),
            element: ElementType::F32,
            block: Block::new(OwnPixels::<f32>(Vec::new())),
            start: 0,
        }
    }

    /// A view of `block` from byte `start`; bytes that are not aligned for their type are copied once.
    ///
    /// # Errors
    /// A sentence when the block ends before the frame does.
    pub fn from_block(
        shape: &[usize],
        element: ElementType,
        block: Block,
        start: usize,
    ) -> Result<Self, String> {
        Frame::view(shape.into(), element, block, start)
    }

    /// As [`Frame::from_block`], without a copy of the shape.
    pub(crate) fn view(
        shape: Arc<[usize]>,
        element: ElementType,
        block: Block,
        start: usize,
    ) -> Result<Self, String> {
        let length = shape.iter().product::<usize>() * element.size_bytes();
        let bytes = block
            .as_bytes()
            .get(start..start.saturating_add(length))
            .ok_or_else(|| {
                format!(
                    "a frame of shape {shape:?} {element} needs bytes {start} to {}, {} are there",
                    start.saturating_add(length),
                    block.as_bytes().len()
                )
            })?;
        if bytes.as_ptr().align_offset(element.part().size_bytes()) != 0 {
            return Ok(Frame {
                shape,
                element,
                block: aligned_copy(element, bytes),
                start: 0,
            });
        }
        Ok(Frame {
            shape,
            element,
            block,
            start,
        })
    }

    /// Sizes of the signal axes, slowest first: `[ky, kx]` or `[energy]`.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Rows and columns; a spectrum is one row, a stack its images one below the other.
    pub fn rows_columns(&self) -> (usize, usize) {
        match &*self.shape {
            [] => (1, 1),
            [pixels] => (1, *pixels),
            [outer @ .., rows, columns] => (outer.iter().product::<usize>() * rows, *columns),
        }
    }

    pub fn element(&self) -> ElementType {
        self.element
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pixels as native-endian bytes, C order.
    pub fn as_bytes(&self) -> &[u8] {
        let length = self.len() * self.element.size_bytes();
        &self.block.as_bytes()[self.start..self.start + length]
    }

    /// Heap bytes kept alive by this frame alone (0 for a view of a memory map).
    pub fn heap_bytes(&self) -> usize {
        self.block
            .heap_bytes()
            .min(self.len() * self.element.size_bytes())
    }

    /// Whether this frame keeps more in memory than its own pixels: a whole chunk, a mapped file.
    pub fn is_view(&self) -> bool {
        self.block.heap_bytes() != self.len() * self.element.size_bytes()
    }

    /// The same frame with a copy of its own pixels.
    pub fn detached(&self) -> Frame {
        Frame {
            shape: self.shape.clone(),
            element: self.element,
            block: aligned_copy(self.element, self.as_bytes()),
            start: 0,
        }
    }

    /// The pixels, when they are of type `T`.
    pub fn pixels<T: Element>(&self) -> Option<&[T]> {
        (T::TYPE == self.element).then(|| self.pixels_of_own_type())
    }

    #[doc(hidden)]
    pub fn pixels_of_own_type<T: Element>(&self) -> &[T] {
        debug_assert_eq!(T::TYPE, self.element);
        bytemuck::cast_slice(self.as_bytes())
    }

    /// The pixels as `f32`; borrowed when they already are.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match self.pixels::<f32>() {
            Some(pixels) => Cow::Borrowed(pixels),
            None => Cow::Owned(crate::for_pixels!(self, |pixels| pixels
                .iter()
                .map(|pixel| pixel.to_f32())
                .collect())),
        }
    }

    /// The frame with pixels of another type; the same memory when it has them already. Values beyond
    /// the ends of an integer type stop there, and NaN becomes 0. Of complex numbers real ones have the amplitude, of colours
    /// the luminance; colours of numbers are grey.
    pub fn cast(&self, wanted: ElementType) -> Frame {
        if wanted == self.element {
            return self.clone();
        }
        macro_rules! cast {
            ($($name:ident => $rust:ty),*) => {
                match wanted {
                    $(ElementType::$name => Block::new(OwnPixels::<$rust>(
                        crate::for_pixels!(self, |pixels| pixels
                            .iter()
                            .map(|pixel| pixel.to_f64() as $rust)
                            .collect()),
                    )),)*
                    ElementType::C64 => {
                        let pairs = self.pairs().map(|[real, imaginary]| [real as f32, imaginary as f32]);
                        Block::new(OwnPairs(pairs.collect()))
                    }
                    ElementType::C128 => Block::new(OwnPairs(self.pairs().collect())),
                    colour => self.grey(colour),
                }
            };
        }
        Frame {
            shape: self.shape.clone(),
            element: wanted,
            block: cast!(
                U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32,
                U64 => u64, I64 => i64, F32 => f32, F64 => f64
            ),
            start: 0,
        }
    }

    /// The pixels of a colour that is grey, and opaque.
    fn grey(&self, colour: ElementType) -> Block {
        let grey = self.cast(colour.part());
        let width = colour.part().size_bytes();
        let alpha = vec![u8::MAX; if colour.channels() == 4 { width } else { 0 }];
        let pixels = (grey.as_bytes().chunks(width))
            .flat_map(|value| [value, value, value, &alpha].concat());
        Block::new(pixels.collect::<Vec<u8>>())
    }

    /// Real and imaginary parts.
    fn pairs(&self) -> impl Iterator<Item = [f64; 2]> {
        let (real, imaginary) = match self.element.is_complex() {
            true => (
                self.part(ComplexPart::Real),
                Some(self.part(ComplexPart::Imaginary)),
            ),
            false => (self.clone(), None),
        };
        (0..self.len()).map(move |at| {
            let imaginary = imaginary.as_ref().map_or(0.0, |part| part.value(at));
            [real.value(at), imaginary]
        })
    }

    /// The frame in floating-point numbers ([`ElementType::as_float`]) with NaN at some places, flat in C order; places
    /// beyond the end are ignored.
    pub fn without(&self, places: impl IntoIterator<Item = usize>) -> Frame {
        fn holed<T: Element>(
            mut pixels: Vec<T>,
            places: impl Iterator<Item = usize>,
            nan: T,
        ) -> Block {
            for place in places {
                if let Some(pixel) = pixels.get_mut(place) {
                    *pixel = nan;
                }
            }
            Block::new(OwnPixels(pixels))
        }
        let (element, places) = (self.element.as_float(), places.into_iter());
        let block = match element {
            ElementType::F32 => holed(self.to_f32().into_owned(), places, f32::NAN),
            ElementType::C64 | ElementType::C128 => {
                let mut pairs: Vec<[f64; 2]> = self.pairs().collect();
                for place in places {
                    if let Some(pair) = pairs.get_mut(place) {
                        *pair = [f64::NAN; 2];
                    }
                }
                let frame = Frame {
                    element: ElementType::C128,
                    block: Block::new(OwnPairs(pairs)),
                    start: 0,
                    shape: self.shape.clone(),
                };
                return frame.cast(element);
            }
            _ => {
                let pixels = crate::for_pixels!(self, |pixels| pixels
                    .iter()
                    .map(|pixel| pixel.to_f64())
                    .collect());
                holed(pixels, places, f64::NAN)
            }
        };
        Frame {
            shape: self.shape.clone(),
            element,
            block,
            start: 0,
        }
    }

    /// The value of one pixel, by its position in C order.
    pub fn value(&self, flat: usize) -> f64 {
        if self.element.is_colour() {
            return self.luminance_at(flat);
        }
        crate::for_pixels!(self, |pixels| pixels
            .get(flat)
            .map_or(f64::NAN, |pixel| pixel.to_f64()))
    }

    /// One of the images of a frame with three axes, by its number along the slowest; no pixel is copied. `None` where it is not there.
    pub fn plane(&self, number: usize) -> Option<Frame> {
        let [planes, image @ ..] = &*self.shape else {
            return None;
        };
        let bytes = image.iter().product::<usize>() * self.element.size_bytes();
        let is_there = image.len() == 2 && number < *planes;
        let start = self.start + number * bytes;
        is_there
            .then(|| Frame::view(image.into(), self.element, self.block.clone(), start).ok())
            .flatten()
    }
}

fn aligned_copy(element: ElementType, bytes: &[u8]) -> Block {
    fn copy<T: Element>(bytes: &[u8]) -> Block {
        let pixels: Vec<T> = bytes
            .chunks_exact(size_of::<T>())
            .map(bytemuck::pod_read_unaligned)
            .collect();
        Block::new(OwnPixels(pixels))
    }
    match element.part().size_bytes() {
        2 => copy::<u16>(bytes),
        4 => copy::<u32>(bytes),
        8 => copy::<u64>(bytes),
        _ => copy::<u8>(bytes),
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Frame({:?} {})", self.shape, self.element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_of_a_chunk_copies_no_pixel() {
        let block = Block::new((0u8..24).collect::<Vec<u8>>());
        let frame = Frame::from_block(&[2, 3], ElementType::U8, block.clone(), 6).unwrap();
        assert_eq!(frame.pixels::<u8>().unwrap(), &[6, 7, 8, 9, 10, 11]);
        assert_eq!(frame.as_bytes().as_ptr(), block.as_bytes()[6..].as_ptr());
    }

    #[test]
    fn unaligned_bytes_are_copied_not_misread() {
        let block = Block::new(vec![9u8, 1, 0, 2, 0, 3, 0]);
        let frame = Frame::from_block(&[3], ElementType::U16, block, 1).unwrap();
        assert_eq!(frame.pixels::<u16>().unwrap(), &[1, 2, 3]);
    }

    #[test]
    fn frames_are_cast_only_when_they_must_be() {
        let frame = Frame::from_vec(&[2, 2], vec![1u16, 2, 300, 65535]).unwrap();
        let same = frame.cast(ElementType::U16);
        assert_eq!(same.as_bytes().as_ptr(), frame.as_bytes().as_ptr());
        let floats = frame.cast(ElementType::F32);
        assert_eq!(floats.pixels::<f32>().unwrap(), &[1.0, 2.0, 300.0, 65535.0]);
        let bytes = frame.cast(ElementType::U8);
        assert_eq!(bytes.pixels::<u8>().unwrap(), &[1, 2, 255, 255]);
    }

    #[test]
    fn pixels_left_out_are_nan_and_the_others_keep_their_value() {
        let wide = Frame::from_vec(&[2, 2], vec![u32::MAX, 16_777_217, 3, u32::MAX]).unwrap();
        let holed = wide.without([0, 3, 9]);
        let pixels = holed.pixels::<f64>().unwrap();
        assert!(pixels[0].is_nan() && pixels[3].is_nan());
        assert_eq!(pixels[1..3], [16_777_217.0, 3.0]);
        let narrow = Frame::from_vec(&[3], vec![7u16, 65535, 65534]).unwrap();
        assert_eq!(narrow.without([1]).element(), ElementType::F32);
        assert_eq!(narrow.without([1]).value(2), 65534.0);
    }

    #[test]
    fn the_planes_of_three_axes_are_views() {
        let frame = Frame::from_vec(&[3, 2, 4], (0u16..24).collect()).unwrap();
        let plane = frame.plane(2).unwrap();
        assert_eq!(plane.shape(), [2, 4]);
        assert_eq!(plane.pixels::<u16>().unwrap()[..2], [16, 17]);
        assert_eq!(plane.as_bytes().as_ptr(), frame.as_bytes()[32..].as_ptr());
        assert!(frame.plane(3).is_none() && plane.plane(0).is_none());
    }

    #[test]
    fn a_short_block_is_an_error() {
        let block = Block::new(vec![0u8; 10]);
        assert!(Frame::from_block(&[2, 3], ElementType::U16, block, 0).is_err());
    }
}
