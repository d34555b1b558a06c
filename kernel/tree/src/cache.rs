//! Everything the process keeps in memory, under one byte budget.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use signal::{CancelToken, Chunk, ChunkId, NavigationIndex, Output};

use crate::gate::{Gate, Lane};
use crate::{ComputeError, lock};

/// What one entry costs besides its pixels: keys, map nodes, reference counts.
const ENTRY_BYTES: usize = 256;
/// Batch work may displace interactive entries up to this share of the budget.
const BATCH_SHARE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Chunk {
        source: u32,
        chunk: ChunkId,
    },
    Output {
        node: u32,
        revision: u32,
        at: NavigationIndex,
    },
}

impl Key {
    fn node(&self) -> u32 {
        match self {
            Key::Chunk { source, .. } => *source,
            Key::Output { node, .. } => *node,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Held {
    Chunk(Arc<Chunk>),
    Output(Output),
}

impl Held {
    fn cost(&self) -> usize {
        ENTRY_BYTES
            + match self {
                Held::Chunk(chunk) => chunk.heap_bytes(),
                Held::Output(output) => output.heap_bytes(),
            }
    }
}

/// Bytes kept and allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Cached chunks and outputs, map and navigation images.
    pub used_bytes: usize,
    pub budget_bytes: usize,
    /// The part of `used_bytes` that cannot be evicted: map and navigation images.
    pub pinned_bytes: usize,
}

/// Eviction goes from the first to the last: batch entries before interactive ones, oldest first.
type Rank = (Lane, u64);

struct Entry {
    value: Held,
    cost: usize,
    rank: Rank,
}

#[derive(Default)]
struct State {
    entries: HashMap<Key, Entry>,
    order: BTreeMap<Rank, Key>,
    flights: HashMap<Key, Arc<Flight>>,
    used: usize,
    pinned: usize,
    batch: usize,
    tick: u64,
}

pub(crate) struct Cache {
    state: Mutex<State>,
    budget: usize,
    gate: Arc<Gate>,
}

/// A value that one thread makes and others may wait for.
struct Flight {
    landed: Mutex<Option<Landing>>,
    changed: Condvar,
}

#[derive(Clone)]
enum Landing {
    Value(Held),
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

impl Cache {
    pub fn new(budget: usize, gate: Arc<Gate>) -> Self {
        Cache {
            state: Mutex::default(),
            budget,
            gate,
        }
    }

    pub fn memory(&self) -> Memory {
        let state = lock(&self.state);
        Memory {
            used_bytes: state.used,
            budget_bytes: self.budget,
            pinned_bytes: state.pinned,
        }
    }

    /// The value of `key`: kept, or made by exactly one thread while others wait. Failures are not kept.
    ///
    /// # Errors
    /// What `make` failed with, or `cancelled` when `cancel` is set while waiting.
    pub fn get_or_make(
        &self,
        key: Key,
        lane: Lane,
        cancel: &CancelToken,
        cancelled: &dyn Fn() -> ComputeError,
        make: &dyn Fn() -> Result<Held, ComputeError>,
    ) -> Result<Held, ComputeError> {
        loop {
            let flight = {
                let mut state = lock(&self.state);
                if let Some(value) = state.touch(&key, lane) {
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
                Ok(flight) => return self.lead(key, lane, flight, make),
                Err(flight) => match self.follow(&flight, lane, cancel) {
                    Some(Landing::Value(value)) => return Ok(value),
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
        lane: Lane,
        flight: Arc<Flight>,
        make: &dyn Fn() -> Result<Held, ComputeError>,
    ) -> Result<Held, ComputeError> {
        let mut leader = Leader {
            cache: self,
            key,
            flight,
            landed: false,
        };
        let made = make();
        match &made {
            Ok(value) => {
                lock(&self.state).insert(key, value.clone(), lane, self.budget);
                leader.land(Landing::Value(value.clone()));
            }
            Err(error) if error.is_cancelled() => leader.land(Landing::Abandoned),
            Err(error) => leader.land(Landing::Failed(error.clone())),
        }
        made
    }

    fn follow(&self, flight: &Flight, lane: Lane, cancel: &CancelToken) -> Option<Landing> {
        let _waiting = self.gate.waiting(lane);
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

    /// Counts `bytes` kept elsewhere against the budget, evicting entries for them; `None` when they
    /// do not fit beside what is pinned already.
    pub fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let mut state = lock(&self.state);
        if state.pinned + bytes > self.budget {
            return None;
        }
        state.evict_until(self.budget - bytes, Lane::Interactive);
        state.pinned += bytes;
        state.used += bytes;
        Some(Reservation {
            cache: self.clone(),
            bytes,
        })
    }

    /// What is kept, without making it.
    pub fn get(&self, key: &Key, lane: Lane) -> Option<Held> {
        lock(&self.state).touch(key, lane)
    }

    /// Drops every entry of these nodes.
    pub fn forget(&self, nodes: &[u32]) {
        self.drop_entries(|key| nodes.contains(&key.node()));
    }

    /// Drops the outputs of older revisions than the given ones of these nodes.
    pub fn forget_older(&self, nodes: &[(u32, u32)]) {
        self.drop_entries(|key| match key {
            Key::Output { node, revision, .. } => nodes
                .iter()
                .any(|(changed, current)| node == changed && revision < current),
            Key::Chunk { .. } => false,
        });
    }

    fn drop_entries(&self, unwanted: impl Fn(&Key) -> bool) {
        let mut state = lock(&self.state);
        let gone: Vec<Key> = state
            .entries
            .keys()
            .filter(|key| unwanted(key))
            .copied()
            .collect();
        let gone: Vec<Entry> = gone.iter().filter_map(|key| state.remove(key)).collect();
        drop(state);
        // Giving back thousands of frames takes milliseconds, and nobody's frame should wait for it.
        drop(gone);
    }

    #[cfg(test)]
    pub fn holds(&self, key: &Key) -> bool {
        lock(&self.state).entries.contains_key(key)
    }
}

impl State {
    fn touch(&mut self, key: &Key, lane: Lane) -> Option<Held> {
        let entry = self.entries.get_mut(key)?;
        if lane >= entry.rank.0 {
            self.tick += 1;
            self.order.remove(&entry.rank);
            if entry.rank.0 < Lane::Interactive && lane == Lane::Interactive {
                self.batch -= entry.cost;
            }
            entry.rank = (lane, self.tick);
            self.order.insert(entry.rank, *key);
        }
        Some(entry.value.clone())
    }

    fn insert(&mut self, key: Key, value: Held, lane: Lane, budget: usize) {
        let cost = value.cost();
        if self.pinned + cost > budget || self.entries.contains_key(&key) {
            return;
        }
        // Batch work keeps to its share unless there is room anyway.
        let within_share = self.batch + cost <= budget / BATCH_SHARE || self.batch == 0;
        let may_evict = if lane == Lane::Interactive || within_share {
            Lane::Interactive
        } else {
            Lane::Batch
        };
        self.evict_until(budget - cost, may_evict);
        if self.used + cost > budget {
            return;
        }
        self.tick += 1;
        let rank = (lane, self.tick);
        self.used += cost;
        if lane < Lane::Interactive {
            self.batch += cost;
        }
        self.order.insert(rank, key);
        self.entries.insert(key, Entry { value, cost, rank });
    }

    /// Evicts entries of lanes up to `most`, least wanted first, until at most `bytes` are used.
    fn evict_until(&mut self, bytes: usize, most: Lane) {
        while self.used > bytes {
            match self.order.first_key_value() {
                Some((rank, key)) if rank.0 <= most => {
                    let key = *key;
                    self.remove(&key);
                }
                _ => return,
            }
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.rank);
        self.used -= entry.cost;
        if entry.rank.0 < Lane::Interactive {
            self.batch -= entry.cost;
        }
        Some(entry)
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
