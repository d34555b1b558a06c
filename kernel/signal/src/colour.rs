//! Pixels that are colours of their own: red, green and blue, with or without opacity, as hyperspy's `rgb8` to `rgba16` are.

use crate::{Element, ElementType, Frame};

/// One number of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Red,
    Green,
    Blue,
    /// From 0, nothing is seen, to the largest number of the type.
    Alpha,
    /// `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601) of the stored numbers, whatever the opacity.
    Luminance,
}

impl Channel {
    /// Those that are stored, in their order.
    pub const STORED: [Channel; 4] = [Channel::Red, Channel::Green, Channel::Blue, Channel::Alpha];

    pub fn name(self) -> &'static str {
        match self {
            Channel::Red => "red",
            Channel::Green => "green",
            Channel::Blue => "blue",
            Channel::Alpha => "alpha",
            Channel::Luminance => "luminance",
        }
    }
}

impl ElementType {
    /// Whether a pixel is a colour.
    pub fn is_colour(self) -> bool {
        self.channels() > 1
    }

    /// How many numbers make the colour of a pixel; 1 of what is no colour.
    pub fn channels(self) -> usize {
        match self {
            ElementType::Rgb8 | ElementType::Rgb16 => 3,
            ElementType::Rgba8 | ElementType::Rgba16 => 4,
            _ => 1,
        }
    }

    /// The colour whose numbers are of this type, 3 or 4 of them.
    pub fn colour(part: ElementType, channels: usize) -> Option<ElementType> {
        Some(match (part, channels) {
            (ElementType::U8, 3) => ElementType::Rgb8,
            (ElementType::U8, 4) => ElementType::Rgba8,
            (ElementType::U16, 3) => ElementType::Rgb16,
            (ElementType::U16, 4) => ElementType::Rgba16,
            _ => return None,
        })
    }

    /// What full intensity is stored as: 255 or 65535; 1 of what is no colour.
    pub fn full(self) -> f64 {
        match (self.is_colour(), self.part()) {
            (true, ElementType::U8) => 255.0,
            (true, _) => 65535.0,
            (false, _) => 1.0,
        }
    }

    /// `RGBA of 16 bit`.
    pub fn colour_name(self) -> String {
        let alpha = if self.channels() == 4 { "A" } else { "" };
        format!("RGB{alpha} of {} bit", self.part().size_bytes() * 8)
    }
}

fn luminance([red, green, blue]: [f64; 3]) -> f32 {
    (0.299 * red + 0.587 * green + 0.114 * blue) as f32
}

impl Frame {
    /// One number of each of its colours: `u8` or `u16` as they are stored, luminance as `f32`. `None` where there is none,
    /// as in frames without colours.
    pub fn channel(&self, channel: Channel) -> Option<Frame> {
        match self.element().part() {
            _ if !self.element().is_colour() => None,
            ElementType::U8 => self.channel_of::<u8>(channel),
            _ => self.channel_of::<u16>(channel),
        }
    }

    fn channel_of<T: Element>(&self, channel: Channel) -> Option<Frame> {
        let parts: &[T] = bytemuck::cast_slice(self.as_bytes());
        let colours = parts.chunks_exact(self.element().channels());
        if channel == Channel::Luminance {
            let values = colours.map(|one| luminance([0, 1, 2].map(|at| one[at].to_f64())));
            return Frame::from_vec(self.shape(), values.collect::<Vec<f32>>()).ok();
        }
        let at = Channel::STORED.iter().position(|one| *one == channel)?;
        let values: Option<Vec<T>> = colours.map(|one| one.get(at).copied()).collect();
        Frame::from_vec(self.shape(), values?).ok()
    }

    /// Luminance, where one number is wanted of a colour.
    pub(crate) fn luminance(&self) -> Frame {
        (self.channel(Channel::Luminance)).unwrap_or_else(Frame::empty)
    }

    /// As [`Frame::luminance`] of one pixel, by its position in C order.
    pub(crate) fn luminance_at(&self, flat: usize) -> f64 {
        let element = self.element();
        let part = element.part().size_bytes();
        let width = element.size_bytes();
        let Some(bytes) = self.as_bytes().get(flat * width..(flat + 1) * width) else {
            return f64::NAN;
        };
        f64::from(luminance([0, 1, 2].map(|at| match bytes[at * part..] {
            [value, ..] if part == 1 => f64::from(value),
            [first, second, ..] => f64::from(u16::from_ne_bytes([first, second])),
            _ => f64::NAN,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Block;

    fn colours<T: Element>(element: ElementType, numbers: &[T]) -> Frame {
        let bytes: Vec<u8> = bytemuck::cast_slice(numbers).to_vec();
        let pixels = numbers.len() / element.channels();
        Frame::from_block(&[1, pixels], element, Block::new(bytes), 0).unwrap()
    }

    #[test]
    fn each_channel_is_the_stored_number() {
        let frame = colours(ElementType::Rgba16, &[1u16, 2, 3, 4, 65535, 0, 300, 7]);
        let of = |channel| frame.channel(channel).unwrap();
        for (channel, expected) in [
            (Channel::Red, [1u16, 65535]),
            (Channel::Green, [2, 0]),
            (Channel::Blue, [3, 300]),
            (Channel::Alpha, [4, 7]),
        ] {
            assert_eq!(of(channel).pixels::<u16>().unwrap(), expected);
        }
        let opaque = colours(ElementType::Rgb8, &[9u8, 9, 9, 255, 0, 0]);
        assert!(opaque.channel(Channel::Alpha).is_none());
        assert_eq!(
            opaque.channel(Channel::Red).unwrap().pixels::<u8>(),
            Some(&[9, 255][..])
        );
        let grey = Frame::from_vec(&[1], vec![1u8]).unwrap();
        assert!(grey.channel(Channel::Red).is_none());
    }

    #[test]
    fn where_one_number_is_wanted_it_is_the_luminance_and_grey_stays_what_it_is() {
        let grey: Vec<u8> = (0..=255).flat_map(|value| [value; 3]).collect();
        let frame = colours(ElementType::Rgb8, &grey);
        let expected: Vec<f32> = (0..=255).map(|value| value as f32).collect();
        assert_eq!(*frame.to_f32(), expected);
        assert_eq!((frame.value(7), frame.value(255)), (7.0, 255.0));
        assert!(frame.value(256).is_nan());
        let blue = colours(ElementType::Rgb16, &[0u16, 0, 1000]);
        assert_eq!(blue.value(0), f64::from(114.0f32));
        assert_eq!(blue.to_f32()[0], 114.0);
    }

    #[test]
    fn bytes_that_are_not_aligned_are_read_as_they_are() {
        let block = Block::new(vec![9u8, 1, 0, 2, 0, 3, 0]);
        let frame = Frame::from_block(&[1], ElementType::Rgb16, block, 1).unwrap();
        let blue = frame.channel(Channel::Blue).unwrap();
        assert_eq!(blue.pixels::<u16>(), Some(&[u16::from_le(3)][..]));
    }
}
