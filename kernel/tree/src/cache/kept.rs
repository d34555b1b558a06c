//! Bytes of things that lie outside the cache and count against its budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Cache, Content, Gone, Key, Worth};
use crate::gate::Lane;
use crate::lock;

pub(super) type OnEvict = Arc<dyn Fn() + Send + Sync>;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Bytes of something kept outside the cache, counted in its budget while this lives.
pub(crate) struct Reservation {
    cache: Arc<Cache>,
    bytes: usize,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = lock(&self.cache.state);
        state.pinned -= self.bytes;
        state.used -= self.bytes;
    }
}

/// Bytes of something kept outside the cache that can be given up when memory is short; counted in the
/// budget until then, or until this is dropped.
pub(crate) struct Evictable {
    cache: Arc<Cache>,
    key: Key,
    lane: Lane,
}

impl Evictable {
    /// It was of use: others go before it now. `false` when it has been given up.
    pub fn touch(&self) -> bool {
        let mut state = lock(&self.cache.state);
        let held = state.entries.contains_key(&self.key);
        state.rank(&self.key, Worth::Asked(self.lane));
        held
    }
}

impl Drop for Evictable {
    fn drop(&mut self) {
        // Whoever drops it knows; it is not told.
        if let Some(entry) = lock(&self.cache.state).remove(&self.key) {
            debug_assert!(matches!(entry.value, Content::Kept(_)));
        }
    }
}

impl Cache {
    /// Counts `bytes` kept elsewhere against the budget, evicting entries for them; `None` when they
    /// do not fit beside what is pinned already.
    pub fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let mut state = lock(&self.state);
        if state.pinned.saturating_add(bytes) > state.budget {
            return None;
        }
        let room = state.budget - bytes;
        let gone = state.evict_until(room, Worth::OnScreen);
        state.pinned += bytes;
        state.used += bytes;
        drop(state);
        drop(gone);
        Some(Reservation {
            cache: self.clone(),
            bytes,
        })
    }

    /// Counts `bytes` of something of `node` that lies elsewhere and can be made again. `told` is called when
    /// it has to go, because memory is short or the node is forgotten: from any thread, outside the locks of
    /// the cache, and not when the answer is dropped first. `None` when what is wanted more than `lane` leaves
    /// no room.
    pub fn reserve_evictable(
        self: &Arc<Self>,
        node: u32,
        bytes: usize,
        lane: Lane,
        told: OnEvict,
    ) -> Option<Evictable> {
        let key = Key::Kept {
            node,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
        };
        let mut state = lock(&self.state);
        if state.pinned.saturating_add(bytes) > state.budget {
            return None;
        }
        let room = state.budget - bytes;
        let gone: Gone = state.evict_until(room, Worth::Asked(lane));
        let fits = state.used <= room;
        if fits {
            state.put(key, Content::Kept(told), bytes, lane, 0);
        }
        drop(state);
        drop(gone);
        fits.then(|| Evictable {
            cache: self.clone(),
            key,
            lane,
        })
    }
}
