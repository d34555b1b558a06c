//! How one pixel lies in a file, and what it becomes: one list for all formats.

use std::path::Path;

use serde_json::Value;
use signal::{ElementType, SourceError};

/// A pixel as it is stored. Frames hold [`Pixel::element`] in this machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// What frames hold: 16 bit floating point becomes `f32`, exactly; truth values 0 and 1 of `u8`.
    pub element: ElementType,
    /// Whether it is stored as IEEE 754 binary16.
    half: bool,
    /// Whether it is stored in the other byte order than this machine's.
    swapped: bool,
}

impl Pixel {
    /// Of a kind as NumPy spells it (`u`, `i`, `f`, `c`, `b`) in `bytes` bytes.
    pub fn of(kind: char, bytes: usize) -> Option<Self> {
        let element = match (kind, bytes) {
            ('u' | 'b', 1) => ElementType::U8,
            ('i', 1) => ElementType::I8,
            ('u', 2) => ElementType::U16,
            ('i', 2) => ElementType::I16,
            ('u', 4) => ElementType::U32,
            ('i', 4) => ElementType::I32,
            ('u', 8) => ElementType::U64,
            ('i', 8) => ElementType::I64,
            ('f', 2 | 4) => ElementType::F32,
            ('f', 8) => ElementType::F64,
            ('c', 8) => ElementType::C64,
            ('c', 16) => ElementType::C128,
            _ => return None,
        };
        Some(Pixel {
            element,
            half: (kind, bytes) == ('f', 2),
            swapped: false,
        })
    }

    /// A colour of 3 or 4 such numbers.
    fn colour(part: Pixel, channels: usize) -> Option<Self> {
        let element = ElementType::colour(part.element, channels)?;
        Some(Pixel { element, ..part })
    }

    /// A record by its fields, in the order in which they lie, each with its name and what it is; colours are stored so.
    ///
    /// # Errors
    /// What it is instead of a pixel.
    pub fn from_record(fields: &[(String, Option<Pixel>)], bytes: usize) -> Result<Self, NoPixel> {
        let names = || fields.iter().map(|(name, _)| name.clone()).collect();
        let found = NoPixel::record(names(), bytes);
        let NoPixel::Colour { .. } = found else {
            return Err(found);
        };
        let part = fields.first().and_then(|(_, pixel)| *pixel);
        let alike = fields.iter().all(|(_, pixel)| *pixel == part);
        let pixel = part.and_then(|part| Pixel::colour(part, fields.len()));
        // Bytes between the fields would be read as colours.
        (pixel.filter(|pixel| alike && pixel.bytes() == bytes)).ok_or(found)
    }

    /// As [`Pixel::from_record`], of fields that follow each other, each with NumPy's name of its type.
    ///
    /// # Errors
    /// What it is instead of a pixel.
    pub fn from_fields(fields: &[(String, String)]) -> Result<Self, NoPixel> {
        let width = |dtype: &String| dtype.get(2..)?.parse::<usize>().ok();
        let bytes = fields.iter().filter_map(|(_, dtype)| width(dtype)).sum();
        let of = |(name, dtype): &(String, String)| (name.clone(), Pixel::from_numpy(dtype).ok());
        Pixel::from_record(&fields.iter().map(of).collect::<Vec<_>>(), bytes)
    }

    /// The same, stored with the most significant byte first or last.
    pub fn stored(self, big_endian: bool) -> Self {
        Pixel {
            swapped: self.bytes() > 1 && big_endian != cfg!(target_endian = "big"),
            ..self
        }
    }

    /// From NumPy's `<u2`.
    ///
    /// # Errors
    /// What it is instead of a pixel.
    pub fn from_numpy(dtype: &str) -> Result<Self, NoPixel> {
        let mut characters = dtype.chars();
        let big_endian = match characters.next() {
            Some('>') => true,
            Some('<') => false,
            Some('|' | '=') => cfg!(target_endian = "big"),
            _ => return Err(NoPixel::other(format!("`{dtype:.40}`"))),
        };
        let kind = characters.next().unwrap_or_default();
        let rest = characters.as_str();
        let found = rest.parse().ok().and_then(|bytes| Pixel::of(kind, bytes));
        found
            .map(|pixel| pixel.stored(big_endian))
            .ok_or_else(|| NoPixel::from_numpy(kind, rest, dtype))
    }

