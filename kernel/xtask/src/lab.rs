//! `cargo xtask lab`: from a fresh clone to JupyterLab on the notebook of the four cells.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use crate::environment::Environment;
use crate::{artifacts, process, project, toolchain};

pub struct Options {
    browser: bool,
    port: Option<u16>,
}

impl Options {
    /// # Errors
    /// An argument that is not known or a port that is not a number.
    pub fn parse(arguments: &[String]) -> Result<Options> {
        let mut options = Options {
            browser: true,
            port: None,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--no-browser" => options.browser = false,
                "--port" => {
                    let text = rest.next().context("--port needs a number")?;
                    let port = text.parse().with_context(|| format!("{text} is no port"))?;
                    options.port = Some(port);
                }
                other => bail!("did not understand {other}; allowed: --no-browser, --port N"),
            }
        }
        Ok(options)
    }
}

/// # Errors
/// The first step that failed, with what the program said.
pub fn run(options: Options) -> Result<bool> {
    let start = Instant::now();
    let step = |text: &str| println!("[{:>4} s] {text}", start.elapsed().as_secs());
    step("checking Rust, Node and Python");
    let toolchain = toolchain::check()?;

    step("making a private environment with JupyterLab (meanwhile the build goes on)");
    let python = toolchain.python;
    let environment = thread::spawn(move || Environment::lab(&python, false));
    step("building the widget");
    artifacts::build_widget()?;
    step("building the kernel (the first time takes minutes: the Rust evaluator is large)");
    artifacts::build_workspace()?;
    step("waiting for the environment");
    let environment = environment
        .join()
        .map_err(|_| anyhow!("making the environment panicked"))??;

    step("installing the kernelspec into it and preparing compiled cells");
    artifacts::install_kernelspec(&environment)?;
    let sample = project::notebooks().join(project::SAMPLE);
    if !sample.exists() {
        step("writing the sample scan");
        artifacts::ensure_sample(&sample)?;
    }
    let port = free_port(options.port)?;
    let token = token()?;
    step("starting JupyterLab; end it with Ctrl+C twice");
    println!(
        "\n    http://localhost:{port}/lab/tree/{}?token={token}\n",
        project::FIRST_NOTEBOOK
    );
    // JupyterLab takes this process over, so that Ctrl+C asks its question on the terminal.
    let mut command = jupyter_lab(&environment, port, &token, options.browser);
    let error = command.exec();
    Err(error).with_context(|| format!("could not start {}", process::line(&command)))
}

fn jupyter_lab(environment: &Environment, port: u16, token: &str, browser: bool) -> Command {
    let mut command = process::command(environment.program("jupyter"));
    command
        .arg("lab")
        .arg(project::notebooks().join(project::FIRST_NOTEBOOK))
        .arg(format!(
            "--ServerApp.root_dir={}",
            project::notebooks().display()
        ))
        .arg("--ServerApp.ip=127.0.0.1")
        .arg(format!("--ServerApp.port={port}"))
        .arg("--ServerApp.port_retries=0")
        .arg(format!("--IdentityProvider.token={token}"))
        .arg("--Application.log_level=WARN");
    if !browser {
        command.arg("--no-browser");
    }
    if process::is_root() {
        command.arg("--allow-root");
    }
    private_settings(&mut command, &project::private().join("jupyter"));
    command
}

/// Settings, workspaces and sessions of this checkout only.
fn private_settings(command: &mut Command, folder: &Path) {
    command
        .env("JUPYTER_CONFIG_DIR", folder.join("config"))
        .env("JUPYTER_DATA_DIR", folder.join("data"))
        .env("JUPYTER_RUNTIME_DIR", folder.join("runtime"));
}

/// The port that was asked for, or the first free one from 8888.
fn free_port(wanted: Option<u16>) -> Result<u16> {
    let candidates = match wanted {
        Some(port) => port..=port,
        None => 8888..=8988,
    };
    let (first, last) = (*candidates.start(), *candidates.end());
    candidates
        .into_iter()
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .with_context(|| match wanted {
            Some(port) => format!("port {port} is in use; choose another with --port"),
            None => format!("ports {first} to {last} are all in use; choose one with --port"),
        })
}

fn token() -> Result<String> {
    let mut bytes = [0_u8; 24];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("could not make a token")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_way_out() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = free_port(Some(port)).unwrap_err().to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("--port"),
            "{error}"
        );
    }

    #[test]
    fn arguments_are_checked() {
        let parse = |text: &str| {
            Options::parse(
                &text
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            )
        };
        let options = parse("--port 9001 --no-browser").unwrap();
        assert_eq!((options.port, options.browser), (Some(9001), false));
        assert!(parse("--port").is_err());
        assert!(parse("--port many").is_err());
        assert!(parse("--browser").is_err());
    }
}
