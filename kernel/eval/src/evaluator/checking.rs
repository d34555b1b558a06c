//! Whether code that is to be offered would compile; nothing of it runs.

use std::sync::Arc;

use serde_json::Value;

use super::{Evaluator, lock};
use crate::advice::Notebook;
use crate::early::Built;
use crate::error_report::{self, Diagnosis};
use crate::mend::{Checked, Found};
use crate::names;
use crate::tokens::commands_end;

/// Functions that Python has: an earlier cell seldom made another one of the name.
const OF_PYTHON: [&str; 16] = [
    "map",
    "filter",
    "zip",
    "sum",
    "max",
    "min",
    "sorted",
    "reversed",
    "any",
    "all",
    "set",
    "dict",
    "list",
    "tuple",
    "isinstance",
    "round",
];

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
            let about = &reply["description"];
            let kind = about["kind"].as_str()?.to_lowercase();
            let alone = about["navigation_axes"]
                .as_array()
                .is_some_and(|axes| axes.is_empty());
            Some(match kind.as_str() {
                "frame" if alone => "pattern".to_owned(),
                _ => kind,
            })
        }
    }

    /// `notebook` has the cell as it was written.
    pub(super) fn checked(&self, code: &str, notebook: &Notebook) -> Checked {
        if commands_end(code) > 0 {
            return Checked::Unknown;
        }
        let (accepted, bindings) = {
            let bridge = lock(&self.bridge);
            (
                bridge.try_direct(code).is_some(),
                bridge.bindings(code, &[]),
            )
        };
        if accepted {
            return Checked::Right;
        }
        let Some(early) = lock(&self.state).early.clone() else {
            return Checked::Unknown;
        };
        // In a block of its own it may have what only evcxr's way can keep.
        let known: Vec<&str> = bindings.names().collect();
        let kept = kept_by_evcxr(code, notebook, &known);
        let whole = || early.draft(code, &bindings).map(|draft| (draft, 0));
        let in_block = || {
            let block = format!("{{ {kept}\n{code}\n}}");
            early.draft(&block, &bindings).map(|draft| (draft, 1))
        };
        let draft = match kept.is_empty() {
            true => whole().or_else(in_block),
            false => in_block(),
        };
        let Some((draft, above)) = draft else {
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
        let mut found = error_report::found(&errors, &draft.cell, &mended);
        for one in &mut found {
            one.line = one.line.saturating_sub(above);
        }
        // Names of cells before this one that only evcxr has.
        let own = names::mentioned(notebook.cell);
        let elsewhere = |error: &crate::early::Diagnostic, found: &Found| {
            let unresolved = error.code().is_some_and(|code| UNRESOLVED.contains(&code));
            let message = error.message();
            let name = message.split('`').nth(1).unwrap_or_default();
            let unsaid = (found.advice.as_ref()).is_none_or(|advice| advice.write.is_empty());
            // Variables are known, whoever has them; functions and constants of earlier cells are not.
            let variable = message.starts_with("cannot find value")
                && !name.starts_with(|first: char| first.is_uppercase());
            let made_earlier = unsaid && !variable && !OF_PYTHON.contains(&name);
            unresolved && own.contains(name) && (notebook.knows(name) || made_earlier)
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

/// Variables that the code uses and only evcxr has, by their types: enough to ask whether it compiles.
fn kept_by_evcxr(code: &str, notebook: &Notebook, known: &[&str]) -> String {
    /// Words of types that every cell has.
    const PLAIN: [&str; 24] = [
        "Vec", "Option", "String", "Frame", "Signal", "Shape", "Axis", "Peak", "static", "str",
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64",
        "usize", "isize",
    ];
    let mentioned = names::mentioned(code);
    let plain = |kind: &str| {
        kind.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .all(|word| word.is_empty() || PLAIN.contains(&word))
    };
    let lets: Vec<String> = (notebook.variables.iter())
        .filter(|variable| mentioned.contains(variable.name.as_str()))
        .filter(|variable| !known.contains(&variable.name.as_str()))
        .filter(|variable| !variable.kind.contains('&') && plain(&variable.kind))
        .map(|variable| {
            format!(
                "let mut {}: {} = ::std::hint::black_box(None).unwrap();",
                variable.name, variable.kind
            )
        })
        .collect();
    lets.join(" ")
}
