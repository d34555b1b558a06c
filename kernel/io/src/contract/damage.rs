//! Files with bytes changed at random: an error or other pixels, never a panic.

use std::path::{Path, PathBuf};

use signal::{CancelToken, ChunkId};

use crate::{OpenOptions, open};

/// Small, seeded, and good enough to choose bytes (Numerical Recipes' linear congruence).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// Opens and reads everything, up to a number of chunks; whatever happens must be a `Result`.
fn read_all(path: &Path) {
    let _ = crate::provenance(path);
    read_array(path, &OpenOptions::default());
    let arrays: &[&str] = match path.file_name().and_then(|name| name.to_str()) {
        Some("run_master.h5") => &["entry/data", "alias"],
        Some("virtual.h5") => &["stacked", "turns", "tiled", "nested"],
        Some("codecs.h5") => &["lzf", "blosc", "bitshuffle_lz4", "bool"],
        _ => &[],
    };
    for array in arrays {
        let options = OpenOptions {
            dataset: Some((*array).into()),
            ..OpenOptions::default()
        };
        read_array(path, &options);
    }
}

fn read_array(path: &Path, options: &OpenOptions) {
    let Ok(source) = open(path, options) else {
        return;
    };
    for chunk in 0..source.chunks().min(40) {
        if let Ok(chunk) = source.read_chunk(ChunkId(chunk), &CancelToken::new()) {
            let first: Vec<usize> = chunk.navigation().iter().map(|range| range.start).collect();
            let _ = chunk.frame(signal::NavigationIndex::new(&first));
        }
    }
}

pub fn damage(path: &Path, file: &Path, seed: u64, head: usize) {
    let whole = std::fs::read(file).unwrap();
    let mut dice = Dice(seed);
    for _ in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len().min(head));
            bytes[at] = dice.below(256) as u8;
        }
        if dice.below(4) == 0 {
            bytes.truncate(dice.below(bytes.len()));
        }
        std::fs::write(file, bytes).unwrap();
        read_all(path);
    }
    std::fs::write(file, whole).unwrap();
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn headers_of_mapped_files() {
    let folder = tempfile::tempdir().unwrap();
    let npy = super::npy::two_by_three(folder.path());
    damage(&npy, &npy, 1, 128);
    let mrc = super::mrc::sample(folder.path(), 6, 6, 6, false);
    damage(&mrc, &mrc, 2, 256);
}

#[test]
fn results_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let hspy = folder.path().join("scan.hspy");
    super::zspy::write_all(&hspy, &super::zspy::meta());
    for seed in 0..12 {
        damage(&hspy, &hspy, seed, usize::MAX);
    }
    damage(&hspy, &hspy, 99, 64);
    let npy = folder.path().join("scan.npy");
    super::zspy::write_all(&npy, &super::zspy::meta());
    let beside = folder.path().join("scan.npy.json");
    damage(&npy, &beside, 3, usize::MAX);
}

#[test]
fn every_file_of_stores() {
    let folder = tempfile::tempdir().unwrap();
    let zspy = folder.path().join("scan.zspy");
    super::zspy::write_all(&zspy, &super::zspy::meta());
    let zarr = folder.path().join("scan.zarr");
    super::zarr::sharded(&zarr);
    let ours = folder.path().join("ours.zarr");
    super::zspy::write_all(&ours, &super::zspy::meta());
    for store in [zspy, zarr, ours] {
        let mut files = Vec::new();
        files_below(&store, &mut files);
        for (seed, file) in files.iter().enumerate() {
            damage(&store, file, seed as u64, usize::MAX);
        }
    }
}

#[test]
fn links_and_virtual_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "run_data_000001.h5",
        "run_data_000002.h5",
        "run_master.h5",
        "wide_data.h5",
        "wide_master.h5",
        "virtual.h5",
        "named.h5",
        "codecs.h5",
    ];
    for name in names {
        std::fs::copy(super::kinds::file(name), folder.path().join(name)).unwrap();
    }
    let at = |name: &str| folder.path().join(name);
    let mut seed = 0;
    for (opened, damaged) in [
        ("run_master.h5", "run_master.h5"),
        ("run_master.h5", "run_data_000002.h5"),
        ("wide_master.h5", "wide_master.h5"),
        ("virtual.h5", "virtual.h5"),
        ("virtual.h5", "run_data_000001.h5"),
        ("named.h5", "named.h5"),
        ("codecs.h5", "codecs.h5"),
    ] {
        for _ in 0..2 {
            seed += 1;
            damage(&at(opened), &at(damaged), seed, usize::MAX);
        }
    }
}
