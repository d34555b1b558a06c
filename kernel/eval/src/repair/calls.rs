//! Calls with arguments in the manner of Python.

use super::{Beyond, keyword, literal, operation};
use crate::api::API;
use crate::text::{in_brackets, is_number, items};

/// Arguments of Python that say how it is computed, not what.
const OF_PYTHON: [&str; 9] = [
    "lazy_output",
    "lazy",
    "inplace",
    "show_progressbar",
    "max_workers",
    "num_workers",
    "parallel",
    "interactive",
    "get_intensity",
];

/// The call of a method of `Signal` with arguments in the manner of Python.
pub(super) fn method(name: &str, inner: &str) -> Result<Option<String>, Beyond> {
    let takes = API.parameters_of(name);
    let mut arguments = items(inner);
    if !takes.is_empty() {
        let of_python =
            |argument: &&str| keyword(argument).is_some_and(|(name, _)| OF_PYTHON.contains(&name));
        arguments.retain(|argument| !of_python(argument));
    }
    let Some(first) = takes.first() else {
        return Ok(other_method(name, &arguments));
    };
    if !API.further_of(name).is_empty() {
        // Which signal it takes nobody can guess.
        return Ok(None);
    }
    if arguments.is_empty() {
        return Ok(Some(format!("{name}({first}::default())")));
    }
    if let [argument] = arguments[..] {
        let unclear = matches!(argument, "default()" | "Default::default()") && takes.len() > 1;
        if unclear {
            return Ok(Some(format!("{name}({first}::default())")));
        }
        if argument.starts_with('{') {
            let fields = in_brackets(argument).ok_or(Beyond)?;
            let names: Vec<&str> = items(fields)
                .iter()
                .filter_map(|field| Some(field.split_once([':', '='])?.0.trim()))
                .collect();
            let owner = literal::owner(&takes, &names).ok_or(Beyond)?;
            let literal = literal::fields(owner, fields)?;
            let literal = literal.unwrap_or_else(|| format!("{owner} {{{fields}}}"));
            return Ok(Some(format!("{name}({literal})")));
        }
    }
    // `virtual_image(Disk, radius=10)`: the struct is said, and its fields behind it.
    if let [owner, rest @ ..] = &arguments[..]
        && !rest.is_empty()
        && takes.contains(owner)
        && rest.iter().all(|argument| keyword(argument).is_some())
    {
        let new = literal::arguments(owner, &rest.join(", "))?;
        return Ok(Some(format!("{name}({new})")));
    }
    let named: Vec<(&str, &str)> = (arguments.iter())
        .filter_map(|argument| keyword(argument))
        .collect();
    let plain = |argument: &&str| {
        keyword(argument).is_some() || is_number(argument) || argument.starts_with('"')
    };
    if !arguments.iter().all(plain) {
        return Ok(None);
    }
    // `subtract_background(method="radial median")`: the value names the operation.
    let chosen = (arguments.iter()).find_map(|argument| {
        let value = keyword(argument).map_or(*argument, |(_, value)| value);
        let text = value.strip_prefix('"')?.strip_suffix('"')?;
        Some((*argument, named_operation(text, &takes)?))
    });
    let names: Vec<&str> = (named.iter().map(|(name, _)| *name))
        .filter(|name| chosen.is_none_or(|(argument, _)| !argument.starts_with(name)))
        .collect();
    let owner = match chosen {
        Some((_, owner)) => owner,
        None => literal::owner(&takes, &names).ok_or(Beyond)?,
    };
    let rest: Vec<&str> = (arguments.iter().copied())
        .filter(|argument| chosen.is_none_or(|(naming, _)| naming != *argument))
        .collect();
    let new = literal::arguments(owner, &rest.join(", "))?;
    Ok(Some(format!("{name}({new})")))
}

