//! One array of an HDF5 file, or of several files: what describes it, and boxes of its pixels.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::error::Error;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::datatype::CompoundField;
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use hdf5_reader::messages::{
    HdfMessage, MSG_DATA_LAYOUT, MSG_DATASPACE, MSG_DATATYPE, MSG_FILL_VALUE, parse_message,
};
use hdf5_reader::{ByteOrder, Dataset, Datatype, H5Type, SliceInfo, SliceInfoElem};
use signal::{Element, ElementType, SourceError};

use crate::hdf5::error::damaged;
use crate::hdf5::filters;
use crate::hdf5::links::{ArrayAt, Opened};
use crate::hdf5::objects::{Message, header};
use crate::hdf5::virtual_dataset::Virtual;
use crate::storage::pixel::{NoPixel, Pixel};

/// Class of the layout of a virtual array, after the version of the message.
const VIRTUAL: u8 = 3;

/// What a file says about an array, before its pixels are touched.
pub struct Description {
    pub shape: Vec<usize>,
    pub pixel: Result<Pixel, NoPixel>,
    pub filters: Vec<FilterDescription>,
    /// Where the mappings of a virtual array are: address and index in the global heap.
    pub virtual_at: Option<(u64, u32)>,
    /// One pixel, as stored, for what was never written.
    pub fill: Option<Vec<u8>>,
}

impl Description {
    /// # Errors
    /// In words.
    pub fn of(array: &ArrayAt) -> Result<Self, String> {
        let opened = array.opened();
        let messages = header(&opened.file, array.address).map_err(|error| error.to_string())?;
        let layout = messages
            .iter()
            .find(|message| message.kind == MSG_DATA_LAYOUT);
        let is_virtual = layout.is_some_and(|layout| {
            layout.body.first() >= Some(&4) && layout.body.get(1) == Some(&VIRTUAL)
        });
        let mut found = Description {
            shape: Vec::new(),
            pixel: Err(NoPixel::other("of no known type".into())),
            filters: Vec::new(),
            virtual_at: None,
            fill: None,
        };
        if is_virtual {
            for kind in [MSG_DATASPACE, MSG_DATATYPE, MSG_FILL_VALUE] {
                for message in messages.iter().filter(|message| message.kind == kind) {
                    if let Some(parsed) = parsed(opened, message) {
                        found.take(&parsed, opened, array)?;
                    }
                }
            }
            let body = layout.map_or(&[][..], |layout| layout.body.as_slice());
            found.virtual_at = Some(heap_place(opened, body).map_err(|error| error.to_string())?);
            return Ok(found);
        }
        let whole =
            (opened.file.get_or_parse_header(array.address)).map_err(|error| error.to_string())?;
        for message in &whole.messages {
            found.take(message, opened, array)?;
        }
        Ok(found)
    }

    fn take(
        &mut self,
        message: &HdfMessage,
        opened: &Opened,
        array: &ArrayAt,
    ) -> Result<(), String> {
        match message {
            HdfMessage::Dataspace(space) => {
                self.shape = (space.dims.iter())
                    .map(|size| usize::try_from(*size).ok())
                    .collect::<Option<Vec<usize>>>()
                    .ok_or("an axis that is too long for this machine")?;
            }
            HdfMessage::Datatype(datatype) => {
                self.pixel = pixel_of(&datatype.datatype, opened, array);
            }
            HdfMessage::FilterPipeline(pipeline) => self.filters = pipeline.filters.clone(),
            HdfMessage::FillValue(fill) => self.fill = fill.value.clone(),
            _ => {}
        }
        Ok(())
    }
}

fn parsed(opened: &Opened, message: &Message) -> Option<HdfMessage> {
    if message.is_shared {
        return None;
    }
    let superblock = opened.file.superblock();
    parse_message(
        message.kind,
        message.body.len(),
        &mut Cursor::new(&message.body),
        superblock.offset_size,
        superblock.length_size,
    )
    .ok()
}

fn heap_place(opened: &Opened, layout: &[u8]) -> Result<(u64, u32), Error> {
    let mut cursor = Cursor::new(layout);
    cursor.skip(2)?;
    let address = cursor.read_offset(opened.file.superblock().offset_size)?;
    Ok((address, cursor.read_u32_le()?))
}

