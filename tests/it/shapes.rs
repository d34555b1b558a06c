//! Detectors that are placed by a stretch of an axis or by vertices: from the file to the image, and by every way in which parameters
//! come back.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use protocol::{Command, Detail, NodeDescription, OpenOptions, Outline, ParameterControl, Request};
use serde_json::{Value, json};
use session::journal::Place;
use session::{Config, Session};

use crate::scan_files;
use crate::session_fixture::{SessionFixture, frame_of, frame_request, save};

/// Not square, so that swapped axes cannot pass; more positions than a first estimate reads.
const SCAN: [usize; 2] = [23, 31];
const CHANNELS: usize = 60;

/// Counts of a channel: other for every position and channel, in no order.
fn counts(y: usize, x: usize, channel: usize) -> u16 {
    ((y * 911 + x * 137 + channel * 29 + y * x * channel) % 499) as u16
}

/// A spectrum image on the axis `offset + scale · channel`, in eV.
fn spectra(fixture: &SessionFixture, name: &str, scale: f64, offset: f64) -> Result<u32> {
    let [ny, nx] = SCAN;
    let mut header =
        format!("{{'descr': '<u2', 'fortran_order': False, 'shape': ({ny}, {nx}, {CHANNELS}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    for at in 0..ny * nx {
        for channel in 0..CHANNELS {
            bytes.extend(counts(at / nx, at % nx, channel).to_le_bytes());
        }
    }
    std::fs::write(fixture.path(name), bytes)?;
    let axis = |name: &str, scale: f64, offset: f64, unit: &str| {
        (name.to_owned(), scale, offset, unit.to_owned())
    };
    let reply = fixture.run(Command::Open {
        path: fixture.path(name).display().to_string(),
        options: OpenOptions {
            signal_axes: Some(1),
            axes: Some(vec![
                axis("y", 2.0, 0.0, "nm"),
                axis("x", 2.0, 0.0, "nm"),
                axis("Energy", scale, offset, "eV"),
            ]),
            ..OpenOptions::default()
        },
    })?;
    reply.node.context("no node")
}

fn rising(fixture: &SessionFixture) -> Result<u32> {
    spectra(fixture, "spectra.npy", 0.5, 200.0)
}

/// The whole map, position by position.
fn image(session: &Arc<Session>, node: u32, [ny, nx]: [usize; 2]) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for at in 0..ny * nx {
        let index = vec![at / nx, at % nx];
        let values = Command::Values { node, index };
        let reply = session.command(values, &|| false, &mut |_| {})?;
        all.extend(reply.numbers.context("no values")?);
    }
    Ok(all)
}

fn sums(channels: std::ops::Range<usize>) -> Vec<f64> {
    let [ny, nx] = SCAN;
    let sum = |at: usize| {
        let counts = channels
            .clone()
            .map(|channel| counts(at / nx, at % nx, channel));
        counts.map(f64::from).sum()
    };
    (0..ny * nx).map(sum).collect()
}

fn description(fixture: &SessionFixture, node: u32) -> Result<NodeDescription> {
    fixture.session.description(node).context("no node")
}

#[test]
fn a_window_is_a_sum_over_the_channels_of_the_axis_as_it_is() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let range = json!({"range": [205.0, 212.5]});
    for (name, scale, offset, channels) in [
        ("rising.npy", 0.5, 200.0, 10..25),
        ("falling.npy", -0.5, 229.5, 35..50),
    ] {
        let spectra = spectra(&fixture, name, scale, offset)?;
        let window = fixture.add(spectra, "energy_window", range.clone())?;
        ensure!(
            image(&fixture.session, window, SCAN)? == sums(channels.clone()),
            "{name}"
        );
        let mean = json!({"range": [205.0, 212.5], "statistic": "mean"});
        let mean = image(
            &fixture.session,
            fixture.add(spectra, "energy_window", mean)?,
            SCAN,
        )?;
        let expected = sums(channels);
        let worst = (mean.iter().zip(&expected)).map(|(mean, sum)| (mean - sum / 15.0).abs());
        ensure!(worst.fold(0.0, f64::max) < 1e-4, "{name}");
    }
    Ok(())
}

