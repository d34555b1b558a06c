//! Pixels of several numbers as plain ones, for what adds or averages them: both parts of complex numbers, the channels of colours.

use crate::{Element, ElementType, Frame};

impl ElementType {
    /// How many numbers a pixel is added up as: 2 of complex ones, 3 or 4 of colours, else 1.
    pub fn numbers(self) -> usize {
        if self.is_complex() {
            2
        } else {
            self.channels()
        }
    }

    /// What the mean of such pixels is: a complex number of single precision, a colour of the same kind, `f32`.
    pub fn mean(self) -> ElementType {
        match self {
            complex if complex.is_complex() => ElementType::C64,
            colour if colour.is_colour() => colour,
            _ => ElementType::F32,
        }
    }
}

impl Frame {
    /// Numbers that may be added over frames or neighbours, those of a pixel along a last axis; a frame of real numbers is itself.
    /// A complex number of which a part is not finite has no value in both. Of colours with opacity they are `α R`, `α G`, `α B` and
    /// `α`, as `u32`, so that what is not seen colours nothing.
    pub fn to_numbers(&self) -> Frame {
        let element = self.element();
        let shape = [self.shape(), &[element.numbers()]].concat();
        match element {
            ElementType::C64 => known::<f32>(self, &shape, f32::NAN),
            ElementType::C128 => known::<f64>(self, &shape, f64::NAN),
            ElementType::Rgb8 | ElementType::Rgb16 => self.viewed_as(&shape, element.part()),
            ElementType::Rgba8 => weighted::<u8>(self, &shape),
            ElementType::Rgba16 => weighted::<u16>(self, &shape),
            _ => self.clone(),
        }
    }

    /// Pixels of these numbers, the inverse of [`Frame::to_numbers`], when they are sums or means of such: complex ones, or colours,
    /// which are rounded. What has no value is transparent, or black.
    ///
    /// # Errors
    /// A sentence when there are other than so many numbers, or the pixels have one number each.
    pub fn of_numbers(
        shape: &[usize],
        element: ElementType,
        numbers: &[f64],
    ) -> Result<Frame, String> {
        let rounded = |value: f64| value.round().clamp(0.0, element.full());
        let colours = || -> Vec<f64> {
            match element.channels() {
                4 => (numbers.chunks_exact(4))
                    .flat_map(|of| {
                        let share = if of[3] > 0.0 { of[3].recip() } else { 0.0 };
                        [of[0] * share, of[1] * share, of[2] * share, of[3]].map(rounded)
                    })
                    .collect(),
                _ => numbers.iter().map(|value| rounded(*value)).collect(),
            }
        };
        match (element, element.part()) {
            (ElementType::C64, _) => {
                let parts: Vec<f32> = numbers.iter().map(|value| *value as f32).collect();
                Frame::from_parts(shape, element, parts)
            }
            (ElementType::C128, _) => Frame::from_parts(shape, element, numbers.to_vec()),
            (_, ElementType::U8) if element.is_colour() => {
                let parts: Vec<u8> = colours().into_iter().map(|value| value as u8).collect();
                Frame::from_parts(shape, element, parts)
            }
            (_, ElementType::U16) if element.is_colour() => {
                let parts: Vec<u16> = colours().into_iter().map(|value| value as u16).collect();
                Frame::from_parts(shape, element, parts)
            }
            _ => Err(format!("pixels {element} are one number each")),
        }
    }
}

/// Both parts of complex numbers; a copy only where one of them is not finite.
fn known<T: Element>(frame: &Frame, shape: &[usize], nan: T) -> Frame {
    let parts: &[T] = bytemuck::cast_slice(frame.as_bytes());
    let is_finite = |part: &T| part.to_f64().is_finite();
    if parts.iter().all(is_finite) {
        return frame.viewed_as(shape, T::TYPE);
    }
    let pairs = parts.chunks_exact(2).flat_map(|pair| match pair {
        [real, imaginary] if is_finite(real) && is_finite(imaginary) => [*real, *imaginary],
        _ => [nan, nan],
    });
    // As many as before.
    Frame::from_vec(shape, pairs.collect()).unwrap_or_else(|_| Frame::empty())
}

