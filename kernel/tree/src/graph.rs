use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use signal::{
    Caveat, Computation, MAX_NAVIGATION_RANK, NotApplicable, SignalMeta, Source, check_inputs,
};

use crate::{Binding, History, Node, OpenedFile, Origin, TreeError, lock};

mod restore;
pub use restore::Earlier;

/// An immutable snapshot of the tree.
#[derive(Clone, Default)]
pub struct Graph {
    /// In order of creation (ascending ids). First parents come before their children; a further input may be younger than what
    /// was given it afterwards.
    nodes: Vec<Arc<Node>>,
    revision: u32,
    next_id: u32,
    files: u32,
}

/// What left the tree; [`Engine::forget`](crate::Engine::forget) gives back what is kept of it.
#[derive(Clone, Default)]
pub struct Removed {
    pub nodes: Vec<Arc<Node>>,
    /// Files that no node goes back to any more.
    pub files: Vec<Arc<OpenedFile>>,
}

impl Removed {
    pub fn ids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.id).collect()
    }
}

impl Graph {
    /// In order of creation.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Grows with every change.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    pub fn node(&self, id: u32) -> Option<&Arc<Node>> {
        let at = self.nodes.binary_search_by_key(&id, |node| node.id).ok()?;
        self.nodes.get(at)
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.name == name)
    }

    pub fn children(&self, id: u32) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes
            .iter()
            .filter(move |node| node.parents.contains(&id))
    }

    /// All nodes, parents before children.
    pub fn parents_first(&self) -> Vec<&Arc<Node>> {
        let mut all = Vec::with_capacity(self.nodes.len());
        let mut known = HashSet::new();
        (self.nodes.iter()).for_each(|node| self.visit(node, &mut known, &mut all));
        all
    }

    /// A node after its parents, in their order, but for those that are `known`.
    fn visit<'a>(
        &'a self,
        node: &'a Arc<Node>,
        known: &mut HashSet<u32>,
        all: &mut Vec<&'a Arc<Node>>,
    ) {
        if known.insert(node.id) {
            let parents = node.parents.iter().filter_map(|parent| self.node(*parent));
            parents.for_each(|parent| self.visit(parent, known, all));
            all.push(node);
        }
    }

    /// `id` and every node below it, parents first.
    pub fn with_descendants(&self, id: u32) -> Vec<u32> {
        let mut found = vec![id];
        for node in self.parents_first() {
            if node.parents.iter().any(|parent| found.contains(parent)) {
                found.push(node.id);
            }
        }
        found
    }

    /// This snapshot with nothing but `ids` and what is above them: whoever keeps it for long keeps no other node
    /// alive.
    pub fn above(&self, ids: &[u32]) -> Graph {
        let (mut above, mut known) = (Vec::new(), HashSet::new());
        let nodes = ids.iter().filter_map(|id| self.node(*id));
        nodes.for_each(|node| self.visit(node, &mut known, &mut above));
        let mut nodes: Vec<Arc<Node>> = above.into_iter().cloned().collect();
        nodes.sort_by_key(|node| node.id);
        Graph { nodes, ..*self }
    }

    /// The nodes that a file was opened for.
    pub fn roots_of(&self, file: u32) -> impl Iterator<Item = &Arc<Node>> {
        (self.nodes.iter()).filter(move |node| node.parents.is_empty() && node.file.number == file)
    }

    /// The source at the top of `id`'s first-parent line, and its node.
    pub fn source_of(&self, id: u32) -> Option<(&Arc<Node>, &Arc<dyn Source>)> {
        let root = self.node(self.node(id)?.source)?;
        match &root.origin {
            Origin::Source(source) => Some((root, source)),
            Origin::Operation(_) => None,
        }
    }

    /// The sources that `id` is computed from, that of its first-parent line among them.
    pub fn sources_of(&self, id: u32) -> Vec<(&Arc<Node>, &Arc<dyn Source>)> {
        let above = self.with_ancestors(id);
        (above.into_iter())
            .filter_map(|node| match &node.origin {
                Origin::Source(source) => Some((node, source)),
                Origin::Operation(_) => None,
            })
            .collect()
    }

    /// What reading has shown of the files a node goes back to, and is not in its description.
    pub fn found_caveats(&self, node: u32) -> Vec<Caveat> {
        let mut found: Vec<Caveat> = Vec::new();
        for (root, _) in self.sources_of(node) {
            for caveat in root.found_caveats() {
                if !found.contains(&caveat) {
                    found.push(caveat);
                }
            }
        }
        found
    }

    /// Everything `id` is made from and itself: of each node first its parents, in their order. What nodes are numbered
    /// makes no difference.
    pub fn with_ancestors(&self, id: u32) -> Vec<&Arc<Node>> {
        let mut all = Vec::new();
        if let Some(node) = self.node(id) {
            self.visit(node, &mut HashSet::new(), &mut all);
        }
        all
    }

    /// Descriptions of `node`'s parents; `None` when one is gone.
    pub fn parent_metas(&self, node: &Node) -> Option<Vec<Arc<SignalMeta>>> {
        node.parents
            .iter()
            .map(|parent| Some(self.node(*parent)?.meta.clone()))
            .collect()
    }

    /// The nodes whose outputs `node` is computed from: its parents, or, of one that measures counts, what is above the
    /// steps that subtract a background.
    pub fn inputs(&self, node: &Node) -> Option<Vec<&Arc<Node>>> {
        let counts = node
            .computation()
            .is_some_and(|computation| computation.counts());
        (node.parents.iter())
            .map(|parent| {
                let mut input = self.node(*parent)?;
                while counts && subtracts_background(input) {
                    input = self.node(*input.parents.first()?)?;
                }
                Some(input)
            })
            .collect()
    }

    /// Descriptions of [`Graph::inputs`].
    pub fn input_metas(&self, node: &Node) -> Option<Vec<Arc<SignalMeta>>> {
        Some(
            (self.inputs(node)?.iter())
                .map(|input| input.meta.clone())
                .collect(),
        )
    }

    fn position(&self, id: u32) -> Result<usize, TreeError> {
        self.nodes
            .binary_search_by_key(&id, |node| node.id)
            .map_err(|_| TreeError::NoNode { node: id })
    }

    /// `wanted`, or `wanted_2`, … when another node has that name.
    fn free_name(&self, wanted: &str, except: Option<u32>) -> String {
        let taken = |name: &str| {
            self.nodes
                .iter()
                .any(|node| node.name == name && Some(node.id) != except)
        };
        if !taken(wanted) {
            return wanted.to_owned();
        }
        (2u32..)
            .map(|number| format!("{wanted}_{number}"))
            .find(|name| !taken(name))
            .unwrap_or_else(|| wanted.to_owned())
    }
}

