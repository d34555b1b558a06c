//! Writing NumPy arrays (`.npy`): the uncompressed pixels in C order, which every program maps.
//!
//! Specification: see `npy.rs`. The file cannot say axes, units or metadata. They are in a second file,
//! `NAME.npy.json`, which also holds a checksum of both ends of the array: copied without it, the array
//! opens with axes in pixels; beside another array, it is not used.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{ElementType, Peaks, SourceError};

use crate::error::io_error;
use crate::metadata::axes::own_axis;
use crate::result::partial::Record;
use crate::result::sink::Sink;
use crate::result::tree::{metadata, original};
use crate::result::write_layout::WriteLayout;
use crate::storage::write::write_json;

/// numpy aligns the first pixel.
const ALIGNMENT: usize = 64;
/// Bytes at each end that tell one array from another.
const END_BYTES: u64 = 4096;

pub struct NpySink {
    path: PathBuf,
    file: File,
    start: u64,
    layout: WriteLayout,
}

impl NpySink {
    /// Writes the header and gives the file its length.
    ///
    /// # Errors
    /// [`SourceError::Io`] naming the file that could not be written.
    pub fn prepare(layout: &WriteLayout, path: &Path) -> Result<(), SourceError> {
        let header = header(layout);
        let write = || -> std::io::Result<()> {
            let file = File::create(path)?;
            file.write_all_at(&header, 0)?;
            file.set_len(header.len() as u64 + layout.meta.total_bytes())
        };
        write().map_err(|error| io_error(path, &error))
    }

    /// # Errors
    /// [`SourceError::Io`] when the prepared file cannot be opened.
    pub fn open(layout: &WriteLayout, path: &Path) -> Result<Self, SourceError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| io_error(path, &error))?;
        Ok(NpySink {
            path: path.into(),
            file,
            start: header(layout).len() as u64,
            layout: layout.clone(),
        })
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), SourceError> {
        self.file
            .write_all_at(bytes, self.start + at)
            .map_err(|error| io_error(&self.path, &error))
    }
}

impl Sink for NpySink {
    fn chunk(&self, chunk: usize, bytes: &[u8]) -> Result<(), SourceError> {
        let frame_bytes = self.layout.frame_bytes();
        let navigation = self.layout.meta.axes.navigation_shape();
        let ranges = self.layout.chunks.ranges(chunk);
        let Some((fastest, slower)) = ranges.split_last() else {
            return self.write(&bytes[..frame_bytes], 0);
        };
        // Positions along the fastest axis follow each other in the file, those of other axes do not.
        let outer = crate::result::blocks::flats(slower, &navigation);
        let inner: Vec<std::ops::Range<usize>> =
            slower.iter().map(|range| 0..range.len()).collect();
        let inner = crate::result::blocks::flats(&inner, &self.layout.chunks.size);
        let in_row = self.layout.chunks.size[slower.len()];
        for (row, place) in outer.into_iter().zip(inner) {
            let at = row * navigation[slower.len()] + fastest.start;
            let from = place * in_row * frame_bytes;
            let pixels = &bytes[from..from + fastest.len() * frame_bytes];
            self.write(pixels, (at * frame_bytes) as u64)?;
        }
        Ok(())
    }

    fn peaks(&self, _chunk: usize, _lists: &[Option<Arc<Peaks>>]) -> Result<(), SourceError> {
        Err(SourceError::unsupported(
            &self.path,
            "an array has no lists of different length",
            "give a name that ends in .zspy or .hspy",
        ))
    }

    fn finish_block(&self, block: usize, durable: bool) -> Result<Record, SourceError> {
        if durable {
            self.file
                .sync_data()
                .map_err(|error| io_error(&self.path, &error))?;
        }
        Ok(Record {
            bytes: (self.layout.blocks.positions(block) * self.layout.frame_bytes()) as u64,
            checksum: 0,
        })
    }

    fn holds(&self, block: usize, record: Record) -> bool {
        let whole = self.start + self.layout.meta.total_bytes();
        let length = self.file.metadata().map(|found| found.len());
        let bytes = (self.layout.blocks.positions(block) * self.layout.frame_bytes()) as u64;
        length.is_ok_and(|length| length == whole) && record.bytes == bytes
    }

    fn images(&self, images: &[f32]) -> Result<(), SourceError> {
        let bytes: Vec<u8> = images
            .iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect();
        self.write(&bytes, 0)
    }

    fn finish(&self, layout: &WriteLayout) -> Result<(), SourceError> {
        let axes: Vec<Value> = (layout.axes.iter())
            .map(|(axis, navigate)| own_axis(axis, *navigate))
            .collect();
        let (bytes, checksum) = ends(&self.path).map_err(|error| io_error(&self.path, &error))?;
        let mut sidecar = json!({
            "axes": axes,
            "metadata": metadata(&layout.meta, &Value::Null),
            "original_metadata": original(&layout.meta),
            "array": {"bytes": bytes, "crc32c_of_ends": checksum},
        });
        if !layout.provenance.is_null() {
            sidecar["provenance"] = layout.provenance.clone();
        }
        write_json(&sidecar_of(&self.path), &sidecar)
    }

    fn beside(&self, target: &Path) -> Option<(PathBuf, PathBuf)> {
        Some((sidecar_of(&self.path), sidecar_of(target)))
    }
}

/// `scan.npy.json` beside `scan.npy`.
pub fn sidecar_of(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".json");
    name.into()
}

/// Length of an array's file, and a checksum of its first and last bytes.
pub fn ends(path: &Path) -> std::io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.by_ref().take(END_BYTES).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
    file.take(END_BYTES).read_to_end(&mut bytes)?;
    Ok((length, crc32c::crc32c(&bytes)))
}

/// numpy's name of a type of numbers, in quotes.
fn descr(element: ElementType) -> String {
    let order = match element.size_bytes() {
        1 => '|',
        _ if cfg!(target_endian = "big") => '>',
        _ => '<',
    };
    format!("'{order}{}{}'", &element.name()[..1], element.size_bytes())
}

fn header(layout: &WriteLayout) -> Vec<u8> {
    let sizes: Vec<String> = layout.shape().iter().map(usize::to_string).collect();
    let shape = match sizes.as_slice() {
        [one] => format!("{one},"),
        all => all.join(", "),
    };
    let element = layout.meta.element;
    let number = descr(element.part());
    let descr = match element.is_complex() {
        true => descr(element),
        false if element.is_colour() => {
            let fields = ["R", "G", "B", "A"].map(|name| format!("('{name}', {number})"));
            format!("[{}]", fields[..element.channels()].join(", "))
        }
        false => number,
    };
    let mut text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ({shape}), }}");
    let prefix = 10;
    let whole = (prefix + text.len() + 1).next_multiple_of(ALIGNMENT);
    text.extend(std::iter::repeat_n(' ', whole - prefix - text.len() - 1));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}
