//! Bytes of things that lie outside the cache and count against its budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Cache, Content, Evicted, Key, State, Worth};
use crate::lock;
use crate::scheduler::Priority;

pub(super) type OnEvict = Arc<dyn Fn() + Send + Sync>;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Whom the budget names for what several nodes may share. No node has this number.
pub(crate) const NOBODY: u32 = u32::MAX;

/// Bytes of something kept outside the cache, counted in its budget while this lives.
pub struct Reservation {
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
    worth: Worth,
}

impl Evictable {
    /// It was of use: others go before it now. `false` when it has been given up.
    pub fn touch(&self) -> bool {
        let mut state = lock(&self.cache.state);
        let cached = state.entries.contains_key(&self.key);
        state.rank(&self.key, self.worth);
        cached
    }

    /// It does not go while the answer lives; `None` when it has been given up.
    pub fn used(&self) -> Option<Use> {
        let begun = lock(&self.cache.state).begin_use(&self.key);
        begun.then(|| Use {
            cache: self.cache.clone(),
            key: self.key,
        })
    }
}

/// Somebody uses something that could be given up otherwise.
pub(crate) struct Use {
    cache: Arc<Cache>,
    key: Key,
}

impl Drop for Use {
    fn drop(&mut self) {
        let evicted = lock(&self.cache.state).end_use(&self.key);
        drop(evicted);
    }
}

impl State {
    fn begin_use(&mut self, key: &Key) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        entry.users += 1;
        if entry.users == 1 {
            self.order.remove(&entry.rank);
            self.pinned += entry.cost;
        }
        true
    }

    /// It may go again, after all that was of use before.
    fn end_use(&mut self, key: &Key) -> Evicted {
        let Some(entry) = self.entries.get_mut(key) else {
            return Evicted::default();
        };
        entry.users -= 1;
        if entry.users == 0 {
            self.tick += 1;
            self.pinned -= entry.cost;
            entry.rank.1 = self.tick;
            self.order.insert(entry.rank, *key);
        }
        // The budget may have become smaller meanwhile.
        self.evict_until(self.budget, Worth::OnScreen)
    }
}

impl Drop for Evictable {
    fn drop(&mut self) {
        // Whoever drops it knows; it is not told.
        if let Some(entry) = lock(&self.cache.state).remove(&self.key) {
            debug_assert!(matches!(entry.value, Content::External(_)));
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
        let budget_left = state.budget - bytes;
        let evicted = state.evict_until(budget_left, Worth::OnScreen);
        state.pinned += bytes;
        state.used += bytes;
        drop(state);
        drop(evicted);
        Some(Reservation {
            cache: self.clone(),
            bytes,
        })
    }

    /// Counts `bytes` of something of `node` that lies elsewhere and can be made again. `told` is called when
    /// it has to go, because memory is short or the node is forgotten: from any thread, outside the locks of
    /// the cache, and not when the answer is dropped first. `None` when what is wanted more than `priority` leaves
    /// no room.
    pub fn reserve_evictable(
        self: &Arc<Self>,
        node: u32,
        bytes: usize,
        priority: Priority,
        on_evict: OnEvict,
    ) -> Option<Evictable> {
        self.add_external(
            node,
            bytes,
            Worth::Requested(priority),
            Worth::Requested(priority),
            on_evict,
        )
    }

    /// As [`Cache::reserve_evictable`] of what takes long to make again and belongs to no single node: all that can be made
    /// again goes for it, and goes before it.
    pub fn reserve_costly(self: &Arc<Self>, bytes: usize, on_evict: OnEvict) -> Option<Evictable> {
        self.add_external(NOBODY, bytes, Worth::Costly, Worth::OnScreen, on_evict)
    }

    /// Entries worth up to `most` may go for it.
    fn add_external(
        self: &Arc<Self>,
        node: u32,
        bytes: usize,
        worth: Worth,
        most: Worth,
        on_evict: OnEvict,
    ) -> Option<Evictable> {
        let key = Key::External {
            node,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
        };
        let mut state = lock(&self.state);
        if state.pinned.saturating_add(bytes) > state.budget {
            return None;
        }
        let budget_left = state.budget - bytes;
        let evicted: Evicted = state.evict_until(budget_left, most);
        let fits = state.used <= budget_left;
        if fits {
            state.put(key, Content::External(on_evict), bytes, worth, 0);
        }
        drop(state);
        drop(evicted);
        fits.then(|| Evictable {
            cache: self.clone(),
            key,
            worth,
        })
    }
}
