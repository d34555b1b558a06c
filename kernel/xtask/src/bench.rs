//! `cargo xtask bench`: the benchmarks, with the profile everything else is built with.

use anyhow::Result;

use crate::process;

/// # Errors
/// When the build or a benchmark fails.
pub fn run(arguments: &[String]) -> Result<bool> {
    let mut command = process::command("cargo");
    command
        .args(["bench", "--profile", "release", "--package", "benches"])
        .args(arguments);
    process::run(&mut command)?;
    Ok(true)
}
