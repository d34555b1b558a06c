//! A cell that runs again unchanged goes on with what was computed for it; one that was changed does not.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::session_fixture::{self, SessionFixture, ask, frame_of, frame_request};
use anyhow::{Result, ensure};
use protocol::{Command, Request};
use serde_json::{Value, json};
use session::Session;
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

/// A file is trusted to be what it was when it has not changed for a moment.
const MOMENT: Duration = Duration::from_millis(150);
const POSITIONS: f64 = 35.0;

fn fixture() -> Result<SessionFixture> {
    let fixture = SessionFixture::new()?;
    std::thread::sleep(MOMENT);
    Ok(fixture)
}

/// `let s = open(…)?; let v = s.a()?.virtual_image(Disk { radius, … })?;`; the handles of the variables.
fn run(fixture: &SessionFixture, radius: f64) -> Result<[u32; 2]> {
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let image = fixture.add(flat, "virtual_disk", json!({"radius": radius}))?;
    for (node, name) in [(scan, "s"), (image, "v")] {
        fixture.session.retain(node);
        let name = name.to_owned();
        fixture.run(Command::Name { node, name })?;
    }
    // The handle between them lives as long as the statement.
    fixture.session.retain(flat);
    fixture.session.release(flat);
    Ok([scan, image])
}

fn let_go(session: &Session, handles: [u32; 2]) {
    handles.iter().for_each(|node| session.release(*node));
}

/// Scan positions of a map that are there without its being asked for.
fn done(session: &Session, node: u32) -> f64 {
    let progress = session.description(node).and_then(|node| node.progress);
    progress.map_or(0.0, |progress| progress.done)
}

fn values(fixture: &SessionFixture, node: u32) -> Result<Vec<u8>> {
    fixture.run(Command::Compute { node })?;
    let (reply, buffers) = frame_of(&fixture.session, frame_request(node, [0, 0], [64, 64]))?;
    ensure!(reply.complete == 1.0);
    Ok(buffers[0].to_vec())
}

#[test]
fn a_finished_map_is_there_when_its_cell_has_run_again_and_nothing_accumulates() -> Result<()> {
    let fixture = fixture()?;
    let session = &fixture.session;
    let mut handles = run(&fixture, 3.0)?;
    let image = values(&fixture, handles[1])?;
    let (reads, memory) = (session.reads(), session.memory().used_bytes);
    for _ in 0..300 {
        let next = run(&fixture, 3.0)?;
        ensure!(done(session, next[1]) == 0.0, "nobody has asked for it yet");
        let_go(session, handles);
        ensure!(done(session, next[1]) == POSITIONS);
        handles = next;
        ensure!(session.tree().nodes.len() == 3);
    }
    ensure!(values(&fixture, handles[1])? == image);
    // The older one is still there.
    let next = run(&fixture, 3.0)?;
    ensure!(values(&fixture, next[1])? == image);
    let_go(session, handles);
    ensure!(
        session.reads().outputs == reads.outputs,
        "{:?}",
        session.reads()
    );
    ensure!(session.memory().used_bytes <= memory);
    let_go(session, next);
    ensure!(session.tree().nodes.is_empty() && session.memory().used_bytes == 0);
    Ok(())
}

/// A closure that takes long for every frame, and counts them.
struct Counted(Arc<AtomicUsize>);

impl FrameFunction for Counted {
    fn input(&self) -> ElementType {
        ElementType::F32
    }
    fn output(&self) -> Option<ElementType> {
        Some(ElementType::F32)
    }
    fn call(&self, input: &Frame, _at: NavigationIndex) -> Result<Output, String> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        Ok(Output::Frame(input.clone()))
    }
}

#[test]
fn a_map_that_was_half_done_goes_on() -> Result<()> {
    let fixture = fixture()?;
    let session = &fixture.session;
    let scan = fixture.open()?;
    let calls = Arc::new(AtomicUsize::new(0));
    let slow = session.add_map(scan, Arc::new(Counted(calls.clone())))?;
    let add = |radius: f64| -> Result<u32> {
        let node = fixture.add(slow, "virtual_disk", json!({"radius": radius}))?;
        session.retain(node);
        Ok(node)
    };
    let first = add(3.0)?;
    let request = Request::Compute {
        request_id: 1,
        node: first,
    };
    ask(session, request)?;
    // Positions are done in pieces of 32 and 3.
    while done(session, first) == 0.0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let again = add(3.0)?;
    let other = add(4.0)?;
    session.release(first);
    let before = calls.load(Ordering::SeqCst);
    let image = values(&fixture, again)?;
    // Among them may be a frame or two of the pass that was ended.
    let frames = calls.load(Ordering::SeqCst) - before;
    ensure!(frames < 35, "{frames} frames of 35 were computed again");
    let fresh = fixture.add(slow, "virtual_disk", json!({"radius": 3.5}))?;
    ensure!(values(&fixture, other)? != image && values(&fixture, fresh)? != image);
    Ok(())
}

