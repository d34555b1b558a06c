//! A result as files describe it: axes of the array, hyperspy's metadata trees, our own conventions.

use crate::metadata::axes::axis_names;
use crate::metadata::tree::COMPONENT;
use serde_json::{Map, Value, json};
use signal::{Axis, Component, Peaks, SignalKind, SignalMeta};

/// Where hyperspy keeps the metadata of stacked signals.
const STACK: &str = "stack_elements";

/// Axes of the array in the file, slowest first, with whether they navigate for hyperspy.
pub fn file_axes(meta: &SignalMeta) -> Vec<(Axis, bool)> {
    match meta.kind {
        SignalKind::Frame => frame_axes(meta),
        SignalKind::Map => map_axes(meta),
        SignalKind::Peaks => navigating(&meta.axes.navigation),
    }
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

/// `(component, … | y, x)`, or `( | y, x)` of a map of one component: the scan axes of a map are the signal axes of
/// its images.
fn map_axes(meta: &SignalMeta) -> Vec<(Axis, bool)> {
    let scan = &meta.axes.navigation;
    let images = scan.len().saturating_sub(2);
    let stack =
        is_stack(meta).then(|| Axis::new(COMPONENT, meta.components.len().max(1), 1.0, 0.0, ""));
    let scan = (scan.iter().enumerate()).map(|(at, axis)| (axis.clone(), at < images));
    stack
        .map(|axis| (axis, true))
        .into_iter()
        .chain(scan)
        .collect()
}

/// Whether the images of a map lie along an axis of their own.
pub fn is_stack(meta: &SignalMeta) -> bool {
    meta.kind == SignalKind::Map && (meta.components.len() != 1 || meta.axes.navigation.is_empty())
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
    if let Some(names) = axis_names(&meta.axes) {
        own["axis_names"] = names;
    }
    if meta.kind == SignalKind::Map {
        own["components"] = json!(meta.components);
        if !meta.composites.is_empty() {
            own["composites"] = json!(meta.composites);
        }
        let names: Vec<&str> = meta
            .components
            .iter()
            .map(|component| component.name.as_str())
            .collect();
        own["component_names"] = json!(names);
    }
    if meta.kind == SignalKind::Peaks {
        own["columns"] = json!(Peaks::COLUMNS);
        let unit = |column| Peaks::unit(column, &meta.value_units);
        own["column_units"] = json!(Peaks::COLUMNS.map(unit));
        own["pattern_axes"] = json!(meta.axes.signal);
    }
    if !provenance.is_null() {
        // As text: hyperspy would turn lists of different things into lists of texts.
        own["provenance"] = json!(provenance.to_string());
    }
    let mut tree = object(json!({
        "General": {"title": title(meta)},
        "Signal": {"signal_type": signal_type},
        "SignalTree": own,
    }));
    match (meta.kind, meta.components.as_slice()) {
        (SignalKind::Frame, _) => {
            tree["Signal"]["quantity"] = json!(quantity("Intensity", &meta.value_units));
        }
        (SignalKind::Map, [only]) => {
            tree["Signal"]["quantity"] = json!(quantity(&only.title, &only.units));
        }
        _ => {}
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

/// The images of a map are named in the title, which is what hyperspy shows of a signal.
fn title(meta: &SignalMeta) -> String {
    match is_stack(meta) && !meta.components.is_empty() {
        true => format!("{} ({})", meta.title, names(&meta.components)),
        false => meta.title.clone(),
    }
}

/// `ε_xx, ε_yy`
pub fn names(components: &[Component]) -> String {
    let names: Vec<&str> = (components.iter())
        .map(|component| component.title.as_str())
        .collect();
    names.join(", ")
}

/// As hyperspy labels values: `Intensity (Counts)`.
fn quantity(name: &str, units: &str) -> String {
    match units {
        "" => name.to_owned(),
        "counts" => format!("{name} (Counts)"),
        units => format!("{name} ({units})"),
    }
}

/// hyperspy's two trees of metadata. A map of several images says of itself that they are stacked, as `hs.stack` does:
/// `signal.split()` gives them one by one, each with its title and quantity.
pub fn hyperspy_trees(
    meta: &SignalMeta,
    provenance: &Value,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut tree, mut original) = (metadata(meta, provenance), original(meta));
    if !is_stack(meta) || meta.components.is_empty() {
        return (tree, original);
    }
    let slower = meta.axes.navigation.len().saturating_sub(2);
    tree.insert(
        "_HyperSpy".into(),
        json!({"Stacking_history": {"axis": slower, "step_sizes": 1}}),
    );
    let elements = (meta.components.iter().enumerate()).map(|(at, component)| {
        let element = json!({
            "metadata": {
                "General": {"title": format!("{} of {}", component.title, meta.title)},
                "Signal": {"signal_type": "", "quantity": quantity(&component.title, &component.units)},
                "SignalTree": {"component": component},
                // Without it hyperspy does not print what `split` gives.
                "_HyperSpy": {"Folding": {"unfolded": false, "signal_unfolded": false,
                    "original_shape": null, "original_axes_manager": null}},
            },
            "original_metadata": {},
        });
        (format!("element{at}"), element)
    });
    original.insert(STACK.into(), Value::Object(elements.collect()));
    (tree, original)
}

/// The tree of the file the signal came from, unchanged.
pub fn original(meta: &SignalMeta) -> Map<String, Value> {
    let mut tree = original_tree(meta);
    // What we have said of the images of that file is not so of those of another.
    if tree
        .get(STACK)
        .is_some_and(|stack| stack["element0"]["metadata"]["SignalTree"].is_object())
    {
        tree.remove(STACK);
    }
    tree
}

fn original_tree(meta: &SignalMeta) -> Map<String, Value> {
    let tree = match &meta.original["original_metadata"] {
        Value::Object(tree) => tree,
        _ => match &meta.original {
            Value::Object(tree) => tree,
            _ => return Map::new(),
        },
    };
    tree.clone()
}
