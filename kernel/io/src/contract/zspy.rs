use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use signal::{
    Axes, Axis, Component, Display, ElementType, Frame, NavigationIndex, Output, Peaks, SignalKind,
    SignalMeta,
};

use super::{asymmetric, check};
use crate::{OpenOptions, ResultWriter, open};

pub fn meta() -> SignalMeta {
    let axes = Axes::new(
        vec![
            Axis::new("y", 3, 2.5, 10.0, "nm"),
            Axis::new("x", 5, 2.5, -4.0, "nm"),
        ],
        vec![
            Axis::new("ky", 4, 0.02, -0.04, "1/nm"),
            Axis::new("kx", 6, 0.02, -0.06, "1/nm"),
        ],
    );
    let mut meta = SignalMeta::frames("grain/α", axes, ElementType::U16);
    meta.signal_type = "electron_diffraction".into();
    meta.beam_energy_kev = Some(200.0);
    meta.notes
        .insert("origin".into(), json!("row 0 is the top"));
    meta.original = json!({"metadata": {}, "original_metadata": {"camera": {"name": "C1", "gains": [1.5, 2.0]}}});
    meta
}

fn frame(position: usize) -> Output {
    let pixels: Vec<u16> = (0..24)
        .map(|pixel| asymmetric(position, pixel) as u16)
        .collect();
    Output::Frame(Frame::from_vec(&[4, 6], pixels).unwrap())
}

pub fn write_all(path: &Path, meta: &SignalMeta) {
    let writer = ResultWriter::create(path, meta).unwrap();
    // Any order: from the last position to the first.
    for position in (0..15).rev() {
        let at = NavigationIndex::from_flat(position, &[3, 5]);
        writer.write(at, &frame(position)).unwrap();
    }
    writer.finish().unwrap();
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn frames_there_and_back_with_axes_and_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.zspy");
    let meta = meta();
    write_all(&path, &meta);
    let source = open(&path, &OpenOptions::default()).unwrap();
    let back = source.meta();
    assert_eq!(back.axes, meta.axes);
    assert_eq!(back.title, meta.title);
    assert_eq!(back.signal_type, meta.signal_type);
    assert_eq!(back.beam_energy_kev, Some(200.0));
    assert_eq!(back.value_units, "counts");
    assert_eq!(back.notes["origin"], "row 0 is the top");
    assert_eq!(
        back.original["original_metadata"],
        meta.original["original_metadata"]
    );
    check(&*source, asymmetric);
    assert_eq!(names_in(folder.path()), ["result.zspy"]);
}

#[test]
fn a_new_result_replaces_the_old_one_only_when_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.zspy");
    write_all(&path, &meta());
    let mut second = meta();
    second.title = "second".into();

    let writer = ResultWriter::create(&path, &second).unwrap();
    writer
        .write(NavigationIndex::new(&[0, 0]), &frame(1))
        .unwrap();
    assert_eq!(names_in(folder.path()).len(), 2);
    let error = writer.finish().unwrap_err();
    assert!(error.to_string().contains("1 of 15"), "{error}");
    assert_eq!(names_in(folder.path()), ["result.zspy"]);
    check(&*open(&path, &OpenOptions::default()).unwrap(), asymmetric);

    write_all(&path, &second);
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.meta().title, "second");
    assert_eq!(names_in(folder.path()), ["result.zspy"]);
}

#[test]
fn a_disk_that_refuses_a_chunk_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.zspy");
    write_all(&path, &meta());
    let writer = ResultWriter::create(&path, &meta()).unwrap();
    // A file in the place of the first chunk's folder fails every write below it.
    let part = folder.path().join(
        names_in(folder.path())
            .into_iter()
            .find(|name| name.contains(".part-"))
            .unwrap(),
    );
    std::fs::write(
        part.join("result/Experiments/grain-α/data/0"),
        b"in the way",
    )
    .unwrap();
    let failed = (0..15).find_map(|position| {
        let at = NavigationIndex::from_flat(position, &[3, 5]);
        writer.write(at, &frame(position)).err()
    });
    assert_eq!(failed.map(|error| error.code()), Some("io"));
    drop(writer);
    assert_eq!(names_in(folder.path()), ["result.zspy"]);
    check(&*open(&path, &OpenOptions::default()).unwrap(), asymmetric);
}

