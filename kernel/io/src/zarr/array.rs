//! One Zarr array in a folder: its metadata, and its storage chunks decoded.
//!
//! Codecs and chunk grids are zarrs'; this file turns a short or damaged chunk file into an error
//! that names it. Chunk folders are never listed: an absent chunk is the fill value, and counted (`absent.rs`).

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use signal::{Block, SourceError};
use zarrs::array::{Array, ArrayBytes, ArrayMetadata, ArrayToBytesCodecTraits};
use zarrs::filesystem::FilesystemStore;

use crate::error::io_error;
use crate::storage::chunk::chunk_bytes;
use crate::storage::colours::in_numbers;
use crate::storage::decoders::sequential;
use crate::storage::json;
use crate::storage::pixel::{NoPixel, Pixel, Tool, zarr_pixel};
use crate::zarr::codecs::with_own_chain;

/// Entries of one chunk of a small array, such as a list in the metadata.
const MAX_SMALL_CHUNK: u64 = 1 << 24;

/// How chunk files are encoded, as far as their length can be checked before decoding.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Encoding {
    /// Nothing but bytes: the length is known.
    Raw,
    /// Blosc: the header carries both lengths.
    Blosc,
    /// gzip: the last four bytes are the decoded length.
    Gzip,
    /// zstd: the header usually carries the decoded length.
    Zstd,
    Other,
}

/// How far the clock of a file server may be ahead.
const CLOCKS: Duration = Duration::from_secs(2);

/// A Zarr array (version 2 or 3) in a folder.
pub struct ArrayFolder {
    pub folder: PathBuf,
    pub attributes: Value,
    pub metadata: Value,
    pub array: Array<FilesystemStore>,
    pixel: Result<Pixel, NoPixel>,
    encoding: Encoding,
    metadata_path: PathBuf,
    opened: Option<SystemTime>,
    /// When it was opened, by the clock of this machine.
    since: SystemTime,
    /// A chunk was found that was written later.
    changed: AtomicBool,
}

impl ArrayFolder {
    /// Reads `.zarray` or `zarr.json` of a folder; `None` when it holds neither an array.
    pub fn open(folder: &Path) -> Result<Option<Self>, SourceError> {
        let v3 = folder.join("zarr.json");
        if let Some(metadata) = json::read(&v3)? {
            if metadata["node_type"] != "array" {
                return Ok(None);
            }
            let attributes = metadata["attributes"].clone();
            return ArrayFolder::new(folder, v3, metadata, attributes).map(Some);
        }
        let v2 = folder.join(".zarray");
        match json::read(&v2)? {
            Some(metadata) => {
                let attributes = json::read(&folder.join(".zattrs"))?.unwrap_or_default();
                ArrayFolder::new(folder, v2, metadata, attributes).map(Some)
            }
            None => Ok(None),
        }
    }

    fn new(
        folder: &Path,
        metadata_path: PathBuf,
        metadata: Value,
        attributes: Value,
    ) -> Result<Self, SourceError> {
        let undecodable =
            |reason: String| SourceError::damaged(&metadata_path, "the array's metadata", reason);
        let pixel = zarr_pixel(&metadata);
        let readable = in_numbers(folder, with_own_chain(folder, &metadata)?)?;
        // What a pixel is says more than that it cannot be understood.
        let no_pixel = |error: String| match &pixel {
            Err(found) => found.refused(folder, Tool::NumPy),
            Ok(_) => undecodable(error),
        };
        let typed: ArrayMetadata =
            serde_json::from_value(readable).map_err(|error| no_pixel(error.to_string()))?;
        let store = FilesystemStore::new(folder).map_err(|error| undecodable(error.to_string()))?;
        let array = Array::new_with_metadata(Arc::new(store), "/", typed)
            .map_err(|error| no_pixel(error.to_string()))?;
        Ok(ArrayFolder {
            folder: folder.into(),
            encoding: encoding(&metadata),
            pixel,
            attributes,
            metadata,
            array,
            opened: modified(&metadata_path),
            since: SystemTime::now(),
            changed: AtomicBool::new(false),
            metadata_path,
        })
    }

    /// The same array with another header in the place of the one in the folder.
    pub fn with_header(self, metadata: Value) -> Result<Self, SourceError> {
        ArrayFolder::new(&self.folder, self.metadata_path, metadata, self.attributes)
    }

