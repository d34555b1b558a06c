//! Keeps a part of the scan: a region of it, and of a series of scans some of them.
//!
//! `(nt, ny, nx | …) → (end - first, height, width | …)`, of four axes `(ns, nt, ny, nx | …) → (end - first, second_end - second_first,
//! height, width | …)`, for frames, peaks and maps; `|` and what is behind it stays. A region has
//! its first column, its first row, width and height in scan positions, and is cut off at the edges of the scan (a caveat says so); ranges are half-open. Axes go on where the part
//! begins, `offset' = offset + first · scale`; those that are not uniform keep their values. Values are those of the input, bit by
//! bit, with the same pixel type; nothing is copied. Left out, everything stays. O(1).
//! Reference: hyperspy `inav`.

use std::ops::Range;
use std::sync::Arc;

use signal::{
    Axis, CancelToken, Category, Caveat, Inputs, NavigationIndex, Needs, NotApplicable, Operation,
    OperationError, OperationInfo, Output, Region, SignalMeta, parameters,
};

use crate::inputs;

parameters! {
    /// Keeps a part of the scan.
    pub struct CropScan {
        /// Rows and columns of the scan that are kept; of a scan along one line its columns. Left out: all.
        pub region: Option<Region> = None;
        /// First one that is kept along the slowest axis of a series: of scans, or of frames.
        pub first: usize = 0, range (0, 1000000);
        /// First one behind that is not kept. Left out: all to the end.
        pub end: Option<usize> = None, range (1, 1000000);
        /// First one that is kept along the second of four axes.
        pub second_first: usize = 0, range (0, 1000000);
        /// First one behind that is not kept along it. Left out: all to the end.
        pub second_end: Option<usize> = None, range (1, 1000000);
    }
}

/// What is kept along one of the slower axes, named by its two parameters.
struct Series {
    names: [&'static str; 2],
    first: usize,
    end: Option<usize>,
}

impl Series {
    /// Of the slowest axis, then of the second.
    fn of(params: &CropScan) -> [Self; 2] {
        [
            Series {
                names: ["first", "end"],
                first: params.first,
                end: params.end,
            },
            Series {
                names: ["second_first", "second_end"],
                first: params.second_first,
                end: params.second_end,
            },
        ]
    }

    fn is_whole(&self) -> bool {
        self.first == 0 && self.end.is_none()
    }

