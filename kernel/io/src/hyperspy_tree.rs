//! hyperspy's description of a signal, wherever it is stored (`.zspy`, `.hspy`, attributes of our `.zarr`).

use std::path::Path;

use serde_json::{Map, Value, json};
use signal::{Axes, Axis, ElementType, SignalMeta, SourceError};

use crate::json;
use crate::options::{OpenOptions, usual_names};
use crate::units;

/// An axis given value by value is called uniform when no step differs more than this from the mean.
const UNIFORM_TOLERANCE: f64 = 1e-6;
/// Where a format keeps its axes.
pub trait StoredAxes {
    /// Attributes of `axis-<at>`; `None` when it is missing.
    fn attributes(&self, at: usize) -> Result<Option<Value>, SourceError>;

    /// The values of an axis that is given value by value.
    fn values(&self, at: usize) -> Result<Option<Vec<f64>>, SourceError>;
}

/// The axes of an experiment, in stored order: slowest first, navigation before signal.
///
/// # Errors
/// Missing or contradicting axes.
pub fn read_axes(
    path: &Path,
    stored: &dyn StoredAxes,
    shape: &[usize],
    notes: &mut Map<String, Value>,
) -> Result<Axes, SourceError> {
    let mut navigation = Vec::new();
    let mut signal = Vec::new();
    for (at, size) in shape.iter().enumerate() {
        let attributes = stored.attributes(at)?.ok_or_else(|| SourceError::Decode {
            path: path.into(),
            place: format!("axis-{at}"),
            reason:
                "the group of this axis is missing; open the file with hyperspy and save it again"
                    .into(),
        })?;
        let axis = read_axis(path, stored, &attributes, *size, at, notes)?;
        if attributes["navigate"] == true {
            if !signal.is_empty() {
                return Err(SourceError::Unsupported {
                    path: path.into(),
                    reason: format!(
                        "navigation axis `{}` comes after a signal axis in the array",
                        axis.name
                    ),
                });
            }
            navigation.push(axis);
        } else {
            signal.push(axis);
        }
    }
    if signal.len() > 2 {
        return Err(SourceError::Unsupported {
            path: path.into(),
            reason: format!("its frames have {} axes; 1 or 2 are handled", signal.len()),
        });
    }
    if signal.is_empty() && !navigation.is_empty() {
        signal = navigation.split_off(navigation.len().saturating_sub(2));
        notes.insert(
            "axes".into(),
            json!("the file has navigation axes only; the last two are shown as the frame"),
        );
    }
    name_unnamed(&mut navigation, true);
    name_unnamed(&mut signal, false);
    Ok(Axes::new(navigation, signal))
}

fn read_axis(
    path: &Path,
    stored: &dyn StoredAxes,
    attributes: &Value,
    size: usize,
    at: usize,
    notes: &mut Map<String, Value>,
) -> Result<Axis, SourceError> {
    let name = match attributes["name"].as_str() {
        None | Some("_None_" | "<undefined>") => String::new(),
        Some(name) => name.to_owned(),
    };
    let label = if name.is_empty() {
        format!("axis-{at}")
    } else {
        format!("axis-{at} ({name})")
    };
    let units = units::normalised(attributes["units"].as_str().unwrap_or_default());
    let said = attributes["size"].as_u64();
    if said.is_some_and(|said| said != size as u64) {
        return Err(SourceError::Decode {
            path: path.into(),
            place: label,
            reason: format!(
                "it says {} entries, the array has {size}",
                said.unwrap_or_default()
            ),
        });
    }
    let (scale, offset) = match attributes["_type"].as_str().unwrap_or("UniformDataAxis") {
        "UniformDataAxis" => (
            json::number(&attributes["scale"]).unwrap_or(1.0),
            json::number(&attributes["offset"]).unwrap_or(0.0),
        ),
        "DataAxis" => sampled_axis(path, &stored.values(at)?, size, &label, notes)?,
        other => {
            notes.insert(
                label,
                json!(format!(
                    "a {other}; shown in pixels, its calibration is not read"
                )),
            );
            return Ok(Axis::pixels(name, size));
        }
    };
    if !scale.is_finite() || scale == 0.0 || !offset.is_finite() {
        notes.insert(
            label,
            json!(format!(
                "scale {scale} and offset {offset} in the file; shown in pixels"
            )),
        );
        return Ok(Axis::pixels(name, size));
    }
    Ok(Axis::new(name, size, scale, offset, units))
}

