//! Whole signals that are kept in memory.

mod desk;
mod scan_files;

use std::sync::mpsc::channel;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use desk::{Desk, frame_of, open, save, wish};
use protocol::{Command, Event};
use scan_files::write_npy;
use serde_json::json;
use session::{Config, Session};

#[test]
fn a_signal_computed_to_memory_is_not_computed_again() -> Result<()> {
    let desk = Desk::new()?;
    let scan = desk.open()?;
    let flat = desk.add(scan, "difference_of_gaussians", json!({}))?;
    let peaks = desk.add(flat, "local_maximum", json!({}))?;
    for node in [flat, peaks] {
        desk.run(Command::Compute { node })?;
    }
    let before = desk.session.reads();
    for y in 0..5 {
        for x in 0..7 {
            desk.session.frame(flat, &[y, x])?;
            desk.run(Command::Peaks {
                node: peaks,
                index: vec![y, x],
            })?;
        }
    }
    let (reply, _) = frame_of(&desk.session, wish(flat, [3, 3], [20, 24]))?;
    ensure!(reply.node == flat);
    save(&desk, flat, &desk.path("flat.zspy"))?;
    ensure!(desk.session.reads().outputs == before.outputs);

    // Other parameters: it is lazy again.
    desk.run(Command::SetParams {
        node: flat,
        params: json!({"max_sigma": 20.0}),
    })?;
    desk.session.frame(flat, &[1, 1])?;
    ensure!(desk.session.reads().outputs > before.outputs);
    Ok(())
}

#[test]
fn a_signal_larger_than_the_budget_is_to_be_saved() -> Result<()> {
    let mut desk = Desk::new()?;
    desk.session = Session::new(Config {
        budget_bytes: 40_000,
        ..Config::default()
    });
    let scan = desk.open()?;
    let flat = desk.add(scan, "difference_of_gaussians", json!({}))?;
    let error = desk.run(Command::Compute { node: flat }).unwrap_err();
    ensure!(
        error.code == "memory" && error.message.contains("MB") && error.hint.contains(".save("),
        "{error:?}"
    );
    // With the same budget it can be saved.
    save(&desk, flat, &desk.path("flat.zspy"))?;
    // What is offered is enough.
    let (_, offered) = error
        .hint
        .split_once("memory_budget(\"")
        .context("no budget")?;
    let (megabytes, _) = offered.split_once(" MB").context("no unit")?;
    let bytes = Some(megabytes.parse::<u64>()? * 1_000_000);
    desk.run(Command::MemoryBudget { bytes })?;
    desk.run(Command::Compute { node: flat })?;
    Ok(())
}

/// Whoever needs the memory gets it; the frames are then computed one by one.
#[test]
fn what_is_kept_in_memory_gives_way() -> Result<()> {
    let desk = Desk::new()?;
    write_npy(&desk.path("large.npy"), [20, 16, 128, 128])?;
    let scan = open(&desk.session, &desk.path("large.npy"))?;
    let flat = desk.add(scan, "difference_of_gaussians", json!({}))?;
    desk.run(Command::Compute { node: flat })?;
    let used = desk.session.memory().used_bytes;
    ensure!(used > 320 * 128 * 128 * 4, "{used}");
    let (tell, told) = channel();
    desk.session.subscribe(Box::new(move |event| {
        if let Event::Notice { message, .. } = event {
            let _ = tell.send(message.clone());
        }
    }));
    desk.run(Command::MemoryBudget {
        bytes: Some(16 << 20),
    })?;
    ensure!(desk.session.memory().used_bytes <= 16 << 20);
    let said = told.recv_timeout(Duration::from_secs(5))?;
    ensure!(said.contains("frame by frame"), "{said}");
    let before = desk.session.reads().outputs;
    desk.session.frame(flat, &[2, 2])?;
    ensure!(desk.session.reads().outputs == before + 1);
    Ok(())
}
