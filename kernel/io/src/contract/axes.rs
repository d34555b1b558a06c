//! Axes that are not uniform: read as they are, written again as they were.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use signal::{Axes, Axis, ElementType, Frame, NavigationIndex, Output, Source};

use crate::{OpenOptions, ResultFormat, ResultWriter, open};

/// 1239.842 over wavelengths of 400, 450, … nm: an energy that falls in ever smaller steps.
fn energies() -> Vec<f64> {
    (0..6)
        .map(|at| 1239.842 / (400.0 + 50.0 * f64::from(at)))
        .collect()
}

/// As hyperspy's `get_axis_dictionary` gives it.
fn formula(expression: &str) -> Value {
    json!({
        "_type": "FunctionalDataAxis", "expression": expression, "hc": 1239.842, "is_binned": true,
        "name": "Energy", "navigate": false, "size": 6, "units": "eV",
        "x": {"_type": "UniformDataAxis", "is_binned": false, "name": null, "navigate": false,
            "offset": 400.0, "scale": 50.0, "size": 6, "units": null},
    })
}

fn write(path: &Path, energy: Axis) {
    let y = Axis::with_values("y", vec![0.0, 1.0, 10.0], "nm");
    let x = Axis::new("x", 2, 0.5, -1.0, "nm");
    let axes = Axes::new(vec![y, x], vec![energy]);
    let meta = signal::SignalMeta::frames("spectra", axes, ElementType::F32);
    let writer = ResultWriter::create(path, &meta).unwrap();
    for flat in 0..6 {
        let spectrum: Vec<f32> = (0..6).map(|channel| (7 * flat + channel) as f32).collect();
        let frame = Frame::from_vec(&[6], spectrum).unwrap();
        let at = NavigationIndex::from_flat(flat, &[3, 2]);
        writer.write(at, &Output::Frame(frame)).unwrap();
    }
    writer.finish().unwrap();
}

fn signal_axis(path: &Path) -> Axis {
    let source = open(path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().caveats, []);
    assert_eq!(source.meta().axes.navigation[0].values, [0.0, 1.0, 10.0]);
    source.meta().axes.signal[0].clone()
}

#[test]
fn every_format_keeps_values_and_formulas() {
    let folder = tempfile::tempdir().unwrap();
    let values = Axis::with_values("Energy", energies(), "eV");
    let binned = Axis {
        definition: json!({"is_binned": true}),
        ..values.clone()
    };
    let given_by_formula = Axis {
        definition: formula("hc/x"),
        ..values.clone()
    };
    for (name, axis) in [("v", values), ("b", binned), ("f", given_by_formula)] {
        for format in ResultFormat::ALL {
            let path = folder.path().join(format!("{name}.{}", format.extension()));
            write(&path, axis.clone());
            let back = signal_axis(&path);
            assert_eq!(back, axis, "{name} {format:?}");
            // Once more, from the file.
            let again = folder
                .path()
                .join(format!("{name}2.{}", format.extension()));
            write(&again, back);
            assert_eq!(signal_axis(&again), axis, "{name} {format:?}");
        }
    }
}

#[test]
fn a_formula_of_another_size_becomes_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.zspy");
    let mut definition = formula("hc/x");
    definition["size"] = json!(9);
    let axis = Axis {
        definition,
        ..Axis::with_values("Energy", energies(), "eV")
    };
    write(&path, axis.clone());
    let back = signal_axis(&path);
    assert_eq!(back.values, axis.values);
    assert_eq!(back.definition, json!({"is_binned": true}));
}

fn attributes(path: &Path) -> (PathBuf, Value) {
    let path = path.join("Experiments/spectra/axis-2/.zattrs");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, serde_json::from_str(&text).unwrap())
}

