//! Long work: a save goes on where it was stopped or killed, files are written anew.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::scan_files::write_npy;
use crate::session_fixture::{SessionFixture, ask, open};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, Event, Progress, ProgressState, Reply, Request, SaveOptions};
use serde_json::json;
use session::{Config, Session};

/// 96 frames that take some ten milliseconds each, in blocks of one scan row.
const SHAPE: [usize; 4] = [12, 8, 192, 160];
const POSITIONS: usize = 96;

fn rows() -> SaveOptions {
    SaveOptions {
        chunk: Some(vec![1, 2]),
        shard: Some(vec![1, 8]),
        ..SaveOptions::default()
    }
}

fn save(node: u32, path: &Path, options: SaveOptions) -> Command {
    Command::Save {
        node,
        path: path.display().to_string(),
        options,
    }
}

/// A session with the scan and its median background; the same in every process.
fn slow_node(folder: &Path) -> Result<(Arc<Session>, u32)> {
    let session = Session::new(Config::default());
    let scan = open(&session, &folder.join("slow.npy"))?;
    let command = Command::AddNode {
        parents: vec![scan],
        operation: "median_kernel".into(),
        params: json!({"footprint": 31}),
    };
    let reply = session.command(command, &|| false, &mut |_| {})?;
    Ok((session, reply.node.context("no node")?))
}

fn slow_fixture() -> Result<(SessionFixture, u32)> {
    let mut fixture = SessionFixture::new()?;
    write_npy(&fixture.path("slow.npy"), SHAPE)?;
    let (session, node) = slow_node(fixture.folder.path())?;
    fixture.session = session;
    Ok((fixture, node))
}

