//! Saving: what is written opens again, what cannot be written leaves the old file.

use crate::scan_files;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::session_fixture::{
    self, Root, SessionFixture, Slow, ask, frame_of, frame_request, open,
};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, ProgressState, Reply, SaveOptions, WireError};
use serde_json::json;
use session::{Config, Session};
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

#[test]
fn saved_frames_open_again_and_what_is_made_from_a_file_never_replaces_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let path = fixture.path("flat.zspy");
    let save = |path: &Path| Command::Save {
        node: flat,
        path: path.display().to_string(),
        // Of a chunk that was read the old frames are still there.
        options: SaveOptions {
            chunk: Some(vec![2, 2]),
            ..Default::default()
        },
    };
    let mut told = Vec::new();
    let reply = fixture
        .session
        .command(save(&path), &|| false, &mut |progress| {
            told.push(progress.clone())
        })?;
    // What stays under the cell, however fast it was.
    let line = reply.text.context("nothing is said of what was written")?;
    let begins = format!("saved {}: (5, 7 | 24, 20) f32, ", path.display());
    ensure!(
        line.starts_with(&begins) && line.contains("B, in "),
        "{line}"
    );
    ensure!(
        told.last()
            .is_some_and(|last| last.state == ProgressState::Done && last.done == 35.0)
    );
    let again = open(&fixture.session, &path)?;
    for index in [[0, 0], [4, 6], [2, 3]] {
        let (old, new) = (
            fixture.session.frame(flat, &index)?,
            fixture.session.frame(again, &index)?,
        );
        ensure!(old.as_bytes() == new.as_bytes() && old.element() == new.element());
    }
    // A result that is only looked at is replaced, and who has it open is told.
    let reply = fixture.run(save(&path))?;
    let told: Vec<&str> = (reply.caveats.iter())
        .map(|remark| remark.text.as_str())
        .filter(|text| text.contains("was replaced; run the cell again"))
        .collect();
    ensure!(told.len() == 1, "{:?}", reply.caveats);
    let old = fixture.session.frame(again, &[0, 6]);
    let error = old.map(drop).unwrap_err();
    ensure!(
        error.message.contains("replaced since it was opened"),
        "{error}"
    );
    let fresh = open(&fixture.session, &path)?;
    ensure!(fixture.session.frame(fresh, &[4, 6])?.len() == 24 * 20);
    // The measurement is not, nor what anything else is made from, nor what was not saved here.
    let raw = fixture.path("scan.npy");
    let error = fixture.run(save(&raw)).unwrap_err();
    ensure!(
        error.code == "in_use"
            && error
                .message
                .contains("open as `scan`, from which `subtract_background` is made")
            && error.hint == "save under another name",
        "{error}"
    );
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let path = fixture.path("whole.zspy");
    let save = Command::Save {
        node: scan,
        path: path.display().to_string(),
        options: Default::default(),
    };
    fixture.run(save.clone())?;
    let mut folders = Vec::new();
    chunk_files(&path, &mut folders)?;
    let (_, chunk) = folders.first().context("no chunks")?;
    let array = chunk
        .ancestors()
        .find(|folder| folder.join(".zarray").is_file())
        .context("no array")?;
    open(&fixture.session, array)?;
    let error = fixture.run(save).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("a part of it"),
        "{error}"
    );
    Ok(())
}

