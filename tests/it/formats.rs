//! `.zspy` and `.hspy` both ways: what hyperspy 2.5 wrote opened here, and ours opened by hyperspy.
//!
//! `tests/golden/make_zspy.py` wrote the stores and files in `tests/data` and `hyperspy_known.json`. The other way needs
//! a Python with `tests/golden/requirements.txt`, named by the variable `SIGNALTREE_PYTHON`; without
//! it those tests say that they were skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use io::{OpenOptions, ResultWriter};
use serde_json::{Value, json};
use signal::{
    Axes, Axis, CancelToken, Component, ElementType, Frame, NavigationIndex, Output, Peak, Peaks,
    SignalKind, SignalMeta, Source,
};

const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

/// The formula of `make_zspy.py`: the last of the weights 1000, 100, 7, 1 times the index.
fn weighted(shape: &[usize], flat: usize) -> f64 {
    let (mut left, mut sum) = (flat, 0);
    for (size, weight) in shape.iter().rev().zip([1, 7, 100, 1000]) {
        sum += left % size * weight;
        left /= size;
    }
    sum as f64
}

fn all_pixels(source: &dyn Source) -> Result<Vec<f64>> {
    let shape = source.meta().axes.navigation_shape();
    let mut pixels = Vec::new();
    for flat in 0..source.meta().axes.positions() {
        let at = NavigationIndex::from_flat(flat, &shape);
        let frame = source
            .read_chunk(source.chunk_at(at), &CancelToken::new())?
            .frame(at)?;
        pixels.extend((0..frame.len()).map(|pixel| frame.value(pixel)));
    }
    Ok(pixels)
}

fn open_golden(name: &str) -> Result<Arc<dyn Source>> {
    Ok(io::open(
        &Path::new(GOLDENS).join(name),
        &OpenOptions::default(),
    )?)
}

#[test]
fn pixels_and_axes_of_files_written_by_hyperspy() -> Result<()> {
    let known: Value = serde_json::from_str(&std::fs::read_to_string(
        Path::new(GOLDENS).join("hyperspy_known.json"),
    )?)?;
    let known = known.as_object().context("known values")?;
    ensure!(known.len() == 7);
    for (name, known) in known {
        let source = open_golden(name).with_context(|| name.clone())?;
        let axes = &source.meta().axes;
        let all: Vec<&Axis> = axes.navigation.iter().chain(&axes.signal).collect();
        let shape: Vec<usize> = all.iter().map(|axis| axis.size).collect();
        assert_eq!(json!(shape), known["shape"], "{name}");
        for (at, axis) in all.iter().enumerate() {
            let known = &known["axes"][at];
            assert_eq!(
                known["navigate"],
                json!(at < axes.navigation.len()),
                "{name}"
            );
            if known["name"] != "<undefined>" {
                assert_eq!(known["name"], axis.name, "{name}");
            }
            let units = match known["units"].as_str() {
                Some("nm^-1") => "1/nm",
                Some("<undefined>") | None => "px",
                Some(units) => units,
            };
            assert_eq!(axis.units, units, "{name}");
            let uneven: Vec<f64> =
                serde_json::from_value(known["uneven"].clone()).unwrap_or_default();
            assert_eq!(axis.values, uneven, "{name}");
            for (index, known) in [
                (0, &known["values"][0]),
                (axis.size - 1, &known["values"][1]),
            ] {
                let (value, known) = (axis.value(index as f64), known.as_f64().unwrap_or(f64::NAN));
                assert!(
                    (value - known).abs() < 1e-12 * known.abs().max(1.0),
                    "{name} {value} {known}"
                );
            }
        }
        let pixels = all_pixels(&*source)?;
        assert_eq!(known["sum"].as_f64(), Some(pixels.iter().sum()), "{name}");
        for (flat, pixel) in pixels.iter().enumerate() {
            let expected = match name.as_str() {
                "hyperspy_spectra.zspy" => weighted(&shape, flat) / 8.0,
                "hyperspy_uneven.zspy" | "hyperspy_uneven.hspy" => weighted(&shape, flat) - 50.0,
                _ => weighted(&shape, flat),
            };
            assert_eq!(*pixel, expected, "{name} pixel {flat}");
        }
    }
    Ok(())
}

