//! The line of Rust that makes a node: what the widget shows, and what a cell would say.

use serde_json::Value;
use signal::{ParameterInfo, ParameterKind};
use tree::{Graph, Node};

use crate::session::Opened;
use crate::{Session, closure, lock};

/// `let flat = scan.subtract_background(RadialMedian { clip: true, ..default() })?;`
pub(crate) fn line(session: &Session, graph: &Graph, node: &Node) -> String {
    let name = &node.name;
    let Some(computation) = node.computation() else {
        let opened = lock(&session.opened).get(&node.id).cloned();
        return match opened {
            Some(opened) => format!("let {name} = {}?;", open_call(&opened)),
            None => String::new(),
        };
    };
    let names = (node.parents.iter()).filter_map(|parent| Some(graph.node(*parent)?.name.as_str()));
    let names: Vec<&str> = names.collect();
    let (parent, further) = names.split_first().unwrap_or((&"", &[]));
    let info = computation.info();
    if info.name == closure::MAP {
        return format!("let {name} = {parent}.map(|frame| …)?;");
    }
    let infos = ops::find(info.name)
        .map(|entry| entry.parameters())
        .unwrap_or_default();
    // What cannot be left out is an argument of the plain method; without fields the struct is not.
    let required = computation.further_inputs().iter();
    let required = required.take_while(|input| input.required).count();
    let with = if further.len() > required {
        "_with"
    } else {
        ""
    };
    let mut given: Vec<String> = further.iter().map(|name| format!("&{name}")).collect();
    let params = computation.params();
    match infos.as_slice() {
        _ if chooses(info.method) => {
            given.push(parameters(info.parameters_type, &infos, &params));
        }
        [] => {}
        // A lone one that cannot be left out is given as its value.
        [one] if !one.optional && further.is_empty() => {
            given.push(rust_value(
                one,
                params.get(&one.name).unwrap_or(&one.default),
            ));
        }
        _ => given.push(parameters(info.parameters_type, &infos, &params)),
    }
    let (method, given) = (info.method, given.join(", "));
    format!("let {name} = {parent}.{method}{with}({given})?;")
}

/// Whether the parameter struct of this method tells which operation it is.
fn chooses(method: &str) -> bool {
    let same = ops::registry().iter();
    same.filter(|entry| entry.info().method == method).count() > 1
}

fn open_call(opened: &Opened) -> String {
    let path = format!("{:?}", opened.written);
    let options = &opened.options;
    let mut fields = Vec::new();
    if let Some((rows, columns)) = options.scan {
        fields.push(format!("scan: ({rows}, {columns})"));
    }
    if let Some(axes) = options.signal_axes {
        fields.push(format!("signal_axes: {axes}"));
    }
    if let Some(dataset) = &options.dataset {
        fields.push(format!("dataset: {dataset:?}.into()"));
    }
    if let Some(axes) = &options.axes {
        let axes: Vec<String> = axes
            .iter()
            .map(|(name, scale, offset, units)| {
                format!("Axis::calibrated({name:?}, {scale:?}, {offset:?}, {units:?})")
            })
            .collect();
        fields.push(format!("axes: vec![{}]", axes.join(", ")));
    }
    if fields.is_empty() {
        return format!("open({path})");
    }
    format!(
        "open_with({path}, Open {{ {}, ..default() }})",
        fields.join(", ")
    )
}

/// `Name::default()`, or the fields that differ from their default.
fn parameters(type_name: &str, infos: &[ParameterInfo], params: &Value) -> String {
    let different: Vec<String> = infos
        .iter()
        .filter_map(|info| {
            let value = params.get(&info.name)?;
            let differs = !same(value, &info.default);
            differs.then(|| format!("{}: {}", info.name, rust_value(info, value)))
        })
        .collect();
    match different.len() {
        0 => format!("{type_name}::default()"),
        all if all == infos.len() => format!("{type_name} {{ {} }}", different.join(", ")),
        _ => format!("{type_name} {{ {}, ..default() }}", different.join(", ")),
    }
}

