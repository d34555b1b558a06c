//! Joins scan positions: groups of rows and columns of the scan, or of frames of a series, become one.
//!
//! `(nt, ny, nx | …) → (nt / along, ny / rows, nx / columns | …)`, of four axes the second by `second_along`, for frames and maps; `|` and what
//! is behind it stays. result = `Σ I`
//! over the positions of a group, pixel by pixel, or their mean: of themselves counts are added and the values of maps that are no counts
//! (deflections, strains, angles, errors) averaged; positions that are left over at the end of an axis are dropped
//! (a caveat says how many). NaN and infinite values are left out, so that a sum is of the positions that have a value; a
//! pixel without any is NaN. Axes: `scale' = f · scale`, `offset' = offset + (f - 1) / 2 · scale`, the middle of the first group; axes
//! that are not uniform get the mean value of each group. Sums of whole numbers are exact: `f32` where it holds the largest
//! there can be (of 16 bits up to 256 positions in a group), else `f64`. Takes the group of each position, O(scan · P).
//! Reference: hyperspy `rebin`.

use std::sync::Arc;

use signal::{
    CancelToken, Category, Caveat, Component, Display, Inputs, NavigationIndex, Needs,
    NotApplicable, Operation, OperationError, OperationInfo, Output, SignalKind, SignalMeta,
    Window, choices, parameters,
};

use crate::detectors::virtual_image::Statistic;
use crate::inputs;
use crate::joined::{accepted, element, joined};

choices! {
    /// How the positions of a group are combined.
    pub enum GroupStatistic {
        /// Counts are added; deflections, strains and other values that are no counts are averaged.
        Automatic = "automatic",
        /// Total.
        Sum = "sum",
        /// Per valid position.
        Mean = "mean",
    }
}

parameters! {
    /// Joins groups of scan positions.
    pub struct RebinScan {
        /// Rows of the scan that become one; a series of frames, or a line, has one row.
        pub rows: usize = 2, range (1, 4096);
        /// Columns of the scan that become one; of a series of frames: frames.
        pub columns: usize = 2, range (1, 4096);
        /// Scans of a series that become one: along the slowest of three axes or more.
        pub along: usize = 1, range (1, 4096);
        /// Scans that become one along the second of four axes.
        pub second_along: usize = 1, range (1, 4096);
        /// Total of a group, or its average.
        pub statistic: GroupStatistic = GroupStatistic::Automatic;
    }
}

/// Whether a map has counts, which add up, and not deflections, strains or angles, which do not.
fn adds_up(component: &Component) -> bool {
    let is_amount = component.shown.is_none() && component.display == Display::Sequential;
    component.units == "counts" || (is_amount && component.units.is_empty())
}

/// What is done with the value of this number of a map, or with frames.
fn statistic(input: &SignalMeta, given: GroupStatistic, number: usize) -> Statistic {
    match (given, input.kind) {
        (GroupStatistic::Sum, _) => Statistic::Sum,
        (GroupStatistic::Mean, _) => Statistic::Mean,
        (GroupStatistic::Automatic, SignalKind::Map) => match input.components.get(number) {
            Some(component) if !adds_up(component) => Statistic::Mean,
            _ => Statistic::Sum,
        },
        (GroupStatistic::Automatic, _) => Statistic::Sum,
    }
}

/// Positions of a group along each navigation axis.
fn group(rank: usize, params: &RebinScan) -> Vec<usize> {
    let mut group = vec![1; rank];
    for (size, given) in group.iter_mut().rev().zip([params.columns, params.rows]) {
        *size = given;
    }
    if rank > 2 {
        group[0] = params.along;
    }
    if rank > 3 {
        group[1] = params.second_along;
    }
    group
}

#[derive(Default)]
pub struct JoinPositions;

