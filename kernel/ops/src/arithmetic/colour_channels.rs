//! Red, green, blue, alpha and luminance of colours: what every other operation takes.
//!
//! `(ny, nx | y, x)` colours of 8 or 16 bit → `(ny, nx | y, x)`; any axes. Red, green, blue and alpha are the stored numbers, `u8`
//! or `u16`; luminance is `0.299 R + 0.587 G + 0.114 B` of them (ITU-R BT.601, as PIL and MATLAB have it), `f32`, without
//! gamma taken off and whatever alpha is: grey has its own value. No unit, no NaN. Frame-local, O(P).
//! Reference: hyperspy, `rgb_tools`; ITU-R BT.601-7, 2.5.1.

use signal::{
    CancelToken, Category, Channel, ElementType, Inputs, NavigationIndex, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalKind, SignalMeta, parameters,
};

use crate::inputs;

parameters! {
    /// The red part of colours.
    pub struct Red {}
}

parameters! {
    /// The green part of colours.
    pub struct Green {}
}

parameters! {
    /// The blue part of colours.
    pub struct Blue {}
}

parameters! {
    /// The opacity of colours.
    pub struct Alpha {}
}

parameters! {
    /// How bright colours are.
    pub struct Luminance {}
}

fn describe(inputs: &[&SignalMeta], channel: Channel) -> Result<SignalMeta, NotApplicable> {
    let takes = "frames of colours";
    let [input] = inputs else {
        let reason = format!("{} inputs were given, not 1", inputs.len());
        return Err(NotApplicable::new(reason, takes));
    };
    if input.kind != SignalKind::Frame || !input.element.is_colour() {
        let reason = format!("the signal {} has no colours", input.summary());
        return Err(NotApplicable::new(reason, takes));
    }
    if channel == Channel::Alpha && input.element.channels() < 4 {
        let reason = format!(
            "the colours of the signal {} are opaque: they have no alpha",
            input.summary()
        );
        return Err(NotApplicable::new(reason, "colours with alpha (RGBA)"));
    }
    Ok(SignalMeta {
        element: match channel {
            Channel::Luminance => ElementType::F32,
            _ => input.element.part(),
        },
        composites: Vec::new(),
        signal_type: String::new(),
        ..(*input).clone()
    })
}

macro_rules! channel {
    ($Operation:ident, $Channel:ident, $name:literal, $title:literal, $summary:literal) => {
        #[derive(Default)]
        pub struct $Operation;

        impl Operation for $Operation {
            type Params = $Channel;
            type Prepared = ();
            const INFO: OperationInfo = OperationInfo {
                name: $name,
                method: $name,
                parameters_type: stringify!($Channel),
                title: $title,
                summary: $summary,
                category: Category::Arithmetic,
                reference: "hyperspy, rgb_tools, doi:10.5281/zenodo.592838; ITU-R BT.601-7",
            };
            const COLOUR: bool = true;

            fn describe(
                &self,
                inputs: &[&SignalMeta],
                _params: &$Channel,
            ) -> Result<SignalMeta, NotApplicable> {
                describe(inputs, Channel::$Channel)
            }

            fn compute(
                &self,
                inputs: &Inputs<'_>,
                _at: NavigationIndex,
                _params: &$Channel,
                _prepared: Option<&()>,
                _cancel: &CancelToken,
            ) -> Result<Output, OperationError> {
                let frame = inputs.frame()?;
                inputs::of_this_shape(inputs, frame)?;
                let found = frame.channel(Channel::$Channel).ok_or_else(|| {
                    let what = format!("the frame has {} pixels, no {}", frame.element(), $name);
                    OperationError::failed(what, "add the operation to a signal of colours")
                })?;
                Ok(Output::Frame(found))
            }
        }
    };
}

channel!(
    TakeLuminance,
    Luminance,
    "luminance",
    "Luminance",
    "How bright colours are: 0.299 R + 0.587 G + 0.114 B of the stored numbers."
);
channel!(TakeRed, Red, "red", "Red", "The red part of colours.");
channel!(
    TakeGreen,
    Green,
    "green",
    "Green",
    "The green part of colours."
);
channel!(TakeBlue, Blue, "blue", "Blue", "The blue part of colours.");
channel!(
    TakeAlpha,
    Alpha,
    "alpha",
    "Alpha",
    "The opacity of colours: 0 where nothing is seen."
);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signal::{Axes, Axis, Block, Computation, Frame, serde_json::json};

    use super::*;

    fn meta(element: ElementType) -> Arc<SignalMeta> {
        let axes = Axes::new(vec![Axis::pixels("x", 2)], vec![Axis::pixels("k", 2)]);
        Arc::new(SignalMeta::frames("picture", axes, element))
    }

    fn bound(name: &str) -> Arc<dyn Computation> {
        let mut registry = crate::registry().iter();
        let entry = registry.find(|entry| entry.info().name == name).unwrap();
        entry.bind(&json!({})).unwrap()
    }

    #[test]
    fn channels_are_the_stored_numbers_and_luminance_is_theirs() {
        let numbers = [300u16, 200, 100, 65535, 0, 1000, 0, 1];
        let bytes: Vec<u8> = numbers.iter().flat_map(|one| one.to_ne_bytes()).collect();
        let frame = Frame::from_block(&[2], ElementType::Rgba16, Block::new(bytes), 0).unwrap();
        let metas = [meta(ElementType::Rgba16)];
        for (name, element, expected) in [
            ("red", ElementType::U16, [300.0, 0.0]),
            ("green", ElementType::U16, [200.0, 1000.0]),
            ("blue", ElementType::U16, [100.0, 0.0]),
            ("alpha", ElementType::U16, [65535.0, 1.0]),
            ("luminance", ElementType::F32, [218.5, 587.0]),
        ] {
            let operation = bound(name);
            let described = operation.describe(&[&metas[0]]).unwrap();
            assert_eq!((described.element, described.pictures()), (element, 1));
            assert_eq!(described.composites, []);
            let outputs = [Output::Frame(frame.clone())];
            let inputs = Inputs {
                metas: &metas,
                outputs: &outputs,
            };
            let at = NavigationIndex::new(&[0]);
            let found = operation.compute(&inputs, at, None, &CancelToken::new());
            let Ok(Output::Frame(found)) = found else {
                panic!("{name}: {found:?}")
            };
            assert_eq!(found.element(), element);
            assert_eq!([0, 1].map(|at| found.value(at)), expected, "{name}");
        }
    }

    #[test]
    fn only_what_takes_colours_is_given_them_and_others_say_what_to_do() {
        let refused = bound("luminance").describe(&[&meta(ElementType::F32)]);
        assert!(refused.unwrap_err().to_string().contains("has no colours"));
        let refused = bound("alpha").describe(&[&meta(ElementType::Rgb8)]);
        assert!(refused.unwrap_err().to_string().contains("opaque"));
        let taken = [
            "red",
            "green",
            "blue",
            "alpha",
            "luminance",
            "crop_scan",
            "crop_signal",
            "rebin_signal",
            "mean_pattern",
        ];
        for entry in crate::registry() {
            let name = entry.info().name;
            let Ok(operation) = entry.bind(&json!({})) else {
                continue;
            };
            let required = entry.further_inputs().iter().filter(|input| input.required);
            let colours = meta(ElementType::Rgba8);
            let inputs = vec![&*colours; 1 + required.count()];
            match operation.describe(&inputs) {
                Ok(_) => assert!(taken.contains(&name), "{name}"),
                Err(refused) => {
                    let text = refused.to_string();
                    assert!(text.contains(".luminance()?"), "{name}: {text}");
                }
            }
        }
    }
}
