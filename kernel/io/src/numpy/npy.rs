//! NumPy arrays (`.npy`), memory-mapped.
//!
//! Specification: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//! The file says nothing about axes: the last two are the frame unless [`OpenOptions`] says otherwise.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{Axes, Caveat, SignalMeta, Source, SourceError};

use crate::error::io_error;
use crate::format::{Candidate, Format, FormatInfo};
use crate::metadata::axes::{own_axes, own_axes_unfit};
use crate::metadata::tree::describe;
use crate::numpy::npy_write::{ends, sidecar_of};
use crate::options::OpenOptions;
use crate::storage::binary::{FixedStride, Layout};
use crate::storage::json;
use crate::storage::pixel::{NoPixel, Pixel, Tool};

const MAGIC: &[u8] = b"\x93NUMPY";
/// A header that is longer than this is not a header.
const MOST_HEADER_BYTES: u64 = 1 << 20;

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
            && (candidate.head.starts_with(MAGIC) || candidate.has_extension(self.info()))
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
        let mut prefix = [0u8; 12];
        let truncated = |expected_bytes| SourceError::Truncated {
            path: path.into(),
            expected_bytes,
            found_bytes: length,
            place: "header".into(),
        };
        let there = length.min(12) as usize;
        file.read_exact(&mut prefix[..there])
            .map_err(|error| io_error(path, &error))?;
        let of_magic = there.min(MAGIC.len());
        // A short file of another kind is not cut off.
        if prefix[..of_magic] == MAGIC[..of_magic] && there < 12 {
            return Err(truncated(12));
        }
        if !prefix.starts_with(MAGIC) {
            let (reason, remedy) = match prefix[..there].is_ascii() {
                true => (
                    "the file is a text, not what `np.save` writes",
                    "if it is a table of numbers, write it again in Python: `np.save(\"again.npy\", np.loadtxt(FILE))`; if not, open another file",
                ),
                false => (
                    "it does not begin with \\x93NUMPY",
                    "if it is a file of another format, give it that ending; if not, write it again with `np.save`",
                ),
            };
            return Err(SourceError::header(path, "the npy header", reason, remedy));
        }
        let (header_start, header_bytes) = match prefix[6] {
            1 => (10, u64::from(u16::from_le_bytes([prefix[8], prefix[9]]))),
            2 | 3 => (
                12,
                u64::from(u32::from_le_bytes([
                    prefix[8], prefix[9], prefix[10], prefix[11],
                ])),
            ),
            version => {
                return Err(SourceError::unsupported(
                    path,
                    format!("npy format version {version}; versions 1 to 3 are read"),
                    "in Python, write it again: `np.save(\"again.npy\", np.load(FILE))`",
                ));
            }
        };
        let start = header_start + header_bytes;
        if header_bytes > MOST_HEADER_BYTES {
            return Err(damaged(path, &format!("a header of {header_bytes} bytes")));
        }
        if start > length {
            return Err(truncated(start));
        }
        let mut text = vec![0; header_bytes as usize];
        file.seek(SeekFrom::Start(header_start))
            .and_then(|_| file.read_exact(&mut text))
            .map_err(|error| io_error(path, &error))?;
        Header::parse(path, &String::from_utf8_lossy(&text), start, length)
    }

    /// `{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4, 5), }`
    fn parse(path: &Path, text: &str, start: u64, file_bytes: u64) -> Result<Self, SourceError> {
        let field = |name: &str| {
            let at = text
                .find(&format!("'{name}'"))
                .ok_or_else(|| damaged(path, &format!("the header has no '{name}'")))?;
            let value = &text[at + name.len() + 2..];
            Ok::<&str, SourceError>(value.trim_start().trim_start_matches(':').trim_start())
        };
        let descr = field("descr")?;
        let fortran = match field("fortran_order")? {
            value if value.starts_with("True") => true,
            value if value.starts_with("False") => false,
            _ => return Err(damaged(path, "fortran_order is neither True nor False")),
        };
        let shape = field("shape")?
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(inside, _)| inside)
            .ok_or_else(|| damaged(path, "the shape is not a tuple"))?
            .split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty())
            .map(|size| size.trim_end_matches('L').parse::<usize>().ok())
            .collect::<Option<Vec<usize>>>()
            .ok_or_else(|| damaged(path, "the shape has entries that are not sizes"))?;
        let pixel = pixel_of(descr).map_err(|found| found.refused(path, Tool::NumPy))?;
        if shape.is_empty() {
            return Err(SourceError::unsupported(
                path,
                "the array is a single number, not frames",
                "print it in Python: `np.load(FILE)`",
            ));
        }
        Ok(Header {
            pixel,
            fortran: fortran && shape.len() > 1,
            shape,
            start,
            file_bytes,
        })
    }
}

/// `'<u2'`, or the fields of a record: `[('R', '|u1'), ('G', '|u1')]`.
fn pixel_of(descr: &str) -> Result<Pixel, NoPixel> {
    let quoted = |text: &str| {
        let inside = text.trim_start().strip_prefix('\'')?.split_once('\'')?.0;
        Some(inside.to_owned())
    };
    if let Some(dtype) = quoted(descr) {
        return Pixel::from_numpy(&dtype);
    }
    let Some((fields, _)) = (descr.strip_prefix('[')).and_then(|rest| rest.split_once(']')) else {
        return Err(NoPixel::other(
            "of a type that the header does not tell".into(),
        ));
    };
    let fields: Vec<(String, String)> = (fields.split('(').skip(1))
        .filter_map(|field| {
            let (name, dtype) = field.split_once(',')?;
            Some((quoted(name)?, quoted(dtype)?))
        })
        .collect();
    Pixel::from_fields(&fields)
}

fn damaged(path: &Path, reason: &str) -> SourceError {
    SourceError::damaged(path, "the npy header", reason)
}
