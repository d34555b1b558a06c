//! Who may work: interactive work at once, batch work on a bounded number of threads and only while
//! nobody waits for a frame.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::lock;

/// How urgent a computation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The exact navigation image: when nothing else is to do.
    Background,
    /// Whole-scan passes a user asked for.
    Batch,
    /// What a drag will probably ask for next.
    Prefetch,
    /// A view without focus waits.
    Visible,
    /// Somebody looks at the screen and waits.
    Interactive,
}

impl Priority {
    /// Whether somebody waits for the answer.
    pub fn waits(self) -> bool {
        self >= Priority::Visible
    }
}

/// Longest time one frame of batch work yields, so that an endless drag slows it but never stops it.
const MAX_PAUSE: Duration = Duration::from_millis(200);
/// Interactive work that takes longer than this goes on beside batch work: somebody who waits that long does
/// not feel the difference, and a closure that never ends must not slow every pass down.
const MAX_CLAIM: Duration = Duration::from_secs(2);

/// For so long after a step of a drag the next one is expected.
const DRAG: Duration = Duration::from_millis(100);
/// How long a batch thread rests while somebody drags, before another one has to.
const REST: Duration = Duration::from_millis(40);

thread_local! {
    static HAS_SLOT: Cell<bool> = const { Cell::new(false) };
    static PASS_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// This thread works for a pass until it ends.
pub(crate) fn work_for_a_pass() {
    PASS_THREAD.set(true);
}

#[derive(Default)]
struct Pending {
    interactive: usize,
    /// When the last of them began.
    newest: Option<Instant>,
    /// Reading ahead that is under way, and when the last of it began.
    prefetching: usize,
    newest_prefetch: Option<Instant>,
}

impl Pending {
    fn under_way(&mut self, priority: Priority) -> &mut usize {
        if priority == Priority::Prefetch {
            &mut self.prefetching
        } else {
            &mut self.interactive
        }
    }

    /// Whether something more urgent than `priority` is under way.
    fn goes_before(&self, priority: Priority) -> bool {
        let fresh = |began: Option<Instant>| began.is_some_and(|at| at.elapsed() < MAX_CLAIM);
        self.interactive > 0 && fresh(self.newest)
            || priority < Priority::Prefetch && self.prefetching > 0 && fresh(self.newest_prefetch)
    }
}

pub(crate) struct Scheduler {
    pending: Mutex<Pending>,
    calm: Condvar,
    slots: Mutex<Slots>,
    freed: Condvar,
    began: Instant,
    /// Milliseconds after `began` until which somebody drags.
    drag_ends: AtomicU64,
    /// Batch threads that leave a core to whoever drags: a thread that wakes up on a busy core waits for the
    /// scheduler several milliseconds, however little it has to do.
    slots_of_a_drag: usize,
}

struct Slots {
    total: usize,
    free: usize,
    /// Of those in use: threads that rest.
    resting: usize,
    batch_waiting: usize,
}

/// Marks interactive work as pending while it lives.
pub struct InteractiveGuard<'a> {
    scheduler: &'a Scheduler,
}

impl Drop for InteractiveGuard<'_> {
    fn drop(&mut self) {
        self.scheduler.leave();
    }
}

/// Marks reading ahead as under way while it lives.
pub(crate) struct PrefetchGuard<'a> {
    scheduler: &'a Scheduler,
}

impl Drop for PrefetchGuard<'_> {
    fn drop(&mut self) {
        let mut pending = lock(&self.scheduler.pending);
        pending.prefetching = pending.prefetching.saturating_sub(1);
        drop(pending);
        self.scheduler.calm.notify_all();
    }
}

/// Lifts the mark while an interactive thread waits for the result of a batch thread, which must
/// not yield to the very thread that waits for it.
pub(crate) struct Waiting<'a> {
    scheduler: Option<(&'a Scheduler, Priority)>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some((scheduler, priority)) = self.scheduler {
            *lock(&scheduler.pending).under_way(priority) += 1;
        }
    }
}

