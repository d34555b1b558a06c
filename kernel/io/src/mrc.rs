//! MRC image stacks (`.mrc`, `.mrcs`), memory-mapped; also Direct Electron movies with their side file.
//!
//! Specification: MRC2014, <https://www.ccpem.ac.uk/mrc-format/mrc2014/>; the FEI extended header holds
//! the pixel size of each frame. The file knows a number of frames, not a scan: its shape comes from
//! [`OpenOptions::scan`], else from a Direct Electron `…_info.txt`, else the frames are one series.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use signal::{Axes, Axis, ElementType, SignalMeta, Source, SourceError};

use crate::binary::{FixedStride, Layout};
use crate::direct_electron::SideFile;
use crate::format::{Candidate, Format, FormatInfo};
use crate::options::OpenOptions;
use crate::registry::io_error;

const HEADER_BYTES: usize = 1024;
/// Length of the extended header that FEI writes: 1024 records of 128 bytes.
const FEI_EXTENDED_BYTES: u32 = 131_072;
/// No detector has more pixels along one side.
const MOST_PIXELS: u32 = 1 << 17;

pub struct Mrc;

impl Format for Mrc {
    fn info(&self) -> FormatInfo {
        FormatInfo {
            name: "mrc",
            extensions: &["mrc", "mrcs"],
            summary: "MRC stack of frames, memory-mapped; the scan shape comes from a Direct Electron side file or from `scan`.",
            specification: "https://www.ccpem.ac.uk/mrc-format/mrc2014/",
        }
    }

    fn sniff(&self, candidate: &Candidate<'_>) -> bool {
        !candidate.is_directory
            && (candidate.has_extension(self.info())
                || candidate
                    .head
                    .get(208..212)
                    .is_some_and(|word| word == b"MAP "))
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
        options.refuse_dataset(path, self.info().name)?;
        let header = Header::read(path)?;
        let side = SideFile::beside(path)?;
        let scan = Scan::choose(path, &header, options, side.as_ref())?;
        let axes = axes(&header, &scan, side.as_ref());
        options.check_signal_axes(path, &axes)?;
        let axes = options.replace_axes(path, axes)?;
        let title = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut meta = SignalMeta::frames(title, axes, header.element);
        meta.notes = scan.notes;
        if header.mode == 0 {
            meta.notes.insert(
                "mode_0".into(),
                json!("read as unsigned 8 bit, as detectors write it; MRC2014 calls it signed"),
            );
        }
        meta.original = json!({
            "mrc_header": header.original(),
            "side_file": side.map_or(Value::Null, SideFile::into_json),
        });
        let layout = Layout {
            offset: header.start,
            swapped: header.big_endian != cfg!(target_endian = "big"),
            fortran: false,
        };
        Ok(Arc::new(FixedStride::open(path, meta, layout)?))
    }
}

/// How the frames of the file are laid over scan positions.
struct Scan {
    navigation: Vec<usize>,
    notes: Map<String, Value>,
}

impl Scan {
    fn choose(
        path: &Path,
        header: &Header,
        options: &OpenOptions,
        side: Option<&SideFile>,
    ) -> Result<Self, SourceError> {
        let mut notes = Map::new();
        let present = header.frames_present();
        let stored = header.frames.min(present);
        if stored < header.frames {
            notes.insert(
                "incomplete".into(),
                json!(format!(
                    "the header announces {} frames, {present} are in the file",
                    header.frames
                )),
            );
        }
        if let Some((ny, nx)) = options.scan {
            let wanted = (ny as u64).saturating_mul(nx as u64);
            if wanted > header.frames {
                return Err(SourceError::Invalid {
                    what: format!(
                        "{}: scan = ({ny}, {nx}) has {wanted} positions, the file has {} frames",
                        path.display(),
                        header.frames
                    ),
                    remedy: "give (ny, nx), rows first, with at most as many positions as frames"
                        .into(),
                });
            }
            if wanted > present {
                return Err(header.truncated(path, wanted));
            }
            note_left_over(&mut notes, stored - wanted);
            return Ok(Scan {
                navigation: vec![ny, nx],
                notes,
            });
        }
        if let Some((ny, nx)) = side.and_then(SideFile::scan_shape) {
            let rows = (ny as u64).min(stored / nx as u64);
            if rows > 0 {
                if rows < ny as u64 {
                    notes.insert(
                        "incomplete".into(),
                        json!(format!("{rows} of {ny} scan rows were acquired")),
                    );
                }
                note_left_over(&mut notes, stored - rows * nx as u64);
                return Ok(Scan {
                    navigation: vec![rows as usize, nx],
                    notes,
                });
            }
        }
        if stored == 0 {
            return Err(header.truncated(path, 1));
        }
        let navigation = if header.frames == 1 {
            Vec::new()
        } else {
            vec![stored as usize]
        };
        Ok(Scan { navigation, notes })
    }
}

