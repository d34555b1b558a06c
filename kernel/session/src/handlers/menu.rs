//! Which operations fit a node: asked when a menu opens, never for every node of a tree that changes.

use protocol::{MenuEntry, WireError};
use serde_json::json;
use signal::{Computation, Registered, SignalMeta};
use tree::Node;

use crate::{Session, convert};

/// Every operation with its default parameters, and why it does not fit.
pub(crate) fn of(session: &Session, node: u32) -> Result<Vec<MenuEntry>, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let entries = ops::registry().iter().map(|entry| MenuEntry {
        operation: entry.info().name.to_owned(),
        reason: why_not(session, *entry, found),
    });
    Ok(entries.collect())
}

fn why_not(session: &Session, entry: &dyn Registered, node: &Node) -> Option<String> {
    if let Some(fault) = &node.fault {
        return Some(fault.to_string());
    }
    let computation = match entry.bind(&json!({})) {
        Ok(computation) => computation,
        Err(error) => return Some(error.to_string()),
    };
    // In the place of another signal that it must have, itself: which others there are is asked when it is chosen.
    let required = entry.further_inputs().iter();
    let required = required.take_while(|input| input.required).count();
    refusal(session, &*computation, &vec![&*node.meta; 1 + required])
}

/// Why a computation does not fit these inputs; `None` when it does.
pub(crate) fn refusal(
    session: &Session,
    computation: &dyn Computation,
    inputs: &[&SignalMeta],
) -> Option<String> {
    session.count_question();
    let refused = computation.describe(inputs).err();
    refused.map(|error| error.to_string())
}
