//! What must be known before numbers are trusted: of the file, of the operations above, of what was read so far.

use std::collections::HashMap;
use std::path::Path;

use protocol::{CommandReply, Remark};
use signal::Caveat;
use tree::{Graph, MapProgress, Node, PassState};

use crate::{Session, lock, measured, save};

/// Of a node: what was known when it was made, what reading its file and measuring has shown since, and which positions of a
/// map have no value.
pub(crate) fn of(session: &Session, graph: &Graph, node: &Node) -> Vec<Caveat> {
    let measured = measured_above(session, graph, node);
    let without = no_value(session, node);
    united(
        &node.meta.caveats,
        (found(graph, node).into_iter())
            .chain(measured)
            .chain(without),
    )
}

/// Of what is saved of a node; `noted` was found while it was written. The pixels of a file itself are saved as they are
/// stored, dead ones too.
pub(crate) fn of_result(
    session: &Session,
    graph: &Graph,
    node: &Node,
    noted: Vec<Caveat>,
) -> Vec<Caveat> {
    let found = match (node.computation(), graph.source_of(node.id)) {
        (None, Some((_, source))) => source.caveats(),
        _ => found(graph, node),
    };
    // Positions that could not be computed have no value either, and are said with their reason.
    let failed = noted.iter().any(|caveat| caveat.code == save::HOLES);
    let without = no_value(session, node).filter(|_| !failed);
    let measured = measured_above(session, graph, node);
    united(
        &node.meta.caveats,
        (found.into_iter())
            .chain(measured)
            .chain(noted)
            .chain(without),
    )
}

/// Those of `all` that are not among `known`.
pub(crate) fn beyond(all: &[Caveat], known: &[Caveat]) -> Vec<Caveat> {
    (all.iter())
        .filter(|caveat| !known.contains(caveat))
        .cloned()
        .collect()
}

fn united(known: &[Caveat], more: impl Iterator<Item = Caveat>) -> Vec<Caveat> {
    let mut all = known.to_vec();
    for caveat in more {
        if !all.contains(&caveat) {
            all.push(caveat);
        }
    }
    all
}

/// What reading the file above a node has shown so far.
fn found(graph: &Graph, node: &Node) -> Vec<Caveat> {
    graph.found_caveats(node.id)
}

/// What the operation of a node has measured and is doubtful.
fn measured(session: &Session, node: &Node) -> Vec<Caveat> {
    let found = || {
        let prepared = session.engine.prepared(node)?;
        Some(node.computation()?.prepared_caveats(&prepared))
    };
    found().unwrap_or_default()
}

/// The same of everything that a node is computed from, first that of its parents.
fn measured_above(session: &Session, graph: &Graph, node: &Node) -> Vec<Caveat> {
    let parents = node.parents.iter().filter_map(|parent| graph.node(*parent));
    let mut all: Vec<Caveat> = parents
        .flat_map(|parent| measured_above(session, graph, parent))
        .collect();
    all.extend(measured(session, node));
    all
}

fn no_value(session: &Session, node: &Node) -> Option<Caveat> {
    // A saved map says so, and why; so does what a map is measured against.
    let known = |caveats: &[Caveat]| caveats.iter().any(|it| it.code == Caveat::NO_VALUE);
    if known(&node.meta.caveats) || known(&measured(session, node)) {
        return None;
    }
    let progress = session.engine.map_progress(node.id)?;
    without_value(session, node, &progress).map(|text| Caveat::new(Caveat::NO_VALUE, text))
}

/// What is to be said of the positions of a complete map that have no value.
pub(crate) fn without_value(
    session: &Session,
    node: &Node,
    progress: &MapProgress,
) -> Option<String> {
    let (count, total) = (progress.without_value, progress.total);
    if count == 0 || progress.state != PassState::Done || progress.revision != node.revision {
        return None;
    }
    let of_reference = measured(session, node);
    if let Some(said) = (of_reference.into_iter()).find(|it| it.code == Caveat::NO_VALUE) {
        return Some(said.text);
    }
    let why = node
        .computation()
        .map_or("", |computation| computation.without_value());
    let of = match count {
        _ if count == total => "no position has a value".to_owned(),
        1 => format!("1 of {total} positions has no value"),
        _ => format!("{count} of {total} positions have no value"),
    };
    Some(match why {
        "" => of,
        why => format!("{of}: {why}"),
    })
}

/// What begins at a node: all of a file, and of an operation what none of its parents has.
pub(crate) fn own(session: &Session, graph: &Graph, node: &Node) -> Vec<Caveat> {
    if node.parents.is_empty() {
        return of(session, graph, node);
    }
    let parents = graph.parent_metas(node).unwrap_or_default();
    let inherited = |caveat: &Caveat| parents.iter().any(|meta| meta.caveats.contains(caveat));
    (node.meta.caveats.iter())
        .filter(|caveat| !inherited(caveat))
        .cloned()
        .chain(measured(session, node))
        .collect()
}

