//! Values of parameter structs as their fields want them.

use serde_json::Value;

use super::{Beyond, keyword};
use crate::api::{API, Entry, Kind};
use crate::nearest::nearest;
use crate::text::{at_top, decimal, in_brackets, is_name, is_number, is_whole, items};

/// What completes a literal.
const BASE: &str = "..default()";

/// A struct literal with these fields put right; `None` when it is right.
pub(super) fn fields(owner: &str, inner: &str) -> Result<Option<String>, Beyond> {
    // A comment would be lost.
    if inner.contains("//") || inner.contains("/*") {
        return Ok(None);
    }
    let mut given: Vec<(String, String)> = Vec::new();
    let mut base = None;
    let mut right = true;
    for item in items(inner) {
        if matches!(item, "default()" | "Default::default()") {
            (base, right) = (Some(BASE.to_owned()), false);
            continue;
        }
        if let Some(rest) = item.strip_prefix("..") {
            base = Some(base_of(rest, &mut right));
            continue;
        }
        let end = item
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(item.len());
        let (name, rest) = item.split_at(end);
        let rest = rest.trim_start();
        let mut value = match rest.strip_prefix([':', '=']) {
            Some(value) if !value.starts_with([':', '=']) => value.trim(),
            None if rest.is_empty() && is_name(name) => {
                field_of(owner, name)
                    .filter(|field| field.name == name)
                    .ok_or(Beyond)?;
                given.push((name.to_owned(), String::new()));
                continue;
            }
            _ => return Err(Beyond),
        };
        right &= rest.starts_with(':');
        // A comma is missing before the base.
        if let Some(at) = value
            .find("..")
            .filter(|at| value[*at..].ends_with("default()"))
        {
            base = Some(BASE.to_owned());
            right = false;
            value = value[..at].trim_end();
        }
        if former(owner, name, value).is_some() {
            right = false;
            continue;
        }
        let field = field_of(owner, name).ok_or(Beyond)?;
        if former(owner, &field.name, value).is_some() {
            right = false;
            continue;
        }
        let new = wanted(kind_of(field), value);
        right &= field.name == name && new == value;
        if given.iter().any(|(known, _)| *known == field.name) {
            return Err(Beyond);
        }
        given.push((field.name.clone(), new));
    }
    let all = API.fields(owner).count() == given.len();
    // A ring whose radii are swapped covers nothing.
    if owner == "Annulus" {
        let place = |name: &str| given.iter().position(|(known, _)| known == name);
        let number = |at: Option<usize>| at.and_then(|at| given[at].1.parse::<f64>().ok());
        let (inner, outer) = (place("inner_radius"), place("outer_radius"));
        if let (Some(small), Some(large)) = (number(inner), number(outer))
            && small > large
            && let (Some(inner), Some(outer)) = (inner, outer)
        {
            right = false;
            let value = std::mem::take(&mut given[inner].1);
            given[inner].1 = std::mem::replace(&mut given[outer].1, value);
        }
    }
    if base.is_none() && !all {
        right = false;
        base = Some(BASE.to_owned());
    }
    if base.is_some() && !API.has_default(owner) {
        return Err(Beyond);
    }
    if right {
        return Ok(None);
    }
    if given.is_empty() && base.as_deref() == Some(BASE) {
        return Ok(Some(format!("{owner}::default()")));
    }
    let mut parts: Vec<String> = (given.into_iter())
        .map(|(name, value)| match value.is_empty() {
            true => name,
            false => format!("{name}: {value}"),
        })
        .collect();
    parts.extend(base);
    Ok(Some(format!("{owner} {{ {} }}", parts.join(", "))))
}

/// What to write instead of a field, or of a value of it, that only an earlier release had.
pub(crate) fn former(owner: &str, name: &str, value: &str) -> Option<&'static str> {
    let value = value.trim();
    let inner = value
        .strip_prefix("Some(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(value);
    let value = match inner.parse::<f64>() {
        Ok(number) => Value::from(number),
        // A choice by its name on the wire.
        Err(_) => Value::from(inner.rsplit("::").next().unwrap_or(inner).to_lowercase()),
    };
    signal::former_parameter(owner, name, &value)
}

