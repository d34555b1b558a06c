//! The formats of results, and what writes them.

use std::path::Path;

use signal::SourceError;

use crate::hyperspy::hspy_write::HspySink;
use crate::hyperspy::zspy_write::ZspySink;
use crate::numpy::npy_write::NpySink;
use crate::result::options::ResultFormat;
use crate::result::plan::Plan;
use crate::result::sink::Sink;
use crate::zarr::write::ZarrSink;

/// Writes what a result has before its first value.
pub fn prepare(plan: &Plan, result: &Path) -> Result<(), SourceError> {
    match plan.format {
        ResultFormat::Zspy => ZspySink::prepare(plan, result),
        ResultFormat::Zarr => ZarrSink::prepare(plan, result),
        ResultFormat::Npy => NpySink::prepare(plan, result),
        ResultFormat::Hspy => Ok(()),
    }
}

/// The files of a result that was prepared.
pub fn open_sink(plan: &Plan, result: &Path) -> Result<Box<dyn Sink>, SourceError> {
    Ok(match plan.format {
        ResultFormat::Zspy => Box::new(ZspySink::open(plan, result)?),
        ResultFormat::Zarr => Box::new(ZarrSink::open(plan, result)?),
        ResultFormat::Npy => Box::new(NpySink::open(plan, result)?),
        ResultFormat::Hspy => Box::new(HspySink::create(plan, result)?),
    })
}
