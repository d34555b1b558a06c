//! What every written format must hold: what goes in comes out, what was finished is not computed again.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use signal::{
    Axes, Axis, Caveat, Component, ElementType, Frame, NavigationIndex, Output, Peaks, SignalKind,
    SignalMeta,
};

use super::{asymmetric, check};
use crate::{
    Compression, OpenOptions, Part, ResultFormat, ResultWriter, Unfinished, WriteOptions, combine,
    open, provenance, unfinished,
};

const SCAN: [usize; 2] = [7, 9];
const POSITIONS: usize = SCAN[0] * SCAN[1];
const FRAME: [usize; 2] = [4, 6];

fn meta(element: ElementType) -> SignalMeta {
    let axes = Axes::new(
        vec![
            Axis::new("y", SCAN[0], 2.5, 10.0, "nm"),
            Axis::new("x", SCAN[1], 1.25, -4.0, "nm"),
        ],
        vec![
            Axis::new("ky", FRAME[0], 0.02, -0.04, "1/nm"),
            Axis::new("kx", FRAME[1], 0.03, -0.09, "1/nm"),
        ],
    );
    let mut meta = SignalMeta::frames("grain/α", axes, element);
    meta.signal_type = "electron_diffraction".into();
    meta.beam_energy_kev = Some(200.0);
    meta.notes
        .insert("origin".into(), json!("row 0 is the top"));
    meta.original = json!({"metadata": {}, "original_metadata": {"camera": {"name": "C1",
        "gains": [1.5, 2.0], "names": ["a", "β"], "list": [{"a": 1}], "empty": [], "none": null,
        "on": true, "bits": 12, "whole": 1.0}}});
    meta
}

fn frame(element: ElementType, position: usize) -> Output {
    macro_rules! typed {
        ($($name:ident => $rust:ty),*) => {
            match element {
                $(ElementType::$name => Frame::from_vec(&FRAME, (0..24)
                    .map(|pixel| in_range(element, position, pixel) as $rust).collect()).unwrap(),)*
            }
        };
    }
    Output::Frame(
        typed! {U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, U64 => u64,
        I64 => i64, F32 => f32, F64 => f64},
    )
}

fn in_range(element: ElementType, position: usize, pixel: usize) -> f64 {
    match element {
        ElementType::I8 => asymmetric(position, pixel) - 125.0,
        ElementType::I16 | ElementType::I32 | ElementType::I64 => {
            -3.0 * asymmetric(position, pixel)
        }
        ElementType::F32 | ElementType::F64 => asymmetric(position, pixel) / 4.0,
        _ => asymmetric(position, pixel),
    }
}

fn at(flat: usize) -> NavigationIndex {
    NavigationIndex::from_flat(flat, &SCAN)
}

/// Small chunks and shards, so that the scan has several of each and cuts through them.
fn options(format: ResultFormat) -> WriteOptions {
    let cut = matches!(format, ResultFormat::Zarr);
    WriteOptions {
        chunk: Some(vec![2, 2]),
        shard: cut.then(|| vec![4, 4]),
        provenance: json!({"operations": [{"name": "a", "of": [1, "b", null]}]}),
        ..WriteOptions::default()
    }
}

