//! What a written `.zspy` store looks like: groups, axes, metadata, chunk shapes.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use signal::{Axis, ElementType, NavigationIndex, SignalKind, SignalMeta, SourceError};

use crate::dictionary::{write, write_array_header, write_group};

/// Bytes of the frames in one chunk: one read of a drag decodes little more than it shows.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes of one chunk of a map.
const MAP_CHUNK_BYTES: usize = 4 << 20;
/// Scan positions in one chunk of peaks.
const PEAK_POSITIONS: usize = 256;
/// Columns of one list of peaks, in this order.
pub const PEAK_COLUMNS: [&str; 4] = ["ky", "kx", "intensity", "score"];

/// One array of the store: axes of the file and how it is cut into chunks.
pub struct Layout {
    pub folder: PathBuf,
    /// Axes as hyperspy sees them, with whether they navigate.
    pub axes: Vec<(Axis, bool)>,
    pub shape: Vec<usize>,
    pub chunks: Vec<usize>,
    /// Scan positions in one chunk along the fastest navigation axis.
    pub run: usize,
}

impl Layout {
    /// `experiment` is the folder of the experiment inside the store.
    pub fn new(experiment: &Path, meta: &SignalMeta) -> Self {
        let navigation = meta.axes.navigation_shape();
        let fastest = navigation.last().copied().unwrap_or(1);
        let (axes, chunks, run) = match meta.kind {
            SignalKind::Frame => {
                let frame_bytes = meta.axes.frame_len() * meta.element.size_bytes();
                let run = (CHUNK_BYTES / frame_bytes.max(1)).clamp(1, fastest);
                let chunks = runs(&navigation, run)
                    .into_iter()
                    .chain(meta.axes.signal_shape())
                    .collect();
                (frame_axes(meta), chunks, run)
            }
            SignalKind::Map => (map_axes(meta), map_chunks(meta), 1),
            SignalKind::Peaks => {
                let run = PEAK_POSITIONS.clamp(1, fastest);
                let axes = navigating(&meta.axes.navigation);
                (axes, runs(&navigation, run), run)
            }
        };
        Layout {
            folder: experiment.join("data"),
            shape: axes.iter().map(|(axis, _)| axis.size).collect(),
            axes,
            chunks,
            run,
        }
    }

    /// Chunks along the fastest navigation axis.
    fn runs(&self, navigation: &[usize]) -> usize {
        navigation.last().map_or(1, |size| size.div_ceil(self.run))
    }

    /// Number of the chunk that holds a position, and the place of the position in it.
    pub fn place(&self, navigation: &[usize], at: NavigationIndex) -> (usize, usize) {
        let Some(fastest) = navigation.last() else {
            return (0, 0);
        };
        let flat = at.flat(navigation);
        let chunk = flat / fastest * self.runs(navigation) + flat % fastest / self.run;
        (chunk, flat % fastest % self.run)
    }

    /// Positions that exist in a chunk: the last one of a row may be shorter.
    pub fn positions(&self, navigation: &[usize], chunk: usize) -> usize {
        let Some(fastest) = navigation.last() else {
            return 1;
        };
        let first = chunk % self.runs(navigation) * self.run;
        self.run.min(fastest - first)
    }

    /// Chunk file of a chunk of frames or peaks.
    pub fn file(&self, navigation: &[usize], chunk: usize) -> PathBuf {
        let Some((_, slower)) = navigation.split_last() else {
            return self.file_at(vec![0; self.shape.len()]);
        };
        let row = NavigationIndex::from_flat(chunk / self.runs(navigation), slower);
        let mut indices = row.as_slice().to_vec();
        indices.push(chunk % self.runs(navigation));
        indices.resize(self.shape.len(), 0);
        self.file_at(indices)
    }

    pub fn file_at(&self, indices: Vec<usize>) -> PathBuf {
        let mut path = self.folder.clone();
        path.extend(indices.iter().map(usize::to_string));
        path
    }
}

