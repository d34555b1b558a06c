//! Threads that share the work of an operation which concludes what was gathered: as many as the scheduler lets work.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal::{CancelToken, Crew, Interrupted, with_crew};

use crate::scheduler::{Priority, Scheduler, Slot, work_for_a_pass};

pub(super) struct ScheduledCrew {
    pub scheduler: Arc<Scheduler>,
    pub threads: usize,
    pub priority: Priority,
    pub cancel: CancelToken,
    /// Called between parts.
    pub tick: Box<dyn Fn() + Send + Sync>,
}

impl Crew for ScheduledCrew {
    fn share(&self, parts: usize, work: &(dyn Fn(&mut dyn Iterator<Item = usize>) + Sync)) {
        let next = AtomicUsize::new(0);
        let some = |number: usize| {
            let mut hand = Hand {
                crew: self,
                next: &next,
                parts,
                number,
                slot: None,
            };
            with_crew(Arc::new(Alone), || work(&mut hand));
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads.min(parts))
                .map(|number| {
                    let some = &some;
                    scope.spawn(move || {
                        work_for_a_pass();
                        some(number);
                    })
                })
                .collect();
            some(0);
            for other in others {
                if let Err(panic) = other.join() {
                    resume_unwind(panic);
                }
            }
        });
    }
}

/// What one thread takes of the parts.
struct Hand<'a> {
    crew: &'a ScheduledCrew,
    next: &'a AtomicUsize,
    parts: usize,
    number: usize,
    /// For the part it is at; between two parts another one may have it.
    slot: Option<Slot<'a>>,
}

impl Iterator for Hand<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let ScheduledCrew {
            scheduler,
            priority,
            cancel,
            tick,
            ..
        } = self.crew;
        self.slot = None;
        tick();
        let over = || self.next.load(Ordering::Relaxed) >= self.parts || cancel.is_cancelled();
        if priority.waits() {
            scheduler.leave_a_core(self.number, over);
        } else if !over() {
            self.slot = Some(scheduler.slot(*priority));
            scheduler.yield_to_urgent(*priority);
        }
        if cancel.is_cancelled() {
            resume_unwind(Box::new(Interrupted));
        }
        let part = self.next.fetch_add(1, Ordering::Relaxed);
        if part >= self.parts {
            self.slot = None;
            return None;
        }
        Some(part)
    }
}

/// A part of a piece of work that is shared itself.
struct Alone;

impl Crew for Alone {
    fn share(&self, parts: usize, work: &(dyn Fn(&mut dyn Iterator<Item = usize>) + Sync)) {
        work(&mut (0..parts));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::{Duration, Instant};

    use super::*;

    const THREADS: usize = 3;

    fn crew(priority: Priority) -> ScheduledCrew {
        ScheduledCrew {
            scheduler: Arc::new(Scheduler::new(THREADS)),
            threads: THREADS,
            priority,
            cancel: CancelToken::new(),
            tick: Box::new(|| {}),
        }
    }

    fn most_at_once(crew: &ScheduledCrew, during: &(dyn Fn() + Sync)) -> usize {
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let part = |_| {
            during();
            let now = working.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(3));
            working.fetch_sub(1, Ordering::SeqCst);
        };
        crew.share(60, &|parts| parts.for_each(part));
        most.into_inner()
    }

    #[test]
    fn each_part_is_taken_once_and_a_core_is_left_to_whoever_drags() {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        for priority in [Priority::Batch, Priority::Interactive] {
            let crew = crew(priority);
            let taken: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
            let take = |part: usize| {
                taken[part].fetch_add(1, Ordering::SeqCst);
            };
            crew.share(100, &|parts| parts.for_each(take));
            assert!(taken.iter().all(|times| times.load(Ordering::SeqCst) == 1));
            assert_eq!(most_at_once(&crew, &|| {}), THREADS);
            crew.scheduler.drags();
            let most = most_at_once(&crew, &|| crew.scheduler.drags());
            assert!(
                most <= cores.saturating_sub(1).clamp(1, THREADS),
                "{most} in {priority:?}"
            );
        }
    }

    #[test]
    fn work_that_nobody_wants_is_left_and_parts_of_parts_stay_on_their_thread() {
        let crew = crew(Priority::Batch);
        let nested = |_| {
            let inner = signal::crew().expect("a part has a crew too");
            let here = std::thread::current().id();
            inner.share(5, &|parts| {
                assert_eq!(std::thread::current().id(), here);
                assert_eq!(parts.count(), 5);
            });
        };
        crew.share(10, &|parts| parts.for_each(nested));
        let began = Instant::now();
        let cancel = crew.cancel.clone();
        let ends = |part: usize| {
            if part == 20 {
                cancel.cancel();
            }
        };
        let all = AssertUnwindSafe(|| crew.share(usize::MAX, &|parts| parts.for_each(ends)));
        let why = catch_unwind(all).unwrap_err();
        assert!(why.is::<Interrupted>() && began.elapsed() < Duration::from_secs(5));
        // Its places are free again.
        let _slots = [(); 1].map(|()| crew.scheduler.slot(Priority::Batch));
    }

    #[test]
    fn who_waits_lends_its_place() {
        let scheduler = Scheduler::new(1);
        let _held = scheduler.slot(Priority::Batch);
        let lent = scheduler.lend_slot();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| drop(scheduler.slot(Priority::Batch)));
            other.join().unwrap();
        });
        drop(lent);
        assert!(Scheduler::on_a_pass_thread());
    }
}