fn path_in(folder: &Path, format: ResultFormat) -> std::path::PathBuf {
    folder.join(format!("result.{}", format.extension()))
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn check_file(path: &Path, meta: &SignalMeta) {
    let source = open(path, &OpenOptions::default()).unwrap();
    let back = source.meta();
    assert_eq!(back.axes, meta.axes);
    assert_eq!(back.title, meta.title);
    assert_eq!(back.element, meta.element);
    assert_eq!(back.signal_type, meta.signal_type);
    assert_eq!(back.beam_energy_kev, Some(200.0));
    assert_eq!(back.value_units, "counts");
    assert_eq!(back.notes["origin"], "row 0 is the top");
    assert_eq!(
        back.original["original_metadata"],
        meta.original["original_metadata"]
    );
    check(&*source, |position, pixel| {
        in_range(meta.element, position, pixel)
    });
}

#[test]
fn frames_of_every_type_in_every_format() {
    use ElementType::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    let folder = tempfile::tempdir().unwrap();
    for format in ResultFormat::ALL {
        for element in [U8, I8, U16, I16, U32, I32, U64, I64, F32, F64] {
            for (threads, compression) in [(0, Compression::Default), (2, Compression::None)] {
                let path = path_in(folder.path(), format);
                let meta = meta(element);
                let options = WriteOptions {
                    threads,
                    compression,
                    ..options(format)
                };
                let writer = ResultWriter::create_with(&path, &meta, &options).unwrap();
                for flat in (0..POSITIONS).rev() {
                    writer.write(at(flat), &frame(element, flat)).unwrap();
                }
                writer.finish().unwrap();
                check_file(&path, &meta);
                assert_eq!(provenance(&path).unwrap(), Some(options.provenance));
            }
        }
    }
    let expected = [
        "result.hspy",
        "result.npy",
        "result.npy.json",
        "result.zarr",
        "result.zspy",
    ];
    assert_eq!(names_in(folder.path()), expected);
}

#[test]
fn the_usual_chunks_of_every_format_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for format in ResultFormat::ALL {
        let path = path_in(folder.path(), format);
        let meta = meta(ElementType::U16);
        let writer = ResultWriter::create(&path, &meta).unwrap();
        for flat in 0..POSITIONS {
            writer
                .write(at(flat), &frame(ElementType::U16, flat))
                .unwrap();
        }
        writer.finish().unwrap();
        check_file(&path, &meta);
    }
}

#[test]
fn a_format_may_be_asked_for_under_any_name() {
    for format in ResultFormat::ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.2026");
        let meta = meta(ElementType::U16);
        let options = WriteOptions {
            format: Some(format),
            ..options(format)
        };
        let writer = ResultWriter::create_with(&path, &meta, &options).unwrap();
        for flat in 0..POSITIONS {
            writer
                .write(at(flat), &frame(ElementType::U16, flat))
                .unwrap();
        }
        writer.finish().unwrap();
        check_file(&path, &meta);
        assert_eq!(provenance(&path).unwrap(), Some(options.provenance));
    }
}

