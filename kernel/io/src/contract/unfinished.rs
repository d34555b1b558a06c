//! A result that is written in several goes: what is there is kept, what is not is written later.

use std::sync::Arc;

use signal::{Component, Display, ElementType, Output, SignalKind};

use super::results::{POSITIONS, SCAN, at, check_file, frame, meta, names_in, options, path_in};
use super::{asymmetric, check};
use crate::{
    OpenOptions, Part, ResultFormat, ResultWriter, Unfinished, WriteOptions, combine, open,
    provenance, unfinished,
};

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
    let map =
        meta(ElementType::U16).to_map(vec![Component::new("e_xx", "ε_xx", "", Display::Diverging)]);
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
