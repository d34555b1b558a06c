//! Multiplies every pixel by a factor. (Copy this file to start an operation, here to `background/scale.rs`: one sentence first.)
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts as `f32`. (Shapes and units.)
//! result = `factor · I`. (Formula; edge behaviour; what NaN does:) NaN stays NaN. Takes the same position, O(P). (What a
//! position takes of the input, where that is more, is said by `needs`: see `geometry/crop_scan.rs`, `filter/rolling_mean.rs`; cost.)
//! Reference: none needed. (Literature with DOI, or the program it agrees with.)

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, parameters,
};

use crate::background;

parameters! {
    /// Multiplies every pixel by a factor.
    pub struct Scale {
        /// What every pixel is multiplied by. (Text of the tooltip; default, range and unit make the control.)
        pub factor: f64 = 1.0, range (-1000.0, 1000.0);
    }
}

/// Named in the line `pub mod scale: ScaleFrames;` of `background.rs`; `Default` makes it, parameters come later.
#[derive(Default)]
pub struct ScaleFrames;

impl Operation for ScaleFrames {
    type Params = Scale;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "scale",
        method: "scale",
        parameters_type: "Scale",
        title: "Scale",
        summary: "Multiplies every pixel by a factor.",
        category: Category::Background,
        reference: "",
    };

    /// From metadata only: refuse what does not fit, with the reason; promise shape, type and units.
    fn describe(
        &self,
        inputs: &[&SignalMeta],
        _params: &Scale,
    ) -> Result<SignalMeta, NotApplicable> {
        background::describe(inputs)
    }

    /// One scan position. Pure: no I/O, no globals, no threads, no clock.
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &Scale,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let scaled = frame
            .to_f32()
            .iter()
            .map(|value| (f64::from(*value) * params.factor) as f32)
            .collect();
        background::subtracted(frame.shape(), scaled, false)
    }
}

#[cfg(test)]
mod tests {
    use signal::{Bound, Frame, Registered, serde_json::json};

    use super::*;

    #[test]
    fn every_pixel_is_multiplied() {
        let scale = Bound::<ScaleFrames>::entry()
            .bind(&json!({"factor": -2.0}))
            .unwrap();
        let frame = Frame::from_vec(&[1, 3], vec![0u16, 1, 65535]).unwrap();
        let inputs = Inputs {
            metas: &[],
            outputs: &[Output::Frame(frame)],
        };
        let at = NavigationIndex::new(&[0, 0]);
        match scale
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap()
        {
            Output::Frame(frame) => {
                assert_eq!(frame.pixels::<f32>().unwrap(), &[0.0, -2.0, -131070.0]);
            }
            other => panic!("{other:?}"),
        }
    }
}
