use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    CancelToken, Category, Caveat, Detector, ElementType, Frame, HeapBytes, NavigationIndex, Needs,
    NotApplicable, OperationError, Outline, Output, Parameters, Preparation, Prepared, SignalMeta,
};

/// Names and texts of an operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperationInfo {
    /// Unique wire name: `radial_median`.
    pub name: &'static str,
    /// Method of `Signal` in a cell: `subtract_background`. Several operations may share one.
    pub method: &'static str,
    /// Parameter struct in a cell: `RadialMedian`.
    pub parameters_type: &'static str,
    pub title: &'static str,
    pub summary: &'static str,
    pub category: Category,
    /// Literature or definition, with DOI where there is one.
    pub reference: &'static str,
}

/// An input beside the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FurtherInput {
    /// What it is to the operation, as a cell would call it: `vacuum`.
    pub name: &'static str,
    /// What it is good for, in a sentence.
    pub help: &'static str,
    pub required: bool,
}

/// Whether so many inputs are what an operation with these further ones takes.
///
/// # Errors
/// [`NotApplicable`] with the inputs that are missing or too many.
pub fn check_inputs(further: &[FurtherInput], given: usize) -> Result<(), NotApplicable> {
    let required = 1 + further.iter().take_while(|input| input.required).count();
    if (required..=1 + further.len()).contains(&given) {
        return Ok(());
    }
    let names: Vec<String> = (further.iter())
        .map(|input| match input.required {
            true => format!("`{}`", input.name),
            false => format!("`{}`, which may be left out", input.name),
        })
        .collect();
    let takes = match names.as_slice() {
        [] => "one signal, and no other beside it".to_owned(),
        names => format!("one signal, and beside it {}", names.join(" and ")),
    };
    let inputs = if given == 1 {
        "input was"
    } else {
        "inputs were"
    };
    Err(NotApplicable::new(format!("{given} {inputs} given"), takes))
}

/// The inputs of one frame: each parent's description, and the outputs that are needed of them, those of the first parent first.
pub struct Inputs<'a> {
    pub metas: &'a [Arc<SignalMeta>],
    pub outputs: &'a [Output],
}

impl Inputs<'_> {
    /// The first parent's frame.
    ///
    /// # Errors
    /// [`OperationError::Failed`] when the parent yields something else; `describe` prevents that.
    pub fn frame(&self) -> Result<&Frame, OperationError> {
        match self.outputs.first() {
            Some(Output::Frame(frame)) => Ok(frame),
            _ => Err(self.wrong("frames")),
        }
    }

    /// The first parent's peaks.
    ///
    /// # Errors
    /// [`OperationError::Failed`] when the parent yields something else; `describe` prevents that.
    pub fn peaks(&self) -> Result<&crate::Peaks, OperationError> {
        match self.outputs.first() {
            Some(Output::Peaks(peaks)) => Ok(peaks),
            _ => Err(self.wrong("peaks")),
        }
    }

    /// What was prepared for the first parent, a model.
    ///
    /// # Errors
    /// [`OperationError::Failed`] when the parent is another model, or none; `describe` prevents that.
    pub fn model<T: 'static>(&self) -> Result<&T, OperationError> {
        let model = match self.outputs.first() {
            Some(Output::Model(prepared)) => prepared.downcast_ref(),
            _ => None,
        };
        model.ok_or_else(|| self.wrong("a model of this kind"))
    }

    fn wrong(&self, wanted: &str) -> OperationError {
        let found = self.outputs.first().map_or("nothing", Output::noun);
        OperationError::failed(
            format!("the input has {found}, {wanted} are needed"),
            "add the operation to another node",
        )
    }
}

/// What the values of a map are measured from. It is known once the whole map is computed; until then what is there so
/// far stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapReference {
    /// As they are.
    #[default]
    None,
    /// The mean of each image over its two fastest navigation axes.
    Mean,
    /// The plane of least squares through each of these images.
    Plane,
}

