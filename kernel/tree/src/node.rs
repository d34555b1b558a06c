use std::sync::Arc;

use signal::{Computation, NotApplicable, SignalMeta, Source};

use crate::History;

/// Where the frames of a node come from.
#[derive(Clone)]
pub enum Origin {
    Source(Arc<dyn Source>),
    Operation(Arc<dyn Computation>),
}

/// One signal of the tree: a file, or an operation on other nodes.
#[derive(Clone)]
pub struct Node {
    /// Never used again, also after the node is removed.
    pub id: u32,
    pub name: String,
    pub parents: Vec<u32>,
    pub origin: Origin,
    pub meta: Arc<SignalMeta>,
    /// Grows when the node's result may have changed.
    pub revision: u32,
    /// Node id of the file it goes back to; nodes with the same one share a navigation image.
    pub source: u32,
    /// Why the operation no longer fits, after a change above it.
    pub fault: Option<NotApplicable>,
    /// Parameters it had before.
    pub history: Arc<History>,
}

impl Node {
    pub fn computation(&self) -> Option<&Arc<dyn Computation>> {
        match &self.origin {
            Origin::Operation(computation) => Some(computation),
            Origin::Source(_) => None,
        }
    }

    /// Wire name of the operation; `None` for a file.
    pub fn operation_name(&self) -> Option<&'static str> {
        self.computation()
            .map(|computation| computation.info().name)
    }
}
