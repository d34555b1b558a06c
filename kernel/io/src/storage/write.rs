//! Small files written whole.

use std::path::Path;

use serde_json::Value;
use signal::SourceError;

use crate::error::io_error;

pub fn write_json(path: &Path, value: &Value) -> Result<(), SourceError> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| SourceError::Io {
        path: path.into(),
        reason: error.to_string(),
    })?;
    std::fs::write(path, text).map_err(|error| io_error(path, &error))
}

pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SourceError> {
    let written = std::fs::write(path, bytes).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, bytes)
        }
        _ => Err(error),
    });
    written.map_err(|error| io_error(path, &error))
}
