//! The crates of the kernel may depend on each other, and on third parties, only as
//! `kernel/ARCHITECTURE.md` says.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Every edge between our crates that is allowed; missing ones are fine.
const EDGES: [(&str, &[&str]); 11] = [
    ("signal", &[]),
    ("protocol", &[]),
    ("signaltree", &[]),
    ("io", &["signal"]),
    ("ops", &["signal"]),
    ("tree", &["signal"]),
    ("views", &["signal"]),
    (
        "session",
        &["signal", "io", "ops", "tree", "views", "protocol"],
    ),
    // `signal` too: frames and closures cross from the engine into cells as they are. `signaltree`: cells
    // of API calls alone call the very crate that compiled cells are compiled against.
    ("eval", &["signal", "protocol", "session", "signaltree"]),
    ("jupyter", &["signal", "protocol", "session", "eval"]),
    ("xtask", &[]),
];

/// Third parties that one crate alone may use.
const FENCES: [(&str, &str); 18] = [
    ("zarrs", "io"),
    ("hdf5-reader", "io"),
    ("flate2", "io"),
    ("memmap2", "io"),
    ("rayon", "tree"),
    ("ab_glyph", "views"),
    ("dejavu", "views"),
    ("png", "views"),
    ("base64", "views"),
    ("jupyter-protocol", "jupyter"),
    ("tokio", "jupyter"),
    ("evcxr", "eval"),
    ("syn", "eval"),
    ("salsa", "eval"),
    ("ts-rs", "protocol"),
    ("rand", "session"),
    ("rand_distr", "session"),
    // The kernel has sockets of its own.
    ("zeromq", "tests"),
];

/// Normal dependencies of each package below `kernel/`.
fn dependencies() -> Result<BTreeMap<String, Vec<String>>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(packages
        .iter()
        .filter(|package| text(&package["manifest_path"]).contains("kernel"))
        .map(|package| {
            let normal = package["dependencies"].as_array().into_iter().flatten();
            let names = normal
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect();
            (text(&package["name"]), names)
        })
        .collect())
}

#[test]
fn crates_depend_on_each_other_as_drawn() -> Result<()> {
    let ours = dependencies()?;
    for (package, dependencies) in &ours {
        let (_, allowed) = EDGES
            .iter()
            .find(|(name, _)| name == package)
            .with_context(|| format!("`{package}` is not in the drawing; add it with its edges"))?;
        for dependency in dependencies.iter().filter(|name| ours.contains_key(*name)) {
            ensure!(
                allowed.contains(&dependency.as_str()),
                "`{package}` must not depend on `{dependency}`"
            );
        }
    }
    ensure!(
        ours.len() == EDGES.len(),
        "a crate of the drawing is missing"
    );
    Ok(())
}

#[test]
fn third_parties_stay_behind_their_fences() -> Result<()> {
    for (package, dependencies) in dependencies()? {
        for (third_party, owner) in FENCES {
            ensure!(
                package == owner
                    || !dependencies.iter().any(|name| name == third_party)
                    // Messages carry pictures as text.
                    || (package == "jupyter" && third_party == "base64"),
                "only `{owner}` may use {third_party}, `{package}` does"
            );
        }
    }
    Ok(())
}
