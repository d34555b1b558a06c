use serde::{Deserialize, Serialize};

/// Type of one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    /// A complex number: real and imaginary part in `f32`.
    C64,
    /// A complex number: real and imaginary part in `f64`.
    C128,
    /// A colour: red, green and blue in `u8`.
    Rgb8,
    /// A colour with opacity: red, green, blue and alpha in `u8`.
    Rgba8,
    /// A colour: red, green and blue in `u16`.
    Rgb16,
    /// A colour with opacity: red, green, blue and alpha in `u16`.
    Rgba16,
}

impl ElementType {
    pub fn size_bytes(self) -> usize {
        match self {
            ElementType::U8 | ElementType::I8 => 1,
            ElementType::U16 | ElementType::I16 => 2,
            ElementType::U32 | ElementType::I32 | ElementType::F32 => 4,
            ElementType::U64 | ElementType::I64 | ElementType::F64 | ElementType::C64 => 8,
            ElementType::C128 => 16,
            colour => colour.channels() * colour.part().size_bytes(),
        }
    }

    /// Whether a pixel may have no value (NaN).
    pub fn is_float(self) -> bool {
        matches!(self, ElementType::F32 | ElementType::F64) || self.is_complex()
    }

    pub fn is_complex(self) -> bool {
        matches!(self, ElementType::C64 | ElementType::C128)
    }

    /// The type of the numbers that a pixel consists of: of complex ones that of both parts, of colours that of each, else its own.
    pub fn part(self) -> ElementType {
        match self {
            ElementType::C64 => ElementType::F32,
            ElementType::C128 => ElementType::F64,
            ElementType::Rgb8 | ElementType::Rgba8 => ElementType::U8,
            ElementType::Rgb16 | ElementType::Rgba16 => ElementType::U16,
            real => real,
        }
    }

    /// The smallest floating-point type that holds every value of this one; of 64-bit integers beyond 2⁵³, nearly. That of
    /// luminance for colours.
    pub fn as_float(self) -> ElementType {
        match self.size_bytes() {
            _ if self.is_colour() => ElementType::F32,
            1 | 2 => ElementType::F32,
            _ if self.is_float() => self,
            _ => ElementType::F64,
        }
    }

    /// numpy's and Rust's common short names: `u16`, `f32`; `c64` for complex numbers of 64 bit; hyperspy's `rgba16` for colours.
    pub fn name(self) -> &'static str {
        match self {
            ElementType::U8 => "u8",
            ElementType::I8 => "i8",
            ElementType::U16 => "u16",
            ElementType::I16 => "i16",
            ElementType::U32 => "u32",
            ElementType::I32 => "i32",
            ElementType::U64 => "u64",
            ElementType::I64 => "i64",
            ElementType::F32 => "f32",
            ElementType::F64 => "f64",
            ElementType::C64 => "c64",
            ElementType::C128 => "c128",
            ElementType::Rgb8 => "rgb8",
            ElementType::Rgba8 => "rgba8",
            ElementType::Rgb16 => "rgb16",
            ElementType::Rgba16 => "rgba16",
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

/// A Rust type that can be a pixel.
pub trait Element: bytemuck::Pod + PartialOrd + Send + Sync + 'static {
    const TYPE: ElementType;
    /// The largest number of an integer type; `None` for floats.
    const LARGEST: Option<Self>;
    fn to_f64(self) -> f64;
    fn to_f32(self) -> f32;
}

macro_rules! element {
    ($($rust:ty => $name:ident, $largest:expr);* $(;)?) => {
        $(impl Element for $rust {
            const TYPE: ElementType = ElementType::$name;
            const LARGEST: Option<Self> = $largest;
            #[inline(always)]
            fn to_f64(self) -> f64 { self as f64 }
            #[inline(always)]
            fn to_f32(self) -> f32 { self as f32 }
        })*
    };
}

element! {
    u8 => U8, Some(u8::MAX);
    i8 => I8, Some(i8::MAX);
    u16 => U16, Some(u16::MAX);
    i16 => I16, Some(i16::MAX);
    u32 => U32, Some(u32::MAX);
    i32 => I32, Some(i32::MAX);
    u64 => U64, Some(u64::MAX);
    i64 => I64, Some(i64::MAX);
    f32 => F32, None;
    f64 => F64, None;
}

/// Runs `$body` with `$pixels: &[T]` bound to the pixels of `$frame` in their own type; of complex numbers to their amplitudes,
/// of colours to their luminances, which live as long as `$body`.
///
/// ```
/// # use signal::{Frame, Element, for_pixels};
/// let frame = Frame::from_vec(&[2, 3], vec![1u16, 2, 3, 4, 5, 6]).unwrap();
/// let sum: f64 = for_pixels!(&frame, |pixels| pixels.iter().map(|p| p.to_f64()).sum());
/// assert_eq!(sum, 21.0);
/// ```
#[macro_export]
macro_rules! for_pixels {
    ($frame:expr, |$pixels:ident| $body:expr) => {{
        let frame: &$crate::Frame = $frame;
        match frame.element() {
            $crate::ElementType::U8 => {
                let $pixels = frame.pixels_of_own_type::<u8>();
                $body
            }
            $crate::ElementType::I8 => {
                let $pixels = frame.pixels_of_own_type::<i8>();
                $body
            }
            $crate::ElementType::U16 => {
                let $pixels = frame.pixels_of_own_type::<u16>();
                $body
            }
            $crate::ElementType::I16 => {
                let $pixels = frame.pixels_of_own_type::<i16>();
                $body
            }
            $crate::ElementType::U32 => {
                let $pixels = frame.pixels_of_own_type::<u32>();
                $body
            }
            $crate::ElementType::I32 => {
                let $pixels = frame.pixels_of_own_type::<i32>();
                $body
            }
            $crate::ElementType::U64 => {
                let $pixels = frame.pixels_of_own_type::<u64>();
                $body
            }
            $crate::ElementType::I64 => {
                let $pixels = frame.pixels_of_own_type::<i64>();
                $body
            }
            $crate::ElementType::F32 => {
                let $pixels = frame.pixels_of_own_type::<f32>();
                $body
            }
            $crate::ElementType::F64 => {
                let $pixels = frame.pixels_of_own_type::<f64>();
                $body
            }
            $crate::ElementType::C64 => {
                let amplitudes = frame.part($crate::ComplexPart::Amplitude);
                let $pixels = amplitudes.pixels_of_own_type::<f32>();
                $body
            }
            $crate::ElementType::C128 => {
                let amplitudes = frame.part($crate::ComplexPart::Amplitude);
                let $pixels = amplitudes.pixels_of_own_type::<f64>();
                $body
            }
            $crate::ElementType::Rgb8
            | $crate::ElementType::Rgba8
            | $crate::ElementType::Rgb16
            | $crate::ElementType::Rgba16 => {
                let luminances = frame.channel($crate::Channel::Luminance);
                let luminances = luminances.unwrap_or_else($crate::Frame::empty);
                let $pixels = luminances.pixels_of_own_type::<f32>();
                $body
            }
        }
    }};
}
