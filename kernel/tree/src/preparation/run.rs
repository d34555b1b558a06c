//! One preparation: who waits for it, how far it is, and what it came to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use signal::{CancelToken, Prepared};

use super::make::Partial;
use super::{Depends, InUse, Made, PreparationProgress};
use crate::cache::Evictable;
use crate::compute::{EngineEvent, Inner};
use crate::map::PassState;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, Node, lock};

/// Shortest time between two progress events, and how long a run may take that says nothing.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(150);
/// So long it goes on when nobody waits any more: a view that is dragged gives up one position and asks for the next.
const GRACE: Duration = Duration::from_millis(250);

/// Shared by the nodes that need the same.
pub(crate) struct Run {
    /// The one that it was begun for.
    node: Arc<Node>,
    depends: Option<Depends>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    stage: Stage,
    /// Of runs that were started.
    number: u64,
    /// Calls that wait for it, and since when there are none.
    waiting: usize,
    left: Instant,
    /// The number of the last run that failed or was ended for everybody, and why.
    ended: Option<(u64, ComputeError)>,
    progress: PreparationProgress,
    last_notified: Instant,
    /// Somebody heard that it runs, and is to hear how it ends.
    said: bool,
    /// Until those who waited have taken what was made.
    handed: Option<InUse>,
}

enum Stage {
    /// As far as it is; `None`: nothing of it is there.
    Rests(Option<Resting>),
    Running {
        priority: Priority,
        cancel: CancelToken,
    },
    Made(Arc<Made>),
}

/// What was gathered, counted in the memory budget.
struct Resting {
    partial: Partial,
    _counted: Evictable,
}

/// What the thread that prepares begins with.
pub(super) struct Start {
    pub priority: Priority,
    pub cancel: CancelToken,
    /// Where an earlier run ended.
    pub partial: Option<Partial>,
}

pub(super) enum Begun {
    Made(InUse),
    /// By this call.
    Started(Start),
    /// By somebody, with this priority.
    Running(Priority),
    /// The run that this call has waited for.
    Ended(ComputeError),
}

