//! What a signal tells of itself: `scan.describe()`, `scan.info()`, `print(scan.metadata)`.

use super::diagnostic::Diagnostic;
use crate::advice::{Advice, Instead};
use crate::api::{API, Entry, Kind};
use crate::text::{in_brackets, is_name, last_expression};
use crate::typing::{bare, last_word};

const TEXT: &str = "`?` before the name of a signal shows its shape, axes, units, file and parameters; a cell has \
                    `shape()?` and `axes()?`, and `provenance(path)?` tells how a saved file was made";

/// Names that other programs have for it.
const NAMES: [&str; 15] = [
    "describe",
    "info",
    "summary",
    "metadata",
    "original_metadata",
    "meta",
    "attrs",
    "attributes",
    "header",
    "tags",
    "properties",
    "get_metadata",
    "print_metadata",
    "show_metadata",
    "get_dimensions_from_data",
];

/// `signal` is a variable.
fn about(signal: &str) -> Advice {
    Advice::new(TEXT).write(format!("?{signal}"))
}

/// `scan.describe()`, which is private, `scan.info()`, `scan.metadata`, `scan.metadata.General.title`.
pub(super) fn asked(diagnostic: &Diagnostic) -> Option<Advice> {
    let of_signal = match diagnostic.code {
        "E0599" => diagnostic.message.contains("for struct `Signal`"),
        "E0609" => bare(diagnostic.quoted(1)?) == "Signal",
        "E0624" => true,
        _ => false,
    };
    if !of_signal || !NAMES.contains(&diagnostic.text.as_str()) {
        return None;
    }
    let before = diagnostic.before.trim_end().strip_suffix('.')?;
    let signal = last_expression(before);
    let of_other =
        diagnostic.code == "E0624" && !matches!(diagnostic.notebook.kind(signal), "Signal" | "");
    if of_other {
        return None;
    }
    if is_name(signal) {
        // Where the line makes nothing, the cell is right without it.
        let start = diagnostic.before[..before.len() - signal.len()].trim();
        let told = start.is_empty() || start.starts_with("println!(");
        return Some(match told {
            true => about(signal).instead(Instead::Nothing),
            false => about(signal),
        });
    }
    let from = before.len() - signal.len();
    let end = diagnostic.before.len() + diagnostic.text.len();
    let to = diagnostic.method_call().map_or(end, |call| call.to);
    let axes = diagnostic.with_range(from, to, &format!("{signal}.axes()?"));
    Some(Advice::new(TEXT).write(axes))
}

/// `print(scan.metadata)`.
pub(super) fn printed(diagnostic: &Diagnostic) -> Option<Advice> {
    let printing = matches!(diagnostic.code, "E0423" | "E0425")
        && matches!(
            diagnostic.text.as_str(),
            "print" | "println" | "disp" | "display"
        );
    let inside = in_brackets(&diagnostic.behind).filter(|_| printing)?;
    let asked = inside.trim().trim_end_matches("()");
    let name = last_word(asked);
    let signal = asked[..asked.len() - name.len()].strip_suffix('.')?;
    let known =
        NAMES.contains(&name) && is_name(signal) && diagnostic.notebook.kind(signal) == "Signal";
    known.then(|| about(signal).instead(Instead::Nothing))
}

/// What is inside of a value and no cell can use.
pub(super) fn private(diagnostic: &Diagnostic) -> Option<Advice> {
    if !matches!(diagnostic.code, "E0616" | "E0624") {
        return None;
    }
    let name = diagnostic.text.as_str();
    let before = diagnostic.before.trim_end().strip_suffix('.')?;
    let value = last_expression(before);
    let kind = match diagnostic.notebook.kind(value) {
        "" => return None,
        kind => kind,
    };
    if let ("Signal", "node") = (kind, name) {
        let from = diagnostic.before.len();
        return Some(
            Advice::new("the number of a node is `id()`").write(diagnostic.with_range(
                from,
                from + name.len(),
                "id()",
            )),
        );
    }
    let of_name = |entry: &&Entry| entry.kind == Kind::Method && entry.name == name;
    let method = API.members(kind).iter().find(of_name);
    // `frame.shape`
    if let Some(method) = method.filter(|entry| entry.signature.contains("(&self)"))
        && !diagnostic.behind.starts_with('(')
    {
        let tail = match method.signature.contains("-> Result<") {
            true => "()?",
            false => "()",
        };
        return Some(
            Advice::new(format!("`{name}` is a method: `{name}{tail}`"))
                .write(diagnostic.with(&format!("{name}{tail}"))),
        );
    }
    Some(
        Advice::new(format!(
            "`{name}` is not for cells; Tab behind `{value}.` lists what there is, and `?{kind}` describes it"
        ))
        .write(format!("?{kind}")),
    )
}