#[test]
fn what_gives_no_values_is_in_pixels_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spectra.zspy");
    let axis = Axis {
        definition: formula("hc/x"),
        ..Axis::with_values("Energy", energies(), "eV")
    };
    write(&path, axis);
    for (member, value, part) in [
        (
            "expression",
            json!("gamma(x)"),
            "`gamma(x)`, which cannot be computed (the function `gamma`",
        ),
        ("expression", json!("abs(x - 500)"), "neither rise nor fall"),
        ("hc", json!("much"), "`hc` has no value"),
        ("_type", json!("LogAxis"), "is a LogAxis"),
    ] {
        let (file, mut tree) = attributes(&path);
        let before = tree.to_string();
        tree[member] = value;
        std::fs::write(&file, tree.to_string()).unwrap();
        let source = open(&path, &OpenOptions::default()).unwrap();
        let axis = &source.meta().axes.signal[0];
        assert_eq!(*axis, Axis::pixels("Energy", 6), "{part}");
        let [caveat] = &source.meta().caveats[..] else {
            panic!("{:?}", source.meta().caveats);
        };
        assert_eq!(caveat.code, "axis_in_pixels");
        assert!(caveat.text.contains("axis-2 (Energy)"), "{}", caveat.text);
        assert!(caveat.text.contains(part), "{}", caveat.text);
        // Who gives the axes knows better.
        let given = [("y", 3), ("x", 2), ("Energy", 6)];
        let options = OpenOptions {
            axes: Some(
                given
                    .map(|(name, size)| Axis::new(name, size, 2.0, 1.0, "eV"))
                    .to_vec(),
            ),
            ..OpenOptions::default()
        };
        assert_eq!(open(&path, &options).unwrap().meta().caveats, []);
        std::fs::write(&file, before).unwrap();
    }
}

#[test]
fn values_of_a_uniform_axis_make_a_uniform_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spectra.zspy");
    let even = Axis::with_values(
        "Energy",
        vec![0.1, 0.2, 0.30000000000000004, 0.4, 0.5, 0.6],
        "eV",
    );
    write(&path, even);
    let axis = signal_axis(&path);
    assert!(
        axis.is_uniform() && (axis.scale - 0.1).abs() < 1e-12,
        "{axis:?}"
    );
}

#[test]
fn a_sidecar_of_another_array_is_not_used_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, other) = (
        folder.path().join("mine.npy"),
        folder.path().join("other.npy"),
    );
    write(&mine, Axis::with_values("Energy", energies(), "eV"));
    write(&other, Axis::new("Energy", 6, 0.5, 2.0, "eV"));
    // One pixel makes it another array.
    let mut bytes = std::fs::read(&other).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&other, bytes).unwrap();
    let source = open(&other, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.signal[0].units, "px");
    assert!(
        source.meta().caveats[0]
            .text
            .contains("other.npy.json beside it")
    );
}

#[test]
fn channels_of_ome_zarr_have_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    for (name, labels, expected) in [
        (
            "all.zarr",
            json!([{"label": "Fe"}, {"label": "O"}]),
            vec!["Fe", "O"],
        ),
        (
            "one.zarr",
            json!([{"label": "Fe"}, {"color": "FF0000"}]),
            vec![],
        ),
        ("few.zarr", json!([{"label": "Fe"}]), vec![]),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.join("0")).unwrap();
        let group = json!({"multiscales": [{
            "axes": [{"name": "c", "type": "channel"}, {"name": "y", "type": "space"},
                {"name": "x", "type": "space"}],
            "datasets": [{"path": "0", "coordinateTransformations": [
                {"type": "scale", "scale": [1.0, 0.5, 0.25]}]}]}],
            "omero": {"channels": labels}});
        std::fs::write(path.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
        std::fs::write(path.join(".zattrs"), group.to_string()).unwrap();
        let array = json!({"zarr_format": 2, "shape": [2, 3, 4], "chunks": [2, 3, 4], "dtype": "|u1",
            "compressor": null, "fill_value": 0, "filters": null, "order": "C"});
        std::fs::write(path.join("0/.zarray"), array.to_string()).unwrap();
        std::fs::write(path.join("0/0.0.0"), [1; 24]).unwrap();
        let source = open(&path, &OpenOptions::default()).unwrap();
        let channel = &source.meta().axes.navigation[0];
        assert_eq!((&*channel.name, channel.names.len()), ("c", expected.len()));
        assert!(
            channel.names.iter().eq(&expected),
            "{name}: {:?}",
            channel.names
        );
        assert_eq!(source.meta().axes.signal[1].scale, 0.25);
    }
}

