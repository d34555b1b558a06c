//! Memory-mapped files whose frames follow each other at a fixed stride.
//!
//! A frame of such a file is a view of the map: reading one position touches the pages of that
//! frame and nothing else. The only `unsafe` of this crate is the call that makes the map.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use signal::{
    Access, Block, CancelToken, Chunk, ChunkId, NavigationIndex, SignalMeta, Source, SourceError,
};

use crate::error::io_error;
use crate::options::check_axes;
use crate::storage::mark::{Mark, Stamp};
use crate::storage::pixel::Pixel;

/// Bytes of one chunk of a mapped file: small enough to cancel between, large enough to amortise.
const CHUNK_BYTES: usize = 1 << 20;

/// Where the pixels of a mapped file are.
pub struct Layout {
    /// First byte of the first frame.
    pub offset: u64,
    pub pixel: Pixel,
    /// Whether the first axis, not the last, is contiguous (numpy's `fortran_order`).
    pub fortran: bool,
}

impl Layout {
    /// Whether a frame is a view of the file.
    fn is_mapped(&self) -> bool {
        self.pixel.is_native() && !self.fortran
    }
}

/// Frames at `offset + n · frame_bytes` of a memory-mapped file.
pub struct FixedStride {
    path: PathBuf,
    meta: SignalMeta,
    layout: Layout,
    file: File,
    map: Arc<Mmap>,
    stamp: Option<Stamp>,
    /// `None`: whether the pixels change cannot be told.
    mark: Option<Mark>,
    /// Positions of one chunk along the fastest navigation axis.
    run: usize,
}

struct MappedFile(Arc<Mmap>);

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FixedStride {
    /// # Errors
    /// [`SourceError::Truncated`] when the file is shorter than its header says; faulty axes.
    pub fn open(path: &Path, meta: SignalMeta, layout: Layout) -> Result<Self, SourceError> {
        check_axes(path, &meta.axes)?;
        let file = File::open(path).map_err(|error| io_error(path, &error))?;
        let stored_bytes = (meta.axes.positions() as u64)
            .saturating_mul(meta.axes.frame_len() as u64)
            .saturating_mul(layout.pixel.bytes() as u64);
        let need_bytes = layout.offset.saturating_add(stored_bytes);
        // First: a file that shrinks meanwhile is another one afterwards.
        let stamp = Stamp::of(&file);
        check_length(path, &file, need_bytes)?;
        let mark = Mark::of(&file);
        let map = map(&file).map_err(|error| io_error(path, &error))?;
        let frame_bytes = meta.axes.frame_len() * layout.pixel.bytes();
        let fastest = meta.axes.navigation.last().map_or(1, |axis| axis.size);
        let run = if layout.is_mapped() {
            (CHUNK_BYTES / frame_bytes.max(1)).clamp(1, fastest)
        } else {
            1
        };
        Ok(FixedStride {
            path: path.into(),
            meta,
            layout,
            file,
            map: Arc::new(map),
            stamp,
            mark,
            run,
        })
    }

    /// Bytes of one frame in the file.
    fn frame_bytes(&self) -> usize {
        self.meta.axes.frame_len() * self.layout.pixel.bytes()
    }

    /// Chunks along the fastest navigation axis.
    fn runs(&self) -> usize {
        let fastest = self.meta.axes.navigation.last().map_or(1, |axis| axis.size);
        fastest.div_ceil(self.run)
    }

    /// One frame, its pixels brought into C order and the form of frames.
    fn rearranged(&self, at: NavigationIndex) -> Vec<u8> {
        let width = self.layout.pixel.bytes();
        let start = self.layout.offset as usize;
        let shape = self.meta.axes.navigation_shape();
        let pixels = if self.layout.fortran {
            self.gathered(at, start, width)
        } else {
            let first = start + at.flat(&shape) * self.frame_bytes();
            self.map[first..first + self.frame_bytes()].to_vec()
        };
        self.layout.pixel.decoded(pixels)
    }

    /// One frame of an array whose first axis is contiguous: one strided read per pixel.
    fn gathered(&self, at: NavigationIndex, start: usize, width: usize) -> Vec<u8> {
        let axes = &self.meta.axes;
        let mut stride = width;
        let mut first = start;
        for (index, axis) in at.as_slice().iter().zip(&axes.navigation) {
            first += index * stride;
            stride *= axis.size;
        }
        let sizes = axes.signal_shape();
        let strides: Vec<usize> = (sizes.iter())
            .scan(stride, |next, size| {
                let own = *next;
                *next *= size;
                Some(own)
            })
            .collect();
        let count = axes.frame_len();
        let mut pixels = Vec::with_capacity(count * width);
        for flat in 0..count {
            let (mut from, mut rest) = (first, flat);
            for (size, stride) in sizes.iter().zip(&strides).rev() {
                from += rest % size * stride;
                rest /= size;
            }
            pixels.extend_from_slice(&self.map[from..from + width]);
        }
        pixels
    }
}

