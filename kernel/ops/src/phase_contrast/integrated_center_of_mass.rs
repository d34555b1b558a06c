//! Integrates the centre of mass over the scan to the phase of the specimen: integrated DPC.
//!
//! Maps `dy`, `dx` of `center_of_mass` `(ny, nx)` → a map `phase` `(ny, nx)`, each plane of the two fastest axes for itself. In a thin
//! specimen the centre of mass is the slope of the phase that the beam sees, `com = ∇φ / 2π`, so in Fourier space
//! `φ(k) = (ky·com_y(k) + kx·com_x(k)) / (i k²)`, `φ(0) = 0`: the solution of least squares, of mean 0. In rad where the scan is in a
//! length and the detector in 1/length, or in mrad and the beam energy is known; else in detector pixels times steps
//! of the scan. Shifts are turned by `rotation` (counter-clockwise, rows downwards, after `transpose` has swapped them)
//! from the detector's axes to those of the scan. `high_pass` and `low_pass` multiply `φ(k)` with Butterworth filters of order 2,
//! `1 - 1 / (1 + (k/h)⁴)` and `1 / (1 + (k/l)⁴)`. Edges: mirrored, so that φ may be another one at opposite edges, or periodic.
//! Positions without a deflection count as not deflected and are NaN in the result; a caveat says how many.
//! Takes the whole map, O(N log N).
//! Reference: Lazić, Bosch, Lazar, Ultramicroscopy 160 (2016) 265, doi:10.1016/j.ultramic.2015.10.011; filters as py4DSTEM `DPC`.

use std::sync::Arc;

use signal::{
    CancelToken, Category, Caveat, Component, Display, Finished, HeapBytes, Inputs,
    NavigationIndex, Needs, NotApplicable, Operation, OperationError, OperationInfo, Output,
    Positions, Preparation, Prepare, SignalKind, SignalMeta, choices, parameters,
};

use crate::inputs;
use crate::math::fourier::{self, Complex};

mod scale;

use scale::{Scale, scale};

choices! {
    /// What lies beyond the edges of the scan.
    pub enum ScanEdges {
        /// The phase, mirrored: it may be another one at opposite edges.
        Mirrored = "mirrored",
        /// The scan again, as of a crystal that repeats.
        Periodic = "periodic",
    }
}

parameters! {
    /// Integrates the deflection of the beam to the phase of the specimen.
    pub struct IntegratedCenterOfMass {
        /// Angle from the detector's axes to those of the scan, counter-clockwise.
        pub rotation: f64 = 0.0, range (-180.0, 180.0), units "°";
        /// Whether rows and columns of the detector are swapped against those of the scan; before the rotation.
        pub transpose: bool = false;
        /// Slow changes below this frequency are damped, in 1 / unit of the scan: uneven thickness, drift. Left out: none.
        pub high_pass: Option<f64> = None, range (0.000001, 1000000.0);
        /// Noise above this frequency is damped, in 1 / unit of the scan. Left out: none.
        pub low_pass: Option<f64> = None, range (0.000001, 1000000.0);
        /// What lies beyond the edges of the scan.
        pub edges: ScanEdges = ScanEdges::Mirrored;
    }
}

/// Phase at every scan position, and how many positions had no deflection.
pub struct Phase {
    shape: Vec<usize>,
    values: Vec<f32>,
    holes: usize,
}

impl HeapBytes for Phase {
    fn heap_bytes(&self) -> usize {
        self.values.heap_bytes()
    }
}

fn accepted<'a>(
    inputs: &[&'a SignalMeta],
    params: &IntegratedCenterOfMass,
) -> Result<(&'a SignalMeta, Scale), NotApplicable> {
    let takes = "the maps dy and dx of center_of_mass, over a scan";
    let input = inputs::a_scan(inputs)?;
    if input.kind != SignalKind::Map {
        let reason = format!("the signal has {}, not maps", input.kind.noun());
        return Err(NotApplicable::new(reason, takes));
    }
    let names: Vec<&str> = input
        .components
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    if names != ["dy", "dx"] {
        let reason = format!("the map has the images {}", names.join(", "));
        return Err(NotApplicable::new(reason, takes));
    }
    if let Some(other) =
        (input.components.iter()).find(|one| !matches!(one.units.as_str(), "px" | ""))
    {
        let reason = format!(
            "`{}` is in {}, not in detector pixels",
            other.name, other.units
        );
        return Err(NotApplicable::new(reason, takes));
    }
    if input.axes.positions() < 2 {
        return Err(NotApplicable::new(
            "one position cannot be integrated",
            takes,
        ));
    }
    if let (Some(high), Some(low)) = (params.high_pass, params.low_pass)
        && high >= low
    {
        return Err(inputs::refuse(
            format!("high_pass = {high} is not below low_pass = {low}: nothing is left"),
            "high_pass below low_pass",
        ));
    }
    Ok((input, scale(input)?))
}

