//! What a node takes beside its first input, and what it could take.

use std::sync::Arc;

use protocol::WireError;
use serde_json::json;
use signal::{Computation, SignalMeta, check_inputs};
use tree::{Graph, Node};

use super::{change, menu};
use crate::{Session, convert, lock};

/// The nodes that an operation below `node` would take beside it, with default parameters; without an operation, those that the
/// node itself would take in the place of what it has. Of other files first: that is what it is asked for.
pub(crate) fn possible(
    session: &Session,
    node: u32,
    operation: Option<&str>,
) -> Result<Vec<u32>, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let (computation, first, taken) = match operation {
        Some(operation) => (
            change::bind(session, operation, &json!({}))?,
            Some(found),
            vec![node],
        ),
        None => {
            let [current, _] = change::bound(session, found, &json!({}))?;
            let first = (found.parents.first()).and_then(|parent| graph.node(*parent));
            (current, first, graph.with_descendants(node))
        }
    };
    Ok(first.map_or_else(Vec::new, |first| {
        fitting(session, &graph, &computation, first, &taken)
    }))
}

fn fitting(
    session: &Session,
    graph: &Graph,
    computation: &Arc<dyn Computation>,
    first: &Node,
    except: &[u32],
) -> Vec<u32> {
    let fits = |other: &Node| {
        let metas: [&SignalMeta; 2] = [&first.meta, &other.meta];
        check_inputs(computation.further_inputs(), metas.len()).is_ok()
            && menu::refusal(session, &**computation, &metas).is_none()
    };
    let mut nodes: Vec<&Arc<Node>> = (graph.nodes().iter())
        .filter(|other| !except.contains(&other.id) && other.id != first.id)
        .filter(|other| other.fault.is_none() && fits(other))
        .collect();
    nodes.sort_by_key(|other| (other.file.number == first.file.number, other.id));
    nodes.iter().map(|other| other.id).collect()
}

/// Gives a node other inputs beside its first one.
pub(crate) fn set(session: &Session, node: u32, further: &[u32]) -> Result<(), WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    if found.parents.iter().skip(1).eq(further) {
        return Ok(());
    }
    let changed = session
        .tree
        .set_further_inputs(node, further)
        .map_err(|error| convert::tree_error(error).at_node(node))?;
    let graph = session.tree.snapshot();
    session.engine.forget_older(&graph, &changed);
    session.forget_drafts_of(&changed);
    session.notify_tree();
    // What it was made from may have been there for nothing else.
    lock(&session.holds).loosen();
    session.remove_loose_nodes();
    Ok(())
}
