//! The `?` behind a call that may fail.

use super::{Edit, Token, tokens};
use crate::bridge::Variable;
use crate::text::last_expression;
use crate::typing;

/// Methods of a `Result`: it is looked at.
const LOOKED_AT: [&str; 15] = [
    "inspect_err",
    "unwrap",
    "expect",
    "is_ok",
    "is_err",
    "ok",
    "err",
    "map",
    "map_err",
    "and_then",
    "or_else",
    "unwrap_or",
    "unwrap_or_else",
    "unwrap_or_default",
    "unwrap_err",
];

/// Macros that put values into a text.
const PRINTING: [&str; 5] = ["println", "print", "format", "eprintln", "eprint"];

/// The first place where one is missing.
pub(super) fn edit(code: &str, variables: &[Variable]) -> Edit {
    let tokens = tokens(code);
    let word = |index: usize| {
        let token = tokens.get(index).filter(|token| token.sign.is_none());
        token.map_or("", |token| &code[token.start..token.end])
    };
    let sign = |index: usize| tokens.get(index).and_then(|token: &Token| token.sign);
    // Index of each open bracket, and of the first token of the statement.
    let mut open: Vec<usize> = Vec::new();
    let mut statement = 0;
    // A function or a closure may return no `Result`.
    let mut foreign = false;
    for (index, token) in tokens.iter().enumerate() {
        foreign |= word(index) == "fn" || token.sign == Some(b'|');
        match token.sign {
            Some(b'(' | b'[' | b'{') => open.push(index),
            Some(b')' | b']' | b'}') => drop(open.pop()),
            _ => {}
        }
        if open.is_empty() && matches!(token.sign, Some(b';' | b'}')) {
            (statement, foreign) = (index + 1, false);
        }
        if foreign || token.sign != Some(b')') {
            continue;
        }
        let expression = last_expression(&code[..token.end]);
        let before = &code[..token.end - expression.len()];
        let fails = || {
            typing::called(expression, before, variables)
                .is_some_and(|entry| entry.signature.contains("-> Result<"))
        };
        let missing = match sign(index + 1) {
            Some(b'.') => sign(index + 2) != Some(b'.') && !LOOKED_AT.contains(&word(index + 2)),
            Some(b'[') => true,
            Some(b';') if open.is_empty() => {
                whole_value(code, &tokens[statement..=index], expression)
            }
            Some(b')' | b',') => open.last().is_some_and(|open| {
                *open >= 2 && sign(open - 1) == Some(b'!') && PRINTING.contains(&word(open - 2))
            }),
            _ => false,
        };
        if missing && fails() {
            return Some((token.end..token.end, "?".into()));
        }
    }
    None
}

/// Whether the call is all that a statement evaluates, or the value that a `let` without a type binds.
fn whole_value(code: &str, statement: &[Token], expression: &str) -> bool {
    let (Some(first), Some(last)) = (statement.first(), statement.last()) else {
        return false;
    };
    let text = &code[first.start..last.end];
    if text == expression {
        return true;
    }
    let Some(rest) = text.strip_prefix("let ") else {
        return false;
    };
    rest.split_once('=')
        .is_some_and(|(name, value)| !name.contains(':') && value.trim() == expression)
}
