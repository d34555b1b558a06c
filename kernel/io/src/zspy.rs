//! hyperspy's `.zspy` stores, read-only.
//!
//! Specification: the RosettaSciIO documentation of the hierarchical formats `hspy` and `zspy`
//! (<https://hyperspy.org/rosettasciio/supported_formats/zspy.html>), format version 3.3. A store is a
//! Zarr 2 group `Experiments/<title>` with `data`, one group per axis, and two metadata trees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use signal::{Source, SourceError};

use crate::dictionary;
use crate::format::{Candidate, Format, FormatInfo};
use crate::hyperspy_tree::{StoredAxes, check_scan, describe, read_axes};
use crate::json;
use crate::options::OpenOptions;
use crate::registry::io_error;
use crate::zarr_array::ArrayFolder;
use crate::zarr_chunks::ZarrFrames;

/// Entries of a value-by-value axis that are read.
const MOST_AXIS_VALUES: u64 = 1 << 20;

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
            return Err(SourceError::Unsupported {
                path: path.into(),
                reason: "it is a zipped store; unzip it into a folder with the same name".into(),
            });
        }
        let experiment = find_experiment(path, options)?;
        let folder = experiment.join("data");
        refuse_ragged(path, &experiment)?;
        let array = ArrayFolder::open(&folder)?.ok_or_else(|| SourceError::Decode {
            path: path.into(),
            place: format!("experiment {}", file_name(&experiment)),
            reason: "it has no array `data`".into(),
        })?;
        let mut notes = Map::new();
        let stored = Groups(&experiment);
        let axes = read_axes(path, &stored, &array.shape(), &mut notes)?;
        check_scan(path, options, &axes)?;
        options.check_signal_axes(path, &axes)?;
        let axes = options.replace_axes(path, axes)?;
        let metadata = dictionary::read(&experiment.join("metadata"))?;
        let original = dictionary::read(&experiment.join("original_metadata"))?;
        let meta = describe(path, axes, array.element()?, metadata, original, notes);
        Ok(Arc::new(ZarrFrames::new(array, meta)?))
    }
}

/// The experiment to read: the one named by `dataset`, or the only one.
pub fn find_experiment(path: &Path, options: &OpenOptions) -> Result<PathBuf, SourceError> {
    let experiments = path.join("Experiments");
    let mut names: Vec<String> = std::fs::read_dir(&experiments)
        .map_err(|error| io_error(&experiments, &error))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| experiments.join(name).join(".zgroup").is_file())
        .collect();
    names.sort();
    let wanted = options.dataset.as_deref().map(|inside| {
        inside
            .trim_start_matches("Experiments/")
            .trim_end_matches("/data")
    });
    let chosen = match (wanted, names.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(wanted), _) => names.iter().find(|name| *name == wanted),
    };
    chosen
        .map(|name| experiments.join(name))
        .ok_or_else(|| SourceError::Invalid {
            what: format!(
                "{} holds {} experiments ({}){}",
                path.display(),
                names.len(),
                names.join(", "),
                wanted.map_or_else(String::new, |wanted| format!(", none is called `{wanted}`")),
            ),
            remedy: "name the one to read with `dataset`".into(),
        })
}

/// Axes as groups of an experiment.
struct Groups<'a>(&'a Path);

impl StoredAxes for Groups<'_> {
    fn attributes(&self, at: usize) -> Result<Option<Value>, SourceError> {
        json::read(&self.0.join(format!("axis-{at}")).join(".zattrs"))
    }

    fn values(&self, at: usize) -> Result<Option<Vec<f64>>, SourceError> {
        let folder = self.0.join(format!("axis-{at}")).join("axis");
        Ok(ArrayFolder::open(&folder)?
            .and_then(|array| array.small_values(MOST_AXIS_VALUES))
            .map(|values| values.iter().filter_map(json::number).collect()))
    }
}

fn refuse_ragged(path: &Path, experiment: &Path) -> Result<(), SourceError> {
    let attributes = json::read(&experiment.join("attributes").join(".zattrs"))?;
    let ragged = attributes.is_some_and(|attributes| attributes["ragged"] == true);
    let array = json::read(&experiment.join("data").join(".zarray"))?.unwrap_or_default();
    if ragged || array["dtype"] == "|O" {
        return Err(SourceError::Unsupported {
            path: path.into(),
            reason: "it is a ragged signal (lists of different length, such as peaks); signals with frames of one shape are read".into(),
        });
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
