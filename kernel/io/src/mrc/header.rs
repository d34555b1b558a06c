//! The header of an MRC file, held against the length of the file and against its own stamps.
//!
//! Headers are copied, and fields that nobody needs stay as they were. So the frames lie where the length of
//! the file says they can, and bytes have the sign that most of the header agrees on; whatever is decided
//! against a field of the header, or by a default, is a caveat.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use signal::{Caveat, SourceError};

use crate::error::io_error;
use crate::storage::pixel::{NoPixel, Pixel, Tool};

const HEADER_BYTES: usize = 1024;
/// Length of the extended header that FEI writes: 1024 records of 128 bytes.
const FEI_EXTENDED_BYTES: u32 = 131_072;
/// No detector has more pixels along one side.
const MAX_PIXELS: u32 = 1 << 17;
/// `IMOD` in a file of IMOD or SerialEM, at byte 152; the flags follow it.
const IMOD_STAMP: u32 = 1_146_047_817;
/// NVERSION of MRC2014 and its later editions, in which bytes are signed.
const SIGNED_VERSIONS: std::ops::Range<u32> = 20_140..20_200;
/// Modes of the specifications of MRC2014 and IMOD.
const MODES: [u32; 9] = [0, 1, 2, 3, 4, 6, 12, 16, 101];

pub struct Header {
    pub columns: usize,
    pub rows: usize,
    /// Frames the header announces.
    pub frames: u64,
    /// Whole frames the file has room for.
    pub present: u64,
    pub pixel: Pixel,
    /// First byte of the first frame.
    pub start: u64,
    /// Pixel size (y, x) in nm from the cell or the FEI extended header.
    pub pixel_nm: Option<(f64, f64)>,
    pub caveats: Vec<Caveat>,
    mode: u32,
    file_bytes: u64,
    labels: Vec<String>,
}

impl Header {
    /// # Errors
    /// A header that is cut off, that cannot be true, or that does not fit the length of the file.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let mut file = File::open(path).map_err(|error| io_error(path, &error))?;
        let file_bytes = (file.metadata())
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
        let mut caveats = Vec::new();
        let words = Words::of(&bytes, &mut caveats);
        let [columns, rows, frames, mode] = [0, 4, 8, 12].map(|at| words.u32(at));
        if !words.sizes_are_plausible() {
            return Err(SourceError::damaged(
                path,
                "the MRC header",
                format!("it announces {frames} frames of {rows} x {columns} pixels"),
            ));
        }
        let pixel = pixel(path, mode, &words, &mut caveats)?;
        let frame_bytes = u64::from(rows) * u64::from(columns) * pixel.bytes() as u64;
        let mut record = [0; 128];
        let is_fei = words.u32(92) == FEI_EXTENDED_BYTES && file.read_exact(&mut record).is_ok();
        let fei_nm = is_fei
            .then(|| fei_pixel_nm(&record, words.big_endian))
            .flatten();
        let sizes = Sizes {
            file: file_bytes,
            extended: u64::from(words.u32(92)),
            frame: frame_bytes,
            frames: u64::from(frames),
            extended_is_seen: fei_nm.is_some(),
            big_endian: words.big_endian,
        };
        let (start, present) = sizes.fit(path, &mut caveats)?;
        let pixel_nm = fei_nm.filter(|_| start > HEADER_BYTES as u64);
        Ok(Header {
            columns: columns as usize,
            rows: rows as usize,
            frames: u64::from(frames),
            present,
            pixel,
            start,
            pixel_nm: pixel_nm.or_else(|| cell_pixel_nm(&words)),
            caveats,
            mode,
            file_bytes,
            labels: labels(&words),
        })
    }

    fn frame_bytes(&self) -> u64 {
        self.rows as u64 * self.columns as u64 * self.pixel.bytes() as u64
    }

    /// The file is too short for so many frames.
    pub fn truncated(&self, path: &Path, frames: u64) -> SourceError {
        SourceError::Truncated {
            path: path.into(),
            expected_bytes: self.start + frames * self.frame_bytes(),
            found_bytes: self.file_bytes,
            place: format!("{} of {frames} frames are there", self.present),
        }
    }

    pub fn original(&self) -> Value {
        json!({
            "NX": self.columns, "NY": self.rows, "NZ": self.frames, "MODE": self.mode,
            "data_begin": self.start,
            "pixel_nm": self.pixel_nm.map(|(y, x)| [y, x]),
            "labels": self.labels,
        })
    }
}

