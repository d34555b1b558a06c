//! The Rust that cells are compiled with: where it is, its version, the sources of its standard library.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NO_RUST: &str = "Rust is not installed, and cells are compiled: get it from https://rustup.rs, \
                       then restart the kernel";

pub(crate) struct Toolchain {
    /// What `rustc -vV` says.
    pub(crate) version: String,
    pub(crate) rustc: PathBuf,
    /// The folder with `bin` and `lib`.
    sysroot: PathBuf,
}

impl Toolchain {
    /// Asks the `rustc` on the path.
    ///
    /// # Errors
    /// One sentence on what is missing.
    pub(crate) fn find() -> Result<Self, String> {
        let sysroot = said(Command::new("rustc").args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim());
        // rustup's own `rustc` and `cargo` look up the toolchain each time they are called.
        let direct = sysroot.join("bin/rustc");
        let rustc = if direct.exists() {
            direct
        } else {
            PathBuf::from("rustc")
        };
        let version = said(Command::new(&rustc).arg("-vV"))?;
        if !sysroot.join("bin/cargo").exists() && Command::new("cargo").arg("-V").output().is_err()
        {
            return Err(NO_RUST.into());
        }
        Ok(Toolchain {
            version,
            rustc,
            sysroot,
        })
    }

    /// Where the sources of the standard library are, once they are there.
    pub(crate) fn library(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }

    pub(crate) fn has_library(&self) -> bool {
        self.library().join("core").exists()
    }

    /// Fetches the sources of the standard library. Without them no type of std is known, and a cell cannot keep
    /// a value of one without naming it.
    ///
    /// # Errors
    /// A sentence with what a person can do.
    pub(crate) fn fetch_library(&self) -> Result<(), String> {
        if self.has_library() {
            return Ok(());
        }
        let toolchain = self.sysroot.file_name().unwrap_or_default();
        let mut rustup = Command::new("rustup");
        rustup
            .args(["component", "add", "rust-src", "--toolchain"])
            .arg(toolchain);
        let why = match rustup.output() {
            Ok(output) if output.status.success() && self.has_library() => return Ok(()),
            Ok(output) => first_line(&output),
            Err(_) => "there is no rustup".to_owned(),
        };
        Err(format!(
            "the sources of Rust's standard library are not installed ({why}): with a network, run `rustup \
             component add rust-src`; without rustup, install the package `rust-src` of your system"
        ))
    }
}

fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|_| NO_RUST.to_owned())?;
    if !output.status.success() {
        return Err(format!(
            "rustc does not work ({}): repair it with `rustup toolchain install stable`, then restart \
             the kernel",
            first_line(&output)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first line a program that failed said.
fn first_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it gave no reason").to_owned()
}

/// Lays out the sources of the standard library for rust-analyzer, which reads them once per kernel: `view` gets links
/// to them, without the crates that no cell names and without the intrinsics of all processors (`std::arch`),
/// which are a third of the work.
pub(crate) fn lay_out(library: &Path, view: &Path) -> std::io::Result<()> {
    use std::fs::{create_dir_all, read_dir, read_to_string, write};
    use std::os::unix::fs::symlink;

    create_dir_all(view)?;
    for entry in read_dir(library)? {
        let entry = entry?;
        let name = entry.file_name();
        let left_out = LEFT_OUT.iter().any(|other| name == *other);
        if !left_out && name != "Cargo.toml" {
            symlink(entry.path(), view.join(name))?;
        }
    }
    for (file, text) in STUBS {
        let file = view.join(file);
        create_dir_all(file.parent().unwrap_or(view))?;
        write(file, text)?;
    }
    let manifest = read_to_string(library.join("Cargo.toml"))?;
    write(view.join("Cargo.toml"), workspace(&manifest))
}

/// `std` needs the other folders only.
const LEFT_OUT: [&str; 8] = [
    "alloctests",
    "coretests",
    "portable-simd",
    "proc_macro",
    "rtstartup",
    "stdarch",
    "sysroot",
    "test",
];

/// Modules of `core` that lie in folders of their own.
const STUBS: [(&str, &str); 2] = [
    ("stdarch/crates/core_arch/src/mod.rs", "pub mod arch {}\n"),
    (
        "portable-simd/crates/core_simd/src/mod.rs",
        "pub mod simd {\n    pub mod prelude {}\n}\n",
    ),
];

/// A workspace of `std` alone, with what the library's own workspace replaces (`[patch.…]`).
fn workspace(manifest: &str) -> String {
    let mut text = String::from("[workspace]\nresolver = \"1\"\nmembers = [\"std\"]\n");
    let mut patches = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            patches = line.starts_with("[patch.");
        }
        if patches {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_has_std_and_no_intrinsics() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library");
        for name in ["core", "std", "stdarch/crates/core_arch/src", "test"] {
            std::fs::create_dir_all(library.join(name)).unwrap();
        }
        std::fs::write(library.join("core/lib.rs"), "core").unwrap();
        std::fs::write(library.join("Cargo.lock"), "lock").unwrap();
        std::fs::write(
            library.join("Cargo.toml"),
            "[workspace]\nmembers = [\n  \"sysroot\",\n]\n\n[patch.crates-io]\na = { path = \"a\" }\n\n[profile.dev]\nx = 1\n",
        )
        .unwrap();
        let view = folder.path().join("view");
        lay_out(&library, &view).unwrap();
        let read = |name: &str| std::fs::read_to_string(view.join(name));
        assert_eq!(read("core/lib.rs").unwrap(), "core");
        assert_eq!(read("Cargo.lock").unwrap(), "lock");
        assert_eq!(
            read("Cargo.toml").unwrap(),
            "[workspace]\nresolver = \"1\"\nmembers = [\"std\"]\n[patch.crates-io]\na = { path = \"a\" }\n\n"
        );
        assert!(
            read("stdarch/crates/core_arch/src/mod.rs")
                .unwrap()
                .contains("pub mod arch")
        );
        assert!(!view.join("test").exists());
    }
}
