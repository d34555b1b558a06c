//! Nodes stay while somebody holds them, and no longer; one file is open once.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::session_fixture::{self, Root, SHAPE, SessionFixture, ask, frame_request, open};
use anyhow::{Result, ensure};
use protocol::{Attention, Command, OpenOptions, Reply, Request, SaveOptions};
use serde_json::json;
use session::Session;
use session::journal::Place;
use signal::{CancelToken, FrameFunction};

/// A file is trusted to be what it was when it has not changed for a moment.
const MOMENT: Duration = Duration::from_millis(150);

fn names(session: &Session) -> Vec<String> {
    session
        .tree()
        .nodes
        .into_iter()
        .map(|node| node.name)
        .collect()
}

fn name(fixture: &SessionFixture, node: u32, name: &str) -> Result<()> {
    let name = name.to_owned();
    fixture.run(Command::Name { node, name })?;
    Ok(())
}

/// Handles of a cell, dropped with it.
struct Cell<'a> {
    fixture: &'a SessionFixture,
    handles: Vec<u32>,
}

impl Cell<'_> {
    fn new(fixture: &SessionFixture) -> Cell<'_> {
        Cell {
            fixture,
            handles: Vec::new(),
        }
    }

    fn hold(&mut self, node: u32) -> u32 {
        self.fixture.session.retain(node);
        self.handles.push(node);
        node
    }

    fn open(&mut self) -> Result<u32> {
        let node = self.fixture.open()?;
        Ok(self.hold(node))
    }

    fn add(&mut self, parent: u32, operation: &str) -> Result<u32> {
        let node = self.fixture.add(parent, operation, json!({}))?;
        Ok(self.hold(node))
    }

    /// `let NAME = …`: the node has the name of a variable and is held by it; gives that handle.
    fn bind(&mut self, node: u32, variable: &str) -> Result<u32> {
        self.fixture.session.retain(node);
        name(self.fixture, node, variable)?;
        Ok(node)
    }
}

impl Drop for Cell<'_> {
    fn drop(&mut self) {
        let handles = std::mem::take(&mut self.handles);
        handles
            .iter()
            .for_each(|node| self.fixture.session.release(*node));
    }
}

/// `let s = open(…)?; let p = s.a()?.b()?;`; gives the handles of the variables.
fn run(fixture: &SessionFixture) -> Result<[u32; 2]> {
    let mut cell = Cell::new(fixture);
    let scan = cell.open()?;
    let scan = cell.bind(scan, "s")?;
    let between = cell.add(scan, "radial_median")?;
    let peaks = cell.add(between, "local_maximum")?;
    let peaks = cell.bind(peaks, "p")?;
    Ok([scan, peaks])
}

/// Descriptors of files in a folder; other tests have theirs.
fn descriptors(folder: &Path) -> Result<usize> {
    let open =
        fs::read_dir("/proc/self/fd")?.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    Ok(open.filter(|file| file.starts_with(folder)).count())
}

#[test]
fn a_cell_that_runs_again_leaves_what_the_first_run_left() -> Result<()> {
    let fixture = SessionFixture::new()?;
    std::thread::sleep(MOMENT);
    let mut variables = run(&fixture)?;
    let first = names(&fixture.session);
    ensure!(first == ["s", "subtract_background", "p"], "{first:?}");
    let opened = descriptors(fixture.folder.path())?;
    for _ in 0..1000 {
        let next = run(&fixture)?;
        let both = names(&fixture.session);
        ensure!(
            both == [
                "s_earlier",
                "subtract_background",
                "p_earlier",
                "s",
                "subtract_background_2",
                "p"
            ],
            "{both:?}"
        );
        variables
            .iter()
            .for_each(|node| fixture.session.release(*node));
        variables = next;
        ensure!(
            names(&fixture.session) == first,
            "{:?}",
            names(&fixture.session)
        );
    }
    ensure!(
        descriptors(fixture.folder.path())? <= opened,
        "{} of {opened}",
        descriptors(fixture.folder.path())?
    );
    variables
        .iter()
        .for_each(|node| fixture.session.release(*node));
    ensure!(names(&fixture.session).is_empty());
    ensure!(fixture.session.memory().used_bytes == 0);
    Ok(())
}

#[test]
fn a_view_holds_what_it_was_opened_for_and_what_it_shows() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let [scan, peaks] = run(&fixture)?;
    let session = &fixture.session;
    session.view_opened("m1", vec![peaks]);
    session.release(peaks);
    session.release(scan);
    ensure!(names(session).len() == 3);
    // It goes up the tree; what it was opened for stays one step away.
    session.view_shows("m1", vec![peaks, scan]);
    ensure!(names(session).len() == 3);
    let frame = ask(session, frame_request(peaks, [2, 3], [24, 20]))?.0;
    ensure!(matches!(frame, Reply::Frame(_)), "{frame:?}");
    session.page_closed("m1");
    ensure!(names(session).is_empty());
    // A message that was under way when it was closed.
    session.view_shows("m1", vec![peaks]);
    let [scan, peaks] = run(&fixture)?;
    session.release(peaks);
    ensure!(names(session) == ["s"]);
    session.release(scan);
    ensure!(names(session).is_empty());
    Ok(())
}

