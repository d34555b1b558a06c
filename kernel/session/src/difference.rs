//! What two nodes do differently, from where their ways part.

use protocol::{CommandReply, Difference, DifferenceRow, WireError};
use serde_json::Value;
use signal::ParameterInfo;
use tree::{Graph, Node};

use crate::{Session, code, convert, lock};

pub(crate) fn between(session: &Session, a: u32, b: u32) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let find = |id: u32| graph.node(id).ok_or_else(|| convert::no_node(id));
    let (a, b) = (find(a)?, find(b)?);
    Ok(CommandReply {
        difference: Some(Box::new(difference(session, &graph, a, b))),
        ..CommandReply::default()
    })
}

fn difference(session: &Session, graph: &Graph, a: &Node, b: &Node) -> Difference {
    let line = |node: &Node| -> Vec<&Node> {
        (graph.with_ancestors(node.id).into_iter())
            .map(|node| &**node)
            .collect()
    };
    let (line_a, line_b) = (line(a), line(b));
    let shared = line_a
        .iter()
        .zip(&line_b)
        .take_while(|(a, b)| a.id == b.id)
        .count();
    let rows = matched(&line_a[shared..], &line_b[shared..])
        .into_iter()
        .flat_map(|pair| rows(session, graph, pair))
        .collect();
    Difference {
        a: a.name.clone(),
        b: b.name.clone(),
        common: shared.checked_sub(1).map(|last| line_a[last].name.clone()),
        rows,
    }
}

type Pair<'a> = (Option<&'a Node>, Option<&'a Node>);

/// Brings the same operations of both ways side by side: a longest common subsequence of their names.
fn matched<'a>(a: &[&'a Node], b: &[&'a Node]) -> Vec<Pair<'a>> {
    let same = |i: usize, j: usize| a[i].operation_name() == b[j].operation_name();
    let mut longest = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i][j] = if same(i, j) {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && same(i, j) {
            pairs.push((Some(a[i]), Some(b[j])));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            pairs.push((Some(a[i]), None));
            i += 1;
        } else {
            pairs.push((None, Some(b[j])));
            j += 1;
        }
    }
    pairs
}

fn rows(session: &Session, graph: &Graph, pair: Pair<'_>) -> Vec<DifferenceRow> {
    match pair {
        (Some(a), Some(b)) => differing(session, graph, a, b),
        (a, b) => {
            let only = |node: Option<&Node>| node.map(|node| whole(session, node));
            let title = a.or(b).map_or_else(String::new, title);
            vec![DifferenceRow {
                operation: title,
                a: only(a),
                b: only(b),
                ..DifferenceRow::default()
            }]
        }
    }
}

/// Parameters of the same operation that differ.
fn differing(session: &Session, graph: &Graph, a: &Node, b: &Node) -> Vec<DifferenceRow> {
    let (Some(of_a), Some(of_b)) = (a.computation(), b.computation()) else {
        let (path_a, path_b) = (whole(session, a), whole(session, b));
        return if path_a == path_b {
            Vec::new()
        } else {
            vec![DifferenceRow {
                operation: title(a),
                a: Some(path_a),
                b: Some(path_b),
                ..DifferenceRow::default()
            }]
        };
    };
    let (values_a, values_b) = (of_a.params(), of_b.params());
    let above = graph.parent_metas(a).unwrap_or_default();
    let axes = above.first().map_or(&[][..], |input| &input.axes.signal);
    infos(a)
        .iter()
        .filter_map(|info| {
            let (a_value, b_value) = (values_a.get(&info.name)?, values_b.get(&info.name)?);
            (!code::same(a_value, b_value)).then(|| DifferenceRow {
                operation: title(a),
                parameter: info.name.clone(),
                units: info.units_on(axes).to_owned(),
                a: Some(text(a_value)),
                b: Some(text(b_value)),
            })
        })
        .collect()
}

fn infos(node: &Node) -> Vec<ParameterInfo> {
    node.operation_name()
        .and_then(|name| ops::find(name).ok())
        .map(|entry| entry.parameters())
        .unwrap_or_default()
}

fn title(node: &Node) -> String {
    node.computation().map_or_else(
        || "File".to_owned(),
        |computation| computation.info().title.to_owned(),
    )
}

/// A whole step in one line: the file, or what differs from the defaults of the operation.
fn whole(session: &Session, node: &Node) -> String {
    let Some(computation) = node.computation() else {
        return lock(&session.opened)
            .get(&node.id)
            .map_or_else(|| node.name.clone(), |opened| opened.written.clone());
    };
    let params = computation.params();
    let set: Vec<String> = infos(node)
        .iter()
        .filter_map(|info| {
            let value = params.get(&info.name)?;
            (!code::same(value, &info.default)).then(|| format!("{} {}", info.name, text(value)))
        })
        .collect();
    if set.is_empty() {
        "with its defaults".to_owned()
    } else {
        set.join(", ")
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "left out".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |number| format!("{number}")),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().map(text).collect();
            format!("({})", parts.join(", "))
        }
        // Another content under the same name differs too.
        Value::Object(file) if file.contains_key("sha256") => {
            let digits = file["sha256"].as_str().and_then(|hash| hash.get(..8));
            let written = file.get("written").map_or_else(String::new, text);
            format!("{written} (SHA-256 {}…)", digits.unwrap_or_default())
        }
        Value::Object(region) => {
            let fields: Vec<String> = region
                .iter()
                .map(|(name, value)| format!("{name} {}", text(value)))
                .collect();
            fields.join(", ")
        }
        Value::Bool(truth) => truth.to_string(),
    }
}
