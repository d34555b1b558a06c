//! hyperspy's `.zspy` stores, read-only.
//!
//! Specification: the RosettaSciIO documentation of the hierarchical formats `hspy` and `zspy`
//! (<https://hyperspy.org/rosettasciio/supported_formats/zspy.html>), format version 3.3. A store is a
//! Zarr 2 group `Experiments/<title>` with `data`, one group per axis, and two metadata trees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use signal::{Caveat, Source, SourceError};

use crate::error::io_error;
use crate::format::{Candidate, Format, FormatInfo};
use crate::hyperspy::dictionary;
use crate::metadata::axes::{StoredAxes, read_axes};
use crate::metadata::tree::{check_scan, describe};
use crate::options::OpenOptions;
use crate::storage::container;
use crate::storage::json;
use crate::storage::pixel::{NoPixel, Tool};
use crate::zarr::array::ArrayFolder;
use crate::zarr::chunks::ZarrFrames;
use crate::zarr::tree;

/// Entries of a value-by-value axis that are read.
const MAX_AXIS_VALUES: u64 = 1 << 20;

pub struct Zspy;

impl Format for Zspy {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "zspy",
            extensions: &["zspy"],
            summary: "hyperspy signal in a Zarr folder: frames, calibrated axes, metadata.",
            specification: "https://hyperspy.org/rosettasciio/supported_formats/zspy.html",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        let store = candidate.holds(".zgroup") && candidate.path.join("Experiments").is_dir();
        let zipped = candidate.has_extension(self.info()) && candidate.head.starts_with(b"PK");
        store || zipped
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        if path.is_file() {
            return Err(SourceError::unsupported(
                path,
                "it is a zipped store; stores in folders are read",
                "unzip it into a folder, for example `unzip FILE -d FOLDER.zspy`",
            ));
        }
        let (experiment, chosen) = find_experiment(path, options)?;
        let folder = experiment.join("data");
        refuse_ragged(path, &experiment)?;
        let array = ArrayFolder::open(&folder)?.ok_or_else(|| {
            let place = format!("experiment {}", file_name(&experiment));
            SourceError::damaged(path, place, "it has no array `data`")
        })?;
        let stored = Groups(&experiment);
        let (axes, caveats) = read_axes(path, &stored, &array.shape(), options)?;
        check_scan(path, options, &axes)?;
        options.check_signal_axes(path, &axes)?;
        let axes = options.replace_axes(path, axes)?;
        let metadata = dictionary::read(&experiment.join("metadata"))?;
        let original = dictionary::read(&experiment.join("original_metadata"))?;
        let element = array.pixel(Tool::HyperSpy)?.element;
        let mut meta = describe(path, axes, element, metadata, original, caveats);
        meta.caveats.extend(chosen);
        Ok(Arc::new(ZarrFrames::new(path, array, meta)?))
    }
}

/// The experiment to read: the one named by `dataset`, or the only one.
///
/// # Errors
/// [`SourceError::Invalid`] with a list when it is not clear which one is meant.
pub fn find_experiment(
    path: &Path,
    options: &OpenOptions,
) -> Result<(PathBuf, Option<Caveat>), SourceError> {
    let experiments = path.join("Experiments");
    let mut names: Vec<String> = std::fs::read_dir(&experiments)
        .map_err(|error| io_error(&experiments, &error))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| experiments.join(name).join(".zgroup").is_file())
        .collect();
    names.sort();
    let list = || {
        let mut listed = tree::list(&experiments);
        let is_data = |name: &str| names.iter().any(|known| name == format!("{known}/data"));
        listed.retain(|array| is_data(&array.name));
        for array in &mut listed {
            array.name = format!("Experiments/{}", array.name);
        }
        listed
    };
    let Some(wanted) = options.dataset.as_deref() else {
        if let [only] = names.as_slice() {
            return Ok((experiments.join(only), None));
        }
        let listed = list();
        let chosen = container::only(path, &listed)?;
        let name = listed[chosen.at].name.trim_end_matches("/data");
        return Ok((path.join(name), chosen.caveat));
    };
    let plain = wanted.trim().trim_matches('/');
    let name = plain.strip_prefix("Experiments/").unwrap_or(plain);
    let name = name.strip_suffix("/data").unwrap_or(name);
    if names.iter().any(|known| known == name) {
        return Ok((experiments.join(name), None));
    }
    Err(container::none_such(path, name, &list()))
}

/// Axes as groups of an experiment.
struct Groups<'a>(&'a Path);

impl StoredAxes for Groups<'_> {
    fn attributes(&self, at: usize) -> Result<Option<Value>, SourceError> {
        let folder = self.0.join(format!("axis-{at}"));
        match folder.join(".zattrs").is_file() {
            true => dictionary::read(&folder).map(Some),
            false => Ok(None),
        }
    }

    fn values(&self, at: usize, array: &str) -> Result<Option<Vec<f64>>, SourceError> {
        let folder = self.0.join(format!("axis-{at}")).join(array);
        Ok(ArrayFolder::open(&folder)?
            .and_then(|array| array.small_values(MAX_AXIS_VALUES))
            .map(|values| values.iter().filter_map(json::number).collect()))
    }
}

fn refuse_ragged(path: &Path, experiment: &Path) -> Result<(), SourceError> {
    let attributes = json::read(&experiment.join("attributes").join(".zattrs"))?;
    let ragged = attributes.is_some_and(|attributes| attributes["ragged"] == true);
    let array = json::read(&experiment.join("data").join(".zarray"))?.unwrap_or_default();
    if ragged || array["dtype"] == "|O" {
        return Err(NoPixel::ragged_signal(path));
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
