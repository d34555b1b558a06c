//! How results came to be: history, branches, differences, provenance, replay.

use crate::scan_files;
use std::path::Path;
use std::sync::Arc;

use crate::session_fixture::{self, Root, SessionFixture, annulus, ask, save};
use anyhow::{Context, Result, ensure};
use protocol::{Command, Reply, Request, WireError};
use serde_json::{Value, json};
use session::journal::Place;
use session::{Config, Session};

fn params(fixture: &SessionFixture, node: u32) -> Result<Value> {
    Ok(fixture.session.description(node).context("no node")?.params)
}

fn width(fixture: &SessionFixture, node: u32) -> Result<(f64, bool, bool)> {
    let node = fixture.session.description(node).context("no node")?;
    let radius = node.params["outer_radius"].as_f64().context("no radius")?;
    Ok((radius, node.can_undo, node.can_redo))
}

fn set(fixture: &SessionFixture, node: u32, radius: f64) -> Result<(), WireError> {
    let params = json!({"outer_radius": radius});
    fixture.run(Command::SetParams { node, params }).map(drop)
}

#[test]
fn changes_of_parameters_are_taken_back_and_made_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (scan, ring) = annulus(&fixture)?;
    ensure!(width(&fixture, ring)? == (5.0, false, false));
    let error = fixture.run(Command::Undo { node: ring }).unwrap_err();
    ensure!(error.code == "no_history", "{error}");
    let at_five = fixture.run(values(ring))?.numbers;
    for radius in [6.0, 7.0, 8.0] {
        set(&fixture, ring, radius)?;
    }
    set(&fixture, ring, 8.0)?; // no change, no history
    let at_eight = fixture.run(values(ring))?.numbers;
    ensure!(at_five != at_eight);
    fixture.run(Command::Undo { node: ring })?;
    ensure!(width(&fixture, ring)? == (7.0, true, true));
    for _ in 0..2 {
        let undone = Request::Undo {
            request_id: 1,
            node: ring,
        };
        ensure!(matches!(
            ask(&fixture.session, undone)?.0,
            Reply::Done { .. }
        ));
    }
    ensure!(width(&fixture, ring)? == (5.0, false, true));
    ensure!(fixture.run(values(ring))?.numbers == at_five);
    for _ in 0..3 {
        fixture.run(Command::Redo { node: ring })?;
    }
    ensure!(width(&fixture, ring)? == (8.0, true, false));
    ensure!(fixture.run(values(ring))?.numbers == at_eight);
    fixture.run(Command::Undo { node: ring })?;
    set(&fixture, ring, 9.0)?;
    ensure!(
        width(&fixture, ring)? == (9.0, true, false),
        "a new change ends what could be made again"
    );
    for radius in 0..150 {
        set(&fixture, ring, 10.0 + f64::from(radius) / 100.0)?;
    }
    let mut back = 0;
    while fixture.run(Command::Undo { node: ring }).is_ok() {
        back += 1;
    }
    ensure!(back == tree::REMEMBERED_CHANGES, "{back}");
    let error = fixture.run(Command::Undo { node: scan }).unwrap_err();
    ensure!(error.code == "no_parameters", "{error}");
    Ok(())
}

fn values(node: u32) -> Command {
    Command::Values {
        node,
        index: vec![2, 3],
    }
}

#[test]
fn the_history_outlives_the_kernel() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let place = Place {
        folder: fixture.path("journals"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    let (_, ring) = annulus(&fixture)?;
    set(&fixture, ring, 6.0)?;
    set(&fixture, ring, 7.0)?;
    fixture.run(Command::Undo { node: ring })?;
    fixture.session.end_journal();
    let SessionFixture { session, folder } = fixture;
    drop(session);
    // The journal thread lets go of its lock a moment later.
    let next = (0..100)
        .find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let next = Session::new(Config::default());
            next.keep_journal(&place);
            let restored = next.command(Command::Restore, &|| false, &mut |_| {});
            restored.is_ok().then_some(next)
        })
        .context("nothing was restored")?;
    let fixture = SessionFixture {
        session: next,
        folder,
    };
    ensure!(width(&fixture, ring)? == (6.0, true, true));
    fixture.run(Command::Redo { node: ring })?;
    ensure!(width(&fixture, ring)? == (7.0, true, false));
    fixture.run(Command::Undo { node: ring })?;
    fixture.run(Command::Undo { node: ring })?;
    ensure!(width(&fixture, ring)? == (5.0, false, true));
    Ok(())
}