/// One position along every navigation axis but the fastest, `run` along that.
fn runs(navigation: &[usize], run: usize) -> Vec<usize> {
    let mut chunks = vec![1; navigation.len()];
    if let Some(fastest) = chunks.last_mut() {
        *fastest = run;
    }
    chunks
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

/// One component per chunk, as many rows of it as fit.
fn map_chunks(meta: &SignalMeta) -> Vec<usize> {
    let scan = meta.axes.navigation_shape();
    let mut left = MAP_CHUNK_BYTES / ElementType::F32.size_bytes();
    let mut chunks: Vec<usize> = scan
        .iter()
        .rev()
        .map(|size| {
            let taken = left.clamp(1, *size);
            left /= taken;
            taken
        })
        .collect();
    chunks.push(1);
    chunks.reverse();
    chunks
}

/// hyperspy's default compressor.
pub fn compressor() -> Value {
    json!({"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1, "blocksize": 0})
}

/// Writes every group of the store and the header of its arrays; no chunk.
///
/// # Errors
/// [`SourceError::Io`] naming the file that could not be written.
pub fn write_store(
    root: &Path,
    experiment: &Path,
    meta: &SignalMeta,
    layout: &Layout,
) -> Result<(), SourceError> {
    write_group(
        root,
        &object(json!({"file_format": "ZSpy", "file_format_version": "3.3"})),
    )?;
    write_group(&root.join("Experiments"), &Map::new())?;
    // hyperspy warns at every load about a `package` that is not a Python package: left out.
    write_group(experiment, &Map::new())?;
    for (at, (axis, navigate)) in layout.axes.iter().enumerate() {
        let attributes = json!({
            "_type": "UniformDataAxis",
            "name": axis.name,
            "units": if axis.units.is_empty() { "_None_" } else { axis.units.as_str() },
            "navigate": navigate,
            "is_binned": false,
            "size": axis.size,
            "scale": axis.scale,
            "offset": axis.offset,
        });
        write_group(&experiment.join(format!("axis-{at}")), &object(attributes))?;
    }
    write(&experiment.join("metadata"), &metadata(meta))?;
    write(&experiment.join("original_metadata"), &original(meta))?;
    let ragged = meta.kind == SignalKind::Peaks;
    write_group(
        &experiment.join("attributes"),
        &object(json!({"_lazy": false, "ragged": ragged})),
    )?;
    if ragged {
        return write_ragged_headers(experiment, layout);
    }
    write_array_header(
        &layout.folder,
        &dtype(meta.element),
        &layout.shape,
        &layout.chunks,
        &compressor(),
        &if meta.element.is_float() {
            json!(0.0)
        } else {
            json!(0)
        },
        None,
    )
}

/// Ragged arrays: flattened lists beside the shape of each, both of objects (numcodecs `vlen-array`).
fn write_ragged_headers(experiment: &Path, layout: &Layout) -> Result<(), SourceError> {
    for (name, dtype) in [("data", "<f4"), ("_ragged_shapes_data", "<i8")] {
        write_array_header(
            &experiment.join(name),
            "|O",
            &layout.shape,
            &layout.chunks,
            &Value::Null,
            &json!(0),
            Some(json!([{"id": "vlen-array", "dtype": dtype}])),
        )?;
    }
    Ok(())
}

/// numpy's spelling, little-endian.
fn dtype(element: ElementType) -> String {
    let order = if element.size_bytes() == 1 { '|' } else { '<' };
    let name = element.name();
    format!("{order}{}{}", &name[..1], element.size_bytes())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// hyperspy's `metadata` tree; our own conventions are below `SignalTree`.
fn metadata(meta: &SignalMeta) -> Map<String, Value> {
    let signal_type = match meta.kind {
        SignalKind::Frame => meta.signal_type.as_str(),
        // A strain map or a list of peaks is no diffraction pattern any more.
        SignalKind::Map | SignalKind::Peaks => "",
    };
    let mut own = json!({
        "kind": meta.kind,
        "value_units": meta.value_units,
        "notes": meta.notes,
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
fn original(meta: &SignalMeta) -> Map<String, Value> {
    let tree = match &meta.original["original_metadata"] {
        Value::Object(tree) => tree,
        _ => match &meta.original {
            Value::Object(tree) => tree,
            _ => return Map::new(),
        },
    };
    tree.clone()
}
