//! While something is dragged: parameters that are tried, virtual detectors, regions of the scan.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::scan_files::{pixel, write_npy};
use crate::session_fixture::{self, SessionFixture, ask, floats, frame_of, frame_request};
use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use protocol::{
    Command, Detail, Event, FrameReply, FrameRequest, NavigationRegion, RegionStatistic, Reply,
    Request,
};
use serde_json::{Value, json};
use session::Session;

/// A scan with many positions and chunks.
const LARGE: [usize; 4] = [60, 52, 24, 20];

fn change(request: Request, change: impl FnOnce(&mut FrameRequest)) -> Request {
    match request {
        Request::Frame(mut frame_request) => {
            change(&mut frame_request);
            Request::Frame(frame_request)
        }
        other => other,
    }
}

fn tried(node: u32, params: Value, detail: Detail) -> Request {
    change(frame_request(node, [1, 2], [128, 128]), |frame_request| {
        frame_request.draft = Some(params);
        frame_request.detail = detail;
    })
}

fn region(node: u32, [x0, y0, width, height]: [u32; 4], statistic: RegionStatistic) -> Request {
    change(frame_request(node, [0, 0], [128, 128]), |frame_request| {
        frame_request.region = Some(NavigationRegion {
            x0,
            y0,
            width,
            height,
            statistic,
        });
    })
}

/// Asks until the answer is exact.
fn exact(session: &Arc<Session>, request: &Request) -> Result<(FrameReply, Bytes)> {
    let began = Instant::now();
    loop {
        let (reply, buffers) = frame_of(session, request.clone())?;
        if reply.exact {
            return Ok((reply, buffers[0].clone()));
        }
        ensure!(began.elapsed() < Duration::from_secs(30), "{reply:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn tree_events(fixture: &SessionFixture) -> Arc<Mutex<usize>> {
    let count = Arc::new(Mutex::new(0));
    let sink = count.clone();
    fixture.session.subscribe(Box::new(move |event| {
        if let (Event::TreeChanged(_), Ok(mut count)) = (event, sink.lock()) {
            *count += 1;
        }
    }));
    count
}

fn count(events: &Arc<Mutex<usize>>) -> usize {
    events.lock().map_or(usize::MAX, |count| *count)
}

fn large(fixture: &SessionFixture) -> Result<u32> {
    write_npy(&fixture.path("large.npy"), LARGE)?;
    session_fixture::open(&fixture.session, &fixture.path("large.npy"))
}

#[test]
fn parameters_are_tried_without_changing_the_tree() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let flat = fixture.add(fixture.open()?, "difference_of_gaussians", json!({}))?;
    let (before, plain) = frame_of(&fixture.session, frame_request(flat, [1, 2], [128, 128]))?;
    let (tree, events) = (fixture.session.tree(), tree_events(&fixture));
    let outputs = fixture.session.reads().outputs;
    let mut drafts = Vec::new();
    for maximum in [4.0, 5.0, 6.0, 4.0] {
        let params = json!({"max_sigma": maximum});
        let (reply, buffers) = frame_of(&fixture.session, tried(flat, params, Detail::Moving))?;
        ensure!(reply.draft && reply.exact && reply.node == flat);
        ensure!(reply.revision == before.revision && buffers[0] != plain[0]);
        drafts.push(buffers[0].clone());
    }
    ensure!(drafts[0] == drafts[3] && drafts[0] != drafts[1]);
    // Only the frame under the cursor, and none again that was there before.
    ensure!(fixture.session.reads().outputs == outputs + 3);
    ensure!(fixture.session.tree() == tree && count(&events) == 0);
    let (reply, buffers) = frame_of(&fixture.session, frame_request(flat, [1, 2], [128, 128]))?;
    ensure!(!reply.draft && buffers[0] == plain[0]);

    let (same, buffers) = frame_of(&fixture.session, tried(flat, json!({}), Detail::Moving))?;
    ensure!(same.draft && buffers[0] == plain[0]);
    fixture.run(Command::SetParams {
        node: flat,
        params: json!({"max_sigma": 5.0}),
    })?;
    let (kept, buffers) = frame_of(&fixture.session, frame_request(flat, [1, 2], [128, 128]))?;
    ensure!(kept.revision > before.revision && buffers[0] == drafts[1]);
    Ok(())
}

#[test]
fn parameters_that_do_not_fit_fail_as_if_they_were_set() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let disk = fixture.add(scan, "virtual_disk", json!({}))?;
    for (node, params) in [
        (disk, json!({"radius": -1.0})),
        (disk, json!({"radios": 4.0})),
        (disk, json!({"centre": [-90.0, -90.0], "radius": 1.0})),
        (scan, json!({"radius": 1.0})),
    ] {
        let set = Command::SetParams {
            node,
            params: params.clone(),
        };
        let Err(refused) = fixture.run(set) else {
            bail!("{params} was accepted");
        };
        let Reply::Failed { error, .. } =
            ask(&fixture.session, tried(node, params, Detail::Moving))?.0
        else {
            bail!("a draft that does not fit was answered");
        };
        ensure!(error == refused, "{error:?}\n{refused:?}");
    }
    Ok(())
}

