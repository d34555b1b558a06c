//! What is said about variables: one for a person who asks, all of them for `:vars`, and hints for cells
//! that cannot have one.

use serde_json::Value;

use crate::bridge::{Bindings, Variable};
use crate::complete::Inspection;
use crate::nearest::nearest_by;
use crate::text::escaped;
use crate::{CellError, Display, error_report};

/// All variables, as text and as a table.
pub(crate) fn table(variables: &[Variable]) -> Display {
    let mut display = Display::default();
    let mut plain = String::new();
    let mut html = String::from("<table><tr><th>Variable</th><th>Type</th><th>Value</th></tr>");
    for variable in variables {
        let value = variable.value.as_deref().unwrap_or_default();
        let short = shortened(value);
        plain.push_str(&format!("{}: {}", variable.name, variable.kind));
        if !short.is_empty() {
            plain.push_str(&format!(" = {short}"));
        }
        plain.push('\n');
        html.push_str(&row(&[&variable.name, &variable.kind, &short]));
    }
    html.push_str("</table>");
    if variables.is_empty() {
        plain.push_str("no variables yet");
        html = "no variables yet".into();
    }
    let bundle = &mut display.bundle;
    bundle.insert("text/plain".into(), plain.trim_end().into());
    bundle.insert("text/html".into(), html.into());
    display
}

/// The type of one variable, for `:type`.
///
/// # Errors
/// There is no such variable; the nearest one is named.
pub(crate) fn kind(variables: &[Variable], name: &str) -> Result<Display, CellError> {
    if let Some(variable) = variables.iter().find(|variable| variable.name == name) {
        let mut display = Display::default();
        let text = format!("{}: {}", variable.name, variable.kind);
        display.bundle.insert("text/plain".into(), text.into());
        return Ok(display);
    }
    let nearest = nearest_by(name, variables.iter(), |variable| &variable.name);
    let hint = match nearest {
        Some(variable) => format!("did you mean `{}`", variable.name),
        None => "`:vars` lists the variables".into(),
    };
    let text = format!("there is no variable `{name}`\nhint: {hint}");
    Err(error_report::plain("NotFound", &text))
}

/// The first line of a value, cut to what a table can show.
fn shortened(value: &str) -> String {
    const MAX: usize = 60;
    let line = value.lines().next().unwrap_or_default();
    let short: String = line.chars().take(MAX).collect();
    if short.len() < value.len() {
        format!("{short}…")
    } else {
        short
    }
}

/// What a person who asks for a variable reads. `describe` gives the description of a node.
pub(crate) fn inspection(
    variable: &Variable,
    describe: impl FnOnce(u32) -> Option<Value>,
) -> Inspection {
    if let Some(about) = variable.node.and_then(describe) {
        return signal(variable, &about);
    }
    let Variable { name, kind, .. } = variable;
    let value = match &variable.value {
        Some(value) => format!(" = {value}"),
        None => String::new(),
    };
    Inspection {
        plain: format!("{name}: {kind}{value}"),
        markdown: Some(format!("```rust\n{name}: {kind}{value}\n```")),
        html: Some(format!(
            "<code>{}: {}{}</code>",
            escaped(name),
            escaped(kind),
            escaped(&value)
        )),
    }
}

