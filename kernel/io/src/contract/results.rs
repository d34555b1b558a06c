//! What every written format must hold: what goes in comes out, what was finished is not computed again.

use std::path::Path;

use serde_json::json;
use signal::{Axes, Axis, ElementType, Frame, NavigationIndex, Output, SignalMeta};

use super::{asymmetric, check};
use crate::{
    Compression, OpenOptions, Part, ResultFormat, ResultWriter, WriteOptions, open, provenance,
};

pub(super) const SCAN: [usize; 2] = [7, 9];
pub(super) const POSITIONS: usize = SCAN[0] * SCAN[1];
pub(super) const FRAME: [usize; 2] = [4, 6];

pub(super) fn meta(element: ElementType) -> SignalMeta {
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

pub(super) fn frame(element: ElementType, position: usize) -> Output {
    macro_rules! typed {
        ($($name:ident => $rust:ty),*) => {
            match element {
                $(ElementType::$name => Frame::from_vec(&FRAME, (0..24)
                    .map(|pixel| in_range(element, position, pixel) as $rust).collect()).unwrap(),)*
                _ => match frame(element.part(), position) {
                    Output::Frame(real) => real.cast(element),
                    other => return other,
                },
            }
        };
    }
    Output::Frame(
        typed! {U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, U64 => u64,
        I64 => i64, F32 => f32, F64 => f64},
    )
}

pub(super) fn in_range(element: ElementType, position: usize, pixel: usize) -> f64 {
    match element {
        ElementType::I8 => asymmetric(position, pixel) - 125.0,
        ElementType::I16 | ElementType::I32 | ElementType::I64 => {
            -3.0 * asymmetric(position, pixel)
        }
        ElementType::F32 | ElementType::F64 => asymmetric(position, pixel) / 4.0,
        _ => asymmetric(position, pixel),
    }
}

pub(super) fn at(flat: usize) -> NavigationIndex {
    NavigationIndex::from_flat(flat, &SCAN)
}

/// Small chunks and shards, so that the scan has several of each and cuts through them.
pub(super) fn options(format: ResultFormat) -> WriteOptions {
    let cut = matches!(format, ResultFormat::Zarr);
    WriteOptions {
        chunk: Some(vec![2, 2]),
        shard: cut.then(|| vec![4, 4]),
        provenance: json!({"operations": [{"name": "a", "of": [1, "b", null]}]}),
        ..WriteOptions::default()
    }
}

pub(super) fn path_in(folder: &Path, format: ResultFormat) -> std::path::PathBuf {
    folder.join(format!("result.{}", format.extension()))
}

pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(super) fn check_file(path: &Path, meta: &SignalMeta) {
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
