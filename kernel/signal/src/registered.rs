//! From a typed [`Operation`] to the erased [`Computation`] that registry and tree work with.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    CancelToken, Caveat, Computation, Detector, ElementType, File, Finished, FurtherInput,
    HeapBytes, Inputs, MapReference, NavigationIndex, Needs, NotApplicable, Operation,
    OperationError, OperationInfo, Outline, Output, ParameterError, ParameterInfo, Parameters,
    Preparation, Prepare, Prepared, SignalMeta,
};

/// One entry of the registry: an operation that waits for its parameters.
pub trait Registered: Send + Sync {
    fn info(&self) -> OperationInfo;
    fn parameters(&self) -> Vec<ParameterInfo>;
    /// The region of the pattern its parameters place, if they do.
    fn outline(&self) -> Option<Outline>;
    /// See [`Operation::FURTHER_INPUTS`].
    fn further_inputs(&self) -> &'static [FurtherInput];
    /// # Errors
    /// [`ParameterError`] naming parameter, value and allowed range.
    fn bind(&self, params: &Value) -> Result<Arc<dyn Computation>, ParameterError> {
        self.bind_with(params, &[])
    }
    /// As [`Registered::bind`], with files that were read, by the names of their parameters.
    ///
    /// # Errors
    /// As [`Registered::bind`].
    fn bind_with(
        &self,
        params: &Value,
        files: &[(String, File)],
    ) -> Result<Arc<dyn Computation>, ParameterError>;
}

/// Registry entry of operation `O`.
pub struct Bound<O>(PhantomData<fn() -> O>);

impl<O> Bound<O> {
    pub const fn entry() -> Self {
        Bound(PhantomData)
    }
}

impl<O: Operation> Registered for Bound<O> {
    fn info(&self) -> OperationInfo {
        O::INFO
    }

    fn parameters(&self) -> Vec<ParameterInfo> {
        O::Params::infos()
    }

    fn outline(&self) -> Option<Outline> {
        O::OUTLINE
    }

    fn further_inputs(&self) -> &'static [FurtherInput] {
        O::FURTHER_INPUTS
    }

    fn bind_with(
        &self,
        params: &Value,
        files: &[(String, File)],
    ) -> Result<Arc<dyn Computation>, ParameterError> {
        let mut params = O::Params::from_json(params)?;
        params.take_files(files);
        Ok(Arc::new(WithParams {
            operation: O::default(),
            params,
        }))
    }
}

/// The refusal of pixels that are not one real number each; `None` of those that are.
pub fn real_needed(input: &SignalMeta) -> Option<NotApplicable> {
    match input.element {
        element if element.is_complex() => Some(complex_refused(input)),
        element if element.is_colour() => Some(colour_refused(input)),
        _ => None,
    }
}

fn colour_refused(input: &SignalMeta) -> NotApplicable {
    NotApplicable::new(
        format!(
            "the signal {} has colours ({})",
            input.summary(),
            input.element.colour_name()
        ),
        "one number for each pixel: `.luminance()?`, `.red()?`, `.green()?` or `.blue()?` of it",
    )
}

fn complex_refused(input: &SignalMeta) -> NotApplicable {
    NotApplicable::new(
        format!("the signal {} has complex numbers", input.summary()),
        "real numbers: `.amplitude()?`, `.phase()?`, `.real()?` or `.imaginary()?` of it",
    )
}

struct WithParams<O: Operation> {
    operation: O,
    params: O::Params,
}

struct Erased<T>(Box<dyn Prepare<T>>);