/// A radial profile is a spectrum: it has a picture, and opens again as one.
#[test]
fn frames_of_another_shape_than_the_scan_open_again_in_every_format() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let steps = [
        ("azimuthal_integral", json!({"npt": 9})),
        ("center_direct_beam", json!({})),
        ("crop_signal", json!({"top": 3, "left": 5, "right": 17})),
        ("rebin_signal", json!({"rows": 3})),
    ];
    for (operation, params) in steps {
        let node = fixture.add(scan, operation, params)?;
        let (picture, _) = frame_of(&fixture.session, frame_request(node, [2, 3], [200, 100]))?;
        ensure!(picture.node == node);
        let described = fixture.session.description(node).context("a node")?;
        for ending in ["zspy", "hspy", "zarr", "npy"] {
            let path = fixture.path(&format!("{operation}.{ending}"));
            session_fixture::save(&fixture, node, &path)?;
            let again = open(&fixture.session, &path)?;
            let seen = fixture.session.description(again).context("a node")?;
            ensure!(
                seen.signal_axes == described.signal_axes,
                "{operation} as {ending}: {:?}",
                seen.signal_axes
            );
            for index in [[0, 0], [4, 6], [2, 3]] {
                let (old, new) = (
                    fixture.session.frame(node, &index)?,
                    fixture.session.frame(again, &index)?,
                );
                ensure!(
                    old.as_bytes() == new.as_bytes() && old.shape() == new.shape(),
                    "{operation} as {ending} at {index:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn an_interrupted_or_failed_save_leaves_the_old_file() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let panics_at = Some(NavigationIndex::new(&[4, 6]));
    let sharper = fixture
        .session
        .add_map(scan, Arc::new(Root { panics_at }))?;
    let path = fixture.path("old.zspy");
    let save = |node| Command::Save {
        node,
        path: path.display().to_string(),
        options: Default::default(),
    };
    fixture.run(save(scan))?;
    let before = folder_bytes(&path)?;
    let error = fixture
        .session
        .command(save(sharper), &|| true, &mut |_| {})
        .unwrap_err();
    ensure!(error.code == "cancelled", "{error}");
    let error = fixture.run(save(sharper)).unwrap_err();
    ensure!(
        error.code == "user_function" && error.message.contains("was not saved"),
        "{error}"
    );
    ensure!(folder_bytes(&path)? == before);
    let names: Vec<_> = std::fs::read_dir(fixture.folder.path())?
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    ensure!(names.len() == 2, "{names:?}");
    Ok(())
}

/// One frame takes a second, and no operation looks at its cancel token: the cell is free long before.
#[test]
fn an_interrupt_does_not_wait_for_a_slow_frame() -> Result<()> {
    let frame_time = Duration::from_secs(1);
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let path = fixture.path("old.zspy");
    let written = path.display().to_string();
    fixture.run(Command::Save {
        node: scan,
        path: written.clone(),
        options: Default::default(),
    })?;
    let before = folder_bytes(&path)?;
    let slow = fixture.session.add_map(scan, Arc::new(Slow(frame_time)))?;
    let peaks = fixture.add(slow, "local_maximum", json!({}))?;
    let map = fixture.add(slow, "virtual_disk", json!({}))?;
    let session = &fixture.session;
    let run = |command: Command, stop: &dyn Fn() -> bool| {
        session.command(command, stop, &mut |_| {}).map(|_| ())
    };
    type Work<'a> = Box<dyn Fn(&dyn Fn() -> bool) -> Result<(), WireError> + 'a>;
    let index = vec![1, 2];
    let cases: Vec<(&str, Work<'_>)> = vec![
        (
            "frame",
            Box::new(|stop| session.frame_unless(slow, &[1, 1], stop).map(|_| ())),
        ),
        (
            "peaks",
            Box::new(|stop| {
                run(
                    Command::Peaks {
                        node: peaks,
                        index: index.clone(),
                    },
                    stop,
                )
            }),
        ),
        (
            "values",
            Box::new(|stop| {
                run(
                    Command::Values {
                        node: map,
                        index: index.clone(),
                    },
                    stop,
                )
            }),
        ),
        (
            "compute",
            Box::new(|stop| run(Command::Compute { node: map }, stop)),
        ),
        (
            "poster",
            Box::new(|stop| session.poster_unless(peaks, false, stop).map(|_| ())),
        ),
        (
            "save a map",
            Box::new(|stop| {
                run(
                    Command::Save {
                        node: map,
                        path: written.clone(),
                        options: Default::default(),
                    },
                    stop,
                )
            }),
        ),
        (
            "save frames",
            Box::new(|stop| {
                run(
                    Command::Save {
                        node: slow,
                        path: written.clone(),
                        options: Default::default(),
                    },
                    stop,
                )
            }),
        ),
    ];
    let mut waits = Vec::new();
    for (what, work) in &cases {
        let interrupt_at = Instant::now() + Duration::from_millis(60);
        let outcome = work(&|| Instant::now() >= interrupt_at);
        let waited = interrupt_at.elapsed();
        ensure!(
            outcome
                .as_ref()
                .is_err_and(|error| error.code == "cancelled"),
            "{what}: {outcome:?}"
        );
        ensure!(
            waited < frame_time / 2,
            "{what}: {waited:?} after the interrupt"
        );
        waits.push((*what, waited));
    }
    println!("after the interrupt: {waits:?}");
    // What was under way ends at its next frame and takes its unfinished files along.
    std::thread::sleep(frame_time * 2);
    let names: Vec<_> = (fixture.folder.path().read_dir()?.flatten())
        .map(|entry| entry.file_name())
        .collect();
    ensure!(names.len() == 2, "{names:?}");
    ensure!(folder_bytes(&path)? == before);
    ensure!(session.frame(scan, &[4, 6]).is_ok() && session.description(map).is_some());
    Ok(())
}

fn folder_bytes(path: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        total += if entry.file_type()?.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(total)
}

/// A process that may not write files beyond half a kilobyte stands for a full disk.
#[test]
fn a_full_disk_leaves_the_old_file_and_says_how_much_is_free() -> Result<()> {
    const FOLDER: &str = "SIGNALTREE_TEST_FULL_DISK";
    const NAME: &str = "a_full_disk_leaves_the_old_file_and_says_how_much_is_free";
    let Some(folder) = std::env::var_os(FOLDER) else {
        let fixture = SessionFixture::new()?;
        let scan = fixture.open()?;
        let path = fixture.path("old.zspy");
        let path = path.display().to_string();
        fixture.run(Command::Save {
            node: scan,
            path: path.clone(),
            options: Default::default(),
        })?;
        let before = folder_bytes(Path::new(&path))?;
        let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        // The limit would hold for a log file as well.
        let child = std::process::Command::new("sh")
            .args(["-c", limited])
            .arg(std::env::current_exe()?)
            .args(["--exact", NAME, "--nocapture"])
            .env(FOLDER, fixture.folder.path())
            .output()?;
        let told = String::from_utf8_lossy(&child.stdout);
        ensure!(child.status.success(), "{told}");
        ensure!(folder_bytes(Path::new(&path))? == before);
        ensure!(
            std::fs::read_dir(fixture.folder.path())?.count() == 2,
            "parts are left"
        );
        return Ok(());
    };
    let folder = PathBuf::from(folder);
    let session = Session::new(Config::default());
    let scan = open(&session, &folder.join("scan.npy"))?;
    let path = folder.join("old.zspy").display().to_string();
    let noise = session.add_map(scan, Arc::new(Noise))?;
    let save = Command::Save {
        node: noise,
        path,
        options: Default::default(),
    };
    let error = session.command(save, &|| false, &mut |_| {}).unwrap_err();
    ensure!(
        error.code == "io" && error.message.contains("old"),
        "{error:?}"
    );
    ensure!(error.hint.contains("MB free"), "{error:?}");
    Ok(())
}

/// Pixels that do not compress.
struct Noise;

impl FrameFunction for Noise {
    fn input(&self) -> ElementType {
        ElementType::U16
    }
    fn output(&self) -> Option<ElementType> {
        Some(ElementType::U16)
    }
    fn call(&self, input: &Frame, _: NavigationIndex) -> Result<Output, String> {
        let step = |seed: &mut u32, _| {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some((*seed >> 16) as u16)
        };
        let pixels = (0..input.len()).scan(7, step).collect();
        Frame::from_vec::<u16>(input.shape(), pixels).map(Output::Frame)
    }
}

/// The files of a store that hold pixels, largest first.
fn chunk_files(folder: &Path, found: &mut Vec<(u64, PathBuf)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            chunk_files(&entry.path(), found)?;
        } else if name.chars().all(|letter| letter.is_ascii_digit()) {
            found.push((entry.metadata()?.len(), entry.path()));
        }
    }
    found.sort();
    found.reverse();
    Ok(())
}

#[test]
fn a_damaged_chunk_fails_its_own_frames_and_the_next_drag_works() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let path = fixture.path("damaged.zspy");
    fixture.run(Command::Save {
        node: fixture.open()?,
        path: path.display().to_string(),
        options: Default::default(),
    })?;
    let mut files = Vec::new();
    chunk_files(&path, &mut files)?;
    let (length, damaged) = files.first().context("no chunks")?;
    std::fs::File::options()
        .write(true)
        .open(damaged)?
        .set_len(length / 2)?;
    let scan = open(&fixture.session, &path)?;
    let (mut fine, mut errors) = (0, Vec::new());
    for y in 0..5 {
        for x in 0..7 {
            match ask(&fixture.session, frame_request(scan, [y, x], [64, 64]))? {
                (Reply::Frame(_), _) => fine += 1,
                (Reply::Failed { error, .. }, _) => errors.push(error),
                (other, _) => bail!("{other:?}"),
            }
        }
    }
    ensure!(
        fine >= 28 && !errors.is_empty(),
        "{fine} frames, {} errors",
        errors.len()
    );
    let error = &errors[0];
    ensure!(
        ["truncated", "decode"].contains(&error.code.as_str()),
        "{error:?}"
    );
    let name = damaged.strip_prefix(&path)?.display().to_string();
    ensure!(
        error.message.contains(&name) && error.index.is_some(),
        "{error:?}"
    );
    Ok(())
}

