//! Whole signals that are kept in memory.

mod scan_files;
mod session_fixture;

use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use protocol::{Command, Event};
use scan_files::write_npy;
use serde_json::json;
use session::{Config, Session};
use session_fixture::{SessionFixture, frame_of, frame_request, open, save};

#[test]
fn a_signal_computed_to_memory_is_not_computed_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    let peaks = fixture.add(flat, "local_maximum", json!({}))?;
    for node in [flat, peaks] {
        fixture.run(Command::Compute { node })?;
    }
    let before = fixture.session.reads();
    for y in 0..5 {
        for x in 0..7 {
            fixture.session.frame(flat, &[y, x])?;
            fixture.run(Command::Peaks {
                node: peaks,
                index: vec![y, x],
            })?;
        }
    }
    let (reply, _) = frame_of(&fixture.session, frame_request(flat, [3, 3], [20, 24]))?;
    ensure!(reply.node == flat);
    save(&fixture, flat, &fixture.path("flat.zspy"))?;
    ensure!(fixture.session.reads().outputs == before.outputs);

    // Other parameters: it is lazy again.
    fixture.run(Command::SetParams {
        node: flat,
        params: json!({"max_sigma": 20.0}),
    })?;
    fixture.session.frame(flat, &[1, 1])?;
    ensure!(fixture.session.reads().outputs > before.outputs);
    Ok(())
}

#[test]
fn a_signal_larger_than_the_budget_is_to_be_saved() -> Result<()> {
    let mut fixture = SessionFixture::new()?;
    fixture.session = Session::new(Config {
        budget_bytes: 40_000,
        ..Config::default()
    });
    let scan = fixture.open()?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    let error = fixture.run(Command::Compute { node: flat }).unwrap_err();
    ensure!(
        error.code == "memory" && error.message.contains("MB") && error.hint.contains(".save("),
        "{error:?}"
    );
    // With the same budget it can be saved.
    save(&fixture, flat, &fixture.path("flat.zspy"))?;
    // What is offered is enough.
    let (_, offered) = error
        .hint
        .split_once("memory_budget(\"")
        .context("no budget")?;
    let (megabytes, _) = offered.split_once(" MB").context("no unit")?;
    let bytes = Some(megabytes.parse::<u64>()? * 1_000_000);
    fixture.run(Command::MemoryBudget { bytes })?;
    fixture.run(Command::Compute { node: flat })?;
    Ok(())
}

/// Whoever needs the memory gets it; the frames are then computed one by one.
#[test]
fn what_is_kept_in_memory_gives_way() -> Result<()> {
    let fixture = SessionFixture::new()?;
    write_npy(&fixture.path("large.npy"), [20, 16, 128, 128])?;
    let scan = open(&fixture.session, &fixture.path("large.npy"))?;
    let flat = fixture.add(scan, "difference_of_gaussians", json!({}))?;
    fixture.run(Command::Compute { node: flat })?;
    let used = fixture.session.memory().used_bytes;
    ensure!(used > 320 * 128 * 128 * 4, "{used}");
    let (tell, told) = channel();
    fixture.session.subscribe(Box::new(move |event| {
        if let Event::Notice { message, .. } = event {
            let _ = tell.send(message.clone());
        }
    }));
    fixture.run(Command::MemoryBudget {
        bytes: Some(16 << 20),
    })?;
    ensure!(fixture.session.memory().used_bytes <= 16 << 20);
    let said = told.recv_timeout(Duration::from_secs(5))?;
    ensure!(said.contains("frame by frame"), "{said}");
    let before = fixture.session.reads().outputs;
    fixture.session.frame(flat, &[2, 2])?;
    ensure!(fixture.session.reads().outputs == before + 1);
    Ok(())
}
