//! `cargo xtask check`: what a reviewer should not have to say.

use std::process::Command;

use anyhow::Result;

use crate::{artifacts, codegen, process, project};

/// Runs every check, also after a failure. `false` when one failed.
///
/// # Errors
/// When the widget cannot be built, which the kernel's own check needs.
pub fn run() -> Result<bool> {
    artifacts::build_widget()?;
    let mut fmt = process::command("cargo");
    fmt.args(["fmt", "--all", "--check"]);
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
