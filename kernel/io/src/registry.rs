//! The list of formats, in the order they are tried.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use signal::{Source, SourceError};

use crate::error::io_error;
use crate::format::{Candidate, Format, FormatInfo};
use crate::hyperspy::{hspy::Hspy, zspy::Zspy};
use crate::locate::{locate, not_found};
use crate::mrc::format::Mrc;
use crate::numpy::map_file::as_map;
use crate::numpy::npy::Npy;
use crate::options::{OpenOptions, check_axes, check_pictures};
use crate::zarr::format::Zarr;

/// To add a format: one file beside this one, one line here.
static FORMATS: &[&dyn Format] = &[&Zspy, &Zarr, &Hspy, &Npy, &Mrc];

/// Bytes of a file that formats may look at to recognise it.
const HEAD_BYTES: u64 = 1024;

/// The formats that can be read, in the order they are tried.
pub fn formats() -> &'static [&'static dyn Format] {
    FORMATS
}

/// Opens a file or store: reads its header, no pixel.
///
/// # Errors
/// As [`locate`]; [`SourceError::Unsupported`] naming the formats that can be read, or what is wrong with the file.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError> {
    let path = &locate(path)?;
    let format = recognise(path)?;
    // A source outlives the working directory it was opened from.
    let path = &std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    let source = format.open(path, options)?;
    check_axes(path, &source.meta().axes)?;
    check_pictures(path, source.meta())?;
    Ok(as_map(path, source, options))
}

/// What is known of the format of a path; `None` when it is none of those that can be read.
///
/// # Errors
/// [`SourceError::NotFound`] when there is nothing at `path`, [`SourceError::Io`].
pub(crate) fn format_of(path: &Path) -> Result<Option<FormatInfo>, SourceError> {
    match recognise(path) {
        Ok(format) => Ok(Some(format.info())),
        Err(SourceError::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of the format of a file, as `zspy`.
pub fn format_name(path: &Path) -> Option<&'static str> {
    format_of(path).ok().flatten().map(|info| info.name)
}

fn recognise(path: &Path) -> Result<&'static dyn Format, SourceError> {
    let found = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => not_found(path),
        _ => io_error(path, &error),
    })?;
    let mut head = Vec::new();
    if found.is_file() {
        File::open(path)
            .and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head))
            .map_err(|error| io_error(path, &error))?;
    }
    let candidate = Candidate {
        path,
        is_directory: found.is_dir(),
        head: &head,
    };
    FORMATS
        .iter()
        .find(|format| format.sniff(&candidate))
        .copied()
        .ok_or_else(|| unknown(path, &found))
}

fn unknown(path: &Path, found: &std::fs::Metadata) -> SourceError {
    let what = if found.is_dir() {
        "a folder that is none of the known stores"
    } else {
        "a file of none of the known formats"
    };
    let known = FORMATS
        .iter()
        .map(|format| {
            let info = format.info();
            format!("{} (.{})", info.name, info.extensions.join(", ."))
        })
        .collect::<Vec<_>>()
        .join(", ");
    SourceError::unsupported(
        path,
        format!("it is {what}; readable are {known}"),
        "if it is one of these, give its name that ending; if not, save it as one of them with the program that made it, in hyperspy for example `hs.load(FILE).save(\"scan.zspy\")`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_names_its_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("strained_grain.npy"), b"x").unwrap();
        let error = open(
            &folder.path().join("straned_grain.npy"),
            &OpenOptions::default(),
        )
        .err()
        .unwrap();
        assert_eq!(error.code(), "not_found");
        assert!(error.to_string().contains("strained_grain.npy"), "{error}");
    }

    #[test]
    fn an_unknown_file_and_an_unknown_folder_name_the_formats() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes.txt");
        std::fs::write(&file, b"hello").unwrap();
        for path in [file.as_path(), folder.path()] {
            let error = open(path, &OpenOptions::default()).err().unwrap();
            assert_eq!(error.code(), "unsupported");
            for name in ["zspy", "zarr", "npy", "mrc"] {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
}
