//! Provenance out of a saved file.

use std::path::Path;

use protocol::WireError;

use super::{Provenance, parse};
use crate::convert;

/// `None` when the file does not say how it was made.
///
/// # Errors
/// [`WireError`] when the file cannot be read, or says it in a version that is not known here.
pub(crate) fn read(path: &Path) -> Result<Option<Provenance>, WireError> {
    let value = io::provenance(path).map_err(|error| convert::source_error(&error))?;
    value.map(|value| parse(&value, path)).transpose()
}
