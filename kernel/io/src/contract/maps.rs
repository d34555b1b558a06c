//! Maps and peaks of every format: what is written is opened as what it was.

use std::sync::Arc;

use signal::{
    Axes, Axis, Caveat, Component, Display, ElementType, NavigationIndex, Output, Peaks,
    SignalKind, SignalMeta,
};

use super::check;
use super::results::{POSITIONS, at, meta, path_in};
use crate::{OpenOptions, ResultFormat, ResultWriter, open};

#[test]
fn maps_in_every_format_and_peaks_where_the_format_can() {
    let folder = tempfile::tempdir().unwrap();
    let map = meta(ElementType::U16).to_map(vec![
        Component::new("e_xx", "ε_xx", "", Display::Diverging),
        Component::new("theta", "θ", "°", Display::Diverging),
    ]);
    let mut peaks = meta(ElementType::F32);
    peaks.kind = SignalKind::Peaks;
    for format in ResultFormat::ALL {
        let path = path_in(folder.path(), format);
        let writer = ResultWriter::create(&path, &map).unwrap();
        for flat in 0..POSITIONS {
            let values: Arc<[f32]> = Arc::new([flat as f32, -(flat as f32)]);
            writer.write(at(flat), &Output::Values(values)).unwrap();
        }
        writer.finish().unwrap();
        let as_stored = OpenOptions {
            signal_axes: Some(2),
            ..OpenOptions::default()
        };
        let source = open(&path, &as_stored).unwrap();
        assert_eq!(source.meta().axes.shape_text(), "(2 | 7, 9)");
        assert_eq!(source.meta().axes.signal, map.axes.navigation);
        let along = &source.meta().axes.navigation[0];
        assert_eq!(
            (along.place(0), along.place(1)),
            ("ε_xx".into(), "θ".into())
        );
        let own = &source.meta().original["metadata"]["SignalTree"];
        assert_eq!(own["components"][1]["title"], "θ", "{format:?}");
        check(&*source, |component, pixel| match component {
            0 => pixel as f64,
            _ => -(pixel as f64),
        });

        let path = folder.path().join(format!("peaks.{}", format.extension()));
        let made = ResultWriter::create(&path, &peaks);
        if !format.holds(SignalKind::Peaks) {
            let error = made.err().unwrap().to_string();
            assert!(error.contains(".zspy, .hspy"), "{error}");
            continue;
        }
        let writer = made.unwrap();
        for flat in 0..POSITIONS {
            let mut list = Peaks::default();
            for peak in 0..flat % 4 {
                list.push(signal::Peak::new(flat as f32, peak as f32, 10.0, 0.5));
            }
            writer
                .write(at(flat), &Output::Peaks(Arc::new(list)))
                .unwrap();
        }
        writer.finish().unwrap();
        let error = open(&path, &OpenOptions::default()).err().unwrap();
        assert!(error.to_string().contains("ragged"), "{error}");
    }
}

#[test]
fn a_saved_map_is_opened_as_the_map_it_was() {
    let (y, x) = (
        Axis::new("y", 3, 2.0, -1.0, "nm"),
        Axis::new("x", 5, 2.0, 0.0, "nm"),
    );
    let z = Axis::new("z", 2, 10.0, 0.0, "nm");
    let several = vec![
        Component::new("e_xx", "ε_xx", "", Display::Diverging).shown_in(100.0, "%"),
        Component::new("theta", "θ", "rad", Display::Diverging).shown_in(1f64.to_degrees(), "°"),
        Component::new("residual", "Residual", "px", Display::Sequential),
    ];
    let single = several[2..].to_vec();
    let scans = [
        vec![],
        vec![x.clone()],
        vec![y.clone(), x.clone()],
        vec![z, y, x],
    ];
    for format in ResultFormat::ALL {
        for (scan, components) in (scans.iter()).flat_map(|scan| {
            [&several, &single].map(|components| (scan.clone(), components.clone()))
        }) {
            let folder = tempfile::tempdir().unwrap();
            let path = path_in(folder.path(), format);
            let axes = Axes::new(scan.clone(), meta(ElementType::U16).axes.signal);
            let count = components.len();
            let mut map = SignalMeta::frames("Strain map of grain", axes, ElementType::U16)
                .to_map(components);
            map.add_caveat(Caveat::new("sign", "the sign of kx is assumed"));
            map.notes = serde_json::from_str(r#"{"reference": "a region"}"#).unwrap();
            let shape = map.axes.navigation_shape();
            let writer = ResultWriter::create(&path, &map).unwrap();
            let positions = map.axes.positions();
            let values = |flat: usize| -> Vec<f32> {
                (0..count)
                    .map(|image| (100 * image + flat) as f32 - 3.5)
                    .collect()
            };
            for flat in 0..positions {
                let output = Output::Values(values(flat).into());
                writer
                    .write(NavigationIndex::from_flat(flat, &shape), &output)
                    .unwrap();
            }
            writer.finish().unwrap();

            let source = open(&path, &OpenOptions::default()).unwrap();
            let mut found = source.meta().clone();
            found.original = map.original.clone();
            assert_eq!(found, map, "{format:?} {shape:?}");
            for flat in 0..positions {
                let at = NavigationIndex::from_flat(flat, &shape);
                let frame = super::frame_at(&*source, at).unwrap();
                assert_eq!(
                    frame.pixels::<f32>().unwrap(),
                    values(flat),
                    "{format:?} {shape:?}"
                );
            }
        }
    }
}

#[test]
fn a_map_that_was_cut_elsewhere_is_opened_as_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("strain.npy");
    let map = meta(ElementType::U16).to_map(vec![
        Component::new("a", "a", "", Display::Diverging),
        Component::new("b", "b", "", Display::Diverging),
    ]);
    let writer = ResultWriter::create(&path, &map).unwrap();
    writer.write_map(&vec![1.0; 2 * POSITIONS]).unwrap();
    writer.finish().unwrap();
    let sidecar = folder.path().join("strain.npy.json");
    let text = std::fs::read_to_string(&sidecar).unwrap();
    let mut told: serde_json::Value = serde_json::from_str(&text).unwrap();
    let components = told["metadata"]["SignalTree"]["components"]
        .as_array_mut()
        .unwrap();
    components.pop();
    std::fs::write(&sidecar, told.to_string()).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(2 | 7, 9)");
    assert_eq!(source.meta().kind, SignalKind::Frame);
}
