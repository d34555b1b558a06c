//! Where a saved result says what it comes from.

use std::path::Path;

use serde_json::Value;
use signal::SourceError;

use crate::locate::locate;
use crate::numpy::npy;
use crate::numpy::npy_write::sidecar_of;
use crate::options::OpenOptions;
use crate::registry::open;
use crate::storage::json;

/// The provenance that was given when a file was written, `None` when it has none.
///
/// # Errors
/// As [`crate::open`].
pub fn provenance(path: &Path) -> Result<Option<Value>, SourceError> {
    let path = &locate(path)?;
    if path.join("Experiments").is_dir() {
        return Ok(text(&in_store(path)?));
    }
    if path.is_dir() {
        let header = json::read(&path.join("zarr.json"))?.unwrap_or_default();
        return Ok(present(header["attributes"]["provenance"].clone()));
    }
    if path.is_file() && sidecar_of(path).is_file() {
        return Ok(present(npy::sidecar(path)?["provenance"].clone()));
    }
    if crate::hyperspy::hspy::is_hdf5(path) {
        return Ok(text(&crate::hyperspy::hspy::metadata(path)?));
    }
    let source = open(path, &OpenOptions::default())?;
    Ok(text(&source.meta().original["metadata"]))
}

/// Name and unit of each column of saved peaks; empty for other files.
///
/// # Errors
/// As [`provenance`].
pub fn peak_columns(path: &Path) -> Result<Vec<(String, String)>, SourceError> {
    let path = &locate(path)?;
    let metadata = match path {
        _ if path.join("Experiments").is_dir() => in_store(path)?,
        _ if crate::hyperspy::hspy::is_hdf5(path) => crate::hyperspy::hspy::metadata(path)?,
        _ => return Ok(Vec::new()),
    };
    let own = &metadata["SignalTree"];
    let texts = |name: &str| {
        let all = own[name].as_array().into_iter().flatten();
        all.map(|text| text.as_str().unwrap_or_default().to_owned())
    };
    Ok(texts("columns").zip(texts("column_units")).collect())
}

/// Peaks cannot be opened as frames, and say where they come from all the same.
fn in_store(path: &Path) -> Result<Value, SourceError> {
    let (experiment, _) = crate::hyperspy::zspy::find_experiment(path, &OpenOptions::default())?;
    crate::hyperspy::dictionary::read(&experiment.join("metadata"))
}

/// hyperspy's metadata tree keeps it as text.
fn text(metadata: &Value) -> Option<Value> {
    let text = metadata["SignalTree"]["provenance"].as_str()?;
    serde_json::from_str(text).ok()
}

fn present(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}
