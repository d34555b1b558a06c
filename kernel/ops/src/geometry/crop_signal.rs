//! Keeps a part of every frame: rows and columns of a pattern, channels of a spectrum.
//!
//! `(ny, nx | ky, kx) → (ny, nx | bottom - top, right - left)`, counts → counts; of spectra `(ny, nx | E) → (ny, nx | right -
//! left)`. Ranges are half-open, in pixels: row `top` is the first that is kept, row `bottom` the first that is not. Axes go on
//! where the part begins: `offset' = offset + top · scale`; those that are not uniform keep their values. Values are what they
//! were, as `f32`, or `f64` where the input has more digits than `f32` holds (64-bit integers beyond 2⁵³ lose their last ones): whole numbers
//! have no NaN for dead pixels, which stay NaN. Complex numbers and colours stay what they are. Left out, all ends stay where they are, and the result is the input. Frame-local, O(pixels kept).
//! Reference: hyperspy `isig`, `crop_signal`.

use signal::{
    Block, CancelToken, Category, Element, ElementType, Frame, Inputs, NavigationIndex,
    NotApplicable, Operation, OperationError, OperationInfo, Output, SignalMeta, parameters,
};

use crate::inputs;

parameters! {
    /// Keeps a part of every pattern or spectrum.
    pub struct CropSignal {
        /// First row that is kept.
        pub top: usize = 0, range (0, 1000000), units "px";
        /// First row below that is not kept. Left out: all rows to the end.
        pub bottom: Option<usize> = None, range (1, 1000000), units "px";
        /// First column that is kept; of a spectrum the first channel.
        pub left: usize = 0, range (0, 1000000), units "px";
        /// First column behind that is not kept. Left out: all columns to the end.
        pub right: Option<usize> = None, range (1, 1000000), units "px";
    }
}

/// Rows and columns that are kept.
#[derive(Clone, Debug)]
struct Part {
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Part {
    fn of(input: &SignalMeta, params: &CropSignal) -> Result<Self, NotApplicable> {
        let (rows, columns) = inputs::signal_rows_columns(input);
        let is_spectrum = input.axes.signal.len() == 1;
        if is_spectrum && (params.top > 0 || params.bottom.is_some_and(|bottom| bottom != 1)) {
            return Err(inputs::refuse(
                format!("a spectrum of {columns} channels has no rows to be cut"),
                "left and right only",
            ));
        }
        Ok(Part {
            rows: between(["top", "bottom"], params.top, params.bottom, rows, "rows")?,
            columns: between(
                ["left", "right"],
                params.left,
                params.right,
                columns,
                if is_spectrum { "channels" } else { "columns" },
            )?,
        })
    }
}

fn between(
    names: [&str; 2],
    first: usize,
    end: Option<usize>,
    size: usize,
    what: &str,
) -> Result<std::ops::Range<usize>, NotApplicable> {
    let given = end.unwrap_or(size);
    if first < given && given <= size {
        return Ok(first..given);
    }
    let [low, high] = names;
    let reason = match given <= size {
        true => format!("{low} = {first} is not below {high} = {given}"),
        false => format!("{high} = {given} is beyond the {size} {what} there are"),
    };
    Err(inputs::refuse(
        reason,
        format!("{low} below {high}, and {high} at most {size}"),
    ))
}

#[derive(Default)]
pub struct CutSignal;

impl Operation for CutSignal {
    type Params = CropSignal;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "crop_signal",
        method: "crop_signal",
        parameters_type: "CropSignal",
        title: "Crop signal",
        summary: "Keeps a part of every pattern or spectrum; its axes go on where the part begins.",
        category: Category::Geometry,
        reference: "hyperspy, crop_signal, doi:10.5281/zenodo.592838",
    };
    const COMPLEX: bool = true;
    const COLOUR: bool = true;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &CropSignal,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images_or_spectra(inputs)?;
        let part = Part::of(input, params)?;
        let mut meta = input.clone();
        for (axis, kept) in meta
            .axes
            .signal
            .iter_mut()
            .rev()
            .zip([&part.columns, &part.rows])
        {
            *axis = axis.part(kept);
        }
        meta.element = element(input);
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let Some(input) = inputs.first() else {
            return Vec::new();
        };
        let (rows, columns) = inputs::signal_rows_columns(input);
        let last = |size: usize| size.saturating_sub(1) as f64;
        vec![
            ("top", last(rows)),
            ("bottom", rows as f64),
            ("left", last(columns)),
            ("right", columns as f64),
        ]
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &CropSignal,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let input = inputs::of_this_shape(inputs, frame)?;
        let part = Part::of(input, params)
            .map_err(|refused| OperationError::failed(refused.reason, refused.takes))?;
        let (_, columns) = frame.rows_columns();
        let shape = [part.rows.len(), part.columns.len()];
        let shape = &shape[2 - frame.shape().len()..];
        let cropped = match element(input) {
            as_stored if as_stored.numbers() > 1 => {
                let pixels: Vec<&[u8]> = (frame.as_bytes())
                    .chunks_exact(frame.element().size_bytes())
                    .collect();
                let bytes = kept(&pixels, columns, &part, |pixel| pixel).concat();
                Frame::from_block(shape, frame.element(), Block::new(bytes), 0)
            }
            ElementType::F64 => signal::for_pixels!(frame, |pixels| Frame::from_vec(
                shape,
                kept(pixels, columns, &part, Element::to_f64)
            )),
            _ => signal::for_pixels!(frame, |pixels| Frame::from_vec(
                shape,
                kept(pixels, columns, &part, Element::to_f32)
            )),
        };
        cropped
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
    }
}

fn element(input: &SignalMeta) -> ElementType {
    match input.element.numbers() {
        1 => input.element.as_float(),
        _ => input.element,
    }
}

