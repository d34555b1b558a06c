//! What must be known before numbers are trusted: of the file, of the operations above, of what was read so far.

use std::collections::HashMap;

use protocol::{CommandReply, Remark};
use signal::Caveat;
use tree::{Graph, MapProgress, Node, PassState};

use crate::{Session, lock, measured, save};

/// Of a node: what was known when it was made, what reading its file has shown since, and which positions of a map have no
/// value.
pub(crate) fn of(session: &Session, graph: &Graph, node: &Node) -> Vec<Caveat> {
    let without = no_value(session, node);
    united(
        &node.meta.caveats,
        found(graph, node).into_iter().chain(without),
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
    united(
        &node.meta.caveats,
        found.into_iter().chain(noted).chain(without),
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

/// Code of the caveat of positions of a map that have no value.
const NO_VALUE: &str = "no_value";

fn no_value(session: &Session, node: &Node) -> Option<Caveat> {
    if node
        .meta
        .caveats
        .iter()
        .any(|caveat| caveat.code == NO_VALUE)
    {
        return None; // A saved map says so, and why.
    }
    let progress = session.engine.map_progress(node.id)?;
    without_value(session, node, &progress).map(|text| Caveat::new(NO_VALUE, text))
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
    let why = measured::no_reference(session, node);
    let why = why.as_deref().unwrap_or_else(|| {
        node.computation()
            .map_or("", |computation| computation.without_value())
    });
    let of = match count {
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
        .collect()
}

/// What is known of a node only when something was computed.
#[derive(PartialEq)]
pub(crate) struct Found {
    node: u32,
    caveats: Vec<Caveat>,
    measured: Option<String>,
}

/// What cells have been told of what reading a file has shown.
#[derive(Default)]
pub(crate) struct Told {
    /// By number of the file. Codes: a count in the text grows as more is read.
    codes: HashMap<u32, Vec<String>>,
    /// Of files that nobody holds any more.
    late: Vec<Remark>,
}

/// Most remarks that wait for the end of a cell.
const MOST_LATE: usize = 64;

impl Told {
    fn is_new(&mut self, file: u32, caveat: &Caveat) -> bool {
        let codes = self.codes.entry(file).or_default();
        let new = !codes.contains(&caveat.code);
        if new {
            codes.push(caveat.code.clone());
        }
        new
    }
}

/// A file is called as the user wrote it.
fn called(session: &Session, node: &Node) -> String {
    let opened = lock(&session.opened).get(&node.id).cloned();
    opened.map_or_else(|| node.name.clone(), |opened| opened.written)
}

/// What is told under the cell that made these nodes.
pub(crate) fn remarks(session: &Session, nodes: &[u32]) -> Vec<Remark> {
    let graph = session.tree.snapshot();
    let mut all = Vec::new();
    for node in nodes.iter().filter_map(|node| graph.node(*node)) {
        let about = called(session, node);
        for caveat in own(session, &graph, node) {
            if node.parents.is_empty() {
                lock(&session.told).is_new(node.file.number, &caveat);
            }
            all.push(Remark {
                about: about.clone(),
                text: caveat.text,
            });
        }
    }
    all
}

/// The reply to a command that made these nodes, with what is told of them.
pub(crate) fn told(session: &Session, reply: CommandReply, nodes: &[u32]) -> CommandReply {
    CommandReply {
        caveats: remarks(session, nodes),
        ..reply
    }
}

impl Session {
    /// What reading has shown of files since cells were told of them, once: dead pixels and chunks that are not there are
    /// found when a frame is computed, by whatever cell.
    pub fn new_remarks(&self) -> Vec<Remark> {
        let graph = self.tree.snapshot();
        let roots = graph.nodes().iter().filter(|node| node.parents.is_empty());
        roots.for_each(|root| self.note_late(root));
        std::mem::take(&mut lock(&self.told).late)
    }

    fn note_late(&self, root: &Node) {
        for caveat in root.found_caveats() {
            let mut told = lock(&self.told);
            if told.is_new(root.file.number, &caveat) && told.late.len() < MOST_LATE {
                drop(told);
                let remark = Remark {
                    about: called(self, root),
                    text: caveat.text,
                };
                lock(&self.told).late.push(remark);
            }
        }
    }

    /// Before it is forgotten what these nodes were: the cell that used them has not ended.
    pub(crate) fn remember_caveats(&self, gone: &tree::Removed) {
        let roots = gone.nodes.iter().filter(|node| node.parents.is_empty());
        roots.for_each(|root| self.note_late(root));
        let ended = |file: &u32| gone.files.iter().any(|gone| gone.number == *file);
        lock(&self.told).codes.retain(|file, _| !ended(file));
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
                    measured: measured::of(self, &graph, node),
                }
            })
            .filter(|found| !found.caveats.is_empty() || found.measured.is_some())
            .collect();
        let mut known = lock(&self.found);
        if *known != now {
            *known = now;
            drop(known);
            self.tell_tree();
        }
    }
}
