//! Zarr arrays and groups, versions 2 and 3, with OME-Zarr axes where they are present.
//!
//! Specifications: <https://zarr-specs.readthedocs.io/> and <https://ngff.openmicroscopy.org/>.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use signal::{Axes, Axis, Caveat, SignalMeta, Source, SourceError};

use crate::format::{Candidate, Format, FormatInfo};
use crate::locate::not_found;
use crate::metadata::axes::{own_axes, own_axes_unfit};
use crate::metadata::tree::{check_scan, describe};
use crate::metadata::units;
use crate::options::OpenOptions;
use crate::storage::container::{self, Listed};
use crate::storage::json;
use crate::storage::pixel::Tool;
use crate::storage::reshaped;
use crate::zarr::array::ArrayFolder;
use crate::zarr::chunks::ZarrFrames;
use crate::zarr::tree;

pub struct Zarr;

impl Format for Zarr {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "zarr",
            extensions: &["zarr"],
            summary: "Zarr 2 or 3 array; of a group the only array of frames, or the one that `dataset` names; the last two axes are the frame unless told otherwise.",
            specification: "https://zarr-specs.readthedocs.io/",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        ["zarr.json", ".zarray", ".zgroup"]
            .iter()
            .any(|name| candidate.holds(name))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        let Array {
            folder,
            group,
            caveat,
        } = find_array(path, options)?;
        let shape = folder.shape();
        let element = folder.pixel(Tool::NumPy)?.element;
        if let Some(own) = own_axes(&folder.attributes["axes"], &shape) {
            check_scan(path, options, &own)?;
            options.check_signal_axes(path, &own)?;
            let axes = options.replace_axes(path, own)?;
            let (metadata, original) = (
                folder.attributes["metadata"].clone(),
                folder.attributes["original_metadata"].clone(),
            );
            let mut meta = describe(path, axes, element, metadata, original, Vec::new());
            meta.caveats.extend(caveat);
            return Ok(Arc::new(ZarrFrames::new(path, folder, meta)?));
        }
        let plain = options.without_scan().axes_of_shape(path, &shape)?;
        let (inner, mut caveats) = described(plain, &folder, &group);
        if folder.attributes["axes"][0]["navigate"].is_boolean() {
            caveats.push(own_axes_unfit("its description of the axes"));
        }
        let over = reshaped::over_scan(path, options, &inner)?;
        let is_reshaped = over.is_some();
        let axes = options.replace_axes(path, over.unwrap_or_else(|| inner.clone()))?;
        let title = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut meta = SignalMeta::frames(title, axes.clone(), element);
        meta.caveats.extend(caveat);
        if options.axes.is_none() {
            meta.caveats.extend(caveats);
        }
        meta.original = match (&folder.attributes, group) {
            (Value::Object(own), _) if !own.is_empty() => folder.attributes.clone(),
            (_, group) => group,
        };
        if !is_reshaped {
            return Ok(Arc::new(ZarrFrames::new(path, folder, meta)?));
        }
        meta.axes = inner;
        let source = Arc::new(ZarrFrames::new(path, folder, meta)?);
        Ok(Arc::new(reshaped::Reshaped::new(path, source, axes)?))
    }
}

/// The array to read, and the attributes of the store it was found in.
struct Array {
    folder: ArrayFolder,
    group: Value,
    caveat: Option<Caveat>,
}

fn find_array(path: &Path, options: &OpenOptions) -> Result<Array, SourceError> {
    let found = |folder: ArrayFolder, group: Value, caveat: Option<Caveat>| Array {
        folder,
        group,
        caveat,
    };
    let wanted = options
        .dataset
        .as_deref()
        .map(|inside| inside.trim().trim_matches('/'));
    if let Some(inside) = wanted {
        let stays_inside = inside.split('/').all(|part| part != "..");
        if stays_inside && let Some(array) = ArrayFolder::open(&path.join(inside))? {
            refuse_without_pixels(path, inside, &array, || tree::list(path))?;
            return Ok(found(array, group_attributes(path)?, None));
        }
    } else if let Some(array) = ArrayFolder::open(path)? {
        refuse_without_pixels(path, "its array", &array, Vec::new)?;
        return Ok(found(array, Value::Null, None));
    }
    let group = group_attributes(path)?;
    // OME-Zarr 0.5 keeps its metadata under `ome`; the first dataset is the full resolution.
    let finest = [&group["ome"]["multiscales"], &group["multiscales"]]
        .iter()
        .find_map(|multiscales| multiscales[0]["datasets"][0]["path"].as_str())
        .map(str::to_owned);
    if wanted.is_none()
        && let Some(finest) = finest
        && let Some(array) = ArrayFolder::open(&path.join(&finest))?
    {
        return Ok(found(array, group, None));
    }
    let listed = tree::list(path);
    let chosen = match wanted {
        Some(inside) => container::named(path, inside, &listed)?,
        None => container::only(path, &listed)?,
    };
    let folder = path.join(&listed[chosen.at].name);
    match ArrayFolder::open(&folder)? {
        Some(array) => Ok(found(array, group, chosen.caveat)),
        None => Err(not_found(&folder)),
    }
}

fn refuse_without_pixels(
    path: &Path,
    name: &str,
    array: &ArrayFolder,
    listed: impl FnOnce() -> Vec<Listed>,
) -> Result<(), SourceError> {
    let Ok(pixel) = array.pixel(Tool::NumPy) else {
        return Ok(());
    };
    let meant = Listed::array(name.to_owned(), array.shape(), Ok(pixel));
    container::refuse_without_pixels(path, &meant, listed)
}