/// One processing step. Pure: the same inputs, index and parameters give the same bits; no I/O, no
/// globals, no threads, no clock.
pub trait Operation: Default + Send + Sync + 'static {
    type Params: Parameters;
    /// Result of [`Operation::preparation`]; `()` when there is none.
    type Prepared: HeapBytes + Send + Sync + 'static;
    const INFO: OperationInfo;
    /// Set when parameters place a region of the pattern.
    const OUTLINE: Option<Outline> = None;
    /// Why a position of its map may have no value, in words for people: `too few peaks`; empty for anything else.
    const WITHOUT_VALUE: &'static str = "";
    /// Set when it measures counts, with the background a part of what it measures: of an input from which a background was
    /// subtracted it is handed what was there before.
    const COUNTS: bool = false;
    /// Set when its outputs are those of its first input at other positions, as they are: dead pixels of a file stay what they
    /// are in the file, and nothing is kept of them twice.
    const PASSES_ON: bool = false;
    /// Set when it takes colours; to others no signal of them is described ([`crate::Channel`]).
    const COLOUR: bool = false;
    /// Set when it takes complex numbers; to others no signal of them is described ([`crate::ComplexPart`]).
    const COMPLEX: bool = false;
    /// Names of parameters that its preparation does not depend on: they change without doing it again.
    const AFTER_PREPARATION: &'static [&'static str] = &[];
    /// What it takes beside its first input; those that may be left out come last.
    const FURTHER_INPUTS: &'static [FurtherInput] = &[];
    /// Grows when the operation gives other results for the same parameters; saved results carry it.
    const REVISION: u32 = 1;

    /// Axes, element type, kind and units of the result, from metadata only.
    ///
    /// # Errors
    /// [`NotApplicable`] saying why, and which signals the operation takes.
    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &Self::Params,
    ) -> Result<SignalMeta, NotApplicable>;

    /// The most that parameters can be of these inputs, by name, where that is less than they say of themselves.
    fn maxima(&self, _inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// What the output at scan position `at` takes of input number `input` (0: the first one). The scan of the result may be
    /// another one than that of its inputs: what is named lies inside the input's. Asked for every position, often: cheap.
    fn needs(
        &self,
        _input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &Self::Params,
    ) -> Needs {
        Needs::Same
    }

    /// What must be prepared over the scan first; `None` where nothing must. Asked more than once: nothing is worked
    /// out here, see [`Preparation`] for an example.
    fn preparation(
        &self,
        _inputs: &[&SignalMeta],
        _params: &Self::Params,
    ) -> Option<Preparation<Self::Prepared>> {
        None
    }

    /// What the preparation found, for the record of how a result was made: lattice vectors, a centre.
    fn prepared_notes(_prepared: &Self::Prepared) -> Option<Value> {
        None
    }

    /// What the preparation measured of parameters, by name: the values of those that are left out, where a page begins, and
    /// what became of those that only say where measuring begins.
    fn measured_parameters(
        _params: &Self::Params,
        _prepared: &Self::Prepared,
    ) -> Map<String, Value> {
        Map::new()
    }

    /// What the preparation found that makes the numbers doubtful, or why there are none, and what to do about it.
    fn prepared_caveats(_params: &Self::Params, _prepared: &Self::Prepared) -> Vec<Caveat> {
        Vec::new()
    }

    /// The virtual detector this is; `None` for anything else.
    fn detector(&self, _inputs: &[&SignalMeta], _params: &Self::Params) -> Option<Detector> {
        None
    }

    /// What is subtracted from the images of its map when they are there; `compute` does not know of it.
    fn map_reference(&self, _params: &Self::Params) -> MapReference {
        MapReference::None
    }

    /// The output at scan position `at`; `prepared` is present exactly when `preparation` gave one.
    ///
    /// # Errors
    /// [`OperationError`]; the caller adds node and position.
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        params: &Self::Params,
        prepared: Option<&Self::Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError>;
}

