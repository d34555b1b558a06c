//! Whole-scan passes: units of scan positions in chunk order, computed in parallel, taken in order.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use signal::{CancelToken, ChunkId, NavigationIndex, Output, Source};

use crate::compute::{Inner, UnitScope};
use crate::gate::{Gate, Lane};
use crate::ordered::in_order;
use crate::{Cause, ComputeError, Engine, Graph, Node};

/// Most scan positions in one unit: the step of progress, and of what a cancel throws away.
const UNIT_POSITIONS: usize = 16;
/// Most bytes of results in one unit.
const UNIT_BYTES: usize = 8 << 20;

/// The outputs of a few scan positions, in C order within their chunk.
pub struct UnitOutputs {
    pub outputs: Vec<(NavigationIndex, Result<Output, ComputeError>)>,
}

/// The scan cut along its chunks: a large chunk gives several units, small ones share a unit.
pub(crate) struct Units {
    /// `None`: one frame that stands for the whole scan.
    source: Option<Arc<dyn Source>>,
    pieces: usize,
    positions_per_piece: usize,
    chunks_per_unit: u64,
}

impl Units {
    /// Units whose results together stay small.
    pub fn new(source: Arc<dyn Source>, bytes_per_position: usize) -> Self {
        let most = (UNIT_BYTES / bytes_per_position.max(1)).clamp(1, UNIT_POSITIONS);
        Units::of_positions(source, most)
    }

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

impl Inner {
    /// The units of a pass over `node`.
    pub fn units(&self, graph: &Graph, node: &Node) -> Result<Units, ComputeError> {
        let (root, source) = graph
            .source_of(node.id)
            .ok_or_else(|| ComputeError::no_node(node.source))?;
        if is_lone(node, root) {
            return Ok(Units::lone());
        }
        let values = node.meta.axes.frame_len().max(node.meta.components.len());
        let bytes = values * node.meta.element.size_bytes();
        Ok(Units::new(source.clone(), bytes))
    }

    /// One unit: every position with its own result; a failed frame does not end the others.
    pub fn unit(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        positions: Vec<NavigationIndex>,
        lane: Lane,
        cancel: &CancelToken,
    ) -> UnitOutputs {
        let _slot = self.gate.slot(lane);
        let _scope = UnitScope;
        let outputs = positions
            .into_iter()
            .map(|at| {
                self.gate.step_aside(lane);
                (at, self.output(graph, node, at, lane, cancel))
            })
            .collect();
        UnitOutputs { outputs }
    }

    /// Runs `units` (numbers into `all`) and hands their outputs over in that order.
    #[allow(clippy::too_many_arguments)] // the parts of one pass; a struct would only rename them
    pub fn pass(
        &self,
        graph: &Graph,
        node: &Arc<Node>,
        all: &Units,
        units: &[usize],
        lane: Lane,
        cancel: &CancelToken,
        tick: &mut dyn FnMut(),
        consume: &mut dyn FnMut(usize, UnitOutputs) -> ControlFlow<()>,
    ) {
        let threads = if Gate::inside_a_pass() {
            1
        } else {
            self.threads
        };
        in_order(
            units.len(),
            threads,
            &|number| self.unit(graph, node, all.positions(units[number]), lane, cancel),
            tick,
            &mut |number, outputs| consume(units[number], outputs),
        );
    }
}

impl Engine {
    /// Every output of `node`, in chunk order, with the memory of a few units. `tick` is called often
    /// on this thread, also while it waits; `consume` ends the pass with `Break`.
    ///
    /// # Errors
    /// [`ComputeError`] when the pass cannot start, when a reduction before it fails, or `cancelled`.
    pub fn stream(
        &self,
        graph: &Graph,
        node: u32,
        cancel: &CancelToken,
        tick: &mut dyn FnMut(),
        consume: &mut dyn FnMut(UnitOutputs) -> ControlFlow<()>,
    ) -> Result<(), ComputeError> {
        let node = graph
            .node(node)
            .ok_or_else(|| ComputeError::no_node(node))?;
        let inner = &self.inner;
        inner.prepare_all(graph, node, Lane::Batch, cancel)?;
        let units = inner.units(graph, node)?;
        let numbers: Vec<usize> = (0..units.len()).collect();
        let mut ended = false;
        inner.pass(
            graph,
            node,
            &units,
            &numbers,
            Lane::Batch,
            cancel,
            tick,
            &mut |_, outputs| {
                if cancel.is_cancelled() {
                    return ControlFlow::Break(());
                }
                let flow = consume(outputs);
                ended = flow.is_break();
                flow
            },
        );
        if cancel.is_cancelled() && !ended {
            return Err(ComputeError::new(node, None, Cause::Cancelled));
        }
        Ok(())
    }
}