fn note_left_over(notes: &mut Map<String, Value>, frames: u64) {
    if frames > 0 {
        notes.insert("frames_after_the_scan".into(), json!(frames));
    }
}

fn axes(header: &Header, scan: &Scan, side: Option<&SideFile>) -> Axes {
    let scanned = scan.navigation.len() == 2;
    let (y_step, x_step) = side
        .and_then(SideFile::scan_step_nm)
        .map_or((None, None), |(y, x)| (Some(y), Some(x)));
    let navigation = match scan.navigation.as_slice() {
        [ny, nx] => vec![
            calibrated("y", *ny, y_step, "nm"),
            calibrated("x", *nx, x_step, "nm"),
        ],
        [frames] => vec![Axis::pixels("frame", *frames)],
        _ => Vec::new(),
    };
    let diffraction = side.and_then(SideFile::diffraction_step);
    let signal = if scanned || diffraction.is_some() {
        let (y, x) = diffraction.map_or((None, None), |(y, x)| (Some(y), Some(x)));
        vec![
            calibrated("ky", header.rows, y, "1/nm"),
            calibrated("kx", header.columns, x, "1/nm"),
        ]
    } else {
        let (y, x) = header
            .pixel_nm
            .map_or((None, None), |(y, x)| (Some(y), Some(x)));
        vec![
            calibrated("y", header.rows, y, "nm"),
            calibrated("x", header.columns, x, "nm"),
        ]
    };
    Axes::new(navigation, signal)
}

fn calibrated(name: &str, size: usize, scale: Option<f64>, units: &str) -> Axis {
    match scale.filter(|scale| scale.is_finite() && *scale > 0.0) {
        Some(scale) => Axis::new(name, size, scale, 0.0, units),
        None => Axis::pixels(name, size),
    }
}

struct Header {
    columns: usize,
    rows: usize,
    /// Frames the header announces.
    frames: u64,
    mode: u32,
    element: ElementType,
    big_endian: bool,
    /// First byte of the first frame.
    start: u64,
    file_bytes: u64,
    /// Pixel size (y, x) in nm from the cell or the FEI extended header.
    pixel_nm: Option<(f64, f64)>,
    labels: Vec<String>,
}

impl Header {
    fn read(path: &Path) -> Result<Self, SourceError> {
        let mut file = File::open(path).map_err(|error| io_error(path, &error))?;
        let file_bytes = file
            .metadata()
            .map_err(|error| io_error(path, &error))?
            .len();
        if file_bytes < HEADER_BYTES as u64 {
            return Err(SourceError::Truncated {
                path: path.into(),
                expected_bytes: HEADER_BYTES as u64,
                found_bytes: file_bytes,
                place: "header".into(),
            });
        }
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact(&mut bytes)
            .map_err(|error| io_error(path, &error))?;
        let words = Words {
            bytes: &bytes,
            big_endian: bytes[212] == 0x11,
        };
        let [columns, rows, frames, mode] = [0, 4, 8, 12].map(|at| words.u32(at));
        let plausible = |size: u32| (1..=MOST_PIXELS).contains(&size);
        if !plausible(columns) || !plausible(rows) || frames == 0 || frames > i32::MAX as u32 {
            return Err(SourceError::Decode {
                path: path.into(),
                place: "the MRC header".into(),
                reason: format!("it announces {frames} frames of {rows} x {columns} pixels"),
            });
        }
        let element = element(path, mode)?;
        let extended = words.u32(92);
        let mut extra = [0; 128];
        let fei = extended == FEI_EXTENDED_BYTES && file.read_exact(&mut extra).is_ok();
        let pixel_nm = match fei {
            true => fei_pixel_nm(&extra, words.big_endian),
            false => None,
        };
        Ok(Header {
            columns: columns as usize,
            rows: rows as usize,
            frames: u64::from(frames),
            mode,
            element,
            big_endian: words.big_endian,
            start: HEADER_BYTES as u64 + u64::from(extended),
            file_bytes,
            pixel_nm: pixel_nm.or_else(|| cell_pixel_nm(&words)),
            labels: labels(&words),
        })
    }

