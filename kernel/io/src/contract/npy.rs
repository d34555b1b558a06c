use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use signal::{Axis, ElementType, NavigationIndex};

use super::{asymmetric, check, frame_at};
use crate::{OpenOptions, open};

fn header(dtype: &str, fortran: bool, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let fortran = if fortran { "True" } else { "False" };
    let mut text =
        format!("{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': ({sizes}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

fn sample(folder: &Path, name: &str, dtype: &str, shape: &[usize], pixels: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let mut bytes = header(dtype, false, shape);
    bytes.extend(pixels);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn u16_pixels(positions: usize, frame: usize) -> Vec<u16> {
    (0..positions * frame)
        .map(|flat| asymmetric(flat / frame, flat % frame) as u16)
        .collect()
}

#[test]
fn four_axes_little_and_big_endian() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = u16_pixels(6, 20);
    let little: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| pixel.to_le_bytes())
        .collect();
    let big: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| pixel.to_be_bytes())
        .collect();
    for (dtype, bytes) in [("<u2", little), (">u2", big)] {
        let path = sample(folder.path(), "scan.npy", dtype, &[2, 3, 4, 5], &bytes);
        let source = open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.meta().axes.shape_text(), "(2, 3 | 4, 5)");
        assert_eq!(source.meta().element, ElementType::U16);
        assert_eq!(source.meta().axes.navigation[0].name, "y");
        check(&*source, asymmetric);
    }
}

pub fn two_by_three(folder: &Path) -> PathBuf {
    sample(folder, "scan.npy", "|u1", &[2, 3, 4, 5], &[7; 120])
}

#[test]
fn a_mapped_frame_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_by_three(folder.path());
    let source = open(&path, &OpenOptions::default()).unwrap();
    let frame = frame_at(&*source, NavigationIndex::new(&[1, 2])).unwrap();
    assert_eq!(frame.heap_bytes(), 0);
}

#[test]
fn fortran_order_gives_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.npy");
    let (ny, nx, rows, columns) = (2, 3, 4, 5);
    let mut bytes = header("<u2", true, &[ny, nx, rows, columns]);
    for column in 0..columns {
        for row in 0..rows {
            for x in 0..nx {
                for y in 0..ny {
                    let value = asymmetric(y * nx + x, row * columns + column) as u16;
                    bytes.extend(value.to_le_bytes());
                }
            }
        }
    }
    std::fs::write(&path, bytes).unwrap();
    check(&*open(&path, &OpenOptions::default()).unwrap(), asymmetric);
}

#[test]
fn options_give_the_scan_shape_and_the_axes() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = u16_pixels(6, 20)
        .iter()
        .flat_map(|pixel| pixel.to_le_bytes())
        .collect();
    let path = sample(folder.path(), "series.npy", "<u2", &[6, 4, 5], &pixels);
    let options = OpenOptions {
        scan: Some((3, 2)),
        axes: Some(vec![
            Axis::new("y", 3, 2.0, 0.0, "nm"),
            Axis::new("x", 2, 2.0, 0.0, "nm"),
            Axis::new("ky", 4, 0.1, -0.2, "1/nm"),
            Axis::new("kx", 5, 0.1, -0.25, "1/nm"),
        ]),
        ..OpenOptions::default()
    };
    let source = open(&path, &options).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(3, 2 | 4, 5)");
    assert_eq!(source.meta().axes.signal[1].units, "1/nm");
    check(&*source, asymmetric);

    let wrong = OpenOptions {
        scan: Some((4, 2)),
        ..OpenOptions::default()
    };
    let error = open(&path, &wrong).err().unwrap().to_string();
    assert!(
        error.contains("8 positions") && error.contains("[6, 4, 5]"),
        "{error}"
    );

    let spectra = OpenOptions {
        signal_axes: Some(1),
        ..OpenOptions::default()
    };
    let source = open(&path, &spectra).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(6, 4 | 5)");
}