/// Colours with opacity, weighted by it.
fn weighted<T: Element + Into<u32>>(frame: &Frame, shape: &[usize]) -> Frame {
    let parts: &[T] = bytemuck::cast_slice(frame.as_bytes());
    let numbers = parts.chunks_exact(4).flat_map(|colour| {
        let [red, green, blue, alpha] = [0, 1, 2, 3].map(|at| colour[at].into());
        [red * alpha, green * alpha, blue * alpha, alpha]
    });
    Frame::from_vec::<u32>(shape, numbers.collect()).unwrap_or_else(|_| Frame::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(frames: &[Frame]) -> Frame {
        let numbers: Vec<Frame> = frames.iter().map(Frame::to_numbers).collect();
        let sums = (0..numbers[0].len()).map(|at| {
            let values = numbers.iter().map(|frame| frame.value(at));
            let valid: Vec<f64> = values.filter(|value| value.is_finite()).collect();
            valid.iter().sum::<f64>() / valid.len() as f64
        });
        let element = frames[0].element();
        Frame::of_numbers(
            frames[0].shape(),
            element.mean(),
            &sums.collect::<Vec<f64>>(),
        )
        .unwrap()
    }

    #[test]
    fn a_complex_mean_is_that_of_both_parts_where_both_are_known() {
        let of = |parts: Vec<f64>| Frame::from_parts(&[3], ElementType::C128, parts).unwrap();
        let found = mean(&[
            of(vec![3.0, -4.0, 1.0, f64::NAN, 2.0, 0.0]),
            of(vec![-3.0, 6.0, 7.0, 8.0, f64::INFINITY, 1.0]),
        ]);
        assert_eq!(found.element(), ElementType::C64);
        let parts: &[f32] = bytemuck::cast_slice(found.as_bytes());
        assert_eq!(parts, [0.0, 1.0, 7.0, 8.0, 2.0, 0.0]);
        let whole = of(vec![1.0; 6]);
        let numbers = whole.to_numbers();
        assert_eq!(numbers.as_bytes().as_ptr(), whole.as_bytes().as_ptr());
        assert_eq!((numbers.shape(), numbers.value(5)), (&[3, 2][..], 1.0));
    }

    #[test]
    fn a_mean_colour_is_that_of_each_channel_and_what_is_not_seen_colours_nothing() {
        let of = |element, parts: Vec<u8>| Frame::from_parts(&[1], element, parts).unwrap();
        let found = mean(&[
            of(ElementType::Rgb8, vec![0, 10, 255]),
            of(ElementType::Rgb8, vec![101, 13, 255]),
        ]);
        assert_eq!(found.as_bytes(), [51, 12, 255]);
        let found = mean(&[
            of(ElementType::Rgba8, vec![200, 100, 50, 255]),
            of(ElementType::Rgba8, vec![0, 255, 0, 0]),
        ]);
        assert_eq!(found.as_bytes(), [200, 100, 50, 128]);
        let none = mean(&[of(ElementType::Rgba8, vec![9, 9, 9, 0])]);
        assert_eq!(none.as_bytes(), [0; 4]);
        let deep = vec![65535u16, 300, 1, 65535];
        let deep = Frame::from_parts(&[1], ElementType::Rgba16, deep).unwrap();
        assert_eq!(
            mean(&[deep.clone(), deep.clone()]).as_bytes(),
            deep.as_bytes()
        );
    }

    #[test]
    fn numbers_that_make_no_such_pixels_are_refused() {
        assert!(Frame::of_numbers(&[2], ElementType::Rgb8, &[1.0; 5]).is_err());
        assert!(Frame::of_numbers(&[2], ElementType::F32, &[1.0; 2]).is_err());
        assert!(Frame::from_parts(&[1], ElementType::C64, vec![1.0f64; 2]).is_err());
        let real = Frame::from_vec(&[2], vec![1u16, 2]).unwrap();
        assert_eq!(real.to_numbers().shape(), [2]);
    }
}
