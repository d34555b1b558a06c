//! The session as pages and cells see it.

mod scan_files;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use protocol::{
    Command, CommandReply, Detail, Event, FrameReply, FrameRequest, FrameSpace, NavigatorRequest,
    OpenOptions, ProgressState, Reply, Request, SampleType, WireError,
};
use scan_files::{pixel, write_npy};
use serde_json::{Value, json};
use session::{Config, Session};
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

const SHAPE: [usize; 4] = [5, 7, 24, 20];

struct Desk {
    session: Arc<Session>,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Result<Desk> {
        let folder = tempfile::tempdir()?;
        write_npy(&folder.path().join("scan.npy"), SHAPE)?;
        Ok(Desk {
            session: Session::new(Config::default()),
            folder,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, command: Command) -> Result<CommandReply, WireError> {
        self.session.command(command, &|| false, &mut |_| {})
    }

    fn open(&self) -> Result<u32> {
        open(&self.session, &self.path("scan.npy"))
    }

    fn add(&self, parent: u32, operation: &str, params: Value) -> Result<u32, WireError> {
        let reply = self.run(Command::AddNode {
            parent,
            operation: operation.into(),
            params,
        })?;
        Ok(reply.node.unwrap_or_default())
    }
}

fn open(session: &Arc<Session>, path: &Path) -> Result<u32> {
    let command = Command::Open {
        path: path.display().to_string(),
        options: OpenOptions::default(),
    };
    let reply = session.command(command, &|| false, &mut |_| {})?;
    reply.node.context("no node")
}

fn ask(session: &Arc<Session>, request: Request) -> Result<(Reply, Vec<Bytes>)> {
    let answers = ask_later(session, request);
    Ok(answers.recv_timeout(Duration::from_secs(20))?)
}

fn ask_later(session: &Arc<Session>, request: Request) -> Receiver<(Reply, Vec<Bytes>)> {
    let (tell, answers) = channel();
    session.request(
        request,
        Box::new(move |reply, buffers| drop(tell.send((reply, buffers)))),
    );
    answers
}

fn wish(node: u32, index: [u32; 2], size_px: [u32; 2]) -> Request {
    Request::Frame(FrameRequest {
        view: 1,
        generation: 3,
        node,
        index: index.to_vec(),
        component: 0,
        size_px,
        detail: Detail::Settled,
    })
}

fn frame_of(session: &Arc<Session>, request: Request) -> Result<(FrameReply, Vec<Bytes>)> {
    match ask(session, request)? {
        (Reply::Frame(reply), buffers) => Ok((reply, buffers)),
        (other, _) => bail!("{other:?}"),
    }
}

#[test]
fn adding_nodes_reads_no_pixel() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let flat = desk.add(scan, "radial_median", json!({}))?;
    let peaks = desk.add(flat, "normalized_correlation", json!({"radius": 3.0}))?;
    desk.add(
        peaks,
        "strain_map",
        json!({"reference": {"x0": 0, "y0": 0, "width": 3, "height": 2}}),
    )?;
    desk.add(flat, "virtual_disk", json!({}))?;
    ensure!(desk.session.tree().nodes.len() == 5);
    let reads = desk.session.reads();
    ensure!((reads.chunks, reads.outputs) == (0, 0), "{reads:?}");
    Ok(())
}

#[test]
fn a_drag_reaches_the_page_without_a_copy_of_the_pixels() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let (reply, buffers) = frame_of(&desk.session, wish(scan, [3, 5], [512, 512]))?;
    ensure!((reply.view, reply.generation, reply.node) == (1, 3, scan));
    ensure!(
        (reply.width, reply.height) == (20, 24),
        "width is the fastest axis"
    );
    ensure!(reply.sample == SampleType::U16 && reply.space == FrameSpace::Signal);
    ensure!(reply.extrema == [f64::from(pixel(3, 5, 0, 0)), f64::from(pixel(3, 5, 23, 19))]);
    let expected: Vec<u8> = (0..24 * 20)
        .flat_map(|flat| pixel(3, 5, flat / 20, flat % 20).to_le_bytes())
        .collect();
    ensure!(buffers[0] == expected);
    // The buffer is the mapped file itself.
    let frame = desk.session.frame(scan, &[3, 5])?;
    ensure!(buffers[0].as_ptr() == frame.as_bytes().as_ptr());
    Ok(())
}

