//! Independent parts of one piece of work, on all cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// `work(0..count)` in the order of the parts, whatever thread did them: the result has the same bits on every machine. Each thread
/// has a state of its own, for memory that is used again.
pub fn in_parts<S: Default, R: Send>(
    count: usize,
    work: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(count);
    let next = AtomicUsize::new(0);
    let some = || {
        let (mut state, mut done) = (S::default(), Vec::new());
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part >= count {
                return done;
            }
            done.push((part, work(&mut state, part)));
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(some)).collect();
        let mut all = some();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(part, _)| *part);
    all.into_iter().map(|(_, result)| result).collect()
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
