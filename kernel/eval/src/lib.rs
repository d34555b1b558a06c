//! Evaluating cells inside the kernel process.
//!
//! A cell is compiled by evcxr into a shared library, loaded by this process and run next to the engine,
//! so that a closure of the user reads the engine's pixels without a copy. evcxr's child process is a
//! relay that only donates its file descriptors (`relay`); the library is loaded and run on a thread
//! of the kernel (`host`); what it prints is captured (`capture`). Only this crate knows rustc.

mod advice;
mod api;
mod bridge;
mod capture;
mod compiler;
mod complete;
mod cursor;
mod direct;
mod early;
mod error_report;
mod evaluator;
mod foreign;
mod fuzz;
mod help;
mod host;
mod kept;
mod lost_threads;
mod mend;
mod names;
mod nearest;
mod pages;
mod park;
mod paths;
mod prepare;
mod relay;
mod repair;
mod slips;
mod source;
mod suggestions;
mod text;
mod tokens;
mod toolchain;
mod typing;
mod user_crate;
mod variables;
mod workers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

pub use capture::log_file;
pub use complete::{Completions, Inspection, Match};
pub use evaluator::Evaluator;
#[doc(hidden)]
pub use fuzz::read_cell;
#[doc(hidden)]
pub use pages::examples as examples_of_pages;
pub use park::leave;
pub use prepare::{Prepared, prepare, prepared};
pub use relay::runtime_hook_if_child;
pub use user_crate::cache_folder;
// In the signature of `Engine`, so that who implements it needs no other crate.
pub use signal::{Frame, FrameFunction};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Something to show: texts and JSON by MIME type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Display {
    pub bundle: Map<String, Value>,
    pub metadata: Map<String, Value>,
    pub display_id: Option<String>,
    /// Replaces what was shown under `display_id`.
    pub update: bool,
}

/// Where a cell's output goes; the calls of one cell arrive in the order the cell made them.
pub trait Outlet: Send + Sync {
    fn stream(&self, stream: Stream, text: &str);
    fn display(&self, display: Display);
    /// Value of the trailing expression.
    fn result(&self, display: Display);
    /// A signal is to be shown: the widget of this node.
    fn show(&self, node: u32);
    fn clear_output(&self, wait: bool);
    /// # Errors
    /// A sentence: the front end takes no questions, or the cell was interrupted.
    fn read_line(&self, prompt: &str, password: bool) -> Result<String, String>;
}

/// What a cell may ask of the session.
pub trait SessionAccess: Send + Sync {
    /// JSON of `protocol::Command` in, JSON of `protocol::CommandReply` out.
    ///
    /// # Errors
    /// JSON of `protocol::WireError`, or a sentence.
    fn command(&self, request: &str) -> Result<String, String>;
    /// A cell holds one more handle on the node.
    fn retain(&self, node: u32);
    fn release(&self, node: u32);
    /// Handles that nobody will give back: the variables that held them are lost with their session. What they
    /// stand for is not given up for it.
    fn lose(&self, nodes: &[u32]) {
        nodes.iter().for_each(|node| self.release(*node));
    }
    /// # Errors
    /// JSON of `protocol::WireError`, or a sentence.
    fn frame(&self, node: u32, index: &[usize]) -> Result<Frame, String>;
    /// Adds a lazy node that applies the closure; computes nothing.
    ///
    /// # Errors
    /// JSON of `protocol::WireError`, or a sentence.
    fn map_frames(&self, node: u32, function: Arc<dyn FrameFunction>) -> Result<u32, String>;
    fn interrupted(&self) -> bool;
    /// What must be known of files and was found while cells ran, not told yet: about what, and what.
    fn new_remarks(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Why a cell failed, for the `error` message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// `CompileError`, `Panic`, `Interrupted`, or the type of the error that went through `?`.
    pub name: String,
    pub value: String,
    /// Lines with ANSI colours.
    pub traceback: Vec<String>,
}

impl std::fmt::Display for CellError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&error_report::without_colours(&self.traceback.join("\n")))
    }
}

impl std::error::Error for CellError {}

/// State of the Rust compiler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Compiler {
    /// Not asked for yet.
    #[default]
    Off,
    Starting,
    Ready,
    /// One sentence on what is missing and how to get it.
    Failed(String),
}

/// What the start of the compiler is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparing {
    /// Rust is asked where it is and which version it has.
    Rust,
    /// The sources of the standard library are fetched: once for a version of Rust.
    Library,
    /// The crate of cells is compiled as well: once for a version of Rust and of the kernel.
    Crate,
    /// The types of the standard library are read: once for a kernel.
    Types,
}

/// What a cell waits for, for the person who waits.
impl std::fmt::Display for Preparing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Preparing::Rust => "Waiting for Rust …",
            Preparing::Library => {
                "Waiting for the sources of Rust's standard library, which are fetched once for a version of Rust …"
            }
            Preparing::Crate => {
                "Waiting for the compiler, which prepares itself once for this version of Rust and of the kernel; \
                 `signaltree prepare` does that ahead …"
            }
            Preparing::Types => {
                "Waiting for the compiler, which reads the types of Rust's standard library once for a kernel; a \
                 cell that keeps nothing, or only numbers, lists of them, words and signals, need not wait …"
            }
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsComplete {
    Complete,
    Incomplete { indent: String },
    Invalid,
    Unknown,
}

/// When the compiler starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prewarm {
    /// At once, in the background.
    #[default]
    Background,
    /// In the background, when the first cell of any kind runs.
    FirstCell,
    /// When a cell needs it.
    Off,
}

impl Prewarm {
    /// `background`, `first-cell`, `off`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "background" => Some(Prewarm::Background),
            "first-cell" => Some(Prewarm::FirstCell),
            "off" => Some(Prewarm::Off),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Where the sources of the cell's crate and its compiled form are kept between kernels;
    /// `None`: the user's cache folder.
    pub cache: Option<PathBuf>,
    pub prewarm: Prewarm,
    /// How long a cell waits for the compiler before it says so.
    pub notice_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cache: None,
            prewarm: Prewarm::Background,
            notice_after: Duration::from_secs(1),
        }
    }
}
