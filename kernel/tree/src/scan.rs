//! The scan cut into units of a few scan positions, in chunk order.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use signal::{ChunkId, NavigationIndex, Source};

use crate::compute::{Inner, guarded};
use crate::{Cause, ComputeError, Graph, Node, lock};

/// Layouts of scans other than those of their files that are kept.
const MAX_LAYOUTS: usize = 8;
/// Positions of a unit that no chunk has a part in.
const OWN_POSITIONS: usize = 4096;

/// The scan of a file cut along its chunks: a large chunk gives several units, small ones share a unit.
#[derive(Clone)]
pub(crate) struct Units {
    source: Arc<dyn Source>,
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
            source,
        }
    }

    pub fn len(&self) -> usize {
        (self.source.chunks().div_ceil(self.chunks_per_unit) as usize) * self.pieces
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

    pub fn first_chunk_of(&self, block: usize) -> ChunkId {
        ChunkId(block as u64 * self.chunks_per_unit)
    }

    pub fn positions(&self, unit: usize) -> Vec<NavigationIndex> {
        let first = (unit / self.pieces) as u64 * self.chunks_per_unit;
        let last = (first + self.chunks_per_unit).min(self.source.chunks());
        let mut positions = Vec::with_capacity(self.positions_per_piece);
        for chunk in first..last {
            let ranges = self.source.chunk_navigation(ChunkId(chunk));
            let start = (unit % self.pieces) * self.positions_per_piece;
            let end = (start + self.positions_per_piece).min(count(&ranges));
            positions.extend((start..end).map(|flat| inside(&ranges, flat)));
        }
        positions
    }

    /// The unit of a scan position, and its place among the positions there.
    fn unit_of(&self, at: NavigationIndex) -> (usize, usize) {
        let chunk = self.source.chunk_at(at).0;
        let ranges = self.source.chunk_navigation(ChunkId(chunk));
        let shape: Vec<usize> = ranges.iter().map(ExactSizeIterator::len).collect();
        let within: Vec<usize> = (at.as_slice().iter().zip(&ranges))
            .map(|(at, range)| at - range.start)
            .collect();
        let flat = NavigationIndex::new(&within).flat(&shape);
        let block = (chunk / self.chunks_per_unit) as usize;
        let unit = block * self.pieces + flat / self.positions_per_piece;
        // Before it in its unit: the small chunks that share it.
        let before: usize = (block as u64 * self.chunks_per_unit..chunk)
            .map(|chunk| count(&self.source.chunk_navigation(ChunkId(chunk))))
            .sum();
        (unit, before + flat % self.positions_per_piece)
    }
}

/// The scan positions of a node cut into pieces.
#[derive(Clone)]
pub(crate) enum Pieces {
    /// Those of its file.
    OfFile(Units),
    /// Of a scan that was cut or grouped: in the unit of the file in which they can be computed.
    Moved(Arc<Moved>),
    /// Nothing is read of the file for them: a scan of this shape, in its own order.
    Own(Vec<usize>),
}

/// Positions of a node, ordered by the unit of the file in which each is computed, and the place in it.
pub(crate) struct Moved {
    shape: Vec<usize>,
    /// Where the positions of each unit begin in `places`.
    starts: Vec<usize>,
    places: Vec<Place>,
}

/// A position of a node.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Place of the position of the file among those of its unit.
    pub within: u32,
    /// C order in the node's scan.
    flat: u32,
}

impl Moved {
    fn new(
        units: &Units,
        shape: Vec<usize>,
        anchor: impl Fn(NavigationIndex) -> Option<NavigationIndex>,
    ) -> Self {
        let positions: usize = shape.iter().product();
        let mut all: Vec<(usize, Place)> = (0..positions)
            .filter_map(|flat| {
                let (unit, within) =
                    units.unit_of(anchor(NavigationIndex::from_flat(flat, &shape))?);
                let [within, flat] = [within, flat].map(|at| at as u32);
                Some((unit, Place { within, flat }))
            })
            .collect();
        all.sort_unstable_by_key(|(unit, place)| (*unit, place.within, place.flat));
        let mut starts = vec![0; units.len() + 1];
        all.iter().for_each(|(unit, _)| starts[unit + 1] += 1);
        for unit in 0..units.len() {
            starts[unit + 1] += starts[unit];
        }
        Moved {
            shape,
            starts,
            places: all.into_iter().map(|(_, place)| place).collect(),
        }
    }

