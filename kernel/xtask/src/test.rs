//! `cargo xtask test`: every test of the project, each stage timed and counted.

mod browser;
mod counting;
mod notebooks;

use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::environment::{Environment, keep_private};
use crate::process::{self, Watched};
use crate::report::{Counts, Report};
use crate::{artifacts, chromium, project, toolchain};

const MINUTE: Duration = Duration::from_secs(60);
const NOT_ASKED: &str = "left out by --quick";

const RUST: &str = "Rust tests";
const FRONT_END: &str = "widget tests";
const CONFORMANCE: &str = "kernel conformance (jupyter_kernel_test)";
const NOTEBOOKS: &str = "notebooks";
const OFFLINE: &str = "exported pages without network";
const JOURNEY: &str = "browser journey in JupyterLab";
const SCREEN: &str = "screen against computed values in JupyterLab";
const LARGE: &str = "large frames in JupyterLab";
const MAPS: &str = "maps in JupyterLab";
const SCANS: &str = "parts of scans in JupyterLab";
const WIDE: &str = "complex numbers and stacks in JupyterLab";
const COLOURS: &str = "images of colours in JupyterLab";
const SHAPES: &str = "windows and polygons in JupyterLab";
const KINDS: &str = "files, pairs and places in JupyterLab";
const RESTART: &str = "restarted kernels in JupyterLab";
const SAVED: &str = "the saved notebook as a page";
/// Stages that need the kernel installed beside JupyterLab.
const IN_JUPYTER: [&str; 14] = [
    CONFORMANCE,
    NOTEBOOKS,
    OFFLINE,
    JOURNEY,
    SCREEN,
    LARGE,
    MAPS,
    SCANS,
    WIDE,
    COLOURS,
    SHAPES,
    KINDS,
    RESTART,
    SAVED,
];

/// Runs everything; `false` when a test failed.
///
/// # Errors
/// Only when the machine lacks a program that nothing works without.
pub fn run(quick: bool) -> Result<bool> {
    let toolchain = toolchain::check()?;
    let lab = background(&toolchain.python, |python| Environment::lab(python, true));
    let reference = (!quick).then(|| background(&toolchain.python, Environment::reference));
    let mut report = Report::default();

    let widget = report.stage("build: widget", || built(artifacts::build_widget()));
    if widget {
        report.stage("widget types and style", front_end_check);
        report.stage(FRONT_END, front_end_tests);
    } else {
        report.not_run(FRONT_END, "the widget could not be built");
    }
    let kernel = report.stage("build: kernel and Rust tests", || built(build_rust()));
    let mut lab_environment = None;
    report.stage("environment: JupyterLab", || {
        lab_environment = Some(joined(lab)?);
        built(Ok(()))
    });
    let mut reference_environment = None;
    match reference {
        Some(reference) => {
            report.stage("environment: reference programs", || {
                reference_environment = Some(joined(reference)?);
                built(Ok(()))
            });
        }
        None => report.not_run("comparison with reference programs", NOT_ASKED),
    }
    if !kernel {
        for stage in [RUST].into_iter().chain(IN_JUPYTER) {
            report.not_run(stage, "the kernel could not be built");
        }
        return Ok(report.finish());
    }
    report.stage(RUST, || {
        rust_tests(reference_environment.as_ref(), lab_environment.as_ref())
    });
    match lab_environment {
        Some(environment) => in_jupyter(&mut report, &environment, quick),
        None => {
            for stage in IN_JUPYTER {
                report.not_run(stage, "there is no environment with JupyterLab");
            }
        }
    }
    Ok(report.finish())
}

