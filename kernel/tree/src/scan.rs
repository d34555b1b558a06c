//! The scan cut into units of a few scan positions, in chunk order.

use std::ops::Range;
use std::sync::Arc;

use signal::{ChunkId, NavigationIndex, Source};

use crate::Node;

/// The scan cut along its chunks: a large chunk gives several units, small ones share a unit.
pub(crate) struct Units {
    /// `None`: one frame that stands for the whole scan.
    source: Option<Arc<dyn Source>>,
    pieces: usize,
    positions_per_piece: usize,
    chunks_per_unit: u64,
}

impl Units {
    /// Units of at most so many scan positions.
    pub fn of_positions(source: Arc<dyn Source>, most: usize) -> Self {
        let in_chunk = if source.chunks() == 0 {
            1
        } else {
            count(&source.chunk_navigation(ChunkId(0))).max(1)
        };
        Units {
            pieces: in_chunk.div_ceil(most),
            positions_per_piece: most,
            chunks_per_unit: (most / in_chunk).max(1) as u64,
            source: Some(source),
        }
    }

    /// Of a node without scan positions below a scan: the mean of its frames.
    pub fn lone() -> Self {
        Units {
            pieces: 1,
            positions_per_piece: 1,
            chunks_per_unit: 2,
            source: None,
        }
    }

    pub fn len(&self) -> usize {
        let Some(source) = &self.source else { return 1 };
        (source.chunks().div_ceil(self.chunks_per_unit) as usize) * self.pieces
    }

    /// Number of blocks: what one thread reads at a time, a large chunk or the small ones of a unit.
    pub fn blocks(&self) -> usize {
        self.len() / self.pieces
    }

    pub fn of_block(&self, block: usize) -> Range<usize> {
        block * self.pieces..(block + 1) * self.pieces
    }

    /// The chunk of a block that is one; `None` when its one unit goes over several.
    pub fn chunk_of_block(&self, block: usize) -> Option<ChunkId> {
        (self.chunks_per_unit == 1).then_some(ChunkId(block as u64))
    }

    pub fn positions(&self, unit: usize) -> Vec<NavigationIndex> {
        let Some(source) = &self.source else {
            return vec![NavigationIndex::new(&[])];
        };
        let first = (unit / self.pieces) as u64 * self.chunks_per_unit;
        let last = (first + self.chunks_per_unit).min(source.chunks());
        let mut positions = Vec::with_capacity(self.positions_per_piece);
        for chunk in first..last {
            let ranges = source.chunk_navigation(ChunkId(chunk));
            let start = (unit % self.pieces) * self.positions_per_piece;
            let end = (start + self.positions_per_piece).min(count(&ranges));
            positions.extend((start..end).map(|flat| inside(&ranges, flat)));
        }
        positions
    }
}

fn count(ranges: &[Range<usize>]) -> usize {
    ranges.iter().map(ExactSizeIterator::len).product()
}

/// The `flat`-th position of a box, C order.
fn inside(ranges: &[Range<usize>], flat: usize) -> NavigationIndex {
    let shape: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
    let within = NavigationIndex::from_flat(flat, &shape);
    let index: Vec<usize> = within
        .as_slice()
        .iter()
        .zip(ranges)
        .map(|(index, range)| range.start + index)
        .collect();
    NavigationIndex::new(&index)
}

/// Whether a node has one frame for the whole scan of its source.
pub(crate) fn is_lone(node: &Node, root: &Node) -> bool {
    node.meta.axes.navigation.is_empty() && !root.meta.axes.navigation.is_empty()
}