impl Operation for JoinPositions {
    type Params = RebinScan;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "rebin_scan",
        method: "rebin_scan",
        parameters_type: "RebinScan",
        title: "Rebin scan",
        summary: "Joins neighbouring scan positions, for less noise and fewer frames.",
        category: Category::Geometry,
        reference: "hyperspy, rebin, doi:10.5281/zenodo.592838",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &RebinScan,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = accepted(inputs)?;
        let rank = input.axes.navigation.len();
        if rank < 3 && params.along > 1 {
            return Err(inputs::refuse(
                format!(
                    "along = {} joins scans of a series, and this is one scan",
                    params.along
                ),
                "along = 1",
            ));
        }
        if rank < 4 && params.second_along > 1 {
            return Err(inputs::refuse(
                format!(
                    "second_along = {} joins along the second of four scan axes, and there are {rank}",
                    params.second_along
                ),
                "second_along = 1",
            ));
        }
        let group = group(rank, params);
        let mut meta = input.clone();
        let names = |axis: usize| match (rank - axis, axis) {
            (1, _) => "columns",
            (2, _) => "rows",
            (_, 0) => "along",
            _ => "second_along",
        };
        for (axis, factor) in group.iter().copied().enumerate() {
            let of = &mut meta.axes.navigation[axis];
            if factor > of.size {
                let name = names(axis);
                return Err(inputs::refuse(
                    format!(
                        "{name} = {factor} is more than the {} of the axis `{}`",
                        of.size, of.name
                    ),
                    format!("{name} from 1 to {}", of.size),
                ));
            }
            let left_over = of.size % factor;
            if left_over > 0 {
                let text = format!(
                    "{factor} does not divide the {} positions along `{}`: the last {left_over} of them are left out",
                    of.size, of.name
                );
                meta.caveats.push(Caveat::new("rebin_remainder", text));
            }
            *of = of.joined(factor);
        }
        let sums_of_no_counts = |(number, component): (usize, &Component)| {
            statistic(input, params.statistic, number) == Statistic::Sum && !adds_up(component)
        };
        if input.kind == SignalKind::Map {
            let mut wrong = input
                .components
                .iter()
                .enumerate()
                .filter(|one| sums_of_no_counts(*one));
            if let Some((_, component)) = wrong.next() {
                let text = format!(
                    "`{}` is no count: its sum over a group is not that of the joined positions; with `mean` or `automatic` it is",
                    component.name
                );
                meta.caveats.push(Caveat::new("sums_of_no_counts", text));
            }
        }
        meta.element = element(
            input,
            group.iter().product(),
            statistic(input, params.statistic, 0),
        );
        Ok(meta)
    }

    fn maxima(&self, inputs: &[&SignalMeta]) -> Vec<(&'static str, f64)> {
        let Some(input) = inputs.first() else {
            return Vec::new();
        };
        let (rows, columns) = inputs::scan_rows_columns(&input.axes);
        let (along, second_along) = match input.axes.navigation.as_slice() {
            [slowest, second, _, _] => (slowest.size, second.size),
            [slowest, _, _] => (slowest.size, 1),
            _ => (1, 1),
        };
        vec![
            ("rows", rows as f64),
            ("columns", columns as f64),
            ("along", along as f64),
            ("second_along", second_along as f64),
        ]
    }

    fn needs(
        &self,
        _input: usize,
        at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        params: &RebinScan,
    ) -> Needs {
        Needs::Window(Window::group(at, &group(at.as_slice().len(), params)))
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        at: NavigationIndex,
        params: &RebinScan,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let positions = group(at.as_slice().len(), params).iter().product();
        let input = inputs::first_meta(inputs)?;
        joined(
            inputs,
            |number| statistic(input, params.statistic, number),
            element(input, positions, statistic(input, params.statistic, 0)),
        )
    }
}

#[cfg(test)]
mod tests {
    use signal::{Axes, Axis, Bound, ElementType, Frame, Registered, serde_json::json};

    use super::*;

    fn meta(navigation: Vec<Axis>, element: ElementType) -> Arc<SignalMeta> {
        let axes = Axes::new(navigation, vec![Axis::pixels("k", 2)]);
        Arc::new(SignalMeta::frames("scan", axes, element))
    }

    fn scan(element: ElementType) -> Arc<SignalMeta> {
        let y = Axis::new("y", 5, 2.0, 10.0, "nm");
        meta(vec![y, Axis::new("x", 7, 0.5, -1.0, "nm")], element)
    }

