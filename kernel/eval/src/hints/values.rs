//! Values of the wrong kind: a `Result` without its `?`, whole and decimal numbers, brackets.

use super::diagnostic::{Diagnostic, last_expression, quoted};
use crate::api::{API, Kind};

/// The value of the cell has no `Debug`.
pub(super) fn nothing_to_show(diagnostic: &Diagnostic) -> Option<String> {
    let name = diagnostic
        .message
        .strip_suffix("` has no text to show: it doesn't implement `Debug`")?
        .strip_prefix('`')?;
    Some(
        if name.starts_with("{closure") || name.contains("fn(") || name.contains("fn item") {
            "this is a function: call it to see what it gives".into()
        } else {
            let name = name.split('<').next().unwrap_or(name);
            let name = name.rsplit("::").next().unwrap_or(name);
            format!("write `#[derive(Debug)]` above `struct {name}`, or implement `Show` for it")
        },
    )
}

/// A `Result` where its value is wanted.
pub(super) fn missing_question_mark(diagnostic: &Diagnostic) -> Option<String> {
    let of_result = |text: &str| text.contains("`Result<") || text.contains("`&Result<");
    let is_result = match diagnostic.code {
        "E0599" => {
            diagnostic.message.contains("for enum `Result<")
                && diagnostic
                    .notes()
                    .any(|note| note.contains(" exists on the type `"))
        }
        "E0308" => diagnostic.mismatch().is_some_and(|(expected, found)| {
            found.trim_start_matches('&').starts_with("Result<") && !expected.contains("Result<")
        }),
        "E0609" | "E0608" | "E0369" | "E0615" => of_result(&diagnostic.message),
        "E0277" => {
            (diagnostic.message.starts_with("`Result<") && !diagnostic.message.contains("iterator"))
                && diagnostic
                    .message
                    .contains("doesn't implement `std::fmt::Display`")
        }
        _ => return None,
    };
    if !is_result {
        return None;
    }
    let before = diagnostic.before_suggestion("?");
    let expression = match (diagnostic.code, &before) {
        (_, Some(before)) => last_expression(before).to_owned(),
        ("E0308" | "E0277", None) => diagnostic.text.trim_start_matches('&').to_owned(),
        _ => last_expression(diagnostic.before.trim_end_matches('.')).to_owned(),
    };
    Some(if expression.ends_with(')') {
        format!("this call may fail: write `?` behind `{expression}`")
    } else if expression.is_empty() {
        "a call may fail: write `?` behind it".into()
    } else {
        format!(
            "`{expression}` may hold an error instead: write `?` at the end of the line that makes `{expression}`"
        )
    })
}

/// `?` behind something that cannot fail, or in a function that returns nothing.
pub(super) fn needless_question_mark(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0277" {
        return None;
    }
    if diagnostic
        .message
        .starts_with("the `?` operator can only be applied to values")
    {
        return Some("this cannot fail: leave the `?` out".into());
    }
    diagnostic
        .message
        .starts_with("the `?` operator can only be used in a function that returns")
        .then(|| {
            "let the function say that it may fail: `fn name(…) -> Result<Signal> { …; Ok(value) }`"
                .into()
        })
}

/// Something that is no scan position.
pub(super) fn scan_position(diagnostic: &Diagnostic) -> Option<String> {
    (diagnostic.code == "E0277"
        && diagnostic
            .message
            .ends_with(": ScanPosition` is not satisfied"))
    .then(|| "a scan position is (row, column) in whole numbers: `(25, 36)`".into())
}

fn is_decimal(kind: &str) -> bool {
    matches!(kind, "f64" | "f32" | "{float}" | "floating-point number")
}

fn is_whole(kind: &str) -> bool {
    matches!(kind, "integer" | "{integer}" | "usize" | "isize")
        || (kind.starts_with(['i', 'u']) && kind[1..].parse::<u8>().is_ok())
}

