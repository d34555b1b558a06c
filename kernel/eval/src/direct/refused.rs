//! Cells of calls that are understood as a whole, and refused before anything runs, as rustc or evcxr would refuse them.

use syn::{Pat, Stmt};

use super::check::{self, Refusal};
use super::{Scope, source};
use crate::advice::{Advice, Instead};
use crate::slips::Slip;
use crate::text::at_top;

/// The words of rustc's lint for an outcome that nobody looks at: an error would go unseen.
pub(crate) const UNLOOKED: &str =
    "the outcome of this call is not looked at: if it fails, nobody hears of it";
const ADVICE: &str = "write `?` behind it, and an error ends the cell and is shown; `let _ =` before it says that any outcome is fine";

/// What is said of an outcome that nobody looks at.
pub(crate) fn unlooked_advice() -> Advice {
    Advice::new(ADVICE)
}

/// Why a cell is refused.
pub(crate) enum Refused {
    /// The outcome of a call is not looked at.
    Unlooked(Slip),
    /// The variable of this name borrows from another one.
    Borrowed(String),
}

/// Whether a cell would run without the compiler, but for a statement that no cell may have.
pub(crate) fn refused(code: &str, scope: &Scope) -> Option<Refused> {
    if !super::is_readable(code) || !source::is_flat(code) {
        return None;
    }
    let statements = syn::parse::Parser::parse_str(syn::Block::parse_within, code).ok()?;
    match check::refusal(&statements, scope)? {
        (index, Refusal::Unlooked) => unlooked(code, index).map(Refused::Unlooked),
        (index, Refusal::Borrowed(name)) => {
            // Only what a name stands for at the end is kept.
            let again = statements[index + 1..].iter().any(|later| {
                matches!(later, Stmt::Local(local)
                    if matches!(&local.pat, Pat::Ident(found) if found.ident == name))
            });
            (!again).then_some(Refused::Borrowed(name))
        }
    }
}

fn unlooked(code: &str, index: usize) -> Option<Slip> {
    // Statements of such a cell end with semicolons and have no blocks.
    let ends = at_top(code, b';');
    let end = *ends.get(index)?;
    let start = index.checked_sub(1).map_or(0, |before| ends[before] + 1);
    let text = without_comments(&code[start..end]);
    let at = start + (code[start..end].len() - text.len());
    let end = at + text.trim_end().len();
    let right = format!("{}?{}", &code[..end], &code[end..]);
    let advice = unlooked_advice().write(right).instead(Instead::Cell);
    Some(Slip::new(at..end, UNLOOKED, advice))
}

/// The statement without spaces and comments in front of it.
fn without_comments(text: &str) -> &str {
    let mut text = text.trim_start();
    while let Some(rest) = text.strip_prefix("//") {
        let end = rest.find('\n').unwrap_or(rest.len());
        text = rest[end..].trim_start();
    }
    text
}
