//! MRC image stacks (`.mrc`, `.mrcs`), memory-mapped; also Direct Electron movies with their side file.
//!
//! Specification: MRC2014, <https://www.ccpem.ac.uk/mrc-format/mrc2014/>; the FEI extended header holds
//! the pixel size of each frame. The file knows a number of frames, not a scan: its shape comes from
//! [`OpenOptions::scan`], else from a Direct Electron `…_info.txt`, else the frames are one series.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use signal::{Axes, Axis, Caveat, SignalMeta, Source, SourceError};

use crate::format::{Candidate, Format, FormatInfo};
use crate::mrc::direct_electron::SideFile;
use crate::mrc::header::Header;
use crate::options::OpenOptions;
use crate::storage::binary::{FixedStride, Layout};

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
        let mut meta = SignalMeta::frames(title, axes, header.pixel.element);
        meta.caveats = header.caveats.clone();
        meta.caveats.extend(scan.caveats);
        if let Some(caveat) = side
            .as_ref()
            .and_then(|side| side.doubts(header.rows, header.columns))
        {
            meta.caveats.push(caveat);
        }
        meta.original = json!({
            "mrc_header": header.original(),
            "side_file": side.map_or(Value::Null, SideFile::into_json),
        });
        let layout = Layout {
            offset: header.start,
            pixel: header.pixel,
            fortran: false,
        };
        Ok(Arc::new(FixedStride::open(path, meta, layout)?))
    }
}

/// How the frames of the file are laid over scan positions.
struct Scan {
    navigation: Vec<usize>,
    caveats: Vec<Caveat>,
}

impl Scan {
    fn choose(
        path: &Path,
        header: &Header,
        options: &OpenOptions,
        side: Option<&SideFile>,
    ) -> Result<Self, SourceError> {
        let stored = header.frames.min(header.present);
        if let Some((ny, nx)) = options.scan {
            let wanted = (ny as u64).saturating_mul(nx as u64);
            if wanted > header.frames.max(header.present) {
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
            if wanted > header.present {
                return Err(header.truncated(path, wanted));
            }
            return Ok(Scan {
                navigation: vec![ny, nx],
                caveats: left_over(stored.saturating_sub(wanted)),
            });
        }
        if stored == 0 {
            return Err(header.truncated(path, 1));
        }
        let mut caveats = Vec::new();
        if let Some((ny, nx)) = side.and_then(SideFile::scan_shape) {
            let rows = (ny as u64).min(stored / nx as u64);
            if rows < ny as u64 {
                caveats.push(Caveat::new(
                    "incomplete_scan",
                    match rows {
                        0 => format!(
                            "the side file speaks of a scan of ({ny}, {nx}) positions, and the movie has {stored} frames, less than one row: they are shown as a series"
                        ),
                        rows => format!("{rows} of {ny} scan rows were acquired"),
                    },
                ));
            }
            if rows > 0 {
                caveats.extend(left_over(stored - rows * nx as u64));
                return Ok(Scan {
                    navigation: vec![rows as usize, nx],
                    caveats,
                });
            }
        }
        let navigation = if header.frames == 1 {
            Vec::new()
        } else {
            vec![stored as usize]
        };
        Ok(Scan {
            navigation,
            caveats,
        })
    }
}

fn left_over(frames: u64) -> Vec<Caveat> {
    let text = format!("{frames} frames after the last scan position are not read");
    (frames > 0)
        .then(|| Caveat::new("frames_after_the_scan", text))
        .into_iter()
        .collect()
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