impl Source for FixedStride {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: NavigationIndex) -> ChunkId {
        let shape = self.meta.axes.navigation_shape();
        let Some(fastest) = shape.last() else {
            return ChunkId(0);
        };
        let flat = at.flat(&shape);
        ChunkId((flat / fastest * self.runs() + flat % fastest / self.run) as u64)
    }

    fn chunks(&self) -> u64 {
        let shape = self.meta.axes.navigation_shape();
        let rows: usize = shape.iter().rev().skip(1).product();
        (rows * self.runs()) as u64
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        let shape = self.meta.axes.navigation_shape();
        let Some((fastest, slower)) = shape.split_last() else {
            return Vec::new();
        };
        let chunk = chunk.0 as usize;
        let row = NavigationIndex::from_flat(chunk / self.runs(), slower);
        let first = chunk % self.runs() * self.run;
        row.as_slice()
            .iter()
            .map(|index| *index..index + 1)
            .chain(std::iter::once(first..(first + self.run).min(*fastest)))
            .collect()
    }

    fn access(&self) -> Access {
        let frame_bytes = self.meta.axes.frame_len() * self.meta.element.size_bytes();
        Access {
            frame_bytes,
            frames_per_chunk: 1,
            chunk_bytes: frame_bytes,
            mapped: self.layout.is_mapped(),
        }
    }

    /// Only advice: where the system does not take it, the pages come when they are touched.
    #[cfg(unix)]
    fn will_need(&self, at: NavigationIndex) {
        let flat = at.flat(&self.meta.axes.navigation_shape());
        let start = self.layout.offset as usize + flat * self.frame_bytes();
        // Of an array whose first axis is contiguous every page holds a little of each frame.
        if !self.layout.fortran && start + self.frame_bytes() <= self.map.len() {
            let _ = (self.map).advise_range(memmap2::Advice::WillNeed, start, self.frame_bytes());
        }
    }

    /// One call of the system. A file that another one has taken the place of is still there, as it was.
    /// Between the call and the use of the pixels a file may still shrink; a page is
    /// seldom lost in these microseconds.
    fn check(&self) -> Result<(), SourceError> {
        let now = Stamp::of(&self.file);
        if now == self.stamp {
            return Ok(());
        }
        Err(SourceError::Invalid {
            what: format!("{} was changed since it was opened", self.path.display()),
            remedy: "open it again".into(),
        })
    }

    /// Pixels that another program changes through a map are shown as they are now; what was computed from them is not used again.
    fn is_as_opened(&self) -> bool {
        self.check().is_ok() && self.mark.is_some() && Mark::of(&self.file) == self.mark
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        if cancel.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        if chunk.0 >= self.chunks() {
            return Err(no_such_chunk(&self.path, chunk, self.chunks()));
        }
        // A file that shrank since it was opened would end the process with a bus error.
        self.check()?;
        let navigation = self.chunk_navigation(chunk);
        let first: Vec<usize> = navigation.iter().map(|range| range.start).collect();
        let first = NavigationIndex::new(&first);
        let (block, start) = if self.layout.is_mapped() {
            let flat = first.flat(&self.meta.axes.navigation_shape());
            let start = self.layout.offset as usize + flat * self.frame_bytes();
            (Block::mapped(MappedFile(self.map.clone())), start)
        } else {
            (Block::new(self.rearranged(first)), 0)
        };
        Chunk::new(
            navigation,
            self.meta.axes.signal_shape(),
            self.meta.element,
            block,
            start,
        )
    }
}

pub(crate) fn no_such_chunk(path: &Path, chunk: ChunkId, chunks: u64) -> SourceError {
    SourceError::Invalid {
        what: format!(
            "{}: chunk {} asked for, it has {chunks}",
            path.display(),
            chunk.0
        ),
        remedy: "give a position inside the navigation axes".into(),
    }
}

fn check_length(path: &Path, file: &File, need_bytes: u64) -> Result<(), SourceError> {
    let found_bytes = file
        .metadata()
        .map_err(|error| io_error(path, &error))?
        .len();
    if found_bytes < need_bytes {
        return Err(SourceError::Truncated {
            path: path.into(),
            expected_bytes: need_bytes,
            found_bytes,
            place: String::new(),
        });
    }
    Ok(())
}

#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the map is read-only and handed out as bytes that any pattern of is valid for. Another
    // process may change the file meanwhile: then pixels change, as with any read; a file that
    // shrinks is caught by the length check before every use.
    unsafe { Mmap::map(file) }
}
