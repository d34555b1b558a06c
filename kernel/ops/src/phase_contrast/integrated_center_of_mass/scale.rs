//! From detector pixels and steps of the scan to a phase in rad.

use signal::{Axis, Caveat, NotApplicable, SignalMeta};

use crate::inputs;

/// Planck's constant times the speed of light, and the rest energy of the electron, keV and keV·nm.
const HC: f64 = 1.239_841_984;
const REST_ENERGY: f64 = 510.998_95;

/// What deflections and steps are measured in.
pub struct Scale {
    /// Of a detector pixel, rows and columns; without calibration 1.
    pub pixels: [f64; 2],
    /// Of a step of the scan, rows and columns, in the scan's own unit.
    pub steps: [f64; 2],
    /// The result per (unit of the detector times unit of the scan).
    pub factor: f64,
    pub units: String,
    pub caveat: Option<Caveat>,
}

/// Nanometres of a unit of length.
fn length(units: &str) -> Option<f64> {
    Some(match units.trim() {
        "nm" => 1.0,
        "\u{c5}" | "\u{212b}" | "A" | "angstrom" | "Angstrom" => 0.1,
        "pm" => 1e-3,
        "\u{b5}m" | "\u{3bc}m" | "um" => 1e3,
        _ => return None,
    })
}

/// Cycles per nanometre of a unit of the detector.
fn frequency(units: &str, beam_energy_kev: Option<f64>) -> Option<f64> {
    let units = units.trim();
    let inverse = (units.strip_prefix("1/"))
        .or_else(|| units.strip_suffix("^-1"))
        .or_else(|| units.strip_suffix("⁻¹"));
    if let Some(of) = inverse.and_then(|of| length(of.trim_matches(['$', ' ']))) {
        return Some(1.0 / of);
    }
    let energy = beam_energy_kev.filter(|energy| *energy > 0.0)?;
    let wavelength = HC / (energy * (energy + 2.0 * REST_ENERGY)).sqrt();
    match units {
        "mrad" => Some(1e-3 / wavelength),
        "rad" => Some(1.0 / wavelength),
        _ => None,
    }
}

/// # Errors
/// [`NotApplicable`] when the steps of the scan are not even, or in different units.
pub fn scale(input: &SignalMeta) -> Result<Scale, NotApplicable> {
    let axes = &input.axes.navigation;
    let plane = &axes[axes.len().saturating_sub(2)..];
    if let Some(uneven) = plane.iter().find(|axis| !axis.is_uniform()) {
        return Err(inputs::refuse(
            format!("the steps along `{}` are not even", uneven.name),
            "a scan with even steps",
        ));
    }
    if let [rows, columns] = plane
        && rows.units != columns.units
    {
        return Err(inputs::refuse(
            format!(
                "`{}` is in {} and `{}` in {}",
                rows.name,
                of(rows),
                columns.name,
                of(columns)
            ),
            "a scan with both axes in one unit",
        ));
    }
    let columns = plane.last();
    let step = |axis: Option<&Axis>| axis.map_or(1.0, |axis| axis.scale);
    let steps = match plane {
        [rows, columns] => [step(Some(rows)), step(Some(columns))],
        _ => [1.0, step(columns)],
    };
    let scan_units = columns.map_or("", |axis| axis.units.as_str());
    let (pixels, detector) = detector(input);
    let unit = detector.and_then(|units| frequency(units, input.beam_energy_kev));
    if let (Some(length), Some(frequency)) = (length(scan_units), unit) {
        return Ok(Scale {
            pixels,
            steps,
            factor: std::f64::consts::TAU * length * frequency,
            units: "rad".into(),
            caveat: None,
        });
    }
    let scan = if scan_units.is_empty() {
        "px"
    } else {
        scan_units
    };
    let text = match (length(scan_units), detector) {
        (None, _) => format!("the scan is in {scan}, not in a length: the phase is not in rad"),
        (_, Some("mrad" | "rad")) => "the beam energy is not known: the phase is not in rad".into(),
        _ => "the detector is not calibrated in 1/nm or mrad: the phase is not in rad".into(),
    };
    Ok(Scale {
        pixels: [1.0; 2],
        steps,
        factor: 1.0,
        units: format!("px · {scan}"),
        caveat: Some(Caveat::new("not_calibrated", text)),
    })
}

fn of(axis: &Axis) -> &str {
    match axis.units.as_str() {
        "" => "no unit",
        units => units,
    }
}

/// The size of a pixel (row, column) and its unit, as the centre of mass has noted them; one unit for both.
fn detector(input: &SignalMeta) -> ([f64; 2], Option<&str>) {
    let known = || {
        let note = input.notes.get("detector_pixel")?;
        let scale = |at: usize| note.get("scale")?.get(at)?.as_f64();
        let units = |at: usize| note.get("units")?.get(at)?.as_str();
        (units(0) == units(1)).then_some(([scale(0)?, scale(1)?], units(0)?))
    };
    match known() {
        Some((pixels, units)) => (pixels, Some(units)),
        None => ([1.0; 2], None),
    }
}
