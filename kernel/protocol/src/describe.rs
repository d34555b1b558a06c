use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use ts_rs::TS;

use crate::Progress;

/// The whole tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct TreeDescription {
    /// Which one of those that pages were told: the next change is one of it.
    pub revision: u32,
    /// In order of creation: first parents before their children.
    pub nodes: Vec<NodeDescription>,
}

/// What became of the tree since pages were told last, so that one slider of a hundred nodes is not the whole tree again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct TreeChange {
    /// The revision that has changed: whoever has another one asks for the whole tree, with `hello`.
    pub since: u32,
    pub revision: u32,
    /// Every node there is, in order; absent where they are the same as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub order: Option<Vec<u32>>,
    /// New nodes, and those of which something else is said now.
    pub nodes: Vec<NodeChange>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct NodeChange {
    pub id: u32,
    /// What changed in its description; of a new node all of it.
    #[ts(type = "Partial<NodeDescription>")]
    pub fields: Map<String, Value>,
    /// What its description no longer has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<String>>", optional)]
    pub without: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    Frame,
    Peaks,
    Map,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct NodeDescription {
    pub id: u32,
    /// The user's variable, or a name made from the operation.
    pub name: String,
    pub title: String,
    /// Wire name of the operation; absent for a file.
    pub operation: Option<String>,
    pub parents: Vec<u32>,
    /// The file this node goes back to.
    pub source: u32,
    /// The node whose scan this is, its file or one that cut or grouped the scan: nodes with the same one share positions and
    /// a navigation image.
    pub scan: u32,
    /// Where its scan positions are in that of the file; absent where they are those of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub in_file: Option<ScanSteps>,
    pub kind: NodeKind,
    pub navigation_axes: Vec<AxisDescription>,
    pub signal_axes: Vec<AxisDescription>,
    /// Type of the values: `u16`, `f32`.
    pub element: String,
    pub value_units: String,
    /// The images of a map, the parts of complex frames (where these have three axes, each with all images along the slowest); empty
    /// otherwise.
    pub components: Vec<ComponentDescription>,
    /// Pictures drawn from several of them: the pictures of a map are counted through, images first.
    pub composites: Vec<CompositeDescription>,
    #[ts(type = "Record<string, unknown>")]
    pub params: Value,
    /// The Rust line that makes this node: `let flat = scan.subtract_background(RadialMedian::default())?;`.
    pub code: String,
    /// Whether a change of its parameters or inputs can be taken back, or made again.
    pub can_undo: bool,
    pub can_redo: bool,
    /// Grows when this node's result may have changed.
    pub revision: u32,
    /// One line for people: `(40, 56 | 128, 112) u16`.
    pub summary: String,
    /// The running or last whole-scan computation of this node.
    pub progress: Option<Progress>,
    /// What one frame of this file costs, once it is measured; absent for computed nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub frame_cost: Option<FrameCost>,
    /// What the operation measured before its first frame, in words: `radius 4.02 ± 0.01 px, …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub measured: Option<String>,
    /// The most that a parameter can be for this input, by name, where that is less than the operation says.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[ts(type = "Record<string, number>", optional)]
    pub parameter_maxima: Map<String, Value>,
    /// What was measured of parameters, by name: the values of those that were left out, and what became of those that were
    /// given as a beginning. Empty before that.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[ts(type = "Record<string, unknown>", optional)]
    pub measured_parameters: Map<String, Value>,
    /// What to know before trusting the numbers: of the file, of the nodes above, of this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<CaveatDescription>>", optional)]
    pub caveats: Vec<CaveatDescription>,
}

/// Position `i` of a scan lies at `first + i · step` positions of the scan of its file, per navigation axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ScanSteps {
    pub first: Vec<f64>,
    pub step: Vec<f64>,
}

/// What was assumed, filled in, approximated or left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CaveatDescription {
    /// One per kind: `absent_chunks`.
    pub code: String,
    pub text: String,
}

/// What it costs to show one frame of a file that is not in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct FrameCost {
    pub seconds_per_frame: f64,
    /// Bytes that are decoded for one frame.
    pub chunk_bytes: f64,
    pub frames_per_chunk: u32,
    /// Dragging is felt to stop where it crosses a chunk.
    pub slow: bool,
    /// What to do about it, for people; empty when nothing.
    pub advice: String,
}

