//! A new operation is one file and one line: it is added to a copy of the sources as a person adds it, built, and held to the
//! contract of all.
//!
//! The copy lies in the target folder, where the next run finds what this one has built: some 40 s the first time, then a few.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Texts by their paths from the root.
type Sources = BTreeMap<PathBuf, String>;

const LIST: &str = "kernel/ops/src/background.rs";
const FILE: &str = "kernel/ops/src/background/scale.rs";
const LINE: &str = "    pub mod scale: ScaleFrames;\n";

/// What operations, their contract and the generator of the cells' structs are built from.
fn sources(root: &Path) -> Result<Sources> {
    let mut sources = Sources::new();
    let mut open: Vec<PathBuf> = [
        "Cargo.lock",
        "rust-toolchain.toml",
        "kernel/signal",
        "kernel/ops",
        "tests/it/operations.rs",
        "tests/it/operations",
    ]
    .map(PathBuf::from)
    .to_vec();
    while let Some(path) = open.pop() {
        let place = root.join(&path);
        if place.is_dir() {
            for entry in std::fs::read_dir(&place)? {
                open.push(path.join(entry?.file_name()));
            }
        } else {
            let text = std::fs::read_to_string(&place)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            sources.insert(path, text);
        }
    }
    Ok(sources)
}

/// The template, as it is, in the folder of its kind, and its line.
fn with_operation(sources: &Sources) -> Result<Sources> {
    let mut sources = sources.clone();
    let template = sources[Path::new("kernel/ops/src/template.rs")].clone();
    sources.insert(FILE.into(), template);
    let list = sources.get_mut(Path::new(LIST)).context(LIST)?;
    let begin = "operations! {\n";
    let at = list.find(begin).context("no list of operations")? + begin.len();
    list.insert_str(at, LINE);
    Ok(sources)
}

/// Files that were added, and lines that others have more, and less.
fn difference(before: &Sources, after: &Sources) -> (Vec<PathBuf>, Vec<String>, Vec<String>) {
    let (mut files, mut more, mut less) = (Vec::new(), Vec::new(), Vec::new());
    for (path, after) in after {
        let Some(before) = before.get(path) else {
            files.push(path.clone());
            continue;
        };
        let lines = |of: &str, without: &str| -> Vec<String> {
            let without: Vec<&str> = without.lines().collect();
            let of = of.lines().filter(|line| !without.contains(line));
            of.map(str::to_owned).collect()
        };
        more.extend(lines(after, before));
        less.extend(lines(before, after));
    }
    (files, more, less)
}

/// A workspace of what is there, with the versions and dependencies of the whole one.
fn manifest(root: &Path) -> Result<String> {
    let whole = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let shared = whole
        .split_once("[workspace.package]")
        .and_then(|(_, rest)| rest.split_once("\n# One profile"))
        .context("Cargo.toml has another order")?
        .0;
    Ok(format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"kernel/*\", \"tests\"]\n\n\
         [workspace.package]{shared}\n[profile.dev]\ndebug = 0\ndebug-assertions = false\noverflow-checks = false\n"
    ))
}

const TESTS: &str = "\
[package]
name = \"tests\"
version.workspace = true
edition.workspace = true

[dev-dependencies]
anyhow.workspace = true
ops.workspace = true
serde_json.workspace = true
signal.workspace = true

[[test]]
name = \"it\"
path = \"it/main.rs\"
";

/// Writes what differs, so that what is built of the rest stays good.
fn write(folder: &Path, sources: &Sources) -> Result<()> {
    for (path, text) in sources {
        let path = folder.join(path);
        if std::fs::read_to_string(&path).is_ok_and(|present| present == *text) {
            continue;
        }
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::write(&path, text)?;
    }
    Ok(())
}

/// Removes what lies in the copy from an earlier state of the sources.
fn remove_others(folder: &Path, sources: &Sources) -> Result<()> {
    let mut open = vec![folder.join("kernel"), folder.join("tests")];
    while let Some(place) = open.pop() {
        for entry in std::fs::read_dir(&place)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if !sources.contains_key(path.strip_prefix(folder)?) {
                std::fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("SIGNALTREE_TEST_OPERATION", "scale")
        .output()
        .context("cargo does not start")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "cargo {}:\n{text}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

#[test]
fn a_new_operation_is_one_file_and_one_line() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let before = sources(&root)?;
    let mut copy = with_operation(&before)?;
    let (files, more, less) = difference(&before, &copy);
    ensure!(files == [Path::new(FILE)], "{files:?}");
    ensure!(
        more == [LINE.trim_end()] && less.is_empty(),
        "{more:?} {less:?}"
    );

    copy.insert("Cargo.toml".into(), manifest(&root)?);
    copy.insert("tests/Cargo.toml".into(), TESTS.into());
    copy.insert("tests/it/main.rs".into(), "mod operations;\n".into());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("one_line");
    write(&folder, &copy)?;
    remove_others(&folder, &copy)?;

    // Its golden is not there, which another test says.
    let told = cargo(
        &folder,
        &["test", "--offline", "-p", "tests", "--", "--skip", "golden"],
    )?;
    for test in [
        "every_operation_keeps_the_contract_on_awkward_frames",
        "every_operation_is_among_its_kind",
        "every_schema_is_complete_and_its_defaults_are_allowed",
        "refusals::operations_refuse_what_does_not_fit_and_say_why",
    ] {
        let passed = format!("test operations::{test} ... ok");
        ensure!(told.contains(&passed), "{passed} is not in\n{told}");
    }

    let generate = [
        "run",
        "--offline",
        "-q",
        "-p",
        "ops",
        "--example",
        "cell_structs",
    ];
    let cells = cargo(&folder, &generate)?;
    for line in [
        "/// Scale: Multiplies every pixel by a factor.\n",
        "pub struct Scale {\n",
        "const NAME: &'static str = \"scale\";\n",
        "pub fn scale(&self, factor: f64) -> Result<Signal> {\n",
    ] {
        ensure!(cells.contains(line), "{line} is not in what codegen makes");
    }
    Ok(())
}
