//! Outputs of several scan positions that become one: their sum or mean, value by value.

use signal::simd::{Vectorised, vectorised};
use signal::{
    Element, ElementType, Frame, Inputs, NotApplicable, OperationError, Output, SignalKind,
    SignalMeta,
};

use crate::detectors::virtual_image::Statistic;
use crate::inputs;

/// The one input, when it has scan positions and values that can be added.
pub fn accepted<'a>(inputs: &[&'a SignalMeta]) -> Result<&'a SignalMeta, NotApplicable> {
    let input = inputs::a_scan(inputs)?;
    match input.kind {
        SignalKind::Frame | SignalKind::Map => Ok(input),
        SignalKind::Peaks => Err(NotApplicable::new(
            "the signal has peaks, which cannot be added",
            "frames or maps: join them first, and find peaks in what they become",
        )),
    }
}

/// The narrowest type that holds what so many positions become.
pub fn element(input: &SignalMeta, positions: usize, statistic: Statistic) -> ElementType {
    match input.kind {
        SignalKind::Frame => widened(input.element, positions, statistic),
        SignalKind::Map | SignalKind::Peaks => ElementType::F32,
    }
}

/// All outputs that were handed over as one, each value by the statistic of its number. NaN and infinite values are left out; a value
/// that no position has is NaN.
///
/// # Errors
/// [`OperationError`] when there is none, or they are not of one shape.
pub fn joined(
    inputs: &Inputs<'_>,
    statistic: impl Fn(usize) -> Statistic,
    element: ElementType,
) -> Result<Output, OperationError> {
    let wrong = |found: &Output| {
        OperationError::failed(
            format!(
                "an input has {} of another shape than the others",
                found.noun()
            ),
            "the file is damaged, or its header does not describe it",
        )
    };
    let Some(first) = inputs.outputs.first() else {
        let what = "no position was handed to it";
        return Err(OperationError::failed(
            what,
            "report this: the engine is wrong",
        ));
    };
    let count = match first {
        Output::Frame(frame) => frame.len(),
        Output::Values(values) => values.len(),
        Output::Peaks(_) | Output::Model(_) => return Err(wrong(first)),
    };
    let (mut sums, mut valid) = (vec![0f64; count], vec![0f64; count]);
    for output in inputs.outputs {
        match output {
            Output::Frame(frame) if frame.len() == count => {
                signal::for_pixels!(frame, |pixels| vectorised(AddRow(
                    &mut sums, &mut valid, pixels
                )));
            }
            Output::Values(values) if values.len() == count => {
                vectorised(AddRow(&mut sums, &mut valid, values));
            }
            other => return Err(wrong(other)),
        }
    }
    let numbered = sums.iter().zip(&valid).enumerate();
    let values = numbered.map(|(number, (sum, valid))| match statistic(number) {
        _ if *valid == 0.0 => f64::NAN,
        Statistic::Sum => *sum,
        Statistic::Mean => sum / valid,
    });
    let frame = match (first, element) {
        (Output::Frame(frame), ElementType::F64) => {
            Frame::from_vec(frame.shape(), values.collect())
        }
        (Output::Frame(frame), _) => {
            Frame::from_vec(frame.shape(), values.map(|value| value as f32).collect())
        }
        _ => {
            let values: Vec<f32> = values.map(|value| value as f32).collect();
            return Ok(Output::Values(values.into()));
        }
    };
    frame
        .map(Output::Frame)
        .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
}

/// The largest number of an integer type of at most 16 bits; of any other type sums need `f64` unless it is `f32`.
fn largest(element: ElementType) -> Option<usize> {
    match element {
        ElementType::U8 => Some(255),
        ElementType::I8 => Some(128),
        ElementType::U16 => Some(65535),
        ElementType::I16 => Some(32768),
        _ => None,
    }
}

/// The narrowest type that holds what so many values of a type become.
pub fn widened(of: ElementType, count: usize, statistic: Statistic) -> ElementType {
    match (statistic, largest(of)) {
        (Statistic::Sum, Some(largest)) if count * largest > 1 << f32::MANTISSA_DIGITS => {
            ElementType::F64
        }
        _ => of.as_float(),
    }
}

/// Adds what has a value, and counts it.
pub struct AddRow<'a, T>(pub &'a mut [f64], pub &'a mut [f64], pub &'a [T]);

impl<T: Element> Vectorised for AddRow<'_, T> {
    type Result = ();

    #[inline(always)]
    fn run(self) {
        let AddRow(sums, valid, row) = self;
        for ((sum, valid), pixel) in sums.iter_mut().zip(valid).zip(row) {
            let value = pixel.to_f64();
            let counts = value.is_finite();
            *sum += if counts { value } else { 0.0 };
            *valid += if counts { 1.0 } else { 0.0 };
        }
    }
}
