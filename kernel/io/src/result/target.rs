//! What may be written where.

use std::path::Path;

use signal::SourceError;

use crate::locate::not_found;
use crate::result::options::{ResultFormat, WriteOptions};

pub fn check_part(
    path: &Path,
    format: ResultFormat,
    options: &WriteOptions,
) -> Result<(), SourceError> {
    let Some(part) = options.part else {
        return Ok(());
    };
    let refused = |what: &str| SourceError::Invalid {
        what: format!(
            "{}: part {}/{} {what}",
            path.display(),
            part.number,
            part.of
        ),
        remedy: "give parts 1/n to n/n of a .zspy, .zarr or .npy".into(),
    };
    if part.number == 0 || part.number > part.of {
        return Err(refused("does not exist"));
    }
    if part.of > 1 && !format.can_resume() {
        return Err(refused("of a file that only one process can write"));
    }
    if options.identity.is_empty() {
        return Err(refused("needs to know what the others compute"));
    }
    Ok(())
}

pub fn check_folder(path: &Path) -> Result<(), SourceError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent.is_dir() {
        Ok(())
    } else {
        Err(not_found(parent))
    }
}

/// What lies at the target is only replaced when it is of the same format.
pub fn check_target(path: &Path, format: ResultFormat) -> Result<(), SourceError> {
    if !path.exists() {
        return Ok(());
    }
    let holds = |names: &[&str]| names.iter().any(|name| path.join(name).is_file());
    let begins = |magic: &[u8]| {
        let mut head = vec![0; magic.len()];
        std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head))
            .is_ok_and(|()| head == magic)
    };
    let (same, what) = match format {
        ResultFormat::Zspy => (holds(&[".zgroup"]), "`.zspy` folder"),
        ResultFormat::Zarr => (holds(&["zarr.json", ".zgroup", ".zarray"]), "Zarr folder"),
        ResultFormat::Hspy => (begins(b"\x89HDF\r\n\x1a\n"), "HDF5 file"),
        ResultFormat::Npy => (begins(b"\x93NUMPY"), "NumPy file"),
    };
    if same {
        return Ok(());
    }
    Err(SourceError::unsupported(
        path,
        format!("it exists and is no {what}, so it is not replaced"),
        "choose another name",
    ))
}
