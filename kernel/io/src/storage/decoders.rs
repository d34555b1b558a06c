//! Compressed chunks of Zarr and HDF5, undone: one list of decoders for both.
//!
//! None of them makes more than the bytes a caller allows, whatever the chunk says of itself, and none
//! allocates by a length that it has not compared with that.

use std::borrow::Cow;
use std::io::Read;

use zarrs::array::CodecOptions;
use zarrs::array::codec::BloscCodec;
use zarrs::array::codec::api::{BytesRepresentation, BytesToBytesCodecTraits};
use zarrs::metadata_ext::codec::blosc::{BloscCompressionLevel, BloscCompressor, BloscShuffleMode};

/// Memory an LZMA decoder may take for its dictionary; the strongest preset of xz takes 64 MiB.
const XZ_MEMORY_KIB: u32 = 80 << 10;
const BLOSC_HEADER_BYTES: usize = 16;

/// What is wrong with a compressed chunk.
pub type Decoded = Result<Vec<u8>, String>;

/// Everything a stream has, at most `most` bytes.
fn all(mut stream: impl Read, most: usize) -> Decoded {
    let mut bytes = Vec::new();
    (stream
        .by_ref()
        .take(most as u64 + 1)
        .read_to_end(&mut bytes))
    .map_err(|error| error.to_string())?;
    match bytes.len() <= most {
        true => Ok(bytes),
        false => Err(format!("it holds more than the {most} bytes of a chunk")),
    }
}

pub fn zlib(bytes: &[u8], most: usize) -> Decoded {
    all(flate2::read::ZlibDecoder::new(bytes), most)
}

pub fn gzip(bytes: &[u8], most: usize) -> Decoded {
    all(flate2::read::MultiGzDecoder::new(bytes), most)
}

pub fn bzip2(bytes: &[u8], most: usize) -> Decoded {
    all(bzip2::read::MultiBzDecoder::new(bytes), most)
}

pub fn xz(bytes: &[u8], most: usize) -> Decoded {
    let reader = lzma_rust2::XzReader::new_mem_limit(bytes, true, XZ_MEMORY_KIB);
    all(reader, most)
}

pub fn zstd(bytes: &[u8], most: usize) -> Decoded {
    let stream =
        zstd::stream::read::Decoder::with_buffer(bytes).map_err(|error| error.to_string())?;
    all(stream, most)
}

/// One LZ4 block that becomes exactly `length` bytes.
pub fn lz4_block(bytes: &[u8], length: usize) -> Decoded {
    let decoded = lz4_flex::block::decompress(bytes, length).map_err(|error| error.to_string())?;
    exactly(decoded, length)
}

/// numcodecs' LZ4: the decoded length, little-endian, then one block.
pub fn lz4_with_length(bytes: &[u8], most: usize) -> Decoded {
    let (length, block) = bytes
        .split_first_chunk()
        .ok_or("it is shorter than its length field")?;
    let length = u32::from_le_bytes(*length) as usize;
    match length <= most {
        true => lz4_block(block, length),
        false => Err(format!(
            "it says it holds {length} bytes, a chunk has {most}"
        )),
    }
}

/// A Blosc 1 chunk with any of its compressors.
pub fn blosc(bytes: &[u8], most: usize) -> Decoded {
    let word = |at: usize| {
        let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        word.map(|word| u32::from_le_bytes(word) as usize)
    };
    let (Some(decoded), Some(stored)) = (word(4), word(12)) else {
        return Err(format!(
            "it is shorter than a header of {BLOSC_HEADER_BYTES} bytes"
        ));
    };
    if decoded > most || stored > bytes.len() {
        return Err(format!(
            "its header says {stored} bytes hold {decoded}, there are {} and a chunk has {most}",
            bytes.len()
        ));
    }
    let level = BloscCompressionLevel::try_from(1).map_err(|error| error.to_string())?;
    let codec = BloscCodec::new(
        BloscCompressor::BloscLZ,
        level,
        None,
        BloscShuffleMode::NoShuffle,
        None,
    )
    .map_err(|error| error.to_string())?;
    let representation = BytesRepresentation::FixedSize(decoded as u64);
    (codec.decode(Cow::Borrowed(bytes), &representation, &sequential()))
        .map(Cow::into_owned)
        .map_err(|error| error.to_string())
}