#[test]
fn other_parameters_begin_anew() -> Result<()> {
    let fixture = fixture()?;
    let first = run(&fixture, 3.0)?;
    let image = values(&fixture, first[1])?;
    let next = run(&fixture, 5.0)?;
    let_go(&fixture.session, first);
    ensure!(done(&fixture.session, next[1]) == 0.0);
    ensure!(values(&fixture, next[1])? != image);
    // Parameters that were changed in the viewer are not those of the cell.
    let changed = Request::SetParams {
        request_id: 1,
        node: next[1],
        params: json!({"radius": 6.0}),
    };
    ask(&fixture.session, changed)?;
    values(&fixture, next[1])?;
    let again = run(&fixture, 5.0)?;
    let_go(&fixture.session, next);
    ensure!(done(&fixture.session, again[1]) == 0.0);
    Ok(())
}

#[test]
fn a_file_that_has_changed_begins_anew() -> Result<()> {
    let fixture = fixture()?;
    let first = run(&fixture, 3.0)?;
    let image = values(&fixture, first[1])?;
    let path = fixture.path("scan.npy");
    // The same size and the same time of the last change.
    let written = fs::metadata(&path)?.modified()?;
    let mut bytes = fs::read(&path)?;
    let header = bytes.len() - 5 * 7 * 24 * 20 * 2;
    bytes[header..].iter_mut().for_each(|byte| *byte /= 2);
    fs::write(&path, bytes)?;
    fs::File::open(&path)?.set_modified(written)?;
    std::thread::sleep(MOMENT);
    let next = run(&fixture, 3.0)?;
    let_go(&fixture.session, first);
    ensure!(done(&fixture.session, next[1]) == 0.0);
    ensure!(values(&fixture, next[1])? != image);
    Ok(())
}

/// The file is open in a variable, and another program changes its pixels in place.
#[test]
fn what_was_computed_before_pixels_changed_is_not_used_again() -> Result<()> {
    let fixture = fixture()?;
    let scan = fixture.open()?;
    fixture.session.retain(scan);
    let make = || -> Result<u32> {
        let image = fixture.add(scan, "virtual_disk", json!({"radius": 3.0}))?;
        fixture.session.retain(image);
        Ok(image)
    };
    let first = make()?;
    let before = values(&fixture, first)?;
    let unchanged = make()?;
    fixture.session.release(first);
    ensure!(done(&fixture.session, unchanged) == POSITIONS);
    let file = fs::File::options()
        .write(true)
        .open(fixture.path("scan.npy"))?;
    let time = file.metadata()?.modified()?;
    let pixels = 5 * 7 * 24 * 20 * 2;
    let start = file.metadata()?.len() - pixels as u64;
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![1; pixels], start)?;
    file.set_modified(time)?;
    let changed = make()?;
    fixture.session.release(unchanged);
    ensure!(done(&fixture.session, changed) == 0.0);
    ensure!(values(&fixture, changed)? != before);
    Ok(())
}

/// JupyterLab closes nothing when a cell runs again; the kernel closes the view before the cell makes its nodes.
#[test]
fn a_map_that_only_a_view_held_waits_for_its_cell_and_no_longer() -> Result<()> {
    let fixture = fixture()?;
    let session = &fixture.session;
    let mut outputs = None;
    for view in 0..20 {
        let [scan, image] = run(&fixture, 3.0)?;
        ensure!(done(session, image) == if view == 0 { 0.0 } else { POSITIONS });
        values(&fixture, image)?;
        let computed = session.reads().outputs;
        ensure!(*outputs.get_or_insert(computed) == computed);
        session.view_opened(&format!("m{view}"), vec![image]);
        let_go(session, [scan, image]);
        session.cell_ended("c", false);
        ensure!(session.tree().nodes.len() == 3);
        session.cell_begins();
        session.page_closed(&format!("m{view}"));
        ensure!(session.tree().nodes.is_empty());
    }
    // Its cell makes something else.
    let [scan, image] = run(&fixture, 4.0)?;
    ensure!(done(session, image) == 0.0);
    let_go(session, [scan, image]);
    session.cell_ended("c", false);
    all_is_let_go(session)?;
    // A view that is closed for good leaves nothing for anybody.
    let [scan, image] = run(&fixture, 3.0)?;
    values(&fixture, image)?;
    let_go(session, [scan, image]);
    all_is_let_go(session)?;
    Ok(())
}

