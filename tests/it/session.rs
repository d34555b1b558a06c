//! The session as pages and cells see it.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::scan_files::pixel;
use crate::session_fixture::{Root, SessionFixture, ask, ask_later, frame_of, frame_request};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, Event, FrameSpace, OpenOptions, Reply, Request, SampleType};
use serde_json::json;
use signal::NavigationIndex;

#[test]
fn adding_nodes_reads_no_pixel() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "radial_median", json!({}))?;
    let peaks = fixture.add(flat, "normalized_correlation", json!({"radius": 3.0}))?;
    fixture.add(
        peaks,
        "strain_map",
        json!({"reference": {"x0": 0, "y0": 0, "width": 3, "height": 2}}),
    )?;
    fixture.add(flat, "virtual_disk", json!({}))?;
    ensure!(fixture.session.tree().nodes.len() == 5);
    let reads = fixture.session.reads();
    ensure!((reads.chunks, reads.outputs) == (0, 0), "{reads:?}");
    Ok(())
}

#[test]
fn a_drag_reaches_the_page_without_a_copy_of_the_pixels() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let (reply, buffers) = frame_of(&fixture.session, frame_request(scan, [3, 5], [512, 512]))?;
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
    let frame = fixture.session.frame(scan, &[3, 5])?;
    ensure!(buffers[0].as_ptr() == frame.as_bytes().as_ptr());
    Ok(())
}

/// Its pages are gone, and touching one would end the process.
#[test]
fn a_mapped_file_that_shrinks_gives_errors_also_for_what_was_read_before() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    fixture.session.frame(scan, &[4, 6])?;
    let file = std::fs::File::options()
        .write(true)
        .open(fixture.path("scan.npy"))?;
    file.set_len(150)?;
    let error = fixture
        .session
        .frame(scan, &[4, 6])
        .err()
        .context("a frame")?;
    ensure!(error.message.contains("was changed since"), "{error}");
    let (reply, _) = ask(&fixture.session, frame_request(scan, [4, 6], [64, 64]))?;
    ensure!(matches!(reply, Reply::Failed { .. }), "{reply:?}");
    Ok(())
}

#[test]
fn a_computed_frame_is_sent_as_it_lies_in_the_cache() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let flat = fixture.add(fixture.open()?, "radial_median", json!({}))?;
    let (_, buffers) = frame_of(&fixture.session, frame_request(flat, [1, 6], [512, 512]))?;
    let (again, same) = frame_of(&fixture.session, frame_request(flat, [1, 6], [512, 512]))?;
    ensure!(buffers[0].as_ptr() == same[0].as_ptr() && again.sample == SampleType::F32);
    ensure!(fixture.session.reads().outputs == 1);
    let (small, one_copy) = frame_of(&fixture.session, frame_request(flat, [1, 6], [10, 12]))?;
    ensure!((small.width, small.height, small.full_width) == (10, 12, 20));
    ensure!(one_copy[0].len() == 10 * 12 * 4);
    Ok(())
}

#[test]
fn of_many_wishes_of_a_view_the_newest_is_answered_and_old_ones_are_dropped() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "median_kernel", json!({}))?;
    let answers: Vec<_> = (0..60)
        .map(|step| {
            ask_later(
                &fixture.session,
                frame_request(flat, [step % 5, step % 7], [64, 64]),
            )
        })
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
fn views_of_different_pages_do_not_replace_each_other() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let flat = fixture.add(fixture.open()?, "median_kernel", json!({}))?;
    let (tell, answers) = channel();
    for page in 0..12u32 {
        let tell = tell.clone();
        fixture.session.request_from(
            &format!("page {page}"),
            frame_request(flat, [page % 5, page % 7], [64, 64]),
            Box::new(move |reply, _| drop(tell.send(reply))),
        );
    }
    drop(tell);
    ensure!(answers.iter().count() == 12);
    Ok(())
}