impl<T: HeapBytes + Send + Sync + 'static> Prepare<Prepared> for Erased<T> {
    fn add(
        &mut self,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        self.0.add(at, inputs, cancel)
    }

    fn add_further(
        &mut self,
        which: usize,
        at: NavigationIndex,
        inputs: &Inputs<'_>,
        cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        self.0.add_further(which, at, inputs, cancel)
    }

    fn finish(&mut self, cancel: &CancelToken) -> Result<Finished<Prepared>, OperationError> {
        Ok(match self.0.finish(cancel)? {
            Finished::Done(value) => Finished::Done(Prepared::new(value)),
            Finished::Again(next) => Finished::Again(erased(next)),
        })
    }

    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    fn finish_bytes(&self) -> usize {
        self.0.finish_bytes()
    }

    fn fork(&self) -> Option<Box<dyn Prepare<Prepared>>> {
        Some(Box::new(Erased(self.0.fork()?)))
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        self.0.as_any()
    }

    fn merge(&mut self, later: &mut dyn Any) {
        self.0.merge(later);
    }
}

fn erased<T: HeapBytes + Send + Sync + 'static>(of: Preparation<T>) -> Preparation<Prepared> {
    Preparation {
        positions: of.positions,
        further: of.further,
        passes: of.passes,
        prepare: Box::new(Erased(of.prepare)),
    }
}

impl<O: Operation> Computation for WithParams<O> {
    fn info(&self) -> OperationInfo {
        O::INFO
    }

    fn params(&self) -> Value {
        self.params.to_json()
    }

    fn preparation_params(&self) -> Value {
        let mut params = self.params();
        if let Value::Object(params) = &mut params {
            params.retain(|name, _| !O::AFTER_PREPARATION.contains(&name.as_str()));
        }
        params
    }

    fn revision(&self) -> u32 {
        O::REVISION
    }

    fn passes_on(&self) -> bool {
        O::PASSES_ON
    }

    fn takes_stored(&self) -> bool {
        O::PASSES_ON
    }

    fn counts(&self) -> bool {
        O::COUNTS
    }

    fn further_inputs(&self) -> &'static [FurtherInput] {
        O::FURTHER_INPUTS
    }

    fn needs(&self, input: usize, at: NavigationIndex, inputs: &[Arc<SignalMeta>]) -> Needs {
        (self.operation).needs(input, at, inputs, &self.params)
    }

    fn without_value(&self) -> &'static str {
        O::WITHOUT_VALUE
    }

    fn prepared_notes(&self, prepared: &Prepared) -> Option<Value> {
        O::prepared_notes(prepared.downcast_ref()?)
    }

    fn measured_parameters(&self, prepared: &Prepared) -> Map<String, Value> {
        let prepared = prepared.downcast_ref::<O::Prepared>();
        prepared.map_or_else(Map::new, |prepared| {
            O::measured_parameters(&self.params, prepared)
        })
    }

    fn prepared_caveats(&self, prepared: &Prepared) -> Vec<Caveat> {
        let prepared = prepared.downcast_ref::<O::Prepared>();
        prepared.map_or_else(Vec::new, |prepared| {
            O::prepared_caveats(&self.params, prepared)
        })
    }

    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        let takes = |element: ElementType| {
            O::PASSES_ON
                || (!element.is_complex() || O::COMPLEX) && (!element.is_colour() || O::COLOUR)
        };
        let refused = inputs.iter().find(|input| !takes(input.element));
        if let Some(refusal) = refused.and_then(|input| real_needed(input)) {
            return Err(refusal);
        }
        self.operation.describe(inputs, &self.params)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        self.operation.maxima(inputs)
    }

    fn preparation(&self, inputs: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        (self.operation.preparation(inputs, &self.params)).map(erased)
    }

    fn detector(&self, inputs: &[&SignalMeta]) -> Option<Detector> {
        self.operation.detector(inputs, &self.params)
    }

    fn map_reference(&self) -> MapReference {
        self.operation.map_reference(&self.params)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        prepared: Option<&Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let prepared = match prepared {
            None => None,
            Some(any) => Some(any.downcast_ref::<O::Prepared>().ok_or_else(|| {
                OperationError::failed(
                    "the prepared reference belongs to another operation",
                    "remove the node and add it again",
                )
            })?),
        };
        self.operation
            .compute(inputs, at, &self.params, prepared, cancel)
    }
}