impl Run {
    pub(super) fn new(node: &Arc<Node>, depends: Option<Depends>) -> Self {
        Run {
            node: node.clone(),
            depends,
            state: Mutex::new(State {
                stage: Stage::Rests(None),
                number: 0,
                waiting: 0,
                left: Instant::now(),
                ended: None,
                progress: PreparationProgress {
                    node: node.id,
                    revision: node.revision,
                    state: PassState::Idle,
                    pass: 1,
                    passes: None,
                    done: 0,
                    total: 0,
                    concluding: None,
                    error: None,
                },
                last_notified: Instant::now(),
                said: false,
                handed: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn depends(&self) -> Option<&Depends> {
        self.depends.as_ref()
    }

    pub fn is_first_of(&self, node: &Node) -> bool {
        (self.node.id, self.node.revision) == (node.id, node.revision)
    }

    /// Whether somebody else need not begin from the start.
    pub fn is_worth_something(&self) -> bool {
        !matches!(lock(&self.state).stage, Stage::Rests(None))
    }

    pub fn prepared(&self) -> Option<Prepared> {
        match &lock(&self.state).stage {
            Stage::Made(made) => Some(made.prepared.clone()),
            _ => None,
        }
    }

    pub fn in_use(&self) -> Option<InUse> {
        let made = match &lock(&self.state).stage {
            Stage::Made(made) => made.clone(),
            _ => return None,
        };
        InUse::of(made)
    }

    /// `None` before somebody has asked for it, and while nobody has heard of it.
    pub fn progress(&self) -> Option<PreparationProgress> {
        let state = lock(&self.state);
        let heard = match state.progress.state {
            PassState::Idle => false,
            PassState::Running => state.said,
            _ => true,
        };
        heard.then(|| state.progress.clone())
    }

    /// Waits for a change while it runs, at most `patience`.
    pub fn wait(&self, patience: Duration) {
        let state = lock(&self.state);
        if let Stage::Running { .. } = state.stage {
            let changed: Result<(MutexGuard<'_, State>, _), _> =
                self.changed.wait_timeout(state, patience);
            drop(changed.unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub fn error(&self, cause: Cause) -> ComputeError {
        ComputeError::new(&self.node, None, cause)
    }

    /// Ends it for everybody; what is to be said of that, if it ran.
    pub fn cancel(&self) -> Option<PreparationProgress> {
        let mut state = lock(&self.state);
        let Stage::Running { cancel, .. } = &state.stage else {
            return None;
        };
        if cancel.is_cancelled() {
            return None;
        }
        cancel.cancel();
        state.ended = Some((state.number, self.error(Cause::Cancelled)));
        state.progress.state = PassState::Cancelled;
        state.said = false;
        let progress = state.progress.clone();
        drop(state);
        self.changed.notify_all();
        Some(progress)
    }

    /// Notes how far it is, tells the pages now and then, and ends it when nobody waits any more.
    pub fn progressed(&self, inner: &Inner, note: impl FnOnce(&mut PreparationProgress)) {
        let mut state = lock(&self.state);
        note(&mut state.progress);
        if let Stage::Running { cancel, .. } = &state.stage
            && state.waiting == 0
            && state.left.elapsed() >= GRACE
        {
            cancel.cancel();
        }
        if state.last_notified.elapsed() < NOTIFY_INTERVAL
            || state.progress.state != PassState::Running
        {
            return;
        }
        state.last_notified = Instant::now();
        state.said = true;
        let progress = state.progress.clone();
        drop(state);
        inner.notify(EngineEvent::Preparing(progress));
    }

    /// It was made. What somebody has waited for does not go before it is taken.
    pub fn made(&self, inner: &Inner, made: InUse) {
        self.end(
            inner,
            PassState::Done,
            Stage::Made(made.made.clone()),
            None,
            Some(made),
        );
    }

    /// It failed, or nobody waits any more; `partial` is what an early end leaves.
    pub(super) fn ended(
        self: &Arc<Self>,
        inner: &Inner,
        error: ComputeError,
        partial: Option<Partial>,
    ) {
        let kept = partial.and_then(|partial| {
            let on_evict = forget_on_evict(Arc::downgrade(self));
            let counted = inner.cache.reserve_costly(partial.heap_bytes(), on_evict)?;
            // It does not go before it is where it is looked for.
            let using = counted.used()?;
            let counted = Resting {
                partial,
                _counted: counted,
            };
            Some((counted, using))
        });
        let (resting, _using) = kept.unzip();
        let state = match error.is_cancelled() {
            true => PassState::Cancelled,
            false => PassState::Failed,
        };
        self.end(inner, state, Stage::Rests(resting), Some(error), None);
    }

    fn end(
        &self,
        inner: &Inner,
        now: PassState,
        stage: Stage,
        error: Option<ComputeError>,
        made: Option<InUse>,
    ) {
        let mut state = lock(&self.state);
        // Ended for everybody, which has been said, and came to something all the same.
        let heard = std::mem::take(&mut state.said);
        state.stage = stage;
        state.progress.state = now;
        state.progress.concluding = None;
        state.progress.error = error.clone().filter(|error| !error.is_cancelled());
        if let Some(error) = error {
            state.ended = Some((state.number, error));
        }
        let unwanted = match state.waiting {
            0 => made,
            _ => std::mem::replace(&mut state.handed, made),
        };
        let progress = heard.then(|| state.progress.clone());
        drop(state);
        drop(unwanted);
        self.changed.notify_all();
        if let Some(progress) = progress {
            inner.notify(EngineEvent::Preparing(progress));
        }
    }

    /// Memory was short.
    fn give_up(&self) {
        let mut state = lock(&self.state);
        if let Stage::Running { .. } = state.stage {
            return;
        }
        let gone = std::mem::replace(&mut state.stage, Stage::Rests(None));
        state.progress.state = PassState::Idle;
        drop(state);
        drop(gone);
    }
}

/// What the cache calls when it has to go.
pub(super) fn forget_on_evict(run: Weak<Run>) -> Arc<dyn Fn() + Send + Sync> {
    Arc::new(move || {
        if let Some(run) = run.upgrade() {
            run.give_up();
        }
    })
}

/// One call that waits for a run.
pub(super) struct Waiter<'a> {
    run: &'a Arc<Run>,
    /// The run that it has joined.
    number: Option<u64>,
}

impl<'a> Waiter<'a> {
    pub fn new(run: &'a Arc<Run>) -> Self {
        lock(&run.state).waiting += 1;
        Waiter { run, number: None }
    }

    /// Joins the run, or begins one.
    pub fn begin(&mut self, priority: Priority) -> Begun {
        let run = self.run;
        let mut state = lock(&run.state);
        let ended = (state.ended.as_ref())
            .filter(|(number, _)| self.number == Some(*number))
            .map(|(_, error)| error.clone());
        match (&mut state.stage, ended) {
            (Stage::Made(made), _) => {
                let made = made.clone();
                drop(state);
                if let Some(made) = InUse::of(made) {
                    return Begun::Made(made);
                }
                run.give_up();
                self.begin(priority)
            }
            (_, Some(error)) => Begun::Ended(error),
            (Stage::Running { priority, cancel }, None) => {
                let priority = *priority;
                // One that is ending is waited for, and begun again.
                if !cancel.is_cancelled() {
                    self.number = Some(state.number);
                }
                Begun::Running(priority)
            }
            (Stage::Rests(resting), None) => {
                let resting = resting.take();
                let cancel = CancelToken::new();
                state.stage = Stage::Running {
                    priority,
                    cancel: cancel.clone(),
                };
                state.number += 1;
                self.number = Some(state.number);
                state.ended = None;
                state.progress.state = PassState::Running;
                state.progress.error = None;
                (state.last_notified, state.said) = (Instant::now(), false);
                drop(state);
                Begun::Started(Start {
                    priority,
                    cancel,
                    partial: resting.map(|resting| resting.partial),
                })
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.run.state);
        state.waiting -= 1;
        if state.waiting > 0 {
            return;
        }
        state.left = Instant::now();
        let handed = state.handed.take();
        drop(state);
        drop(handed);
    }
}