fn subtracts_background(node: &Node) -> bool {
    let subtracts = |computation: &Arc<dyn Computation>| {
        computation.has_recipe() && computation.info().method == "subtract_background"
    };
    node.parents.len() == 1 && node.computation().is_some_and(subtracts)
}

/// What a node is: its operation's description, with the caveats of what it is made from.
pub(crate) fn described(
    computation: &dyn Computation,
    parents: &[&SignalMeta],
) -> Result<SignalMeta, NotApplicable> {
    check_inputs(computation.further_inputs(), parents.len())?;
    let mut meta = computation.describe(parents)?;
    meta.inherit_caveats(parents);
    // What is made from a model has its description, but not what was fitted.
    let name = computation.info().name;
    meta.model = (meta.model).filter(|model| model.operation == name);
    Ok(meta)
}

/// The one owner of the graph. Readers take a [`Tree::snapshot`]; changes swap in a new one.
/// No change reads or computes a pixel.
#[derive(Default)]
pub struct Tree {
    graph: Mutex<Arc<Graph>>,
}

impl Tree {
    pub fn new() -> Self {
        Tree::default()
    }

    pub fn snapshot(&self) -> Arc<Graph> {
        lock(&self.graph).clone()
    }

    pub(crate) fn change<T, E>(
        &self,
        change: impl FnOnce(&mut Graph) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut current = lock(&self.graph);
        let mut graph = (**current).clone();
        let result = change(&mut graph)?;
        graph.revision += 1;
        let before = std::mem::replace(&mut *current, Arc::new(graph));
        drop(current);
        // Outside the lock: a removed node may own a closure of a cell, and what that has captured may
        // ask for the tree when it is dropped.
        drop(before);
        Ok(result)
    }