fn kept<T: Copy, O>(pixels: &[T], columns: usize, part: &Part, number: impl Fn(T) -> O) -> Vec<O> {
    let mut out = Vec::with_capacity(part.rows.len() * part.columns.len());
    for row in pixels
        .chunks_exact(columns)
        .take(part.rows.end)
        .skip(part.rows.start)
    {
        out.extend(row[part.columns.clone()].iter().map(|pixel| number(*pixel)));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signal::{Axes, Axis, Bound, Registered, serde_json::json};

    use super::super::testing::result_of;
    use super::*;

    fn meta(element: ElementType) -> Arc<SignalMeta> {
        let axes = Axes::new(
            vec![Axis::pixels("x", 2)],
            vec![
                Axis::new("ky", 5, 0.1, -0.2, "1/nm"),
                Axis::with_values("kx", vec![1.0, 2.0, 4.0, 8.0], "mrad"),
            ],
        );
        Arc::new(SignalMeta::frames("scan", axes, element))
    }

    fn spectra() -> Arc<SignalMeta> {
        let axes = Axes::new(
            vec![Axis::pixels("x", 2)],
            vec![Axis::new("Energy", 6, 0.5, 100.0, "eV")],
        );
        Arc::new(SignalMeta::frames("spectra", axes, ElementType::F32))
    }

    fn cropped(meta: &Arc<SignalMeta>, frame: Frame, params: serde_json::Value) -> Frame {
        result_of::<CutSignal>(meta, frame, &params)
    }

    #[test]
    fn rows_and_columns_are_not_swapped_and_axes_go_on() {
        let frame = Frame::from_vec(&[5, 4], (0u16..20).collect::<Vec<_>>()).unwrap();
        let params = json!({"top": 1, "bottom": 4, "left": 2});
        let found = cropped(&meta(ElementType::U16), frame.clone(), params.clone());
        assert_eq!(
            found.pixels::<f32>().unwrap(),
            [6.0, 7.0, 10.0, 11.0, 14.0, 15.0]
        );
        let bound = Bound::<CutSignal>::entry().bind(&params).unwrap();
        let axes = bound
            .describe(&[&meta(ElementType::U16)])
            .unwrap()
            .axes
            .signal;
        assert_eq!((axes[0].offset, axes[0].scale), (-0.1, 0.1));
        assert_eq!(axes[1].values, [4.0, 8.0]);
        let whole = cropped(&meta(ElementType::U16), frame.clone(), json!({}));
        assert_eq!(*whole.to_f32(), *frame.to_f32());
    }

    #[test]
    fn dead_pixels_stay_without_value() {
        let frame = Frame::from_vec(&[5, 4], (0u16..20).collect::<Vec<_>>()).unwrap();
        let found = cropped(
            &meta(ElementType::U16),
            frame.without([6]),
            json!({"top": 1}),
        );
        assert!(found.value(2).is_nan() && found.value(3) == 7.0);
        let wide = Frame::from_vec(&[5, 4], vec![u32::MAX; 20]).unwrap();
        let found = cropped(&meta(ElementType::U32), wide, json!({"right": 1}));
        assert_eq!(found.value(4), f64::from(u32::MAX));
    }

    #[test]
    fn complex_numbers_and_colours_stay_what_they_are() {
        let parts: Vec<f64> = (0..40).map(|at| f64::from(at) / 4.0).collect();
        let waves = Frame::from_parts(&[5, 4], ElementType::C128, parts).unwrap();
        let params = json!({"top": 1, "bottom": 3, "left": 2});
        let found = cropped(&meta(ElementType::C128), waves, params.clone());
        let expected = [3.0, 3.25, 3.5, 3.75, 5.0, 5.25, 5.5, 5.75];
        let expected = Frame::from_parts(&[2, 2], ElementType::C128, expected.to_vec());
        assert_eq!(found.as_bytes(), expected.unwrap().as_bytes());
        let colours = Frame::from_parts(&[5, 4], ElementType::Rgb8, (0u8..60).collect()).unwrap();
        let found = cropped(&meta(ElementType::Rgb8), colours, params.clone());
        assert_eq!(
            found.as_bytes(),
            [18, 19, 20, 21, 22, 23, 30, 31, 32, 33, 34, 35]
        );
        let bound = Bound::<CutSignal>::entry().bind(&params).unwrap();
        let described = bound.describe(&[&meta(ElementType::Rgb8)]).unwrap();
        assert_eq!(described.composites.len(), 1);
    }

    #[test]
    fn a_spectrum_has_channels() {
        let frame = Frame::from_vec(&[6], (0..6).map(|n| n as f32).collect()).unwrap();
        let found = cropped(&spectra(), frame, json!({"left": 2, "right": 4}));
        assert_eq!(found.pixels::<f32>().unwrap(), [2.0, 3.0]);
        let bound = |params| Bound::<CutSignal>::entry().bind(&params).unwrap();
        let axis = bound(json!({"left": 2})).describe(&[&spectra()]).unwrap();
        assert_eq!(
            (axis.axes.signal[0].offset, axis.axes.signal[0].size),
            (101.0, 4)
        );
        let refused = bound(json!({"top": 1}))
            .describe(&[&spectra()])
            .unwrap_err();
        assert!(refused.to_string().contains("no rows"), "{refused}");
        let refused = bound(json!({"right": 7}))
            .describe(&[&spectra()])
            .unwrap_err();
        assert!(
            refused.to_string().contains("beyond the 6 channels"),
            "{refused}"
        );
        let refused = bound(json!({"left": 4, "right": 4}))
            .describe(&[&spectra()])
            .unwrap_err();
        assert!(
            refused.to_string().contains("left = 4 is not below"),
            "{refused}"
        );
    }
}
