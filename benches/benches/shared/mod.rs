//! What the benchmarks of whole scans have in common.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use protocol::Command;
use serde_json::Value;
use session::Session;

pub type Failure = Box<dyn std::error::Error>;

/// The node a command made or worked on.
pub fn run(session: &Arc<Session>, command: Command) -> Result<u32, Failure> {
    let reply = session.command(command, &|| false, &mut |_| {});
    let reply = reply.map_err(|error| format!("{}; {}", error.message, error.hint))?;
    Ok(reply.node.unwrap_or_default())
}

pub fn remove(path: &Path) {
    let _ = std::fs::remove_dir_all(path);
    let _ = std::fs::remove_file(path);
}

/// Adds lines of JSON to a file.
pub fn append(path: &Path, lines: &[Value]) -> Result<(), Failure> {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    for line in lines {
        writeln!(file, "{line}")?;
    }
    Ok(())
}
