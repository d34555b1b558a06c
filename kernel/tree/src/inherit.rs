//! A cell that runs again makes its nodes anew. What was computed for a node goes on with one of the same recipe: the
//! same operations with the same parameters on one and the same opened file. A closure has no recipe, and a file that
//! has changed is another one.

use std::sync::{Arc, Mutex};

use signal::Source;

use crate::compute::{Inner, guarded};
use crate::map::MapRun;
use crate::materialised::MaterialisedSignal;
use crate::preparation::Run;
use crate::{Engine, Graph, Node, Origin, Removed, lock};

/// The most nodes whose results wait; of more, those that left last.
const MAX: usize = 32;

/// What was computed for a node that left the tree.
struct Estate {
    node: Arc<Node>,
    /// The node with those above it.
    graph: Graph,
    map: Option<Arc<MapRun>>,
    prepared: Option<Arc<Run>>,
    materialised: Option<MaterialisedSignal>,
    /// The cell that it waits for, which has failed; `None`: for the one that runs.
    cell: Option<String>,
}

#[derive(Default)]
struct Waiting {
    estates: Vec<Estate>,
    /// A cell runs.
    running: bool,
}

/// Estates that wait for the nodes which a cell makes that runs again: until it has run, and where it failed until it
/// has run once more, or until memory is short.
#[derive(Default)]
pub(crate) struct Estates(Mutex<Waiting>);

impl Estates {
    /// Whether there were any.
    pub fn clear(&self) -> bool {
        let dropped = std::mem::take(&mut lock(&self.0).estates);
        !dropped.is_empty()
    }

    fn add(&self, estate: Estate) {
        let mut waiting = lock(&self.0);
        waiting.estates.push(estate);
        let oldest = (waiting.estates.len() > MAX).then(|| waiting.estates.remove(0));
        drop(waiting);
        drop(oldest);
    }

    fn take(&self, wanted: impl Fn(&Estate) -> bool) -> Option<Estate> {
        let mut waiting = lock(&self.0);
        let at = waiting.estates.iter().position(wanted)?;
        Some(waiting.estates.remove(at))
    }

    /// Memory was short.
    pub fn drop_evicted(&self, number: u64) {
        let mut waiting = lock(&self.0);
        let dropped: Vec<_> = (waiting.estates.iter_mut())
            .filter(|estate| {
                (estate.materialised.as_ref())
                    .is_some_and(|materialised| materialised.number() == number)
            })
            .map(|estate| estate.materialised.take())
            .collect();
        drop(waiting);
        drop(dropped);
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

    /// Whether every node is a file or an operation that can be recognised.
    fn is_all_recipe(&self) -> bool {
        let known = |node: &Node| match &node.origin {
            Origin::Source(_) => true,
            Origin::Operation(operation) => operation.has_recipe(),
        };
        self.nodes().iter().all(|node| known(node))
    }

    /// This graph with the nodes that have just left it.
    fn with_removed(&self, removed: &[Arc<Node>]) -> Graph {
        let mut graph = self.clone();
        for node in removed {
            graph.insert((**node).clone());
        }
        graph
    }

    /// Whether the files that a node is computed from are still what they were.
    pub(crate) fn files_are_unchanged(&self, node: &Node) -> bool {
        let sources = self.sources_of(node.id);
        let unchanged = |source: &Arc<dyn Source>| guarded(|| source.is_as_opened()) == Ok(true);
        !sources.is_empty() && sources.iter().all(|(_, source)| unchanged(source))
    }
}

impl Engine {
    /// What was computed for nodes that have just left the tree, and is not forgotten yet, goes to those of the same
    /// recipe that are in it. While a cell runs, what finds no heir waits for one: the cell may make it again.
    pub fn hand_over(&self, graph: &Graph, removed: &Removed) {
        let before = graph.with_removed(&removed.nodes);
        for node in &removed.nodes {
            self.inner.hand_over(graph, &before, node);
        }
    }

