//! Frames of a Zarr array: which chunk holds which frame.
//!
//! The decoded bytes of a chunk are the block that its frames view; signal axes that are split over
//! several chunks are put together once.

use std::ops::Range;
use std::path::Path;

use signal::{
    Block, CancelToken, Caveat, Chunk, ChunkId, NavigationIndex, SignalMeta, Source, SourceError,
};
use zarrs::array::{
    ArrayBytes, ArrayShardedExt, ArrayShardedReadableExt, ArrayShardedReadableExtCache, ArraySubset,
};
use zarrs::storage::byte_range::ByteRange;

use crate::options::check_axes;
use crate::storage::absent::Absent;
use crate::storage::binary::no_such_chunk;
use crate::storage::chunk::{chunk_bytes, copy_box};
use crate::storage::decoders::sequential;
use crate::zarr::absent::{grid_of, look, number};
use crate::zarr::array::ArrayFolder;

/// Where the index of a shard puts a chunk that is not there.
const NOWHERE: u64 = u64::MAX;

/// Shards whose index is kept: 16 bytes per inner chunk, a few MB in all.
const MAX_SHARD_INDEXES: usize = 64;

/// Frames of one Zarr array.
pub struct ZarrFrames {
    meta: SignalMeta,
    folder: ArrayFolder,
    /// Of a sharded array: where the inner chunks of the shards that were read lie.
    shards: Option<ArrayShardedReadableExtCache>,
    /// Chunk sizes along all axes: storage chunks, or the inner chunks of shards.
    chunk: Vec<usize>,
    absent: Absent,
}

impl ZarrFrames {
    /// Frames of an array inside `store`.
    ///
    /// # Errors
    /// Faulty axes, a pixel type that is not read, or chunks that are too large to decode.
    pub fn new(
        store: &Path,
        folder: ArrayFolder,
        mut meta: SignalMeta,
    ) -> Result<Self, SourceError> {
        check_axes(&folder.folder, &meta.axes)?;
        let shape: Vec<u64> = match folder.array.effective_subchunk_shape() {
            Some(inner) => inner.iter().map(|size| size.get()).collect(),
            None => {
                let first = vec![0; folder.array.dimensionality()];
                folder.chunk_shape(&first).map_err(|error| {
                    SourceError::damaged(&folder.folder, "its chunk grid", error)
                })?
            }
        };
        chunk_bytes(
            &folder.folder,
            shape.iter().copied(),
            meta.element.size_bytes(),
        )?;
        let irregular = folder.metadata["chunk_grid"]["name"]
            .as_str()
            .is_some_and(|name| name != "regular");
        if irregular {
            return Err(SourceError::unsupported(
                &folder.folder,
                "its chunks have different sizes; regular chunk grids are read",
                "write it again with chunks of one size, in Python for example `dask.array.from_zarr(FILE).rechunk(\"auto\").to_zarr(\"again.zarr\")`",
            ));
        }
        let chunk: Vec<usize> = shape.iter().map(|size| *size as usize).collect();
        let signal = meta.axes.signal_shape();
        let whole_frames = chunk.ends_with(&signal);
        let (folder, absent, caveat) = look(store, folder, &chunk, whole_frames)?;
        meta.caveats.extend(caveat);
        let shards = (folder.array.effective_subchunk_shape())
            .map(|_| ArrayShardedReadableExtCache::new(&folder.array));
        Ok(ZarrFrames {
            meta,
            shards,
            chunk,
            folder,
            absent,
        })
    }

    /// Number of chunks along each axis of the array.
    fn whole_grid(&self) -> Vec<u64> {
        grid_of(&self.folder.shape(), &self.chunk)
    }

