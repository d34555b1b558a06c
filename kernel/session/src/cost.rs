//! Says of a file whose chunks make dragging slow what a frame of it costs, and what to do about it.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Event, FrameCost, NoticeLevel};
use signal::{Access, SignalKind};
use tree::Node;

use crate::{Session, lock};

/// Smaller chunks are not measured: whatever their compression, they are decoded within a few frames of a drag.
const LEAST_BYTES: usize = 8 << 20;
/// A chunk is slow when it is large and not decoded at once, or simply takes long. The usual 16 × 16 patterns of
/// 256 × 256 counts (34 MB, 15 to 30 ms) are neither: reading ahead hides them.
const LARGE_BYTES: usize = 64 << 20;
const LARGE_TIME: Duration = Duration::from_millis(20);
const LONG_TIME: Duration = Duration::from_millis(120);
/// What rewriting reads, compresses and writes per second, all threads together; measured with counts, so that
/// people know whether to wait or to go for a coffee.
const RESHARD_BYTES_PER_SECOND: f64 = 3e8;
/// Bytes that a file written anew decodes for one frame.
const GOOD_CHUNK_BYTES: f64 = 1e6;

/// Chunks of one file; `None` while they are being measured.
pub(crate) type Measured = Option<(Access, Duration)>;

/// Measures in the background, each file once; the pages hear of it when it is done.
pub(crate) fn measure(session: &Arc<Session>, node: u32) {
    let graph = session.tree.snapshot();
    let Some((root, source)) = graph.source_of(node) else {
        return;
    };
    if root.meta.kind == SignalKind::Map {
        return; // Nobody drags through the frames of a saved map: it is read once, as a whole.
    }
    let described = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| source.access()));
    let large = described.is_ok_and(|access| !access.mapped && access.chunk_bytes >= LEAST_BYTES);
    let file = root.file.number;
    if !large || lock(&session.costs).contains_key(&file) {
        return;
    }
    lock(&session.costs).insert(file, None);
    let graph = Arc::new(graph.above(&[node]));
    let weak = Arc::downgrade(session);
    let work = move || {
        let Some(session) = weak.upgrade() else {
            return;
        };
        let measured = session.engine.time_chunk(&graph, node);
        drop(graph);
        session.set_cost(file, measured);
    };
    if let Err(error) = std::thread::Builder::new().name("cost".into()).spawn(work) {
        lock(&session.costs).remove(&file);
        tracing::warn!("a file is not measured: {error}");
    }
}

impl Session {
    /// Of a node that is a file.
    pub(crate) fn cost_of(&self, node: &Node) -> Option<FrameCost> {
        if node.computation().is_some() {
            return None;
        }
        let (access, time) = (*lock(&self.costs).get(&node.file.number)?)?;
        Some(cost(node, access, time))
    }

    fn set_cost(&self, file: u32, measured: Measured) {
        let graph = self.tree.snapshot();
        {
            let mut costs = lock(&self.costs);
            // It was closed meanwhile, or has not yet been forgotten and will be.
            let Some(place) = costs.get_mut(&file).filter(|_| measured.is_some()) else {
                costs.remove(&file);
                return;
            };
            *place = measured;
        }
        self.notify_tree();
        if let Some(node) = graph.roots_of(file).next() {
            self.notify_cost(node);
        }
    }

    fn notify_cost(&self, node: &Node) {
        if let Some(cost) = self.cost_of(node).filter(|cost| cost.slow) {
            self.events.send(&Event::Notice {
                level: NoticeLevel::Info,
                message: what(node, &cost),
                hint: cost.advice,
                node: Some(node.id),
            });
        }
    }

    /// A line for the output of the cell that opened the file, when a frame of it is dear and that is known.
    pub(crate) fn cost_line(&self, node: &Node) -> Option<String> {
        let cost = self.cost_of(node).filter(|cost| cost.slow)?;
        Some(format!("{}; {}", what(node, &cost), cost.advice))
    }
}