    /// A node for an opened file; returns its id. Nodes of one and the same source share what is read of it.
    ///
    /// # Errors
    /// [`TreeError::Axes`] for axes that cannot be used (empty, not finite, too many).
    pub fn add_source(&self, name: &str, source: Arc<dyn Source>) -> Result<u32, TreeError> {
        let meta = Arc::new(source.meta().clone());
        if let Some(fault) = meta.axes.fault() {
            return Err(TreeError::Axes(fault));
        }
        if meta.axes.navigation.len() > MAX_NAVIGATION_RANK {
            return Err(TreeError::Axes(format!(
                "{} navigation axes; at most {MAX_NAVIGATION_RANK} are supported",
                meta.axes.navigation.len()
            )));
        }
        self.change(|graph| {
            graph.next_id += 1;
            let id = graph.next_id;
            let file = match graph.file_of(&source) {
                Some(file) => file,
                None => {
                    graph.files += 1;
                    OpenedFile::new(graph.files)
                }
            };
            graph.nodes.push(Arc::new(Node {
                id,
                name: graph.free_name(name, None),
                wanted: name.to_owned(),
                parents: Vec::new(),
                origin: Origin::Source(source),
                meta,
                revision: 1,
                source: id,
                file,
                fault: None,
                history: Arc::default(),
                ended: Arc::default(),
            }));
            Ok(id)
        })
    }

    /// A lazy node below `parents`, on the scan and the file of the first of them; returns its id.
    ///
    /// # Errors
    /// [`TreeError::NotApplicable`] when the operation does not fit or takes another number of inputs, [`TreeError::NoNode`].
    pub fn add_operation(
        &self,
        name: &str,
        parents: &[u32],
        computation: Arc<dyn Computation>,
    ) -> Result<u32, TreeError> {
        // Kept until the lock is free: a refused closure may ask for the tree when it is dropped.
        let kept = computation.clone();
        let added = self.change(|graph| {
            let above = (parents.iter())
                .map(|parent| Ok(graph.nodes[graph.position(*parent)?].clone()))
                .collect::<Result<Vec<_>, TreeError>>()?;
            let first = above.first().ok_or(TreeError::NoNode { node: 0 })?;
            let faulty = above
                .iter()
                .find_map(|node| Some((node, node.fault.clone()?)));
            let meta = match faulty {
                Some((node, fault)) => Err((node, fault)),
                None => {
                    let metas: Vec<&SignalMeta> = above.iter().map(|node| &*node.meta).collect();
                    described(&*computation, &metas).map_err(|reason| (first, reason))
                }
            };
            let meta = meta.map_err(|(node, reason)| TreeError::NotApplicable {
                operation: computation.info().name,
                parent: node.name.clone(),
                reason,
            })?;
            graph.next_id += 1;
            let id = graph.next_id;
            graph.nodes.push(Arc::new(Node {
                id,
                name: graph.free_name(name, None),
                wanted: name.to_owned(),
                parents: parents.to_vec(),
                origin: Origin::Operation(computation),
                meta: Arc::new(meta),
                revision: 1,
                source: first.source,
                file: first.file.clone(),
                fault: None,
                history: Arc::default(),
                ended: Arc::default(),
            }));
            Ok(id)
        });
        drop(kept);
        added
    }

    /// New parameters for a node: its revision and those of all nodes below it grow, and they are
    /// described again. A node below that no longer fits stays, with its fault. Returns the ids
    /// whose results may have changed.
    ///
    /// # Errors
    /// [`TreeError`] when the node is a file, is gone, or the operation does not fit with these parameters.
    pub fn set_computation(
        &self,
        id: u32,
        computation: Arc<dyn Computation>,
    ) -> Result<Vec<u32>, TreeError> {
        self.bind_again(id, |node, current| {
            let next = Binding {
                computation,
                parents: current.parents.clone(),
            };
            Ok((next, node.history.changed(current)))
        })
    }

