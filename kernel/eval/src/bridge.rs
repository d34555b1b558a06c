//! What crosses between compiled cells and cells that run without the compiler: one set of variables
//! for the person at the notebook, kept on two sides.
//!
//! A variable of a direct cell reaches a compiled one as a `let` in front of the user's code. A
//! variable of a compiled cell is reported by the hook behind its `let`. The cell that ran last wins:
//! every value has a revision, and evcxr's copy of an older one is replaced before a cell can see it.

use std::collections::{HashMap, HashSet};

use crate::direct::{Refused, Scope, TypedCell, Value};
use crate::host::{Export, Shared};
use crate::names::{self, Defined};
use crate::tokens::rust_start;

/// The variables of all cells.
#[derive(Default)]
pub(crate) struct Bridge {
    scope: Scope,
    /// What evcxr's variables hold of the scope.
    copies: HashMap<String, Copy>,
    /// Bound by a direct cell that failed: gone, though evcxr may still have an older value.
    lost: HashSet<String>,
    /// Items and imports of compiled cells: a direct cell that mentions one may mean it.
    items: HashSet<String>,
}

/// What evcxr has under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Copy {
    /// Of the scope's value; `None`: a place holder.
    revision: Option<u64>,
    /// The node of a signal, while evcxr's handle on it counts.
    node: Option<u32>,
}

/// Statements that give a compiled cell the values of direct ones.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    pub(crate) code: String,
    copies: Vec<(String, Copy)>,
    /// Mentioned values that no statement can make.
    pub(crate) left_behind: Vec<(String, String)>,
}

/// How far a compiled cell came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Nothing,
    /// It ran and failed: what it bound is lost.
    Failure,
    End,
    /// The session ended, and all variables of compiled cells with it.
    Disaster,
}

/// A variable, for completion and inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) kind: String,
    /// The value as text, where the kernel knows it.
    pub(crate) value: Option<String>,
    pub(crate) node: Option<u32>,
}

#[cfg(test)]
impl Variable {
    /// A variable of a notebook in a test.
    pub(crate) fn of_kind((name, kind): (&str, &str)) -> Self {
        Variable {
            name: name.into(),
            kind: kind.into(),
            value: None,
            node: None,
        }
    }
}

impl Bridge {
    /// A plan for a cell that needs no compiler.
    pub(crate) fn try_direct(&self, code: &str) -> Option<TypedCell> {
        if self.hides(code) {
            return None;
        }
        crate::direct::try_direct(code, &self.scope)
    }

    /// Why a cell of calls is refused although it is understood.
    pub(crate) fn refused(&self, code: &str) -> Option<Refused> {
        if self.hides(code) {
            return None;
        }
        crate::direct::refused(code, &self.scope)
    }

    /// Whether a cell mentions an item or an import of a compiled cell.
    fn hides(&self, code: &str) -> bool {
        !self.items.is_empty()
            && names::mentioned(code)
                .iter()
                .any(|word| self.items.contains(*word))
    }

    /// Runs an accepted cell.
    pub(crate) fn run(
        &mut self,
        code: &str,
        run: impl FnOnce(&mut Scope) -> Result<(), crate::CellError>,
        shared: &Shared,
    ) -> Result<(), crate::CellError> {
        let result = run(&mut self.scope);
        for name in names::defined(code).bound {
            if result.is_ok() {
                self.lost.remove(&name);
            } else {
                // As in a compiled cell: what a cell binds counts when the cell succeeds.
                self.scope.remove(&name);
                self.lost.insert(name);
            }
        }
        self.revoke_replaced(shared);
        result
    }

    /// Gives back evcxr's handles on signals whose variable has another value now.
    fn revoke_replaced(&mut self, shared: &Shared) {
        for (name, copy) in &mut self.copies {
            if self.scope.revision(name) != copy.revision
                && let Some(node) = copy.node.take()
            {
                shared.revoke(node);
            }
        }
    }

    /// What a compiled cell needs of the scope, given the variables evcxr has.
    pub(crate) fn bindings(&self, code: &str, compiled: &[(String, String)]) -> Bindings {
        let mut bindings = Bindings::default();
        if code[rust_start(code)..].trim().is_empty() {
            return bindings;
        }
        let mentioned = names::mentioned(code);
        let has = |name: &str| compiled.iter().any(|(known, _)| known == name);
        for (name, value, revision) in self.scope.entries() {
            let copy = self.copies.get(name).filter(|_| has(name));
            let current = copy.is_some_and(|copy| copy.revision == Some(revision));
            if current || !(has(name) || mentioned.contains(name)) {
                continue;
            }
            match value.rust_binding() {
                Some((kind, expression)) => {
                    let copy = Copy {
                        revision: Some(revision),
                        node: node_of(value),
                    };
                    bindings.bind(name, &kind, &expression, copy);
                }
                None => {
                    bindings
                        .left_behind
                        .push((name.to_owned(), value.type_text()));
                    if has(name) {
                        bindings.hide(name);
                    }
                }
            }
        }
        for (name, _) in compiled {
            let gone = match self.copies.get(name) {
                Some(copy) => copy.revision.is_some() && !self.scope.contains(name),
                None => self.lost.contains(name),
            };
            if gone {
                bindings.hide(name);
            }
        }
        bindings
    }

