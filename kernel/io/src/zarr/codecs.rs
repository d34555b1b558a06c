//! Codecs of Zarr that `zarrs` does not bring: numcodecs' filters and compressors of version 2 stores.
//!
//! In version 2 every codec turns bytes into bytes, so the whole chain of an array is one codec for `zarrs`, which
//! does the rest (byte order, storage order, keys of chunks). Documentation of the codecs:
//! <https://numcodecs.readthedocs.io/>.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, Once};

use serde_json::{Value, json};
use signal::{Block, ElementType, Frame, SourceError};
use zarrs::array::codec::api::{
    BytesRepresentation, BytesToBytesCodecTraits, Codec, CodecError, CodecMetadataOptions,
    CodecOptions, CodecRuntimePluginV2, CodecTraits, PartialDecoderCapability,
    PartialEncoderCapability, RecommendedConcurrency, register_codec_v2,
};
use zarrs::metadata::Configuration;
use zarrs::metadata::v2::MetadataV2;
use zarrs::plugin::{ExtensionName, PluginCreateError, ZarrVersion};

use crate::storage::decoders;
use crate::storage::pixel::Pixel;

/// Name under which `zarrs` knows the chain of an array.
const CHAIN: &str = "signaltree.chain";
/// What `zarrs` decodes of version 2 by itself when it stands alone.
const ZARRS_V2: [&str; 3] = ["blosc", "gzip", "zstd"];
/// Codecs that make lists and texts; `zarrs` has them, and no filter may stand beside them.
const LISTS_V2: [&str; 3] = ["vlen-utf8", "vlen-bytes", "vlen-array"];
/// What is read of version 3.
const V3: [&str; 9] = [
    "bytes",
    "transpose",
    "sharding_indexed",
    "blosc",
    "gzip",
    "zstd",
    "crc32c",
    "bitround",
    "vlen-utf8",
];
/// Bytes of one chunk of lists or texts.
const MAX_LIST_BYTES: usize = 1 << 28;
/// Bytes a compressor may add to what cannot be compressed.
const SLACK_BYTES: usize = 1 << 16;

/// One step of a chain, in the direction of reading.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Blosc,
    Gzip,
    Zlib,
    Zstd,
    Lz4,
    Bzip2,
    Xz,
    Shuffle {
        width: usize,
    },
    /// Differences of neighbours become values of the same type.
    Delta {
        pixel: Pixel,
    },
    /// Numbers of one type become those of another: stored / scale + offset.
    Converting {
        stored: Pixel,
        pixel: Pixel,
        scale: Option<(f64, f64)>,
    },
    PackedBits,
    /// Changed when it was written; nothing is undone.
    Kept,
}

/// Whether an array's own chain must be used, and the metadata `zarrs` gets instead.
///
/// # Errors
/// [`SourceError::Unsupported`] naming the codec that is not read.
pub fn with_own_chain(path: &Path, metadata: &Value) -> Result<Value, SourceError> {
    if metadata["zarr_format"] != 2 {
        check_v3(path, &metadata["codecs"])?;
        return Ok(metadata.clone());
    }
    let filters = metadata["filters"].as_array().cloned().unwrap_or_default();
    let compressor = &metadata["compressor"];
    let id = |codec: &Value| codec["id"].as_str().unwrap_or_default().to_owned();
    let (lists, plain): (Vec<Value>, Vec<Value>) =
        (filters.into_iter()).partition(|filter| LISTS_V2.contains(&id(filter).as_str()));
    let alone =
        plain.is_empty() && (compressor.is_null() || ZARRS_V2.contains(&id(compressor).as_str()));
    if alone {
        return Ok(metadata.clone());
    }
    let steps: Vec<Value> = (std::iter::once(compressor)
        .filter(|codec| !codec.is_null())
        .cloned())
    .chain(plain.into_iter().rev())
    .collect();
    for step in &steps {
        Step::read(step).map_err(|reason| refused(path, &reason))?;
    }
    register();
    let mut changed = metadata.clone();
    changed["filters"] = match lists.is_empty() {
        true => Value::Null,
        false => Value::Array(lists),
    };
    changed["compressor"] = json!({"id": CHAIN, "steps": steps});
    Ok(changed)
}

/// Names of the codecs of version 3, inside shards too.
fn check_v3(path: &Path, codecs: &Value) -> Result<(), SourceError> {
    for codec in codecs.as_array().into_iter().flatten() {
        let name = codec["name"]
            .as_str()
            .or(codec.as_str())
            .unwrap_or_default();
        if !V3.contains(&name) && codec["must_understand"] != false {
            return Err(refused(path, &format!("`{name:.60}`")));
        }
        if name == "sharding_indexed" {
            check_v3(path, &codec["configuration"]["codecs"])?;
            check_v3(path, &codec["configuration"]["index_codecs"])?;
        }
    }
    Ok(())
}

