//! The content of a journal.

use std::path::PathBuf;

use protocol::OpenOptions;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tree::{Binding, Graph, Node};

use super::{Place, Stamp};
use crate::{Session, closure, lock};

/// Journals of another version are not read.
pub(super) const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub version: u32,
    /// Whose journal it is, in full: the name of the file is only a hash of it.
    pub notebook: PathBuf,
    pub pid: u32,
    /// Parents before children.
    pub nodes: Vec<NodeRecord>,
    #[serde(default)]
    pub views: Vec<View>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeRecord {
    pub id: u32,
    pub name: String,
    pub revision: u32,
    /// The name is that of a variable of a cell.
    #[serde(default)]
    pub variable: bool,
    /// Made in the viewer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    pub made: Made,
    /// Parameters before the present ones, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<Value>,
    /// Parameters that were taken back; the next to be made again is last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub future: Vec<Value>,
}

/// How a node came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Made {
    File {
        /// As the user wrote it.
        written: String,
        path: PathBuf,
        #[serde(default)]
        options: OpenOptions,
        stamp: Option<Stamp>,
    },
    Operation {
        /// Journals of earlier releases have one, called `parent`.
        #[serde(alias = "parent", deserialize_with = "protocol::parents")]
        parents: Vec<u32>,
        operation: String,
        params: Value,
    },
    /// A closure of a cell, of which nothing can be written down.
    Closure {
        #[serde(alias = "parent", deserialize_with = "protocol::parents")]
        parents: Vec<u32>,
    },
}

impl Made {
    pub fn parents(&self) -> &[u32] {
        match self {
            Made::File { .. } => &[],
            Made::Operation { parents, .. } | Made::Closure { parents } => parents,
        }
    }
}

/// An open view: the model of a widget, and where it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// Id of the model; the page keeps it in the notebook.
    pub model: String,
    /// Node the view was opened for; what it shows now is in the state.
    pub node: u32,
    /// Cell of the notebook whose output holds it.
    pub cell: Option<String>,
    /// What the page has chosen: node, position, levels, ….
    pub state: Map<String, Value>,
}

impl Record {
    pub fn of(session: &Session, place: &Place, views: Vec<View>) -> Record {
        let graph = session.tree.snapshot();
        Record {
            version: VERSION,
            notebook: place.notebook.clone(),
            pid: std::process::id(),
            nodes: (graph.parents_first().into_iter())
                .filter_map(|node| record(session, &graph, node))
                .collect(),
            views,
        }
    }

    pub fn highest_id(&self) -> u32 {
        self.nodes.iter().map(|node| node.id).max().unwrap_or(0)
    }
}

/// `None` for a file that is being opened at this moment; the next writing has it.
fn record(session: &Session, graph: &Graph, node: &Node) -> Option<NodeRecord> {
    let parents = node.parents.clone();
    let params = (node.computation()).map_or(Value::Null, |computation| computation.params());
    let made = match node.computation() {
        Some(computation) if computation.info().name == closure::MAP => Made::Closure { parents },
        Some(computation) => Made::Operation {
            parents,
            operation: computation.info().name.to_owned(),
            params: params.clone(),
        },
        None => {
            let opened = lock(&session.opened).get(&node.id).cloned()?;
            Made::File {
                written: opened.written,
                path: opened.path,
                options: opened.options,
                stamp: opened.stamp,
            }
        }
    };
    debug_assert!((made.parents().iter()).all(|id| graph.node(*id).is_some()));
    let (variable, by_hand) = {
        let holds = lock(&session.holds);
        (holds.is_named(node.id), holds.is_by_hand(node.id))
    };
    Some(NodeRecord {
        id: node.id,
        name: node.name.clone(),
        revision: node.revision,
        variable,
        by_hand,
        made,
        past: parameters(node.history.past(), &params),
        future: parameters(node.history.future(), &params),
    })
}

/// Steps up to `now`. Those that only gave other inputs are left out: these may be gone when the tree comes back.
fn parameters(steps: &[Binding], now: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = steps.iter().map(|step| step.computation.params()).collect();
    all.push(now.clone());
    all.dedup();
    all.pop();
    all
}

#[cfg(test)]
mod tests {
    use super::Made;

    #[test]
    fn nodes_of_the_time_when_each_had_one_parent_are_read() {
        let written = r#"{"operation": {"parent": 4, "operation": "radial_median", "params": {"clip": true}}}"#;
        let made: Made = serde_json::from_str(written).unwrap();
        assert!(matches!(&made, Made::Operation { parents, .. } if *parents == [4]));
        let again = serde_json::to_value(&made).unwrap();
        assert_eq!(again["operation"]["parents"], serde_json::json!([4]));
        assert_eq!(serde_json::from_value::<Made>(again).unwrap(), made);
        let closure: Made = serde_json::from_str(r#"{"closure": {"parent": 4}}"#).unwrap();
        assert_eq!(closure.parents(), [4]);
    }
}
