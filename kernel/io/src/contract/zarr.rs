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
    assert!(error.to_string().contains("2 arrays: 0, 1"), "{error}");
    let named = OpenOptions {
        dataset: Some("1".into()),
        ..OpenOptions::default()
    };
    check(&*open(&path, &named).unwrap(), asymmetric);
    let missing = OpenOptions {
        dataset: Some("2".into()),
        ..OpenOptions::default()
    };
    assert_eq!(open(&path, &missing).err().unwrap().code(), "not_found");

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
