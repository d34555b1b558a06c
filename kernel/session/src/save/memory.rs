//! Computing whole signals to memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use protocol::{CommandReply, Event, NoticeLevel, Progress, WireError};
use signal::{CancelToken, SignalKind};

use super::flow;
use super::report::{NOTIFY_INTERVAL, Report, Throughput};
use crate::blocking_call::Failed;
use crate::handlers::memory;
use crate::{Session, convert, progress};

/// Computes a whole signal and keeps it: the images of a map, or every frame or list of peaks.
pub(crate) fn compute(
    session: &Arc<Session>,
    node: u32,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    match found.meta.kind {
        SignalKind::Map => fill(session, &graph, &[node], interrupted, progress)?,
        SignalKind::Frame | SignalKind::Peaks => {
            materialise(session, &graph, found, interrupted, progress)?;
        }
    }
    Ok(CommandReply {
        node: Some(node),
        ..CommandReply::default()
    })
}

/// As [`compute`] for several signals; the maps of one file are filled by one pass over it.
pub(crate) fn compute_all(
    session: &Arc<Session>,
    nodes: &[u32],
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    all_fit(session, &graph, nodes)?;
    let (mut maps, mut others) = (Vec::new(), Vec::new());
    for node in nodes {
        let found = graph.node(*node).ok_or_else(|| convert::no_node(*node))?;
        match found.meta.kind {
            SignalKind::Map => maps.push(*node),
            SignalKind::Frame | SignalKind::Peaks => others.push(found),
        }
    }
    fill(session, &graph, &maps, interrupted, progress)?;
    for node in others {
        materialise(session, &graph, node, interrupted, progress)?;
    }
    Ok(CommandReply::default())
}

/// One that takes the memory of the one before would be for nothing. What peaks need is known when they are found.
fn all_fit(session: &Session, graph: &tree::Graph, nodes: &[u32]) -> Result<(), WireError> {
    let frames: Vec<_> = (nodes.iter())
        .filter_map(|node| graph.node(*node))
        .filter(|node| node.meta.kind == SignalKind::Frame)
        .collect();
    let need = frames.iter().fold(0, |sum: usize, node| {
        sum.saturating_add(usize::try_from(node.meta.total_bytes()).unwrap_or(usize::MAX))
    });
    let budget = session.memory().budget_bytes;
    match frames.as_slice() {
        [first, _, ..] if need > budget => {
            let names: Vec<String> = (frames.iter())
                .map(|node| format!("`{}`", node.name))
                .collect();
            let what = format!("{} together need", names.join(", "));
            Err(too_big(session, first, &what, need, budget))
        }
        _ => Ok(()),
    }
}

/// Fills maps, and tells the progress of the one that is waited for.
fn fill(
    session: &Session,
    graph: &Arc<tree::Graph>,
    nodes: &[u32],
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(), WireError> {
    let mut last_notified = Instant::now() - NOTIFY_INTERVAL;
    let (mut throughput, mut of) = (Throughput::default(), None);
    let there: Vec<_> = (nodes.iter())
        .map(|node| {
            session
                .engine
                .map(graph, *node)
                .map_or(0, |map| map.progress().done)
        })
        .collect();
    let mut tick = |state: &tree::MapProgress| {
        let over = state.state != tree::PassState::Running;
        if of.replace(state.node) != Some(state.node) {
            throughput = Throughput::default();
        }
        if (over || last_notified.elapsed() >= NOTIFY_INTERVAL)
            && let Some(node) = graph.node(state.node)
        {
            last_notified = Instant::now();
            let mut now = progress::of_map(session, node, state);
            let found = nodes.iter().zip(&there).find(|(of, _)| **of == node.id);
            now.kept = found.map_or(0.0, |(_, there)| *there as f64);
            if !over {
                (now.rate, now.seconds_left) = throughput.of(now.done, now.total);
            }
            progress(&now);
        }
        flow(interrupted())
    };
    (session.engine)
        .finish_maps(graph, nodes, &mut tick)
        .map(|_| ())
        .map_err(|error| convert::compute_error(&error))
}

/// Every output in memory, if the budget has room for them.
fn materialise(
    session: &Arc<Session>,
    graph: &Arc<tree::Graph>,
    node: &tree::Node,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(), WireError> {
    let cancel = CancelToken::new();
    let _registered = session.register_save(node.id, &cancel);
    let total = node.meta.axes.positions();
    let label = format!("computing {}", node.name);
    let mut report = Report::new(session, node.id, total, label, progress);
    let done = Arc::new(AtomicUsize::new(0));
    let work = {
        let (session, graph, id) = (session.clone(), graph.clone(), node.id);
        let (cancel, done) = (cancel.clone(), done.clone());
        move || session.engine.materialise(&graph, id, &cancel, done)
    };
    let waited = session.blocking_calls.wait(work, &mut || {
        report.done(done.load(Ordering::Relaxed), 0, total);
        if interrupted() {
            cancel.cancel();
        }
        !cancel.is_cancelled()
    });
    let result = match waited {
        Ok(done) => done.map_err(|error| refused(session, node, &error)),
        Err(Failed::Interrupted) => {
            cancel.cancel();
            Err(convert::cancelled().at_node(node.id))
        }
        Err(Failed::Panicked) => Err(convert::bug().at_node(node.id)),
    };
    report.nothing_kept(result, "a save goes on where it was")
}

impl Session {
    /// Memory was short: what was computed to memory of this node went first.
    pub(crate) fn materialised_evicted(&self, node: u32) {
        let graph = self.tree.snapshot();
        let Some(node) = graph.node(node) else { return };
        self.events.send(&Event::Notice {
            level: NoticeLevel::Info,
            message: format!(
                "memory is short: `{}` is computed frame by frame again",
                node.name
            ),
            hint: "raise the memory budget and compute it again, or save it".into(),
            node: Some(node.id),
        });
    }
}

fn refused(session: &Session, node: &tree::Node, error: &tree::ComputeError) -> WireError {
    match &*error.cause {
        tree::Cause::Memory {
            need_bytes,
            budget_bytes,
            ..
        } => {
            let what = format!("`{}` needs", node.name);
            too_big(session, node, &what, *need_bytes, *budget_bytes)
        }
        _ => convert::compute_error(error),
    }
}

/// What does not fit into the budget, and what it needs.
fn too_big(
    session: &Session,
    node: &tree::Node,
    what: &str,
    need_bytes: usize,
    budget_bytes: usize,
) -> WireError {
    let mb = |bytes: usize| bytes.div_ceil(1_000_000);
    let save = format!(
        "save it: `{0}.save(\"{0}.zspy\")?` computes it with the memory of a few chunks",
        node.name
    );
    let enough = need_bytes + need_bytes / 4 + session.memory().used_bytes;
    let hint = match memory::acceptable(enough as u64) {
        Some(bytes) => {
            let megabytes = bytes.div_ceil(1_000_000);
            format!("{save}; or give more: `memory_budget(\"{megabytes} MB\")?`")
        }
        None => save,
    };
    let message = format!(
        "{what} {} MB in memory, the budget is {} MB",
        mb(need_bytes),
        mb(budget_bytes)
    );
    WireError::new("memory", message, hint).at_node(node.id)
}
