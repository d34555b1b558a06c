//! Arrays of HDF5 files that are not HyperSpy's: which one is read, and its axes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use signal::{Caveat, SignalMeta, Source, SourceError};

use crate::hdf5::array::{Description, Stored};
use crate::hdf5::frames::Hdf5Frames;
use crate::hdf5::links::{ArrayAt, Entry, Files, Found, Place};
use crate::hdf5::virtual_dataset::{self, Virtual};
use crate::options::OpenOptions;
use crate::storage::container::{self, Listed};
use crate::storage::pixel::{Pixel, Tool};
use crate::storage::reshaped;

/// What is opened of a file.
struct Opening {
    data: Stored,
    shape: Vec<usize>,
    pixel: Pixel,
    caveats: Vec<Caveat>,
}

/// # Errors
/// [`SourceError`] with a list of the arrays when it is not clear which one is meant.
pub fn open_array(
    files: &Files,
    root: &Place,
    options: &OpenOptions,
) -> Result<Arc<dyn Source>, SourceError> {
    let path: &Path = &root.opened.path;
    let opening = choose(path, files, root, options)?;
    let inner = options.without_scan().axes_of_shape(path, &opening.shape)?;
    let over = reshaped::over_scan(path, options, &inner)?;
    let title = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let is_reshaped = over.is_some();
    let axes = options.replace_axes(path, over.unwrap_or_else(|| inner.clone()))?;
    let mut meta = SignalMeta::frames(title, axes.clone(), opening.pixel.element);
    meta.caveats = opening.caveats;
    if !is_reshaped {
        return Ok(Arc::new(Hdf5Frames::new(
            path,
            opening.data,
            opening.pixel,
            meta,
        )?));
    }
    meta.axes = inner;
    let source = Hdf5Frames::new(path, opening.data, opening.pixel, meta)?;
    Ok(Arc::new(reshaped::Reshaped::new(
        path,
        Arc::new(source),
        axes,
    )?))
}

fn choose(
    path: &Path,
    files: &Files,
    root: &Place,
    options: &OpenOptions,
) -> Result<Opening, SourceError> {
    // The name of one array is not a reason to look at all the others.
    if let Some(wanted) = &options.dataset
        && let Ok(Found::Array(array)) = files.at(root, wanted.trim().trim_matches('/'))
    {
        let meant = listed(array.name.clone(), &array);
        container::refuse_without_pixels(path, &meant, || {
            files.list(root).iter().map(entry).collect()
        })?;
        return open_one(path, files, &array);
    }
    let entries = files.list(root);
    let all: Vec<Listed> = entries.iter().map(entry).collect();
    let series = series(&entries, &all);
    let mut list: Vec<(Listed, Vec<usize>)> = Vec::new();
    for (at, array) in all.iter().enumerate() {
        match series.iter().find(|(_, parts)| parts.contains(&at)) {
            None => list.push((array.clone(), vec![at])),
            Some((name, parts)) if parts.first() == Some(&at) => {
                list.push((joined(name, parts, &all), parts.clone()));
            }
            Some(_) => {}
        }
    }
    let shown: Vec<Listed> = list.iter().map(|(array, _)| array.clone()).collect();
    let chosen = match &options.dataset {
        Some(wanted) => {
            let wanted = wanted.trim().trim_matches('/');
            let member = all.iter().position(|array| array.name == wanted);
            if member.is_some() {
                // A link that leads nowhere.
                container::named(path, wanted, &all)?;
            }
            container::named(path, wanted, &shown)?
        }
        None => container::only(path, &shown)?,
    };
    let parts: Vec<&ArrayAt> = (list[chosen.at].1.iter())
        .filter_map(|at| entries[*at].array.as_ref().ok())
        .collect();
    let mut opening = match parts.as_slice() {
        [one] => open_one(path, files, one)?,
        parts => open_series(path, files, &list[chosen.at].0, parts)?,
    };
    opening.caveats.splice(0..0, chosen.caveat);
    Ok(opening)
}

/// What a list says of one array.
pub fn listed(name: String, array: &ArrayAt) -> Listed {
    match Description::of(array) {
        Ok(found) => Listed {
            remark: found.virtual_at.map(|_| "virtual".to_owned()),
            ..Listed::array(name, found.shape, found.pixel)
        },
        Err(fault) => Listed::broken(name, format!("array that cannot be read: {fault}")),
    }
}

