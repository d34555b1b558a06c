//! hyperspy's description of a signal, wherever it is stored (`.zspy`, `.hspy`, attributes of our `.zarr`).

use std::path::Path;

use serde_json::{Value, json};
use signal::{Axes, Caveat, ElementType, SignalMeta, SourceError};

use crate::metadata::axes::take_axis_names;
use crate::options::OpenOptions;
use crate::storage::json;

/// The axis along which the images of a map lie.
pub const COMPONENT: &str = "component";

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

/// The images of a map that are read as frames lie along an axis of their titles.
fn name_components(axes: &mut Axes, components: &Value) {
    let titles = components.as_array().into_iter().flatten();
    let titles: Option<Vec<String>> = titles
        .map(|component| component["title"].as_str().map(str::to_owned))
        .collect();
    let axes = axes.navigation.iter_mut().chain(&mut axes.signal);
    for axis in axes.filter(|axis| axis.name == COMPONENT) {
        match &titles {
            Some(titles) if titles.len() == axis.size => axis.names = titles.clone(),
            _ => {}
        }
    }
}

/// What a file in hyperspy's form says about its signal.
pub fn describe(
    path: &Path,
    axes: Axes,
    element: ElementType,
    metadata: Value,
    original: Value,
    caveats: Vec<Caveat>,
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
    let mut axes = axes;
    let own = &metadata["SignalTree"];
    let mut caveats = caveats;
    caveats.extend(take_axis_names(&mut axes, &own["axis_names"]));
    if own["kind"] == "map" {
        name_components(&mut axes, &own["components"]);
    }
    let mut meta = SignalMeta::frames(title, axes, element);
    meta.signal_type = metadata["Signal"]["signal_type"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    // hyperspy writes `Intensity (Counts)`: the unit is in the brackets.
    let quantity = metadata["Signal"]["quantity"].as_str();
    let in_brackets = quantity
        .and_then(|quantity| quantity.rsplit_once('('))
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    let own = metadata["SignalTree"]["value_units"].as_str();
    if let Some(unit) = in_brackets.or(own).or(quantity) {
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
    // What we have saved says it more exactly; the images of a map are counted, not measured.
    if let Some(units) = metadata["SignalTree"]["value_units"].as_str() {
        meta.value_units = units.to_owned();
    }
    if metadata["SignalTree"]["kind"] == "map" {
        let axes = meta.axes.navigation.iter_mut().chain(&mut meta.axes.signal);
        for axis in axes.filter(|axis| axis.name == COMPONENT) {
            axis.units.clear();
        }
    }
    if let Value::Object(own) = &metadata["SignalTree"]["notes"] {
        meta.notes = own.clone();
    }
    if let Ok(caveats) = serde_json::from_value(metadata["SignalTree"]["caveats"].clone()) {
        meta.caveats = caveats;
    }
    for caveat in caveats {
        meta.add_caveat(caveat);
    }
    meta.original = json!({"metadata": metadata, "original_metadata": original});
    meta
}
