//! Sums or averages each spectrum over a stretch of its axis.
//!
//! `(ny, nx | E) → (ny, nx)`, counts → counts. `V = Σ I(E)` over the channels whose centres lie in `from ≤ E < to`, divided by
//! their number for the mean. Ends are in the unit of the axis, which may fall, be counted in channels, or have a value of its
//! own for each. Whole channels count, so that windows that follow each other add up to the window over both; an end within a
//! millionth of a channel of a centre lies on it. What of a window lies beyond the axis is cut off, which a caveat says. NaN and
//! infinite channels are left out; without a valid one inside the result is NaN. Integers are summed exactly. Frame-local, O(channels inside).
//! Reference: hyperspy `isig[from:to].sum()`, whose ends go to the nearest channel.

use std::ops::Range;
use std::sync::Arc;

use serde_json::json;
use signal::{
    CancelToken, Category, Component, Detector, Display, Inputs, NavigationIndex, NotApplicable,
    Operation, OperationError, OperationInfo, Outline, Output, Parameters, PixelRun, SignalMeta,
    SignalRange, parameters,
};

use crate::detectors::virtual_image::Statistic;
use crate::inputs;
use crate::shape_cache::ShapeCache;

parameters! {
    /// A window on the axis of spectra: an edge, a line, a loss.
    pub struct EnergyWindow {
        /// From where to where on the signal axis, in its unit: channels whose centres lie at `from` or above, and below `to`. Left out:
        /// the middle half of the axis.
        pub range: Option<SignalRange> = None;
        /// Total or average.
        pub statistic: Statistic = Statistic::Sum;
    }
}

#[derive(Default)]
pub struct MeasureWindow {
    cache: ShapeCache<Detector, Range<usize>>,
}

impl MeasureWindow {
    fn of_channels(&self, channels: Range<usize>, params: &EnergyWindow) -> Arc<Detector> {
        self.cache.get(channels.clone(), || Detector {
            runs: Arc::new([PixelRun {
                row: 0,
                first: channels.start as u32,
                end: channels.end as u32,
            }]),
            measure: params.statistic.measure(),
        })
    }
}