fn refused(path: &Path, what: &str) -> SourceError {
    SourceError::unsupported(
        path,
        format!(
            "its chunks are encoded with {what}; read are Blosc, Zstandard, gzip and, in version 2, also zlib, LZ4, bzip2, LZMA, Shuffle, Delta, FixedScaleOffset, AsType and PackBits"
        ),
        "write it again without that codec, in Python for example `import dask.array as da; da.from_zarr(FILE).to_zarr(\"again.zarr\")`",
    )
}

impl Step {
    fn read(codec: &Value) -> Result<Self, String> {
        let pixel = |name: &str| {
            let dtype = codec[name].as_str().unwrap_or_default();
            Pixel::from_numpy(dtype).map_err(|found| format!("a filter for {}", found.name()))
        };
        let stored = |name: &str| {
            pixel(if codec["astype"].is_null() {
                name
            } else {
                "astype"
            })
        };
        let id = codec["id"].as_str().unwrap_or_default();
        Ok(match id {
            "blosc" => Step::Blosc,
            "gzip" => Step::Gzip,
            "zlib" => Step::Zlib,
            "zstd" => Step::Zstd,
            "lz4" => Step::Lz4,
            "bz2" => Step::Bzip2,
            // Other containers and filters of liblzma have no header that tells them.
            "lzma" if codec["format"].as_u64().unwrap_or(1) == 1 => Step::Xz,
            "shuffle" => Step::Shuffle {
                width: codec["elementsize"].as_u64().unwrap_or(4) as usize,
            },
            "delta" => match (pixel("dtype")?, stored("dtype")?) {
                (pixel, _) if pixel.element.is_complex() => {
                    return Err("Delta of complex numbers".into());
                }
                (pixel, stored) if pixel == stored => Step::Delta { pixel },
                _ => return Err("Delta with another stored type".into()),
            },
            "fixedscaleoffset" => {
                let number = |name: &str| {
                    codec[name]
                        .as_f64()
                        .ok_or_else(|| format!("FixedScaleOffset without `{name}`"))
                };
                let (scale, offset) = (number("scale")?, number("offset")?);
                Step::converting(stored("dtype")?, pixel("dtype")?, Some((scale, offset)))?
            }
            // Of numcodecs' AsType, `encode_dtype` is stored and `decode_dtype` the array's.
            "astype" => Step::converting(pixel("encode_dtype")?, pixel("decode_dtype")?, None)?,
            "packbits" => Step::PackedBits,
            "quantize" | "bitround" => Step::Kept,
            _ => return Err(format!("`{id:.60}`")),
        })
    }

    fn converting(stored: Pixel, pixel: Pixel, scale: Option<(f64, f64)>) -> Result<Self, String> {
        if stored.element.is_complex() || pixel.element.is_complex() {
            return Err("a conversion of complex numbers".into());
        }
        let exact = |pixel: &Pixel| pixel.bytes() < 8 || pixel.element.is_float();
        match exact(&stored) && exact(&pixel) {
            true => Ok(Step::Converting {
                stored,
                pixel,
                scale,
            }),
            false => Err("a conversion of whole numbers of 64 bit".into()),
        }
    }

    /// Most bytes that go in, when at most `most` come out.
    fn most_before(&self, most: usize) -> usize {
        let grown = |from: &Pixel, to: &Pixel| most / from.bytes().max(1) * to.bytes();
        match self {
            Step::Converting { stored, pixel, .. } => grown(pixel, stored),
            Step::PackedBits => most / 8 + 2,
            Step::Shuffle { .. } | Step::Delta { .. } | Step::Kept => most,
            // Random bytes become longer when they are compressed.
            _ => most + most / 8 + SLACK_BYTES,
        }
    }

    fn decode(&self, bytes: Vec<u8>, most: usize) -> Result<Vec<u8>, String> {
        match self {
            Step::Blosc => decoders::blosc(&bytes, most),
            Step::Gzip => decoders::gzip(&bytes, most),
            Step::Zlib => decoders::zlib(&bytes, most),
            Step::Zstd => decoders::zstd(&bytes, most),
            Step::Lz4 => decoders::lz4_with_length(&bytes, most),
            Step::Bzip2 => decoders::bzip2(&bytes, most),
            Step::Xz => decoders::xz(&bytes, most),
            Step::Shuffle { width } => Ok(decoders::unshuffle(&bytes, *width)),
            Step::Delta { pixel } => Ok(summed(bytes, pixel)),
            Step::Converting {
                stored,
                pixel,
                scale,
            } => converted(bytes, stored, pixel, *scale),
            Step::PackedBits => unpacked(&bytes),
            Step::Kept => Ok(bytes),
        }
    }
}

