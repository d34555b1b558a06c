//! What a result looks like in its file, decided before the first value: chunks, blocks, axes.

use std::path::Path;

use serde_json::Value;
use signal::{Axis, ElementType, SignalKind, SignalMeta, SourceError};

use crate::result::blocks::{Boxes, rows, square};
use crate::result::options::{Compression, ResultFormat, WriteOptions};
use crate::result::tree::{file_axes, is_stack};

/// Bytes of the frames in one chunk of a `.zspy`: one read of a drag decodes little more than it shows.
const ROW_CHUNK_BYTES: usize = 256 << 10;
/// The same of a `.zarr` or `.hspy`, whose chunks are square: a drag across rows finds the next frame in
/// the chunk as often as one along them.
const SQUARE_CHUNK_BYTES: usize = 512 << 10;
/// Frames that follow each other in a `.npy` are written together.
const RUN_BYTES: usize = 1 << 20;
/// Chunks of several rows wait for all of them in a pass that goes along rows; one row of chunks takes no more.
const BAND_BYTES: usize = 64 << 20;
/// Uncompressed bytes of one shard, which is whole rows where it can be: a pass in the order of its source,
/// by rows or by chunks, completes them one after the other. Few files on a file system that dislikes many, little to compute again
/// after a crash, and an index (16 bytes per chunk) that is read at once.
const SHARD_BYTES: usize = 128 << 20;
/// Chunks of one shard at most, so that the index stays below 64 KiB.
const SHARD_CHUNKS: usize = 4096;
/// Uncompressed bytes between two lines of the log where there are no shards.
const BLOCK_BYTES: usize = 64 << 20;
/// Scan positions of one block of a map or of peaks, each of which may have cost milliseconds.
const BLOCK_POSITIONS: usize = 4096;
/// Blocks of one process at least, where blocks are not files: what an interrupt costs of a short computation, and
/// shares of several processes that differ little.
const BLOCKS_PER_PART: usize = 8;
/// The same where each is a file.
const SHARDS_PER_PART: usize = 4;
/// Scan positions in one chunk of peaks.
const PEAK_POSITIONS: usize = 256;
/// Bytes of one chunk of a map.
const MAP_CHUNK_BYTES: usize = 4 << 20;

/// Takes the index of a chunk and its values as bytes.
pub type WriteChunk<'a> = &'a mut dyn FnMut(&[usize], &[u8]) -> Result<(), SourceError>;

/// A result before its first value.
#[derive(Clone)]
pub struct WriteLayout {
    pub format: ResultFormat,
    pub compression: Compression,
    pub meta: SignalMeta,
    pub provenance: Value,
    /// Boxes of positions that are compressed as one.
    pub chunks: Boxes,
    /// Boxes of positions that are finished, and found again, as one; each of whole chunks.
    pub blocks: Boxes,
    /// Axes of the array in the file, with whether they navigate for hyperspy.
    pub axes: Vec<(Axis, bool)>,
}

impl WriteLayout {
    /// # Errors
    /// A format that the name does not tell or that cannot hold the signal, chunks that do not fit.
    pub fn new(path: &Path, meta: &SignalMeta, asked: &WriteOptions) -> Result<Self, SourceError> {
        let other_name = |reason: String| {
            let name = path.with_extension("zspy");
            let remedy = format!(
                "give a name with one of these endings, for example {:?}",
                name.file_name().unwrap_or_default().to_string_lossy()
            );
            SourceError::unsupported(path, reason, remedy)
        };
        let refused = |reason: String| {
            let remedy = "leave `chunk` and `shard` out, or give sizes that fit the scan";
            SourceError::unsupported(path, reason, remedy)
        };
        let Some(format) = asked.format.or_else(|| ResultFormat::of(path)) else {
            return Err(other_name(format!(
                "the ending of the name tells the format; {} are written",
                endings(meta.kind)
            )));
        };
        if format == ResultFormat::Zarr && meta.element.is_colour() {
            return Err(SourceError::unsupported(
                path,
                format!(
                    "Zarr 3 has no type for colours ({})",
                    meta.element.colour_name()
                ),
                "give a name that ends in .zspy, .hspy or .npy, which keep colours",
            ));
        }
        if !format.holds(meta.kind) {
            return Err(other_name(format!(
                "a .{} file cannot hold {}; {} can",
                format.extension(),
                meta.kind.noun(),
                endings(meta.kind)
            )));
        }
        let navigation = meta.axes.navigation_shape();
        let frame_bytes = (meta.axes.frame_len() * meta.element.size_bytes()).max(1);
        let fits = |size: &Vec<usize>| {
            size.len() == navigation.len()
                && (size.iter().zip(&navigation)).all(|(size, all)| (1..=*all).contains(size))
        };
        let chunk = match &asked.chunk {
            Some(chunk) if fits(chunk) && meta.kind == SignalKind::Frame => chunk.clone(),
            Some(chunk) => {
                return Err(refused(format!(
                    "chunks of {chunk:?} scan positions do not fit a scan of {navigation:?} {}",
                    meta.kind.noun()
                )));
            }
            None => usual_chunk(format, meta.kind, &navigation, frame_bytes),
        };
        let of = asked.part.map_or(1, |part| part.of);
        let usual = usual_block(format, meta, &chunk, of);
        let block = match &asked.shard {
            None => usual,
            Some(shard)
                if format == ResultFormat::Zarr
                    && shard.len() == chunk.len()
                    && (shard.iter().zip(&chunk))
                        .all(|(shard, chunk)| *shard >= *chunk && shard.is_multiple_of(*chunk)) =>
            {
                shard.clone()
            }
            Some(shard) => {
                return Err(refused(format!(
                    "shards of {shard:?} scan positions; a .zarr has shards that are multiples of its chunks of {chunk:?}, other formats have none"
                )));
            }
        };
        Ok(WriteLayout {
            format,
            compression: asked.compression.for_format(path, format)?,
            chunks: Boxes::new(&navigation, &chunk),
            blocks: Boxes::new(&navigation, &block),
            axes: file_axes(meta),
            meta: meta.clone(),
            provenance: asked.provenance.clone(),
        })
    }

