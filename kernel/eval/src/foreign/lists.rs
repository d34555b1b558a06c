//! Lists that Python makes from others: `[x * 2 for x in list if x > 1]`, `list(range(3))`.

use super::expression;
use super::lex::{self, Part};
use crate::advice::{Advice, Notebook};

/// `x * 2 for x in list if x > 1`.
pub(super) fn comprehension(parts: &[Part], notebook: &Notebook) -> Option<String> {
    let of = lex::word_at(parts, "for").filter(|at| *at > 0)?;
    let from = lex::word_at(parts, "in").filter(|at| *at > of)?;
    let rest = &parts[from + 1..];
    // Two loops in one have no counterpart of one line.
    if lex::word_at(rest, "for").is_some() {
        return None;
    }
    let (list, condition) = match lex::word_at(rest, "if") {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let name = lex::text(&parts[of + 1..from]);
    let name = match name.trim() {
        name if name.contains(',') => format!("({name})"),
        name => name.to_owned(),
    };
    let list = expression(list, notebook);
    let ranges = list.contains("..") || list.contains(".iter()");
    let list = match list.trim() {
        list if ranges && !list.contains(".iter()") => format!("({list})"),
        list if ranges => list.to_owned(),
        list => format!("{list}.iter()"),
    };
    let chosen = condition.map_or_else(String::new, |condition| {
        let condition = expression(condition, notebook);
        let copied = if ranges { "" } else { ".copied()" };
        format!("{copied}.filter(|&{name}| {})", condition.trim())
    });
    let value = expression(&parts[..of], notebook);
    Some(collected(
        &format!("{list}{chosen}"),
        &name,
        value.trim(),
        notebook,
    ))
}

/// An expression as a value: with `?` behind calls that may fail.
pub(super) fn value_of(expression: &str, notebook: &Notebook) -> String {
    let statement = notebook.mended(&format!("let value = {expression};"));
    let value = (statement.strip_prefix("let value = ")).and_then(|rest| rest.strip_suffix(';'));
    value.unwrap_or(expression).to_owned()
}

/// The values for each entry; those of calls that may fail end with the first error.
fn collected(list: &str, name: &str, value: &str, notebook: &Notebook) -> String {
    let mended = value_of(value, notebook);
    match mended.contains('?') {
        true => format!("{list}.map(|{name}| Ok({mended})).collect::<Result<Vec<_>>>()?"),
        false if value == name && list.ends_with(".iter()") => {
            format!("{list}.cloned().collect::<Vec<_>>()")
        }
        false if value == name => format!("{list}.collect::<Vec<_>>()"),
        false => format!("{list}.map(|{name}| {value}).collect::<Vec<_>>()"),
    }
}

/// `list(range(3))`: all values of what is gone through, kept.
pub(super) fn kept(function: &str, value: &str) -> Option<Advice> {
    let many = value.contains("..")
        || value.contains(".iter()")
        || value.ends_with(".collect::<Vec<_>>()");
    let fits = matches!(function, "list" | "tuple") && many;
    fits.then(|| {
        let code = match value {
            value if value.ends_with(".collect::<Vec<_>>()") => value.to_owned(),
            value if value.contains(".iter()") => format!("{value}.collect::<Vec<_>>()"),
            range => format!("({range}).collect::<Vec<_>>()"),
        };
        Advice::new("values are kept in a list by `.collect::<Vec<_>>()`").write(code)
    })
}
