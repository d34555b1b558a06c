//! The scores of a model: how much of each component there is at every scan position.
//!
//! Model of `(ny, nx | ky, kx)` → maps `component_0`, `component_1`, … `(ny, nx)`, in the unit of the pixels that were decomposed. NaN where
//! a position was left out, and in components that the scan does not have. Takes the model only, O(components).
//! hyperspy calls them loadings (`get_decomposition_loadings`).

use std::sync::Arc;

use signal::{
    CancelToken, Category, Component, Display, Inputs, NavigationIndex, Needs, NotApplicable,
    Operation, OperationError, OperationInfo, Output, SignalMeta, parameters,
};

use super::model::{Decomposition, decomposed};

parameters! {
    /// How much of each component there is at every scan position.
    pub struct Scores {}
}

#[derive(Default)]
pub struct MapScores;

impl Operation for MapScores {
    type Params = Scores;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "scores",
        method: "scores",
        parameters_type: "Scores",
        title: "Scores",
        summary: "Maps of how much of each component of a model there is at every scan position.",
        category: Category::Models,
        reference: "",
    };
    const WITHOUT_VALUE: &'static str =
        "the scan has no such component, or the position was left out";

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        _params: &Scores,
    ) -> Result<SignalMeta, NotApplicable> {
        let (of, components) = decomposed(inputs)?;
        let component = |number: usize| {
            Component::new(
                &format!("component_{number}"),
                &format!("Component {number}"),
                &of.value_units,
                Display::Diverging,
            )
        };
        Ok(of.to_map((0..components).map(component).collect()))
    }

    fn needs(
        &self,
        _input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &Scores,
    ) -> Needs {
        Needs::Model
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        _params: &Scores,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let model: &Decomposition = inputs.model()?;
        let found = model.scores_at(at.flat(&model.shape)).unwrap_or_default();
        let mut values = vec![f32::NAN; model.asked];
        values[..found.len()].copy_from_slice(found);
        Ok(Output::Values(values.into()))
    }
}