/// `..Default`, `..` and the like are the plain default.
fn base_of(rest: &str, right: &mut bool) -> String {
    let rest = rest.trim();
    match rest {
        "default()" | "Default::default()" => format!("..{rest}"),
        "" | "default" | "Default" | "Default()" | "Default::default" => {
            *right = false;
            BASE.to_owned()
        }
        other => format!("..{other}"),
    }
}

/// A struct literal from what was written in parentheses: keyword arguments, numbers in the order of its fields.
pub(super) fn arguments(owner: &str, inner: &str) -> Result<String, Beyond> {
    let mut parts: Vec<String> = Vec::new();
    let mut free: Vec<&Entry> = API
        .fields(owner)
        .filter(|field| {
            let kind = kind_of(field);
            matches!(
                inside(kind, "Option").unwrap_or(kind),
                "f64" | "f32" | "usize"
            )
        })
        .collect();
    free.reverse();
    for argument in items(inner) {
        match keyword(argument) {
            Some((name, value)) => {
                if former(owner, name, value).is_some() {
                    continue;
                }
                let field = field_of(owner, name).ok_or(Beyond)?;
                free.retain(|known| known.name != field.name);
                parts.push(format!("{}: {value}", field.name));
            }
            None if argument.starts_with("..") => {}
            None if is_number(argument) => {
                let field = free.pop().ok_or(Beyond)?;
                parts.push(format!("{}: {argument}", field.name));
            }
            None => return Err(Beyond),
        }
    }
    if parts.is_empty() {
        return match API.has_default(owner) {
            true => Ok(format!("{owner}::default()")),
            false => Err(Beyond),
        };
    }
    let inner = parts.join(", ");
    let literal = fields(owner, &inner)?;
    Ok(literal.unwrap_or_else(|| format!("{owner} {{ {inner} }}")))
}

/// A literal of one of these structs with the fields of another one: of the one that has them, or of the first.
pub(crate) fn literal_of(takes: &[&str], inner: &str) -> Option<String> {
    let names: Vec<&str> = (items(inner).iter())
        .filter(|item| !item.starts_with(".."))
        .filter_map(|item| Some(item.split_once([':', '='])?.0.trim()))
        .collect();
    let found = owner(takes, &names).filter(|_| !names.is_empty());
    let literal = found.and_then(|owner| {
        let right = fields(owner, inner).ok()?;
        Some(right.unwrap_or_else(|| format!("{owner} {{ {} }}", inner.trim())))
    });
    literal.or_else(|| Some(format!("{}::default()", takes.first()?)))
}

/// The struct that has fields of all these names: exactly, or nearly.
pub(super) fn owner<'a>(takes: &[&'a str], names: &[&str]) -> Option<&'a str> {
    let exactly = |owner: &&&str| {
        (names.iter()).all(|name| API.fields(owner).any(|field| field.name == *name))
    };
    let nearly = |owner: &&&str| names.iter().all(|name| field_of(owner, name).is_some());
    let found = takes
        .iter()
        .find(exactly)
        .or_else(|| takes.iter().find(nearly));
    found.copied()
}

/// The field that a name means: its own, the nearest one, or the only one that begins so.
pub(crate) fn field_of(owner: &str, name: &str) -> Option<&'static Entry> {
    let own = API.fields(owner).find(|field| field.name == name);
    own.or_else(|| nearest(name, API.fields(owner)))
        .or_else(|| {
            let mut beginning = API
                .fields(owner)
                .filter(|field| field.name.starts_with(name));
            let first = beginning.next()?;
            beginning.next().is_none().then_some(first)
        })
}

/// `f64` of `radius: f64`.
pub(crate) fn kind_of(field: &Entry) -> &str {
    field
        .signature
        .split_once(": ")
        .map_or("", |(_, kind)| kind)
}

/// The inside of `Option<…>`, `Vec<…>`.
pub(crate) fn inside<'a>(kind: &'a str, outer: &str) -> Option<&'a str> {
    kind.strip_prefix(outer)?
        .strip_prefix('<')?
        .strip_suffix('>')
}

