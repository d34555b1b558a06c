//! Calls that may fail and whose outcome nobody looks at: an error would go unseen.

use super::{Scope, check, source};
use crate::advice::{Advice, Instead};
use crate::slips::Slip;
use crate::text::at_top;

/// The words of rustc's lint for the same.
pub(crate) const MESSAGE: &str =
    "the outcome of this call is not looked at: if it fails, nobody hears of it";
const ADVICE: &str = "write `?` behind it, and an error ends the cell and is shown; `let _ =` before it says that any outcome is fine";

/// What is said of it.
pub(crate) fn advice() -> Advice {
    Advice::new(ADVICE)
}

/// The slip of a cell of calls that would run without the compiler, but for an outcome that is not looked at.
pub(crate) fn unlooked(code: &str, scope: &Scope) -> Option<Slip> {
    if !super::is_readable(code) || !source::is_flat(code) {
        return None;
    }
    let statements = syn::parse::Parser::parse_str(syn::Block::parse_within, code).ok()?;
    let index = check::unlooked(&statements, scope)?;
    // Statements of such a cell end with semicolons and have no blocks.
    let ends = at_top(code, b';');
    let end = *ends.get(index)?;
    let start = index.checked_sub(1).map_or(0, |before| ends[before] + 1);
    let text = without_comments(&code[start..end]);
    let at = start + (code[start..end].len() - text.len());
    let end = at + text.trim_end().len();
    let right = format!("{}?{}", &code[..end], &code[end..]);
    let advice = Advice::new(ADVICE).write(right).instead(Instead::Cell);
    Some(Slip::new(at..end, MESSAGE, advice))
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
