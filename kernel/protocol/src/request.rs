use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// Page → kernel. Every request but `frame` and `navigator` carries a `request_id` and gets exactly one reply with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// First message of a page, also after a reload: asks for everything a view needs.
    Hello {
        request_id: u32,
        protocol: u32,
    },
    Frame(FrameRequest),
    Navigator(NavigatorRequest),
    /// New parameters for a node; its revision grows, and so do those of the nodes below it.
    SetParams {
        request_id: u32,
        node: u32,
        #[ts(type = "Record<string, unknown>")]
        params: Value,
    },
    /// A new node below `parent`, with default parameters where `params` has none.
    AddOperation {
        request_id: u32,
        parent: u32,
        operation: String,
        #[ts(type = "Record<string, unknown>")]
        params: Value,
    },
    /// Removes a node that has no nodes below it.
    RemoveNode {
        request_id: u32,
        node: u32,
    },
    /// Starts (or resumes) the whole-scan computation of a map.
    Compute {
        request_id: u32,
        node: u32,
    },
    /// Stops the whole-scan computation of a node; what is done is kept.
    Cancel {
        request_id: u32,
        node: u32,
    },
}

/// Whether the pointer is still moving; a moving view may get something coarser, faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    Moving,
    Settled,
}

/// The picture of `node` at a scan position. At most one is in flight per view; the newest wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct FrameRequest {
    pub view: u32,
    /// Grows with every request of the view; the reply repeats it.
    pub generation: u32,
    pub node: u32,
    /// Scan position, slowest first.
    pub index: Vec<u32>,
    /// Which image of a map; 0 otherwise.
    pub component: u32,
    /// Width and height of the canvas in device pixels: the frame is reduced to fit.
    pub size_px: [u32; 2],
    pub detail: Detail,
}

/// The navigation image shared by all nodes with the navigation axes of `node`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct NavigatorRequest {
    pub view: u32,
    pub generation: u32,
    pub node: u32,
}