/// Whole numbers where decimal ones are wanted, and the other way round.
pub(super) fn number(diagnostic: &Diagnostic) -> Option<String> {
    let literal = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let decimal = |text: &str| match literal(text) {
        true => format!("write a decimal number: `{text}.0`"),
        false => format!("make it a decimal number: `{text} as f64`"),
    };
    let text = diagnostic.text.trim();
    if diagnostic.code == "E0308" {
        let (expected, found) = diagnostic.mismatch()?;
        if is_decimal(expected) && is_whole(found) {
            return Some(decimal(text));
        }
        if is_whole(expected) && is_decimal(found) {
            return Some(match text.strip_suffix(".0") {
                Some(whole) => format!("write a whole number: `{whole}`"),
                None => format!("make it a whole number: `{text} as {expected}`"),
            });
        }
        return None;
    }
    // `3 * 2.5`
    let operation = [
        "cannot multiply",
        "cannot add",
        "cannot subtract",
        "cannot divide",
    ]
    .iter()
    .any(|start| diagnostic.message.starts_with(start));
    if diagnostic.code != "E0277" || !operation {
        return None;
    }
    let (first, second) = (diagnostic.quoted(0)?, diagnostic.quoted(1)?);
    if !(is_whole(first) && is_decimal(second) || is_decimal(first) && is_whole(second)) {
        return None;
    }
    // "multiply `left` by `right`", "divide `left` by `right`", but "add `right` to `left`".
    let swapped = !diagnostic.message.contains("` by `");
    let whole_is_left = is_whole(first) != swapped;
    let operand = if whole_is_left {
        last_expression(&diagnostic.before)
    } else {
        let rest = diagnostic.behind.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    };
    (!operand.is_empty()).then(|| decimal(operand))
}

/// Tuples, arrays, options and regions in place of each other.
pub(super) fn brackets(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0308" {
        return None;
    }
    let (expected, found) = diagnostic.mismatch()?;
    let text = diagnostic.text.trim();
    let inside = text
        .strip_prefix(['(', '['])
        .and_then(|text| text.strip_suffix([')', ']']));
    let array = |kind: &str| kind.starts_with('[');
    let tuple = |kind: &str| kind.starts_with('(') && kind.len() > 2;
    let wanted = expected
        .strip_prefix("Option<")
        .and_then(|inner| inner.strip_suffix('>'));
    Some(match (wanted, inside) {
        (Some(wanted), Some(inside)) if array(wanted) && (tuple(found) || array(found)) => {
            format!("write `Some([{inside}])`")
        }
        (Some(_), _) if !found.starts_with("Option<") && found != "()" && !text.is_empty() => {
            format!("write `Some({text})`")
        }
        (None, Some(inside)) if array(expected) && tuple(found) => format!("write `[{inside}]`"),
        (None, Some(inside)) if tuple(expected) && array(found) => format!("write `({inside})`"),
        (None, Some(inside)) if expected == "Region" && (tuple(found) || array(found)) => {
            let numbers: Vec<&str> = inside.split(',').map(str::trim).collect();
            match numbers.len() {
                4 => format!(
                    "a region is `Region::rectangle({})`: first column, first row, width, height",
                    numbers.join(", ")
                ),
                _ => "a region is `Region::rectangle(x0, y0, width, height)`".into(),
            }
        }
        (None, _) if found.starts_with("Option<") && text.starts_with("Some(") => {
            let inner = text.strip_prefix("Some(")?.strip_suffix(')')?;
            format!("write the value without `Some`: `{inner}`")
        }
        _ => return None,
    })
}

/// A text in place of one of several choices.
pub(super) fn choice(diagnostic: &Diagnostic) -> Option<String> {
    if diagnostic.code != "E0308" {
        return None;
    }
    let (expected, found) = diagnostic.mismatch()?;
    if !matches!(found, "&str" | "String") {
        return None;
    }
    let variants: Vec<&str> = API
        .members(expected)
        .iter()
        .filter(|entry| entry.kind == Kind::Variant)
        .map(|entry| entry.name.as_str())
        .collect();
    let bare = |text: &str| {
        text.trim_matches('"')
            .replace(['_', '-', ' '], "")
            .to_lowercase()
    };
    let meant = variants
        .iter()
        .find(|name| bare(name) == bare(&diagnostic.text))
        .or(variants.first())?;
    Some(format!(
        "write `{expected}::{meant}`; there are {}",
        variants.join(", ")
    ))
}

/// A signal that another variable took over.
pub(super) fn moved_signal(diagnostic: &Diagnostic) -> Option<String> {
    let moved = diagnostic.code == "E0382"
        && (diagnostic.label.contains("moved") || diagnostic.message.contains("moved"));
    let name = diagnostic.quoted(0).filter(|_| moved)?;
    diagnostic
        .labels()
        .any(|label| quoted(&label, 1) == Some("Signal"))
        .then(|| {
            format!(
                "`{name}` was handed over; hand over `{name}.clone()` to keep both: a second handle on the \
                 same node, nothing is copied"
            )
        })
}

/// A closure for `map` that does not say the type of its pixels.
pub(super) fn pixel_type(diagnostic: &Diagnostic) -> Option<String> {
    if !matches!(diagnostic.code, "E0282" | "E0283") || !diagnostic.message.contains("`Frame<") {
        return None;
    }
    let name = match diagnostic.text.as_str() {
        "" => "frame",
        name => name,
    };
    Some(format!(
        "say the type of the pixels: `|{name}: Frame<f32>| …`"
    ))
}
