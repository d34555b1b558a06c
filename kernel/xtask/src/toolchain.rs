//! What must be on the machine before anything is built, and how to get it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

const RUST: (u32, u32) = (1, 95);
const NODE: (u32, u32) = (20, 19);
const PYTHON: (u32, u32) = (3, 10);

/// The interpreter private environments are made with.
pub struct Toolchain {
    pub python: PathBuf,
}

/// # Errors
/// One sentence per missing program, each with how to get it.
pub fn check() -> Result<Toolchain> {
    let python = python();
    let found = [
        rust(),
        linker(),
        node(),
        python.as_ref().map(|_| ()).map_err(Clone::clone),
    ];
    let missing: Vec<String> = found.into_iter().filter_map(Result::err).collect();
    match python {
        Ok(python) if missing.is_empty() => Ok(Toolchain { python }),
        _ => bail!("this machine lacks:\n  - {}", missing.join("\n  - ")),
    }
}

fn rust() -> Result<(), String> {
    let get =
        "install it from https://rustup.rs; rustup then fetches the version of rust-toolchain.toml";
    require("rustc", version("rustc", "--version"), RUST, get)
}

fn linker() -> Result<(), String> {
    match process::find(&["cc", "gcc", "clang"]) {
        Some(_) => Ok(()),
        None => Err(
            "a C compiler (Rust links with it): apt install build-essential, \
                     dnf install gcc, or xcode-select --install"
                .into(),
        ),
    }
}

fn node() -> Result<(), String> {
    let get = "install Node.js with npm: https://nodejs.org, or nvm install 20";
    require("node", version("node", "--version"), NODE, get)?;
    match process::find(&["npm"]) {
        Some(_) => Ok(()),
        None => Err(format!("npm, which comes with Node: {get}")),
    }
}

fn python() -> Result<PathBuf, String> {
    let get = "install Python from your distribution or https://www.python.org";
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
        "python",
    ];
    let chosen = std::env::var_os("PYTHON").map(PathBuf::from);
    let candidates = chosen.into_iter().chain(names.iter().map(PathBuf::from));
    let mut old = None;
    for candidate in candidates {
        let Some(found) = version(&candidate, "--version") else {
            continue;
        };
        if found < PYTHON {
            old.get_or_insert(found);
            continue;
        }
        let mut probe = process::command(&candidate);
        if process::run_quietly(probe.args(["-c", "import venv, ensurepip"])).is_err() {
            return Err(format!(
                "Python's venv module ({} has none): apt install python3-venv",
                candidate.display()
            ));
        }
        return Ok(candidate);
    }
    require("python3", old, PYTHON, get)?;
    Err(format!("python3: {get}"))
}

fn require(
    name: &str,
    found: Option<(u32, u32)>,
    least: (u32, u32),
    get: &str,
) -> Result<(), String> {
    let wanted = format!("{name} {}.{} or newer", least.0, least.1);
    match found {
        Some(found) if found >= least => Ok(()),
        Some(found) => Err(format!("{wanted} (found {}.{}): {get}", found.0, found.1)),
        None => Err(format!("{wanted}: {get}")),
    }
}

fn version(program: impl AsRef<std::ffi::OsStr>, argument: &str) -> Option<(u32, u32)> {
    let output = Command::new(program)
        .arg(argument)
        .current_dir(crate::project::root())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The first `major.minor` in a text such as `rustc 1.95.0 (…)`, `v20.20.2`, `Python 3.11.7`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some((major, minor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        assert_eq!(
            parse_version("rustc 1.95.0 (f2d3ce0bd 2026-03-21)"),
            Some((1, 95))
        );
        assert_eq!(parse_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(parse_version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(parse_version("no version here"), None);
    }

    #[test]
    fn an_old_program_is_named_with_the_version_wanted_and_found() {
        let error = require("node", Some((18, 3)), NODE, "install it").unwrap_err();
        assert_eq!(error, "node 20.19 or newer (found 18.3): install it");
    }
}
