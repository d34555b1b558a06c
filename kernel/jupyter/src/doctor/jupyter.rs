//! Jupyter itself, the kernels it finds, and what its pages need to show a widget.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::launch::launch;
use super::{Finding, first_line, numbers, output_of};
use crate::widget::MODULE_VERSION;

const ASK: &str = include_str!("ask_jupyter.py");
/// Oldest JupyterLab and Notebook whose pages are tried.
const LAB: u32 = 4;
const NOTEBOOK: u32 = 7;
const ANYWIDGET: &str = "anywidget";
const MANAGER: &str = "@jupyter-widgets/jupyterlab-manager";

#[derive(Deserialize)]
struct Found {
    python: PathBuf,
    packages: BTreeMap<String, String>,
    kernels: BTreeMap<String, Kernel>,
    kernels_error: Option<String>,
    runtime: Option<PathBuf>,
    extensions: BTreeMap<String, Extension>,
    disabled: Vec<String>,
}

#[derive(Deserialize)]
struct Kernel {
    resource_dir: PathBuf,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    argv: Vec<String>,
    #[serde(default)]
    interrupt_mode: String,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Extension {
    version: Option<String>,
    folder: PathBuf,
}

pub(super) fn examine(python: Option<PathBuf>, report: &mut dyn FnMut(Finding)) {
    let found = match ask(python) {
        Ok(found) => found,
        Err(finding) => return report(finding),
    };
    pages(&found).into_iter().for_each(&mut *report);
    widgets(&found).into_iter().for_each(&mut *report);
    kernels(&found, report);
    if let Some(folder) = &found.runtime {
        report(super::machine::writable("Jupyter's runtime folder", folder));
    }
}

fn ask(python: Option<PathBuf>) -> Result<Found, Finding> {
    let advice = "install JupyterLab (`python3 -m pip install jupyterlab anywidget`), or say where it is with --python";
    let python = python.or_else(python_of_jupyter).ok_or_else(|| {
        Finding::broken(
            "no Jupyter: there is neither `jupyter` nor `python3` on the path",
            advice,
        )
    })?;
    let shown = python.display();
    let output = output_of(&python, ["-c", ASK])
        .map_err(|error| Finding::broken(format!("{shown} does not run: {error}"), advice))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = first_line(&output);
        Finding::broken(
            format!("{shown} is not the Python of a Jupyter: {said}"),
            advice,
        )
    })
}