    /// Other further inputs for a node, in the place of those it has; otherwise as [`Tree::set_computation`].
    ///
    /// # Errors
    /// [`TreeError`] as there, and when one of them is made from the node itself.
    pub fn set_further_inputs(&self, id: u32, further: &[u32]) -> Result<Vec<u32>, TreeError> {
        self.bind_again(id, |node, current| {
            let next = Binding {
                computation: current.computation.clone(),
                parents: (node.parents.iter().take(1).chain(further).copied()).collect(),
            };
            Ok((next, node.history.changed(current)))
        })
    }

    /// `next` says what a node becomes, and the history behind it. Its first parent stays: scan and file are that one's.
    pub(crate) fn bind_again(
        &self,
        id: u32,
        next: impl FnOnce(&Node, &Binding) -> Result<(Binding, History), TreeError>,
    ) -> Result<Vec<u32>, TreeError> {
        self.change(|graph| {
            let at = graph.position(id)?;
            let node = graph.nodes[at].clone();
            let Some(current) = node.computation() else {
                return Err(TreeError::NoParameters {
                    name: node.name.clone(),
                });
            };
            let current = Binding {
                computation: current.clone(),
                parents: node.parents.clone(),
            };
            let (next, history) = next(&node, &current)?;
            let Binding {
                computation,
                parents,
            } = next;
            let above = (parents.iter())
                .map(|parent| Ok(graph.nodes[graph.position(*parent)?].clone()))
                .collect::<Result<Vec<_>, TreeError>>()?;
            let below = graph.with_descendants(id);
            let given = (above.iter()).filter(|parent| !node.parents.contains(&parent.id));
            let unfit = given
                .filter_map(|parent| match &parent.fault {
                    Some(fault) => Some(fault.clone()),
                    None => below.contains(&parent.id).then(|| {
                        let reason = format!("`{}` is made from it", parent.name);
                        NotApplicable::new(reason, "what is not made from it")
                    }),
                })
                .next();
            let metas: Vec<&SignalMeta> = above.iter().map(|node| &*node.meta).collect();
            let meta = unfit.map_or_else(|| described(&*computation, &metas), Err);
            let meta = meta.map_err(|reason| TreeError::NotApplicable {
                operation: computation.info().name,
                parent: node.name.clone(),
                reason,
            })?;
            graph.nodes[at] = Arc::new(Node {
                parents,
                origin: Origin::Operation(computation),
                meta: Arc::new(meta),
                revision: node.revision + 1,
                fault: None,
                history: Arc::new(history),
                ..(*node).clone()
            });
            let changed = graph.with_descendants(id);
            for below in &changed[1..] {
                graph.describe_again(*below)?;
            }
            Ok(changed)
        })
    }

    /// Renames a node; another node that has this name gets the one that `displaced` says for it, with a number if
    /// need be. Returns that one's id.
    ///
    /// # Errors
    /// [`TreeError::NoNode`].
    pub fn rename(
        &self,
        id: u32,
        name: &str,
        displaced: impl FnOnce(&Node) -> String,
    ) -> Result<Option<u32>, TreeError> {
        self.change(|graph| {
            let at = graph.position(id)?;
            let other = graph
                .nodes
                .iter()
                .position(|node| node.name == name && node.id != id);
            let renamed = |node: &Node, name: String, wanted: &str| {
                Arc::new(Node {
                    name,
                    wanted: wanted.to_owned(),
                    ..node.clone()
                })
            };
            graph.nodes[at] = renamed(&graph.nodes[at], name.to_owned(), name);
            let Some(other) = other else { return Ok(None) };
            let node = graph.nodes[other].clone();
            let wanted = displaced(&node);
            let free = graph.free_name(&wanted, Some(node.id));
            graph.nodes[other] = renamed(&node, free, &wanted);
            Ok(Some(node.id))
        })
    }

