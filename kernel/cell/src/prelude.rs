//! What every cell can use without importing it.

pub use crate::generated::*;
#[doc(hidden)]
pub use crate::hook::{
    EvcxrDisplay, ShowBorrowed as _, ShowDebug as _, ShowNothing as _, ShowRich as _,
};
pub use crate::{
    Axis, Error, Frame, Html, Markdown, Open, Operation, Peak, Region, Result, Show, Signal, Svg,
    clear_output, default, display, input, interrupted, open, open_with, password, restore, tree,
};
