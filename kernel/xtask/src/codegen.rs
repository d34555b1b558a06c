//! `cargo xtask codegen`: files written from the Rust definitions, committed, compared by `--check`.

use std::fs;

use anyhow::{Context, Result};

use crate::{process, project};

/// A generated file and the example program that prints it.
struct Generated {
    path: &'static str,
    package: &'static str,
    example: &'static str,
    /// What the example is to print, if it can print several files.
    argument: Option<&'static str>,
}

const FILES: [Generated; 3] = [
    Generated {
        path: "widget/src/protocol/generated.ts",
        package: "protocol",
        example: "typescript",
        argument: None,
    },
    Generated {
        path: "kernel/cell/src/generated.rs",
        package: "ops",
        example: "cell_structs",
        argument: None,
    },
    Generated {
        path: "kernel/eval/src/direct/generated.rs",
        package: "ops",
        example: "cell_structs",
        argument: Some("interpreter"),
    },
];

/// Writes the files, or with `check` only compares them: `false` when one differs.
///
/// # Errors
/// When a generator does not build or a file cannot be read or written.
pub fn run(check: bool) -> Result<bool> {
    let mut same = true;
    for file in FILES {
        let text = generate(&file)?;
        let path = project::root().join(file.path);
        let present = fs::read_to_string(&path).unwrap_or_default();
        if present == text {
            println!("{} is up to date", file.path);
        } else if check {
            println!("{} is out of date: run `cargo xtask codegen`", file.path);
            same = false;
        } else {
            fs::write(&path, text).with_context(|| format!("could not write {}", file.path))?;
            println!("{} written", file.path);
        }
    }
    Ok(same)
}

fn generate(file: &Generated) -> Result<String> {
    process::run_quietly(
        process::command("cargo")
            .args(["run", "--quiet", "--release", "--package", file.package])
            .args(["--example", file.example, "--"])
            .args(file.argument),
    )
    .with_context(|| format!("the generator of {} failed", file.path))
}