/// The parameters, of those that a method takes, of the operation with this name, or nearly.
fn named_operation<'a>(text: &str, takes: &[&'a str]) -> Option<&'a str> {
    let exactly = operation(text).map(|found| found.parameters.as_str());
    let letters = |text: &str| -> String {
        (text.chars().filter(|letter| letter.is_alphanumeric()))
            .flat_map(char::to_lowercase)
            .collect()
    };
    // `DifferenceOfGaussiansPeaks` of "difference_of_gaussian".
    let wanted = letters(text);
    let begins = |parameters: &&&str| wanted.len() > 4 && letters(parameters).starts_with(&wanted);
    let found = (takes.iter()).find(|parameters| Some(**parameters) == exactly);
    found.or_else(|| takes.iter().find(begins)).copied()
}

/// A method without a parameter struct.
fn other_method(name: &str, arguments: &[&str]) -> Option<String> {
    let plain: Vec<&str> = (arguments.iter().copied())
        .filter(|argument| keyword(argument).is_none())
        .collect();
    let position = matches!(name, "frame" | "frame_as" | "peaks" | "values");
    // `frame(x=28, y=20)`
    let named: Vec<(&str, &str)> = arguments
        .iter()
        .filter_map(|argument| keyword(argument))
        .collect();
    if position && let [(first, a), (_, b)] = named[..] {
        let column_first = matches!(first, "x" | "ix" | "column" | "col" | "rx");
        let (row, column) = if column_first { (b, a) } else { (a, b) };
        return Some(format!("{name}(({row}, {column}))"));
    }
    if position && plain.len() > 1 {
        return Some(format!("{name}(({}))", plain.join(", ")));
    }
    let known = API.members("Signal").iter().any(|entry| entry.name == name);
    (known && plain.len() < arguments.len()).then(|| format!("{name}({})", plain.join(", ")))
}

/// `open(path, …)` with more than a path.
pub(super) fn opening(name: &str, inner: &str) -> Option<String> {
    let arguments = items(inner);
    let [path, rest @ ..] = &arguments[..] else {
        return None;
    };
    match (name, rest) {
        ("open_with", []) => return Some(format!("open({path})")),
        ("open", [options]) if options.starts_with("Open") => {
            return Some(format!("open_with({path}, {options})"));
        }
        _ => {}
    }
    let named: Vec<(&str, &str)> = rest
        .iter()
        .filter_map(|argument| keyword(argument))
        .collect();
    if named.is_empty() || named.len() < rest.len() {
        return None;
    }
    let known = |name: &str| API.fields("Open").any(|field| field.name == name);
    let fields: Vec<String> = (named.iter())
        .filter(|(name, _)| known(name))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    Some(match &fields[..] {
        [] => format!("open({path})"),
        fields => format!(
            "open_with({path}, Open {{ {}, ..default() }})",
            fields.join(", ")
        ),
    })
}

/// The numbers of a region where one call takes all four, whole and without names.
pub(super) fn rectangle(inner: &str) -> Option<String> {
    let arguments = items(inner);
    let value = |argument: &str| -> String {
        let value = keyword(argument).map_or(argument, |(_, value)| value);
        literal::wanted("usize", value)
    };
    let numbers: Vec<String> = match arguments[..] {
        // `rectangle((0, 0), (16, 16))`
        [corner, size] if corner.starts_with(['(', '[']) => [corner, size]
            .iter()
            .filter_map(|pair| in_brackets(pair))
            .flat_map(items)
            .map(value)
            .collect(),
        [all] if all.starts_with(['(', '[']) => {
            items(in_brackets(all)?).into_iter().map(value).collect()
        }
        // As wide as high, from the corner.
        [x0, y0, size] if ![x0, y0, size].iter().any(|one| keyword(one).is_some()) => {
            vec![value(x0), value(y0), value(size), value(size)]
        }
        [width, height] => vec!["0".into(), "0".into(), value(width), value(height)],
        _ => arguments.iter().map(|argument| value(argument)).collect(),
    };
    let right = numbers.join(", ");
    (numbers.len() == 4 && right != arguments.join(", ")).then(|| format!("rectangle({right})"))
}