#[test]
fn a_dragged_detector_is_never_blank_and_becomes_exact() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = large(&fixture)?;
    let disk = fixture.add(scan, "virtual_disk", json!({"radius": 4.0}))?;
    let [ny, nx, ..] = LARGE;
    let mut estimates = 0;
    for step in 0..12 {
        let params = json!({"centre": [8.0 + 0.5 * f64::from(step), 10.0], "radius": 5.3});
        let (reply, buffers) = frame_of(&fixture.session, tried(disk, params, Detail::Moving))?;
        ensure!(reply.draft && (reply.full_width, reply.full_height) == (nx as u32, ny as u32));
        let values = floats(&buffers[0]);
        ensure!(values.iter().all(|value| value.is_finite()), "step {step}");
        estimates += usize::from(!reply.exact);
    }
    ensure!(estimates > 0, "nothing was estimated");

    let params = json!({"centre": [9.3, 10.1], "radius": 5.3});
    let (_, shown) = exact(
        &fixture.session,
        &tried(disk, params.clone(), Detail::Settled),
    )?;
    // What was computed for the draft is the node's map now, without a pass.
    let outputs = fixture.session.reads();
    fixture.run(Command::SetParams { node: disk, params })?;
    let (reply, buffers) = frame_of(&fixture.session, frame_request(disk, [1, 2], [128, 128]))?;
    ensure!(reply.exact && reply.complete == 1.0 && !reply.draft);
    ensure!(buffers[0] == shown && fixture.session.reads() == outputs);
    let inside = |ky: usize, kx: usize| {
        (ky as f64 - 9.3).powi(2) + (kx as f64 - 10.1).powi(2) <= 5.3f64.powi(2)
    };
    let places: Vec<_> = (0..LARGE[2] * LARGE[3])
        .map(|place| (place / LARGE[3], place % LARGE[3]))
        .filter(|(ky, kx)| inside(*ky, *kx))
        .collect();
    for (at, value) in floats(&shown).iter().enumerate() {
        let sum: u64 = (places.iter())
            .map(|(ky, kx)| u64::from(pixel(at / nx, at % nx, *ky, *kx)))
            .sum();
        ensure!(*value == sum as f32, "{at}: {value} {sum}");
    }
    Ok(())
}

#[test]
fn a_view_is_told_when_its_draft_became_better() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let disk = fixture.add(large(&fixture)?, "virtual_disk", json!({}))?;
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    fixture.session.subscribe(Box::new(move |event| {
        if let (
            Event::Refined {
                node,
                view,
                complete,
            },
            Ok(mut told),
        ) = (event, sink.lock())
        {
            told.push((*node, *view, *complete));
        }
    }));
    let params = json!({"radius": 3.0});
    exact(&fixture.session, &tried(disk, params, Detail::Moving))?;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let told = told
            .lock()
            .map_err(|_| anyhow::anyhow!("poisoned"))?
            .clone();
        ensure!(told.iter().all(|(node, ..)| *node == disk), "{told:?}");
        if told.contains(&(disk, Some(1), 1.0)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("nothing was told")
}

fn mean_of(shape: [usize; 4], [x0, y0, width, height]: [u32; 4]) -> Vec<f32> {
    let [_, _, rows, columns] = shape;
    (0..rows * columns)
        .map(|place| {
            let positions = (y0..y0 + height).flat_map(|y| (x0..x0 + width).map(move |x| (y, x)));
            let sum: u64 = positions
                .map(|(y, x)| (y as usize, x as usize))
                .map(|(y, x)| u64::from(pixel(y, x, place / columns, place % columns)))
                .sum();
            (sum as f64 / f64::from(width * height)) as f32
        })
        .collect()
}

#[test]
fn a_region_shows_its_mean_however_it_was_dragged() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = large(&fixture)?;
    for place in [
        [3, 4, 30, 40],
        [4, 4, 30, 40],
        [5, 6, 30, 40],
        [5, 6, 33, 38],
        [0, 0, 52, 60],
        [51, 59, 1, 1],
        [20, 7, 31, 2],
    ] {
        let request = region(scan, place, RegionStatistic::Mean);
        let (reply, buffer) = exact(&fixture.session, &request)?;
        ensure!(reply.complete == 1.0 && (reply.full_width, reply.full_height) == (20, 24));
        ensure!(floats(&buffer) == mean_of(LARGE, place), "{place:?}");
    }
    let sum = region(scan, [3, 4, 5, 6], RegionStatistic::Sum);
    let (_, buffer) = exact(&fixture.session, &sum)?;
    let mean = mean_of(LARGE, [3, 4, 5, 6]);
    for (sum, mean) in floats(&buffer).iter().zip(mean) {
        ensure!((sum / 30.0 - mean).abs() <= mean * 1e-6, "{sum} {mean}");
    }
    for place in [[50, 0, 3, 1], [0, 60, 1, 1], [0, 0, 0, 3]] {
        let request = region(scan, place, RegionStatistic::Mean);
        let Reply::Failed { error, .. } = ask(&fixture.session, request)?.0 else {
            bail!("{place:?} was answered");
        };
        ensure!(error.code == "outside_scan", "{error:?}");
    }
    Ok(())
}