#[test]
fn metadata_of_a_store_written_by_hyperspy() -> Result<()> {
    let source = open_golden("hyperspy_scan.zspy")?;
    let meta = source.meta();
    assert_eq!(meta.title, "tilted grain");
    assert_eq!(meta.element, ElementType::U16);
    assert_eq!(meta.beam_energy_kev, Some(200.0));
    assert_eq!(meta.value_units, "counts");
    let original = &meta.original["original_metadata"];
    assert_eq!(
        original["camera"],
        json!({"bits": 12, "gains": [1.5, 2.0], "name": "C1", "on": true})
    );
    assert_eq!(original["labels"], json!(["a", "αβ"]));
    assert_eq!(original["dicts"], json!([{"a": 1}, {"a": 2}]));
    assert_eq!(original["nothing"], Value::Null);
    assert_eq!(original["empty"], json!([]));
    assert_eq!(original["table"], json!([[1, 2, 3], [4, 5, 6]]));
    assert_eq!(original["not_a_number"], "NaN");
    assert_eq!(open_golden("hyperspy_uneven.zspy")?.meta().caveats, []);
    Ok(())
}

/// What hyperspy sees in a store; `None`, with a message, when no Python with hyperspy was named.
fn hyperspy_sees(path: &Path) -> Result<Option<Value>> {
    let Some(python) = std::env::var_os("SIGNALTREE_PYTHON") else {
        eprintln!(
            "SKIPPED: SIGNALTREE_PYTHON names no Python with hyperspy; our files were not opened by it"
        );
        return Ok(None);
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/check_zspy.py");
    let run = Command::new(&python).arg(script).arg(path).output()?;
    let errors = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "hyperspy could not open it: {errors}");
    let text = String::from_utf8_lossy(&run.stdout);
    let last = text.lines().last().context("no report")?;
    Ok(Some(serde_json::from_str(last)?))
}

fn scan_meta() -> SignalMeta {
    let axes = Axes::new(
        vec![
            Axis::new("y", 3, 2.5, 10.0, "nm"),
            Axis::new("x", 5, 1.25, -4.0, "nm"),
        ],
        vec![
            Axis::new("ky", 4, 0.02, -0.04, "1/nm"),
            Axis::new("kx", 6, 0.03, -0.09, "1/nm"),
        ],
    );
    let mut meta = SignalMeta::frames("back/scan", axes, ElementType::U16);
    meta.beam_energy_kev = Some(300.0);
    meta.signal_type = "electron_diffraction".into();
    meta.notes
        .insert("origin".into(), json!("row 0 is the top"));
    meta.original = json!({"camera": {"name": "αβ", "gains": [1.5, 2.0], "names": ["a", "β"],
        "list": [{"a": 1}, {"a": 2}], "empty": [], "none": null, "bits": 12}});
    meta
}

fn place(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn position(flat: usize) -> NavigationIndex {
    NavigationIndex::from_flat(flat, &[3, 5])
}

fn check_axis(seen: &Value, axis: &Axis, navigate: bool) {
    assert_eq!(
        *seen,
        json!({"name": axis.name, "units": axis.units, "size": axis.size, "scale": axis.scale,
            "offset": axis.offset, "navigate": navigate})
    );
}

#[test]
fn frames_opened_by_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = place(&folder, "scan.zspy");
    let meta = scan_meta();
    let writer = ResultWriter::create(&path, &meta)?;
    for flat in 0..15 {
        let pixels = (0..24).map(|pixel| weighted(&[3, 5, 4, 6], flat * 24 + pixel) as u16);
        let frame = Frame::from_vec(&[4, 6], pixels.collect()).map_err(anyhow::Error::msg)?;
        writer.write(position(flat), &Output::Frame(frame))?;
    }
    writer.finish()?;
    let Some(seen) = hyperspy_sees(&path)? else {
        return Ok(());
    };
    // pyxem's class, found by the signal type.
    assert_eq!(seen["class"], "ElectronDiffraction2D");
    assert_eq!(seen["lazy_class"], "LazyElectronDiffraction2D");
    assert_eq!(seen["shape"], json!([3, 5, 4, 6]));
    assert_eq!(seen["dtype"], "uint16");
    assert_eq!(seen["title"], "back/scan");
    for (at, axis) in meta
        .axes
        .navigation
        .iter()
        .chain(&meta.axes.signal)
        .enumerate()
    {
        check_axis(&seen["axes"][at], axis, at < 2);
    }
    let expected: Vec<f64> = (0..360).map(|flat| weighted(&[3, 5, 4, 6], flat)).collect();
    assert_eq!(seen["pixels"], json!(expected));
    assert_eq!(
        seen["metadata"]["Acquisition_instrument"]["TEM"]["beam_energy"],
        json!(300.0)
    );
    assert_eq!(
        seen["metadata"]["SignalTree"]["notes"]["origin"],
        "row 0 is the top"
    );
    assert_eq!(seen["original_metadata"]["camera"], meta.original["camera"]);
    Ok(())
}

