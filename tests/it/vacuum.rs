//! Disks whose pattern was measured without specimen, in another file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::scan_files::write_counts;
use crate::session_fixture::{SessionFixture, open, save};
use anyhow::{Context, Result, ensure};
use protocol::{Command, CommandReply, WireError};
use serde_json::{Value, json};
use session::batch::{self, Batch, Listener};
use session::journal::Place;
use session::{Config, Session};

const SIZE: usize = 80;
const RADIUS: f64 = 8.3;
const SCAN: [usize; 2] = [3, 4];
/// The Cramér-Rao bound of all disks of [`made`] in px, with their heights and a background free and the probe known: the root of
/// the mean square. The vacuum comes to 1.16 times that, the scan alone to 1.43.
const BOUND: f64 = 0.137;
const VECTORS: [[f64; 2]; 2] = [[3.1, 22.6], [20.2, 9.4]];

/// Numbers that look random and are always the same.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Counts of this mean, by the times between them.
    fn counts(&mut self, mean: f64) -> u16 {
        let (mut count, mut time) = (0, -self.uniform().ln());
        while time < mean {
            count += 1;
            time -= self.uniform().ln();
        }
        count
    }
}

/// Rings inside of an aperture: what of a beam arrives so far from its middle.
fn probe(dy: f64, dx: f64) -> f64 {
    let distance = dy.hypot(dx);
    let turns = 2.0 * distance / RADIUS;
    let rings = 0.1 + 0.9 / (1.0 + (-4.0 * (std::f64::consts::TAU * turns + 1.57).sin()).exp());
    rings / (1.0 + ((distance - RADIUS) / 0.4).exp())
}

/// Where the disks of a position are; the direct beam is the first.
fn disks(y: usize, x: usize) -> Vec<[f64; 2]> {
    let middle = [
        39.3 + 0.37 * y as f64 - 0.21 * x as f64,
        40.6 - 0.29 * y as f64 + 0.33 * x as f64,
    ];
    let stretch = 1.0 + 0.004 * x as f64;
    let steps = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1)];
    (steps.into_iter())
        .map(|(a, b)| {
            let at = |axis: usize| {
                let [u, v] = [VECTORS[0][axis], VECTORS[1][axis]];
                middle[axis] + stretch * (f64::from(a) * u + f64::from(b) * v)
            };
            [at(0), at(1)]
        })
        .collect()
}

/// A scan of `beam` counts in a pixel of the direct beam and `bragg` in one of the others.
fn write(path: &Path, [ny, nx]: [usize; 2], size: usize, beam: f64, bragg: f64) -> Result<()> {
    let mut random = Random(7);
    let mut counts = Vec::new();
    for (y, x) in (0..ny).flat_map(|y| (0..nx).map(move |x| (y, x))) {
        let places = disks(y, x);
        for (ky, kx) in (0..size).flat_map(|ky| (0..size).map(move |kx| (ky, kx))) {
            let of = |at: &[f64; 2]| probe(ky as f64 - at[0], kx as f64 - at[1]);
            let others: f64 = places[1..].iter().map(of).sum();
            counts.push(random.counts(0.05 + beam * of(&places[0]) + bragg * others));
        }
    }
    write_counts(path, [ny, nx, size, size], &counts)
}

struct Made {
    fixture: SessionFixture,
    scan: u32,
    vacuum: u32,
}

/// A scan of few counts and its vacuum, both open.
fn made() -> Result<Made> {
    let fixture = SessionFixture::new()?;
    write(&fixture.path("few.npy"), SCAN, SIZE, 3.0, 1.0)?;
    write(&fixture.path("vacuum.npy"), [2, 5], SIZE, 60.0, 0.0)?;
    let scan = open(&fixture.session, &fixture.path("few.npy"))?;
    let vacuum = open(&fixture.session, &fixture.path("vacuum.npy"))?;
    name(&fixture, scan, "scan")?;
    name(&fixture, vacuum, "vacuum")?;
    Ok(Made {
        fixture,
        scan,
        vacuum,
    })
}

fn name(fixture: &SessionFixture, node: u32, name: &str) -> Result<()> {
    let name = name.to_owned();
    fixture.run(Command::Name { node, name })?;
    Ok(())
}

fn find(
    fixture: &SessionFixture,
    parents: &[u32],
    params: Value,
) -> Result<CommandReply, WireError> {
    fixture.run(Command::AddNode {
        parents: parents.to_vec(),
        operation: "normalized_correlation".into(),
        params,
    })
}

fn found(fixture: &SessionFixture, parents: &[u32]) -> Result<u32> {
    find(fixture, parents, json!({}))?.node.context("no node")
}

