//! What a view shows while something is measured over the scan.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::attention::{attention, wait_until};
use crate::scan_files::write_counts;
use crate::session_fixture::{
    self, Root, SessionFixture, ask, floats, frame_now, frame_of, frame_request, open,
};
use anyhow::{Result, bail, ensure};
use protocol::{Attention, Event, Reply, Request};
use serde_json::json;
use session::Session;
use signal::NavigationIndex;

const SCAN: [usize; 2] = [5, 7];
const FRAME: [usize; 2] = [48, 56];

/// Nine disks of radius 4 on a little background; noise that looks random and is always the same.
fn counts() -> Vec<u16> {
    let mut state = 11_u64;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64 - 0.5
    };
    let mut counts = Vec::new();
    for _ in 0..SCAN[0] * SCAN[1] {
        for (y, x) in (0..FRAME[0]).flat_map(|y| (0..FRAME[1]).map(move |x| (y as f64, x as f64))) {
            let is_disk = [9.0, 23.0, 37.0].into_iter().any(|row: f64| {
                ([12.0, 28.0, 44.0].into_iter())
                    .any(|column: f64| (y - row).hypot(x - column) < 4.0)
            });
            let mean: f64 = if is_disk { 40.0 } else { 2.0 };
            // As many as counts vary by.
            counts.push((mean + noise() * (12.0 * mean).sqrt()).round().max(0.0) as u16);
        }
    }
    counts
}

struct Slow {
    fixture: SessionFixture,
    scan: u32,
    peaks: u32,
    events: Receiver<Event>,
}

/// Peaks of a scan whose frames take a while each.
fn slow_peaks(each: Duration) -> Result<Slow> {
    let fixture = SessionFixture::new()?;
    let path = fixture.path("disks.npy");
    write_counts(&path, [SCAN[0], SCAN[1], FRAME[0], FRAME[1]], &counts())?;
    let file = open(&fixture.session, &path)?;
    let scan = (fixture.session).add_map(file, Arc::new(session_fixture::Slow(each)))?;
    let peaks = fixture.add(scan, "normalized_correlation", json!({}))?;
    let (tell, events) = channel();
    let sink = move |event: &Event| drop(tell.send(event.clone()));
    fixture.session.subscribe(Box::new(sink));
    Ok(Slow {
        fixture,
        scan,
        peaks,
        events,
    })
}

/// A view is told that asking again is worth it.
fn told(events: &Receiver<Event>, of: u32) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(20);
    while let Ok(event) = events.recv_timeout(end.saturating_duration_since(Instant::now())) {
        if matches!(event, Event::Refined { node, view: Some(1), .. } if node == of) {
            return Ok(());
        }
    }
    bail!("nobody was told")
}

fn measured(session: &Arc<Session>, node: u32) -> Option<protocol::Measuring> {
    session.description(node)?.progress?.measuring
}

#[test]
fn patterns_are_there_while_peaks_are_measured_and_peaks_when_they_are() -> Result<()> {
    let Slow {
        fixture,
        scan,
        peaks,
        events,
    } = slow_peaks(Duration::from_millis(60))?;
    for at in [[0, 0], [3, 4]] {
        let (reply, buffers) = frame_now(&fixture.session, frame_request(peaks, at, [64, 64]))?;
        ensure!(reply.peak_count.is_none() && !reply.exact && buffers.len() == 1);
        let (_, alone) = frame_of(&fixture.session, frame_request(scan, at, [64, 64]))?;
        ensure!(floats(&buffers[0]) == floats(&alone[0]), "another pattern");
    }
    wait_until("how far it is", || {
        measured(&fixture.session, peaks).is_some_and(|measuring| measuring.share.is_some())
    })?;
    told(&events, peaks)?;
    let (reply, buffers) = frame_of(&fixture.session, frame_request(peaks, [3, 4], [64, 64]))?;
    ensure!(reply.peak_count == Some(9) && reply.exact && buffers.len() == 2);
    Ok(())
}

