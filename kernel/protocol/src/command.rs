use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{NodeDescription, SaveOptions};

/// Cell → engine. Commands cross from a compiled cell as JSON through one entry of the host's table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Opens a file; reads headers only.
    Open {
        path: String,
        #[serde(default)]
        options: OpenOptions,
    },
    /// Adds a lazy node; computes nothing.
    AddNode {
        /// The first is the signal the operation is of.
        #[serde(alias = "parent", deserialize_with = "crate::parents")]
        parents: Vec<u32>,
        operation: String,
        #[serde(default)]
        params: Value,
    },
    SetParams {
        node: u32,
        params: Value,
    },
    /// Gives a node the name of the variable that holds it.
    Name {
        node: u32,
        name: String,
    },
    Describe {
        node: u32,
    },
    /// Computes the whole signal and writes it; blocks until done, cancelled or failed.
    Save {
        node: u32,
        path: String,
        #[serde(default)]
        options: SaveOptions,
    },
    /// Writes a file's frames anew, in chunks fit for dragging, and opens the new file; blocks like `Save`.
    Reshard {
        node: u32,
        path: String,
        #[serde(default)]
        options: SaveOptions,
    },
    /// Computes a whole signal and keeps it in memory; blocks like `Save`.
    Compute {
        node: u32,
    },
    /// As `Compute` for several signals; the maps of one file are filled by one pass over it.
    ComputeAll {
        nodes: Vec<u32>,
    },
    Remove {
        node: u32,
    },
    /// One value per component of a map at a scan position.
    Values {
        node: u32,
        index: Vec<usize>,
    },
    /// The peaks at a scan position: rows `ky, kx, intensity, score, ky_error, kx_error, misfit, spread, spread_error,
    /// stretch, stretch_diagonal, stretch_error`; what the finder does not know is not a number.
    Peaks {
        node: u32,
        index: Vec<usize>,
    },
    /// The whole tree as indented text.
    Tree,
    /// Brings back the tree of the earlier session of this notebook; reads headers only.
    Restore,
    /// What the process keeps in memory; with `bytes` the budget is changed first.
    MemoryBudget {
        #[serde(default)]
        bytes: Option<u64>,
    },
    /// Takes the last change of a node's parameters back.
    Undo {
        node: u32,
    },
    /// Makes the change again that was taken back last.
    Redo {
        node: u32,
    },
    /// A second node with the operation, parameters and parents of this one.
    Branch {
        node: u32,
    },
    /// What two nodes do differently, from where their ways part.
    Diff {
        a: u32,
        b: u32,
    },
    /// The Rust code that makes a node and everything above it; without a node, the whole tree.
    Export {
        #[serde(default)]
        node: Option<u32>,
    },
    /// Writes the nodes, and what is needed to compute them, as a recipe for `signaltree compute`.
    Recipe {
        nodes: Vec<u32>,
        path: String,
    },
    /// Builds the tree again that a saved result came from; reads headers only.
    Replay {
        path: String,
        /// The file to build it on, when it is not the one the result was made from.
        #[serde(default)]
        input: Option<String>,
    },
    /// What is in a file and how it was made, as text.
    Provenance {
        path: String,
    },
}

/// What a file does not say itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenOptions {
    /// Scan rows and columns of a frame series.
    pub scan: Option<(usize, usize)>,
    /// Number of signal axes (the last ones) of an array without axes.
    pub signal_axes: Option<usize>,
    /// `(name, scale, offset, units)` per axis, slowest first, replacing those of the file.
    pub axes: Option<Vec<(String, f64, f64, String)>>,
    /// What stands at each index of those axes, where that has names: a list for each axis, empty where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub axis_names: Vec<Vec<String>>,
    /// Array or experiment inside a store with several.
    pub dataset: Option<String>,
}

/// Answer to a command; fields that do not apply are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandReply {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<NodeDescription>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Row-major numbers of `Values` and `Peaks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<f64>>,
    /// What `Restore` brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<Box<Restored>>,
    /// What `MemoryBudget` tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<CommandMemory>,
    /// What `Diff` found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Box<Difference>>,
    /// What is told under the cell: doubts about what was opened, made or saved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<Remark>,
}

/// Something the person at the notebook must know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remark {
    /// The file or the node.
    pub about: String,
    pub text: String,
}

/// What two nodes do differently.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Difference {
    pub a: String,
    pub b: String,
    /// The nearest node both go back to; none when they go back to different files.
    pub common: Option<String>,
    /// In the order of the operations.
    pub rows: Vec<DifferenceRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DifferenceRow {
    /// Title of the operation, or `File`.
    pub operation: String,
    /// Name of the parameter; empty when only one of the nodes has the operation.
    pub parameter: String,
    pub units: String,
    /// The value as text; none when this node does not have the operation.
    pub a: Option<String>,
    pub b: Option<String>,
}

/// The tree of an earlier session, as far as it could be brought back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Restored {
    /// Parents before children.
    pub nodes: Vec<RestoredNode>,
    pub problems: Vec<RestoreProblem>,
    /// Widgets that are live again.
    pub widgets: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestoredNode {
    pub name: String,
    pub node: u32,
    /// Its id in the earlier session; the same unless it was taken.
    pub was: u32,
    /// The name is that of a variable, and no node of this session had it.
    pub variable: bool,
    /// The same node was in the tree already; nothing was added.
    pub here: bool,
    /// One line for people: `(40, 56 | 128, 112) u16`.
    pub summary: String,
}

/// What is not as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestoreProblem {
    /// Node of the earlier session.
    pub name: String,
    pub message: String,
    pub hint: String,
    /// The node could not be brought back; otherwise it could, and something about it differs.
    pub lost: bool,
}

/// What the process keeps in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommandMemory {
    pub used_bytes: u64,
    /// The part of `used_bytes` that is not given up when memory is short.
    pub pinned_bytes: u64,
    pub budget_bytes: u64,
    /// Memory of the machine; 0 when it is not known.
    pub machine_bytes: u64,
}
