//! `cargo xtask fuzz [SECONDS]`: the long run of `kernel/jupyter/tests/fuzz.rs`.

use anyhow::{Context, Result, bail};

use crate::process;

const DEFAULT_SECONDS: u64 = 60;

/// # Errors
/// When an input fails; the test has said which, and where it is.
pub fn run(arguments: &[String]) -> Result<bool> {
    let seconds = match arguments {
        [] => DEFAULT_SECONDS,
        [text] => text
            .parse()
            .with_context(|| format!("{text} is no number of seconds"))?,
        more => bail!("did not understand {}; allowed: SECONDS", more.join(" ")),
    };
    // Both packages, so that the features of what the evaluator is built from stay the same.
    let mut command = process::command("cargo");
    command
        .args([
            "test",
            "--release",
            "--package",
            "eval",
            "--package",
            "jupyter",
        ])
        .args(["--test", "fuzz", "--", "--ignored", "--nocapture"])
        .env("SIGNALTREE_FUZZ_SECONDS", seconds.to_string());
    process::run(&mut command)?;
    Ok(true)
}
