//! The message for a cell that is not Rust, for when the compiler cannot be asked.

use super::source;
use crate::CellError;
use crate::error_report;
use crate::tokens::{Step, rust_start, step};

/// The error of a cell that no parser of Rust takes; `None` for everything else.
pub(crate) fn syntax_error(code: &str) -> Option<CellError> {
    let start = rust_start(code);
    let rust = &code[start..];
    if !super::is_readable(rust) {
        return None;
    }
    let message = failure(rust)?;
    let (at, message) = match unbalanced(rust) {
        Some((at, message)) => (at, message.to_owned()),
        None => (place_of(rust, &message), message),
    };
    let (line, column) = source::place(code, start + at);
    let text = code.lines().nth(line - 1).unwrap_or_default();
    Some(error_report::syntax_error(text, line, column, &message))
}

fn failure(code: &str) -> Option<String> {
    syn::parse::Parser::parse_str(syn::Block::parse_within, code)
        .err()
        .map(|error| error.to_string())
}

/// Where the first word or sign stands that no parser takes; `None` for a cell that parses.
pub(crate) fn mistake(code: &str) -> Option<usize> {
    Some(place_of(code, &failure(code)?))
}

/// A bracket or a text without its other end.
pub(crate) fn unbalanced(code: &str) -> Option<(usize, &'static str)> {
    let mut open: Vec<(usize, u8)> = Vec::new();
    let mut at = 0;
    while at < code.len() {
        at = match step(code, at) {
            Step::Unfinished => return Some((at, "this text or comment has no end")),
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(byte) => {
                match byte {
                    b'(' => open.push((at, b')')),
                    b'[' => open.push((at, b']')),
                    b'{' => open.push((at, b'}')),
                    b')' | b']' | b'}' if open.pop().map(|(_, close)| close) != Some(byte) => {
                        return Some((at, "this bracket closes none that is open"));
                    }
                    _ => {}
                }
                at + 1
            }
        };
    }
    let (at, _) = open.pop()?;
    Some((at, "this bracket is never closed"))
}

/// syn knows no places here. The text up to the mistake, and every longer one, fails with the message of the
/// whole; whatever is shorter fails because it is unfinished, or not at all.
fn place_of(code: &str, message: &str) -> usize {
    // Where each token starts, and the text up to its end with its brackets closed.
    let mut tokens: Vec<(usize, usize, String)> = Vec::new();
    let mut open = String::new();
    let mut at = 0;
    while at < code.len() {
        let (end, significant) = match step(code, at) {
            Step::Unfinished => break,
            Step::Skip(end) => {
                let rest = &code[at..];
                (end, !rest.starts_with("//") && !rest.starts_with("/*"))
            }
            Step::Word(end) => (end, true),
            Step::Byte(byte) => {
                match byte {
                    b'(' => open.insert(0, ')'),
                    b'[' => open.insert(0, ']'),
                    b'{' => open.insert(0, '}'),
                    b')' | b']' | b'}' if !open.is_empty() => drop(open.remove(0)),
                    _ => {}
                }
                (at + 1, !byte.is_ascii_whitespace())
            }
        };
        if significant {
            tokens.push((at, end, open.clone()));
        }
        at = end;
    }
    // A text that one more word or the end of its statement makes right is only unfinished.
    let right = |text: &str, close: &str| {
        [";", " x;"].iter().any(|rest| {
            failure(&format!("{text}{rest}{close}")).is_none()
                || failure(&format!("{text}{close}{rest}")).is_none()
        })
    };
    let first = tokens.partition_point(|(_, end, close)| {
        let text = &code[..*end];
        failure(&format!("{text}{close}")).as_deref() != Some(message) || right(text, close)
    });
    tokens
        .get(first)
        .or(tokens.last())
        .map_or(0, |(start, ..)| *start)
}
