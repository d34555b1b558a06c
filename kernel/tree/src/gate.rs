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
    /// What a drag will probably ask for next.
    Prefetch,
    /// A view without focus waits.
    Visible,
    /// Somebody looks at the screen and waits.
    Interactive,
}

impl Lane {
    /// Whether somebody waits for the answer.
    pub fn waits(self) -> bool {
        self >= Lane::Visible
    }
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
    /// Reading ahead that is under way, and when the last of it began.
    ahead: usize,
    newest_ahead: Option<Instant>,
}

impl Pending {
    fn under_way(&mut self, lane: Lane) -> &mut usize {
        if lane == Lane::Prefetch {
            &mut self.ahead
        } else {
            &mut self.interactive
        }
    }

    /// Whether something more urgent than `lane` is under way.
    fn goes_before(&self, lane: Lane) -> bool {
        let fresh = |began: Option<Instant>| began.is_some_and(|at| at.elapsed() < LONGEST_CLAIM);
        self.interactive > 0 && fresh(self.newest)
            || lane < Lane::Prefetch && self.ahead > 0 && fresh(self.newest_ahead)
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

/// Marks reading ahead as under way while it lives.
pub(crate) struct AheadGuard<'a> {
    gate: &'a Gate,
}

impl Drop for AheadGuard<'_> {
    fn drop(&mut self) {
        let mut pending = lock(&self.gate.pending);
        pending.ahead = pending.ahead.saturating_sub(1);
        drop(pending);
        self.gate.calm.notify_all();
    }
}

/// Lifts the mark while an interactive thread waits for the result of a batch thread, which must
/// not step aside for the very thread that waits for it.
pub(crate) struct Waiting<'a> {
    gate: Option<(&'a Gate, Lane)>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some((gate, lane)) = self.gate {
            *lock(&gate.pending).under_way(lane) += 1;
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
        if lane < Lane::Prefetch || *pending.under_way(lane) == 0 {
            return Waiting { gate: None };
        }
        *pending.under_way(lane) -= 1;
        if *pending.under_way(lane) == 0 {
            self.calm.notify_all();
        }
        Waiting {
            gate: Some((self, lane)),
        }
    }

    /// Reading ahead goes before batch work, and after whoever waits.
    pub fn ahead(&self) -> AheadGuard<'_> {
        let mut pending = lock(&self.pending);
        pending.ahead += 1;
        pending.newest_ahead = Some(Instant::now());
        AheadGuard { gate: self }
    }

    /// Called by batch work between frames: returns when no interactive work is pending, or after a bounded time.
    pub fn step_aside(&self, lane: Lane) {
        if lane.waits() {
            return;
        }
        let until = Instant::now() + LONGEST_PAUSE;
        let mut pending = lock(&self.pending);
        while pending.goes_before(lane) {
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
        if lane >= Lane::Prefetch || HOLDS_SLOT.get() {
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
