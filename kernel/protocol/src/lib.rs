//! Messages between kernel, cells and widget.
//!
//! Every type is exported to TypeScript (`widget/src/protocol/generated.ts`, written by
//! `cargo xtask codegen` and compared by a test), so that both compilers catch drift.
//! JSON fields are snake_case; ids, revisions and generations are `u32`; lengths are in pixels
//! unless the name says otherwise; pixels never travel in JSON but as binary buffers beside it.

mod command;
mod describe;
mod error;
mod event;
mod parents;
mod reply;
mod request;
mod typescript;

pub use command::{
    Command, CommandMemory, CommandReply, Difference, DifferenceRow, OpenOptions, Remark,
    RestoreProblem, Restored, RestoredNode,
};
pub use describe::{
    AxisDescription, CaveatDescription, ColouringDescription, ComponentDescription,
    CompositeDescription, DisplayDescription, FrameCost, FurtherInputDescription, MenuEntry,
    NodeChange, NodeDescription, NodeKind, OperationDescription, Outline, ParameterControl,
    ParameterDescription, ScanSteps, ShownUnitsDescription, TreeChange, TreeDescription,
};
pub use error::WireError;
pub use event::{Event, Measuring, NoticeLevel, Progress, ProgressState};
pub use parents::parents;
pub use reply::{
    Encoding, FrameReply, FrameSpace, NavigatorReply, Reply, SampleType, TimesMs, Welcome,
};
pub use request::{
    Attention, Detail, FramePart, FrameRequest, NavigationRegion, NavigatorRequest,
    RegionStatistic, Request, SaveOptions,
};
pub use typescript::typescript;

/// Version of these messages; a page with another one shows its poster and says so.
pub const PROTOCOL_VERSION: u32 = 2;
