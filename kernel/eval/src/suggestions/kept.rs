//! Values that a variable cannot keep for the next cell.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;
use crate::kept;

/// A closure or a reference that would outlive what it borrows.
pub(super) fn borrowed(diagnostic: &Diagnostic) -> Option<Advice> {
    match diagnostic.code {
        "E0373" | "E0521" => {
            let closure = diagnostic.line();
            let name = closure
                .trim()
                .strip_prefix("let ")
                .and_then(|rest| rest.split_once(['=', ':']));
            let name = name.map_or("it", |(name, _)| name.trim());
            Some(kept::closure(name, diagnostic.notebook.cell))
        }
        "E0597" | "E0716" | "E0505" => Some(kept::reference(diagnostic.quoted(0).unwrap_or("it"))),
        _ => None,
    }
}
