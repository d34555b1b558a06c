//! SignalTree inside a cell.
//!
//! A [`Signal`] is a node of the tree: opening a file or applying an operation adds a node and computes
//! nothing; a frame is computed when a view or the cell asks for it. The crate has no dependency: it is
//! compiled into every cell of a notebook and talks to the kernel through one table of C functions.
//! Its sources travel inside the kernel; a notebook imports [`prelude`] by itself.

#[doc(hidden)]
pub mod abi;
mod axis;
#[doc(hidden)]
pub mod bridge;
mod complex;
mod error;
mod frame;
#[allow(clippy::derivable_impls)] // the generator writes every default the same way
mod generated;
#[doc(hidden)]
pub mod hook;
mod host;
mod json;
mod lineage;
mod map;
mod markup;
mod memory;
mod operation;
mod output;
mod picture;
pub mod prelude;
mod region;
mod restore;
mod rich;
mod save;
mod show;
mod signal;
mod table;

pub use axis::Axis;
pub use complex::{Complex, Float};
pub use error::{Error, Result};
pub use frame::{Element, Frame, Pixel};
pub use generated::*;
pub use lineage::{
    Code, Difference, DifferenceRow, export, provenance, recipe, replay, replay_with,
};
pub use map::MapOutput;
pub use markup::{Html, Markdown, Svg};
pub use memory::{Memory, MemorySize, memory, memory_budget};
pub use operation::Operation;
pub use output::{DisplayHandle, Show, Shown, clear_output, display, input, interrupted, password};
pub use region::Region;
pub use restore::{RestoreProblem, Restored, RestoredNode, restore};
pub use save::SaveOptions;
pub use signal::{
    Open, Peak, ScanPosition, Shape, Signal, compute_all, default, open, open_with, tree,
};