/// `value = offset + scale · index`, unless there are `values`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct AxisDescription {
    pub name: String,
    pub size: u32,
    pub scale: f64,
    pub offset: f64,
    pub units: String,
    /// The value at each index of an axis that is not uniform.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<f64>>", optional)]
    pub values: Vec<f64>,
    /// What stands at each index of an axis of names: `ε_xx`, `Fe`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<String>>", optional)]
    pub names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ComponentDescription {
    pub name: String,
    pub title: String,
    pub units: String,
    pub display: DisplayDescription,
    /// How a value is written for people: `1.61 %` for 0.0161. Absent: in `units`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub shown: Option<ShownUnitsDescription>,
}

/// How the values of an image are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DisplayDescription {
    Sequential,
    /// Zero is the middle of the range.
    Diverging,
    /// Values a period apart mean the same.
    Cyclic {
        period: f64,
    },
    /// The value `n` stands for `names[n]`.
    Categorical {
        names: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CompositeDescription {
    pub name: String,
    pub title: String,
    pub colouring: ColouringDescription,
    /// Numbers of the components it is drawn from: `y`, `x` of a wheel; red, green, blue.
    pub components: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ColouringDescription {
    /// Direction `atan2(y, x)` as hue, y down; length as brightness.
    Wheel,
    /// Each image between its own levels.
    Rgb,
    /// The pixels of the frame are colours: red, green, blue and, if there are four images, alpha, as they are stored; it is drawn from
    /// no component. `FrameReply.ranges` is what no and full intensity are stored as.
    Colours,
}

/// `factor` times a value is the number in `units`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ShownUnitsDescription {
    pub factor: f64,
    pub units: String,
}

/// Whether an operation fits a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct MenuEntry {
    pub operation: String,
    /// Why it does not fit; absent when it does.
    pub reason: Option<String>,
}

/// One entry of the operations menu.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct OperationDescription {
    pub name: String,
    /// Method of `Signal`: `subtract_background`.
    pub method: String,
    /// Parameter struct: `RadialMedian`.
    pub parameters_type: String,
    pub title: String,
    pub summary: String,
    pub category: String,
    pub reference: String,
    pub parameters: Vec<ParameterDescription>,
    /// What it takes beside the node it is added to; what may be left out comes last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<FurtherInputDescription>>", optional)]
    pub further_inputs: Vec<FurtherInputDescription>,
    /// The part of the pattern its parameters place, for drawing and dragging it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub outline: Option<Outline>,
}

/// A signal that an operation takes beside its first one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct FurtherInputDescription {
    /// What it is to the operation: `vacuum`.
    pub name: String,
    pub help: String,
    pub required: bool,
}

/// A region of the pattern, by the names of the parameters that place it; points and lengths in pixels, but for a band.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outline {
    /// Centre left out: the middle of the frame; radius left out: the largest circle inside the frame.
    Disk { centre: String, radius: String },
    /// A place alone; left out, it is not drawn unless it was measured.
    Point { at: String },
    Annulus {
        centre: String,
        inner_radius: String,
        outer_radius: String,
    },
    /// Corner left out: in the middle of the frame.
    Rectangle {
        corner: String,
        height: String,
        width: String,
    },
    /// Vertices left out: the diamond around the middle of the frame, half as high and half as wide.
    Polygon { vertices: String },
    /// In the unit of the axis of spectra; left out: the middle half of its channels.
    Band { range: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ParameterDescription {
    pub name: String,
    pub control: ParameterControl,
    /// Whether `null` (found automatically) is allowed.
    pub optional: bool,
    #[ts(type = "unknown")]
    pub default: Value,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub units: String,
    pub help: String,
}

/// Kind of a parameter; the widget has one control for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterControl {
    Number,
    Integer,
    Toggle,
    Text,
    Choice {
        choices: Vec<String>,
    },
    /// `[number, number]` with what each is called.
    Pair {
        parts: [String; 2],
        whole: bool,
    },
    /// A path, or what a file was when it was read: `{written, path, sha256}`. Its name has one of these endings.
    File {
        endings: Vec<String>,
    },
    /// `[row, column]` in pixels of the signal axes.
    SignalPoint,
    /// `[from, to]` on the last signal axis of the input, in its unit.
    SignalRange,
    /// `[[row, column], …]` in pixels of the signal axes: the vertices, in order.
    SignalPolygon,
    /// `{x0, y0, width, height}` in scan positions.
    NavigationRegion,
}
