//! `cargo xtask bench`: the benchmarks, with the profile everything else is built with.
//!
//! `bench kernel` compares the kernel with ipykernel and evcxr_jupyter: `benches/kernel/compare.py`,
//! whose options may follow. `--no-build` takes the kernel as it was built last.
//! `bench viewer` drags through scans in JupyterLab, beside a relay that draws nothing: `benches/viewer/compare.mjs`.
//! `bench peers` runs the same work in hyperspy, pyxem, LiberTEM, py4DSTEM and numpy: `benches/peers/compare.py`.

use anyhow::{Result, anyhow};

use crate::environment::{Environment, keep_private};
use crate::{artifacts, chromium, process, project, toolchain};

/// # Errors
/// When the build or a benchmark fails.
pub fn run(arguments: &[String]) -> Result<bool> {
    match arguments.split_first() {
        Some((first, rest)) if first == "kernel" => compare_kernels(rest),
        Some((first, rest)) if first == "peers" => compare_peers(rest),
        Some((first, rest)) if first == "viewer" => compare_viewer(rest),
        _ => engine(arguments),
    }
}

fn engine(arguments: &[String]) -> Result<bool> {
    let mut command = process::command("cargo");
    command
        .args(["bench", "--profile", "release", "--package", "benches"])
        .args(arguments);
    process::run(&mut command)?;
    Ok(true)
}

/// `false` when a bound is not met; the table has said which.
fn compare_kernels(arguments: &[String]) -> Result<bool> {
    let toolchain = toolchain::check()?;
    let environment = Environment::lab(&toolchain.python, true)?;
    let options = built(arguments)?;
    let mut command = process::command(environment.program("python"));
    command.arg("benches/kernel/compare.py").args(options);
    Ok(command.status()?.success())
}

/// Builds widget and kernel unless `--no-build` is among the arguments; gives back the others.
fn built(arguments: &[String]) -> Result<Vec<&String>> {
    let (no_build, options): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .partition(|argument| *argument == "--no-build");
    if no_build.is_empty() {
        artifacts::build_widget()?;
        artifacts::build_workspace()?;
    }
    Ok(options)
}

/// `false` when a bound is not met; the table has said which.
fn compare_viewer(arguments: &[String]) -> Result<bool> {
    let toolchain = toolchain::check()?;
    let chromium = chromium::find_or_install().map_err(|reason| anyhow!(reason))?;
    let environment = Environment::lab(&toolchain.python, true)?;
    let options = built(arguments)?;
    artifacts::install_kernelspec(&environment)?;
    let bundle = artifacts::named_widget()?;
    let mut command = process::command("node");
    command
        .arg("benches/viewer/compare.mjs")
        .arg("--jupyter")
        .arg(environment.program("jupyter"))
        .args(options)
        .env("CHROMIUM", chromium)
        .env("SIGNALTREE_WIDGET_DIR", bundle);
    keep_private(&mut command, &project::target().join("viewer"));
    Ok(command.status()?.success())
}

/// `false` when a bound is not met; the table has said which.
fn compare_peers(arguments: &[String]) -> Result<bool> {
    let toolchain = toolchain::check()?;
    let environment = Environment::peers(&toolchain.python)?;
    let mut command = process::command(environment.program("python"));
    command.arg("benches/peers/compare.py").args(arguments);
    Ok(command.status()?.success())
}
