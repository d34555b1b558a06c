//! In which order a pass goes when positions take their neighbours along slow axes: so that chunks that are needed again
//! are still in memory.

use signal::ChunkId;

use super::Pass;

/// Blocks in an order of their own, along the axes of a window before others, when the chunks between two uses of one are more
/// than `room_bytes`; `None`: their usual order does. `reach`: how far apart positions are that are taken together, per axis.
/// `by_rows`: what is written is complete by rows of the scan, so that the fastest axis stays the first to go along.
pub(super) fn order(
    pass: &Pass,
    reach: &[usize],
    room_bytes: usize,
    by_rows: bool,
) -> Option<Vec<usize>> {
    let source = &*pass.source;
    let shape = source.meta().axes.navigation_shape();
    let slowest = reach.iter().position(|reach| *reach > 0)?;
    if reach.len() != shape.len() || slowest + 1 == shape.len() || source.access().mapped {
        return None;
    }
    let chunk: Vec<usize> = (source.chunk_navigation(ChunkId(0)).iter())
        .map(ExactSizeIterator::len)
        .collect();
    let behind: usize = (slowest + 1..shape.len())
        .map(|axis| shape[axis].div_ceil(chunk[axis].max(1)))
        .product();
    let planes = reach[slowest].div_ceil(chunk[slowest].max(1)) + 1;
    let needed = (behind * planes).saturating_mul(source.access().chunk_bytes);
    if needed <= room_bytes {
        return None;
    }
    let fastest = shape.len() - 1;
    let rank_of = |axis: usize| match reach[axis] > 0 {
        _ if by_rows && axis == fastest => 2,
        true => 1,
        false => 0,
    };
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    axes.sort_by_key(|axis| (rank_of(*axis), *axis));
    let mut blocks: Vec<usize> = (0..pass.units.blocks()).collect();
    blocks.sort_by_cached_key(|block| {
        let ranges = source.chunk_navigation(pass.units.first_chunk_of(*block));
        axes.iter()
            .map(|axis| ranges[*axis].start)
            .collect::<Vec<_>>()
    });
    Some(blocks)
}
