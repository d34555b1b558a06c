//! The mean of each frame and its neighbours along one axis of the scan: less noise, at the same places.
//!
//! `(… ny, nx | …) → (… ny, nx | …)`, for frames and maps, as `f32`, or `f64` where the input has more digits than `f32` holds. result(i) =
//! `Σ I(j) / n` over `|j - i| ≤ (window - 1) / 2`, pixel by pixel. At the edges the window is cut off, and the mean is of the
//! positions that are there: nothing is mirrored or repeated. NaN and infinite values are left out; a pixel without any in the
//! window is NaN. The scan stays what it is. Takes the window of each position, O(window · P).
//! Reference: pandas `rolling(window, center=True, min_periods=1).mean()`.

use std::sync::Arc;

use signal::{
    CancelToken, Category, Inputs, NavigationIndex, Needs, NotApplicable, Operation,
    OperationError, OperationInfo, Output, SignalMeta, Window, choices, parameters,
};

use crate::detectors::virtual_image::Statistic;
use crate::inputs;
use crate::joined::{accepted, element, joined};

choices! {
    /// An axis of the scan.
    pub enum ScanAxis {
        /// The first one: time of a series, rows of a scan.
        Slowest = "slowest",
        /// The second one: of a series of tilts, the tilt.
        Second = "second",
        /// Rows: neighbours lie above and below.
        Rows = "rows",
        /// Columns: neighbours lie left and right.
        Columns = "columns",
    }
}

parameters! {
    /// The mean over a window of scan positions along one axis.
    pub struct RollingMean {
        /// The axis the window lies along: the slowest one (time of a series), the second one, rows or columns of the scan.
        pub along: ScanAxis = ScanAxis::Slowest;
        /// Positions of the window, an odd number: one in the middle, and as many before it as behind.
        pub window: usize = 3, range (1, 1001);
    }
}

/// The number of the axis, of so many; `None` where there is none.
fn axis(rank: usize, along: ScanAxis) -> Option<usize> {
    match along {
        ScanAxis::Slowest => (rank > 0).then_some(0),
        ScanAxis::Second => (rank > 1).then_some(1),
        ScanAxis::Rows => rank.checked_sub(2),
        ScanAxis::Columns => rank.checked_sub(1),
    }
}

#[derive(Default)]
pub struct AverageWindow;

impl Operation for AverageWindow {
    type Params = RollingMean;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "rolling_mean",
        method: "rolling_mean",
        parameters_type: "RollingMean",
        title: "Rolling mean",
        summary: "The mean of each frame and its neighbours along one axis of the scan.",
        category: Category::Filter,
        reference: "pandas, rolling mean, doi:10.5281/zenodo.3509134",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &RollingMean,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = accepted(inputs)?;
        if params.window.is_multiple_of(2) {
            return Err(inputs::refuse(
                format!(
                    "window = {} is even: no position lies in its middle",
                    params.window
                ),
                format!(
                    "an odd window: {} or {}",
                    params.window.max(2) - 1,
                    params.window + 1
                ),
            ));
        }
        let Some(axis) = axis(input.axes.navigation.len(), params.along) else {
            return Err(inputs::refuse(
                format!("the scan {} has one axis only", input.axes.shape_text()),
                "along the slowest axis, or columns",
            ));
        };
        let axis = &input.axes.navigation[axis];
        if params.window > 2 * axis.size {
            return Err(inputs::refuse(
                format!(
                    "window = {} is more than twice the {} of the axis `{}`",
                    params.window, axis.size, axis.name
                ),
                "mean_pattern, for one mean of all; or a smaller window",
            ));
        }
        let mut meta = input.clone();
        meta.element = element(input, params.window, Statistic::Mean);
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let longest = (inputs.first())
            .and_then(|input| input.axes.navigation.iter().map(|axis| axis.size).max());
        (longest.into_iter())
            .map(|size| ("window", (2 * size - 1) as f64))
            .collect()
    }

    fn needs(
        &self,
        _input: usize,
        at: NavigationIndex,
        inputs: &[Arc<SignalMeta>],
        params: &RollingMean,
    ) -> Needs {
        let mut radius = [0; signal::MAX_NAVIGATION_RANK];
        if let Some(radius) =
            axis(at.as_slice().len(), params.along).and_then(|axis| radius.get_mut(axis))
        {
            *radius = params.window / 2;
        }
        let shape = (inputs.first()).map_or_else(Vec::new, |input| input.axes.navigation_shape());
        Needs::Window(Window::around(at, &radius, &shape))
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &RollingMean,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let input = inputs::first_meta(inputs)?;
        joined(
            inputs,
            |_| Statistic::Mean,
            element(input, params.window, Statistic::Mean),
        )
    }
}

