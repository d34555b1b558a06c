//! What views wait for: while something is measured over the scan, a view of peaks goes on with the patterns alone.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{Event, WireError};
use signal::CancelToken;
use tree::{ComputeError, Graph, Node, ViewId};

use crate::{Session, convert, lock, progress};

/// Longest wait for a measurement before the pattern is shown without what depends on it.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a request looks whether it is wanted still.
const TICK: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(crate) struct Waits(Mutex<Vec<Wait>>);

/// One view that waits: its measurement goes on until it looks at something else.
struct Wait {
    view: ViewId,
    node: u32,
    revision: u32,
    cancel: CancelToken,
    /// Why it failed: told to the next request, which does not begin it again.
    failed: Option<ComputeError>,
}

impl Wait {
    fn is_of(&self, view: &ViewId, node: &Node) -> bool {
        self.view == *view && (self.node, self.revision) == (node.id, node.revision)
    }
}

impl Waits {
    fn begin(&self, view: &ViewId, node: &Node) -> CancelToken {
        let cancel = CancelToken::new();
        lock(&self.0).push(Wait {
            view: view.clone(),
            node: node.id,
            revision: node.revision,
            cancel: cancel.clone(),
            failed: None,
        });
        cancel
    }

    fn end(&self, view: &ViewId, node: &Node, failed: Option<ComputeError>) {
        let mut waits = lock(&self.0);
        let Some(at) = waits.iter().position(|wait| wait.is_of(view, node)) else {
            return;
        };
        match failed {
            Some(_) => waits[at].failed = failed,
            None => drop(waits.remove(at)),
        }
    }

    /// Ends those of a view that are not for `node`.
    pub fn leave(&self, view: &ViewId, node: Option<&Node>) {
        lock(&self.0).retain(|wait| {
            let stays = wait.view != *view || node.is_some_and(|node| wait.is_of(view, node));
            if !stays {
                wait.cancel.cancel();
            }
            stays
        });
    }
}

impl Session {
    /// Whether the frames of a node wait for a measurement that takes longer than a moment. It goes on in the name of
    /// the view, which is told when it has ended.
    ///
    /// # Errors
    /// Why the measurement failed.
    pub(crate) fn is_being_measured(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        view: &ViewId,
        request: &CancelToken,
    ) -> Result<bool, WireError> {
        if progress::measuring(self, node).is_none() {
            self.waits.end(view, node, None);
            return Ok(false);
        }
        let waiting = lock(&self.waits.0)
            .iter_mut()
            .find(|wait| wait.is_of(view, node))
            .map(|wait| wait.failed.take());
        match waiting {
            None => {}
            Some(None) => return Ok(true),
            Some(Some(error)) => {
                self.waits.end(view, node, None);
                return Err(convert::compute_error(&error));
            }
        }
        let ended = self.wait_for(graph, node, view)?;
        let began = Instant::now();
        loop {
            match ended.recv_timeout(TICK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Some(error)) => return Err(convert::compute_error(&error)),
                Ok(None) | Err(RecvTimeoutError::Disconnected) => return Ok(false),
            }
            if began.elapsed() >= PATIENCE || request.is_cancelled() {
                return Ok(true);
            }
        }
    }

    /// Whether what a node measures over the scan is there, or has failed, before `patience` is over.
    pub(crate) fn is_measured_within(
        &self,
        patience: Duration,
        graph: &Arc<Graph>,
        node: &Node,
        request: &CancelToken,
    ) -> bool {
        if progress::measuring(self, node).is_none() {
            return true;
        }
        let cancel = CancelToken::new();
        let began = Instant::now();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| self.engine.prepare(graph, node.id, &cancel).map(drop));
            while !waiting.is_finished() && began.elapsed() < patience && !request.is_cancelled() {
                std::thread::sleep(TICK);
            }
            let is_there = waiting.is_finished();
            cancel.cancel();
            is_there
        })
    }

    /// Nobody looks at what a view waits for.
    pub(crate) fn stop_waiting(&self, view: &ViewId) {
        self.waits.leave(view, None);
    }

    /// Waits in a thread of its own. Whoever does not listen any more when it ends is told by an event.
    fn wait_for(
        self: &Arc<Self>,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        view: &ViewId,
    ) -> Result<mpsc::Receiver<Option<ComputeError>>, WireError> {
        // Without room: it is handed over while the other side listens, or not at all.
        let (tell, ended) = mpsc::sync_channel(0);
        let cancel = self.waits.begin(view, node);
        let (session, graph) = (Arc::downgrade(self), Arc::new(graph.above(&[node.id])));
        let (engine, waited, of) = (self.engine.clone(), node.clone(), view.clone());
        let work = move || {
            let prepared = engine.prepare(&graph, waited.id, &cancel);
            let Some(session) = session.upgrade() else {
                return;
            };
            let failed = prepared.err();
            if tell.send(failed.clone()).is_ok() || cancel.is_cancelled() {
                return session.waits.end(&of, &waited, None);
            }
            let is_stopped = failed.as_ref().is_some_and(ComputeError::is_cancelled);
            session.waits.end(&of, &waited, failed);
            if is_stopped {
                // By somebody. The page has heard of it, and goes on when it is told to.
                return;
            }
            session.events.send(&Event::Refined {
                node: waited.id,
                view: Some(of.view),
                complete: 1.0,
            });
        };
        let started = std::thread::Builder::new()
            .name(format!("view-waits-{}", node.id))
            .spawn(work);
        started.map_err(|error| {
            self.waits.end(view, node, None);
            let message = format!("no thread to wait for `{}`: {error}", node.name);
            WireError::new("internal", message, "close other programs").at_node(node.id)
        })?;
        Ok(ended)
    }
}