impl Operation for MeasureWindow {
    type Params = EnergyWindow;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "energy_window",
        method: "energy_window",
        parameters_type: "EnergyWindow",
        title: "Energy window",
        summary: "Image of the scan from the counts of spectra within a window of energies, or of whatever their axis is.",
        category: Category::Detectors,
        reference: "hyperspy, isig and sum, doi:10.5281/zenodo.592838",
    };
    const OUTLINE: Option<Outline> = Some(Outline::Band { range: "range" });
    const WITHOUT_VALUE: &'static str = "no channel of the window has one";
    const REVISION: u32 = 2;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &EnergyWindow,
    ) -> Result<SignalMeta, NotApplicable> {
        let (input, axis) = inputs::spectra(inputs)?;
        let like = |range: SignalRange| {
            let (from, to) = (inputs::short(range.from), inputs::short(range.to));
            format!(
                "`{} {{ range: Some([{from:?}, {to:?}]), ..default() }}`",
                EnergyWindow::TYPE
            )
        };
        let (channels, caveat) = inputs::channels_inside(params.range, axis, "window", like)?;
        let component = Component::new(
            "intensity",
            "Energy window",
            &input.value_units,
            Display::Sequential,
        );
        let mut meta = input.to_map(vec![component]);
        let SignalRange { from, to } =
            (params.range).unwrap_or_else(|| SignalRange::over(&channels, axis));
        let window = json!({
            "axis": axis.name, "units": axis.units, "from": from, "to": to,
            "first_channel": channels.start, "channels": channels.len(),
        });
        meta.notes.insert("window".into(), window);
        meta.caveats.extend(caveat);
        Ok(meta)
    }

    fn detector(&self, inputs: &[&SignalMeta], params: &EnergyWindow) -> Option<Detector> {
        let (_, axis) = inputs::spectra(inputs).ok()?;
        let channels = inputs::channels_of(params.range, axis).inside;
        Some((*self.of_channels(channels, params)).clone())
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &EnergyWindow,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let meta = inputs::of_this_shape(inputs, frame)?;
        let axis = meta.axes.signal.last();
        let channels = axis.map_or(0..0, |axis| inputs::channels_of(params.range, axis).inside);
        let mut values = [f32::NAN];
        self.of_channels(channels, params)
            .measure(frame, &mut values);
        Ok(Output::Values(values.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use signal::{Axes, Axis, Bound, Element, ElementType, Frame, Registered};

    use super::*;

    fn meta(axis: Axis) -> Arc<SignalMeta> {
        let navigation = vec![Axis::pixels("y", 3), Axis::pixels("x", 5)];
        let axes = Axes::new(navigation, vec![axis]);
        Arc::new(SignalMeta::frames("spectra", axes, ElementType::U16))
    }

    fn energy() -> Axis {
        Axis::new("Energy", 96, 0.5, 200.0, "eV")
    }

    fn value<T: Element>(meta: &Arc<SignalMeta>, params: Value, spectrum: Vec<T>) -> f32 {
        let window = Bound::<MeasureWindow>::entry().bind(&params).unwrap();
        window.describe(&[meta]).unwrap();
        let frame = Frame::from_vec(&[spectrum.len()], spectrum).unwrap();
        let inputs = Inputs {
            metas: std::slice::from_ref(meta),
            outputs: &[Output::Frame(frame.clone())],
        };
        let at = NavigationIndex::new(&[1, 2]);
        let output = window
            .compute(&inputs, at, None, &CancelToken::new())
            .unwrap();
        let Output::Values(values) = output else {
            panic!("a window gives one number");
        };
        let mut told = [f32::NAN];
        window.detector(&[meta]).unwrap().measure(&frame, &mut told);
        assert_eq!(
            told[0].to_bits(),
            values[0].to_bits(),
            "the detector is what is computed"
        );
        values[0]
    }

    fn spectrum() -> Vec<u16> {
        (0..96).map(|n| 7 * n * n % 1009).collect()
    }

    fn sum(channels: Range<usize>) -> f32 {
        let sum: u32 = spectrum()[channels].iter().map(|n| u32::from(*n)).sum();
        sum as f32
    }

    fn describe(axis: Axis, params: Value) -> Result<SignalMeta, String> {
        let window = Bound::<MeasureWindow>::entry().bind(&params).unwrap();
        window
            .describe(&[&meta(axis)])
            .map_err(|error| format!("{}; instead {}", error.reason, error.takes))
    }

    #[test]
    fn counts_of_channels_whose_centres_lie_inside() {
        let found = value(
            &meta(energy()),
            json!({"range": [210.0, 220.0]}),
            spectrum(),
        );
        assert_eq!(found, sum(20..40));
        // No centre lies in between.
        let found = value(
            &meta(energy()),
            json!({"range": [209.6, 219.9]}),
            spectrum(),
        );
        assert_eq!(found, sum(20..40));
        let mean = json!({"range": [210.0, 220.0], "statistic": "mean"});
        assert_eq!(value(&meta(energy()), mean, spectrum()), sum(20..40) / 20.0);
    }

    #[test]
    fn axes_that_fall_count_channels_or_are_not_uniform() {
        let falling = Axis::new("Energy", 96, -0.5, 247.5, "eV");
        let found = value(&meta(falling), json!({"range": [210.0, 220.0]}), spectrum());
        // 210 eV is channel 75, 220 eV channel 55.
        assert_eq!(found, sum(56..76));
        let channels = meta(Axis::pixels("channel", 96));
        assert_eq!(
            value(&channels, json!({"range": [3.0, 9.0]}), spectrum()),
            sum(3..9)
        );
        let squares = (0..96).map(|n| f64::from(n * n)).collect();
        let uneven = meta(Axis::with_values("Energy", squares, "eV"));
        assert_eq!(
            value(&uneven, json!({"range": [16.0, 100.5]}), spectrum()),
            sum(4..11)
        );
    }

    #[test]
    fn left_out_it_is_the_middle_half() {
        assert_eq!(value(&meta(energy()), json!({}), spectrum()), sum(24..72));
        let one = meta(Axis::new("Energy", 1, 0.5, 200.0, "eV"));
        assert_eq!(value(&one, json!({}), vec![5u16]), 5.0);
    }

    #[test]
    fn invalid_channels_are_left_out() {
        let mut holed: Vec<f32> = spectrum().iter().map(|n| f32::from(*n)).collect();
        (holed[20], holed[21]) = (f32::NAN, f32::INFINITY);
        let params = json!({"range": [210.0, 220.0], "statistic": "mean"});
        let found = value(&meta(energy()), params, holed.clone());
        assert!((found - sum(22..40) / 18.0).abs() < 1e-3);
        holed.fill(f32::NAN);
        assert!(value(&meta(energy()), json!({}), holed).is_nan());
    }

    #[test]
    fn what_is_beyond_the_axis_is_cut_off_and_said() {
        let found = value(
            &meta(energy()),
            json!({"range": [240.0, 400.0]}),
            spectrum(),
        );
        assert_eq!(found, sum(80..96));
        let meta = describe(energy(), json!({"range": [240.0, 400.0]})).unwrap();
        let [caveat] = meta.caveats.as_slice() else {
            panic!("{:?}", meta.caveats);
        };
        assert_eq!(
            caveat.text,
            "the window from 240 to 400 eV reaches beyond the axis `Energy`, which goes from 200 to 247.5 eV; the 16 channels \
             inside are used"
        );
        let whole = json!({"range": [200.0, 248.0]});
        assert!(describe(energy(), whole).unwrap().caveats.is_empty());
        assert_eq!(meta.notes["window"]["channels"], 16);
    }

    #[test]
    fn a_window_without_a_channel_is_refused_with_one_that_has() {
        let refused = |axis: Axis, range: [f64; 2]| {
            let text = describe(axis.clone(), json!({"range": range})).unwrap_err();
            let (_, offered) = text.split_once("range: Some([").expect(&text);
            let (offered, _) = offered.split_once("])").expect(&text);
            let ends: Vec<f64> = offered
                .split(", ")
                .map(|end| end.parse().unwrap())
                .collect();
            let meta = describe(axis, json!({"range": ends})).unwrap();
            assert!(meta.caveats.is_empty(), "{text}");
            text
        };
        let text = refused(energy(), [900.0, 950.5]);
        assert!(
            text.contains("the window from 900 to 950.5 eV lies outside the axis `Energy`, which goes from 200 to 247.5 eV"),
            "{text}"
        );
        let text = refused(energy(), [210.1, 210.3]);
        assert!(
            text.contains("the window from 210.1 to 210.3 eV lies between two channels of the axis `Energy`, which are 0.5 eV apart"),
            "{text}"
        );
        refused(Axis::new("Energy", 96, -0.5, 247.5, "eV"), [210.1, 210.3]);
        refused(Axis::pixels("channel", 3), [-9.0, -3.0]);
        refused(
            Axis::with_values("E", vec![1.0, 2.0, 4.0, 80.0], ""),
            [5.0, 70.0],
        );
    }
}