#[test]
fn what_must_not_be_overwritten_or_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str| {
        let path = folder.path().join(name);
        ResultWriter::create(&path, &meta()).err().unwrap().code()
    };
    assert_eq!(refused("result.tiff"), "unsupported");
    assert_eq!(refused("missing/result.zspy"), "not_found");
    std::fs::create_dir(folder.path().join("photos.zspy")).unwrap();
    std::fs::write(folder.path().join("photos.zspy/me.jpg"), b"").unwrap();
    assert_eq!(refused("photos.zspy"), "unsupported");
    assert!(folder.path().join("photos.zspy/me.jpg").exists());

    let writer = ResultWriter::create(&folder.path().join("result.zspy"), &meta()).unwrap();
    let at = NavigationIndex::new(&[0, 0]);
    let wrong = Frame::from_vec(&[6, 4], vec![0u16; 24]).unwrap();
    let error = writer.write(at, &Output::Frame(wrong)).unwrap_err();
    assert!(error.to_string().contains("[6, 4]"), "{error}");
    assert!(writer.write(at, &Output::Peaks(Arc::default())).is_err());
    assert!(
        writer
            .write(NavigationIndex::new(&[3, 0]), &frame(0))
            .is_err()
    );
    writer.write(at, &frame(0)).unwrap();
    assert!(writer.write(at, &frame(0)).is_err(), "twice");
}

#[test]
fn threads_write_at_once_and_long_rows_share_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spectra.zspy");
    let axes = Axes::new(
        vec![Axis::pixels("y", 2), Axis::pixels("x", 301)],
        vec![Axis::new("energy", 700, 0.5, 100.0, "eV")],
    );
    let meta = SignalMeta::frames("line", axes, ElementType::F32);
    let writer = ResultWriter::create(&path, &meta).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let writer = &writer;
            scope.spawn(move || {
                for position in (thread..602).step_by(4) {
                    let pixels: Vec<f32> = (0..700)
                        .map(|pixel| asymmetric(position, pixel) as f32)
                        .collect();
                    let frame = Frame::from_vec(&[700], pixels).unwrap();
                    let at = NavigationIndex::from_flat(position, &[2, 301]);
                    writer.write(at, &Output::Frame(frame)).unwrap();
                }
            });
        }
    });
    writer.finish().unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    assert!(source.chunks() < 20);
    assert_eq!(source.meta().axes, meta.axes);
    check(&*source, asymmetric);
}

#[test]
fn peaks_are_written_and_refused_on_read_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peaks.zspy");
    let mut meta = meta();
    meta.kind = SignalKind::Peaks;
    meta.element = ElementType::F32;
    let writer = ResultWriter::create(&path, &meta).unwrap();
    for position in 0..15usize {
        let mut peaks = Peaks::default();
        for peak in 0..position % 4 {
            peaks.push(signal::Peak::new(position as f32, peak as f32, 10.0, 0.5));
        }
        let at = NavigationIndex::from_flat(position, &[3, 5]);
        writer.write(at, &Output::Peaks(Arc::new(peaks))).unwrap();
    }
    writer.finish().unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert!(error.to_string().contains("ragged"), "{error}");
}

