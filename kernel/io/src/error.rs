//! Faults of the operating system, with the file they are of.

use std::path::Path;

use signal::SourceError;

pub fn io_error(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::Io {
        path: path.into(),
        reason: error.to_string(),
    }
}