/// `let s = open(…)?; let flat = …; flat.compute()?; let v = …; v.compute()?;`, and a last line with an error: rustc and
/// the kernel both let go of what the cell has bound, and of what its names were before.
#[test]
fn what_a_failed_cell_has_computed_waits_until_it_has_run_well() -> Result<()> {
    let fixture = fixture()?;
    let session = &fixture.session;
    let computed_in = |cell: &str, failed: bool, radius: f64| -> Result<(u64, [u32; 3])> {
        let before = session.reads().outputs;
        session.cell_begins();
        let scan = fixture.open()?;
        session.retain(scan);
        let flat = fixture.add(scan, "radial_median", json!({}))?;
        session.retain(flat);
        fixture.run(Command::Compute { node: flat })?;
        let image = fixture.add(flat, "virtual_disk", json!({"radius": radius}))?;
        session.retain(image);
        values(&fixture, image)?;
        let made = [scan, flat, image];
        if failed {
            made.iter().for_each(|node| session.release(*node));
            ensure!(session.tree().nodes.is_empty());
        }
        session.cell_ended(cell, failed);
        Ok((session.reads().outputs - before, made))
    };
    let (all, _) = computed_in("a", true, 3.0)?;
    ensure!(all >= POSITIONS as u64, "{all}");
    for _ in 0..50 {
        ensure!(computed_in("a", true, 3.0)?.0 == 0);
        // What another cell does in between concerns nobody.
        session.cell_begins();
        session.cell_ended("b", false);
    }
    let used = session.memory().used_bytes;
    // The radius was wrong: what is above it goes on.
    let (again, made) = computed_in("a", false, 4.0)?;
    ensure!(again <= POSITIONS as u64 && again < all, "{again} of {all}");
    ensure!(session.memory().used_bytes <= 2 * used);
    made.iter().for_each(|node| session.release(*node));
    all_is_let_go(session)?;
    // Another parameter each time: no more waits than what left last, and nothing once it has run well.
    for radius in 1..200 {
        computed_in("a", true, 0.01 * f64::from(radius))?;
    }
    ensure!(session.memory().used_bytes <= 2 * used);
    let (_, made) = computed_in("a", false, 3.0)?;
    made.iter().for_each(|node| session.release(*node));
    all_is_let_go(session)
}

/// A thread that has just filled a map may hold it for a moment.
fn all_is_let_go(session: &Session) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    while session.memory().used_bytes > 0 {
        ensure!(Instant::now() < end, "{:?}", session.memory());
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

#[test]
fn a_closure_is_another_one_each_time() -> Result<()> {
    let fixture = fixture()?;
    let session = &fixture.session;
    let scan = fixture.open()?;
    let make = || -> Result<u32> {
        let root = session.add_map(scan, Arc::new(session_fixture::Root { panics_at: None }))?;
        session.retain(root);
        let image = fixture.add(root, "virtual_disk", json!({"radius": 3.0}))?;
        session.retain(image);
        session.release(root);
        Ok(image)
    };
    let first = make()?;
    values(&fixture, first)?;
    let again = make()?;
    session.release(first);
    ensure!(done(session, again) == 0.0);
    Ok(())
}

/// What was computed to memory, and what was gathered over the scan.
#[test]
fn signals_in_memory_and_what_was_gathered_go_on_too() -> Result<()> {
    let fixture = fixture()?;
    let session = &fixture.session;
    let make = |parent: u32, operation: &str, params: Value| -> Result<u32> {
        let node = fixture.add(parent, operation, params)?;
        session.retain(node);
        Ok(node)
    };
    let scan = fixture.open()?;
    // Two names for the same are one signal in memory.
    let names = [0, 1].map(|_| make(scan, "radial_median", json!({})));
    let mut used = Vec::new();
    for node in names {
        fixture.run(Command::Compute { node: node? })?;
        used.push(session.memory().used_bytes);
    }
    ensure!(used[1] <= used[0] + 4096, "{used:?}");
    for node in session.tree().nodes.iter().skip(1) {
        session.release(node.id);
    }
    for (operation, look) in [("local_maximum", "peaks"), ("mean_pattern", "pattern")] {
        let first = make(scan, operation, json!({}))?;
        let compute = |node| match look {
            "peaks" => fixture.run(Command::Compute { node }).map(drop),
            _ => session.frame(node, &[]).map(drop),
        };
        compute(first)?;
        let before = session.reads();
        let used = session.memory().used_bytes;
        // Both at a time, and one after the other.
        let second = make(scan, operation, json!({}))?;
        compute(second)?;
        session.release(first);
        let third = make(scan, operation, json!({}))?;
        session.release(second);
        compute(third)?;
        let after = session.reads();
        let more = after.outputs - before.outputs;
        ensure!(after.chunks == before.chunks && more <= 2, "{look}: {more}");
        ensure!(session.memory().used_bytes <= used + 4096);
        session.release(third);
        ensure!(session.tree().nodes.len() == 1);
    }
    Ok(())
}