#[test]
fn what_a_window_lacks_is_said_and_an_empty_one_is_refused() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let spectra = rising(&fixture)?;
    let window = fixture.add(spectra, "energy_window", json!({"range": [225, 900]}))?;
    ensure!(image(&fixture.session, window, SCAN)? == sums(50..60));
    let said = description(&fixture, window)?.caveats;
    let said = said.iter().find(|caveat| caveat.code == "range_cut");
    let text = &said.context("nothing is said")?.text;
    ensure!(
        text.contains("from 225 to 900 eV") && text.contains("from 200 to 229.5 eV"),
        "{text}"
    );
    for (range, reason) in [
        ([900.0, 950.0], "lies outside the axis `Energy`"),
        (
            [205.1, 205.4],
            "lies between two channels of the axis `Energy`",
        ),
    ] {
        let error = fixture
            .add(spectra, "energy_window", json!({"range": range}))
            .unwrap_err();
        ensure!(error.message.contains(reason), "{error}");
        let told = format!("{} {}", error.message, error.hint);
        ensure!(told.contains("EnergyWindow { range: Some(["), "{told}");
    }
    let swapped = json!({"range": [212.5, 205.0]});
    let error = fixture.add(spectra, "energy_window", swapped).unwrap_err();
    let told = format!("{} {}", error.message, error.hint);
    ensure!(told.contains("the smaller one first"), "{told}");
    let scan = fixture.open()?;
    let error = fixture.add(scan, "energy_window", json!({})).unwrap_err();
    let told = format!("{} {}", error.message, error.hint);
    ensure!(
        told.contains("2 signal axes, not 1") && told.contains("spectra"),
        "{told}"
    );
    Ok(())
}

/// A star whose outline crosses itself, with a dent, on frames of 24 × 20 pixels.
fn star() -> Value {
    json!([
        [2.2, 10.1],
        [20.3, 16.7],
        [8.4, 2.6],
        [11.6, 9.2],
        [7.1, 18.2],
        [21.7, 3.3]
    ])
}

/// Whether the centre of a pixel has an odd number of edges to its left.
fn inside(vertices: &[[f64; 2]], row: f64, column: f64) -> bool {
    let edges = (0..vertices.len()).map(|n| [vertices[n], vertices[(n + 1) % vertices.len()]]);
    let crossed = edges.filter(|[a, b]| {
        (a[0] <= row) != (b[0] <= row)
            && a[1] + (row - a[0]) / (b[0] - a[0]) * (b[1] - a[1]) <= column
    });
    crossed.count() % 2 == 1
}

#[test]
fn a_polygon_is_a_sum_over_the_pixels_inside() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let [ny, nx, rows, columns] = crate::session_fixture::SHAPE;
    let node = fixture.add(
        fixture.open()?,
        "virtual_polygon",
        json!({"vertices": star()}),
    )?;
    let vertices: Vec<[f64; 2]> = serde_json::from_value(star())?;
    let places: Vec<[usize; 2]> = (0..rows * columns)
        .map(|at| [at / columns, at % columns])
        .filter(|[row, column]| inside(&vertices, *row as f64, *column as f64))
        .collect();
    // Around what is gone round twice.
    ensure!(places.len() == 83 && !places.contains(&[11, 12]));
    ensure!(places.contains(&[11, 10]) && places.contains(&[11, 14]));
    let expected: Vec<f64> = (0..ny * nx)
        .map(|at| {
            let pixel = |[ky, kx]: &[usize; 2]| scan_files::pixel(at / nx, at % nx, *ky, *kx);
            f64::from(
                places
                    .iter()
                    .map(|place| f64::from(pixel(place)))
                    .sum::<f64>() as f32,
            )
        })
        .collect();
    ensure!(image(&fixture.session, node, [ny, nx])? == expected);
    Ok(())
}

