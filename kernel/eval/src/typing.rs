//! The type of an expression of a cell, as far as names tell: no compiler is asked.

use crate::api::{API, Entry};
use crate::bridge::Variable;

/// The type of the API that an expression at the end of `before` has, without `Result`.
pub(crate) fn type_of(
    expression: &str,
    before: &str,
    variables: &[Variable],
) -> Option<&'static str> {
    typed(expression, before, variables, 0)
}

/// What is called at the end of a text: a function of the API, or a method of what stands before it.
pub(crate) fn called(
    expression: &str,
    before: &str,
    variables: &[Variable],
) -> Option<&'static Entry> {
    let expression = expression.trim_end();
    let open = opening_parenthesis(expression).filter(|_| expression.ends_with(')'))?;
    let name = last_word(&expression[..open]);
    let receiver = expression[..open - name.len()].trim_end();
    let named = |entry: &&Entry| entry.name == name;
    if receiver.ends_with("::") {
        return None;
    }
    match receiver.strip_suffix('.') {
        Some(receiver) => {
            let receiver = crate::text::last_expression(receiver);
            let owner = type_of(receiver, before, variables)?;
            API.members(owner).iter().find(named)
        }
        None => API.functions.iter().find(named),
    }
}

/// The bare name of a type: `Frame` of `&signaltree::Frame<'_, f32>`.
pub(crate) fn bare(name: &str) -> &str {
    let name = name.trim_start_matches('&').trim_start_matches("mut ");
    let name = name.split('<').next().unwrap_or(name).trim_end();
    name.rsplit("::").next().unwrap_or(name)
}

fn typed(
    expression: &str,
    before: &str,
    variables: &[Variable],
    depth: usize,
) -> Option<&'static str> {
    // `let a = b; let b = a;` must end.
    if depth > 8 {
        return None;
    }
    let mut rest = expression.trim_end();
    loop {
        let shorter = rest.trim_end_matches('?').trim_end();
        let shorter = [".unwrap()", ".clone()"]
            .iter()
            .find_map(|end| shorter.strip_suffix(end))
            .unwrap_or(shorter);
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    if rest.ends_with(')') {
        let open = opening_parenthesis(rest)?;
        let name = last_word(&rest[..open]);
        // `pattern.shape()` is no `Shape`: the receiver decides where its type is known.
        let receiver = rest[..open - name.len()].trim_end().strip_suffix('.');
        let owner = receiver.and_then(|receiver| {
            let receiver = crate::text::last_expression(receiver);
            typed(receiver, before, variables, depth + 1)
        });
        return API.returned_type(owner, name);
    }
    let name = last_word(rest);
    if name.is_empty() || rest[..rest.len() - name.len()].trim_end().ends_with('.') {
        return None;
    }
    // A `let` of this very cell hides an older variable.
    let binding = ["let ", "let mut "]
        .iter()
        .filter_map(|word| {
            before
                .rfind(&format!("{word}{name} = "))
                .map(|at| at + word.len())
        })
        .max();
    if let Some(at) = binding {
        let value = &before[at + name.len() + 3..];
        let value = &value[..value.find(";\n").or(value.find(';')).unwrap_or(value.len())];
        return typed(value, &before[..at], variables, depth + 1);
    }
    let found = variables.iter().find(|variable| variable.name == name)?;
    let base = bare(&found.kind);
    API.types.get_key_value(base).map(|(name, _)| name.as_str())
}

/// Where the parenthesis opens that closes at the end of the text.
pub(crate) fn opening_parenthesis(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().rev().find_map(|(at, character)| {
        match character {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// The word a text ends with; may be empty.
pub(crate) fn last_word(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, character)| character.is_alphanumeric() || *character == '_')
        .last()
        .map_or(text.len(), |(at, _)| at);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_the_same_name_are_told_apart_by_their_receiver() {
        let variables =
            [("scan", "Signal"), ("pattern", "Frame<'static, f64>")].map(Variable::of_kind);
        let returns = |code: &str| {
            called(code, "", &variables).map(|entry| entry.signature.contains("-> Result<"))
        };
        assert_eq!(returns("scan.shape()"), Some(true));
        assert_eq!(returns("pattern.shape()"), Some(false));
        assert_eq!(returns("open(\"a\")?.frame((0, 0))"), Some(true));
        assert_eq!(returns("other.shape()"), None);
        assert_eq!(returns("Region::rectangle(0, 0, 1, 1)"), None);
        assert_eq!(type_of("scan.shape()?", "", &variables), Some("Shape"));
        assert_eq!(type_of("pattern.shape()", "", &variables), None);
    }
}
