//! A cell that runs again makes its nodes anew. What was computed for a node goes on with one of the same recipe: the
//! same operations with the same parameters on one and the same opened file. A closure has no recipe, and a file that
//! has changed is another one.

use std::sync::{Arc, Mutex};

use signal::Prepared;

use crate::compute::{Inner, guarded};
use crate::held::HeldSignal;
use crate::map::MapRun;
use crate::{Engine, Graph, Node, Origin, Removed, lock};

/// What was computed for a node that left the tree.
struct Estate {
    node: Arc<Node>,
    /// The node with those above it.
    graph: Graph,
    map: Option<Arc<MapRun>>,
    prepared: Option<Option<Prepared>>,
}

/// Estates that wait for the nodes which a cell that runs again is about to make.
#[derive(Default)]
pub(crate) struct Estates(Mutex<Vec<Estate>>);

impl Estates {
    /// Whether there were any.
    pub fn clear(&self) -> bool {
        let gone = std::mem::take(&mut *lock(&self.0));
        !gone.is_empty()
    }
}

impl Graph {
    /// Whether `node` is computed as `other`, which may have left the tree; `of` has it and what is above it.
    pub(crate) fn has_same_recipe(&self, node: &Node, of: &Graph, other: &Node) -> bool {
        if (node.id, node.revision) == (other.id, other.revision) {
            return true;
        }
        let alike = match (&node.origin, &other.origin) {
            (Origin::Source(one), Origin::Source(other)) => {
                std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
            }
            (Origin::Operation(one), Origin::Operation(other)) => {
                let names = [one, other].map(|operation| operation.info().name);
                one.has_recipe()
                    && other.has_recipe()
                    && names[0] == names[1]
                    && one.params() == other.params()
            }
            _ => false,
        };
        let fits = node.fault.is_none() && other.fault.is_none();
        alike
            && fits
            && node.parents.len() == other.parents.len()
            && (node.parents.iter().zip(&other.parents)).all(|(one, other)| {
                match (self.node(*one), of.node(*other)) {
                    (Some(one), Some(other)) => self.has_same_recipe(one, of, other),
                    _ => false,
                }
            })
    }

    /// This graph with the nodes that have just left it.
    fn with_removed(&self, removed: &[Arc<Node>]) -> Graph {
        let mut graph = self.clone();
        for node in removed {
            graph.insert((**node).clone());
        }
        graph
    }

    /// Whether the file of a node is still what it was.
    pub(crate) fn file_is_unchanged(&self, node: &Node) -> bool {
        let source = self.source_of(node.id);
        source.is_some_and(|(_, source)| matches!(guarded(|| source.check()), Ok(Ok(()))))
    }
}

impl Engine {
    /// What was computed for nodes that have just left the tree, and is not forgotten yet, goes to those of the same
    /// recipe that are in it. `again`: they left because their cell is about to run again; what finds no heir waits
    /// for one until [`Engine::end_waiting`].
    pub fn hand_over(&self, graph: &Graph, gone: &Removed, again: bool) {
        let before = graph.with_removed(&gone.nodes);
        for node in &gone.nodes {
            self.inner.hand_over(graph, &before, node, again);
        }
    }

    /// A node was made: it goes on with what was computed for the one that it takes the place of.
    pub fn take_up(&self, graph: &Graph, node: u32) {
        let Some(node) = graph.node(node) else { return };
        let found = {
            let mut waiting = lock(&self.inner.estates.0);
            let same = |estate: &Estate| graph.has_same_recipe(node, &estate.graph, &estate.node);
            let at = waiting.iter().position(same);
            at.map(|at| waiting.remove(at))
        };
        if let Some(estate) = found.filter(|_| graph.file_is_unchanged(node)) {
            self.inner.give(node, estate.map, estate.prepared);
        }
    }

    /// The cell has ended: what it has not made again is given up.
    pub fn end_waiting(&self) {
        self.inner.estates.clear();
    }
}

impl Inner {
    fn hand_over(&self, graph: &Graph, before: &Graph, node: &Arc<Node>, again: bool) {
        let map = lock(&self.maps).get(&node.id).cloned();
        let map = map.filter(|run| run.revision() == node.revision && run.worth() > 0);
        // What was looked for and not found is no work.
        let prepared = self.reductions.made(node).filter(Option::is_some);
        let held = self.held.take(node);
        if map.is_none() && prepared.is_none() && held.is_none() {
            return;
        }
        let heir =
            (graph.nodes().iter().rev()).find(|heir| graph.has_same_recipe(heir, before, node));
        match heir {
            Some(heir) if graph.file_is_unchanged(heir) => {
                self.give(heir, map, prepared);
                if let Some(held) = held.filter(|_| !self.held.has(heir)) {
                    // What the node that left has counted is no longer: the cache is told next.
                    self.cache.forget(&[node.id], &[]);
                    self.share_held(heir, held);
                }
            }
            None if again => {
                if let Some(map) = &map {
                    map.cancel();
                }
                lock(&self.estates.0).push(Estate {
                    node: node.clone(),
                    graph: before.above(&[node.id]),
                    map,
                    prepared,
                });
            }
            _ => {}
        }
    }

    fn give(&self, heir: &Arc<Node>, map: Option<Arc<MapRun>>, prepared: Option<Option<Prepared>>) {
        if let Some(prepared) = prepared {
            self.reductions.give(heir, prepared);
        }
        if let Some(earlier) = map {
            self.succeed(heir, &earlier);
        }
    }

    /// What was gathered for another node with the same recipe.
    pub fn prepared_of_the_same(&self, graph: &Graph, node: &Node) -> Option<Option<Prepared>> {
        let others = self.reductions.nodes();
        let found = (others.into_iter())
            .filter(|other| *other != node.id)
            .filter_map(|other| graph.node(other))
            .filter(|other| graph.has_same_recipe(node, graph, other))
            .find_map(|other| self.reductions.made(other).filter(Option::is_some))?;
        graph.file_is_unchanged(node).then_some(found)
    }

    /// What is held of another node with the same recipe.
    pub fn held_of_the_same(&self, graph: &Graph, node: &Node) -> Option<Arc<HeldSignal>> {
        let found = (graph.nodes().iter())
            .filter(|other| other.id != node.id && self.held.has(other))
            .find(|other| graph.has_same_recipe(node, graph, other))?;
        let held = self.held.of(found)?;
        graph.file_is_unchanged(node).then_some(held)
    }
}
