//! What a view costs that nobody looks at, what a drag finds read already, and the budget at run time.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::session_fixture::{self, Root, SessionFixture, ask, ask_later, frame_of, frame_request};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Attention, Command, Event, ProgressState, Reply, Request};
use serde_json::json;
use session::Session;

pub fn attention(view: u32, node: u32, state: Attention) -> Request {
    Request::Attention {
        request_id: 5,
        view,
        node,
        state,
    }
}

fn done(session: &Arc<Session>, node: u32) -> Option<f64> {
    session
        .description(node)?
        .progress
        .map(|progress| progress.done)
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds() {
        ensure!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// A map whose frames take a while each, so that its pass is under way for a second.
pub fn slow_map(fixture: &SessionFixture) -> Result<u32> {
    let scan = fixture.open()?;
    let slow = fixture.session.add_map(
        scan,
        Arc::new(session_fixture::Slow(Duration::from_millis(40))),
    )?;
    Ok(fixture.add(slow, "virtual_disk", json!({"radius": 3.0}))?)
}

#[test]
fn a_map_that_nobody_looks_at_rests_and_goes_on_when_it_is_shown_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let map = slow_map(&fixture)?;
    let session = &fixture.session;
    frame_of(session, frame_request(map, [0, 0], [64, 64]))?;
    wait_until("the pass runs", || {
        done(session, map).is_some_and(|done| done >= 1.0)
    })?;
    ask(session, attention(1, map, Attention::Hidden))?;
    // Frames under way end; no other begins.
    std::thread::sleep(Duration::from_millis(150));
    let outputs = session.reads().outputs;
    std::thread::sleep(Duration::from_millis(250));
    ensure!(session.reads().outputs == outputs, "it goes on unseen");
    ensure!(outputs < 60, "it was over before it was hidden");
    frame_of(session, frame_request(map, [0, 0], [64, 64]))?;
    wait_until("the map is whole", || {
        let progress = session.description(map).and_then(|node| node.progress);
        progress.is_some_and(|progress| progress.state == ProgressState::Done)
    })
}

#[test]
fn a_map_that_somebody_asked_for_goes_on_unseen() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let map = slow_map(&fixture)?;
    let session = &fixture.session;
    frame_of(session, frame_request(map, [0, 0], [64, 64]))?;
    ask(
        session,
        Request::Compute {
            request_id: 1,
            node: map,
        },
    )?;
    ask(session, attention(1, map, Attention::Hidden))?;
    session.page_closed("");
    wait_until("the map is whole", || done(session, map) == Some(35.0))
}

fn state(session: &Arc<Session>, node: u32) -> Option<ProgressState> {
    Some(session.description(node)?.progress?.state)
}

/// A page draws the picture of an output again whenever it has come to rest.
#[test]
fn a_map_that_was_stopped_rests_until_somebody_asks_for_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let map = slow_map(&fixture)?;
    let session = &fixture.session;
    let cancel = || {
        let request = Request::Cancel {
            request_id: 2,
            node: map,
        };
        ask(session, request)
    };
    let look = || frame_of(session, frame_request(map, [0, 0], [64, 64]));
    let draw = || session.poster(map, &session::Look::default());
    let stopped = |what: &str| {
        std::thread::sleep(Duration::from_millis(100));
        let found = state(session, map);
        ensure!(found == Some(ProgressState::Cancelled), "{what}: {found:?}");
        Ok(())
    };
    look()?;
    wait_until("the pass runs", || {
        done(session, map).is_some_and(|done| done >= 1.0)
    })?;
    cancel()?;
    stopped("cancelled")?;
    draw()?;
    stopped("its picture was drawn")?;
    ask(session, attention(1, map, Attention::Hidden))?;
    ask(session, attention(1, map, Attention::Focused))?;
    look()?;
    stopped("it was shown again")?;
    // One that rests because nobody looks at it can be stopped, too, and its picture does not wake it.
    let compute = Request::Compute {
        request_id: 3,
        node: map,
    };
    let other = slow_map(&fixture)?;
    frame_of(session, frame_request(other, [0, 0], [64, 64]))?;
    wait_until("the other runs", || state(session, other).is_some())?;
    ask(session, attention(1, other, Attention::Hidden))?;
    ensure!(state(session, other).is_none(), "it goes on unseen");
    session.poster(other, &session::Look::default())?;
    ensure!(state(session, other).is_none(), "its picture woke it");
    let request = Request::Cancel {
        request_id: 4,
        node: other,
    };
    ask(session, request)?;
    frame_of(session, frame_request(other, [0, 0], [64, 64]))?;
    ensure!(state(session, other) == Some(ProgressState::Cancelled));
    // A cell that shows it asks for it, as "Go on" does.
    session.poster_unless(other, true, &|| false)?;
    ensure!(state(session, other) == Some(ProgressState::Running));
    ask(session, compute)?;
    wait_until("the map is whole", || {
        state(session, map) == Some(ProgressState::Done)
    })
}

