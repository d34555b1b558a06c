//! Nodes of an earlier session, under the ids they had.

use std::sync::Arc;

use signal::{Computation, Source};

use super::{Graph, Tree};
use crate::{Node, TreeError};

/// What a node had in the earlier session.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    pub id: u32,
    pub name: &'a str,
    pub revision: u32,
}

impl Tree {
    /// New nodes get ids above `id`, so that those of an earlier session stay free.
    pub fn reserve_ids(&self, id: u32) {
        let reserved = self.change(|graph| {
            graph.next_id = graph.next_id.max(id);
            Ok::<(), TreeError>(())
        });
        debug_assert!(reserved.is_ok(), "reserving cannot fail");
    }

    /// As [`Tree::add_source`], under the earlier id if no node has it.
    ///
    /// # Errors
    /// As [`Tree::add_source`].
    pub fn restore_source(
        &self,
        earlier: Earlier<'_>,
        source: Arc<dyn Source>,
    ) -> Result<u32, TreeError> {
        let id = self.add_source(earlier.name, source)?;
        self.move_back(id, earlier)
    }

    /// As [`Tree::add_operation`], under the earlier id if no node has it.
    ///
    /// # Errors
    /// As [`Tree::add_operation`].
    pub fn restore_operation(
        &self,
        earlier: Earlier<'_>,
        parents: &[u32],
        computation: Arc<dyn Computation>,
    ) -> Result<u32, TreeError> {
        let id = self.add_operation(earlier.name, parents, computation)?;
        self.move_back(id, earlier)
    }

    /// Gives the node that was just added its earlier id and revision.
    fn move_back(&self, id: u32, earlier: Earlier<'_>) -> Result<u32, TreeError> {
        self.change(|graph| {
            let at = graph.position(id)?;
            let node = graph.nodes[at].clone();
            let parents_above = (node.parents.first()).is_none_or(|parent| *parent < earlier.id);
            let free = graph.nodes.iter().all(|node| node.id != earlier.id);
            let own = if free && parents_above && earlier.id != 0 {
                earlier.id
            } else {
                id
            };
            graph.nodes.remove(at);
            // Nobody has seen the number that was given out for a moment.
            if own != id && graph.next_id == id {
                graph.next_id -= 1;
            }
            graph.next_id = graph.next_id.max(own);
            graph.insert(Node {
                id: own,
                revision: earlier.revision.max(1),
                source: if node.source == id { own } else { node.source },
                ..(*node).clone()
            });
            Ok(own)
        })
    }
}

impl Graph {
    /// Keeps the nodes in the order of their ids.
    pub(crate) fn insert(&mut self, node: Node) {
        let at = self.nodes.partition_point(|other| other.id < node.id);
        self.nodes.insert(at, Arc::new(node));
    }
}