#[cfg(test)]
mod tests {
    use signal::{Axes, Axis, Bound, ElementType, Frame, Registered, serde_json::json};

    use super::*;

    fn meta(sizes: &[(&str, usize)]) -> Arc<SignalMeta> {
        let navigation = sizes
            .iter()
            .map(|(name, size)| Axis::pixels(*name, *size))
            .collect();
        let axes = Axes::new(navigation, vec![Axis::pixels("k", 2)]);
        Arc::new(SignalMeta::frames("series", axes, ElementType::U8))
    }

    fn window(meta: &Arc<SignalMeta>, params: serde_json::Value, at: &[usize]) -> [Vec<usize>; 2] {
        let rolling = Bound::<AverageWindow>::entry().bind(&params).unwrap();
        assert_eq!(rolling.describe(&[meta]).unwrap().axes, meta.axes);
        match rolling.needs(0, NavigationIndex::new(at), std::slice::from_ref(meta)) {
            Needs::Window(window) => {
                [window.first(), window.last()].map(|at| at.as_slice().to_vec())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_window_lies_along_its_axis_and_is_cut_off_at_the_edges() {
        let series = meta(&[("t", 6), ("y", 5), ("x", 7)]);
        assert_eq!(
            window(&series, json!({"window": 5}), &[1, 2, 3]),
            [[0, 2, 3], [3, 2, 3]]
        );
        let tilts = meta(&[("t", 6), ("tilt", 4), ("y", 5), ("x", 7)]);
        assert_eq!(
            window(&tilts, json!({"along": "second"}), &[1, 2, 3, 4]),
            [[1, 1, 3, 4], [1, 3, 3, 4]]
        );
        let rows = json!({"window": 3, "along": "rows"});
        assert_eq!(window(&series, rows, &[1, 4, 3]), [[1, 3, 3], [1, 4, 3]]);
        let columns = json!({"window": 3, "along": "columns"});
        assert_eq!(window(&series, columns, &[1, 4, 0]), [[1, 4, 0], [1, 4, 1]]);
        assert_eq!(
            window(&meta(&[("t", 4)]), json!({"window": 1}), &[3]),
            [[3], [3]]
        );
    }

    #[test]
    fn the_mean_is_of_what_has_a_value() {
        let series = meta(&[("t", 6)]);
        let rolling = Bound::<AverageWindow>::entry().bind(&json!({})).unwrap();
        let frame =
            |pixels: [f32; 2]| Output::Frame(Frame::from_vec(&[2], pixels.to_vec()).unwrap());
        let inputs = Inputs {
            metas: &[series],
            outputs: &[
                frame([1.0, f32::NAN]),
                frame([2.0, f32::INFINITY]),
                frame([6.0, f32::NAN]),
            ],
        };
        let at = NavigationIndex::new(&[1]);
        match rolling
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap()
        {
            Output::Frame(frame) => {
                let found = frame.pixels::<f32>().unwrap();
                assert!(found[0] == 3.0 && found[1].is_nan(), "{found:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        for (sizes, params, reason) in [
            (&[("t", 6)][..], json!({"window": 4}), "window = 4 is even"),
            (&[("t", 6)], json!({"along": "rows"}), "has one axis only"),
            (&[("t", 6)], json!({"along": "second"}), "has one axis only"),
            (
                &[("t", 6)],
                json!({"window": 13}),
                "more than twice the 6 of the axis `t`",
            ),
            (&[], json!({}), "one frame"),
        ] {
            let rolling = Bound::<AverageWindow>::entry().bind(&params).unwrap();
            let refused = rolling.describe(&[&meta(sizes)]).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
