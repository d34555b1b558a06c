//! Cells that run without the compiler: API calls, literals, known variables, numbers and `println!`.
//!
//! A cell is parsed and checked as a whole; if one node is not understood, nothing of it runs and rustc gets
//! it. Nothing of the API is written twice: the interpreter calls the very crate that compiled cells are
//! compiled against, through the same table of functions, so values, texts, displays and errors are the
//! same by construction.

mod calls;
mod check;
mod convert;
mod export;
mod finalise;
mod format;
mod generated;
mod macros;
mod parameters;
mod refused;
mod registry;
mod run;
mod show;
mod source;
mod structs;
mod syntax;
#[cfg(test)]
mod tests;
mod typed_cell;
mod types;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use refused::{Refused, UNLOOKED, refused, unlooked_advice};
pub(crate) use run::run;
pub(crate) use source::is_shallow;
pub(crate) use syntax::{mistake, syntax_error, unbalanced};
pub(crate) use typed_cell::TypedCell;
pub(crate) use value::Value;

use crate::host::Shared;

/// What the interpreter knows: variables made by direct cells and those a compiled cell exported.
#[derive(Default)]
pub(crate) struct Scope {
    variables: BTreeMap<String, (Value, u64)>,
    /// Counts bindings, so that the newer of two can be told.
    revision: u64,
}

impl Scope {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name).map(|(value, _)| value)
    }

    /// Binds a name and gives the revision of this binding.
    pub(crate) fn insert(&mut self, name: &str, value: Value) -> u64 {
        self.revision += 1;
        self.variables
            .insert(name.to_owned(), (value, self.revision));
        self.revision
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.variables.remove(name);
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    pub(crate) fn revision(&self, name: &str) -> Option<u64> {
        self.variables.get(name).map(|(_, revision)| *revision)
    }

    /// Name, value and revision of every variable, by name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Value, u64)> {
        self.variables
            .iter()
            .map(|(name, (value, revision))| (name.as_str(), value, *revision))
    }
}

/// Lets the kernel's own copy of the cell's crate talk to this kernel; once, before the first direct cell.
pub(crate) fn attach(shared: &Arc<Shared>) {
    shared.attach_own();
}

/// Whether a parser can read the text in reasonable time and stack.
pub(crate) fn is_readable(code: &str) -> bool {
    source::is_short(code) && source::is_shallow(code)
}

/// Parses and checks a cell. `None`: it goes to the compiler as a whole; nothing has run.
pub(crate) fn try_direct(code: &str, scope: &Scope) -> Option<TypedCell> {
    if !source::is_short(code) || !source::is_flat(code) {
        return None;
    }
    let statements = syn::parse::Parser::parse_str(syn::Block::parse_within, code).ok()?;
    check::typed_cell(&statements, code, scope)
}