#[test]
fn it_rests_when_nobody_looks_and_goes_on_from_there() -> Result<()> {
    let Slow {
        fixture,
        peaks,
        events,
        ..
    } = slow_peaks(Duration::from_millis(60))?;
    let session = &fixture.session;
    frame_now(session, frame_request(peaks, [0, 0], [64, 64]))?;
    ask(session, attention(1, peaks, Attention::Hidden))?;
    std::thread::sleep(Duration::from_millis(600));
    let outputs = session.reads().outputs;
    std::thread::sleep(Duration::from_millis(300));
    ensure!(session.reads().outputs == outputs, "it goes on unseen");
    frame_now(session, frame_request(peaks, [0, 0], [64, 64]))?;
    told(&events, peaks)?;
    let positions = (SCAN[0] * SCAN[1]) as u64;
    let more = session.reads().outputs - outputs;
    ensure!(more < 2 * positions, "{more} outputs: from the start");
    Ok(())
}

#[test]
fn a_measurement_that_fails_is_told_once_and_not_begun_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let path = fixture.path("disks.npy");
    write_counts(&path, [SCAN[0], SCAN[1], FRAME[0], FRAME[1]], &counts())?;
    let file = open(&fixture.session, &path)?;
    let slow = (fixture.session).add_map(
        file,
        Arc::new(session_fixture::Slow(Duration::from_millis(60))),
    )?;
    let fails = Root {
        panics_at: Some(NavigationIndex::new(&[4, 5])),
    };
    let fails = fixture.session.add_map(slow, Arc::new(fails))?;
    let peaks = fixture.add(fails, "normalized_correlation", json!({}))?;
    let (tell, events) = channel();
    let sink = move |event: &Event| drop(tell.send(event.clone()));
    fixture.session.subscribe(Box::new(sink));
    let (reply, _) = frame_now(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))?;
    ensure!(reply.peak_count.is_none());
    told(&events, peaks)?;
    let began = Instant::now();
    match ask(&fixture.session, frame_request(peaks, [0, 0], [64, 64]))? {
        (Reply::Failed { error, .. }, _) => {
            ensure!(error.message.contains("panicked"), "{error:?}")
        }
        (other, _) => bail!("{other:?}"),
    }
    ensure!(
        began.elapsed() < Duration::from_millis(250),
        "it was tried again"
    );
    Ok(())
}

#[test]
fn a_cell_shows_the_pattern_soon_and_waits_where_nobody_watches() -> Result<()> {
    let Slow { fixture, peaks, .. } = slow_peaks(Duration::from_millis(200))?;
    let began = Instant::now();
    let soon = fixture.session.poster_unless(peaks, true, &|| false)?;
    ensure!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    ensure!(
        soon.complete == 0.0 && soon.alt.contains("still being measured"),
        "{}",
        soon.alt
    );
    let whole = fixture.session.poster_unless(peaks, false, &|| false)?;
    ensure!(
        whole.complete == 1.0 && !whole.alt.contains("still being measured"),
        "{}",
        whole.alt
    );
    Ok(())
}

#[test]
fn what_somebody_stops_is_not_begun_again_by_a_view_that_waits() -> Result<()> {
    let Slow {
        fixture,
        peaks,
        events,
        ..
    } = slow_peaks(Duration::from_millis(60))?;
    let session = &fixture.session;
    let request = || frame_request(peaks, [0, 0], [64, 64]);
    frame_now(session, request())?;
    let cancel = Request::Cancel {
        request_id: 1,
        node: peaks,
    };
    ask(session, cancel)?;
    wait_until("it stops", || measured(session, peaks).is_none())?;
    std::thread::sleep(Duration::from_millis(50));
    match ask(session, request())? {
        (Reply::Failed { error, .. }, _) => ensure!(error.code == "cancelled", "{error:?}"),
        (other, _) => bail!("{other:?}"),
    }
    let outputs = session.reads().outputs;
    std::thread::sleep(Duration::from_millis(200));
    ensure!(session.reads().outputs == outputs, "it goes on");
    // Who asks for a position again wants it.
    frame_now(session, request())?;
    told(&events, peaks)
}
