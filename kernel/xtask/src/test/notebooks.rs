//! Executes the notebooks as a user would export them, and looks at the pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::environment::Environment;
use crate::report::Counts;
use crate::{artifacts, process, project};

const LIMIT: Duration = Duration::from_secs(900);

/// Where the executed pages are.
pub fn folder() -> PathBuf {
    project::target().join("notebooks")
}

/// One test per notebook for "stored without outputs" and one for its execution.
///
/// # Errors
/// When the copies or the sample cannot be written.
pub fn run(environment: &Environment) -> Result<Counts> {
    let folder = folder();
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    artifacts::ensure_sample(&folder.join(project::SAMPLE))?;
    let mut counts = Counts::default();
    for name in project::NOTEBOOKS {
        let source = project::notebooks().join(name);
        verdict(
            &mut counts,
            &format!("{name} is stored without outputs"),
            stored_clean(&source),
        );
        fs::copy(&source, folder.join(name)).with_context(|| format!("could not copy {name}"))?;
        verdict(
            &mut counts,
            &format!("{name} runs and its page has pictures"),
            export(environment, name),
        );
    }
    Ok(counts)
}

fn verdict(counts: &mut Counts, name: &str, outcome: Result<()>) {
    match outcome {
        Ok(()) => {
            println!("ok - {name}");
            counts.passed += 1;
        }
        Err(error) => {
            println!("not ok - {name}: {error:#}");
            counts.failed += 1;
        }
    }
}

fn stored_clean(path: &Path) -> Result<()> {
    let text =
        fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let notebook: Value = serde_json::from_str(&text)?;
    if notebook["metadata"]["kernelspec"]["name"] != "signaltree" {
        bail!("its kernel is not signaltree");
    }
    if !notebook["metadata"]["widgets"].is_null() {
        bail!("it holds widget state");
    }
    for cell in notebook["cells"].as_array().into_iter().flatten() {
        let has_outputs = cell["outputs"]
            .as_array()
            .is_some_and(|outputs| !outputs.is_empty());
        if has_outputs || !cell["execution_count"].is_null() {
            bail!("a cell has outputs or a number: clear all outputs and save");
        }
    }
    Ok(())
}

/// Every picture of a signal says in words what it shows.
fn pictures_have_words(page: &str) -> Result<()> {
    let mut pictures = 0;
    for (at, _) in page.match_indices("<img") {
        let tag = page[at..].split_inclusive('>').next().unwrap_or_default();
        if !tag.contains("data:image/png;base64,") {
            continue;
        }
        pictures += 1;
        let words = tag
            .split_once("alt=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or("", |(words, _)| words);
        if words.len() < 20 || words.contains("No description") {
            bail!("picture {pictures} of its page is described as {words:?}");
        }
    }
    if pictures == 0 {
        bail!("its page has no picture");
    }
    Ok(())
}

/// The very command the manual names for sharing a notebook.
fn export(environment: &Environment, name: &str) -> Result<()> {
    let mut command = process::command(environment.program("jupyter"));
    command
        .args(["nbconvert", "--to", "html", "--execute", name])
        .current_dir(folder());
    super::private(&mut command);
    let watched = process::watch(&mut command, LIMIT)?;
    if watched.timed_out {
        bail!("it did not end within {} s", LIMIT.as_secs());
    }
    if !watched.success {
        bail!("a cell failed");
    }
    let page = fs::read_to_string(folder().join(name).with_extension("html"))?;
    if page.contains("data-mime-type=\"application/vnd.jupyter.error\"")
        || page.contains("data-mime-type=\"application/vnd.jupyter.stderr\"")
    {
        bail!("its page shows an error");
    }
    pictures_have_words(&page)?;
    if page.contains("application/vnd.jupyter.widget-state+json") {
        bail!("its page holds widget state, which hides the pictures without network");
    }
    Ok(())
}
