//! The line of Rust that makes a node: what the widget shows, and what a cell would say.

use serde_json::Value;
use signal::ParameterInfo;
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
            given.push(one.literal(params.get(&one.name).unwrap_or(&one.default)));
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
            .enumerate()
            .map(|(at, (name, scale, offset, units))| {
                match options.axis_names.get(at).filter(|names| !names.is_empty()) {
                    Some(names) => format!("Axis::named({name:?}, vec!{names:?})"),
                    None => format!("Axis::calibrated({name:?}, {scale:?}, {offset:?}, {units:?})"),
                }
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
            differs.then(|| format!("{}: {}", info.name, info.literal(value)))
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
    use serde_json::json;
    use signal::ParameterKind;

    use super::*;

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
        let infos = [
            info(
                "range",
                ParameterKind::SignalRange,
                "Option<[f64; 2]>",
                json!(null),
            ),
            info(
                "vertices",
                ParameterKind::SignalPolygon,
                "Vec<[f64; 2]>",
                json!([]),
            ),
        ];
        let params = json!({"range": [525, 560.5], "vertices": [[1, 2], [3.5, 4], [5, 0]]});
        assert_eq!(
            parameters("Both", &infos, &params),
            "Both { range: Some([525.0, 560.5]), vertices: vec![[1.0, 2.0], [3.5, 4.0], [5.0, 0.0]] }"
        );
    }

    #[test]
    fn file_names_become_identifiers() {
        assert_eq!(identifier("Strained grain-2"), "strained_grain_2");
        assert_eq!(identifier("4D"), "signal_4d");
    }
}
