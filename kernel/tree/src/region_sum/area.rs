//! Rectangles of scan positions, and what they are cut into.

use signal::{ChunkId, NavigationIndex, Region};

use super::RegionRequest;
use crate::{Graph, Node};

/// Frames added by one thread at a time.
const BLOCK_FRAMES: usize = 256;

impl RegionRequest {
    /// A scan position of the plane.
    pub(super) fn at(&self, rank: usize, row: usize, column: usize) -> NavigationIndex {
        let mut index = self.outer.clone();
        match rank - index.len() {
            0 => {}
            1 => index.push(column),
            _ => index.extend([row, column]),
        }
        NavigationIndex::new(&index)
    }

    /// Positions of a rectangle, C order.
    pub(super) fn positions(&self, rank: usize, region: Region) -> Vec<NavigationIndex> {
        (region.y0..region.y0 + region.height)
            .flat_map(|row| (region.x0..region.x0 + region.width).map(move |column| (row, column)))
            .map(|(row, column)| self.at(rank, row, column))
            .collect()
    }

    /// The region cut into tiles, far ones alternating, so that a part of them stands for all. A tile is a band of
    /// whole rows, or what lies in one decoded chunk (or in a few small ones): each is decoded once.
    pub(super) fn tiles(&self, chunk: Option<[usize; 2]>) -> Vec<Region> {
        let region = self.region;
        let [rows, columns] = match chunk {
            Some([rows, columns]) => {
                let chunks = BLOCK_FRAMES.div_ceil(rows * columns).max(1);
                [rows, columns * chunks]
            }
            None => [BLOCK_FRAMES.div_ceil(region.width), usize::MAX],
        };
        // Bands begin with the region, tiles of chunks with their chunks.
        let first_row = if chunk.is_some() { 0 } else { region.y0 };
        let downs = cuts(region.y0, region.height, first_row, rows);
        let across = cuts(region.x0, region.width, 0, columns);
        let count = downs.len() * across.len();
        (0..count)
            .map(|number| number * far_step(count) % count)
            .map(|tile| {
                let (y0, height) = downs[tile / across.len()];
                let (x0, width) = across[tile % across.len()];
                Region::rectangle(x0, y0, width, height)
            })
            .collect()
    }
}

/// Starts and lengths of `start .. start + length`, cut at `origin`, `origin + step`, …
fn cuts(start: usize, length: usize, origin: usize, step: usize) -> Vec<(usize, usize)> {
    let (mut cuts, mut at) = (Vec::new(), start);
    while at < start + length {
        let next = origin.saturating_add(((at - origin) / step + 1).saturating_mul(step));
        let end = next.min(start + length);
        cuts.push((at, end - at));
        at = end;
    }
    cuts
}

/// What lies in `a` and not in `b`, in at most four rectangles.
pub(super) fn difference(a: Region, b: Region) -> Vec<Region> {
    let end = |region: Region| (region.x0 + region.width, region.y0 + region.height);
    let ((ax, ay), (bx, by)) = (end(a), end(b));
    let (x0, x1) = (a.x0.max(b.x0), ax.min(bx));
    let (y0, y1) = (a.y0.max(b.y0), ay.min(by));
    if x0 >= x1 || y0 >= y1 {
        return vec![a];
    }
    [
        Region::rectangle(a.x0, a.y0, a.width, y0 - a.y0),
        Region::rectangle(a.x0, y1, a.width, ay - y1),
        Region::rectangle(a.x0, y0, x0 - a.x0, y1 - y0),
        Region::rectangle(x1, y0, ax - x1, y1 - y0),
    ]
    .into_iter()
    .filter(|part| part.width > 0 && part.height > 0)
    .collect()
}

/// Scan rows and columns of a chunk, if the frames come from decoded ones that hold several.
pub(super) fn decoded_chunk(graph: &Graph, node: &Node) -> Option<[usize; 2]> {
    let (_, source) = graph.source_of(node.id)?;
    // Of a scan that was cut, chunks begin elsewhere.
    if !graph.route(node).is_ok_and(|route| route.is_straight()) {
        return None;
    }
    let access = source.access();
    if access.mapped || access.frames_per_chunk < 2 {
        return None;
    }
    let chunk = source.chunk_navigation(ChunkId(0));
    match chunk.as_slice() {
        [.., rows, columns] => Some([rows.len().max(1), columns.len().max(1)]),
        [columns] => Some([1, columns.len().max(1)]),
        [] => None,
    }
}

/// A step that visits all of `count` places, far from each other at first: near the golden section, without a common
/// divisor.
pub(crate) fn far_step(count: usize) -> usize {
    let divides = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a > 1
    };
    let start = ((count as f64 * 0.618_034) as usize).max(1);
    (start..count.max(2))
        .find(|step| !divides(*step, count))
        .unwrap_or(1)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