    /// Takes note of what a compiled cell did. `compiled` is what evcxr has now.
    pub(crate) fn after(
        &mut self,
        code: &str,
        reached: Reached,
        bindings: Bindings,
        exports: Vec<Export>,
        compiled: &[(String, String)],
    ) {
        let has = |name: &str| compiled.iter().any(|(known, _)| known == name);
        match reached {
            Reached::Nothing => return,
            Reached::Disaster => {
                self.copies.clear();
                self.lost.clear();
                return;
            }
            Reached::Failure | Reached::End => {}
        }
        let Defined { bound, items } = names::defined(code);
        self.items.extend(items);
        let given: HashSet<&str> = bindings.copies.iter().map(|(name, _)| &**name).collect();
        let moved: Vec<String> = self
            .copies
            .keys()
            .filter(|name| !has(name) && !given.contains(&***name))
            .cloned()
            .collect();
        for name in moved {
            self.remove(&name);
        }
        for (name, copy) in bindings.copies {
            if has(&name) {
                self.lost.remove(&name);
                self.copies.insert(name, copy);
            } else if reached == Reached::End {
                self.remove(&name);
            } else {
                self.copies.remove(&name);
            }
        }
        for name in bound {
            self.remove(&name);
        }
        if reached == Reached::End {
            for export in exports {
                self.take(export, &has);
            }
        }
    }

    /// Takes note of a cell that evcxr knows nothing of: `code` bound names, `values` is what they are.
    pub(crate) fn after_early(&mut self, code: &str, values: Vec<(String, Value)>) {
        let Defined { bound, items } = names::defined(code);
        self.items.extend(items);
        for name in bound {
            self.remove(&name);
        }
        for (name, value) in values {
            self.scope.insert(&name, value);
        }
    }

    fn take(&mut self, export: Export, has: &impl Fn(&str) -> bool) {
        self.remove(&export.name);
        if !has(&export.name) || export.kind.is_empty() {
            return;
        }
        let node = (export.kind == "Signal").then_some(export.node);
        let value = Value::from_export(&export.kind, &export.value, node);
        if let Some(value) = value {
            let node = node_of(&value);
            let revision = Some(self.scope.insert(&export.name, value));
            self.copies.insert(export.name, Copy { revision, node });
        }
    }

    fn remove(&mut self, name: &str) {
        self.scope.remove(name);
        self.copies.remove(name);
        self.lost.remove(name);
    }

    /// Gives a node the name of a variable, unless a variable has that name.
    pub(crate) fn restore(&mut self, name: &str, node: u32) {
        if !self.scope.contains(name)
            && let Some(value) = Value::from_export("Signal", "", Some(node))
        {
            self.scope.insert(name, value);
        }
    }

    /// All variables and items are gone.
    pub(crate) fn clear(&mut self) {
        *self = Bridge::default();
    }

    /// Names the scope keeps whatever happens to compiled cells.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.scope.entries().map(|(name, ..)| name).collect();
        names.sort_unstable();
        names
    }

    /// Every variable a cell can use, by name.
    pub(crate) fn variables(&self, compiled: &[(String, String)]) -> Vec<Variable> {
        let direct = self.scope.entries().map(|(name, value, _)| Variable {
            name: name.to_owned(),
            kind: value.type_text(),
            value: node_of(value).is_none().then(|| value.summary()),
            node: node_of(value),
        });
        let hidden = |name: &str| {
            self.scope.contains(name)
                || self.lost.contains(name)
                || self
                    .copies
                    .get(name)
                    .is_some_and(|copy| copy.revision.is_some() || copy.node.is_none())
        };
        let others = compiled
            .iter()
            .filter(|(name, _)| !hidden(name))
            .map(|(name, kind)| Variable {
                name: name.clone(),
                kind: kind.clone(),
                value: None,
                node: None,
            });
        let mut variables: Vec<Variable> = direct.chain(others).collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        variables
    }
}

fn node_of(value: &Value) -> Option<u32> {
    match value {
        Value::Signal(signal) => Some(signal.id()),
        _ => None,
    }
}

impl Bindings {
    /// The variables that get a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.copies.iter().map(|(name, _)| &**name)
    }

    /// Mentioned or not: names that stand for no value.
    pub(crate) fn hidden(&self) -> impl Iterator<Item = &str> {
        let left = |name: &str| self.left_behind.iter().any(|(other, _)| other == name);
        self.copies
            .iter()
            .filter(move |(name, copy)| copy.revision.is_none() && !left(name))
            .map(|(name, _)| &**name)
    }

    fn bind(&mut self, name: &str, kind: &str, expression: &str, copy: Copy) {
        self.code
            .push_str(&format!("let {name}: {kind} = {expression}; "));
        self.copies.push((name.to_owned(), copy));
    }

    /// Puts a place holder over a value that counts no more.
    fn hide(&mut self, name: &str) {
        let kind = "::signaltree::bridge::StayedBehind";
        let copy = Copy {
            revision: None,
            node: None,
        };
        self.bind(name, kind, kind, copy);
    }
}
