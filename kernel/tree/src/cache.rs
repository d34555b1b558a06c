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

    /// Drops every entry of these nodes.
    pub fn forget(&self, nodes: &[u32]) {
        let mut state = lock(&self.state);
        let gone: Vec<Key> = state
            .entries
            .keys()
            .filter(|key| nodes.contains(&key.node()))
            .copied()
            .collect();
        for key in gone {
            state.remove(&key);
        }
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

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.rank);
            self.used -= entry.cost;
            if entry.rank.0 < Lane::Interactive {
                self.batch -= entry.cost;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use signal::Frame;

    use super::*;
    use crate::Cause;

    fn cache(budget: usize) -> Arc<Cache> {
        Arc::new(Cache::new(budget, Arc::new(Gate::new(2))))
    }

    fn key(flat: usize) -> Key {
        Key::Output {
            node: 1,
            revision: 1,
            at: NavigationIndex::new(&[flat]),
        }
    }

    fn value(bytes: usize) -> Result<Held, ComputeError> {
        let frame = Frame::from_vec(&[bytes], vec![7u8; bytes]).unwrap();
        Ok(Held::Output(Output::Frame(frame)))
    }

    fn gone() -> ComputeError {
        ComputeError {
            cause: Box::new(Cause::Cancelled),
            ..ComputeError::no_node(1)
        }
    }

    fn get(cache: &Cache, flat: usize, bytes: usize, lane: Lane) {
        let never = CancelToken::new();
        cache
            .get_or_make(key(flat), lane, &never, &gone, &|| value(bytes))
            .unwrap();
        assert!(cache.memory().used_bytes <= cache.memory().budget_bytes);
    }

    #[test]
    fn the_least_recently_used_entry_goes_first() {
        let cache = cache(3 * (1000 + ENTRY_BYTES));
        for flat in [0, 1, 2, 0, 3] {
            get(&cache, flat, 1000, Lane::Interactive);
        }
        assert!(cache.holds(&key(0)) && !cache.holds(&key(1)) && cache.holds(&key(3)));
    }

    #[test]
    fn batch_entries_go_before_interactive_ones() {
        let cache = cache(8 * (1000 + ENTRY_BYTES));
        for flat in 0..6 {
            get(&cache, flat, 1000, Lane::Interactive);
        }
        for flat in 100..200 {
            get(&cache, flat, 1000, Lane::Batch);
        }
        assert!((0..6).all(|flat| cache.holds(&key(flat))));
        assert!(cache.holds(&key(199)));
    }

    #[test]
    fn an_entry_larger_than_the_budget_is_used_once_and_not_kept() {
        let cache = cache(1000);
        get(&cache, 0, 500, Lane::Interactive);
        get(&cache, 1, 5000, Lane::Interactive);
        assert!(!cache.holds(&key(1)) && cache.holds(&key(0)));
    }

    #[test]
    fn reserved_bytes_are_part_of_the_budget() {
        let cache = cache(10_000);
        for flat in 0..5 {
            get(&cache, flat, 1000, Lane::Interactive);
        }
        let map = cache.reserve(8_000).unwrap();
        assert!(cache.memory().used_bytes <= 10_000);
        assert!(cache.reserve(8_000).is_none());
        get(&cache, 9, 5_000, Lane::Interactive);
        assert!(!cache.holds(&key(9)));
        drop(map);
        assert!(cache.memory().pinned_bytes == 0);
    }

    #[test]
    fn the_budget_holds_under_load_and_each_value_is_made_by_one_thread_at_a_time() {
        let cache = cache(40_000);
        let making: Vec<AtomicUsize> = (0..64).map(|_| AtomicUsize::new(0)).collect();
        std::thread::scope(|scope| {
            for thread in 0..8usize {
                let (cache, making) = (&cache, &making);
                scope.spawn(move || {
                    let never = CancelToken::new();
                    for step in 0..2000usize {
                        let flat = (step * 7 + thread * 13 + step / 5) % 64;
                        let lane = if thread % 2 == 0 {
                            Lane::Interactive
                        } else {
                            Lane::Batch
                        };
                        let made = cache.get_or_make(key(flat), lane, &never, &gone, &|| {
                            assert_eq!(making[flat].fetch_add(1, Ordering::SeqCst), 0);
                            let value = value(100 * flat + 10);
                            making[flat].fetch_sub(1, Ordering::SeqCst);
                            value
                        });
                        let Ok(Held::Output(Output::Frame(frame))) = made else {
                            panic!("no frame");
                        };
                        assert_eq!(frame.len(), 100 * flat + 10);
                        assert!(cache.memory().used_bytes <= 40_000);
                    }
                });
            }
        });
        let state = lock(&cache.state);
        let costs: usize = state.entries.values().map(|entry| entry.cost).sum();
        assert_eq!(costs, state.used);
        let batch: usize = state
            .entries
            .values()
            .filter(|entry| entry.rank.0 < Lane::Interactive)
            .map(|entry| entry.cost)
            .sum();
        assert_eq!(batch, state.batch);
        assert_eq!(state.order.len(), state.entries.len());
        assert!(state.flights.is_empty());
    }

    #[test]
    fn waiting_threads_share_one_flight_and_a_failure_is_not_kept() {
        let cache = cache(40_000);
        let made = AtomicUsize::new(0);
        let fail = || {
            made.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(80));
            Err(ComputeError::no_node(9))
        };
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let never = CancelToken::new();
                    let made = cache.get_or_make(key(0), Lane::Interactive, &never, &gone, &fail);
                    assert!(made.is_err());
                });
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        get(&cache, 0, 10, Lane::Interactive);
        assert!(cache.holds(&key(0)));
    }
}