#[test]
fn the_page_is_told_what_to_draw_and_which_control_to_show() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let operations = fixture.session.operations();
    let of = |name: &str| {
        let found = operations.iter().find(|operation| operation.name == name);
        found.with_context(|| name.to_owned())
    };
    let window = of("energy_window")?;
    ensure!(
        window.outline
            == Some(Outline::Band {
                range: "range".into()
            })
    );
    ensure!(window.parameters[0].control == ParameterControl::SignalRange);
    let polygon = of("virtual_polygon")?;
    let vertices = "vertices".to_owned();
    ensure!(polygon.outline == Some(Outline::Polygon { vertices }));
    ensure!(polygon.parameters[0].control == ParameterControl::SignalPolygon);
    Ok(())
}

/// Both kinds of parameters below their files.
fn both(fixture: &SessionFixture) -> Result<[(u32, Value, [usize; 2]); 2]> {
    let range = json!({"range": [205.0, 212.5], "statistic": "mean"});
    let shape = json!({"vertices": star(), "statistic": "sum"});
    let window = fixture.add(rising(fixture)?, "energy_window", range.clone())?;
    let polygon = fixture.add(fixture.open()?, "virtual_polygon", shape.clone())?;
    let [ny, nx, ..] = crate::session_fixture::SHAPE;
    Ok([(window, range, SCAN), (polygon, shape, [ny, nx])])
}

#[test]
fn they_come_back_from_results_and_recipes() -> Result<()> {
    let fixture = SessionFixture::new()?;
    for (node, params, scan) in both(&fixture)? {
        ensure!(description(&fixture, node)?.params == params);
        let expected = image(&fixture.session, node, scan)?;
        let path = fixture.path(&format!("result_{node}.zspy"));
        save(&fixture, node, &path)?;
        let told = io::provenance(&path)?.context("it does not say")?;
        ensure!(told["nodes"][1]["parameters"] == params, "{told:#}");
        let other = Session::new(Config::default());
        let replay = Command::Replay {
            path: path.display().to_string(),
            input: None,
        };
        let again = other.command(replay, &|| false, &mut |_| {})?;
        let again = again.node.context("nothing came back")?;
        ensure!(image(&other, again, scan)? == expected);

        let recipe = fixture.path(&format!("recipe_{node}.json"));
        fixture.run(Command::Recipe {
            nodes: vec![node],
            path: recipe.display().to_string(),
        })?;
        let out = fixture.path(&format!("out_{node}"));
        computed(&recipe, &out)?;
        let name = format!("{}.zspy", description(&fixture, node)?.name);
        let saved = crate::session_fixture::open(&fixture.session, &out.join(name))?;
        ensure!(image(&fixture.session, saved, scan)? == expected);
    }
    Ok(())
}

fn computed(recipe: &Path, out: &Path) -> Result<()> {
    let batch = session::batch::Batch {
        recipe: recipe.to_owned(),
        out: out.to_owned(),
        ..session::batch::Batch::default()
    };
    let session = Session::new(Config::default());
    let mut listener = session::batch::Listener {
        interrupted: &|| false,
        progress: &mut |_| {},
        warn: &mut |_| {},
    };
    session::batch::compute(&session, &batch, &mut listener)?;
    Ok(())
}