pub(crate) struct Slot<'a> {
    scheduler: Option<&'a Scheduler>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler {
            HAS_SLOT.set(false);
            lock(&scheduler.slots).free += 1;
            scheduler.freed.notify_all();
        }
    }
}

/// A place that its thread gave up while it waits for somebody who may need it.
pub(crate) struct Lent<'a> {
    scheduler: Option<&'a Scheduler>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(scheduler) = self.scheduler {
            // The slot is that of a guard further up, which gives it back.
            std::mem::forget(scheduler.slot(Priority::Batch));
        }
    }
}

impl Scheduler {
    pub fn new(slots: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Scheduler {
            pending: Mutex::default(),
            calm: Condvar::new(),
            slots: Mutex::new(Slots {
                total: slots.max(1),
                free: slots.max(1),
                resting: 0,
                batch_waiting: 0,
            }),
            freed: Condvar::new(),
            began: Instant::now(),
            drag_ends: AtomicU64::new(0),
            slots_of_a_drag: cores.saturating_sub(1).clamp(1, slots.max(1)),
        }
    }

    /// A view has moved: it will move again soon, and one core is left to it.
    pub fn drags(&self) {
        let ends = self.began.elapsed() + DRAG;
        self.drag_ends
            .store(ends.as_millis() as u64, Ordering::Relaxed);
    }

    fn is_dragged(&self) -> bool {
        (self.began.elapsed().as_millis() as u64) < self.drag_ends.load(Ordering::Relaxed)
    }

    /// How many batch threads may work now.
    fn allowed(&self, slots: &Slots) -> usize {
        if self.is_dragged() {
            self.slots_of_a_drag
        } else {
            slots.total
        }
    }

    /// While somebody drags, the batch threads that are too many rest in turns.
    fn rest(&self) {
        if !HAS_SLOT.get() || !self.is_dragged() {
            return;
        }
        let mut slots = lock(&self.slots);
        if slots.total - slots.free - slots.resting <= self.allowed(&slots) {
            return;
        }
        slots.resting += 1;
        let until = Instant::now() + REST;
        while self.is_dragged() && Instant::now() < until {
            slots = self.wait_for_slots(slots);
        }
        slots.resting -= 1;
    }

