//! Nodes whose scan is another one than that of their file: a part of it, groups of its positions, means over neighbours.

use crate::scan_files::{pixel, write_counts};
use crate::session_fixture::{SessionFixture, ask, frame_of, frame_request, open, save};
use anyhow::{Context, Result, bail, ensure};
use protocol::{NavigatorRequest, Reply, Request};
use serde_json::json;

/// Rows 1 to 3 and columns 2 to 6 of the 5 rows and 7 columns.
fn part() -> serde_json::Value {
    json!({"region": {"x0": 2, "y0": 1, "width": 5, "height": 3}})
}

fn first(fixture: &SessionFixture, node: u32, at: [usize; 2]) -> Result<f32> {
    Ok(fixture.session.frame(node, &at)?.to_f32()[0])
}

#[test]
fn a_part_of_a_scan_is_described_read_and_saved_in_its_own_place() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let crop = fixture.add(scan, "crop_scan", part())?;
    let told = fixture.session.description(crop).context("no node")?;
    let whole = fixture.session.description(scan).context("no node")?;
    ensure!((told.source, told.scan, whole.scan) == (scan, crop, scan));
    ensure!(
        told.element == whole.element,
        "the type of the pixels stays"
    );
    let steps = told.in_file.context("no place in the file")?;
    ensure!((steps.first, steps.step) == (vec![1.0, 2.0], vec![1.0, 1.0]));
    let [rows, columns] = &told.navigation_axes[..] else {
        bail!("{:?}", told.navigation_axes)
    };
    ensure!((rows.size, columns.size) == (3, 5));
    let of = &whole.navigation_axes;
    ensure!(
        rows.offset == of[0].offset + of[0].scale
            && columns.offset == of[1].offset + 2.0 * of[1].scale
    );
    for at in [[0, 0], [2, 4], [1, 3]] {
        let wanted = fixture.session.frame(scan, &[at[0] + 1, at[1] + 2])?;
        ensure!(fixture.session.frame(crop, &at)?.as_bytes() == wanted.as_bytes());
    }
    ensure!(
        fixture.session.frame(crop, &[3, 0]).is_err(),
        "outside of the part"
    );
    for ending in ["zspy", "hspy", "zarr", "npy"] {
        let path = fixture.path(&format!("part.{ending}"));
        save(&fixture, crop, &path)?;
        let again = open(&fixture.session, &path)?;
        let found = fixture.session.description(again).context("no node")?;
        ensure!(
            found.navigation_axes == told.navigation_axes,
            "{ending}: {:?}",
            found.navigation_axes
        );
        for at in [[0, 0], [2, 4]] {
            let (old, new) = (
                fixture.session.frame(crop, &at)?,
                fixture.session.frame(again, &at)?,
            );
            ensure!(
                old.as_bytes() == new.as_bytes() && old.element() == new.element(),
                "{ending}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_part_has_a_navigation_image_of_its_own_and_what_is_below_shares_it() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let crop = fixture.add(scan, "crop_scan", part())?;
    let flat = fixture.add(crop, "radial_median", json!({}))?;
    let joined = fixture.add(flat, "rebin_scan", json!({"rows": 3, "columns": 2}))?;
    let image = |node: u32| -> Result<(u32, u32, Vec<f32>)> {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            let request = Request::Navigator(NavigatorRequest {
                view: 1,
                generation: 1,
                node,
                index: vec![0, 0],
                part: None,
            });
            let (reply, buffers) = ask(&fixture.session, request)?;
            let Reply::Navigator(reply) = reply else {
                bail!("{reply:?}")
            };
            if reply.complete == 1.0 {
                let values = buffers[0].chunks_exact(4);
                let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                return Ok((reply.height, reply.width, values.collect()));
            }
            ensure!(std::time::Instant::now() < until, "{}", reply.complete);
        }
    };
    let (rows, columns, whole) = image(scan)?;
    ensure!((rows, columns) == (5, 7));
    let (rows, columns, cut) = image(crop)?;
    ensure!((rows, columns) == (3, 5));
    for (at, value) in cut.iter().enumerate() {
        ensure!(*value == whole[(at / 5 + 1) * 7 + at % 5 + 2], "{at}");
    }
    ensure!(image(flat)?.2 == cut);
    let (rows, columns, groups) = image(joined)?;
    ensure!((rows, columns) == (1, 2));
    let mean = [0, 1, 5, 6, 10, 11].map(|at| cut[at]).iter().sum::<f32>() / 6.0;
    ensure!(
        (groups[0] - mean).abs() <= 1e-4 * mean.abs(),
        "{groups:?} {mean}"
    );
    let told = |node| fixture.session.description(node).context("no node");
    ensure!(told(flat)?.scan == crop && told(joined)?.scan == joined);
    ensure!(told(joined)?.in_file.context("no place")?.step[1] == 2.0);
    Ok(())
}

#[test]
fn positions_are_joined_and_averaged_over_neighbours() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let joined = fixture.add(scan, "rebin_scan", json!({"rows": 2, "columns": 3}))?;
    let number = |row: usize, column: usize| f32::from(pixel(row, column, 0, 0));
    let sum: f32 = [(2, 3), (2, 4), (2, 5), (3, 3), (3, 4), (3, 5)]
        .map(|(r, c)| number(r, c))
        .iter()
        .sum();
    ensure!(first(&fixture, joined, [1, 1])? == sum);
    let told = fixture.session.description(joined).context("no node")?;
    ensure!(
        told.caveats
            .iter()
            .any(|caveat| caveat.code == "rebin_remainder"),
        "{:?}",
        told.caveats
    );
    let rolling = fixture.add(scan, "rolling_mean", json!({"along": "columns"}))?;
    let mean = (number(4, 5) + number(4, 6)) / 2.0;
    ensure!((first(&fixture, rolling, [4, 6])? - mean).abs() < 1e-3);
    let told = fixture.session.description(rolling).context("no node")?;
    ensure!(
        told.scan == scan && told.in_file.is_none(),
        "the scan stays"
    );
    for (node, name) in [(joined, "joined.zspy"), (rolling, "rolling.zarr")] {
        save(&fixture, node, &fixture.path(name))?;
        let again = open(&fixture.session, &fixture.path(name))?;
        ensure!(first(&fixture, again, [1, 1])? == first(&fixture, node, [1, 1])?);
    }
    Ok(())
}

