//! What the benchmarks of whole scans have in common.

#![allow(dead_code, reason = "each benchmark uses some of it")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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

/// Seconds that it takes.
pub fn timed(session: &Arc<Session>, command: Command) -> Result<f64, Failure> {
    let began = Instant::now();
    run(session, command)?;
    Ok(began.elapsed().as_secs_f64())
}

/// A node below another.
pub fn add(
    session: &Arc<Session>,
    parent: u32,
    operation: &str,
    params: Value,
) -> Result<u32, Failure> {
    let operation = operation.into();
    run(
        session,
        Command::AddNode {
            parents: vec![parent],
            operation,
            params,
        },
    )
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
