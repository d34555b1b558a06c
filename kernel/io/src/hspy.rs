//! hyperspy's `.hspy` files, and any array of an HDF5 file that is named, read-only and chunk by chunk.
//!
//! Specification: the RosettaSciIO documentation of the `hspy` format
//! (<https://hyperspy.org/rosettasciio/supported_formats/hspy.html>), format version 3.3. HDF5 itself is
//! read by `hdf5-reader`, without the C library and its one lock, so chunks are decoded in parallel.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use hdf5_reader::group::Group;
use hdf5_reader::storage::{FileStorage, Storage};
use hdf5_reader::{Dataset, Datatype, H5Type, Hdf5File, SliceInfo, SliceInfoElem};
use serde_json::{Map, Value};
use signal::{
    Block, CancelToken, Chunk, ChunkId, Element, ElementType, SignalMeta, Source, SourceError,
};

use crate::binary::{element, no_such_chunk};
use crate::format::{Candidate, Format, FormatInfo};
use crate::hdf5_tree::{attributes, dictionary, numbers};
use crate::hyperspy_tree::{StoredAxes, check_scan, describe, read_axes};
use crate::json;
use crate::options::{OpenOptions, check_axes};
use crate::registry::{io_error, not_found};
use crate::result_blocks::{Boxes, rows};
use crate::zarr_array::chunk_bytes;

pub const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Frames of an array without chunks that are read together.
const RUN_BYTES: usize = 1 << 20;
/// Entries of a value-by-value axis that are read.
const MOST_AXIS_VALUES: u64 = 1 << 20;
/// Names in the message about a file with several arrays.
const MOST_NAMES: usize = 20;

pub struct Hspy;

impl Format for Hspy {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "hspy",
            extensions: &["hspy", "h5", "hdf5"],
            summary: "hyperspy signal in an HDF5 file, or the array of an HDF5 file that `dataset` names.",
            specification: "https://hyperspy.org/rosettasciio/supported_formats/hspy.html",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        candidate.head.starts_with(MAGIC)
            || (!candidate.is_directory && candidate.has_extension(self.info()))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        let file = open_file(path)?;
        let root = file
            .root_group()
            .map_err(|error| damaged(path, "the root group", &error))?;
        let Some(experiment) = find_experiment(path, &root, options)? else {
            return open_array(path, &file, options);
        };
        let data = (experiment.dataset("data"))
            .map_err(|error| damaged(path, "the array `data`", &error))?;
        if matches!(data.dtype(), Datatype::VarLen { .. }) {
            return Err(SourceError::Unsupported {
                path: path.into(),
                reason: "it is a ragged signal (lists of different length, such as peaks); signals with frames of one shape are read".into(),
            });
        }
        let element = element_of(path, &data)?;
        let mut notes = Map::new();
        let stored = AxisGroups {
            path,
            experiment: &experiment,
        };
        let axes = read_axes(path, &stored, &shape_of(&data), &mut notes)?;
        check_scan(path, options, &axes)?;
        options.check_signal_axes(path, &axes)?;
        let axes = options.replace_axes(path, axes)?;
        let (metadata, original) = (
            child(&experiment, "metadata"),
            child(&experiment, "original_metadata"),
        );
        let meta = describe(path, axes, element, metadata, original, notes);
        Ok(Arc::new(Hdf5Frames::new(path, data, meta)?))
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
/// [`SourceError::Decode`] for a damaged file.
pub fn metadata(path: &Path) -> Result<Value, SourceError> {
    let file = open_file(path)?;
    let root = file
        .root_group()
        .map_err(|error| damaged(path, "the root group", &error))?;
    Ok(find_experiment(path, &root, &OpenOptions::default())?
        .map_or(Value::Null, |experiment| child(&experiment, "metadata")))
}

fn open_file(path: &Path) -> Result<Hdf5File, SourceError> {
    // Read by position, not mapped: a file that becomes shorter is an error then, not the end of the process.
    let storage = FileStorage::open(path).map_err(|error| damaged(path, "the file", &error))?;
    let found_bytes = storage.len();
    // Our engine keeps decoded chunks itself, under the one budget.
    let options = hdf5_reader::OpenOptions::default()
        .with_chunk_cache_bytes(0)
        .with_chunk_cache_slots(0);
    let file = Hdf5File::from_storage_with_options(Arc::new(storage), options)
        .map_err(|error| damaged(path, "the superblock", &error))?;
    let expected_bytes = file.superblock().eof_address;
    if found_bytes < expected_bytes {
        return Err(SourceError::Truncated {
            path: path.into(),
            expected_bytes,
            found_bytes,
            place: String::new(),
        });
    }
    Ok(file)
}

/// The experiment to read: the one named by `dataset`, or the only one; `None` in a file of another kind.
fn find_experiment(
    path: &Path,
    root: &Group,
    options: &OpenOptions,
) -> Result<Option<Group>, SourceError> {
    let Ok(experiments) = root.group("Experiments") else {
        return Ok(None);
    };
    let (names, _) = (experiments.member_names())
        .map_err(|error| damaged(path, "the group `Experiments`", &error))?;
    let wanted = (options.dataset.as_deref()).map(|inside| {
        inside
            .trim_start_matches('/')
            .trim_start_matches("Experiments/")
            .trim_end_matches("/data")
    });
    let chosen = match (wanted, names.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(wanted), _) => names.iter().find(|name| *name == wanted),
    };
    match chosen {
        Some(name) => (experiments.group(name))
            .map(Some)
            .map_err(|error| damaged(path, name, &error)),
        None => Err(SourceError::Invalid {
            what: format!(
                "{} holds {} experiments ({})",
                path.display(),
                names.len(),
                names.join(", ")
            ),
            remedy: "name the one to read with `dataset`".into(),
        }),
    }
}