fn group_attributes(path: &Path) -> Result<Value, SourceError> {
    if let Some(metadata) = json::read(&path.join("zarr.json"))? {
        return Ok(metadata["attributes"].clone());
    }
    Ok(json::read(&path.join(".zattrs"))?.unwrap_or_default())
}

/// Gives axes their names, scales and units, as far as the store has them, and says of which it has what is not read.
fn described(plain: Axes, folder: &ArrayFolder, group: &Value) -> (Axes, Vec<Caveat>) {
    let names = folder.dimension_names();
    let multiscale = [&group["ome"]["multiscales"][0], &group["multiscales"][0]]
        .into_iter()
        .find(|multiscale| multiscale.is_object());
    let steps = Transforms::of(multiscale);
    let describe = |at: usize, axis: Axis| {
        let ome = multiscale.map(|multiscale| &multiscale["axes"][at]);
        let name = ome
            .and_then(|ome| ome["name"].as_str().or(ome.as_str()))
            .or(names.get(at).map(String::as_str))
            .filter(|name| !name.is_empty())
            .unwrap_or(&axis.name)
            .to_owned();
        let unit = ome.and_then(|ome| ome["unit"].as_str());
        let channels = (ome.filter(|ome| ome["type"] == "channel"))
            .and_then(|_| channel_names(group, axis.size));
        match (channels, steps.along(at)) {
            (Some(names), _) => Axis::with_names(name, names),
            (None, Some((scale, offset))) => Axis::new(
                name,
                axis.size,
                scale,
                offset,
                units::normalised(unit.unwrap_or_default()),
            ),
            (None, None) => Axis::pixels(name, axis.size),
        }
    };
    let rank = plain.navigation.len();
    let numbered = |first: usize, axes: Vec<Axis>| {
        axes.into_iter()
            .enumerate()
            .map(|(at, axis)| describe(first + at, axis))
            .collect()
    };
    let axes = Axes::new(numbered(0, plain.navigation), numbered(rank, plain.signal));
    let caveats = steps.caveat(&axes).into_iter().collect();
    (axes, caveats)
}

/// What OME-Zarr calls the channels of an image, if it names each.
fn channel_names(group: &Value, count: usize) -> Option<Vec<String>> {
    let omero = [&group["ome"]["omero"], &group["omero"]];
    let channels = omero
        .iter()
        .find_map(|omero| omero["channels"].as_array())?;
    let names = channels.iter().map(|channel| {
        let label = channel["label"].as_str().filter(|label| !label.is_empty());
        label.map(str::to_owned)
    });
    let names: Vec<String> = names.collect::<Option<_>>()?;
    (names.len() == count).then_some(names)
}

/// The steps from indices to coordinates of an OME-Zarr image: those of the dataset, then those of all of them.
struct Transforms<'a> {
    steps: Vec<&'a Value>,
    /// A kind of step that is not read; then none is used.
    unread: Option<String>,
}

impl<'a> Transforms<'a> {
    fn of(multiscale: Option<&'a Value>) -> Self {
        let lists = multiscale.map(|multiscale| {
            [
                &multiscale["datasets"][0]["coordinateTransformations"],
                &multiscale["coordinateTransformations"],
            ]
        });
        let steps: Vec<&Value> = (lists.into_iter().flatten())
            .filter_map(Value::as_array)
            .flatten()
            .collect();
        let unread = steps.iter().find_map(|step| {
            let kind = step["type"].as_str().unwrap_or("unnamed");
            let read = match kind {
                "identity" => true,
                "scale" | "translation" => step[kind].is_array(),
                _ => false,
            };
            (!read).then(|| kind.to_owned())
        });
        Transforms { steps, unread }
    }

    /// Scale and offset of one axis; `None` when the store does not give them, or not as numbers that can be used.
    fn along(&self, at: usize) -> Option<(f64, f64)> {
        if self.unread.is_some() || !self.steps.iter().any(|step| step["type"] == "scale") {
            return None;
        }
        let (mut scale, mut offset) = (1.0, 0.0);
        for step in &self.steps {
            match step["type"].as_str() {
                Some("scale") => {
                    let factor = json::number(&step["scale"][at])?;
                    (scale, offset) = (scale * factor, offset * factor);
                }
                Some("translation") => offset += json::number(&step["translation"][at])?,
                _ => {}
            }
        }
        (scale.is_finite() && scale != 0.0 && offset.is_finite()).then_some((scale, offset))
    }

    /// What is said of axes that the store describes in a way that is not used.
    fn caveat(&self, axes: &Axes) -> Option<Caveat> {
        let Some(kind) = &self.unread else {
            let mut numbered = axes.navigation.iter().chain(&axes.signal).enumerate();
            let unusable = numbered.find(|(at, _)| self.along(*at).is_none());
            return unusable
                .filter(|_| !self.steps.is_empty())
                .map(|(_, axis)| {
                    let name = &axis.name;
                    let text = format!(
                        "the scale of its axis `{name}` is missing or no number that can be used; \
                     that axis is shown in pixels"
                    );
                    Caveat::new("axis_in_pixels", text)
                });
        };
        Some(Caveat::new(
            "axis_in_pixels",
            format!(
                "its coordinates are given by a transformation of the kind `{kind}`, which is not read; \
                 the axes are shown in pixels"
            ),
        ))
    }
}
