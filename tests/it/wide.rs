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

use crate::results::{HYPERSPY, sees};
use crate::session_fixture::{SessionFixture, floats, frame_of, frame_request, open, save};

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/wide")).join(name)
}

/// The formula of `make_wide.py`.
fn number(at: [usize; 4]) -> f32 {
    let [y, x, ky, kx] = at.map(|index| index as f32);
    1000.0 * y + 100.0 * x + 7.0 * ky + kx
}

fn request(node: u32, at: [u32; 2], picture: u32) -> Request {
    let mut request = frame_request(node, at, [64, 64]);
    if let Request::Frame(frame) = &mut request {
        frame.component = picture;
    }
    request
}

fn picture(
    fixture: &SessionFixture,
    node: u32,
    at: [u32; 2],
    picture: u32,
) -> Result<(FrameReply, Vec<Bytes>)> {
    frame_of(&fixture.session, request(node, at, picture))
}

#[test]
fn parts_of_complex_numbers_are_pictures_of_their_own() -> Result<()> {
    let fixture = SessionFixture::new()?;
    for (name, element) in [("complex.zspy", "c64"), ("complex.hspy", "c128")] {
        let waves = open(&fixture.session, &golden(name))?;
        let described = fixture.session.description(waves).context("no node")?;
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
            let (reply, buffers) = picture(&fixture, waves, [1, 2], part as u32)?;
            ensure!((reply.width, reply.height, reply.component) == (5, 4, part as u32));
            let drawn = floats(&buffers[0])[19];
            ensure!(
                (drawn - expected).abs() < 1e-4 * expected.abs(),
                "{name} {part}: {drawn}"
            );
        }
        ensure!(picture(&fixture, waves, [0, 0], 4).is_err());
        // One figure of all of them.
        let alt = fixture
            .session
            .poster(waves, &session::Look::default())?
            .alt;
        for part in ["Amplitude", "Phase", "Real part", "Imaginary part"] {
            ensure!(alt.contains(part), "{alt}");
        }
    }
    Ok(())
}

#[test]
fn operations_take_parts_of_complex_numbers() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let waves = open(&fixture.session, &golden("complex.zspy"))?;
    let refused = fixture
        .add(waves, "virtual_disk", json!({}))
        .err()
        .context("it is accepted")?;
    ensure!(refused.hint.contains(".amplitude()?"), "{refused:?}");

    let phase = fixture.add(waves, "phase", json!({}))?;
    let found = fixture.session.frame(phase, &[1, 0])?;
    let expected = 4f32.atan2(3.0);
    ensure!(
        found
            .to_f32()
            .iter()
            .all(|angle| (angle - expected).abs() < 1e-6 && angle.abs() < PI)
    );
    let part = fixture.add(
        waves,
        "crop_scan",
        json!({"region": {"x0": 1, "y0": 0, "width": 2, "height": 1}}),
    )?;
    let amplitude = fixture.add(part, "amplitude", json!({}))?;
    let mean = fixture.add(amplitude, "mean_pattern", json!({}))?;
    let value = fixture.session.frame(mean, &[])?.value(0);
    ensure!((value - 5.0 * 150.0).abs() < 1e-3, "{value}");
    Ok(())
}

/// `3 v + 4 v i` of `complex.zspy`, real and imaginary part.
fn wave(at: [usize; 4]) -> [f64; 2] {
    [3.0, 4.0].map(|part| part * f64::from(number(at)))
}

/// Both parts of every pixel.
fn parts_of(fixture: &SessionFixture, node: u32, at: &[usize]) -> Result<Vec<f64>> {
    let frame = fixture.session.frame(node, at)?;
    ensure!(frame.element().is_complex(), "{frame:?}");
    let numbers = frame.cast(signal::ElementType::C128).to_numbers();
    Ok(numbers.pixels::<f64>().context("no numbers")?.to_vec())
}

fn close(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len()
        && (found.iter().zip(expected)).all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b.abs()))
}