/// Running sums in the type itself: whole numbers wrap around as numpy's do.
fn summed(bytes: Vec<u8>, pixel: &Pixel) -> Vec<u8> {
    let mut bytes = pixel.reordered(bytes);
    macro_rules! sum {
        ($type:ty, $zero:expr, $add:expr) => {{
            let mut before: $type = $zero;
            for value in bytes.chunks_exact_mut(size_of::<$type>()) {
                let mut raw = [0; size_of::<$type>()];
                raw.copy_from_slice(value);
                before = $add(before, <$type>::from_ne_bytes(raw));
                value.copy_from_slice(&before.to_ne_bytes());
            }
        }};
    }
    match (pixel.element.is_float(), pixel.bytes()) {
        (false, 1) => sum!(u8, 0, u8::wrapping_add),
        (false, 2) => sum!(u16, 0, u16::wrapping_add),
        (false, 4) => sum!(u32, 0, u32::wrapping_add),
        (false, _) => sum!(u64, 0, u64::wrapping_add),
        (true, 4) => sum!(f32, 0.0, |a: f32, b: f32| a + b),
        (true, 8) => sum!(f64, 0.0, |a: f64, b: f64| a + b),
        (true, _) => {
            let mut before = half::f16::ZERO;
            for value in bytes.chunks_exact_mut(2) {
                before += half::f16::from_ne_bytes([value[0], value[1]]);
                value.copy_from_slice(&before.to_ne_bytes());
            }
        }
    }
    pixel.reordered(bytes)
}

fn converted(
    bytes: Vec<u8>,
    stored: &Pixel,
    pixel: &Pixel,
    scale: Option<(f64, f64)>,
) -> Result<Vec<u8>, String> {
    let count = bytes.len() / stored.bytes();
    let block = Block::new(stored.decoded(bytes));
    let numbers = Frame::from_block(&[count], stored.element, block, 0)?;
    let values = (0..count).map(|at| {
        let value = numbers.value(at);
        match (scale, stored.element) {
            (None, _) => value,
            // As numpy calculates with numbers of single precision.
            (Some((scale, offset)), ElementType::F32) => {
                f64::from(value as f32 / scale as f32 + offset as f32)
            }
            (Some((scale, offset)), _) => value / scale + offset,
        }
    });
    Ok(pixel.encoded(values))
}

/// The number of unused bits at the end, then eight truth values to a byte, the first in the highest bit.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (unused, packed) = bytes.split_first().ok_or("it is empty")?;
    let mut values: Vec<u8> = (packed.iter())
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    values.truncate(values.len().saturating_sub(usize::from(*unused)));
    Ok(values)
}

/// The chain of one array.
#[derive(Clone, Debug)]
struct Chain {
    steps: Vec<Step>,
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = register_codec_v2(CodecRuntimePluginV2::new(|name| name == CHAIN, create));
    });
}

fn create(metadata: &MetadataV2) -> Result<Codec, PluginCreateError> {
    let steps = metadata
        .configuration()
        .get("steps")
        .and_then(Value::as_array);
    let steps: Result<Vec<Step>, String> = steps.into_iter().flatten().map(Step::read).collect();
    let steps = steps.map_err(PluginCreateError::Other)?;
    Ok(Codec::BytesToBytes(Arc::new(Chain { steps })))
}

impl ExtensionName for Chain {
    fn name(&self, _version: ZarrVersion) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(CHAIN))
    }
}

impl CodecTraits for Chain {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn configuration(&self, _: ZarrVersion, _: &CodecMetadataOptions) -> Option<Configuration> {
        None
    }

    fn partial_decoder_capability(&self) -> PartialDecoderCapability {
        PartialDecoderCapability {
            partial_read: false,
            partial_decode: false,
        }
    }

    fn partial_encoder_capability(&self) -> PartialEncoderCapability {
        PartialEncoderCapability {
            partial_encode: false,
        }
    }
}

impl BytesToBytesCodecTraits for Chain {
    fn into_dyn(self: Arc<Self>) -> Arc<dyn BytesToBytesCodecTraits> {
        self
    }

    fn recommended_concurrency(
        &self,
        _: &BytesRepresentation,
    ) -> Result<RecommendedConcurrency, CodecError> {
        Ok(RecommendedConcurrency::new_maximum(1))
    }

    fn encoded_representation(&self, _: &BytesRepresentation) -> BytesRepresentation {
        BytesRepresentation::UnboundedSize
    }

    fn encode<'a>(&self, _: Cow<'a, [u8]>, _: &CodecOptions) -> Result<Cow<'a, [u8]>, CodecError> {
        Err(CodecError::Other("this chain is only read".into()))
    }

    fn decode<'a>(
        &self,
        encoded: Cow<'a, [u8]>,
        decoded: &BytesRepresentation,
        _: &CodecOptions,
    ) -> Result<Cow<'a, [u8]>, CodecError> {
        let most = decoded.size().map_or(MAX_LIST_BYTES, |size| size as usize);
        // What each step may make at most, from the last one back.
        let mut limits = vec![most];
        for step in self.steps.iter().skip(1).rev() {
            let after = limits.last().copied().unwrap_or(most);
            limits.push(step.most_before(after));
        }
        let mut bytes = encoded.into_owned();
        for (step, limit) in self.steps.iter().zip(limits.into_iter().rev()) {
            bytes = step.decode(bytes, limit).map_err(CodecError::Other)?;
        }
        Ok(Cow::Owned(bytes))
    }
}
