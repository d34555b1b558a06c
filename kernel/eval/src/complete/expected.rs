//! What fits where an argument or the value of a field begins.

use super::Match;
use crate::api::{API, Entry, Kind};
use crate::bridge::Variable;
use crate::cursor::{Argument, Cursor};
use crate::paths;
use crate::repair::{inside, kind_of};
use crate::text::items;
use crate::typing::bare;

/// The type of a parameter that is the name of a file.
const PATH: &str = "impl AsRef<Path>";
/// Jupyter's word for a field.
const FIELD: &str = "property";

/// Everything that fits; empty when that cannot be told, or too much would.
pub(super) fn matches(place: &Cursor, variables: &[Variable]) -> Vec<Match> {
    let prefix = place.prefix;
    let all = match (place.value_of, place.argument_of) {
        (Some((owner, field)), _) => of_field(owner, field, variables),
        (None, Some(argument)) => of_argument(argument, prefix, variables),
        (None, None) => return Vec::new(),
    };
    all.into_iter()
        .filter(|found| begins(found, prefix))
        .collect()
}

/// `Mean` finds `Statistic::Mean`, `scan` finds `"scan.zspy"`, and `radius` the struct that has it.
fn begins(found: &Match, prefix: &str) -> bool {
    let text = &found.text;
    if found.kind == FIELD {
        return text
            .rsplit("{ ")
            .next()
            .is_some_and(|field| field.starts_with(prefix));
    }
    let last = text.rsplit("::").next().unwrap_or(text);
    text.trim_start_matches(['&', '"']).starts_with(prefix) || last.starts_with(prefix)
}

/// Whether a path belongs where this argument begins.
pub(crate) fn takes_path(argument: Argument) -> bool {
    called(argument)
        .and_then(|entry| parameter_kind(&entry.signature, argument.index))
        .is_some_and(|kind| kind == PATH)
}

fn found(text: impl Into<String>, kind: &str, signature: impl Into<String>) -> Match {
    Match {
        text: text.into(),
        kind: kind.into(),
        signature: signature.into(),
    }
}

fn of_field(owner: &str, field: &str, variables: &[Variable]) -> Vec<Match> {
    let Some(entry) = API.fields(owner).find(|entry| entry.name == field) else {
        return Vec::new();
    };
    let kind = kind_of(entry);
    let default = entry
        .doc
        .rsplit_once("Default: `")
        .and_then(|(_, rest)| rest.strip_suffix("`."));
    let mut all = of_kind(kind, default);
    all.extend(of_type(variables, kind));
    all
}

/// Values of a type; its default first.
fn of_kind(kind: &str, default: Option<&str>) -> Vec<Match> {
    let mut all: Vec<Match> = default
        .into_iter()
        .map(|value| found(value, "keyword", kind))
        .collect();
    let mut others: Vec<Match> = if let Some(of) = inside(kind, "Option") {
        let some = sample(of).map_or_else(|| "Some(".into(), |value| format!("Some({value})"));
        vec![found("None", "enum", kind), found(some, "enum", kind)]
    } else if kind == "bool" {
        vec![
            found("false", "keyword", kind),
            found("true", "keyword", kind),
        ]
    } else {
        let variants = API
            .members(kind)
            .iter()
            .filter(|entry| entry.kind == Kind::Variant);
        variants
            .map(|entry| found(format!("{kind}::{}", entry.name), "enum", kind))
            .collect()
    };
    // In the order of the choices, not with the default in front.
    if others
        .iter()
        .any(|other| all.iter().any(|known| known.text == other.text))
    {
        all.clear();
    }
    all.append(&mut others);
    all
}

/// A value that shows how one of this type is written.
fn sample(kind: &str) -> Option<&'static str> {
    match kind {
        "Region" => Some("Region::rectangle(0, 0, 16, 16)"),
        "[f64; 2]" => Some("[0.0, 0.0]"),
        "Vec<[f64; 2]>" => Some("vec![[0.0, 0.0], [0.0, 8.0], [8.0, 8.0]]"),
        _ => None,
    }
}