/// LZF, as h5py writes it: runs of literals and back references within 8 KiB. Format: LibLZF by Marc Lehmann,
/// whose first byte of a token says which: below 32 that many literals and one follow, otherwise its upper three
/// bits are a length (7: another byte is added), and its lower five with the next byte a distance.
pub fn lzf(bytes: &[u8], most: usize) -> Decoded {
    let short = || "it ends inside a token".to_owned();
    let mut decoded: Vec<u8> = Vec::new();
    let mut rest = bytes.iter();
    while let Some(token) = rest.next() {
        let token = usize::from(*token);
        let length = match token >> 5 {
            0 => token + 1,
            7 => 9 + usize::from(*rest.next().ok_or_else(short)?),
            length => 2 + length,
        };
        if decoded.len() + length > most {
            return Err(format!("it holds more than the {most} bytes of a chunk"));
        }
        if token < 32 {
            let literals = rest.as_slice().get(..length).ok_or_else(short)?;
            decoded.extend_from_slice(literals);
            rest = rest.as_slice()[length..].iter();
            continue;
        }
        let distance = ((token & 31) << 8) + usize::from(*rest.next().ok_or_else(short)?) + 1;
        let from = (decoded.len().checked_sub(distance))
            .ok_or("it refers to bytes before its beginning")?;
        for at in from..from + length {
            decoded.push(decoded[at]);
        }
    }
    Ok(decoded)
}

/// The compressor behind a bit shuffle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    None,
    Lz4,
    Zstd,
}

/// bitshuffle's blocks of a chunk, as its HDF5 filter stores them (Masui and others 2015): the decoded length and
/// the length of a block, big-endian, then for each block its compressed length and bytes; what is left over at the
/// end and fills no eight values is stored as it is. Without a compressor there are no lengths.
pub fn bitshuffle(bytes: &[u8], width: usize, block: usize, inner: Inner, most: usize) -> Decoded {
    let (length, block, mut rest) = match inner {
        Inner::None => (bytes.len(), block, bytes),
        _ => {
            let short = "it is shorter than its header of 12 bytes";
            let (length, rest) = bytes.split_first_chunk().ok_or(short)?;
            let (block, rest) = rest.split_first_chunk().ok_or(short)?;
            let length = usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX);
            (
                length,
                u32::from_be_bytes(*block) as usize / width.max(1),
                rest,
            )
        }
    };
    if width == 0 || length > most || length % width != 0 {
        return Err(format!(
            "it says it holds {length} bytes, a chunk has {most}"
        ));
    }
    let values = length / width;
    // Zero asks for the size that bitshuffle itself would choose.
    let block = match block {
        0 => (8192 / width / 8 * 8).max(128),
        block => block / 8 * 8,
    };
    if block == 0 {
        return Err("its blocks hold less than eight values".into());
    }
    let mut decoded = Vec::with_capacity(length);
    let mut left = values / 8 * 8;
    while left > 0 {
        let now = block.min(left);
        let shuffled: Cow<'_, [u8]> = match inner {
            Inner::None => {
                let (head, tail) = rest
                    .split_at_checked(now * width)
                    .ok_or("it is too short")?;
                rest = tail;
                Cow::Borrowed(head)
            }
            _ => {
                let (stored, tail) = rest.split_first_chunk().ok_or("it is too short")?;
                let stored = u32::from_be_bytes(*stored) as usize;
                let (head, tail) = tail.split_at_checked(stored).ok_or("it is too short")?;
                rest = tail;
                Cow::Owned(match inner {
                    Inner::Zstd => exactly(zstd(head, now * width)?, now * width)?,
                    _ => lz4_block(head, now * width)?,
                })
            }
        };
        unshuffle_bits(&shuffled, width, &mut decoded);
        left -= now;
    }
    let tail = (values % 8) * width;
    decoded.extend_from_slice(rest.get(..tail).ok_or("it is too short")?);
    Ok(decoded)
}

/// A block stores first bit 0 of byte 0 of all its values, eight to a byte, then bit 1, and so on.
fn unshuffle_bits(shuffled: &[u8], width: usize, decoded: &mut Vec<u8>) {
    let plane = shuffled.len() / (8 * width);
    let start = decoded.len();
    decoded.resize(start + shuffled.len(), 0);
    for byte in 0..width {
        for group in 0..plane {
            let mut rows = [0; 8];
            for (bit, row) in rows.iter_mut().enumerate() {
                *row = shuffled[(byte * 8 + bit) * plane + group];
            }
            let columns = transposed(u64::from_le_bytes(rows)).to_le_bytes();
            for (value, bits) in columns.into_iter().enumerate() {
                decoded[start + (group * 8 + value) * width + byte] = bits;
            }
        }
    }
}

