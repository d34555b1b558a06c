use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal::{ElementType, Source, SourceError};

use super::{asymmetric, check};
use crate::{OpenOptions, open};

/// Frames of 4 rows and 5 columns.
pub fn sample(
    folder: &Path,
    mode: u32,
    announced: u32,
    present: usize,
    big_endian: bool,
) -> PathBuf {
    let mut header = vec![0u8; 1024];
    let mut word = |at: usize, value: u32| {
        let bytes = match big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        header[at..at + 4].copy_from_slice(&bytes);
    };
    for (at, value) in [
        (0, 5),
        (4, 4),
        (8, announced),
        (12, mode),
        (28, 5),
        (32, 4),
        (36, 1),
    ] {
        word(at, value);
    }
    word(40, 25.0f32.to_bits());
    word(44, 40.0f32.to_bits());
    word(92, 256);
    header[208..212].copy_from_slice(b"MAP ");
    header[212..214].copy_from_slice(if big_endian {
        &[0x11, 0x11]
    } else {
        &[0x44, 0x44]
    });
    header.extend([0; 256]);
    for flat in 0..present * 20 {
        let value = asymmetric(flat / 20, flat % 20);
        match (mode, big_endian) {
            (0, _) => header.push(value as u8),
            (2, false) => header.extend((value as f32).to_le_bytes()),
            (2, true) => header.extend((value as f32).to_be_bytes()),
            (4, false) => header.extend([value as f32, 0.0].map(f32::to_le_bytes).concat()),
            (4, true) => header.extend([value as f32, 0.0].map(f32::to_be_bytes).concat()),
            (12, false) => header.extend(half::f16::from_f64(value).to_le_bytes()),
            (12, true) => header.extend(half::f16::from_f64(value).to_be_bytes()),
            (_, false) => header.extend((value as u16).to_le_bytes()),
            (_, true) => header.extend((value as u16).to_be_bytes()),
        }
    }
    let path = folder.join("20260314_00007_movie.mrc");
    std::fs::write(&path, header).unwrap();
    path
}

fn codes(source: &dyn Source) -> Vec<&str> {
    let caveats = source.meta().caveats.iter();
    caveats.map(|caveat| caveat.code.as_str()).collect()
}

/// Changes words of the header, then opens the file.
fn with_words(path: &Path, words: &[(usize, u32)]) -> Result<Arc<dyn Source>, SourceError> {
    let mut bytes = std::fs::read(path).unwrap();
    for (at, value) in words {
        bytes[*at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
    open(path, &OpenOptions::default())
}

#[test]
fn every_mode_and_byte_order() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, element) in [
        (0, ElementType::U8),
        (1, ElementType::I16),
        (2, ElementType::F32),
        (4, ElementType::C64),
        (6, ElementType::U16),
        (12, ElementType::F32),
    ] {
        for big_endian in [false, true] {
            let path = sample(folder.path(), mode, 6, 6, big_endian);
            let source = open(&path, &OpenOptions::default()).unwrap();
            assert_eq!(source.meta().axes.shape_text(), "(6 | 4, 5)");
            assert_eq!(source.meta().element, element);
            // 40 Å over 4 rows, 25 Å over 5 columns.
            assert_eq!(source.meta().axes.signal[0].scale, 1.0);
            assert_eq!(source.meta().axes.signal[1].scale, 0.5);
            check(&*source, asymmetric);
        }
    }
}

#[test]
fn the_scan_comes_from_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 6, 6, false);
    let scan = |ny, nx| OpenOptions {
        scan: Some((ny, nx)),
        ..OpenOptions::default()
    };
    let source = open(&path, &scan(2, 3)).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(2, 3 | 4, 5)");
    check(&*source, asymmetric);
    let source = open(&path, &scan(1, 4)).unwrap();
    assert_eq!(codes(&*source), ["frames_after_the_scan"]);
    let error = open(&path, &scan(3, 3)).err().unwrap();
    assert!(error.to_string().contains("9 positions"), "{error}");
}

#[test]
fn the_scan_comes_from_a_direct_electron_side_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 6, 5, false);
    std::fs::write(
        folder.path().join("20260314_00007_info.txt"),
        "Scan - Enable = Enable\r\nScan - Type = Raster\r\nScan - Size X = 2\r\nScan - Size Y = 3\r\n\
         Specimen Pixel Size X (nanometers) = 1.5\r\nDiffraction Pixel Size X = 0.02\r\n",
    )
    .unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    // 5 of 6 frames are there: two full rows of two.
    assert_eq!(source.meta().axes.shape_text(), "(2, 2 | 4, 5)");
    assert_eq!(source.meta().axes.navigation[1].scale, 1.5);
    assert_eq!(source.meta().axes.signal[0].units, "1/nm");
    assert_eq!(
        codes(&*source),
        ["incomplete", "incomplete_scan", "frames_after_the_scan"]
    );
    check(&*source, asymmetric);
}

#[test]
fn frames_that_are_missing_are_an_error_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 6, 4, false);
    let options = OpenOptions {
        scan: Some((2, 3)),
        ..OpenOptions::default()
    };
    let error = open(&path, &options).err().unwrap();
    assert_eq!(error.code(), "truncated");
    assert!(
        error
            .to_string()
            .contains("1520 bytes expected, 1440 found"),
        "{error}"
    );
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(4 | 4, 5)");
    check(&*source, asymmetric);
}

