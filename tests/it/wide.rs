//! Signals beside the usual ones: complex numbers, stacks of images, one number at each position. Written by hyperspy
//! (`tests/golden/make_wide.py`), looked at, taken apart, saved and read by hyperspy again.

use std::f32::consts::PI;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use protocol::{
    Command, DisplayDescription, FrameReply, NavigationRegion, NodeKind, RegionStatistic, Request,
};
use serde_json::json;

use crate::desk::{Desk, floats, frame_of, open, save, wish};
use crate::results::{HYPERSPY, sees};

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/wide")).join(name)
}

/// The formula of `make_wide.py`.
fn number(at: [usize; 4]) -> f32 {
    let [y, x, ky, kx] = at.map(|index| index as f32);
    1000.0 * y + 100.0 * x + 7.0 * ky + kx
}

fn request(node: u32, at: [u32; 2], picture: u32) -> Request {
    let mut request = wish(node, at, [64, 64]);
    if let Request::Frame(frame) = &mut request {
        frame.component = picture;
    }
    request
}

fn picture(desk: &Desk, node: u32, at: [u32; 2], picture: u32) -> Result<(FrameReply, Vec<Bytes>)> {
    frame_of(&desk.session, request(node, at, picture))
}

#[test]
fn parts_of_complex_numbers_are_pictures_of_their_own() -> Result<()> {
    let desk = Desk::new()?;
    for (name, element) in [("complex.zspy", "c64"), ("complex.hspy", "c128")] {
        let waves = open(&desk.session, &golden(name))?;
        let described = desk.session.description(waves).context("no node")?;
        ensure!((described.kind, &*described.element) == (NodeKind::Frame, element));
        let shown: Vec<_> = (described.components.iter())
            .map(|part| (&*part.name, &*part.units))
            .collect();
        ensure!(
            shown
                == [
                    ("amplitude", ""),
                    ("phase", "rad"),
                    ("real", ""),
                    ("imaginary", "")
                ],
            "{shown:?}"
        );
        let period = 2.0 * std::f64::consts::PI;
        ensure!(described.components[1].display == DisplayDescription::Cyclic { period });
        let value = number([1, 2, 3, 4]);
        for (part, expected) in [5.0 * value, 4f32.atan2(3.0), 3.0 * value, 4.0 * value]
            .iter()
            .enumerate()
        {
            let (reply, buffers) = picture(&desk, waves, [1, 2], part as u32)?;
            ensure!((reply.width, reply.height, reply.component) == (5, 4, part as u32));
            let drawn = floats(&buffers[0])[19];
            ensure!(
                (drawn - expected).abs() < 1e-4 * expected.abs(),
                "{name} {part}: {drawn}"
            );
        }
        ensure!(picture(&desk, waves, [0, 0], 4).is_err());
        // One figure of all of them.
        let alt = desk.session.poster(waves, &session::Look::default())?.alt;
        for part in ["Amplitude", "Phase", "Real part", "Imaginary part"] {
            ensure!(alt.contains(part), "{alt}");
        }
    }
    Ok(())
}

#[test]
fn operations_take_parts_of_complex_numbers() -> Result<()> {
    let desk = Desk::new()?;
    let waves = open(&desk.session, &golden("complex.zspy"))?;
    let refused = desk
        .add(waves, "mean_pattern", json!({}))
        .err()
        .context("it is accepted")?;
    ensure!(refused.hint.contains(".amplitude()?"), "{refused:?}");
    let mut region = request(waves, [0, 0], 0);
    if let Request::Frame(frame) = &mut region {
        frame.region = Some(NavigationRegion {
            x0: 0,
            y0: 0,
            width: 2,
            height: 2,
            statistic: RegionStatistic::Mean,
        });
    }
    ensure!(frame_of(&desk.session, region).is_err());

    let phase = desk.add(waves, "phase", json!({}))?;
    let found = desk.session.frame(phase, &[1, 0])?;
    let expected = 4f32.atan2(3.0);
    ensure!(
        found
            .to_f32()
            .iter()
            .all(|angle| (angle - expected).abs() < 1e-6 && angle.abs() < PI)
    );
    let part = desk.add(
        waves,
        "crop_scan",
        json!({"region": {"x0": 1, "y0": 0, "width": 2, "height": 1}}),
    )?;
    let amplitude = desk.add(part, "amplitude", json!({}))?;
    let mean = desk.add(amplitude, "mean_pattern", json!({}))?;
    let value = desk.session.frame(mean, &[])?.value(0);
    ensure!((value - 5.0 * 150.0).abs() < 1e-3, "{value}");
    Ok(())
}

