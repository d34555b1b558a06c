//! Signals beside the usual ones: complex numbers, frames with three axes, one number at each position.

use std::path::Path;

use serde_json::{Value, json};
use signal::{
    Axes, Axis, Block, ComplexPart, Display, ElementType, Frame, Output, SignalKind, SignalMeta,
};

use super::results::{FRAME, POSITIONS, at, meta, path_in};
use super::{asymmetric, check, frame_at};
use crate::{OpenOptions, ResultFormat, ResultWriter, open};

/// `3 v + 4 v i`, whose amplitude is `5 v`.
fn complex(element: ElementType, position: usize) -> Frame {
    let parts = (0..FRAME[0] * FRAME[1]).flat_map(|pixel| {
        let value = asymmetric(position, pixel) / 4.0;
        [3.0 * value, 4.0 * value]
    });
    let bytes: Vec<u8> = match element {
        ElementType::C64 => parts.flat_map(|part| (part as f32).to_ne_bytes()).collect(),
        _ => parts.flat_map(f64::to_ne_bytes).collect(),
    };
    Frame::from_block(&FRAME, element, Block::new(bytes), 0).unwrap()
}

#[test]
fn complex_numbers_of_every_format_have_the_bits_they_had() {
    let folder = tempfile::tempdir().unwrap();
    for format in ResultFormat::ALL {
        for element in [ElementType::C64, ElementType::C128] {
            let path = path_in(folder.path(), format);
            let writer = ResultWriter::create(&path, &meta(element)).unwrap();
            for flat in 0..POSITIONS {
                writer
                    .write(at(flat), &Output::Frame(complex(element, flat)))
                    .unwrap();
            }
            writer.finish().unwrap();
            let source = open(&path, &OpenOptions::default()).unwrap();
            let found = source.meta();
            assert_eq!((found.element, found.kind), (element, SignalKind::Frame));
            assert_eq!(found.caveats, []);
            let shown: Vec<&str> = (found.components.iter().map(|one| &*one.name)).collect();
            assert_eq!(shown, ["amplitude", "phase", "real", "imaginary"]);
            check(&*source, |position, pixel| {
                1.25 * asymmetric(position, pixel)
            });
            let back = frame_at(&*source, at(17)).unwrap();
            let written = complex(element, 17);
            assert_eq!(back.as_bytes(), written.as_bytes(), "{format:?} {element}");
            assert_eq!(
                back.part(ComplexPart::Imaginary).value(5),
                asymmetric(17, 5)
            );
        }
    }
}

#[test]
fn frames_with_three_axes_are_stacks_of_images() {
    let folder = tempfile::tempdir().unwrap();
    let signal = vec![
        Axis::new("depth", 3, 5.0, 10.0, "nm"),
        Axis::pixels("ky", 4),
        Axis::pixels("kx", 2),
    ];
    let scan = vec![Axis::pixels("y", 2), Axis::pixels("x", 5)];
    let stacks = SignalMeta::frames("stacks", Axes::new(scan, signal), ElementType::U16);
    for format in ResultFormat::ALL {
        let path = path_in(folder.path(), format);
        let writer = ResultWriter::create(&path, &stacks).unwrap();
        for flat in 0..10 {
            let pixels = (0..24).map(|pixel| asymmetric(flat, pixel) as u16);
            let frame = Frame::from_vec(&[3, 4, 2], pixels.collect()).unwrap();
            let index = signal::NavigationIndex::from_flat(flat, &[2, 5]);
            writer.write(index, &Output::Frame(frame)).unwrap();
        }
        writer.finish().unwrap();
        let source = open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.meta().axes, stacks.axes, "{format:?}");
        assert_eq!(source.meta().pictures(), 3);
        check(&*source, asymmetric);
    }
}

#[test]
fn complex_frames_may_have_three_axes() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["depth", "ky", "kx"];
    let signal = (names.iter().zip([3, 2, 4])).map(|(name, size)| Axis::pixels(*name, size));
    let axes = Axes::new(vec![Axis::pixels("x", 2)], signal.collect());
    let stacks = SignalMeta::frames("stacks", axes, ElementType::C64);
    for format in ResultFormat::ALL {
        let path = path_in(folder.path(), format);
        let writer = ResultWriter::create(&path, &stacks).unwrap();
        for flat in 0..2 {
            let parts = (0..24)
                .flat_map(|pixel| [3.0, 4.0].map(|part| part * asymmetric(flat, pixel) as f32));
            let frame = Frame::from_parts(&[3, 2, 4], ElementType::C64, parts.collect()).unwrap();
            writer
                .write(signal::NavigationIndex::new(&[flat]), &Output::Frame(frame))
                .unwrap();
        }
        writer.finish().unwrap();
        let source = open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.meta().pictures(), 12, "{format:?}");
        check(&*source, |position, pixel| {
            5.0 * asymmetric(position, pixel)
        });
        let frame = frame_at(&*source, signal::NavigationIndex::new(&[1])).unwrap();
        // The imaginary part of the last image.
        assert_eq!(frame.picture(11).unwrap().value(7), 4.0 * asymmetric(1, 23));
    }
}

