use std::path::{Path, PathBuf};

use signal::ElementType;

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
            (_, false) => header.extend((value as u16).to_le_bytes()),
            (_, true) => header.extend((value as u16).to_be_bytes()),
        }
    }
    let path = folder.join("20260314_00007_movie.mrc");
    std::fs::write(&path, header).unwrap();
    path
}

#[test]
fn every_mode_and_byte_order() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, element) in [
        (0, ElementType::U8),
        (1, ElementType::I16),
        (2, ElementType::F32),
        (6, ElementType::U16),
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
    assert_eq!(source.meta().notes["frames_after_the_scan"], 2);
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
    assert!(source.meta().notes["incomplete"].is_string());
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
        (12, 4u32.to_le_bytes()),
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
        [
            "unsupported",
            "unsupported",
            "decode",
            "decode",
            "truncated"
        ]
    );
    std::fs::write(&path, &good[..500]).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "truncated");
}