#[test]
fn hyperspy_reads_the_complex_numbers_that_are_saved() -> Result<()> {
    let desk = Desk::new()?;
    let expected: Vec<f64> = (0..120usize)
        .map(|flat| number([flat / 60, flat / 20 % 3, flat / 5 % 4, flat % 5]))
        .flat_map(|value| [f64::from(3.0 * value), f64::from(4.0 * value)])
        .collect();
    for (name, dtype) in [
        ("complex.zspy", "complex64"),
        ("complex.hspy", "complex128"),
    ] {
        let waves = open(&desk.session, &golden(name))?;
        for ending in ["zspy", "hspy"] {
            let path = desk.path(&format!("{dtype}.{ending}"));
            save(&desk, waves, &path)?;
            let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
                return Ok(());
            };
            ensure!(
                seen["class"] == "ComplexSignal2D" && seen["dtype"] == dtype,
                "{seen}"
            );
            ensure!(seen["shape"] == json!([2, 3, 4, 5]));
            ensure!(seen["pixels"] == json!(expected), "{name} as {ending}");
        }
    }
    Ok(())
}

#[test]
fn a_stack_is_looked_at_image_by_image() -> Result<()> {
    let desk = Desk::new()?;
    let stacks = open(&desk.session, &golden("stacks.hspy"))?;
    let described = desk.session.description(stacks).context("no node")?;
    ensure!(
        described.summary.starts_with("(2 | 3, 4, 5)"),
        "{}",
        described.summary
    );
    ensure!(described.signal_axes[0].name == "depth" && described.components.is_empty());
    let image = |at: u32, depth: u32| {
        let mut request = request(stacks, [0, 0], depth);
        if let Request::Frame(frame) = &mut request {
            frame.index = vec![at];
        }
        frame_of(&desk.session, request)
    };
    for (at, depth) in [(0, 0), (1, 2), (1, 0), (0, 1)] {
        let (reply, _) = image(at, depth)?;
        ensure!((reply.width, reply.height) == (5, 4));
        let least = number([at as usize, depth as usize, 0, 0]);
        ensure!(
            reply.extrema == [f64::from(least), f64::from(least + 25.0)],
            "{reply:?}"
        );
    }
    ensure!(image(0, 3).is_err());
    for operation in [
        "virtual_disk",
        "radial_median",
        "normalized_correlation",
        "azimuthal_integral",
    ] {
        let refused = desk
            .add(stacks, operation, json!({}))
            .err()
            .context("it is accepted")?;
        ensure!(refused.message.contains("3 signal axes"), "{refused:?}");
    }
    let path = desk.path("again.zspy");
    save(&desk, stacks, &path)?;
    let again = open(&desk.session, &path)?;
    ensure!(
        desk.session.frame(again, &[1])?.as_bytes() == desk.session.frame(stacks, &[1])?.as_bytes()
    );
    let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
        return Ok(());
    };
    ensure!(
        seen["shape"] == json!([2, 3, 4, 5]) && seen["axes"][1]["navigate"] == false,
        "{seen}"
    );
    Ok(())
}

#[test]
fn one_number_at_each_position_is_a_map() -> Result<()> {
    let desk = Desk::new()?;
    let current = open(&desk.session, &golden("currents.zspy"))?;
    let described = desk.session.description(current).context("no node")?;
    ensure!((described.kind, &*described.value_units) == (NodeKind::Map, "nA"));
    ensure!(described.components[0].title == "current");
    let index = vec![2, 3];
    let values = desk
        .run(Command::Values {
            node: current,
            index,
        })?
        .numbers;
    ensure!(values == Some(vec![17.0]), "{values:?}");
    desk.run(Command::Compute { node: current })?;
    let (reply, buffers) = picture(&desk, current, [0, 0], 0)?;
    ensure!((reply.width, reply.height) == (5, 3));
    ensure!(floats(&buffers[0])[13] == 17.0);
    Ok(())
}