#[test]
fn a_branch_goes_its_own_way_and_the_difference_says_which() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (scan, ring) = annulus(&fixture)?;
    let branch = match ask(
        &fixture.session,
        Request::Branch {
            request_id: 4,
            node: ring,
        },
    )?
    .0
    {
        Reply::Done { node, .. } => node.context("no branch")?,
        other => anyhow::bail!("{other:?}"),
    };
    ensure!(params(&fixture, branch)? == params(&fixture, ring)?);
    let description = fixture.session.description(branch).context("no node")?;
    ensure!(description.parents == [scan] && description.name.ends_with("_branch"));
    let same = diff(&fixture, ring, branch)?;
    ensure!(
        same.rows.is_empty() && same.common.as_deref() == Some("scan"),
        "{same:?}"
    );
    set(&fixture, branch, 6.5)?;
    ensure!(width(&fixture, ring)?.0 == 5.0);
    let one = diff(&fixture, ring, branch)?;
    ensure!(one.rows.len() == 1, "{one:?}");
    let row = &one.rows[0];
    ensure!(row.parameter == "outer_radius" && row.units == "px");
    ensure!((row.a.as_deref(), row.b.as_deref()) == (Some("5"), Some("6.5")));
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let of_flat = fixture.add(
        flat,
        "virtual_annulus",
        json!({"inner_radius": 2.0, "outer_radius": 5.0}),
    )?;
    let longer = diff(&fixture, ring, of_flat)?;
    let only = longer.rows.iter().find(|row| row.parameter.is_empty());
    let only = only.context("the background is not named")?;
    ensure!(only.a.is_none() && only.b.is_some(), "{longer:?}");
    let error = fixture.run(Command::Branch { node: scan }).unwrap_err();
    ensure!(error.message.contains("is a file"), "{error}");
    Ok(())
}

fn diff(fixture: &SessionFixture, a: u32, b: u32) -> Result<protocol::Difference> {
    let reply = fixture.run(Command::Diff { a, b })?;
    Ok(*reply.difference.context("no difference")?)
}

#[test]
fn every_format_carries_how_it_was_made_and_replays_to_the_same_frames() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let log = fixture.add(
        flat,
        "difference_of_gaussians",
        json!({"min_sigma": 1.0, "max_sigma": 4.0}),
    )?;
    for format in ["zspy", "zarr", "hspy", "npy"] {
        let path = fixture.path(&format!("result.{format}"));
        save(&fixture, log, &path)?;
        let told = io::provenance(&path)?.with_context(|| format!("{format} does not say"))?;
        ensure!(told["signaltree_provenance"] == 1, "{format}: {told:#}");
        ensure!(
            told["nodes"]
                .as_array()
                .is_some_and(|nodes| nodes.len() == 3)
        );
        ensure!(told["nodes"][0]["file"]["format"] == "npy", "{told:#}");
        ensure!(told["nodes"][0]["file"]["relative_path"] == "scan.npy");
        ensure!(told["nodes"][2]["parameters"]["min_sigma"] == 1.0);
        let other = Session::new(Config::default());
        let replay = Command::Replay {
            path: path.display().to_string(),
            input: None,
        };
        let reply = other.command(replay.clone(), &|| false, &mut |_| {})?;
        let restored = reply.restored.context("nothing came back")?;
        ensure!(
            restored.problems.is_empty(),
            "{format}: {:?}",
            restored.problems
        );
        ensure!(restored.nodes.len() == 3 && restored.nodes.iter().all(|node| node.variable));
        let again = reply.node.context("no node")?;
        for index in [[0, 0], [4, 6], [2, 3]] {
            let (old, new) = (
                fixture.session.frame(log, &index)?,
                other.frame(again, &index)?,
            );
            ensure!(old.as_bytes() == new.as_bytes());
        }
        let twice = other.command(replay, &|| false, &mut |_| {})?;
        ensure!(
            twice.node == Some(again),
            "a second replay makes nothing new"
        );
    }
    let text = session::provenance::describe(&fixture.path("result.zarr"), false)?;
    for part in [
        "Axes, slowest first",
        "Subtract radial median of scan",
        "min_sigma = 1",
        "as it was",
        "slowest first, navigation",
    ] {
        ensure!(text.contains(part), "{part} is missing in\n{text}");
    }
    let as_json: Value = serde_json::from_str(&session::provenance::describe(
        &fixture.path("result.npy"),
        true,
    )?)?;
    ensure!(
        as_json["provenance"]["result"] == "subtract_background_2",
        "{as_json:#}"
    );
    let plain = session::provenance::describe(&fixture.path("scan.npy"), false)?;
    ensure!(plain.contains("does not say how it was made") && plain.contains("24"));
    Ok(())
}