fn entry(entry: &Entry) -> Listed {
    match &entry.array {
        Ok(array) => listed(entry.name.clone(), array),
        Err(fault) => Listed::broken(entry.name.clone(), fault.clone()),
    }
}

/// Arrays that a detector wrote into numbered files, one link each: `data_000001`, `data_000002`. They are one series
/// of frames if nothing is missing between them and all have the same frames.
fn series(entries: &[Entry], all: &[Listed]) -> Vec<(String, Vec<usize>)> {
    let mut groups: BTreeMap<&str, Vec<(u64, usize)>> = BTreeMap::new();
    for (at, entry) in entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.is_external)
    {
        let stem = entry
            .name
            .trim_end_matches(|character: char| character.is_ascii_digit());
        if let Ok(number) = entry.name[stem.len()..].parse() {
            groups.entry(stem).or_default().push((number, at));
        }
    }
    let frames = |at: usize| {
        let array = &all[at];
        let pixel = array
            .pixel
            .as_ref()
            .ok()
            .filter(|_| array.fault.is_none())?;
        let is_series = array.shape.len() == 3 && !array.shape.contains(&0);
        is_series.then(|| (array.shape[1..].to_vec(), pixel.element))
    };
    (groups.into_iter())
        .filter_map(|(stem, mut parts)| {
            parts.sort_unstable();
            let first = frames(parts.first()?.1)?;
            let whole = parts.len() > 1
                && parts.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1)
                && parts
                    .iter()
                    .all(|(_, at)| frames(*at).as_ref() == Some(&first));
            let parts = parts.into_iter().map(|(_, at)| at).collect();
            whole.then(|| (format!("{stem}*"), parts))
        })
        .collect()
}

fn joined(name: &str, parts: &[usize], all: &[Listed]) -> Listed {
    let mut shape = all[parts[0]].shape.clone();
    shape[0] = parts.iter().map(|at| all[*at].shape[0]).sum();
    Listed {
        remark: Some(format!(
            "{} arrays in files of their own, one after the other",
            parts.len()
        )),
        ..Listed::array(name.into(), shape, all[parts[0]].pixel.clone())
    }
}

fn open_one(path: &Path, files: &Files, array: &ArrayAt) -> Result<Opening, SourceError> {
    let description = Description::of(array).map_err(|fault| {
        SourceError::damaged(path, format!("the array `{}`", array.name), fault)
    })?;
    let pixel = (description.pixel.clone()).map_err(|found| found.refused(path, Tool::NumPy))?;
    let data = virtual_dataset::open(files, array, &description)?;
    let mut caveats = Vec::new();
    if let Stored::Many(pieces) = &data
        && let (uncovered @ 1.., all) = pieces.uncovered()
    {
        caveats.push(Caveat::new(
            "virtual_gaps",
            format!(
                "no file holds {:.1} % of the pixels of the virtual array `{}`; they have its fill value",
                100.0 * uncovered as f64 / all as f64,
                array.name
            ),
        ));
    }
    Ok(Opening {
        data,
        shape: description.shape,
        pixel,
        caveats,
    })
}

fn open_series(
    path: &Path,
    files: &Files,
    series: &Listed,
    parts: &[&ArrayAt],
) -> Result<Opening, SourceError> {
    let mut opened = Vec::new();
    let mut pixel = None;
    for part in parts {
        let one = open_one(path, files, part)?;
        pixel = Some(one.pixel);
        opened.push((one.data, one.shape));
    }
    let (Some(pieces), Some(pixel)) = (Virtual::series(opened), pixel) else {
        let place = format!("the series `{}`", series.name);
        return Err(SourceError::damaged(
            path,
            place,
            "its arrays cannot be joined",
        ));
    };
    let caveat = Caveat::new(
        "arrays_joined",
        format!(
            "`{}` was read as one series: {} frames in {} files, in the order of their numbers",
            series.name,
            pieces.shape()[0],
            parts.len()
        ),
    );
    Ok(Opening {
        shape: pieces.shape().to_vec(),
        data: Stored::Many(pieces),
        pixel,
        caveats: vec![caveat],
    })
}
