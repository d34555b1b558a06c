//! Maps and navigation images: filled in the background, while a page goes on dragging.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scan_files::pixel;
use crate::session_fixture::{self, SessionFixture, ask, frame_of, frame_request};
use anyhow::{Context, Result, bail, ensure};
use protocol::{
    Command, Event, FrameSpace, NavigatorRequest, ProgressState, Reply, Request, SampleType,
};
use serde_json::json;
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

#[test]
fn a_map_starts_when_it_is_looked_at_and_tells_its_progress() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let map = fixture.add(fixture.open()?, "virtual_disk", json!({"radius": 3.0}))?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    fixture.session.subscribe(Box::new(move |event| {
        if let (Event::Progress(progress), Ok(mut seen)) = (event, sink.lock()) {
            seen.push(progress.clone());
        }
    }));
    let (first, buffers) = frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]))?;
    ensure!(first.space == FrameSpace::Navigation && (first.width, first.height) == (7, 5));
    ensure!(buffers[0].len() == 5 * 7 * 4 && first.sample == SampleType::F32);
    fixture.run(Command::Compute { node: map })?;
    let (last, buffers) = frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]))?;
    ensure!(last.complete == 1.0);
    let values: Vec<f32> = buffers[0]
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    ensure!(values.iter().all(|value| value.is_finite()) && values[8] > values[1]);
    let at = fixture.run(Command::Values {
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
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    for _ in 0..200 {
        let request = Request::Navigator(NavigatorRequest {
            view: 1,
            generation: 1,
            node: scan,
            index: vec![3, 2],
            part: None,
        });
        let (Reply::Navigator(reply), buffers) = ask(&fixture.session, request)? else {
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

#[test]
fn a_page_stops_a_map_and_goes_on_with_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let slow = fixture.session.add_map(fixture.open()?, Arc::new(Slow))?;
    let map = fixture.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    let look = || frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]));
    look()?;
    std::thread::sleep(Duration::from_millis(60));
    ask(
        &fixture.session,
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
        &fixture.session,
        Request::Compute {
            request_id: 2,
            node: map,
        },
    )?;
    let stop = std::cell::Cell::new(false);
    let error = fixture.session.command(
        Command::Compute { node: map },
        &|| stop.replace(true),
        &mut |_| {},
    );
    ensure!(error.unwrap_err().code == "cancelled");
    fixture.run(Command::Compute { node: map })?;
    ensure!(look()?.0.complete == 1.0);
    Ok(())
}

/// What is measured first says how far it is, also where no map waits for it.
#[test]
fn a_page_stops_a_measurement_and_goes_on_with_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let slow = (fixture.session).add_map(
        fixture.open()?,
        Arc::new(session_fixture::Slow(Duration::from_millis(30))),
    )?;
    let peaks = fixture.add(slow, "normalized_correlation", json!({}))?;
    let (tell, said) = std::sync::mpsc::channel();
    fixture.session.subscribe(Box::new(move |event| {
        if let Event::Progress(progress) = event
            && progress.node == peaks
        {
            let _ = tell.send(progress.clone());
        }
    }));
    let next = || said.recv_timeout(Duration::from_secs(20));
    let looks =
        session_fixture::ask_later(&fixture.session, frame_request(peaks, [0, 0], [64, 64]));
    let first = next()?;
    let measuring = first.measuring.clone().context("nothing is said of it")?;
    ensure!((measuring.node, measuring.pass, measuring.passes) == (peaks, 1, Some(1)));
    ensure!(measuring.share.is_some_and(|share| share < 1.0) && first.total == 35.0);
    ask(
        &fixture.session,
        Request::Cancel {
            request_id: 1,
            node: peaks,
        },
    )?;
    let (reply, _) = looks.recv_timeout(Duration::from_secs(20))?;
    ensure!(
        matches!(&reply, Reply::Failed { error, .. } if error.code == "cancelled"),
        "{reply:?}"
    );
    let stopped = std::iter::from_fn(|| next().ok())
        .find(|progress| progress.state == ProgressState::Cancelled)
        .context("it does not stop")?;
    ensure!(stopped.can_resume && stopped.measuring.is_none());
    let described = fixture.session.description(peaks).context("no node")?;
    let state = described.progress.context("it is not said")?.state;
    ensure!(state == ProgressState::Cancelled, "{state:?}");
    ask(
        &fixture.session,
        Request::Compute {
            request_id: 2,
            node: peaks,
        },
    )?;
    loop {
        let progress = next()?;
        ensure!(
            progress.done >= stopped.done,
            "{progress:?} after {stopped:?}"
        );
        if progress.state == ProgressState::Done {
            break;
        }
    }
    let (frame, _) = frame_of(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    ensure!(frame.complete == 1.0);
    let described = fixture.session.description(peaks).context("no node")?;
    ensure!(described.progress.is_none());
    Ok(())
}