/// How many of the disks are found, and how far they are off, as a root of the mean square.
fn score(session: &Arc<Session>, peaks: u32) -> Result<(usize, f64)> {
    let (mut count, mut square) = (0, 0.0);
    for (y, x) in (0..SCAN[0]).flat_map(|y| (0..SCAN[1]).map(move |x| (y, x))) {
        let index = vec![y, x];
        let numbers = values(session, Command::Peaks { node: peaks, index })?;
        for [ky, kx] in disks(y, x) {
            let off = (numbers.chunks_exact(signal::Peaks::COLUMNS.len()))
                .map(|peak| (peak[0] - ky).hypot(peak[1] - kx))
                .fold(f64::INFINITY, f64::min);
            if off < 2.0 {
                count += 1;
                square += off * off;
            }
        }
    }
    Ok((count, (square / f64::from(count as u32)).sqrt()))
}

fn values(session: &Arc<Session>, command: Command) -> Result<Vec<f64>> {
    let reply = session.command(command, &|| false, &mut |_| {})?;
    reply.numbers.context("no numbers")
}

#[test]
fn few_counts_are_measured_better_with_a_vacuum_of_its_own_file() -> Result<()> {
    let Made {
        fixture,
        scan,
        vacuum,
    } = made()?;
    let (alone, alone_off) = score(&fixture.session, found(&fixture, &[scan])?)?;
    let peaks = found(&fixture, &[scan, vacuum])?;
    let (with, with_off) = score(&fixture.session, peaks)?;
    println!(
        "alone {alone} off by {alone_off:.3} px, with the vacuum {with} off by {with_off:.3} px"
    );
    ensure!(with >= alone && with_off < 0.87 * alone_off && with_off < 1.2 * BOUND);
    let tree = fixture.run(Command::Tree)?.text.context("no text")?;
    ensure!(
        tree.contains("that of the vacuum") && tree.contains("(matched filter) with vacuum"),
        "{tree}"
    );
    // One frame is a vacuum too: the mean of ten has a tenth of the noise that counts would have, and the wander of ten beams.
    let mean = fixture.add(vacuum, "mean_pattern", json!({}))?;
    let (count, off) = score(&fixture.session, found(&fixture, &[scan, mean])?)?;
    println!("with one frame {count} off by {off:.3} px");
    // The faintest may be missed.
    ensure!(count + 1 >= alone && off < alone_off && off < 1.4 * BOUND);
    Ok(())
}

#[test]
fn what_is_no_vacuum_of_the_scan_is_refused_with_the_reason() -> Result<()> {
    let Made {
        fixture,
        scan,
        vacuum,
    } = made()?;
    write(&fixture.path("small.npy"), [1, 2], 40, 60.0, 0.0)?;
    let small = open(&fixture.session, &fixture.path("small.npy"))?;
    let image = fixture.add(vacuum, "virtual_disk", json!({"radius": 5.0}))?;
    let region = json!({"vacuum": {"x0": 0, "y0": 0, "width": 2, "height": 2}});
    let cases = [
        (vec![scan, small], json!({}), "40 x 40 px", "same detector"),
        (
            vec![scan, image],
            json!({}),
            "the vacuum",
            "frames with two",
        ),
        (vec![scan, vacuum], region, "both", "leave one of them out"),
        (
            vec![scan, vacuum, vacuum],
            json!({}),
            "3 inputs were given",
            "`vacuum`, which may be left out",
        ),
    ];
    for (parents, params, reason, remedy) in cases {
        let error = find(&fixture, &parents, params).unwrap_err();
        ensure!(
            error.message.contains(reason) && format!("{error} {}", error.hint).contains(remedy),
            "{reason}, {remedy}: {error:?}"
        );
    }
    let error = fixture
        .run(Command::AddNode {
            parents: vec![scan, vacuum],
            operation: "mean_pattern".into(),
            params: json!({}),
        })
        .unwrap_err();
    ensure!(error.message.contains("no other beside it"), "{error:?}");
    let open_nodes = fixture.session.tree().nodes.len();
    ensure!(open_nodes == 4, "a refused node was added");
    Ok(())
}

#[test]
fn another_camera_length_is_said() -> Result<()> {
    let Made { fixture, scan, .. } = made()?;
    let path = fixture.path("vacuum.npy").display().to_string();
    let axis = |name: &str, scale: f64| (name.to_owned(), scale, 0.0, "1/nm".to_owned());
    let open = |scale: f64, file: &str| -> Result<u32> {
        let axes = vec![
            axis("y", 1.0),
            axis("x", 1.0),
            axis("ky", scale),
            axis("kx", scale),
        ];
        let options = protocol::OpenOptions {
            axes: Some(axes),
            ..Default::default()
        };
        let path = path.replace("vacuum.npy", file);
        fixture
            .run(Command::Open { path, options })?
            .node
            .context("no node")
    };
    let (calibrated, same, other) = (
        open(0.1, "few.npy")?,
        open(0.1, "vacuum.npy")?,
        open(0.2, "vacuum.npy")?,
    );
    let told = |parents: &[u32]| -> Result<bool> {
        let node = found(&fixture, parents)?;
        let described = fixture.session.description(node).context("no node")?;
        Ok(described
            .caveats
            .iter()
            .any(|caveat| caveat.text.contains("camera length")))
    };
    ensure!(told(&[calibrated, other])?);
    ensure!(!told(&[calibrated, same])? && !told(&[scan, same])?);
    Ok(())
}