#[test]
fn they_come_back_with_a_session_and_are_written_as_code() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let place = Place {
        folder: fixture.path("journals"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    let nodes = both(&fixture)?;
    let [window, polygon] = &nodes;
    let line = description(&fixture, window.0)?.code;
    ensure!(
        line.ends_with(
            ".energy_window(EnergyWindow { range: Some([205.0, 212.5]), statistic: Statistic::Mean })?;"
        ),
        "{line}"
    );
    let line = description(&fixture, polygon.0)?.code;
    ensure!(
        line.contains("Polygon { vertices: Some(vec![[2.2, 10.1], [20.3, 16.7], ")
            && line.ends_with("..default() })?;"),
        "{line}"
    );
    // A change has the unit of the axis.
    let branch = fixture.run(Command::Branch { node: window.0 })?.node;
    let branch = branch.context("no branch")?;
    fixture.run(Command::SetParams {
        node: branch,
        params: json!({"range": [206.0, 212.5]}),
    })?;
    let diff = Command::Diff {
        a: window.0,
        b: branch,
    };
    let diff = fixture.run(diff)?.difference.context("no difference")?;
    let row = diff.rows.iter().find(|row| row.parameter == "range");
    let row = row.context("the range is not named")?;
    ensure!(
        row.units == "eV" && row.b.as_deref() == Some("(206, 212.5)"),
        "{row:?}"
    );
    fixture.run(Command::Undo { node: branch })?;
    ensure!(description(&fixture, branch)?.params == window.1);

    let mut expected = Vec::new();
    for (node, _, scan) in &nodes {
        expected.push(image(&fixture.session, *node, *scan)?);
    }
    fixture.session.end_journal();
    let SessionFixture { session, folder } = fixture;
    drop(session);
    // The journal thread lets go of its lock a moment later.
    let next = (0..100)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(20));
            let next = Session::new(Config::default());
            next.keep_journal(&place);
            let restored = next.command(Command::Restore, &|| false, &mut |_| {});
            restored.is_ok().then_some(next)
        })
        .context("nothing was restored")?;
    for ((node, params, scan), expected) in nodes.iter().zip(expected) {
        let node = next.description(*node).context("it is not there")?;
        ensure!(node.params == *params);
        ensure!(image(&next, node.id, *scan)? == expected);
    }
    drop(folder);
    Ok(())
}

fn tried(node: u32, params: &Value, detail: Detail) -> Request {
    match frame_request(node, [1, 2], [256, 256]) {
        Request::Frame(mut frame_request) => {
            frame_request.draft = Some(params.clone());
            frame_request.detail = detail;
            Request::Frame(frame_request)
        }
        other => other,
    }
}

/// While it is dragged a window shows an estimate of its whole image, then the exact one, and the tree knows nothing of it.
#[test]
fn a_window_is_tried_while_it_is_dragged() -> Result<()> {
    let fixture = SessionFixture::new()?;
    let window = fixture.add(rising(&fixture)?, "energy_window", json!({}))?;
    let before = fixture.session.tree();
    let params = json!({"range": [205.0, 213.0]});
    let floats = |bytes: &[u8]| -> Vec<f64> {
        let values = bytes.chunks_exact(4);
        values
            .map(|value| f64::from(f32::from_le_bytes([value[0], value[1], value[2], value[3]])))
            .collect()
    };
    let expected = sums(10..26);
    let (first, buffers) = frame_of(&fixture.session, tried(window, &params, Detail::Moving))?;
    ensure!(first.draft && first.node == window);
    let estimate = floats(&buffers[0]);
    ensure!(estimate.len() == expected.len() && estimate.iter().all(|value| value.is_finite()));
    let began = Instant::now();
    loop {
        let (reply, buffers) = frame_of(&fixture.session, tried(window, &params, Detail::Settled))?;
        if reply.exact {
            ensure!(floats(&buffers[0]) == expected);
            break;
        }
        ensure!(began.elapsed() < Duration::from_secs(30), "{reply:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    ensure!(fixture.session.tree() == before);
    // Told from a few positions at first, each standing for those around it.
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (told, exact) = (mean(&estimate), mean(&expected));
    ensure!((told / exact - 1.0).abs() < 0.2, "{told} {exact}");
    Ok(())
}
