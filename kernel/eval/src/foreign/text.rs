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
        if let Some((piece, more)) = arguments_of_format(argument, notebook) {
            text.push(piece);
            values.extend(more);
            continue;
        }
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

/// `"%d of %.2f" % (a, b)` as `format!`.
pub(super) fn percent(parts: &[Part], notebook: &Notebook) -> Option<String> {
    let [text @ Part::Text { .. }, rest @ ..] = parts else {
        return None;
    };
    if let [Part::Sign('.'), Part::Word("format"), call @ ..] = rest {
        return formatted(text, call, notebook);
    }
    let [Part::Sign('%'), value @ ..] = lex::trimmed(rest) else {
        return None;
    };
    let value = lex::trimmed(value);
    let values = match value {
        [Part::Sign('('), ..] if lex::inside(value).len() + 2 == value.len() => {
            lex::split(lex::inside(value), ',')
        }
        value => vec![value],
    };
    let mut values: Vec<&[Part]> = values.into_iter().map(lex::trimmed).collect();
    values.retain(|value| !value.is_empty());
    let (plain, _) = filled(text, notebook);
    let (mut out, mut more) = (String::new(), Vec::new());
    let mut values = values.into_iter();
    let mut rest = plain.as_str();
    while let Some(at) = rest.find(['%', '{', '}']) {
        out.push_str(&rest[..at]);
        let sign = &rest[at..at + 1];
        if sign != "%" {
            // A brace is one.
            out.push_str(&sign.repeat(2));
            rest = &rest[at + 1..];
            continue;
        }
        if let Some(behind) = rest[at..].strip_prefix("%%") {
            out.push('%');
            rest = behind;
            continue;
        }
        let end = at + 1 + rest[at + 1..].find(|letter: char| letter.is_alphabetic())?;
        let format = rest[at + 1..end].trim_start_matches(['+', '-', ' ']);
        let value = lex::text(values.next()?);
        let hole_of = match rest[end..].starts_with('e') {
            true => format!("{value}:{format}e"),
            false => format!("{value}:{format}"),
        };
        hole(&hole_of, notebook, &mut out, &mut more);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    if values.next().is_some() {
        return None;
    }
    Some(match more.is_empty() {
        true => format!("format!(\"{out}\")"),
        false => format!("format!(\"{out}\", {})", more.join(", ")),
    })
}

/// `"{} of {:.2f}".format(a, b)` as `format!`.
fn formatted(text: &Part, call: &[Part], notebook: &Notebook) -> Option<String> {
    let inner = lex::inside(call);
    if !matches!(call, [Part::Sign('('), ..]) || inner.len() + 2 != call.len() {
        return None;
    }
    let values: Vec<String> = (lex::split(inner, ',').into_iter())
        .map(|value| lex::text(lex::trimmed(value)))
        .collect();
    let (plain, _) = filled(text, notebook);
    let (mut out, mut more) = (String::new(), Vec::new());
    let mut rest = plain.as_str();
    let mut next = 0;
    while let Some(at) = rest.find('{') {
        let end = at + rest[at..].find('}')?;
        let (name, format) =
            (rest[at + 1..end].split_once(':')).unwrap_or((&rest[at + 1..end], ""));
        let index = if name.is_empty() {
            next
        } else {
            name.parse().ok()?
        };
        next += 1;
        out.push_str(&rest[..at]);
        hole(
            &format!("{}:{format}", values.get(index)?),
            notebook,
            &mut out,
            &mut more,
        );
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Some(match more.is_empty() {
        true => format!("format!(\"{out}\")"),
        false => format!("format!(\"{out}\", {})", more.join(", ")),
    })
}

/// A text that only a macro can fill: `format!("…", a)` as what `println!` takes.
fn arguments_of_format(argument: &[Part], notebook: &Notebook) -> Option<(String, Vec<String>)> {
    let code = percent(argument, notebook)?;
    let inner = code.strip_prefix("format!(\"")?.strip_suffix(')')?;
    let (text, values) = match inner.strip_suffix('"') {
        Some(text) => (text, ""),
        None => inner.rsplit_once("\", ")?,
    };
    let values = (!values.is_empty()).then(|| values.to_owned());
    Some((text.to_owned(), values.into_iter().collect()))
}

fn text_piece(text: &mut Vec<String>) -> &mut String {
    text.push(String::new());
    let last = text.len() - 1;
    &mut text[last]
}
