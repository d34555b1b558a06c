//! Divides by how sensitive each pixel is: a flat field, the mean of many frames of an evenly lit camera.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky, kx)`, counts → counts; of spectra `(ny, nx | E) → (ny, nx | E)`. `out = I / s`, `s = g / mean(g)`, the mean over
//! pixels with a usable sensitivity, so that counts keep their size; with `keep_level` off `s = g`. Where `g` is 0, negative, infinite or NaN nothing is known: NaN; how
//! many these are stands in the notes. The field has the shape of the frames. `f32`, or `f64` where the input has more digits than `f32` holds.
//! Left out, nothing is divided, which is said. Frame-local, O(P). Reference: numpy `frame / (field / field.mean())`.

use serde_json::json;
use signal::{
    CancelToken, Category, Caveat, Element, ElementType, File, Frame, Inputs, NavigationIndex,
    NotApplicable, Operation, OperationError, OperationInfo, Output, SignalMeta, parameters,
};

use super::picture::MadeOnce;
use crate::inputs;

parameters! {
    /// Divides by how sensitive each pixel is.
    pub struct FlatField {
        /// The flat field: a NumPy array with the sensitivity of each pixel of a frame. Left out: nothing is divided.
        pub file: Option<File> = None, endings ["npy"];
        /// Divide by the sensitivity over its mean, so that counts stay about what they were; off: by the numbers of the file.
        pub keep_level: bool = true;
    }
}

/// What frames are divided by; NaN where nothing is known.
struct Field {
    sensitivities: Vec<f64>,
    unknown: usize,
}

impl Field {
    fn of(values: &[f64], keep_level: bool) -> Self {
        let is_known = |value: &f64| *value > 0.0 && value.is_finite();
        let known: Vec<f64> = values.iter().copied().filter(is_known).collect();
        let level = match keep_level {
            true => known.iter().sum::<f64>() / known.len() as f64,
            false => 1.0,
        };
        let sensitivity = |value: &f64| {
            if is_known(value) {
                value / level
            } else {
                f64::NAN
            }
        };
        Field {
            sensitivities: values.iter().map(sensitivity).collect(),
            unknown: values.len() - known.len(),
        }
    }
}

#[derive(Default)]
pub struct DivideByField {
    field: MadeOnce<Field>,
}

impl DivideByField {
    /// `None` where no file is chosen.
    fn field(
        &self,
        input: &SignalMeta,
        params: &FlatField,
    ) -> Result<Option<&Field>, NotApplicable> {
        let Some(file) = &params.file else {
            return Ok(None);
        };
        let of = |values: Vec<f64>| Field::of(&values, params.keep_level);
        let field = self.field.for_frames(file, input, "flat field", of)?;
        match field.unknown < field.sensitivities.len() {
            true => Ok(Some(field)),
            false => Err(inputs::refuse(
                format!("the flat field `{}` has no pixel above 0", file.name()),
                "the mean of frames of an evenly lit camera",
            )),
        }
    }
}

impl Operation for DivideByField {
    type Params = FlatField;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "flat_field",
        method: "flat_field",
        parameters_type: "FlatField",
        title: "Flat field",
        summary: "Divides every frame by how sensitive each pixel is, a picture from a file.",
        category: Category::Corrections,
        reference: "numpy, the definition",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &FlatField,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images_or_spectra(inputs)?;
        let mut meta = input.clone();
        meta.element = input.element.as_float();
        match self.field(input, params)? {
            Some(field) => {
                let unknown = json!(field.unknown);
                meta.notes
                    .insert("pixels_without_sensitivity".into(), unknown);
            }
            None => {
                let text =
                    "no flat field is chosen, so that all counts are as they were: give its `file`";
                meta.caveats.push(Caveat::new("no_flat_field", text));
            }
        }
        Ok(meta)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &FlatField,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let input = inputs::of_this_shape(inputs, frame)?;
        let Some(field) = self.field(input, params).map_err(inputs::unfit)? else {
            return Ok(Output::Frame(frame.without([])));
        };
        let by = &field.sensitivities;
        let divided = signal::for_pixels!(frame, |pixels| match input.element.as_float() {
            ElementType::F64 => Frame::from_vec(frame.shape(), divided(pixels, by, |value| value)),
            _ => Frame::from_vec(frame.shape(), divided(pixels, by, |value| value as f32)),
        });
        divided
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
    }
}

fn divided<T: Element, O>(pixels: &[T], by: &[f64], number: impl Fn(f64) -> O) -> Vec<O> {
    let pixels = pixels.iter().zip(by);
    pixels
        .map(|(pixel, by)| number(pixel.to_f64() / by))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bound, meta, npy};
    use super::*;
    use crate::testing::result_of;

    fn field(values: [f32; 6]) -> File {
        npy(
            "<f4",
            false,
            "(2, 3)",
            &values.map(f32::to_le_bytes).concat(),
        )
    }

    #[test]
    fn counts_over_sensitivities_about_their_mean() {
        let scan = meta(ElementType::U16, &[2, 3]);
        let frame = Frame::from_vec(&[2, 3], vec![10u16, 20, 30, 40, 50, 60]).unwrap();
        // The mean of what is usable is 2.
        let file = field([1.0, 2.0, 3.0, 0.0, f32::NAN, -1.0]);
        let kept = bound::<DivideByField>(&json!({"file": "f.npy"}), &file);
        let found = result_of(&*kept, &scan, frame.clone());
        let pixels = found.pixels::<f32>().unwrap();
        assert_eq!(pixels[..3], [20.0, 20.0, 20.0]);
        assert!(pixels[3..].iter().all(|pixel| pixel.is_nan()));
        let notes = kept.describe(&[&scan]).unwrap().notes;
        assert_eq!(notes["pixels_without_sensitivity"], 3);
        let params = json!({"file": "f.npy", "keep_level": false});
        let raw = result_of(&*bound::<DivideByField>(&params, &file), &scan, frame);
        assert_eq!(raw.pixels::<f32>().unwrap()[..3], [10.0, 10.0, 10.0]);
    }

    #[test]
    fn a_field_of_another_shape_or_without_light_is_refused() {
        let file = field([0.0; 6]);
        let params = json!({"file": "f.npy"});
        let refused = |sizes: &[usize]| {
            let dark = bound::<DivideByField>(&params, &file);
            dark.describe(&[&meta(ElementType::U32, sizes)])
                .unwrap_err()
        };
        assert!(refused(&[2, 3]).reason.contains("no pixel above 0"));
        assert!(
            refused(&[2, 4])
                .reason
                .contains("(2, 3), the frames have (2, 4)")
        );
    }
}
