//! Everything the process keeps in memory, under one byte budget.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use signal::{CancelToken, Chunk, ChunkId, NavigationIndex, Output};

use crate::scheduler::{Priority, Scheduler};
use crate::{ComputeError, ViewId, lock};

mod external;

pub use external::Reservation;
pub(crate) use external::{Evictable, NOBODY, Use};

/// What one entry costs besides its pixels: keys, map nodes, reference counts.
const ENTRY_BYTES: usize = 256;
/// Batch work, and what is read ahead, may each displace what people looked at up to this share of the budget.
const BATCH_SHARE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Chunk {
        file: u32,
        chunk: ChunkId,
    },
    Output {
        node: u32,
        revision: u32,
        at: NavigationIndex,
    },
    /// Something that lies elsewhere and can be given up.
    External {
        node: u32,
        number: u64,
    },
}

impl Key {
    fn is_of(&self, nodes: &[u32], files: &[u32]) -> bool {
        match self {
            Key::Chunk { file, .. } => files.contains(file),
            Key::Output { node, .. } | Key::External { node, .. } => nodes.contains(node),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Cached {
    Chunk(Arc<Chunk>),
    Output(Output),
}

impl Cached {
    fn cost(&self) -> usize {
        ENTRY_BYTES
            + match self {
                Cached::Chunk(chunk) => chunk.heap_bytes(),
                Cached::Output(output) => output.heap_bytes(),
            }
    }
}

/// Bytes kept and allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Cached chunks and outputs, map and navigation images, intermediate blocks.
    pub used_bytes: usize,
    pub budget_bytes: usize,
    /// The part of `used_bytes` that cannot be evicted: map and navigation images, and what is prepared while it is used.
    pub pinned_bytes: usize,
}

/// How much an entry is wanted: that of the priority it was asked for with, or more while a view shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Requested(Priority),
    /// It takes long to make again.
    Costly,
    OnScreen,
}

/// Eviction goes from the first to the last: the least wanted, of those the oldest.
type Rank = (Worth, u64);

struct Entry {
    value: Content,
    cost: usize,
    rank: Rank,
    /// Views that show it.
    screens: u32,
    /// Those who use it: it cannot go meanwhile, and has no place in the order.
    users: u32,
}

#[derive(Clone)]
enum Content {
    Cached(Cached),
    /// To be called when it is given up.
    External(external::OnEvict),
}

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    order: BTreeMap<Rank, Key>,
    flights: HashMap<Key, Arc<Flight>>,
    /// What each view shows.
    screens: HashMap<ViewId, Key>,
    budget: usize,
    used: usize,
    pinned: usize,
    /// Bytes of entries of [`Priority::Background`] and [`Priority::Batch`].
    batch: usize,
    /// Bytes of entries that were read ahead and not yet asked for.
    prefetched: usize,
    tick: u64,
}

/// Entries on their way out. Let go of outside the lock: giving back thousands of frames takes milliseconds,
/// nobody's frame should wait for it, and whoever is told may ask the cache.
#[must_use]
#[derive(Default)]
struct Evicted(Vec<Entry>);

impl Drop for Evicted {
    fn drop(&mut self) {
        for entry in self.0.drain(..) {
            if let Content::External(on_evict) = entry.value {
                on_evict();
            }
        }
    }
}

pub(crate) struct Cache {
    state: Mutex<State>,
    scheduler: Arc<Scheduler>,
}

/// A value that one thread makes and others may wait for.
struct Flight {
    landed: Mutex<Option<Landing>>,
    changed: Condvar,
}

#[derive(Clone)]
enum Landing {
    Value(Cached),
    Failed(ComputeError),
    /// The maker was cancelled or died: whoever still wants the value makes it.
    Abandoned,
}

/// Lands the flight also when its maker unwinds.
struct Leader<'a> {
    cache: &'a Cache,
    key: Key,
    flight: Arc<Flight>,
    landed: bool,
}

impl Leader<'_> {
    fn land(&mut self, landing: Landing) {
        self.landed = true;
        lock(&self.cache.state).flights.remove(&self.key);
        *lock(&self.flight.landed) = Some(landing);
        self.flight.changed.notify_all();
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if !self.landed {
            self.land(Landing::Abandoned);
        }
    }
}

impl Cache {
    pub fn new(budget: usize, scheduler: Arc<Scheduler>) -> Self {
        let state = State {
            budget,
            ..State::default()
        };
        Cache {
            state: Mutex::new(state),
            scheduler,
        }
    }

    pub fn memory(&self) -> Memory {
        let state = lock(&self.state);
        Memory {
            used_bytes: state.used,
            budget_bytes: state.budget,
            pinned_bytes: state.pinned,
        }
    }

