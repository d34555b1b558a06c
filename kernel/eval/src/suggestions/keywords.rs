//! Keyword arguments, which Rust has not.

use super::diagnostic::Diagnostic;
use super::names::placed;
use crate::advice::Advice;
use crate::api::API;
use crate::foreign;
use crate::repair;
use crate::text::{at_top, in_brackets, is_name};

/// `find_peaks(radius=4.0)`: parameters are fields of a struct.
pub(super) fn keyword_argument(diagnostic: &Diagnostic, field: &str) -> Option<Advice> {
    let value = diagnostic.behind.trim_start().strip_prefix('=')?;
    let goes_on = diagnostic.before.trim().is_empty() && super::names::is_argument(diagnostic);
    if goes_on && !value.starts_with('=') {
        // What the whole call is to be is said with the cell.
        return Some(Advice::new(
            "there are no keyword arguments: parameters are fields of a struct, and other calls take their arguments in order",
        ));
    }
    if value.starts_with('=') || !diagnostic.before.contains('(') {
        return None;
    }
    let line = diagnostic.line();
    let code = diagnostic.mended(&line);
    let code = if code == line.trim() {
        String::new()
    } else {
        code
    };
    let call = diagnostic.before.rsplit_once('(')?.0;
    let owner = crate::typing::last_word(call);
    if API.fields(owner).next().is_some() {
        // `Disk(radius=6)`
        return Some(
            Advice::new(format!(
                "parameters are fields of a struct: `{owner} {{ {field}: …, ..default() }}`"
            ))
            .write(code),
        );
    }
    if let Some(advice) = reduction(diagnostic, call) {
        return Some(advice);
    }
    let method = crate::typing::last_word(call);
    let takes = API.parameters_of(method);
    let owns = |name: &str| API.fields(name).any(|entry| entry.name == field);
    let value_from = value;
    let end = [b',', b')'].map(|sign| at_top(value, sign).first().copied());
    let end = end.into_iter().flatten().min().unwrap_or(value.len());
    let value = value[..end].trim();
    let found = takes
        .iter()
        .copied()
        .find(|name| owns(name))
        .or_else(|| (method == "open" && owns("Open")).then_some("Open"));
    Some(match found {
        Some("Open") => Advice::new(format!(
            "there are no keyword arguments; write `open_with(path, Open {{ {field}: {value}, ..default() }})?`"
        )),
        Some(name) => {
            let own = API.fields(name).find(|entry| entry.name == field);
            let value = own.map_or_else(
                || value.to_owned(),
                |entry| repair::wanted(repair::kind_of(entry), value),
            );
            Advice::new(format!(
                "there are no keyword arguments; write `{name} {{ {field}: {value}, ..default() }}`"
            ))
        }
        None => match takes.first() {
            Some(first) => {
                let from = call.len() + 1;
                let to = from + in_brackets(&line[call.len()..]).map_or(0, str::len);
                let default = format!("{first}::default()");
                Advice::new(format!(
                    "there are no keyword arguments: `{method}` takes a struct of parameters, {}",
                    takes.join(" or ")
                ))
                .write(match code.is_empty() {
                    true => diagnostic.with_range(from, to, &default),
                    false => String::new(),
                })
            }
            // `frame(x=2, y=1)`
            None if matches!(method, "frame" | "peaks" | "values") && !code.is_empty() => {
                Advice::new(
                    "there are no keyword arguments: a scan position is (row, column), the row first",
                )
            }
            // `save(path="a.zspy")`: a name too much.
            None if diagnostic.before.ends_with('(') => {
                let skipped = diagnostic.behind.len() - value_from.trim_start().len();
                let from = diagnostic.before.len();
                let to = from + diagnostic.text.len() + skipped;
                return Some(
                    Advice::new(
                        "there are no keyword arguments: arguments come in order, without their names",
                    )
                    .write(diagnostic.with_range(from, to, "")),
                );
            }
            None => Advice::new(
                "there are no keyword arguments: parameters are fields of a struct, and other calls take their arguments in order",
            ),
        },
    }
    .write(code))
}

/// `open_with(path, scan=(3, 4))` where a variable has the name of the argument.
pub(super) fn keyword_of_variable(diagnostic: &Diagnostic) -> Option<Advice> {
    if diagnostic.code != "E0308" {
        return None;
    }
    let (before, name) = match diagnostic.text.split_once('=') {
        // The argument as a whole.
        Some((name, value)) if is_name(name.trim()) && !value.starts_with('=') => {
            (diagnostic.before.as_str(), name.trim())
        }
        _ => {
            let before = diagnostic.before.trim_end().strip_suffix('=')?.trim_end();
            let name = crate::typing::last_word(before);
            (&before[..before.len() - name.len()], name)
        }
    };
    let argument = before.trim_end().ends_with(['(', ',']) && is_name(name);
    let line = diagnostic.line();
    let code = diagnostic.mended(&line);
    argument.then(|| {
        Advice::new("there are no keyword arguments: parameters are fields of a struct, and other calls take their arguments in order")
            .write(if code == line.trim() { String::new() } else { code })
    })
}

/// What a call of another program on a signal means: `scan.mean(axis=0)`, `scan.rebin(scale=(1, 1, 2, 2))`.
fn reduction(diagnostic: &Diagnostic, call: &str) -> Option<Advice> {
    let function = crate::typing::last_word(call);
    let before = call[..call.len() - function.len()].strip_suffix('.')?;
    let whole = crate::text::last_expression(before);
    let signal = whole.strip_suffix(".data").unwrap_or(whole);
    if diagnostic.notebook.kind(signal) != "Signal" {
        return None;
    }
    let line = diagnostic.line();
    let inner = in_brackets(&line[call.len()..])?;
    let advice = foreign::of_every_frame(signal, function, inner, diagnostic.notebook)
        .or_else(|| super::signal::called_elsewhere(signal, function))?;
    let to = call.len() + inner.len() + 2;
    let to = to + usize::from(line[to..].starts_with('?'));
    Some(placed(diagnostic, before.len() - whole.len(), to, advice))
}
