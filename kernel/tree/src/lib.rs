//! The lazy graph: nodes, caches, workers, whole-scan computations.
//!
//! [`Tree`] is the one place that changes the graph; everything that computes works on an immutable
//! [`Graph`] snapshot. [`Engine`] turns (node, scan position) into an [`signal::Output`] through the
//! node's ancestors, with one byte budget for everything it keeps. Nothing is read or computed when a
//! node is added; frames are computed because somebody asked, whole scans as streaming passes that
//! yield to interactive work.

mod cache;
mod chunk_cost;
mod compute;
mod dead_pixels;
mod deliver;
mod detector_cube;
mod draft;
mod error;
mod estimate;
mod graph;
mod history;
mod inherit;
mod inputs;
mod map;
mod materialised;
mod navigator;
mod node;
mod ordered;
mod pass;
mod places;
mod prefetch;
mod preparation;
mod region_sum;
mod route;
mod scan;
mod scheduler;
mod view_id;

pub use cache::{Memory, Reservation};
pub use compute::{Engine, EngineConfig, EngineEvent, Reads};
pub use deliver::Receiver;
pub use draft::DraftNumbers;
pub use error::{Cause, ComputeError, TreeError};
pub use estimate::Estimate;
pub use graph::{Earlier, Graph, Removed, Tree};
pub use history::{Binding, History, REMEMBERED_CHANGES, Step};
pub use map::{MapImages, MapProgress, PassState, refer};
pub use navigator::{NavigationImage, NavigatorPicture};
pub use node::{Node, OpenedFile, Origin};
pub use preparation::{PreparationProgress, PreparedAbove};
pub use region_sum::{RegionFrame, RegionStatistic};
pub use scheduler::{InteractiveGuard, Priority};
pub use view_id::ViewId;

/// A lock that a panic elsewhere does not poison: every guarded value here stays consistent, because
/// no user code runs while one is held.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