#[test]
fn what_a_cell_asks_for_in_vain_is_told_with_what_there_is() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let text = fixture.run(Command::Tree)?.text.unwrap_or_default();
    ensure!(
        text.starts_with("nothing is open yet") && text.contains("open(\"scan.zspy\")?"),
        "{text:?}"
    );
    let scan = fixture.open()?;
    let shift = fixture.add(scan, "center_of_mass", json!({}))?;
    let values = |node, index: &[usize]| {
        let index = index.to_vec();
        fixture.run(Command::Values { node, index }).unwrap_err()
    };
    let error = values(scan, &[3, 4]);
    ensure!(
        error.message.contains("has frames, maps were asked for")
            && error.hint.contains("`scan.frame((0, 0))?`"),
        "{error}"
    );
    let peaks = Command::Peaks {
        node: scan,
        index: vec![3, 4],
    };
    let error = fixture.run(peaks).unwrap_err();
    ensure!(
        error
            .hint
            .contains("scan.find_peaks(NormalizedCorrelation::default())?"),
        "{error}"
    );
    for (index, message, hint) in [
        (
            &[][..],
            "() is no position of its scan: its scan has the axes y, x",
            ".values((0, 0))?`",
        ),
        (&[3], "3 is no position of its scan", ".values((0, 0))?`"),
        (
            &[3, 7],
            "position 7 of the axis x is outside the scan, which has 7",
            "from 0 to 6",
        ),
    ] {
        let error = values(shift, index);
        ensure!(
            error.message.contains(message) && error.hint.contains(hint),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn errors_free_the_slot_and_name_what_is_wrong() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    for (request, code) in [
        (frame_request(scan, [5, 0], [64, 64]), "outside_scan"),
        (frame_request(77, [0, 0], [64, 64]), "not_found"),
    ] {
        match ask(&fixture.session, request)? {
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
    let error = fixture.add(scan, "radial_medain", json!({})).unwrap_err();
    ensure!(
        error.code == "unknown_operation" && error.message.contains("radial_median"),
        "{error}"
    );
    let error = fixture
        .add(scan, "virtual_disk", json!({"radius": -3}))
        .unwrap_err();
    ensure!(
        error.code == "parameter" && error.message.contains("radius = -3"),
        "{error}"
    );
    let error = fixture.add(scan, "strain_map", json!({})).unwrap_err();
    ensure!(
        error.code == "not_applicable" && error.hint.contains("peaks"),
        "{error}"
    );
    let missing = Command::Open {
        path: fixture.path("skan.npy").display().to_string(),
        options: OpenOptions::default(),
    };
    let error = fixture.run(missing).unwrap_err();
    ensure!(
        error.code == "not_found" && error.message.contains("scan.npy"),
        "{error}"
    );
    Ok(())
}

#[test]
fn new_parameters_change_the_frame_and_the_line_of_code() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    for (node, name) in [(scan, "scan"), (flat, "flat")] {
        let name = name.to_owned();
        fixture.run(Command::Name { node, name })?;
    }
    let described = |node| fixture.session.description(node).context("gone");
    ensure!(
        described(scan)?.code.ends_with("scan.npy\")?;"),
        "{}",
        described(scan)?.code
    );
    ensure!(
        described(flat)?.code
            == "let flat = scan.subtract_background(DifferenceOfGaussians::default())?;"
    );
    let (before, old) = frame_of(&fixture.session, frame_request(flat, [2, 2], [64, 64]))?;
    let set = Request::SetParams {
        request_id: 9,
        node: flat,
        params: json!({"min_sigma": 2.5, "clip": false}),
    };
    ensure!(matches!(
        ask(&fixture.session, set)?.0,
        Reply::Done {
            request_id: 9,
            node: None
        }
    ));
    let (after, new) = frame_of(&fixture.session, frame_request(flat, [2, 2], [64, 64]))?;
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
    match ask(&fixture.session, refused)?.0 {
        Reply::Refused {
            request_id: 10,
            error,
        } => ensure!(error.code == "parameter"),
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_cell_that_makes_many_nodes_tells_pages_few_trees_and_the_last_one_is_whole() -> Result<()> {
    const NODES: usize = 150;
    let fixture = SessionFixture::new()?;
    let (tell, trees) = channel();
    let tell = Mutex::new(tell);
    fixture.session.subscribe(Box::new(move |event| {
        if let (Event::TreeChanged(change), Ok(tell)) = (event, tell.lock()) {
            let _ = tell.send(change.order.as_ref().map_or(0, Vec::len));
        }
    }));
    let scan = fixture.open()?;
    let began = Instant::now();
    for _ in 1..NODES {
        fixture.add(scan, "virtual_disk", json!({}))?;
    }
    let took = began.elapsed();
    let mut sizes = Vec::new();
    while sizes.last() != Some(&NODES) {
        sizes.push(trees.recv_timeout(Duration::from_secs(5))?);
    }
    ensure!(
        sizes.is_sorted(),
        "an older tree after a newer one: {sizes:?}"
    );
    let most = 3 + took.as_millis() / 50;
    ensure!(
        sizes.len() as u128 <= most,
        "{} trees in {took:?}",
        sizes.len()
    );
    Ok(())
}

#[test]
fn a_page_adds_and_removes_nodes_and_hears_of_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let (tell, events) = channel();
    let tell = Mutex::new(tell);
    fixture.session.subscribe(Box::new(move |event| {
        if let Ok(tell) = tell.lock() {
            drop(tell.send(event.clone()));
        }
    }));
    let add = Request::AddOperation {
        request_id: 1,
        parents: vec![scan],
        operation: "virtual_disk".into(),
        params: json!({}),
    };
    let Reply::Done {
        node: Some(added), ..
    } = ask(&fixture.session, add)?.0
    else {
        bail!("not added");
    };
    // Before the answer; the tree with the file alone may come first, a page that subscribes late hears of it.
    let mut heard = events.try_iter();
    ensure!(
        heard.any(|event| matches!(event, Event::TreeChanged(change) if change.order.as_ref().is_some_and(|nodes| nodes.len() == 2)))
    );
    let remove = |node| Request::RemoveNode {
        request_id: 2,
        node,
    };
    match ask(&fixture.session, remove(scan))?.0 {
        Reply::Refused { error, .. } => ensure!(error.message.contains("virtual_image"), "{error}"),
        other => bail!("{other:?}"),
    }
    ensure!(matches!(
        ask(&fixture.session, remove(added))?.0,
        Reply::Done { .. }
    ));
    let hello = Request::Hello {
        request_id: 4,
        protocol: protocol::PROTOCOL_VERSION,
    };
    match ask(&fixture.session, hello)?.0 {
        Reply::Welcome(welcome) => {
            ensure!(welcome.tree.nodes.len() == 1);
            ensure!(welcome.operations.len() == ops::registry().len());
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_page_that_comes_when_nothing_changes_hears_how_much_memory_is_used() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let (tell, events) = channel();
    let tell = Mutex::new(tell);
    fixture.session.subscribe(Box::new(move |event| {
        if let Ok(tell) = tell.lock() {
            drop(tell.send(event.clone()));
        }
    }));
    let is_memory = |event: &Event| matches!(event, Event::Memory { .. });
    // What every page has heard before.
    events.iter().find(is_memory);
    for request_id in [1, 2] {
        let hello = Request::Hello {
            request_id,
            protocol: protocol::PROTOCOL_VERSION,
        };
        ask(&fixture.session, hello)?;
        ensure!(events.try_iter().any(|event| is_memory(&event)));
    }
    Ok(())
}

#[test]
fn a_cell_that_runs_again_replaces_its_nodes() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let run_cells = || -> Result<[u32; 2]> {
        let scan = fixture.open()?;
        fixture.session.retain(scan);
        fixture.run(Command::Name {
            node: scan,
            name: "scan".into(),
        })?;
        let flat = fixture.add(scan, "radial_median", json!({}))?;
        fixture.session.retain(flat);
        fixture.run(Command::Name {
            node: flat,
            name: "flat".into(),
        })?;
        Ok([scan, flat])
    };
    let left_are = |nodes: [u32; 2]| {
        let tree = fixture.session.tree();
        let left: Vec<(u32, &str)> = tree
            .nodes
            .iter()
            .map(|node| (node.id, node.name.as_str()))
            .collect();
        ensure!(left == [(nodes[0], "scan"), (nodes[1], "flat")], "{left:?}");
        Ok(())
    };
    let first = run_cells()?;
    let second = run_cells()?;
    ensure!(
        fixture.session.tree().nodes.len() == 4,
        "the old cells still hold theirs"
    );
    first.iter().for_each(|node| fixture.session.release(*node));
    left_are(second)?;
    // Nobody could name them any more.
    second
        .iter()
        .for_each(|node| fixture.session.release(*node));
    ensure!(fixture.session.tree().nodes.is_empty());
    left_are(run_cells()?)
}

#[test]
fn a_closure_is_a_node_like_any_other() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let panics_at = Some(NavigationIndex::new(&[2, 6]));
    let sharper = fixture
        .session
        .add_map(scan, Arc::new(Root { panics_at }))?;
    let frame = fixture.session.frame(sharper, &[1, 1])?;
    ensure!(frame.value(0) as f32 == f32::from(pixel(1, 1, 0, 0)).sqrt());
    let error = fixture.session.frame(sharper, &[2, 6]).unwrap_err();
    ensure!(
        error.code == "user_function" && error.index == Some(vec![2, 6]),
        "{error}"
    );
    ensure!(
        error.message.contains("`map`") && error.message.contains("index out of bounds"),
        "{error}"
    );
    ensure!(
        fixture
            .session
            .description(sharper)
            .context("gone")?
            .code
            .contains(".map(")
    );
    fixture.add(sharper, "radial_median", json!({}))?;
    Ok(())
}
