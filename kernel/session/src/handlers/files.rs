use std::path::Path;
use std::sync::Arc;

use protocol::{CommandReply, OpenOptions, WireError};

use super::values;
use crate::journal::{self, Stamp};
use crate::session::Opened;
use crate::{Session, code, convert, cost, lock};

/// Opens a file: its header is read, no pixel.
pub(crate) fn open(
    session: &Arc<Session>,
    written: &str,
    options: &OpenOptions,
) -> Result<CommandReply, WireError> {
    let path = Path::new(written);
    let source = source(path, options)?;
    let stem = path
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let name = code::identifier(&stem);
    let node = session
        .tree
        .add_source(&name, source)
        .map_err(convert::tree_error)?;
    let opened = Opened {
        written: written.to_owned(),
        path: journal::absolute(path),
        options: options.clone(),
        stamp: Stamp::of(path),
    };
    lock(&session.opened).insert(node, opened);
    session.tell_tree();
    cost::measure(session, node);
    values::described(session, node)
}

/// Reads the header of a file.
pub(crate) fn source(
    path: &Path,
    options: &OpenOptions,
) -> Result<Arc<dyn signal::Source>, WireError> {
    let fail = |error: signal::SourceError| convert::source_error(&error);
    let mut io_options = convert::open_options(options);
    let source = io::open(path, &io_options).map_err(fail)?;
    let Some(given) = &options.axes else {
        return Ok(source);
    };
    io_options.axes = Some(convert::axes_of(given, &source.meta().axes)?);
    io::open(path, &io_options).map_err(fail)
}