    pub fn shape(&self) -> Vec<usize> {
        let mut shape: Vec<usize> = (self.array.shape().iter())
            .map(|size| *size as usize)
            .collect();
        if let Some(last) = shape.last_mut() {
            *last /= self.channels();
        }
        shape
    }

    /// Sizes of a storage chunk in pixels.
    ///
    /// # Errors
    /// In words.
    pub fn chunk_shape(&self, indices: &[u64]) -> Result<Vec<u64>, String> {
        let shape = (self.array.chunk_shape(indices)).map_err(|error| error.to_string())?;
        let mut shape: Vec<u64> = shape.iter().map(|size| size.get()).collect();
        if let Some(last) = shape.last_mut() {
            *last /= self.channels() as u64;
        }
        Ok(shape)
    }

    /// Numbers of one pixel: a row of colours is one of numbers to `zarrs`.
    fn channels(&self) -> usize {
        (self.pixel.as_ref()).map_or(1, |pixel| pixel.element.channels())
    }

    /// Names of the axes where the store has them: Zarr 3 `dimension_names`, or xarray's attribute.
    pub fn dimension_names(&self) -> Vec<String> {
        let names = match &self.metadata["dimension_names"] {
            Value::Null => &self.attributes["_ARRAY_DIMENSIONS"],
            names => names,
        };
        names.as_array().map_or_else(Vec::new, |names| {
            names
                .iter()
                .map(|name| name.as_str().unwrap_or_default().to_owned())
                .collect()
        })
    }

    /// How a pixel is stored.
    ///
    /// # Errors
    /// [`SourceError::Unsupported`] for complex, text and object arrays.
    pub fn pixel(&self, tool: Tool) -> Result<Pixel, SourceError> {
        (self.pixel.clone()).map_err(|found| found.refused(&self.folder, tool))
    }

    /// Pixels as `zarrs` decodes them, in the form of frames.
    pub fn widened(&self, bytes: Vec<u8>) -> Vec<u8> {
        match &self.pixel {
            Ok(pixel) => pixel.widened(bytes),
            Err(_) => bytes,
        }
    }

    /// The whole of a small array as JSON values in C order; `None` when it is not small or not readable.
    pub fn small_values(&self, most: u64) -> Option<Vec<Value>> {
        let count = self
            .array
            .shape()
            .iter()
            .copied()
            .try_fold(1u64, u64::checked_mul)?;
        let origin = vec![0; self.array.dimensionality()];
        let chunk = self.array.chunk_shape(&origin).ok()?;
        let in_chunk = chunk
            .iter()
            .map(|size| size.get())
            .try_fold(1u64, u64::checked_mul)?;
        // A damaged header may announce chunks that no memory holds, and one is decoded whole.
        if count > most || in_chunk > MAX_SMALL_CHUNK {
            return None;
        }
        let all = self.array.subset_all();
        let options = sequential();
        if self.metadata["dtype"] == "|O" || self.metadata["data_type"] == "string" {
            let texts: Vec<String> = self.array.retrieve_array_subset_opt(&all, &options).ok()?;
            return Some(texts.into_iter().map(Value::from).collect());
        }
        let pixel = self.pixel.as_ref().ok()?;
        let bytes: ArrayBytes<'static> =
            self.array.retrieve_array_subset_opt(&all, &options).ok()?;
        let block = Block::new(pixel.widened(bytes.into_fixed().ok()?.into_owned()));
        let frame = signal::Frame::from_block(&[count as usize], pixel.element, block, 0).ok()?;
        Some(signal::for_pixels!(&frame, |pixels| pixels
            .iter()
            .map(|pixel| Value::from(*pixel))
            .collect()))
    }

    /// Refuses to mix two files: the store may have been written again since it was opened.
    pub fn check_same(&self) -> Result<(), SourceError> {
        let now = modified(&self.metadata_path);
        let how = match now {
            _ if self.changed.load(Ordering::Relaxed) => "changed",
            now if now == self.opened => return Ok(()),
            None => "removed",
            Some(_) => "replaced",
        };
        Err(SourceError::Invalid {
            what: format!("{} was {how} since it was opened", self.folder.display()),
            remedy: "open it again".into(),
        })
    }

