use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::TreeChange;

/// Kernel → page, unasked. Droppable: a page that missed a `TreeChanged` sees it by `since` of the next and asks for the whole
/// tree; each of the others only says how things are now, or that asking again is worth it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    TreeChanged(TreeChange),
    Progress(Progress),
    /// The shared navigation image of the nodes with source `source` became better.
    NavigatorChanged {
        source: u32,
        complete: f64,
    },
    /// A picture that was not exact became better: asking for it again is worth it.
    Refined {
        node: u32,
        /// The view whose region or draft it is; absent when it concerns every view of the node.
        view: Option<u32>,
        /// As in the frame's reply.
        complete: f64,
    },
    /// What the process keeps in memory, told when it has changed, at most about twice a second.
    Memory {
        used_bytes: f64,
        /// The part of `used_bytes` that is not given up when memory is short.
        pinned_bytes: f64,
        budget_bytes: f64,
    },
    Notice {
        level: NoticeLevel,
        message: String,
        hint: String,
        node: Option<u32>,
    },
    /// What the output of the cell holds now for readers without a kernel: a page that was loaded after the cell ran has
    /// no other way to know, and puts it into its notebook.
    Picture {
        /// By kind, as in a notebook: `image/png`, `text/html`, `text/plain`, …
        #[ts(type = "Record<string, unknown>")]
        data: Value,
        #[ts(type = "Record<string, unknown>")]
        metadata: Value,
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
    /// Why it failed, what was there already (`resumed, 63 % was there`), else empty.
    pub message: String,
    /// Scan positions per second, smoothed; absent until there is something to measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds_left: Option<f64>,
    /// Those of `done` that were there before this was begun.
    #[serde(default, skip_serializing_if = "is_nothing")]
    #[ts(optional, as = "Option<f64>")]
    pub kept: f64,
    /// It was stopped or failed, and asking for the same again goes on where it was.
    #[serde(default)]
    pub can_resume: bool,
    /// What has to be measured over the scan before the first of these positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub measuring: Option<Measuring>,
}

/// How far the measurement is that a result begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Measuring {
    /// The node whose operation measures.
    pub node: u32,
    pub name: String,
    /// The pass over the scan, from 1.
    pub pass: u32,
    /// Passes in all; absent when nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub passes: Option<u32>,
    /// Share of the scan positions of this pass; absent before the first of them, and while it is worked out what they come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub share: Option<f64>,
    /// While it is worked out what the positions come to: how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub positions: Option<f64>,
    /// For how many whole seconds that has been worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds: Option<f64>,
}

fn is_nothing(count: &f64) -> bool {
    *count == 0.0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    Info,
    Warning,
    Error,
}