#[test]
fn maps_in_every_format_and_peaks_where_the_format_can() {
    let folder = tempfile::tempdir().unwrap();
    let map = meta(ElementType::U16).to_map(vec![
        Component::new("e_xx", "ε_xx", "", true),
        Component::new("theta", "θ", "°", true),
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
                list.push(flat as f32, peak as f32, 10.0, 0.5);
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
        Component::new("e_xx", "ε_xx", "", true).shown_in(100.0, "%"),
        Component::new("theta", "θ", "rad", true).shown_in(1f64.to_degrees(), "°"),
        Component::new("residual", "Residual", "px", false),
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
        Component::new("a", "a", "", true),
        Component::new("b", "b", "", true),
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

/// Options of a result that can be continued.
fn resumable(format: ResultFormat) -> WriteOptions {
    WriteOptions {
        identity: "node 3".into(),
        ..options(format)
    }
}

#[test]
fn what_was_finished_is_kept_and_the_rest_is_written_later() {
    for format in ResultFormat::ALL
        .into_iter()
        .filter(|format| format.can_resume())
    {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(folder.path(), format);
        let mut meta = meta(ElementType::U16);
        // So many columns that every format has several blocks.
        meta.axes.signal[0].size = 4;
        let options = resumable(format);
        let writer = ResultWriter::create_with(&path, &meta, &options).unwrap();
        let blocks = writer.blocks().to_vec();
        let first = &blocks[0].positions;
        let in_first: Vec<usize> = (0..POSITIONS)
            .filter(|flat| {
                first[0].contains(&(flat / SCAN[1])) && first[1].contains(&(flat % SCAN[1]))
            })
            .collect();
        for flat in &in_first {
            writer
                .write(at(*flat), &frame(ElementType::U16, *flat))
                .unwrap();
        }
        drop(writer);
        assert!(!path.exists());
        let there = unfinished(&path).unwrap().unwrap();
        assert_eq!(there.finished_positions, in_first.len() as u64);
        assert_eq!(there.identity, "node 3");

        let mut other = options.clone();
        other.identity = "node 4".into();
        let error = ResultWriter::create_with(&path, &meta, &other)
            .err()
            .unwrap();
        assert!(error.to_string().contains("something else"), "{error}");

        let writer = ResultWriter::create_with(&path, &meta, &options).unwrap();
        let error = ResultWriter::create_with(&path, &meta, &options)
            .err()
            .unwrap();
        assert!(error.to_string().contains("another process"), "{error}");
        assert_eq!(writer.already(), in_first.len() as u64);
        assert_eq!(writer.wanted(), (1..blocks.len()).collect::<Vec<_>>());
        for flat in 0..POSITIONS {
            assert_eq!(writer.has(at(flat)), in_first.contains(&flat));
            if !writer.has(at(flat)) {
                let output = frame(ElementType::U16, flat);
                writer.write(at(flat), &output).unwrap();
            }
        }
        writer.finish().unwrap();
        check_file(&path, &meta);
        assert_eq!(unfinished(&path).unwrap(), None);

        other.unfinished = Unfinished::Replace;
        drop(ResultWriter::create_with(&path, &meta, &options).unwrap());
        let writer = ResultWriter::create_with(&path, &meta, &other).unwrap();
        assert_eq!(writer.already(), 0);
        writer.write(at(0), &frame(ElementType::U16, 0)).unwrap();
        drop(writer);
        // The same, asked for anew: what is there is not continued.
        let writer = ResultWriter::create_with(&path, &meta, &other).unwrap();
        assert!(!writer.has(at(0)));
        writer.discard();
        assert!(
            names_in(folder.path())
                .iter()
                .all(|name| !name.starts_with('.'))
        );
        check_file(&path, &meta);
    }
}

#[test]
fn a_damaged_shard_is_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(folder.path(), ResultFormat::Zarr);
    let meta = meta(ElementType::U16);
    let options = resumable(ResultFormat::Zarr);
    let writer = ResultWriter::create_with(&path, &meta, &options).unwrap();
    let blocks = writer.blocks().len();
    for flat in 0..POSITIONS {
        writer
            .write(at(flat), &frame(ElementType::U16, flat))
            .unwrap();
    }
    drop(writer);
    let part = folder.path().join(".result.zarr.partial");
    let shard = |place: &str| part.join("result/c").join(place).join("0/0");
    // One lost its end, one a bit of its index, one is gone; a log that was cut loses its last line.
    let bytes = std::fs::read(shard("0/0")).unwrap();
    std::fs::write(shard("0/0"), &bytes[..bytes.len() - 1]).unwrap();
    let mut bytes = std::fs::read(shard("0/1")).unwrap();
    let last = bytes.len() - 8;
    bytes[last] ^= 1;
    std::fs::write(shard("0/1"), &bytes).unwrap();
    std::fs::remove_file(shard("1/2")).unwrap();
    let log = std::fs::read_to_string(part.join("finished-1")).unwrap();
    std::fs::write(part.join("finished-1"), &log[..log.len() - 3]).unwrap();
    let cut: usize = log
        .trim()
        .lines()
        .last()
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();

    let writer = ResultWriter::create_with(&path, &meta, &options).unwrap();
    let mut expected = vec![0, 1, blocks - 1, cut];
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(writer.wanted(), expected);
    for flat in 0..POSITIONS {
        if !writer.has(at(flat)) {
            let output = frame(ElementType::U16, flat);
            writer.write(at(flat), &output).unwrap();
        }
    }
    writer.finish().unwrap();
    check_file(&path, &meta);
}

#[test]
fn parts_are_written_side_by_side_and_put_together() {
    let map = meta(ElementType::U16).to_map(vec![Component::new("e_xx", "ε_xx", "", true)]);
    let frames = meta(ElementType::U16);
    for (format, meta) in [
        (ResultFormat::Zarr, &frames),
        (ResultFormat::Zspy, &frames),
        (ResultFormat::Npy, &frames),
        (ResultFormat::Zarr, &map),
        (ResultFormat::Zspy, &map),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(folder.path(), format);
        let compute = |number: usize| {
            let options = WriteOptions {
                part: Some(Part { number, of: 3 }),
                chunk: (meta.kind == SignalKind::Frame).then(|| vec![2, 2]),
                ..resumable(format)
            };
            let options = match meta.kind {
                SignalKind::Map => WriteOptions {
                    shard: None,
                    ..options
                },
                _ => options,
            };
            let writer = ResultWriter::create_with(&path, meta, &options).unwrap();
            for block in writer.wanted() {
                let ranges = &writer.blocks()[block].positions;
                for y in ranges[0].clone() {
                    for x in ranges[1].clone() {
                        let flat = y * SCAN[1] + x;
                        let output = match meta.kind {
                            SignalKind::Map => Output::Values(Arc::new([flat as f32])),
                            _ => frame(ElementType::U16, flat),
                        };
                        writer.write(at(flat), &output).unwrap();
                    }
                }
            }
            writer.finish().unwrap();
        };
        // Small scans have one block, which belongs to the last part.
        std::thread::scope(|scope| {
            scope.spawn(|| compute(1));
            scope.spawn(|| compute(2));
        });
        let error = combine(&path, &|_, _| {}).unwrap_err();
        assert!(error.to_string().contains("not computed"), "{error}");
        assert!(!path.exists());
        compute(3);
        combine(&path, &|_, _| {}).unwrap();
        let source = open(&path, &OpenOptions::default()).unwrap();
        match meta.kind {
            SignalKind::Map => {
                for flat in 0..POSITIONS {
                    let frame = super::frame_at(&*source, at(flat)).unwrap();
                    assert_eq!(frame.pixels::<f32>().unwrap(), [flat as f32]);
                }
            }
            _ => check(&*source, asymmetric),
        }
        let options = WriteOptions::default();
        assert_eq!(
            provenance(&path).unwrap(),
            Some(resumable(format).provenance),
            "{options:?}"
        );
    }
}

#[test]
fn a_sidecar_of_another_array_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(folder.path(), ResultFormat::Npy);
    let meta = meta(ElementType::U16);
    let writer = ResultWriter::create(&path, &meta).unwrap();
    for flat in 0..POSITIONS {
        writer
            .write(at(flat), &frame(ElementType::U16, flat))
            .unwrap();
    }
    writer.finish().unwrap();
    check_file(&path, &meta);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.signal[0].units, "px");
    assert_eq!(provenance(&path).unwrap(), None);
}

