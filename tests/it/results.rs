//! Results in `.hspy`, `.zarr` and `.npy`, opened by the libraries they are meant for, and the other way.
//!
//! The Pythons are named by variables: `SIGNALTREE_PYTHON` has `tests/golden/requirements.txt` (hyperspy),
//! `SIGNALTREE_LAB_PYTHON` has `tests/requirements.txt` (Zarr 3). Without them tests say they were skipped.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use io::{Compression, OpenOptions, ResultWriter, WriteOptions};
use serde_json::{Value, json};
use signal::{
    Axes, Axis, CancelToken, Component, ElementType, Frame, NavigationIndex, Output, Peak, Peaks,
    SignalKind, SignalMeta,
};

const SCAN: [usize; 2] = [7, 5];
pub const HYPERSPY: &str = "SIGNALTREE_PYTHON";
const LAB: &str = "SIGNALTREE_LAB_PYTHON";

/// The last line that a Python prints, as JSON; `None`, with a message, when it was not named.
fn python(variable: &str, arguments: &[&str]) -> Result<Option<Value>> {
    let Some(python) = std::env::var_os(variable) else {
        eprintln!("SKIPPED: {variable} names no Python; our files were not opened by it");
        return Ok(None);
    };
    let run = Command::new(&python)
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
        .output()?;
    let errors = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "Python failed: {errors}");
    let text = String::from_utf8_lossy(&run.stdout);
    let last = text.lines().last().context("no report")?;
    Ok(Some(serde_json::from_str(last)?))
}

pub fn sees(variable: &str, script: &str, path: &Path) -> Result<Option<Value>> {
    python(variable, &[script, path.to_str().context("path")?])
}

fn meta() -> SignalMeta {
    let axes = Axes::new(
        vec![
            Axis::new("y", SCAN[0], 2.5, 10.0, "nm"),
            Axis::new("x", SCAN[1], 1.0, -4.0, "nm"),
        ],
        vec![
            Axis::new("ky", 4, 0.02, -0.04, "1/nm"),
            Axis::new("kx", 6, 0.03, 0.0, "1/nm"),
        ],
    );
    let mut meta = SignalMeta::frames("back/scan", axes, ElementType::U16);
    meta.beam_energy_kev = Some(300.0);
    meta.signal_type = "electron_diffraction".into();
    meta.notes
        .insert("origin".into(), json!("row 0 is the top"));
    meta.original = json!({"camera": {"name": "αβ", "gains": [1.5, 2.0], "names": ["a", "β"],
        "counts": [1, -2], "list": [{"a": 1}, {"a": 2}], "empty": [], "none": null, "on": true,
        "bits": 12, "long": "x".repeat(70_000)}});
    // As in files of a microscope: thousands of tags.
    let tags = (0..3000).map(|tag| (format!("tag {tag}"), json!(format!("value {tag}"))));
    meta.original["tags"] = Value::Object(tags.collect());
    let groups = (0..150).map(|group| (format!("group {group}"), json!({"number": group})));
    meta.original["groups"] = Value::Object(groups.collect());
    meta
}

fn position(flat: usize) -> NavigationIndex {
    NavigationIndex::from_flat(flat, &SCAN)
}

fn pixel(flat: usize) -> f64 {
    ((flat * 37 + flat / 24 * 11) % 4000) as f64
}

fn write_frames(path: &Path, options: &WriteOptions) -> Result<()> {
    let writer = ResultWriter::create_with(path, &meta(), options)?;
    for flat in 0..35 {
        let pixels = (0..24).map(|at| pixel(flat * 24 + at) as u16).collect();
        let frame = Frame::from_vec(&[4, 6], pixels).map_err(anyhow::Error::msg)?;
        writer.write(position(flat), &Output::Frame(frame))?;
    }
    Ok(writer.finish()?)
}

fn all_pixels() -> Value {
    json!((0..840).map(pixel).collect::<Vec<f64>>())
}

fn check_axis(seen: &Value, axis: &Axis, navigate: bool) {
    assert_eq!(
        *seen,
        json!({"name": axis.name, "units": axis.units, "size": axis.size, "scale": axis.scale,
            "offset": axis.offset, "navigate": navigate})
    );
}

/// Many chunks, so that their tree has more than one level.
fn small_chunks() -> WriteOptions {
    WriteOptions {
        chunk: Some(vec![1, 1]),
        provenance: json!({"operations": [1, "a", null]}),
        ..WriteOptions::default()
    }
}