/// Rows and columns of a square of 8 by 8 bits exchanged (Warren, Hacker's Delight, 7-3).
fn transposed(mut square: u64) -> u64 {
    for (shift, mask) in [
        (7, 0x00aa_00aa_00aa_00aa),
        (14, 0x0000_cccc_0000_cccc),
        (28, 0x0000_0000_f0f0_f0f0),
    ] {
        let swap = (square ^ (square >> shift)) & mask;
        square ^= swap ^ (swap << shift);
    }
    square
}

/// Bytes of values of `width` put side by side again: first all first bytes, then all second ones; what fills no
/// value stays at the end.
pub fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    let values = bytes.len() / width.max(1);
    if width <= 1 || values == 0 {
        return bytes.to_vec();
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    for value in 0..values {
        decoded.extend((0..width).map(|byte| bytes[byte * values + value]));
    }
    decoded.extend_from_slice(&bytes[values * width..]);
    decoded
}

fn exactly(decoded: Vec<u8>, length: usize) -> Decoded {
    match decoded.len() == length {
        true => Ok(decoded),
        false => Err(format!(
            "it holds {} bytes instead of {length}",
            decoded.len()
        )),
    }
}

/// One thread: the engine runs chunks in parallel, not the inside of one.
pub fn sequential() -> CodecOptions {
    CodecOptions::default().with_concurrent_target(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzf_takes_literals_and_references_and_no_nonsense() {
        // `ab` four times and `c`: two literals, a reference of six bytes two back, one literal.
        assert_eq!(
            lzf(&[1, b'a', b'b', 4 << 5, 1, 0, b'c'], 9).unwrap(),
            b"ababababc"
        );
        // A long reference: 7 in the upper bits, then what is added to nine.
        assert_eq!(lzf(&[0, b'x', 7 << 5, 11, 0], 21).unwrap(), [b'x'; 21]);
        assert!(
            lzf(&[0, b'x', 7 << 5, 11, 0], 20)
                .unwrap_err()
                .contains("more than")
        );
        assert!(lzf(&[5, b'x'], 9).unwrap_err().contains("ends inside"));
        assert!(
            lzf(&[0, b'x', 1 << 5, 1], 9)
                .unwrap_err()
                .contains("before its beginning")
        );
    }

    #[test]
    fn squares_of_bits_are_turned_over() {
        // Row r of the square has bit c set when r·c is odd or c = 0.
        let set = |row: u32, column: u32| (row * column) % 2 == 1 || column == 0;
        let square = |turned: bool| {
            (0..64u32).fold(0u64, |square, at| {
                let (row, column) = (at / 8, at % 8);
                let on = if turned {
                    set(column, row)
                } else {
                    set(row, column)
                };
                square | u64::from(on) << at
            })
        };
        assert_eq!(transposed(square(false)), square(true));
    }

    #[test]
    fn a_stream_that_never_ends_stops_at_the_length_of_a_chunk() {
        let zeros = vec![0u8; 1 << 20];
        let mut zlib_stream =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut zlib_stream, &zeros).unwrap();
        let encoded = zlib_stream.finish().unwrap();
        assert_eq!(zlib(&encoded, 1 << 20).unwrap(), zeros);
        assert!(
            zlib(&encoded, 4096)
                .unwrap_err()
                .contains("more than the 4096 bytes")
        );
        assert!(lz4_with_length(&[255, 255, 255, 127, 0], 4096).is_err());
        let mut header = vec![2u8, 1, 1, 1];
        header.extend([0xff; 12]);
        assert!(blosc(&header, 4096).unwrap_err().contains("header says"));
        assert!(bitshuffle(&[0xff; 20], 2, 0, Inner::Lz4, 4096).is_err());
    }

    #[test]
    fn bytes_come_side_by_side_again() {
        assert_eq!(unshuffle(&[1, 3, 5, 2, 4, 6, 9], 2), [1, 2, 3, 4, 5, 6, 9]);
    }
}