#[derive(Default)]
pub struct IntegrateShift;

impl Operation for IntegrateShift {
    type Params = IntegratedCenterOfMass;
    type Prepared = Phase;
    const INFO: OperationInfo = OperationInfo {
        name: "integrated_center_of_mass",
        method: "integrated_center_of_mass",
        parameters_type: "IntegratedCenterOfMass",
        title: "Integrated centre of mass",
        summary: "The phase of the specimen from the deflection of the beam (iDPC).",
        category: Category::PhaseContrast,
        reference: "Lazić et al., doi:10.1016/j.ultramic.2015.10.011",
    };
    const WITHOUT_VALUE: &'static str = "there is no deflection";

    fn describe(
        &self,
        inputs: &[&SignalMeta],
        params: &IntegratedCenterOfMass,
    ) -> Result<SignalMeta, NotApplicable> {
        let (input, scale) = accepted(inputs, params)?;
        let mut meta = input.to_map(vec![Component::new(
            "phase",
            "φ",
            &scale.units,
            Display::Diverging,
        )]);
        meta.notes.insert(
            "phase".into(),
            "integral of the deflection, of mean 0; from the axes of the detector to those of the scan by transpose and rotation".into(),
        );
        meta.caveats.extend(scale.caveat);
        Ok(meta)
    }

    fn needs(
        &self,
        _input: usize,
        _at: NavigationIndex,
        _inputs: &[Arc<SignalMeta>],
        _params: &IntegratedCenterOfMass,
    ) -> Needs {
        Needs::WholeMap
    }

    fn preparation(
        &self,
        inputs: &[&SignalMeta],
        params: &IntegratedCenterOfMass,
    ) -> Option<Preparation<Phase>> {
        let (input, scale) = accepted(inputs, params).ok()?;
        let gather = Gather {
            shape: input.axes.navigation_shape(),
            params: params.clone(),
            scale,
            shifts: Vec::new(),
        };
        Some(Preparation::new(Positions::All, gather))
    }

    fn prepared_caveats(_params: &IntegratedCenterOfMass, phase: &Phase) -> Vec<Caveat> {
        let text = match phase.holes {
            0 => return Vec::new(),
            1 => "1 position without a deflection was taken as not deflected".to_owned(),
            holes => format!("{holes} positions without a deflection were taken as not deflected"),
        };
        vec![Caveat::new("no_deflection", text)]
    }

    fn compute(
        &self,
        _inputs: &Inputs<'_>,
        at: NavigationIndex,
        _params: &IntegratedCenterOfMass,
        prepared: Option<&Phase>,
        _cancel: &CancelToken,
    ) -> Result<Output, OperationError> {
        let value = prepared.and_then(|phase| phase.values.get(at.flat(&phase.shape)));
        let value = value.ok_or_else(|| {
            OperationError::failed("the phase is not there", "report this: the engine is wrong")
        })?;
        Ok(Output::Values([*value].into()))
    }
}

struct Gather {
    shape: Vec<usize>,
    params: IntegratedCenterOfMass,
    scale: Scale,
    /// Rows and columns, detector pixels.
    shifts: Vec<[f32; 2]>,
}

impl Prepare<Phase> for Gather {
    fn add(
        &mut self,
        _at: NavigationIndex,
        inputs: &Inputs<'_>,
        _cancel: &CancelToken,
    ) -> Result<(), OperationError> {
        match inputs.outputs.first() {
            Some(Output::Values(values)) if values.len() == 2 => {
                self.shifts.push([values[0], values[1]]);
                Ok(())
            }
            _ => Err(OperationError::failed(
                "the input has no deflection at this position",
                "give it the map of center_of_mass",
            )),
        }
    }

    fn finish(&mut self, cancel: &CancelToken) -> Result<Finished<Phase>, OperationError> {
        let plane = match self.shape.as_slice() {
            [.., rows, columns] => [*rows, *columns],
            [columns] => [1, *columns],
            [] => [1, 1],
        };
        let mut values = Vec::with_capacity(self.shifts.len());
        for shifts in self.shifts.chunks_exact(plane[0] * plane[1]) {
            let fields = self.fields(shifts);
            let phase = integrated(&fields, plane, self.scale.steps, &self.params, cancel)?;
            values.extend(
                (phase.iter().zip(shifts)).map(|(value, shift)| match is_hole(*shift) {
                    true => f32::NAN,
                    false => (value * self.scale.factor) as f32,
                }),
            );
        }
        Ok(Finished::Done(Phase {
            shape: self.shape.clone(),
            values,
            holes: self.shifts.iter().filter(|shift| is_hole(**shift)).count(),
        }))
    }

