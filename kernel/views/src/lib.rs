//! From a frame to what a screen shows: reduction to display size, levels, colormaps, figures.
//!
//! Contrast is applied in the browser; here colour is used only for figures.

mod colormap;
mod composite;
mod figure;
mod levels;
mod pack;
mod reduce;

pub use colormap::{Colormap, ColormapKind, Contrast};
pub use composite::{channels, lengths};
pub use figure::{Colours, Figure, Panel, ScaleBar, Words, base64_text, figure};
pub use levels::{Levels, levels};
pub use pack::packed;
pub use reduce::{Part, Reduced, Sample, pick, reduce};
