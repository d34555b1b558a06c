//! NumPy arrays (`.npy`), memory-mapped.
//!
//! Specification: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//! The file says nothing about axes: the last two are the frame unless [`OpenOptions`] says otherwise.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{Axes, Caveat, NpyFault, NpyHeader, SignalMeta, Source, SourceError};

use crate::error::io_error;
use crate::format::{Candidate, Format, FormatInfo};
use crate::metadata::axes::{own_axes, own_axes_unfit};
use crate::metadata::tree::describe;
use crate::numpy::npy_write::{ends, sidecar_of};
use crate::options::OpenOptions;
use crate::storage::binary::{FixedStride, Layout};
use crate::storage::json;
use crate::storage::pixel::{NoPixel, Pixel, Tool};

pub struct Npy;

impl Format for Npy {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "npy",
            extensions: &["npy"],
            summary: "NumPy array, memory-mapped; the last two axes are the frame unless told otherwise.",
            specification: "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        !candidate.is_directory
            && (candidate.head.starts_with(NpyHeader::MAGIC)
                || candidate.has_extension(self.info()))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        options.refuse_dataset(path, self.info().name)?;
        let header = Header::read(path)?;
        let layout = Layout {
            offset: header.start,
            pixel: header.pixel,
            fortran: header.fortran,
        };
        let axes = options.axes_of_shape(path, &header.shape)?;
        let sidecar = sidecar(path)?;
        if options.scan.is_none()
            && let Some(own) = own_axes(&sidecar["axes"], &header.shape)
        {
            let own = match options.signal_axes {
                Some(signal_axes) => split(own, signal_axes),
                None => own,
            };
            let axes = options.replace_axes(path, own)?;
            let (metadata, original) = (
                sidecar["metadata"].clone(),
                sidecar["original_metadata"].clone(),
            );
            let element = header.pixel.element;
            let mut meta = describe(path, axes, element, metadata, original, Vec::new());
            meta.caveats.extend(header.left_over());
            return Ok(Arc::new(FixedStride::open(path, meta, layout)?));
        }
        if let Some((ny, nx)) = options.scan {
            check_scan(path, &header, axes.signal.len(), ny, nx)?;
        }
        let axes = options.replace_axes(path, axes)?;
        let title = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut meta = SignalMeta::frames(title, axes, header.pixel.element);
        meta.caveats.extend(header.left_over());
        let unused = options.axes.is_none() && options.scan.is_none();
        if unused && is_own(&json::read(&sidecar_of(path))?) {
            let name = sidecar_of(path);
            let name = name.file_name().unwrap_or_default().to_string_lossy();
            meta.add_caveat(own_axes_unfit(&format!("{name} beside it")));
        }
        if header.fortran {
            meta.notes.insert(
                "storage".into(),
                json!("fortran_order: every frame is gathered from the whole file; save a C-order copy for speed"),
            );
        }
        Ok(Arc::new(FixedStride::open(path, meta, layout)?))
    }
}

/// The same axes, of which the last `signal_axes` are those of the frame.
fn split(axes: Axes, signal_axes: usize) -> Axes {
    let mut navigation = [axes.navigation, axes.signal].concat();
    let signal = navigation.split_off(navigation.len() - signal_axes);
    Axes::new(navigation, signal)
}

/// What this project wrote beside an array; null when there is nothing, or it belongs to another array.
///
/// # Errors
/// [`SourceError::Header`] when it is there and is no JSON.
pub fn sidecar(path: &Path) -> Result<Value, SourceError> {
    let Some(sidecar) = json::read(&sidecar_of(path))? else {
        return Ok(Value::Null);
    };
    let (bytes, checksum) = ends(path).map_err(|error| io_error(path, &error))?;
    if sidecar["array"] == json!({"bytes": bytes, "crc32c_of_ends": checksum}) {
        Ok(sidecar)
    } else {
        Ok(Value::Null)
    }
}

/// Whether this project wrote what lies beside an array.
fn is_own(sidecar: &Option<Value>) -> bool {
    (sidecar.as_ref()).is_some_and(|sidecar| sidecar["array"]["crc32c_of_ends"].is_number())
}

