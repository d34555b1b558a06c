//! How long the storage of a file makes somebody wait for one frame.

use std::time::{Duration, Instant};

use signal::{Access, CancelToken, ChunkId};

use crate::compute::guarded;
use crate::scheduler::Priority;
use crate::{Engine, Graph};

/// A file whose chunk is decoded in less is not measured a second time.
const QUICK: Duration = Duration::from_millis(10);

impl Engine {
    /// What a frame of this source costs: as its format describes it, and the time of decoding one chunk, the
    /// better of two. Nothing is kept. It takes a place among the background threads.
    ///
    /// `None` for a computed node, for a mapped file, and when the chunk cannot be read.
    pub fn time_chunk(&self, graph: &Graph, node: u32) -> Option<(Access, Duration)> {
        let (root, source) = graph.source_of(node).filter(|(root, _)| root.id == node)?;
        let access = guarded(|| source.access()).ok()?;
        if access.mapped || source.chunks() == 0 {
            return None;
        }
        let inner = &self.inner;
        // Counted while it lives, if there is room for it.
        let _reserved = inner.cache.reserve(access.chunk_bytes);
        let cancel = CancelToken::new();
        let mut best = Duration::MAX;
        for _ in 0..2 {
            let _slot = inner.scheduler.slot(Priority::Background);
            inner.scheduler.yield_to_urgent(Priority::Background);
            if inner.ended.is_cancelled() {
                return None;
            }
            let began = Instant::now();
            let read = guarded(|| source.read_chunk(ChunkId(0), &cancel));
            best = best.min(began.elapsed());
            match read {
                Ok(Ok(_)) if best < QUICK => break,
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::info!("`{}` was not measured: {error}", root.name);
                    return None;
                }
                Err(text) => {
                    tracing::warn!("`{}` was not measured: {text}", root.name);
                    return None;
                }
            }
        }
        Some((access, best))
    }
}
