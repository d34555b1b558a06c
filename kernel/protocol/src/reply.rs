use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{FramePart, MenuEntry, OperationDescription, TreeDescription, WireError};

/// Kernel → page, in answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    Welcome(Box<Welcome>),
    /// Buffers: samples; for peaks a second one of f32 rows `ky, kx, misfit`.
    Frame(FrameReply),
    /// Buffer: f32 samples, C order; NaN where not computed yet.
    Navigator(NavigatorReply),
    /// The request was carried out; a `tree_changed` event follows if the tree changed.
    Done {
        request_id: u32,
        /// The node that was added, if one was.
        node: Option<u32>,
    },
    /// Every operation, in the order of the menu.
    Menu {
        request_id: u32,
        entries: Vec<MenuEntry>,
    },
    /// Nodes, those of other files first.
    Inputs {
        request_id: u32,
        nodes: Vec<u32>,
    },
    /// As they would be written; a folder ends in `/`.
    Paths {
        request_id: u32,
        paths: Vec<String>,
    },
    /// A request with `request_id` was refused.
    Refused {
        request_id: u32,
        error: WireError,
    },
    /// A frame or navigator request failed; frees its slot, the next request works.
    Failed {
        view: u32,
        generation: u32,
        error: WireError,
    },
}

/// Everything a page needs to draw itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Welcome {
    pub request_id: u32,
    pub protocol: u32,
    pub tree: TreeDescription,
    pub operations: Vec<OperationDescription>,
    /// The process-wide cache budget.
    pub budget_bytes: f64,
}

/// Type of the samples in a buffer; little endian, C order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    U8,
    U16,
    F32,
}

/// How samples lie in their buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// One after the other.
    Raw,
    /// Whole numbers in as few bits as their neighbours need. Words of 32 bits, little endian: each run of 64 samples
    /// begins with `least + bits * 2^27`, then come words of as many samples as fit whole, lowest first, each less `least`.
    Packed,
    /// Packed sums over the pixels of each block; the samples are the means.
    PackedSums,
}

/// Which axes a picture spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FrameSpace {
    /// The signal axes: a pattern, an image, a spectrum.
    Signal,
    /// The navigation axes: a map of the scan.
    Navigation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct FrameReply {
    pub view: u32,
    pub generation: u32,
    pub node: u32,
    pub revision: u32,
    pub index: Vec<u32>,
    pub component: u32,
    /// Images that come one after the other: those of a composite, or one.
    pub planes: u32,
    pub space: FrameSpace,
    /// Samples sent.
    pub width: u32,
    pub height: u32,
    /// Pixels of the frame.
    pub full_width: u32,
    pub full_height: u32,
    /// The pixels of the frame that the samples stand for: at least the part that was asked for.
    pub part: FramePart,
    /// Pixels of the frame per sample, along each axis: 1 for its own pixels, else samples are means over square blocks.
    pub block: u32,
    pub sample: SampleType,
    pub encoding: Encoding,
    /// 1st and 99th percentile of the finite values of the frame: its samples, or its pixels when a part is sent. Of a
    /// wheel: of the lengths.
    pub percentiles: [f64; 2],
    /// Least and greatest of them.
    pub extrema: [f64; 2],
    /// Of a composite: the percentiles of each of its images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<[f64; 2]>>", optional)]
    pub ranges: Vec<[f64; 2]>,
    /// Peaks in the second buffer; absent when the node has none.
    pub peak_count: Option<u32>,
    /// Share of a map or of a region that is computed, 0 to 1; 1 for a frame.
    pub complete: f64,
    /// Whether it shows parameters that are only tried.
    pub draft: bool,
    /// Whether asking again gives the same; `false` for an estimate and for what is still being computed.
    pub exact: bool,
    /// Whether it is, in part or whole, the fill value of a chunk that is not in the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub filled: bool,
    pub times_ms: TimesMs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct TimesMs {
    /// Waiting in the queue.
    pub queue: f64,
    /// Reading, decoding and computing.
    pub compute: f64,
    /// Reducing and encoding.
    pub encode: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct NavigatorReply {
    pub view: u32,
    pub generation: u32,
    pub node: u32,
    /// Position of the axes before the two it spans.
    pub outer: Vec<u32>,
    pub width: u32,
    pub height: u32,
    pub full_width: u32,
    pub full_height: u32,
    /// The scan positions that the samples stand for: at least the part that was asked for.
    pub part: FramePart,
    /// Scan positions per sample, along each axis: beyond 1, samples are means over square blocks.
    pub block: u32,
    pub percentiles: [f64; 2],
    pub extrema: [f64; 2],
    /// Every how many scan positions one was read; 1: exact.
    pub stride: u32,
    /// Share of the exact image that is computed, 0 to 1.
    pub complete: f64,
    pub value_units: String,
}
