//! Files as zarr 2, h5py and hyperspy write them (`tests/golden/make_kinds.py`): codecs, pixel types, links,
//! virtual arrays. What is not read is refused when it is opened, by its name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use signal::{ComplexPart, ElementType, NavigationIndex, Source, SourceError};

use super::{asymmetric, check, frame_at};
use crate::{OpenOptions, open};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/kinds");

pub fn file(name: &str) -> PathBuf {
    Path::new(DATA).join(name)
}

fn named(dataset: &str) -> OpenOptions {
    OpenOptions {
        dataset: Some(dataset.into()),
        ..OpenOptions::default()
    }
}

fn opened(name: &str, dataset: &str) -> Result<Arc<dyn Source>, SourceError> {
    open(&file(name), &named(dataset))
}

/// Refused when opened, as unsupported, in words: no debug form, no advice to copy the file again.
fn refused(result: Result<Arc<dyn Source>, SourceError>, words: &[&str]) {
    let error = result.err().expect("it must be refused when it is opened");
    let (text, remedy) = (error.to_string(), error.remedy());
    assert_eq!(error.code(), "unsupported", "{text}");
    for word in words {
        assert!(
            text.contains(word) || remedy.contains(word),
            "{word}: {text}; {remedy}"
        );
    }
    for debug in ["{ ", "Some(", "Compound", "size:"] {
        assert!(!text.contains(debug), "{text}");
    }
    assert!(!remedy.contains("copy"), "{remedy}");
}

fn caveats(source: &dyn Source) -> Vec<&str> {
    let caveats = source.meta().caveats.iter();
    caveats.map(|caveat| caveat.code.as_str()).collect()
}

/// A store out of `zarr2.json`.
fn store(name: &str, files: &Value, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{name}.zarr"));
    std::fs::create_dir(&path).unwrap();
    for (file, content) in files.as_object().unwrap() {
        let bytes = match content.as_str() {
            None => content.to_string().into_bytes(),
            Some(digits) => (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                .collect(),
        };
        std::fs::write(path.join(file), bytes).unwrap();
    }
    path
}

#[test]
fn every_codec_of_zarr_2_and_every_pixel_type() {
    let folder = tempfile::tempdir().unwrap();
    let stores = std::fs::read_to_string(file("zarr2.json")).unwrap();
    let stores: Value = serde_json::from_str(&stores).unwrap();
    let truth = |divisor: f64| move |position, pixel| asymmetric(position, pixel) / divisor;
    for (name, files) in stores.as_object().unwrap() {
        let path = store(name, files, folder.path());
        let result = open(&path, &OpenOptions::default());
        match name.as_str() {
            "record" => refused(result, &["records with the fields r, i", "array[\"r\"]"]),
            "time" => refused(result, &["dates or durations", "astype(\"int64\")"]),
            "pickle" => refused(result, &["`categorize`", "to_zarr"]),
            _ => {
                let source = result.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(source.meta().axes.shape_text(), "(3, 2 | 4, 6)", "{name}");
                match name.as_str() {
                    "bool" | "packbits" => check(&*source, |position, pixel| {
                        f64::from(asymmetric(position, pixel) % 3.0 == 0.0)
                    }),
                    "i1" => check(&*source, |position, pixel| {
                        asymmetric(position, pixel) - 125.0
                    }),
                    "fso" => check(&*source, truth(10.0)),
                    "be_f4" | "f2" | "be_f2" | "delta_f4" | "quantize" => {
                        check(&*source, truth(4.0));
                    }
                    // What was stored as whole numbers has lost the rest.
                    "astype" => check(&*source, |position, pixel| {
                        (asymmetric(position, pixel) / 4.0).trunc()
                    }),
                    _ => check(&*source, asymmetric),
                }
            }
        }
    }
}

#[test]
fn a_damaged_chunk_of_every_codec_is_an_error_or_other_pixels() {
    let stores = std::fs::read_to_string(file("zarr2.json")).unwrap();
    let stores: Value = serde_json::from_str(&stores).unwrap();
    for (seed, (name, files)) in stores.as_object().unwrap().iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(name, files, folder.path());
        let chunk = path.join("0.0.0.0");
        if chunk.is_file() {
            super::damage::damage(&path, &chunk, seed as u64, usize::MAX);
        }
        super::damage::damage(&path, &path.join(".zarray"), seed as u64, usize::MAX);
    }
}

