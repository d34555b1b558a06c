//! The compiler that cells with Rust of their own need.

use std::time::Instant;

use eval::Prepared;

use super::launch::Scratch;
use super::{Finding, first_line, milliseconds, numbers, output_of};

const NEEDED_FOR: &str = "cells that only call SignalTree run without it";
const INSTALL: &str = "install Rust from https://rustup.rs, then restart the kernel";

pub(super) fn examine(report: &mut dyn FnMut(Finding)) {
    for program in ["rustc", "cargo"] {
        match output_of(program, ["--version"]) {
            Ok(output) if output.status.success() => {
                let version = first_line(&output);
                report(match is_new_enough(&version) {
                    true => Finding::good(version),
                    false => Finding::note(
                        format!(
                            "{version} is older than what is tried ({})",
                            env!("CARGO_PKG_RUST_VERSION")
                        ),
                        "`rustup update stable`, then restart the kernel",
                    ),
                });
            }
            Ok(output) => {
                return report(Finding::note(
                    format!(
                        "{program} does not work ({}); {NEEDED_FOR}",
                        first_line(&output)
                    ),
                    "`rustup toolchain install stable`, then restart the kernel",
                ));
            }
            Err(_) => {
                return report(Finding::note(
                    format!("no {program} on the path; {NEEDED_FOR}"),
                    INSTALL,
                ));
            }
        }
    }
    report(compile());
    report(prepared(eval::prepared(None)));
}

/// What the first compiled cell of a kernel finds.
fn prepared(found: Result<Prepared, String>) -> Finding {
    match found {
        Ok(found) if found.is_complete() => {
            Finding::good(format!("cells are prepared in {}", found.folder.display()))
        }
        Ok(found) if found.compiled => Finding::note(
            "the sources of Rust's standard library are missing: a cell cannot keep a value of one of its types \
             without naming the type",
            "`rustup component add rust-src`, then restart the kernel",
        ),
        Ok(_) => Finding::note(
            "cells are not prepared for this version of Rust and of signaltree: the first compiled cell of the next \
             kernel waits some 20 s",
            "`signaltree prepare`",
        ),
        Err(reason) => Finding::note(
            format!("cells are not prepared: {reason}"),
            "`signaltree prepare`",
        ),
    }
}

/// `rustc 1.95.0 (…)`.
fn is_new_enough(version: &str) -> bool {
    let version = version.split_whitespace().nth(1).unwrap_or_default();
    numbers(version) >= numbers(env!("CARGO_PKG_RUST_VERSION"))
}

/// A whole program, because it is the linker that is often missing.
fn compile() -> Finding {
    let scratch = match Scratch::new() {
        Ok(scratch) => scratch,
        Err(error) => {
            let folder = std::env::temp_dir();
            return Finding::broken(
                format!("{} cannot be written: {error}", folder.display()),
                "make it writable, or set TMPDIR to a folder that is",
            );
        }
    };
    let (source, program) = (scratch.0.join("try.rs"), scratch.0.join("try"));
    let began = Instant::now();
    let compiled = std::fs::write(&source, "fn main() { println!(\"works\"); }").and_then(|()| {
        let arguments = [source.as_os_str(), "-o".as_ref(), program.as_os_str()];
        output_of("rustc", arguments)
    });
    match compiled {
        Ok(output) if output.status.success() => match output_of(&program, [""; 0]) {
            Ok(ran) if first_line(&ran) == "works" => Finding::good(format!(
                "a small program is compiled in {} ms",
                milliseconds(began)
            )),
            Ok(ran) => Finding::note(
                format!("a compiled program does not run: {}", first_line(&ran)),
                INSTALL,
            ),
            Err(error) => Finding::note(
                format!("a compiled program does not run: {error}"),
                "set TMPDIR to a folder where programs may be run",
            ),
        },
        Ok(output) => Finding::note(
            format!(
                "a small program is not compiled ({}); {NEEDED_FOR}",
                first_line(&output)
            ),
            "install a C compiler and linker (Debian and Ubuntu: `apt install gcc`; macOS: `xcode-select --install`)",
        ),
        Err(error) => Finding::note(
            format!("rustc does not run: {error}; {NEEDED_FOR}"),
            INSTALL,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_say() {
        let this = format!("rustc {} (abc 2026-01-01)", env!("CARGO_PKG_RUST_VERSION"));
        assert!(is_new_enough(&this) && is_new_enough("rustc 99.0.0"));
        assert!(!is_new_enough("rustc 1.60.0 (x)") && !is_new_enough("gibberish"));
    }

    #[test]
    fn what_is_not_prepared_is_said_with_the_way_to_it() {
        let found = |compiled, library| {
            prepared(Ok(Prepared {
                folder: "/cache/cells-1".into(),
                compiled,
                library,
            }))
            .to_string()
        };
        assert_eq!(found(true, true), "✓ cells are prepared in /cache/cells-1");
        assert!(found(true, false).contains("rust-src"));
        assert!(found(false, true).contains("signaltree prepare"));
        assert!(
            prepared(Err("no HOME".into()))
                .to_string()
                .contains("no HOME")
        );
    }

    #[test]
    fn the_compiler_of_this_build_compiles() {
        let finding = compile();
        assert_eq!(finding.verdict, crate::doctor::Verdict::Good, "{finding}");
    }
}