#[test]
fn what_was_made_in_the_viewer_stays_with_what_it_was_made_from_until_it_is_removed() -> Result<()>
{
    let fixture = SessionFixture::new()?;
    let session = &fixture.session;
    let [scan, peaks] = run(&fixture)?;
    session.view_opened("m1", vec![peaks]);
    let added = ask(
        session,
        Request::AddOperation {
            request_id: 1,
            parents: vec![scan],
            operation: "virtual_disk".into(),
            params: json!({"radius": 4.0}),
        },
    )?;
    let Reply::Done {
        node: Some(disk), ..
    } = added.0
    else {
        anyhow::bail!("{added:?}");
    };
    session.page_closed("m1");
    let again = run(&fixture)?;
    session.release(peaks);
    session.release(scan);
    ensure!(
        names(session)
            == [
                "s_earlier",
                "virtual_image",
                "s",
                "subtract_background",
                "p"
            ],
        "{:?}",
        names(session)
    );
    let removed = ask(
        session,
        Request::RemoveNode {
            request_id: 2,
            node: disk,
        },
    )?;
    ensure!(matches!(removed.0, Reply::Done { .. }), "{removed:?}");
    ensure!(names(session) == ["s", "subtract_background", "p"]);
    again.iter().for_each(|node| session.release(*node));
    ensure!(names(session).is_empty());
    Ok(())
}

#[test]
fn a_save_that_runs_holds_its_node() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let session = &fixture.session;
    let mut cell = Cell::new(&fixture);
    let scan = cell.open()?;
    let slow = session.add_map(
        scan,
        Arc::new(session_fixture::Slow(Duration::from_millis(15))),
    )?;
    cell.hold(slow);
    let target = fixture.path("slow.zspy");
    let saving = ask(
        session,
        Request::Save {
            request_id: 1,
            node: slow,
            path: target.display().to_string(),
            options: SaveOptions::default(),
            replace: false,
        },
    )?;
    ensure!(matches!(saving.0, Reply::Done { .. }), "{saving:?}");
    // The thread that saves begins a moment after the answer.
    std::thread::sleep(Duration::from_millis(100));
    drop(cell);
    ensure!(names(session).len() == 2, "{:?}", names(session));
    for _ in 0..2000 {
        if names(session).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ensure!(names(session).is_empty() && target.exists());
    Ok(())
}

#[test]
fn one_file_is_open_once_and_a_changed_one_is_opened_anew() -> Result<()> {
    let fixture = SessionFixture::new()?;
    std::thread::sleep(MOMENT);
    let session = &fixture.session;
    let path = fixture.path("scan.npy");
    let before = descriptors(fixture.folder.path())?;
    let [first, second] = [fixture.open()?, fixture.open()?];
    ensure!(descriptors(fixture.folder.path())? == before + 1);
    let image = |node| -> Result<()> {
        let frame = session.frame(node, &[1, 2])?;
        ensure!(frame.len() == SHAPE[2] * SHAPE[3]);
        Ok(())
    };
    image(first)?;
    let reads = session.reads().chunks;
    image(second)?;
    ensure!(session.reads().chunks == reads, "a chunk was read twice");
    // Other options make another signal of it.
    let other = Command::Open {
        path: path.display().to_string(),
        options: OpenOptions {
            axes: Some(vec![("y".into(), 2.0, 0.0, "nm".into()); 4]),
            ..OpenOptions::default()
        },
    };
    fixture.run(other)?;
    ensure!(descriptors(fixture.folder.path())? == before + 2);
    // The same size, and the same time of the last change: only the system knows.
    let written = fs::metadata(&path)?.modified()?;
    let mut bytes = fs::read(&path)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes)?;
    fs::File::open(&path)?.set_modified(written)?;
    std::thread::sleep(MOMENT);
    let changed = open(session, &path)?;
    ensure!(descriptors(fixture.folder.path())? == before + 3);
    for node in [first, second, changed] {
        fixture.run(Command::Remove { node })?;
    }
    ensure!(descriptors(fixture.folder.path())? == before + 1);
    Ok(())
}