#[test]
fn new_parameters_while_a_map_fills_start_it_afresh_and_silence_the_old_pass() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let slow = fixture.session.add_map(fixture.open()?, Arc::new(Slow))?;
    let map = fixture.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    let cancelled = Arc::new(Mutex::new(0));
    let count = cancelled.clone();
    fixture.session.subscribe(Box::new(move |event| {
        if let (Event::Progress(progress), Ok(mut count)) = (event, count.lock()) {
            *count += u32::from(progress.state == ProgressState::Cancelled);
        }
    }));
    for radius in 4..9 {
        frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]))?;
        std::thread::sleep(Duration::from_millis(20));
        let params = json!({"radius": radius});
        ask(
            &fixture.session,
            Request::SetParams {
                request_id: radius,
                node: map,
                params,
            },
        )?;
    }
    fixture.run(Command::Compute { node: map })?;
    let whole = fixture
        .run(Command::Values {
            node: map,
            index: vec![4, 6],
        })?
        .numbers;
    let fresh = fixture.add(slow, "virtual_disk", json!({"radius": 8}))?;
    ensure!(
        fixture
            .run(Command::Values {
                node: fresh,
                index: vec![4, 6]
            })?
            .numbers
            == whole
    );
    ensure!(*cancelled.lock().map_err(|_| anyhow::anyhow!("poisoned"))? == 0);
    Ok(())
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
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let slow = fixture.session.add_map(scan, Arc::new(Slow))?;
    let map = fixture.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]))?;
    let mut slowest = Duration::ZERO;
    for step in 0..12 {
        let started = std::time::Instant::now();
        frame_of(
            &fixture.session,
            frame_request(scan, [step % 5, step % 7], [64, 64]),
        )?;
        slowest = slowest.max(started.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    let (reply, _) = frame_of(&fixture.session, frame_request(map, [0, 0], [64, 64]))?;
    println!(
        "slowest frame during a pass: {slowest:?} (map {:.2} complete)",
        reply.complete
    );
    ensure!(slowest < Duration::from_millis(200), "{slowest:?}");
    Ok(())
}

#[test]
fn a_poster_is_a_picture() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let map = fixture.add(scan, "center_of_mass", json!({}))?;
    for node in [scan, map] {
        let poster = fixture.session.poster_unless(node, true, &|| false)?;
        ensure!(poster.png.starts_with(b"\x89PNG") && poster.complete == 1.0);
        ensure!(
            poster.index == [2, 3] && poster.text.contains("(5, 7"),
            "{}",
            poster.text
        );
    }
    Ok(())
}

#[test]
fn a_saved_map_is_seen_as_the_map_it_was() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let reference = json!({"x0": 0, "y0": 0, "width": 7, "height": 5});
    let peaks = fixture.add(scan, "local_maximum", json!({"min_distance": 3}))?;
    let strain = fixture.add(peaks, "strain_map", json!({"reference": reference}))?;
    for map in [fixture.add(scan, "center_of_mass", json!({}))?, strain] {
        seen_again(&fixture, map)?;
    }
    Ok(())
}

