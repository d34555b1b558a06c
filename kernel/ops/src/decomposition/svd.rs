//! Takes a scan apart into components: a truncated singular value decomposition (PCA), a model that scores, loadings and
//! reconstructions are read of.
//!
//! Frames `(ny, nx | ky, kx)` or spectra → a model; its own signal is the scree `(| component)`, each component's share of the variance as
//! `f32`. With frames as rows, `X - mean ≈ Σ s_c v_cᵀ`: *loadings* `v_c` are frames of length 1, *scores* `s_c`, in the unit of the pixels,
//! are maps; components come in the order of their variance, `Σ s_c² / N`, and are counted from 0. The pixel with the largest absolute value of
//! each loading is positive. `centre`: nothing is subtracted, the mean frame (`navigation`: the mean over the scan), or of each frame its
//! own mean (`signal`). `normalize_poissonian_noise` (Keenan, Kotula): a frame is divided by `√` of its sum, a pixel by `√` of its
//! sum over the scan; scores and loadings are multiplied with these again, so that they rebuild the counts, and loadings have another length.
//! Pixels in single precision. A pixel that is NaN at some position is left out everywhere, a position without any value, too: NaN in
//! loadings, scores and reconstructions, and said. Components without variance (more than the scan has) are NaN, and said.
//!
//! Frames of at most 2048 pixels: eigenvectors of the matrix of all pairs of pixels, one pass, then one for the scores; exact but for
//! rounding, O(N P²). Larger ones: `components + 10` vectors, which as many frames spread over the scan are a part of, `passes` passes,
//! O(N P (components + 10)) each: components whose variance is
//! hardly above that of what is left, such as noise, have no sure direction, and their angle is said. One frame in memory for each
//! thread, and a few matrices. References: Keenan, Kotula, doi:10.1002/sia.1657; Halko, Martinsson, Tropp, doi:10.1137/090771806;
//! agrees with `numpy.linalg.svd` and `hyperspy Signal.decomposition(algorithm="SVD")`, whose *loadings* are the scores here, its *factors* the loadings.

use std::sync::Arc;

use signal::serde_json::Value;
use signal::{
    Axes, Axis, CancelToken, Category, Caveat, ElementType, Frame, Inputs, Model, NavigationIndex,
    Needs, NotApplicable, Operation, OperationError, OperationInfo, Output, Positions, Preparation,
    SignalMeta, choices, parameters,
};

use super::gram::{GatherScatter, MAX_PIXELS};
use super::model::{Decomposition, SVD};
use super::rows::{Holes, Kind};
use super::start::GatherStart;
use crate::inputs;

choices! {
    /// What is subtracted first.
    pub enum Centre {
        /// Nothing.
        None = "none",
        /// The mean frame over all scan positions.
        Navigation = "navigation",
        /// Of each frame its own mean.
        Signal = "signal",
    }
}

parameters! {
    /// Takes a scan apart into components of the largest variance.
    pub struct Svd {
        /// How many components; no more than there are positions and pixels.
        pub components: usize = 20, range (1, 200);
        /// What is subtracted first: nothing, the mean frame over the scan (navigation), of each frame its own mean (signal).
        pub centre: Centre = Centre::None;
        /// Weighs frames and pixels by their counts, so that noise of counts is alike in all; not together with a centre.
        pub normalize_poissonian_noise: bool = false;
        /// Passes over the scan where frames have more than 2048 pixels: more come nearer to components of hardly different variance.
        pub passes: usize = 2, range (2, 20);
    }
}

/// What is asked of a scan.
pub(super) struct Asked {
    pub kind: Kind,
    pub components: usize,
    pub passes: usize,
    /// Of the scan.
    pub shape: Vec<usize>,
}

impl Asked {
    /// Whether the mean frame is subtracted.
    pub fn subtracts_mean(&self) -> bool {
        self.kind.centre == Centre::Navigation
    }

    /// Whether each frame's own mean is.
    pub fn subtracts_levels(&self) -> bool {
        self.kind.centre == Centre::Signal
    }

    /// What each pixel is multiplied by: 0 where it is left out, `none` when there are no rows.
    pub fn pixel_scales(&self, holes: &Holes, totals: &[f64], none: bool) -> Vec<f32> {
        (0..self.kind.pixels)
            .map(|pixel| {
                if none || holes.has(pixel) {
                    return 0.0;
                }
                if !self.kind.poissonian {
                    return 1.0;
                }
                match totals.get(pixel) {
                    Some(total) if *total > 0.0 => (1.0 / total.sqrt()) as f32,
                    _ => 0.0,
                }
            })
            .collect()
    }

    /// What so many positions and pixels can have.
    pub fn most_components(&self, positions: f64, pixels: usize) -> usize {
        let positions = (positions as usize).saturating_sub(usize::from(self.subtracts_mean()));
        positions.min(pixels.saturating_sub(usize::from(self.subtracts_levels())))
    }
}