#[test]
fn a_computed_frame_is_sent_as_it_lies_in_the_cache() -> Result<()> {
    let desk = Desk::new()?;
    let flat = desk.add(desk.open()?, "radial_median", json!({}))?;
    let (_, buffers) = frame_of(&desk.session, wish(flat, [1, 6], [512, 512]))?;
    let (again, same) = frame_of(&desk.session, wish(flat, [1, 6], [512, 512]))?;
    ensure!(buffers[0].as_ptr() == same[0].as_ptr() && again.sample == SampleType::F32);
    ensure!(desk.session.reads().outputs == 1);
    let (small, one_copy) = frame_of(&desk.session, wish(flat, [1, 6], [10, 12]))?;
    ensure!((small.width, small.height, small.full_width) == (10, 12, 20));
    ensure!(one_copy[0].len() == 10 * 12 * 4);
    Ok(())
}

#[test]
fn of_many_wishes_of_a_view_the_newest_is_answered_and_old_ones_are_dropped() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let flat = desk.add(scan, "median_kernel", json!({}))?;
    let answers: Vec<_> = (0..60)
        .map(|step| ask_later(&desk.session, wish(flat, [step % 5, step % 7], [64, 64])))
        .collect();
    let last = answers.last().context("none")?;
    ensure!(last.recv_timeout(Duration::from_secs(20)).is_ok());
    let answered = answers[..59]
        .iter()
        .filter(|answer| answer.recv().is_ok())
        .count();
    ensure!(
        answered < 40,
        "{answered} of 59 superseded wishes were computed"
    );
    Ok(())
}

#[test]
fn errors_free_the_slot_and_name_what_is_wrong() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    for (request, code) in [
        (wish(scan, [5, 0], [64, 64]), "outside_scan"),
        (wish(77, [0, 0], [64, 64]), "not_found"),
    ] {
        match ask(&desk.session, request)? {
            (
                Reply::Failed {
                    view: 1,
                    generation: 3,
                    error,
                },
                _,
            ) => ensure!(error.code == code, "{error}"),
            (other, _) => bail!("{other:?}"),
        }
    }
    let error = desk.add(scan, "radial_medain", json!({})).unwrap_err();
    ensure!(
        error.code == "unknown_operation" && error.message.contains("radial_median"),
        "{error}"
    );
    let error = desk
        .add(scan, "virtual_disk", json!({"radius": -3}))
        .unwrap_err();
    ensure!(
        error.code == "parameter" && error.message.contains("radius = -3"),
        "{error}"
    );
    let error = desk.add(scan, "strain_map", json!({})).unwrap_err();
    ensure!(
        error.code == "not_applicable" && error.hint.contains("peaks"),
        "{error}"
    );
    let missing = Command::Open {
        path: desk.path("skan.npy").display().to_string(),
        options: OpenOptions::default(),
    };
    let error = desk.run(missing).unwrap_err();
    ensure!(
        error.code == "not_found" && error.message.contains("scan.npy"),
        "{error}"
    );
    Ok(())
}