fn pixel_of(datatype: &Datatype, opened: &Opened, array: &ArrayAt) -> Result<Pixel, NoPixel> {
    let of = |kind: char, size: u8, order: ByteOrder| {
        let pixel = Pixel::of(kind, usize::from(size));
        pixel.map(|pixel| pixel.stored(order == ByteOrder::BigEndian))
    };
    match datatype {
        Datatype::FixedPoint {
            size,
            signed,
            byte_order,
        } => of(if *signed { 'i' } else { 'u' }, *size, *byte_order).ok_or_else(|| {
            NoPixel::other(format!("whole numbers of {} bit", u32::from(*size) * 8))
        }),
        Datatype::FloatingPoint { size, byte_order } => of('f', *size, *byte_order)
            .filter(|_| *size != 2 || is_binary16(opened, array))
            .ok_or_else(|| {
                NoPixel::other(format!(
                    "floating point of {} bit in a form of its own",
                    u32::from(*size) * 8
                ))
            }),
        Datatype::Enum { base, members } => match (base.as_ref(), members.as_slice()) {
            // h5py's truth values.
            (Datatype::FixedPoint { size: 1, .. }, [no, yes])
                if (no.name.as_str(), yes.name.as_str()) == ("FALSE", "TRUE") =>
            {
                Pixel::of('b', 1).ok_or(NoPixel::Text)
            }
            _ => Err(NoPixel::other("named values".into())),
        },
        Datatype::Bitfield { size: 1, .. } => Pixel::of('b', 1).ok_or(NoPixel::Text),
        Datatype::Compound { size, fields } => match parts(fields) {
            Some([real, imaginary]) if real.datatype == imaginary.datatype => {
                let (order, bytes) = match &real.datatype {
                    Datatype::FloatingPoint { size, byte_order } => (*byte_order, u32::from(*size)),
                    _ => return Err(no_pixel(datatype)),
                };
                let pair = (2 * bytes == *size).then(|| Pixel::of('c', *size as usize));
                let pixel = pair.flatten().ok_or_else(|| no_pixel(datatype))?;
                Ok(pixel.stored(order == ByteOrder::BigEndian))
            }
            _ => colour(*size, fields),
        },
        other => Err(no_pixel(other)),
    }
}

/// A record whose fields follow each other.
fn colour(size: u32, fields: &[CompoundField]) -> Result<Pixel, NoPixel> {
    let mut at = 0;
    let parts = fields.iter().map(|field| {
        let pixel = match &field.datatype {
            Datatype::FixedPoint {
                size,
                signed: false,
                byte_order,
            } if field.byte_offset == at => {
                at += u32::from(*size);
                let pixel = Pixel::of('u', usize::from(*size));
                pixel.map(|pixel| pixel.stored(*byte_order == ByteOrder::BigEndian))
            }
            _ => None,
        };
        (field.name.clone(), pixel)
    });
    Pixel::from_record(&parts.collect::<Vec<_>>(), size as usize)
}

/// Real and imaginary part, as h5py stores complex numbers.
fn parts(fields: &[CompoundField]) -> Option<[&CompoundField; 2]> {
    match fields {
        [real, imaginary] if real.name == "r" && imaginary.name == "i" => Some([real, imaginary]),
        _ => None,
    }
}

fn no_pixel(datatype: &Datatype) -> NoPixel {
    match datatype {
        Datatype::Compound { size, fields } => {
            let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            if parts(fields).is_some() {
                return NoPixel::Complex {
                    bits: *size as usize * 8,
                };
            }
            NoPixel::record(names, *size as usize)
        }
        Datatype::String { .. } => NoPixel::Text,
        Datatype::VarLen { base, .. } if base.is_vlen_string_base() => NoPixel::Text,
        Datatype::VarLen { .. } => NoPixel::Ragged,
        Datatype::Opaque { tag, .. } if tag.starts_with("NUMPY:") => NoPixel::Time,
        Datatype::Opaque { .. } => NoPixel::other("bytes without a type".into()),
        Datatype::Reference { .. } => NoPixel::other("references to other objects".into()),
        Datatype::Array { .. } => NoPixel::other("small arrays of their own".into()),
        Datatype::Bitfield { .. } => NoPixel::other("fields of bits".into()),
        _ => NoPixel::other("of no known type".into()),
    }
}

/// Whether a float of two bytes has five bits of exponent and ten of mantissa.
fn is_binary16(opened: &Opened, array: &ArrayAt) -> bool {
    let Ok(messages) = header(&opened.file, array.address) else {
        return false;
    };
    let datatype = messages.iter().find(|message| message.kind == MSG_DATATYPE);
    // Class and flags, size, then offset, precision, and place and size of exponent and mantissa.
    datatype.is_some_and(|message| message.body.get(12..16) == Some(&[10, 5, 0, 10]))
}

/// An array whose pixels can be read.
pub enum Stored {
    One(Box<Dataset>, Arc<Opened>),
    Many(Virtual),
}

