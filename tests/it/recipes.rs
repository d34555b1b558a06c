//! Recipes: what a notebook has computed, computed again without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::session_fixture::{Root, SessionFixture, annulus, open, save};
use anyhow::{Context, Result, ensure};
use protocol::{Command, WireError};
use serde_json::{Value, json};
use session::batch::{self, Batch, Listener, Part};
use session::{Config, Session};

/// Every file below a folder, but for what holds a date.
fn contents(root: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)?.flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != ".zattrs" && entry.file_name() != "zarr.json" {
                let path = entry.path();
                found.insert(path.strip_prefix(root)?.to_owned(), std::fs::read(path)?);
            }
        }
    }
    Ok(found)
}

fn compute(batch: &Batch, threads: usize) -> Result<Vec<batch::Finished>, WireError> {
    compute_unless(batch, threads, &|| false)
}

fn compute_unless(
    batch: &Batch,
    threads: usize,
    interrupted: &dyn Fn() -> bool,
) -> Result<Vec<batch::Finished>, WireError> {
    let session = Session::new(Config {
        threads,
        ..Config::default()
    });
    let mut listener = Listener {
        interrupted,
        progress: &mut |_| {},
        warn: &mut |_| {},
    };
    batch::compute(&session, batch, &mut listener)
}

/// A scan with a background, an annulus and a disk below it, and the recipe for all three.
fn recipe(fixture: &SessionFixture) -> Result<PathBuf> {
    let (scan, ring) = annulus(fixture)?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let disk = fixture.add(flat, "virtual_disk", json!({}))?;
    let path = fixture.path("recipe.json");
    fixture.run(Command::Recipe {
        nodes: vec![ring, flat, disk],
        path: path.display().to_string(),
    })?;
    for node in [ring, flat, disk] {
        let name = fixture.session.description(node).context("no node")?.name;
        save(fixture, node, &fixture.path(&format!("{name}.zspy")))?;
    }
    Ok(path)
}

const OUTPUTS: [&str; 3] = [
    "virtual_image.zspy",
    "subtract_background.zspy",
    "virtual_image_2.zspy",
];

#[test]
fn a_recipe_computes_what_the_notebook_saves_alone_or_in_parts() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let recipe = recipe(&fixture)?;
    let whole = Batch {
        recipe: recipe.clone(),
        out: fixture.path("whole"),
        ..Batch::default()
    };
    let finished = compute(&whole, 2)?;
    ensure!(finished.len() == 3 && finished.iter().all(|one| !one.was_there));
    let again = compute(&whole, 1)?;
    ensure!(again.iter().all(|one| one.was_there), "{again:?}");
    let parts = fixture.path("parts");
    for number in [3, 1, 2] {
        let part = Batch {
            out: parts.clone(),
            part: Some(Part { number, of: 3 }),
            ..whole.clone()
        };
        if number == 2 {
            let error = batch::combine(&parts).unwrap_err();
            ensure!(error.message.contains("were not computed"), "{error}");
        }
        compute(&part, number)?;
    }
    let combined = batch::combine(&parts)?;
    ensure!(combined.len() == 3, "{combined:?}");
    for name in OUTPUTS {
        let expected = contents(&fixture.path(name))?;
        ensure!(!expected.is_empty());
        ensure!(
            contents(&whole.out.join(name))? == expected,
            "{name} differs"
        );
        ensure!(
            contents(&parts.join(name))? == expected,
            "{name} of parts differs"
        );
    }
    ensure!(std::fs::read_dir(&parts)?.count() == 3, "something is left");
    let error = batch::combine(&parts).unwrap_err();
    ensure!(error.code == "nothing_to_combine", "{error}");
    Ok(())
}

#[test]
fn an_interrupted_recipe_goes_on_where_it_was() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let path = recipe(&fixture)?;
    let stopped = Batch {
        recipe: path,
        out: fixture.path("out"),
        ..Batch::default()
    };
    let error = compute_unless(&stopped, 1, &|| true).unwrap_err();
    ensure!(error.code == "cancelled", "{error}");
    compute(&stopped, 2)?;
    for name in OUTPUTS {
        ensure!(contents(&stopped.out.join(name))? == contents(&fixture.path(name))?);
    }
    Ok(())
}

