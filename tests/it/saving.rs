//! Saving: what is written opens again, what cannot be written leaves the old file.

use crate::scan_files;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::desk::{self, Desk, Root, Slow, ask, frame_of, open, wish};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, ProgressState, Reply, SaveOptions, WireError};
use serde_json::json;
use session::{Config, Session};
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

#[test]
fn saved_frames_open_again_and_what_is_made_from_a_file_never_replaces_it() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let flat = desk.add(scan, "radial_median", json!({}))?;
    let path = desk.path("flat.zspy");
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
    let reply = desk
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
    let again = open(&desk.session, &path)?;
    for index in [[0, 0], [4, 6], [2, 3]] {
        let (old, new) = (
            desk.session.frame(flat, &index)?,
            desk.session.frame(again, &index)?,
        );
        ensure!(old.as_bytes() == new.as_bytes() && old.element() == new.element());
    }
    // A result that is only looked at is replaced, and who has it open is told.
    let reply = desk.run(save(&path))?;
    let told: Vec<&str> = (reply.caveats.iter())
        .map(|remark| remark.text.as_str())
        .filter(|text| text.contains("was replaced; run the cell again"))
        .collect();
    ensure!(told.len() == 1, "{:?}", reply.caveats);
    let old = desk.session.frame(again, &[0, 6]);
    let error = old.map(drop).unwrap_err();
    ensure!(
        error.message.contains("replaced since it was opened"),
        "{error}"
    );
    let fresh = open(&desk.session, &path)?;
    ensure!(desk.session.frame(fresh, &[4, 6])?.len() == 24 * 20);
    // The measurement is not, nor what anything else is made from, nor what was not saved here.
    let raw = desk.path("scan.npy");
    let error = desk.run(save(&raw)).unwrap_err();
    ensure!(
        error.code == "in_use"
            && error
                .message
                .contains("open as `scan`, from which `subtract_background` is made")
            && error.hint == "save under another name",
        "{error}"
    );
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let path = desk.path("whole.zspy");
    let save = Command::Save {
        node: scan,
        path: path.display().to_string(),
        options: Default::default(),
    };
    desk.run(save.clone())?;
    let mut folders = Vec::new();
    chunk_files(&path, &mut folders)?;
    let (_, chunk) = folders.first().context("no chunks")?;
    let array = chunk
        .ancestors()
        .find(|folder| folder.join(".zarray").is_file())
        .context("no array")?;
    open(&desk.session, array)?;
    let error = desk.run(save).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("a part of it"),
        "{error}"
    );
    Ok(())
}

/// A radial profile is a spectrum: it has a picture, and opens again as one.
#[test]
fn frames_of_another_shape_than_the_scan_open_again_in_every_format() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let steps = [
        ("azimuthal_integral", json!({"npt": 9})),
        ("center_direct_beam", json!({})),
        ("crop_signal", json!({"top": 3, "left": 5, "right": 17})),
        ("rebin_signal", json!({"rows": 3})),
    ];
    for (operation, params) in steps {
        let node = desk.add(scan, operation, params)?;
        let (picture, _) = frame_of(&desk.session, wish(node, [2, 3], [200, 100]))?;
        ensure!(picture.node == node);
        let described = desk.session.description(node).context("a node")?;
        for ending in ["zspy", "hspy", "zarr", "npy"] {
            let path = desk.path(&format!("{operation}.{ending}"));
            desk::save(&desk, node, &path)?;
            let again = open(&desk.session, &path)?;
            let seen = desk.session.description(again).context("a node")?;
            ensure!(
                seen.signal_axes == described.signal_axes,
                "{operation} as {ending}: {:?}",
                seen.signal_axes
            );
            for index in [[0, 0], [4, 6], [2, 3]] {
                let (old, new) = (
                    desk.session.frame(node, &index)?,
                    desk.session.frame(again, &index)?,
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
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let panics_at = Some(NavigationIndex::new(&[4, 6]));
    let sharper = desk.session.add_map(scan, Arc::new(Root { panics_at }))?;
    let path = desk.path("old.zspy");
    let save = |node| Command::Save {
        node,
        path: path.display().to_string(),
        options: Default::default(),
    };
    desk.run(save(scan))?;
    let before = folder_bytes(&path)?;
    let error = desk
        .session
        .command(save(sharper), &|| true, &mut |_| {})
        .unwrap_err();
    ensure!(error.code == "cancelled", "{error}");
    let error = desk.run(save(sharper)).unwrap_err();
    ensure!(
        error.code == "user_function" && error.message.contains("was not saved"),
        "{error}"
    );
    ensure!(folder_bytes(&path)? == before);
    let names: Vec<_> = std::fs::read_dir(desk.folder.path())?
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
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let path = desk.path("old.zspy");
    let written = path.display().to_string();
    desk.run(Command::Save {
        node: scan,
        path: written.clone(),
        options: Default::default(),
    })?;
    let before = folder_bytes(&path)?;
    let slow = desk.session.add_map(scan, Arc::new(Slow(frame_time)))?;
    let peaks = desk.add(slow, "local_maximum", json!({}))?;
    let map = desk.add(slow, "virtual_disk", json!({}))?;
    let session = &desk.session;
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
    let names: Vec<_> = (desk.folder.path().read_dir()?.flatten())
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
        let desk = Desk::new()?;
        let scan = desk.open()?;
        let path = desk.path("old.zspy");
        let path = path.display().to_string();
        desk.run(Command::Save {
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
            .env(FOLDER, desk.folder.path())
            .output()?;
        let told = String::from_utf8_lossy(&child.stdout);
        ensure!(child.status.success(), "{told}");
        ensure!(folder_bytes(Path::new(&path))? == before);
        ensure!(
            std::fs::read_dir(desk.folder.path())?.count() == 2,
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
    let desk = Desk::new()?;
    let path = desk.path("damaged.zspy");
    desk.run(Command::Save {
        node: desk.open()?,
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
    let scan = open(&desk.session, &path)?;
    let (mut fine, mut errors) = (0, Vec::new());
    for y in 0..5 {
        for x in 0..7 {
            match ask(&desk.session, wish(scan, [y, x], [64, 64]))? {
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
    let desk = Desk::new()?;
    let session = &desk.session;
    let scan = desk.open()?;
    let flat = desk.add(scan, "radial_median", json!({}))?;
    let path = desk.path("flat.zspy");
    desk::save(&desk, flat, &path)?;
    let again = open(session, &path)?;
    let peaks = desk.add(again, "local_maximum", json!({}))?;
    for (node, name) in [(again, "again"), (peaks, "p")] {
        session.retain(node);
        let name = name.to_owned();
        desk.run(Command::Name { node, name })?;
    }
    session.view_opened("m1", vec![peaks]);
    let refused = || desk::save(&desk, flat, &path).unwrap_err();
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
    desk::save(&desk, flat, &path)?;

    // A file that was not saved here, though nothing is made from it.
    let other = desk.path("other.npy");
    scan_files::write_npy(&other, desk::SHAPE)?;
    let raw = open(session, &other)?;
    let error = desk::save(&desk, flat, &other).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.ends_with("this file is open as `other`"),
        "{error}"
    );
    desk.run(Command::Remove { node: raw })?;
    desk::save(&desk, flat, &other)?;
    Ok(())
}