/// An array of a file that is not hyperspy's.
fn open_array(
    path: &Path,
    file: &Hdf5File,
    options: &OpenOptions,
) -> Result<Arc<dyn Source>, SourceError> {
    let Some(inside) = &options.dataset else {
        let mut names = Vec::new();
        if let Ok(root) = file.root_group() {
            list_arrays(&root, "", &mut names);
        }
        return Err(SourceError::Invalid {
            what: format!(
                "{} is an HDF5 file of another program with the arrays {}",
                path.display(),
                names.join(", ")
            ),
            remedy: "name the array to read with `dataset`".into(),
        });
    };
    let data = (file.dataset(inside)).map_err(|_| not_found(&path.join(inside)))?;
    let shape = shape_of(&data);
    let plain = options.axes_of_shape(path, &shape)?;
    check_scan(path, options, &options.axes_of_shape(path, &shape)?)?;
    if plain.navigation_shape() != shape[..shape.len() - plain.signal.len()] {
        return Err(SourceError::Invalid {
            what: format!(
                "{}: scan = {:?} does not fit the array of shape {shape:?}",
                path.display(),
                options.scan.unwrap_or_default(),
            ),
            remedy: "leave `scan` out and use the array's own axes".into(),
        });
    }
    let axes = options.replace_axes(path, plain)?;
    let title = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let meta = SignalMeta::frames(title, axes, element_of(path, &data)?);
    Ok(Arc::new(Hdf5Frames::new(path, data, meta)?))
}

fn list_arrays(group: &Group, prefix: &str, names: &mut Vec<String>) {
    let Ok((groups, arrays)) = group.member_names() else {
        return;
    };
    names.extend(arrays.iter().map(|name| format!("{prefix}{name}")));
    for name in groups {
        if names.len() >= MOST_NAMES || prefix.matches('/').count() > 4 {
            names.truncate(MOST_NAMES);
            return;
        }
        if let Ok(inner) = group.group(&name) {
            list_arrays(&inner, &format!("{prefix}{name}/"), names);
        }
    }
}

/// Axes as groups of an experiment.
struct AxisGroups<'a> {
    path: &'a Path,
    experiment: &'a Group,
}

impl StoredAxes for AxisGroups<'_> {
    fn attributes(&self, at: usize) -> Result<Option<Value>, SourceError> {
        let Ok(group) = self.experiment.group(&format!("axis-{at}")) else {
            return Ok(None);
        };
        attributes(&group)
            .map(|tree| Some(Value::Object(tree)))
            .map_err(|error| damaged(self.path, &format!("axis-{at}"), &error))
    }

    fn values(&self, at: usize) -> Result<Option<Vec<f64>>, SourceError> {
        let array =
            (self.experiment.group(&format!("axis-{at}"))).and_then(|group| group.dataset("axis"));
        Ok(array
            .ok()
            .filter(|array| {
                array
                    .num_elements()
                    .is_ok_and(|count| count <= MOST_AXIS_VALUES)
            })
            .and_then(|array| numbers(&array))
            .map(|values| values.iter().filter_map(json::number).collect()))
    }
}

fn child(experiment: &Group, name: &str) -> Value {
    match experiment.group(name) {
        Ok(group) => dictionary(&group),
        Err(_) => Value::Object(Map::new()),
    }
}

fn shape_of(data: &Dataset) -> Vec<usize> {
    data.shape().iter().map(|size| *size as usize).collect()
}

fn element_of(path: &Path, data: &Dataset) -> Result<ElementType, SourceError> {
    let found = match data.dtype() {
        Datatype::FixedPoint { size, signed, .. } => {
            element(if *signed { 'i' } else { 'u' }, usize::from(*size))
        }
        Datatype::FloatingPoint { size, .. } => element('f', usize::from(*size)),
        _ => None,
    };
    found.ok_or_else(|| SourceError::Unsupported {
        path: path.into(),
        reason: format!(
            "its pixels are {:.60}; integers, float32 and float64 are read",
            format!("{:?}", data.dtype())
        ),
    })
}

