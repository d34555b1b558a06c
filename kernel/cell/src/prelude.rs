//! What every cell can use without importing it.

pub use crate::generated::*;
#[doc(hidden)]
pub use crate::hook::EvcxrDisplay;
pub use crate::{
    Axis, Error, Frame, Html, Markdown, Open, Operation, Peak, Region, Result, Signal, Svg,
    clear_output, default, display, input, interrupted, open, open_with, password, tree,
};
