//! Commands of the project, for people and for continuous integration: `cargo xtask help`.

mod artifacts;
mod bench;
mod check;
mod chromium;
mod codegen;
mod environment;
mod fuzz;
mod lab;
mod process;
mod project;
mod report;
mod test;
mod toolchain;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask lab [--no-browser] [--port N]   build everything, then open JupyterLab on the notebook
cargo xtask test [--quick]                  run every test; --quick: without notebooks and browser
cargo xtask check                           formatting, clippy, TypeScript, generated files
cargo xtask codegen [--check]               write (or compare) the generated TypeScript and Rust
cargo xtask bench [ARGUMENTS]               run the benchmarks of the engine
cargo xtask bench kernel [--no-build] [OPTIONS]   compare with ipykernel and evcxr_jupyter
cargo xtask bench viewer [--no-build] [OPTIONS]   drag in JupyterLab, beside a relay that draws nothing
cargo xtask bench peers [OPTIONS]           compare with hyperspy, pyxem, LiberTEM, py4DSTEM and numpy
cargo xtask fuzz [SECONDS]                  mutated input for decoders and readers, a new seed each time";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `false`: the command ran and found failures, which it has reported itself.
fn dispatch(arguments: &[String]) -> Result<bool> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    match command {
        "lab" => lab::run(lab::Options::parse(rest)?),
        "test" => test::run(flag(rest, "--quick")?),
        "check" => no_arguments(rest).and_then(|()| check::run()),
        "codegen" => codegen::run(flag(rest, "--check")?),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(true)
        }
        other => bail!("there is no command {other}\n\n{HELP}"),
    }
}

fn flag(arguments: &[String], name: &str) -> Result<bool> {
    match arguments {
        [] => Ok(false),
        [one] if one == name => Ok(true),
        other => bail!(
            "did not understand {}; allowed here: {name}",
            other.join(" ")
        ),
    }
}

fn no_arguments(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() {
        Ok(())
    } else {
        bail!("did not understand {}", arguments.join(" "))
    }
}
