//! User code that does not come back: an endless loop, a crash, an `exit`. Its thread is parked for ever
//! in a signal handler, and everything else lives on.
//!
//! | | stops | where |
//! |---|---|---|
//! | a loop or a wait that ignores an interrupt | when it executes code of a cell, or waits for the outside | `on_probe` |
//! | a crash, `abort`, a stack overflow | at once | `on_fatal`, on the thread's alternate stack |
//! | `process::exit` | before any handler of the process's end | `guard_exit` |
//!
//! Only user threads are parked: the thread of cells, those that call closures (`workers`), and those a
//! cell started itself. A fault on any other thread is a bug of the kernel and ends it as it would without us.
//! A thread that loops is parked only outside the kernel's own code, so that it holds no lock of the
//! engine; one that crashed cannot choose, and its loss says whether it was inside.

mod compilers;
mod handlers;
mod registers;
mod text;
mod thread;

pub(crate) use compilers::stop_compilers;
pub use handlers::leave;
pub(crate) use handlers::{
    guard_exit, install, lost_stranger, park, somebody_exited, stop_exit, waits_to_exit,
};
pub(crate) use text::add_text;
pub(crate) use thread::{KernelCall, UserCode, UserThread, asked_to_stop};

/// What stopped a thread for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It did not stop when asked.
    Abandoned,
    Signal {
        signal: i32,
        /// What a bad access tried to reach; 0 for signals that were raised.
        address: usize,
        /// That was just past the end of the thread's stack.
        overflow: bool,
    },
    /// Status given to `process::exit`, where it is known.
    Exit(Option<i32>),
}

/// A thread that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) ending: Ending,
    /// It was executing code of the kernel, and may hold its locks.
    pub(crate) inside: bool,
}
