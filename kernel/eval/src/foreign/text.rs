//! Texts with values in them, and printing.

use super::expression_of;
use super::lex::{self, Part};
use crate::advice::Notebook;
use crate::text::is_name;

/// A text literal in Rust; one with values as `format!`.
pub(super) fn literal(part: &Part, notebook: &Notebook) -> String {
    let Part::Text { prefix, inner, .. } = part else {
        return String::new();
    };
    let (text, values) = filled(part, notebook);
    let formatted = prefix.to_ascii_lowercase().contains('f');
    match (formatted, &values[..]) {
        (false, _) if prefix.to_ascii_lowercase().contains('r') && inner.contains('\\') => {
            format!("r\"{inner}\"")
        }
        (false, _) => format!("\"{text}\""),
        (true, []) => format!("format!(\"{text}\")"),
        (true, values) => format!("format!(\"{text}\", {})", values.join(", ")),
    }
}

/// The text for a macro of Rust, and the values that it needs besides.
fn filled(part: &Part, notebook: &Notebook) -> (String, Vec<String>) {
    let Part::Text {
        prefix,
        quote,
        inner,
    } = part
    else {
        return (String::new(), Vec::new());
    };
    let inner = match quote {
        '\'' => inner.replace("\\'", "'").replace('"', "\\\""),
        _ => (*inner).to_owned(),
    };
    if !prefix.to_ascii_lowercase().contains('f') {
        return (inner, Vec::new());
    }
    let (mut text, mut values) = (String::new(), Vec::new());
    let mut rest = inner.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
        if doubled || rest[at..].starts_with('}') {
            text.push_str(&rest[at..at + 1 + usize::from(doubled)]);
            rest = &rest[at + 1 + usize::from(doubled)..];
            continue;
        }
        let end = rest[at..].find('}').map_or(rest.len(), |end| at + end);
        hole(&rest[at + 1..end], notebook, &mut text, &mut values);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    text.push_str(rest);
    (text, values)
}

/// One `{value:format}`.
fn hole(inside: &str, notebook: &Notebook, text: &mut String, values: &mut Vec<String>) {
    let (value, format) = inside.split_once(':').unwrap_or((inside, ""));
    let value = value.trim().trim_end_matches('=').trim();
    let value = value.split_once('!').map_or(value, |(value, _)| value);
    let mut format = format
        .trim_end_matches(['f', 'd', 's', 'g', '%', 'i'])
        .replace(',', "");
    let rust = expression_of(value, notebook).unwrap_or_else(|| value.to_owned());
    if !is_display(notebook, &rust) && !format.ends_with('?') {
        format.push('?');
    }
    let format = if format.is_empty() {
        format
    } else {
        format!(":{format}")
    };
    if is_name(&rust) {
        text.push_str(&format!("{{{rust}{format}}}"));
    } else {
        text.push_str(&format!("{{{format}}}"));
        values.push(rust);
    }
}

/// Whether `{}` shows the value, as far as its type is known.
pub(crate) fn is_display(notebook: &Notebook, expression: &str) -> bool {
    match notebook.kind(expression) {
        "" | "Shape" | "Code" | "String" | "str" | "bool" | "char" | "f32" | "f64" | "Error" => {
            true
        }
        kind => kind.starts_with(['i', 'u']) && !kind.contains(char::is_uppercase),
    }
}

/// `print(a, b)` as `println!`.
pub(crate) fn printed(arguments: &[&[Part]], notebook: &Notebook) -> String {
    let (mut text, mut values) = (Vec::new(), Vec::new());
    for argument in arguments {
        let argument = lex::trimmed(argument);
        match argument {
            [] => {}
            // `end=""`, `sep=" "`.
            [Part::Word(_), Part::Sign('='), ..] => {}
            [part @ Part::Text { prefix, .. }] => {
                let (piece, more) = filled(part, notebook);
                let plain = !prefix.to_ascii_lowercase().contains('f');
                // Braces of a plain text are braces.
                text.push(if plain {
                    piece.replace('{', "{{").replace('}', "}}")
                } else {
                    piece
                });
                values.extend(more);
            }
            value => hole(
                &lex::text(value),
                notebook,
                &mut *text_piece(&mut text),
                &mut values,
            ),
        }
    }
    let text = text.join(" ");
    match (text.is_empty(), &values[..]) {
        (true, []) => "println!()".into(),
        (_, []) => format!("println!(\"{text}\")"),
        (_, values) => format!("println!(\"{text}\", {})", values.join(", ")),
    }
}

fn text_piece(text: &mut Vec<String>) -> &mut String {
    text.push(String::new());
    let last = text.len() - 1;
    &mut text[last]
}
