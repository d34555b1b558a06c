use std::ops::Range;
use std::sync::Arc;

use crate::{ElementType, Frame, NavigationIndex, SourceError};

/// Shared, immutable bytes that keep their owner alive: a decoded chunk, a memory map, a vector.
#[derive(Clone)]
pub struct Block {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    heap_bytes: usize,
}

impl Block {
    /// Bytes on the heap; they count against the cache budget.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let heap_bytes = bytes.as_ref().len();
        Block {
            bytes: Arc::new(bytes),
            heap_bytes,
        }
    }

    /// Bytes of a memory-mapped file; the operating system owns the memory, so they cost no budget.
    pub fn mapped(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Block {
            bytes: Arc::new(bytes),
            heap_bytes: 0,
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    /// Bytes this block holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Block({} bytes)", self.as_bytes().len())
    }
}

/// Number of a storage chunk within its source, in C order over the navigation chunk grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub u64);

/// The decoded frames of a box of scan positions: navigation in C order, each frame contiguous.
#[derive(Clone, Debug)]
pub struct Chunk {
    navigation: Vec<Range<usize>>,
    frame_shape: Arc<[usize]>,
    element: ElementType,
    block: Block,
    start: usize,
}

impl Chunk {
    /// `block[start..]` holds the frames of `navigation` (one range per navigation axis), C order.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when the block is too short for that.
    pub fn new(
        navigation: Vec<Range<usize>>,
        frame_shape: Vec<usize>,
        element: ElementType,
        block: Block,
        start: usize,
    ) -> Result<Self, SourceError> {
        let chunk = Chunk {
            navigation,
            frame_shape: frame_shape.into(),
            element,
            block,
            start,
        };
        let need = chunk
            .navigation
            .iter()
            .map(|range| range.len())
            .product::<usize>()
            .checked_mul(chunk.frame_bytes())
            .and_then(|bytes| bytes.checked_add(start));
        match need {
            Some(need) if need <= chunk.block.as_bytes().len() => Ok(chunk),
            _ => Err(SourceError::Invalid {
                what: format!(
                    "a chunk of {} bytes is too short for its frames",
                    chunk.block.as_bytes().len()
                ),
                remedy: "the file is damaged, or its header does not describe it".into(),
            }),
        }
    }

    fn frame_bytes(&self) -> usize {
        self.frame_shape.iter().product::<usize>() * self.element.size_bytes()
    }

    /// Range of scan positions covered, one per navigation axis.
    pub fn navigation(&self) -> &[Range<usize>] {
        &self.navigation
    }

    /// Whether the frame at a scan position is in this chunk.
    pub fn contains(&self, at: NavigationIndex) -> bool {
        let index = at.as_slice();
        index.len() == self.navigation.len()
            && (index.iter().zip(&self.navigation)).all(|(index, range)| range.contains(index))
    }

    /// Bytes the decoded chunk holds on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.block.heap_bytes()
    }

    /// Some of the frames of a series, `frames` by their positions, laid over a box of scan positions.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when this is no series, or the frames are not in it or another number.
    pub fn over(
        &self,
        frames: Range<usize>,
        navigation: Vec<Range<usize>>,
    ) -> Result<Self, SourceError> {
        let positions: usize = navigation.iter().map(ExactSizeIterator::len).product();
        match self.navigation.as_slice() {
            [own]
                if own.start <= frames.start
                    && frames.end <= own.end
                    && frames.len() == positions =>
            {
                let skipped = (frames.start - own.start) * self.frame_bytes();
                Ok(Chunk {
                    navigation,
                    start: self.start + skipped,
                    ..self.clone()
                })
            }
            _ => Err(SourceError::Invalid {
                what: format!(
                    "frames {frames:?} are not in the chunk {:?}",
                    self.navigation
                ),
                remedy: "give a position inside the navigation axes".into(),
            }),
        }
    }

    /// The frame at a scan position inside this chunk: a view, no pixel is copied.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when the position lies outside the chunk.
    pub fn frame(&self, at: NavigationIndex) -> Result<Frame, SourceError> {
        let mut flat = 0;
        let index = at.as_slice();
        if index.len() != self.navigation.len() {
            return Err(self.outside(at));
        }
        for (index, range) in index.iter().zip(&self.navigation) {
            if !range.contains(index) {
                return Err(self.outside(at));
            }
            flat = flat * range.len() + (index - range.start);
        }
        let start = self.start + flat * self.frame_bytes();
        Frame::view(
            self.frame_shape.clone(),
            self.element,
            self.block.clone(),
            start,
        )
        .map_err(|what| SourceError::Invalid {
            what,
            remedy: "the file is damaged, or its header does not describe it".into(),
        })
    }

    fn outside(&self, at: NavigationIndex) -> SourceError {
        SourceError::Invalid {
            what: format!(
                "scan position {at} is outside its chunk {:?}",
                self.navigation
            ),
            remedy: "give a position inside the navigation axes".into(),
        }
    }
}
