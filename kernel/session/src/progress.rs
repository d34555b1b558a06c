//! How far computations are, in the words of the wire.

use protocol::{Measuring, Progress, ProgressState};
use signal::{SignalKind, SignalMeta};
use tree::{MapProgress, Node, PassState, PreparationProgress};

use crate::Session;

/// Begins what is said of a pass that waits for a measurement.
pub(crate) const MEASURING: &str = "measuring ";

/// What is not measured yet of what a map is computed from, or of the map itself: its first positions wait for that.
pub(crate) fn measuring(session: &Session, node: &Node) -> Option<Measuring> {
    let graph = session.tree.snapshot();
    let mut above = vec![graph.node(node.id)?];
    let mut found = None;
    while let Some(node) = above.pop() {
        let inputs = graph.inputs(node)?;
        let metas: Vec<&SignalMeta> = inputs.iter().map(|input| &*input.meta).collect();
        let measures = || node.computation()?.preparation(&metas);
        if session.engine.prepared(node).is_none() && measures().is_some() {
            found = Some(measuring_of(session, node));
        }
        above.extend(inputs);
    }
    found
}

/// How far the measurement of a node is.
fn measuring_of(session: &Session, node: &Node) -> Measuring {
    let progress = session.engine.preparation_progress(node);
    let share = (progress.as_ref())
        .filter(|progress| progress.total > 0 && progress.concluding.is_none())
        .map(|progress| progress.done as f64 / progress.total as f64);
    let concluding =
        (progress.as_ref()).and_then(|progress| Some((progress.total, progress.concluding?)));
    Measuring {
        node: node.id,
        name: node.name.clone(),
        pass: progress.as_ref().map_or(1, |progress| progress.pass as u32),
        passes: (progress.as_ref()).and_then(|progress| Some(progress.passes? as u32)),
        share,
        positions: concluding.map(|(positions, _)| positions as f64),
        seconds: concluding.map(|(_, since)| since.elapsed().as_secs() as f64),
    }
}

/// A measurement that is asked for by itself.
pub(crate) fn of_preparation(
    session: &Session,
    node: &Node,
    progress: &PreparationProgress,
) -> Progress {
    Progress {
        node: node.id,
        state: state(progress.state),
        done: progress.done as f64,
        total: progress.total as f64,
        label: format!("{MEASURING}{}", node.name),
        message: (progress.error.as_ref()).map_or_else(String::new, ToString::to_string),
        rate: None,
        seconds_left: None,
        kept: 0.0,
        can_resume: progress.state == PassState::Cancelled,
        measuring: (progress.state == PassState::Running).then(|| measuring_of(session, node)),
    }
}

fn state(state: PassState) -> ProgressState {
    match state {
        PassState::Idle | PassState::Running => ProgressState::Running,
        PassState::Done => ProgressState::Done,
        PassState::Cancelled => ProgressState::Cancelled,
        PassState::Failed => ProgressState::Failed,
    }
}

/// The computation of a node that runs or was stopped: of its map, or of what it measures first.
pub(crate) fn of(session: &Session, node: &Node) -> Option<Progress> {
    let map = session.engine.map_progress(node.id);
    if let Some(map) = map.filter(|map| map.state != PassState::Idle) {
        return Some(of_map(session, node, &map));
    }
    let measured = session.engine.preparation_progress(node)?;
    let shown = match measured.state {
        PassState::Done => false,
        // Of a map nobody has stopped anything: it begins when it is looked at.
        PassState::Cancelled => node.meta.kind != SignalKind::Map,
        _ => true,
    };
    shown.then(|| of_preparation(session, node, &measured))
}

/// How far a map is, and what its first positions wait for.
pub(crate) fn of_map(session: &Session, node: &Node, progress: &MapProgress) -> Progress {
    let message = match (&progress.error, progress.failures) {
        (None, _) => crate::caveats::without_value(session, node, progress).unwrap_or_default(),
        (Some(error), 0) => error.to_string(),
        (Some(error), 1) => format!("1 position failed: {error}"),
        (Some(error), failures) => format!("{failures} positions failed; the first: {error}"),
    };
    let measuring = measuring(session, node);
    Progress {
        node: node.id,
        state: state(progress.state),
        done: progress.done as f64,
        total: progress.total as f64,
        label: match &measuring {
            Some(measuring) => format!("{MEASURING}{}", measuring.name),
            None => format!("computing {}", node.name),
        },
        message,
        rate: None,
        seconds_left: None,
        kept: 0.0,
        can_resume: false,
        measuring,
    }
}