    /// From Zarr 3's `uint16`.
    ///
    /// # Errors
    /// What it is instead of a pixel.
    pub fn from_zarr3(name: &str) -> Result<Self, NoPixel> {
        let digits = name.trim_start_matches(char::is_alphabetic);
        let bits: usize = digits.parse().unwrap_or_default();
        let found = match &name[..name.len() - digits.len()] {
            _ if name == "bool" => Pixel::of('b', 1),
            "uint" => Pixel::of('u', bits / 8),
            "int" => Pixel::of('i', bits / 8),
            "float" => Pixel::of('f', bits / 8),
            "complex" => Pixel::of('c', bits / 8),
            "string" => return Err(NoPixel::Text),
            _ => None,
        };
        found.ok_or_else(|| NoPixel::other(format!("`{name:.40}`")))
    }

    /// Bytes of one pixel in the file.
    pub fn bytes(&self) -> usize {
        if self.half {
            2
        } else {
            self.element.size_bytes()
        }
    }

    /// Whether the file's bytes are the frame's.
    pub fn is_native(&self) -> bool {
        !self.half && !self.swapped
    }

    /// Pixels as a file holds them, brought into the form of frames.
    pub fn decoded(&self, stored: Vec<u8>) -> Vec<u8> {
        self.widened(self.reordered(stored))
    }

    /// Between the byte order of the file and this machine's, both ways.
    pub fn reordered(&self, mut pixels: Vec<u8>) -> Vec<u8> {
        if self.swapped {
            // Both parts of a complex number by themselves, as each of a colour.
            let unit = self.bytes().min(self.element.part().size_bytes());
            (pixels.chunks_exact_mut(unit)).for_each(<[u8]>::reverse);
        }
        pixels
    }

    /// Numbers as a file holds them; what does not fit is cut off as by a cast.
    pub fn encoded(&self, values: impl Iterator<Item = f64>) -> Vec<u8> {
        let mut pixels = Vec::new();
        for value in values {
            match self.element {
                ElementType::U8 => pixels.extend((value as u8).to_ne_bytes()),
                ElementType::I8 => pixels.extend((value as i8).to_ne_bytes()),
                ElementType::U16 => pixels.extend((value as u16).to_ne_bytes()),
                ElementType::I16 => pixels.extend((value as i16).to_ne_bytes()),
                ElementType::U32 => pixels.extend((value as u32).to_ne_bytes()),
                ElementType::I32 => pixels.extend((value as i32).to_ne_bytes()),
                ElementType::U64 => pixels.extend((value as u64).to_ne_bytes()),
                ElementType::I64 => pixels.extend((value as i64).to_ne_bytes()),
                ElementType::F32 if self.half => {
                    pixels.extend(half::f16::from_f64(value).to_ne_bytes());
                }
                ElementType::F32 => pixels.extend((value as f32).to_ne_bytes()),
                ElementType::F64 => pixels.extend(value.to_ne_bytes()),
                ElementType::C64 => {
                    pixels.extend([value as f32, 0.0].map(f32::to_ne_bytes).concat())
                }
                ElementType::C128 => pixels.extend([value, 0.0].map(f64::to_ne_bytes).concat()),
                // No filter makes colours of numbers.
                ElementType::Rgb8
                | ElementType::Rgba8
                | ElementType::Rgb16
                | ElementType::Rgba16 => {}
            }
        }
        self.reordered(pixels)
    }

    /// Pixels in this machine's byte order, brought into the form of frames.
    pub fn widened(&self, stored: Vec<u8>) -> Vec<u8> {
        if !self.half {
            return stored;
        }
        let mut pixels = Vec::with_capacity(stored.len() * 2);
        for pair in stored.chunks_exact(2) {
            let half = half::f16::from_ne_bytes([pair[0], pair[1]]);
            pixels.extend(half.to_f32().to_ne_bytes());
        }
        pixels
    }
}

/// What an array holds that is no pixel.
#[derive(Clone, Debug, PartialEq)]
pub enum NoPixel {
    Complex {
        bits: usize,
    },
    /// Red, green and blue, with or without opacity, in numbers that are not read.
    Colour {
        bits: usize,
    },
    Record {
        fields: Vec<String>,
    },
    Text,
    Time,
    /// Lists of different length, or Python objects.
    Ragged,
    /// In the words of its own format.
    Other {
        name: String,
    },
}

/// Who can make pixels of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    NumPy,
    HyperSpy,
}

impl NoPixel {
    pub fn other(name: String) -> Self {
        NoPixel::Other { name }
    }

