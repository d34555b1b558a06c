//! How a node came to be: through its history, beside itself, as code.

use std::path::Path;

use protocol::{CommandReply, WireError};
use tree::Step;

use crate::{Session, code, convert, provenance};

/// Takes the last change of a node's parameters back, or makes it again.
pub(crate) fn step(session: &Session, node: u32, step: Step) -> Result<(), WireError> {
    let changed = session
        .tree
        .step(node, step)
        .map_err(|error| convert::tree_error(error).at_node(node))?;
    session
        .engine
        .forget_older(&session.tree.snapshot(), &changed);
    session.notify_tree();
    Ok(())
}

/// A second node that begins as this one and goes its own way from there.
pub(crate) fn branch(session: &Session, node: u32) -> Result<u32, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let Some(computation) = found.computation() else {
        return Err(WireError::new(
            "no_parameters",
            format!(
                "`{}` is a file: there is nothing to try beside it",
                found.name
            ),
            "branch from an operation below it",
        )
        .at_node(node));
    };
    let branch = session
        .tree
        .add_operation(
            &format!("{}_branch", found.name),
            &found.parents,
            computation.clone(),
        )
        .map_err(|error| convert::tree_error(error).at_node(node))?;
    session.notify_tree();
    Ok(branch)
}

/// The code that makes `node` and everything above it, or the whole tree: one line a node.
pub(crate) fn export(session: &Session, node: Option<u32>) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let lines: Vec<String> = match node {
        Some(node) => {
            let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
            (graph.with_ancestors(found.id).into_iter())
                .map(|node| code::line(session, &graph, node))
                .collect()
        }
        None => (graph.parents_first().into_iter())
            .map(|node| code::line(session, &graph, node))
            .collect(),
    };
    Ok(CommandReply {
        node,
        text: Some(lines.join("\n")),
        ..CommandReply::default()
    })
}

/// What is in a file and how it was made.
pub(crate) fn provenance(written: &str) -> Result<CommandReply, WireError> {
    Ok(CommandReply {
        text: Some(provenance::describe(Path::new(written), false)?),
        ..CommandReply::default()
    })
}