fn of_type<'a>(variables: &'a [Variable], kind: &'a str) -> impl Iterator<Item = Match> + 'a {
    variables
        .iter()
        .filter(move |variable| bare(&variable.kind) == kind)
        .map(|variable| found(&variable.name, "instance", &variable.kind))
}

/// The function or method that an argument is written for.
fn called(argument: Argument) -> Option<&'static Entry> {
    let named = |entry: &&Entry| entry.name == argument.of;
    match argument.is_method {
        true => {
            let others = API.types.values().flat_map(|(_, members)| members);
            let mut all = API.members("Signal").iter().chain(others);
            all.find(|entry| entry.kind == Kind::Method && named(entry))
        }
        false => API.functions.iter().find(named),
    }
}

fn of_argument(argument: Argument, prefix: &str, variables: &[Variable]) -> Vec<Match> {
    let Some(entry) = called(argument) else {
        return Vec::new();
    };
    if argument.of == "map" {
        return vec![found(
            "|frame: Frame<f32>| ",
            "function",
            "what is done with each frame",
        )];
    }
    let takes = API.parameters_of(argument.of);
    let borrowed = argument.written.ends_with('&');
    // Parameters are given away, and what comes before them are signals.
    if !takes.is_empty() && argument.index == API.further_of(argument.of).len() && !borrowed {
        let structs = takes.iter().map(|name| parameters(name));
        let own = takes.iter().flat_map(|name| of_type(variables, name));
        // Who begins with the name of a field, as in Python, means the struct that has it.
        let fields = takes.iter().filter(|_| !prefix.is_empty());
        let fields = fields.flat_map(|name| {
            API.fields(name).map(move |field| {
                let text = format!("{name} {{ {}: ", field.name);
                found(text, FIELD, &field.signature)
            })
        });
        return structs.chain(own).chain(fields).collect();
    }
    let Some(kind) = parameter_kind(&entry.signature, argument.index) else {
        return Vec::new();
    };
    let sign = if borrowed { "" } else { "&" };
    let lent = |opening: &str, found: Match| Match {
        text: format!("{opening}{}", found.text),
        ..found
    };
    let begins = argument.written.is_empty();
    match kind.as_str() {
        "&P" | "&impl Operation" => (API.operations.iter())
            .map(|operation| lent(sign, parameters(&operation.parameters)))
            .collect(),
        "&Signal" | "&[&Signal]" => {
            let opening = match (kind.as_str(), argument.written) {
                ("&[&Signal]", "") => "&[&",
                ("&[&Signal]", "&") => "[&",
                _ => sign,
            };
            of_type(variables, "Signal")
                .map(|signal| lent(opening, signal))
                .collect()
        }
        "impl Shown" => (variables.iter())
            .map(|variable| lent(sign, found(&variable.name, "instance", &variable.kind)))
            .collect(),
        PATH if begins => paths::in_quotes(),
        "impl MemorySize" if begins => {
            vec![found("\"4 GiB\"", "keyword", "a number with its unit")]
        }
        "impl ScanPosition" if begins => vec![found("(0, 0)", "keyword", "row and column")],
        kind if API.has_default(kind) => std::iter::once(parameters(kind))
            .chain(of_type(variables, kind))
            .collect(),
        _ => Vec::new(),
    }
}

/// A struct of parameters that can be run as it is, with room for fields.
fn parameters(name: &str) -> Match {
    let about = API.types.get(name).map_or("", |(entry, _)| {
        entry.doc.lines().next().unwrap_or_default()
    });
    found(format!("{name} {{ ..default() }}"), "class", about)
}

/// The type of a parameter in a signature, the receiver not counted.
fn parameter_kind(signature: &str, index: usize) -> Option<String> {
    let open = signature.find('(')?;
    let inner = crate::text::in_brackets(&signature[open..])?;
    let mut parameters = items(inner);
    if parameters
        .first()
        .is_some_and(|first| first.ends_with("self"))
    {
        parameters.remove(0);
    }
    let (_, kind) = parameters.get(index)?.split_once(": ")?;
    Some(kind.to_owned())
}
