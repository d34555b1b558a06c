//! How a finished store takes its place, and how the remains of killed processes are told from running work.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use signal::SourceError;

use crate::error::io_error;

/// The folder a result is written into until it is complete, beside its target. Dropped, it is removed.
pub struct Part {
    pub path: PathBuf,
    /// Locked while the result is written, so that no other process takes it for a leftover.
    _lock: Option<File>,
}

impl Part {
    /// Makes the folder for `target`, and removes those that killed processes left for the same target.
    ///
    /// # Errors
    /// [`SourceError::Io`] when the folder cannot be made.
    pub fn create(target: &Path, number: u64) -> Result<Self, SourceError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        remove_leftovers(target, &format!("{name}.part-"));
        let path = part_folder(target, number);
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|error| io_error(&path, &error))?;
        }
        std::fs::create_dir(&path).map_err(|error| io_error(&path, &error))?;
        // Where folders cannot be locked, none can be taken for a leftover either.
        let lock = File::open(&path)
            .ok()
            .filter(|folder| folder.try_lock().is_ok());
        Ok(Part { path, _lock: lock })
    }
}

/// Where this process writes what is not to be found under a name yet, or no more.
pub fn part_folder(target: &Path, number: u64) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!("{name}.part-{}-{number}", std::process::id()))
}

/// Distinguishes writers of one process that have the same target.
static WRITERS: AtomicU64 = AtomicU64::new(0);

pub fn next_number() -> u64 {
    WRITERS.fetch_add(1, Ordering::Relaxed)
}

/// Puts a complete folder or file in the place of `target`. At every moment, also when the process or the
/// machine stops, `target` is the old store or the new one whole. `wanted` is asked last before the
/// exchange: the disk may take long, and somebody may have thought better of it.
///
/// # Errors
/// [`SourceError::Io`], or [`SourceError::Cancelled`] when not wanted; an old store is then where it was.
pub fn take_place(
    complete: &Path,
    target: &Path,
    wanted: impl FnOnce() -> bool,
) -> Result<(), SourceError> {
    let failed = |error: &std::io::Error| io_error(target, error);
    if target.exists() {
        // What is still on its way to the disk may yet fail, and the old store is the only other copy.
        flush(complete).map_err(|error| failed(&error))?;
    }
    if !wanted() {
        return Err(SourceError::Cancelled);
    }
    if !target.exists() {
        return std::fs::rename(complete, target).map_err(|error| failed(&error));
    }
    let old = match exchange(complete, target) {
        Ok(()) => complete.to_owned(),
        // Not every file system can exchange: then there is a moment without the old name.
        Err(_) => {
            let mut old = complete.to_owned().into_os_string();
            old.push(".old");
            let old = PathBuf::from(old);
            std::fs::rename(target, &old).map_err(|error| failed(&error))?;
            if let Err(error) = std::fs::rename(complete, target) {
                let _ = std::fs::rename(&old, target);
                return Err(failed(&error));
            }
            old
        }
    };
    let removed = match old.is_dir() {
        true => std::fs::remove_dir_all(&old),
        false => std::fs::remove_file(&old),
    };
    if let Err(error) = removed {
        tracing::warn!(path = %old.display(), %error, "the replaced file could not be removed");
    }
    Ok(())
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.path.exists()
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "an unfinished result could not be removed");
        }
    }
}

/// Removes folders beside `target` whose process is gone. The lock protects writers that this machine
/// does not see (in another container).
fn remove_leftovers(target: &Path, prefix: &str) {
    let folder = target.parent().and_then(|folder| folder.read_dir().ok());
    for entry in folder.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(prefix)?.split_once('-'))
            .filter(|(_, number)| number.parse::<u64>().is_ok())
            .and_then(|(process, _)| process.parse::<u32>().ok());
        let gone = process.is_some_and(|process| {
            Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{process}")).exists()
        });
        if gone
            && let Ok(part) = File::open(entry.path())
            && part.try_lock().is_ok()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Waits until what was written is on the disk; only an error of the disk itself counts.
#[cfg(target_os = "linux")]
fn flush(folder: &Path) -> std::io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::syncfs(File::open(folder)?) {
        Err(error) if matches!(error, Errno::IO | Errno::NOSPC | Errno::DQUOT) => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn flush(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_one: &Path, _other: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(path: &Path, text: &str) {
        std::fs::create_dir_all(path).unwrap();
        std::fs::write(path.join(".zgroup"), text).unwrap();
    }

    #[test]
    fn the_new_store_takes_the_place_of_the_old_one_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.zspy");
        for text in ["first", "second"] {
            let part = Part::create(&target, 0).unwrap();
            let complete = part.path.join("result");
            store(&complete, text);
            take_place(&complete, &target, || true).unwrap();
            drop(part);
            let found = std::fs::read_to_string(target.join(".zgroup")).unwrap();
            assert_eq!(found, text);
            assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        }
    }

    #[test]
    fn only_what_a_dead_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.zspy");
        // No process has this number: it is beyond the largest that Linux gives.
        let (dead, locked) = ("result.zspy.part-4194305-0", "result.zspy.part-4194306-0");
        let alive = format!("result.zspy.part-{}-7", std::process::id());
        let others = [
            "result.zspy.part-4194305-0.old",
            "other.zspy.part-4194305-0",
        ];
        for name in [dead, locked, &alive, others[0], others[1]] {
            store(&folder.path().join(name), "");
        }
        let held = File::open(folder.path().join(locked)).unwrap();
        held.try_lock().unwrap();
        let part = Part::create(&target, 8).unwrap();
        assert!(!folder.path().join(dead).exists());
        for name in [locked, &alive, others[0], others[1]] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        drop(part);
    }
}