    /// As [`ArrayFolder::check_same`] for the file of a chunk: pixels that are written while the array is open do not
    /// fit those that were read before.
    pub fn check_chunk(&self, file: &Path) -> Result<(), SourceError> {
        if modified(file).is_some_and(|written| written > self.since + CLOCKS) {
            self.changed.store(true, Ordering::Relaxed);
        }
        self.check_same()
    }

    /// The file of the first storage chunk that a box of array indices touches.
    pub fn chunk_file(&self, ranges: &[Range<u64>]) -> PathBuf {
        let zeros = vec![0; ranges.len()];
        let Ok(shape) = self.chunk_shape(&zeros) else {
            return self.folder.clone();
        };
        let indices: Vec<u64> = (ranges.iter().zip(shape.iter()))
            .map(|(range, size)| range.start / size)
            .collect();
        self.array
            .storage()
            .key_to_fspath(&self.array.chunk_key(&indices))
    }

    /// One storage chunk of nothing but the fill value.
    pub fn filled(&self, indices: &[u64]) -> Result<Vec<u8>, SourceError> {
        let undecodable =
            |reason: String| SourceError::damaged(&self.metadata_path, "the fill value", reason);
        let shape =
            (self.array.chunk_shape(indices)).map_err(|error| undecodable(error.to_string()))?;
        let sizes = || shape.iter().map(|size| size.get());
        let width = self.pixel(Tool::NumPy)?.bytes() / self.channels();
        chunk_bytes(&self.folder, sizes(), width)?;
        let (kind, fill) = (self.array.data_type(), self.array.fill_value());
        ArrayBytes::new_fill_value(kind, sizes().product(), fill)
            .map_err(|error| undecodable(error.to_string()))?
            .into_fixed()
            .map(|bytes| self.widened(bytes.into_owned()))
            .map_err(|error| undecodable(error.to_string()))
    }

    /// Decodes one storage chunk; `None` when its file is absent.
    pub fn decode(&self, indices: &[u64]) -> Result<Option<Vec<u8>>, SourceError> {
        let place = || {
            let names: Vec<String> = indices.iter().map(u64::to_string).collect();
            format!("chunk {}", names.join("/"))
        };
        let path = self
            .array
            .storage()
            .key_to_fspath(&self.array.chunk_key(indices));
        let undecodable = |reason: String| SourceError::Decode {
            path: path.clone(),
            place: place(),
            reason,
        };
        let shape = self
            .array
            .chunk_shape(indices)
            .map_err(|error| undecodable(error.to_string()))?;
        let expected = chunk_bytes(
            &self.folder,
            shape.iter().map(|size| size.get()),
            self.pixel(Tool::NumPy)?.bytes() / self.channels(),
        )?;
        self.check_chunk(&path)?;
        let decoded = match std::fs::read(&path) {
            Ok(encoded) => {
                self.check_length(&encoded, expected, &path, &place)?;
                self.array.codecs().decode(
                    Cow::Owned(encoded),
                    &shape,
                    self.array.data_type(),
                    self.array.fill_value(),
                    &sequential(),
                )
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(&path, &error)),
        };
        let bytes = decoded
            .map_err(|error| undecodable(error.to_string()))?
            .into_fixed()
            .map_err(|error| undecodable(error.to_string()))?
            .into_owned();
        if bytes.len() as u64 == expected {
            Ok(Some(self.widened(bytes)))
        } else {
            Err(undecodable(format!(
                "{expected} bytes expected after decoding, {} found",
                bytes.len()
            )))
        }
    }

