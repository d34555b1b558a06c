//! Files that are changed or replaced while they are open.

use std::path::Path;
use std::time::Duration;

use crate::desk::{self, Desk, open, wish};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, OpenOptions, SaveOptions};
use serde_json::json;

/// What is not computed yet cannot be any more; what is complete stays and may be saved.
#[test]
fn maps_of_a_file_that_was_replaced_are_refused_unless_they_are_complete() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let path = desk.path("again.zspy");
    let chunked = |node: u32, path: &Path, chunk: Option<Vec<u32>>| Command::Save {
        node,
        path: path.display().to_string(),
        options: SaveOptions {
            chunk,
            ..Default::default()
        },
    };
    let save = |node: u32, path: &Path| chunked(node, path, None);
    desk.run(chunked(scan, &path, Some(vec![2, 2])))?;
    // Twice, with a cache of their own: a file that was just written is not taken for the same.
    let (first, stored) = (open(&desk.session, &path)?, open(&desk.session, &path)?);
    let disk = |of: u32| desk.add(of, "virtual_disk", json!({"radius": 3.5}));
    let (complete, missing) = (disk(first)?, disk(stored)?);
    let mean = desk.add(stored, "radial_median", json!({}))?;
    desk.run(Command::Compute { node: complete })?;
    // Some of its chunks are in memory.
    desk.session.frame(stored, &[0, 0])?;
    std::thread::sleep(Duration::from_millis(20)); // the clock of the file system
    let other = desk.path("other.zspy");
    desk.run(chunked(scan, &other, Some(vec![2, 2])))?;
    std::fs::remove_dir_all(&path)?;
    std::fs::rename(&other, &path)?;
    let commands = [
        Command::Compute { node: missing },
        Command::Compute { node: mean },
        Command::ComputeAll {
            nodes: vec![complete, missing],
        },
        save(missing, &desk.path("missing.npy")),
        save(missing, &desk.path("missing.zspy")),
        save(mean, &desk.path("mean.zarr")),
    ];
    for command in commands {
        let text = format!("{command:?}");
        let Err(refused) = desk.run(command) else {
            bail!("{text}")
        };
        ensure!(
            refused.message.contains("replaced since it was opened")
                && refused.hint == "open it again",
            "{text}: {refused}"
        );
    }
    ensure!(!desk.path("missing.npy").exists() && !desk.path("missing.zspy").exists());
    desk.run(Command::Compute { node: complete })?;
    desk.run(save(complete, &desk.path("complete.npy")))?;
    let (reply, _) = desk::frame_of(&desk.session, wish(complete, [0, 0], [64, 64]))?;
    ensure!(reply.complete == 1.0);
    ensure!(desk::frame_of(&desk.session, wish(missing, [0, 0], [64, 64])).is_err());
    Ok(())
}

#[test]
fn files_that_pixels_come_from_are_watched_and_not_replaced() -> Result<()> {
    let desk = Desk::new()?;
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/kinds");
    for name in ["virtual.h5", "run_data_000001.h5", "run_data_000002.h5"] {
        std::fs::copy(kinds.join(name), desk.path(name))?;
    }
    let open_again = || -> Result<u32> {
        let reply = desk.run(Command::Open {
            path: desk.path("virtual.h5").display().to_string(),
            options: OpenOptions {
                dataset: Some("stacked".into()),
                ..OpenOptions::default()
            },
        })?;
        reply.node.context("no node")
    };
    let linked = open_again()?;
    let flat = desk.add(linked, "radial_median", json!({}))?;
    let save = |path: &Path| {
        desk.run(Command::Save {
            node: flat,
            path: path.display().to_string(),
            options: Default::default(),
        })
    };
    let part = desk.path("run_data_000002.h5");
    let before = std::fs::read(&part)?;
    let hspy = desk.path("run_data.hspy");
    std::os::unix::fs::symlink(&part, &hspy)?;
    let error = save(&hspy).map(drop).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("come pixels of what is open as"),
        "{error}"
    );
    ensure!(std::fs::read(&part)? == before);
    // Inside a store that is open.
    let store = desk.path("flat.zarr");
    save(&store)?;
    open(&desk.session, &store)?;
    let error = save(&store.join("inner.zarr")).map(drop).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("it lies in what is open as"),
        "{error}"
    );
    // Another stamp, and what is opened again is read again.
    let first = desk.session.frame(linked, &[8])?;
    std::fs::File::options()
        .append(true)
        .open(&part)?
        .set_modified(std::time::SystemTime::now())?;
    let again = open_again()?;
    ensure!(desk.session.frame(again, &[7])?.len() == first.len());
    let old = desk.session.frame(linked, &[7]).map(drop).unwrap_err();
    ensure!(
        old.message.contains("was changed since it was opened"),
        "{old}"
    );
    Ok(())
}