/// hyperspy's own files through us and back: uneven axes are what they were, by value and by formula.
#[test]
fn uneven_axes_come_back_to_hyperspy_as_they_were() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for name in [
        "uneven.zspy",
        "uneven.hspy",
        "function.zspy",
        "function.hspy",
    ] {
        let golden = Path::new(GOLDENS).join(format!("hyperspy_{name}"));
        let source = io::open(&golden, &OpenOptions::default())?;
        let meta = source.meta();
        for ending in ["zspy", "hspy"] {
            let path = place(&folder, &format!("{name}.{ending}"));
            let writer = ResultWriter::create(&path, meta)?;
            let shape = meta.axes.navigation_shape();
            for flat in 0..meta.axes.positions() {
                let at = NavigationIndex::from_flat(flat, &shape);
                let frame = source
                    .read_chunk(source.chunk_at(at), &CancelToken::new())?
                    .frame(at)?;
                writer.write(at, &Output::Frame(frame))?;
            }
            writer.finish()?;
            let back = io::open(&path, &OpenOptions::default())?;
            assert_eq!(back.meta().axes, meta.axes, "{name} {ending}");
            let (Some(was), Some(seen)) = (hyperspy_sees(&golden)?, hyperspy_sees(&path)?) else {
                return Ok(());
            };
            // An axis without a name gets one.
            let axes = was["axes"].as_array().context("axes")?.iter().enumerate();
            for (at, axis) in axes.filter(|(_, axis)| axis["name"] != "<undefined>") {
                assert_eq!(seen["axes"][at], *axis, "{name} {ending}");
            }
            assert_eq!(seen["pixels"], was["pixels"], "{name} {ending}");
        }
    }
    Ok(())
}

fn strain_of(meta: &SignalMeta) -> SignalMeta {
    let mut map = meta.to_map(vec![
        Component::new("e_xx", "ε_xx", "", signal::Display::Diverging),
        Component::new("theta", "θ", "rad", signal::Display::Diverging),
    ]);
    map.title = "Strain map of grain".into();
    map
}

#[test]
fn a_map_opened_by_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let map = strain_of(&scan_meta());
    for ending in ["zspy", "hspy"] {
        let path = place(&folder, &format!("strain.{ending}"));
        let writer = ResultWriter::create(&path, &map)?;
        for flat in 0..15 {
            let value = flat as f32 / 4.0;
            writer.write(position(flat), &Output::Values(Arc::new([value, -value])))?;
        }
        writer.finish()?;
        let Some(seen) = hyperspy_sees(&path)? else {
            return Ok(());
        };
        assert_eq!(seen["class"], "Signal2D");
        assert_eq!(seen["title"], "Strain map of grain (ε_xx, θ)");
        assert_eq!(seen["shape"], json!([2, 3, 5]));
        assert_eq!(seen["axes"][0]["name"], "component");
        assert_eq!(seen["axes"][0]["navigate"], true);
        for (at, axis) in map.axes.navigation.iter().enumerate() {
            check_axis(&seen["axes"][at + 1], axis, false);
        }
        let expected: Vec<f64> = (0..30)
            .map(|flat| if flat < 15 { flat as f64 } else { 15.0 - flat as f64 } / 4.0)
            .collect();
        assert_eq!(seen["pixels"], json!(expected));
        assert_eq!(
            seen["metadata"]["SignalTree"]["component_names"],
            json!(["e_xx", "theta"])
        );
        assert_eq!(
            seen["split"],
            json!([
                {"title": "ε_xx of Strain map of grain", "quantity": "ε_xx", "shape": [3, 5], "sum": 26.25},
                {"title": "θ of Strain map of grain", "quantity": "θ (rad)", "shape": [3, 5], "sum": -26.25},
            ])
        );
    }
    Ok(())
}