    fn kept(&self, axis: &Axis) -> Result<Range<usize>, NotApplicable> {
        let ([first_name, end_name], size) = (self.names, axis.size);
        let (first, end) = (self.first, self.end.unwrap_or(size));
        if first < end && end <= size {
            return Ok(first..end);
        }
        let reason = match end <= size {
            true => format!("{first_name} = {first} is not below {end_name} = {end}"),
            false => format!("{end_name} = {end} is beyond the {size} of `{}`", axis.name),
        };
        Err(inputs::refuse(
            reason,
            format!("{first_name} below {end_name}, and {end_name} at most {size}"),
        ))
    }
}

/// What is kept along each navigation axis, and what is to be said of it.
fn kept(
    input: &SignalMeta,
    params: &CropScan,
) -> Result<(Vec<Range<usize>>, Option<Caveat>), NotApplicable> {
    let axes = &input.axes.navigation;
    let mut kept: Vec<Range<usize>> = axes.iter().map(|axis| 0..axis.size).collect();
    let mut caveat = None;
    if let Some(region) = params.region {
        let (inside, said) = inputs::region_inside(region, &input.axes, "region")?;
        caveat = said;
        let columns = inside.x0..inside.x0 + inside.width;
        let rows = inside.y0..inside.y0 + inside.height;
        for (kept, part) in kept.iter_mut().rev().zip([columns, rows]) {
            *kept = part;
        }
    }
    let [slowest, second] = Series::of(params);
    if !slowest.is_whole() {
        kept[0] = match (axes.as_slice(), params.region) {
            ([_, _], _) => {
                return Err(inputs::refuse(
                    "first and end cut a series, and this is one scan",
                    "the region: its rows and columns",
                ));
            }
            ([axis], Some(_)) => {
                return Err(inputs::refuse(
                    format!("the axis `{}` is cut by the region already", axis.name),
                    "first and end, or the region",
                ));
            }
            _ => slowest.kept(&axes[0])?,
        };
    }
    if !second.is_whole() {
        kept[1] = match axes.as_slice() {
            [_, axis, _, _] => second.kept(axis)?,
            _ => {
                return Err(inputs::refuse(
                    format!(
                        "second_first and second_end cut the second of four scan axes, and there are {}",
                        axes.len()
                    ),
                    "the region, or first and end",
                ));
            }
        };
    }
    Ok((kept, caveat))
}

#[derive(Default)]
pub struct CutScan;

impl Operation for CutScan {
    type Params = CropScan;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "crop_scan",
        method: "crop_scan",
        parameters_type: "CropScan",
        title: "Crop scan",
        summary: "Keeps a region of the scan, or a part of a series; positions keep their place in calibrated units.",
        category: Category::Geometry,
        reference: "hyperspy, inav, doi:10.5281/zenodo.592838",
    };
    const PASSES_ON: bool = true;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &CropScan,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::a_scan(inputs)?;
        let mut meta = input.clone();
        let (kept, caveat) = kept(input, params)?;
        for (axis, kept) in meta.axes.navigation.iter_mut().zip(&kept) {
            *axis = axis.part(kept);
        }
        meta.caveats.extend(caveat);
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let Some(input) = inputs.first() else {
            return Vec::new();
        };
        let most = |names: [&'static str; 2], size: usize| {
            [(names[0], size as f64 - 1.0), (names[1], size as f64)]
        };
        let [slowest, second] = Series::of(&CropScan::default()).map(|series| series.names);
        let (of_slowest, of_second) = match input.axes.navigation.as_slice() {
            [series, time, _, _] => (series.size, time.size),
            [axis] | [axis, _, _] => (axis.size, 1),
            _ => (1, 1),
        };
        [most(slowest, of_slowest), most(second, of_second)].concat()
    }

    fn needs(
        &self,
        _input: usize,
        at: NavigationIndex,
        inputs: &[Arc<SignalMeta>],
        params: &CropScan,
    ) -> Needs {
        let axes = inputs
            .first()
            .map_or(0, |input| input.axes.navigation.len());
        let mut from = [0; signal::MAX_NAVIGATION_RANK];
        let from = &mut from[..axes.min(signal::MAX_NAVIGATION_RANK)];
        if let Some(region) = params.region {
            for (from, first) in from.iter_mut().rev().zip([region.x0, region.y0]) {
                *from = first;
            }
        }
        for (from, series) in from.iter_mut().zip(Series::of(params)) {
            *from += series.first;
        }
        for (from, at) in from.iter_mut().zip(at.as_slice()) {
            *from += at;
        }
        Needs::At(NavigationIndex::new(from))
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        _params: &CropScan,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        inputs.outputs.first().cloned().ok_or_else(|| {
            OperationError::failed(
                "nothing was handed to it",
                "report this: the engine is wrong",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use signal::{Axes, Bound, ElementType, Registered, serde_json::json};

    use super::*;

    fn meta(navigation: Vec<Axis>) -> Arc<SignalMeta> {
        let axes = Axes::new(navigation, vec![Axis::pixels("k", 4)]);
        Arc::new(SignalMeta::frames("scan", axes, ElementType::U8))
    }

    fn scan() -> Arc<SignalMeta> {
        meta(vec![
            Axis::new("y", 5, 2.0, 10.0, "nm"),
            Axis::new("x", 7, 0.5, -1.0, "nm"),
        ])
    }

    fn series() -> Arc<SignalMeta> {
        meta(vec![
            Axis::with_values("t", vec![0.0, 1.0, 3.0, 7.0], "s"),
            Axis::pixels("y", 5),
            Axis::pixels("x", 7),
        ])
    }

    fn four() -> Arc<SignalMeta> {
        meta(vec![
            Axis::new("tilt", 3, 10.0, -10.0, "°"),
            Axis::new("t", 6, 0.5, 1.0, "s"),
            Axis::pixels("y", 5),
            Axis::pixels("x", 7),
        ])
    }

    fn line() -> Arc<SignalMeta> {
        meta(vec![Axis::new("t", 9, 0.1, 0.0, "s")])
    }

    fn place(meta: &Arc<SignalMeta>, params: serde_json::Value, at: &[usize]) -> Vec<usize> {
        let crop = Bound::<CutScan>::entry().bind(&params).unwrap();
        crop.describe(&[meta]).unwrap();
        match crop.needs(0, NavigationIndex::new(at), std::slice::from_ref(meta)) {
            Needs::At(at) => at.as_slice().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_and_columns_are_not_swapped_and_axes_go_on() {
        let params = json!({"region": {"x0": 3, "y0": 1, "width": 4, "height": 2}});
        assert_eq!(place(&scan(), params.clone(), &[1, 2]), [2, 5]);
        let crop = Bound::<CutScan>::entry().bind(&params).unwrap();
        let found = crop.describe(&[&scan()]).unwrap();
        let axes = &found.axes.navigation;
        assert_eq!(
            (axes[0].size, axes[0].offset, axes[0].scale),
            (2, 12.0, 2.0)
        );
        assert_eq!((axes[1].size, axes[1].offset, axes[1].scale), (4, 0.5, 0.5));
        assert_eq!(found.element, ElementType::U8);
        assert_eq!(place(&scan(), json!({}), &[4, 6]), [4, 6]);
    }

    #[test]
    fn a_series_is_cut_along_its_slowest_axis() {
        let params =
            json!({"first": 1, "end": 3, "region": {"x0": 2, "y0": 0, "width": 5, "height": 5}});
        assert_eq!(place(&series(), params.clone(), &[1, 2, 3]), [2, 2, 5]);
        let crop = Bound::<CutScan>::entry().bind(&params).unwrap();
        let axes = crop.describe(&[&series()]).unwrap().axes.navigation;
        assert_eq!(axes[0].values, [1.0, 3.0]);
        assert_eq!((axes[1].size, axes[2].size), (5, 5));
        assert_eq!(place(&line(), json!({"first": 4}), &[2]), [6]);
        let columns = json!({"region": {"x0": 5, "y0": 0, "width": 4, "height": 1}});
        assert_eq!(place(&line(), columns, &[3]), [8]);
    }

    #[test]
    fn each_of_four_axes_is_cut_by_its_own() {
        let params = json!({"first": 1, "second_first": 2, "second_end": 5,
            "region": {"x0": 4, "y0": 3, "width": 2, "height": 1}});
        assert_eq!(place(&four(), params.clone(), &[1, 2, 0, 1]), [2, 4, 3, 5]);
        let crop = Bound::<CutScan>::entry().bind(&params).unwrap();
        let axes = crop.describe(&[&four()]).unwrap().axes;
        assert_eq!(axes.navigation_shape(), [2, 3, 1, 2]);
        assert_eq!(
            (axes.navigation[0].offset, axes.navigation[1].offset),
            (0.0, 2.0)
        );
        let most = crop.maxima(&[&four()]);
        assert_eq!(
            most,
            [
                ("first", 2.0),
                ("end", 3.0),
                ("second_first", 5.0),
                ("second_end", 6.0)
            ]
        );
        assert_eq!(crop.maxima(&[&scan()])[0], ("first", 0.0));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        for (meta, params, reason) in [
            (scan(), json!({"first": 1}), "this is one scan"),
            (
                line(),
                json!({"first": 3, "end": 3}),
                "first = 3 is not below end = 3",
            ),
            (line(), json!({"end": 10}), "beyond the 9 of `t`"),
            (
                line(),
                json!({"first": 3, "region": {"x0": 0, "y0": 0, "width": 4, "height": 1}}),
                "cut by the region already",
            ),
            (
                scan(),
                json!({"region": {"x0": 7, "y0": 0, "width": 4, "height": 5}}),
                "lies outside the scan of 5 rows and 7 columns",
            ),
            (
                series(),
                json!({"second_first": 1}),
                "the second of four scan axes, and there are 3",
            ),
            (
                four(),
                json!({"second_end": 7}),
                "second_end = 7 is beyond the 6 of `t`",
            ),
            (meta(Vec::new()), json!({}), "one frame"),
        ] {
            let crop = Bound::<CutScan>::entry().bind(&params).unwrap();
            let refused = crop.describe(&[&meta]).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
