//! Frames rebuilt from the first components of a model: what they have in common, without most of the noise.
//!
//! Model of `(ny, nx | ky, kx)` → `(ny, nx | ky, kx)`, `f32`, axes and unit of what was decomposed: `mean + Σ s_c v_c` over the first
//! `components`, with the mean that was subtracted. NaN at pixels and positions that were left out. Takes the model only, and reads nothing,
//! O(components · P). hyperspy: `get_decomposition_model`.

use std::sync::Arc;

use signal::simd::{Vectorised, vectorised};
use signal::{
    CancelToken, Category, ElementType, Inputs, NavigationIndex, Needs, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalMeta, parameters,
};

use super::model::{Decomposition, Mean, decomposed};
use super::svd::frame;
use crate::inputs;

parameters! {
    /// Frames of the first components of a model.
    pub struct Reconstruct {
        /// How many components, from the first one on.
        pub components: usize = 5, range (1, 200);
    }
}

#[derive(Default)]
pub struct Rebuild;

impl Operation for Rebuild {
    type Params = Reconstruct;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "reconstruct",
        method: "reconstruct",
        parameters_type: "Reconstruct",
        title: "Reconstruction",
        summary: "Frames rebuilt from the first components of a model, without most of the noise.",
        category: Category::Models,
        reference: "",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &Reconstruct,
    ) -> Result<SignalMeta, NotApplicable> {
        let (of, components) = decomposed(inputs)?;
        let asked = params.components;
        if asked > components && asked > Reconstruct::default().components {
            return Err(inputs::refuse(
                format!("components = {asked}, but the model has {components}"),
                format!("at most {components}, or a model with more: `components` of decompose"),
            ));
        }
        let mut meta = SignalMeta {
            element: ElementType::F32,
            model: None,
            ..of.clone()
        };
        meta.notes.insert(
            "reconstruction".into(),
            format!("of the first {} components", asked.min(components)).into(),
        );
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let components = decomposed(inputs)
            .ok()
            .map(|(_, components)| components as f64);
        components
            .map(|most| ("components", most))
            .into_iter()
            .collect()
    }

    fn needs(
        &self,
        _input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &Reconstruct,
    ) -> Needs {
        Needs::Model
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        params: &Reconstruct,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let model: &Decomposition = inputs.model()?;
        let (of, _) = decomposed(&[inputs::first_meta(inputs)?]).map_err(inputs::unfit)?;
        let flat = at.flat(&model.shape);
        let mut pixels = match &model.mean {
            Mean::None => vec![0.0; model.pixels],
            Mean::Frame(mean) => mean.clone(),
            Mean::Levels(levels) => {
                vec![levels.get(flat).copied().unwrap_or(f32::NAN); model.pixels]
            }
        };
        let scores = model.scores_at(flat).unwrap_or_default();
        for (component, score) in scores.iter().take(params.components).enumerate() {
            if let Some(loading) = model.loading(component) {
                vectorised(Added {
                    pixels: &mut pixels,
                    score: *score,
                    loading,
                });
            }
        }
        frame(&of.axes.signal_shape(), pixels)
    }
}

/// `pixels + score · loading`.
struct Added<'a> {
    pixels: &'a mut [f32],
    score: f32,
    loading: &'a [f32],
}

impl Vectorised for Added<'_> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        for (pixel, loading) in self.pixels.iter_mut().zip(self.loading) {
            *pixel += self.score * loading;
        }
    }
}
