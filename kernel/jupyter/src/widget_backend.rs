//! The engine as the comms see it: what a widget shows, what pages ask, and how they are answered.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use session::journal::View;

use crate::iopub::Iopub;
use crate::widget::comm_msg;
use crate::wire::Parent;

/// What a widget shows before it has asked for anything.
#[derive(Clone, Debug, Default)]
pub struct WidgetState {
    /// View state the page starts from: selected node, position, protocol version, …
    pub traits: Map<String, Value>,
    /// A picture of the node as PNG, at most a few 100 kB; empty if there is nothing to draw yet.
    pub poster: Bytes,
    /// How wide the picture is meant to be seen, in CSS pixels; 0 for as wide as it is.
    pub width: usize,
    /// One line for readers of text: `<strain 64x48 | 4 maps>`.
    pub text: String,
    /// The picture in words; empty if there is nothing to say.
    pub alt: String,
    /// False while the picture shows a map that is still being computed.
    pub complete: bool,
}

/// The engine behind the widgets.
pub trait WidgetBackend: Send + Sync {
    /// What a new model of `node` shows first. Unless somebody watches it fill, a map is complete.
    ///
    /// # Errors
    /// A sentence for the person, if the node cannot be shown.
    fn open(&self, model: &str, node: u32, watched: bool) -> Result<WidgetState, String>;
    /// The picture of a node as it is now and as pages show it, which the state of the model says.
    ///
    /// # Errors
    /// As [`WidgetBackend::open`].
    fn picture(&self, node: u32, state: &Map<String, Value>) -> Result<WidgetState, String>;
    /// Whether a change of this state changes the picture.
    fn changes_picture(&self, _state: &Map<String, Value>) -> bool {
        false
    }
    /// A request of a page. Returns at once; the answer comes from any thread.
    fn request(&self, model: &str, content: Value, buffers: Vec<Bytes>, reply: CommReply);
    /// A page has changed view state.
    fn update(&self, model: &str, state: &Map<String, Value>);
    /// A model of an earlier kernel is open again.
    fn revived(&self, model: &str, nodes: Vec<u32>) {
        let _ = (model, nodes);
    }
    /// The nodes an open model was opened for and shows now: they must stay.
    fn shows(&self, model: &str, nodes: Vec<u32>) {
        let _ = (model, nodes);
    }
    /// No page will ask for this model again.
    fn close(&self, model: &str);
    /// A cell begins; the views that its last run had opened are closed next.
    fn cell_begins(&self) {}
    /// The cell has run. `cell` is empty where the front end does not name its cells.
    fn cell_ended(&self, _cell: &str, _failed: bool) {}
    /// Models were opened, closed, or changed by a page.
    fn changed(&self) {}
    /// Models that were open when the earlier session of this notebook ended.
    fn earlier(&self) -> Vec<View> {
        Vec::new()
    }
    /// The notebook on the disk, if it is known.
    fn notebook(&self) -> Option<PathBuf> {
        None
    }
}

/// When idle follows a widget's custom message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdlePolicy {
    /// busy, answer, idle: the letter of the specification.
    Strict,
    /// Only the answer; the idle is owed until the page pauses. 2 to 15 times more frames per second.
    Lazy,
}

impl IdlePolicy {
    /// From `SIGNALTREE_COMM_IDLE`; lazy unless it says `strict`.
    pub fn from_environment() -> Self {
        match std::env::var("SIGNALTREE_COMM_IDLE").as_deref() {
            Ok("strict") => Self::Strict,
            Ok("lazy") | Err(_) => Self::Lazy,
            Ok(other) => {
                tracing::warn!(
                    "SIGNALTREE_COMM_IDLE is {other:?}; strict and lazy are known, lazy is used"
                );
                Self::Lazy
            }
        }
    }
}

/// The one answer to a request of a page. Dropped unsent, it still ends the request.
pub struct CommReply {
    iopub: Iopub,
    policy: IdlePolicy,
    comm_id: String,
    parent: Arc<Parent>,
}

impl CommReply {
    pub(crate) fn new(
        iopub: Iopub,
        policy: IdlePolicy,
        comm_id: &str,
        parent: &Arc<Parent>,
    ) -> Self {
        Self {
            iopub,
            policy,
            comm_id: comm_id.to_owned(),
            parent: parent.clone(),
        }
    }

    pub fn send(self, content: Value, buffers: Vec<Bytes>) {
        let data = json!({ "method": "custom", "content": content });
        self.iopub
            .publish(comm_msg(Some(&self.parent), &self.comm_id, data, buffers));
    }
}

impl Drop for CommReply {
    fn drop(&mut self) {
        match self.policy {
            IdlePolicy::Strict => self.iopub.status(Some(&self.parent), "idle"),
            IdlePolicy::Lazy => self.iopub.owe_idle(&self.parent),
        }
    }
}