fn cost(node: &Node, access: Access, time: Duration) -> FrameCost {
    let slow = access.frames_per_chunk > 1
        && (time >= LONG_TIME || (access.chunk_bytes >= LARGE_BYTES && time >= LARGE_TIME));
    let rate = access.chunk_bytes as f64 / time.as_secs_f64().max(1e-6);
    let after = GOOD_CHUNK_BYTES.max(access.frame_bytes as f64) / rate;
    let takes = node.meta.total_bytes() as f64 / RESHARD_BYTES_PER_SECOND.min(2.0 * rate);
    FrameCost {
        seconds_per_frame: time.as_secs_f64(),
        chunk_bytes: access.chunk_bytes as f64,
        frames_per_chunk: u32::try_from(access.frames_per_chunk).unwrap_or(u32::MAX),
        slow,
        advice: if slow {
            format!(
                "`let {0} = {0}.reshard(\"{0}_quick.zarr\")?;` takes about {1} and makes that {2}",
                node.name,
                duration(takes),
                duration(after)
            )
        } else {
            String::new()
        },
    }
}

/// `one frame of `scan` costs 95 MB and 31 ms: 729 frames are decoded together`
fn what(node: &Node, cost: &FrameCost) -> String {
    format!(
        "one frame of `{}` costs {:.0} MB and {}: {} frames are decoded together",
        node.name,
        cost.chunk_bytes / 1e6,
        duration(cost.seconds_per_frame),
        cost.frames_per_chunk
    )
}

/// `0.4 ms`, `31 ms`, `2.5 s`, `40 s`, `12 min`, `3 h`.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal::{Axes, Axis, ElementType, SignalMeta};
    use tree::Tree;

    #[test]
    fn large_slow_chunks_are_spoken_of_and_usual_ones_are_not() {
        let access = |frames_per_chunk: usize| Access {
            frame_bytes: 131_072,
            frames_per_chunk,
            chunk_bytes: 131_072 * frames_per_chunk,
            mapped: false,
        };
        let axis = |name: &str, size| Axis::new(name, size, 1.0, 0.0, "px");
        let axes = Axes::new(
            vec![axis("y", 256), axis("x", 256)],
            vec![axis("ky", 256), axis("kx", 256)],
        );
        let meta = SignalMeta::frames("scan", axes, ElementType::U16);
        let tree = Tree::new();
        struct Nothing(SignalMeta);
        impl signal::Source for Nothing {
            fn meta(&self) -> &SignalMeta {
                &self.0
            }
            fn chunk_at(&self, _: signal::NavigationIndex) -> signal::ChunkId {
                signal::ChunkId(0)
            }
            fn chunks(&self) -> u64 {
                0
            }
            fn chunk_navigation(&self, _: signal::ChunkId) -> Vec<std::ops::Range<usize>> {
                Vec::new()
            }
            fn read_chunk(
                &self,
                _: signal::ChunkId,
                _: &signal::CancelToken,
            ) -> Result<signal::Chunk, signal::SourceError> {
                Err(signal::SourceError::Cancelled)
            }
        }
        let id = tree.add_source("scan", Arc::new(Nothing(meta))).unwrap();
        let graph = tree.snapshot();
        let node = graph.node(id).unwrap();
        let of = |frames, ms| cost(node, access(frames), Duration::from_millis(ms));
        assert!(!of(256, 30).slow && !of(4, 119).slow && !of(1, 500).slow);
        let dear = of(729, 31);
        assert!(dear.slow);
        assert_eq!(
            what(node, &dear),
            "one frame of `scan` costs 96 MB and 31 ms: 729 frames are decoded together"
        );
        assert_eq!(
            dear.advice,
            "`let scan = scan.reshard(\"scan_quick.zarr\")?;` takes about 29 s and makes that 0.3 ms"
        );
        assert!(of(64, 400).slow);
    }
}
