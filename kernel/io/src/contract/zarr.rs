use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{ElementType, NavigationIndex};
use zarrs::array::{Array, ArrayMetadata, ArraySubset};
use zarrs::filesystem::FilesystemStore;

use super::{asymmetric, check, frame_at};
use crate::{OpenOptions, open};

const SHAPE: [usize; 4] = [3, 5, 4, 6];

/// Writes the asymmetric sample of shape (3, 5 | 4, 6) with the given array metadata.
fn write(folder: &Path, name: &str, metadata: &Value) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), metadata.to_string()).unwrap();
    let typed: ArrayMetadata = serde_json::from_value(metadata.clone()).unwrap();
    let store = Arc::new(FilesystemStore::new(folder).unwrap());
    let array = Array::new_with_metadata(store, "/", typed).unwrap();
    let pixels: Vec<u16> = (0..SHAPE.iter().product())
        .map(|flat: usize| asymmetric(flat / 24, flat % 24) as u16)
        .collect();
    let all = ArraySubset::new_with_shape(SHAPE.map(|size| size as u64).to_vec());
    array.store_array_subset(&all, pixels).unwrap();
}

fn version_2(chunks: [usize; 4], dtype: &str, compressor: Value) -> Value {
    json!({
        "zarr_format": 2, "shape": SHAPE, "chunks": chunks, "dtype": dtype, "compressor": compressor,
        "fill_value": 0, "order": "C", "filters": null, "dimension_separator": "/",
    })
}

fn blosc() -> Value {
    json!({"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1, "blocksize": 0})
}

fn version_3(chunks: [usize; 4], codecs: Value) -> Value {
    json!({
        "zarr_format": 3, "node_type": "array", "shape": SHAPE, "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0, "codecs": codecs, "attributes": {"operator": "me"},
        "dimension_names": ["sy", "sx", "qy", "qx"],
    })
}

#[test]
fn version_2_with_every_way_to_cut_it() {
    for chunks in [
        [1, 1, 4, 6],
        [1, 2, 4, 6],
        [2, 2, 4, 6],
        [3, 5, 4, 6],
        [8, 8, 8, 8],
        [2, 3, 3, 4],
        [1, 1, 1, 6],
    ] {
        for (dtype, compressor) in [
            ("<u2", Value::Null),
            (">u2", Value::Null),
            ("<u2", blosc()),
            ("<u2", json!({"id": "zstd", "level": 1})),
            ("<u2", json!({"id": "gzip", "level": 1})),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("scan.zarr");
            write(&path, ".zarray", &version_2(chunks, dtype, compressor));
            let source = open(&path, &OpenOptions::default()).unwrap();
            assert_eq!(source.meta().axes.shape_text(), "(3, 5 | 4, 6)");
            check(&*source, asymmetric);
        }
    }
}

#[test]
fn version_3_plain_compressed_and_sharded() {
    let plain = json!([{"name": "bytes", "configuration": {"endian": "big"}}]);
    let crc = json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]);
    let zstd = json!([
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "zstd", "configuration": {"level": 1, "checksum": false}},
    ]);
    let sharded = json!([{"name": "sharding_indexed", "configuration": {
        "chunk_shape": [1, 2, 4, 6], "codecs": zstd, "index_codecs": crc, "index_location": "end",
    }}]);
    for (codecs, chunks) in [
        (plain, [2, 2, 4, 6]),
        (zstd.clone(), [1, 3, 2, 6]),
        (sharded, [2, 4, 4, 6]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.zarr");
        write(&path, "zarr.json", &version_3(chunks, codecs));
        let source = open(&path, &OpenOptions::default()).unwrap();
        assert_eq!(source.meta().axes.navigation[0].name, "sy");
        assert_eq!(source.meta().axes.signal[1].name, "qx");
        assert_eq!(source.meta().original["operator"], "me");
        check(&*source, asymmetric);
    }
}

/// The sample in one shard of one-frame chunks.
pub fn sharded(folder: &Path) {
    let bytes = json!([{"name": "bytes", "configuration": {"endian": "little"}}]);
    let crc = json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]);
    let sharded = json!([{"name": "sharding_indexed", "configuration": {
        "chunk_shape": [1, 1, 4, 6], "codecs": bytes, "index_codecs": crc, "index_location": "end",
    }}]);
    write(folder, "zarr.json", &version_3([3, 5, 4, 6], sharded));
}

