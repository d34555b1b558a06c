//! What a front end asks without running a cell: completion, documentation, variables.

use evcxr::CommandContext;
use serde_json::Value;

use super::Evaluator;
use crate::complete::{self, Completions, Inspection};
use crate::{IsComplete, pages, tokens, typing};

impl Evaluator {
    /// Completions at a position counted in characters. Never waits for a running cell.
    pub fn complete(&self, code: &str, cursor: usize) -> Completions {
        let variables = self.known_variables();
        complete::complete(code, cursor, &variables, |code, byte| {
            self.analyse(|context| context.completions(code, byte).ok())
        })
    }

    /// Documentation of the name at a position counted in characters.
    pub fn inspect(&self, code: &str, cursor: usize) -> Option<Inspection> {
        let variables = self.known_variables();
        let describe = |node: u32| {
            let request = format!(r#"{{"command":"describe","node":{node}}}"#);
            let reply = self.shared.engine.command(&request).ok()?;
            Some(serde_json::from_str::<Value>(&reply).ok()?["description"].take())
        };
        complete::inspect(code, cursor, &variables, describe, |code, byte| {
            self.analyse(|context| context.hover_at(code, byte).ok())
        })
    }

    /// The page of a name that a person asks for, `?find_peaks`.
    ///
    /// # Errors
    /// Nothing is known about it: a sentence with the nearest name.
    pub fn help(&self, name: &str) -> Result<Inspection, String> {
        let length = name.chars().count();
        let known = self.is_variable(name);
        let page = || pages::page(name);
        let asked = || self.inspect(name, length);
        let found = match known {
            true => asked().or_else(page),
            false => page().or_else(asked),
        };
        found.ok_or_else(|| {
            let nearest = pages::nearest_name(name)
                .map_or_else(String::new, |nearest| format!(" Did you mean `{nearest}`?"));
            format!("Nothing is known about `{name}`.{nearest} `:help` lists what a cell can do, `:vars` the variables.")
        })
    }

    /// Whether a variable holds a value or an error: `name?` is Rust's own question mark then.
    pub fn may_fail(&self, name: &str) -> bool {
        let variables = self.known_variables();
        let found = variables.iter().find(|variable| variable.name == name);
        found.is_some_and(|variable| matches!(typing::bare(&variable.kind), "Result" | "Option"))
    }

    /// Whether a variable has this name.
    pub fn is_variable(&self, name: &str) -> bool {
        self.known_variables()
            .iter()
            .any(|variable| variable.name == name)
    }

    /// Asks rust-analyzer, which lives in the compiler's context, unless a cell has it.
    pub(super) fn analyse<T>(
        &self,
        ask: impl FnOnce(&mut CommandContext) -> Option<T>,
    ) -> Option<T> {
        let mut context = self.context.try_lock().ok()?;
        let context = context.as_mut()?;
        // It may panic on unfinished code; then it knows nothing.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ask(context))).ok()?
    }

    /// Whether a console should run the text or wait for more.
    pub fn is_complete(&self, code: &str) -> IsComplete {
        tokens::is_complete(code)
    }

    /// Names and types of the variables that cells have.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.known_variables()
            .iter()
            .map(|variable| (variable.name.clone(), variable.kind.clone()))
            .collect()
    }
}