    fn from_numpy(kind: char, bytes: &str, dtype: &str) -> Self {
        let bits = bytes.parse().unwrap_or(0usize).saturating_mul(8);
        match kind {
            'c' => NoPixel::Complex { bits },
            'S' | 'U' => NoPixel::Text,
            'M' | 'm' => NoPixel::Time,
            'O' => NoPixel::Ragged,
            _ => NoPixel::other(format!("`{dtype:.40}`")),
        }
    }

    /// A record of `bytes` bytes by its fields; colours are stored so too.
    pub fn record(fields: Vec<String>, bytes: usize) -> Self {
        let lower: Vec<String> = fields.iter().map(|field| field.to_lowercase()).collect();
        let names: Vec<&str> = lower.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["r", "g", "b"] => NoPixel::Colour {
                bits: bytes * 8 / 3,
            },
            ["r", "g", "b", "a"] => NoPixel::Colour {
                bits: bytes * 8 / 4,
            },
            _ => NoPixel::Record { fields },
        }
    }

    /// `complex numbers of 64 bit`.
    pub fn name(&self) -> String {
        match self {
            NoPixel::Complex { bits } => format!("complex numbers of {bits} bit"),
            NoPixel::Colour { bits } => format!("colours (RGB of {bits} bit)"),
            NoPixel::Record { fields } => {
                let shown: Vec<&str> = fields.iter().take(6).map(String::as_str).collect();
                format!("records with the fields {:.80}", shown.join(", "))
            }
            NoPixel::Text => "texts".into(),
            NoPixel::Time => "dates or durations".into(),
            NoPixel::Ragged => "lists of different length (such as peaks)".into(),
            NoPixel::Other { name } => name.clone(),
        }
    }

    fn remedy(&self, tool: Tool) -> String {
        let text = match (self, tool) {
            (NoPixel::Complex { .. }, Tool::HyperSpy) => {
                "in Python, save modulus and phase as signals of their own: `s = hs.load(FILE); s.amplitude.save(\"amplitude.zspy\"); s.phase.save(\"phase.zspy\")`"
            }
            (NoPixel::Complex { .. }, Tool::NumPy) => {
                "in Python, save modulus and phase as arrays of their own: `np.save(\"modulus.npy\", np.abs(array)); np.save(\"phase.npy\", np.angle(array))`"
            }
            (NoPixel::Colour { bits }, Tool::HyperSpy) => {
                return format!(
                    "in Python, save the colours as images that follow each other: `s = hs.load(FILE); s.change_dtype(\"uint{bits}\"); s.as_signal2D((0, 1)).save(\"colours.zspy\")`"
                );
            }
            (NoPixel::Colour { .. } | NoPixel::Record { .. }, _) => {
                return format!(
                    "in Python, save each field as an array of its own: `np.save(\"field.npy\", array[\"{}\"])`",
                    match self {
                        NoPixel::Record { fields } => fields.first().map_or("name", String::as_str),
                        _ => "R",
                    }
                );
            }
            (NoPixel::Time, _) => {
                "in Python, save them as numbers: `np.save(\"times.npy\", array.astype(\"int64\"))`"
            }
            (NoPixel::Text | NoPixel::Ragged, _) => {
                "they make no frames; open the signal or array they belong to"
            }
            (NoPixel::Other { .. }, _) => {
                "in Python, save it as a number type of this list: `np.save(\"array.npy\", array.astype(\"float32\"))`"
            }
        };
        text.into()
    }

    /// The refusal of a signal whose entries have no common shape.
    pub fn ragged_signal(path: &Path) -> SourceError {
        SourceError::unsupported(
            path,
            "it is a ragged signal (lists of different length, such as peaks); signals with frames of one shape are read",
            "if SignalTree wrote it, `replay(path)?` builds the tree that it came from; otherwise open the signal that the lists were made from",
        )
    }

    /// The refusal of a file.
    pub fn refused(&self, path: &Path, tool: Tool) -> SourceError {
        SourceError::unsupported(
            path,
            format!(
                "its pixels are {}; whole numbers of 8 to 64 bit, floating point of 16 to 64 bit, complex numbers of 64 and 128 bit, colours of 8 and 16 bit and truth values are read",
                self.name()
            ),
            self.remedy(tool),
        )
    }
}

