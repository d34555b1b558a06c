//! Amplitude, phase, real and imaginary part of complex numbers: what every other operation takes.
//!
//! `(ny, nx | ky, kx)` complex → `(ny, nx | ky, kx)`, `f32` of 64 bit and `f64` of 128 bit; any axes. Of `z = r + i s` the amplitude is
//! `√(r² + s²)`, the phase `atan2(s, r)` in radians from -π to π, real and imaginary part `r` and `s`; the unit is that of the
//! numbers, of the phase rad. NaN in either is NaN in amplitude and phase. Frame-local, O(P).
//! Reference: hyperspy `ComplexSignal`.

use signal::{
    CancelToken, Category, ComplexPart, Inputs, NavigationIndex, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalKind, SignalMeta, parameters,
};

use crate::inputs;

parameters! {
    /// How large complex numbers are.
    pub struct Amplitude {}
}

parameters! {
    /// The angle of complex numbers.
    pub struct Phase {}
}

parameters! {
    /// The real part of complex numbers.
    pub struct Real {}
}

parameters! {
    /// The imaginary part of complex numbers.
    pub struct Imaginary {}
}

fn describe(inputs: &[&SignalMeta], part: ComplexPart) -> Result<SignalMeta, NotApplicable> {
    let takes = "frames of complex numbers";
    let [input] = inputs else {
        let reason = format!("{} inputs were given, not 1", inputs.len());
        return Err(NotApplicable::new(reason, takes));
    };
    if input.kind != SignalKind::Frame || !input.element.is_complex() {
        let reason = format!("the signal {} has real numbers already", input.summary());
        return Err(NotApplicable::new(reason, takes));
    }
    let shown = part.component();
    Ok(SignalMeta {
        element: input.element.part(),
        value_units: match shown.units.as_str() {
            "" => input.value_units.clone(),
            own => own.to_owned(),
        },
        components: Vec::new(),
        signal_type: String::new(),
        ..(*input).clone()
    })
}

macro_rules! part {
    ($Operation:ident, $Part:ident, $name:literal, $title:literal, $summary:literal) => {
        #[derive(Default)]
        pub struct $Operation;

        impl Operation for $Operation {
            type Params = $Part;
            type Prepared = ();
            const INFO: OperationInfo = OperationInfo {
                name: $name,
                method: $name,
                parameters_type: stringify!($Part),
                title: $title,
                summary: $summary,
                category: Category::Arithmetic,
                reference: "hyperspy, ComplexSignal, doi:10.5281/zenodo.592838",
            };
            const COMPLEX: bool = true;

            fn describe(
                &self,
                inputs: &[&SignalMeta],
                _params: &$Part,
            ) -> Result<SignalMeta, NotApplicable> {
                describe(inputs, ComplexPart::$Part)
            }

            fn compute(
                &self,
                inputs: &Inputs<'_>,
                _at: NavigationIndex,
                _params: &$Part,
                _prepared: Option<&()>,
                _cancel: &CancelToken,
            ) -> Result<Output, OperationError> {
                let frame = inputs.frame()?;
                inputs::of_this_shape(inputs, frame)?;
                Ok(Output::Frame(frame.part(ComplexPart::$Part)))
            }
        }
    };
}

part!(
    TakeAmplitude,
    Amplitude,
    "amplitude",
    "Amplitude",
    "How large complex numbers are."
);
part!(
    TakePhase,
    Phase,
    "phase",
    "Phase",
    "The angle of complex numbers, in radians from -π to π."
);
part!(
    TakeReal,
    Real,
    "real",
    "Real part",
    "The real part of complex numbers."
);
part!(
    TakeImaginary,
    Imaginary,
    "imaginary",
    "Imaginary part",
    "The imaginary part of complex numbers."
);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signal::{Axes, Axis, Block, Bound, ElementType, Frame, Registered, serde_json::json};

    use super::*;

    fn meta(element: ElementType) -> Arc<SignalMeta> {
        let axes = Axes::new(vec![Axis::pixels("x", 2)], vec![Axis::pixels("k", 3)]);
        Arc::new(SignalMeta {
            value_units: "V".into(),
            ..SignalMeta::frames("waves", axes, element)
        })
    }

    #[test]
    fn parts_keep_axes_and_precision() {
        let numbers: [[f64; 2]; 3] = [[3.0, -4.0], [-1.0, 0.0], [0.0, 2.0]];
        let bytes = numbers.iter().flatten().flat_map(|one| one.to_ne_bytes());
        let block = Block::new(bytes.collect::<Vec<u8>>());
        let frame = Frame::from_block(&[3], ElementType::C128, block, 0).unwrap();
        let metas = [meta(ElementType::C128)];
        for (entry, units, expected) in [
            (
                Bound::<TakeAmplitude>::entry().bind(&json!({})),
                "V",
                [5.0, 1.0, 2.0],
            ),
            (
                Bound::<TakePhase>::entry().bind(&json!({})),
                "rad",
                [
                    (-4f64).atan2(3.0),
                    std::f64::consts::PI,
                    std::f64::consts::FRAC_PI_2,
                ],
            ),
            (
                Bound::<TakeReal>::entry().bind(&json!({})),
                "V",
                [3.0, -1.0, 0.0],
            ),
            (
                Bound::<TakeImaginary>::entry().bind(&json!({})),
                "V",
                [-4.0, 0.0, 2.0],
            ),
        ] {
            let entry = entry.unwrap();
            let described = entry.describe(&[&metas[0]]).unwrap();
            assert_eq!(
                (described.element, &*described.value_units),
                (ElementType::F64, units)
            );
            assert_eq!(
                (described.axes, described.components.len()),
                (metas[0].axes.clone(), 0)
            );
            let outputs = [Output::Frame(frame.clone())];
            let inputs = Inputs {
                metas: &metas,
                outputs: &outputs,
            };
            let at = NavigationIndex::new(&[0]);
            match entry
                .compute(&inputs, at, None, &CancelToken::new())
                .unwrap()
            {
                Output::Frame(found) => assert_eq!(found.pixels::<f64>(), Some(&expected[..])),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn real_numbers_have_no_parts_and_only_what_takes_complex_ones_is_given_them() {
        let amplitude = Bound::<TakeAmplitude>::entry().bind(&json!({})).unwrap();
        let refused = amplitude.describe(&[&meta(ElementType::F32)]).unwrap_err();
        assert!(
            refused.to_string().contains("real numbers already"),
            "{refused}"
        );
        let taken = [
            "amplitude",
            "phase",
            "real",
            "imaginary",
            "crop_scan",
            "crop_signal",
            "rebin_signal",
            "add",
            "subtract",
            "multiply",
            "divide",
            "mean_pattern",
        ];
        for entry in crate::registry() {
            let name = entry.info().name;
            let Ok(operation) = entry.bind(&json!({})) else {
                continue;
            };
            let required = entry.further_inputs().iter().filter(|input| input.required);
            let complex = meta(ElementType::C64);
            let inputs = vec![&*complex; 1 + required.count()];
            match operation.describe(&inputs) {
                Ok(_) => assert!(taken.contains(&name), "{name}"),
                Err(refused) => {
                    assert!(
                        refused.to_string().contains(".amplitude()?"),
                        "{name}: {refused}"
                    );
                }
            }
        }
    }
}