#[test]
fn frames_in_hspy_opened_by_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, options) in [
        ("scan.hspy", WriteOptions::default()),
        ("small.hspy", small_chunks()),
        (
            "raw.hspy",
            WriteOptions {
                compression: Compression::None,
                chunk: Some(vec![2, 3]),
                ..WriteOptions::default()
            },
        ),
    ] {
        let path = folder.path().join(name);
        write_frames(&path, &options)?;
        let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
            return Ok(());
        };
        assert_eq!(seen["class"], "ElectronDiffraction2D");
        assert_eq!(seen["lazy_class"], "LazyElectronDiffraction2D");
        assert_eq!(seen["shape"], json!([7, 5, 4, 6]));
        assert_eq!(seen["dtype"], "uint16");
        assert_eq!(seen["title"], "back/scan");
        let axes = meta().axes;
        for (at, axis) in axes.navigation.iter().chain(&axes.signal).enumerate() {
            check_axis(&seen["axes"][at], axis, at < 2);
        }
        assert_eq!(seen["pixels"], all_pixels());
        let instrument = &seen["metadata"]["Acquisition_instrument"];
        assert_eq!(instrument["TEM"]["beam_energy"], json!(300.0));
        assert_eq!(
            seen["original_metadata"]["camera"],
            meta().original["camera"]
        );
        for name in ["tags", "groups"] {
            assert_eq!(seen["original_metadata"][name], meta().original[name]);
        }
        let own = &seen["metadata"]["SignalTree"];
        assert_eq!(own["notes"]["origin"], "row 0 is the top");
        if !options.provenance.is_null() {
            let text = own["provenance"].as_str().context("provenance")?;
            assert_eq!(serde_json::from_str::<Value>(text)?, options.provenance);
        }
    }
    Ok(())
}

#[test]
fn an_hspy_of_thousands_of_chunks_opened_by_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("many.hspy");
    let axes = Axes::new(
        vec![Axis::pixels("y", 70), Axis::pixels("x", 90)],
        vec![Axis::pixels("ky", 2), Axis::pixels("kx", 3)],
    );
    let meta = SignalMeta::frames("many", axes, ElementType::F32);
    let writer = ResultWriter::create_with(&path, &meta, &small_chunks())?;
    for flat in (0..6300).rev() {
        let pixels = (0..6).map(|at| (flat * 6 + at) as f32 / 2.0).collect();
        let frame = Frame::from_vec(&[2, 3], pixels).map_err(anyhow::Error::msg)?;
        writer.write(
            NavigationIndex::from_flat(flat, &[70, 90]),
            &Output::Frame(frame),
        )?;
    }
    writer.finish()?;
    let source = io::open(&path, &OpenOptions::default())?;
    for flat in [0, 63, 64, 4095, 4096, 6299] {
        let at = NavigationIndex::from_flat(flat, &[70, 90]);
        let frame = (source.read_chunk(source.chunk_at(at), &CancelToken::new())?).frame(at)?;
        assert_eq!(frame.value(5), (flat * 6 + 5) as f64 / 2.0);
    }
    let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
        return Ok(());
    };
    let expected: Vec<f64> = (0..37800).map(|value| f64::from(value) / 2.0).collect();
    assert_eq!(seen["pixels"], json!(expected));
    Ok(())
}

#[test]
fn a_map_and_peaks_in_hspy_opened_by_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("strain.hspy");
    let map = meta().to_map(vec![
        Component::new("e_xx", "ε_xx", "", signal::Display::Diverging),
        Component::new("theta", "θ", "°", signal::Display::Diverging),
    ]);
    let writer = ResultWriter::create(&path, &map)?;
    for flat in 0..35 {
        let value = flat as f32 / 4.0;
        writer.write(position(flat), &Output::Values(Arc::new([value, -value])))?;
    }
    writer.finish()?;
    let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
        return Ok(());
    };
    assert_eq!(seen["class"], "Signal2D");
    assert_eq!(seen["shape"], json!([2, 7, 5]));
    for (at, axis) in map.axes.navigation.iter().enumerate() {
        check_axis(&seen["axes"][at + 1], axis, false);
    }
    let component = |sign: f64| (0..35).map(move |flat| sign * f64::from(flat) / 4.0);
    let expected: Vec<f64> = component(1.0).chain(component(-1.0)).collect();
    assert_eq!(seen["pixels"], json!(expected));

    let path = folder.path().join("peaks.hspy");
    let mut meta = meta();
    meta.kind = SignalKind::Peaks;
    meta.element = ElementType::F32;
    let writer = ResultWriter::create(&path, &meta)?;
    let mut expected = Vec::new();
    for flat in 0..35usize {
        let mut peaks = Peaks::default();
        let mut rows = Vec::new();
        for peak in 0..flat % 4 {
            let row = [
                flat as f32 + 0.5,
                peak as f32,
                100.0,
                0.25,
                0.125,
                0.5,
                1.5,
                0.25,
                0.5,
                -0.5,
                0.0625,
                0.25,
            ];
            let [
                ky,
                kx,
                intensity,
                score,
                ky_error,
                kx_error,
                misfit,
                spread,
                spread_error,
                stretch,
                stretch_diagonal,
                stretch_error,
            ] = row;
            peaks.push(Peak {
                ky,
                kx,
                intensity,
                score,
                ky_error,
                kx_error,
                misfit,
                spread,
                spread_error,
                stretch,
                stretch_diagonal,
                stretch_error,
            });
            rows.push(row);
        }
        expected.push(json!(rows));
        writer.write(position(flat), &Output::Peaks(Arc::new(peaks)))?;
    }
    writer.finish()?;
    let Some(seen) = sees(HYPERSPY, "check_zspy.py", &path)? else {
        return Ok(());
    };
    assert_eq!(seen["ragged"], true);
    assert_eq!(seen["shape"], json!([7, 5]));
    assert_eq!(seen["lists"], json!(expected));
    assert_eq!(seen["lazy_lists"], json!(expected));
    Ok(())
}