#[test]
fn the_vacuum_comes_back_and_goes_into_code_recipes_and_results() -> Result<()> {
    let Made {
        mut fixture,
        scan,
        vacuum,
    } = made()?;
    let place = Place {
        folder: fixture.path("journals"),
        notebook: fixture.path("notebook.ipynb"),
    };
    fixture.session.keep_journal(&place);
    let peaks = found(&fixture, &[scan, vacuum])?;
    name(&fixture, peaks, "peaks")?;
    let map = fixture.add(peaks, "strain_map", json!({}))?;
    name(&fixture, map, "strain")?;
    let line = "let peaks = scan.find_peaks_with(&vacuum, NormalizedCorrelation::default())?;";
    let code = fixture
        .run(Command::Export { node: Some(map) })?
        .text
        .context("no code")?;
    let lines: Vec<&str> = code.lines().collect();
    ensure!(
        lines.len() == 4 && lines[1].contains("vacuum.npy") && lines[2] == line,
        "{code}"
    );

    let result = fixture.path("strain.zspy");
    save(&fixture, map, &result)?;
    let told = io::provenance(&result)?.context("nothing is said")?;
    ensure!(
        told["nodes"][2]["parents"] == json!(["scan", "vacuum"]),
        "{told:#}"
    );
    ensure!(
        told["nodes"][1]["file"]["relative_path"] == "vacuum.npy",
        "{told:#}"
    );
    ensure!(
        told["nodes"][1]["file"]["modified_ns"]
            .as_u64()
            .is_some_and(|time| time > 0)
    );
    let text = session::provenance::describe(&result, false)?;
    ensure!(
        text.contains("(matched filter) of scan with vacuum"),
        "{text}"
    );

    // A recipe for other scans: the vacuum is the file that it names.
    let recipe = fixture.path("recipe.json");
    fixture.run(Command::Recipe {
        nodes: vec![map],
        path: recipe.display().to_string(),
    })?;
    std::fs::copy(fixture.path("few.npy"), fixture.path("next.npy"))?;
    let batch = Batch {
        recipe,
        out: fixture.path("out"),
        inputs: vec![(None, fixture.path("next.npy"))],
        ..Batch::default()
    };
    let other = Session::new(Config::default());
    let mut listener = Listener {
        interrupted: &|| false,
        progress: &mut |_| {},
        warn: &mut |_| {},
    };
    batch::compute(&other, &batch, &mut listener)?;
    let told = io::provenance(&fixture.path("out/strain.zspy"))?.context("nothing is said")?;
    ensure!(
        told["nodes"][0]["file"]["relative_path"] == "../next.npy",
        "{told:#}"
    );
    ensure!(
        told["nodes"][1]["file"]["relative_path"] == "../vacuum.npy",
        "{told:#}"
    );

    let replay = Command::Replay {
        path: result.display().to_string(),
        input: Some(fixture.path("next.npy").display().to_string()),
    };
    let third = Session::new(Config::default());
    let again = third.command(replay, &|| false, &mut |_| {})?;
    let restored = again.restored.context("nothing came back")?;
    ensure!(restored.nodes.len() == 4, "{restored:?}");
    // Of the two files only the scan is another one.
    let problems: Vec<&str> = (restored.problems.iter())
        .map(|problem| problem.name.as_str())
        .collect();
    ensure!(problems == ["scan"], "{restored:?}");
    let strain = |session: &Arc<Session>, node: u32| -> Result<Vec<u64>> {
        let index = vec![1, 2];
        let numbers = values(session, Command::Values { node, index })?;
        Ok(numbers.into_iter().map(f64::to_bits).collect())
    };
    let before = strain(&fixture.session, map)?;
    let replayed = again.node.context("no node")?;
    ensure!(strain(&third, replayed)? == before);

    // While something is made from it, a vacuum stays and is not written over.
    ensure!(fixture.run(Command::Remove { node: vacuum }).is_err());
    ensure!(save(&fixture, scan, &fixture.path("vacuum.npy")).is_err());

    let nodes = fixture.session.tree().nodes;
    fixture.session.journal_changed();
    fixture.session.end_journal();
    fixture.session = Session::new(Config::default());
    std::thread::sleep(Duration::from_millis(50));
    fixture.session.keep_journal(&place);
    let restored = fixture
        .run(Command::Restore)?
        .restored
        .context("nothing came back")?;
    ensure!(restored.problems.is_empty(), "{restored:?}");
    let came = fixture.session.tree().nodes;
    let of = |nodes: &[protocol::NodeDescription]| -> Vec<(u32, Vec<u32>, String)> {
        (nodes.iter())
            .map(|node| (node.id, node.parents.clone(), node.code.clone()))
            .collect()
    };
    ensure!(of(&came) == of(&nodes), "{came:#?}");
    ensure!(strain(&fixture.session, map)? == before);
    let twice = fixture
        .run(Command::Restore)?
        .restored
        .context("nothing came back")?;
    ensure!(twice.nodes.iter().all(|node| node.here), "{twice:?}");
    Ok(())
}