#[test]
fn filters_of_hdf5_are_undone_or_refused_by_name() {
    for name in [
        "gzip",
        "lzf",
        "blosc",
        "blosc_zstd",
        "lz4",
        "zstd",
        "bzip2",
        "bitshuffle",
        "bitshuffle_lz4",
        "bitshuffle_zstd",
    ] {
        let source = opened("codecs.h5", name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(source.meta().axes.shape_text(), "(3, 2 | 4, 6)");
        check(&*source, asymmetric);
    }
    check(
        &*opened("codecs.h5", "bitshuffle_rest").unwrap(),
        asymmetric,
    );
    refused(
        opened("codecs.h5", "zfp"),
        &["ZFP (filter 32013)", "h5repack"],
    );
    refused(opened("codecs.h5", "blosc2"), &["Blosc2 (filter 32026)"]);
}

#[test]
fn pixel_types_of_hdf5_are_those_of_every_format() {
    let truth = |divisor: f64| move |position, pixel| asymmetric(position, pixel) / divisor;
    check(&*opened("codecs.h5", "f2").unwrap(), truth(4.0));
    check(&*opened("codecs.h5", "be_f2").unwrap(), truth(4.0));
    check(&*opened("codecs.h5", "be_u2").unwrap(), asymmetric);
    check(&*opened("codecs.h5", "c8").unwrap(), asymmetric);
    check(&*opened("codecs.h5", "i1").unwrap(), |position, pixel| {
        asymmetric(position, pixel) - 125.0
    });
    check(&*opened("codecs.h5", "bool").unwrap(), |position, pixel| {
        f64::from(asymmetric(position, pixel) % 3.0 == 0.0)
    });
    assert_eq!(
        opened("codecs.h5", "rgb").unwrap().meta().element,
        ElementType::Rgb8
    );
    for (name, words) in [
        (
            "record",
            ["records with the fields energy, count", "array[\"energy\"]"],
        ),
        ("enum", ["named values", "astype"]),
        ("text", ["texts", "open the signal or array"]),
        ("number", ["a single number", "dataset: \""]),
        ("empty", ["size 0", "dataset: \""]),
    ] {
        refused(opened("codecs.h5", name), &words);
    }
}

#[test]
fn signals_with_lzf_truth_values_complex_numbers_and_colours_are_read() {
    let plain = |name: &str| open(&file(name), &OpenOptions::default());
    check(&*plain("lzf.hspy").unwrap(), asymmetric);
    check(&*plain("bool.hspy").unwrap(), |position, pixel| {
        f64::from(asymmetric(position, pixel) % 3.0 == 0.0)
    });
    let colours = plain("rgb.hspy").unwrap();
    let frame = frame_at(&*colours, NavigationIndex::new(&[1])).unwrap();
    let expected: Vec<u8> = (72..144).collect();
    assert_eq!(
        (frame.element(), frame.as_bytes()),
        (ElementType::Rgb8, &expected[..])
    );
    let complex = plain("complex.hspy").unwrap();
    assert_eq!(complex.meta().element, ElementType::C64);
    check(&*complex, asymmetric);
    let frame = frame_at(&*complex, NavigationIndex::new(&[1, 0])).unwrap();
    assert_eq!(frame.part(ComplexPart::Real).value(5), 0.0);
}

#[test]
fn a_list_has_every_level_and_every_link() {
    let error = open(&file("run_master.h5"), &OpenOptions::default())
        .err()
        .unwrap();
    for part in [
        "2 arrays with frames",
        "entry/data/data_* (12, 6, 8) u32, 2 arrays in files of their own",
        "entry/instrument/pixel_mask (6, 8) u32",
        "broken (soft link to /nowhere, which is not there)",
        "lost (external link to run_data_000009.h5, which is not there)",
        "round (soft link to /trip, which leads in a circle)",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    let error = opened("run_master.h5", "entry/data/data_000003")
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("it has entry/data/data_*"),
        "{error}"
    );
    // The frames rather than the mask, whose name is nearer.
    let error = opened("run_master.h5", "entry/instrument/data")
        .err()
        .unwrap();
    assert!(
        error.remedy().contains("dataset: \"entry/data/data_*\""),
        "{}",
        error.remedy()
    );
    let error = opened("run_master.h5", "lost").err().unwrap();
    assert!(
        error
            .to_string()
            .contains("external link to run_data_000009.h5"),
        "{error}"
    );
    let source = open(&file("named.h5"), &OpenOptions::default()).unwrap();
    check(&*source, asymmetric);
    assert_eq!(caveats(&*source), ["array_chosen"]);
    assert!(
        source.meta().caveats[0]
            .text
            .contains("scan/raw (4, 3, 6, 8) u16")
    );
}

#[test]
fn frames_behind_links_are_read_one_by_one_or_as_a_series() {
    let source = open(&file("run_data_000001.h5"), &OpenOptions::default()).unwrap();
    assert!(caveats(&*source).is_empty());
    check(&*source, asymmetric);
    for name in ["entry/data/data_000002", "/alias"] {
        let source = opened("run_master.h5", name).unwrap();
        check(&*source, |position, pixel| asymmetric(position + 6, pixel));
    }
    for name in ["entry/data", "entry/data/data_*"] {
        let source = opened("run_master.h5", name).unwrap();
        assert_eq!(source.meta().axes.shape_text(), "(12 | 6, 8)");
        assert_eq!(caveats(&*source), ["arrays_joined"]);
        check(&*source, asymmetric);
    }
    let scan = OpenOptions {
        scan: Some((3, 4)),
        ..named("entry/data")
    };
    let source = open(&file("run_master.h5"), &scan).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(3, 4 | 6, 8)");
    check(&*source, asymmetric);
    // Links that do not fit into the header of the group.
    let source = open(&file("wide_master.h5"), &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(20 | 2, 3)");
    check(&*source, asymmetric);
}

#[test]
fn a_series_with_a_part_missing_is_not_joined() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["run_master.h5", "run_data_000001.h5"] {
        std::fs::copy(file(name), folder.path().join(name)).unwrap();
    }
    let master = folder.path().join("run_master.h5");
    let error = open(&master, &named("entry/data/data_000002"))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("external link to run_data_000002.h5, which is not there"),
        "{error}"
    );
    let source = open(&master, &named("entry/data")).unwrap();
    assert_eq!(source.meta().axes.shape_text(), "(6 | 6, 8)");
    assert!(
        source.meta().caveats[0]
            .text
            .contains("run_data_000002.h5, which is not there")
    );
}