#[test]
fn new_parameters_change_the_frame_and_the_line_of_code() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let flat = desk.add(scan, "difference_of_gaussians", json!({}))?;
    for (node, name) in [(scan, "scan"), (flat, "flat")] {
        let name = name.to_owned();
        desk.run(Command::Name { node, name })?;
    }
    let described = |node| desk.session.description(node).context("gone");
    ensure!(
        described(scan)?.code.ends_with("scan.npy\")?;"),
        "{}",
        described(scan)?.code
    );
    ensure!(
        described(flat)?.code
            == "let flat = scan.subtract_background(DifferenceOfGaussians::default())?;"
    );
    let (before, old) = frame_of(&desk.session, wish(flat, [2, 2], [64, 64]))?;
    let set = Request::SetParams {
        request_id: 9,
        node: flat,
        params: json!({"min_sigma": 2.5, "clip": false}),
    };
    ensure!(matches!(
        ask(&desk.session, set)?.0,
        Reply::Done {
            request_id: 9,
            node: None
        }
    ));
    let (after, new) = frame_of(&desk.session, wish(flat, [2, 2], [64, 64]))?;
    ensure!(after.revision > before.revision && old[0] != new[0]);
    ensure!(
        described(flat)?.code
            == "let flat = scan.subtract_background(DifferenceOfGaussians { min_sigma: 2.5, clip: false, ..default() })?;"
    );
    let refused = Request::SetParams {
        request_id: 10,
        node: flat,
        params: json!({"min_sigma": -1}),
    };
    match ask(&desk.session, refused)?.0 {
        Reply::Refused {
            request_id: 10,
            error,
        } => ensure!(error.code == "parameter"),
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_page_adds_and_removes_nodes_and_hears_of_it() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let (tell, events) = channel();
    let tell = Mutex::new(tell);
    desk.session.subscribe(Box::new(move |event| {
        if let Ok(tell) = tell.lock() {
            drop(tell.send(event.clone()));
        }
    }));
    let add = Request::AddOperation {
        request_id: 1,
        parent: scan,
        operation: "virtual_disk".into(),
        params: json!({}),
    };
    let Reply::Done {
        node: Some(added), ..
    } = ask(&desk.session, add)?.0
    else {
        bail!("not added");
    };
    match events.recv_timeout(Duration::from_secs(5))? {
        Event::TreeChanged { tree } => ensure!(tree.nodes.len() == 2),
        other => bail!("{other:?}"),
    }
    let remove = |node| Request::RemoveNode {
        request_id: 2,
        node,
    };
    match ask(&desk.session, remove(scan))?.0 {
        Reply::Refused { error, .. } => ensure!(error.message.contains("virtual_image"), "{error}"),
        other => bail!("{other:?}"),
    }
    ensure!(matches!(
        ask(&desk.session, remove(added))?.0,
        Reply::Done { .. }
    ));
    let hello = Request::Hello {
        request_id: 4,
        protocol: protocol::PROTOCOL_VERSION,
    };
    match ask(&desk.session, hello)?.0 {
        Reply::Welcome(welcome) => {
            ensure!(welcome.tree.nodes.len() == 1);
            ensure!(welcome.operations.len() == welcome.tree.nodes[0].menu.len());
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_cell_that_runs_again_replaces_its_nodes() -> Result<()> {
    let desk = Desk::new()?;
    let run_cells = || -> Result<[u32; 2]> {
        let scan = desk.open()?;
        desk.session.retain(scan);
        desk.run(Command::Name {
            node: scan,
            name: "scan".into(),
        })?;
        let flat = desk.add(scan, "radial_median", json!({}))?;
        desk.session.retain(flat);
        desk.run(Command::Name {
            node: flat,
            name: "flat".into(),
        })?;
        Ok([scan, flat])
    };
    let first = run_cells()?;
    let second = run_cells()?;
    ensure!(
        desk.session.tree().nodes.len() == 4,
        "the old cells still hold theirs"
    );
    first.iter().for_each(|node| desk.session.release(*node));
    let tree = desk.session.tree();
    let left: Vec<(u32, &str)> = tree
        .nodes
        .iter()
        .map(|node| (node.id, node.name.as_str()))
        .collect();
    ensure!(
        left == [(second[0], "scan"), (second[1], "flat")],
        "{left:?}"
    );
    Ok(())
}

#[test]
fn a_map_starts_when_it_is_looked_at_and_tells_its_progress() -> Result<()> {
    let desk = Desk::new()?;
    let map = desk.add(desk.open()?, "virtual_disk", json!({"radius": 3.0}))?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    desk.session.subscribe(Box::new(move |event| {
        if let (Event::Progress(progress), Ok(mut seen)) = (event, sink.lock()) {
            seen.push(progress.clone());
        }
    }));
    let (first, buffers) = frame_of(&desk.session, wish(map, [0, 0], [64, 64]))?;
    ensure!(first.space == FrameSpace::Navigation && (first.width, first.height) == (7, 5));
    ensure!(buffers[0].len() == 5 * 7 * 4 && first.sample == SampleType::F32);
    desk.run(Command::Compute { node: map })?;
    let (last, buffers) = frame_of(&desk.session, wish(map, [0, 0], [64, 64]))?;
    ensure!(last.complete == 1.0);
    let values: Vec<f32> = buffers[0]
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    ensure!(values.iter().all(|value| value.is_finite()) && values[8] > values[1]);
    let at = desk.run(Command::Values {
        node: map,
        index: vec![1, 1],
    })?;
    ensure!(at.numbers.context("none")?[0] as f32 == values[8]);
    std::thread::sleep(Duration::from_millis(50)); // the last event follows the last value
    let seen = seen.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
    ensure!(
        seen.last()
            .is_some_and(|last| last.state == ProgressState::Done && last.done == 35.0)
    );
    Ok(())
}

#[test]
fn the_navigation_image_is_the_mean_of_each_frame() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    for _ in 0..200 {
        let request = Request::Navigator(NavigatorRequest {
            view: 1,
            generation: 1,
            node: scan,
        });
        let (Reply::Navigator(reply), buffers) = ask(&desk.session, request)? else {
            bail!("no navigator");
        };
        ensure!((reply.width, reply.height) == (7, 5) && reply.value_units == "mean counts");
        if reply.complete == 1.0 {
            let at = (3 * 7 + 2) * 4;
            let bytes: [u8; 4] = buffers[0][at..at + 4].try_into()?;
            let mean = (0..480)
                .map(|flat| f64::from(pixel(3, 2, flat / 20, flat % 20)))
                .sum::<f64>()
                / 480.0;
            ensure!((f64::from(f32::from_le_bytes(bytes)) - mean).abs() < 0.01);
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("the navigation image was never complete")
}

struct Root {
    panics_at: Option<NavigationIndex>,
}

impl FrameFunction for Root {
    fn input(&self) -> ElementType {
        ElementType::F32
    }
    fn output(&self) -> Option<ElementType> {
        Some(ElementType::F32)
    }
    fn call(&self, input: &Frame, at: NavigationIndex) -> Result<Output, String> {
        if self.panics_at == Some(at) {
            return Err("the closure panicked: index out of bounds".into());
        }
        let pixels = input.to_f32().iter().map(|pixel| pixel.sqrt()).collect();
        Frame::from_vec(input.shape(), pixels).map(Output::Frame)
    }
}

#[test]
fn a_closure_is_a_node_like_any_other() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let panics_at = Some(NavigationIndex::new(&[2, 6]));
    let sharper = desk.session.add_map(scan, Arc::new(Root { panics_at }))?;
    let frame = desk.session.frame(sharper, &[1, 1])?;
    ensure!(frame.value(0) as f32 == f32::from(pixel(1, 1, 0, 0)).sqrt());
    let error = desk.session.frame(sharper, &[2, 6]).unwrap_err();
    ensure!(
        error.code == "user_function" && error.index == Some(vec![2, 6]),
        "{error}"
    );
    ensure!(
        error.message.contains("`map`") && error.message.contains("index out of bounds"),
        "{error}"
    );
    ensure!(
        desk.session
            .description(sharper)
            .context("gone")?
            .code
            .contains(".map(")
    );
    desk.add(sharper, "radial_median", json!({}))?;
    Ok(())
}

#[test]
fn saved_frames_open_again_and_an_open_file_is_never_replaced() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let flat = desk.add(scan, "radial_median", json!({}))?;
    let path = desk.path("flat.zspy");
    let save = |path: &Path| Command::Save {
        node: flat,
        path: path.display().to_string(),
    };
    let mut told = Vec::new();
    desk.session
        .command(save(&path), &|| false, &mut |progress| {
            told.push(progress.clone())
        })?;
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
    let error = desk.run(save(&path)).unwrap_err();
    ensure!(
        error.code == "in_use" && error.message.contains("open as `flat"),
        "{error}"
    );
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
        })?;
        let before = folder_bytes(Path::new(&path))?;
        let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let status = std::process::Command::new("sh")
            .args(["-c", limited])
            .arg(std::env::current_exe()?)
            .args(["--exact", NAME, "--nocapture"])
            .env(FOLDER, desk.folder.path())
            .status()?;
        ensure!(status.success(), "see above");
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
    let save = Command::Save { node: noise, path };
    let error = session.command(save, &|| false, &mut |_| {}).unwrap_err();
    ensure!(
        error.code == "io" && error.message.contains("old"),
        "{error:?}"
    );
    ensure!(error.hint.contains("MB free"), "{error:?}");
    Ok(())
}