    /// A new budget; what no longer fits is given up at once, but for what is pinned.
    pub fn set_budget(&self, bytes: usize) {
        let mut state = lock(&self.state);
        state.budget = bytes;
        let evicted = state.evict_until(bytes, Worth::OnScreen);
        drop(state);
        drop(evicted);
    }

    /// The value of `key`: kept, or made by exactly one thread while others wait. Failures are not kept.
    ///
    /// # Errors
    /// What `make` failed with, or `cancelled` when `cancel` is set while waiting.
    pub fn get_or_make(
        &self,
        key: Key,
        priority: Priority,
        cancel: &CancelToken,
        cancelled: &dyn Fn() -> ComputeError,
        make: &dyn Fn() -> Result<Cached, ComputeError>,
    ) -> Result<Cached, ComputeError> {
        loop {
            let flight = {
                let mut state = lock(&self.state);
                if let Some(value) = state.touch(&key, priority) {
                    return Ok(value);
                }
                match state.flights.get(&key) {
                    Some(flight) => Err(flight.clone()),
                    None => {
                        let flight = Arc::new(Flight {
                            landed: Mutex::new(None),
                            changed: Condvar::new(),
                        });
                        state.flights.insert(key, flight.clone());
                        Ok(flight)
                    }
                }
            };
            match flight {
                Ok(flight) => return self.lead(key, priority, flight, make),
                Err(flight) => match self.follow(&flight, priority, cancel) {
                    Some(Landing::Value(value)) => {
                        // Asked for by somebody more important than its maker.
                        lock(&self.state).touch(&key, priority);
                        return Ok(value);
                    }
                    Some(Landing::Failed(error)) => return Err(error),
                    Some(Landing::Abandoned) => {}
                    None => return Err(cancelled()),
                },
            }
        }
    }

    fn lead(
        &self,
        key: Key,
        priority: Priority,
        flight: Arc<Flight>,
        make: &dyn Fn() -> Result<Cached, ComputeError>,
    ) -> Result<Cached, ComputeError> {
        let mut leader = Leader {
            cache: self,
            key,
            flight,
            landed: false,
        };
        let made = make();
        match &made {
            Ok(value) => {
                let evicted = lock(&self.state).insert(key, value.clone(), priority);
                leader.land(Landing::Value(value.clone()));
                drop(evicted);
            }
            Err(error) if error.is_cancelled() => leader.land(Landing::Abandoned),
            Err(error) => leader.land(Landing::Failed(error.clone())),
        }
        made
    }