/// Equality in which 5 and 5.0 are the same.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn rust_value(info: &ParameterInfo, value: &Value) -> String {
    if value.is_null() {
        return "None".into();
    }
    let text = plain_value(info, value);
    if info.optional {
        format!("Some({text})")
    } else {
        text
    }
}

fn plain_value(info: &ParameterInfo, value: &Value) -> String {
    let number = |value: &Value| format!("{:?}", value.as_f64().unwrap_or(f64::NAN));
    match &info.kind {
        ParameterKind::Number => number(value),
        ParameterKind::Integer => value.as_f64().map_or_else(String::new, |n| format!("{n}")),
        ParameterKind::Toggle => value.to_string(),
        ParameterKind::Text => format!("{:?}.into()", value.as_str().unwrap_or_default()),
        ParameterKind::Choice { .. } => {
            let type_name = info
                .rust_type
                .trim_start_matches("Option<")
                .trim_end_matches('>');
            format!(
                "{type_name}::{}",
                variant(value.as_str().unwrap_or_default())
            )
        }
        ParameterKind::SignalPoint => {
            let part = |at: usize| value.get(at).map_or_else(String::new, &number);
            format!("[{}, {}]", part(0), part(1))
        }
        ParameterKind::NavigationRegion => {
            let field = |name: &str| value.get(name).map_or_else(String::new, Value::to_string);
            format!(
                "Region::rectangle({}, {}, {}, {})",
                field("x0"),
                field("y0"),
                field("width"),
                field("height")
            )
        }
    }
}

/// `center_of_mass` → `CenterOfMass`.
fn variant(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(letters).collect()
            })
        })
        .collect()
}

/// An identifier made from a file name: `strained grain-2.zspy` → `strained_grain_2`.
pub(crate) fn identifier(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        name.insert_str(0, "signal_");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn info(name: &str, kind: ParameterKind, rust_type: &str, default: Value) -> ParameterInfo {
        ParameterInfo {
            name: name.into(),
            kind,
            optional: rust_type.starts_with("Option"),
            default,
            minimum: None,
            maximum: None,
            units: String::new(),
            help: String::new(),
            rust_type: rust_type.into(),
        }
    }

    #[test]
    fn only_what_differs_is_written() {
        let choices = vec!["none".to_owned(), "center_of_mass".to_owned()];
        let infos = [
            info("radius", ParameterKind::Number, "f64", json!(4.0)),
            info("count", ParameterKind::Integer, "usize", json!(3)),
            info(
                "centre",
                ParameterKind::SignalPoint,
                "Option<[f64; 2]>",
                json!(null),
            ),
            info(
                "how",
                ParameterKind::Choice { choices },
                "Subpixel",
                json!("none"),
            ),
            info(
                "reference",
                ParameterKind::NavigationRegion,
                "Region",
                json!({"x0": 0, "y0": 0, "width": 16, "height": 16}),
            ),
        ];
        assert_eq!(
            parameters("Find", &infos, &json!({"radius": 4})),
            "Find::default()"
        );
        let params =
            json!({"radius": 5, "count": 7.0, "centre": [3, 4.5], "how": "center_of_mass"});
        assert_eq!(
            parameters("Find", &infos, &params),
            "Find { radius: 5.0, count: 7, centre: Some([3.0, 4.5]), how: Subpixel::CenterOfMass, ..default() }"
        );
        let params = json!({"reference": {"x0": 1, "y0": 2, "width": 3, "height": 4}});
        assert_eq!(
            parameters("Map", &infos[4..], &params),
            "Map { reference: Region::rectangle(1, 2, 3, 4) }"
        );
    }

    #[test]
    fn file_names_become_identifiers() {
        assert_eq!(identifier("Strained grain-2"), "strained_grain_2");
        assert_eq!(identifier("4D"), "signal_4d");
    }
}