/// Every frame of the file is that of the node.
fn holds(fixture: &SessionFixture, path: &Path, node: u32) -> Result<()> {
    let again = open(&fixture.session, path)?;
    for index in [[0, 0], [3, 5], [7, 1], [11, 7]] {
        let (new, old) = (
            fixture.session.frame(again, &index)?,
            fixture.session.frame(node, &index)?,
        );
        ensure!(new.as_bytes() == old.as_bytes(), "{index:?} differs");
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

#[test]
fn an_interrupted_save_goes_on_where_it_was() -> Result<()> {
    for name in ["flat.zarr", "flat.npy"] {
        let (fixture, node) = slow_fixture()?;
        let path = fixture.path(name);
        let options = match name {
            "flat.zarr" => rows(),
            _ => SaveOptions {
                chunk: Some(vec![1, 8]),
                ..SaveOptions::default()
            },
        };
        let before = names(fixture.folder.path())?;
        let (stop, last) = (Cell::new(false), RefCell::new(None::<Progress>));
        let mut progress = |now: &Progress| {
            stop.set(now.done >= 40.0);
            last.replace(Some(now.clone()));
        };
        let error = fixture
            .session
            .command(
                save(node, &path, options.clone()),
                &|| stop.get(),
                &mut progress,
            )
            .unwrap_err();
        if name == "flat.hspy" {
            // HDF5 has one index, written last: nothing is kept, and nothing is left.
            ensure!(error.code == "cancelled", "{error}");
            wait_until(|| Ok(names(fixture.folder.path())? == before))?;
            continue;
        }
        ensure!(
            error.code == "cancelled" && error.hint.contains("% is kept"),
            "{error:?}"
        );
        let told = last.take().context("no progress")?;
        ensure!(
            told.state == ProgressState::Cancelled && told.can_resume,
            "{told:?}"
        );
        ensure!(!path.exists() && names(fixture.folder.path())?.len() == before.len() + 1);

        // Another session, as after a restart of the kernel.
        let (session, node) = slow_node(fixture.folder.path())?;
        // A thread of the first one may still be in the middle of a frame.
        let mut first = None;
        wait_until(|| Ok(!path.exists() && !is_being_written(&path)))?;
        session.command(
            save(node, &path, options),
            &|| false,
            &mut |now: &Progress| {
                if now.message.starts_with("resumed") {
                    first.get_or_insert(now.clone());
                }
            },
        )?;
        let first = first.context("it did not say that it goes on")?;
        ensure!(first.done >= 24.0, "{first:?}");
        let computed = session.reads().outputs as usize;
        ensure!(
            computed < POSITIONS - 20,
            "{computed} frames were computed again"
        );
        holds(&fixture, &path, node)?;
        // An array has its axes in a second file.
        let files = if name == "flat.npy" { 2 } else { 1 };
        ensure!(names(fixture.folder.path())?.len() == before.len() + files);
    }
    Ok(())
}

/// A file in the folder of an unfinished result is locked while a thread writes it.
fn is_being_written(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.partial"));
    let mut files = std::fs::read_dir(partial).into_iter().flatten().flatten();
    files.any(|file| {
        file.file_name().to_string_lossy().starts_with("lock-")
            && std::fs::File::open(file.path()).is_ok_and(|file| file.try_lock().is_err())
    })
}

fn wait_until(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(20);
    while !done()? {
        ensure!(Instant::now() < until, "it never came");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The process that is killed is this test again, told by the variable what to save.
#[test]
fn a_killed_save_is_continued_by_the_next_kernel() -> Result<()> {
    const NAME: &str = "resume::a_killed_save_is_continued_by_the_next_kernel";
    const FOLDER: &str = "TESTS_SAVE_AND_BE_KILLED";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = PathBuf::from(folder);
        let (session, node) = slow_node(&folder)?;
        session.command(
            save(node, &folder.join("flat.zarr"), rows()),
            &|| false,
            &mut |_| {},
        )?;
        return Ok(());
    }
    let (fixture, _) = slow_fixture()?;
    let path = fixture.path("flat.zarr");
    let finished =
        || -> Result<u64> { Ok(io::unfinished(&path)?.map_or(0, |left| left.finished_positions)) };
    let mut before = 0;
    // Killed twice at any moment after something new was finished, then left alone.
    for wanted in [8, 32] {
        let mut child = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", NAME, "--nocapture"])
            .env(FOLDER, fixture.folder.path())
            .stdout(Stdio::null())
            .spawn()?;
        let reached = wait_until(|| Ok(finished()? >= wanted));
        child.kill()?;
        child.wait()?;
        reached?;
        let now = finished()?;
        ensure!(now >= before && !path.exists());
        before = now;
    }
    let (session, node) = slow_node(fixture.folder.path())?;
    session.command(save(node, &path, rows()), &|| false, &mut |_| {})?;
    let computed = session.reads().outputs;
    ensure!(
        computed <= POSITIONS as u64 - before + 16,
        "{computed} frames were computed, {before} were there"
    );
    holds(&fixture, &path, node)?;
    let left = names(fixture.folder.path())?;
    ensure!(left == ["flat.zarr", "scan.npy", "slow.npy"], "{left:?}");
    Ok(())
}

#[test]
fn what_another_save_has_left_is_not_taken_for_this_one() -> Result<()> {
    let (fixture, node) = slow_fixture()?;
    let path = fixture.path("flat.zarr");
    let stop = Cell::new(false);
    let stopped = fixture.session.command(
        save(node, &path, rows()),
        &|| stop.get(),
        &mut |now: &Progress| stop.set(now.done >= 32.0),
    );
    ensure!(stopped.is_err());
    let is_refused = |answer: Result<protocol::CommandReply, protocol::WireError>| -> Result<()> {
        let error = answer.map(drop).unwrap_err();
        ensure!(
            error.message.contains("unfinished") && error.hint.contains("fresh"),
            "{error:?}"
        );
        Ok(())
    };
    // Other pixels, with the size and the time of those before.
    let source = fixture.path("slow.npy");
    let (before, time) = (
        std::fs::read(&source)?,
        std::fs::metadata(&source)?.modified()?,
    );
    let mut pixels = before.clone();
    pixels
        .iter_mut()
        .rev()
        .take(1000)
        .for_each(|byte| *byte ^= 1);
    std::fs::write(&source, pixels)?;
    std::fs::File::options()
        .append(true)
        .open(&source)?
        .set_modified(time)?;
    let (session, other) = slow_node(fixture.folder.path())?;
    is_refused(session.command(save(other, &path, rows()), &|| false, &mut |_| {}))?;
    std::fs::write(&source, before)?;
    std::fs::File::options()
        .append(true)
        .open(&source)?
        .set_modified(time)?;
    fixture.run(Command::SetParams {
        node,
        params: json!({"footprint": 5}),
    })?;
    is_refused(fixture.run(save(node, &path, rows())))?;
    let fresh = SaveOptions {
        fresh: true,
        ..rows()
    };
    fixture.run(save(node, &path, fresh))?;
    holds(&fixture, &path, node)
}

#[test]
fn every_format_is_written_and_a_wrong_one_is_refused() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    for name in ["a.zspy", "b.zarr", "c.hspy", "d.npy"] {
        let path = fixture.path(name);
        fixture.run(save(flat, &path, SaveOptions::default()))?;
        let again = open(&fixture.session, &path)?;
        for index in [[0, 0], [4, 6], [2, 3]] {
            let (old, new) = (
                fixture.session.frame(flat, &index)?,
                fixture.session.frame(again, &index)?,
            );
            ensure!(old.as_bytes() == new.as_bytes(), "{name} {index:?}");
        }
    }
    for (name, options, says) in [
        ("a.tiff", SaveOptions::default(), ".zarr"),
        (
            "a.npy",
            SaveOptions {
                compression: Some("zstd".into()),
                ..SaveOptions::default()
            },
            "none",
        ),
        (
            "a.zarr",
            SaveOptions {
                format: Some("tiff".into()),
                ..SaveOptions::default()
            },
            "hspy",
        ),
        (
            "a.zarr",
            SaveOptions {
                compression: Some("rar".into()),
                ..SaveOptions::default()
            },
            "lz4",
        ),
    ] {
        let error = fixture
            .run(save(flat, &fixture.path(name), options))
            .unwrap_err();
        ensure!(
            error.message.contains(says) || error.hint.contains(says),
            "{name}: {error:?}"
        );
    }
    Ok(())
}

#[test]
fn a_file_is_written_anew_and_opened() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    let reshard = |node| Command::Reshard {
        node,
        path: fixture.path("again.zarr").display().to_string(),
        options: SaveOptions::default(),
    };
    let error = fixture.run(reshard(flat)).unwrap_err();
    ensure!(error.code == "wrong_kind", "{error:?}");
    let again = fixture.run(reshard(scan))?.node.context("no node")?;
    for y in 0..5 {
        for x in 0..7 {
            let (old, new) = (
                fixture.session.frame(scan, &[y, x])?,
                fixture.session.frame(again, &[y, x])?,
            );
            ensure!(old.as_bytes() == new.as_bytes() && old.element() == new.element());
        }
    }
    Ok(())
}

#[test]
fn a_page_saves_and_hears_of_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let (tell, told) = channel();
    fixture.session.subscribe(Box::new(move |event| {
        if let Event::Progress(progress) = event {
            let _ = tell.send(progress.clone());
        }
    }));
    let request = |name: &str, replace: bool| Request::Save {
        request_id: 7,
        node: scan,
        path: fixture.path(name).display().to_string(),
        options: SaveOptions::default(),
        replace,
    };
    let refused = |name: &str| match ask(&fixture.session, request(name, false))? {
        (Reply::Refused { error, .. }, _) => Ok(error),
        (other, _) => bail!("{other:?}"),
    };
    let saved = |name: &str, replace: bool| {
        match ask(&fixture.session, request(name, replace))? {
            (Reply::Done { request_id: 7, .. }, _) => {}
            (other, _) => bail!("{other:?}"),
        }
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let progress = told.recv_timeout(until.saturating_duration_since(Instant::now()))?;
            match progress.state {
                ProgressState::Running => {}
                ProgressState::Done => return Ok(()),
                other => bail!("{other:?}: {}", progress.message),
            }
        }
    };
    saved("page.zarr", false)?;
    // What is there is replaced only by those who were asked.
    let before = std::fs::metadata(fixture.path("page.zarr/zarr.json"))?.modified()?;
    let error = refused("page.zarr")?;
    ensure!(
        error.code == "exists"
            && error
                .message
                .contains("page.zarr exists already (scan, of 20"),
        "{error}"
    );
    ensure!(std::fs::metadata(fixture.path("page.zarr/zarr.json"))?.modified()? == before);
    saved("page.zarr", true)?;
    ensure!(std::fs::metadata(fixture.path("page.zarr/zarr.json"))?.modified()? > before);
    // What is refused is not asked about first; what is open and may be replaced is named in the question.
    open(&fixture.session, &fixture.path("page.zarr"))?;
    let error = refused("page.zarr")?;
    ensure!(
        error.code == "exists" && error.message.contains("UTC) and is open as `page`"),
        "{error}"
    );
    ensure!(refused("scan.npy")?.code == "in_use");
    Ok(())
}

