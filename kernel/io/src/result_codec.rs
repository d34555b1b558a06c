//! Encoding one chunk with zarrs, without a store around it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{ElementType, SourceError};
use zarrs::array::{Array, ArrayBytes, ArrayMetadata, ArrayToBytesCodecTraits};
use zarrs::storage::store::MemoryStore;

use crate::result_options::Compression;
use crate::zarr_array::sequential;

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
        let typed: ArrayMetadata =
            serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
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

/// `compressor` of a Zarr 2 array; hyperspy's own default is zstd.
pub fn compressor_v2(compression: Compression) -> Value {
    match compression {
        Compression::None => Value::Null,
        Compression::Lz4 => {
            json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0})
        }
        _ => json!({"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1, "blocksize": 0}),
    }
}

/// `codecs` of a Zarr 3 chunk. Bytes are shuffled before compression: counts have an empty high byte.
pub fn codecs_v3(compression: Compression, element: ElementType) -> Value {
    let bytes = match element.size_bytes() {
        1 => json!({"name": "bytes"}),
        _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
    };
    let (name, level) = match compression {
        Compression::None => return json!([bytes]),
        Compression::Lz4 => ("lz4", 5),
        _ => ("zstd", 1),
    };
    let blosc = json!({"name": "blosc", "configuration": {"cname": name, "clevel": level,
        "shuffle": if element.size_bytes() == 1 { "noshuffle" } else { "shuffle" },
        "typesize": element.size_bytes(), "blocksize": 0}});
    json!([bytes, blosc])
}
