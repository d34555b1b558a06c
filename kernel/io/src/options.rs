use std::path::Path;

use serde::{Deserialize, Serialize};
use signal::{Axes, Axis, MAX_NAVIGATION_RANK, SignalMeta, SourceError};

/// A store of which most is not there (a damaged header) may announce any number of positions, and some
/// work keeps a note for each.
const MAX_POSITIONS: usize = u32::MAX as usize;

/// Most axes of a frame: a spectrum, an image, a stack of images.
pub(crate) const MAX_SIGNAL_AXES: usize = 3;

/// What the user knows and the file does not say; every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenOptions {
    /// Scan shape (ny, nx) for files that store a plain series of frames.
    pub scan: Option<(usize, usize)>,
    /// How many of the last axes belong to a frame, for files that do not say: 1 for spectra, 3 for stacks of images; 2 unless given.
    pub signal_axes: Option<usize>,
    /// Names, calibration and units of all axes, slowest first; replaces those of the file.
    pub axes: Option<Vec<Axis>>,
    /// Array inside a store that holds several, or the group it is alone in: `Experiments/scan/data`, `0`.
    pub dataset: Option<String>,
}

impl OpenOptions {
    /// Refuses what a file with one array cannot use, instead of passing over it.
    pub(crate) fn refuse_dataset(&self, path: &Path, format: &str) -> Result<(), SourceError> {
        match &self.dataset {
            None => Ok(()),
            Some(dataset) => Err(SourceError::Invalid {
                what: format!(
                    "{}: dataset = `{dataset}` was given, and a file of format {format} holds one array",
                    path.display()
                ),
                remedy: "leave `dataset` out".into(),
            }),
        }
    }

    /// Refuses another number of signal axes than the file has.
    pub(crate) fn check_signal_axes(&self, path: &Path, axes: &Axes) -> Result<(), SourceError> {
        match self.signal_axes {
            Some(given) if given != axes.signal.len() => Err(SourceError::Invalid {
                what: format!(
                    "{}: signal_axes = {given} was given, the file has {}",
                    path.display(),
                    axes.shape_text()
                ),
                remedy: "leave `signal_axes` out: the file knows its axes".into(),
            }),
            _ => Ok(()),
        }
    }

    /// The same without a scan: what the file itself has.
    pub(crate) fn without_scan(&self) -> Self {
        OpenOptions {
            scan: None,
            ..self.clone()
        }
    }

    /// Splits a shape into `(navigation | signal)` with uncalibrated axes of the usual names.
    pub(crate) fn axes_of_shape(&self, path: &Path, shape: &[usize]) -> Result<Axes, SourceError> {
        let signal_rank = self.signal_axes.unwrap_or_else(|| shape.len().min(2));
        if signal_rank == 0 || signal_rank > MAX_SIGNAL_AXES || signal_rank > shape.len() {
            return Err(SourceError::Invalid {
                what: format!(
                    "{}: signal_axes = {signal_rank} does not fit an array of shape {shape:?}",
                    path.display()
                ),
                remedy: "a frame has 1 to 3 axes (a spectrum, an image, a stack of images) and the array must have at least as many".into(),
            });
        }
        let (navigation, signal) = shape.split_at(shape.len() - signal_rank);
        let navigation = match self.scan {
            Some((ny, nx)) => vec![ny, nx],
            None => navigation.to_vec(),
        };
        Ok(Axes::new(
            named(&navigation, true)
                .into_iter()
                .map(|(name, size)| Axis::pixels(name, size))
                .collect(),
            named(signal, false)
                .into_iter()
                .map(|(name, size)| Axis::pixels(name, size))
                .collect(),
        ))
    }

    /// Replaces the axes of a file by those the user gave, which must have the same sizes.
    pub(crate) fn replace_axes(&self, path: &Path, axes: Axes) -> Result<Axes, SourceError> {
        let Some(given) = &self.axes else {
            return Ok(axes);
        };
        let sizes: Vec<usize> = given.iter().map(|axis| axis.size).collect();
        let found = [axes.navigation_shape(), axes.signal_shape()].concat();
        if sizes != found {
            return Err(SourceError::Invalid {
                what: format!(
                    "{}: the given axes have sizes {sizes:?}, the file has {}",
                    path.display(),
                    axes.shape_text()
                ),
                remedy: "give one axis for each axis of the file, slowest first".into(),
            });
        }
        let (navigation, signal) = given.split_at(axes.navigation.len());
        Ok(Axes::new(navigation.to_vec(), signal.to_vec()))
    }
}

