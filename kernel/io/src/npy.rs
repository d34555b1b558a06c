//! NumPy arrays (`.npy`), memory-mapped.
//!
//! Specification: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//! The file says nothing about axes: the last two are the frame unless [`OpenOptions`] says otherwise.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use signal::{ElementType, SignalMeta, Source, SourceError};

use crate::binary::{FixedStride, Layout, element};
use crate::format::{Candidate, Format, FormatInfo};
use crate::hyperspy_tree::{describe, own_axes};
use crate::json;
use crate::npy_write::{ends, sidecar_of};
use crate::options::OpenOptions;
use crate::registry::io_error;

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
            swapped: header.swapped,
            fortran: header.fortran,
        };
        let sidecar = sidecar(path)?;
        if options.scan.is_none()
            && options.signal_axes.is_none()
            && let Some(own) = own_axes(&sidecar["axes"], &header.shape)
        {
            let axes = options.replace_axes(path, own)?;
            let (metadata, original) = (
                sidecar["metadata"].clone(),
                sidecar["original_metadata"].clone(),
            );
            let meta = describe(path, axes, header.element, metadata, original, Map::new());
            return Ok(Arc::new(FixedStride::open(path, meta, layout)?));
        }
        let axes = options.axes_of_shape(path, &header.shape)?;
        if let Some((ny, nx)) = options.scan {
            check_scan(path, &header, axes.signal.len(), ny, nx)?;
        }
        let axes = options.replace_axes(path, axes)?;
        let title = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut meta = SignalMeta::frames(title, axes, header.element);
        if header.fortran {
            meta.notes.insert(
                "storage".into(),
                json!("fortran_order: every frame is gathered from the whole file; save a C-order copy for speed"),
            );
        }
        Ok(Arc::new(FixedStride::open(path, meta, layout)?))
    }
}

/// What this project wrote beside an array; null when there is nothing, or it belongs to another array.
///
/// # Errors
/// [`SourceError::Decode`] when it is there and is no JSON.
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
            remedy: "give (ny, nx), rows first, so that ny · nx is the number of frames".into(),
        });
    }
    Ok(())
}

#[derive(Debug)]
struct Header {
    element: ElementType,
    swapped: bool,
    fortran: bool,
    shape: Vec<usize>,
    /// First byte of the pixels.
    start: u64,
}

impl Header {
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
        if length < 12 {
            return Err(truncated(12));
        }
        file.read_exact(&mut prefix)
            .map_err(|error| io_error(path, &error))?;
        if !prefix.starts_with(MAGIC) {
            return Err(damaged(path, "it does not begin with \\x93NUMPY"));
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
                return Err(SourceError::Unsupported {
                    path: path.into(),
                    reason: format!("npy format version {version}; versions 1 to 3 are read"),
                });
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
        Header::parse(path, &String::from_utf8_lossy(&text), start)
    }

    /// `{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4, 5), }`
    fn parse(path: &Path, text: &str, start: u64) -> Result<Self, SourceError> {
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
        let dtype = descr
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once('\''))
            .map_or(descr, |(inside, _)| inside);
        let (element, swapped) = dtype_element(dtype).ok_or_else(|| SourceError::Unsupported {
            path: path.into(),
            reason: format!(
                "its pixels are numpy `{}`; integers, float32 and float64 are read (convert with array.astype)",
                dtype.chars().take(40).collect::<String>()
            ),
        })?;
        if shape.is_empty() {
            return Err(damaged(path, "the array is a single number, not frames"));
        }
        Ok(Header {
            element,
            swapped,
            fortran: fortran && shape.len() > 1,
            shape,
            start,
        })
    }
}

/// Pixel type and whether bytes must be swapped, from numpy's `<u2`.
pub(crate) fn dtype_element(dtype: &str) -> Option<(ElementType, bool)> {
    let mut characters = dtype.chars();
    let order = characters.next()?;
    let kind = characters.next()?;
    let element = element(kind, characters.as_str().parse().ok()?)?;
    let big = match order {
        '>' => true,
        '<' => false,
        '|' | '=' => cfg!(target_endian = "big"),
        _ => return None,
    };
    let swapped = element.size_bytes() > 1 && big != cfg!(target_endian = "big");
    Some((element, swapped))
}

fn damaged(path: &Path, reason: &str) -> SourceError {
    SourceError::Decode {
        path: path.into(),
        place: "the npy header".into(),
        reason: reason.into(),
    }
}
