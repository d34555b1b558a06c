//! The tree comes back after a kernel has ended, however it ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::scan_files::write_npy;
use crate::session_fixture::{Root, SHAPE, SessionFixture, open};
use anyhow::{Context, Result, ensure};
use protocol::{Command, RestoreProblem, Restored};
use serde_json::{Map, json};
use session::journal::{Place, View};
use session::{Config, Session};

/// A notebook whose kernels come and go.
struct Notebook {
    fixture: SessionFixture,
    place: Place,
}

impl Notebook {
    fn new() -> Result<Self> {
        let fixture = SessionFixture::new()?;
        let place = Place {
            folder: fixture.path("runtime/journal"),
            notebook: fixture.path("notebook.ipynb"),
        };
        fixture.session.keep_journal(&place);
        Ok(Self { fixture, place })
    }

    fn journals(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.place.folder).into_iter().flatten();
        entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect()
    }

    /// Waits until a journal tells of `word`.
    fn written(&self, word: &str) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(10);
        let tells = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains(word));
        while !self.journals().iter().any(tells) {
            ensure!(Instant::now() < end, "no journal has {word}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The kernel ends and another one starts.
    fn restart(&mut self) {
        self.fixture.session = Session::new(Config::default());
        // The thread that held the lock of the old one goes with it.
        std::thread::sleep(Duration::from_millis(50));
        self.fixture.session.keep_journal(&self.place);
    }

    fn restore(&self) -> Result<Restored> {
        let reply = self.fixture.run(Command::Restore)?;
        Ok(*reply.restored.context("nothing was restored")?)
    }

    fn name(&self, node: u32, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.fixture.run(Command::Name { node, name })?;
        Ok(())
    }
}

fn names(restored: &Restored) -> Vec<&str> {
    restored
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect()
}

fn problem<'a>(restored: &'a Restored, name: &str) -> Result<&'a RestoreProblem> {
    let found = restored
        .problems
        .iter()
        .find(|problem| problem.name == name);
    found.with_context(|| format!("no problem with {name}: {:?}", restored.problems))
}

#[test]
fn the_tree_comes_back_as_it_was_and_no_pixel_is_read() -> Result<()> {
    let mut notebook = Notebook::new()?;
    let scan = notebook.fixture.open()?;
    notebook.name(scan, "scan")?;
    let gone = notebook.fixture.add(scan, "median_kernel", json!({}))?;
    let flat = notebook.fixture.add(scan, "radial_median", json!({}))?;
    notebook.name(flat, "flat")?;
    notebook.fixture.run(Command::Remove { node: gone })?;
    let map = notebook
        .fixture
        .add(flat, "virtual_disk", json!({"radius": 4.0}))?;
    notebook.fixture.run(Command::SetParams {
        node: map,
        params: json!({"radius": 5.5}),
    })?;
    notebook.name(map, "bright")?;
    let view = View {
        model: "m1".into(),
        node: map,
        cell: Some("c1".into()),
        state: json!({"node": flat, "position": [3, 5]})
            .as_object()
            .cloned()
            .unwrap_or_else(Map::new),
    };
    let open_views = vec![view.clone()];
    notebook
        .fixture
        .session
        .journal_views(move || open_views.clone());
    notebook.fixture.session.journal_changed();
    notebook.written("\"c1\"")?;
    let before = notebook.fixture.session.tree();
    let frame = notebook.fixture.session.frame(flat, &[3, 5])?;

    notebook.restart();
    ensure!(notebook.fixture.session.earlier_views() == [view]);
    let restored = notebook.restore()?;
    ensure!(
        names(&restored) == ["scan", "flat", "bright"],
        "{restored:?}"
    );
    ensure!(restored.problems.is_empty(), "{restored:?}");
    ensure!(
        restored
            .nodes
            .iter()
            .all(|node| node.variable && node.was == node.node)
    );
    let session = &notebook.fixture.session;
    let reads = session.reads();
    ensure!((reads.chunks, reads.outputs) == (0, 0), "{reads:?}");
    // Ids, parameters, revisions, lines of code: everything but the number of changes that led here.
    ensure!(session.tree().nodes == before.nodes);
    ensure!(session.frame(flat, &[3, 5])?.as_bytes() == frame.as_bytes());
    // A new node takes no id that was in use.
    ensure!(open(session, &notebook.fixture.path("scan.npy"))? > map);

    // Once more, and nothing is there twice.
    let again = notebook.restore()?;
    ensure!(again.nodes.iter().all(|node| node.here && !node.variable));
    ensure!(session.tree().nodes.len() == 4);
    Ok(())
}