pub fn damaged(path: &Path, place: &str, error: &hdf5_reader::error::Error) -> SourceError {
    use hdf5_reader::error::Error;
    match error {
        Error::Io(error) => io_error(path, error),
        Error::UnexpectedEof {
            offset,
            needed,
            available,
        } => SourceError::Truncated {
            path: path.into(),
            expected_bytes: offset.saturating_add(*needed),
            found_bytes: offset.saturating_add(*available),
            place: place.into(),
        },
        error => SourceError::Decode {
            path: path.into(),
            place: place.into(),
            reason: error.to_string(),
        },
    }
}

/// Frames of one HDF5 array.
struct Hdf5Frames {
    path: PathBuf,
    meta: SignalMeta,
    data: Dataset,
    chunks: Boxes,
    opened: Option<(u64, SystemTime)>,
}

impl Hdf5Frames {
    fn new(path: &Path, data: Dataset, meta: SignalMeta) -> Result<Self, SourceError> {
        check_axes(path, &meta.axes)?;
        let navigation = meta.axes.navigation_shape();
        let size: Vec<usize> = match data.chunks() {
            Some(chunk) => (chunk.iter().zip(&navigation))
                .map(|(size, all)| (*size as usize).clamp(1, *all))
                .collect(),
            None => {
                let frame_bytes = (meta.axes.frame_len() * meta.element.size_bytes()).max(1);
                let one = vec![1; navigation.len()];
                rows(&navigation, &one, RUN_BYTES / frame_bytes)
            }
        };
        let signal = meta.axes.signal_shape();
        let shape = size.iter().chain(&signal).map(|size| *size as u64);
        chunk_bytes(path, shape, meta.element)?;
        Ok(Hdf5Frames {
            path: path.into(),
            chunks: Boxes::new(&navigation, &size),
            data,
            meta,
            opened: identity(path),
        })
    }

    fn read<T: H5Type + Element>(
        &self,
        ranges: &[Range<usize>],
    ) -> Result<Block, hdf5_reader::error::Error> {
        let signal = self.meta.axes.signal.iter().map(|axis| 0..axis.size);
        let selections = (ranges.iter().cloned().chain(signal))
            .map(|range| SliceInfoElem::Slice {
                start: range.start as u64,
                end: range.end as u64,
                step: 1,
            })
            .collect();
        let array = self.data.read_slice::<T>(&SliceInfo { selections })?;
        let pixels = array.as_standard_layout().into_owned();
        Ok(Block::new(Pixels(pixels.into_raw_vec_and_offset().0)))
    }
}

/// Decoded pixels, seen as bytes.
struct Pixels<T>(Vec<T>);

impl<T: Element> AsRef<[u8]> for Pixels<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn identity(path: &Path) -> Option<(u64, SystemTime)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?))
}

impl Source for Hdf5Frames {
    fn meta(&self) -> &SignalMeta {
        &self.meta
    }

    fn chunk_at(&self, at: signal::NavigationIndex) -> ChunkId {
        ChunkId(self.chunks.place(at.as_slice()).0 as u64)
    }

    fn chunks(&self) -> u64 {
        self.chunks.count() as u64
    }

    fn chunk_navigation(&self, chunk: ChunkId) -> Vec<Range<usize>> {
        self.chunks.ranges(chunk.0 as usize)
    }

    fn read_chunk(&self, chunk: ChunkId, cancel: &CancelToken) -> Result<Chunk, SourceError> {
        if cancel.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        if chunk.0 >= self.chunks() {
            return Err(no_such_chunk(&self.path, chunk, self.chunks()));
        }
        if identity(&self.path) != self.opened {
            return Err(SourceError::Invalid {
                what: format!("{} was changed since it was opened", self.path.display()),
                remedy: "open it again".into(),
            });
        }
        let ranges = self.chunk_navigation(chunk);
        let read = match self.meta.element {
            ElementType::U8 => self.read::<u8>(&ranges),
            ElementType::I8 => self.read::<i8>(&ranges),
            ElementType::U16 => self.read::<u16>(&ranges),
            ElementType::I16 => self.read::<i16>(&ranges),
            ElementType::U32 => self.read::<u32>(&ranges),
            ElementType::I32 => self.read::<i32>(&ranges),
            ElementType::U64 => self.read::<u64>(&ranges),
            ElementType::I64 => self.read::<i64>(&ranges),
            ElementType::F32 => self.read::<f32>(&ranges),
            ElementType::F64 => self.read::<f64>(&ranges),
        };
        let place = || format!("the chunk of scan positions {ranges:?}");
        let block = read.map_err(|error| damaged(&self.path, &place(), &error))?;
        let signal = self.meta.axes.signal_shape();
        Chunk::new(ranges, signal, self.meta.element, block, 0)
    }
}