#[test]
fn the_mean_of_a_region_is_that_of_both_parts() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let waves = open(&fixture.session, &golden("complex.zspy"))?;
    // Turned by another angle at each position: the mean of amplitudes is another one.
    let turned = fixture.add_with(waves, &[waves], "multiply", json!({}))?;
    let places = [[0, 1], [0, 2], [1, 1], [1, 2]];
    for (node, of) in [
        (waves, wave as fn([usize; 4]) -> [f64; 2]),
        (turned, |at| {
            let [real, imaginary] = wave(at);
            [real * real - imaginary * imaginary, 2.0 * real * imaginary]
        }),
    ] {
        for (statistic, times) in [(RegionStatistic::Mean, 0.25), (RegionStatistic::Sum, 1.0)] {
            let sums = [0, 1].map(|part| -> f64 {
                places
                    .map(|[y, x]| times * of([y, x, 2, 3])[part])
                    .iter()
                    .sum()
            });
            let [real, imaginary] = sums;
            for (picture, expected) in [
                real.hypot(imaginary),
                imaginary.atan2(real),
                real,
                imaginary,
            ]
            .into_iter()
            .enumerate()
            {
                let mut region = request(node, [0, 0], picture as u32);
                if let Request::Frame(frame) = &mut region {
                    frame.region = Some(NavigationRegion {
                        x0: 1,
                        y0: 0,
                        width: 2,
                        height: 2,
                        statistic,
                    });
                }
                let (reply, buffers) = frame_of(&fixture.session, region)?;
                ensure!(reply.exact || reply.complete > 0.0, "{reply:?}");
                let drawn = f64::from(floats(&buffers[0])[13]);
                ensure!(
                    (drawn - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                    "{statistic:?} {picture}: {drawn}, {expected} expected"
                );
            }
        }
    }
    let region = json!({"positions": {"x0": 1, "y0": 0, "width": 2, "height": 2}});
    let mean = fixture.add(waves, "mean_pattern", region)?;
    let found = parts_of(&fixture, mean, &[])?;
    let expected = [0, 1].map(|part| -> f64 {
        places
            .map(|[y, x]| 0.25 * wave([y, x, 2, 3])[part])
            .iter()
            .sum()
    });
    ensure!(close(&found[26..28], &expected), "{found:?}");
    Ok(())
}

