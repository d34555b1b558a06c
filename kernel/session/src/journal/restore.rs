//! `restore()`: the earlier tree again, lazily. Headers of files are read, no pixel.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{CommandReply, OpenOptions, RestoreProblem, Restored, RestoredNode, WireError};
use serde_json::Value;
use signal::Source;
use tree::{Binding, Earlier, Graph, History, Node};

use super::record::{Made, NodeRecord};
use super::{Moved, Stamp};
use crate::handlers::change;
use crate::session::Opened;
use crate::{Session, caveats, closure, convert, lock, parameter_files};

/// Why a node did not come back.
struct Lost {
    message: String,
    hint: String,
}

impl From<WireError> for Lost {
    fn from(error: WireError) -> Self {
        Lost {
            message: error.message,
            hint: error.hint,
        }
    }
}

pub(crate) fn restore(session: &Session) -> Result<CommandReply, WireError> {
    let Some(record) = session.earlier() else {
        return Err(WireError::new(
            "nothing_to_restore",
            "no earlier session of this notebook has left a tree that could be restored",
            "run the cells of the notebook",
        ));
    };
    let (restored, _) = bring_back(session, &record.nodes, Ids::AsTheyWere);
    let made = made_now(&restored);
    let reply = CommandReply {
        restored: Some(Box::new(restored)),
        ..CommandReply::default()
    };
    Ok(caveats::with_remarks(session, reply, &made))
}

/// The nodes that were not in the tree before.
pub(crate) fn made_now(restored: &Restored) -> Vec<u32> {
    let made = restored.nodes.iter().filter(|node| !node.here);
    made.map(|node| node.node).collect()
}

/// The numbers of nodes that are made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Those of the record, as far as they are free: the records are of a session before this one.
    AsTheyWere,
    /// Those of the record mean nothing here.
    New,
}

/// Makes nodes again, parents before children, as far as that can be done; says which id each has now.
pub(crate) fn bring_back(session: &Session, records: &[NodeRecord], ids: Ids) -> (Restored, Moved) {
    let mut work = Work {
        session,
        records,
        ids,
        moved: Moved::new(),
        nameless: Vec::new(),
        restored: Restored::default(),
    };
    for record in records {
        work.node(record);
    }
    work.hold();
    session.notify_tree();
    (work.restored, work.moved)
}

struct Work<'a> {
    session: &'a Session,
    records: &'a [NodeRecord],
    ids: Ids,
    moved: Moved,
    /// Made again, and no variable gets them.
    nameless: Vec<u32>,
    restored: Restored,
}