#[test]
fn one_image_is_a_plain_image_for_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut map = scan_meta().to_map(vec![Component::new(
        "intensity",
        "Virtual image",
        "counts",
        signal::Display::Sequential,
    )]);
    map.title = "Virtual image (disk) of grain".into();
    for ending in ["zspy", "hspy", "zarr", "npy"] {
        let path = place(&folder, &format!("bright.{ending}"));
        let writer = ResultWriter::create(&path, &map)?;
        for flat in 0..15 {
            writer.write(position(flat), &Output::Values(Arc::new([flat as f32])))?;
        }
        writer.finish()?;
        // As a map it has no frames; asked for images, it is one.
        let known = io::open(&path, &OpenOptions::default())?;
        assert_eq!(known.meta().kind, SignalKind::Map, "{ending}");
        assert_eq!(
            known.meta().axes.navigation,
            map.axes.navigation,
            "{ending}"
        );
        assert_eq!(known.meta().components, map.components, "{ending}");
        let images = OpenOptions {
            signal_axes: Some(2),
            ..OpenOptions::default()
        };
        let back = io::open(&path, &images)?;
        assert_eq!(back.meta().axes.navigation, [], "{ending}");
        assert_eq!(back.meta().axes.signal, map.axes.navigation, "{ending}");
        assert_eq!(back.meta().value_units, "counts");
        let expected: Vec<f64> = (0..15).map(f64::from).collect();
        assert_eq!(all_pixels(&*back)?, expected, "{ending}");
        if matches!(ending, "zarr" | "npy") {
            continue;
        }
        let Some(seen) = hyperspy_sees(&path)? else {
            return Ok(());
        };
        assert_eq!(seen["class"], "Signal2D");
        assert_eq!(seen["title"], "Virtual image (disk) of grain");
        assert_eq!(seen["shape"], json!([3, 5]));
        assert_eq!(
            seen["metadata"]["Signal"]["quantity"],
            "Virtual image (Counts)"
        );
        assert_eq!(seen["pixels"], json!(expected));
        for (at, axis) in map.axes.navigation.iter().enumerate() {
            check_axis(&seen["axes"][at], axis, false);
        }
    }
    Ok(())
}

#[test]
fn peaks_opened_by_hyperspy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = place(&folder, "peaks.zspy");
    let mut meta = scan_meta();
    meta.kind = SignalKind::Peaks;
    meta.element = ElementType::F32;
    let writer = ResultWriter::create(&path, &meta)?;
    let mut expected = Vec::new();
    for flat in 0..15usize {
        let mut peaks = Peaks::default();
        let mut rows = Vec::new();
        for peak in 0..flat % 4 {
            let row = [
                flat as f32 + 0.5,
                peak as f32,
                100.0,
                0.25,
                0.125,
                0.0625,
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
    let Some(seen) = hyperspy_sees(&path)? else {
        return Ok(());
    };
    assert_eq!(seen["ragged"], true);
    assert_eq!(seen["shape"], json!([3, 5]));
    for (at, axis) in meta.axes.navigation.iter().enumerate() {
        check_axis(&seen["axes"][at], axis, true);
    }
    assert_eq!(seen["lists"], json!(expected));
    assert_eq!(seen["lazy_lists"], json!(expected));
    assert_eq!(
        seen["metadata"]["SignalTree"]["columns"],
        json!(Peaks::COLUMNS)
    );
    Ok(())
}
