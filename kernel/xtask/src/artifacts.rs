//! What is built from this checkout: the widget, the kernel, its kernelspec, the sample.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::environment::Environment;
use crate::{process, project};

/// The bundle that the kernel carries; must exist before the kernel is built.
///
/// # Errors
/// What npm said.
pub fn build_widget() -> Result<()> {
    install_packages()?;
    process::run_quietly(
        process::command("npm")
            .args(["run", "build", "--silent"])
            .current_dir(project::widget()),
    )
    .context("could not build the widget")?;
    Ok(())
}

/// The bundle with the names of its functions, for a profile that can be read.
///
/// # Errors
/// What the bundler said.
pub fn named_widget() -> Result<PathBuf> {
    let folder = project::target().join("widget");
    process::run_quietly(
        process::command("node")
            .args(["build.mjs", "--named"])
            .arg(&folder)
            .current_dir(project::widget()),
    )
    .context("could not build the widget")?;
    Ok(folder)
}

/// `npm ci` when the lock file has changed since the last time.
fn install_packages() -> Result<()> {
    let lock = std::fs::read_to_string(project::widget().join("package-lock.json"))
        .context("widget/package-lock.json is missing")?;
    let stamp = project::widget().join("node_modules/.installed-lock.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    process::run_quietly(
        process::command("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(project::widget()),
    )
    .context("could not install the widget's packages")?;
    std::fs::write(stamp, lock)?;
    Ok(())
}

/// Always the same selection of crates, so that features unify once and the evaluator's
/// dependencies are compiled once for the kernel and for every test.
///
/// # Errors
/// When the build fails; cargo has said why.
pub fn build_workspace() -> Result<()> {
    process::run(process::command("cargo").args(["build", "--release", "--workspace", "--locked"]))
}

/// Also compiles what cells are built on, once for each version of the kernel.
///
/// # Errors
/// What `signaltree install` said.
pub fn install_kernelspec(environment: &Environment) -> Result<()> {
    process::run_quietly(
        process::command(project::kernel())
            .args(["install", "--prefix"])
            .arg(&environment.prefix),
    )
    .context("could not install the kernelspec")?;
    Ok(())
}

/// Writes the sample scan unless it is there.
///
/// # Errors
/// What `signaltree sample` said.
pub fn ensure_sample(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    process::run_quietly(
        process::command(project::kernel())
            .args(["sample", "strained-grain"])
            .arg(path),
    )
    .context("could not write the sample")?;
    Ok(())
}
