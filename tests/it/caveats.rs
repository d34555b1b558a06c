//! What must be known before numbers are trusted: under the cell, in the tree, in every result.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::session_fixture::{SessionFixture, frame_of, frame_request, open};
use anyhow::{Context, Result, ensure};
use protocol::{Command, CommandReply, Event, OpenOptions};
use serde_json::{Value, json};
use session::journal::Place;
use session::{Config, Session};

const SAID: &str =
    "2 of 6 chunks are not in the store part.zarr; their frames are the fill value 0";

/// A Zarr 2 array (2, 3 | 8, 9) of bytes with a chunk for each frame, without those of (1, 1) and (1, 2).
fn part(folder: &Path) -> Result<PathBuf> {
    store(folder, [2, 3], |y, x| y == 1 && x > 0)
}

fn store(folder: &Path, scan: [usize; 2], lacks: impl Fn(usize, usize) -> bool) -> Result<PathBuf> {
    let path = folder.join("part.zarr");
    std::fs::create_dir_all(&path)?;
    let header = json!({"zarr_format": 2, "shape": [scan[0], scan[1], 8, 9], "chunks": [1, 1, 8, 9],
        "dtype": "|u1", "compressor": null, "fill_value": 0, "order": "C", "filters": null});
    std::fs::write(path.join(".zarray"), header.to_string())?;
    for y in 0..scan[0] {
        for x in (0..scan[1]).filter(|x| !lacks(y, *x)) {
            let pixels: Vec<u8> = (0..72).map(|pixel| (5 * y + 2 * x + pixel) as u8).collect();
            std::fs::write(path.join(format!("{y}.{x}.0.0")), pixels)?;
        }
    }
    Ok(path)
}

fn opened(fixture: &SessionFixture, path: &Path) -> Result<CommandReply> {
    Ok(fixture.run(Command::Open {
        path: path.display().to_string(),
        options: OpenOptions::default(),
    })?)
}

fn save(fixture: &SessionFixture, node: u32, path: &Path) -> Result<CommandReply> {
    Ok(fixture.run(Command::Save {
        node,
        path: path.display().to_string(),
        options: Default::default(),
    })?)
}

fn texts(reply: &CommandReply) -> Vec<&str> {
    reply
        .caveats
        .iter()
        .map(|remark| remark.text.as_str())
        .collect()
}

fn of_node(fixture: &SessionFixture, node: u32) -> Result<Vec<String>> {
    let node = fixture.session.description(node).context("no node")?;
    Ok(node.caveats.into_iter().map(|caveat| caveat.text).collect())
}

#[test]
fn absent_chunks_are_told_at_opening_and_by_every_node_below() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let path = part(fixture.folder.path())?;
    let reply = opened(&fixture, &path)?;
    ensure!(texts(&reply) == [SAID], "{:?}", reply.caveats);
    ensure!(reply.caveats[0].about == path.display().to_string());
    // Each time: its output is new.
    ensure!(texts(&opened(&fixture, &path)?) == [SAID]);
    let node = reply.node.context("no node")?;
    let bright = fixture.add(node, "virtual_disk", json!({"radius": 3.0}))?;
    for node in [node, bright] {
        ensure!(of_node(&fixture, node)? == [SAID]);
    }
    let tree = fixture.run(Command::Tree)?.text.unwrap_or_default();
    ensure!(tree.matches(SAID).count() == 2, "{tree}");
    let frame = |index| frame_of(&fixture.session, frame_request(node, index, [64, 64]));
    ensure!(!frame([1, 0])?.0.filled);
    ensure!(frame([1, 2])?.0.filled);
    let text = session::provenance::describe(&path, false)?;
    ensure!(text.contains(SAID), "{text}");
    Ok(())
}

/// Everything that is said inside a saved file.
fn said_in(path: &Path) -> Result<(Vec<String>, Value)> {
    let source = io::open(path, &io::OpenOptions::default())?;
    let texts = source
        .meta()
        .caveats
        .iter()
        .map(|caveat| caveat.text.clone());
    let provenance = io::provenance(path)?.context("no provenance")?;
    Ok((
        texts.collect(),
        provenance["conventions"]["caveats"].clone(),
    ))
}

