//! Nodes of two signals: arithmetic through every door, and other inputs for a node that is there.

use std::sync::Arc;
use std::time::Duration;

use crate::menu::why_not;
use crate::scan_files::{pixel, write_npy};
use crate::session_fixture::{SHAPE, SessionFixture, ask, open, save};
use anyhow::{Context, Result, bail, ensure};
use protocol::{Command, Reply, Request, WireError};
use serde_json::json;
use session::journal::Place;
use session::{Config, Session};

/// A scan with its mean, and a second one of the same shape in another file.
fn made() -> Result<(SessionFixture, [u32; 3])> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    write_npy(&fixture.path("other.npy"), SHAPE)?;
    let other = open(&fixture.session, &fixture.path("other.npy"))?;
    let mean = fixture.add(scan, "mean_pattern", json!({}))?;
    for (node, name) in [(scan, "scan"), (mean, "mean"), (other, "other")] {
        name_it(&fixture, node, name)?;
    }
    Ok((fixture, [scan, mean, other]))
}

fn name_it(fixture: &SessionFixture, node: u32, name: &str) -> Result<()> {
    let name = name.to_owned();
    fixture.run(Command::Name { node, name })?;
    Ok(())
}

fn add(fixture: &SessionFixture, parents: &[u32], operation: &str) -> Result<u32> {
    let reply = fixture.run(Command::AddNode {
        parents: parents.to_vec(),
        operation: operation.into(),
        params: json!({}),
    })?;
    reply.node.context("no node")
}

/// The pixels of a frame, in C order.
fn frame(session: &Arc<Session>, node: u32, at: [usize; 2]) -> Result<Vec<f32>, WireError> {
    Ok(session.frame(node, &at)?.to_f32().into_owned())
}

fn possible(fixture: &SessionFixture, node: u32, operation: Option<&str>) -> Result<Vec<u32>> {
    let request = Request::Inputs {
        request_id: 1,
        node,
        operation: operation.map(str::to_owned),
    };
    match ask(&fixture.session, request)?.0 {
        Reply::Inputs { nodes, .. } => Ok(nodes),
        other => bail!("{other:?}"),
    }
}

fn give(fixture: &SessionFixture, node: u32, further: &[u32]) -> Result<Result<(), WireError>> {
    let request = Request::SetInputs {
        request_id: 2,
        node,
        further: further.to_vec(),
    };
    match ask(&fixture.session, request)?.0 {
        Reply::Done { .. } => Ok(Ok(())),
        Reply::Refused { error, .. } => Ok(Err(error)),
        other => bail!("{other:?}"),
    }
}

/// What stands in the tree for a node: its parents, title and line of code.
fn told(fixture: &SessionFixture, node: u32) -> Result<(Vec<u32>, String, String)> {
    let node = fixture.session.description(node).context("no node")?;
    Ok((node.parents, node.title, node.code))
}