impl Stored {
    /// Pixels of a box, in C order and in the form of frames.
    ///
    /// # Errors
    /// [`SourceError`] naming the file and the box.
    pub fn read(&self, pixel: &Pixel, ranges: &[Range<usize>]) -> Result<Pixels, SourceError> {
        match self {
            Stored::Many(pieces) => pieces.read(pixel, ranges),
            Stored::One(dataset, opened) => {
                opened.check_same()?;
                read_typed(dataset, pixel, ranges).map_err(|error| {
                    let sizes: Vec<String> = (ranges.iter())
                        .map(|range| format!("{} to {}", range.start, range.end.saturating_sub(1)))
                        .collect();
                    let place = format!("`{}` at {}", dataset.name(), sizes.join(", "));
                    match damaged(&opened.path, &place, &error) {
                        // Only this box.
                        SourceError::Header {
                            path,
                            place,
                            reason,
                            ..
                        } => SourceError::Decode {
                            path,
                            place,
                            reason,
                        },
                        error => error,
                    }
                })
            }
        }
    }

    /// The files that pixels come from.
    pub fn files(&self) -> Vec<&Arc<Opened>> {
        match self {
            Stored::One(_, opened) => vec![opened],
            Stored::Many(pieces) => pieces.files(),
        }
    }

    /// The array, if it is one of one file.
    pub fn dataset(&self) -> Option<&Dataset> {
        match self {
            Stored::One(dataset, _) => Some(dataset),
            Stored::Many(_) => None,
        }
    }

    /// Sizes of the chunks along all axes, of an array that has them.
    pub fn chunk(&self) -> Option<Vec<usize>> {
        match self {
            Stored::One(dataset, _) => {
                let sizes = dataset.chunks()?;
                Some(sizes.into_iter().map(|size| size as usize).collect())
            }
            Stored::Many(pieces) => pieces.chunk(),
        }
    }
}

/// Opens an array of the file itself: its filters are known by then.
///
/// # Errors
/// [`SourceError`] for filters that are not read, or a damaged description.
pub fn stored(array: &ArrayAt, description: &Description) -> Result<Stored, SourceError> {
    let path: &Path = &array.opened().path;
    filters::check(path, &description.filters)?;
    let dataset = array.dataset().map_err(|error| {
        SourceError::damaged(
            path,
            format!("the array `{}`", array.name),
            error.to_string(),
        )
    })?;
    Ok(Stored::One(Box::new(dataset), array.opened().clone()))
}

/// Decoded pixels, seen as bytes.
pub struct Pixels(Box<dyn AsRef<[u8]> + Send + Sync>);

impl Pixels {
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Pixels(Box::new(bytes))
    }
}

impl AsRef<[u8]> for Pixels {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

struct Typed<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Typed<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn read_pairs<T: H5Type + Element>(
    dataset: &Dataset,
    ranges: &[Range<usize>],
) -> Result<Pixels, Error> {
    let pairs = read::<Pair<T>>(dataset, ranges)?;
    let parts: Vec<[T; 2]> = pairs.into_iter().map(|pair| pair.0).collect();
    Ok(Pixels::new(Typed(parts.into_flattened())))
}

/// Colours of so many bytes, as they are stored and then in this machine's byte order.
fn read_colours<const BYTES: usize>(
    dataset: &Dataset,
    pixel: &Pixel,
    ranges: &[Range<usize>],
) -> Result<Pixels, Error> {
    let records = read::<Record<BYTES>>(dataset, ranges)?;
    let bytes: Vec<[u8; BYTES]> = records.into_iter().map(|record| record.0).collect();
    Ok(Pixels::new(pixel.decoded(bytes.into_flattened())))
}

fn read_typed(dataset: &Dataset, pixel: &Pixel, ranges: &[Range<usize>]) -> Result<Pixels, Error> {
    if matches!(
        dataset.dtype(),
        Datatype::Enum { .. } | Datatype::Bitfield { .. }
    ) {
        let bytes: Vec<u8> = read::<Truth>(dataset, ranges)?
            .into_iter()
            .map(|truth| truth.0)
            .collect();
        return Ok(Pixels::new(bytes));
    }
    Ok(match pixel.element {
        ElementType::F32 if pixel.bytes() == 2 => {
            let halves = read::<Half>(dataset, ranges)?;
            let floats: Vec<f32> = halves.into_iter().map(|half| half.0).collect();
            Pixels::new(Typed(floats))
        }
        ElementType::U8 => Pixels::new(Typed(read::<u8>(dataset, ranges)?)),
        ElementType::I8 => Pixels::new(Typed(read::<i8>(dataset, ranges)?)),
        ElementType::U16 => Pixels::new(Typed(read::<u16>(dataset, ranges)?)),
        ElementType::I16 => Pixels::new(Typed(read::<i16>(dataset, ranges)?)),
        ElementType::U32 => Pixels::new(Typed(read::<u32>(dataset, ranges)?)),
        ElementType::I32 => Pixels::new(Typed(read::<i32>(dataset, ranges)?)),
        ElementType::U64 => Pixels::new(Typed(read::<u64>(dataset, ranges)?)),
        ElementType::I64 => Pixels::new(Typed(read::<i64>(dataset, ranges)?)),
        ElementType::F32 => Pixels::new(Typed(read::<f32>(dataset, ranges)?)),
        ElementType::F64 => Pixels::new(Typed(read::<f64>(dataset, ranges)?)),
        ElementType::C64 => read_pairs::<f32>(dataset, ranges)?,
        ElementType::C128 => read_pairs::<f64>(dataset, ranges)?,
        ElementType::Rgb8 => read_colours::<3>(dataset, pixel, ranges)?,
        ElementType::Rgba8 => read_colours::<4>(dataset, pixel, ranges)?,
        ElementType::Rgb16 => read_colours::<6>(dataset, pixel, ranges)?,
        ElementType::Rgba16 => read_colours::<8>(dataset, pixel, ranges)?,
    })
}

fn read<T: H5Type>(dataset: &Dataset, ranges: &[Range<usize>]) -> Result<Vec<T>, Error> {
    let selections = (ranges.iter())
        .map(|range| SliceInfoElem::Slice {
            start: range.start as u64,
            end: range.end as u64,
            step: 1,
        })
        .collect();
    let array = dataset.read_slice::<T>(&SliceInfo { selections })?;
    if array.is_standard_layout() {
        return Ok(array.into_raw_vec_and_offset().0);
    }
    Ok(array.iter().cloned().collect())
}

/// A truth value of one byte.
#[derive(Clone)]
struct Truth(u8);

impl H5Type for Truth {
    fn hdf5_type() -> Datatype {
        <u8 as H5Type>::hdf5_type()
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> Result<Self, Error> {
        let byte = bytes
            .first()
            .ok_or_else(|| Error::InvalidData("no byte".into()))?;
        Ok(Truth(*byte))
    }

    fn element_size(_: &Datatype) -> usize {
        1
    }
}

/// Floating point of 16 bit.
#[derive(Clone)]
struct Half(f32);

impl H5Type for Half {
    fn hdf5_type() -> Datatype {
        Datatype::FloatingPoint {
            size: 2,
            byte_order: ByteOrder::LittleEndian,
        }
    }