#[test]
fn a_page_stops_a_map_and_goes_on_with_it() -> Result<()> {
    let desk = Desk::new()?;
    let slow = desk.session.add_map(desk.open()?, Arc::new(Slow))?;
    let map = desk.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    let look = || frame_of(&desk.session, wish(map, [0, 0], [64, 64]));
    look()?;
    std::thread::sleep(Duration::from_millis(60));
    ask(
        &desk.session,
        Request::Cancel {
            request_id: 1,
            node: map,
        },
    )?;
    std::thread::sleep(Duration::from_millis(100));
    let stopped = look()?.0.complete;
    std::thread::sleep(Duration::from_millis(100));
    ensure!(
        stopped < 1.0 && look()?.0.complete == stopped,
        "looking at it does not start it again"
    );
    ask(
        &desk.session,
        Request::Compute {
            request_id: 2,
            node: map,
        },
    )?;
    let stop = std::cell::Cell::new(false);
    let error = desk.session.command(
        Command::Compute { node: map },
        &|| stop.replace(true),
        &mut |_| {},
    );
    ensure!(error.unwrap_err().code == "cancelled");
    desk.run(Command::Compute { node: map })?;
    ensure!(look()?.0.complete == 1.0);
    Ok(())
}

#[test]
fn new_parameters_while_a_map_fills_start_it_afresh_and_silence_the_old_pass() -> Result<()> {
    let desk = Desk::new()?;
    let slow = desk.session.add_map(desk.open()?, Arc::new(Slow))?;
    let map = desk.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    let cancelled = Arc::new(Mutex::new(0));
    let count = cancelled.clone();
    desk.session.subscribe(Box::new(move |event| {
        if let (Event::Progress(progress), Ok(mut count)) = (event, count.lock()) {
            *count += u32::from(progress.state == ProgressState::Cancelled);
        }
    }));
    for radius in 4..9 {
        frame_of(&desk.session, wish(map, [0, 0], [64, 64]))?;
        std::thread::sleep(Duration::from_millis(20));
        let params = json!({"radius": radius});
        ask(
            &desk.session,
            Request::SetParams {
                request_id: radius,
                node: map,
                params,
            },
        )?;
    }
    desk.run(Command::Compute { node: map })?;
    let whole = desk
        .run(Command::Values {
            node: map,
            index: vec![4, 6],
        })?
        .numbers;
    let fresh = desk.add(slow, "virtual_disk", json!({"radius": 8}))?;
    ensure!(
        desk.run(Command::Values {
            node: fresh,
            index: vec![4, 6]
        })?
        .numbers
            == whole
    );
    ensure!(*cancelled.lock().map_err(|_| anyhow::anyhow!("poisoned"))? == 0);
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

/// Gives back its input after a while.
struct Slow;

impl FrameFunction for Slow {
    fn input(&self) -> ElementType {
        ElementType::U16
    }
    fn output(&self) -> Option<ElementType> {
        Some(ElementType::U16)
    }
    fn call(&self, input: &Frame, _: NavigationIndex) -> Result<Output, String> {
        std::thread::sleep(Duration::from_millis(8));
        Ok(Output::Frame(input.clone()))
    }
}

/// A drag while a whole-scan computation runs: each frame is there long before the next unit would be.
#[test]
fn a_drag_stays_smooth_while_a_map_fills() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let slow = desk.session.add_map(scan, Arc::new(Slow))?;
    let map = desk.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    frame_of(&desk.session, wish(map, [0, 0], [64, 64]))?;
    let mut slowest = Duration::ZERO;
    for step in 0..12 {
        let started = std::time::Instant::now();
        frame_of(&desk.session, wish(scan, [step % 5, step % 7], [64, 64]))?;
        slowest = slowest.max(started.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    let (reply, _) = frame_of(&desk.session, wish(map, [0, 0], [64, 64]))?;
    println!(
        "slowest frame during a pass: {slowest:?} (map {:.2} complete)",
        reply.complete
    );
    ensure!(slowest < Duration::from_millis(200), "{slowest:?}");
    Ok(())
}

#[test]
fn a_poster_is_a_picture() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let map = desk.add(scan, "center_of_mass", json!({}))?;
    for node in [scan, map] {
        let poster = desk.session.poster(node)?;
        ensure!(poster.png.starts_with(b"\x89PNG") && poster.complete == 1.0);
        ensure!(
            poster.index == [2, 3] && poster.text.contains("(5, 7 |"),
            "{}",
            poster.text
        );
    }
    Ok(())
}
