//! Whether a cell may run before evcxr is there, and the file that rustc gets for it.

use std::sync::Arc;

use syn::{Pat, Stmt};

use super::diagnostic::{self, Diagnostic};
use super::items;
use crate::bridge::Bindings;
use crate::names;
use crate::source::Prepared;
use crate::tokens::{commands_end, rust_start};

/// The function of the library.
pub(crate) const ENTRY: &str = "signaltree_early";

/// What it returns.
pub(crate) mod outcome {
    pub(crate) const FAILED: u32 = 1;
    pub(crate) const PANICKED: u32 = 2;
}

/// Words of what only evcxr's way can do: `await`, and what looks at the crate around the cell.
const NOT_ALONE: [&str; 5] = ["await", "crate", "env", "option_env", "super"];

/// A cell that rustc can compile alone.
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) cell: Arc<Prepared>,
    /// Lines in front of the cell.
    before: usize,
    /// Its items as they were written.
    pub(super) items: Vec<String>,
    /// Its variables that later cells may change.
    pub(super) mutable: Vec<String>,
}

impl Draft {
    /// `defined` are the items of earlier such cells, `changeable` tells their variables that only evcxr will have.
    pub(super) fn new(
        code: &str,
        bindings: &Bindings,
        defined: &[String],
        changeable: &dyn Fn(&str) -> bool,
    ) -> Option<Self> {
        if commands_end(code) > 0 || !bindings.left_behind.is_empty() {
            return None;
        }
        let mentioned = names::mentioned(code);
        let foreign = |word: &&str| {
            NOT_ALONE.contains(word) || word.to_lowercase().contains("evcxr") || changeable(word)
        };
        if mentioned.iter().any(foreign) {
            return None;
        }
        let rust = &code[rust_start(code)..];
        let statements = syn::parse::Parser::parse_str(syn::Block::parse_within, rust).ok()?;
        let lets = lets(&statements)?;
        let count = statements.iter().filter(|statement| is_item(statement));
        let own = items::items(rust, count.count())?;
        let own: Vec<String> = own.into_iter().map(|at| rust[at].to_owned()).collect();
        let redefined = names::defined(code).items;
        let known = names::defined(&defined.join("\n")).items;
        if redefined.iter().any(|name| known.contains(name)) {
            return None;
        }

        let cell = Prepared::early(code, &bindings.code);
        if cell.bound() != lets.iter().filter(|found| found.hooked).count() {
            return None;
        }
        let mut mutable: Vec<String> = Vec::new();
        for found in &lets {
            mutable.retain(|name| *name != found.name);
            if found.mutable {
                mutable.push(found.name.clone());
            }
        }
        // What the cell moves or changes is seen by the compiler.
        let mut after = String::new();
        for name in bindings.names() {
            after.push_str(&format!("let _ = &{name};\n"));
        }
        for name in &mutable {
            after.push_str(&format!(
                "::signaltree::hook::cross(&{name}, \"{name}\");\n"
            ));
        }
        let before = format!(
            "#![allow(unused_imports, unused_mut, dead_code)]\n#![deny(unused_must_use)]\nuse signaltree::prelude::*;\n{items}\n#[unsafe(no_mangle)]\npub extern \"C\" \
             fn {ENTRY}() -> u32 {{\nmatch ::std::panic::catch_unwind(|| -> \
             ::std::result::Result<(), ::signaltree::hook::Returned> {{\n",
            items = defined.join("\n"),
        );
        let text = format!(
            "{before}{code}\n;{after}\nOk(())\n}}) {{\nOk(Ok(())) => 0,\nOk(Err(_)) => {failed},\n\
             Err(_) => {panicked},\n}}\n}}\n",
            code = cell.code,
            failed = outcome::FAILED,
            panicked = outcome::PANICKED,
        );
        Some(Draft {
            before: before.matches('\n').count(),
            text,
            cell: Arc::new(cell),
            items: own,
            mutable,
        })
    }

    /// The errors, if they are the person's and evcxr would find the same; with `all_the_same` whatever it would.
    pub(super) fn judge(&self, said: &str, all_the_same: bool) -> Option<Vec<Diagnostic>> {
        if !self.items.is_empty() && !all_the_same {
            // evcxr puts them elsewhere.
            return None;
        }
        let lines = self.before + 1..self.before + 1 + self.cell.code.lines().count();
        diagnostic::errors(said, &lines, all_the_same)
    }
}

/// A variable of the cell.
struct Bound {
    name: String,
    mutable: bool,
    /// Whether a hook follows its `let`.
    hooked: bool,
}

/// The variables of top-level `let`s; `None` if a pattern is not a plain name.
fn lets(statements: &[Stmt]) -> Option<Vec<Bound>> {
    let mut found = Vec::new();
    for statement in statements {
        let Stmt::Local(local) = statement else {
            continue;
        };
        let pattern = match &local.pat {
            Pat::Type(typed) => &*typed.pat,
            pattern => pattern,
        };
        match pattern {
            Pat::Wild(_) => {}
            Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
                let initial = local.init.as_ref()?;
                if initial.diverge.is_some() {
                    return None;
                }
                found.push(Bound {
                    name: name.ident.to_string().trim_start_matches("r#").to_owned(),
                    mutable: name.mutability.is_some(),
                    hooked: name.mutability.is_none(),
                });
            }
            _ => return None,
        }
    }
    Some(found)
}

fn is_item(statement: &Stmt) -> bool {
    match statement {
        Stmt::Item(_) => true,
        Stmt::Macro(call) => call.mac.path.is_ident("macro_rules"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(code: &str) -> Option<Draft> {
        Draft::new(code, &Bindings::default(), &[], &|name| name == "waits")
    }

    #[test]
    fn a_cell_stands_on_its_own_lines_and_reports_what_it_binds() {
        let draft = draft("let a = 1;\nlet mut b = 2.0;\nfn f() {}\na").unwrap();
        let lines: Vec<&str> = draft.text.lines().collect();
        let first = lines[draft.before];
        assert_eq!(first, "let a = 1; ::signaltree::hook::cross(&a, \"a\");");
        assert_eq!(lines[draft.before + 1], "let mut b = 2.0;");
        assert!(
            draft
                .text
                .contains(";::signaltree::hook::cross(&b, \"b\");")
        );
        assert_eq!(draft.items, ["fn f() {}"]);
        assert_eq!(draft.mutable, ["b"]);
    }

    #[test]
    fn what_needs_evcxr_waits_for_it() {
        for code in [
            ":dep rand\nlet a = 1;",
            "task.await",
            "let (a, b) = (1, 2);",
            "let a;\na = 1;",
            "waits + 1",
            "use super::x;",
            "#![feature(x)]",
        ] {
            assert!(draft(code).is_none(), "{code}");
        }
        for code in [
            "let _ = 5;",
            "for i in 0..3 { let (a, b) = (i, i); }",
            "1 + 1",
        ] {
            assert!(draft(code).is_some(), "{code}");
        }
        let again = Draft::new(
            "fn f() {}",
            &Bindings::default(),
            &["fn f() {}".into()],
            &|_| false,
        );
        assert!(again.is_none());
    }
}
