//! Who may work: interactive work at once, batch work on a bounded number of threads and only while
//! nobody waits for a frame.

use std::cell::Cell;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::lock;

/// How urgent a computation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The exact navigation image: when nothing else is to do.
    Background,
    /// Whole-scan passes a user asked for.
    Batch,
    /// Somebody looks at the screen and waits.
    Interactive,
}

/// Longest time one frame of batch work steps aside, so that an endless drag slows it but never stops it.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// Interactive work that takes longer than this goes on beside batch work: somebody who waits that long does
/// not feel the difference, and a closure that never ends must not slow every pass down.
const LONGEST_CLAIM: Duration = Duration::from_secs(2);

thread_local! {
    static HOLDS_SLOT: Cell<bool> = const { Cell::new(false) };
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
}

impl Pending {
    fn goes_first(&self) -> bool {
        self.interactive > 0
            && self
                .newest
                .is_some_and(|began| began.elapsed() < LONGEST_CLAIM)
    }
}

pub(crate) struct Gate {
    pending: Mutex<Pending>,
    calm: Condvar,
    slots: Mutex<Slots>,
    freed: Condvar,
}

struct Slots {
    free: usize,
    batch_waiting: usize,
}

/// Marks interactive work as pending while it lives.
pub struct InteractiveGuard<'a> {
    gate: &'a Gate,
}

impl Drop for InteractiveGuard<'_> {
    fn drop(&mut self) {
        self.gate.leave();
    }
}

/// Lifts the mark while an interactive thread waits for the result of a batch thread, which must
/// not step aside for the very thread that waits for it.
pub(crate) struct Waiting<'a> {
    gate: Option<&'a Gate>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.gate {
            lock(&gate.pending).interactive += 1;
        }
    }
}

pub(crate) struct Slot<'a> {
    gate: Option<&'a Gate>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.gate {
            HOLDS_SLOT.set(false);
            lock(&gate.slots).free += 1;
            gate.freed.notify_all();
        }
    }
}

impl Gate {
    pub fn new(slots: usize) -> Self {
        Gate {
            pending: Mutex::default(),
            calm: Condvar::new(),
            slots: Mutex::new(Slots {
                free: slots.max(1),
                batch_waiting: 0,
            }),
            freed: Condvar::new(),
        }
    }

    pub fn interactive(&self) -> InteractiveGuard<'_> {
        let mut pending = lock(&self.pending);
        pending.interactive += 1;
        pending.newest = Some(Instant::now());
        InteractiveGuard { gate: self }
    }

    fn leave(&self) {
        let mut pending = lock(&self.pending);
        pending.interactive = pending.interactive.saturating_sub(1);
        if pending.interactive == 0 {
            self.calm.notify_all();
        }
    }

    /// To be held while waiting for another thread's result.
    pub fn waiting(&self, lane: Lane) -> Waiting<'_> {
        let mut pending = lock(&self.pending);
        if lane != Lane::Interactive || pending.interactive == 0 {
            return Waiting { gate: None };
        }
        pending.interactive -= 1;
        if pending.interactive == 0 {
            self.calm.notify_all();
        }
        Waiting { gate: Some(self) }
    }

    /// Called by batch work between frames: returns when no interactive work is pending, or after a bounded time.
    pub fn step_aside(&self, lane: Lane) {
        if lane == Lane::Interactive {
            return;
        }
        let until = Instant::now() + LONGEST_PAUSE;
        let mut pending = lock(&self.pending);
        while pending.goes_first() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            pending = self
                .calm
                .wait_timeout(pending, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(guard, _)| guard);
        }
    }

    /// A place among the batch threads; [`Lane::Batch`] goes before [`Lane::Background`].
    pub fn slot(&self, lane: Lane) -> Slot<'_> {
        if lane == Lane::Interactive || HOLDS_SLOT.get() {
            return Slot { gate: None };
        }
        let mut slots = lock(&self.slots);
        if lane == Lane::Batch {
            slots.batch_waiting += 1;
        }
        while slots.free == 0 || (lane == Lane::Background && slots.batch_waiting > 0) {
            slots = self
                .freed
                .wait(slots)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        slots.free -= 1;
        if lane == Lane::Batch {
            slots.batch_waiting -= 1;
            self.freed.notify_all();
        }
        HOLDS_SLOT.set(true);
        Slot { gate: Some(self) }
    }

    /// Whether this thread works inside a pass; a pass inside a pass runs on its thread alone.
    pub fn inside_a_pass() -> bool {
        HOLDS_SLOT.get()
    }

    /// Whether this thread was started for a pass, also where it holds no slot (gathering a reference).
    pub fn on_a_pass_thread() -> bool {
        PASS_THREAD.get() || HOLDS_SLOT.get()
    }
}