#[test]
fn a_file_of_peaks_tells_its_columns_with_their_units() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({"radius": 4.0}))?;
    for format in ["zspy", "hspy"] {
        let path = fixture.path(&format!("peaks.{format}"));
        session_fixture::save(&fixture, peaks, &path)?;
        let text = session::provenance::describe(&path, false)?;
        for column in signal::Peaks::COLUMNS {
            let unit = signal::Peaks::unit(column, "counts");
            let told = text.lines().any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(column) && (unit.is_empty() || words.next() == Some(unit))
            });
            ensure!(told, "{format}: {column} in {unit} is missing in\n{text}");
        }
        ensure!(text.contains("threshold = left out"), "{text}");
        ensure!(
            !text.contains("automatically") && !text.contains("values in"),
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn replay_finds_a_moved_file_and_says_when_it_is_another_or_gone() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (scan, ring) = annulus(&fixture)?;
    save(&fixture, ring, &fixture.path("ring.zspy"))?;
    let inner = fixture
        .session
        .add_map(scan, Arc::new(Root { panics_at: None }))?;
    let below = fixture.add(inner, "virtual_disk", json!({}))?;
    save(&fixture, below, &fixture.path("below.zspy"))?;
    let moved = tempfile::tempdir()?;
    for name in ["scan.npy", "ring.zspy", "below.zspy"] {
        std::fs::rename(fixture.path(name), moved.path().join(name))?;
    }
    let replay = |name: &str, input: Option<&Path>| {
        let session = Session::new(Config::default());
        let command = Command::Replay {
            path: moved.path().join(name).display().to_string(),
            input: input.map(|path| path.display().to_string()),
        };
        session.command(command, &|| false, &mut |_| {})
    };
    let found = replay("ring.zspy", None)?.restored.context("nothing")?;
    ensure!(
        found.nodes.len() == 2 && found.problems.is_empty(),
        "{found:?}"
    );
    let closure = replay("below.zspy", None)?.restored.context("nothing")?;
    ensure!(closure.nodes.len() == 1 && closure.problems.iter().all(|problem| problem.lost));
    ensure!(
        closure.problems[0].message.contains("closure"),
        "{closure:?}"
    );
    let other = moved.path().join("other.npy");
    std::fs::rename(moved.path().join("scan.npy"), &other)?;
    let error = replay("ring.zspy", None).unwrap_err();
    ensure!(
        error.code == "not_found" && error.hint.contains("replay_with("),
        "{error}"
    );
    // Another file in its place is used, and said to be another.
    scan_files::write_npy(&moved.path().join("scan.npy"), [5, 7, 24, 21])?;
    let changed = replay("ring.zspy", None)?.restored.context("nothing")?;
    ensure!(
        changed
            .problems
            .iter()
            .any(|problem| problem.message.contains("changed")),
        "{changed:?}"
    );
    let given = replay("ring.zspy", Some(&other))?
        .restored
        .context("nothing")?;
    ensure!(given.nodes.len() == 2, "{given:?}");
    let error = replay("other.npy", None).unwrap_err();
    ensure!(error.code == "no_provenance", "{error}");
    Ok(())
}

#[test]
fn the_tree_exports_as_code() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (_, ring) = annulus(&fixture)?;
    let text = |node| -> Result<String> {
        Ok(fixture
            .run(Command::Export { node })?
            .text
            .unwrap_or_default())
    };
    let lines = text(Some(ring))?;
    ensure!(
        lines.lines().count() == 2 && lines.starts_with("let scan = open("),
        "{lines}"
    );
    ensure!(lines.contains("Annulus { inner_radius: 2.0, "), "{lines}");
    ensure!(text(None)? == lines);
    Ok(())
}
