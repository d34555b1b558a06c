//! Filters of HDF5 chunks beside those that `hdf5-reader` brings, and the names of all the others.
//!
//! Registered filters: <https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md>.

use std::path::Path;

use hdf5_reader::FilterRegistry;
use hdf5_reader::error::Error;
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use signal::SourceError;

use crate::storage::decoders::{self, Decoded, Inner};

const LZF: u16 = 32_000;
const BLOSC: u16 = 32_001;
const BZIP2: u16 = 307;
const BITSHUFFLE: u16 = 32_008;
const ZSTD: u16 = 32_015;
/// What `hdf5-reader` decodes: deflate, shuffle, Fletcher-32, szip, n-bit, scale-offset, LZ4.
const BUILT_IN: [u16; 7] = [1, 2, 3, 4, 5, 6, 32_004];
/// Largest chunk that is decoded, as of `hdf5-reader`.
const MAX_CHUNK_BYTES: usize = hdf5_reader::DEFAULT_MAX_CHUNK_BYTES;

/// Names of filters that are not read.
const NAMES: [(u16, &str); 15] = [
    (32_002, "MAFISC"),
    (32_003, "Snappy"),
    (32_006, "CBF"),
    (32_007, "JPEG-XR"),
    (32_010, "LPC-Rice"),
    (32_012, "JPEG-LS"),
    (32_013, "ZFP"),
    (32_014, "fpzip"),
    (32_016, "B³D"),
    (32_017, "SZ"),
    (32_018, "FCIDECOMP"),
    (32_019, "JPEG"),
    (32_024, "SZ3"),
    (32_026, "Blosc2"),
    (32_028, "SPERR"),
];

pub fn registry() -> FilterRegistry {
    let mut registry = FilterRegistry::new();
    for id in [LZF, BLOSC, BZIP2, BITSHUFFLE, ZSTD] {
        registry.register(
            id,
            Box::new(move |filter, bytes, width| {
                decoded(id, &filter.client_data, bytes, width).map_err(Error::DecompressionError)
            }),
        );
    }
    registry
}

fn decoded(id: u16, parameters: &[u32], bytes: &[u8], width: usize) -> Decoded {
    let parameter = |at: usize| parameters.get(at).map_or(0, |value| *value as usize);
    match id {
        // Parameter 2 of LZF is the length of a chunk.
        LZF => decoders::lzf(bytes, parameter(2).clamp(1, MAX_CHUNK_BYTES)),
        BLOSC => decoders::blosc(bytes, MAX_CHUNK_BYTES),
        BZIP2 => decoders::bzip2(bytes, MAX_CHUNK_BYTES),
        ZSTD => decoders::zstd(bytes, MAX_CHUNK_BYTES),
        // Of bitshuffle: 2 the width of a value, 3 the values of a block, 4 the compressor.
        _ => {
            let inner = match parameter(4) {
                0 => Inner::None,
                2 => Inner::Lz4,
                3 => Inner::Zstd,
                other => return Err(format!("bitshuffle with the unknown compressor {other}")),
            };
            let width = match parameter(2) {
                0 => width,
                width => width,
            };
            decoders::bitshuffle(bytes, width, parameter(3), inner, MAX_CHUNK_BYTES)
        }
    }
}

/// Whether chunks can be decoded, before any is read.
///
/// # Errors
/// [`SourceError::Unsupported`] naming the filter.
pub fn check(path: &Path, filters: &[FilterDescription]) -> Result<(), SourceError> {
    let ours = [LZF, BLOSC, BZIP2, BITSHUFFLE, ZSTD];
    let unknown = (filters.iter())
        .find(|filter| !BUILT_IN.contains(&filter.id) && !ours.contains(&filter.id));
    let Some(filter) = unknown else {
        return Ok(());
    };
    let known = NAMES.iter().find(|(id, _)| *id == filter.id);
    let stored = filter
        .name
        .as_deref()
        .map(|name| name.trim_end_matches('\0'));
    let name = match (known, stored.filter(|name| !name.is_empty())) {
        (Some((id, name)), _) => format!("{name} (filter {id})"),
        (None, Some(name)) => format!("{name:.60} (filter {})", filter.id),
        (None, None) => format!("filter {}", filter.id),
    };
    Err(SourceError::unsupported(
        path,
        format!(
            "its chunks are compressed with {name}; gzip, LZF, LZ4, Zstandard, Blosc, bitshuffle, bzip2, szip, n-bit and scale-offset are read"
        ),
        "write it again with gzip: with the plugin and the tools of HDF5 `h5repack -f GZIP=1 FILE again.h5`, or in Python `import h5py, hdf5plugin; h5py.File(\"again.h5\", \"w\").create_dataset(\"data\", data=h5py.File(FILE)[NAME][:], compression=\"gzip\")`",
    ))
}