    fn from_bytes(bytes: &[u8], datatype: &Datatype) -> Result<Self, Error> {
        let (Some(pair), Datatype::FloatingPoint { byte_order, .. }) =
            (bytes.first_chunk(), datatype)
        else {
            return Err(Error::InvalidData("no floating point of 16 bit".into()));
        };
        let half = match byte_order {
            ByteOrder::BigEndian => half::f16::from_be_bytes(*pair),
            ByteOrder::LittleEndian => half::f16::from_le_bytes(*pair),
        };
        Ok(Half(half.to_f32()))
    }

    fn element_size(_: &Datatype) -> usize {
        2
    }
}

/// The bytes of a record whose fields have been looked at.
#[derive(Clone)]
struct Record<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> H5Type for Record<BYTES> {
    fn hdf5_type() -> Datatype {
        Datatype::Compound {
            size: BYTES as u32,
            fields: Vec::new(),
        }
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> Result<Self, Error> {
        let record = bytes.first_chunk().copied().map(Record);
        record.ok_or_else(|| Error::InvalidData("a record that is cut off".into()))
    }

    fn element_size(_: &Datatype) -> usize {
        BYTES
    }
}

/// Real and imaginary part.
#[derive(Clone)]
struct Pair<T>([T; 2]);

impl<T: H5Type + Element> H5Type for Pair<T> {
    fn hdf5_type() -> Datatype {
        let part = |name: &str, byte_offset| CompoundField {
            name: name.into(),
            byte_offset,
            datatype: T::hdf5_type(),
        };
        let bytes = size_of::<T>() as u32;
        Datatype::Compound {
            size: 2 * bytes,
            fields: vec![part("r", 0), part("i", bytes)],
        }
    }

    fn from_bytes(bytes: &[u8], datatype: &Datatype) -> Result<Self, Error> {
        let Datatype::Compound { fields, .. } = datatype else {
            return Err(Error::InvalidData("no complex number".into()));
        };
        let [real, imaginary] =
            parts(fields).ok_or_else(|| Error::InvalidData("no complex number".into()))?;
        let part = |field: &CompoundField| {
            let from = field.byte_offset as usize;
            let bytes = bytes.get(from..from + size_of::<T>());
            T::from_bytes(bytes.unwrap_or_default(), &field.datatype)
        };
        Ok(Pair([part(real)?, part(imaginary)?]))
    }

    fn element_size(_: &Datatype) -> usize {
        size_of::<Self>()
    }
}
