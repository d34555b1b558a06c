//! Whether code that is to be offered would compile; nothing of it runs.

use std::sync::Arc;

use serde_json::Value;

use super::{Evaluator, lock};
use crate::advice::Notebook;
use crate::early::Built;
use crate::mend::{Checked, Found};
use crate::names;
use crate::report::{self, Diagnosis};
use crate::tokens::commands_end;

/// Errors about a name that nothing has.
const UNRESOLVED: [&str; 6] = ["E0405", "E0412", "E0422", "E0425", "E0432", "E0433"];

impl Evaluator {
    /// Asks the engine what a node holds.
    pub(super) fn describing(&self) -> impl Fn(u32) -> Option<String> {
        let shared = Arc::clone(&self.shared);
        move |node| {
            let request = format!(r#"{{"command":"describe","node":{node}}}"#);
            let reply = shared.engine.command(&request).ok()?;
            let reply = serde_json::from_str::<Value>(&reply).ok()?;
            reply["description"]["kind"].as_str().map(str::to_lowercase)
        }
    }

    /// `notebook` has the cell as it was written.
    pub(super) fn checked(&self, code: &str, notebook: &Notebook) -> Checked {
        if commands_end(code) > 0 {
            return Checked::Unknown;
        }
        let (accepted, bindings) = {
            let bridge = lock(&self.bridge);
            (bridge.accept(code).is_some(), bridge.bindings(code, &[]))
        };
        if accepted {
            return Checked::Right;
        }
        let Some(early) = lock(&self.state).early.clone() else {
            return Checked::Unknown;
        };
        let Some(draft) = early.draft(code, &bindings) else {
            return Checked::Unknown;
        };
        let errors = match early.check(&draft, &|| self.shared.is_interrupted()) {
            Built::Library(_) => return Checked::Right,
            Built::Errors(errors) => errors,
            Built::Interrupted | Built::No => return Checked::Unknown,
        };
        let mended = Notebook {
            cell: code,
            ..*notebook
        };
        let found = report::found(&errors, &draft.cell, &mended);
        // Names of cells before this one that only evcxr has.
        let own = names::mentioned(notebook.cell);
        let elsewhere = |error: &crate::early::Diagnostic, found: &Found| {
            let unresolved = error.code().is_some_and(|code| UNRESOLVED.contains(&code));
            let message = error.message();
            let name = message.split('`').nth(1).unwrap_or_default();
            let unsaid = (found.advice.as_ref()).is_none_or(|advice| advice.write.is_empty());
            unresolved && own.contains(name) && (notebook.knows(name) || unsaid)
        };
        let unknown = errors
            .iter()
            .zip(&found)
            .any(|(error, found)| elsewhere(error, found));
        match unknown {
            true => Checked::Unknown,
            false => Checked::Wrong(found),
        }
    }
}