#[test]
fn virtual_arrays_are_put_together_from_their_files() {
    let series = |frame: usize, y: usize, x: usize| asymmetric(frame, y * 8 + x);
    let at = |pixel: usize, width: usize| (pixel / width, pixel % width);
    let source = opened("virtual.h5", "stacked").unwrap();
    assert!(caveats(&*source).is_empty());
    check(&*source, asymmetric);
    check(&*opened("virtual.h5", "turns").unwrap(), |frame, pixel| {
        asymmetric(frame % 2 * 6 + frame / 2, pixel)
    });
    check(&*opened("virtual.h5", "nested").unwrap(), |frame, pixel| {
        asymmetric(frame + 3, pixel)
    });
    check(&*opened("virtual.h5", "part").unwrap(), |frame, pixel| {
        let (y, x) = at(pixel, 6);
        if frame == 0 {
            series(5, y + 1, x + 2)
        } else {
            series(8, y + 3, x)
        }
    });
    let tiled = opened("virtual.h5", "tiled").unwrap();
    assert_eq!(caveats(&*tiled), ["virtual_gaps"]);
    check(&*tiled, |frame, pixel| {
        let (y, x) = at(pixel, 16);
        if y < 6 {
            series(frame + x / 8 * 6, y, x % 8)
        } else {
            77.0
        }
    });
    check(
        &*opened("virtual.h5", "gap").unwrap(),
        |frame, pixel| match frame {
            0..6 => asymmetric(frame, pixel),
            9.. => asymmetric(frame - 3, pixel),
            _ => 9.0,
        },
    );
    refused(opened("virtual.h5", "itself"), &["in a circle or too deep"]);
    refused(
        opened("virtual.h5", "steps"),
        &["irregular boxes, which are not read"],
    );
    let error = opened("virtual.h5", "lost").err().unwrap();
    assert!(
        error
            .to_string()
            .contains("run_data_000009.h5, which is not there"),
        "{error}"
    );
    let error = open(&file("virtual.h5"), &OpenOptions::default())
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("stacked (12, 6, 8) u32, virtual"),
        "{error}"
    );
}

#[test]
fn a_file_of_a_series_that_is_replaced_is_not_mixed_with_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["virtual.h5", "run_data_000001.h5", "run_data_000002.h5"] {
        std::fs::copy(file(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("virtual.h5");
    let source = open(&path, &named("stacked")).unwrap();
    let reshaped = OpenOptions {
        scan: Some((3, 4)),
        ..named("stacked")
    };
    let reshaped = open(&path, &reshaped).unwrap();
    for source in [&source, &reshaped] {
        assert_eq!(source.files_beside().len(), 2);
        assert!(source.check().is_ok());
    }
    let second = folder.path().join("run_data_000002.h5");
    let bytes = std::fs::read(&second).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&second, bytes).unwrap();
    let frame = |at: usize| super::frame_at(&*source, signal::NavigationIndex::new(&[at]));
    assert!(frame(2).is_ok());
    assert!(frame(8).unwrap_err().to_string().contains("was changed"));
    // Whoever opens it again gets it anew.
    assert!(source.check().is_err() && reshaped.check().is_err());
}