#[test]
fn a_region_of_a_computed_signal_does_not_depend_on_the_drag() -> Result<()> {
    let dragged = SessionFixture::new()?;
    let fresh = SessionFixture::new()?;
    let node = |fixture: &SessionFixture| -> Result<u32> {
        Ok(fixture.add(large(fixture)?, "difference_of_gaussians", json!({}))?)
    };
    let (a, b) = (node(&dragged)?, node(&fresh)?);
    for x0 in 0..6 {
        let request = region(a, [x0, 3, 12, 9], RegionStatistic::Mean);
        frame_of(&dragged.session, request)?;
    }
    let last = [5, 3, 12, 9];
    let (_, found) = exact(&dragged.session, &region(a, last, RegionStatistic::Mean))?;
    let (_, expected) = exact(&fresh.session, &region(b, last, RegionStatistic::Mean))?;
    ensure!(found == expected);
    // With other parameters it is another signal.
    dragged.run(Command::SetParams {
        node: a,
        params: json!({"max_sigma": 6.0}),
    })?;
    let (_, changed) = exact(&dragged.session, &region(a, last, RegionStatistic::Mean))?;
    ensure!(changed != found);
    Ok(())
}

#[test]
fn memory_of_drags_keeps_to_the_budget() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = large(&fixture)?;
    let disk = fixture.add(scan, "virtual_disk", json!({}))?;
    for step in 0..40 {
        let params = json!({"radius": 2.0 + 0.1 * f64::from(step)});
        frame_of(&fixture.session, tried(disk, params, Detail::Moving))?;
        let place = [step % 10, 0, 30, 30];
        frame_of(&fixture.session, region(scan, place, RegionStatistic::Mean))?;
        let memory = fixture.session.memory();
        ensure!(memory.used_bytes <= memory.budget_bytes, "{memory:?}");
    }
    fixture.run(Command::Remove { node: disk })?;
    fixture.run(Command::Remove { node: scan })?;
    let began = Instant::now();
    while fixture.session.memory().used_bytes > 0 {
        ensure!(
            began.elapsed() < Duration::from_secs(10),
            "{:?} are kept of nodes that are gone",
            fixture.session.memory()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let left = fixture.session.tree().nodes.len();
    ensure!(left == 0, "{left}");
    Ok(())
}

#[test]
fn a_detector_on_a_computed_signal_is_estimated_and_then_exact() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let flat = fixture.add(large(&fixture)?, "difference_of_gaussians", json!({}))?;
    for (operation, params) in [
        (
            "virtual_annulus",
            json!({"inner_radius": 2.0, "outer_radius": 7.5, "statistic": "mean"}),
        ),
        ("center_of_mass", json!({"radius": 6.5})),
    ] {
        let map = fixture.add(flat, operation, json!({}))?;
        let (first, buffers) =
            frame_of(&fixture.session, tried(map, params.clone(), Detail::Moving))?;
        let estimate = floats(&buffers[0]);
        let (_, shown) = exact(
            &fixture.session,
            &tried(map, params.clone(), Detail::Settled),
        )?;
        let other = fixture.add(flat, operation, params)?;
        fixture.run(Command::Compute { node: other })?;
        let (reply, expected) =
            frame_of(&fixture.session, frame_request(other, [1, 2], [128, 128]))?;
        ensure!(reply.exact && expected[0] == shown, "{operation}");
        if !first.exact {
            // Not where it is zero or undefined: of the pattern's sums, on average.
            let exact = floats(&shown);
            let both: Vec<_> = (estimate.iter().zip(&exact))
                .filter(|(a, b)| a.is_finite() && b.is_finite())
                .collect();
            ensure!(
                both.len() * 10 >= exact.len() * 9,
                "{operation}: {}",
                both.len()
            );
        }
    }
    Ok(())
}

#[test]
fn a_hidden_view_gives_up_what_it_tried() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = large(&fixture)?;
    let disk = fixture.add(scan, "virtual_disk", json!({}))?;
    exact(
        &fixture.session,
        &tried(disk, json!({"radius": 3.5}), Detail::Settled),
    )?;
    exact(
        &fixture.session,
        &region(scan, [0, 0, 20, 30], RegionStatistic::Mean),
    )?;
    let before = fixture.session.memory().used_bytes;
    let hidden = Request::Attention {
        request_id: 1,
        view: 1,
        node: disk,
        state: protocol::Attention::Hidden,
    };
    ask(&fixture.session, hidden)?;
    let after = fixture.session.memory().used_bytes;
    ensure!(after < before, "{after} {before}");
    // It comes back as if nothing had been.
    exact(
        &fixture.session,
        &tried(disk, json!({"radius": 3.5}), Detail::Settled),
    )?;
    Ok(())
}