/// The interpreter in the first line of the `jupyter` on the path, or else the `python3` there.
fn python_of_jupyter() -> Option<PathBuf> {
    let named = || {
        let script = std::fs::read(on_path("jupyter")?).ok()?;
        let line =
            String::from_utf8_lossy(script.split(|byte| *byte == b'\n').next()?).into_owned();
        let interpreter = line.strip_prefix("#!")?.trim();
        // `#!/usr/bin/env python3` and `#!/bin/sh` name none.
        let path = PathBuf::from(interpreter);
        let is_python = path.file_name()?.to_str()?.starts_with("python");
        (is_python && path.is_file()).then_some(path)
    };
    named().or_else(|| on_path("python3"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn pages(found: &Found) -> Vec<Finding> {
    let python = found.python.display();
    let mut findings = Vec::new();
    let version = |name: &str| found.packages.get(name).map(String::as_str);
    for (name, label, least) in [
        ("jupyterlab", "JupyterLab", LAB),
        ("notebook", "Jupyter Notebook", NOTEBOOK),
    ] {
        match version(name) {
            Some(version) if numbers(version).first() >= Some(&least) => {
                findings.push(Finding::good(format!("{label} {version} ({python})")));
            }
            Some(version) => findings.push(Finding::broken(
                format!("{label} {version} is too old, its pages need at least {least}"),
                format!("`{python} -m pip install --upgrade {name}`"),
            )),
            None => {}
        }
    }
    if findings.is_empty() {
        findings.push(match version("jupyter_client") {
            Some(version) => Finding::note(
                format!("no JupyterLab with {python}: jupyter_client {version} runs consoles and programs only"),
                format!("`{python} -m pip install jupyterlab`, or say with --python where JupyterLab is"),
            ),
            None => Finding::broken(
                format!("no Jupyter with {python}"),
                format!("`{python} -m pip install jupyterlab`, or say with --python where Jupyter is"),
            ),
        });
    }
    findings
}

/// A page shows the live view with the front ends of anywidget and of Jupyter's widgets; without them it
/// shows the still picture.
fn widgets(found: &Found) -> Vec<Finding> {
    if !["jupyterlab", "notebook"]
        .iter()
        .any(|page| found.packages.contains_key(*page))
    {
        return Vec::new();
    }
    let python = found.python.display();
    let wanted = MODULE_VERSION.trim_start_matches('~');
    let install = format!(
        "`{python} -m pip install \"anywidget~={wanted}\" ipywidgets`, then reload the page"
    );
    let mut findings = Vec::new();
    for (name, needs) in [(ANYWIDGET, Some(wanted)), (MANAGER, None)] {
        let finding = match found.extensions.get(name) {
            None => Finding::broken(
                format!("the page extension {name} is missing: outputs stay still pictures"),
                install.clone(),
            ),
            Some(extension) => {
                let version = extension.version.as_deref().unwrap_or("of no version");
                let fits = needs.is_none_or(|needs| same_series(version, needs));
                let folder = extension.folder.display();
                if found
                    .disabled
                    .iter()
                    .any(|disabled| disabled == name || disabled.starts_with(&format!("{name}:")))
                {
                    Finding::broken(
                        format!("the page extension {name} is switched off"),
                        format!(
                            "`{python} -m jupyter labextension enable {name}`, then reload the page"
                        ),
                    )
                } else if fits {
                    Finding::good(format!("page extension {name} {version} ({folder})"))
                } else {
                    Finding::broken(
                        format!(
                            "the page extension {name} is {version}, the kernel's outputs need {MODULE_VERSION}"
                        ),
                        install.clone(),
                    )
                }
            }
        };
        findings.push(finding);
    }
    findings
}

/// `~0.11.0` means: 0.11, from 0.11.0 on.
fn same_series(version: &str, needs: &str) -> bool {
    let (version, needs) = (numbers(version), numbers(needs));
    version.len() >= 2 && version[..2] == needs[..2] && version >= needs
}

fn kernels(found: &Found, report: &mut dyn FnMut(Finding)) {
    if !found.packages.contains_key("jupyter_client") {
        return; // said already
    }
    if let Some(error) = &found.kernels_error {
        return report(Finding::broken(
            format!(
                "the Jupyter of {} does not list its kernels: {error}",
                found.python.display()
            ),
            "repair that Jupyter, or name another one with --python",
        ));
    }
    let ours: Vec<_> = found
        .kernels
        .iter()
        .filter(|(_, kernel)| is_ours(&kernel.spec.argv))
        .collect();
    if ours.is_empty() {
        report(Finding::broken(
            format!(
                "Jupyter knows no SignalTree kernel (it knows: {})",
                found.kernels.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
            "`signaltree install` for this user, or `signaltree install --sys-prefix` in the active environment",
        ));
    }
    for (name, kernel) in ours {
        report(examine_kernel(name, kernel));
    }
}

/// `[program, "kernel", "-f", "{connection_file}"]`, whatever the program is called.
fn is_ours(argv: &[String]) -> bool {
    let program = argv
        .first()
        .and_then(|program| Path::new(program).file_name());
    program.is_some_and(|program| program.to_string_lossy().contains("signaltree"))
        && argv.get(1).is_some_and(|word| word == "kernel")
}

fn examine_kernel(name: &str, kernel: &Kernel) -> Finding {
    let again = format!(
        "`signaltree install --name {name}` again, with the --user, --prefix or --sys-prefix it was installed with"
    );
    let place = kernel.resource_dir.display();
    let broken =
        |what: String| Finding::broken(format!("kernel {name:?} ({place}): {what}"), again.clone());
    let program = Path::new(&kernel.spec.argv[0]);
    if !program.is_absolute() {
        return broken(format!("{} is no full path", program.display()));
    }
    let version = match output_of(program, ["--version"]) {
        Ok(output) if output.status.success() => first_line(&output),
        Ok(output) => {
            return broken(format!(
                "{} does not work: {}",
                program.display(),
                first_line(&output)
            ));
        }
        Err(error) => return broken(format!("{} does not run: {error}", program.display())),
    };
    if kernel.spec.interrupt_mode != "message" {
        return broken(format!(
            "interrupt_mode is {:?}, the kernel needs \"message\"",
            kernel.spec.interrupt_mode
        ));
    }
    let took = match launch(&kernel.spec.argv, &kernel.spec.env) {
        Ok(took) => took,
        Err(reason) => return broken(reason),
    };
    let ours = concat!("signaltree ", env!("CARGO_PKG_VERSION"));
    let what = format!("kernel {name:?} ({place}): {version} starts in {took} ms");
    if version == ours {
        Finding::good(what)
    } else {
        Finding::note(what, format!("this program is {ours}; {again}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    fn found(text: &str) -> Found {
        let mut all = json!({
            "python": "/opt/python", "packages": {}, "kernels": {}, "extensions": {}, "disabled": [],
        });
        let given: serde_json::Value = serde_json::from_str(text).unwrap();
        for (key, value) in given.as_object().unwrap() {
            all[key] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn verdicts(findings: &[Finding]) -> Vec<Verdict> {
        findings.iter().map(|finding| finding.verdict).collect()
    }

    #[test]
    fn pages_are_new_enough_or_missing() {
        let of =
            |packages: &str| verdicts(&pages(&found(&format!("{{\"packages\": {packages}}}"))));
        assert_eq!(of(r#"{"jupyterlab": "4.6.6"}"#), [Verdict::Good]);
        assert_eq!(
            of(r#"{"jupyterlab": "3.6.1", "notebook": "7.2.0"}"#),
            [Verdict::Broken, Verdict::Good]
        );
        assert_eq!(of(r#"{"jupyter_client": "8.1"}"#), [Verdict::Note]);
        assert_eq!(of("{}"), [Verdict::Broken]);
    }

    #[test]
    fn the_widget_needs_both_extensions_in_versions_that_fit() {
        let of = |anywidget: &str, disabled: &str| {
            let text = format!(
                r#"{{"packages": {{"jupyterlab": "4.1"}}, "disabled": [{disabled}], "extensions": {{
                    "anywidget": {{"version": "{anywidget}", "folder": "/x"}},
                    "@jupyter-widgets/jupyterlab-manager": {{"version": "5.0.15", "folder": "/x"}}}}}}"#
            );
            verdicts(&widgets(&found(&text)))
        };
        let fitting = MODULE_VERSION.trim_start_matches('~');
        assert_eq!(of(fitting, ""), [Verdict::Good, Verdict::Good]);
        assert_eq!(of("0.9.3", ""), [Verdict::Broken, Verdict::Good]);
        assert_eq!(
            of(fitting, r#""anywidget""#),
            [Verdict::Broken, Verdict::Good]
        );
        let none = found(r#"{"packages": {"jupyterlab": "4.1"}}"#);
        assert_eq!(
            verdicts(&widgets(&none)),
            [Verdict::Broken, Verdict::Broken]
        );
        assert!(widgets(&found("{}")).is_empty());
        assert!(same_series("0.11.3", "0.11.0") && !same_series("0.12.0", "0.11.0"));
        assert!(!same_series("0", "0.11.0"));
    }

    #[test]
    fn a_kernel_whose_program_is_gone_is_broken() {
        let kernels = r#"{
            "gone": {"resource_dir": "/k/gone", "spec": {"argv": ["/nowhere/signaltree", "kernel", "-f", "x"], "interrupt_mode": "message"}},
            "loose": {"resource_dir": "/k/loose", "spec": {"argv": ["signaltree", "kernel", "-f", "x"]}},
            "python3": {"resource_dir": "/k/p", "spec": {"argv": ["python", "-m", "ipykernel"]}}}"#;
        let mut reported = Vec::new();
        let kernels = format!(r#"{{"packages": {{"jupyter_client": "8"}}, "kernels": {kernels}}}"#);
        super::kernels(&found(&kernels), &mut |finding| reported.push(finding));
        assert_eq!(verdicts(&reported), [Verdict::Broken, Verdict::Broken]);
        assert!(
            reported[0]
                .what
                .contains("/nowhere/signaltree does not run"),
            "{}",
            reported[0]
        );
        reported.clear();
        super::kernels(
            &found(r#"{"packages": {"jupyter_client": "8"}}"#),
            &mut |finding| reported.push(finding),
        );
        assert!(reported[0].advice.contains("signaltree install"));
    }
}
