//! The files: one journal per kernel, with a lock beside it that is held while the kernel lives.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Place;
use super::record::{Record, VERSION};

/// Journals of one notebook that are kept beside those of running kernels.
const KEPT: usize = 3;
/// Journals that nobody has written for so long are removed.
const FORGOTTEN: Duration = Duration::from_secs(90 * 24 * 3600);
/// A journal larger than this is none of ours.
const LARGEST: u64 = 64 << 20;

/// A short name for a notebook: FNV-1a of its path, the same in every version of the kernel.
pub fn key(notebook: &Path) -> String {
    let hash = notebook
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

/// The journal this kernel writes.
pub(super) struct OwnFile {
    path: PathBuf,
    /// Held until the process ends, however it ends.
    lock: Option<File>,
}

impl OwnFile {
    /// Nothing is made before the first writing.
    pub fn new(place: &Place) -> OwnFile {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let name = format!(
            "{}-{started:013}-{}.json",
            key(&place.notebook),
            std::process::id()
        );
        OwnFile {
            path: place.folder.join(name),
            lock: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes beside and renames: a reader, and a kernel killed in the middle, leave the old text or the new.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.exists()) {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        if self.lock.is_none() {
            let lock = create(&lock_of(&self.path))?;
            // Another kernel may be looking at this very moment, so this waits for it.
            if let Err(error) = lock.lock() {
                tracing::info!(
                    "the journal cannot be locked, it looks like that of an ended kernel: {error}"
                );
            }
            self.lock = Some(lock);
        }
        let draft = self.path.with_extension("part");
        let mut file = create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&draft, &self.path)
    }
}

/// For the user's eyes only.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

fn lock_of(journal: &Path) -> PathBuf {
    journal.with_extension("lock")
}

/// Whether the kernel that wrote the journal has ended.
fn has_ended(journal: &Path) -> bool {
    match File::open(lock_of(journal)) {
        // Free: its owner is gone. The lock taken here ends with this function.
        Ok(lock) => !matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)),
        Err(_) => true,
    }
}

/// Journals of ended kernels of the notebook, the newest first.
fn ended(place: &Place) -> Vec<PathBuf> {
    let start = format!("{}-", key(&place.notebook));
    let mut found: Vec<(SystemTime, PathBuf)> = journals(&place.folder)
        .filter(|(_, path)| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with(&start))
        })
        .filter(|(_, path)| has_ended(path))
        .collect();
    found.sort();
    found.reverse();
    found.into_iter().map(|(_, path)| path).collect()
}

fn journals(folder: &Path) -> impl Iterator<Item = (SystemTime, PathBuf)> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter_map(|path| {
            let written = fs::metadata(&path).and_then(|file| file.modified()).ok()?;
            Some((written, path))
        })
}

/// The newest journal of an ended kernel of the notebook that can be read and has something in it.
pub(super) fn newest_ended(place: &Place) -> Option<Record> {
    ended(place)
        .iter()
        .filter_map(|path| {
            read(path)
                .inspect_err(|error| {
                    tracing::warn!("the journal {} is not used: {error}", path.display());
                })
                .ok()
        })
        .find(|record| record.notebook == place.notebook && !record.nodes.is_empty())
}

fn read(path: &Path) -> Result<Record, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("it has {size} bytes, more than any journal"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let record: Record = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if record.version != VERSION {
        return Err(format!(
            "it has version {}, this kernel reads {VERSION}",
            record.version
        ));
    }
    Ok(record)
}

/// Removes what nobody will restore: older journals of this notebook, and old ones of all.
pub(super) fn remove_old(place: &Place) {
    let now = SystemTime::now();
    let forgotten = journals(&place.folder)
        .filter(|(written, _)| {
            now.duration_since(*written)
                .is_ok_and(|age| age > FORGOTTEN)
        })
        .map(|(_, path)| path)
        .filter(|path| has_ended(path));
    for journal in ended(place).into_iter().skip(KEPT).chain(forgotten) {
        for path in [lock_of(&journal), journal.with_extension("part"), journal] {
            // Another kernel may be sweeping too.
            let _ = fs::remove_file(path);
        }
    }
}
