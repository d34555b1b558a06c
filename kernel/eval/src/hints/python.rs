//! Habits that people bring from Python, where most of them analysed their data before.

use super::diagnostic::{Diagnostic, in_parentheses, quoted};
use crate::api::{API, Kind};

pub(super) fn hint(diagnostic: &Diagnostic) -> Option<String> {
    syntax(diagnostic)
        .or_else(|| keyword_argument(diagnostic))
        .or_else(|| name(diagnostic))
        .or_else(|| quotes(diagnostic))
}

/// What the parser stumbles over.
fn syntax(diagnostic: &Diagnostic) -> Option<String> {
    let line = format!(
        "{}{}{}",
        diagnostic.before, diagnostic.text, diagnostic.behind
    );
    let word = line.split_whitespace().next().unwrap_or_default();
    let message = diagnostic.message.as_str();
    let parser = diagnostic.code.is_empty() && message.starts_with("expected");
    Some(match word {
        "import" | "from" if parser => {
            "there is nothing to import: `open`, `Signal` and the others are known; a crate is added with \
             `:dep name = \"1\"` and `use name;`"
                .into()
        }
        "def" if parser => {
            "a function is written `fn name(x: f64) -> f64 { x * x }`".into()
        }
        "for" | "if" | "while" if parser && diagnostic.text == ":" => {
            "a block stands in braces: `for i in 0..3 { … }`".into()
        }
        _ if parser && diagnostic.before.trim_end().ends_with('#') => {
            "a comment begins with `//`".into()
        }
        _ if message.starts_with("prefix `f` is unknown") => match quoted_text(&diagnostic.behind) {
            Some(text) => format!("values are put into a text by `format!(\"{text}\")`"),
            None => "values are put into a text by `format!(\"…\")`".into(),
        },
        _ if diagnostic.code == "E0614"
            && diagnostic.text.starts_with('*')
            && diagnostic.before.ends_with('*') =>
        {
            "a power is written `x.powi(3)`, or `x.powf(0.5)`, of a decimal number".into()
        }
        _ => return None,
    })
}

fn quoted_text(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.split('"').next()
}

/// `find_peaks(radius=4.0)`: parameters are fields of a struct.
fn keyword_argument(diagnostic: &Diagnostic) -> Option<String> {
    let field = diagnostic
        .unknown_value()
        .filter(|_| diagnostic.code == "E0425")?;
    let value = diagnostic.behind.trim_start().strip_prefix('=')?;
    if value.starts_with('=') || !diagnostic.before.contains('(') {
        return None;
    }
    let end = value.find([',', ')']).unwrap_or(value.len());
    let value = value[..end].trim();
    let call = diagnostic.before.rsplit_once('(')?.0;
    let method = call
        .rsplit(|character: char| !character.is_alphanumeric() && character != '_')
        .next()?;
    let takes = super::api::parameters_of(method);
    let owns = |name: &str| {
        API.members(name)
            .iter()
            .any(|entry| entry.kind == Kind::Field && entry.name == field)
    };
    let found = takes
        .into_iter()
        .find(|name| owns(name))
        .or_else(|| API.types.keys().find(|name| owns(name)).cloned());
    Some(match found.as_deref() {
        Some("Open") => format!(
            "there are no keyword arguments; write `open_with(path, Open {{ {field}: {value}, ..default() }})?`"
        ),
        Some(name) => format!(
            "there are no keyword arguments; write `{name} {{ {field}: {value}, ..default() }}`"
        ),
        None => "there are no keyword arguments; parameters are fields of a struct: \
                 `Disk { radius: 4.0, ..default() }`"
            .into(),
    })
}

fn name(diagnostic: &Diagnostic) -> Option<String> {
    let printed = || {
        let inside = in_parentheses(&diagnostic.behind).filter(|inside| !inside.trim().is_empty());
        match inside {
            Some(text) if text.starts_with('"') => {
                format!("printing is a macro: `println!(\"{{}}\", x)`, here `println!({text})`")
            }
            Some(value) => format!(
                "printing is a macro: `println!(\"{{}}\", x)`; or end the cell with `{value}` to see it"
            ),
            None => "printing is a macro: `println!(\"{}\", x)`".into(),
        }
    };
    if diagnostic.code == "E0423" && diagnostic.message.contains("found macro `print") {
        return Some(printed());
    }
    let name = diagnostic.unknown_value()?;
    Some(match name {
        "print" => printed(),
        "True" => "write `true`".into(),
        "False" => "write `false`".into(),
        "null" | "nil" | "none" | "Null" => {
            "write `None`; a value that may be missing is `Some(value)`".into()
        }
        "len" => {
            "the length of a list is `list.len()`; the sizes of a signal are `signal.shape()?`"
                .into()
        }
        "range" => "a range is written `0..10`".into(),
        "str" => "the text of a value is `format!(\"{value}\")`".into(),
        "load" | "read" | "imread" => "a file is opened with `open(\"scan.zspy\")?`".into(),
        "help" | "dir" => "write `?name` to read about a name, and `:help` for the rest".into(),
        "quit" | "exit" => "the kernel is stopped from the menu of the notebook".into(),
        _ => return None,
    })
}

/// A text in single quotes.
fn quotes(diagnostic: &Diagnostic) -> Option<String> {
    const ADVICE: &str = "a text stands in double quotes: `\"scan.zspy\"`";
    let literal = diagnostic.code == "E0762"
        || diagnostic.message.starts_with("character literal may only")
        || (diagnostic.message.starts_with("prefix `")
            && diagnostic
                .notes()
                .any(|note| note.contains("use double quotes")));
    let character = quoted(&diagnostic.message, 0)
        .is_some_and(|text| text.starts_with("char: AsRef<"))
        || (diagnostic.text.starts_with('\'') && diagnostic.label.ends_with("found `char`"));
    (literal || character).then(|| ADVICE.into())
}
