//! Compiled cells before evcxr is there, and what it gets of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use evcxr::{CommandContext, EvalOutputs};

use super::{Evaluator, interrupted, lock};
use crate::advice::Notebook;
use crate::early::{Built, Draft, Early};
use crate::{CellError, compiler, error_report, lost_threads, names};

impl Evaluator {
    /// Runs a cell that needs nothing of evcxr while that is not there. `None`: the cell has to wait for it.
    pub(super) fn run_early(self: &Arc<Self>, code: &str) -> Option<Result<(), CellError>> {
        let early = self.early_compiler()?;
        self.run_with(&early, code)
    }

    /// As [`Self::evaluate`], but as before evcxr is there; `None`: such a cell would wait for it.
    #[doc(hidden)]
    pub fn evaluate_early(self: &Arc<Self>, code: &str) -> Option<Result<(), CellError>> {
        let early = lock(&self.state).early.clone()?;
        let mut result = None;
        let ended = self.cell(|| {
            result = self.run_with(&early, code);
            result.clone().unwrap_or(Ok(()))
        });
        result.map(|_| ended)
    }

    fn run_with(&self, early: &Early, code: &str) -> Option<Result<(), CellError>> {
        let bindings = lock(&self.bridge).bindings(code, &[]);
        let draft = early.draft(code, &bindings)?;
        match early.build(&draft, &|| self.shared.is_interrupted()) {
            Built::Library(library) => {
                self.alone.begin_cell(&draft.cell);
                self.shared.print_to(Some(&self.alone));
                self.alone.run_alone(library, draft.text.clone());
                Some(self.after_early(code, early, draft))
            }
            Built::Errors(errors) => {
                let lost = lock(&self.lost).clone();
                let describe = self.describing();
                let notebook = Notebook {
                    cell: code,
                    variables: &self.known_variables(),
                    lost: &lost,
                    describe: Some(&describe),
                };
                Some(Err(error_report::compile_errors(
                    &errors,
                    &draft.cell,
                    &notebook,
                    &|code| self.checked(code, &notebook),
                )))
            }
            Built::Interrupted => Some(Err(interrupted())),
            Built::No => None,
        }
    }

    fn after_early(&self, code: &str, early: &Early, draft: Draft) -> Result<(), CellError> {
        let cell = Arc::clone(&draft.cell);
        let mut ended = self.alone.end_cell();
        let succeeded =
            ended.lost.is_none() && !ended.panicked && !ended.failed && ended.broken.is_none();
        {
            let mut bridge = lock(&self.bridge);
            early.forget(&names::defined(code).bound);
            let values = if succeeded {
                early.keep(draft, std::mem::take(&mut ended.exports))
            } else {
                // What a failing cell binds is lost.
                Vec::new()
            };
            bridge.after_early(code, values);
            self.restored(&mut bridge, &ended);
            *lock(&self.compiled) = early.waiting();
            self.note_variables(&bridge);
        }
        if let Some(lost) = &ended.lost {
            return Err(lost_threads::early_cell_lost(lost));
        }
        self.finish(code, Ok(EvalOutputs::new()), ended, &cell)
    }

    /// Gives evcxr what cells before it left for it.
    pub(super) fn hand_over(&self, context: &mut CommandContext) -> Result<(), CellError> {
        let early = lock(&self.state).early.clone();
        let Some(left) = early.map(|early| early.hand_over()) else {
            return Ok(());
        };
        let Some(cell) = left.cell() else {
            return Ok(());
        };
        self.shared.hidden.store(true, Ordering::Relaxed);
        let taken = compiler::hidden(context, &self.shared, &cell);
        self.shared.hidden.store(false, Ordering::Relaxed);
        taken.map_err(|reason| {
            let text = format!(
                "what the first cells of this kernel defined is not known to the compiler; run them again\n{reason}"
            );
            error_report::plain("CompileError", &text)
        })
    }
}