/// The stages that need the kernel installed beside JupyterLab.
fn in_jupyter(report: &mut Report, environment: &Environment, quick: bool) {
    let installed = report.stage("kernelspec", || {
        built(artifacts::install_kernelspec(environment))
    });
    if !installed {
        for stage in IN_JUPYTER {
            report.not_run(stage, "the kernelspec could not be installed");
        }
        return;
    }
    report.stage(CONFORMANCE, || conformance(environment));
    if quick {
        for stage in IN_JUPYTER.into_iter().skip(1) {
            report.not_run(stage, NOT_ASKED);
        }
        return;
    }
    let exported = report.stage(NOTEBOOKS, || notebooks::run(environment));
    match chromium::find_or_install() {
        Ok(chromium) => {
            if exported {
                report.stage(OFFLINE, || browser::offline_pages(&chromium));
            } else {
                report.not_run(OFFLINE, "the notebooks were not exported");
            }
            report.stage(JOURNEY, || browser::journey(&chromium, environment));
            report.stage(SCREEN, || browser::screen(&chromium, environment));
            report.stage(LARGE, || browser::large_frames(&chromium, environment));
            report.stage(MAPS, || browser::maps(&chromium, environment));
            report.stage(SCANS, || browser::scans(&chromium, environment));
            report.stage(WIDE, || browser::wide(&chromium, environment));
            report.stage(COLOURS, || browser::colours(&chromium, environment));
            report.stage(SHAPES, || browser::shapes(&chromium, environment));
            report.stage(KINDS, || browser::kinds(&chromium, environment));
            report.stage(RESTART, || browser::restart(&chromium, environment));
            report.stage(SAVED, || browser::saved_page(&chromium, environment));
        }
        Err(reason) => {
            report.not_run(OFFLINE, reason.clone());
            report.not_run(JOURNEY, reason.clone());
            report.not_run(SCREEN, reason.clone());
            report.not_run(LARGE, reason.clone());
            report.not_run(MAPS, reason.clone());
            report.not_run(SCANS, reason.clone());
            report.not_run(WIDE, reason.clone());
            report.not_run(COLOURS, reason.clone());
            report.not_run(SHAPES, reason.clone());
            report.not_run(KINDS, reason.clone());
            report.not_run(RESTART, reason.clone());
            report.not_run(SAVED, reason);
        }
    }
}

/// A build that worked has no tests to count; one that did not fails its stage.
fn built(outcome: Result<()>) -> Result<Counts> {
    outcome.map(|()| Counts::default())
}

fn background(
    python: &Path,
    make: impl FnOnce(&Path) -> Result<Environment> + Send + 'static,
) -> JoinHandle<Result<Environment>> {
    let python = python.to_owned();
    thread::spawn(move || make(&python))
}

fn joined(thread: JoinHandle<Result<Environment>>) -> Result<Environment> {
    thread
        .join()
        .map_err(|_| anyhow!("making the environment panicked"))?
}

fn front_end_check() -> Result<Counts> {
    process::run(
        process::command("npm")
            .args(["run", "check", "--silent"])
            .current_dir(project::widget()),
    )?;
    Ok(Counts {
        passed: 1,
        ..Counts::default()
    })
}

fn front_end_tests() -> Result<Counts> {
    let file = project::target().join("vitest.json");
    let _ = std::fs::remove_file(&file);
    let mut command = process::command("npx");
    command
        .args(["vitest", "run", "--reporter=default", "--reporter=json"])
        .arg(format!("--outputFile.json={}", file.display()))
        .current_dir(project::widget());
    let watched = process::watch(&mut command, 10 * MINUTE)?;
    let text = std::fs::read_to_string(&file).context("vitest wrote no result")?;
    checked(counting::vitest(&text)?, &watched, &command)
}

fn build_rust() -> Result<()> {
    artifacts::build_workspace()?;
    process::run(process::command("cargo").args([
        "test",
        "--release",
        "--workspace",
        "--locked",
        "--no-run",
        "--quiet",
    ]))
}

fn rust_tests(reference: Option<&Environment>, lab: Option<&Environment>) -> Result<Counts> {
    let mut command = process::command("cargo");
    command.args([
        "test",
        "--release",
        "--workspace",
        "--locked",
        "--no-fail-fast",
    ]);
    if let Some(environment) = reference {
        command.env("SIGNALTREE_PYTHON", environment.program("python"));
    }
    if let Some(environment) = lab {
        command.env("SIGNALTREE_LAB_PYTHON", environment.program("python"));
    }
    let watched = process::watch(&mut command, 25 * MINUTE)?;
    checked(counting::cargo(&watched.text), &watched, &command)
}

fn conformance(environment: &Environment) -> Result<Counts> {
    let mut command = process::command(environment.program("python"));
    command
        .args(["-m", "unittest", "discover", "--verbose"])
        .args([
            "--start-directory",
            "tests/conformance",
            "--pattern",
            "test_*.py",
        ]);
    private(&mut command);
    let watched = process::watch(&mut command, 25 * MINUTE)?;
    checked(counting::unittest(&watched.text)?, &watched, &command)
}

/// Only the kernelspec of the private environment may be found, never one the user has installed.
fn private(command: &mut Command) {
    keep_private(command, &project::private().join("test"));
}

/// A program that failed must have counted a failure, and one that counted nothing has not tested.
fn checked(counts: Counts, watched: &Watched, command: &Command) -> Result<Counts> {
    if watched.timed_out {
        bail!("{} did not end in time", process::line(command));
    }
    if counts == Counts::default() {
        bail!("{} ran no test", process::line(command));
    }
    let mut counts = counts;
    if !watched.success && counts.failed == 0 {
        println!("{} failed without naming a test", process::line(command));
        counts.failed = 1;
    }
    Ok(counts)
}
