use std::sync::atomic::{AtomicUsize, Ordering};

use signal::Frame;

use super::*;
use crate::Cause;

fn cache(budget: usize) -> Arc<Cache> {
    Arc::new(Cache::new(budget, Arc::new(Scheduler::new(2))))
}

fn key(flat: usize) -> Key {
    Key::Output {
        node: 1,
        revision: 1,
        at: NavigationIndex::new(&[flat]),
    }
}

fn value(bytes: usize) -> Result<Cached, ComputeError> {
    let frame = Frame::from_vec(&[bytes], vec![7u8; bytes]).unwrap();
    Ok(Cached::Output(Output::Frame(frame)))
}

fn evicted() -> ComputeError {
    ComputeError {
        cause: Box::new(Cause::Cancelled),
        ..ComputeError::no_node(1)
    }
}

fn get(cache: &Cache, flat: usize, bytes: usize, priority: Priority) {
    let never = CancelToken::new();
    cache
        .get_or_make(key(flat), priority, &never, &evicted, &|| value(bytes))
        .unwrap();
    assert!(cache.memory().used_bytes <= cache.memory().budget_bytes);
}

#[test]
fn the_least_recently_used_entry_goes_first() {
    let cache = cache(3 * (1000 + ENTRY_BYTES));
    for flat in [0, 1, 2, 0, 3] {
        get(&cache, flat, 1000, Priority::Interactive);
    }
    assert!(cache.holds(&key(0)) && !cache.holds(&key(1)) && cache.holds(&key(3)));
}

#[test]
fn batch_entries_go_before_interactive_ones() {
    let cache = cache(8 * (1000 + ENTRY_BYTES));
    for flat in 0..6 {
        get(&cache, flat, 1000, Priority::Interactive);
    }
    for flat in 100..200 {
        get(&cache, flat, 1000, Priority::Batch);
    }
    assert!((0..6).all(|flat| cache.holds(&key(flat))));
    assert!(cache.holds(&key(199)));
}

#[test]
fn an_entry_larger_than_the_budget_is_used_once_and_not_kept() {
    let cache = cache(1000);
    get(&cache, 0, 500, Priority::Interactive);
    get(&cache, 1, 5000, Priority::Interactive);
    assert!(!cache.holds(&key(1)) && cache.holds(&key(0)));
}

#[test]
fn reserved_bytes_are_part_of_the_budget() {
    let cache = cache(10_000);
    for flat in 0..5 {
        get(&cache, flat, 1000, Priority::Interactive);
    }
    let map = cache.reserve(8_000).unwrap();
    assert!(cache.memory().used_bytes <= 10_000);
    assert!(cache.reserve(8_000).is_none());
    get(&cache, 9, 5_000, Priority::Interactive);
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
                    let priority = if thread % 2 == 0 {
                        Priority::Interactive
                    } else {
                        Priority::Batch
                    };
                    let made = cache.get_or_make(key(flat), priority, &never, &evicted, &|| {
                        assert_eq!(making[flat].fetch_add(1, Ordering::SeqCst), 0);
                        let value = value(100 * flat + 10);
                        making[flat].fetch_sub(1, Ordering::SeqCst);
                        value
                    });
                    let Ok(Cached::Output(Output::Frame(frame))) = made else {
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
        .filter(|entry| entry.rank.0 < Worth::Requested(Priority::Prefetch))
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
                let made =
                    cache.get_or_make(key(0), Priority::Interactive, &never, &evicted, &fail);
                assert!(made.is_err());
            });
        }
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
    get(&cache, 0, 10, Priority::Interactive);
    assert!(cache.holds(&key(0)));
}