/// An operation bound to its parameters: what a node of the tree holds.
pub trait Computation: Send + Sync {
    fn info(&self) -> OperationInfo;
    fn params(&self) -> Value;
    /// Those of its parameters that its preparation depends on.
    fn preparation_params(&self) -> Value {
        self.params()
    }
    /// See [`Operation::REVISION`].
    fn revision(&self) -> u32 {
        1
    }
    /// Whether its name and parameters say all that it does; those of a closure do not.
    fn has_recipe(&self) -> bool {
        true
    }
    /// See [`Operation::prepared_notes`].
    fn prepared_notes(&self, _prepared: &Prepared) -> Option<Value> {
        None
    }
    /// See [`Operation::measured_parameters`].
    fn measured_parameters(&self, _prepared: &Prepared) -> Map<String, Value> {
        Map::new()
    }
    /// See [`Operation::prepared_caveats`].
    fn prepared_caveats(&self, _prepared: &Prepared) -> Vec<Caveat> {
        Vec::new()
    }
    /// Whether a file's frames are handed to it as they are stored, with the largest number of their type at dead
    /// pixels; everything else is handed numbers with NaN there.
    fn takes_stored(&self) -> bool {
        false
    }
    /// See [`Operation::PASSES_ON`].
    fn passes_on(&self) -> bool {
        false
    }
    /// See [`Operation::COUNTS`].
    fn counts(&self) -> bool {
        false
    }
    /// See [`Operation::FURTHER_INPUTS`].
    fn further_inputs(&self) -> &'static [FurtherInput] {
        &[]
    }
    /// Why a position of a map may have no value, in words for people: `too few peaks`; empty where nothing is known.
    fn without_value(&self) -> &'static str {
        ""
    }
    /// See [`Operation::needs`].
    fn needs(&self, _input: usize, _at: NavigationIndex, _inputs: &[Arc<SignalMeta>]) -> Needs {
        Needs::Same
    }
    /// # Errors
    /// [`NotApplicable`] saying why, and which signals it takes.
    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable>;
    /// See [`Operation::maxima`].
    fn maxima(&self, _inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
    /// See [`Operation::preparation`].
    fn preparation(&self, inputs: &[&SignalMeta]) -> Option<Preparation<Prepared>>;
    /// The virtual detector this is; `None` for anything else.
    fn detector(&self, _inputs: &[&SignalMeta]) -> Option<Detector> {
        None
    }
    /// See [`Operation::map_reference`].
    fn map_reference(&self) -> MapReference {
        MapReference::None
    }
    /// # Errors
    /// [`OperationError`]; the caller adds node and position.
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        prepared: Option<&Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError>;
}

/// A user's closure over one frame.
pub trait FrameFunction: Send + Sync {
    /// Pixel type the closure takes; frames of another type are converted for it.
    fn input(&self) -> ElementType;
    /// Pixel type of the frame it returns (same shape as its input); `None`: it returns one number.
    fn output(&self) -> Option<ElementType>;
    /// # Errors
    /// A sentence: the closure panicked (with its message) or returned another shape.
    fn call(&self, input: &Frame, at: NavigationIndex) -> Result<Output, String>;
    /// As [`FrameFunction::call`], but gives up waiting for a closure that does not end once `cancel` is
    /// set.
    ///
    /// # Errors
    /// As [`FrameFunction::call`]; any sentence when cancelled.
    fn call_unless(
        &self,
        input: &Frame,
        at: NavigationIndex,
        cancel: &CancelToken,
    ) -> Result<Output, String> {
        let _ = cancel;
        self.call(input, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_given_as_many_inputs_as_it_takes() {
        let input = |name, required| FurtherInput {
            name,
            help: "",
            required,
        };
        assert!(check_inputs(&[], 1).is_ok());
        let error = check_inputs(&[], 2).unwrap_err().to_string();
        assert!(error.contains("2 inputs were given"), "{error}");
        assert!(error.contains("no other beside it"), "{error}");
        let both = [input("dark", true), input("gain", false)];
        assert!(check_inputs(&both, 2).is_ok() && check_inputs(&both, 3).is_ok());
        let error = check_inputs(&both, 1).unwrap_err().to_string();
        assert!(
            error.contains("1 input was given") && error.contains("`dark` and `gain`, which may"),
            "{error}"
        );
        assert!(check_inputs(&both, 4).is_err() && check_inputs(&both, 0).is_err());
    }
}