    /// Removes a node that has none below it.
    ///
    /// # Errors
    /// [`TreeError::HasChildren`], [`TreeError::NoNode`].
    pub fn remove(&self, id: u32) -> Result<Removed, TreeError> {
        self.change(|graph| {
            let at = graph.position(id)?;
            let children: Vec<String> = graph
                .children(id)
                .map(|child| format!("`{}`", child.name))
                .collect();
            if !children.is_empty() {
                return Err(TreeError::HasChildren {
                    name: graph.nodes[at].name.clone(),
                    children,
                });
            }
            let nodes = vec![graph.nodes.remove(at)];
            Ok(graph.removed(nodes))
        })
    }

    /// Removes the nodes that are `loose` and have none below them that stays. Of those that are left, the ones
    /// that may be `renamed` get the names they were given, as far as these are free now. Nothing is changed
    /// when there is nothing to remove.
    pub fn remove_loose(
        &self,
        loose: impl Fn(&Graph, &Node) -> bool,
        renamed: impl Fn(&Node) -> bool,
    ) -> Removed {
        let swept = self.change(|graph| {
            let mut gone = Vec::new();
            let ids: Vec<u32> = graph.parents_first().iter().map(|node| node.id).collect();
            for id in ids.into_iter().rev() {
                let Ok(at) = graph.position(id) else { continue };
                if graph.children(id).next().is_none() && loose(graph, &graph.nodes[at]) {
                    gone.push(graph.nodes.remove(at));
                }
            }
            if gone.is_empty() {
                return Err(());
            }
            for at in 0..graph.nodes.len() {
                let node = &graph.nodes[at];
                if node.name != node.wanted && renamed(node) {
                    let name = graph.free_name(&node.wanted, Some(node.id));
                    graph.nodes[at] = Arc::new(Node {
                        name,
                        ..(**node).clone()
                    });
                }
            }
            Ok(graph.removed(gone))
        });
        swept.unwrap_or_default()
    }
}

impl Graph {
    /// The file of nodes that were made for this source.
    fn file_of(&self, source: &Arc<dyn Source>) -> Option<Arc<OpenedFile>> {
        let same = |node: &&Arc<Node>| match &node.origin {
            Origin::Source(other) => std::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(source)),
            Origin::Operation(_) => false,
        };
        self.nodes.iter().find(same).map(|node| node.file.clone())
    }

    /// `nodes` have just left this graph.
    fn removed(&self, nodes: Vec<Arc<Node>>) -> Removed {
        let roots = nodes.iter().filter(|node| node.parents.is_empty());
        let mut files: Vec<Arc<OpenedFile>> = roots
            .map(|node| node.file.clone())
            .filter(|file| self.roots_of(file.number).next().is_none())
            .collect();
        files.dedup_by_key(|file| file.number);
        Removed { nodes, files }
    }

    /// A node with a number above all others.
    pub(crate) fn push(&mut self, node: Node) {
        self.nodes.push(Arc::new(node));
    }

    pub(crate) fn alter(
        &mut self,
        id: u32,
        altered: impl FnOnce(&Node) -> Node,
    ) -> Result<(), TreeError> {
        let at = self.position(id)?;
        self.nodes[at] = Arc::new(altered(&self.nodes[at]));
        Ok(())
    }

    /// Describes a node after a change above it.
    fn describe_again(&mut self, id: u32) -> Result<(), TreeError> {
        let at = self.position(id)?;
        let node = self.nodes[at].clone();
        let metas = self
            .parent_metas(&node)
            .ok_or(TreeError::NoNode { node: id })?;
        let faulty_parent = node
            .parents
            .iter()
            .filter_map(|parent| self.node(*parent)?.fault.clone())
            .next();
        let described = match (&node.origin, faulty_parent) {
            (_, Some(fault)) => Err(fault),
            (Origin::Source(_), None) => Ok((*node.meta).clone()),
            (Origin::Operation(computation), None) => {
                let metas: Vec<&SignalMeta> = metas.iter().map(|meta| &**meta).collect();
                described(&**computation, &metas)
            }
        };
        let (meta, fault) = match described {
            Ok(meta) => (Arc::new(meta), None),
            Err(fault) => (node.meta.clone(), Some(fault)),
        };
        self.nodes[at] = Arc::new(Node {
            meta,
            fault,
            revision: node.revision + 1,
            ..(*node).clone()
        });
        Ok(())
    }
}