#[test]
fn what_a_format_cannot_do_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, options: WriteOptions| {
        ResultWriter::create_with(&folder.path().join(name), &meta(ElementType::U16), &options)
            .err()
            .unwrap()
            .to_string()
    };
    let text = refused("a.tiff", WriteOptions::default());
    assert!(text.contains(".zspy, .zarr, .hspy, .npy"), "{text}");
    let text = refused(
        "a.hspy",
        WriteOptions {
            compression: Compression::Lz4,
            ..WriteOptions::default()
        },
    );
    assert!(text.contains("gzip, none"), "{text}");
    let text = refused(
        "a.zarr",
        WriteOptions {
            chunk: Some(vec![2, 2]),
            shard: Some(vec![3, 4]),
            ..WriteOptions::default()
        },
    );
    assert!(text.contains("[3, 4]"), "{text}");
    let text = refused(
        "a.hspy",
        WriteOptions {
            part: Some(Part { number: 1, of: 2 }),
            identity: "n".into(),
            ..WriteOptions::default()
        },
    );
    assert!(text.contains("one process"), "{text}");
    std::fs::write(folder.path().join("notes.npy"), b"text").unwrap();
    let text = refused("notes.npy", WriteOptions::default());
    assert!(text.contains("not replaced"), "{text}");
}
