//! What the fuzz test gives to everything that reads the text of a cell before any compiler does.

use crate::direct::{self, Scope};
use crate::{IsComplete, cursor, help, names, paths, source, tokens};

/// Reads a cell as the evaluator does, with the cursor at a byte; whether it would run without the compiler.
///
/// # Panics
/// When two of the readers contradict each other.
#[doc(hidden)]
pub fn read_cell(code: &str, cursor: usize) -> bool {
    let cursor = (0..=cursor.min(code.len()))
        .rev()
        .find(|at| code.is_char_boundary(*at))
        .unwrap_or(0);
    let complete = tokens::is_complete(code);
    let _ = help::answer(code);
    let _ = cursor::Cursor::at(code, cursor);
    let _ = paths::complete(&code[..cursor]);
    let refused = direct::syntax_error(code);
    let cell = direct::try_direct(code, &Scope::default());
    // The evaluator asks this before it reads further.
    if direct::is_shallow(code) {
        let _ = names::mentioned(code);
        let _ = names::defined(code);
        let _ = source::Prepared::new(code, "let bound = 1; ");
    }
    if cell.is_some() {
        assert!(refused.is_none(), "accepted, and no Rust: {code:?}");
        assert_eq!(complete, IsComplete::Complete, "accepted: {code:?}");
    }
    cell.is_some()
}