fn seen_again(fixture: &SessionFixture, map: u32) -> Result<()> {
    fixture.run(Command::Compute { node: map })?;
    for ending in ["zspy", "zarr", "hspy", "npy"] {
        let path = fixture.path(&format!("saved{map}.{ending}"));
        fixture.run(Command::Save {
            node: map,
            path: path.display().to_string(),
            options: protocol::SaveOptions::default(),
        })?;
        let again = session_fixture::open(&fixture.session, &path)?;
        let (was, is) = (
            fixture.session.description(map),
            fixture.session.description(again),
        );
        let (was, is) = (was.context("none")?, is.context("none")?);
        ensure!(
            (is.kind, &is.components, &is.navigation_axes)
                == (was.kind, &was.components, &was.navigation_axes),
            "{ending}: {is:?}"
        );
        ensure!(
            is.caveats == was.caveats && is.summary == was.summary,
            "{ending}: {is:?}"
        );
        fixture.run(Command::Compute { node: again })?;
        for (component, _) in was.components.iter().enumerate() {
            let image = |node: u32| {
                let Request::Frame(frame_request) = frame_request(node, [0, 0], [64, 64]) else {
                    bail!("no frame");
                };
                let component = component as u32;
                let request = Request::Frame(protocol::FrameRequest {
                    component,
                    ..frame_request
                });
                frame_of(&fixture.session, request)
            };
            let ((first, pixels), (second, same)) = (image(map)?, image(again)?);
            ensure!(
                pixels[0] == same[0]
                    && first.percentiles.map(f64::to_bits) == second.percentiles.map(f64::to_bits)
            );
        }
        let at = |node| {
            fixture.run(Command::Values {
                node,
                index: vec![1, 2],
            })
        };
        let (first, second) = (
            at(map)?.numbers.context("none")?,
            at(again)?.numbers.context("none")?,
        );
        ensure!(
            first
                .iter()
                .map(|value| value.to_bits())
                .eq(second.iter().map(|value| value.to_bits()))
        );
        let figure = |node: u32, name: &str| -> Result<String> {
            let poster = fixture.session.poster(node, &session::Look::default())?;
            // But for the minute at which it was drawn.
            let (shown, _) = poster.alt.split_once(" Drawn ").context("no date")?;
            Ok(shown.replace(name, "THE_MAP"))
        };
        let (first, second) = (figure(map, &was.name)?, figure(again, &is.name)?);
        ensure!(first == second, "{first}\n{second}");
        // It can be saved, and opened, once more.
        let copy = fixture.path(&format!("copy{map}.{ending}"));
        fixture.run(Command::Save {
            node: again,
            path: copy.display().to_string(),
            options: protocol::SaveOptions::default(),
        })?;
        let copied = session_fixture::open(&fixture.session, &copy)?;
        let copied = fixture.session.description(copied).context("none")?;
        ensure!(
            copied.components == was.components && copied.title == is.title,
            "{copied:?}"
        );
    }
    Ok(())
}

/// A saved map of two images over a scan, of values that are known.
fn map_file(fixture: &SessionFixture, scan: &[usize]) -> Result<u32> {
    let axes = (scan.iter().zip(["y", "x"]))
        .map(|(size, name)| signal::Axis::new(name, *size, 2.0, 0.0, "nm"))
        .collect();
    let axes = signal::Axes::new(axes, Vec::new());
    let map = signal::SignalMeta::frames("grain", axes, ElementType::F32).to_map(vec![
        signal::Component::new("e_xx", "ε_xx", "", signal::Display::Diverging).shown_in(100.0, "%"),
        signal::Component::new("residual", "Residual", "px", signal::Display::Sequential),
    ]);
    let path = fixture.path(&format!("map{}.zspy", scan.len() * 100 + scan[0]));
    let writer = io::ResultWriter::create(&path, &map)?;
    for flat in 0..scan.iter().product() {
        let values = [0.02 - 0.005 * flat as f32, 1.5 + flat as f32];
        let at = NavigationIndex::from_flat(flat, scan);
        writer.write(at, &Output::Values(Arc::new(values)))?;
    }
    writer.finish()?;
    session_fixture::open(&fixture.session, &path)
}

