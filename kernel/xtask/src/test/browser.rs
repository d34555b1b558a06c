//! The parts of the tests that run in headless Chromium: `tests/browser/*.mjs`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::environment::Environment;
use crate::report::Counts;
use crate::{artifacts, process, project};

/// Opens the exported notebooks with every request blocked: the pictures must be there.
///
/// # Errors
/// When the script cannot run.
pub fn offline_pages(chromium: &Path) -> Result<Counts> {
    let mut command = script("offline.mjs", chromium);
    command.args(
        project::NOTEBOOKS
            .iter()
            .map(|name| super::notebooks::folder().join(name).with_extension("html")),
    );
    watch(&mut command, Duration::from_secs(180))
}

/// A person's whole way through the second notebook, in real JupyterLab.
///
/// # Errors
/// When the script cannot run.
pub fn journey(chromium: &Path, environment: &Environment) -> Result<Counts> {
    let folder = project::target().join("journey");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    artifacts::ensure_sample(&folder.join(project::SAMPLE))?;
    let notebook = project::FIRST_NOTEBOOK;
    fs::copy(project::notebooks().join(notebook), folder.join(notebook))
        .with_context(|| format!("could not copy {notebook}"))?;
    let mut command = script("journey.mjs", chromium);
    command
        .arg(environment.program("jupyter"))
        .arg(&folder)
        .arg(notebook);
    super::private(&mut command);
    watch(&mut command, Duration::from_secs(900))
}

/// What is drawn is what was computed, and nothing is rebuilt under the hands.
///
/// # Errors
/// When the script cannot run.
pub fn screen(chromium: &Path, environment: &Environment) -> Result<Counts> {
    let folder = project::target().join("screen");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    artifacts::ensure_sample(&folder.join(project::SAMPLE))?;
    let mut command = script("screen.mjs", chromium);
    command
        .arg(environment.program("jupyter"))
        .arg(&folder)
        .arg(project::SAMPLE);
    super::private(&mut command);
    watch(&mut command, Duration::from_secs(600))
}

/// Maps: saved ones, lines, single positions, and the picture in the notebook after a reload.
///
/// # Errors
/// When the script cannot run.
pub fn maps(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("maps", chromium, environment)
}

/// Parts of scans: their navigators, and the crosshair from one scan to another.
///
/// # Errors
/// When the script cannot run.
pub fn scans(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("scans", chromium, environment)
}

/// Complex numbers, stacks of images, components of a model, one number at each position.
///
/// # Errors
/// When the script cannot run.
pub fn wide(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("wide", chromium, environment)
}

/// Images of colours, and levels of images that follow each other.
///
/// # Errors
/// When the script cannot run.
pub fn colours(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("colours", chromium, environment)
}

/// Detectors placed by a stretch of an axis or by vertices.
///
/// # Errors
/// When the script cannot run.
pub fn shapes(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("shapes", chromium, environment)
}

/// Parameters that are files, pairs and places.
///
/// # Errors
/// When the script cannot run.
pub fn kinds(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("kinds", chromium, environment)
}

/// Frames larger than the screen: means are called means, and zooming in shows the pixels of the file.
///
/// # Errors
/// When the script cannot run.
pub fn large_frames(chromium: &Path, environment: &Environment) -> Result<Counts> {
    in_an_empty_folder("large_frames", chromium, environment)
}

/// Runs `name.mjs` with JupyterLab and a folder of this name.
fn in_an_empty_folder(name: &str, chromium: &Path, environment: &Environment) -> Result<Counts> {
    let folder = project::target().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut command = script(&format!("{name}.mjs"), chromium);
    command.arg(environment.program("jupyter")).arg(&folder);
    super::private(&mut command);
    watch(&mut command, Duration::from_secs(300))
}

/// Kernels that are restarted, killed and gone, and what the page shows of them.
///
/// # Errors
/// When the script cannot run.
pub fn restart(chromium: &Path, environment: &Environment) -> Result<Counts> {
    let folder = project::target().join("restart");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    artifacts::ensure_sample(&folder.join(project::SAMPLE))?;
    let mut command = script("restart.mjs", chromium);
    command
        .arg(environment.program("jupyter"))
        .arg(&folder)
        .arg(project::SAMPLE);
    super::private(&mut command);
    // Journals of its own: the test removes them.
    command.env("JUPYTER_RUNTIME_DIR", folder.join("runtime"));
    watch(&mut command, Duration::from_secs(600))
}

/// The notebook the journey saved, exported without running it: what a colleague is sent.
///
/// # Errors
/// When it cannot be exported.
pub fn saved_page(chromium: &Path, environment: &Environment) -> Result<Counts> {
    let folder = project::target().join("journey");
    let mut export = process::command(environment.program("jupyter"));
    export
        .args([
            "nbconvert",
            "--to",
            "html",
            "--output",
            "saved_in_jupyterlab",
        ])
        .arg(project::FIRST_NOTEBOOK)
        .current_dir(&folder);
    super::private(&mut export);
    process::run_quietly(&mut export)?;
    let mut command = script("offline.mjs", chromium);
    command.arg(folder.join("saved_in_jupyterlab.html"));
    watch(&mut command, Duration::from_secs(120))
}

fn script(name: &str, chromium: &Path) -> Command {
    let mut command = process::command("node");
    command
        .arg(project::root().join("tests/browser").join(name))
        .env("CHROMIUM", chromium);
    command
}

fn watch(command: &mut Command, limit: Duration) -> Result<Counts> {
    let watched = process::watch(command, limit)?;
    super::checked(super::counting::lines(&watched.text), &watched, command)
}