    pub fn of(&self, unit: usize) -> &[Place] {
        match self.starts.get(unit..unit + 2) {
            Some([start, end]) => &self.places[*start..*end],
            _ => &[],
        }
    }

    pub fn position(&self, place: Place) -> NavigationIndex {
        NavigationIndex::from_flat(place.flat as usize, &self.shape)
    }
}

impl Pieces {
    pub fn len(&self) -> usize {
        match self {
            Pieces::OfFile(units) => units.len(),
            Pieces::Moved(moved) => moved.starts.len() - 1,
            Pieces::Own(shape) => shape.iter().product::<usize>().div_ceil(OWN_POSITIONS),
        }
    }

    pub fn positions(&self, piece: usize) -> Vec<NavigationIndex> {
        match self {
            Pieces::OfFile(units) => units.positions(piece),
            Pieces::Moved(moved) => (moved.of(piece).iter())
                .map(|place| moved.position(*place))
                .collect(),
            Pieces::Own(shape) => {
                let start = piece * OWN_POSITIONS;
                let end = (start + OWN_POSITIONS).min(shape.iter().product());
                (start..end)
                    .map(|flat| NavigationIndex::from_flat(flat, shape))
                    .collect()
            }
        }
    }
}

/// Layouts of scans that were cut or grouped, the one asked for last at the end.
#[derive(Default)]
pub(crate) struct Layouts(Mutex<Vec<Layout>>);

/// Of a node and its revision.
type Layout = ((u32, u32), Arc<Moved>);

impl Layouts {
    fn of(&self, key: (u32, u32)) -> Option<Arc<Moved>> {
        let mut kept = lock(&self.0);
        let found = kept.iter().position(|(of, _)| *of == key)?;
        let layout = kept.remove(found);
        let moved = layout.1.clone();
        kept.push(layout);
        Some(moved)
    }

    fn keep(&self, key: (u32, u32), moved: &Arc<Moved>) {
        let mut kept = lock(&self.0);
        kept.push((key, moved.clone()));
        if kept.len() > MAX_LAYOUTS {
            kept.remove(0);
        }
    }
}

impl Inner {
    /// The pieces of every pass over the positions of `node`. They do not depend on what is computed already.
    ///
    /// # Errors
    /// [`ComputeError`] when a node above is gone, or an operation panics.
    pub fn pieces_of(&self, graph: &Graph, node: &Node) -> Result<Pieces, ComputeError> {
        let (root, source) = graph
            .source_of(node.id)
            .ok_or_else(|| ComputeError::no_node(node.source))?;
        let route = graph.route(node)?;
        let frame_bytes = root.meta.axes.frame_len() * root.meta.element.size_bytes();
        if route.is_straight() {
            return Ok(Pieces::OfFile(crate::pass::units(source, frame_bytes)));
        }
        let shape = node.meta.axes.navigation_shape();
        if !route.reaches_file() {
            return Ok(Pieces::Own(shape));
        }
        let key = (node.id, node.revision);
        if let Some(moved) = self.layouts.of(key) {
            return Ok(Pieces::Moved(moved));
        }
        let units = crate::pass::units(source, frame_bytes);
        let moved = guarded(|| Moved::new(&units, shape, |at| route.anchor(at)))
            .map_err(|text| ComputeError::new(node, None, Cause::Panic(text)))?;
        let moved = Arc::new(moved);
        self.layouts.keep(key, &moved);
        Ok(Pieces::Moved(moved))
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
