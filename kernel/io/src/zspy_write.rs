//! Streaming a computed signal into a `.zspy` store that hyperspy opens.
//!
//! The store is written beside its target and renamed into place when it is complete: an error, a full
//! disk, a cancelled computation or a killed process leaves an old file with that name as it was.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal::{Frame, NavigationIndex, Output, Peaks, SignalKind, SignalMeta, SourceError};
use zarrs::array::{Array, ArrayBytes, ArrayMetadata, ArrayToBytesCodecTraits, CodecOptions};
use zarrs::filesystem::FilesystemStore;

use crate::json;
use crate::options::check_axes;
use crate::registry::{io_error, not_found};
use crate::replace::Part;
use crate::zspy_layout::{Layout, write_store};
use crate::zspy_ragged::ragged_chunks;

/// Distinguishes writers of one process that have the same target.
static WRITERS: AtomicU64 = AtomicU64::new(0);

/// Writes one signal, in any order of scan positions and from any number of threads.
///
/// Memory: the chunks that are begun and not complete; for a map all of its images.
/// Dropped before [`ResultWriter::finish`], it removes what it wrote.
pub struct ResultWriter {
    target: PathBuf,
    part: Part,
    meta: SignalMeta,
    navigation: Vec<usize>,
    layout: Layout,
    array: Option<Array<FilesystemStore>>,
    begun: Mutex<HashMap<usize, Begun>>,
    images: Mutex<Vec<f32>>,
    seen: Mutex<Vec<u64>>,
    written: AtomicU64,
}

/// A chunk that waits for more of its positions.
struct Begun {
    bytes: Vec<u8>,
    peaks: Vec<Option<Arc<Peaks>>>,
    missing: usize,
}

impl ResultWriter {
    /// Makes the store beside `path` and writes everything but pixels.
    ///
    /// # Errors
    /// A folder that does not exist, a name that does not end in `.zspy`, a target that exists and is
    /// something else than a store, or a disk that cannot be written.
    pub fn create(path: &Path, meta: &SignalMeta) -> Result<Self, SourceError> {
        let path = &std::path::absolute(path).map_err(|error| io_error(path, &error))?;
        check_target(path)?;
        check_axes(path, &meta.axes)?;
        let number = WRITERS.fetch_add(1, Ordering::Relaxed);
        let part = Part::create(path, number)?;
        let experiment = part
            .path
            .join("Experiments")
            .join(experiment_name(&meta.title));
        let layout = Layout::new(&experiment, meta);
        let positions = meta.axes.positions();
        let map_values = match meta.kind {
            SignalKind::Map => positions * meta.components.len(),
            _ => 0,
        };
        let mut writer = ResultWriter {
            target: path.clone(),
            navigation: meta.axes.navigation_shape(),
            meta: meta.clone(),
            layout,
            array: None,
            begun: Mutex::default(),
            images: Mutex::new(vec![f32::NAN; map_values]),
            seen: Mutex::new(vec![0; positions.div_ceil(64)]),
            written: AtomicU64::new(0),
            part,
        };
        write_store(&writer.part.path, &experiment, meta, &writer.layout)?;
        if meta.kind != SignalKind::Peaks {
            writer.array = Some(open_array(&writer.layout.folder)?);
        }
        Ok(writer)
    }