/// Chunks that another program has written again, in place: no header tells.
#[test]
fn a_store_whose_chunks_were_written_again_shows_what_is_in_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let session = &fixture.session;
    let scan = fixture.open()?;
    for (name, source) in [
        ("one.zspy", scan),
        ("two.zspy", fixture.add(scan, "radial_median", json!({}))?),
    ] {
        let path = fixture.path(name).display().to_string();
        let options = SaveOptions::default();
        fixture.run(Command::Save {
            node: source,
            path,
            options,
        })?;
    }
    std::thread::sleep(MOMENT);
    let (one, two) = (fixture.path("one.zspy"), fixture.path("two.zspy"));
    let at = [1, 2];
    let before = session.frame(open(session, &one)?, &at)?;
    let other = session.frame(open(session, &two)?, &at)?;
    ensure!(before.element() != other.element() || before.as_bytes() != other.as_bytes());
    // All chunks change places with themselves, cut short: another content under the same names.
    let mut touched = 0;
    let mut folders = vec![one.join("Experiments")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_chunk(&path) {
                fs::write(&path, b"damaged")?;
                touched += 1;
            }
        }
    }
    ensure!(touched > 0);
    std::thread::sleep(MOMENT);
    let again = open(session, &one)?;
    let frame = session.frame(again, &at);
    ensure!(
        frame.is_err(),
        "an old chunk is shown for the new one: {:?} {touched}",
        frame.map(|frame| frame.to_f32().into_owned())
    );
    Ok(())
}

fn is_chunk(path: &Path) -> bool {
    let inside = path.iter().any(|part| part == "data");
    let name = path.file_name().map(|name| name.to_string_lossy());
    inside && name.is_some_and(|name| !name.starts_with('.'))
}

struct Captures(Root, Arc<Session>, u32);

impl Drop for Captures {
    fn drop(&mut self) {
        self.1.release(self.2);
    }
}

impl FrameFunction for Captures {
    fn input(&self) -> signal::ElementType {
        self.0.input()
    }
    fn output(&self) -> Option<signal::ElementType> {
        self.0.output()
    }
    fn call(
        &self,
        input: &signal::Frame,
        at: signal::NavigationIndex,
    ) -> Result<signal::Output, String> {
        self.0.call_unless(input, at, &CancelToken::new())
    }
}

#[test]
fn a_closure_that_has_captured_a_signal_lets_go_of_it_with_its_node() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let session = &fixture.session;
    let [scan, peaks] = run(&fixture)?;
    session.retain(scan);
    let captured = Captures(Root { panics_at: None }, session.clone(), scan);
    let mut other = Cell::new(&fixture);
    let second = other.open()?;
    let map = session.add_map(second, Arc::new(captured))?;
    other.hold(map);
    session.release(peaks);
    session.release(scan);
    ensure!(names(session).len() == 3, "{:?}", names(session));
    drop(other);
    ensure!(names(session).is_empty(), "{:?}", names(session));
    Ok(())
}

/// A crash takes handles that nobody gave back; what they stood for may have taken hours.
#[test]
fn what_a_crash_left_behind_stays_until_it_is_made_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let session = &fixture.session;
    let mut handles = Vec::new();
    for _ in 0..3 {
        let [scan, peaks] = run(&fixture)?;
        session.lose(&std::mem::take(&mut handles));
        handles = vec![scan, peaks];
    }
    session.lose(&handles);
    ensure!(names(session).len() == 3, "{:?}", names(session));
    // Looked at and left, it goes.
    let peaks = session.tree().nodes[2].id;
    session.view_opened("m1", vec![peaks]);
    session.attention(peaks);
    session.page_closed("m1");
    ensure!(names(session).is_empty(), "{:?}", names(session));
    Ok(())
}

#[test]
fn what_came_back_goes_when_its_cell_runs_again() -> Result<()> {
    let mut fixture = SessionFixture::new()?;
    let place = Place {
        folder: fixture.path("journal"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    // Held by a list, of which nothing is written down.
    let mut list = Cell::new(&fixture);
    let scan = list.open()?;
    list.add(scan, "radial_median")?;
    let journaled = |fixture: &SessionFixture| -> Result<()> {
        fixture.session.end_journal();
        let found = fs::read_dir(&place.folder)?.count();
        ensure!(found > 0, "no journal");
        Ok(())
    };
    journaled(&fixture)?;
    drop(list.handles.drain(..));
    drop(list);
    fixture.session = Session::new(session::Config::default());
    std::thread::sleep(Duration::from_millis(50));
    fixture.session.keep_journal(&place);
    fixture.run(Command::Restore)?;
    let first = names(&fixture.session);
    ensure!(first == ["scan", "subtract_background"], "{first:?}");
    fixture.run(Command::Restore)?;
    ensure!(names(&fixture.session) == first, "nothing is there twice");
    let mut again = Cell::new(&fixture);
    let scan = again.open()?;
    again.add(scan, "radial_median")?;
    // Handles are given back now and then; then it is looked.
    fixture.session.retain(scan);
    fixture.session.release(scan);
    ensure!(
        names(&fixture.session) == first,
        "{:?}",
        names(&fixture.session)
    );
    drop(again);
    ensure!(names(&fixture.session).is_empty());
    Ok(())
}

trait Looks {
    fn attention(&self, node: u32);
}

impl Looks for Arc<Session> {
    fn attention(&self, node: u32) {
        let request = Request::Attention {
            request_id: 1,
            view: 1,
            node,
            state: Attention::Visible,
        };
        self.request_from("m1", request, Box::new(|_, _| {}));
    }
}