#[test]
fn a_smaller_budget_holds_at_once_and_what_is_on_screen_goes_last() {
    let cache = cache(10 * (1000 + ENTRY_BYTES));
    for flat in 0..8 {
        get(&cache, flat, 1000, Priority::Interactive);
    }
    cache.show(&ViewId::new("a", 1), Some(key(0)));
    cache.show(&ViewId::new("a", 2), Some(key(1)));
    cache.set_budget(3 * (1000 + ENTRY_BYTES));
    assert!([0, 1, 7].iter().all(|flat| cache.holds(&key(*flat))));
    assert_eq!(cache.memory().used_bytes, cache.memory().budget_bytes);
    // The view moved on, and another was hidden: what they showed is like everything else again.
    cache.show(&ViewId::new("a", 1), Some(key(7)));
    cache.show(&ViewId::new("a", 2), None);
    get(&cache, 9, 1000, Priority::Interactive);
    assert!(!cache.holds(&key(1)) && cache.holds(&key(0)) && cache.holds(&key(7)));
    cache.set_budget(0);
    assert_eq!(cache.memory().used_bytes, 0);
    assert!(lock(&cache.state).order.is_empty());
}

#[test]
fn views_without_focus_and_what_was_read_ahead_give_way_first() {
    let cache = cache(6 * (1000 + ENTRY_BYTES));
    get(&cache, 0, 1000, Priority::Interactive);
    get(&cache, 1, 1000, Priority::Visible);
    get(&cache, 2, 1000, Priority::Prefetch);
    get(&cache, 3, 1000, Priority::Batch);
    get(&cache, 4, 1000, Priority::Interactive);
    get(&cache, 5, 1000, Priority::Interactive);
    for (newer, evicted) in [(6, 3), (7, 2), (8, 1), (9, 0)] {
        assert!(cache.holds(&key(evicted)));
        get(&cache, newer, 1000, Priority::Interactive);
        assert!(!cache.holds(&key(evicted)), "{evicted}");
    }
}

#[test]
fn reading_ahead_keeps_to_its_share_and_off_the_screen() {
    let cache = cache(16 * (1000 + ENTRY_BYTES));
    for flat in 0..16 {
        get(&cache, flat, 1000, Priority::Interactive);
    }
    cache.show(&ViewId::new("a", 1), Some(key(0)));
    for flat in 100..200 {
        get(&cache, flat, 1000, Priority::Prefetch);
    }
    let cached = (100..200).filter(|flat| cache.holds(&key(*flat))).count();
    assert!((1..=4).contains(&cached), "{cached}");
    assert!(cache.holds(&key(0)) && cache.holds(&key(199)));
    // Asked for at last, it is an entry like any other.
    get(&cache, 199, 1000, Priority::Interactive);
    let state = lock(&cache.state);
    let ahead: usize = (state.entries.values())
        .filter(|entry| entry.rank.0 == Worth::Requested(Priority::Prefetch))
        .map(|entry| entry.cost)
        .sum();
    assert_eq!(ahead, state.prefetched);
}

#[test]
fn what_can_be_made_again_is_given_up_when_memory_is_short_and_its_owner_is_told() {
    let cache = cache(10_000);
    let on_evict = Arc::new(AtomicUsize::new(0));
    let keep = |bytes, priority| {
        let (on_evict, asked) = (on_evict.clone(), cache.clone());
        let tell = move || {
            assert!(asked.memory().used_bytes <= 10_000); // no lock of the cache is held
            on_evict.fetch_add(1, Ordering::SeqCst);
        };
        cache.reserve_evictable(1, bytes, priority, Arc::new(tell))
    };
    let cube = keep(6_000, Priority::Visible).unwrap();
    assert_eq!(cache.memory().used_bytes, 6_000);
    assert_eq!(cache.memory().pinned_bytes, 0);
    assert!(keep(11_000, Priority::Visible).is_none());
    get(&cache, 0, 5_000, Priority::Batch);
    assert!(!cube.touch() && on_evict.load(Ordering::SeqCst) == 1);
    drop(cube);
    let cube = keep(3_000, Priority::Visible).unwrap();
    assert!(cube.touch());
    drop(cube);
    assert_eq!(on_evict.load(Ordering::SeqCst), 1, "its owner let it go");
    let _forgotten = keep(3_000, Priority::Visible).unwrap();
    cache.forget(&[1], &[1]);
    assert_eq!(on_evict.load(Ordering::SeqCst), 2);
    assert_eq!(cache.memory().used_bytes, 0);
    // What is wanted more stays.
    get(&cache, 1, 8_000, Priority::Interactive);
    assert!(keep(5_000, Priority::Visible).is_none() && cache.holds(&key(1)));
}