#[test]
fn sharded_chunks_are_the_inner_ones() {
    let folder = tempfile::tempdir().unwrap();
    sharded(folder.path());
    let source = open(folder.path(), &OpenOptions::default()).unwrap();
    assert_eq!(source.chunks(), 15);
    let file = folder.path().join("c/0/0/0/0");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    let error = frame_at(&*source, NavigationIndex::new(&[1, 2])).unwrap_err();
    assert!(error.to_string().contains("c/0/0/0/0"), "{error}");
}

#[test]
fn an_absent_chunk_is_the_fill_value() {
    let folder = tempfile::tempdir().unwrap();
    let mut metadata = version_2([1, 1, 4, 6], "<u2", blosc());
    metadata["fill_value"] = json!(9);
    write(folder.path(), ".zarray", &metadata);
    std::fs::remove_file(folder.path().join("1/2/0/0")).unwrap();
    let source = open(folder.path(), &OpenOptions::default()).unwrap();
    check(&*source, |position, pixel| match position {
        7 => 9.0,
        _ => asymmetric(position, pixel),
    });
}

#[test]
fn one_damaged_chunk_is_named_and_the_others_stay_readable() {
    for (compressor, expected, kept) in [(Value::Null, Some(48), 30), (blosc(), None, 30)] {
        let folder = tempfile::tempdir().unwrap();
        let metadata = version_2([1, 1, 4, 6], "<u2", compressor);
        write(folder.path(), ".zarray", &metadata);
        let file = folder.path().join("1/2/0/0");
        let whole = std::fs::read(&file).unwrap();
        let source = open(folder.path(), &OpenOptions::default()).unwrap();
        let broken = || frame_at(&*source, NavigationIndex::new(&[1, 2])).unwrap_err();

        std::fs::write(&file, &whole[..kept]).unwrap();
        let error = broken();
        assert_eq!(error.code(), "truncated", "{error}");
        let expected = expected.unwrap_or(whole.len());
        let text = format!("{expected} bytes expected, {kept} found (chunk 1/2/0/0)");
        assert!(error.to_string().contains(&text), "{error}");
        assert!(error.to_string().contains("1/2/0/0"), "{error}");

        std::fs::write(&file, b"").unwrap();
        assert_eq!(broken().code(), "truncated");
        let garbage: Vec<u8> = (0..whole.len() + 9)
            .map(|at| (at * 37 % 256) as u8)
            .collect();
        std::fs::write(&file, garbage).unwrap();
        assert!(["decode", "truncated"].contains(&broken().code()));
        assert!(frame_at(&*source, NavigationIndex::new(&[1, 3])).is_ok());
    }
}

#[test]
fn a_store_written_again_is_not_mixed_with_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.zarr");
    let metadata = version_2([1, 1, 4, 6], "<u2", blosc());
    write(&path, ".zarray", &metadata);
    let source = open(&path, &OpenOptions::default()).unwrap();
    std::fs::rename(&path, folder.path().join("old.zarr")).unwrap();
    let error = frame_at(&*source, NavigationIndex::new(&[0, 0])).unwrap_err();
    assert!(error.to_string().contains("removed"), "{error}");
    std::thread::sleep(std::time::Duration::from_millis(20));
    write(&path, ".zarray", &metadata);
    let error = frame_at(&*source, NavigationIndex::new(&[0, 0])).unwrap_err();
    assert!(error.to_string().contains("replaced"), "{error}");
}

/// By a program that opens the store to write: its metadata stay as they are.
#[test]
fn chunks_that_are_written_while_the_store_is_open_are_not_mixed_with_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.zarr");
    write(&plain, ".zarray", &version_2([1, 1, 4, 6], "<u2", blosc()));
    let shards = folder.path().join("shards.zarr");
    sharded(&shards);
    for (store, chunk) in [(plain, "1/2/0/0"), (shards, "c/0/0/0/0")] {
        let source = open(&store, &OpenOptions::default()).unwrap();
        let at = NavigationIndex::new(&[1, 2]);
        assert!(frame_at(&*source, at).is_ok());
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(10);
        let file = std::fs::File::options()
            .append(true)
            .open(store.join(chunk));
        file.unwrap().set_modified(later).unwrap();
        assert!(source.check().is_ok(), "nobody has seen it yet");
        let error = frame_at(&*source, at).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("was changed since it was opened"),
            "{error}"
        );
        // From here on nothing of it is used, what was read before included.
        assert!(source.check().is_err());
        assert!(frame_at(&*source, NavigationIndex::new(&[0, 0])).is_err());
    }
}