    /// A node was made: it goes on with what was computed for the one that it takes the place of.
    pub fn take_up(&self, graph: &Graph, node: u32) {
        let Some(node) = graph.node(node) else { return };
        let same = |estate: &Estate| graph.has_same_recipe(node, &estate.graph, &estate.node);
        let found = self.inner.estates.take(same);
        if let Some(estate) = found.filter(|_| graph.files_are_unchanged(node)) {
            self.inner.give(node, estate.map, estate.prepared);
            if let Some(materialised) = estate.materialised {
                self.inner.share_materialised(node, materialised);
            }
        }
    }

    /// From here on what leaves the tree waits for what the cell makes.
    pub fn cell_begins(&self) {
        lock(&self.inner.estates.0).running = true;
    }

    /// The cell has ended. What it has not made again is given up, unless it failed: then that, and what it had made
    /// itself, waits until it has run well.
    pub fn cell_ended(&self, cell: &str, failed: bool) {
        let mut waiting = lock(&self.inner.estates.0);
        waiting.running = false;
        if failed {
            for estate in &mut waiting.estates {
                estate.cell.get_or_insert_with(|| cell.to_owned());
            }
            return;
        }
        let own = |estate: &mut Estate| estate.cell.as_ref().is_none_or(|of| of == cell);
        let dropped: Vec<_> = waiting.estates.extract_if(.., own).collect();
        drop(waiting);
        drop(dropped);
    }
}

impl Inner {
    fn hand_over(&self, graph: &Graph, before: &Graph, node: &Arc<Node>) {
        let map = lock(&self.maps).get(&node.id).cloned();
        let map = map.filter(|run| run.revision() == node.revision && run.worth() > 0);
        let prepared = self.preparations.worth_keeping(node);
        let materialised = self.materialised.take(node);
        if map.is_none() && prepared.is_none() && materialised.is_none() {
            return;
        }
        let heir =
            (graph.nodes().iter().rev()).find(|heir| graph.has_same_recipe(heir, before, node));
        match heir {
            Some(heir) if graph.files_are_unchanged(heir) => {
                self.give(heir, map, prepared);
                if let Some(materialised) = materialised.filter(|_| !self.materialised.has(heir)) {
                    self.share_materialised(heir, materialised);
                }
            }
            None if lock(&self.estates.0).running => {
                let graph = before.above(&[node.id]);
                if graph.is_all_recipe() {
                    self.keep_waiting(node, graph, map, prepared, materialised);
                }
            }
            _ => {}
        }
    }

    fn keep_waiting(
        &self,
        node: &Arc<Node>,
        graph: Graph,
        map: Option<Arc<MapRun>>,
        prepared: Option<Arc<Run>>,
        materialised: Option<MaterialisedSignal>,
    ) {
        if let Some(map) = &map {
            map.cancel();
        }
        self.estates.add(Estate {
            node: node.clone(),
            graph,
            map,
            prepared,
            materialised: materialised.clone(),
            cell: None,
        });
        // Memory may have been short in between.
        if let Some(materialised) = materialised.filter(|materialised| !materialised.is_counted()) {
            self.evict_materialised(materialised.number());
        }
    }

    fn give(&self, heir: &Arc<Node>, map: Option<Arc<MapRun>>, prepared: Option<Arc<Run>>) {
        if let Some(prepared) = prepared {
            self.preparations.give(heir, prepared);
        }
        if let Some(earlier) = map {
            self.succeed(heir, &earlier);
        }
    }

    /// What is in memory of another node with the same recipe.
    pub fn materialised_of_the_same(
        &self,
        graph: &Graph,
        node: &Node,
    ) -> Option<MaterialisedSignal> {
        let found = (graph.nodes().iter())
            .filter(|other| other.id != node.id && self.materialised.has(other))
            .find(|other| graph.has_same_recipe(node, graph, other))?;
        let materialised = self.materialised.of(found)?;
        graph.files_are_unchanged(node).then_some(materialised)
    }
}