/// The remedy of a refused save, carried out.
#[test]
fn a_save_over_an_open_file_says_who_holds_it_and_how_to_let_it_go() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let session = &fixture.session;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let path = fixture.path("flat.zspy");
    session_fixture::save(&fixture, flat, &path)?;
    let again = open(session, &path)?;
    let peaks = fixture.add(again, "local_maximum", json!({}))?;
    for (node, name) in [(again, "again"), (peaks, "p")] {
        session.retain(node);
        let name = name.to_owned();
        fixture.run(Command::Name { node, name })?;
    }
    session.view_opened("m1", vec![peaks]);
    let refused = || session_fixture::save(&fixture, flat, &path).unwrap_err();
    let error = refused();
    ensure!(
        error.code == "in_use"
            && error
                .message
                .ends_with("this file is open as `again`, from which `p` is made"),
        "{error}"
    );
    ensure!(
        error.hint
            == "save under another name, or let go of it and save again: run `drop(p); drop(again)`; delete the cell whose view shows `p`, or run it without",
        "{}",
        error.hint
    );
    session.release(peaks);
    session.release(again);
    let error = refused();
    ensure!(
        error
            .hint
            .ends_with("save again: delete the cell whose view shows `p`, or run it without"),
        "{}",
        error.hint
    );
    session.page_closed("m1");
    session_fixture::save(&fixture, flat, &path)?;

    // A file that was not saved here, though nothing is made from it.
    let other = fixture.path("other.npy");
    scan_files::write_npy(&other, session_fixture::SHAPE)?;
    let raw = open(session, &other)?;
    let error = session_fixture::save(&fixture, flat, &other).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.ends_with("this file is open as `other`"),
        "{error}"
    );
    fixture.run(Command::Remove { node: raw })?;
    session_fixture::save(&fixture, flat, &other)?;
    Ok(())
}
