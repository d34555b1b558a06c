//! What the kernel needs of an evaluator of cells.

use serde_json::{Map, Value};

/// Evaluates cells, one after the other. The real one is [`eval::Evaluator`]; the tests of the
/// messaging bring their own, so that they need no compiler.
pub trait Cells: Send + Sync {
    /// Runs one cell to its end; its output has gone to the outlet when this returns.
    fn evaluate(&self, code: &str) -> Result<(), CellError>;
    /// Asks the running cell to stop. Harmless if nothing runs.
    fn interrupt(&self);
    /// Names that fit at the cursor, which counts code points.
    fn complete(&self, code: &str, cursor: usize) -> Completions;
    fn inspect(&self, code: &str, cursor: usize) -> Option<Inspection>;
    fn is_complete(&self, code: &str) -> IsComplete;
    /// The kernel is about to end: stop children, remove what is on disk.
    fn shut_down(&self) {}
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}
#[derive(Clone, Debug, Default)]
pub struct Display {
    pub bundle: Map<String, Value>,
    pub metadata: Map<String, Value>,
    pub display_id: Option<String>,
    pub update: bool,
}
pub trait Outlet: Send + Sync {
    fn stream(&self, stream: Stream, text: &str);
    fn display(&self, display: Display);
    fn result(&self, display: Display);
    fn show(&self, node: u32);
    fn clear_output(&self, wait: bool);
    fn read_line(&self, prompt: &str, password: bool) -> Result<String, String>;
}
#[derive(Clone, Debug)]
pub struct CellError {
    pub name: String,
    pub value: String,
    pub traceback: Vec<String>,
}
#[derive(Clone, Debug, Default)]
pub struct Completions {
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Completion>,
}
#[derive(Clone, Debug)]
pub struct Completion {
    pub text: String,
    pub kind: String,
    pub signature: String,
}
#[derive(Clone, Debug)]
pub struct Inspection {
    pub plain: String,
    pub markdown: String,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsComplete {
    Complete,
    Incomplete { indent: String },
    Invalid,
    Unknown,
}