#[test]
fn groups_name_their_arrays_and_ome_axes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plate.zarr");
    for name in ["0", "1"] {
        write(
            &path.join(name),
            ".zarray",
            &version_2([1, 1, 4, 6], "<u2", blosc()),
        );
    }
    std::fs::write(path.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert!(
        (error.to_string()).contains("2 arrays with frames; it has 0 (3, 5, 4, 6) u16; 1 (3, 5"),
        "{error}"
    );
    let named = OpenOptions {
        dataset: Some("1".into()),
        ..OpenOptions::default()
    };
    check(&*open(&path, &named).unwrap(), asymmetric);
    let missing = OpenOptions {
        dataset: Some("2".into()),
        ..OpenOptions::default()
    };
    let error = open(&path, &missing).err().unwrap();
    assert!(
        error.to_string().contains("no array or group `2`; it has"),
        "{error}"
    );

    let ome = json!({"multiscales": [{
        "axes": [{"name": "y", "unit": "nanometer"}, {"name": "x"}, {"name": "v"}, {"name": "u"}],
        "datasets": [{"path": "0", "coordinateTransformations": [
            {"type": "scale", "scale": [2.0, 3.0, 1.0, 0.5]},
            {"type": "translation", "translation": [10.0, 0.0, 0.0, 0.0]},
        ]}],
    }]});
    std::fs::write(path.join(".zattrs"), ome.to_string()).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    let axes = &source.meta().axes;
    assert_eq!(
        (axes.navigation[0].scale, axes.navigation[0].offset),
        (2.0, 10.0)
    );
    assert_eq!(axes.navigation[0].units, "nm");
    assert_eq!(
        (axes.signal[1].name.as_str(), axes.signal[1].scale),
        ("u", 0.5)
    );
    check(&*source, asymmetric);
}

#[test]
fn pixel_types_and_hostile_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let open_with = |change: &dyn Fn(&mut Value)| {
        let mut metadata = version_2([1, 1, 4, 6], "<u2", Value::Null);
        change(&mut metadata);
        std::fs::write(folder.path().join(".zarray"), metadata.to_string()).unwrap();
        open(folder.path(), &OpenOptions::default()).map(|source| source.meta().element)
    };
    for (dtype, element) in [
        ("|u1", ElementType::U8),
        (">i4", ElementType::I32),
        ("<f8", ElementType::F64),
    ] {
        assert_eq!(
            open_with(&|metadata| metadata["dtype"] = json!(dtype)).unwrap(),
            element
        );
    }
    let refused: [&dyn Fn(&mut Value); 6] = [
        &|metadata| metadata["dtype"] = json!("<c8"),
        &|metadata| metadata["chunks"] = json!([1, 1, 0, 6]),
        &|metadata| metadata["chunks"] = json!([1 << 30, 1 << 30, 1 << 30, 6]),
        &|metadata| metadata["shape"] = json!([3, 5, 0, 6]),
        &|metadata| metadata["compressor"] = json!({"id": "no-such-codec"}),
        &|metadata| metadata["shape"] = json!("everything"),
    ];
    for change in refused {
        assert!(open_with(change).is_err());
    }
    std::fs::write(folder.path().join(".zarray"), "{\"zarr_format\": 2,").unwrap();
    let error = open(folder.path(), &OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "decode");
}

#[test]
fn a_header_with_more_positions_than_any_scan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.zarr");
    let mut metadata = version_2([1, 1, 4, 6], "<u2", Value::Null);
    write(&path, ".zarray", &metadata);
    metadata["shape"] = json!([1u64 << 20, 1u64 << 20, 4, 6]);
    std::fs::write(path.join(".zarray"), metadata.to_string()).unwrap();
    let error = open(&path, &OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "invalid");
    assert!(error.to_string().contains("scan positions"), "{error}");
}

