//! Codecs, pixel types, links and virtual arrays, pixel by pixel as zarr 2, h5py and hyperspy read them.
//!
//! The samples are those of `tests/golden/make_kinds.py`; the comparison needs a Python with
//! `tests/golden/requirements.txt`, named by the variable `SIGNALTREE_PYTHON`, and says when it was skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use io::OpenOptions;
use serde_json::Value;
use signal::{CancelToken, NavigationIndex, Source};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/kinds");
/// What the reference programs read and we refuse, by name.
const REFUSED: [&str; 4] = ["zfp", "blosc2", "enum", "pickle.zarr"];

fn reference() -> Result<Option<Value>> {
    let Some(python) = std::env::var_os("SIGNALTREE_PYTHON") else {
        eprintln!(
            "SKIPPED: SIGNALTREE_PYTHON names no Python with zarr, h5py and hyperspy; nothing was compared"
        );
        return Ok(None);
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/check_kinds.py");
    let run = Command::new(&python).arg(script).arg(DATA).output()?;
    let errors = String::from_utf8_lossy(&run.stderr);
    ensure!(
        run.status.success(),
        "the samples could not be read: {errors}"
    );
    let text = String::from_utf8_lossy(&run.stdout);
    let last = text.lines().last().context("no report")?;
    Ok(Some(serde_json::from_str(last)?))
}

/// The stores of `zarr2.json`, as folders.
fn stores(folder: &Path) -> Result<()> {
    let stores: Value = serde_json::from_str(&std::fs::read_to_string(
        Path::new(DATA).join("zarr2.json"),
    )?)?;
    for (name, files) in stores.as_object().context("stores")? {
        let path = folder.join(format!("{name}.zarr"));
        std::fs::create_dir(&path)?;
        for (file, content) in files.as_object().context("files")? {
            let bytes = match content.as_str() {
                None => content.to_string().into_bytes(),
                Some(digits) => (0..digits.len())
                    .step_by(2)
                    .map(|at| Ok(u8::from_str_radix(&digits[at..at + 2], 16)?))
                    .collect::<Result<_>>()?,
            };
            std::fs::write(path.join(file), bytes)?;
        }
    }
    Ok(())
}

fn all_pixels(source: &dyn Source) -> Result<Vec<f64>> {
    let shape = source.meta().axes.navigation_shape();
    let mut pixels = Vec::new();
    for flat in 0..source.meta().axes.positions() {
        let at = NavigationIndex::from_flat(flat, &shape);
        let chunk = source.read_chunk(source.chunk_at(at), &CancelToken::new())?;
        let frame = chunk.frame(at)?;
        pixels.extend((0..frame.len()).map(|pixel| frame.value(pixel)));
    }
    Ok(pixels)
}

#[test]
fn every_kind_has_the_pixels_that_the_reference_programs_read() -> Result<()> {
    let Some(reference) = reference()? else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    stores(folder.path())?;
    let mut compared = 0;
    for (name, arrays) in reference.as_object().context("files")? {
        let path: PathBuf = match name.ends_with(".zarr") {
            true => folder.path().join(name),
            false => Path::new(DATA).join(name),
        };
        for (array, pixels) in arrays.as_object().context("arrays")? {
            let options = OpenOptions {
                dataset: (!array.is_empty()).then(|| array.clone()),
                ..OpenOptions::default()
            };
            let result = io::open(&path, &options);
            if REFUSED.contains(&array.as_str()) || REFUSED.contains(&name.as_str()) {
                let code = result.err().map(|error| error.code());
                assert_eq!(code, Some("unsupported"), "{name} {array}");
                continue;
            }
            let source = result.with_context(|| format!("{name} {array}"))?;
            let expected: Vec<f64> = serde_json::from_value(pixels.clone())?;
            assert_eq!(all_pixels(&*source)?, expected, "{name} {array}");
            compared += 1;
        }
    }
    ensure!(compared >= 35, "only {compared} arrays were compared");
    Ok(())
}
