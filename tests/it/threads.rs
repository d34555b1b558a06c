//! The number of threads never shows in a result: detectors, centre of mass and patterns, of counts and of floats
//! with invalid pixels.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use signal::{CancelToken, NavigationIndex, Output};
use tree::{Engine, EngineConfig, Priority, Tree};

const SHAPE: [usize; 4] = [13, 21, 24, 17];

fn write_npy(path: &Path, kind: &str, pixels: &[u8]) -> Result<()> {
    let [ny, nx, ky, kx] = SHAPE;
    let mut header = format!(
        "{{'descr': '{kind}', 'fortran_order': False, 'shape': ({ny}, {nx}, {ky}, {kx}), }}"
    );
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(pixels);
    Ok(std::fs::write(path, bytes)?)
}

/// Bits of all results, computed by so many threads.
fn results(path: &Path, threads: usize) -> Result<Vec<Vec<u32>>> {
    let tree = Tree::new();
    let scan = tree.add_source("scan", io::open(path, &io::OpenOptions::default())?)?;
    let engine = Engine::new(EngineConfig {
        budget_bytes: 1 << 20,
        threads,
    });
    let add = |name: &str, params| -> Result<u32> {
        Ok(tree.add_operation(name, &[scan], ops::find(name)?.bind(&params)?)?)
    };
    let maps = [
        add("virtual_disk", json!({"radius": 6.5}))?,
        add(
            "virtual_annulus",
            json!({"inner_radius": 3.0, "statistic": "mean"}),
        )?,
        add("center_of_mass", json!({}))?,
    ];
    let patterns = [
        add("mean_pattern", json!({}))?,
        add("maximum_pattern", json!({}))?,
    ];
    let graph = tree.snapshot();
    let go_on = &mut |_: &tree::MapProgress| ControlFlow::Continue(());
    let mut all = Vec::new();
    for map in engine.finish_maps(&graph, &maps, go_on)? {
        ensure!(map.progress().failures == 0);
        all.push(map.all().iter().map(|value| value.to_bits()).collect());
    }
    for node in patterns {
        let at = NavigationIndex::new(&[]);
        let never = CancelToken::new();
        let output = engine.output(&graph, node, at, Priority::Interactive, &never)?;
        let Output::Frame(frame) = output else {
            bail!("no frame");
        };
        all.push(frame.to_f32().iter().map(|value| value.to_bits()).collect());
    }
    Ok(all)
}

#[test]
fn one_two_and_four_threads_give_the_same_bits() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let count: usize = SHAPE.iter().product();
    let mut noise = 1u64;
    let mut next = || {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        noise >> 40
    };
    let counts: Vec<u8> = (0..count)
        .flat_map(|_| (next() as u16).to_le_bytes())
        .collect();
    let floats: Vec<u8> = (0..count)
        .flat_map(|_| {
            match next() {
                value if value % 31 == 0 => f32::NAN,
                value => value as f32 * 1e-3 - 500.0,
            }
            .to_le_bytes()
        })
        .collect();
    for (kind, pixels) in [("<u2", counts), ("<f4", floats)] {
        let path = folder.path().join(format!("{}.npy", &kind[1..]));
        write_npy(&path, kind, &pixels)?;
        let one = results(&path, 1)?;
        ensure!(one.iter().all(|result| !result.is_empty()));
        for threads in [2, 4] {
            let more = results(&path, threads)?;
            for (number, (one, more)) in one.iter().zip(&more).enumerate() {
                let differs = one.iter().zip(more).position(|(a, b)| a != b);
                ensure!(
                    differs.is_none(),
                    "{kind}, {threads} threads: result {number} differs at {differs:?}"
                );
            }
        }
        // The mean of the first pixel by its definition.
        let size = pixels.len() / count;
        let frame = SHAPE[2] * SHAPE[3] * size;
        let values = pixels.chunks_exact(frame).map(|frame| match *frame {
            [a, b, ..] if size == 2 => f64::from(u16::from_le_bytes([a, b])),
            [a, b, c, d, ..] => f64::from(f32::from_le_bytes([a, b, c, d])),
            _ => f64::NAN,
        });
        let valid: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let mean = valid.iter().sum::<f64>() / valid.len() as f64;
        let found = f64::from(f32::from_bits(*one[3].first().context("empty")?));
        ensure!(
            (found - mean).abs() <= 1e-6 * mean.abs().max(1.0) * 10.0,
            "{found} {mean}"
        );
    }
    Ok(())
}
