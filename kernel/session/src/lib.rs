//! One session: the tree, its views and the table of requests.
//!
//! A page asks through [`Session::request`] and is never waited for; a cell asks through
//! [`Session::command`] and may wait. Both end in the one table of `router.rs`. Frames of pages go
//! through a queue that keeps only the newest request of each view.

mod attention;
pub mod batch;
mod blocking_call;
mod caveats;
mod closure;
mod code;
mod convert;
mod cost;
pub mod date;
mod difference;
mod drafts;
mod events;
mod handlers;
mod holds;
pub mod journal;
mod look;
mod measured;
mod parameter_files;
mod poster;
mod progress;
pub mod provenance;
mod recipe;
mod replay;
mod request_queue;
mod router;
pub mod sample;
mod save;
mod session;
mod sources;
mod tree_events;
mod waits;

pub use look::Look;
pub use poster::Poster;
pub use session::{BUDGET_VARIABLE, Config, Session};

/// A lock that a panic elsewhere does not poison; no foreign code runs while one is held.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
