//! Colours in Zarr 2 stores, as records.

use std::path::Path;

use serde_json::{Value, json};
use signal::SourceError;

use crate::storage::pixel::zarr_pixel;

/// The header of an array of colours as one of their numbers, with rows that are as many times as long: name and bytes of
/// each chunk are the same, and `zarrs` knows no records. That of other arrays as it is.
///
/// # Errors
/// [`SourceError::Unsupported`] where colours do not lie in rows, or absent ones are not black.
pub fn in_numbers(path: &Path, mut metadata: Value) -> Result<Value, SourceError> {
    let pixel = zarr_pixel(&metadata);
    let channels = pixel.as_ref().map_or(1, |pixel| pixel.element.channels());
    if channels == 1 {
        return Ok(metadata);
    }
    let refused = |what: &str| {
        let remedy = "write it again, in Python for example `import hyperspy.api as hs; hs.load(FILE).save(\"again.zspy\")`";
        SourceError::unsupported(path, what, remedy)
    };
    if metadata["order"] != "C" {
        return Err(refused("its colours lie column by column (order F)"));
    }
    // The bytes of one pixel, in base64.
    let fill = metadata["fill_value"].as_str().unwrap_or_default();
    if !fill.trim_end_matches('=').chars().all(|digit| digit == 'A') {
        return Err(refused("its absent colours are not black"));
    }
    for sizes in ["shape", "chunks"] {
        let sizes = metadata[sizes].as_array_mut();
        if let Some(last) = sizes.and_then(|sizes| sizes.last_mut()) {
            let size = last
                .as_u64()
                .and_then(|size| size.checked_mul(channels as u64));
            *last = json!(size);
        }
    }
    metadata["dtype"] = metadata["dtype"][0][1].take();
    metadata["fill_value"] = json!(0);
    Ok(metadata)
}
