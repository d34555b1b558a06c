//! Vocabulary and contracts of SignalTree: axes, frames, peaks, sources, operations.
//!
//! No I/O, no threads (whoever runs an operation brings them, see [`Crew`]), no wire format. Axis order everywhere is slowest first, navigation before
//! signal: `(ny, nx | ky, kx)`; index 0 is top-left; a calibrated value is `offset + scale · index`.

mod axes;
mod axis;
mod cancel;
mod category;
mod chunk;
mod colour;
mod complex;
mod component;
mod crew;
mod detector;
mod element;
mod error;
mod former;
mod frame;
mod index;
mod meta;
mod nearest;
mod needs;
mod npy;
mod numbers;
mod operation;
mod outline;
mod output;
mod parameters;
mod peaks;
mod preparation;
mod registered;
pub mod simd;
mod source;
pub mod sums;

pub use axes::Axes;
pub use axis::Axis;
pub use cancel::CancelToken;
pub use category::Category;
pub use chunk::{Block, Chunk, ChunkId};
pub use colour::Channel;
pub use complex::ComplexPart;
pub use component::{Colouring, Component, Composite, Display, ShownUnits};
pub use crew::{Crew, Interrupted, crew, with_crew};
pub use detector::{Detector, DetectorStatistic, PixelRun};
pub use element::{Element, ElementType};
pub use error::{NotApplicable, OperationError, ParameterError, SourceError};
pub use former::{former_parameter, without_former_parameters};
pub use frame::Frame;
pub use index::{MAX_NAVIGATION_RANK, NavigationIndex, Region, rows_and_columns};
pub use meta::{Caveat, Model, SignalKind, SignalMeta};
pub use nearest::{edits, nearest_names};
pub use needs::{Needs, Window};
pub use npy::{NpyFault, NpyHeader};
pub use operation::{
    Computation, FrameFunction, FurtherInput, Inputs, MapReference, Operation, OperationInfo,
    check_inputs,
};
pub use outline::Outline;
pub use output::Output;
pub use parameters::{
    Channels, Choice, File, ParameterInfo, ParameterKind, ParameterValue, Parameters,
    SignalPolygon, SignalRange, parse_parameter, pascal_case, reject_unknown_parameters,
};
pub use peaks::{Peak, Peaks};
pub use preparation::{
    Finished, HeapBytes, Positions, Preparation, Prepare, Prepared, spread_over,
};
pub use registered::{Bound, Registered, real_needed};
pub use source::{Access, Source};

#[doc(hidden)]
pub use serde_json;
