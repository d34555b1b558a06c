//! hyperspy's `.hspy` files, read-only and chunk by chunk; HDF5 files of other programs go on to `hdf5_open.rs`.
//!
//! Specification: the RosettaSciIO documentation of the `hspy` format
//! (<https://hyperspy.org/rosettasciio/supported_formats/hspy.html>), format version 3.3. HDF5 itself is
//! read by `hdf5-reader`, without the C library and its one lock, so chunks are decoded in parallel.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::group::Group;
use hdf5_reader::messages::link::LinkTarget;
use serde_json::{Map, Value};
use signal::{Caveat, Source, SourceError};

use crate::format::{Candidate, Format, FormatInfo};
use crate::hdf5::array::{self, Description};
use crate::hdf5::error::damaged;
use crate::hdf5::frames::Hdf5Frames;
use crate::hdf5::links::{ArrayAt, Files, Found, Opened, Place};
use crate::hdf5::objects::links;
use crate::hdf5::open::{listed, open_array};
use crate::hyperspy::hspy_tree::{AxisGroups, dictionary};
use crate::metadata::axes::read_axes;
use crate::metadata::tree::{check_scan, describe};
use crate::options::OpenOptions;
use crate::storage::container::{self, Listed};
use crate::storage::pixel::{NoPixel, Tool};

pub const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

pub struct Hspy;

impl Format for Hspy {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "hspy",
            extensions: &["hspy", "h5", "hdf5"],
            summary: "hyperspy signal in an HDF5 file; of another HDF5 file the only array of frames, or the one that `dataset` names.",
            specification: "https://hyperspy.org/rosettasciio/supported_formats/hspy.html",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        candidate.head.starts_with(MAGIC)
            || (!candidate.is_directory && candidate.has_extension(self.info()))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        let opened = Opened::open(path)?;
        let root = root(path, &opened)?;
        let files = Files::of(&opened);
        let Some((data, chosen)) = find_experiment(path, &files, &root, options)? else {
            return open_array(&files, &root, options);
        };
        let experiment = data.place.group.clone();
        let place = format!("the array `data` of `{}`", experiment.name());
        let description =
            Description::of(&data).map_err(|fault| SourceError::damaged(path, &place, fault))?;
        let pixel = match &description.pixel {
            Ok(pixel) => *pixel,
            Err(NoPixel::Ragged) => return Err(NoPixel::ragged_signal(path)),
            Err(found) => return Err(found.refused(path, Tool::HyperSpy)),
        };
        let stored = AxisGroups {
            path,
            experiment: &experiment,
        };
        let (axes, caveats) = read_axes(path, &stored, &description.shape, options)?;
        check_scan(path, options, &axes)?;
        options.check_signal_axes(path, &axes)?;
        let axes = options.replace_axes(path, axes)?;
        let (metadata, original) = (
            child(&experiment, "metadata"),
            child(&experiment, "original_metadata"),
        );
        let mut meta = describe(path, axes, pixel.element, metadata, original, caveats);
        meta.caveats.extend(chosen);
        let data = array::stored(&data, &description)?;
        Ok(Arc::new(Hdf5Frames::new(path, data, pixel, meta)?))
    }
}

/// Whether a file begins as HDF5 files do.
pub fn is_hdf5(path: &Path) -> bool {
    let mut head = [0; 8];
    File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head))
        .is_ok_and(|()| head == MAGIC)
}

/// hyperspy's metadata tree of the first experiment, also of one that is not read as frames.
///
/// # Errors
/// [`SourceError::Header`] for a damaged file.
pub fn metadata(path: &Path) -> Result<Value, SourceError> {
    let opened = Opened::open(path)?;
    let root = root(path, &opened)?;
    let Ok(Found::Group(experiments)) = Files::of(&opened).at(&root, "Experiments") else {
        return Ok(Value::Null);
    };
    let (names, _) = (experiments.group.member_names())
        .map_err(|error| damaged(path, "the group `Experiments`", &error))?;
    let first = names
        .first()
        .and_then(|name| experiments.group.group(name).ok());
    Ok(first.map_or(Value::Null, |experiment| child(&experiment, "metadata")))
}

fn root(path: &Path, opened: &Arc<Opened>) -> Result<Place, SourceError> {
    (opened.root()).map_err(|error| damaged(path, "the root group", &error))
}

/// The array of the experiment to read: of the one that `dataset` names, or of the only one; `None` in a file of
/// another kind, or when `dataset` names an array that is none of them.
fn find_experiment(
    path: &Path,
    files: &Files,
    root: &Place,
    options: &OpenOptions,
) -> Result<Option<(ArrayAt, Option<Caveat>)>, SourceError> {
    let Ok(Found::Group(experiments)) = files.at(root, "Experiments") else {
        return Ok(None);
    };
    let names = links(&experiments.opened.file, experiments.group.address())
        .map_err(|error| damaged(path, "the group `Experiments`", &error))?;
    let mut arrays = Vec::new();
    for link in names
        .iter()
        .filter(|link| matches!(link.target, LinkTarget::Hard { .. }))
    {
        if let Ok(Found::Array(data)) = files.at(&experiments, &format!("{}/data", link.name)) {
            arrays.push((link.name.as_str(), data));
        }
    }
    let list = || -> Vec<Listed> {
        (arrays.iter())
            .map(|(name, data)| listed(format!("Experiments/{name}/data"), data))
            .collect()
    };
    let Some(wanted) = options.dataset.as_deref() else {
        return match arrays.len() {
            // An empty group, as any program may have one.
            0 => Ok(None),
            1 => Ok(arrays.pop().map(|(_, data)| (data, None))),
            _ => {
                let chosen = container::only(path, &list())?;
                Ok(Some((arrays.swap_remove(chosen.at).1, chosen.caveat)))
            }
        };
    };
    let plain = wanted.trim_matches('/');
    let name = plain.strip_prefix("Experiments/").unwrap_or(plain);
    let name = name.strip_suffix("/data").unwrap_or(name);
    if let Some(at) = arrays
        .iter()
        .position(|(experiment, _)| *experiment == name)
    {
        return Ok(Some((arrays.swap_remove(at).1, None)));
    }
    match files.at(root, plain) {
        Ok(_) => Ok(None),
        Err(_) => Err(container::none_such(path, name, &list())),
    }
}

fn child(experiment: &Group, name: &str) -> Value {
    match experiment.group(name) {
        Ok(group) => dictionary(&group),
        Err(_) => Value::Object(Map::new()),
    }
}
