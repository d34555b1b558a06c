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
        .filter(|entry| entry.rank.0 < Worth::Asked(Lane::Prefetch))
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
