//! Encoding one chunk with zarrs, without a store around it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{ElementType, SourceError};
use zarrs::array::{Array, ArrayBytes, ArrayMetadata, ArrayToBytesCodecTraits};
use zarrs::storage::store::MemoryStore;

use crate::result::options::Compression;
use crate::storage::colours::in_numbers;
use crate::storage::decoders::sequential;

/// The codecs of an array, for chunks of its one shape.
pub struct ChunkCodec {
    array: Array<MemoryStore>,
    shape: Vec<std::num::NonZeroU64>,
}

impl ChunkCodec {
    /// `metadata` is that of an array with regular chunks and no shards; `path` is for messages.
    pub fn new(path: &Path, metadata: Value) -> Result<Self, SourceError> {
        let failed = |reason: String| SourceError::Io {
            path: path.into(),
            reason,
        };
        let typed: ArrayMetadata = serde_json::from_value(in_numbers(path, metadata)?)
            .map_err(|error| failed(error.to_string()))?;
        let array = Array::new_with_metadata(Arc::new(MemoryStore::new()), "/", typed)
            .map_err(|error| failed(error.to_string()))?;
        let shape = array
            .chunk_shape(&vec![0; array.dimensionality()])
            .map_err(|error| failed(error.to_string()))?;
        Ok(ChunkCodec { array, shape })
    }

    /// Encodes one chunk of full size in this machine's byte order.
    pub fn encode<'a>(&self, path: &Path, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, SourceError> {
        self.array
            .codecs()
            .encode(
                ArrayBytes::new_flen(bytes),
                &self.shape,
                self.array.data_type(),
                self.array.fill_value(),
                &sequential(),
            )
            .map_err(|error| SourceError::Io {
                path: path.into(),
                reason: error.to_string(),
            })
    }
}

/// What pixels that are not written are filled with, as both versions of Zarr spell it.
pub fn zero(element: ElementType) -> Value {
    if element.is_colour() {
        // The bytes of one pixel, in base64: as zarr-python writes records.
        return json!(match element.size_bytes() {
            3 => "AAAA",
            4 => "AAAAAA==",
            6 => "AAAAAAAA",
            _ => "AAAAAAAAAAA=",
        });
    }
    match (element.is_complex(), element.is_float()) {
        (true, _) => json!([0.0, 0.0]),
        (false, true) => json!(0.0),
        (false, false) => json!(0),
    }
}

/// How bytes become fewer. Measured on diffraction patterns: counts as bit planes (bit shuffle) are a fifth
/// smaller than as byte planes and are packed twice as fast; shuffled floats are larger than plain ones.
enum Scheme {
    Raw,
    Zstd,
    Blosc {
        name: &'static str,
        level: u8,
        /// Of bits; none otherwise.
        shuffle: bool,
    },
}

const ZSTD_LEVEL: u8 = 1;

fn scheme(compression: Compression, element: ElementType) -> Scheme {
    let shuffle = !element.is_float();
    match compression {
        Compression::None => Scheme::Raw,
        Compression::Lz4 => Scheme::Blosc {
            name: "lz4",
            level: 5,
            shuffle,
        },
        _ if shuffle => Scheme::Blosc {
            name: "zstd",
            level: ZSTD_LEVEL,
            shuffle,
        },
        _ => Scheme::Zstd,
    }
}

/// `compressor` of a Zarr 2 array.
pub fn compressor_v2(compression: Compression, element: ElementType) -> Value {
    match scheme(compression, element) {
        Scheme::Raw => Value::Null,
        Scheme::Zstd => json!({"id": "zstd", "level": ZSTD_LEVEL}),
        Scheme::Blosc {
            name,
            level,
            shuffle,
        } => json!({"id": "blosc", "cname": name, "clevel": level,
            "shuffle": if shuffle { 2 } else { 0 }, "blocksize": 0}),
    }
}

/// `codecs` of a Zarr 3 chunk.
pub fn codecs_v3(compression: Compression, element: ElementType) -> Value {
    let bytes = match element.size_bytes() {
        1 => json!({"name": "bytes"}),
        _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
    };
    match scheme(compression, element) {
        Scheme::Raw => json!([bytes]),
        Scheme::Zstd => json!([bytes, {"name": "zstd",
            "configuration": {"level": ZSTD_LEVEL, "checksum": false}}]),
        Scheme::Blosc {
            name,
            level,
            shuffle,
        } => json!([bytes, {"name": "blosc", "configuration": {"cname": name, "clevel": level,
            "shuffle": if shuffle { "bitshuffle" } else { "noshuffle" },
            "typesize": element.size_bytes(), "blocksize": 0}}]),
    }
}