#[test]
fn an_image_of_ome_zarr_has_the_steps_of_both_levels() {
    let folder = tempfile::tempdir().unwrap();
    let store = |name: &str, steps: Value, all: Value| -> std::sync::Arc<dyn Source> {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.join("0")).unwrap();
        let multiscales = json!({"multiscales": [{
            "axes": [{"name": "t", "unit": "second"}, {"name": "y", "unit": "nanometer"},
                {"name": "x", "unit": "nanometer"}],
            "datasets": [{"path": "0", "coordinateTransformations": steps}],
            "coordinateTransformations": all}]});
        std::fs::write(path.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
        std::fs::write(path.join(".zattrs"), multiscales.to_string()).unwrap();
        let array = json!({"zarr_format": 2, "shape": [2, 3, 4], "chunks": [2, 3, 4], "dtype": "|u1",
            "compressor": null, "fill_value": 0, "filters": null, "order": "C"});
        std::fs::write(path.join("0/.zarray"), array.to_string()).unwrap();
        std::fs::write(path.join("0/0.0.0"), [1; 24]).unwrap();
        open(&path, &OpenOptions::default()).unwrap()
    };
    let scale = |factors: [f64; 3]| json!({"type": "scale", "scale": factors});
    let shift = json!({"type": "translation", "translation": [1.0, 2.0, 3.0]});
    let source = store(
        "both.zarr",
        json!([scale([1.0, 0.5, 0.25]), shift]),
        json!([scale([0.1, 2.0, 2.0])]),
    );
    let axes = &source.meta().axes;
    assert_eq!(axes.navigation[0], Axis::new("t", 2, 0.1, 0.1, "s"));
    assert_eq!(axes.signal[1], Axis::new("x", 4, 0.5, 6.0, "nm"));
    assert_eq!(source.meta().caveats, []);
    for (name, steps, part) in [
        (
            "affine.zarr",
            json!([{"type": "affine", "affine": [[1.0]]}]),
            "`affine`",
        ),
        ("zero.zarr", json!([scale([1.0, 0.0, 1.0])]), "`y`"),
    ] {
        let source = store(name, steps, Value::Null);
        assert_eq!(source.meta().axes.signal[0], Axis::pixels("y", 3));
        assert!(
            source.meta().caveats[0].text.contains(part),
            "{:?}",
            source.meta().caveats
        );
    }
}

fn elements(names: &[&str]) -> Axis {
    Axis::with_names(
        "element",
        names.iter().map(|name| (*name).to_owned()).collect(),
    )
}

#[test]
fn every_format_keeps_names() {
    let folder = tempfile::tempdir().unwrap();
    let axis = elements(&["C", "N", "O", "Ti", "Fe", "a \"b\" / ε"]);
    for format in ResultFormat::ALL {
        let path = folder.path().join(format!("n.{}", format.extension()));
        write(&path, axis.clone());
        let back = signal_axis(&path);
        assert_eq!(back, axis, "{format:?}");
        let again = folder.path().join(format!("n2.{}", format.extension()));
        write(&again, back);
        assert_eq!(signal_axis(&again), axis, "{format:?}");
    }
}

#[test]
fn names_that_do_not_fit_are_said_and_others_may_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spectra.zspy");
    write(&path, elements(&["C", "N", "O", "Ti", "Fe", "Ni"]));
    let file = path.join("Experiments/spectra/metadata/.zattrs");
    let file = match file.exists() {
        true => file,
        false => path.join("Experiments/spectra/metadata/SignalTree/.zattrs"),
    };
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("axis_names"), "{text}");
    std::fs::write(&file, text.replace(",\\\"Ni\\\"", "")).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    let [caveat] = &source.meta().caveats[..] else {
        panic!("{:?}", source.meta().caveats);
    };
    assert!(
        caveat
            .text
            .contains("5 names for the 6 entries of the axis `element`"),
        "{caveat:?}"
    );
    assert!(source.meta().axes.signal[0].names.is_empty());
    let given = elements(&["a", "b", "c", "d", "e", "f"]);
    let options = OpenOptions {
        axes: Some(vec![
            Axis::pixels("y", 3),
            Axis::pixels("x", 2),
            given.clone(),
        ]),
        ..OpenOptions::default()
    };
    let source = open(&path, &options).unwrap();
    assert_eq!(
        (&source.meta().axes.signal[0], source.meta().caveats.len()),
        (&given, 0)
    );
}
