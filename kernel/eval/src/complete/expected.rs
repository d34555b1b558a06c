//! What fits where an argument or the value of a field begins.

use super::Match;
use crate::api::{API, Entry, Kind};
use crate::bridge::Variable;
use crate::cursor::{Argument, Cursor};
use crate::repair::{inside, kind_of};
use crate::text::items;
use crate::typing::bare;

/// Everything that fits; empty when that cannot be told, or too much would.
pub(super) fn matches(place: &Cursor, variables: &[Variable]) -> Vec<Match> {
    let all = match (place.value_of, place.argument_of) {
        (Some((owner, field)), _) => of_field(owner, field, variables),
        (None, Some(argument)) => of_argument(argument, variables),
        (None, None) => return Vec::new(),
    };
    let prefix = place.prefix;
    all.into_iter()
        .filter(|found| {
            // `Mean` finds `Statistic::Mean`.
            let last = found.text.rsplit("::").next().unwrap_or(&found.text);
            found.text.starts_with(prefix) || (!prefix.is_empty() && last.starts_with(prefix))
        })
        .collect()
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
    let mut others: Vec<Match> = if inside(kind, "Option").is_some() {
        vec![found("None", "enum", kind), found("Some(", "enum", kind)]
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

fn of_type<'a>(variables: &'a [Variable], kind: &'a str) -> impl Iterator<Item = Match> + 'a {
    variables
        .iter()
        .filter(move |variable| bare(&variable.kind) == kind)
        .map(|variable| found(&variable.name, "instance", &variable.kind))
}

fn of_argument(argument: Argument, variables: &[Variable]) -> Vec<Match> {
    let named = |entry: &&Entry| entry.name == argument.of;
    let entry = match argument.is_method {
        true => API.members("Signal").iter().find(named),
        false => API.functions.iter().find(named),
    };
    let Some(entry) = entry else {
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
        return structs.chain(own).collect();
    }
    let Some(kind) = parameter_kind(&entry.signature, argument.index) else {
        return Vec::new();
    };
    let sign = if borrowed { "" } else { "&" };
    if kind == "&P" || kind == "&impl Operation" {
        return API
            .operations
            .iter()
            .map(|operation| {
                let found = parameters(&operation.parameters);
                Match {
                    text: format!("{sign}{}", found.text),
                    ..found
                }
            })
            .collect();
    }
    if kind == "&Signal" || kind == "&[&Signal]" {
        let opening = match (kind.as_str(), argument.written) {
            ("&[&Signal]", "") => "&[&",
            ("&[&Signal]", "&") => "[&",
            _ => sign,
        };
        return of_type(variables, "Signal")
            .map(|signal| Match {
                text: format!("{opening}{}", signal.text),
                ..signal
            })
            .collect();
    }
    if API.has_default(&kind) {
        return std::iter::once(parameters(&kind))
            .chain(of_type(variables, &kind))
            .collect();
    }
    Vec::new()
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
