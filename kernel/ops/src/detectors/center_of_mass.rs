//! Measures how far each pattern's centre of mass is deflected.
//!
//! `(ny, nx | ky, kx) → (ny, nx)` maps `dy`, `dx` in detector pixels.
//! `com = (Σ m I ky / Σ m I, Σ m I kx / Σ m I)` over the pixels within `radius` of `centre`; shift = com - centre, less the
//! `reference`: the mean shift of the scan (nothing is deflected on average), or the plane of least squares through the
//! shifts (descan: the beam wanders over the detector as it is scanned), each image of two fastest navigation axes for
//! itself; a single position has no reference. Positive Δy and Δx: towards larger rows and columns; both together are a
//! composite, drawn by direction `atan2(Δy, Δx)` and length. NaN and infinite pixels
//! are left out; a sum that is not positive gives NaN. Frame-local but for the reference, O(pixels inside).
//! Reference: Müller et al., doi:10.1038/ncomms6653; signs as LiberTEM `CoMUDF`.

use signal::{
    CancelToken, Category, Colouring, Component, Composite, Detector, DetectorStatistic, Display,
    Inputs, MapReference, NavigationIndex, NotApplicable, Operation, OperationError, OperationInfo,
    Outline, Output, PixelRun, SignalMeta, choices, parameters,
};

use crate::inputs;
use crate::shape_cache::ShapeCache;

choices! {
    /// What a shift is measured from.
    pub enum Reference {
        /// The centre.
        None = "none",
        /// The mean shift of the scan.
        Mean = "mean",
        /// The plane through the shifts: a beam that wanders as it is scanned.
        Plane = "plane",
    }
}

parameters! {
    /// Measures the deflection of the beam as the shift of the centre of mass.
    pub struct CenterOfMass {
        /// Middle (row, column) of the circle. Left out: the middle of the frame.
        pub centre: Option<[f64; 2]> = None, units "px";
        /// Only pixels this close to the centre count. Left out: the largest circle inside the frame.
        pub radius: Option<f64> = None, range (1.0, 100000.0), units "px";
        /// What the shift is measured from: the centre (none), the mean of the scan, or a plane through it, which takes
        /// out a beam that wanders as it is scanned.
        pub reference: Reference = Reference::Mean;
    }
}

/// The circle around the centre, row by row.
pub fn circle((rows, columns): (usize, usize), params: &CenterOfMass) -> Detector {
    let [cy, cx] = params
        .centre
        .unwrap_or([(rows / 2) as f64, (columns / 2) as f64]);
    let edge = cy
        .min(cx)
        .min(rows as f64 - 1.0 - cy)
        .min(columns as f64 - 1.0 - cx);
    let radius = params.radius.unwrap_or(edge).max(0.0);
    let runs = (0..rows).filter_map(|row| {
        let squared = radius * radius - (row as f64 - cy).powi(2);
        if squared < 0.0 {
            return None;
        }
        let first = (cx - squared.sqrt()).ceil().max(0.0) as u32;
        let end = ((cx + squared.sqrt()).floor() + 1.0).clamp(0.0, columns as f64) as u32;
        (first < end).then_some(PixelRun {
            row: row as u32,
            first,
            end,
        })
    });
    Detector {
        runs: runs.collect(),
        measure: DetectorStatistic::CenterOfMass { centre: [cy, cx] },
    }
}

#[derive(Default)]
pub struct MeasureCenterOfMass {
    cache: ShapeCache<Detector>,
}

impl MeasureCenterOfMass {
    fn of_shape(&self, shape: (usize, usize), params: &CenterOfMass) -> std::sync::Arc<Detector> {
        self.cache.get(shape, || circle(shape, params))
    }
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
        category: Category::Detectors,
        reference: "Müller et al., doi:10.1038/ncomms6653",
    };
    const OUTLINE: Option<Outline> = Some(Outline::Disk {
        centre: "centre",
        radius: "radius",
    });

    const WITHOUT_VALUE: &'static str = "there is no intensity in the circle";
    const REVISION: u32 = 4;

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &CenterOfMass,
    ) -> Result<SignalMeta, NotApplicable> {
        let input = inputs::images(inputs)?;
        let (rows, columns) = inputs::frame_shape(input);
        let circle = self.of_shape((rows, columns), params);
        let [cy, cx] = match circle.measure {
            DetectorStatistic::CenterOfMass { centre } => centre,
            DetectorStatistic::Sum | DetectorStatistic::Mean => [f64::NAN; 2],
        };
        if circle.runs.is_empty() {
            return Err(inputs::refuse(
                format!(
                    "the circle around [{cy}, {cx}] covers no pixel of the frame of {rows} x {columns} px"
                ),
                "a circle that covers at least one pixel",
            ));
        }
        let mut meta = input.to_map(vec![
            Component::new("dy", "Δy", "px", Display::Diverging),
            Component::new("dx", "Δx", "px", Display::Diverging),
        ]);
        let deflection =
            Composite::new("deflection", "Deflection", Colouring::Wheel, &["dy", "dx"]);
        meta.composites = vec![deflection];
        meta.notes
            .insert("centre_px".into(), serde_json::json!([cy, cx]));
        let reference = match params.reference {
            Reference::None => "none: shifts are from centre_px",
            Reference::Mean => "mean: the mean shift of the scan is subtracted",
            Reference::Plane => {
                "plane: the plane of least squares through the shifts is subtracted"
            }
        };
        meta.notes.insert("reference".into(), reference.into());
        meta.notes.insert(
            "shift_sign".into(),
            "centre of mass minus centre minus reference".into(),
        );
        meta.notes
            .insert("axes".into(), "x=columns,y=rows, detector".into());
        meta.notes.insert(
            "direction".into(),
            "atan2(dy, dx): 0 towards +x, 90 degrees towards +y, which is down in a pattern".into(),
        );
        // For what is made from the shifts: the map has no axes of the detector.
        let detector = &input.axes.signal;
        if detector.iter().all(signal::Axis::is_uniform) {
            let scales: Vec<f64> = detector.iter().map(|axis| axis.scale).collect();
            let units: Vec<&str> = detector.iter().map(|axis| axis.units.as_str()).collect();
            let pixel = serde_json::json!({"scale": scales, "units": units});
            meta.notes.insert("detector_pixel".into(), pixel);
        }
        Ok(meta)
    }

    fn detector(&self, inputs: &[&SignalMeta], params: &CenterOfMass) -> Option<Detector> {
        let shape = inputs::frame_shape(inputs::images(inputs).ok()?);
        Some((*self.of_shape(shape, params)).clone())
    }

    fn map_reference(&self, params: &CenterOfMass) -> MapReference {
        match params.reference {
            Reference::None => MapReference::None,
            Reference::Mean => MapReference::Mean,
            Reference::Plane => MapReference::Plane,
        }
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
        let mut shift = [f32::NAN; 2];
        self.of_shape(frame.rows_columns(), params)
            .measure(frame, &mut shift);
        Ok(Output::Values(shift.into()))
    }
}