#[test]
fn every_result_carries_them_and_the_save_says_so() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = open(&fixture.session, &part(fixture.folder.path())?)?;
    let bright = fixture.add(node, "virtual_disk", json!({"radius": 3.0}))?;
    let flat = fixture.add(node, "radial_median", json!({}))?;
    for (node, name) in [(bright, "bright"), (flat, "flat")] {
        for ending in ["zspy", "hspy", "zarr", "npy"] {
            let path = fixture.path(&format!("{name}.{ending}"));
            let reply = save(&fixture, node, &path)?;
            ensure!(texts(&reply) == [SAID], "{name} {ending}: {reply:?}");
            let (own, provenance) = said_in(&path)?;
            ensure!(own == [SAID], "{name} {ending}: {own:?}");
            ensure!(provenance[0]["text"] == SAID, "{provenance}");
            ensure!(
                session::provenance::describe(&path, false)?
                    .matches(SAID)
                    .count()
                    == 1
            );
            // Who opens the result hears it too.
            ensure!(
                texts(&opened(&fixture, &path)?) == [SAID],
                "{name} {ending}"
            );
        }
    }
    let other = SessionFixture::new()?;
    let replay = other.run(Command::Replay {
        path: fixture.path("flat.zspy").display().to_string(),
        input: None,
    })?;
    ensure!(texts(&replay) == [SAID], "{:?}", replay.caveats);
    Ok(())
}

/// A store with more chunks than are looked at when it is opened, without the one that would come last.
fn large(folder: &Path) -> Result<PathBuf> {
    store(folder, [60, 70], |y, x| (y, x) == LAST_LOOKED)
}

/// Number 1601 of 4200: one step of the spread, 2599, before the first.
const LAST_LOOKED: (usize, usize) = (22, 61);

#[test]
fn what_a_save_finds_while_it_reads_is_in_its_file() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let reply = opened(&fixture, &large(fixture.folder.path())?)?;
    ensure!(reply.caveats.is_empty(), "{:?}", reply.caveats);
    let node = reply.node.context("no node")?;
    let bright = fixture.add(node, "virtual_disk", json!({"radius": 3.0}))?;
    let found = save(&fixture, bright, &fixture.path("bright.zspy"))?;
    let [text] = &texts(&found)[..] else {
        anyhow::bail!("{found:?}");
    };
    ensure!(
        *text
            == "at least 1 of 4200 chunks are not in the store part.zarr; their frames are the fill value 0"
    );
    let (own, provenance) = said_in(&fixture.path("bright.zspy"))?;
    ensure!(own == [*text] && provenance[0]["text"] == *text);
    Ok(())
}

#[test]
fn pages_hear_of_what_is_found_while_reading() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = open(&fixture.session, &large(fixture.folder.path())?)?;
    ensure!(of_node(&fixture, node)?.is_empty());
    let (tell, heard) = channel();
    let tell = Mutex::new(tell);
    fixture.session.subscribe(Box::new(move |event| {
        if let Event::TreeChanged(change) = event
            && let Ok(tell) = tell.lock()
        {
            let said = (change.nodes.iter()).any(|node| node.fields.contains_key("caveats"));
            let _ = said.then(|| tell.send(()));
        }
    }));
    let (reply, _) = frame_of(&fixture.session, frame_request(node, [22, 61], [64, 64]))?;
    ensure!(reply.filled);
    heard.recv_timeout(Duration::from_secs(20))?;
    Ok(())
}

#[test]
fn a_restored_tree_says_it_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let place = Place {
        folder: fixture.path("runtime/journal"),
        notebook: fixture.path("notebook.ipynb"),
    };
    let first = Session::new(Config::default());
    first.keep_journal(&place);
    open(&first, &part(fixture.folder.path())?)?;
    first.end_journal();
    drop(first);
    // The thread that held the lock of its journal goes with it.
    std::thread::sleep(Duration::from_millis(200));
    fixture.session.keep_journal(&place);
    let reply = fixture.run(Command::Restore)?;
    ensure!(texts(&reply) == [SAID], "{reply:?}");
    // What is in the tree already was said when it came.
    ensure!(texts(&fixture.run(Command::Restore)?).is_empty());
    Ok(())
}

#[test]
fn titles_say_what_a_result_is() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let peaks = fixture.add(flat, "local_maximum", json!({}))?;
    let bright = fixture.add(scan, "virtual_disk", json!({}))?;
    let mean = fixture.add(scan, "mean_pattern", json!({}))?;
    let title = |node: u32, name: &str| -> Result<String> {
        let path = fixture.path(name);
        save(&fixture, node, &path)?;
        let metadata = path.join("Experiments");
        let experiment = std::fs::read_dir(&metadata)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.is_dir())
            .context("no experiment")?;
        let general = std::fs::read_to_string(experiment.join("metadata/General/.zattrs"))?;
        let general: Value = serde_json::from_str(&general)?;
        Ok(general["title"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(title(scan, "copy.zspy")?, "scan");
    assert_eq!(title(flat, "flat.zspy")?, "scan (subtract radial median)");
    assert_eq!(title(peaks, "peaks.zspy")?, "Peaks of scan");
    assert_eq!(title(mean, "mean.zspy")?, "Mean pattern of scan");
    let bright = title(bright, "bright.zspy")?;
    assert!(
        bright.starts_with("Virtual") && bright.ends_with(" of scan"),
        "{bright}"
    );
    Ok(())
}
