//! What every cell can use without importing it.

pub use crate::generated::*;
#[doc(hidden)]
pub use crate::hook::{
    EvcxrDisplay, ShowBorrowed as _, ShowDebug as _, ShowNothing as _, ShowRich as _,
};
pub use crate::{
    Axis, Code, Complex, Difference, Error, Frame, Html, Markdown, Memory, Open, Operation, Peak,
    Region, Result, SaveOptions, Shape, Show, Signal, Svg, clear_output, compute_all, default,
    display, export, input, interrupted, memory, memory_budget, open, open_with, password,
    provenance, recipe, replay, replay_with, restore, tree,
};
