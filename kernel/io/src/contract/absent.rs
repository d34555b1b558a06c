//! Chunks that are not in their store: counted, said, and found under other names.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use signal::{CancelToken, ChunkId, NavigationIndex, Source};

use super::{asymmetric, check, frame_at};
use crate::result::options::{Compression, ResultFormat, WriteOptions};
use crate::result::write_layout::WriteLayout;
use crate::{OpenOptions, ResultWriter, open};

fn caveats(source: &dyn Source) -> Vec<String> {
    let of_the_file = source.meta().caveats.iter().cloned();
    of_the_file
        .chain(source.caveats())
        .map(|caveat| caveat.text)
        .collect()
}

/// A Zarr array (3, 5 | 4, 6) of bytes in chunks of one frame, named by `name`.
fn write(folder: &Path, header: &str, metadata: &Value, name: impl Fn(usize, usize) -> String) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(header), metadata.to_string()).unwrap();
    for position in 0..15 {
        let file = folder.join(name(position / 5, position % 5));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let pixels: Vec<u8> = (0..24)
            .map(|pixel| asymmetric(position, pixel) as u8)
            .collect();
        std::fs::write(file, pixels).unwrap();
    }
}

fn version_2(fill: Value) -> Value {
    json!({"zarr_format": 2, "shape": [3, 5, 4, 6], "chunks": [1, 1, 4, 6], "dtype": "|u1",
        "compressor": null, "fill_value": fill, "order": "C", "filters": null})
}