/// A value as a field of this kind wants it. Whatever is no literal stays as it is.
pub(crate) fn wanted(kind: &str, text: &str) -> String {
    let text = text.trim();
    if let Some(of) = inside(kind, "Option") {
        if text == "None" {
            return text.to_owned();
        }
        if let Some(given) = text
            .strip_prefix("Some(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return format!("Some({})", wanted(of, given));
        }
        return match is_literal(text) || (of.ends_with("; 2]") && ends(text).is_some()) {
            true => format!("Some({})", wanted(of, text)),
            false => text.to_owned(),
        };
    }
    let list = text
        .starts_with(['(', '['])
        .then(|| in_brackets(text).filter(|inner| inner.len() + 2 == text.len()))
        .flatten();
    if let Some(of) = inside(kind, "Vec") {
        return match list {
            Some(list) => format!("vec![{}]", each(list, |_| of)),
            None => text.to_owned(),
        };
    }
    if let Some(of) = kind
        .strip_prefix('[')
        .and_then(|rest| rest.split(';').next())
    {
        let ends = ends(text).filter(|_| kind.ends_with("; 2]"));
        return (list.map(str::to_owned).or(ends)).map_or_else(
            || text.to_owned(),
            |list| format!("[{}]", each(&list, |_| of)),
        );
    }
    if let Some(kinds) = kind
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let kinds = items(kinds);
        return match list {
            Some(list) if items(list).len() == kinds.len() => {
                format!("({})", each(list, |index| kinds[index]))
            }
            _ => text.to_owned(),
        };
    }
    let variants = || {
        API.members(kind)
            .iter()
            .filter(|entry| entry.kind == Kind::Variant)
    };
    match kind {
        "f64" | "f32" => decimal(without_unit(text)),
        "usize" => text
            .strip_suffix(".0")
            .filter(|whole| is_whole(whole))
            .unwrap_or(text)
            .to_owned(),
        "bool" => match text {
            "True" | "1" => "true".into(),
            "False" | "0" => "false".into(),
            other => other.to_owned(),
        },
        "String" if is_text(text) => format!("{text}.into()"),
        "Region" => match list.map(items) {
            Some(sizes) if sizes.len() == 4 => {
                format!("Region::rectangle({})", sizes.join(", "))
            }
            _ => text.to_owned(),
        },
        _ if is_text(text) || is_name(text) => {
            let bare = |text: &str| {
                text.trim_matches('"')
                    .replace(['_', '-', ' '], "")
                    .to_lowercase()
            };
            let meant = variants().find(|entry| bare(&entry.name) == bare(text));
            meant.map_or_else(
                || text.to_owned(),
                |entry| format!("{kind}::{}", entry.name),
            )
        }
        _ => text.to_owned(),
    }
}

/// `4` of `4px`, `"4 px"` and `"4"`; lengths on the detector are in pixels.
pub(crate) fn without_unit(text: &str) -> &str {
    let bare = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let number = ["px", "pixels", "pixel"]
        .iter()
        .find_map(|unit| bare.strip_suffix(unit))
        .unwrap_or(bare)
        .trim();
    if is_number(number) { number } else { text }
}

fn each<'a>(list: &str, kind: impl Fn(usize) -> &'a str) -> String {
    let values: Vec<String> = (items(list).into_iter().enumerate())
        .map(|(index, item)| wanted(kind(index), item))
        .collect();
    values.join(", ")
}

/// Both ends of `525.0..560.0` as the items of a list: a stretch of an axis.
fn ends(text: &str) -> Option<String> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.trim(), to.trim_start_matches('=').trim());
    (is_number(from) && is_number(to)).then(|| format!("{from}, {to}"))
}

/// A text in double quotes and nothing else.
fn is_text(text: &str) -> bool {
    text.len() > 1
        && text.starts_with('"')
        && text.ends_with('"')
        && at_top(text, b'.').is_empty()
        && !text[1..text.len() - 1].contains('"')
}

fn is_literal(text: &str) -> bool {
    is_number(text) || is_text(text) || text.starts_with(['(', '[']) || text.starts_with("Region::")
}