#[test]
fn one_frame_is_subtracted_everywhere_and_the_result_says_so() -> Result<()> {
    let (fixture, [scan, mean, _]) = made()?;
    let less = add(&fixture, &[scan, mean], "subtract")?;
    name_it(&fixture, less, "less")?;
    let of_mean = frame(&fixture.session, mean, [0, 0]);
    ensure!(of_mean.is_err(), "it has no scan axes");
    let [ny, nx, rows, columns] = SHAPE;
    let middle = |ky, kx| {
        let all = (0..ny).flat_map(|y| (0..nx).map(move |x| (y, x)));
        let sum: f64 = all.map(|(y, x)| f64::from(pixel(y, x, ky, kx))).sum();
        sum / (ny * nx) as f64
    };
    for at in [[0, 0], [3, 5]] {
        let found = frame(&fixture.session, less, at)?;
        for (place, value) in found.iter().enumerate() {
            let (ky, kx) = (place / columns, place % columns);
            let expected = f64::from(pixel(at[0], at[1], ky, kx)) - middle(ky, kx);
            ensure!(
                (f64::from(*value) - expected).abs() < 2e-3,
                "{value}, {expected}"
            );
        }
        ensure!(found.len() == rows * columns);
    }
    let line = "let less = scan.subtract(&mean)?;";
    ensure!(told(&fixture, less)? == (vec![scan, mean], "Subtract mean".into(), line.into()));

    // The whole of it through a pass, and again from what was saved.
    let path = fixture.path("less.zspy");
    save(&fixture, less, &path)?;
    let saved = open(&fixture.session, &path)?;
    ensure!(frame(&fixture.session, saved, [4, 6])? == frame(&fixture.session, less, [4, 6])?);
    let fresh = Session::new(Config::default());
    let replay = Command::Replay {
        path: path.display().to_string(),
        input: None,
    };
    let again = fresh.command(replay, &|| false, &mut |_| {})?;
    let again = again.node.context("no node")?;
    ensure!(frame(&fresh, again, [4, 6])? == frame(&fixture.session, less, [4, 6])?);
    Ok(())
}

#[test]
fn what_an_operation_cannot_do_without_is_not_left_out() -> Result<()> {
    let (fixture, [scan, ..]) = made()?;
    let error = add(&fixture, &[scan], "subtract").unwrap_err().to_string();
    ensure!(
        error.contains("1 input was given") && error.contains("`other`"),
        "{error}"
    );
    // The menu offers it all the same: the other one is chosen next.
    ensure!(why_not(&fixture, scan, "subtract")?.is_none());
    let peaks = fixture.add(scan, "local_maximum", json!({}))?;
    let reason = why_not(&fixture, peaks, "subtract")?;
    ensure!(reason.is_some_and(|reason| reason.contains("peaks")));
    Ok(())
}

#[test]
fn what_is_possible_is_asked_of_the_kernel() -> Result<()> {
    let (fixture, [scan, mean, other]) = made()?;
    let image = fixture.add(other, "virtual_disk", json!({"radius": 4.0}))?;
    // Of another file first; no maps, not itself.
    ensure!(possible(&fixture, scan, Some("subtract"))? == [other, mean]);
    ensure!(possible(&fixture, scan, Some("normalized_correlation"))? == [other, mean]);
    // One frame takes no scan.
    ensure!(possible(&fixture, mean, Some("subtract"))?.is_empty());
    ensure!(possible(&fixture, scan, Some("radial_median"))?.is_empty());
    ensure!(possible(&fixture, image, Some("divide"))?.is_empty());
    let error = possible(&fixture, scan, Some("no_such"))
        .unwrap_err()
        .to_string();
    ensure!(error.contains("unknown_operation"), "{error}");

    let less = add(&fixture, &[scan, mean], "subtract")?;
    let below = add(&fixture, &[less, other], "add")?;
    ensure!(possible(&fixture, less, None)? == [other, mean]);
    ensure!(possible(&fixture, below, None)? == [other, scan, mean]);
    Ok(())
}