/// The lengths of which a file is made up, by its header.
struct Sizes {
    file: u64,
    extended: u64,
    frame: u64,
    frames: u64,
    /// Whether the extended header was recognised where it should be.
    extended_is_seen: bool,
    big_endian: bool,
}

impl Sizes {
    /// First byte of the first frame, and the number of whole frames from there on: as the header says if that
    /// fits the file, else without the extended header if that fits.
    fn fit(&self, path: &Path, caveats: &mut Vec<Caveat>) -> Result<(u64, u64), SourceError> {
        let head = HEADER_BYTES as u64;
        let all = self.frames.saturating_mul(self.frame);
        let said = self.file.checked_sub(head + self.extended);
        let without = self.file - head;
        let whole = |room: u64| room.is_multiple_of(self.frame);
        let is_said = said == Some(all);
        let is_absent = self.extended > 0
            && !is_said
            && match said {
                _ if without == all => !self.extended_is_seen,
                Some(room) if whole(room) => false,
                _ => whole(without) && without > 0,
            };
        let (start, room) = match said {
            _ if is_absent => (head, without),
            Some(room) if whole(room) => (head + self.extended, room),
            // The acquisition stopped within a frame.
            Some(room) if self.extended == 0 && room < all => (head, room),
            _ => return Err(self.misfit(path)),
        };
        if is_absent {
            caveats.push(Caveat::new(
                "extended_header_absent",
                format!(
                    "the header announces an extended header of {} bytes, and the length of the file fits only without it: the frames are read from byte {head}",
                    self.extended
                ),
            ));
        }
        let present = room / self.frame;
        if present < self.frames {
            caveats.push(Caveat::new(
                "incomplete",
                format!(
                    "the header announces {} frames, {present} are in the file{}",
                    self.frames,
                    if whole(room) {
                        ""
                    } else {
                        " and a part of the next"
                    }
                ),
            ));
        } else if present > self.frames {
            caveats.push(Caveat::new(
                "frames_not_announced",
                format!(
                    "the header announces {} frames, and the file has room for {present}: those after are read only if `scan` asks for them",
                    self.frames
                ),
            ));
        }
        Ok((start, present))
    }

    fn misfit(&self, path: &Path) -> SourceError {
        let head = HEADER_BYTES as u64;
        let begin = head + self.extended;
        let expected = (self.frames.saturating_mul(self.frame)).saturating_add(begin);
        let reason = format!(
            "{} frames of {} bytes after a header of {head} and an extended header of {} bytes make {expected}; the file has {}, which fits neither with nor without the extended header",
            self.frames, self.frame, self.extended, self.file
        );
        let remedy = if self.file > expected {
            let extra = self.file - expected;
            let order = if self.big_endian { "big" } else { "little" };
            format!(
                "if the {extra} bytes too many lie at the end and are no frames, cut them off: `truncate -s {expected} FILE`; if they are an extended header, write its length into the header: `python3 -c \"f = open('FILE', 'r+b'); f.seek(92); f.write(({}).to_bytes(4, '{order}'))\"`",
                extra + self.extended
            )
        } else if self.file > begin {
            let whole = (self.file - begin) / self.frame * self.frame + begin;
            format!(
                "compare its size with the original and copy it again; if the acquisition was interrupted, cut it to whole frames: `truncate -s {whole} FILE`"
            )
        } else {
            "compare its size with the original and copy it again".into()
        };
        SourceError::header(path, "the MRC header", reason, remedy)
    }
}

