use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What went wrong, where, and what to do, for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct WireError {
    /// Stable identifier: `not_found`, `truncated`, `parameter`, `not_applicable`, `panic`, ….
    pub code: String,
    pub message: String,
    /// What the user can do; may be empty.
    pub hint: String,
    pub node: Option<u32>,
    /// Scan position, slowest first.
    pub index: Option<Vec<u32>>,
}

impl WireError {
    pub fn new(
        code: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        WireError {
            code: code.into(),
            message: message.into(),
            hint: hint.into(),
            node: None,
            index: None,
        }
    }

    pub fn at_node(mut self, node: u32) -> Self {
        self.node = Some(node);
        self
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(out, "\n{}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for WireError {}
