use std::path::Path;
use std::sync::Arc;

use protocol::{CommandReply, OpenOptions, WireError};

use super::values;
use crate::journal::{self, Stamp};
use crate::session::Opened;
use crate::{Session, caveats, code, convert, cost, lock};

/// Opens a file: its header is read, no pixel.
pub(crate) fn open(
    session: &Arc<Session>,
    written: &str,
    options: &OpenOptions,
) -> Result<CommandReply, WireError> {
    let path = &io::locate(Path::new(written)).map_err(|error| convert::source_error(&error))?;
    let source = session.files.open(path, options)?;
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
    session.notify_tree();
    cost::measure(session, node);
    values::described(session, node).map(|reply| caveats::with_remarks(session, reply, &[node]))
}
