//! The formats of results, and what writes them.

use std::path::Path;

use signal::SourceError;

use crate::hyperspy::hspy_write::HspySink;
use crate::hyperspy::zspy_write::ZspySink;
use crate::numpy::npy_write::NpySink;
use crate::result::options::ResultFormat;
use crate::result::sink::Sink;
use crate::result::write_layout::WriteLayout;
use crate::zarr::write::ZarrSink;

/// Writes what a result has before its first value.
pub fn prepare(layout: &WriteLayout, result: &Path) -> Result<(), SourceError> {
    match layout.format {
        ResultFormat::Zspy => ZspySink::prepare(layout, result),
        ResultFormat::Zarr => ZarrSink::prepare(layout, result),
        ResultFormat::Npy => NpySink::prepare(layout, result),
        ResultFormat::Hspy => Ok(()),
    }
}

/// The files of a result that was prepared.
pub fn open_sink(layout: &WriteLayout, result: &Path) -> Result<Box<dyn Sink>, SourceError> {
    Ok(match layout.format {
        ResultFormat::Zspy => Box::new(ZspySink::open(layout, result)?),
        ResultFormat::Zarr => Box::new(ZarrSink::open(layout, result)?),
        ResultFormat::Npy => Box::new(NpySink::open(layout, result)?),
        ResultFormat::Hspy => Box::new(HspySink::create(layout, result)?),
    })
}
