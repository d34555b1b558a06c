//! Takes the value from pixels that a file marks: dead and hot ones, those behind a beam stop.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts; of spectra `(ny, nx | E) → (ny, nx | E)`. Out is NaN where the mask says so,
//! else what it was, as `f32`, or `f64` where the input has more digits than `f32` holds. The mask has the shape of the frames; what is not 0 is
//! marked (NaN too), or with `marked = "good"` whatever is 0 or NaN has no value. A mask that leaves no pixel is said. Left out, nothing is masked,
//! which is said too. Frame-local, O(P). Reference: numpy `np.where(mask != 0, nan, frame)`; pyFAI's masks mark what is left out.

use serde_json::json;
use signal::{
    CancelToken, Category, Caveat, File, Inputs, NavigationIndex, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalMeta, choices, parameters,
};

use super::picture::MadeOnce;
use crate::inputs;

choices! {
    /// What a number other than 0 marks.
    pub enum Marked {
        /// A pixel that has no value.
        Bad = "bad",
        /// A pixel that keeps its value; the others have none.
        Good = "good",
    }
}

parameters! {
    /// Takes the value from pixels that a file marks.
    pub struct MaskPixels {
        /// The mask: a NumPy array with a number for each pixel of a frame. Left out: nothing is masked.
        pub file: Option<File> = None, endings ["npy"];
        /// What a number other than 0 in the mask marks: pixels without a value, or the good ones.
        pub marked: Marked = Marked::Bad;
    }
}

#[derive(Default)]
pub struct LeaveOutPixels {
    places: MadeOnce<Vec<usize>>,
}

impl LeaveOutPixels {
    /// The pixels that get no value, flat in C order.
    fn places(&self, input: &SignalMeta, params: &MaskPixels) -> Result<&[usize], NotApplicable> {
        let Some(file) = &params.file else {
            return Ok(&[]);
        };
        let is_masked = |value: f64| match params.marked {
            Marked::Bad => value != 0.0,
            Marked::Good => value == 0.0 || value.is_nan(),
        };
        let masked = |values: Vec<f64>| {
            let places = values.into_iter().enumerate();
            places
                .filter(|(_, value)| is_masked(*value))
                .map(|(place, _)| place)
                .collect()
        };
        let places = self.places.for_frames(file, input, "mask", masked)?;
        Ok(places)
    }
}

impl Operation for LeaveOutPixels {
    type Params = MaskPixels;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "mask_pixels",
        method: "mask_pixels",
        parameters_type: "MaskPixels",
        title: "Mask pixels",
        summary: "Takes the value from pixels that a file marks: dead and hot ones, those behind a beam stop.",
        category: Category::Corrections,
        reference: "numpy, the definition; Ashiotis et al. (pyFAI), doi:10.1107/S1600576715004306",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &MaskPixels,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images_or_spectra(inputs)?;
        let mut meta = input.clone();
        meta.element = input.element.as_float();
        let masked = self.places(input, params)?.len();
        meta.notes.insert("masked_pixels".into(), json!(masked));
        if params.file.is_none() {
            let text = "no mask is chosen, so that all pixels are as they were: give its `file`";
            meta.caveats.push(Caveat::new("no_mask", text));
        } else if masked == input.axes.frame_len() {
            let other = match params.marked {
                Marked::Bad => "good",
                Marked::Good => "bad",
            };
            let text = format!(
                "the mask leaves no pixel with a value: if it marks the {other} ones, say so with `marked`"
            );
            meta.caveats.push(Caveat::new("all_masked", text));
        }
        Ok(meta)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &MaskPixels,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let input = inputs::of_this_shape(inputs, frame)?;
        let places = self.places(input, params).map_err(inputs::unfit)?;
        Ok(Output::Frame(frame.without(places.iter().copied())))
    }
}

#[cfg(test)]
mod tests {
    use signal::{Bound, ElementType, Frame, Registered};

    use super::super::testing::{bound, meta, npy};
    use super::*;
    use crate::testing::result_of;

