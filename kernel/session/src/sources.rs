//! Files that are open. One that is opened again as it was is the same source: one memory map, one descriptor, one
//! cache of chunks, one navigation image, whichever nodes ask for it.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::{OpenOptions, WireError};
use signal::Source;

use crate::{convert, journal, lock};

/// Most files of a store that are looked at; one with more is opened anew each time.
const MAX_FILES: usize = 4096;
/// A file that changed so shortly before it was looked at may change again without another time stamp.
const TICK: Duration = Duration::from_millis(100);
/// The same where the system keeps whole seconds.
const COARSE_TICK: Duration = Duration::from_secs(2);

struct OpenFile {
    path: PathBuf,
    options: OpenOptions,
    /// As it was when it was opened; `None` when that cannot be told.
    seal: Option<Seal>,
    source: Weak<dyn Source>,
}

#[derive(Default)]
pub(crate) struct OpenFiles(Mutex<Vec<OpenFile>>);

impl OpenFiles {
    /// Reads the header of a file. When it is open already and nothing has changed since, the answer is the
    /// source that is there.
    ///
    /// # Errors
    /// What the format says of the file, or [`convert::axes_of`] of the axes that were given.
    pub fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, WireError> {
        let absolute = journal::absolute(path);
        // Before it is read: what changes meanwhile is seen the next time.
        let seal = Seal::of(&absolute);
        // Always: axes may stand in a file of their own beside it.
        let source = read(path, options)?;
        let seal = seal.and_then(|seal| seal.with(&source.files_beside()));
        let mut files = lock(&self.0);
        files.retain(|file| file.source.strong_count() > 0);
        let same = |file: &&OpenFile| {
            seal.is_some() && file.seal == seal && file.path == absolute && file.options == *options
        };
        let there = files.iter().rev().filter(same);
        let there = there
            .filter_map(|file| file.source.upgrade())
            // One that knows that its file was changed under it is of no use.
            .find(|there| there.meta() == source.meta() && there.is_as_opened());
        if let Some(there) = there {
            return Ok(there);
        }
        files.push(OpenFile {
            path: absolute,
            options: options.clone(),
            seal,
            source: Arc::downgrade(&source),
        });
        Ok(source)
    }
}

/// Reads the header of a file.
///
/// # Errors
/// As [`OpenFiles::open`].
pub(crate) fn read(path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, WireError> {
    let fail = |error: signal::SourceError| convert::source_error(&error);
    let mut io_options = convert::open_options(options);
    let source = io::open(path, &io_options).map_err(fail)?;
    let Some(given) = &options.axes else {
        return Ok(source);
    };
    io_options.axes = Some(convert::axes_of(
        given,
        &options.axis_names,
        &source.meta().axes,
    )?);
    io::open(path, &io_options).map_err(fail)
}

/// Tells whether a file, or anything in a store, was touched. Stricter than the stamp of the journal, which has to
/// survive a copy to another disk: what this takes for unchanged is not read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seal {
    /// Of the size, the places on the disk and the times of everything.
    digest: u64,
    files: usize,
}

impl Seal {
    /// `None` when nothing is there, when there is too much, or when it changed a moment ago.
    fn of(path: &Path) -> Option<Seal> {
        let nothing = Seal {
            digest: 0,
            files: 0,
        };
        nothing.with(&[path.to_owned()])
    }

    /// With other files, or all that lies in folders.
    fn with(mut self, paths: &[PathBuf]) -> Option<Seal> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let mut open = paths.to_vec();
        while let Some(path) = open.pop() {
            self.files += 1;
            if self.files > MAX_FILES {
                return None;
            }
            let found = std::fs::metadata(&path).ok()?;
            self.add(&path, &found, now)?;
            if found.is_dir() {
                for entry in std::fs::read_dir(&path).ok()? {
                    open.push(entry.ok()?.path());
                }
            }
        }
        Some(self)
    }

    fn add(&mut self, path: &Path, found: &Metadata, now: Duration) -> Option<()> {
        let written = time(found.mtime(), found.mtime_nsec());
        let changed = time(found.ctime(), found.ctime_nsec());
        let tick = match written.subsec_nanos() {
            0 => COARSE_TICK,
            _ => TICK,
        };
        if written.max(changed) + tick > now {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        let place = (path, found.dev(), found.ino(), found.len());
        (place, written, changed).hash(&mut hasher);
        // A folder lists its entries in any order.
        self.digest = self.digest.wrapping_add(hasher.finish());
        Some(())
    }
}

fn time(seconds: i64, nanoseconds: i64) -> Duration {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Duration::new(seconds, u32::try_from(nanoseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Times far enough in the past that they can be trusted.
    fn age(path: &Path, seconds: u64) {
        let file = fs::File::open(path).unwrap();
        let then = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(then).unwrap();
    }

    /// The time of the last change of a file cannot be set.
    fn settle() {
        std::thread::sleep(TICK * 3 / 2);
    }

    #[test]
    fn whatever_is_touched_breaks_the_seal_of_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.zarr");
        fs::create_dir_all(store.join("c/0")).unwrap();
        fs::write(store.join("c/0/1"), "pixels").unwrap();
        assert_eq!(Seal::of(&store), None, "it is too young");
        settle();
        let seal = Seal::of(&store);
        assert!(seal.is_some_and(|seal| seal.files == 4), "{seal:?}");
        assert_eq!(Seal::of(&store), seal);
        // In place, with the same size and the same time.
        let written = fs::metadata(store.join("c/0/1")).unwrap().modified();
        fs::write(store.join("c/0/1"), "pixelz").unwrap();
        let file = fs::File::open(store.join("c/0/1")).unwrap();
        file.set_modified(written.unwrap()).unwrap();
        settle();
        let changed = Seal::of(&store);
        assert!(changed.is_some() && changed != seal);
        fs::write(store.join("c/0/2"), "").unwrap();
        settle();
        assert_ne!(Seal::of(&store), changed);
        assert_eq!(Seal::of(&folder.path().join("missing")), None);
    }

    #[test]
    fn whole_seconds_are_trusted_later() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let whole = UNIX_EPOCH + Duration::from_secs(now.as_secs());
        file.as_file().set_modified(whole).unwrap();
        settle();
        assert_eq!(Seal::of(file.path()), None);
        age(file.path(), 60);
        settle();
        assert!(Seal::of(file.path()).is_some());
    }
}