    /// Indices of the chunks that hold the frames of one chunk of scan positions.
    fn pieces(&self, chunk: ChunkId) -> impl Iterator<Item = Vec<u64>> + '_ {
        let rank = self.rank();
        let at = self.grid_index(chunk);
        let pieces: Vec<usize> = (self.meta.axes.signal.iter().zip(&self.chunk[rank..]))
            .map(|(axis, chunk)| axis.size.div_ceil(*chunk))
            .collect();
        (0..pieces.iter().product()).map(move |piece| {
            let piece = NavigationIndex::from_flat(piece, &pieces);
            (at.as_slice().iter().chain(piece.as_slice()))
                .map(|index| *index as u64)
                .collect()
        })
    }

    /// One storage chunk, filled when it is not there.
    fn stored(&self, indices: &[u64]) -> Result<Vec<u8>, SourceError> {
        match self.folder.decode(indices)? {
            Some(bytes) => Ok(bytes),
            None => {
                self.absent.note(number(indices, &self.whole_grid()));
                self.folder.filled(indices)
            }
        }
    }

    fn rank(&self) -> usize {
        self.meta.axes.navigation.len()
    }

    /// Number of chunks along each navigation axis.
    fn grid(&self) -> Vec<usize> {
        self.meta
            .axes
            .navigation
            .iter()
            .zip(&self.chunk)
            .map(|(axis, chunk)| axis.size.div_ceil(*chunk))
            .collect()
    }

    fn grid_index(&self, chunk: ChunkId) -> NavigationIndex {
        NavigationIndex::from_flat(chunk.0 as usize, &self.grid())
    }

    /// Whether one storage chunk is a box of whole frames.
    fn holds_whole_frames(&self) -> bool {
        self.chunk[self.rank()..]
            .iter()
            .zip(&self.meta.axes.signal)
            .all(|(chunk, axis)| *chunk == axis.size)
    }

    /// The frames of one box of positions, whole frames per storage chunk: decoded in place.
    fn whole_frames(
        &self,
        chunk: ChunkId,
        navigation: &[Range<usize>],
    ) -> Result<Vec<u8>, SourceError> {
        let indices: Vec<u64> = self.pieces(chunk).next().unwrap_or_default();
        let mut bytes = self.stored(&indices)?;
        // Chunks at the edge are stored full size: close the gaps between the rows that exist.
        let frame_bytes = self.meta.axes.frame_len() * self.meta.element.size_bytes();
        let present: Vec<usize> = navigation.iter().map(ExactSizeIterator::len).collect();
        let stored = &self.chunk[..self.rank()];
        let count: usize = present.iter().product();
        for flat in 0..count {
            let at = NavigationIndex::from_flat(flat, &present);
            let from = at.flat(stored) * frame_bytes;
            if from != flat * frame_bytes {
                bytes.copy_within(from..from + frame_bytes, flat * frame_bytes);
            }
        }
        bytes.truncate(count * frame_bytes);
        Ok(bytes)
    }

    /// The frames of one box of positions, put together once from chunks that split the signal axes.
    fn assembled(
        &self,
        chunk: ChunkId,
        navigation: &[Range<usize>],
        cancel: &CancelToken,
    ) -> Result<Vec<u8>, SourceError> {
        let width = self.meta.element.size_bytes();
        let rank = self.rank();
        let signal = self.meta.axes.signal_shape();
        let present: Vec<usize> = navigation.iter().map(ExactSizeIterator::len).collect();
        let target_shape = [present, signal].concat();
        let total = target_shape.iter().product::<usize>() * width;
        chunk_bytes(
            &self.folder.folder,
            target_shape.iter().map(|size| *size as u64),
            width,
        )?;
        let mut target = vec![0; total];
        for indices in self.pieces(chunk) {
            if cancel.is_cancelled() {
                return Err(SourceError::Cancelled);
            }
            let bytes = self.stored(&indices)?;
            let mut origin = vec![0; rank];
            origin.extend(
                (indices[rank..].iter().zip(&self.chunk[rank..]))
                    .map(|(index, chunk)| *index as usize * chunk),
            );
            copy_box(
                &bytes,
                &self.chunk,
                &mut target,
                &target_shape,
                &origin,
                width,
            );
        }
        Ok(target)
    }

    /// The frames of one box of positions of a sharded array: only the inner chunks are read, and the index of
    /// a shard once.
    fn read_shards(
        &self,
        shards: &ArrayShardedReadableExtCache,
        chunk: ChunkId,
        navigation: &[Range<usize>],
    ) -> Result<Vec<u8>, SourceError> {
        let signal = self.meta.axes.signal.iter().map(|axis| 0..axis.size);
        let ranges: Vec<Range<u64>> = navigation
            .iter()
            .cloned()
            .chain(signal)
            .map(|range| range.start as u64..range.end as u64)
            .collect();
        self.folder.check_chunk(&self.folder.chunk_file(&ranges))?;
        let undecodable = |reason: String| SourceError::Decode {
            path: self.folder.chunk_file(&ranges),
            place: format!("the shard of scan positions {navigation:?}"),
            reason,
        };
        if shards.len() >= MAX_SHARD_INDEXES {
            shards.clear();
        }
        let subset = ArraySubset::new_with_ranges(&ranges);
        let bytes: ArrayBytes<'static> = (self.folder.array)
            .retrieve_array_subset_sharded_opt(shards, &subset, &sequential())
            .map_err(|error| undecodable(error.to_string()))?;
        for indices in self.pieces(chunk) {
            // The index was read just now, so that this is a look into memory.
            let range = self.folder.array.subchunk_byte_range(shards, &indices);
            if matches!(range, Ok(None | Some(ByteRange::FromStart(NOWHERE, _)))) {
                self.absent.note(number(&indices, &self.whole_grid()));
            }
        }
        let bytes = bytes
            .into_fixed()
            .map_err(|error| undecodable(error.to_string()))?
            .into_owned();
        Ok(self.folder.widened(bytes))
    }
}

impl Source for ZarrFrames {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: NavigationIndex) -> ChunkId {
        let index: Vec<usize> = at
            .as_slice()
            .iter()
            .zip(&self.chunk)
            .map(|(index, chunk)| index / chunk)
            .collect();
        ChunkId(NavigationIndex::new(&index).flat(&self.grid()) as u64)
    }

    fn chunks(&self) -> u64 {
        self.grid().iter().product::<usize>() as u64
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        self.grid_index(chunk)
            .as_slice()
            .iter()
            .zip(&self.chunk)
            .zip(&self.meta.axes.navigation)
            .map(|((index, chunk), axis)| index * chunk..((index + 1) * chunk).min(axis.size))
            .collect()
    }

    fn caveats(&self) -> Vec<Caveat> {
        self.absent.caveat().into_iter().collect()
    }

    fn is_filled(&self, at: NavigationIndex) -> bool {
        let grid = self.whole_grid();
        (self.pieces(self.chunk_at(at))).any(|indices| self.absent.has(number(&indices, &grid)))
    }

    fn check(&self) -> Result<(), SourceError> {
        self.folder.check_same()
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        if cancel.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        if chunk.0 >= self.chunks() {
            return Err(no_such_chunk(&self.folder.folder, chunk, self.chunks()));
        }
        let navigation = self.chunk_navigation(chunk);
        let bytes = if let Some(shards) = &self.shards {
            self.read_shards(shards, chunk, &navigation)?
        } else if self.holds_whole_frames() {
            self.whole_frames(chunk, &navigation)?
        } else {
            self.assembled(chunk, &navigation, cancel)?
        };
        // Another store may have taken its place meanwhile.
        self.folder.check_same()?;
        Chunk::new(
            navigation,
            self.meta.axes.signal_shape(),
            self.meta.element,
            Block::new(bytes),
            0,
        )
    }
}