fn version_3() -> Value {
    json!({"zarr_format": 3, "node_type": "array", "shape": [3, 5, 4, 6], "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 1, 4, 6]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0, "codecs": [{"name": "bytes"}]})
}

#[test]
fn absent_chunks_are_counted_and_their_frames_marked() {
    let folder = tempfile::tempdir().unwrap();
    for (fill, said) in [
        (json!(3), "are the fill value 3"),
        (
            Value::Null,
            "are undefined: the header names no fill value, and they are read as 0",
        ),
    ] {
        let path = folder.path().join("part.zarr");
        write(&path, ".zarray", &version_2(fill.clone()), |y, x| {
            format!("{y}.{x}.0.0")
        });
        for column in 1..5 {
            std::fs::remove_file(path.join(format!("2.{column}.0.0"))).unwrap();
        }
        let source = open(&path, &OpenOptions::default()).unwrap();
        let text = format!("4 of 15 chunks are not in the store part.zarr; their frames {said}");
        assert_eq!(caveats(&*source), std::slice::from_ref(&text));
        let fill = fill.as_f64().unwrap_or(0.0);
        check(&*source, |position, pixel| match position {
            11.. => fill,
            position => asymmetric(position, pixel),
        });
        assert_eq!(caveats(&*source), [text]);
        assert!(source.is_filled(NavigationIndex::new(&[2, 1])));
        assert!(!source.is_filled(NavigationIndex::new(&[2, 0])));
    }
}

#[test]
fn of_a_large_store_some_are_looked_at_and_what_is_read_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zarr");
    std::fs::create_dir(&path).unwrap();
    let mut header = version_2(json!(0));
    header["shape"] = json!([100, 100, 1, 2]);
    header["chunks"] = json!([1, 1, 1, 2]);
    std::fs::write(path.join(".zarray"), header.to_string()).unwrap();
    for row in 0..100 {
        for column in 0..50 {
            std::fs::write(path.join(format!("{row}.{column}.0.0")), [7, 8]).unwrap();
        }
    }
    let source = open(&path, &OpenOptions::default()).unwrap();
    let count = |source: &dyn Source| -> u64 {
        let text = caveats(source).pop().unwrap();
        assert!(
            text.starts_with("at least ") && text.contains(" of 10000 chunks "),
            "{text}"
        );
        text.split(' ').nth(2).unwrap().parse().unwrap()
    };
    // Half are absent, of those that are looked at too.
    let at_opening = count(&*source);
    assert!((1..5000).contains(&at_opening), "{at_opening}");
    for flat in 0..10_000 {
        let at = NavigationIndex::from_flat(flat, &[100, 100]);
        source
            .read_chunk(source.chunk_at(at), &CancelToken::new())
            .unwrap();
    }
    assert_eq!(count(&*source), 5000);
}

#[test]
fn chunks_under_other_names_than_the_header_says() {
    let folder = tempfile::tempdir().unwrap();
    let dots = |y: usize, x: usize| format!("{y}.{x}.0.0");
    let folders = |y: usize, x: usize| format!("{y}/{x}/0/0");
    let below_c = |y: usize, x: usize| format!("c/{y}/{x}/0/0");
    let place = |name: &str| folder.path().join(name);
    let mut slashed = version_2(json!(0));
    slashed["dimension_separator"] = json!("/");
    write(&place("a.zarr"), ".zarray", &version_2(json!(0)), folders);
    write(&place("b.zarr"), ".zarray", &slashed, dots);
    write(&place("c.zarr"), "zarr.json", &version_3(), dots);
    write(&place("d.zarr"), "zarr.json", &version_3(), folders);
    for (name, said, lie) in [
        ("a.zarr", "0.0.0.0", "0/0/0/0"),
        ("b.zarr", "0/0/0/0", "0.0.0.0"),
        ("c.zarr", "c/0/0/0/0", "0.0.0.0"),
        ("d.zarr", "c/0/0/0/0", "0/0/0/0"),
    ] {
        let source = open(&place(name), &OpenOptions::default()).unwrap();
        check(&*source, asymmetric);
        assert_eq!(
            caveats(&*source),
            [format!(
                "its header names chunks like `{said}`, in the store they are named like `{lie}`; \
                 they are read as they lie there"
            )]
        );
    }
    write(&place("e.zarr"), ".zarray", &version_2(json!(0)), below_c);
    let error = open(&place("e.zarr"), &OpenOptions::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("`0.0.0.0`") && error.contains("`c/0/0/0/0`"),
        "{error}"
    );
    // Nothing there at all is no other layout.
    std::fs::remove_dir_all(place("e.zarr/c")).unwrap();
    let source = open(&place("e.zarr"), &OpenOptions::default()).unwrap();
    assert_eq!(
        caveats(&*source),
        ["none of the 15 chunks is in the store e.zarr; their frames are the fill value 0"]
    );
}

fn layout(path: &Path) -> WriteLayout {
    let options = WriteOptions {
        format: ResultFormat::of(path),
        compression: Compression::None,
        chunk: Some(vec![1, 2]),
        ..WriteOptions::default()
    };
    WriteLayout::new(path, &super::zspy::meta(), &options).unwrap()
}

/// Our own sample (3, 5 | 4, 6) with chunks of two frames; all but those that `skips` are stored.
fn stored(path: &Path, skips: impl Fn(usize) -> bool) -> PathBuf {
    let layout = layout(path);
    crate::writers::prepare(&layout, path).unwrap();
    let sink = crate::writers::open_sink(&layout, path).unwrap();
    for chunk in 0..layout.chunks.count() {
        let ranges = layout.chunks.ranges(chunk);
        let pixels: Vec<u8> = (0..2)
            .flat_map(|at| {
                let position = ranges[0].start * 5 + ranges[1].start + at;
                (0..24).map(move |pixel| asymmetric(position, pixel) as u16)
            })
            .flat_map(u16::to_ne_bytes)
            .collect();
        if !skips(chunk) {
            sink.chunk(chunk, &pixels).unwrap();
        }
    }
    for block in 0..layout.blocks.count() {
        sink.finish_block(block, false).unwrap();
    }
    sink.finish(&layout).unwrap();
    path.into()
}

/// Chunks 3 and 4 hold positions (1, 0) to (1, 3).
fn truth(position: usize, pixel: usize) -> f64 {
    match position {
        5..=8 => 0.0,
        position => asymmetric(position, pixel),
    }
}

#[test]
fn chunks_inside_a_shard_and_chunks_of_hdf5_that_were_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let skips = |chunk| (3..5).contains(&chunk);
    for name in ["part.hspy", "part.zarr"] {
        let path = stored(&folder.path().join(name), skips);
        let source = open(&path, &OpenOptions::default()).unwrap();
        let known = name == "part.hspy";
        assert_eq!(caveats(&*source).len(), usize::from(known), "{name}");
        check(&*source, truth);
        let exact = if known { "" } else { "at least " };
        assert_eq!(
            caveats(&*source),
            [format!(
                "{exact}2 of 9 chunks are not in the store {name}; their frames are the fill value 0"
            )]
        );
        for position in 0..15 {
            let at = NavigationIndex::from_flat(position, &[3, 5]);
            assert_eq!(
                source.is_filled(at),
                (5..=8).contains(&position),
                "{name} {at}"
            );
        }
    }
    let whole = stored(&folder.path().join("whole.hspy"), |_| false);
    let source = open(&whole, &OpenOptions::default()).unwrap();
    check(&*source, asymmetric);
    assert_eq!(caveats(&*source), [] as [&str; 0]);
}

#[test]
fn a_frame_of_equal_counts_is_none_that_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dark.hspy");
    let mut meta = super::zspy::meta();
    meta.title = "dark".into();
    let writer = ResultWriter::create(&path, &meta).unwrap();
    for position in 0..15 {
        let frame = signal::Frame::from_vec(&[4, 6], vec![0u16; 24]).unwrap();
        let at = NavigationIndex::from_flat(position, &[3, 5]);
        writer.write(at, &signal::Output::Frame(frame)).unwrap();
    }
    writer.finish().unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    for chunk in 0..source.chunks() {
        source
            .read_chunk(ChunkId(chunk), &CancelToken::new())
            .unwrap();
        source
            .read_chunk(ChunkId(chunk), &CancelToken::new())
            .unwrap();
    }
    assert_eq!(
        frame_at(&*source, NavigationIndex::new(&[1, 1]))
            .unwrap()
            .value(3),
        0.0
    );
    assert_eq!(caveats(&*source), [] as [&str; 0]);
}