fn pixel(
    path: &Path,
    mode: u32,
    words: &Words<'_>,
    caveats: &mut Vec<Caveat>,
) -> Result<Pixel, SourceError> {
    let (kind, bytes) = match mode {
        0 if bytes_are_signed(words, caveats) => ('i', 1),
        0 => ('u', 1),
        1 => ('i', 2),
        2 => ('f', 4),
        6 => ('u', 2),
        12 => ('f', 2),
        4 => ('c', 8),
        3 => return Err(NoPixel::Complex { bits: 32 }.refused(path, Tool::NumPy)),
        16 => return Err(NoPixel::Colour { bits: 8 }.refused(path, Tool::NumPy)),
        _ => {
            let what = match mode {
                101 => "4 bit, two pixels to a byte".to_owned(),
                _ => "none that the specifications know".to_owned(),
            };
            return Err(SourceError::unsupported(
                path,
                format!(
                    "MRC mode {mode} ({what}); modes 0, 1, 2, 4, 6 and 12 (8 and 16 bit, float32, complex64, float16) are read"
                ),
                "write it again as 8 or 16 bit, with IMOD for example `newstack -mode 1 FILE again.mrc`",
            ));
        }
    };
    let pixel = Pixel::of(kind, bytes).map(|pixel| pixel.stored(words.big_endian));
    pixel.ok_or_else(|| NoPixel::other(format!("MRC mode {mode}")).refused(path, Tool::NumPy))
}

/// Mode 0 is signed in MRC2014, unsigned in most of what detectors wrote before, and either in IMOD's files.
fn bytes_are_signed(words: &Words<'_>, caveats: &mut Vec<Caveat>) -> bool {
    let stamp = (words.u32(152) == IMOD_STAMP).then(|| words.u32(156) & 1 == 1);
    let version = SIGNED_VERSIONS.contains(&words.u32(108)).then_some(true);
    let (least, most) = (words.f32(76), words.f32(80));
    let range = match (least, most) {
        _ if least > most || least < -128.0 || most > 255.0 => None,
        _ if least < 0.0 && most < 128.0 => Some(true),
        _ if least >= 0.0 && most >= 128.0 => Some(false),
        _ => None,
    };
    let name = |signed: bool| if signed { "signed" } else { "unsigned" };
    let Some(signed) = stamp.or(version).or(range) else {
        caveats.push(Caveat::new(
            "assumed_unsigned",
            "bytes (mode 0) are read as unsigned, 0 to 255: nothing in the header says whether they are, and MRC2014 calls them signed",
        ));
        return false;
    };
    if let Some(other) = range.filter(|other| *other != signed) {
        caveats.push(Caveat::new(
            "sign_in_doubt",
            format!(
                "bytes (mode 0) are read as {}, as the {} of the header says, although its range {least} to {most} fits only {} ones",
                name(signed),
                if stamp.is_some() { "IMOD stamp" } else { "version" },
                name(other)
            ),
        ));
    }
    signed
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

impl<'a> Words<'a> {
    /// In the byte order of the machine stamp, unless only the other one makes sense.
    fn of(bytes: &'a [u8], caveats: &mut Vec<Caveat>) -> Self {
        let stamped = Words {
            bytes,
            big_endian: bytes[212] == 0x11,
        };
        let other = Words {
            bytes,
            big_endian: !stamped.big_endian,
        };
        if stamped.is_plausible() || !other.is_plausible() {
            return stamped;
        }
        caveats.push(Caveat::new(
            "byte_order",
            format!(
                "numbers are read with the {} byte first: the machine stamp of the header says otherwise or nothing, and only so its sizes make sense",
                if other.big_endian { "most significant" } else { "least significant" }
            ),
        ));
        other
    }

    fn sizes_are_plausible(&self) -> bool {
        let [columns, rows, frames] = [0, 4, 8].map(|at| self.u32(at));
        let is_side = |size: u32| (1..=MAX_PIXELS).contains(&size);
        is_side(columns) && is_side(rows) && (1..=i32::MAX as u32).contains(&frames)
    }

    fn is_plausible(&self) -> bool {
        self.sizes_are_plausible() && MODES.contains(&self.u32(12))
    }

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
