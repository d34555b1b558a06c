//! From a frame to what a screen shows: reduction to display size, levels, colormaps, posters.
//!
//! Contrast is applied in the browser; here colour is used only for posters.

mod colormap;
mod levels;
mod poster;
mod reduce;

pub use colormap::Colors;
pub use levels::{Levels, levels};
pub use poster::{Panel, base64_text, poster};
pub use reduce::{Reduced, Sample, reduce};
