//! Changes of the tree. None of them reads or computes a pixel.

use std::sync::Arc;

use protocol::{CommandReply, PROTOCOL_VERSION, Reply, Welcome, WireError};
use serde_json::Value;
use signal::{Computation, SignalKind};
use tree::Node;

use super::memory;
use crate::{Session, closure, convert, lock};

pub(crate) fn hello(session: &Session, request_id: u32, protocol: u32) -> Result<Reply, WireError> {
    if protocol != PROTOCOL_VERSION {
        return Err(WireError::new(
            "protocol",
            format!(
                "this page speaks version {protocol} of the messages, the kernel {PROTOCOL_VERSION}"
            ),
            "reload the page and run the cell again",
        ));
    }
    // A page that comes when nothing changes would not hear it.
    memory::notify(session);
    Ok(Reply::Welcome(Box::new(Welcome {
        request_id,
        protocol: PROTOCOL_VERSION,
        tree: session.tree(),
        operations: session.operations(),
        budget_bytes: session.memory().budget_bytes as f64,
    })))
}

/// With the files among its parameters, which are read here.
pub(crate) fn bind(
    session: &Session,
    operation: &str,
    params: &Value,
) -> Result<Arc<dyn Computation>, WireError> {
    let entry = ops::find(operation).map_err(|error| convert::unknown_operation(&error))?;
    let type_name = entry.info().parameters_type;
    let files = (session.parameter_files).of(&entry.parameters(), params, &session.engine)?;
    entry
        .bind_with(params, &files)
        .map_err(|error| convert::parameter_error(type_name, &error))
}

/// As [`bind`], with parameters that an earlier release may have written: what is gone is left out.
pub(crate) fn bind_written(
    session: &Session,
    operation: &str,
    params: &Value,
) -> Result<Arc<dyn Computation>, WireError> {
    let entry = ops::find(operation).map_err(|error| convert::unknown_operation(&error))?;
    let type_name = entry.info().parameters_type;
    bind(
        session,
        operation,
        &signal::without_former_parameters(type_name, params),
    )
}

pub(crate) fn add_node(
    session: &Session,
    parents: &[u32],
    operation: &str,
    params: &Value,
) -> Result<u32, WireError> {
    let computation = bind(session, operation, params)?;
    let name = computation.info().method;
    let node = session
        .tree
        .add_operation(name, parents, computation)
        .map_err(|error| {
            convert::tree_error(error).at_node(parents.first().copied().unwrap_or_default())
        })?;
    session.engine.take_up(&session.tree.snapshot(), node);
    session.notify_tree();
    Ok(node)
}

/// A node's computation, and the same with `given` parameters; those that are not given keep their value.
pub(crate) fn bound(
    session: &Session,
    node: &Node,
    given: &Value,
) -> Result<[Arc<dyn Computation>; 2], WireError> {
    let Some(current) = node.computation() else {
        let error = tree::TreeError::NoParameters {
            name: node.name.clone(),
        };
        return Err(convert::tree_error(error).at_node(node.id));
    };
    if current.info().name == closure::MAP {
        return Err(WireError::new(
            "no_parameters",
            format!("`{}` is a closure and has no parameters", node.name),
            "change the closure in its cell and run it again",
        )
        .at_node(node.id));
    }
    let params = merged(current.params(), given);
    let computation =
        bind(session, current.info().name, &params).map_err(|error| error.at_node(node.id))?;
    Ok([current.clone(), computation])
}

/// Parameters that are not given keep their value.
pub(crate) fn set_params(session: &Session, node: u32, params: &Value) -> Result<(), WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let [current, computation] = bound(session, found, params)?;
    let params = computation.params();
    if params == current.params() {
        return Ok(());
    }
    let tried = session.drafts.same(node, found.revision, &params);
    let changed = session
        .tree
        .set_computation(node, computation)
        .map_err(|error| convert::tree_error(error).at_node(node))?;
    let graph = session.tree.snapshot();
    session.engine.forget_older(&graph, &changed);
    if let Some(draft) = tried {
        session.engine.adopt_map(&graph, draft.number, node);
    }
    session.forget_drafts_of(&changed);
    session.notify_tree();
    Ok(())
}

fn merged(current: Value, given: &Value) -> Value {
    match (current, given) {
        (Value::Object(mut all), Value::Object(given)) => {
            all.extend(given.clone());
            Value::Object(all)
        }
        (all, Value::Null) => all,
        (_, given) => given.clone(),
    }
}

pub(crate) fn name(session: &Session, node: u32, name: &str) -> Result<CommandReply, WireError> {
    if session
        .tree
        .snapshot()
        .node(node)
        .is_some_and(|node| node.name == name)
    {
        lock(&session.holds).named(node);
        session.journal_changed();
        return Ok(CommandReply::default());
    }
    // A variable that gets another value: the value it had is an earlier one. A name that nobody gave is a
    // number's business.
    let displaced = |other: &Node| match lock(&session.holds).is_named(other.id) {
        true => format!("{name}_earlier"),
        false => other.wanted.clone(),
    };
    let replaced = session
        .tree
        .rename(node, name, displaced)
        .map_err(convert::tree_error)?;
    {
        let mut holds = lock(&session.holds);
        holds.named(node);
        if let Some(replaced) = replaced {
            holds.unnamed(replaced);
        }
    }
    session.notify_tree();
    Ok(CommandReply::default())
}

/// A node that a page has made.
pub(crate) fn by_hand(session: &Session, node: u32) -> u32 {
    lock(&session.holds).by_hand(node);
    session.journal_changed();
    node
}

pub(crate) fn remove(session: &Session, node: u32) -> Result<(), WireError> {
    let removed = session
        .tree
        .remove(node)
        .map_err(|error| convert::tree_error(error).at_node(node))?;
    session.forget_removed(&removed);
    session.notify_tree();
    // What stood above it may have been there for nothing else.
    lock(&session.holds).loosen();
    session.remove_loose_nodes();
    Ok(())
}

/// Computes a map; of anything else, what it measures first.
pub(crate) fn start(session: &Session, node: u32) -> Result<(), WireError> {
    let graph = session.tree.snapshot();
    let is_map = (graph.node(node)).is_none_or(|node| node.meta.kind == SignalKind::Map);
    let started = match is_map {
        true => session.engine.start_map(&graph, node).map(|_| ()),
        false => session.engine.start_preparation(&graph, node),
    };
    started.map_err(|error| convert::compute_error(&error))
}

pub(crate) fn cancel(session: &Session, node: u32) -> Result<(), WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    session.engine.cancel_map(node);
    session.engine.cancel_preparation(found);
    // Estimates would go on computing what was just stopped.
    for parent in &found.parents {
        session.engine.pause_estimates(*parent);
    }
    session.cancel_save(node);
    Ok(())
}
