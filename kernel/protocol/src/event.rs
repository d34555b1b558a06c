use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::TreeDescription;

/// Kernel → page, unasked. Droppable: each only tells the page that asking again is worth it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    TreeChanged {
        tree: TreeDescription,
    },
    Progress(Progress),
    /// The shared navigation image of the nodes with source `source` became better.
    NavigatorChanged {
        source: u32,
        complete: f64,
    },
    Notice {
        level: NoticeLevel,
        message: String,
        hint: String,
        node: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProgressState {
    Running,
    Done,
    Cancelled,
    Failed,
}

/// State of a whole-scan computation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Progress {
    pub node: u32,
    pub state: ProgressState,
    /// Scan positions.
    pub done: f64,
    pub total: f64,
    /// What is being done: `strain map`, `saving strain.zspy`.
    pub label: String,
    /// Why it failed, else empty.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    Info,
    Warning,
    Error,
}