/// Mean step and first value of an axis stored value by value; a note says when it is not uniform.
fn sampled_axis(
    path: &Path,
    values: &Option<Vec<f64>>,
    size: usize,
    label: &str,
    notes: &mut Map<String, Value>,
) -> Result<(f64, f64), SourceError> {
    let values = (values.as_ref())
        .filter(|values| values.len() == size)
        .ok_or_else(|| SourceError::Decode {
            path: path.into(),
            place: label.to_owned(),
            reason: format!("its {size} values cannot be read"),
        })?;
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return Ok((1.0, 0.0));
    };
    if size < 2 {
        return Ok((1.0, *first));
    }
    let step = (last - first) / (size - 1) as f64;
    let most = values
        .iter()
        .enumerate()
        .map(|(at, value)| (value - (first + step * at as f64)).abs())
        .fold(0.0, f64::max);
    if most > UNIFORM_TOLERANCE * step.abs() {
        notes.insert(
            label.to_owned(),
            json!(format!(
                "not uniform: shown with its mean step {step}, from which values differ by up to {most}"
            )),
        );
    }
    Ok((step, *first))
}

fn name_unnamed(axes: &mut [Axis], navigation: bool) {
    let names = usual_names(axes.len(), navigation);
    for (axis, name) in axes.iter_mut().zip(names) {
        if axis.name.is_empty() {
            axis.name = (*name).to_owned();
        }
    }
}

/// Axes as this project writes them beside an array: one entry per axis, slowest first. `None` when they
/// are not there or do not fit the array.
pub fn own_axes(entries: &Value, shape: &[usize]) -> Option<Axes> {
    let entries = entries.as_array()?;
    let (mut navigation, mut signal) = (Vec::new(), Vec::new());
    for (entry, size) in entries.iter().zip(shape) {
        let axis = Axis::new(
            entry["name"].as_str()?,
            entry["size"].as_u64()?.try_into().ok()?,
            json::number(&entry["scale"])?,
            json::number(&entry["offset"])?,
            entry["units"].as_str()?,
        );
        let navigates = entry["navigate"].as_bool()?;
        if axis.size != *size || (navigates && !signal.is_empty()) {
            return None;
        }
        match navigates {
            true => navigation.push(axis),
            false => signal.push(axis),
        }
    }
    let fits = entries.len() == shape.len() && (1..=2).contains(&signal.len());
    fits.then(|| Axes::new(navigation, signal))
}

/// A file that knows its scan may not be given another one.
pub fn check_scan(path: &Path, options: &OpenOptions, axes: &Axes) -> Result<(), SourceError> {
    match options.scan {
        Some((ny, nx)) if axes.navigation_shape() != [ny, nx] => Err(SourceError::Invalid {
            what: format!(
                "{}: scan = ({ny}, {nx}) was given, the file has {}",
                path.display(),
                axes.shape_text()
            ),
            remedy: "leave `scan` out: the file knows its scan".into(),
        }),
        _ => Ok(()),
    }
}

/// What a file in hyperspy's form says about its signal.
pub fn describe(
    path: &Path,
    axes: Axes,
    element: ElementType,
    metadata: Value,
    original: Value,
    notes: Map<String, Value>,
) -> SignalMeta {
    let title = metadata["General"]["title"]
        .as_str()
        .filter(|title| !title.is_empty())
        .map_or_else(
            || {
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .unwrap_or_default()
            },
            str::to_owned,
        );
    let mut meta = SignalMeta::frames(title, axes, element);
    meta.signal_type = metadata["Signal"]["signal_type"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    // hyperspy writes `Intensity (Counts)`: the unit is in the brackets.
    if let Some(quantity) = metadata["Signal"]["quantity"].as_str() {
        let unit = quantity
            .rsplit_once('(')
            .and_then(|(_, rest)| rest.strip_suffix(')'));
        let unit = unit.unwrap_or(quantity);
        meta.value_units = if unit.eq_ignore_ascii_case("counts") {
            "counts".into()
        } else {
            unit.to_owned()
        };
    }
    let instrument = &metadata["Acquisition_instrument"];
    meta.beam_energy_kev = ["TEM", "SEM"]
        .iter()
        .find_map(|kind| json::number(&instrument[kind]["beam_energy"]))
        .filter(|energy| energy.is_finite() && *energy > 0.0);
    if let Value::Object(own) = &metadata["SignalTree"]["notes"] {
        meta.notes = own.clone();
    }
    if let Ok(caveats) = serde_json::from_value(metadata["SignalTree"]["caveats"].clone()) {
        meta.caveats = caveats;
    }
    meta.notes.extend(notes);
    meta.original = json!({"metadata": metadata, "original_metadata": original});
    meta
}
