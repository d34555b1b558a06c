use std::path::Path;

use signal::SourceError;

use crate::error::io_error;

pub fn damaged(path: &Path, place: &str, error: &hdf5_reader::error::Error) -> SourceError {
    use hdf5_reader::error::Error;
    match error {
        Error::Io(error) => io_error(path, error),
        Error::UnexpectedEof {
            offset,
            needed,
            available,
        } => SourceError::Truncated {
            path: path.into(),
            expected_bytes: offset.saturating_add(*needed),
            found_bytes: offset.saturating_add(*available),
            place: place.into(),
        },
        error => SourceError::damaged(path, place, error.to_string()),
    }
}
