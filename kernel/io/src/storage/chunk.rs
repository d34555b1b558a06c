//! Chunks of pixels in C order.

use std::path::Path;

use signal::SourceError;

/// A chunk is decoded whole; beyond this the file needs other chunks, not more memory.
const MAX_CHUNK_BYTES: u64 = 4 << 30;

/// Bytes of a chunk of pixels of `width` bytes.
///
/// # Errors
/// [`SourceError::Unsupported`] when no memory should hold it.
pub fn chunk_bytes(
    path: &Path,
    shape: impl Iterator<Item = u64>,
    width: usize,
) -> Result<u64, SourceError> {
    let mut shape = shape;
    shape
        .try_fold(width as u64, u64::checked_mul)
        .filter(|bytes| *bytes <= MAX_CHUNK_BYTES)
        .ok_or_else(|| {
            SourceError::unsupported(
                path,
                format!(
                    "its chunks are larger than {} GiB and each must be decoded whole",
                    MAX_CHUNK_BYTES >> 30
                ),
                "write it again with chunks of a few frames, in Python for example `dask.array.from_zarr(FILE).rechunk({0: 1, 1: 4}).to_zarr(\"again.zarr\")`",
            )
        })
}

/// Copies the part of a C-order chunk that lies inside `target`, row by row, to `origin`.
pub fn copy_box(
    chunk: &[u8],
    chunk_shape: &[usize],
    target: &mut [u8],
    target_shape: &[usize],
    origin: &[usize],
    width: usize,
) {
    let inside: Vec<usize> = chunk_shape
        .iter()
        .zip(target_shape)
        .zip(origin)
        .map(|((chunk, target), origin)| (*chunk).min(target - origin))
        .collect();
    let Some((row, outer)) = inside.split_last() else {
        return;
    };
    for flat in 0..outer.iter().product() {
        let (mut left, mut from, mut to) = (flat, 0, 0);
        let (mut from_stride, mut to_stride) =
            (chunk_shape[outer.len()], target_shape[outer.len()]);
        for axis in (0..outer.len()).rev() {
            let index = left % outer[axis];
            left /= outer[axis];
            from += index * from_stride;
            to += (index + origin[axis]) * to_stride;
            from_stride *= chunk_shape[axis];
            to_stride *= target_shape[axis];
        }
        to += origin[outer.len()];
        let bytes = row * width;
        target[to * width..to * width + bytes]
            .copy_from_slice(&chunk[from * width..from * width + bytes]);
    }
}