    /// Compares the length of a chunk file with what it says itself.
    fn check_length(
        &self,
        encoded: &[u8],
        expected: u64,
        path: &Path,
        place: &dyn Fn() -> String,
    ) -> Result<(), SourceError> {
        let found = encoded.len() as u64;
        let truncated = |expected_bytes| SourceError::Truncated {
            path: path.into(),
            expected_bytes,
            found_bytes: found,
            place: place(),
        };
        match self.encoding {
            Encoding::Raw if found < expected => Err(truncated(expected)),
            Encoding::Blosc => {
                let word = |at: usize| {
                    encoded
                        .get(at..at + 4)
                        .and_then(|word| word.try_into().ok())
                        .map(|word| u64::from(u32::from_le_bytes(word)))
                };
                let (Some(decoded), Some(stored)) = (word(4), word(12)) else {
                    return Err(truncated(16));
                };
                if found < stored {
                    Err(truncated(stored))
                } else if decoded != expected {
                    Err(SourceError::Decode {
                        path: path.into(),
                        place: place(),
                        reason: format!(
                            "it holds {decoded} bytes, the array's chunks have {expected}"
                        ),
                    })
                } else {
                    Ok(())
                }
            }
            Encoding::Gzip | Encoding::Zstd => {
                let decoded = match self.encoding {
                    Encoding::Gzip => gzip_length(encoded),
                    _ => zstd_length(encoded),
                };
                // The decoders take what comes: a damaged length must not fill the memory first.
                match decoded {
                    // gzip keeps the length modulo 4 GiB.
                    Some(decoded) if decoded != expected && decoded != expected % (1 << 32) => {
                        Err(SourceError::Decode {
                            path: path.into(),
                            place: place(),
                            reason: format!(
                                "it holds {decoded} bytes, the array's chunks have {expected}"
                            ),
                        })
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// Decoded length of a gzip stream of less than 4 GiB (RFC 1952, `ISIZE`); none when it is none.
fn gzip_length(encoded: &[u8]) -> Option<u64> {
    let end = encoded.len().checked_sub(4)?;
    let is_gzip = encoded.starts_with(&[0x1f, 0x8b]) && encoded.len() >= 18;
    let length: [u8; 4] = encoded[end..].try_into().ok()?;
    is_gzip.then(|| u64::from(u32::from_le_bytes(length)))
}

/// Decoded length of a zstd frame (RFC 8878, `Frame_Content_Size`); none when it does not say.
fn zstd_length(encoded: &[u8]) -> Option<u64> {
    let rest = encoded.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, rest) = rest.split_first()?;
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let rest = rest.get(usize::from(!single) + dictionary..)?;
    let width = match descriptor >> 6 {
        0 if single => 1,
        0 => return None,
        flag => 1 << flag,
    };
    let mut length = [0; 8];
    length[..width].copy_from_slice(rest.get(..width)?);
    let length = u64::from_le_bytes(length);
    Some(if width == 2 { length + 256 } else { length })
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|found| found.modified())
        .ok()
}

fn encoding(metadata: &Value) -> Encoding {
    if metadata["zarr_format"] == 2 {
        let filters = metadata["filters"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        return match metadata["compressor"]["id"].as_str() {
            _ if filters => Encoding::Other,
            None => Encoding::Raw,
            Some("blosc") => Encoding::Blosc,
            Some("gzip") => Encoding::Gzip,
            Some("zstd") => Encoding::Zstd,
            Some(_) => Encoding::Other,
        };
    }
    let names: Vec<&str> = metadata["codecs"].as_array().map_or_else(Vec::new, |list| {
        list.iter()
            .map(|codec| {
                codec["name"]
                    .as_str()
                    .or(codec.as_str())
                    .unwrap_or_default()
            })
            .filter(|name| *name != "transpose")
            .collect()
    });
    match names.as_slice() {
        ["bytes"] => Encoding::Raw,
        ["bytes", "blosc"] => Encoding::Blosc,
        ["bytes", "gzip"] => Encoding::Gzip,
        ["bytes", "zstd"] => Encoding::Zstd,
        _ => Encoding::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_chunks_tell_how_long_they_are() {
        // `gzip.compress(bytes(300), mtime=0)` and `zstd.compress` of Python, 300 and 70000 zeros.
        let gzip = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255, 99, 96, 24, 217, 0, 0, 178, 9, 67, 133, 44, 1, 0,
            0,
        ];
        assert_eq!(gzip_length(&gzip), Some(300));
        assert_eq!(gzip_length(b"not gzip at all, but long"), None);
        let short = [0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x2c, 0x00, 0x4d];
        assert_eq!(zstd_length(&short), Some(300));
        let long = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0x70, 0x11, 0x01, 0x00];
        assert_eq!(zstd_length(&long), Some(70_000));
        let unsaid = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x00];
        assert_eq!(zstd_length(&unsaid), None);
        assert_eq!(zstd_length(&[0x28, 0xb5, 0x2f, 0xfd]), None);
    }
}
