//! A series of frames laid over a scan, whatever holds it: the user gives (ny, nx), the file has one axis.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal::{
    Access, Axes, Axis, CancelToken, Caveat, Chunk, ChunkId, NavigationIndex, SignalMeta, Source,
    SourceError,
};

use crate::options::{OpenOptions, check_axes};
use crate::storage::binary::no_such_chunk;

/// The axes when `scan` lays the series of a file over (ny, nx); `None` when there is nothing to lay.
///
/// # Errors
/// [`SourceError::Invalid`] when the number of frames is another.
pub fn over_scan(
    path: &Path,
    options: &OpenOptions,
    axes: &Axes,
) -> Result<Option<Axes>, SourceError> {
    let Some((ny, nx)) = options.scan else {
        return Ok(None);
    };
    match axes.navigation.as_slice() {
        [y, x] if (y.size, x.size) == (ny, nx) => Ok(None),
        [frames] if Some(frames.size) == ny.checked_mul(nx) => {
            let navigation = vec![Axis::pixels("y", ny), Axis::pixels("x", nx)];
            Ok(Some(Axes::new(navigation, axes.signal.clone())))
        }
        navigation => Err(SourceError::Invalid {
            what: format!(
                "{}: scan = ({ny}, {nx}) has {} positions, the file has {}",
                path.display(),
                ny.saturating_mul(nx),
                axes.shape_text()
            ),
            remedy: match navigation {
                [frames] => format!(
                    "give (ny, nx), rows first, so that ny · nx is {}, or leave `scan` out",
                    frames.size
                ),
                _ => "leave `scan` out and use the axes of the file".into(),
            },
        }),
    }
}

/// Frames of a series over the positions of a scan. A chunk of the series is as many boxes of positions as it needs:
/// a part of a row, whole rows, a part of a row.
pub struct Reshaped {
    path: PathBuf,
    source: Arc<dyn Source>,
    meta: SignalMeta,
    /// First frame of each box, and one beyond the last frame.
    starts: Vec<usize>,
}

impl Reshaped {
    /// # Errors
    /// Faulty axes.
    pub fn new(path: &Path, source: Arc<dyn Source>, axes: Axes) -> Result<Self, SourceError> {
        let mut meta = source.meta().clone();
        meta.axes = axes;
        check_axes(path, &meta.axes)?;
        let nx = meta.axes.navigation.last().map_or(1, |axis| axis.size);
        let mut starts = Vec::new();
        for chunk in 0..source.chunks() {
            if let [run] = source.chunk_navigation(ChunkId(chunk)).as_slice() {
                starts.extend(boxes(run, nx));
            }
        }
        starts.push(meta.axes.positions());
        Ok(Reshaped {
            path: path.into(),
            source,
            meta,
            starts,
        })
    }

    fn nx(&self) -> usize {
        self.meta.axes.navigation.last().map_or(1, |axis| axis.size)
    }

    fn frames(&self, chunk: ChunkId) -> Range<usize> {
        let at = chunk.0 as usize;
        self.starts[at]..self.starts[at + 1]
    }
}

/// First frames of the boxes of a run of frames.
fn boxes(run: &Range<usize>, nx: usize) -> Vec<usize> {
    let first_row = run.start.next_multiple_of(nx);
    let last_row = run.end / nx * nx;
    let mut starts = vec![run.start];
    for start in [first_row, last_row] {
        if start > run.start && start < run.end && starts.last() != Some(&start) {
            starts.push(start);
        }
    }
    starts
}

impl Source for Reshaped {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: NavigationIndex) -> ChunkId {
        let flat = at.flat(&self.meta.axes.navigation_shape());
        ChunkId((self.starts.partition_point(|start| *start <= flat) as u64).saturating_sub(1))
    }

    fn chunks(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        let (frames, nx) = (self.frames(chunk), self.nx());
        let row = frames.start / nx;
        match frames.len() < nx {
            true => {
                let first = frames.start % nx;
                vec![row..row + 1, first..first + frames.len()]
            }
            false => vec![row..row + frames.len() / nx, 0..nx],
        }
    }

    fn access(&self) -> Access {
        self.source.access()
    }

    fn files_beside(&self) -> Vec<PathBuf> {
        self.source.files_beside()
    }

    fn caveats(&self) -> Vec<Caveat> {
        self.source.caveats()
    }

    fn is_filled(&self, at: NavigationIndex) -> bool {
        let flat = at.flat(&self.meta.axes.navigation_shape());
        self.source.is_filled(NavigationIndex::new(&[flat]))
    }

    fn check(&self) -> Result<(), SourceError> {
        self.source.check()
    }

    fn is_as_opened(&self) -> bool {
        self.source.is_as_opened()
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        if chunk.0 >= self.chunks() {
            return Err(no_such_chunk(&self.path, chunk, self.chunks()));
        }
        let frames = self.frames(chunk);
        let first = self.source.chunk_at(NavigationIndex::new(&[frames.start]));
        let inner = self.source.read_chunk(first, cancel)?;
        inner.over(frames, self.chunk_navigation(chunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_frames_is_cut_where_rows_begin() {
        assert_eq!(boxes(&(0..4), 4), [0]);
        assert_eq!(boxes(&(0..8), 4), [0]);
        assert_eq!(boxes(&(2..4), 4), [2]);
        assert_eq!(boxes(&(2..11), 4), [2, 4, 8]);
        assert_eq!(boxes(&(4..11), 4), [4, 8]);
        assert_eq!(boxes(&(5..7), 4), [5]);
        assert_eq!(boxes(&(3..5), 4), [3, 4]);
    }
}