    fn values(frame: &Frame) -> Vec<Option<f64>> {
        let values = (0..frame.len()).map(|at| frame.value(at));
        values
            .map(|value| (!value.is_nan()).then_some(value))
            .collect()
    }

    #[test]
    fn marked_pixels_have_no_value_and_rows_are_no_columns() {
        let scan = meta(ElementType::U16, &[2, 3]);
        let frame = Frame::from_vec(&[2, 3], vec![10u16, 11, 12, 13, 14, 15]).unwrap();
        let mask = npy("|b1", false, "(2, 3)", &[0, 1, 0, 0, 0, 1]);
        let bad = bound::<LeaveOutPixels>(&json!({}), &mask);
        // Nothing was given for the file to stand in.
        assert_eq!(bad.params()["file"], json!(null));
        let bad = bound::<LeaveOutPixels>(&json!({"file": "m.npy"}), &mask);
        let found = values(&result_of(&*bad, &scan, frame.clone()));
        let expected = [Some(10.0), None, Some(12.0), Some(13.0), Some(14.0), None];
        assert_eq!(found, expected);
        let described = bad.describe(&[&scan]).unwrap();
        assert_eq!(described.notes["masked_pixels"], 2);
        assert_eq!(
            (described.element, described.caveats.len()),
            (ElementType::F32, 0)
        );
        let good = bound::<LeaveOutPixels>(&json!({"file": "m.npy", "marked": "good"}), &mask);
        let found = values(&result_of(&*good, &scan, frame));
        assert_eq!(found, [None, Some(11.0), None, None, None, Some(15.0)]);
    }

    #[test]
    fn nan_in_a_mask_is_never_good() {
        let scan = meta(ElementType::F64, &[2]);
        let frame = Frame::from_vec(&[2], vec![1.0, 2.0]).unwrap();
        let pixels = [f32::NAN, 1.0].map(f32::to_le_bytes).concat();
        let mask = npy("<f4", false, "(2,)", &pixels);
        for (marked, expected) in [("bad", [None, None]), ("good", [None, Some(2.0)])] {
            let params = json!({"file": "m.npy", "marked": marked});
            let masked = bound::<LeaveOutPixels>(&params, &mask);
            assert_eq!(values(&result_of(&*masked, &scan, frame.clone())), expected);
        }
        let params = json!({"file": "m.npy"});
        let all = bound::<LeaveOutPixels>(&params, &mask)
            .describe(&[&scan])
            .unwrap();
        assert_eq!(all.caveats[0].code, "all_masked");
    }

    #[test]
    fn a_mask_of_another_shape_is_refused_with_both() {
        let scan = meta(ElementType::U16, &[2, 3]);
        let refused = |shape: &str, count: usize| {
            let mask = npy("|u1", false, shape, &vec![0; count]);
            let masked = bound::<LeaveOutPixels>(&json!({"file": "m.npy"}), &mask);
            masked.describe(&[&scan]).unwrap_err()
        };
        let other = refused("(4, 3)", 12);
        assert_eq!(
            other.reason,
            "the mask `camera.npy` has the shape (4, 3), the frames have (2, 3)"
        );
        assert_eq!(other.takes, "a mask of the shape (2, 3)");
        let turned = refused("(3, 2)", 6);
        assert!(
            turned
                .reason
                .ends_with("(2, 3): rows and columns are exchanged")
        );
        assert!(refused("(6,)", 6).reason.contains("(6,)"));
    }

    #[test]
    fn without_a_mask_nothing_changes_and_that_is_said() {
        let scan = meta(ElementType::U8, &[1, 2]);
        let none = Bound::<LeaveOutPixels>::entry().bind(&json!({})).unwrap();
        let frame = Frame::from_vec(&[1, 2], vec![3u8, 4]).unwrap();
        assert_eq!(
            values(&result_of(&*none, &scan, frame)),
            [Some(3.0), Some(4.0)]
        );
        assert_eq!(none.describe(&[&scan]).unwrap().caveats[0].code, "no_mask");
    }
}