#[test]
fn a_file_with_one_number_at_each_position_is_a_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("currents.zspy");
    let axes = Axes::new(
        vec![Axis::new("y", 3, 2.0, 1.0, "nm")],
        vec![Axis::new("x", 5, 2.0, 0.0, "nm")],
    );
    let mut numbers = SignalMeta::frames("currents", axes, ElementType::F64);
    numbers.value_units = "nA".into();
    let writer = ResultWriter::create(&path, &numbers).unwrap();
    for row in 0..3 {
        let values = (0..5).map(|column| asymmetric(row, column) / 4.0).collect();
        let frame = Frame::from_vec(&[5], values).unwrap();
        let index = signal::NavigationIndex::new(&[row]);
        writer.write(index, &Output::Frame(frame)).unwrap();
    }
    writer.finish().unwrap();
    only_navigation(&path.join("Experiments/currents"));

    let source = open(&path, &OpenOptions::default()).unwrap();
    let found = source.meta();
    assert_eq!(
        (found.kind, found.element),
        (SignalKind::Map, ElementType::F32)
    );
    assert_eq!(found.axes.navigation_shape(), [3, 5]);
    let [value] = &found.components[..] else {
        panic!("{:?}", found.components);
    };
    assert_eq!((&*value.title, &*value.units), ("currents", "nA"));
    assert_eq!(value.display, Display::Sequential);
    let codes: Vec<&str> = (found.caveats.iter().map(|caveat| &*caveat.code)).collect();
    assert_eq!(codes, ["single_precision"]);
    let chunk = source
        .read_chunk(signal::ChunkId(0), &signal::CancelToken::new())
        .unwrap();
    for (row, column) in [(0, 4), (2, 1)] {
        let frame = chunk
            .frame(signal::NavigationIndex::new(&[row, column]))
            .unwrap();
        assert_eq!(
            (frame.len(), frame.value(0)),
            (1, asymmetric(row, column) / 4.0)
        );
    }
    // As it is stored, for who asks.
    let as_stored = OpenOptions {
        signal_axes: Some(2),
        ..OpenOptions::default()
    };
    let source = open(&path, &as_stored).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(| 3, 5)");
    assert_eq!(source.meta().element, ElementType::F64);
}

/// More navigation axes than a tree has, and axes without names.
#[test]
fn many_axes_stay_frames_and_unnamed_ones_are_those_of_a_scan() {
    for (outer, is_map) in [(1, true), (2, true), (3, false)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("currents.zspy");
        let scan = vec![Axis::new("", 2, 1.0, 0.0, ""); outer + 1];
        let axes = Axes::new(scan, vec![Axis::new("", 5, 1.0, 0.0, "")]);
        let shape = axes.navigation_shape();
        let writer = ResultWriter::create(
            &path,
            &SignalMeta::frames("currents", axes, ElementType::F32),
        )
        .unwrap();
        for flat in 0..shape.iter().product() {
            let frame = Frame::from_vec(&[5], vec![flat as f32; 5]).unwrap();
            let index = signal::NavigationIndex::from_flat(flat, &shape);
            writer.write(index, &Output::Frame(frame)).unwrap();
        }
        writer.finish().unwrap();
        without_signal_axes(&path.join("Experiments/currents"), outer + 2);
        let source = open(&path, &OpenOptions::default()).unwrap();
        let found = source.meta();
        assert_eq!(found.kind == SignalKind::Map, is_map, "{outer}");
        assert!(found.axes.navigation.len() <= signal::MAX_NAVIGATION_RANK);
        if is_map {
            let last: Vec<&str> = (found.axes.navigation.iter().rev())
                .map(|axis| &*axis.name)
                .collect();
            assert_eq!(last[..2], ["x", "y"]);
        }
    }
}

/// As hyperspy writes a signal without signal axes; nothing says that it is ours.
fn only_navigation(experiment: &Path) {
    without_signal_axes(experiment, 2);
    edit(experiment, "metadata/Signal/.zattrs", &|signal| {
        signal["quantity"] = json!("Current (nA)");
    });
}

fn without_signal_axes(experiment: &Path, axes: usize) {
    let last = format!("axis-{}/.zattrs", axes - 1);
    edit(experiment, &last, &|axis| axis["navigate"] = json!(true));
    std::fs::remove_dir_all(experiment.join("metadata/SignalTree")).unwrap();
}

fn edit(experiment: &Path, file: &str, change: &dyn Fn(&mut Value)) {
    let path = experiment.join(file);
    let mut tree: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut tree);
    std::fs::write(&path, tree.to_string()).unwrap();
}
