//! What must be known before numbers are trusted: of the file, of the operations above, of what was read so far.

use protocol::{CommandReply, Remark};
use signal::Caveat;
use tree::{Graph, MapProgress, Node, PassState};

use crate::{Session, lock, save};

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

fn no_value(session: &Session, node: &Node) -> Option<Caveat> {
    let progress = session.engine.map_progress(node.id)?;
    without_value(node, &progress).map(|text| Caveat::new("no_value", text))
}

/// What is to be said of the positions of a complete map that have no value.
pub(crate) fn without_value(node: &Node, progress: &MapProgress) -> Option<String> {
    let (count, total) = (progress.without_value, progress.total);
    if count == 0 || progress.state != PassState::Done || progress.revision != node.revision {
        return None;
    }
    let why = node
        .computation()
        .map_or("", |computation| computation.without_value());
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

/// What is told under the cell that made these nodes. A file is called as the user wrote it.
pub(crate) fn remarks(session: &Session, nodes: &[u32]) -> Vec<Remark> {
    let graph = session.tree.snapshot();
    let nodes = nodes.iter().filter_map(|node| graph.node(*node));
    nodes
        .flat_map(|node| {
            let opened = lock(&session.opened).get(&node.id).cloned();
            let about = opened.map_or_else(|| node.name.clone(), |opened| opened.written);
            own(session, &graph, node)
                .into_iter()
                .map(move |caveat| Remark {
                    about: about.clone(),
                    text: caveat.text,
                })
        })
        .collect()
}

/// The reply to a command that made these nodes, with what is told of them.
pub(crate) fn told(session: &Session, reply: CommandReply, nodes: &[u32]) -> CommandReply {
    CommandReply {
        caveats: remarks(session, nodes),
        ..reply
    }
}

impl Session {
    /// Tells the pages when reading a file has shown something new.
    pub(crate) fn look_for_caveats(&self) {
        let graph = self.tree.snapshot();
        let roots = graph.nodes().iter().filter(|node| node.parents.is_empty());
        let now: Vec<(u32, Vec<Caveat>)> = roots
            .map(|root| (root.id, found(&graph, root)))
            .filter(|(_, caveats)| !caveats.is_empty())
            .collect();
        let mut known = lock(&self.found);
        if *known != now {
            *known = now;
            drop(known);
            self.tell_tree();
        }
    }
}
