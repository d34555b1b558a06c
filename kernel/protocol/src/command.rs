use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::NodeDescription;

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
        parent: u32,
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
    },
    /// Computes a whole map and keeps it in memory; blocks like `Save`.
    Compute {
        node: u32,
    },
    Remove {
        node: u32,
    },
    /// One value per component of a map at a scan position.
    Values {
        node: u32,
        index: Vec<usize>,
    },
    /// The peaks at a scan position: rows `ky, kx, intensity, score`.
    Peaks {
        node: u32,
        index: Vec<usize>,
    },
    /// The whole tree as indented text.
    Tree,
    /// Brings back the tree of the earlier session of this notebook; reads headers only.
    Restore,
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