#[test]
fn files_that_hyperspy_wrote_as_hspy_are_opened() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("theirs.hspy");
    let script = "
import sys, numpy as np, hyperspy.api as hs
data = (np.arange(7*5*4*6).reshape(7, 5, 4, 6) * 3 % 60000).astype('>u2' if 'big' in sys.argv else '<u2')
signal = hs.signals.Signal2D(data)
signal.metadata.General.title = 'theirs'
for axis, (name, scale, offset, units) in zip(signal.axes_manager._axes,
        [('y', 2.5, 1.0, 'nm'), ('x', 1.5, 0.0, 'nm'), ('ky', 0.5, -1.0, 'nm^-1'), ('kx', 0.25, -0.75, '1/nm')]):
    axis.name, axis.scale, axis.offset, axis.units = name, scale, offset, units
signal.original_metadata.add_dictionary({'camera': {'name': 'αβ', 'gains': [1.5, 2.0], 'on': True,
    'names': ['a', 'β'], 'dicts': [{'a': 1}, {'a': 2}], 'bits': 12, 'none': None, 'empty': [], 'table': np.eye(2)}})
signal.save(sys.argv[1], overwrite=True, **({'chunks': (2, 2, 3, 6)} if 'split' in sys.argv else {}))
print('{}')
";
    let text = path.to_str().context("path")?;
    for way in ["plain", "split", "big"] {
        if python(HYPERSPY, &["-c", script, text, way])?.is_none() {
            return Ok(());
        }
        let source = io::open(&path, &OpenOptions::default())?;
        let meta = source.meta();
        assert_eq!(meta.title, "theirs");
        assert_eq!(meta.element, ElementType::U16);
        assert_eq!(meta.axes.shape_text(), "(7, 5 | 4, 6)");
        assert_eq!(meta.axes.navigation[0], Axis::new("y", 7, 2.5, 1.0, "nm"));
        assert_eq!(meta.axes.signal[0], Axis::new("ky", 4, 0.5, -1.0, "1/nm"));
        assert_eq!(
            meta.original["original_metadata"]["camera"],
            json!({"name": "αβ", "gains": [1.5, 2.0], "on": true, "names": ["a", "β"], "bits": 12,
                "dicts": [{"a": 1}, {"a": 2}], "none": null, "empty": [],
                "table": [[1.0, 0.0], [0.0, 1.0]]})
        );
        for flat in 0..35 {
            let at = position(flat);
            let frame = (source.read_chunk(source.chunk_at(at), &CancelToken::new())?).frame(at)?;
            for pixel in 0..24 {
                let expected = (flat * 24 + pixel) * 3 % 60000;
                assert_eq!(frame.value(pixel), expected as f64, "{way}");
            }
        }
    }
    Ok(())
}

#[test]
fn sharded_arrays_opened_by_zarr_python() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, compression) in [
        ("zstd.zarr", Compression::Zstd),
        ("lz4.zarr", Compression::Lz4),
        ("raw.zarr", Compression::None),
    ] {
        let path = folder.path().join(name);
        let options = WriteOptions {
            compression,
            chunk: Some(vec![1, 2]),
            shard: Some(vec![4, 4]),
            ..small_chunks()
        };
        write_frames(&path, &options)?;
        let Some(seen) = sees(LAB, "check_arrays.py", &path)? else {
            return Ok(());
        };
        assert_eq!(seen["dtype"], "uint16");
        assert_eq!(seen["shape"], json!([7, 5, 4, 6]));
        assert_eq!(seen["chunks"], json!([1, 2, 4, 6]));
        assert_eq!(seen["shards"], json!([4, 4, 4, 6]));
        assert_eq!(seen["names"], json!(["y", "x", "ky", "kx"]));
        assert_eq!(seen["pixels"], all_pixels());
        assert_eq!(seen["attributes"]["axes"][3]["scale"], json!(0.03));
        assert_eq!(seen["attributes"]["provenance"], options.provenance);
    }
    Ok(())
}

#[test]
fn arrays_opened_by_numpy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("scan.npy");
    write_frames(&path, &WriteOptions::default())?;
    let Some(seen) = sees(HYPERSPY, "check_arrays.py", &path)? else {
        return Ok(());
    };
    assert_eq!(seen["dtype"], "uint16");
    assert_eq!(seen["shape"], json!([7, 5, 4, 6]));
    assert_eq!(seen["pixels"], all_pixels());
    Ok(())
}
