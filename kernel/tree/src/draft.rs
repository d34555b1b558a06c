//! Parameters that are tried: a node beside the one that is being changed, in a snapshot of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use signal::{Computation, SignalMeta};

use crate::graph::described;
use crate::{Graph, Node, Origin, TreeError};

/// Numbers of drafts begin here, above those of all nodes.
const FIRST: u32 = 1 << 31;

/// Gives drafts numbers that no node and no recent draft has.
#[derive(Debug, Default)]
pub struct DraftNumbers(AtomicU32);

impl DraftNumbers {
    pub fn next(&self) -> u32 {
        FIRST | self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Graph {
    /// `node` and what is above it, with one more node, numbered `draft`: `node` with another computation. The
    /// tree knows nothing of it, and what is computed for it is kept under its own number until that is forgotten.
    ///
    /// # Errors
    /// [`TreeError`] when the node is a file or gone, or the operation does not fit with these parameters.
    pub fn with_draft(
        &self,
        node: u32,
        computation: Arc<dyn Computation>,
        draft: u32,
    ) -> Result<Graph, TreeError> {
        let of = self.node(node).ok_or(TreeError::NoNode { node })?;
        if of.computation().is_none() {
            return Err(TreeError::NoParameters {
                name: of.name.clone(),
            });
        }
        let metas = (self.parent_metas(of)).ok_or(TreeError::NoNode { node })?;
        let metas: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
        let above = (of.parents.iter()).find_map(|parent| self.node(*parent)?.fault.clone());
        let described = match above {
            Some(fault) => Err(fault),
            None => described(&*computation, &metas),
        };
        let meta = described.map_err(|reason| TreeError::NotApplicable {
            operation: computation.info().name,
            parent: of.name.clone(),
            reason,
        })?;
        let mut graph = self.above(&[node]);
        graph.push(Node {
            id: draft,
            origin: Origin::Operation(computation),
            meta: Arc::new(meta),
            revision: 1,
            fault: None,
            ended: Arc::default(),
            ..(**of).clone()
        });
        Ok(graph)
    }
}