#[test]
fn complex_numbers_are_combined_with_complex_and_real_ones_and_saved() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let waves = open(&fixture.session, &golden("complex.zspy"))?;
    let mean = fixture.add(waves, "mean_pattern", json!({}))?;
    let real = fixture.add(waves, "real", json!({}))?;
    let at = [1, 2];
    let own: Vec<f64> = (0..20)
        .flat_map(|pixel| wave([at[0], at[1], pixel / 5, pixel % 5]))
        .collect();
    let average = parts_of(&fixture, mean, &[])?;
    let expected = |rule: &dyn Fn([f64; 2], [f64; 2]) -> [f64; 2], other: &[f64]| -> Vec<f64> {
        (own.chunks(2).zip(other.chunks(2)))
            .flat_map(|(a, b)| rule([a[0], a[1]], [b[0], b[1]]))
            .collect()
    };
    let taken: Vec<f64> = own.chunks(2).flat_map(|pair| [pair[0], 0.0]).collect();
    for (operation, rule) in [
        (
            "add",
            (|a, b| [a[0] + b[0], a[1] + b[1]]) as fn([f64; 2], [f64; 2]) -> [f64; 2],
        ),
        ("subtract", |a, b| [a[0] - b[0], a[1] - b[1]]),
        ("multiply", |a, b| {
            [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
        }),
        ("divide", |a, b| {
            let length = b[0] * b[0] + b[1] * b[1];
            [
                (a[0] * b[0] + a[1] * b[1]) / length,
                (a[1] * b[0] - a[0] * b[1]) / length,
            ]
        }),
    ] {
        for (other, numbers) in [(mean, &average), (real, &taken)] {
            let node = fixture.add_with(waves, &[other], operation, json!({}))?;
            let described = fixture.session.description(node).context("no node")?;
            ensure!(described.element == "c64" && described.components.len() == 4);
            let found = parts_of(&fixture, node, &at)?;
            ensure!(
                close(&found, &expected(&rule, numbers)),
                "{operation}: {found:?}"
            );
            if other == mean {
                let path = fixture.path(&format!("{operation}.zspy"));
                save(&fixture, node, &path)?;
                let again = open(&fixture.session, &path)?;
                ensure!(
                    parts_of(&fixture, again, &at)? == found,
                    "{operation} is saved otherwise"
                );
                let told = io::provenance(&path)?.context("nothing is told")?;
                ensure!(told.to_string().contains(operation), "{told}");
                if let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? {
                    ensure!(seen["class"] == "ComplexSignal2D" && seen["dtype"] == "complex64");
                    let pixels: Vec<f64> = serde_json::from_value(seen["pixels"].clone())?;
                    ensure!(close(&pixels[200..], &found), "{operation} for hyperspy");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_stack_of_complex_images_has_each_part_of_each() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let stacks = open(&fixture.session, &golden("complex_stacks.hspy"))?;
    let described = fixture.session.description(stacks).context("no node")?;
    ensure!(
        described.summary.starts_with("(2 | 3, 4, 5) c64"),
        "{}",
        described.summary
    );
    ensure!(described.components.len() == 4);
    for depth in 0..3usize {
        for (part, factor) in [(0, 5.0), (2, 3.0), (3, 4.0)] {
            let picture = (3 * part + depth) as u32;
            let mut request = request(stacks, [0, 0], picture);
            if let Request::Frame(frame) = &mut request {
                frame.index = vec![1];
            }
            let (reply, buffers) = frame_of(&fixture.session, request)?;
            ensure!((reply.width, reply.height, reply.component) == (5, 4, picture));
            let expected = factor * number([1, depth, 3, 4]);
            let drawn = floats(&buffers[0])[19];
            ensure!(
                (drawn - expected).abs() < 1e-4 * expected,
                "{part} {depth}: {drawn}"
            );
        }
    }
    ensure!(picture(&fixture, stacks, [0, 0], 12).is_err());
    let look = session::Look::of(
        json!({"node": stacks, "component": 7})
            .as_object()
            .context("traits")?,
    );
    let alt = fixture.session.poster(stacks, &look)?.alt;
    for text in ["depth 5 nm: Amplitude", "depth 5 nm: Imaginary part"] {
        ensure!(alt.contains(text), "{alt}");
    }
    let phase = fixture.add(stacks, "phase", json!({}))?;
    let described = fixture.session.description(phase).context("no node")?;
    ensure!(described.components.is_empty() && described.element == "f32");
    let path = fixture.path("again.zspy");
    save(&fixture, stacks, &path)?;
    let again = open(&fixture.session, &path)?;
    ensure!(
        fixture.session.frame(again, &[1])?.as_bytes()
            == fixture.session.frame(stacks, &[1])?.as_bytes()
    );
    Ok(())
}

#[test]
fn axes_have_names_that_are_given_saved_and_found_again() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let given = fixture.run(Command::Open {
        path: golden("stacks.hspy").display().to_string(),
        options: protocol::OpenOptions {
            axes: Some(vec![
                ("y".into(), 2.5, 0.0, "nm".into()),
                ("element".into(), 1.0, 0.0, String::new()),
                ("row".into(), 1.0, 0.0, "px".into()),
                ("column".into(), 1.0, 0.0, "px".into()),
            ]),
            axis_names: vec![vec![], ["Fe", "O", "Ti"].map(String::from).to_vec()],
            ..protocol::OpenOptions::default()
        },
    })?;
    let node = given.node.context("no node")?;
    let described = fixture.session.description(node).context("no node")?;
    ensure!(described.signal_axes[0].names == ["Fe", "O", "Ti"]);
    ensure!(
        described
            .code
            .contains(r#"Axis::named("element", vec!["Fe", "O", "Ti"])"#),
        "{}",
        described.code
    );
    let look = session::Look::of(
        json!({"node": node, "component": 2})
            .as_object()
            .context("traits")?,
    );
    let alt = fixture.session.poster(node, &look)?.alt;
    ensure!(alt.contains("element Ti"), "{alt}");
    for ending in ["zspy", "hspy", "zarr", "npy"] {
        let path = fixture.path(&format!("named.{ending}"));
        save(&fixture, node, &path)?;
        let again = open(&fixture.session, &path)?;
        let described = fixture.session.description(again).context("no node")?;
        ensure!(
            described.signal_axes[0].names == ["Fe", "O", "Ti"],
            "{ending}"
        );
        ensure!(described.caveats.is_empty(), "{:?}", described.caveats);
        if ending.ends_with("spy")
            && let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)?
        {
            // hyperspy's axes have no names; it keeps ours in its metadata.
            ensure!(seen["axes"][1]["name"] == "element");
            let kept = seen["metadata"]["SignalTree"]["axis_names"].as_str();
            ensure!(kept == Some(r#"{"element":["Fe","O","Ti"]}"#), "{seen}");
        }
    }
    let wrong = fixture.run(Command::Open {
        path: golden("stacks.hspy").display().to_string(),
        options: protocol::OpenOptions {
            axes: Some(vec![
                ("y".into(), 2.5, 0.0, "nm".into()),
                ("element".into(), 1.0, 0.0, String::new()),
                ("row".into(), 1.0, 0.0, "px".into()),
                ("column".into(), 1.0, 0.0, "px".into()),
            ]),
            axis_names: vec![vec![], vec!["Fe".into()]],
            ..protocol::OpenOptions::default()
        },
    });
    let wrong = wrong.err().context("one name for three entries")?;
    ensure!(
        wrong.message.contains("1 names") || wrong.message.contains("1 name"),
        "{wrong:?}"
    );
    Ok(())
}

#[test]
fn hyperspy_reads_the_complex_numbers_that_are_saved() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let expected: Vec<f64> = (0..120usize)
        .map(|flat| number([flat / 60, flat / 20 % 3, flat / 5 % 4, flat % 5]))
        .flat_map(|value| [f64::from(3.0 * value), f64::from(4.0 * value)])
        .collect();
    for (name, dtype) in [
        ("complex.zspy", "complex64"),
        ("complex.hspy", "complex128"),
    ] {
        let waves = open(&fixture.session, &golden(name))?;
        for ending in ["zspy", "hspy"] {
            let path = fixture.path(&format!("{dtype}.{ending}"));
            save(&fixture, waves, &path)?;
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
    let fixture = SessionFixture::new()?;
    let stacks = open(&fixture.session, &golden("stacks.hspy"))?;
    let described = fixture.session.description(stacks).context("no node")?;
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
        frame_of(&fixture.session, request)
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
        let refused = fixture
            .add(stacks, operation, json!({}))
            .err()
            .context("it is accepted")?;
        ensure!(refused.message.contains("3 signal axes"), "{refused:?}");
    }
    let path = fixture.path("again.zspy");
    save(&fixture, stacks, &path)?;
    let again = open(&fixture.session, &path)?;
    ensure!(
        fixture.session.frame(again, &[1])?.as_bytes()
            == fixture.session.frame(stacks, &[1])?.as_bytes()
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
    let fixture = SessionFixture::new()?;
    let current = open(&fixture.session, &golden("currents.zspy"))?;
    let described = fixture.session.description(current).context("no node")?;
    ensure!((described.kind, &*described.value_units) == (NodeKind::Map, "nA"));
    ensure!(described.components[0].title == "current");
    let index = vec![2, 3];
    let values = fixture
        .run(Command::Values {
            node: current,
            index,
        })?
        .numbers;
    ensure!(values == Some(vec![17.0]), "{values:?}");
    fixture.run(Command::Compute { node: current })?;
    let (reply, buffers) = picture(&fixture, current, [0, 0], 0)?;
    ensure!((reply.width, reply.height) == (5, 3));
    ensure!(floats(&buffers[0])[13] == 17.0);
    Ok(())
}
