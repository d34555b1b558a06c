//! The loadings of a model: what each component looks like.
//!
//! Model of `(ny, nx | ky, kx)` → frames `(component | ky, kx)`, `f32`, each of length 1 (`√Σ v² = 1`, but for noise that was normalised), without
//! unit: a score times its loading is in the unit of the pixels. The pixel with the largest absolute value is positive. NaN at pixels that
//! were left out, and in components that the scan does not have. Takes the model only, O(P).
//! hyperspy calls them factors (`get_decomposition_factors`).

use std::sync::Arc;

use signal::{
    Axes, CancelToken, Category, ElementType, Inputs, NavigationIndex, Needs, NotApplicable,
    Operation, OperationError, OperationInfo, Output, SignalMeta, parameters,
};

use super::model::{Decomposition, decomposed};
use super::svd::{component_axis, frame};
use crate::inputs;

parameters! {
    /// What each component looks like.
    pub struct Loadings {}
}

#[derive(Default)]
pub struct ShowLoadings;

impl Operation for ShowLoadings {
    type Params = Loadings;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "loadings",
        method: "loadings",
        parameters_type: "Loadings",
        title: "Loadings",
        summary: "What each component of a model looks like: one frame per component.",
        category: Category::Models,
        reference: "",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        _params: &Loadings,
    ) -> Result<SignalMeta, NotApplicable> {
        let (of, components) = decomposed(inputs)?;
        Ok(SignalMeta {
            axes: Axes::new(vec![component_axis(components)], of.axes.signal.clone()),
            element: ElementType::F32,
            value_units: String::new(),
            model: None,
            ..of.clone()
        })
    }

    fn needs(
        &self,
        _input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &Loadings,
    ) -> Needs {
        Needs::Model
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        _params: &Loadings,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let model: &Decomposition = inputs.model()?;
        let (of, _) = decomposed(&[inputs::first_meta(inputs)?]).map_err(inputs::unfit)?;
        let component = at.as_slice().first().copied().unwrap_or(0);
        let pixels = match model.loading(component) {
            Some(loading) => loading.to_vec(),
            None => vec![f32::NAN; model.pixels],
        };
        frame(&of.axes.signal_shape(), pixels)
    }
}