    /// Shape of the array in the file.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|(axis, _)| axis.size).collect()
    }

    /// Shape of one chunk of that array.
    pub fn chunk_shape(&self) -> Vec<usize> {
        match self.meta.kind {
            SignalKind::Frame => [self.chunks.size.clone(), self.meta.axes.signal_shape()].concat(),
            SignalKind::Peaks => self.chunks.size.clone(),
            SignalKind::Map => map_chunk(&self.meta),
        }
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.meta.axes.frame_len() * self.meta.element.size_bytes()
    }

    /// Hands over a map chunk by chunk: its index in the grid and its values, filled up at the edge.
    ///
    /// # Errors
    /// What `write` fails with.
    pub fn map_chunks(&self, images: &[f32], write: WriteChunk<'_>) -> Result<(), SourceError> {
        let (shape, chunk) = (self.shape(), self.chunk_shape());
        let boxes = Boxes::new(&shape, &chunk);
        for number in 0..boxes.count() {
            let ranges = boxes.ranges(number);
            // A chunk is a run of whole rows of one image, so its values follow each other.
            let first = (ranges.iter().zip(&shape))
                .fold(0, |flat, (range, size)| flat * size + range.start);
            let present: usize = ranges.iter().map(ExactSizeIterator::len).product();
            let mut bytes: Vec<u8> = (images[first..first + present].iter())
                .flat_map(|value| value.to_ne_bytes())
                .collect();
            bytes.resize(chunk.iter().product::<usize>() * size_of::<f32>(), 0);
            write(&boxes.index(number), &bytes)?;
        }
        Ok(())
    }
}

fn endings(kind: SignalKind) -> String {
    let names: Vec<String> = ResultFormat::ALL
        .into_iter()
        .filter(|format| format.holds(kind))
        .map(|format| format!(".{}", format.extension()))
        .collect();
    names.join(", ")
}

fn usual_chunk(
    format: ResultFormat,
    kind: SignalKind,
    navigation: &[usize],
    frame_bytes: usize,
) -> Vec<usize> {
    let along = |most: usize| {
        let mut size = vec![1; navigation.len()];
        if let (Some(last), Some(fastest)) = (size.last_mut(), navigation.last()) {
            *last = most.clamp(1, *fastest);
        }
        size
    };
    match (kind, format) {
        (SignalKind::Map, _) => vec![1; navigation.len()],
        (SignalKind::Peaks, _) => along(PEAK_POSITIONS),
        (_, ResultFormat::Npy) => along(RUN_BYTES / frame_bytes),
        (_, ResultFormat::Zspy) => along(ROW_CHUNK_BYTES / frame_bytes),
        (_, ResultFormat::Zarr | ResultFormat::Hspy) => {
            let most = SQUARE_CHUNK_BYTES / frame_bytes;
            let chunk = square(navigation, most);
            let slower: usize = chunk.iter().rev().skip(1).product();
            let band = navigation.last().unwrap_or(&1) * slower * frame_bytes;
            match slower > 1 && band > BAND_BYTES {
                true => along(most),
                false => chunk,
            }
        }
    }
}

fn usual_block(format: ResultFormat, meta: &SignalMeta, chunk: &[usize], of: usize) -> Vec<usize> {
    let navigation = meta.axes.navigation_shape();
    let frame_bytes = (meta.axes.frame_len() * meta.element.size_bytes()).max(1);
    let in_chunk: usize = chunk.iter().product();
    let (most, in_part) = match (meta.kind, format) {
        (SignalKind::Map | SignalKind::Peaks, _) => (BLOCK_POSITIONS, BLOCKS_PER_PART),
        (_, ResultFormat::Npy | ResultFormat::Zspy) => (BLOCK_BYTES / frame_bytes, BLOCKS_PER_PART),
        (_, ResultFormat::Zarr | ResultFormat::Hspy) => (
            (SHARD_BYTES / frame_bytes).min(SHARD_CHUNKS * in_chunk),
            SHARDS_PER_PART,
        ),
    };
    let share = meta.axes.positions() / of.max(1).saturating_mul(in_part);
    rows(&navigation, chunk, most.min(share))
}

/// One component per chunk, as many rows of it as fit.
fn map_chunk(meta: &SignalMeta) -> Vec<usize> {
    let mut left = MAP_CHUNK_BYTES / ElementType::F32.size_bytes();
    let mut chunk: Vec<usize> = (meta.axes.navigation_shape().iter().rev())
        .map(|size| {
            let taken = left.clamp(1, *size);
            left /= taken;
            taken
        })
        .collect();
    if is_stack(meta) {
        chunk.push(1);
    }
    chunk.reverse();
    chunk
}