#[test]
fn the_only_array_with_frames_is_taken_on_any_level() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grp.zarr");
    let write_raw = || {
        write(
            &path.join("scan/raw"),
            ".zarray",
            &version_2([1, 1, 4, 6], "<u2", blosc()),
        );
    };
    write_raw();
    for group in [path.clone(), path.join("scan")] {
        std::fs::write(group.join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
    }
    let mut small = version_2([1, 1, 4, 6], "<f4", Value::Null);
    (small["shape"], small["chunks"]) = (json!([3]), json!([3]));
    std::fs::create_dir(path.join("small")).unwrap();
    std::fs::write(path.join("small/.zarray"), small.to_string()).unwrap();
    let source = open(&path, &OpenOptions::default()).unwrap();
    check(&*source, asymmetric);
    let caveat = &source.meta().caveats[0];
    assert_eq!(caveat.code, "array_chosen");
    assert!(
        caveat.text.contains("scan/raw (3, 5, 4, 6) u16") && caveat.text.contains("small (3) f32"),
        "{}",
        caveat.text
    );
    let named = |name: &str| OpenOptions {
        dataset: Some(name.into()),
        ..OpenOptions::default()
    };
    check(&*open(&path, &named("scan")).unwrap(), asymmetric);
    assert_eq!(
        open(&path, &named("small"))
            .unwrap()
            .meta()
            .axes
            .shape_text(),
        "(| 3)"
    );
    let error = open(&path, &named("nope")).err().unwrap();
    for part in ["small (3) f32", "scan/raw (3, 5, 4, 6) u16"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(
        error.remedy().contains("open_with(\"grp.zarr\""),
        "{}",
        error.remedy()
    );
}

#[test]
fn a_series_is_laid_over_the_scan_that_the_user_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.zarr");
    std::fs::create_dir(&path).unwrap();
    let mut metadata = version_2([1, 1, 4, 6], "<u2", Value::Null);
    (metadata["shape"], metadata["chunks"]) = (json!([15, 4, 6]), json!([4, 4, 6]));
    std::fs::write(path.join(".zarray"), metadata.to_string()).unwrap();
    let separator = metadata["dimension_separator"]
        .as_str()
        .unwrap_or(".")
        .to_owned();
    for chunk in 0..4 {
        let bytes: Vec<u8> = (0..4 * 24)
            .flat_map(|flat| (asymmetric(chunk * 4 + flat / 24, flat % 24) as u16).to_le_bytes())
            .collect();
        let key = path.join(format!("{chunk}{separator}0{separator}0"));
        std::fs::create_dir_all(key.parent().unwrap()).unwrap();
        std::fs::write(key, bytes).unwrap();
    }
    let over = |scan| OpenOptions {
        scan: Some(scan),
        ..OpenOptions::default()
    };
    for scan in [(3, 5), (5, 3), (1, 15), (15, 1)] {
        let source = open(&path, &over(scan)).unwrap();
        assert_eq!(source.meta().axes.navigation_shape(), [scan.0, scan.1]);
        check(&*source, asymmetric);
    }
    let error = open(&path, &over((4, 4))).err().unwrap();
    assert!(
        error.remedy().contains("ny · nx is 15"),
        "{}",
        error.remedy()
    );
}

#[test]
fn halves_and_truth_values_of_version_3_inside_shards_too() {
    let sharded = json!([{"name": "sharding_indexed", "configuration": {
        "chunk_shape": [1, 1, 4, 6], "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
    }}]);
    let plain = json!([{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd", "configuration": {"level": 1, "checksum": false}}]);
    for codecs in [plain, sharded] {
        let folder = tempfile::tempdir().unwrap();
        let mut metadata = version_3([3, 5, 4, 6], codecs.clone());
        metadata["data_type"] = json!("float16");
        std::fs::write(folder.path().join("zarr.json"), metadata.to_string()).unwrap();
        let store = Arc::new(FilesystemStore::new(folder.path()).unwrap());
        let typed: ArrayMetadata = serde_json::from_value(metadata).unwrap();
        let array = Array::new_with_metadata(store, "/", typed).unwrap();
        let pixels: Vec<half::f16> = (0..SHAPE.iter().product())
            .map(|flat: usize| half::f16::from_f64(asymmetric(flat / 24, flat % 24) / 4.0))
            .collect();
        let all = ArraySubset::new_with_shape(SHAPE.map(|size| size as u64).to_vec());
        array.store_array_subset(&all, pixels).unwrap();
        let source = open(folder.path(), &OpenOptions::default()).unwrap();
        assert_eq!(source.meta().element, ElementType::F32);
        check(&*source, |position, pixel| {
            asymmetric(position, pixel) / 4.0
        });
    }
}

#[test]
fn codecs_of_version_3_that_are_not_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
    for (name, codecs) in [
        (
            "numcodecs.pcodec",
            json!([bytes, {"name": "numcodecs.pcodec", "configuration": {}}]),
        ),
        (
            "zfp",
            json!([{"name": "sharding_indexed", "configuration": {
            "chunk_shape": [1, 1, 4, 6], "codecs": [{"name": "zfp"}], "index_codecs": [bytes]}}]),
        ),
    ] {
        let metadata = version_3([3, 5, 4, 6], codecs);
        std::fs::write(folder.path().join("zarr.json"), metadata.to_string()).unwrap();
        let error = open(folder.path(), &OpenOptions::default()).err().unwrap();
        assert_eq!(error.code(), "unsupported");
        assert!(
            error
                .to_string()
                .contains(&format!("encoded with `{name}`")),
            "{error}"
        );
    }
}