impl Work<'_> {
    fn node(&mut self, record: &NodeRecord) {
        let found = match self.here(record) {
            Some(node) => Ok((node, true)),
            None => self.again(record).map(|node| (node, false)),
        };
        match found {
            Ok((node, here)) => self.came_back(record, node, here),
            Err(lost) => self.problem(record, lost, true),
        }
    }

    fn problem(&mut self, record: &NodeRecord, why: Lost, lost: bool) {
        self.restored.problems.push(RestoreProblem {
            name: record.name.clone(),
            message: why.message,
            hint: why.hint,
            lost,
        });
    }

    fn came_back(&mut self, record: &NodeRecord, node: u32, here: bool) {
        self.moved.insert(record.id, node);
        let graph = self.session.tree.snapshot();
        let Some(found) = graph.node(node) else {
            return;
        };
        let own_name = found.name == record.name;
        if !own_name {
            let why = Lost {
                message: format!(
                    "another node has this name now; it came back as `{}`",
                    found.name
                ),
                hint: String::new(),
            };
            self.problem(record, why, false);
        }
        let variable = record.variable && own_name && !here;
        match (variable, here) {
            (true, _) => lock(&self.session.holds).named(node),
            (false, false) if record.by_hand => lock(&self.session.holds).by_hand(node),
            (false, false) => self.nameless.push(node),
            (false, true) => {}
        }
        self.restored.nodes.push(RestoredNode {
            name: found.name.clone(),
            node,
            was: match self.ids {
                Ids::AsTheyWere => record.id,
                Ids::New => node,
            },
            variable,
            here,
            summary: found.meta.summary(),
        });
    }

    /// What comes back for the sake of others goes with them; what nothing stands below stays until somebody
    /// takes over.
    fn hold(&self) {
        let graph = self.session.tree.snapshot();
        let mut holds = lock(&self.session.holds);
        for node in &self.nameless {
            match graph.children(*node).next() {
                Some(_) => holds.goes_with_its_children(*node),
                None => holds.orphan(*node),
            }
        }
    }

    /// The same node, which this session has made or brought back already.
    fn here(&self, record: &NodeRecord) -> Option<u32> {
        let graph = self.session.tree.snapshot();
        let orphan = |node: &&Arc<Node>| lock(&self.session.holds).is_orphan(node.id);
        let orphans = graph.nodes().iter().filter(orphan);
        (graph.by_name(&record.name).into_iter().chain(orphans))
            .find(|node| self.is_same(&graph, node, &record.made))
            .map(|node| node.id)
    }

    fn is_same(&self, graph: &Graph, node: &Node, made: &Made) -> bool {
        let parents: Option<Vec<u32>> = (made.parents().iter())
            .map(|parent| self.moved.get(parent).copied())
            .collect();
        debug_assert!(graph.node(node.id).is_some());
        parents.is_some_and(|parents| node.parents == parents)
            && match (made, node.computation()) {
                (Made::File { path, options, .. }, None) => lock(&self.session.opened)
                    .get(&node.id)
                    .is_some_and(|opened| opened.path == *path && opened.options == *options),
                (
                    Made::Operation {
                        operation, params, ..
                    },
                    Some(computation),
                ) => computation.info().name == operation && computation.params() == *params,
                (Made::Closure { .. }, Some(computation)) => {
                    computation.info().name == closure::MAP
                }
                _ => false,
            }
    }

    /// Makes the node again.
    fn again(&mut self, record: &NodeRecord) -> Result<u32, Lost> {
        let earlier = Earlier {
            id: match self.ids {
                Ids::AsTheyWere => record.id,
                Ids::New => 0,
            },
            name: &record.name,
            revision: record.revision,
        };
        match &record.made {
            Made::File {
                written,
                path,
                options,
                stamp,
            } => self.file(record, earlier, (written, path), options, *stamp),
            Made::Operation {
                parents,
                operation,
                params,
            } => {
                let node = self.operation(earlier, parents, operation, params)?;
                self.history(node, operation, record);
                Ok(node)
            }
            Made::Closure { parents } => {
                self.parents(parents)?;
                Err(Lost {
                    message: "it is a closure, of which nothing can be written down".into(),
                    hint: match self.ids {
                        Ids::AsTheyWere => {
                            "run its cell again, then restore()? once more for what was below it"
                        }
                        Ids::New => "write it as map(…) again, with what was below it",
                    }
                    .into(),
                })
            }
        }
    }

    fn parents(&self, parents: &[u32]) -> Result<Vec<u32>, Lost> {
        parents.iter().map(|parent| self.parent(*parent)).collect()
    }

    fn parent(&self, parent: u32) -> Result<u32, Lost> {
        self.moved.get(&parent).copied().ok_or_else(|| {
            let name = (self.records.iter())
                .find(|node| node.id == parent)
                .map_or_else(String::new, |node| format!("`{}`, ", node.name));
            Lost {
                message: format!("it was made from {name}which did not come back"),
                hint: String::new(),
            }
        })
    }

    fn operation(
        &self,
        earlier: Earlier<'_>,
        parents: &[u32],
        operation: &str,
        params: &Value,
    ) -> Result<u32, Lost> {
        let parents = self.parents(parents)?;
        let here = super::absolute(Path::new("."));
        let params = parameter_files::from_folder(operation, params.clone(), &here);
        let computation = change::bind_written(self.session, operation, &params)?;
        self.session
            .tree
            .restore_operation(earlier, &parents, computation)
            .map_err(|error| convert::tree_error(error).into())
    }

    /// Steps that this version of the operation does not take are left out.
    fn history(&self, node: u32, operation: &str, record: &NodeRecord) {
        let graph = self.session.tree.snapshot();
        let parents = (graph.node(node)).map_or_else(Vec::new, |node| node.parents.clone());
        let steps = |params: &[Value]| {
            (params.iter())
                .filter_map(|params| change::bind_written(self.session, operation, params).ok())
                .map(|computation| Binding {
                    computation,
                    parents: parents.clone(),
                })
                .collect()
        };
        let history = History::new(steps(&record.past), steps(&record.future));
        if let Err(error) = self.session.tree.restore_history(node, history) {
            tracing::warn!(node, %error, "the history of a node did not come back");
        }
    }

    fn file(
        &mut self,
        record: &NodeRecord,
        earlier: Earlier<'_>,
        (written, path): (&str, &Path),
        options: &OpenOptions,
        stamp: Option<Stamp>,
    ) -> Result<u32, Lost> {
        let (path, now) = find(written, path)?;
        let source: Arc<dyn Source> = self.session.files.open(&path, options)?;
        let node = self
            .session
            .tree
            .restore_source(earlier, source)
            .map_err(|error| Lost::from(convert::tree_error(error)))?;
        if stamp.is_some_and(|stamp| stamp != now) {
            let why = Lost {
                message: format!(
                    "{} has changed since; what is in it now is shown",
                    path.display()
                ),
                hint: "check what was computed from it, saved results included".into(),
            };
            self.problem(record, why, false);
        }
        let opened = Opened {
            written: written.to_owned(),
            path,
            options: options.clone(),
            stamp: Some(now),
        };
        lock(&self.session.opened).insert(node, opened);
        Ok(node)
    }
}

/// The file where it was, or where its relative path leads from the folder of this kernel: a folder that
/// was moved as a whole keeps its sessions.
fn find(written: &str, path: &Path) -> Result<(PathBuf, Stamp), Lost> {
    let from_here = super::absolute(Path::new(written));
    [path.to_owned(), from_here]
        .into_iter()
        .find_map(|path| Some((Stamp::of(&path)?, path)))
        .map(|(stamp, path)| (path, stamp))
        .ok_or_else(|| Lost {
            message: format!("{} is not there any more", path.display()),
            hint: "put it back and run restore()? again, or open it where it is now and run the cells below it".into(),
        })
}