#[test]
fn headers_that_cannot_be_true_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 6, 6, false);
    let good = std::fs::read(&path).unwrap();
    let codes: Vec<&str> = [
        (12, 101u32.to_le_bytes()),
        (12, 3u32.to_le_bytes()),
        (0, u32::MAX.to_le_bytes()),
        (8, 0u32.to_le_bytes()),
        (92, u32::MAX.to_le_bytes()),
    ]
    .map(|(at, bytes)| {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&bytes);
        std::fs::write(&path, bad).unwrap();
        open(&path, &OpenOptions::default()).err().unwrap().code()
    })
    .to_vec();
    assert_eq!(
        codes,
        ["unsupported", "unsupported", "decode", "decode", "decode"]
    );
    std::fs::write(&path, &good[..500]).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "truncated");
}

#[test]
fn an_extended_header_that_is_not_there_moves_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    // A header copied from another file: 256 bytes announced, none there; frames of 40 bytes.
    let path = sample(folder.path(), 6, 6, 6, false);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&bytes[..1024], &bytes[1280..]].concat()).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(6 | 4, 5)");
    assert_eq!(codes(&*source), ["extended_header_absent"]);
    check(&*source, asymmetric);
    // The same with frames missing at the end.
    std::fs::write(&path, [&bytes[..1024], &bytes[1280..1440]].concat()).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(codes(&*source), ["extended_header_absent", "incomplete"]);
    check(&*source, asymmetric);
}

#[test]
fn lengths_that_fit_no_way_are_refused_with_the_command_that_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 6, 6, false);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&bytes[..], &[0; 7]].concat()).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "decode");
    assert!(
        error.to_string().contains("make 1520; the file has 1527"),
        "{error}"
    );
    assert!(
        error.remedy().contains("truncate -s 1520"),
        "{}",
        error.remedy()
    );
    assert!(
        error.remedy().contains("(263).to_bytes(4, 'little')"),
        "{}",
        error.remedy()
    );
    std::fs::write(&path, &bytes[..1450]).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert!(
        error.remedy().contains("truncate -s 1440"),
        "{}",
        error.remedy()
    );
    // Without an extended header only the last frame can be cut.
    std::fs::write(&path, [&bytes[..1024], &bytes[1280..1450]].concat()).unwrap();
    let source = with_words(&path, &[(92, 0)]).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(4 | 4, 5)");
    assert!(
        source.meta().caveats[0]
            .text
            .contains("4 are in the file and a part of the next")
    );
    check(&*source, asymmetric);
}

#[test]
fn frames_that_the_header_does_not_announce_are_read_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 4, 6, false);
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(4 | 4, 5)");
    assert_eq!(codes(&*source), ["frames_not_announced"]);
    let scan = OpenOptions {
        scan: Some((2, 3)),
        ..OpenOptions::default()
    };
    check(&*open(&path, &scan).unwrap(), asymmetric);
}

/// Words of the header, what bytes are then, and the caveats.
type Case<'a> = (&'a [(usize, u32)], ElementType, &'a [&'a str]);

#[test]
fn the_sign_of_bytes_comes_from_stamp_version_and_range_in_turn() {
    const IMOD: (usize, u32) = (152, 1_146_047_817);
    let range = |least: f32, most: f32| [(76, least.to_bits()), (80, most.to_bits())];
    let cases: [Case<'_>; 9] = [
        (&[], ElementType::U8, &["assumed_unsigned"]),
        (&[IMOD, (156, 1)], ElementType::I8, &[]),
        (&[IMOD, (156, 0)], ElementType::U8, &[]),
        (&[(108, 20_140)], ElementType::I8, &[]),
        (&[(108, 20_141)], ElementType::I8, &[]),
        (&range(-100.0, 99.0), ElementType::I8, &[]),
        (&range(0.0, 250.0), ElementType::U8, &[]),
        // Nothing that decides: 0 to 100 is in both.
        (&range(0.0, 100.0), ElementType::U8, &["assumed_unsigned"]),
        (
            &[
                IMOD,
                (156, 0),
                (76, (-3.0f32).to_bits()),
                (80, 3.0f32.to_bits()),
            ],
            ElementType::U8,
            &["sign_in_doubt"],
        ),
    ];
    for (words, element, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = sample(folder.path(), 0, 6, 6, false);
        let source = with_words(&path, words).unwrap();
        assert_eq!(source.meta().element, element, "{words:?}");
        assert_eq!(codes(&*source), *expected, "{words:?}");
        check(&*source, |position, pixel| match element {
            ElementType::I8 => f64::from(asymmetric(position, pixel) as u8 as i8),
            _ => asymmetric(position, pixel),
        });
    }
}

#[test]
fn a_wrong_machine_stamp_and_a_side_file_of_another_movie_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), 6, 6, 6, true);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[212..214].copy_from_slice(&[0x44, 0x44]);
    std::fs::write(&path, bytes).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(codes(&*source), ["byte_order"]);
    check(&*source, asymmetric);
    std::fs::write(
        folder.path().join("20260314_00007_info.txt"),
        "Scan - Enable = Enable\nScan - Size X = 7\nScan - Size Y = 3\nImage Size X (pixels) = 9\nImage Size Y (pixels) = 4\n",
    )
    .unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(6 | 4, 5)");
    assert_eq!(
        codes(&*source),
        ["byte_order", "incomplete_scan", "side_file_differs"]
    );
}
