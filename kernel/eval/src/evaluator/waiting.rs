//! While the compiler starts: what it is about, and cells that wait for it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::{Evaluator, WITHOUT, interrupted, lock, plain_text};
use crate::compiler::Waiting;
use crate::early::Early;
use crate::{CellError, Compiler, Preparing, error_report};

/// How often waiting looks at the interrupt flag.
const TICK: Duration = Duration::from_millis(50);
/// The display of what a cell waits for.
const NOTICE: &str = "signaltree-compiler";

impl Waiting for Evaluator {
    fn now(&self, preparing: Preparing) {
        lock(&self.state).preparing = Some(preparing);
        self.changed.notify_all();
    }

    fn can_compile(&self, early: Early) {
        lock(&self.state).early = Some(Arc::new(early));
        self.changed.notify_all();
    }

    fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
    }
}

impl Evaluator {
    /// What the compiler's start is about just now; `None` before and after it.
    pub fn preparing(&self) -> Option<Preparing> {
        lock(&self.state).preparing
    }

    /// What compiles cells while evcxr is not there. Waits until that is known, which takes tens of milliseconds.
    pub(super) fn early_compiler(self: &Arc<Self>) -> Option<Arc<Early>> {
        self.start_compiler();
        let mut state = lock(&self.state);
        while matches!(state.preparing, None | Some(Preparing::Rust))
            && state.early.is_none()
            && state.compiler == Compiler::Starting
            && !self.shared.is_interrupted()
        {
            state = self
                .changed
                .wait_timeout(state, TICK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state
            .early
            .clone()
            .filter(|_| state.compiler == Compiler::Starting)
    }

    /// Waits until the compiler is ready, and says what for when that takes long.
    pub(super) fn wait_for_compiler(self: &Arc<Self>) -> Result<(), CellError> {
        self.start_compiler();
        self.awaited.store(true, Ordering::Relaxed);
        let mut said = None;
        let waited = self.wait_and_say(&mut said);
        self.awaited.store(false, Ordering::Relaxed);
        if said.is_some() {
            // At once: a cell without output would keep the notice for ever.
            self.shared.outlet.clear_output(false);
        }
        waited
    }

    fn wait_and_say(&self, said: &mut Option<Preparing>) -> Result<(), CellError> {
        let began = Instant::now();
        let mut state = lock(&self.state);
        loop {
            match &state.compiler {
                Compiler::Ready => return Ok(()),
                Compiler::Failed(reason) => {
                    let text = format!("{reason}.\n{WITHOUT}");
                    return Err(error_report::plain("NoCompiler", &text));
                }
                Compiler::Off | Compiler::Starting => {}
            }
            if self.shared.is_interrupted() {
                return Err(interrupted());
            }
            let preparing = state.preparing.filter(|now| *said != Some(*now));
            if let Some(preparing) = preparing
                && began.elapsed() >= self.options.notice_after
            {
                drop(state);
                let mut notice = plain_text(&preparing.to_string());
                notice.display_id = Some(NOTICE.into());
                notice.update = said.is_some();
                self.shared.outlet.display(notice);
                *said = Some(preparing);
                state = lock(&self.state);
                continue;
            }
            state = self
                .changed
                .wait_timeout(state, TICK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