    fn wait_for_slots<'a>(&self, slots: MutexGuard<'a, Slots>) -> MutexGuard<'a, Slots> {
        // With a timeout: nobody says when a drag has ended.
        let waited = self.freed.wait_timeout(slots, REST / 2);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn interactive(&self) -> InteractiveGuard<'_> {
        let mut pending = lock(&self.pending);
        pending.interactive += 1;
        pending.newest = Some(Instant::now());
        InteractiveGuard { scheduler: self }
    }

    fn leave(&self) {
        let mut pending = lock(&self.pending);
        pending.interactive = pending.interactive.saturating_sub(1);
        if pending.interactive == 0 {
            self.calm.notify_all();
        }
    }

    /// To be held while waiting for another thread's result.
    pub fn waiting(&self, priority: Priority) -> Waiting<'_> {
        let mut pending = lock(&self.pending);
        if priority < Priority::Prefetch || *pending.under_way(priority) == 0 {
            return Waiting { scheduler: None };
        }
        *pending.under_way(priority) -= 1;
        if *pending.under_way(priority) == 0 {
            self.calm.notify_all();
        }
        Waiting {
            scheduler: Some((self, priority)),
        }
    }

    /// Reading ahead goes before batch work, and after whoever waits.
    pub fn prefetching(&self) -> PrefetchGuard<'_> {
        let mut pending = lock(&self.pending);
        pending.prefetching += 1;
        pending.newest_prefetch = Some(Instant::now());
        PrefetchGuard { scheduler: self }
    }

    /// Called by batch work between frames: returns when no interactive work is pending, or after a bounded time.
    pub fn yield_to_urgent(&self, priority: Priority) {
        if priority.waits() {
            return;
        }
        let until = Instant::now() + MAX_PAUSE;
        let mut pending = lock(&self.pending);
        while pending.goes_before(priority) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            pending = self
                .calm
                .wait_timeout(pending, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
        }
        drop(pending);
        if priority < Priority::Prefetch {
            self.rest();
        }
    }

    /// A place among the batch threads; [`Priority::Batch`] goes before [`Priority::Background`].
    pub fn slot(&self, priority: Priority) -> Slot<'_> {
        if priority >= Priority::Prefetch || HAS_SLOT.get() {
            return Slot { scheduler: None };
        }
        let mut slots = lock(&self.slots);
        if priority == Priority::Batch {
            slots.batch_waiting += 1;
        }
        while slots.total - slots.free >= self.allowed(&slots)
            || (priority == Priority::Background && slots.batch_waiting > 0)
        {
            slots = self.wait_for_slots(slots);
        }
        slots.free -= 1;
        if priority == Priority::Batch {
            slots.batch_waiting -= 1;
            self.freed.notify_all();
        }
        HAS_SLOT.set(true);
        Slot {
            scheduler: Some(self),
        }
    }

    /// To be held while waiting for work that needs places itself: otherwise threads of a pass that all wait would leave it
    /// none.
    pub fn lend_slot(&self) -> Lent<'_> {
        if !HAS_SLOT.replace(false) {
            return Lent { scheduler: None };
        }
        lock(&self.slots).free += 1;
        self.freed.notify_all();
        Lent {
            scheduler: Some(self),
        }
    }

    /// Called between two parts of work that somebody waits for, by the `number`th thread at it: while somebody drags, a core
    /// is left to it. `over`: nothing is left to do.
    pub fn leave_a_core(&self, number: usize, over: impl Fn() -> bool) {
        if number < self.slots_of_a_drag {
            return;
        }
        let mut slots = lock(&self.slots);
        while self.is_dragged() && !over() {
            slots = self.wait_for_slots(slots);
        }
    }

    /// Whether this thread was started for a pass, also where it holds no slot (gathering a reference).
    pub fn on_a_pass_thread() -> bool {
        PASS_THREAD.get() || HAS_SLOT.get()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn while_somebody_drags_a_core_is_left_to_it_and_every_batch_thread_gets_on() {
        let scheduler = Scheduler {
            slots_of_a_drag: 1,
            ..Scheduler::new(3)
        };
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let steps: Vec<AtomicUsize> = (0..3).map(|_| AtomicUsize::new(0)).collect();
        let ended = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for own in &steps {
                let (scheduler, working, most, ended) = (&scheduler, &working, &most, &ended);
                scope.spawn(move || {
                    let _slot = scheduler.slot(Priority::Batch);
                    while ended.load(Ordering::SeqCst) == 0 {
                        scheduler.yield_to_urgent(Priority::Batch);
                        most.fetch_max(
                            working.fetch_add(1, Ordering::SeqCst) + 1,
                            Ordering::SeqCst,
                        );
                        std::thread::sleep(Duration::from_millis(1));
                        working.fetch_sub(1, Ordering::SeqCst);
                        own.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(30));
            assert!(most.swap(0, Ordering::SeqCst) >= 2, "nobody drags");
            let counts = || {
                steps
                    .iter()
                    .map(|own| own.load(Ordering::SeqCst))
                    .collect::<Vec<_>>()
            };
            let before = counts();
            let (began, mut sum, mut looks) = (Instant::now(), 0, 0);
            while began.elapsed() < Duration::from_millis(600) {
                scheduler.drags();
                std::thread::sleep(Duration::from_millis(5));
                sum += working.load(Ordering::SeqCst);
                looks += 1;
            }
            let after = counts();
            assert!(
                sum * 2 < looks * 3,
                "{sum} threads at work in {looks} looks"
            );
            let all_got_on = before
                .iter()
                .zip(&after)
                .all(|(before, after)| after > before);
            assert!(all_got_on, "{before:?} {after:?}");
            ended.store(1, Ordering::SeqCst);
        });
        assert_eq!(lock(&scheduler.slots).resting, 0);
        assert_eq!(lock(&scheduler.slots).free, 3);
    }
}
