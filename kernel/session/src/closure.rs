//! The operation `map`: a user's closure over one frame.

use std::sync::Arc;

use serde_json::{Value, json};
use signal::{
    CancelToken, Category, Component, Computation, Display, FrameFunction, Inputs, NavigationIndex,
    NotApplicable, OperationError, OperationInfo, Output, Preparation, Prepared, SignalKind,
    SignalMeta, real_needed,
};

/// Wire name and method of a user's closure.
pub(crate) const MAP: &str = "map";

pub(crate) fn computation(function: Arc<dyn FrameFunction>) -> Arc<dyn Computation> {
    Arc::new(Mapped { function })
}

struct Mapped {
    function: Arc<dyn FrameFunction>,
}

impl Computation for Mapped {
    fn info(&self) -> OperationInfo {
        OperationInfo {
            name: MAP,
            method: MAP,
            parameters_type: "",
            title: "Closure",
            summary: "Applies a closure of the notebook to each frame.",
            category: Category::Closures,
            reference: "",
        }
    }

    fn params(&self) -> Value {
        json!({})
    }

    fn has_recipe(&self) -> bool {
        false
    }

    /// A cell's own code sees what `frame` gives it.
    fn takes_stored(&self) -> bool {
        true
    }

    fn describe(&self, inputs: &[&SignalMeta]) -> Result<SignalMeta, NotApplicable> {
        let meta = match inputs {
            [meta] if meta.kind == SignalKind::Frame => {
                let complex = meta.element.is_complex();
                match real_needed(meta) {
                    Some(_) if complex && self.function.input().is_complex() => *meta,
                    Some(refusal) if complex => return Err(complex_refused(meta, refusal)),
                    Some(refusal) => return Err(refusal),
                    None => *meta,
                }
            }
            [meta] => {
                let reason = format!("the signal has {}, not frames", meta.kind.noun());
                return Err(NotApplicable::new(reason, "frames"));
            }
            _ => return Err(NotApplicable::new("one signal is needed", "frames")),
        };
        Ok(match self.function.output() {
            Some(element) => SignalMeta {
                // What the closure makes of counts is unknown.
                value_units: String::new(),
                ..meta.clone().with_element(element)
            },
            None => meta.to_map(vec![Component::new(
                "value",
                "value",
                "",
                Display::Sequential,
            )]),
        })
    }

    fn preparation(&self, _: &[&SignalMeta]) -> Option<Preparation<Prepared>> {
        None
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        _: Option<&Prepared>,
        cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        cancel.check()?;
        let frame = inputs.frame()?.cast(self.function.input());
        let user = |what| OperationError::User { what };
        let output = match self.function.call_unless(&frame, at, cancel) {
            Ok(output) => output,
            Err(_) if cancel.is_cancelled() => return Err(OperationError::Cancelled),
            Err(what) => return Err(user(what)),
        };
        if let Output::Frame(result) = &output
            && result.shape() != frame.shape()
        {
            return Err(user(format!(
                "the closure returned a frame of shape {:?}; it must be {:?}, as its input",
                result.shape(),
                frame.shape()
            )));
        }
        Ok(output)
    }
}

/// What a closure of real numbers is told of complex ones.
fn complex_refused(meta: &SignalMeta, refusal: NotApplicable) -> NotApplicable {
    let half = meta.element.part();
    NotApplicable::new(
        refusal.reason,
        format!(
            "a closure of complex numbers, `|frame: Frame<Complex<{half}>>| …`, or {}",
            refusal.takes
        ),
    )
}

#[cfg(test)]
mod tests {
    use signal::{Axes, Axis, ElementType, Frame};

    use super::*;

    struct Truncating;

    impl FrameFunction for Truncating {
        fn input(&self) -> ElementType {
            ElementType::F32
        }
        fn output(&self) -> Option<ElementType> {
            Some(ElementType::F32)
        }
        fn call(&self, input: &Frame, _: NavigationIndex) -> Result<Output, String> {
            assert_eq!(
                input.pixels::<f32>(),
                Some(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..])
            );
            Frame::from_vec(&[2], vec![1f32, 2.0]).map(Output::Frame)
        }
    }

    struct Squares(ElementType);

    impl FrameFunction for Squares {
        fn input(&self) -> ElementType {
            self.0
        }
        fn output(&self) -> Option<ElementType> {
            Some(self.0)
        }
        fn call(&self, input: &Frame, _: NavigationIndex) -> Result<Output, String> {
            Ok(Output::Frame(input.clone()))
        }
    }

    #[test]
    fn complex_numbers_are_for_closures_that_take_them() {
        let axes = Axes::new(vec![Axis::pixels("x", 2)], vec![Axis::pixels("k", 3)]);
        let waves = SignalMeta::frames("waves", axes, ElementType::C64);
        let described = |element| {
            let mapped = computation(Arc::new(Squares(element)));
            mapped.describe(&[&waves])
        };
        let kept = described(ElementType::C128).unwrap();
        assert_eq!(
            (kept.element, kept.components.len()),
            (ElementType::C128, 4)
        );
        let refused = described(ElementType::F32).unwrap_err().to_string();
        assert!(
            refused.contains("|frame: Frame<Complex<f32>>|"),
            "{refused}"
        );
        let real = waves.clone().with_element(ElementType::U16);
        let mapped = computation(Arc::new(Squares(ElementType::C64)));
        assert_eq!(mapped.describe(&[&real]).unwrap().components.len(), 4);
    }

    #[test]
    fn a_wrong_shape_is_the_users_error_and_integers_arrive_as_asked() {
        let frame = Frame::from_vec(&[2, 3], (1u16..7).collect()).unwrap();
        let inputs = Inputs {
            metas: &[],
            outputs: &[Output::Frame(frame)],
        };
        let mapped = computation(Arc::new(Truncating));
        let at = NavigationIndex::new(&[0, 0]);
        let error = mapped
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap_err();
        assert!(
            matches!(&error, OperationError::User { what } if what.contains("[2, 3]")),
            "{error}"
        );
    }
}
