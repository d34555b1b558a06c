//! Prints `kernel/cell/src/generated.rs`: one parameter struct per operation of the registry, and the
//! methods of `Signal` that take them. With the argument `interpreter`:
//! `kernel/eval/src/direct/generated.rs`, the list of the same structs for cells that run without the
//! compiler. Run by `cargo xtask codegen`.

mod interpreter;
mod methods;
mod structs;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use signal::{FurtherInput, OperationInfo, ParameterInfo, ParameterKind};

use interpreter::interpreter_source;
use methods::methods;
use structs::{choice, parameter_struct};

/// What the registry says of one operation.
type Registered = (OperationInfo, Vec<ParameterInfo>, &'static [FurtherInput]);

fn main() -> std::io::Result<()> {
    let source = match std::env::args().nth(1).as_deref() {
        Some("interpreter") => interpreter_source(&registered()),
        _ => formatted(&cell_source(&registered()))?,
    };
    std::io::stdout().write_all(source.as_bytes())
}

fn registered() -> Vec<Registered> {
    ops::registry()
        .iter()
        .map(|entry| (entry.info(), entry.parameters(), entry.further_inputs()))
        .collect()
}

/// The source as rustfmt lays it out.
fn formatted(source: &str) -> std::io::Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // Taken, so that it is closed: rustfmt reads to the end before it writes.
    if let Some(mut stdin) = rustfmt.stdin.take() {
        stdin.write_all(source.as_bytes())?;
    }
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        return Err(std::io::Error::other(
            "rustfmt refused the generated source",
        ));
    }
    String::from_utf8(output.stdout).map_err(std::io::Error::other)
}

/// The source text for these operations, in the order of the registry.
fn cell_source(operations: &[Registered]) -> String {
    let mut out = String::from(
        "// Written by `cargo xtask codegen` from the registry of operations; do not edit.\n\n\
         use crate::error::Result;\n\
         use crate::json::{ToJson, quoted};\n\
         use crate::operation::Operation;\n\
         use crate::region::Region;\n\
         use crate::signal::Signal;\n",
    );
    let mut choices = BTreeSet::new();
    for (info, parameters, _) in operations {
        for parameter in parameters {
            if let ParameterKind::Choice { choices: names } = &parameter.kind {
                let name = bare_type(parameter);
                if choices.insert(name.to_owned()) {
                    choice(&mut out, name, names, parameter);
                }
            }
        }
        parameter_struct(&mut out, info, parameters);
    }
    methods(&mut out, operations);
    if choices.is_empty() {
        out = out.replace("{ToJson, quoted}", "ToJson");
    }
    if !out.contains("Region>") && !out.contains("Region,") {
        out = out.replace("use crate::region::Region;\n", "");
    }
    out
}

fn bare_type(parameter: &ParameterInfo) -> &str {
    parameter
        .rust_type
        .strip_prefix("Option<")
        .and_then(|inner| inner.strip_suffix('>'))
        .unwrap_or(&parameter.rust_type)
}

fn doc(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("{indent}/// {line}").trim_end());
    }
}

#[cfg(test)]
mod tests;
