//! `cargo xtask check`: what a reviewer should not have to say.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{artifacts, codegen, process, project};

/// Runs every check, also after a failure. `false` when one failed.
///
/// # Errors
/// When the widget cannot be built, which the kernel's own check needs, or the sources cannot be read.
pub fn run() -> Result<bool> {
    artifacts::build_widget()?;
    let mut fmt = process::command("cargo");
    fmt.args(["fmt", "--all", "--check", "--"]);
    fmt.args(operations()?);
    let mut clippy = process::command("cargo");
    clippy.args(["clippy", "--release", "--workspace", "--all-targets"]);
    clippy.args(["--", "--deny", "warnings"]);
    let mut front_end = process::command("npm");
    front_end
        .args(["run", "check", "--silent"])
        .current_dir(project::widget());

    let mut clean = true;
    for (name, mut command) in [
        ("formatting", fmt),
        ("clippy", clippy),
        ("TypeScript", front_end),
    ] {
        clean &= passes(name, &mut command);
    }
    println!("generated files: comparing");
    clean &= codegen::run(true)?;
    println!("{}", if clean { "all clean" } else { "not clean" });
    Ok(clean)
}

/// The files of operations, from the root: a macro declares them, so that rustfmt does not find them by itself.
fn operations() -> Result<Vec<PathBuf>> {
    let root = project::root();
    let mut files = Vec::new();
    for folder in fs::read_dir(root.join("kernel/ops/src"))? {
        let folder = folder?.path();
        if !folder.is_dir() || folder.ends_with("math") {
            continue;
        }
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            if file.is_file() {
                files.push(file.strip_prefix(&root)?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn passes(name: &str, command: &mut Command) -> bool {
    println!("{name}: {}", process::line(command));
    match process::run(command) {
        Ok(()) => true,
        Err(error) => {
            println!("{name}: {error:#}");
            false
        }
    }
}
