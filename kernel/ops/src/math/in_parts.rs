//! Independent parts of one piece of work, shared by the crew of whoever runs it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use signal::Crew;

/// `work(0..count)` in the order of the parts, whatever thread did them: the result has the same bits on every machine. Each thread
/// has a state of its own, for memory that is used again.
pub fn in_parts<S: Default, R: Send>(
    count: usize,
    work: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let all = Mutex::new(Vec::with_capacity(count));
    let some = |parts: &mut dyn Iterator<Item = usize>| {
        let mut state = S::default();
        for part in parts {
            let done = (part, work(&mut state, part));
            all.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(done);
        }
    };
    match signal::crew() {
        Some(crew) => crew.share(count, &some),
        None => EveryCore.share(count, &some),
    }
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_unstable_by_key(|(part, _)| *part);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Where nobody has said who may help.
struct EveryCore;

impl Crew for EveryCore {
    fn share(&self, parts: usize, work: &(dyn Fn(&mut dyn Iterator<Item = usize>) + Sync)) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let some = || {
            let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|part| *part < parts);
            work(&mut std::iter::from_fn(take));
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..cores.min(parts)).map(|_| scope.spawn(some)).collect();
            some();
            for other in others {
                if let Err(panic) = other.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_parts() {
        let squares = in_parts(100, |calls: &mut usize, part| {
            *calls += 1;
            part * part
        });
        assert_eq!(squares, (0..100).map(|n| n * n).collect::<Vec<_>>());
        assert!(in_parts(0, |_: &mut (), part| part).is_empty());
    }
}
