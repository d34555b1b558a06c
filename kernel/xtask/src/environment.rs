//! Private Python environments: one with JupyterLab, one with the reference programs of the goldens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, project};

/// A Python environment below `.lab/`.
pub struct Environment {
    pub prefix: PathBuf,
}

impl Environment {
    /// JupyterLab, anywidget and nbconvert; with `tests` also what drives the kernel in tests.
    ///
    /// # Errors
    /// What `venv` or `pip` said.
    pub fn lab(python: &Path, tests: bool) -> Result<Environment> {
        let mut files = vec!["tests/requirements-lab.txt"];
        if tests {
            files.push("tests/requirements.txt");
        }
        let environment = Environment::ensure(python, "env", &files)?;
        environment.write_settings()?;
        Ok(environment)
    }

    /// hyperspy, pyxem, scikit-image: the programs our results and files are compared with.
    ///
    /// # Errors
    /// What `venv` or `pip` said.
    pub fn reference(python: &Path) -> Result<Environment> {
        Environment::ensure(python, "reference", &["tests/golden/requirements.txt"])
    }

    /// The programs our speed is compared with.
    ///
    /// # Errors
    /// What `venv` or `pip` said.
    pub fn peers(python: &Path) -> Result<Environment> {
        Environment::ensure(python, "peers", &["benches/peers/requirements.txt"])
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }

    /// Made once; refreshed when a requirements file has changed.
    fn ensure(python: &Path, name: &str, files: &[&str]) -> Result<Environment> {
        let environment = Environment {
            prefix: project::private().join(name),
        };
        let mut stamps = Vec::new();
        for file in files {
            let wanted = fs::read_to_string(project::root().join(file))
                .with_context(|| format!("could not read {file}"))?;
            let stamp = environment
                .prefix
                .join(format!(".installed-{}", file.replace('/', "-")));
            if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
                continue;
            }
            stamps.push((file, stamp, wanted));
        }
        if !environment.program("python").exists() {
            process::run_quietly(
                process::command(python)
                    .args(["-m", "venv", "--clear"])
                    .arg(&environment.prefix),
            )
            .context("could not make a private Python environment")?;
        }
        for (file, stamp, wanted) in stamps {
            process::run_quietly(
                process::command(environment.program("python"))
                    .args(["-m", "pip", "install", "--disable-pip-version-check"])
                    .args(["--quiet", "--requirement", file]),
            )
            .with_context(|| format!("could not install {file}"))?;
            fs::write(stamp, wanted)?;
        }
        Ok(environment)
    }

    /// Settings of this environment only; the user's own configuration stays as it is.
    fn write_settings(&self) -> Result<()> {
        // No questions about news over the first notebook.
        let overrides = r#"{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}"#;
        write(
            &self
                .prefix
                .join("share/jupyter/lab/settings/overrides.json"),
            overrides,
        )
    }
}

/// Settings and sessions of a program below `folder`; kernels of its own environment before those of the user.
pub fn keep_private(command: &mut Command, folder: &Path) {
    command
        .env("JUPYTER_CONFIG_DIR", folder.join("config"))
        .env("JUPYTER_DATA_DIR", folder.join("data"))
        .env("JUPYTER_RUNTIME_DIR", folder.join("runtime"))
        .env("JUPYTER_PREFER_ENV_PATH", "1");
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text).with_context(|| format!("could not write {}", file.display()))
}
