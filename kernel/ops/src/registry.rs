//! The list of operations. Menu, widget controls, completion, cell structs, contract tests and
//! benches iterate it; its order is the order on screen.

use signal::{Bound, Registered, nearest_names};

use crate::arithmetic::complex_parts::{TakeAmplitude, TakeImaginary, TakePhase, TakeReal};
use crate::arithmetic::{AddSignals, DivideSignals, MultiplySignals, SubtractSignals};
use crate::background::difference_of_gaussians::SubtractDifferenceOfGaussians;
use crate::background::h_dome::SubtractHDome;
use crate::background::median_kernel::SubtractMedianKernel;
use crate::background::radial_median::SubtractRadialMedian;
use crate::decomposition::loadings::ShowLoadings;
use crate::decomposition::reconstruct::Rebuild;
use crate::decomposition::scores::MapScores;
use crate::decomposition::svd::Decompose;
use crate::detectors::center_of_mass::MeasureCenterOfMass;
use crate::detectors::energy_window::MeasureWindow;
use crate::detectors::polygon::Polygon;
use crate::detectors::virtual_image::{Annulus, Disk, MeasureInside, Rectangle};
use crate::filter::rolling_mean::AverageWindow;
use crate::geometry::center_direct_beam::MoveToBeam;
use crate::geometry::crop_scan::CutScan;
use crate::geometry::crop_signal::CutSignal;
use crate::geometry::rebin_scan::JoinPositions;
use crate::geometry::rebin_signal::JoinPixels;
use crate::patterns::pattern::{GatherMaximum, GatherMean};
use crate::peaks::difference_of_gaussians_peaks::FindDifferenceOfGaussiansPeaks;
use crate::peaks::local_maximum::FindLocalMaxima;
use crate::peaks::normalized_correlation::FindDisks;
use crate::phase_contrast::integrated_center_of_mass::IntegrateShift;
use crate::radial::azimuthal_integral::IntegrateAzimuthally;
use crate::strain::strain_map::MapStrain;

static REGISTRY: &[&dyn Registered] = &[
    &Bound::<SubtractRadialMedian>::entry(),
    &Bound::<SubtractDifferenceOfGaussians>::entry(),
    &Bound::<SubtractMedianKernel>::entry(),
    &Bound::<SubtractHDome>::entry(),
    &Bound::<FindDisks>::entry(),
    &Bound::<FindDifferenceOfGaussiansPeaks>::entry(),
    &Bound::<FindLocalMaxima>::entry(),
    &Bound::<MapStrain>::entry(),
    &Bound::<MeasureInside<Disk>>::entry(),
    &Bound::<MeasureInside<Annulus>>::entry(),
    &Bound::<MeasureInside<Rectangle>>::entry(),
    &Bound::<MeasureInside<Polygon>>::entry(),
    &Bound::<MeasureWindow>::entry(),
    &Bound::<MeasureCenterOfMass>::entry(),
    &Bound::<IntegrateShift>::entry(),
    &Bound::<GatherMean>::entry(),
    &Bound::<GatherMaximum>::entry(),
    &Bound::<IntegrateAzimuthally>::entry(),
    &Bound::<MoveToBeam>::entry(),
    &Bound::<CutSignal>::entry(),
    &Bound::<JoinPixels>::entry(),
    &Bound::<CutScan>::entry(),
    &Bound::<JoinPositions>::entry(),
    &Bound::<AverageWindow>::entry(),
    &Bound::<Decompose>::entry(),
    &Bound::<MapScores>::entry(),
    &Bound::<ShowLoadings>::entry(),
    &Bound::<Rebuild>::entry(),
    &Bound::<SubtractSignals>::entry(),
    &Bound::<AddSignals>::entry(),
    &Bound::<MultiplySignals>::entry(),
    &Bound::<DivideSignals>::entry(),
    &Bound::<TakeAmplitude>::entry(),
    &Bound::<TakePhase>::entry(),
    &Bound::<TakeReal>::entry(),
    &Bound::<TakeImaginary>::entry(),
];

/// Every operation, in menu order.
pub fn registry() -> &'static [&'static dyn Registered] {
    REGISTRY
}

/// A wire name that no operation has.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownOperation {
    pub name: String,
    /// The closest wire names, best first; may be empty.
    pub nearest: Vec<&'static str>,
}

impl std::fmt::Display for UnknownOperation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "there is no operation `{}`", self.name)?;
        let (text, names) = if self.nearest.is_empty() {
            ("the operations are", wire_names().collect())
        } else {
            ("the nearest names are", self.nearest.clone())
        };
        write!(out, "; {text} {}", names.join(", "))
    }
}

impl std::error::Error for UnknownOperation {}

fn wire_names() -> impl Iterator<Item = &'static str> {
    registry().iter().map(|entry| entry.info().name)
}

/// The operation with this wire name.
///
/// # Errors
/// [`UnknownOperation`] with the nearest names.
pub fn find(name: &str) -> Result<&'static dyn Registered, UnknownOperation> {
    registry()
        .iter()
        .copied()
        .find(|entry| entry.info().name == name)
        .ok_or_else(|| UnknownOperation {
            name: name.to_owned(),
            nearest: nearest_names(name, wire_names(), 3),
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_parameter_structs_are_unique() {
        let infos: Vec<_> = registry().iter().map(|entry| entry.info()).collect();
        let names: HashSet<_> = infos.iter().map(|info| info.name).collect();
        let structs: HashSet<_> = infos.iter().map(|info| info.parameters_type).collect();
        assert_eq!(names.len(), infos.len());
        assert_eq!(structs.len(), infos.len());
    }

    #[test]
    fn a_slip_of_the_finger_gets_the_nearest_name() {
        let error = find("radial_medain").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("radial_median")));
        assert!(find("strain_map").is_ok());
    }
}