    fn frame_bytes(&self) -> u64 {
        self.rows as u64 * self.columns as u64 * self.element.size_bytes() as u64
    }

    /// Whole frames the file has room for.
    fn frames_present(&self) -> u64 {
        self.file_bytes.saturating_sub(self.start) / self.frame_bytes()
    }

    fn truncated(&self, path: &Path, frames: u64) -> SourceError {
        SourceError::Truncated {
            path: path.into(),
            expected_bytes: self.start + frames * self.frame_bytes(),
            found_bytes: self.file_bytes,
            place: format!("{} of {frames} frames are there", self.frames_present()),
        }
    }

    fn original(&self) -> Value {
        json!({
            "NX": self.columns, "NY": self.rows, "NZ": self.frames, "MODE": self.mode,
            "data_begin": self.start,
            "pixel_nm": self.pixel_nm.map(|(y, x)| [y, x]),
            "labels": self.labels,
        })
    }
}

fn element(path: &Path, mode: u32) -> Result<ElementType, SourceError> {
    let unsupported = |name: &str| {
        Err(SourceError::Unsupported {
            path: path.into(),
            reason: format!(
                "MRC mode {mode} ({name}); modes 0, 1, 2 and 6 (8 and 16 bit, float32) are read"
            ),
        })
    };
    match mode {
        0 => Ok(ElementType::U8),
        1 => Ok(ElementType::I16),
        2 => Ok(ElementType::F32),
        6 => Ok(ElementType::U16),
        3 | 4 => unsupported("complex"),
        12 => unsupported("float16"),
        101 => unsupported("4 bit"),
        _ => unsupported("unknown"),
    }
}

/// Pixel size from cell length (Å) over sampling; all-zero cells are uncalibrated.
fn cell_pixel_nm(words: &Words<'_>) -> Option<(f64, f64)> {
    let step = |cell: usize, samples: usize| {
        let samples = words.u32(samples);
        let length = f64::from(words.f32(cell));
        (samples > 0 && length.is_finite() && length > 0.0)
            .then(|| length / f64::from(samples) / 10.0)
    };
    Some((step(44, 32)?, step(40, 28)?))
}

/// `pixel_size` in metres at byte 44 of the first FEI record.
fn fei_pixel_nm(record: &[u8], big_endian: bool) -> Option<(f64, f64)> {
    let words = Words {
        bytes: record,
        big_endian,
    };
    let metres = f64::from(words.f32(44));
    (metres.is_finite() && metres > 0.0 && metres < 1e-3).then_some((metres * 1e9, metres * 1e9))
}

/// The text labels: ten of 80 characters, as many as announced.
fn labels(words: &Words<'_>) -> Vec<String> {
    words.bytes[224..]
        .chunks_exact(80)
        .take(words.u32(220).min(10) as usize)
        .map(|label| {
            String::from_utf8_lossy(label)
                .trim_matches(|character: char| character == '\0' || character.is_whitespace())
                .to_owned()
        })
        .filter(|label| !label.is_empty())
        .collect()
}

struct Words<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Words<'_> {
    fn u32(&self, at: usize) -> u32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.bytes[at..at + 4]);
        if self.big_endian {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        }
    }

    fn f32(&self, at: usize) -> f32 {
        f32::from_bits(self.u32(at))
    }
}