    fn heap_bytes(&self) -> usize {
        self.shifts.heap_bytes()
    }
}

impl Gather {
    /// Deflection along rows and columns of the scan; in the unit of the detector's columns.
    fn fields(&self, shifts: &[[f32; 2]]) -> Vec<[f64; 2]> {
        let (sin, cos) = self.params.rotation.to_radians().sin_cos();
        let [sy, sx] = self.scale.pixels;
        (shifts.iter())
            .map(|shift| {
                let [y, x] = match is_hole(*shift) {
                    true => [0.0; 2],
                    false => shift.map(f64::from),
                };
                let (y, x) = match self.params.transpose {
                    true => (x * sx, y * sy),
                    false => (y * sy, x * sx),
                };
                // Counter-clockwise as it is seen: rows go down.
                [cos * y - sin * x, sin * y + cos * x]
            })
            .collect()
    }
}

fn is_hole([y, x]: [f32; 2]) -> bool {
    !y.is_finite() || !x.is_finite()
}

/// The field of mean 0 whose slopes along rows and columns are nearest to these, in C order.
fn integrated(
    slopes: &[[f64; 2]],
    [rows, columns]: [usize; 2],
    [dy, dx]: [f64; 2],
    params: &IntegratedCenterOfMass,
    cancel: &CancelToken,
) -> Result<Vec<f64>, OperationError> {
    let times = match params.edges {
        ScanEdges::Mirrored => 2,
        ScanEdges::Periodic => 1,
    };
    // One row, or one column, has no slope along the other axis.
    let size = [rows, columns].map(|size| if size > 1 { times * size } else { 1 });
    let mirrored = |at: usize, size: usize| match at < size {
        true => (at, 1.0),
        false => (2 * size - 1 - at, -1.0),
    };
    let spread = |component: usize| -> Vec<Complex> {
        (0..size[0] * size[1])
            .map(|at| {
                let (row, down) = mirrored(at / size[1], rows);
                let (column, across) = mirrored(at % size[1], columns);
                // A mirrored field has the other slope across the mirror.
                let sign = if component == 0 { down } else { across };
                Complex::new(sign * slopes[row * columns + column][component], 0.0)
            })
            .collect()
    };
    let mut keep_on = || !cancel.is_cancelled();
    let (mut y, mut x) = (spread(0), spread(1));
    let transformed = fourier::image(&mut y, size, false, &mut keep_on)
        && fourier::image(&mut x, size, false, &mut keep_on);
    if !transformed {
        return Err(OperationError::Cancelled);
    }
    let (ky, kx) = (fourier::frequencies(size[0]), fourier::frequencies(size[1]));
    for (at, (y, x)) in y.iter_mut().zip(&x).enumerate() {
        let (ky, kx) = (ky[at / size[1]] / dy, kx[at % size[1]] / dx);
        let squared = ky * ky + kx * kx;
        if squared == 0.0 {
            *y = Complex::default();
            continue;
        }
        let sum = y.scaled(ky) + x.scaled(kx);
        // Divided by 2πi k².
        let share = passed(squared, params) / (std::f64::consts::TAU * squared);
        *y = Complex::new(sum.im, -sum.re).scaled(share);
    }
    if !fourier::image(&mut y, size, true, &mut keep_on) {
        return Err(OperationError::Cancelled);
    }
    let own = |at: usize| y[at / columns * size[1] + at % columns].re;
    let mut phase: Vec<f64> = (0..rows * columns).map(own).collect();
    let mean = phase.iter().sum::<f64>() / phase.len() as f64;
    phase.iter_mut().for_each(|value| *value -= mean);
    Ok(phase)
}

/// What the filters leave of a frequency.
fn passed(squared: f64, params: &IntegratedCenterOfMass) -> f64 {
    let butterworth = |edge: f64| 1.0 / (1.0 + (squared / (edge * edge)).powi(2));
    let low = params.low_pass.map_or(1.0, butterworth);
    let high = params.high_pass.map_or(1.0, |edge| 1.0 - butterworth(edge));
    low * high
}

#[cfg(test)]
mod tests;
