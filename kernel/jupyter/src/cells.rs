//! What the kernel needs of an evaluator of cells.

pub use eval::{CellError, Completions, Display, Inspection, IsComplete, Match, Outlet, Stream};

/// Evaluates cells, one after the other. The real one is [`eval::Evaluator`]; the tests of the
/// messaging bring their own, so that they need no compiler.
pub trait Cells: Send + Sync {
    /// Runs one cell to its end; its output has gone to the outlet when this returns.
    fn evaluate(&self, code: &str) -> Result<(), CellError>;
    /// The value of an expression, after a cell; not published.
    fn expression(&self, code: &str) -> Result<Display, CellError>;
    /// Asks the running cell to stop. Harmless if nothing runs.
    fn interrupt(&self);
    /// Names that fit at the cursor, which counts code points.
    fn complete(&self, code: &str, cursor: usize) -> Completions;
    fn inspect(&self, code: &str, cursor: usize) -> Option<Inspection>;
    /// The page of a name that a person asks for.
    ///
    /// # Errors
    /// Nothing is known about it: a sentence.
    fn help(&self, name: &str) -> Result<Inspection, String> {
        let known = self.inspect(name, name.chars().count());
        known.ok_or_else(|| format!("Nothing is known about `{name}`."))
    }
    /// Whether a variable holds a value or an error, so that `name?` is Rust's own question mark.
    fn may_fail(&self, _name: &str) -> bool {
        false
    }
    /// Whether a variable has this name.
    fn is_variable(&self, _name: &str) -> bool {
        false
    }
    fn is_complete(&self, code: &str) -> IsComplete;
    /// The kernel is about to end: stop children, remove what is on disk.
    fn shut_down(&self) {}
}