#[test]
fn a_hidden_view_gets_its_slot_back_and_asks_again_when_it_is_shown() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let session = &fixture.session;
    let slow = session.add_map(
        scan,
        Arc::new(session_fixture::Slow(Duration::from_millis(300))),
    )?;
    let later = ask_later(session, frame_request(slow, [1, 1], [64, 64]));
    std::thread::sleep(Duration::from_millis(50));
    ask(session, attention(1, slow, Attention::Hidden))?;
    match later.recv_timeout(Duration::from_secs(10))?.0 {
        // A frame that was nearly ready comes all the same.
        Reply::Failed { error, .. } => ensure!(error.code == "hidden", "{error}"),
        Reply::Frame(_) => {}
        other => bail!("{other:?}"),
    }
    frame_of(session, frame_request(slow, [1, 1], [64, 64]))?;
    Ok(())
}

#[test]
fn a_drag_over_a_slow_node_does_not_queue() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let session = &fixture.session;
    let slow = session.add_map(
        scan,
        Arc::new(session_fixture::Slow(Duration::from_millis(60))),
    )?;
    let (tell, answers) = channel();
    let began = Instant::now();
    // A page that does not wait for its answers, as an ill-behaved one might.
    for generation in 0..60u32 {
        let tell = tell.clone();
        let mut request = frame_request(slow, [generation / 7 % 5, generation % 7], [64, 64]);
        if let Request::Frame(frame_request) = &mut request {
            frame_request.generation = generation;
        }
        session.request(request, Box::new(move |reply, _| drop(tell.send(reply))));
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(tell);
    let generations: Vec<u32> = answers
        .iter()
        .filter_map(|reply| match reply {
            Reply::Frame(frame) => Some(frame.generation),
            _ => None,
        })
        .collect();
    ensure!(
        generations.contains(&59),
        "the newest is answered: {generations:?}"
    );
    ensure!(
        generations.len() > 2,
        "something is shown meanwhile: {generations:?}"
    );
    ensure!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    Ok(())
}

#[test]
fn the_budget_changes_at_run_time_and_pages_hear_of_memory() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let session = &fixture.session;
    let (tell, told) = channel();
    session.subscribe(Box::new(move |event| {
        if let Event::Memory { budget_bytes, .. } = event {
            let _ = tell.send(*budget_bytes);
        }
    }));
    let root = session.add_map(scan, Arc::new(Root { panics_at: None }))?;
    for x in 0..7 {
        frame_of(session, frame_request(root, [0, x], [64, 64]))?;
    }
    let reply = session.command(
        Command::MemoryBudget { bytes: None },
        &|| false,
        &mut |_| {},
    )?;
    let before = reply.memory.context("no memory")?;
    ensure!(
        before.used_bytes > 0 && before.machine_bytes > before.budget_bytes / 64,
        "{before:?}"
    );
    let bytes = 32 << 20;
    match ask(
        session,
        Request::SetBudget {
            request_id: 1,
            bytes: f64::from(bytes),
        },
    )?
    .0
    {
        Reply::Done { .. } => {}
        other => bail!("{other:?}"),
    }
    ensure!(session.memory().budget_bytes == bytes as usize);
    wait_until("a page hears of it", || {
        told.try_iter().any(|told| told == f64::from(bytes))
    })?;
    for too in [1u64, u64::MAX / 2] {
        let refused = session.command(
            Command::MemoryBudget { bytes: Some(too) },
            &|| false,
            &mut |_| {},
        );
        let error = refused.err().context("an impossible budget was taken")?;
        ensure!(
            error.code == "budget" && error.hint.contains("GiB"),
            "{error}"
        );
    }
    Ok(())
}