fn accepted<'a>(
    inputs: &[&'a SignalMeta],
    params: &Svd,
) -> Result<(&'a SignalMeta, usize), NotApplicable> {
    let input = inputs::images_or_spectra(inputs)?;
    if input.axes.positions() < 2 {
        return Err(NotApplicable::new(
            format!("the signal {} has one frame", input.axes.shape_text()),
            "frames or spectra of a scan, or a series of them",
        ));
    }
    if params.normalize_poissonian_noise && params.centre != Centre::None {
        return Err(inputs::refuse(
            "normalize_poissonian_noise weighs counts, which are none when a mean is subtracted",
            "one of them: centre = none, or normalize_poissonian_noise = false",
        ));
    }
    let most = input.axes.positions().min(input.axes.frame_len());
    Ok((input, params.components.min(most)))
}

#[derive(Default)]
pub struct Decompose;

impl Operation for Decompose {
    type Params = Svd;
    type Prepared = Decomposition;
    const INFO: OperationInfo = OperationInfo {
        name: SVD,
        method: "decompose",
        parameters_type: "Svd",
        title: "Decomposition",
        summary: "Takes a scan apart into components of the largest variance (PCA): a model with scores, loadings and reconstructions.",
        category: Category::Models,
        reference: "Keenan, Kotula, doi:10.1002/sia.1657; Halko, Martinsson, Tropp, doi:10.1137/090771806",
    };
    const REVISION: u32 = 2;

    fn describe(&self, inputs: &[&SignalMeta], params: &Svd) -> Result<SignalMeta, NotApplicable> {
        let (input, components) = accepted(inputs, params)?;
        let mut meta = input.clone();
        let axis = component_axis(components);
        meta.axes = Axes::new(Vec::new(), vec![axis]);
        meta.element = ElementType::F32;
        meta.value_units = "share of the variance".into();
        meta.signal_type = String::new();
        meta.notes.insert(
            "decomposition".into(),
            "components in the order of their variance; the pixel of each loading with the largest absolute value is positive".into(),
        );
        meta.model = Some(Box::new(Model {
            operation: SVD.into(),
            of: input.clone(),
        }));
        if components < params.components {
            meta.caveats.push(Caveat::new(
                "components_clamped",
                format!(
                    "the signal {} has at most {components} components, not {}",
                    input.axes.shape_text(),
                    params.components
                ),
            ));
        }
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let axes = inputs.first().map(|input| &input.axes);
        let most = axes.map(|axes| axes.positions().min(axes.frame_len()));
        (most.filter(|most| *most < 200).into_iter())
            .map(|most| ("components", most as f64))
            .collect()
    }

    /// All is prepared before.
    fn needs(
        &self,
        _input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &Svd,
    ) -> Needs {
        Needs::Nothing
    }

    fn preparation(
        &self,
        inputs: &[&SignalMeta],
        params: &Svd,
    ) -> Option<Preparation<Decomposition>> {
        let (input, components) = accepted(inputs, params).ok()?;
        let kind = Kind {
            pixels: input.axes.frame_len(),
            whole: !input.element.is_float(),
            centre: params.centre,
            poissonian: params.normalize_poissonian_noise,
        };
        let asked = Arc::new(Asked {
            kind,
            components,
            passes: params.passes,
            shape: input.axes.navigation_shape(),
        });
        Some(match kind.pixels <= MAX_PIXELS {
            true => Preparation::new(Positions::All, GatherScatter::new(asked)).with_passes(2),
            false => GatherStart::preparation(asked),
        })
    }

    fn prepared_notes(model: &Decomposition) -> Option<Value> {
        Some(model.notes())
    }

    fn prepared_caveats(_params: &Svd, model: &Decomposition) -> Vec<Caveat> {
        model.caveats()
    }

    fn compute(
        &self,
        _inputs: &Inputs<'_>,
        _at: NavigationIndex,
        _params: &Svd,
        prepared: Option<&Decomposition>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let model = prepared.ok_or_else(|| {
            OperationError::failed("the model is not there", "report this: the engine is wrong")
        })?;
        let mut shares: Vec<f32> = model.shares.iter().map(|share| *share as f32).collect();
        shares.resize(model.asked, 0.0);
        frame(&[model.asked], shares)
    }
}

/// Components, counted from 0.
pub(super) fn component_axis(components: usize) -> Axis {
    Axis::new("component", components, 1.0, 0.0, "")
}

pub(super) fn frame(shape: &[usize], pixels: Vec<f32>) -> Result<Output, OperationError> {
    Frame::from_vec(shape, pixels)
        .map(Output::Frame)
        .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
}

#[cfg(test)]
mod tests;
