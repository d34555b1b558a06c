//! Where the file of a provenance or a recipe lies now.

use std::path::{Path, PathBuf};

use protocol::WireError;

use super::FileIdentity;
use crate::journal::Stamp;

/// A file that is there.
pub(crate) struct Found {
    pub path: PathBuf,
    /// As a line of code would write it.
    pub written: String,
    /// It is not the one it was: size or time of the last change differ.
    pub changed: bool,
}

/// Looks where the user says, else where the file was, else where the way from `folder` leads, else from here.
///
/// # Errors
/// [`WireError`] naming every place that was looked at.
pub(crate) fn find(
    file: &FileIdentity,
    folder: &Path,
    given: Option<&Path>,
    remedy: &str,
) -> Result<Found, WireError> {
    let candidates = match given {
        Some(given) => vec![crate::journal::absolute(given)],
        None => {
            let beside = file.relative_path.as_ref().map(|way| folder.join(way));
            let here = crate::journal::absolute(Path::new(&file.written));
            let mut places = vec![file.path.clone()];
            places.extend(beside.map(|path| tidy(&path)));
            places.push(here);
            places.dedup();
            places
        }
    };
    let found = candidates
        .iter()
        .find_map(|path| Some((path.clone(), Stamp::of(path)?)));
    let Some((path, now)) = found else {
        let places: Vec<String> = candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(WireError::new(
            "not_found",
            format!(
                "`{}` is not there; looked for {}",
                file.written,
                places.join(", ")
            ),
            remedy,
        ));
    };
    let written = if given.is_none() && path == file.path {
        file.written.clone()
    } else {
        path.display().to_string()
    };
    Ok(Found {
        changed: file.stamp().is_some_and(|stamp| stamp != now),
        path,
        written,
    })
}

/// Without `..` where the folder before it is known.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            std::path::Component::CurDir => {}
            part => tidy.push(part),
        }
    }
    tidy
}