/// How the pixels of a Zarr array are stored, by its metadata alone.
///
/// # Errors
/// What they are instead.
pub fn zarr_pixel(metadata: &Value) -> Result<Pixel, NoPixel> {
    match (&metadata["dtype"], &metadata["data_type"]) {
        (Value::String(dtype), _) => Pixel::from_numpy(dtype),
        (Value::Array(fields), _) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            // `[["R", "|u1"], ["G", "|u1"], ["B", "|u1"]]`; of subarrays there is a shape beside.
            let fields: Vec<(String, String)> = (fields.iter())
                .filter(|field| field[2].is_null())
                .map(|field| (text(&field[0]), text(&field[1])))
                .collect();
            Pixel::from_fields(&fields)
        }
        (_, Value::String(name)) => Pixel::from_zarr3(name),
        (_, data_type) => Err(NoPixel::other(
            data_type["name"]
                .as_str()
                .unwrap_or("no known type")
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_every_format() {
        for (numpy, zarr3, element) in [
            ("|b1", "bool", ElementType::U8),
            ("|i1", "int8", ElementType::I8),
            ("<u2", "uint16", ElementType::U16),
            ("<f2", "float16", ElementType::F32),
            ("<f8", "float64", ElementType::F64),
            ("<c8", "complex64", ElementType::C64),
            ("<c16", "complex128", ElementType::C128),
        ] {
            let pixel = Pixel::from_numpy(numpy).unwrap();
            assert_eq!(pixel.element, element);
            assert_eq!(Pixel::from_zarr3(zarr3), Ok(pixel), "{zarr3}");
        }
        assert_eq!(
            Pixel::from_numpy("<c32"),
            Err(NoPixel::Complex { bits: 256 })
        );
        assert_eq!(Pixel::from_numpy("<M8[ns]"), Err(NoPixel::Time));
        assert!(
            Pixel::from_numpy("<f16")
                .unwrap_err()
                .name()
                .contains("<f16")
        );
    }

    #[test]
    fn records_of_three_or_four_alike_numbers_that_are_called_so_are_colours() {
        let of = |fields: &[[&str; 2]]| {
            let fields: Vec<_> = (fields.iter())
                .map(|[name, dtype]| (name.to_string(), dtype.to_string()))
                .collect();
            Pixel::from_fields(&fields).map(|pixel| (pixel.element, pixel.bytes()))
        };
        assert_eq!(
            of(&[["R", "|u1"], ["G", "|u1"], ["B", "|u1"]]),
            Ok((ElementType::Rgb8, 3))
        );
        assert_eq!(
            of(&[["r", "<u2"], ["g", "<u2"], ["b", "<u2"], ["a", "<u2"]]),
            Ok((ElementType::Rgba16, 8))
        );
        for no in [
            [["R", "|u1"], ["G", "<u2"], ["B", "|u1"]],
            [["R", "<f4"], ["G", "<f4"], ["B", "<f4"]],
            [["R", "|i1"], ["G", "|i1"], ["B", "|i1"]],
        ] {
            assert!(matches!(of(&no), Err(NoPixel::Colour { .. })), "{no:?}");
        }
        let other = of(&[["B", "|u1"], ["G", "|u1"], ["R", "|u1"]]);
        assert!(matches!(other, Err(NoPixel::Record { .. })));
        let big = [["R", ">u2"], ["G", ">u2"], ["B", ">u2"]].map(|field| field.map(String::from));
        let big = big.map(|[name, dtype]| (name, dtype));
        let decoded = Pixel::from_fields(&big)
            .unwrap()
            .decoded(vec![1, 0, 0, 2, 3, 4]);
        assert_eq!(
            decoded,
            [[0x100u16, 2, 0x304].map(u16::to_ne_bytes).concat()].concat()
        );
    }

    #[test]
    fn the_parts_of_a_complex_number_are_swapped_by_themselves() {
        let stored: Vec<u8> = [1.5f32, -2.0]
            .iter()
            .flat_map(|part| part.to_be_bytes())
            .collect();
        let decoded = Pixel::from_numpy(">c8").unwrap().decoded(stored);
        assert_eq!(bytemuck::cast_slice::<f32, u8>(&[1.5, -2.0]), decoded);
    }

    #[test]
    fn halves_become_the_same_numbers() {
        let values = [0.0f32, -0.25, 1.5, 65504.0, 5.960_464_5e-8, f32::INFINITY];
        for big_endian in [false, true] {
            let stored: Vec<u8> = (values.iter())
                .map(|value| half::f16::from_f32(*value))
                .flat_map(|value| match big_endian {
                    true => value.to_be_bytes(),
                    false => value.to_le_bytes(),
                })
                .collect();
            let pixel = Pixel::of('f', 2).unwrap().stored(big_endian);
            assert_eq!((pixel.bytes(), pixel.is_native()), (2, false));
            let decoded = pixel.decoded(stored);
            assert_eq!(bytemuck::cast_slice::<f32, u8>(&values), decoded);
        }
    }
}
