//! A result as files describe it: axes of the array, hyperspy's metadata trees, our own conventions.

use serde_json::{Map, Value, json};
use signal::{Axis, SignalKind, SignalMeta};

/// Columns of one list of peaks, in this order.
pub const PEAK_COLUMNS: [&str; 4] = ["ky", "kx", "intensity", "score"];

/// Axes of the array in the file, slowest first, with whether they navigate for hyperspy.
pub fn file_axes(meta: &SignalMeta) -> Vec<(Axis, bool)> {
    match meta.kind {
        SignalKind::Frame => frame_axes(meta),
        SignalKind::Map => map_axes(meta),
        SignalKind::Peaks => navigating(&meta.axes.navigation),
    }
}

/// Attributes of one axis in hyperspy's tree.
pub fn axis_attributes(axis: &Axis, navigate: bool) -> Map<String, Value> {
    object(json!({
        "_type": "UniformDataAxis",
        "name": axis.name,
        "units": if axis.units.is_empty() { "_None_" } else { axis.units.as_str() },
        "navigate": navigate,
        "is_binned": false,
        "size": axis.size,
        "scale": axis.scale,
        "offset": axis.offset,
    }))
}

/// hyperspy's rule: the title without slashes.
pub fn experiment_name(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|character| match character {
            '/' | '\\' => '-',
            character if character.is_control() => ' ',
            character => character,
        })
        .take(80)
        .collect();
    match name.trim().trim_start_matches('.') {
        "" => "__unnamed__".into(),
        name => name.into(),
    }
}

fn navigating(axes: &[Axis]) -> Vec<(Axis, bool)> {
    axes.iter().map(|axis| (axis.clone(), true)).collect()
}

fn frame_axes(meta: &SignalMeta) -> Vec<(Axis, bool)> {
    let signal = meta.axes.signal.iter().map(|axis| (axis.clone(), false));
    navigating(&meta.axes.navigation)
        .into_iter()
        .chain(signal)
        .collect()
}

/// `(component, … | y, x)`: the scan axes of a map are the signal axes of its images.
fn map_axes(meta: &SignalMeta) -> Vec<(Axis, bool)> {
    let scan = &meta.axes.navigation;
    let images = scan.len().saturating_sub(2);
    let component = Axis::new("component", meta.components.len().max(1), 1.0, 0.0, "");
    std::iter::once((component, true))
        .chain(
            scan.iter()
                .enumerate()
                .map(|(at, axis)| (axis.clone(), at < images)),
        )
        .collect()
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// hyperspy's `metadata` tree; our own conventions are below `SignalTree`.
pub fn metadata(meta: &SignalMeta, provenance: &Value) -> Map<String, Value> {
    let signal_type = match meta.kind {
        SignalKind::Frame => meta.signal_type.as_str(),
        // A strain map or a list of peaks is no diffraction pattern any more.
        SignalKind::Map | SignalKind::Peaks => "",
    };
    let mut own = json!({
        "kind": meta.kind,
        "value_units": meta.value_units,
        "notes": meta.notes,
        "caveats": meta.caveats,
    });
    if meta.kind == SignalKind::Map {
        own["components"] = json!(meta.components);
        let names: Vec<&str> = meta
            .components
            .iter()
            .map(|component| component.name.as_str())
            .collect();
        own["component_names"] = json!(names);
    }
    if meta.kind == SignalKind::Peaks {
        own["columns"] = json!(PEAK_COLUMNS);
        own["column_units"] = json!(["px", "px", "counts", ""]);
        own["pattern_axes"] = json!(meta.axes.signal);
    }
    if !provenance.is_null() {
        // As text: hyperspy would turn lists of different things into lists of texts.
        own["provenance"] = json!(provenance.to_string());
    }
    let mut tree = object(json!({
        "General": {"title": meta.title},
        "Signal": {"signal_type": signal_type},
        "SignalTree": own,
    }));
    if meta.kind == SignalKind::Frame {
        tree["Signal"]["quantity"] = json!(match meta.value_units.as_str() {
            "counts" => "Intensity (Counts)".to_owned(),
            units => format!("Intensity ({units})"),
        });
    }
    let mut instrument = meta.original["metadata"]["Acquisition_instrument"].clone();
    if let Some(energy) = meta.beam_energy_kev {
        if !instrument.is_object() {
            instrument = json!({});
        }
        let kind = match instrument["SEM"].is_object() && !instrument["TEM"].is_object() {
            true => "SEM",
            false => "TEM",
        };
        if !instrument[kind].is_object() {
            instrument[kind] = json!({});
        }
        instrument[kind]["beam_energy"] = json!(energy);
    }
    if instrument.is_object() {
        tree.insert("Acquisition_instrument".into(), instrument);
    }
    tree
}

/// The tree of the file the signal came from, unchanged.
pub fn original(meta: &SignalMeta) -> Map<String, Value> {
    let tree = match &meta.original["original_metadata"] {
        Value::Object(tree) => tree,
        _ => match &meta.original {
            Value::Object(tree) => tree,
            _ => return Map::new(),
        },
    };
    tree.clone()
}
