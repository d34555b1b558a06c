//! hyperspy's `.zspy` stores, read-only.
//!
//! Specification: the RosettaSciIO documentation of the hierarchical formats `hspy` and `zspy`
//! (<https://hyperspy.org/rosettasciio/supported_formats/zspy.html>), format version 3.3. A store is a
//! Zarr 2 group `Experiments/<title>` with `data`, one group per axis, and two metadata trees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use signal::{Axes, Axis, SignalMeta, Source, SourceError};

use crate::dictionary;
use crate::format::{Candidate, Format, FormatInfo};
use crate::json;
use crate::options::{OpenOptions, usual_names};
use crate::registry::io_error;
use crate::units;
use crate::zarr_array::ArrayFolder;
use crate::zarr_chunks::ZarrFrames;

/// An axis given value by value is called uniform when no step differs more than this from the mean.
const UNIFORM_TOLERANCE: f64 = 1e-6;
/// Entries of a value-by-value axis that are read.
const MOST_AXIS_VALUES: u64 = 1 << 20;

pub struct Zspy;

impl Format for Zspy {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "zspy",
            extensions: &["zspy"],
            summary: "hyperspy signal in a Zarr folder: frames, calibrated axes, metadata.",
            specification: "https://hyperspy.org/rosettasciio/supported_formats/zspy.html",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        let store = candidate.holds(".zgroup") && candidate.path.join("Experiments").is_dir();
        let zipped = candidate.has_extension(self.info()) && candidate.head.starts_with(b"PK");
        store || zipped
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        if path.is_file() {
            return Err(SourceError::Unsupported {
                path: path.into(),
                reason: "it is a zipped store; unzip it into a folder with the same name".into(),
            });
        }
        let experiment = find_experiment(path, options)?;
        let folder = experiment.join("data");
        refuse_ragged(path, &experiment)?;
        let array = ArrayFolder::open(&folder)?.ok_or_else(|| SourceError::Decode {
            path: path.into(),
            place: format!("experiment {}", file_name(&experiment)),
            reason: "it has no array `data`".into(),
        })?;
        let mut notes = Map::new();
        let axes = read_axes(path, &experiment, &array.shape(), &mut notes)?;
        check_scan(path, options, &axes)?;
        options.check_signal_axes(path, &axes)?;
        let axes = options.replace_axes(path, axes)?;
        let metadata = dictionary::read(&experiment.join("metadata"))?;
        let original = dictionary::read(&experiment.join("original_metadata"))?;
        let meta = describe(path, axes, &array, metadata, original, notes)?;
        Ok(Arc::new(ZarrFrames::new(array, meta)?))
    }
}

/// The experiment to read: the one named by `dataset`, or the only one.
fn find_experiment(path: &Path, options: &OpenOptions) -> Result<PathBuf, SourceError> {
    let experiments = path.join("Experiments");
    let mut names: Vec<String> = std::fs::read_dir(&experiments)
        .map_err(|error| io_error(&experiments, &error))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| experiments.join(name).join(".zgroup").is_file())
        .collect();
    names.sort();
    let wanted = options.dataset.as_deref().map(|inside| {
        inside
            .trim_start_matches("Experiments/")
            .trim_end_matches("/data")
    });
    let chosen = match (wanted, names.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(wanted), _) => names.iter().find(|name| *name == wanted),
    };
    chosen
        .map(|name| experiments.join(name))
        .ok_or_else(|| SourceError::Invalid {
            what: format!(
                "{} holds {} experiments ({}){}",
                path.display(),
                names.len(),
                names.join(", "),
                wanted.map_or_else(String::new, |wanted| format!(", none is called `{wanted}`")),
            ),
            remedy: "name the one to read with `dataset`".into(),
        })
}

fn refuse_ragged(path: &Path, experiment: &Path) -> Result<(), SourceError> {
    let attributes = json::read(&experiment.join("attributes").join(".zattrs"))?;
    let ragged = attributes.is_some_and(|attributes| attributes["ragged"] == true);
    let array = json::read(&experiment.join("data").join(".zarray"))?.unwrap_or_default();
    if ragged || array["dtype"] == "|O" {
        return Err(SourceError::Unsupported {
            path: path.into(),
            reason: "it is a ragged signal (lists of different length, such as peaks); signals with frames of one shape are read".into(),
        });
    }
    Ok(())
}

fn check_scan(path: &Path, options: &OpenOptions, axes: &Axes) -> Result<(), SourceError> {
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

fn describe(
    path: &Path,
    axes: Axes,
    array: &ArrayFolder,
    metadata: Value,
    original: Value,
    notes: Map<String, Value>,
) -> Result<SignalMeta, SourceError> {
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
    let mut meta = SignalMeta::frames(title, axes, array.element()?);
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
    meta.notes.extend(notes);
    meta.original = json!({"metadata": metadata, "original_metadata": original});
    Ok(meta)
}

/// The axes of an experiment, in stored order: slowest first, navigation before signal.
fn read_axes(
    path: &Path,
    experiment: &Path,
    shape: &[usize],
    notes: &mut Map<String, Value>,
) -> Result<Axes, SourceError> {
    let mut navigation = Vec::new();
    let mut signal = Vec::new();
    for (at, size) in shape.iter().enumerate() {
        let folder = experiment.join(format!("axis-{at}"));
        let attributes = json::read(&folder.join(".zattrs"))?.ok_or_else(|| SourceError::Decode {
            path: path.into(),
            place: format!("axis-{at}"),
            reason: "the group of this axis is missing; open the file with hyperspy and save it again"
                .into(),
        })?;
        let axis = read_axis(path, &folder, &attributes, *size, at, notes)?;
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
    folder: &Path,
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
    let stored = attributes["size"].as_u64();
    if stored.is_some_and(|stored| stored != size as u64) {
        return Err(SourceError::Decode {
            path: path.into(),
            place: label,
            reason: format!(
                "it says {} entries, the array has {size}",
                stored.unwrap_or_default()
            ),
        });
    }
    let (scale, offset) = match attributes["_type"].as_str().unwrap_or("UniformDataAxis") {
        "UniformDataAxis" => (
            json::number(&attributes["scale"]).unwrap_or(1.0),
            json::number(&attributes["offset"]).unwrap_or(0.0),
        ),
        "DataAxis" => sampled_axis(path, folder, size, &label, notes)?,
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
    folder: &Path,
    size: usize,
    label: &str,
    notes: &mut Map<String, Value>,
) -> Result<(f64, f64), SourceError> {
    let values: Option<Vec<f64>> = ArrayFolder::open(&folder.join("axis"))?
        .and_then(|array| array.small_values(MOST_AXIS_VALUES))
        .map(|values| values.iter().filter_map(json::number).collect());
    let values = values
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

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
