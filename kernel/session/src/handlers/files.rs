use std::path::Path;

use protocol::{CommandReply, OpenOptions, WireError};

use super::values;
use crate::session::Opened;
use crate::{Session, code, convert, lock};

/// Opens a file: its header is read, no pixel.
pub(crate) fn open(
    session: &Session,
    written: &str,
    options: &OpenOptions,
) -> Result<CommandReply, WireError> {
    let path = Path::new(written);
    let fail = |error: signal::SourceError| convert::source_error(&error);
    let mut io_options = convert::open_options(options);
    let mut source = io::open(path, &io_options).map_err(fail)?;
    if let Some(given) = &options.axes {
        io_options.axes = Some(convert::axes_of(given, &source.meta().axes)?);
        source = io::open(path, &io_options).map_err(fail)?;
    }
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
        path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        options: options.clone(),
    };
    lock(&session.opened).insert(node, opened);
    session.tell_tree();
    values::described(session, node)
}
