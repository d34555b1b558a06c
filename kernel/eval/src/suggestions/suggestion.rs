//! What rustc itself suggests, with the line as it then reads.

use super::diagnostic::{Diagnostic, Suggestion};
use crate::advice::{Advice, Instead};

/// Words of rustc that a person at a notebook has not met, and ours.
const IN_OTHER_WORDS: [(&str, &str); 11] = [
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
    (
        "try naming a field",
        "what completes a struct of parameters is `..default()`",
    ),
    (
        "provide a type for the constant",
        "a variable is made by `let`, and its type is found by itself",
    ),
];

/// The first suggestion that gives a line of Rust.
pub(super) fn applied(diagnostic: &Diagnostic) -> Option<Advice> {
    // What the names of the API tell is surer.
    let line = diagnostic.line();
    let mended = diagnostic.mended(&line);
    let sure = !mended.is_empty() && mended != line.trim();
    // A copy is right more often than a reference, which no variable can keep.
    // What the evaluator has put around the cell is nobody's to write.
    let mut all: Vec<Suggestion> = (diagnostic.suggestions())
        .filter(|found| !found.code.contains("evcxr"))
        .collect();
    all.sort_by_key(|found| !found.message.contains("clon"));
    let found = all.into_iter().next()?;
    let own = IN_OTHER_WORDS
        .iter()
        .find(|(theirs, _)| found.message.starts_with(theirs));
    let text = own.map_or(found.message, |(_, ours)| (*ours).to_owned());
    Some(match sure {
        true => Advice::new(text).write(mended),
        false => Advice::new(text)
            .write(found.code)
            .instead(Instead::Line(found.line)),
    })
}