#[test]
fn a_page_that_resumes_is_not_asked_for_the_file_it_had_agreed_to_replace() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let path = fixture.path("slow.zspy");
    std::fs::write(&path, b"an older result")?;
    let options = SaveOptions {
        chunk: Some(vec![1, 1]),
        ..SaveOptions::default()
    };
    // Interrupted at its first frame.
    let error = (fixture.session)
        .command(save(scan, &path, options.clone()), &|| true, &mut |_| {})
        .unwrap_err();
    ensure!(error.code == "cancelled", "{error}");
    let partial = fixture.path(".slow.zspy.partial").exists();
    let request = Request::Save {
        request_id: 8,
        node: scan,
        path: path.display().to_string(),
        options,
        replace: false,
    };
    match (ask(&fixture.session, request)?.0, partial) {
        (Reply::Done { .. }, true) => Ok(()),
        (Reply::Refused { error, .. }, false) if error.code == "exists" => Ok(()),
        (other, partial) => bail!("{other:?} with partial: {partial}"),
    }
}

#[test]
fn opening_a_file_that_is_slow_to_drag_says_so() -> Result<()> {
    let fixture = SessionFixture::new()?;
    write_npy(&fixture.path("large.npy"), [16, 18, 512, 256])?;
    let raw = open(&fixture.session, &fixture.path("large.npy"))?;
    let one_chunk = SaveOptions {
        chunk: Some(vec![16, 18]),
        compression: Some("zstd".into()),
        ..SaveOptions::default()
    };
    fixture.run(save(raw, &fixture.path("dear.zspy"), one_chunk))?;
    let (tell, told) = channel();
    fixture.session.subscribe(Box::new(move |event| {
        if let Event::Notice { message, hint, .. } = event {
            let _ = tell.send(format!("{message}; {hint}"));
        }
    }));
    let dear = open(&fixture.session, &fixture.path("dear.zspy"))?;
    let said = told.recv_timeout(Duration::from_secs(30))?;
    for part in ["75 MB", "288 frames", "dear.reshard(\"dear_quick.zarr\")?"] {
        ensure!(said.contains(part), "{part}: {said}");
    }
    let cost = |node| Some(fixture.session.description(node)?.frame_cost);
    let of_dear = cost(dear).flatten().context("not measured")?;
    ensure!(of_dear.slow && of_dear.frames_per_chunk == 288);
    ensure!(
        fixture
            .session
            .poster(dear, &session::Look::default())?
            .text
            .contains("reshard")
    );
    ensure!(cost(raw) == Some(None), "a mapped file costs nothing");

    let reply = fixture.run(Command::Reshard {
        node: dear,
        path: fixture.path("quick.zarr").display().to_string(),
        options: SaveOptions::default(),
    })?;
    let quick = reply.node.context("no node")?;
    ensure!(told.recv_timeout(Duration::from_secs(2)).is_err());
    ensure!(cost(quick).flatten().is_none_or(|cost| !cost.slow));
    let (old, new) = (
        fixture.session.frame(raw, &[7, 11])?,
        fixture.session.frame(quick, &[7, 11])?,
    );
    ensure!(old.as_bytes() == new.as_bytes());
    Ok(())
}