/// Rows of the answer about a signal: what, its value.
fn facts(about: &Value) -> Vec<(&'static str, String)> {
    let text = |name: &str| about[name].as_str().unwrap_or_default().to_owned();
    let sizes = |name: &str| -> String {
        let axes = about[name].as_array().map_or(&[][..], Vec::as_slice);
        let sizes: Vec<String> = axes.iter().map(|axis| axis["size"].to_string()).collect();
        sizes.join(", ")
    };
    let mut facts = vec![
        (
            "shape",
            format!("({} | {})", sizes("navigation_axes"), sizes("signal_axes")),
        ),
        ("values", values(about)),
    ];
    let operation = text("operation");
    facts.push(match operation.as_str() {
        "" => ("file", text("title")),
        _ => ("operation", format!("{} (`{operation}`)", text("title"))),
    });
    if let Some(params) = about["params"].as_object() {
        let plain = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        facts.extend(params.iter().map(|(name, value)| {
            let value = match (value, &about["measured_parameters"][name]) {
                (Value::Null, Value::Null) => "left out".to_owned(),
                (Value::Null, measured) => format!("left out, measured: {}", plain(measured)),
                (value, _) => plain(value),
            };
            ("parameter", format!("{name} = {value}"))
        }));
    }
    facts.push(("measured", text("measured")));
    if text("summary").starts_with("does not fit") {
        facts.push(("fault", text("summary")));
    }
    facts.push(("code", text("code")));
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn values(about: &Value) -> String {
    let text = |name: &str| about[name].as_str().unwrap_or_default();
    let mut values = text("element").to_owned();
    if !text("value_units").is_empty() {
        values.push_str(&format!(" in {}", text("value_units")));
    }
    let names: Vec<&str> = about["components"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|component| component["name"].as_str())
        .collect();
    if !names.is_empty() {
        values.push_str(&format!(" ({})", names.join(", ")));
    }
    values
}

/// Name, size, first value, step and units of each axis, scan axes first.
fn axes(about: &Value) -> Vec<[String; 5]> {
    ["navigation_axes", "signal_axes"]
        .iter()
        .filter_map(|part| about[part].as_array())
        .flatten()
        .map(|axis| {
            [
                axis["name"].as_str().unwrap_or_default().to_owned(),
                axis["size"].to_string(),
                axis["offset"].to_string(),
                axis["scale"].to_string(),
                axis["units"].as_str().unwrap_or_default().to_owned(),
            ]
        })
        .collect()
}

fn signal(variable: &Variable, about: &Value) -> Inspection {
    let node = about["name"].as_str().unwrap_or_default();
    let heading = match (&variable.name, node) {
        (name, node) if name == node => format!("{name}: Signal"),
        (name, node) => format!("{name}: Signal, node {node}"),
    };
    let (facts, axes) = (facts(about), axes(about));
    let titles = ["axis", "size", "offset", "scale", "units"];

    let mut plain = heading.clone();
    let mut markdown = format!("**{heading}**\n\n| | |\n|---|---|\n");
    let mut html = format!("<b>{}</b><table>", escaped(&heading));
    for (what, value) in &facts {
        plain.push_str(&format!("\n  {what:<10} {value}"));
        markdown.push_str(&format!("| {what} | {} |\n", value.replace('|', "\\|")));
        html.push_str(&row(&[what, value]));
    }
    html.push_str("</table>");
    if !axes.is_empty() {
        plain.push('\n');
        markdown.push_str(&format!(
            "\n| {} |\n|---|---|---|---|---|\n",
            titles.join(" | ")
        ));
        html.push_str(&format!(
            "<table><tr><th>{}</th></tr>",
            titles.join("</th><th>")
        ));
        for axis in &axes {
            let [name, size, offset, scale, units] = axis;
            plain.push_str(&format!(
                "\n  axis {name:<5} {size:>6} × {scale} {units}, first at {offset} {units}"
            ));
            markdown.push_str(&format!("| {} |\n", axis.join(" | ")));
            html.push_str(&row(&[name, size, offset, scale, units]));
        }
        html.push_str("</table>");
    }
    Inspection {
        plain,
        markdown: Some(markdown),
        html: Some(html),
    }
}

fn row(cells: &[&str]) -> String {
    let cells: String = cells
        .iter()
        .map(|cell| format!("<td>{}</td>", escaped(cell)))
        .collect();
    format!("<tr>{cells}</tr>")
}

/// Lines for the error of a cell that does not compile, about values it cannot have.
pub(crate) fn hints(bindings: &Bindings) -> Vec<String> {
    let left = bindings.left_behind.iter().map(|(name, kind)| {
        error_report::hint(&format!(
            "`{name}` is a {kind} of a cell that ran without the compiler; make it in the cell that uses it"
        ))
    });
    let hidden = bindings.hidden().map(|name| {
        error_report::hint(&format!(
            "`{name}` has no value: the last cell that bound it failed, or compiled cells cannot have its type"
        ))
    });
    left.chain(hidden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variable(name: &str, kind: &str, value: Option<&str>, node: Option<u32>) -> Variable {
        Variable {
            name: name.into(),
            kind: kind.into(),
            value: value.map(str::to_owned),
            node,
        }
    }

    #[test]
    fn a_signal_tells_its_axes_operation_and_code() {
        let about = json!({
            "name": "peaks", "title": "Find peaks", "operation": "normalized_correlation",
            "navigation_axes": [{"name": "y", "size": 40, "scale": 0.5, "offset": 0.0, "units": "nm"}],
            "signal_axes": [{"name": "ky", "size": 128, "scale": 0.01, "offset": -0.64, "units": "1/Å"}],
            "element": "f32", "value_units": "counts", "components": [],
            "params": {"radius": 4.0, "centre": null, "threshold": null}, "summary": "(40 | 128) peaks",
            "measured": "radius 4.02 ± 0.01 px, threshold 4.60 σ", "measured_parameters": {"threshold": 4.6},
            "code": "let peaks = flat.find_peaks(NormalizedCorrelation::default())?;",
        });
        let found = inspection(&variable("peaks", "Signal", None, Some(3)), |node| {
            assert_eq!(node, 3);
            Some(about)
        });
        for part in [
            "peaks: Signal",
            "(40 | 128)",
            "f32 in counts",
            "Find peaks",
            "radius = 4.0",
            "centre = left out\n",
            "threshold = left out, measured: 4.6\n",
            "measured   radius 4.02 ± 0.01 px, threshold 4.60 σ\n",
            "let peaks = flat",
            "128 × 0.01 1/Å, first at -0.64 1/Å",
        ] {
            assert!(
                found.plain.contains(part),
                "{part} is missing in\n{}",
                found.plain
            );
        }
        assert!(found.markdown.unwrap().contains("| (40 \\| 128) |"));
        assert!(found.html.unwrap().contains("<td>ky</td><td>128</td>"));
    }

    #[test]
    fn numbers_tell_type_and_value() {
        let found = inspection(&variable("n", "usize", Some("5"), None), |_| None);
        assert_eq!(found.plain, "n: usize = 5");
        let long = "x".repeat(100);
        let display = table(&[
            variable("a<b", "Vec<u8>", None, None),
            variable("n", "String", Some(&long), None),
        ]);
        let plain = display.bundle["text/plain"].as_str().unwrap();
        assert!(plain.starts_with("a<b: Vec<u8>\nn: String = xxx") && plain.ends_with('…'));
        assert!(
            display.bundle["text/html"]
                .as_str()
                .unwrap()
                .contains("a&lt;b")
        );
    }
}
