//! What a cell reads: descriptions, numbers, the tree as text.

use std::sync::Arc;

use protocol::{CommandReply, WireError};
use signal::Output;
use tree::{Graph, Node};

use crate::{Session, caveats, convert, measured};

pub(crate) fn described(session: &Session, node: u32) -> Result<CommandReply, WireError> {
    let description = session
        .description(node)
        .ok_or_else(|| convert::no_node(node))?;
    Ok(CommandReply {
        node: Some(node),
        text: Some(description.summary.clone()),
        description: Some(Box::new(description)),
        ..CommandReply::default()
    })
}

pub(crate) fn values(
    session: &Arc<Session>,
    node: u32,
    index: &[usize],
    interrupted: &dyn Fn() -> bool,
) -> Result<CommandReply, WireError> {
    match session.output_unless(node, index, interrupted)? {
        Output::Values(values) => Ok(numbers(node, values.iter().map(|value| f64::from(*value)))),
        other => Err(session.wrong_kind(node, "maps", other.noun())),
    }
}

pub(crate) fn peaks(
    session: &Arc<Session>,
    node: u32,
    index: &[usize],
    interrupted: &dyn Fn() -> bool,
) -> Result<CommandReply, WireError> {
    match session.output_unless(node, index, interrupted)? {
        Output::Peaks(peaks) => Ok(numbers(
            node,
            convert::peak_rows(&peaks).into_iter().map(f64::from),
        )),
        other => Err(session.wrong_kind(node, "peaks", other.noun())),
    }
}

fn numbers(node: u32, values: impl Iterator<Item = f64>) -> CommandReply {
    CommandReply {
        node: Some(node),
        numbers: Some(values.collect()),
        ..CommandReply::default()
    }
}

/// The tree as indented text, one node a line.
pub(crate) fn tree(session: &Session) -> CommandReply {
    let graph = session.tree.snapshot();
    let mut text = String::new();
    let roots = graph.nodes().iter().filter(|node| node.parents.is_empty());
    roots.for_each(|root| branch(session, &graph, root, 0, &mut text));
    if text.is_empty() {
        text = "nothing is open yet; open a file, Tab completes its name:\n  let scan = open(\"scan.zspy\")?;\n".into();
    }
    CommandReply {
        text: Some(text),
        ..CommandReply::default()
    }
}

fn branch(session: &Session, graph: &Graph, node: &Node, depth: usize, text: &mut String) {
    let title = convert::title(graph, node);
    let indent = "  ".repeat(depth);
    text.push_str(&format!(
        "{indent}{}  {}  {title}\n",
        node.name,
        node.meta.summary()
    ));
    if let Some(measured) = measured::of(session, node) {
        text.push_str(&format!("{indent}  measured: {measured}\n"));
    }
    for caveat in caveats::own(session, graph, node) {
        text.push_str(&format!("{indent}  ! {}\n", caveat.text));
    }
    // Once, below the signal that it is of.
    (graph.children(node.id))
        .filter(|child| child.parents.first() == Some(&node.id))
        .for_each(|child| branch(session, graph, child, depth + 1, text));
}
