// Written by `cargo xtask codegen` from the registry of operations; do not edit.

use crate::error::Result;
use crate::json::ToJson;
use crate::operation::Operation;
use crate::region::Region;
use crate::signal::Signal;

/// Radial median: Subtracts the median of each ring around the centre.
#[derive(Clone, Debug, PartialEq)]
pub struct RadialMedian {
    /// Centre of the rings (row, column).
    pub centre: Option<[f64; 2]>,
}

impl Default for RadialMedian {
    fn default() -> Self {
        RadialMedian { centre: None }
    }
}

impl Operation for RadialMedian {
    const NAME: &'static str = "radial_median";

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("centre", self.centre.to_json())]
    }
}

impl RadialMedian {
    #[doc(hidden)]
    pub fn evcxr_display(&self) {
        crate::hook::show_parameters(self);
    }
}

/// Normalized correlation: Finds disks.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalizedCorrelation {
    /// Radius of the disk. Allowed: 1 to 128 px.
    pub radius: f64,
    /// Smallest correlation.
    pub threshold: f64,
}

impl Default for NormalizedCorrelation {
    fn default() -> Self {
        NormalizedCorrelation {
            radius: 4.0,
            threshold: 0.5,
        }
    }
}

impl Operation for NormalizedCorrelation {
    const NAME: &'static str = "normalized_correlation";

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("radius", self.radius.to_json()),
            ("threshold", self.threshold.to_json()),
        ]
    }
}

impl NormalizedCorrelation {
    #[doc(hidden)]
    pub fn evcxr_display(&self) {
        crate::hook::show_parameters(self);
    }
}

/// Strain map.
#[derive(Clone, Debug, PartialEq)]
pub struct StrainMap {
    /// Unstrained scan positions.
    pub reference: Region,
}

impl Default for StrainMap {
    fn default() -> Self {
        StrainMap {
            reference: Region::rectangle(0, 0, 8, 8),
        }
    }
}

impl Operation for StrainMap {
    const NAME: &'static str = "strain_map";

    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("reference", self.reference.to_json())]
    }
}

impl StrainMap {
    #[doc(hidden)]
    pub fn evcxr_display(&self) {
        crate::hook::show_parameters(self);
    }
}

/// Which parameters each method of [`Signal`] takes.
pub mod method {
    /// Parameters of [`Signal::subtract_background`](super::Signal::subtract_background).
    #[diagnostic::on_unimplemented(
        message = "`subtract_background` does not take `{Self}`",
        label = "not parameters of `subtract_background`",
        note = "it takes RadialMedian"
    )]
    pub trait SubtractBackground: super::Operation {}
    impl SubtractBackground for super::RadialMedian {}
}

impl Signal {
    /// - [`RadialMedian`]: Subtracts the median of each ring around the centre.
    pub fn subtract_background<P: method::SubtractBackground>(
        &self,
        parameters: P,
    ) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`NormalizedCorrelation`]: Finds disks.
    pub fn find_peaks(&self, parameters: NormalizedCorrelation) -> Result<Signal> {
        self.apply(&parameters)
    }

    /// - [`StrainMap`]: Strain.
    pub fn strain_map(&self, parameters: StrainMap) -> Result<Signal> {
        self.apply(&parameters)
    }
}
