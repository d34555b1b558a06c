//! Joins pixels: blocks of rows and columns of a pattern, or of channels of a spectrum, become one.
//!
//! `(ny, nx | ky, kx) → (ny, nx | ky / rows, kx / columns)`, counts → counts; of spectra `(ny, nx | E) → (ny, nx | E / columns)`.
//! result = `Σ I` over the block, or its mean; what is left over at the end is dropped (a caveat says how much). NaN and infinite pixels are left
//! out, so that a sum is of those that have a value; a block without any is NaN. Axes: `scale' = f · scale`,
//! `offset' = offset + (f - 1) / 2 · scale`: the middle of the first block; axes that are not uniform get the mean value of each
//! block. Sums of whole numbers are exact: `f32` where it holds the largest there can be (of 16 bits up to 256 pixels in a block), else `f64`,
//! for whole numbers have no NaN for dead pixels. Complex numbers are added part by part and stay complex, of 64 or 128 bit; colours become
//! their mean, channel by channel, rounded (with opacity: of what is seen), whatever the statistic is, which a caveat says. Frame-local, O(P). Reference: hyperspy `rebin`.

use signal::simd::vectorised;
use signal::{
    CancelToken, Category, Caveat, Element, ElementType, Frame, Inputs, NavigationIndex,
    NotApplicable, Operation, OperationError, OperationInfo, Output, SignalMeta, parameters,
};

use crate::detectors::virtual_image::Statistic;
use crate::inputs;
use crate::joined::{AddRow, widened};
use crate::math::pool;

parameters! {
    /// Joins blocks of pixels or channels of every pattern or spectrum.
    pub struct RebinSignal {
        /// Rows that become one; of a spectrum, which has one row, this is left out.
        pub rows: usize = 2, range (1, 4096), units "px";
        /// Columns that become one; of a spectrum: channels.
        pub columns: usize = 2, range (1, 4096), units "px";
        /// Total of a block, or its average.
        pub statistic: Statistic = Statistic::Sum;
    }
}

/// Rows and columns of a block; a spectrum is one row.
fn block(input: &SignalMeta, params: &RebinSignal) -> (usize, usize) {
    match input.axes.signal.len() {
        1 => (1, params.columns),
        _ => (params.rows, params.columns),
    }
}

fn element(input: &SignalMeta, params: &RebinSignal) -> ElementType {
    let (rows, columns) = block(input, params);
    if input.element.numbers() > 1 {
        return input.element;
    }
    widened(input.element, rows * columns, params.statistic)
}

#[derive(Default)]
pub struct JoinPixels;

impl Operation for JoinPixels {
    type Params = RebinSignal;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "rebin_signal",
        method: "rebin_signal",
        parameters_type: "RebinSignal",
        title: "Rebin signal",
        summary: "Joins blocks of pixels or channels, for less noise and less memory.",
        category: Category::Geometry,
        reference: "hyperspy, rebin, doi:10.5281/zenodo.592838",
    };
    const COMPLEX: bool = true;
    const COLOUR: bool = true;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &RebinSignal,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images_or_spectra(inputs)?;
        let (rows, columns) = block(input, params);
        let mut meta = input.clone();
        let factors = [(columns, "columns"), (rows, "rows")];
        for (axis, (factor, name)) in meta.axes.signal.iter_mut().rev().zip(factors) {
            if factor > axis.size {
                return Err(inputs::refuse(
                    format!(
                        "{name} = {factor} is more than the {} of the axis `{}`",
                        axis.size, axis.name
                    ),
                    format!("{name} from 1 to {}", axis.size),
                ));
            }
            let left_over = axis.size % factor;
            if left_over > 0 {
                let text = format!(
                    "{factor} does not divide the {} pixels along `{}`: the last {left_over} of them are left out",
                    axis.size, axis.name
                );
                meta.caveats.push(Caveat::new("rebin_remainder", text));
            }
            *axis = axis.joined(factor);
        }
        if input.element.is_colour() && params.statistic == Statistic::Sum {
            let text = "the sum of colours is none: each block has the mean of its colours";
            meta.caveats.push(Caveat::new("colours_averaged", text));
        }
        meta.element = element(input, params);
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let Some(input) = inputs.first() else {
            return Vec::new();
        };
        let (rows, columns) = inputs::signal_rows_columns(input);
        vec![("rows", rows as f64), ("columns", columns as f64)]
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &RebinSignal,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let input = inputs::of_this_shape(inputs, frame)?;
        let (rows, columns) = block(input, params);
        let (_, across) = frame.rows_columns();
        let shape: Vec<usize> = match frame.shape() {
            [down, across] => vec![down / rows, across / columns],
            shape => shape.iter().map(|channels| channels / columns).collect(),
        };
        let blocks = Blocks {
            rows,
            columns,
            across,
            numbers: 1,
            statistic: params.statistic,
        };
        let joined = match element(input, params) {
            several if several.numbers() > 1 => {
                let blocks = Blocks {
                    numbers: several.numbers(),
                    statistic: match several.is_colour() {
                        true => Statistic::Mean,
                        false => params.statistic,
                    },
                    ..blocks
                };
                let numbers = frame.to_numbers();
                let numbers = signal::for_pixels!(&numbers, |pixels| blocks.of(pixels, |sum| sum));
                Frame::of_numbers(&shape, several, &numbers)
            }
            ElementType::F64 => signal::for_pixels!(frame, |pixels| Frame::from_vec(
                &shape,
                blocks.of(pixels, |sum| sum)
            )),
            _ => signal::for_pixels!(frame, |pixels| Frame::from_vec(
                &shape,
                blocks.of(pixels, |sum| sum as f32)
            )),
        };
        joined
            .map(Output::Frame)
            .map_err(|what| OperationError::failed(what, "report this; shapes disagree"))
    }
}