/// The scan may only give the navigation axes another shape, never another number of positions.
fn check_scan(
    path: &Path,
    header: &Header,
    signal_rank: usize,
    ny: usize,
    nx: usize,
) -> Result<(), SourceError> {
    let navigation = &header.shape[..header.shape.len() - signal_rank];
    let positions = navigation.iter().copied().try_fold(1, usize::checked_mul);
    let reshaped = navigation != [ny, nx];
    if ny.checked_mul(nx) != positions || (header.fortran && reshaped) {
        return Err(SourceError::Invalid {
            what: format!(
                "{}: scan = ({ny}, {nx}) has {} positions, the array of shape {:?} has {}{}",
                path.display(),
                ny.saturating_mul(nx),
                header.shape,
                positions.map_or_else(|| "too many".into(), |positions| positions.to_string()),
                if header.fortran {
                    " and is stored in Fortran order, which cannot be reshaped"
                } else {
                    ""
                },
            ),
            remedy: match header.fortran {
                true => "leave `scan` out, or write it again in C order, in Python `np.save(\"again.npy\", np.ascontiguousarray(array))`".into(),
                false => "give (ny, nx), rows first, so that ny · nx is the number of frames".into(),
            },
        });
    }
    Ok(())
}

#[derive(Debug)]
struct Header {
    pixel: Pixel,
    fortran: bool,
    shape: Vec<usize>,
    /// First byte of the pixels.
    start: u64,
    file_bytes: u64,
}

impl Header {
    /// `np.save` to an open file puts arrays one after the other, and the header tells of the first only.
    fn left_over(&self) -> Option<Caveat> {
        let pixels =
            (self.shape.iter()).try_fold(1u64, |all, size| all.checked_mul(*size as u64))?;
        let end = (pixels.checked_mul(self.pixel.bytes() as u64)?).checked_add(self.start)?;
        let left = self.file_bytes.checked_sub(end).filter(|left| *left > 0)?;
        Some(Caveat::new(
            "bytes_after_the_array",
            format!(
                "the file goes on for {left} bytes after the array its header describes; they are not read"
            ),
        ))
    }

    fn read(path: &Path) -> Result<Self, SourceError> {
        let mut file = File::open(path).map_err(|error| io_error(path, &error))?;
        let length = file
            .metadata()
            .map_err(|error| io_error(path, &error))?
            .len();
        let mut prefix = [0u8; NpyHeader::PREFIX_BYTES];
        let there = length.min(prefix.len() as u64) as usize;
        file.read_exact(&mut prefix[..there])
            .map_err(|error| io_error(path, &error))?;
        let prefix = &prefix[..there];
        let refuse = |fault| refused(path, fault, prefix, length);
        let range = NpyHeader::text_range(prefix).map_err(refuse)?;
        if range.end > length {
            let expected_bytes = range.end;
            return Err(refuse(NpyFault::CutOff { expected_bytes }));
        }
        let mut text = vec![0; (range.end - range.start) as usize];
        file.seek(SeekFrom::Start(range.start))
            .and_then(|_| file.read_exact(&mut text))
            .map_err(|error| io_error(path, &error))?;
        let found = NpyHeader::parse(&String::from_utf8_lossy(&text), range.end);
        let found = found.map_err(refuse)?;
        let pixel = pixel_of(&found).map_err(|found| found.refused(path, Tool::NumPy))?;
        if found.shape.is_empty() {
            return Err(SourceError::unsupported(
                path,
                "the array is a single number, not frames",
                "print it in Python: `np.load(FILE)`",
            ));
        }
        Ok(Header {
            pixel,
            fortran: found.fortran,
            shape: found.shape,
            start: found.start,
            file_bytes: length,
        })
    }
}

/// Why a file of so many bytes is not read.
fn refused(path: &Path, fault: NpyFault, prefix: &[u8], length: u64) -> SourceError {
    match fault {
        NpyFault::CutOff { expected_bytes } => SourceError::Truncated {
            path: path.into(),
            expected_bytes,
            found_bytes: length,
            place: "header".into(),
        },
        NpyFault::OtherFile => {
            let (reason, remedy) = match prefix.is_ascii() {
                true => (
                    "the file is a text, not what `np.save` writes",
                    "if it is a table of numbers, write it again in Python: `np.save(\"again.npy\", np.loadtxt(FILE))`; if not, open another file",
                ),
                false => (
                    "it does not begin with \\x93NUMPY",
                    "if it is a file of another format, give it that ending; if not, write it again with `np.save`",
                ),
            };
            SourceError::header(path, "the npy header", reason, remedy)
        }
        NpyFault::Version(version) => SourceError::unsupported(
            path,
            format!("npy format version {version}; versions 1 to 3 are read"),
            "in Python, write it again: `np.save(\"again.npy\", np.load(FILE))`",
        ),
        NpyFault::Damaged(reason) => SourceError::damaged(path, "the npy header", &reason),
    }
}

fn pixel_of(header: &NpyHeader) -> Result<Pixel, NoPixel> {
    match (header.dtype(), header.fields()) {
        (Some(dtype), _) => Pixel::from_numpy(dtype),
        (None, Some(fields)) => Pixel::from_fields(&fields),
        (None, None) => Err(NoPixel::other(
            "of a type that the header does not tell".into(),
        )),
    }
}