#[test]
fn axes_given_by_value_and_bare_nan_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.zspy");
    write_all(&path, &meta());
    let experiment = path.join("Experiments/grain-α");
    let axis = experiment.join("axis-3");
    std::fs::write(
        axis.join(".zattrs"),
        r#"{"_type": "DataAxis", "name": "E", "units": "eV", "navigate": false, "is_binned": false}"#,
    )
    .unwrap();
    let values = axis.join("axis");
    std::fs::create_dir(&values).unwrap();
    std::fs::write(
        values.join(".zarray"),
        r#"{"zarr_format": 2, "shape": [6], "chunks": [6], "dtype": "<f8", "compressor": null,
            "fill_value": NaN, "filters": null, "order": "C", "dimension_separator": "/"}"#,
    )
    .unwrap();
    let steps = [100.0f64, 101.0, 102.0, 103.0, 104.5, 107.5];
    let bytes: Vec<u8> = steps.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(values.join("0"), bytes).unwrap();
    std::fs::write(
        experiment.join("axis-0/.zattrs"),
        r#"{"_type": "UniformDataAxis", "name": "_None_", "units": "_None_", "navigate": true,
            "size": 3, "scale": NaN, "offset": 0.0}"#,
    )
    .unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    let axes = &source.meta().axes;
    assert_eq!(axes.signal[1], Axis::with_values("E", steps.to_vec(), "eV"));
    assert_eq!(axes.navigation[0], Axis::pixels("y", 3));
    let [caveat] = &source.meta().caveats[..] else {
        panic!("{:?}", source.meta().caveats);
    };
    assert!(caveat.text.contains("scale NaN"), "{}", caveat.text);

    std::fs::remove_file(experiment.join("axis-1/.zattrs")).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert!(error.to_string().contains("axis-1"), "{error}");
}

#[test]
fn a_list_in_chunks_that_no_memory_holds_is_described_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.zspy");
    write_all(&path, &meta());
    let gains = path.join("Experiments/grain-α/original_metadata/camera/_list_gains");
    let header = std::fs::read_to_string(gains.join(".zarray")).unwrap();
    let mut header: serde_json::Value = serde_json::from_str(&header).unwrap();
    header["chunks"] = json!([1u64 << 50]);
    std::fs::write(gains.join(".zarray"), header.to_string()).unwrap();
    std::fs::remove_file(gains.join("0")).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    let found = &source.meta().original["original_metadata"]["camera"]["gains"];
    assert_eq!(*found, json!("an array of shape [2]"));
}

#[test]
fn a_map_of_many_rows_is_cut_into_runs_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.zspy");
    let axes = Axes::new(
        vec![Axis::pixels("y", 1100), Axis::pixels("x", 1001)],
        Vec::new(),
    );
    let map = SignalMeta::frames("wide", axes, ElementType::F32).to_map(vec![
        Component::new("a", "a", "", Display::Sequential),
        Component::new("b", "b", "", Display::Sequential),
    ]);
    let writer = ResultWriter::create(&path, &map).unwrap();
    let values: Vec<f32> = (0..2 * 1100 * 1001).map(|flat| flat as f32).collect();
    writer.write_map(&values).unwrap();
    writer.finish().unwrap();
    assert_eq!(
        names_in(&path.join("Experiments/wide/data/1")),
        ["0", "1"],
        "two runs of rows"
    );
    let as_stored = OpenOptions {
        signal_axes: Some(2),
        ..OpenOptions::default()
    };
    let source = open(&path, &as_stored).unwrap();
    for component in 0..2 {
        let at = NavigationIndex::new(&[component]);
        let image = super::frame_at(&*source, at).unwrap();
        let first = component * 1100 * 1001;
        assert_eq!(
            image.pixels::<f32>().unwrap(),
            &values[first..first + 1100 * 1001]
        );
    }
}

#[test]
fn options_that_contradict_the_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.zspy");
    write_all(&path, &meta());
    let refused = |options: OpenOptions| open(&path, &options).err().unwrap().to_string();
    let scan = Some((5, 3));
    assert!(
        refused(OpenOptions {
            scan,
            ..OpenOptions::default()
        })
        .contains("(3, 5 | 4, 6)")
    );
    let signal_axes = Some(1);
    assert!(
        refused(OpenOptions {
            signal_axes,
            ..OpenOptions::default()
        })
        .contains("signal_axes = 1")
    );
    let dataset = Some("other".into());
    assert!(
        refused(OpenOptions {
            dataset,
            ..OpenOptions::default()
        })
        .contains("grain-α")
    );
    let npy = super::npy::two_by_three(folder.path());
    let options = OpenOptions {
        dataset: Some("data".into()),
        ..OpenOptions::default()
    };
    assert!(
        open(&npy, &options)
            .err()
            .unwrap()
            .to_string()
            .contains("one array")
    );
}