    /// Scan positions written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Stores what was computed at one scan position. Writing a position twice is an error.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] for another kind, shape or type than announced;
    /// [`SourceError::Io`] when the disk is full or gone.
    pub fn write(&self, at: NavigationIndex, output: &Output) -> Result<(), SourceError> {
        if !self.meta.axes.contains(at) {
            return Err(self.refuse(at, "lies outside the navigation axes".into()));
        }
        match (self.meta.kind, output) {
            (SignalKind::Frame, Output::Frame(frame)) => self.check_frame(at, frame)?,
            (SignalKind::Map, Output::Values(values)) => {
                if values.len() != self.meta.components.len() {
                    let expected = self.meta.components.len();
                    return Err(self.refuse(
                        at,
                        format!("has {} components, {expected} expected", values.len()),
                    ));
                }
            }
            (SignalKind::Peaks, Output::Peaks(_)) => {}
            (kind, other) => {
                return Err(self.refuse(
                    at,
                    format!("has {}, {} expected", other.kind().noun(), kind.noun()),
                ));
            }
        }
        self.mark(at)?;
        match output {
            Output::Frame(frame) => self.write_frame(at, frame)?,
            Output::Values(values) => {
                let flat = at.flat(&self.navigation);
                let positions = self.meta.axes.positions();
                let mut images = lock(&self.images);
                for (component, value) in values.iter().enumerate() {
                    images[component * positions + flat] = *value;
                }
            }
            Output::Peaks(peaks) => self.write_peaks(at, peaks)?,
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Stores a whole map: the images of its components one after the other, each in C order.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when the signal is no map or the number of values is another.
    pub fn write_map(&self, images: &[f32]) -> Result<(), SourceError> {
        let mut own = lock(&self.images);
        if self.meta.kind != SignalKind::Map || images.len() != own.len() {
            return Err(SourceError::Invalid {
                what: format!(
                    "{}: {} values do not fill {}",
                    self.target.display(),
                    images.len(),
                    self.meta.summary()
                ),
                remedy: "this is a fault of the program: please report it".into(),
            });
        }
        own.copy_from_slice(images);
        lock(&self.seen).fill(u64::MAX);
        self.written
            .store(self.meta.axes.positions() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Completes the store and renames it into place.
    ///
    /// # Errors
    /// [`SourceError::Invalid`] when positions are missing; [`SourceError::Io`] when the disk is full.
    /// In either case an old file with that name is untouched.
    pub fn finish(self) -> Result<(), SourceError> {
        self.finish_if(|| true)
    }

    /// As [`ResultWriter::finish`]; `wanted` is asked when everything is on the disk, last before the
    /// store takes its place.
    ///
    /// # Errors
    /// As [`ResultWriter::finish`], and [`SourceError::Cancelled`] when it is not wanted any more.
    pub fn finish_if(self, wanted: impl FnOnce() -> bool) -> Result<(), SourceError> {
        let positions = self.meta.axes.positions() as u64;
        if self.written() != positions {
            return Err(SourceError::Invalid {
                what: format!(
                    "{}: {} of {positions} scan positions were computed",
                    self.target.display(),
                    self.written()
                ),
                remedy: "save again; nothing was written".into(),
            });
        }
        if self.meta.kind == SignalKind::Map {
            self.write_images()?;
        }
        // Hours may have passed: what lies there now may be something else.
        check_target(&self.target)?;
        self.part.replace(&self.target, wanted)
    }

    fn refuse(&self, at: NavigationIndex, why: String) -> SourceError {
        SourceError::Invalid {
            what: format!("{}: scan position {at} {why}", self.target.display()),
            remedy: "this is a fault of the operation that computed it: please report it".into(),
        }
    }

    fn check_frame(&self, at: NavigationIndex, frame: &Frame) -> Result<(), SourceError> {
        let shape = self.meta.axes.signal_shape();
        if frame.shape() == shape && frame.element() == self.meta.element {
            return Ok(());
        }
        Err(self.refuse(
            at,
            format!(
                "has a frame of shape {:?} {}, {shape:?} {} expected",
                frame.shape(),
                frame.element(),
                self.meta.element
            ),
        ))
    }

    /// Notes that a position was given; twice is an error.
    fn mark(&self, at: NavigationIndex) -> Result<(), SourceError> {
        let flat = at.flat(&self.navigation);
        let mut seen = lock(&self.seen);
        let (word, bit) = (flat / 64, 1u64 << (flat % 64));
        if seen[word] & bit != 0 {
            return Err(self.refuse(at, "was written twice".into()));
        }
        seen[word] |= bit;
        Ok(())
    }

    fn write_frame(&self, at: NavigationIndex, frame: &Frame) -> Result<(), SourceError> {
        let (chunk, place) = self.layout.place(&self.navigation, at);
        let pixels = frame.as_bytes();
        let complete = {
            let mut begun = lock(&self.begun);
            let entry = begun.entry(chunk).or_insert_with(|| Begun {
                bytes: vec![0; self.layout.run * pixels.len()],
                peaks: Vec::new(),
                missing: self.layout.positions(&self.navigation, chunk),
            });
            entry.bytes[place * pixels.len()..(place + 1) * pixels.len()].copy_from_slice(pixels);
            entry.missing -= 1;
            if entry.missing > 0 {
                return Ok(());
            }
            begun.remove(&chunk)
        };
        match complete {
            Some(complete) => {
                self.write_encoded(&self.layout.file(&self.navigation, chunk), complete.bytes)
            }
            None => Ok(()),
        }
    }

    fn write_peaks(&self, at: NavigationIndex, peaks: &Arc<Peaks>) -> Result<(), SourceError> {
        let (chunk, place) = self.layout.place(&self.navigation, at);
        let complete = {
            let mut begun = lock(&self.begun);
            let entry = begun.entry(chunk).or_insert_with(|| Begun {
                bytes: Vec::new(),
                peaks: vec![None; self.layout.run],
                missing: self.layout.positions(&self.navigation, chunk),
            });
            entry.peaks[place] = Some(peaks.clone());
            entry.missing -= 1;
            if entry.missing > 0 {
                return Ok(());
            }
            begun.remove(&chunk)
        };
        let Some(complete) = complete else {
            return Ok(());
        };
        let (lists, shapes) = ragged_chunks(&complete.peaks);
        let file = self.layout.file(&self.navigation, chunk);
        let sibling = self.layout.folder.with_file_name("_ragged_shapes_data");
        let beside = match file.strip_prefix(&self.layout.folder) {
            Ok(inside) => sibling.join(inside),
            Err(_) => sibling,
        };
        write_file(&file, &lists)?;
        write_file(&beside, &shapes)
    }

    /// The images of a map, chunk by chunk.
    fn write_images(&self) -> Result<(), SourceError> {
        let shape = &self.layout.shape;
        let grid: Vec<usize> = shape
            .iter()
            .zip(&self.layout.chunks)
            .map(|(size, chunk)| size.div_ceil(*chunk))
            .collect();
        let images = lock(&self.images);
        for flat in 0..grid.iter().product() {
            let at = unravel(flat, &grid);
            let origin: Vec<usize> = at
                .iter()
                .zip(&self.layout.chunks)
                .map(|(index, chunk)| index * chunk)
                .collect();
            // A chunk is a run of whole rows of one image, so its values follow each other.
            let first = origin
                .iter()
                .zip(shape)
                .fold(0, |flat, (index, size)| flat * size + index);
            let partial = (self.layout.chunks.iter())
                .position(|size| *size > 1)
                .unwrap_or(shape.len() - 1);
            let row: usize = shape[partial + 1..].iter().product();
            let present = self.layout.chunks[partial].min(shape[partial] - origin[partial]) * row;
            let count: usize = self.layout.chunks.iter().product();
            let mut values = images[first..first + present].to_vec();
            values.resize(count, 0.0);
            let bytes = values
                .iter()
                .flat_map(|value| value.to_ne_bytes())
                .collect();
            self.write_encoded(&self.layout.file_at(at), bytes)?;
        }
        Ok(())
    }

    fn write_encoded(&self, file: &Path, bytes: Vec<u8>) -> Result<(), SourceError> {
        let unencodable = |reason: String| SourceError::Io {
            path: file.into(),
            reason,
        };
        let array = self
            .array
            .as_ref()
            .ok_or_else(|| unencodable("the array was not made".into()))?;
        let shape = array
            .chunk_shape(&vec![0; array.dimensionality()])
            .map_err(|error| unencodable(error.to_string()))?;
        let encoded: Cow<'_, [u8]> = array
            .codecs()
            .encode(
                ArrayBytes::new_flen(bytes),
                &shape,
                array.data_type(),
                array.fill_value(),
                &CodecOptions::default().with_concurrent_target(1),
            )
            .map_err(|error| unencodable(error.to_string()))?;
        write_file(file, &encoded)
    }
}

/// A poisoned lock means a panic elsewhere; the counts inside stay true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_target(path: &Path) -> Result<(), SourceError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        return Err(not_found(parent));
    }
    let named = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("zspy"));
    if !named {
        return Err(SourceError::Unsupported {
            path: path.into(),
            reason: "results are written as `.zspy`; give a name with that ending".into(),
        });
    }
    if path.exists() && !path.join(".zgroup").is_file() {
        return Err(SourceError::Unsupported {
            path: path.into(),
            reason:
                "it exists and is no `.zspy` folder, so it is not replaced; choose another name"
                    .into(),
        });
    }
    Ok(())
}

/// hyperspy's rule: the title without slashes.
fn experiment_name(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|character| match character {
            '/' | '\\' => '-',
            character if character.is_control() => ' ',
            character => character,
        })
        .take(80)
        .collect();
    match name.trim().trim_start_matches('.') {
        "" => "__unnamed__".into(),
        name => name.into(),
    }
}

fn open_array(folder: &Path) -> Result<Array<FilesystemStore>, SourceError> {
    let failed = |reason: String| SourceError::Io {
        path: folder.into(),
        reason,
    };
    let metadata = json::read(&folder.join(".zarray"))?.unwrap_or_default();
    let metadata: ArrayMetadata =
        serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
    let store = FilesystemStore::new(folder).map_err(|error| failed(error.to_string()))?;
    Array::new_with_metadata(Arc::new(store), "/", metadata)
        .map_err(|error| failed(error.to_string()))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SourceError> {
    let written = std::fs::write(path, bytes).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, bytes)
        }
        _ => Err(error),
    });
    written.map_err(|error| io_error(path, &error))
}

fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, size) in index.iter_mut().zip(shape).rev() {
        *index = flat % size;
        flat /= size;
    }
    index
}