#[test]
fn damaged_and_unreadable_files_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let code_of = |path: &Path| {
        let error = open(path, &OpenOptions::default()).err().unwrap();
        (error.code(), error.to_string())
    };
    let short = sample(folder.path(), "short.npy", "<u2", &[2, 3, 4, 5], &[0; 100]);
    let (code, text) = code_of(&short);
    assert_eq!(code, "truncated");
    assert!(text.contains("368 bytes expected, 228 found"), "{text}");

    let objects = sample(folder.path(), "objects.npy", "|O", &[2, 3], &[0; 48]);
    assert_eq!(code_of(&objects).0, "unsupported");
    let complex = sample(folder.path(), "complex.npy", "<c32", &[2, 3], &[0; 192]);
    assert!(code_of(&complex).1.contains("complex numbers"));
    let many = sample(
        folder.path(),
        "many.npy",
        "|u1",
        &[1, 1, 1, 1, 1, 2, 2],
        &[0; 4],
    );
    assert!(code_of(&many).1.contains("5 navigation axes"));
    let empty = sample(folder.path(), "empty.npy", "|u1", &[0, 2, 2], &[]);
    assert_eq!(code_of(&empty).0, "unsupported");
    let huge = sample(
        folder.path(),
        "huge.npy",
        "|u1",
        &[usize::MAX / 2, 8, 8],
        &[],
    );
    assert_eq!(code_of(&huge).0, "invalid");
    for (name, bytes) in [
        ("magic.npy", b"\x93NUMPY\x01".as_slice()),
        ("cut.npy", b"\x93NUMPY\x01\x00\xff\x00{'descr': '<u2'"),
        ("text.npy", b"this is not an array"),
        ("none.npy", b""),
        ("header.npy", b"\x93NUMPY\x01\x00\x02\x00{}"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (code, _) = code_of(&path);
        assert!(["truncated", "decode"].contains(&code), "{name}: {code}");
    }
    // However short, a text was not cut off.
    let note = folder.path().join("note.npy");
    for text in ["1 2\n", "1.0, 2.0, 3.0\n4.0, 5.0, 6.0\n"] {
        std::fs::write(&note, text).unwrap();
        let (code, said) = code_of(&note);
        assert!(code == "decode" && said.contains("is a text"), "{said}");
    }
}

/// Of the same size, with other pixels or of another type.
#[test]
fn a_file_that_is_written_anew_while_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), "scan.npy", "|u1", &[2, 3, 4, 4], &[7; 96]);
    let source = open(&path, &OpenOptions::default()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20)); // the clock of the file system
    sample(folder.path(), "scan.npy", "<u2", &[2, 3, 4, 2], &[8; 96]);
    let error = frame_at(&*source, NavigationIndex::new(&[0, 0])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("scan.npy was changed since it was opened"),
        "{error}"
    );
    assert!(source.check().is_err());
    // Another file in its place: this one is still as it was.
    let source = open(&path, &OpenOptions::default()).unwrap();
    let other = sample(folder.path(), "other.npy", "|u1", &[2, 3, 4, 4], &[9; 96]);
    std::fs::rename(other, &path).unwrap();
    let frame = frame_at(&*source, NavigationIndex::new(&[0, 0])).unwrap();
    assert_eq!(frame.pixels::<u16>().unwrap()[0], 0x0808);
}

#[test]
fn a_file_that_shrinks_while_open_is_an_error_and_not_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = sample(folder.path(), "scan.npy", "|u1", &[2, 3, 4, 5], &[7; 120]);
    let source = open(&path, &OpenOptions::default()).unwrap();
    source.check().unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(150)
        .unwrap();
    let error = frame_at(&*source, NavigationIndex::new(&[0, 0])).unwrap_err();
    assert!(error.to_string().contains("was changed since"), "{error}");
    assert!(
        source.check().is_err(),
        "a chunk kept from before must not be touched either"
    );
}

