//! Measures how far each pattern's centre of mass lies from a reference centre.
//!
//! `(ny, nx | ky, kx) → (ny, nx)` maps `dy`, `dx` in detector pixels.
//! `com = (Σ m I ky / Σ m I, Σ m I kx / Σ m I)` over the pixels within `radius` of `centre`; shift = com - centre, the
//! deflection of the beam. NaN pixels are left out; a sum that is not positive gives NaN. Frame-local, O(pixels inside).
//! Reference: Müller et al., doi:10.1038/ncomms6653; signs as LiberTEM `CoMUDF`.

use signal::{
    CancelToken, Component, Inputs, NavigationIndex, NotApplicable, Operation, OperationError,
    OperationInfo, Output, SignalMeta, for_pixels, parameters,
};

use crate::accept;
use crate::plan::Plan;

parameters! {
    /// Measures the deflection of the beam as the shift of the centre of mass.
    pub struct CenterOfMass {
        /// Centre (row, column) the shift is measured from. Left out: the middle of the frame.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// Only pixels this close to the centre count. Left out: the largest circle inside the frame.
        pub radius: Option<f64> = None, range (1.0, 100000.0), units "px";
    }
}

struct Circle {
    centre: [f64; 2],
    /// Row, first column and end column.
    spans: Vec<(usize, usize, usize)>,
}

impl Circle {
    fn new((rows, columns): (usize, usize), params: &CenterOfMass) -> Self {
        let [cy, cx] = params
            .centre
            .unwrap_or([(rows / 2) as f64, (columns / 2) as f64]);
        let edge = cy
            .min(cx)
            .min(rows as f64 - 1.0 - cy)
            .min(columns as f64 - 1.0 - cx);
        let radius = params.radius.unwrap_or(edge).max(0.0);
        let mut spans = Vec::new();
        for row in 0..rows {
            let squared = radius * radius - (row as f64 - cy).powi(2);
            if squared >= 0.0 {
                let first = (cx - squared.sqrt()).ceil().max(0.0) as usize;
                let end = ((cx + squared.sqrt()).floor() + 1.0).clamp(0.0, columns as f64) as usize;
                if first < end {
                    spans.push((row, first, end));
                }
            }
        }
        Circle {
            centre: [cy, cx],
            spans,
        }
    }
}

#[derive(Default)]
pub struct MeasureCenterOfMass {
    circle: Plan<Circle>,
}

impl Operation for MeasureCenterOfMass {
    type Params = CenterOfMass;
    type Prepared = ();
    const INFO: OperationInfo = OperationInfo {
        name: "center_of_mass",
        method: "center_of_mass",
        parameters_type: "CenterOfMass",
        title: "Centre of mass",
        summary: "Maps the deflection of the beam: rows and columns, in detector pixels.",
        category: "Virtual detectors",
        reference: "Müller et al., doi:10.1038/ncomms6653",
    };

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &CenterOfMass,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = accept::images(inputs)?;
        let (rows, columns) = accept::frame_shape(input);
        let circle = self
            .circle
            .get((rows, columns), || Circle::new((rows, columns), params));
        let [cy, cx] = circle.centre;
        if circle.spans.is_empty() {
            return Err(accept::refuse(
                format!(
                    "the circle around [{cy}, {cx}] covers no pixel of the frame of {rows} x {columns} px"
                ),
                "a circle that covers at least one pixel",
            ));
        }
        let mut meta = input.to_map(vec![
            Component::new("dy", "Δy", "px", true),
            Component::new("dx", "Δx", "px", true),
        ]);
        meta.notes
            .insert("centre_px".into(), serde_json::json!([cy, cx]));
        meta.notes
            .insert("shift_sign".into(), "centre of mass minus centre".into());
        meta.notes
            .insert("axes".into(), "x=columns,y=rows, detector".into());
        Ok(meta)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_>,
        _at: NavigationIndex,
        params: &CenterOfMass,
        _prepared: Option<&()>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let frame = inputs.frame()?;
        let (rows, columns) = frame.rows_columns();
        let circle = self
            .circle
            .get((rows, columns), || Circle::new((rows, columns), params));
        let [cy, cx] = circle.centre;
        let (mut sum, mut moment_y, mut moment_x) = (0.0, 0.0, 0.0);
        for_pixels!(frame, |pixels| {
            for (row, first, end) in &circle.spans {
                let (mut line, mut line_x) = (0.0, 0.0);
                let line_pixels = &pixels[row * columns + first..row * columns + end];
                for (column, pixel) in (*first..).zip(line_pixels) {
                    let value = signal::Element::to_f64(*pixel);
                    if value.is_finite() {
                        line += value;
                        line_x += value * (column as f64 - cx);
                    }
                }
                sum += line;
                moment_y += line * (*row as f64 - cy);
                moment_x += line_x;
            }
        });
        let shift = |moment: f64| {
            if sum > 0.0 {
                (moment / sum) as f32
            } else {
                f32::NAN
            }
        };
        Ok(Output::Values([shift(moment_y), shift(moment_x)].into()))
    }
}
