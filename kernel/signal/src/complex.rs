//! Complex pixels: their parts, which are what is seen of them and what operations on real numbers take.

use std::f64::consts::TAU;

use crate::{Component, Display, ElementType, Frame, SignalMeta};

/// A real number of a complex one, `z = r + i s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComplexPart {
    /// `√(r² + s²)`
    Amplitude,
    /// `atan2(s, r)`, from -π to π.
    Phase,
    /// `r`
    Real,
    /// `s`
    Imaginary,
}

impl ComplexPart {
    /// In the order in which they are shown.
    pub const ALL: [ComplexPart; 4] = [
        ComplexPart::Amplitude,
        ComplexPart::Phase,
        ComplexPart::Real,
        ComplexPart::Imaginary,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ComplexPart::Amplitude => "amplitude",
            ComplexPart::Phase => "phase",
            ComplexPart::Real => "real",
            ComplexPart::Imaginary => "imaginary",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            ComplexPart::Amplitude => "Amplitude",
            ComplexPart::Phase => "Phase",
            ComplexPart::Real => "Real part",
            ComplexPart::Imaginary => "Imaginary part",
        }
    }

    /// How an image of it is shown. What has no unit of its own has that of the numbers.
    pub fn component(self) -> Component {
        let (units, display) = match self {
            ComplexPart::Amplitude => ("", Display::Sequential),
            ComplexPart::Phase => ("rad", Display::Cyclic { period: TAU }),
            ComplexPart::Real | ComplexPart::Imaginary => ("", Display::Diverging),
        };
        Component::new(self.name(), self.title(), units, display)
    }
}

macro_rules! part {
    ($frame:expr, $part:expr, $number:ty) => {{
        let pairs: &[[$number; 2]] = bytemuck::cast_slice($frame.as_bytes());
        let numbers = pairs.iter().map(|[real, imaginary]| match $part {
            ComplexPart::Amplitude => real.hypot(*imaginary),
            ComplexPart::Phase => imaginary.atan2(*real),
            ComplexPart::Real => *real,
            ComplexPart::Imaginary => *imaginary,
        });
        Frame::from_vec($frame.shape(), numbers.collect::<Vec<$number>>())
    }};
}

impl SignalMeta {
    /// What of a frame can be shown, by its pixels: the parts of complex numbers; nothing to choose of real ones.
    pub(crate) fn pictures_of(element: ElementType) -> Vec<Component> {
        match element.is_complex() {
            true => ComplexPart::ALL.map(ComplexPart::component).to_vec(),
            false => Vec::new(),
        }
    }
}

impl Frame {
    /// What is seen of it under a number: a part of complex numbers in the order of [`ComplexPart::ALL`], one of the images of three
    /// axes ([`Frame::plane`]), of complex ones all images of a part before those of the next, else the frame itself; `None` where
    /// there is none of this number.
    pub fn picture(&self, number: usize) -> Option<Frame> {
        let (part, image) = match *self.shape() {
            [planes, _, _] => {
                let planes = planes.max(1);
                (number / planes, self.plane(number % planes)?)
            }
            _ => (number, self.clone()),
        };
        match (self.element().is_complex(), self.shape().len()) {
            (true, _) => ComplexPart::ALL.get(part).map(|part| image.part(*part)),
            (false, 3) => (part == 0).then_some(image),
            (false, _) => Some(image),
        }
    }

    /// A part of its complex pixels, `f32` or `f64` as these are. Real pixels are taken for complex ones without an imaginary part,
    /// in the smallest floating-point type that holds them.
    pub fn part(&self, part: ComplexPart) -> Frame {
        let found = match self.element() {
            ElementType::C64 => part!(self, part, f32),
            ElementType::C128 => part!(self, part, f64),
            real => {
                let complex = match real.as_float() {
                    ElementType::F32 => ElementType::C64,
                    _ => ElementType::C128,
                };
                return self.cast(complex).part(part);
            }
        };
        // There are as many numbers as pixels.
        found.unwrap_or_else(|_| Frame::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Block;

    fn complex(numbers: &[[f32; 2]]) -> Frame {
        let bytes: Vec<u8> = bytemuck::cast_slice(numbers).to_vec();
        Frame::from_block(&[numbers.len()], ElementType::C64, Block::new(bytes), 0).unwrap()
    }

    #[test]
    fn each_part_is_what_it_says() {
        let frame = complex(&[[3.0, 4.0], [-2.0, 0.0], [0.0, -1.0], [f32::NAN, 1.0]]);
        let of = |part: ComplexPart| frame.part(part).to_f32().into_owned();
        assert_eq!(of(ComplexPart::Amplitude)[..3], [5.0, 2.0, 1.0]);
        assert_eq!(of(ComplexPart::Real)[..3], [3.0, -2.0, 0.0]);
        assert_eq!(of(ComplexPart::Imaginary), [4.0, 0.0, -1.0, 1.0]);
        let phase = of(ComplexPart::Phase);
        assert_eq!(phase[1], std::f32::consts::PI);
        assert_eq!(phase[2], -std::f32::consts::FRAC_PI_2);
        assert!(phase[3].is_nan() && of(ComplexPart::Amplitude)[3].is_nan());
        // Wherever one number is wanted of a pixel.
        assert_eq!(frame.value(0), 5.0);
        assert_eq!(frame.to_f32()[1], 2.0);
    }

    #[test]
    fn of_three_axes_each_part_has_all_images() {
        let numbers: Vec<f32> = (0..16).map(|at| at as f32).collect();
        let stack = Frame::from_parts(&[2, 1, 4], ElementType::C64, numbers).unwrap();
        let of = |number: usize| {
            stack
                .picture(number)
                .map(|image| image.to_f32().into_owned())
        };
        assert_eq!(of(4), Some(vec![0.0, 2.0, 4.0, 6.0]));
        assert_eq!(of(5), Some(vec![8.0, 10.0, 12.0, 14.0]));
        assert_eq!(of(7), Some(vec![9.0, 11.0, 13.0, 15.0]));
        assert_eq!(of(0).unwrap()[1], 2f32.hypot(3.0));
        assert!(of(8).is_none());
        assert_eq!(stack.picture(7).unwrap().shape(), [1, 4]);
    }

    #[test]
    fn both_precisions_and_real_numbers() {
        let frame = complex(&[[3.0, 4.0], [-2.0, 0.5]]);
        let double = frame.cast(ElementType::C128);
        assert_eq!(double.as_bytes().len(), 32);
        assert_eq!(
            double.part(ComplexPart::Imaginary).pixels::<f64>(),
            Some(&[4.0, 0.5][..])
        );
        assert_eq!(double.cast(ElementType::C64).as_bytes(), frame.as_bytes());
        let real = Frame::from_vec(&[2], vec![-3i16, 4]).unwrap();
        assert_eq!(
            real.part(ComplexPart::Amplitude).pixels::<f32>(),
            Some(&[3.0, 4.0][..])
        );
        assert_eq!(
            real.part(ComplexPart::Real).pixels::<f32>(),
            Some(&[-3.0, 4.0][..])
        );
    }

    #[test]
    fn what_has_no_value_has_none_in_both_parts() {
        let holed = complex(&[[3.0, 4.0], [1.0, 2.0]]).without([0]);
        assert_eq!(holed.element(), ElementType::C64);
        for part in ComplexPart::ALL {
            let numbers = holed.part(part).to_f32().into_owned();
            assert!(numbers[0].is_nan() && !numbers[1].is_nan(), "{part:?}");
        }
    }
}