    fn frames(values: &[[u16; 2]]) -> Vec<Output> {
        (values.iter())
            .map(|pixels| Output::Frame(Frame::from_vec(&[2], pixels.to_vec()).unwrap()))
            .collect()
    }

    fn found(meta: &Arc<SignalMeta>, params: serde_json::Value, outputs: &[Output]) -> Output {
        let rebin = Bound::<JoinPositions>::entry().bind(&params).unwrap();
        let described = rebin.describe(&[meta]).unwrap();
        let inputs = Inputs {
            metas: std::slice::from_ref(meta),
            outputs,
        };
        let at = vec![0; meta.axes.navigation.len()];
        let found = rebin
            .compute(
                &inputs,
                NavigationIndex::new(&at),
                None,
                &CancelToken::new(),
            )
            .unwrap();
        if let Output::Frame(frame) = &found {
            assert_eq!(frame.element(), described.element);
            assert_eq!(frame.shape(), described.axes.signal_shape());
        }
        found
    }

    #[test]
    fn a_group_is_taken_whole_and_its_middle_is_its_place() {
        let params = json!({"rows": 2, "columns": 3});
        let rebin = Bound::<JoinPositions>::entry().bind(&params).unwrap();
        let meta = scan(ElementType::U16);
        let found = rebin.describe(&[&meta]).unwrap();
        let axes = &found.axes.navigation;
        assert_eq!(
            (axes[0].size, axes[0].offset, axes[0].scale),
            (2, 11.0, 4.0)
        );
        assert_eq!(
            (axes[1].size, axes[1].offset, axes[1].scale),
            (2, -0.5, 1.5)
        );
        let texts: Vec<_> = found.caveats.iter().map(|caveat| &*caveat.text).collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("2 does not divide the 5 positions along `y`: the last 1"));
        let at = NavigationIndex::new(&[1, 0]);
        match rebin.needs(0, at, std::slice::from_ref(&meta)) {
            Needs::Window(window) => {
                assert_eq!(window.first().as_slice(), [2, 0]);
                assert_eq!(window.last().as_slice(), [3, 2]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_of_four_axes_has_groups_of_its_own() {
        let sizes = [("tilt", 4), ("t", 6), ("y", 4), ("x", 7)];
        let axes = sizes.map(|(name, size)| Axis::pixels(name, size));
        let four = meta(axes.to_vec(), ElementType::U8);
        let params = json!({"rows": 1, "columns": 1, "along": 2, "second_along": 3});
        let rebin = Bound::<JoinPositions>::entry().bind(&params).unwrap();
        let found = rebin.describe(&[&four]).unwrap();
        assert_eq!(found.axes.navigation_shape(), [2, 2, 4, 7]);
        let at = NavigationIndex::new(&[1, 1, 2, 5]);
        match rebin.needs(0, at, std::slice::from_ref(&four)) {
            Needs::Window(window) => {
                assert_eq!(window.first().as_slice(), [2, 3, 2, 5]);
                assert_eq!(window.last().as_slice(), [3, 5, 2, 5]);
            }
            other => panic!("{other:?}"),
        }
        let refused = rebin.describe(&[&scan(ElementType::U8)]).unwrap_err();
        assert!(
            refused.to_string().contains("this is one scan"),
            "{refused}"
        );
        let second = Bound::<JoinPositions>::entry()
            .bind(&json!({"second_along": 2}))
            .unwrap();
        let refused = second.describe(&[&scan(ElementType::U8)]).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("second of four scan axes, and there are 2")
        );
    }

    #[test]
    fn sums_are_exact_and_means_leave_out_what_has_no_value() {
        let outputs = frames(&[[1, 65535], [2, 65535]]);
        let params = json!({"rows": 1, "columns": 2});
        match found(&scan(ElementType::U16), params, &outputs) {
            Output::Frame(frame) => assert_eq!(frame.pixels::<f32>().unwrap(), [3.0, 131070.0]),
            other => panic!("{other:?}"),
        }
        let mut holes = frames(&[[4, 5], [6, 7]]);
        holes[1] = Output::Frame(Frame::from_vec(&[2], vec![f32::NAN, 9.0]).unwrap());
        let params = json!({"rows": 1, "columns": 2, "statistic": "mean"});
        match found(&scan(ElementType::U16), params, &holes) {
            Output::Frame(frame) => assert_eq!(frame.pixels::<f32>().unwrap(), [4.0, 7.0]),
            other => panic!("{other:?}"),
        }
        let wide = Bound::<JoinPositions>::entry()
            .bind(&json!({"columns": 2, "rows": 1}))
            .unwrap();
        let described = wide.describe(&[&scan(ElementType::U32)]).unwrap();
        assert_eq!(described.element, ElementType::F64);
        let series = meta(
            vec![
                Axis::pixels("t", 9),
                Axis::pixels("y", 4),
                Axis::pixels("x", 4),
            ],
            ElementType::U16,
        );
        let many = Bound::<JoinPositions>::entry()
            .bind(&json!({"rows": 4, "columns": 4, "along": 9}))
            .unwrap();
        // 144 times 65535 fits.
        assert_eq!(many.describe(&[&series]).unwrap().element, ElementType::F32);
    }

    #[test]
    fn counts_add_up_and_deflections_do_not() {
        let component = |name, units, display| Component::new(name, name, units, display);
        let map = Arc::new(scan(ElementType::U16).to_map(vec![
            component("intensity", "counts", Display::Sequential),
            component("difference", "counts", Display::Diverging),
            component("dy", "px", Display::Diverging),
            component("e_xx", "", Display::Sequential).shown_in(100.0, "%"),
        ]));
        let values = [[1.0f32, -3.0, 2.0, 0.25], [4.0, 1.0, 5.0, 0.75]];
        let outputs = values.map(|values| Output::Values(values.into()));
        let of = |params: serde_json::Value| match found(&map, params, &outputs) {
            Output::Values(values) => values.to_vec(),
            other => panic!("{other:?}"),
        };
        let group = json!({"rows": 1, "columns": 2});
        assert_eq!(of(group), [5.0, -2.0, 3.5, 0.5]);
        let sums = json!({"rows": 1, "columns": 2, "statistic": "sum"});
        assert_eq!(of(sums.clone()), [5.0, -2.0, 7.0, 1.0]);
        let caveats = |params: &serde_json::Value| {
            let rebin = Bound::<JoinPositions>::entry().bind(params).unwrap();
            let described = rebin.describe(&[&map]).unwrap();
            let codes = described
                .caveats
                .iter()
                .map(|caveat| caveat.code.to_string());
            codes
                .filter(|code| code != "rebin_remainder")
                .collect::<Vec<_>>()
        };
        assert_eq!(caveats(&sums), ["sums_of_no_counts"]);
        assert!(caveats(&json!({})).is_empty());
    }

    #[test]
    fn maps_are_joined_too_and_peaks_are_not() {
        let map = Arc::new(scan(ElementType::U16).to_map(vec![Component::new(
            "a",
            "a",
            "",
            Display::Sequential,
        )]));
        let values = [1.0f32, f32::NAN, 4.0].map(|value| Output::Values([value].into()));
        match found(&map, json!({"rows": 1, "columns": 3}), &values) {
            Output::Values(values) => assert_eq!(*values, [5.0]),
            other => panic!("{other:?}"),
        }
        let mut peaks = (*scan(ElementType::U16)).clone();
        peaks.kind = signal::SignalKind::Peaks;
        let rebin = |params| Bound::<JoinPositions>::entry().bind(&params).unwrap();
        let refused = rebin(json!({}))
            .describe(&[&peaks])
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("find peaks in what they become"),
            "{refused}"
        );
        let one = scan(ElementType::U16);
        let refused = rebin(json!({"along": 2}))
            .describe(&[&one])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("this is one scan"), "{refused}");
        let refused = rebin(json!({"rows": 6}))
            .describe(&[&one])
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("rows = 6 is more than the 5 of the axis `y`"),
            "{refused}"
        );
    }
}
