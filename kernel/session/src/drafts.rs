//! Parameters that a page tries: nodes that the tree does not know, one at a time per view, forgotten when the view
//! goes on or the parameters become the node's own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::WireError;
use serde_json::Value;
use tree::{DraftNumbers, Graph, Node, PassState, Removed, ViewId};

use crate::handlers::change;
use crate::{Session, convert, lock};

/// Drafts kept; the oldest are forgotten first.
const MAX: usize = 16;
/// Drafts of one view whose frames are kept: going back to one of them costs nothing.
const MAX_PER_VIEW: usize = 4;
/// A detector that rests this long is computed exactly.
const REST: Duration = Duration::from_millis(120);

/// One set of parameters that a view tries for a node.
#[derive(Clone)]
pub(crate) struct Draft {
    pub view: ViewId,
    /// The node whose parameters are tried, and its revision then.
    pub node: u32,
    revision: u32,
    params: Value,
    /// Number of the draft in its snapshot.
    pub number: u32,
    pub graph: Arc<Graph>,
}

impl Draft {
    fn node(&self) -> Option<Arc<Node>> {
        self.graph.node(self.number).cloned()
    }
}

#[derive(Default)]
pub(crate) struct Drafts {
    numbers: DraftNumbers,
    /// The one that was asked for last at the end.
    recent: Mutex<VecDeque<Draft>>,
}

impl Drafts {
    /// Moves out those that are not wanted any more.
    fn take(&self, unwanted: impl Fn(&Draft) -> bool) -> Vec<Arc<Node>> {
        let mut recent = lock(&self.recent);
        let dropped = (recent.iter())
            .filter(|draft| unwanted(draft))
            .filter_map(Draft::node)
            .collect();
        recent.retain(|draft| !unwanted(draft));
        dropped
    }

    pub fn by_number(&self, number: u32) -> Option<Draft> {
        (lock(&self.recent).iter())
            .find(|draft| draft.number == number)
            .cloned()
    }

    /// Nodes that are tried with other parameters now, with the views that try.
    pub fn of_parents(&self, parent: u32) -> Vec<(u32, u32)> {
        (lock(&self.recent).iter())
            .filter(|draft| {
                (draft.graph.node(draft.number)).is_some_and(|node| node.parents.contains(&parent))
            })
            .map(|draft| (draft.node, draft.view.view))
            .collect()
    }

    /// The draft of these parameters that has computed something already.
    pub fn same(&self, node: u32, revision: u32, params: &Value) -> Option<Draft> {
        (lock(&self.recent).iter().rev())
            .find(|draft| {
                (draft.node, draft.revision) == (node, revision) && draft.params == *params
            })
            .cloned()
    }
}

impl Session {
    /// The snapshot and number under which a view sees `node` with the parameters it tries. They are the node's
    /// own when nothing differs.
    pub(crate) fn draft(
        &self,
        graph: &Arc<Graph>,
        node: &Arc<Node>,
        view: ViewId,
        given: &Value,
    ) -> Result<(Arc<Graph>, u32), WireError> {
        let [current, computation] = change::bound(self, node, given)?;
        let params = computation.params();
        if params == current.params() {
            self.drop_drafts(&view);
            return Ok((graph.clone(), node.id));
        }
        let is = |draft: &Draft| {
            draft.view == view
                && (draft.node, draft.revision) == (node.id, node.revision)
                && draft.params == params
        };
        let mut recent = lock(&self.drafts.recent);
        if let Some(found) = recent.iter().position(is)
            && let Some(draft) = recent.remove(found)
        {
            recent.push_back(draft.clone());
            return Ok((draft.graph, draft.number));
        }
        drop(recent);
        let number = self.drafts.numbers.next();
        let with_draft = graph.with_draft(node.id, computation, number);
        let with_draft =
            Arc::new(with_draft.map_err(|error| convert::tree_error(error).at_node(node.id))?);
        let draft = Draft {
            view: view.clone(),
            node: node.id,
            revision: node.revision,
            params,
            number,
            graph: with_draft.clone(),
        };
        let mut recent = lock(&self.drafts.recent);
        recent.push_back(draft);
        let of_view = recent.iter().filter(|draft| draft.view == view).count();
        let mut surplus = of_view.saturating_sub(MAX_PER_VIEW);
        let mut dropped = Vec::new();
        recent.retain(|draft| {
            // A view that goes on to another node or revision will not come back to these.
            let other = (draft.node, draft.revision) != (node.id, node.revision);
            let goes = draft.view == view && (other || surplus > 0);
            if goes {
                surplus = surplus.saturating_sub(1);
                dropped.extend(draft.node());
            }
            !goes
        });
        while recent.len() > MAX {
            dropped.extend(recent.pop_front().and_then(|draft| draft.node()));
        }
        // Their exact images are not wanted any more; what is done stays as long as they do.
        let earlier: Vec<u32> = (recent.iter())
            .filter(|draft| draft.view == view && draft.number != number)
            .map(|draft| draft.number)
            .collect();
        drop(recent);
        (earlier.iter()).for_each(|number| self.engine.cancel_map(*number));
        self.forget_drafts(dropped);
        Ok((with_draft, number))
    }

    /// The view does not try anything any more.
    pub(crate) fn drop_drafts(&self, view: &ViewId) {
        self.forget_drafts(self.drafts.take(|draft| draft.view == *view));
    }

    fn forget_drafts(&self, nodes: Vec<Arc<Node>>) {
        if !nodes.is_empty() {
            self.engine.forget(&Removed {
                nodes,
                files: Vec::new(),
            });
        }
    }

    /// The node's parameters have changed, or it is gone.
    pub(crate) fn forget_drafts_of(&self, nodes: &[u32]) {
        self.forget_drafts(self.drafts.take(|draft| nodes.contains(&draft.node)));
    }

    /// Computes the exact map of a draft once its view has rested on it for a moment.
    pub(crate) fn compute_at_rest(self: &Arc<Self>, number: u32) {
        let session = Arc::downgrade(self);
        let wait = move || {
            std::thread::sleep(REST);
            let Some(session) = session.upgrade() else {
                return;
            };
            let newest = {
                let recent = lock(&session.drafts.recent);
                let draft = recent.iter().find(|draft| draft.number == number);
                let last = draft
                    .and_then(|draft| (recent.iter().rev()).find(|other| other.view == draft.view));
                last.filter(|last| last.number == number).cloned()
            };
            if let Some(draft) = newest {
                session.compute_draft(&draft);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("draft".into()).spawn(wait) {
            tracing::warn!("a draft will not be computed: {error}");
        }
    }

    fn compute_draft(&self, draft: &Draft) {
        let map = self.engine.map(&draft.graph, draft.number);
        let waits = |state| matches!(state, PassState::Idle | PassState::Cancelled);
        if map.is_ok_and(|map| waits(map.progress().state))
            && let Err(error) = self.engine.start_map(&draft.graph, draft.number)
        {
            tracing::debug!("the exact image of a draft is not computed: {error}");
        }
    }
}
