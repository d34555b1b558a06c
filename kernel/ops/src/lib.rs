//! Operations: what one node of the tree computes.
//!
//! Each operation is one file, in the folder of its [`signal::Category`], and one line in that folder's
//! `operations!`; it sees one scan position at a time and is pure. Formulas without any of the project's
//! types live in [`math`]. To add an operation, copy `template.rs` into the folder, change it, and add its line.
//!
//! ```
//! use signal::{Axes, Axis, CancelToken, ElementType, Frame, Inputs, NavigationIndex, Output, SignalMeta};
//! use std::sync::Arc;
//!
//! let entry = ops::find("virtual_disk").unwrap();
//! let disk = entry.bind(&serde_json::json!({"radius": 3.0})).unwrap();
//! let axes = Axes::new(
//!     vec![Axis::pixels("y", 4), Axis::pixels("x", 6)],
//!     vec![Axis::pixels("ky", 11), Axis::pixels("kx", 9)],
//! );
//! let meta = Arc::new(SignalMeta::frames("flat", axes, ElementType::U8));
//! assert_eq!(disk.describe(&[&meta]).unwrap().components.len(), 1);
//!
//! let inputs = Inputs {
//!     metas: &[meta],
//!     outputs: &[Output::Frame(Frame::from_vec(&[11, 9], vec![1u8; 99]).unwrap())],
//! };
//! let at = NavigationIndex::new(&[0, 0]);
//! let Output::Values(values) = disk.compute(&inputs, at, None, &CancelToken::new()).unwrap() else {
//!     panic!("a virtual detector gives one number");
//! };
//! assert_eq!(values[0], 29.0);
//! ```

#[macro_use]
mod operations;

mod arithmetic;
mod background;
mod corrections;
mod decomposition;
mod detectors;
mod filter;
mod geometry;
mod inputs;
mod joined;
pub mod math;
mod measured;
mod patterns;
mod peaks;
mod phase_contrast;
mod radial;
mod registry;
mod shape_cache;
mod strain;
#[cfg(test)]
mod template;
#[cfg(test)]
mod testing;

pub use registry::{UnknownOperation, find, registry};
