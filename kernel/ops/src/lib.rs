//! Operations: what one node of the tree computes.
//!
//! Each operation is one file and one line in [`registry()`]; it sees one scan position at a time and
//! is pure. Formulas without any of the project's types live in [`math`]. To add an operation, copy
//! `template.rs`, change it, and add its line to `registry.rs`.
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

mod accept;
mod arithmetic;
mod background;
mod decomposition;
mod detectors;
mod filter;
mod geometry;
mod joined;
pub mod math;
mod measured;
mod patterns;
mod peaks;
mod phase_contrast;
mod plan;
mod radial;
mod registry;
mod strain;
#[cfg(test)]
mod template;

pub use arithmetic::{Add, Divide, Multiply, Subtract};
pub use background::difference_of_gaussians::DifferenceOfGaussians;
pub use background::h_dome::HDome;
pub use background::median_kernel::MedianKernel;
pub use background::radial_median::RadialMedian;
pub use decomposition::loadings::Loadings;
pub use decomposition::reconstruct::Reconstruct;
pub use decomposition::scores::Scores;
pub use decomposition::svd::{Centre, Svd};
pub use detectors::center_of_mass::{CenterOfMass, Reference};
pub use detectors::energy_window::EnergyWindow;
pub use detectors::polygon::Polygon;
pub use detectors::virtual_image::{Annulus, Disk, Rectangle, Statistic};
pub use filter::rolling_mean::{RollingMean, ScanAxis};
pub use geometry::center_direct_beam::{BeamMethod, CenterDirectBeam, Movement, Outside};
pub use geometry::crop_scan::CropScan;
pub use geometry::crop_signal::CropSignal;
pub use geometry::rebin_scan::RebinScan;
pub use geometry::rebin_signal::RebinSignal;
pub use peaks::difference_of_gaussians_peaks::DifferenceOfGaussiansPeaks;
pub use peaks::local_maximum::LocalMaximum;
pub use peaks::normalized_correlation::NormalizedCorrelation;
pub use peaks::peak_finder::Subpixel;
pub use phase_contrast::integrated_center_of_mass::{IntegratedCenterOfMass, ScanEdges};
pub use radial::azimuthal_integral::AzimuthalIntegral;
pub use registry::{UnknownOperation, find, registry};
pub use strain::strain_map::StrainMap;
