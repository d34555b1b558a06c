//! What every format must hold, whatever its file looks like. Samples are tiny, not square and asymmetric.

mod absent;
mod axes;
mod colours;
mod damage;
mod kinds;
mod maps;
mod mrc;
mod npy;
mod results;
mod unfinished;
mod wide;
mod zarr;
mod zspy;

use std::collections::HashSet;

use signal::{CancelToken, ChunkId, Frame, NavigationIndex, Source, SourceError};

/// Reads one frame the way the engine does.
pub fn frame_at(source: &dyn Source, at: NavigationIndex) -> Result<Frame, SourceError> {
    source
        .read_chunk(source.chunk_at(at), &CancelToken::new())?
        .frame(at)
}

/// Chunks partition the positions, every frame has the pixels of `truth(position, pixel)`, both in
/// C order, and what cannot be read is an error.
pub fn check(source: &dyn Source, truth: impl Fn(usize, usize) -> f64) {
    let meta = source.meta();
    let shape = meta.axes.navigation_shape();
    let mut seen = HashSet::new();
    for chunk in 0..source.chunks() {
        let chunk = ChunkId(chunk);
        let ranges = source.chunk_navigation(chunk);
        assert_eq!(ranges.len(), shape.len());
        let read = source.read_chunk(chunk, &CancelToken::new()).unwrap();
        assert_eq!(read.navigation(), ranges);
        let sizes: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        for inside in 0..sizes.iter().product() {
            let index: Vec<usize> = NavigationIndex::from_flat(inside, &sizes)
                .as_slice()
                .iter()
                .zip(&ranges)
                .map(|(index, range)| index + range.start)
                .collect();
            let at = NavigationIndex::new(&index);
            assert_eq!(source.chunk_at(at), chunk);
            let flat = at.flat(&shape);
            assert!(seen.insert(flat), "position {at} is in two chunks");
            let frame = read.frame(at).unwrap();
            assert_eq!(frame.shape(), meta.axes.signal_shape());
            assert_eq!(frame.element(), meta.element);
            for pixel in 0..frame.len() {
                assert_eq!(frame.value(pixel), truth(flat, pixel), "{at} pixel {pixel}");
            }
        }
    }
    assert_eq!(
        seen.len(),
        meta.axes.positions(),
        "every position has a chunk"
    );
    let beyond = source.read_chunk(ChunkId(source.chunks()), &CancelToken::new());
    assert!(beyond.is_err());
    let cancelled = CancelToken::new();
    cancelled.cancel();
    let error = source.read_chunk(ChunkId(0), &cancelled).err();
    assert_eq!(error.map(|error| error.code()), Some("cancelled"));
}

/// A value that differs for every position and pixel and fits any pixel type used in the samples.
pub fn asymmetric(position: usize, pixel: usize) -> f64 {
    ((position * 7 + pixel * 3 + position * pixel) % 251) as f64
}
