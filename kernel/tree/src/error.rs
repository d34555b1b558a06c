use signal::{
    NavigationIndex, NotApplicable, OperationError, Region, SourceError, rows_and_columns,
};
use thiserror::Error;

use crate::{Node, Step};

/// A frame, value or list of peaks that could not be computed: what, where and why.
#[derive(Clone, Debug, Error)]
#[error("{}: {cause}", self.place())]
pub struct ComputeError {
    pub node: u32,
    /// The node's name, as the user knows it.
    pub name: String,
    /// Wire name of the operation; `None` for a file.
    pub operation: Option<&'static str>,
    pub index: Option<NavigationIndex>,
    pub cause: Box<Cause>,
}

#[derive(Clone, Debug, Error)]
pub enum Cause {
    #[error("cancelled")]
    Cancelled,
    #[error("{0}")]
    Source(SourceError),
    #[error("{0}")]
    Operation(OperationError),
    #[error("panicked: {0}")]
    Panic(String),
    #[error("{expected} expected, {found} found")]
    WrongOutput { expected: String, found: String },
    #[error("{0}")]
    NotApplicable(NotApplicable),
    #[error("there is no such node")]
    NoNode,
    #[error("this position is outside the scan of shape {shape:?}")]
    OutsideScan { shape: Vec<usize> },
    #[error("the region of {} from row {}, column {} is not inside the scan of shape {shape:?}", rows_and_columns(region.height, region.width), region.y0, region.x0)]
    RegionOutside { region: Region, shape: Vec<usize> },
    #[error("{what} needs {need_bytes} bytes; the memory budget is {budget_bytes} bytes")]
    Memory {
        what: String,
        need_bytes: usize,
        budget_bytes: usize,
    },
}

impl ComputeError {
    pub fn new(node: &Node, index: Option<NavigationIndex>, cause: Cause) -> Self {
        ComputeError {
            node: node.id,
            name: node.name.clone(),
            operation: node.operation_name(),
            index,
            cause: Box::new(cause),
        }
    }

    pub fn no_node(node: u32) -> Self {
        ComputeError {
            node,
            name: format!("node {node}"),
            operation: None,
            index: None,
            cause: Box::new(Cause::NoNode),
        }
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(
            *self.cause,
            Cause::Cancelled
                | Cause::Source(SourceError::Cancelled)
                | Cause::Operation(OperationError::Cancelled)
        )
    }

    /// Stable identifier for programs.
    pub fn code(&self) -> &'static str {
        match &*self.cause {
            _ if self.is_cancelled() => "cancelled",
            Cause::Source(error) => error.code(),
            Cause::Operation(OperationError::User { .. }) => "user_function",
            Cause::Operation(_) => "operation",
            Cause::Panic(_) => "panic",
            Cause::WrongOutput { .. } => "wrong_output",
            Cause::NotApplicable(_) => "not_applicable",
            Cause::NoNode => "not_found",
            Cause::OutsideScan { .. } | Cause::RegionOutside { .. } => "outside_scan",
            Cause::Memory { .. } => "memory",
            Cause::Cancelled => "cancelled",
        }
    }

    /// What the user can do about it; may be empty.
    pub fn hint(&self) -> String {
        match &*self.cause {
            Cause::Cancelled => "run it again".into(),
            Cause::Source(error) => error.remedy(),
            Cause::Operation(OperationError::Failed { remedy, .. }) => remedy.clone(),
            Cause::Operation(OperationError::User { .. }) => {
                "correct the closure and run its cell again".into()
            }
            Cause::Operation(OperationError::Cancelled) => "run it again".into(),
            Cause::Panic(_) => {
                "other frames can still be computed; this is a bug of the operation, please report it"
                    .into()
            }
            Cause::WrongOutput { .. } => {
                "this is a bug of the operation, please report it".into()
            }
            Cause::NotApplicable(_) => "change the parameters of a node above it".into(),
            Cause::NoNode => "it was removed; run its cell again".into(),
            Cause::RegionOutside { .. } => {
                "give a region of at least one position inside the navigation axes".into()
            }
            Cause::OutsideScan { .. } => "give a position inside the navigation axes".into(),
            Cause::Memory {
                need_bytes,
                budget_bytes,
                ..
            } => {
                let enough = need_bytes.saturating_add(*budget_bytes).div_ceil(1 << 30);
                format!("raise the budget: memory_budget(\"{enough} GiB\")?")
            }
        }
    }

    fn place(&self) -> String {
        let mut text = format!("`{}`", self.name);
        if let Some(operation) = self.operation {
            text.push_str(&format!(" ({operation})"));
        }
        if let Some(index) = self.index {
            text.push_str(&format!(" at scan position {index}"));
        }
        text
    }
}

/// A change of the graph that was refused.
#[derive(Clone, Debug, Error)]
pub enum TreeError {
    #[error("there is no node {node}")]
    NoNode { node: u32 },
    #[error("`{operation}` does not fit `{parent}`: {reason}")]
    NotApplicable {
        operation: &'static str,
        parent: String,
        reason: NotApplicable,
    },
    #[error("`{name}` has nodes below it: {}", children.join(", "))]
    HasChildren { name: String, children: Vec<String> },
    #[error("`{name}` is a file and has no parameters")]
    NoParameters { name: String },
    #[error("`{name}` has no change of its parameters to {}", match step { Step::Undo => "take back", Step::Redo => "make again" })]
    NoHistory { name: String, step: Step },
    #[error("{0}")]
    Axes(String),
}