/// Usual names for axes that have none, slowest first.
pub(crate) fn usual_names(rank: usize, navigation: bool) -> &'static [&'static str] {
    match (navigation, rank) {
        (true, 1) => &["frame"],
        (true, 2) => &["y", "x"],
        (true, 3) => &["time", "y", "x"],
        (true, _) => &["series", "time", "y", "x"],
        (false, 1) => &["channel"],
        (false, 2) => &["ky", "kx"],
        (false, _) => &["plane", "ky", "kx"],
    }
}

fn named(sizes: &[usize], navigation: bool) -> Vec<(&'static str, usize)> {
    let names = usual_names(sizes.len(), navigation);
    sizes
        .iter()
        .enumerate()
        .map(|(at, size)| (names.get(at).copied().unwrap_or("axis"), *size))
        .collect()
}

/// The axes as a cell gives them, with 1 and 0 for what is not a number.
fn calibrations(axes: &Axes) -> String {
    let all: Vec<String> = (axes.navigation.iter().chain(&axes.signal))
        .map(|axis| {
            let usable = axis.scale.is_finite() && axis.scale != 0.0 && axis.offset.is_finite();
            let (scale, offset) = match usable {
                true => (axis.scale, axis.offset),
                false => (1.0, 0.0),
            };
            let (name, units) = (&axis.name, &axis.units);
            format!("Axis::calibrated({name:?}, {scale:?}, {offset:?}, {units:?})")
        })
        .collect();
    all.join(", ")
}

/// Refuses axes the rest of the project cannot hold: empty, uncalibratable, or too many.
pub(crate) fn check_axes(path: &Path, axes: &Axes) -> Result<(), SourceError> {
    if axes.navigation.len() > MAX_NAVIGATION_RANK {
        return Err(SourceError::unsupported(
            path,
            format!(
                "it has {} navigation axes {}, and at most {MAX_NAVIGATION_RANK} are handled",
                axes.navigation.len(),
                axes.shape_text()
            ),
            "save a part with fewer axes, in Python for example `np.save(\"part.npy\", array[0])`",
        ));
    }
    let is_empty = |axis: &&Axis| axis.size == 0;
    if let Some(empty) = axes.navigation.iter().chain(&axes.signal).find(is_empty) {
        return Err(SourceError::unsupported(
            path,
            format!(
                "axis `{}` has size 0, so that there is nothing to show: its shape is {}",
                empty.name,
                axes.shape_text()
            ),
            "write at least one entry along each axis; an acquisition that was stopped before its first frame leaves such a file",
        ));
    }
    if let Some(fault) = axes.fault() {
        return Err(SourceError::Invalid {
            what: format!("{}: {fault}", path.display()),
            remedy: format!(
                "give the calibration of every axis: `open_with({:?}, Open {{ axes: vec![{}], ..default() }})?`",
                path.file_name().unwrap_or_default().to_string_lossy(),
                calibrations(axes)
            ),
        });
    }
    let sizes = axes.navigation.iter().chain(&axes.signal);
    if sizes
        .map(|axis| axis.size)
        .try_fold(8usize, usize::checked_mul)
        .is_none()
    {
        return Err(SourceError::Invalid {
            what: format!(
                "{}: the shape {} does not fit this machine's address space",
                path.display(),
                axes.shape_text()
            ),
            remedy: "compare its size with the original and copy it again".into(),
        });
    }
    if axes.positions() > MAX_POSITIONS {
        return Err(SourceError::Invalid {
            what: format!(
                "{}: {} scan positions {} are more than any scan has",
                path.display(),
                axes.positions(),
                axes.shape_text()
            ),
            remedy: "if its last axes are not the frame, say how many are: `open_with(path, Open { signal_axes: 1, ..default() })?`; otherwise compare its size with the original and copy it again".into(),
        });
    }
    Ok(())
}

/// Refuses what has no picture: colours make images.
pub(crate) fn check_pictures(path: &Path, meta: &SignalMeta) -> Result<(), SourceError> {
    let axes = &meta.axes;
    if !meta.element.is_colour() || axes.signal.len() == 2 {
        return Ok(());
    }
    let shape = axes.shape_text();
    Err(SourceError::unsupported(
        path,
        format!(
            "its frames of colours have {} axes {shape}; 2 are read, an image",
            axes.signal.len()
        ),
        "in Python, save the array alone, of which the last two axes are read as an image: `np.save(\"array.npy\", array)`; a single row is one of `array[None]`",
    ))
}
