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
        return in_store(path);
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

/// Peaks cannot be opened as frames, and say where they come from all the same.
fn in_store(path: &Path) -> Result<Option<Value>, SourceError> {
    let (experiment, _) = crate::hyperspy::zspy::find_experiment(path, &OpenOptions::default())?;
    let tree = crate::hyperspy::dictionary::read(&experiment.join("metadata"))?;
    Ok(text(&tree))
}

/// hyperspy's metadata tree keeps it as text.
fn text(metadata: &Value) -> Option<Value> {
    let text = metadata["SignalTree"]["provenance"].as_str()?;
    serde_json::from_str(text).ok()
}

fn present(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}