    fn follow(&self, flight: &Flight, priority: Priority, cancel: &CancelToken) -> Option<Landing> {
        let _waiting = self.scheduler.waiting(priority);
        let mut landed = lock(&flight.landed);
        loop {
            if let Some(landing) = &*landed {
                return Some(landing.clone());
            }
            if cancel.is_cancelled() {
                return None;
            }
            landed = flight
                .changed
                .wait_timeout(landed, Duration::from_millis(20))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// What is kept, without making it.
    pub fn get(&self, key: &Key, priority: Priority) -> Option<Cached> {
        lock(&self.state).touch(key, priority)
    }

    /// The view shows this entry now, and no longer what it showed before; `None`: it shows nothing.
    pub fn show(&self, view: &ViewId, key: Option<Key>) {
        let mut state = lock(&self.state);
        let before = match key {
            Some(key) => state.screens.insert(view.clone(), key),
            None => state.screens.remove(view),
        };
        if before == key {
            return;
        }
        if let Some(before) = before {
            // Of a view that is hidden nothing is wanted any more than what was read ahead.
            let left = if key.is_some() {
                Priority::Visible
            } else {
                Priority::Prefetch
            };
            state.change_screens(&before, left, |screens| screens.saturating_sub(1));
        }
        if let Some(key) = key {
            state.change_screens(&key, Priority::Visible, |screens| screens + 1);
        }
    }

    /// Drops every entry of these nodes and files.
    pub fn forget(&self, nodes: &[u32], files: &[u32]) {
        self.drop_entries(|key| key.is_of(nodes, files));
    }

    pub fn forget_entry(&self, key: &Key) {
        let evicted = lock(&self.state).remove(key);
        drop(evicted);
    }

    /// Drops the outputs of older revisions than the given ones of these nodes.
    pub fn forget_older(&self, nodes: &[(u32, u32)]) {
        self.drop_entries(|key| match key {
            Key::Output { node, revision, .. } => nodes
                .iter()
                .any(|(changed, current)| node == changed && revision < current),
            Key::Chunk { .. } | Key::External { .. } => false,
        });
    }

    fn drop_entries(&self, unwanted: impl Fn(&Key) -> bool) {
        let mut state = lock(&self.state);
        let keys: Vec<Key> = state
            .entries
            .keys()
            .filter(|key| unwanted(key))
            .copied()
            .collect();
        let evicted = Evicted(keys.iter().filter_map(|key| state.remove(key)).collect());
        drop(state);
        drop(evicted);
    }

    #[cfg(test)]
    pub fn holds(&self, key: &Key) -> bool {
        lock(&self.state).entries.contains_key(key)
    }

    /// Whether it is kept, or somebody is making it.
    pub fn has_or_makes(&self, key: &Key) -> bool {
        let state = lock(&self.state);
        state.entries.contains_key(key) || state.flights.contains_key(key)
    }
}

impl State {
    fn touch(&mut self, key: &Key, priority: Priority) -> Option<Cached> {
        let entry = self.entries.get(key)?;
        let Content::Cached(value) = &entry.value else {
            return None;
        };
        let value = value.clone();
        let worth = entry.rank.0.max(Worth::Requested(priority));
        // Who comes by for less leaves it where it is.
        if entry.rank.0 <= Worth::Requested(priority) || entry.rank.0 == Worth::OnScreen {
            self.rank(key, worth);
        }
        Some(value)
    }

    /// Gives an entry a new worth and makes it the youngest of that.
    fn rank(&mut self, key: &Key, worth: Worth) {
        self.tick += 1;
        let rank = (worth, self.tick);
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let (before, cost) = (entry.rank, entry.cost);
        entry.rank = rank;
        if entry.users == 0 {
            self.order.remove(&before);
            self.order.insert(rank, *key);
        }
        if let Some(bytes) = self.share(before.0) {
            *bytes -= cost;
        }
        if let Some(bytes) = self.share(worth) {
            *bytes += cost;
        }
    }

    /// Where the bytes of entries of limited worth are counted.
    fn share(&mut self, worth: Worth) -> Option<&mut usize> {
        match worth {
            Worth::Requested(Priority::Background | Priority::Batch) => Some(&mut self.batch),
            Worth::Requested(Priority::Prefetch) => Some(&mut self.prefetched),
            _ => None,
        }
    }

    fn change_screens(&mut self, key: &Key, left: Priority, change: impl Fn(u32) -> u32) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.screens = change(entry.screens);
        let worth = if entry.screens > 0 {
            Worth::OnScreen
        } else {
            Worth::Requested(left)
        };
        self.rank(key, worth);
    }

    fn insert(&mut self, key: Key, value: Cached, priority: Priority) -> Evicted {
        let cost = value.cost();
        if self.pinned + cost > self.budget || self.entries.contains_key(&key) {
            return Evicted::default();
        }
        let most = self.may_evict(priority, cost);
        let evicted = self.evict_until(self.budget - cost, most);
        if self.used + cost <= self.budget {
            let screens = self.screens.values().filter(|shown| **shown == key).count() as u32;
            self.put(
                key,
                Content::Cached(value),
                cost,
                Worth::Requested(priority),
                screens,
            );
        }
        evicted
    }

    /// What may go for an entry of this priority. Batch work and what is read ahead keep to their share unless
    /// there is room anyway, and never displace what is on screen.
    fn may_evict(&mut self, priority: Priority, cost: usize) -> Worth {
        let limit = self.budget / BATCH_SHARE;
        match self.share(Worth::Requested(priority)) {
            None => Worth::OnScreen,
            Some(bytes) if *bytes + cost <= limit || *bytes == 0 => {
                Worth::Requested(Priority::Interactive)
            }
            Some(_) => Worth::Requested(priority.max(Priority::Batch)),
        }
    }

    fn put(&mut self, key: Key, value: Content, cost: usize, worth: Worth, screens: u32) {
        self.tick += 1;
        let worth = if screens > 0 { Worth::OnScreen } else { worth };
        let rank = (worth, self.tick);
        self.used += cost;
        if let Some(bytes) = self.share(worth) {
            *bytes += cost;
        }
        self.order.insert(rank, key);
        let entry = Entry {
            value,
            cost,
            rank,
            screens,
            users: 0,
        };
        self.entries.insert(key, entry);
    }

    /// Evicts entries worth up to `most`, least wanted first, until at most `bytes` are used.
    fn evict_until(&mut self, bytes: usize, most: Worth) -> Evicted {
        let mut evicted = Evicted::default();
        while self.used > bytes {
            match self.order.first_key_value() {
                Some((rank, key)) if rank.0 <= most => {
                    let key = *key;
                    evicted.0.extend(self.remove(&key));
                }
                _ => break,
            }
        }
        evicted
    }

    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.rank);
        self.used -= entry.cost;
        if entry.users > 0 {
            self.pinned -= entry.cost;
        }
        if let Some(bytes) = self.share(entry.rank.0) {
            *bytes -= entry.cost;
        }
        Some(entry)
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
