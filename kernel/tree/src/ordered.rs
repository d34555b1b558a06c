//! Parallel work with results taken in order, in bounded memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::lock;
use crate::scheduler::work_for_a_pass;

struct State<T> {
    next: usize,
    consumed: usize,
    ready: BTreeMap<usize, T>,
    stop: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    room: Condvar,
    arrived: Condvar,
}

/// Calls `work(0..count)` on up to `threads` threads and hands each result to `consume` on the
/// calling thread, in order, whatever order they finish in; at most `2 · threads` results wait.
/// `consume` ends everything with `Break`.
///
/// Plain threads, not a work-stealing pool: `work` may block on a chunk that another thread decodes,
/// and a stealing pool could make that other thread wait for us.
pub(crate) fn in_order<T: Send>(
    count: usize,
    threads: usize,
    work: &(dyn Fn(usize) -> T + Sync),
    consume: &mut dyn FnMut(usize, T) -> ControlFlow<()>,
) {
    let threads = threads.min(count).max(1);
    if threads == 1 {
        return alone(count, work, consume);
    }
    let window = threads * 2;
    let shared = Shared {
        state: Mutex::new(State {
            next: 0,
            consumed: 0,
            ready: BTreeMap::new(),
            stop: false,
        }),
        room: Condvar::new(),
        arrived: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&shared);
        for number in 0..threads {
            let shared = &shared;
            let builder = std::thread::Builder::new().name(format!("pass-{number}"));
            if builder
                .spawn_scoped(scope, move || shared.work(count, window, work))
                .is_err()
            {
                tracing::warn!("a thread of a pass could not be started");
                if number == 0 {
                    return alone(count, work, consume);
                }
            }
        }
        shared.consume(count, consume);
    });
}

/// Also when `consume` panics, the workers end and the scope can join them.
struct StopOnDrop<'a, T>(&'a Shared<T>);

impl<T> Drop for StopOnDrop<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.state).stop = true;
        self.0.room.notify_all();
    }
}

/// A worker that panics must not leave the consumer waiting for its result.
struct EndOnPanic<'a, T>(&'a Shared<T>);

impl<T> Drop for EndOnPanic<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.state).stop = true;
            self.0.room.notify_all();
            self.0.arrived.notify_all();
        }
    }
}

impl<T: Send> Shared<T> {
    fn work(&self, count: usize, window: usize, work: &(dyn Fn(usize) -> T + Sync)) {
        work_for_a_pass();
        let _end = EndOnPanic(self);
        loop {
            let index = {
                let mut state = lock(&self.state);
                while !state.stop && state.next < count && state.next >= state.consumed + window {
                    state = self
                        .room
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                if state.stop || state.next >= count {
                    return;
                }
                state.next += 1;
                state.next - 1
            };
            let result = work(index);
            lock(&self.state).ready.insert(index, result);
            self.arrived.notify_one();
        }
    }

    fn consume(&self, count: usize, consume: &mut dyn FnMut(usize, T) -> ControlFlow<()>) {
        for index in 0..count {
            let mut state = lock(&self.state);
            let result = loop {
                if let Some(result) = state.ready.remove(&index) {
                    state.consumed = index + 1;
                    self.room.notify_all();
                    break result;
                }
                if state.stop {
                    return;
                }
                state = (self.arrived.wait(state)).unwrap_or_else(PoisonError::into_inner);
            };
            drop(state);
            if consume(index, result).is_break() {
                return;
            }
        }
    }
}

/// Everything on the calling thread.
fn alone<T>(
    count: usize,
    work: &(dyn Fn(usize) -> T + Sync),
    consume: &mut dyn FnMut(usize, T) -> ControlFlow<()>,
) {
    for index in 0..count {
        if consume(index, work(index)).is_break() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_arrive_in_order_and_a_break_ends_the_work() {
        for threads in [1, 4] {
            let mut seen = Vec::new();
            let work = |index: usize| {
                std::thread::sleep(Duration::from_micros((7 * index as u64) % 40));
                index * index
            };
            in_order(200, threads, &work, &mut |index, square| {
                assert_eq!(square, index * index);
                seen.push(index);
                if index == 150 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            assert_eq!(seen, (0..=150).collect::<Vec<_>>());
        }
    }
}
