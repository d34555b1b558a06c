//! Files that are changed or replaced while they are open.

use std::path::Path;
use std::time::Duration;

use crate::session_fixture::{self, SessionFixture, frame_request, open};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, OpenOptions, SaveOptions};
use serde_json::json;

/// What is not computed yet cannot be any more; what is complete stays and may be saved.
#[test]
fn maps_of_a_file_that_was_replaced_are_refused_unless_they_are_complete() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let path = fixture.path("again.zspy");
    let chunked = |node: u32, path: &Path, chunk: Option<Vec<u32>>| Command::Save {
        node,
        path: path.display().to_string(),
        options: SaveOptions {
            chunk,
            ..Default::default()
        },
    };
    let save = |node: u32, path: &Path| chunked(node, path, None);
    fixture.run(chunked(scan, &path, Some(vec![2, 2])))?;
    // Twice, with a cache of their own: a file that was just written is not taken for the same.
    let (first, stored) = (
        open(&fixture.session, &path)?,
        open(&fixture.session, &path)?,
    );
    let disk = |of: u32| fixture.add(of, "virtual_disk", json!({"radius": 3.5}));
    let (complete, missing) = (disk(first)?, disk(stored)?);
    let mean = fixture.add(stored, "radial_median", json!({}))?;
    fixture.run(Command::Compute { node: complete })?;
    // Some of its chunks are in memory.
    fixture.session.frame(stored, &[0, 0])?;
    std::thread::sleep(Duration::from_millis(20)); // the clock of the file system
    let other = fixture.path("other.zspy");
    fixture.run(chunked(scan, &other, Some(vec![2, 2])))?;
    std::fs::remove_dir_all(&path)?;
    std::fs::rename(&other, &path)?;
    let commands = [
        Command::Compute { node: missing },
        Command::Compute { node: mean },
        Command::ComputeAll {
            nodes: vec![complete, missing],
        },
        save(missing, &fixture.path("missing.npy")),
        save(missing, &fixture.path("missing.zspy")),
        save(mean, &fixture.path("mean.zarr")),
    ];
    for command in commands {
        let text = format!("{command:?}");
        let Err(refused) = fixture.run(command) else {
            bail!("{text}")
        };
        ensure!(
            refused.message.contains("replaced since it was opened")
                && refused.hint == "open it again",
            "{text}: {refused}"
        );
    }
    ensure!(!fixture.path("missing.npy").exists() && !fixture.path("missing.zspy").exists());
    fixture.run(Command::Compute { node: complete })?;
    fixture.run(save(complete, &fixture.path("complete.npy")))?;
    let (reply, _) =
        session_fixture::frame_of(&fixture.session, frame_request(complete, [0, 0], [64, 64]))?;
    ensure!(reply.complete == 1.0);
    ensure!(
        session_fixture::frame_of(&fixture.session, frame_request(missing, [0, 0], [64, 64]))
            .is_err()
    );
    Ok(())
}

#[test]
fn files_that_pixels_come_from_are_watched_and_not_replaced() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/kinds");
    for name in ["virtual.h5", "run_data_000001.h5", "run_data_000002.h5"] {
        std::fs::copy(kinds.join(name), fixture.path(name))?;
    }
    let open_again = || -> Result<u32> {
        let reply = fixture.run(Command::Open {
            path: fixture.path("virtual.h5").display().to_string(),
            options: OpenOptions {
                dataset: Some("stacked".into()),
                ..OpenOptions::default()
            },
        })?;
        reply.node.context("no node")
    };
    let linked = open_again()?;
    let flat = fixture.add(linked, "radial_median", json!({}))?;
    let save = |path: &Path| {
        fixture.run(Command::Save {
            node: flat,
            path: path.display().to_string(),
            options: Default::default(),
        })
    };
    let part = fixture.path("run_data_000002.h5");
    let before = std::fs::read(&part)?;
    let hspy = fixture.path("run_data.hspy");
    std::os::unix::fs::symlink(&part, &hspy)?;
    let error = save(&hspy).map(drop).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("come pixels of what is open as"),
        "{error}"
    );
    ensure!(std::fs::read(&part)? == before);
    // Inside a store that is open.
    let store = fixture.path("flat.zarr");
    save(&store)?;
    open(&fixture.session, &store)?;
    let error = save(&store.join("inner.zarr")).map(drop).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("it lies in what is open as"),
        "{error}"
    );
    // Another stamp, and what is opened again is read again.
    let first = fixture.session.frame(linked, &[8])?;
    std::fs::File::options()
        .append(true)
        .open(&part)?
        .set_modified(std::time::SystemTime::now())?;
    let again = open_again()?;
    ensure!(fixture.session.frame(again, &[7])?.len() == first.len());
    let old = fixture.session.frame(linked, &[7]).map(drop).unwrap_err();
    ensure!(
        old.message.contains("was changed since it was opened"),
        "{old}"
    );
    Ok(())
}