#[test]
fn what_cannot_come_back_is_named_and_the_rest_does() -> Result<()> {
    let mut notebook = Notebook::new()?;
    let scan = notebook.fixture.open()?;
    for name in ["gone.npy", "changed.npy"] {
        write_npy(&notebook.fixture.path(name), SHAPE)?;
    }
    let gone = open(
        &notebook.fixture.session,
        &notebook.fixture.path("gone.npy"),
    )?;
    notebook.fixture.add(gone, "radial_median", json!({}))?;
    let changed = open(
        &notebook.fixture.session,
        &notebook.fixture.path("changed.npy"),
    )?;
    notebook.name(changed, "other")?;
    let root = Arc::new(Root { panics_at: None });
    let map = notebook.fixture.session.add_map(scan, root)?;
    notebook.name(map, "root")?;
    let below = notebook.fixture.add(map, "median_kernel", json!({}))?;
    notebook.name(below, "below")?;
    notebook.written("below")?;
    fs::remove_file(notebook.fixture.path("gone.npy"))?;
    let [ny, nx, ky, kx] = SHAPE;
    write_npy(&notebook.fixture.path("changed.npy"), [ny + 1, nx, ky, kx])?;

    notebook.restart();
    let restored = notebook.restore()?;
    ensure!(names(&restored) == ["scan", "other"], "{restored:?}");
    let lost = problem(&restored, "gone")?;
    ensure!(
        lost.lost && lost.message.contains("gone.npy is not there any more"),
        "{lost:?}"
    );
    ensure!(lost.hint.contains("restore()?"));
    let child = problem(&restored, "subtract_background")?;
    ensure!(child.lost && child.message.contains("`gone`"), "{child:?}");
    let changed = problem(&restored, "other")?;
    ensure!(
        !changed.lost && changed.message.contains("changed.npy has changed"),
        "{changed:?}"
    );
    let closure = problem(&restored, "root")?;
    ensure!(
        closure.lost && closure.hint.contains("run its cell again"),
        "{closure:?}"
    );
    ensure!(problem(&restored, "below")?.message.contains("`root`"));

    // The cell of the closure ran again: what stood below it follows.
    let scan = restored.nodes[0].node;
    let root = Arc::new(Root { panics_at: None });
    let map = notebook.fixture.session.add_map(scan, root)?;
    notebook.name(map, "root")?;
    let restored = notebook.restore()?;
    let below = restored.nodes.iter().find(|node| node.name == "below");
    ensure!(
        below.is_some_and(|node| !node.here && node.variable),
        "{restored:?}"
    );
    Ok(())
}

#[test]
fn a_folder_that_was_moved_as_a_whole_keeps_its_sessions() -> Result<()> {
    let mut notebook = Notebook::new()?;
    // As written in the cell, from the folder of the notebook.
    let here = std::env::current_dir()?;
    let relative = tempfile::Builder::new().suffix(".npy").tempfile_in(&here)?;
    write_npy(relative.path(), SHAPE)?;
    let name = relative.path().file_name().context("no name")?;
    open(&notebook.fixture.session, Path::new(name))?;
    notebook.written("written")?;
    // The journal tells of another folder, in which nothing is any more.
    let journal = &notebook.journals()[0];
    let text = fs::read_to_string(journal)?;
    let elsewhere = here.join("moved away");
    let text = text.replace(
        &format!("\"path\":\"{}/", here.display()),
        &format!("\"path\":\"{}/", elsewhere.display()),
    );
    fs::write(journal, text)?;
    notebook.restart();
    let restored = notebook.restore()?;
    ensure!(
        restored.nodes.len() == 1 && restored.problems.is_empty(),
        "{restored:?}"
    );
    Ok(())
}

#[test]
fn a_name_that_is_taken_stays_with_the_newer_node() -> Result<()> {
    let mut notebook = Notebook::new()?;
    let scan = notebook.fixture.open()?;
    let flat = notebook.fixture.add(scan, "radial_median", json!({}))?;
    notebook.name(flat, "flat")?;
    notebook.written("\"flat\"")?;

    notebook.restart();
    // The same file under the same name is the same node; the other `flat` is another one.
    let scan = notebook.fixture.open()?;
    let other = notebook.fixture.add(scan, "median_kernel", json!({}))?;
    notebook.name(other, "flat")?;
    let restored = notebook.restore()?;
    ensure!(restored.nodes[0].here && restored.nodes[0].node == scan);
    let flat = &restored.nodes[1];
    ensure!((flat.name.as_str(), flat.variable, flat.here) == ("flat_2", false, false));
    ensure!(problem(&restored, "flat")?.message.contains("`flat_2`"));
    let tree = notebook.fixture.session.tree();
    let parents = tree.nodes.iter().find(|node| node.id == flat.node);
    ensure!(parents.context("flat_2")?.parents == [scan]);
    Ok(())
}

#[test]
fn kernels_of_one_notebook_leave_each_other_alone() -> Result<()> {
    let mut notebook = Notebook::new()?;
    notebook.fixture.open()?;
    notebook.written("scan.npy")?;
    // A second kernel while the first one lives: there is nothing to restore, and nothing is overwritten.
    let second = Session::new(Config::default());
    second.keep_journal(&notebook.place);
    let refused = second.command(Command::Restore, &|| false, &mut |_| {});
    ensure!(refused.is_err_and(|error| error.code == "nothing_to_restore"));
    let other = notebook.fixture.path("other.npy");
    write_npy(&other, SHAPE)?;
    open(&second, &other)?;
    notebook.written("other.npy")?;
    ensure!(notebook.journals().len() == 2);

    // A kernel in which nothing was done hides nothing.
    notebook.restart();
    notebook.restart();
    ensure!(names(&notebook.restore()?) == ["scan"]);
    drop(second);
    std::thread::sleep(Duration::from_millis(50));

    // Torn, foreign and future journals are passed over.
    for (name, text) in [
        ("9999999999990-1", "{\"version\": 1, \"notebook\""),
        (
            "9999999999991-1",
            "{\"version\":9,\"notebook\":\"x\",\"pid\":1,\"nodes\":[]}",
        ),
        ("9999999999992-1", "\u{0}\u{0}"),
    ] {
        let key = session::journal::key(&notebook.place.notebook);
        fs::write(
            notebook.place.folder.join(format!("{key}-{name}.json")),
            text,
        )?;
    }
    notebook.restart();
    // The newest that can be read: that of the second kernel.
    ensure!(names(&notebook.restore()?) == ["other"]);
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_written_stops_nothing() -> Result<()> {
    let fixture = SessionFixture::new()?;
    // A file is where the folder should be.
    fs::write(fixture.path("runtime"), "")?;
    let place = Place {
        folder: fixture.path("runtime/journal"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    fixture.open()?;
    std::thread::sleep(Duration::from_millis(300));
    fixture.open()?;
    ensure!(fixture.session.tree().nodes.len() == 2);
    Ok(())
}