#[test]
fn recipes_that_cannot_be_carried_out_say_why_and_write_nothing() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let path = recipe(&fixture)?;
    let good: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    let attempt = |change: &dyn Fn(&mut Value), batch: Batch| -> Result<WireError> {
        let mut recipe = good.clone();
        change(&mut recipe);
        std::fs::write(fixture.path("bad.json"), recipe.to_string())?;
        let batch = Batch {
            recipe: fixture.path("bad.json"),
            out: fixture.path("out"),
            ..batch
        };
        compute(&batch, 1).err().context("it was carried out")
    };
    let plain = Batch::default;
    type Change = Box<dyn Fn(&mut Value)>;
    let cases: Vec<(&str, &str, Change)> = vec![
        (
            "recipe",
            "no recipe",
            Box::new(|recipe| {
                recipe
                    .as_object_mut()
                    .map(|fields| fields.remove("signaltree_recipe"));
            }),
        ),
        (
            "recipe",
            "version 7",
            Box::new(|recipe| recipe["signaltree_recipe"] = json!(7)),
        ),
        (
            "unknown_operation",
            "radial_medium",
            Box::new(|recipe| {
                recipe["nodes"][1]["operation"] = json!("radial_medium");
            }),
        ),
        (
            "parameter",
            "outer_radius",
            Box::new(|recipe| {
                recipe["nodes"][0]["parameters"]["outer_radius"] = json!(-3.0);
            }),
        ),
        (
            "recipe",
            "no node before it",
            Box::new(|recipe| {
                recipe["nodes"][0]["parents"] = json!(["nobody"]);
            }),
        ),
        (
            "recipe",
            "not the name of a file",
            Box::new(|recipe| {
                recipe["outputs"][0]["file"] = json!("../elsewhere.zspy");
            }),
        ),
        (
            "recipe",
            "two outputs",
            Box::new(|recipe| {
                recipe["outputs"][0]["file"] = recipe["outputs"][1]["file"].clone();
            }),
        ),
        (
            "recipe",
            "unknown field",
            Box::new(|recipe| recipe["nodes"][0]["paramters"] = json!({})),
        ),
        (
            "not_found",
            "missing.npy",
            Box::new(|recipe| {
                recipe["inputs"][0]["path"] = json!("missing.npy");
                recipe["inputs"][0]["relative_path"] = json!("missing.npy");
            }),
        ),
        (
            "input",
            "leaves open",
            Box::new(|recipe| {
                recipe["inputs"][0]
                    .as_object_mut()
                    .map(|input| input.remove("path"));
            }),
        ),
    ];
    for (code, part, change) in cases {
        let error = attempt(&*change, plain())?;
        ensure!(
            error.code == code && error.to_string().contains(part),
            "{part}: {} {error}",
            error.code
        );
    }
    let given = |name: Option<&str>, path: &str| Batch {
        inputs: vec![(name.map(str::to_owned), path.into())],
        ..Batch::default()
    };
    let error = attempt(&|_| {}, given(Some("other"), "scan.npy"))?;
    ensure!(error.message.contains("no input `other`"), "{error}");
    let error = attempt(&|_| {}, given(None, "nowhere.npy"))?;
    ensure!(error.code == "not_found", "{error}");
    let absurd = Batch {
        part: Some(Part { number: 4, of: 3 }),
        ..Batch::default()
    };
    let error = attempt(&|_| {}, absurd)?;
    ensure!(error.code == "part", "{error}");
    ensure!(!fixture.path("out").exists(), "something was written");
    let slot = Batch {
        recipe: fixture.path("bad.json"),
        out: fixture.path("out"),
        inputs: vec![(None, fixture.path("scan.npy"))],
        ..Batch::default()
    };
    let mut open_slot = good.clone();
    open_slot["inputs"][0] = json!({"name": "scan"});
    std::fs::write(fixture.path("bad.json"), open_slot.to_string())?;
    ensure!(compute(&slot, 2)?.len() == 3);
    ensure!(contents(&slot.out.join(OUTPUTS[0]))? == contents(&fixture.path(OUTPUTS[0]))?);
    Ok(())
}

#[test]
fn a_recipe_holds_no_closure_and_no_file_alone() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let path = fixture.path("recipe.json").display().to_string();
    let recipe = |node| {
        fixture.run(Command::Recipe {
            nodes: vec![node],
            path: path.clone(),
        })
    };
    ensure!(recipe(scan).unwrap_err().message.contains("is a file"));
    let root = fixture
        .session
        .add_map(scan, Arc::new(Root { panics_at: None }))?;
    let disk = fixture.add(root, "virtual_disk", json!({}))?;
    let error = recipe(disk).unwrap_err();
    ensure!(error.code == "closure", "{error}");
    ensure!(!Path::new(&path).exists());
    let again = open(&fixture.session, &fixture.path("scan.npy"))?;
    let other = fixture.add(again, "virtual_disk", json!({}))?;
    recipe(other)?;
    Ok(())
}