#[test]
fn a_figure_of_a_line_is_curves_and_of_a_position_numbers() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let alt = |scan: &[usize]| -> Result<String> {
        let node = map_file(&fixture, scan)?;
        fixture.run(Command::Compute { node })?;
        Ok(fixture.session.poster(node, &session::Look::default())?.alt)
    };
    // ε_xx runs from 2 % down to −1 %, symmetric in an image; a curve has all its values and a little room.
    let image = alt(&[2, 7])?;
    ensure!(
        image.contains(": ε_xx, -") && image.contains(" image "),
        "{image}"
    );
    for scan in [&[1, 7][..], &[7, 1], &[7]] {
        let text = alt(scan)?;
        ensure!(
            text.contains(" curve map")
                && !text.contains(" image ")
                && text.contains("ε_xx, -1.15 to 2.15 %")
                && text.contains("Residual, 0 to 7.88 px"),
            "{scan:?}: {text}"
        );
    }
    let number = alt(&[1, 1])?;
    ensure!(
        number.contains("ε_xx is 2 %")
            && number.contains("Residual is 1.500 px")
            && !number.contains("image"),
        "{number}"
    );
    Ok(())
}

/// Where no page renews it, the picture stays in the notebook for long.
#[test]
fn a_figure_says_when_it_was_drawn_and_how_far_it_was() -> Result<()> {
    let mut fixture = SessionFixture::new()?;
    fixture.session = session::Session::new(session::Config {
        threads: 1,
        ..session::Config::default()
    });
    // The map takes longer than two figures wait for it.
    let slow = session_fixture::Slow(Duration::from_millis(80));
    let slow = fixture.session.add_map(fixture.open()?, Arc::new(slow))?;
    let map = fixture.add(slow, "virtual_disk", json!({"radius": 3.0}))?;
    let alt = |node: u32| -> Result<String> {
        Ok(fixture.session.poster(node, &session::Look::default())?.alt)
    };
    let half = fixture.session.poster_unless(map, true, &|| false)?.alt;
    let (shown, date) = half.split_once(" Drawn ").context("no date")?;
    ensure!(shown.ends_with(" % is computed."), "{half}");
    let form: String = (date.chars())
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    ensure!(form == "0000-00-00 00:00 UTC.", "{half}");
    // In the output of another node, beside it.
    let beside =
        json!({ "node": slow, "panes": [{ "key": 0, "node": slow }, { "key": 1, "node": map }] });
    let beside = session::Look::of(beside.as_object().context("none")?);
    let complete = || -> Result<f64> { Ok(fixture.session.poster(slow, &beside)?.complete) };
    ensure!(complete()? < 1.0);
    fixture.run(Command::Compute { node: map })?;
    ensure!(complete()? == 1.0);
    let whole = alt(map)?;
    ensure!(!whole.contains("is computed") && whole.contains(" Drawn 20"));
    Ok(())
}

#[test]
fn a_figure_has_levels_of_the_values_that_are_there_now() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let node = map_file(&fixture, &[2, 7])?;
    fixture.run(Command::Compute { node })?;
    let alt = |strain: serde_json::Value| -> Result<String> {
        let set = json!({"low": 0, "high": 5, "automatic": false, "of": "1", "complete": 0.39});
        let levels = json!({ format!("{node}.0"): strain, format!("{node}.1"): set });
        let state = json!({ "node": node, "component": 1, "levels": levels });
        let look = session::Look::of(state.as_object().context("none")?);
        Ok(fixture.session.poster(node, &look)?.alt)
    };
    let held = |of: &str, complete: f64| json!({"low": -0.0144, "high": 0.0144, "automatic": true, "of": of, "complete": complete});
    let seen = alt(held("1", 1.0))?;
    ensure!(seen.contains("ε_xx, -1.44 to 1.44 %"), "{seen}");
    // From a part of the map, from other parameters: those of the page are of no use, unless somebody has set them.
    for (of, complete) in [("1", 0.39), ("2", 1.0), ("", 1.0)] {
        let text = alt(held(of, complete))?;
        ensure!(
            text.contains("ε_xx, -4.50 to 4.50 %") && text.contains("Residual, 0 to 5.00 px"),
            "{text}"
        );
    }
    Ok(())
}
