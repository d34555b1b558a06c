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
    /// A new node below `parents`, of which the first is the signal the operation is of, with default parameters where `params` has none.
    AddOperation {
        request_id: u32,
        #[serde(alias = "parent", deserialize_with = "crate::parents")]
        parents: Vec<u32>,
        operation: String,
        #[ts(type = "Record<string, unknown>")]
        params: Value,
    },
    /// Which operations fit a node, asked when their menu opens. Answered by `menu`.
    Menu {
        request_id: u32,
        node: u32,
    },
    /// Which nodes an operation would take beside `node`; without an operation, which ones the node itself would take in
    /// the place of its further input. Answered by `inputs`.
    Inputs {
        request_id: u32,
        node: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        operation: Option<String>,
    },
    /// Files and folders whose path begins as `written`, for a parameter that is a file. Answered by `paths`.
    Paths {
        request_id: u32,
        /// From the folder of the notebook.
        written: String,
        endings: Vec<String>,
    },
    /// Other nodes in the place of those a node takes beside its first parent; none to take nothing.
    SetInputs {
        request_id: u32,
        node: u32,
        further: Vec<u32>,
    },
    /// Takes the last change of a node's parameters or inputs back.
    Undo {
        request_id: u32,
        node: u32,
    },
    /// Makes the change again that was taken back last.
    Redo {
        request_id: u32,
        node: u32,
    },
    /// A second node with the operation, parameters and parents of this one; `done` names it.
    Branch {
        request_id: u32,
        node: u32,
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
    /// Whether somebody looks at a view: one that is hidden costs nothing, one without focus gives way first.
    /// A view that never says so is visible.
    Attention {
        request_id: u32,
        view: u32,
        node: u32,
        state: Attention,
    },
    /// A new memory budget for the process; a smaller one holds at once.
    SetBudget {
        request_id: u32,
        bytes: f64,
    },
    /// Computes the whole signal and writes it. Answered when it has begun; `progress` events say the rest.
    Save {
        request_id: u32,
        node: u32,
        /// Relative to the folder of the notebook.
        path: String,
        #[serde(default)]
        #[ts(optional, as = "Option<SaveOptions>")]
        options: SaveOptions,
        /// What is there under that name may be replaced: the person was asked. Else the answer is the refusal `exists`,
        /// unless it is the unfinished save of the same result.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[ts(optional, as = "Option<bool>")]
        replace: bool,
    },
}

/// How a result is written. What is left out is chosen by the format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct SaveOptions {
    /// `zspy`, `zarr`, `hspy` or `npy`; left out: from the end of the file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub format: Option<String>,
    /// Scan positions of one chunk, per navigation axis: what is decoded to show one frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub chunk: Option<Vec<u32>>,
    /// Scan positions of one file of a sharded store, per navigation axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub shard: Option<Vec<u32>>,
    /// `zstd`, `lz4` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub compression: Option<String>,
    /// Do not go on with what an interrupted save of the same signal has left; begin anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub fresh: bool,
}

/// How much a view is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// The pointer or the keyboard is in it.
    Focused,
    Visible,
    /// Scrolled away, in a hidden tab, or closed.
    Hidden,
}

/// Whether the pointer is still moving; a moving view may get something coarser, faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    Moving,
    Settled,
}

/// A rectangle of pixels of a frame, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FramePart {
    pub x0: u32,
    pub y0: u32,
    pub width: u32,
    pub height: u32,
}

/// The picture of `node` at a scan position. At most two are in flight per view; the newest wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct FrameRequest {
    pub view: u32,
    /// Grows with every request of the view; the reply repeats it.
    pub generation: u32,
    pub node: u32,
    /// Scan position, slowest first.
    pub index: Vec<u32>,
    /// Which picture: of a map its images, then its composites, of complex numbers a part, of three signal axes an image along the
    /// slowest, of complex ones all images of a part before those of the next; 0 otherwise.
    pub component: u32,
    /// Most samples across and down: what is seen of the frame is reduced to fit.
    pub size_px: [u32; 2],
    /// What is seen of the frame; left out: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub part: Option<FramePart>,
    pub detail: Detail,
    /// Parameters of `node` to try without changing the tree; those that are left out keep their value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "Record<string, unknown>")]
    pub draft: Option<Value>,
    /// Instead of the frame at `index`: the mean or sum of the frames of these scan positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub region: Option<NavigationRegion>,
    /// Scan rows and columns per step of a drag: what lies ahead is read before it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub direction: Option<[i32; 2]>,
}

/// A rectangle of scan positions of any size, half-open, in the two fastest navigation axes; the slower ones
/// stay at the position of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NavigationRegion {
    pub x0: u32,
    pub y0: u32,
    pub width: u32,
    pub height: u32,
    pub statistic: RegionStatistic,
}

/// How the frames of a region become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RegionStatistic {
    Mean,
    Sum,
}

/// The navigation image shared by all nodes with the navigation axes of `node`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct NavigatorRequest {
    pub view: u32,
    pub generation: u32,
    pub node: u32,
    /// Scan position, slowest first: the image spans the two fastest axes and goes through it.
    #[serde(default)]
    pub index: Vec<u32>,
    /// What is seen of it; left out: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub part: Option<FramePart>,
}