#[test]
fn a_node_gets_another_input_and_everything_below_follows() -> Result<()> {
    let (mut fixture, [scan, mean, other]) = made()?;
    let place = Place {
        folder: fixture.path("journals"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    let less = add(&fixture, &[scan, mean], "subtract")?;
    let more = add(&fixture, &[less, other], "add")?;
    // Younger than what it is given to, and than what is below that.
    let late = fixture.add(other, "maximum_pattern", json!({}))?;
    for (node, name) in [(less, "less"), (more, "more"), (late, "late")] {
        name_it(&fixture, node, name)?;
    }
    let before = frame(&fixture.session, more, [2, 3])?;
    give(&fixture, less, &[late])??;
    ensure!(told(&fixture, less)?.2 == "let less = scan.subtract(&late)?;");
    let after = frame(&fixture.session, more, [2, 3])?;
    ensure!(before != after);
    let expected = |at: [usize; 2], place: usize| {
        let [ny, nx, _, columns] = SHAPE;
        let of = |y, x| f32::from(pixel(y, x, place / columns, place % columns));
        2.0 * of(at[0], at[1]) - of(ny - 1, nx - 1)
    };
    for (place, value) in after.iter().enumerate() {
        ensure!(*value == expected([2, 3], place), "{place}: {value}");
    }
    // Code makes it before it is used, and a change above it arrives below.
    let code = fixture
        .run(Command::Export { node: None })?
        .text
        .context("no code")?;
    let at = |line: &str| code.lines().position(|other| other.starts_with(line));
    ensure!(
        at("let late") < at("let less") && at("let less") < at("let more"),
        "{code}"
    );
    let corner = json!({"positions": {"x0": 0, "y0": 0, "width": 1, "height": 1}});
    fixture.run(Command::SetParams {
        node: late,
        params: corner,
    })?;
    ensure!(frame(&fixture.session, more, [2, 3])? != after);

    // A circle is refused, and so is nothing at all.
    for (further, words) in [
        (vec![more], "is made from it"),
        (vec![], "1 input was given"),
    ] {
        let error = give(&fixture, less, &further)?.unwrap_err();
        ensure!(error.message.contains(words), "{error:?}");
    }
    ensure!(fixture.run(Command::Remove { node: late }).is_err());

    // All of it comes back.
    fixture.session.journal_changed();
    fixture.session.end_journal();
    let was: Vec<_> = [less, more, late]
        .map(|node| told(&fixture, node))
        .into_iter()
        .collect::<Result<_>>()?;
    let kept = frame(&fixture.session, more, [2, 3])?;
    fixture.session = Session::new(Config::default());
    std::thread::sleep(Duration::from_millis(50));
    fixture.session.keep_journal(&place);
    let restored = fixture.run(Command::Restore)?.restored.context("nothing")?;
    ensure!(restored.problems.is_empty(), "{restored:?}");
    let now: Vec<_> = [less, more, late]
        .map(|node| told(&fixture, node))
        .into_iter()
        .collect::<Result<_>>()?;
    ensure!(now == was, "{now:?}");
    ensure!(frame(&fixture.session, more, [2, 3])? == kept);
    Ok(())
}

#[test]
fn an_input_is_taken_back_like_a_parameter() -> Result<()> {
    let (fixture, [scan, mean, other]) = made()?;
    let peaks = add(&fixture, &[scan], "normalized_correlation")?;
    name_it(&fixture, peaks, "peaks")?;
    let alone = "let peaks = scan.find_peaks(NormalizedCorrelation::default())?;";
    let with = |name: &str| {
        format!("let peaks = scan.find_peaks_with(&{name}, NormalizedCorrelation::default())?;")
    };
    give(&fixture, peaks, &[other])??;
    give(&fixture, peaks, &[mean])??;
    ensure!(told(&fixture, peaks)?.2 == with("mean"));
    give(&fixture, peaks, &[])??;
    ensure!(told(&fixture, peaks)?.2 == alone);
    fixture.run(Command::Undo { node: peaks })?;
    ensure!(told(&fixture, peaks)?.2 == with("mean"));
    fixture.run(Command::Undo { node: peaks })?;
    ensure!(told(&fixture, peaks)?.2 == with("other"));
    fixture.run(Command::Redo { node: peaks })?;
    fixture.run(Command::Redo { node: peaks })?;
    ensure!(told(&fixture, peaks)?.2 == alone);
    // What has left the tree does not come back with it.
    fixture.run(Command::Remove { node: mean })?;
    let gone = fixture.run(Command::Undo { node: peaks }).unwrap_err();
    ensure!(gone.code == "not_found", "{gone:?}");
    ensure!(told(&fixture, peaks)?.2 == alone);
    Ok(())
}