#[test]
fn two_hundred_gigabytes_open_at_once_and_one_frame_is_one_view() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.npy");
    let shape = [1024, 1536, 256, 256];
    let head = header("<u2", false, &shape);
    let bytes = shape.iter().product::<usize>() as u64 * 2;
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&head).unwrap();
    if file.set_len(head.len() as u64 + bytes).is_err() {
        eprintln!("SKIPPED: this file system has no files of {bytes} bytes");
        return;
    }
    let begun = Instant::now();
    let source = open(&path, &OpenOptions::default()).unwrap();
    let frame = frame_at(&*source, NavigationIndex::new(&[1000, 1500])).unwrap();
    assert_eq!(frame.value(77), 0.0);
    let took = begun.elapsed();
    eprintln!("opened and one frame taken in {took:?}");
    assert!(took.as_millis() < 100, "{took:?}");
    assert_eq!(frame.heap_bytes(), 0);
}

#[test]
fn truth_values_halves_and_signed_bytes_as_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let halves = |big: bool| -> Vec<u8> {
        (0..120)
            .map(|flat| half::f16::from_f64(asymmetric(flat / 20, flat % 20) / 4.0))
            .flat_map(|half| {
                if big {
                    half.to_be_bytes()
                } else {
                    half.to_le_bytes()
                }
            })
            .collect()
    };
    for (dtype, big) in [("<f2", false), (">f2", true)] {
        let path = sample(
            folder.path(),
            "half.npy",
            dtype,
            &[2, 3, 4, 5],
            &halves(big),
        );
        let source = open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.meta().element, ElementType::F32);
        check(&*source, |position, pixel| {
            asymmetric(position, pixel) / 4.0
        });
    }
    let bytes: Vec<u8> = (0..120).map(|flat| u8::from(flat % 3 == 0)).collect();
    let path = sample(folder.path(), "truth.npy", "|b1", &[2, 3, 4, 5], &bytes);
    let source = open(&path, &OpenOptions::default()).unwrap();
    check(&*source, |position, pixel| {
        f64::from((position * 20 + pixel) % 3 == 0)
    });
    let bytes: Vec<u8> = (0..120).map(|flat| flat as u8 + 100).collect();
    let path = sample(folder.path(), "signed.npy", "|i1", &[2, 3, 4, 5], &bytes);
    let source = open(&path, &OpenOptions::default()).unwrap();
    check(&*source, |position, pixel| {
        f64::from((position * 20 + pixel + 100) as u8 as i8)
    });
}

#[test]
fn what_makes_no_frames_is_refused_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    for (dtype, shape, words) in [
        ("<c32", vec![2, 3], ["complex numbers of 256 bit", "np.abs"]),
        ("<U4", vec![2, 3], ["texts", "open the signal or array"]),
        (
            "<M8[ns]",
            vec![2, 3],
            ["dates or durations", "astype(\"int64\")"],
        ),
        (
            "|O",
            vec![2, 3],
            ["lists of different length", "open the signal or array"],
        ),
        ("<f16", vec![2, 3], ["`<f16`", "astype(\"float32\")"]),
        ("<u2", vec![], ["a single number", "np.load"]),
        ("<u2", vec![3, 0, 4], ["size 0", "at least one entry"]),
    ] {
        let path = sample(folder.path(), "refused.npy", dtype, &shape, &[0; 4096]);
        let error = open(&path, &OpenOptions::default()).err().unwrap();
        assert_eq!(error.code(), "unsupported", "{error}");
        assert!(error.to_string().contains(words[0]), "{error}");
        assert!(error.remedy().contains(words[1]), "{}", error.remedy());
    }
    let path = folder.path().join("colours.npy");
    let plain = header("X", false, &[4, 5]);
    let fields = "[('R', '<f4'), ('G', '<f4'), ('B', '<f4')]";
    let text = String::from_utf8_lossy(&plain[10..]).replace("'X'", fields);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.into_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert!(
        error.to_string().contains("colours (RGB of 32 bit)"),
        "{error}"
    );
}

#[test]
fn bytes_after_the_array_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = two_by_three(folder.path());
    assert!(
        open(&path, &OpenOptions::default())
            .unwrap()
            .meta()
            .caveats
            .is_empty()
    );
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend([1; 9]);
    std::fs::write(&path, bytes).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert!(
        source.meta().caveats[0]
            .text
            .contains("9 bytes after the array")
    );
}