struct Blocks {
    rows: usize,
    columns: usize,
    /// Columns of the frame.
    across: usize,
    /// Of each pixel, side by side.
    numbers: usize,
    statistic: Statistic,
}

impl Blocks {
    fn of<T: Element, O>(&self, pixels: &[T], number: impl Fn(f64) -> O) -> Vec<O> {
        let across = self.across * self.numbers;
        let mut sums = pool::any::<f64>(across);
        let mut valid = pool::any::<f64>(across);
        let mut out = Vec::with_capacity(pixels.len() / (self.rows * self.columns));
        for band in pixels.chunks_exact(self.rows * across) {
            sums.fill(0.0);
            valid.fill(0.0);
            for row in band.chunks_exact(across) {
                vectorised(AddRow(&mut sums, &mut valid, row));
            }
            let width = self.columns * self.numbers;
            for (sums, valid) in sums.chunks_exact(width).zip(valid.chunks_exact(width)) {
                for first in 0..self.numbers {
                    let of = |all: &[f64]| -> f64 {
                        match self.numbers {
                            1 => all.iter().sum(),
                            several => all.iter().skip(first).step_by(several).sum(),
                        }
                    };
                    let (sum, valid) = (of(sums), of(valid));
                    out.push(number(match self.statistic {
                        _ if valid == 0.0 => f64::NAN,
                        Statistic::Sum => sum,
                        Statistic::Mean => sum / valid,
                    }));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use signal::{Axes, Axis, Bound, Registered, serde_json::json};

    use super::super::testing::result_of;
    use super::*;

    fn meta(element: ElementType, sizes: &[usize]) -> Arc<SignalMeta> {
        let axes = (sizes.iter().zip(["ky", "kx"]))
            .map(|(size, name)| Axis::new(name, *size, 0.5, 3.0, "mrad"))
            .collect();
        let axes = Axes::new(vec![Axis::pixels("x", 2)], axes);
        Arc::new(SignalMeta::frames("scan", axes, element))
    }

    fn joined(meta: &Arc<SignalMeta>, frame: Frame, params: serde_json::Value) -> Frame {
        result_of::<JoinPixels>(meta, frame, &params)
    }

    #[test]
    fn blocks_that_are_not_square_on_a_frame_that_is_not() {
        let frame = Frame::from_vec(&[5, 7], (0u16..35).collect::<Vec<_>>()).unwrap();
        let meta = meta(ElementType::U16, &[5, 7]);
        let params = json!({"rows": 2, "columns": 3});
        let sums = joined(&meta, frame.clone(), params.clone());
        // Rows 0 and 1, columns 0 to 2: 0 + 1 + 2 + 7 + 8 + 9.
        assert_eq!(sums.pixels::<f32>().unwrap(), [27.0, 45.0, 111.0, 129.0]);
        let mean = json!({"rows": 2, "columns": 3, "statistic": "mean"});
        assert_eq!(joined(&meta, frame, mean).value(1), 7.5);
        let described = Bound::<JoinPixels>::entry().bind(&params).unwrap();
        let described = described.describe(&[&meta]).unwrap();
        let axes = &described.axes.signal;
        assert_eq!((axes[0].scale, axes[0].offset), (1.0, 3.25));
        assert_eq!((axes[1].scale, axes[1].offset), (1.5, 3.5));
        assert_eq!(described.caveats.len(), 2);
    }

    #[test]
    fn sums_are_exact_in_the_type_that_holds_them() {
        for (count, element) in [(16, ElementType::F32), (17, ElementType::F64)] {
            let meta = meta(ElementType::U16, &[count, 16]);
            let frame = Frame::from_vec(&[count, 16], vec![u16::MAX; 16 * count]).unwrap();
            let sum = joined(&meta, frame, json!({"rows": count, "columns": 16}));
            assert_eq!(sum.element(), element);
            assert_eq!(sum.value(0), 65535.0 * 16.0 * count as f64);
        }
        let wide = Frame::from_vec(&[1, 2], vec![u32::MAX, u32::MAX - 2]).unwrap();
        let sum = joined(&meta(ElementType::U32, &[1, 2]), wide, json!({"rows": 1}));
        assert_eq!(sum.value(0), 2.0 * f64::from(u32::MAX) - 2.0);
    }

    #[test]
    fn what_has_no_value_is_left_out() {
        let nan = f32::NAN;
        let pixels = vec![1.0, nan, nan, f32::INFINITY, 3.0, 5.0, nan, nan];
        let frame = Frame::from_vec(&[2, 4], pixels).unwrap();
        let meta = meta(ElementType::F32, &[2, 4]);
        for (statistic, first) in [("sum", 9.0), ("mean", 3.0)] {
            let found = joined(&meta, frame.clone(), json!({ "statistic": statistic }));
            assert!(found.value(0) == first && found.value(1).is_nan());
        }
    }

    #[test]
    fn complex_numbers_are_added_part_by_part() {
        let nan = f32::NAN;
        let parts = vec![1.0, 2.0, 3.0, -4.0, 5.0, 1.0, nan, 7.0];
        let frame = Frame::from_parts(&[1, 4], ElementType::C64, parts).unwrap();
        let meta = meta(ElementType::C64, &[1, 4]);
        for (statistic, expected) in [
            ("sum", [4.0, -2.0, 5.0, 1.0]),
            ("mean", [2.0, -1.0, 5.0, 1.0]),
        ] {
            let params = json!({"rows": 1, "statistic": statistic});
            let found = joined(&meta, frame.clone(), params);
            let expected =
                Frame::from_parts(&[1, 2], ElementType::C64, expected.map(|v: f32| v).to_vec());
            assert_eq!(found.as_bytes(), expected.unwrap().as_bytes());
        }
    }

    #[test]
    fn colours_become_their_mean_and_sums_say_so() {
        let meta = meta(ElementType::Rgba8, &[2, 2]);
        let pixels = vec![
            255, 0, 10, 255, 1, 2, 3, 0, //
            100, 200, 30, 255, 9, 9, 9, 0,
        ];
        let frame = Frame::from_parts::<u8>(&[2, 2], ElementType::Rgba8, pixels).unwrap();
        let found = joined(&meta, frame, json!({}));
        // What is not seen has no part in it.
        assert_eq!(found.as_bytes(), [178, 100, 20, 128]);
        for (statistic, said) in [("sum", 1), ("mean", 0)] {
            let bound = Bound::<JoinPixels>::entry().bind(&json!({ "statistic": statistic }));
            let described = bound.unwrap().describe(&[&meta]).unwrap();
            assert_eq!(
                (described.caveats.len(), described.composites.len()),
                (said, 1)
            );
        }
    }

    #[test]
    fn a_spectrum_joins_channels_and_uneven_axes_get_mean_values() {
        let mut meta = SignalMeta::clone(&meta(ElementType::F32, &[6]));
        let values = vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        meta.axes.signal = vec![Axis::with_values("Energy", values, "eV")];
        let meta = Arc::new(meta);
        let frame = Frame::from_vec(&[6], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let found = joined(&meta, frame, json!({}));
        assert_eq!(found.pixels::<f32>().unwrap(), [3.0, 7.0, 11.0]);
        let bound = |params| Bound::<JoinPixels>::entry().bind(&params).unwrap();
        let described = bound(json!({})).describe(&[&meta]).unwrap();
        assert_eq!(described.axes.signal[0].values, [1.5, 6.0, 24.0]);
        let refused = bound(json!({"columns": 7})).describe(&[&meta]).unwrap_err();
        assert!(refused.to_string().contains("columns = 7"), "{refused}");
    }
}
