//! Zarr arrays and groups, versions 2 and 3, with OME-Zarr axes where they are present.
//!
//! Specifications: <https://zarr-specs.readthedocs.io/> and <https://ngff.openmicroscopy.org/>.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use signal::{Axes, Axis, SignalMeta, Source, SourceError};

use crate::format::{Candidate, Format, FormatInfo};
use crate::hyperspy_tree::{check_scan, describe, own_axes};
use crate::json;
use crate::options::OpenOptions;
use crate::registry::{io_error, not_found};
use crate::units;
use crate::zarr_array::ArrayFolder;
use crate::zarr_chunks::ZarrFrames;

pub struct Zarr;

impl Format for Zarr {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "zarr",
            extensions: &["zarr"],
            summary: "Zarr 2 or 3 array, or one array of a group; the last two axes are the frame unless told otherwise.",
            specification: "https://zarr-specs.readthedocs.io/",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        ["zarr.json", ".zarray", ".zgroup"]
            .iter()
            .any(|name| candidate.holds(name))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        let (folder, group) = find_array(path, options)?;
        let shape = folder.shape();
        if let Some(own) = own_axes(&folder.attributes["axes"], &shape) {
            check_scan(path, options, &own)?;
            options.check_signal_axes(path, &own)?;
            let axes = options.replace_axes(path, own)?;
            let (metadata, original) = (
                folder.attributes["metadata"].clone(),
                folder.attributes["original_metadata"].clone(),
            );
            let element = folder.element()?;
            let meta = describe(path, axes, element, metadata, original, Map::new());
            return Ok(Arc::new(ZarrFrames::new(folder, meta)?));
        }
        let plain = options.axes_of_shape(path, &shape)?;
        if plain.navigation_shape() != shape[..shape.len() - plain.signal.len()] {
            return Err(SourceError::Invalid {
                what: format!(
                    "{}: scan = {:?} does not fit the array of shape {shape:?}",
                    path.display(),
                    options.scan.unwrap_or_default(),
                ),
                remedy: "a chunked array cannot be reshaped while reading; leave `scan` out and use its own axes".into(),
            });
        }
        let axes = options.replace_axes(path, described(plain, &folder, &group))?;
        let title = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut meta = SignalMeta::frames(title, axes, folder.element()?);
        meta.original = match (&folder.attributes, group) {
            (Value::Object(own), _) if !own.is_empty() => folder.attributes.clone(),
            (_, group) => group,
        };
        Ok(Arc::new(ZarrFrames::new(folder, meta)?))
    }
}

/// The array to read, and the attributes of the group it was found in.
fn find_array(path: &Path, options: &OpenOptions) -> Result<(ArrayFolder, Value), SourceError> {
    if let Some(inside) = &options.dataset {
        let folder = path.join(inside.trim_matches('/'));
        let stays_inside = inside.split('/').all(|part| part != "..");
        return match ArrayFolder::open(&folder)? {
            Some(array) if stays_inside => Ok((array, group_attributes(path)?)),
            _ => Err(not_found(&folder)),
        };
    }
    if let Some(array) = ArrayFolder::open(path)? {
        return Ok((array, Value::Null));
    }
    let group = group_attributes(path)?;
    // OME-Zarr 0.5 keeps its metadata under `ome`; the first dataset is the full resolution.
    let finest = [&group["ome"]["multiscales"], &group["multiscales"]]
        .iter()
        .find_map(|multiscales| multiscales[0]["datasets"][0]["path"].as_str())
        .map(str::to_owned);
    if let Some(finest) = finest
        && let Some(array) = ArrayFolder::open(&path.join(&finest))?
    {
        return Ok((array, group));
    }
    let mut arrays = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| io_error(path, &error))? {
        let entry = entry.map_err(|error| io_error(path, &error))?.path();
        if entry.is_dir()
            && let Some(array) = ArrayFolder::open(&entry)?
        {
            arrays.push(array);
        }
    }
    if arrays.len() == 1
        && let Some(array) = arrays.pop()
    {
        return Ok((array, group));
    }
    let mut names: Vec<String> = arrays
        .iter()
        .filter_map(|array| array.folder.file_name()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    Err(SourceError::Invalid {
        what: format!(
            "{} is a Zarr group with {} arrays{}{}",
            path.display(),
            names.len(),
            if names.is_empty() { "" } else { ": " },
            names.join(", ")
        ),
        remedy: "name the array to read with `dataset`, for example dataset: \"scan/data\"".into(),
    })
}

fn group_attributes(path: &Path) -> Result<Value, SourceError> {
    if let Some(metadata) = json::read(&path.join("zarr.json"))? {
        return Ok(metadata["attributes"].clone());
    }
    Ok(json::read(&path.join(".zattrs"))?.unwrap_or_default())
}

/// Gives axes their names, scales and units, as far as the store has them.
fn described(plain: Axes, folder: &ArrayFolder, group: &Value) -> Axes {
    let names = folder.dimension_names();
    let multiscale = [&group["ome"]["multiscales"][0], &group["multiscales"][0]]
        .into_iter()
        .find(|multiscale| multiscale.is_object());
    let transforms = multiscale
        .and_then(|multiscale| multiscale["datasets"][0]["coordinateTransformations"].as_array())
        .cloned()
        .unwrap_or_default();
    let transform = |kind: &str, at: usize| {
        transforms
            .iter()
            .find(|transform| transform["type"] == kind)
            .and_then(|transform| json::number(&transform[kind][at]))
    };
    let describe = |at: usize, axis: Axis| {
        let ome = multiscale.map(|multiscale| &multiscale["axes"][at]);
        let name = ome
            .and_then(|ome| ome["name"].as_str().or(ome.as_str()))
            .or(names.get(at).map(String::as_str))
            .filter(|name| !name.is_empty())
            .unwrap_or(&axis.name)
            .to_owned();
        let unit = ome.and_then(|ome| ome["unit"].as_str());
        Axis::new(
            name,
            axis.size,
            transform("scale", at).unwrap_or(1.0),
            transform("translation", at).unwrap_or(0.0),
            units::normalised(unit.unwrap_or_default()),
        )
    };
    let rank = plain.navigation.len();
    let numbered = |first: usize, axes: Vec<Axis>| {
        axes.into_iter()
            .enumerate()
            .map(|(at, axis)| describe(first + at, axis))
            .collect()
    };
    Axes::new(numbered(0, plain.navigation), numbered(rank, plain.signal))
}
