//! What rustc itself suggests, with the line as it then reads.

use super::diagnostic::Diagnostic;
use crate::advice::Advice;

/// Words of rustc that a person at a notebook has not met, and ours.
const IN_OTHER_WORDS: [(&str, &str); 9] = [
    ("consider cloning the value", "take a copy with `.clone()`"),
    (
        "consider making this binding mutable",
        "a variable that changes is made by `let mut`",
    ),
    (
        "consider changing this to be mutable",
        "a variable that changes is made by `let mut`",
    ),
    (
        "try using a conversion method",
        "a text in quotes becomes a `String` by `.to_string()`",
    ),
    (
        "create an owned `String`",
        "texts are put together by `format!`",
    ),
    (
        "you might have meant to introduce a new binding",
        "a new variable is made by `let`",
    ),
    (
        "to access an element starting from the end",
        "the end of a list is counted from its length",
    ),
    (
        "try adding a return type",
        "say the type of the value behind `->`",
    ),
    ("consider borrowing here", "lend it with `&`"),
];

/// The first suggestion that gives a line of Rust.
pub(super) fn applied(diagnostic: &Diagnostic) -> Option<Advice> {
    // A copy is right more often than a reference, which no variable can keep.
    // What the evaluator has put around the cell is nobody's to write.
    let mut all: Vec<(String, String)> = (diagnostic.suggestions())
        .filter(|(_, code)| !code.contains("evcxr"))
        .collect();
    all.sort_by_key(|(message, _)| !message.contains("clon"));
    let (message, code) = all.into_iter().next()?;
    let own = IN_OTHER_WORDS
        .iter()
        .find(|(theirs, _)| message.starts_with(theirs));
    let text = own.map_or(message, |(_, ours)| (*ours).to_owned());
    Some(Advice::new(text).write(code))
}
