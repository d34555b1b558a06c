//! What Python does about errors: `try:`, `with`, `raise`, `assert`.

use super::lex::{self, Part};
use super::{expression, expression_of};
use crate::advice::Notebook;
use crate::text::{in_brackets, is_name, items};

/// `raise ValueError("few")`: the text of the error ends the cell. `None` where the error has no text.
pub(super) fn raised(error: &[Part], notebook: &Notebook) -> Option<String> {
    let error = lex::trimmed(error);
    let call = (error.iter()).position(|part| *part == Part::Sign('('))?;
    let inner = lex::inside(&error[call..]);
    // `raise Error("…") if few else None` has a condition, which is no part of the error.
    let behind = lex::trimmed(&error[call + inner.len() + 2..]);
    if !matches!(behind, [] | [Part::Word("from"), ..]) {
        return None;
    }
    let printed = super::printed(&lex::split(inner, ','), notebook);
    let inner = printed.strip_prefix("println!(")?;
    let plain = !inner.contains(['{', ',']);
    (inner != ")").then(|| match plain {
        true => format!("Err({inner}?;"),
        false => format!("Err(format!({inner})?;"),
    })
}

/// `assert n == 3, "three rows"`.
pub(super) fn asserted(claim: &[Part], notebook: &Notebook) -> Option<String> {
    let parts = lex::split(claim, ',');
    let (claim, texts) = parts.split_first()?;
    let claim = expression(lex::trimmed(claim), notebook);
    let text = match texts {
        [] => String::new(),
        texts => {
            let printed = super::printed(texts, notebook);
            format!(
                ", {}",
                printed.strip_prefix("println!(")?.strip_suffix(')')?
            )
        }
    };
    Some(format!("assert!({}{text});", claim.trim()))
}

/// The `let` of `with open("scan.zspy") as s:`; `None` of anything that is no file of ours.
pub(super) fn opened(head: &str, notebook: &Notebook) -> Option<String> {
    let (value, name) = head.rsplit_once(" as ")?;
    let name = name.trim();
    let open = value.find('(')?;
    let arguments = items(in_brackets(&value[open..])?);
    let path = arguments.first().filter(|path| !path.contains('='))?;
    // A file of text, or one that is written.
    let plain = value[..open].trim() == "open";
    let mode = arguments.get(1).copied().unwrap_or_default();
    let reads = mode.is_empty() || mode.contains('r') || mode.contains('=');
    let ours = ["zspy", "hspy", "zarr", "npy", "mrc", "h5", "hdf5"]
        .iter()
        .any(|ending| path.contains(&format!(".{ending}")));
    if !is_name(name) || !reads || mode.contains('w') || (plain && !ours) {
        return None;
    }
    let path = expression_of(path, notebook)?;
    Some(format!("let {name} = open({})?;", path.trim()))
}

/// The parts of a `try`: what is tried, the name of the error, and what is done then.
pub(super) struct Tried<'a> {
    pub(super) body: &'a [String],
    pub(super) error: &'a str,
    pub(super) then: &'a [String],
}

/// `try` in Rust. What is tried gives variables to the rest of the cell, so one `let` is tried by itself.
pub(super) fn tried(parts: &Tried) -> Option<String> {
    let error = parts.error;
    let then = indented(parts.then);
    let made = |line: &String| line.trim_start().starts_with("let ");
    let whole = parts.body.join("\n");
    match parts.body {
        [only] if made(only) && !only.contains('\n') => {
            let (name, value) = only.trim().strip_prefix("let ")?.split_once(" = ")?;
            let value = value.trim_end_matches(';').trim_end_matches('?');
            // Another value in place of the first.
            let other = match parts.then {
                [other] => other.trim().strip_prefix(&format!("let {name} = ")),
                _ => None,
            };
            if let Some(other) = other {
                let other = other.trim_end_matches(';');
                return Some(format!(
                    "let {name} = match {value} {{\n    Ok(value) => value,\n    Err({error}) => {other},\n}};"
                ));
            }
            Some(match then.is_empty() {
                true => format!("let {name} = {value}?;"),
                false => format!("let {name} = {value}.inspect_err(|{error}| {{\n{then}\n}})?;"),
            })
        }
        body if body.iter().any(made) && !whole.contains('?') => None,
        body => {
            let looked_at = match then.is_empty() {
                true => "tried().ok();".to_owned(),
                false => format!("if let Err({error}) = tried() {{\n{then}\n}}"),
            };
            Some(format!(
                "let tried = || -> Result<()> {{\n{}\n    Ok(())\n}};\n{looked_at}",
                indented(body)
            ))
        }
    }
}

fn indented(lines: &[String]) -> String {
    let lines: Vec<String> = (lines.iter())
        .flat_map(|line| line.lines().map(|line| format!("    {line}")))
        .collect();
    lines.join("\n")
}

/// The name of the error of `except Exception as e:`; `_` where it has none.
pub(super) fn error_of(header: &str) -> &str {
    let name = header.rsplit_once(" as ").map(|(_, name)| name);
    let name = name.map(|name| name.trim().trim_end_matches(':').trim());
    name.filter(|name| is_name(name)).unwrap_or("_")
}