/// What becomes known of a node while it is used: of a file by reading it, of an operation by measuring, and of a map that has no
/// value anywhere when it is complete.
fn late(session: &Session, node: &Node) -> Vec<Caveat> {
    if node.parents.is_empty() {
        return node.found_caveats();
    }
    let progress = session.engine.map_progress(node.id);
    let empty = progress.is_some_and(|progress| progress.without_value == progress.total);
    let mut all = measured(session, node);
    all.extend(no_value(session, node).filter(|_| empty));
    all
}

/// What is known of a node only when something was computed.
#[derive(PartialEq)]
pub(crate) struct Found {
    node: u32,
    caveats: Vec<Caveat>,
    measured: Option<String>,
}

/// What cells have been told of what reading a file, or computing, has shown.
#[derive(Default)]
pub(crate) struct Remarked {
    /// Codes: a count in the text grows as more is read.
    codes: HashMap<About, Vec<String>>,
    /// Of what nobody holds any more, too.
    late: Vec<Remark>,
}

/// Nodes of one file share what reading it has shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    File(u32),
    Node(u32),
}

impl About {
    fn of(node: &Node) -> Self {
        match node.parents.is_empty() {
            true => About::File(node.file.number),
            false => About::Node(node.id),
        }
    }
}

/// Most remarks that wait for the end of a cell.
const MAX_LATE: usize = 64;

impl Remarked {
    fn is_new(&mut self, node: &Node, caveat: &Caveat) -> bool {
        let codes = self.codes.entry(About::of(node)).or_default();
        let new = !codes.contains(&caveat.code);
        if new {
            codes.push(caveat.code.clone());
        }
        new
    }
}

/// A file is called as the user wrote it; what is made of one, by its variable or else what makes it, and the name of the
/// file: under another cell a variable alone may be another one by then.
fn called(session: &Session, node: &Node) -> String {
    let opened = lock(&session.opened);
    let written = |node: u32| opened.get(&node).map(|opened| opened.written.as_str());
    if let Some(written) = written(node.id) {
        return written.to_owned();
    }
    let name = match node.computation() {
        Some(computation) if !lock(&session.holds).is_named(node.id) => computation.info().method,
        _ => &node.name,
    };
    let file = written(node.source)
        .map(Path::new)
        .and_then(Path::file_name);
    match file {
        Some(file) => format!("{name} of {}", file.to_string_lossy()),
        None => name.to_owned(),
    }
}

/// What is told under the cell that made these nodes.
pub(crate) fn remarks(session: &Session, nodes: &[u32]) -> Vec<Remark> {
    let graph = session.tree.snapshot();
    let mut all = Vec::new();
    for node in nodes.iter().filter_map(|node| graph.node(*node)) {
        let about = called(session, node);
        for caveat in own(session, &graph, node) {
            lock(&session.remarked).is_new(node, &caveat);
            all.push(Remark {
                about: about.clone(),
                text: caveat.text,
            });
        }
    }
    all
}

/// The reply to a command that made these nodes, with what is told of them.
pub(crate) fn with_remarks(session: &Session, reply: CommandReply, nodes: &[u32]) -> CommandReply {
    CommandReply {
        caveats: remarks(session, nodes),
        ..reply
    }
}

impl Session {
    /// What has become known since cells were told, once: dead pixels and chunks that are not there are found when a frame is
    /// computed, by whatever cell, and what disks look like when the first are looked for.
    pub fn new_remarks(&self) -> Vec<Remark> {
        let graph = self.tree.snapshot();
        graph.nodes().iter().for_each(|node| self.note_late(node));
        std::mem::take(&mut lock(&self.remarked).late)
    }

    fn note_late(&self, node: &Node) {
        for caveat in late(self, node) {
            let mut remarked = lock(&self.remarked);
            if remarked.is_new(node, &caveat) && remarked.late.len() < MAX_LATE {
                drop(remarked);
                let remark = Remark {
                    about: called(self, node),
                    text: caveat.text,
                };
                lock(&self.remarked).late.push(remark);
            }
        }
    }

    /// Before it is forgotten what these nodes were: the cell that used them has not ended.
    pub(crate) fn remember_caveats(&self, removed: &tree::Removed) {
        removed.nodes.iter().for_each(|node| self.note_late(node));
        let ended = |about: &About| match about {
            About::File(number) => removed.files.iter().any(|file| file.number == *number),
            About::Node(id) => removed.nodes.iter().any(|node| node.id == *id),
        };
        lock(&self.remarked).codes.retain(|about, _| !ended(about));
    }

    /// Tells the pages when reading a file has shown something new, or an operation has measured something.
    pub(crate) fn look_for_caveats(&self) {
        let graph = self.tree.snapshot();
        let now: Vec<Found> = (graph.nodes().iter())
            .map(|node| {
                let is_root = node.parents.is_empty();
                Found {
                    node: node.id,
                    caveats: if is_root {
                        found(&graph, node)
                    } else {
                        Vec::new()
                    },
                    measured: measured::of(self, node),
                }
            })
            .filter(|found| !found.caveats.is_empty() || found.measured.is_some())
            .collect();
        let mut known = lock(&self.found);
        if *known != now {
            *known = now;
            drop(known);
            self.notify_tree();
        }
    }
}