/// What is tried is drawn at the same place, whatever part of the scan it is.
#[test]
fn a_part_that_is_tried_is_shown_where_the_view_is() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let crop = fixture.add(scan, "crop_scan", part())?;
    let Request::Frame(mut request) = frame_request(crop, [2, 4], [64, 64]) else {
        bail!("no wish for a frame")
    };
    // Position (2, 4) is (3, 6) of the file, which is the last one of this part.
    request.draft = Some(json!({"region": {"x0": 5, "y0": 2, "width": 2, "height": 2}}));
    let (reply, _) = frame_of(&fixture.session, Request::Frame(request))?;
    ensure!(reply.draft && reply.node == crop);
    // Of what is outside of it the nearest.
    let Request::Frame(mut request) = frame_request(crop, [2, 4], [64, 64]) else {
        bail!("no wish for a frame")
    };
    request.draft = Some(json!({"region": {"x0": 0, "y0": 0, "width": 2, "height": 1}}));
    frame_of(&fixture.session, Request::Frame(request))?;
    Ok(())
}

#[test]
fn a_phase_is_integrated_from_the_map_that_is_there() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let scan = fixture.open()?;
    let shift = fixture.add(scan, "center_of_mass", json!({}))?;
    let phase = fixture.add(shift, "integrated_center_of_mass", json!({}))?;
    let path = fixture.path("phase.zspy");
    save(&fixture, phase, &path)?;
    let again = open(&fixture.session, &path)?;
    let told = fixture.session.description(again).context("no node")?;
    ensure!(
        told.components.len() == 1 && told.components[0].name == "phase",
        "{:?}",
        told.components
    );
    let cut = fixture.add(phase, "crop_scan", part())?;
    let told = fixture.session.description(cut).context("no node")?;
    ensure!(
        told.summary.starts_with("(3, 5) map of"),
        "{}",
        told.summary
    );
    Ok(())
}

/// A part passes on what the file has: dead pixels are stored as they were, and left out of what is computed.
#[test]
fn dead_pixels_stay_dead_in_a_part() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let shape = [6usize, 5, 8, 9];
    let counts = (0..shape.iter().product()).map(|at: usize| match at % 72 {
        31 => u16::MAX,
        _ => (at % 911) as u16,
    });
    let path = fixture.path("dead.npy");
    write_counts(&path, shape, &counts.collect::<Vec<u16>>())?;
    let scan = open(&fixture.session, &path)?;
    let region = json!({"region": {"x0": 1, "y0": 2, "width": 3, "height": 4}});
    let crop = fixture.add(scan, "crop_scan", region.clone())?;
    // What is computed of the part is what is computed of its place, at single positions and in a pass.
    let whole = fixture.add(scan, "radial_median", json!({}))?;
    let cut = fixture.add(crop, "radial_median", json!({}))?;
    for at in [[0, 0], [3, 2], [1, 1]] {
        let (one, other) = (
            fixture.session.frame(cut, &at)?,
            fixture.session.frame(whole, &[at[0] + 2, at[1] + 1])?,
        );
        ensure!(
            one.as_bytes() == other.as_bytes() && one.value(31).is_nan(),
            "{at:?}"
        );
    }
    let sum = |node: u32| -> Result<Vec<u8>> {
        let map = fixture.add(
            node,
            "virtual_rectangle",
            json!({"corner": [2.0, 2.0], "height": 4.0, "width": 4.0}),
        )?;
        let cut = match node == crop {
            true => map,
            false => fixture.add(map, "crop_scan", region.clone())?,
        };
        fixture.run(protocol::Command::Compute { node: cut })?;
        let path = fixture.path(&format!("sums_{node}.npy"));
        save(&fixture, cut, &path)?;
        Ok(std::fs::read(&path)?)
    };
    ensure!(sum(crop)? == sum(scan)?, "a sum has no dead pixel");
    ensure!(fixture.session.frame(crop, &[0, 0])?.value(31) == f64::from(u16::MAX));
    let mean = fixture.add(crop, "mean_pattern", json!({}))?;
    let mean = fixture.session.frame(mean, &[])?;
    ensure!(mean.value(31).is_nan() && mean.value(30).is_finite());
    Ok(())
}
