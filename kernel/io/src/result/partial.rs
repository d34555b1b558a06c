//! A result that is not finished yet: a folder beside its target.
//!
//! With an identity it is `.NAME.partial` and survives its process:
//!
//! | entry | |
//! |---|---|
//! | `manifest.json` | what is being written, and how; written once, before anything else is visible |
//! | `result` | the store or file that will take the target's place |
//! | `block-N` | values of block N of a map |
//! | `finished-P` | one line for each block that process P has finished: number, bytes, checksum |
//! | `lock-P` | locked while process P writes |
//! | `exchanged` | which file `result` is, while it takes the target's place: afterwards it is the old one |
//! | `told-P` | what process P has found that must be said of the result, once its part is done |
//!
//! A block is logged after its bytes are in their files, so that a line is true whenever the process is
//! killed; lengths and checksums are compared again before work goes on.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signal::{Caveat, SignalMeta, SourceError};

use crate::error::io_error;
use crate::result::options::{Compression, Part, ResultFormat, Unfinished};
use crate::storage::json;
use crate::storage::lock::lock;
use crate::storage::replace::{self, Part as Temporary};
use crate::storage::write::write_json;

const VERSION: u32 = 1;

/// Written before the exchange.
const EXCHANGED: &str = "exchanged";
/// Longest time for a writer that was interrupted or killed to let go.
const PATIENCE: Duration = Duration::from_secs(2);
/// Each time another process may have removed what was found.
const ATTEMPTS: usize = 5;

/// What is written, and how: two processes (or one before and after a crash) must agree in all of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub identity: String,
    pub format: ResultFormat,
    pub compression: Compression,
    pub chunk: Vec<usize>,
    pub block: Vec<usize>,
    /// Number of processes that share the blocks.
    pub of: usize,
    pub meta: SignalMeta,
    pub provenance: Value,
}

impl Manifest {
    pub fn version() -> u32 {
        VERSION
    }

    /// How this one differs from what is asked for; the title and provenance may differ (a date).
    fn difference(&self, asked: &Manifest) -> Option<String> {
        let same_signal = self.meta.axes == asked.meta.axes
            && self.meta.element == asked.meta.element
            && self.meta.kind == asked.meta.kind
            && self.meta.components == asked.meta.components;
        if self.version != asked.version {
            Some("it was written by another version of this program".into())
        } else if !same_signal {
            Some(format!("it holds {}", self.meta.summary()))
        } else if self.identity != asked.identity {
            Some("it was computed in another way, or from other pixels".into())
        } else if self.of != asked.of {
            Some(format!("it is split in {} parts", self.of))
        } else if (self.format, self.compression) != (asked.format, asked.compression)
            || (&self.chunk, &self.block) != (&asked.chunk, &asked.block)
        {
            Some("its format, chunks or compression are others".into())
        } else {
            None
        }
    }
}

/// A finished block as its log describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub bytes: u64,
    pub checksum: u32,
}

/// What is known of an unfinished result.
#[derive(Clone, Debug, PartialEq)]
pub struct UnfinishedInfo {
    pub identity: String,
    pub provenance: Value,
    /// Scan positions in finished blocks.
    pub finished_positions: u64,
    pub positions: u64,
}

pub struct Partial {
    pub folder: PathBuf,
    keep: AtomicBool,
    log: Option<Mutex<File>>,
    /// The folder itself when nobody will resume it; else the lock of this process.
    _held: Option<Temporary>,
    /// Of the parts, by their numbers.
    locks: Vec<(usize, File)>,
}

impl Partial {
    /// A folder that is gone with its process.
    pub fn temporary(target: &Path, number: u64) -> Result<Self, SourceError> {
        let part = Temporary::create(target, number)?;
        Ok(Partial {
            folder: part.path.clone(),
            keep: AtomicBool::new(true),
            log: None,
            _held: Some(part),
            locks: Vec::new(),
        })
    }

    /// Opens the unfinished result beside `target`, or begins one; `prepare` writes what a store has
    /// before its first chunk. Gives the manifest on disk.
    pub fn resumable(
        target: &Path,
        asked: &Manifest,
        part: Option<Part>,
        unfinished: Unfinished,
        prepare: &dyn Fn(&Path) -> Result<(), SourceError>,
    ) -> Result<(Self, Manifest), SourceError> {
        let folder = partial_folder(target);
        let mut anew = unfinished == Unfinished::Replace && part.is_none_or(|part| part.of <= 1);
        for _ in 0..ATTEMPTS {
            let Some(found) = read_manifest(&folder)? else {
                begin(target, &folder, asked, prepare)?;
                anew = false;
                continue;
            };
            if let Some(difference) = found.difference(asked) {
                if unfinished == Unfinished::Resume {
                    return Err(other_result(target, &folder, &difference));
                }
                remove(&folder, |folder| {
                    let there = read_manifest(folder)?;
                    Ok(there.is_none_or(|there| there.difference(asked).is_some()))
                })?;
                continue;
            }
            if std::mem::take(&mut anew) {
                remove(&folder, |_| Ok(true))?;
                continue;
            }
            let number = part.map_or(1, |part| part.number);
            match Self::open(folder.clone(), &[number]) {
                Ok(partial) if partial.is_in_place() => return Ok((partial, found)),
                // Who was stopped before anything was finished has taken it away meanwhile.
                Ok(_) => {}
                Err(_) if !folder.exists() => {}
                Err(error) => return Err(error),
            }
        }
        Err(SourceError::Io {
            path: folder,
            reason: "another process makes and removes it at the same time".into(),
        })
    }

    /// The unfinished result beside `target` with the locks of all its parts.
    pub fn whole(target: &Path) -> Result<(Self, Manifest), SourceError> {
        let folder = partial_folder(target);
        let manifest = read_manifest(&folder)?.ok_or_else(|| SourceError::Invalid {
            what: format!("{}: no part of it was computed here", target.display()),
            remedy: "compute all parts first, in this folder".into(),
        })?;
        let numbers: Vec<usize> = (1..=manifest.of).collect();
        Ok((Self::open(folder, &numbers)?, manifest))
    }

    fn open(folder: PathBuf, numbers: &[usize]) -> Result<Self, SourceError> {
        let mut locks = Vec::new();
        for number in numbers {
            locks.push((*number, lock_part(&folder, *number)?));
        }
        let path = folder.join(format!("finished-{}", numbers.first().unwrap_or(&1)));
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| io_error(&path, &error))?;
        // The process may have been killed in the middle of a line.
        log.write_all(b"\n")
            .map_err(|error| io_error(&path, &error))?;
        Ok(Partial {
            folder,
            keep: AtomicBool::new(true),
            log: Some(Mutex::new(log)),
            _held: None,
            locks,
        })
    }

    pub fn result(&self) -> PathBuf {
        self.folder.join("result")
    }

    pub fn block_file(&self, block: usize) -> PathBuf {
        self.folder.join(format!("block-{block}"))
    }

    /// Whether it outlives its process.
    pub fn is_resumable(&self) -> bool {
        self.log.is_some()
    }

    /// Notes that everything of a block is in its files.
    pub fn finished(&self, block: usize, record: Record) -> Result<(), SourceError> {
        let Some(log) = &self.log else {
            return Ok(());
        };
        let line = format!("{block} {} {:08x}\n", record.bytes, record.checksum);
        lock(log)
            .write_all(line.as_bytes())
            .map_err(|error| io_error(&self.folder, &error))
    }

    /// The blocks that any process has logged.
    pub fn records(&self) -> Result<BTreeMap<usize, Record>, SourceError> {
        records(&self.folder)
    }

    /// Keeps what one part has found until all are put together.
    pub fn keep_caveats(&self, part: Part, caveats: &[Caveat]) -> Result<(), SourceError> {
        let path = self.folder.join(format!("told-{}", part.number));
        write_json(&path, &serde_json::json!(caveats))
    }

    /// What the parts that are done have found.
    pub fn caveats(&self) -> Result<Vec<Caveat>, SourceError> {
        let mut found = Vec::new();
        for number in 1..=self.locks.len() {
            let told = json::read(&self.folder.join(format!("told-{number}")))?;
            let told: Option<Vec<Caveat>> = told.and_then(|told| serde_json::from_value(told).ok());
            found.extend(told.unwrap_or_default());
        }
        Ok(found)
    }

    /// Takes the target's place. What is left of the folder goes when this is dropped.
    pub fn replace(&self, target: &Path, wanted: impl FnOnce() -> bool) -> Result<(), SourceError> {
        if self.is_resumable() {
            let path = self.folder.join(EXCHANGED);
            let number = file_number(std::fs::metadata(self.result())).to_string();
            std::fs::write(&path, number).map_err(|error| io_error(&path, &error))?;
        }
        replace::take_place(&self.result(), target, wanted)?;
        self.keep.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether what is locked is what lies there for others too.
    fn is_in_place(&self) -> bool {
        self.locks.iter().all(|(number, file)| {
            let path = lock_file(&self.folder, *number);
            path.exists() && file_number(file.metadata()) == file_number(std::fs::metadata(path))
        })
    }

    pub fn discard(&self) {
        self.keep.store(false, Ordering::Relaxed);
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Relaxed)
            && self.folder.exists()
            && let Err(error) = take_away(&self.folder)
        {
            tracing::warn!(path = %self.folder.display(), %error, "an unfinished result could not be removed");
        }
    }
}

/// What lies unfinished beside `path`, if anything.
///
/// # Errors
/// [`SourceError`] when it is there and cannot be read.
pub fn unfinished(path: &Path) -> Result<Option<UnfinishedInfo>, SourceError> {
    let path = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    let folder = partial_folder(&path);
    let Some(manifest) = read_manifest(&folder)? else {
        return Ok(None);
    };
    let blocks =
        crate::result::blocks::Boxes::new(&manifest.meta.axes.navigation_shape(), &manifest.block);
    let finished = records(&folder)?;
    Ok(Some(UnfinishedInfo {
        identity: manifest.identity,
        provenance: manifest.provenance,
        finished_positions: finished
            .keys()
            .filter(|block| **block < blocks.count())
            .map(|block| blocks.positions(*block) as u64)
            .sum(),
        positions: manifest.meta.axes.positions() as u64,
    }))
}

/// Removes what lies unfinished beside `path`.
///
/// # Errors
/// [`SourceError::Invalid`] while a process writes it; [`SourceError::Io`] when it cannot be removed.
pub fn discard_unfinished(path: &Path) -> Result<(), SourceError> {
    let path = std::path::absolute(path).map_err(|error| io_error(path, &error))?;
    let folder = partial_folder(&path);
    if folder.is_dir() {
        remove(&folder, |_| Ok(true))
    } else {
        Ok(())
    }
}

fn partial_folder(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.partial"))
}

/// Tells a file from one that has taken its place.
#[cfg(unix)]
fn file_number(file: std::io::Result<Metadata>) -> u64 {
    use std::os::unix::fs::MetadataExt;
    file.map_or(0, |file| file.ino())
}

#[cfg(not(unix))]
fn file_number(_file: std::io::Result<Metadata>) -> u64 {
    0
}

/// `None` too when what is there has taken the target's place already: `result` is then the old file, and nobody may
/// take it for a finished one.
fn read_manifest(folder: &Path) -> Result<Option<Manifest>, SourceError> {
    // Empty when its process was killed: the exchange had not begun.
    let number = std::fs::read_to_string(folder.join(EXCHANGED)).ok();
    let number = number.and_then(|number| number.parse::<u64>().ok());
    let here = file_number(std::fs::metadata(folder.join("result")));
    if number.is_some_and(|number| here == 0 || number != here) {
        return Ok(None);
    }
    let path = folder.join("manifest.json");
    let Some(value) = json::read(&path)? else {
        return Ok(None);
    };
    serde_json::from_value(value).map(Some).map_err(|error| {
        let remedy = "remove this folder, or save with SaveOptions { fresh: true, ..default() }";
        let place = "the manifest of an unfinished result";
        SourceError::header(path, place, error.to_string(), remedy)
    })
}

/// Everything a process must see is made under another name and appears at once.
fn begin(
    target: &Path,
    folder: &Path,
    manifest: &Manifest,
    prepare: &dyn Fn(&Path) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    if folder.is_dir() {
        // Finished or being removed when its process was killed; or another process has just begun it.
        remove(folder, |folder| Ok(read_manifest(folder)?.is_none()))?;
    }
    let made = Temporary::create(target, replace::next_number())?;
    prepare(&made.path.join("result"))?;
    let value = serde_json::to_value(manifest).map_err(|error| SourceError::Io {
        path: folder.into(),
        reason: error.to_string(),
    })?;
    write_json(&made.path.join("manifest.json"), &value)?;
    match std::fs::rename(&made.path, folder) {
        Ok(()) => Ok(()),
        // Another process was quicker: its folder is looked at next.
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(io_error(folder, &error)),
    }
}

fn lock_file(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("lock-{number}"))
}

fn lock_part(folder: &Path, number: usize) -> Result<File, SourceError> {
    let path = lock_file(folder, number);
    let file = File::create(&path).map_err(|error| io_error(&path, &error))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(SourceError::Invalid {
                    what: format!("{} is being written by another process", folder.display()),
                    remedy: "wait until it has ended, or stop it".into(),
                });
            }
        }
    }
}

/// Removes an unfinished result that nobody writes, if it is `unwanted`; it may be gone already.
fn remove(
    folder: &Path,
    unwanted: impl Fn(&Path) -> Result<bool, SourceError>,
) -> Result<(), SourceError> {
    match remove_unused(folder, unwanted) {
        Err(_) if !folder.exists() => Ok(()),
        done => done,
    }
}

fn remove_unused(
    folder: &Path,
    unwanted: impl Fn(&Path) -> Result<bool, SourceError>,
) -> Result<(), SourceError> {
    // Another process may have begun it anew since it was looked at, and may have finished its part before the locks are held.
    if !unwanted(folder)? {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| io_error(folder, &error))?;
    let mut held = Vec::new();
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        if let Some(number) = name
            .strip_prefix("lock-")
            .and_then(|name| name.parse().ok())
        {
            held.push(lock_part(folder, number)?);
        }
    }
    if !unwanted(folder)? {
        return Ok(());
    }
    take_away(folder).map_err(|error| io_error(folder, &error))
}

/// Removes the folder. For others it is there whole, or gone.
fn take_away(folder: &Path) -> std::io::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let name = (name.strip_prefix('.').unwrap_or(&name)).trim_end_matches(".partial");
    let aside = replace::part_folder(&folder.with_file_name(name), replace::next_number());
    match std::fs::rename(folder, &aside) {
        Ok(()) => std::fs::remove_dir_all(&aside),
        Err(_) => std::fs::remove_dir_all(folder),
    }
}

fn records(folder: &Path) -> Result<BTreeMap<usize, Record>, SourceError> {
    let mut found = BTreeMap::new();
    let entries = std::fs::read_dir(folder).map_err(|error| io_error(folder, &error))?;
    for entry in entries.filter_map(Result::ok) {
        if !entry.file_name().to_string_lossy().starts_with("finished-") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path())
            .map_err(|error| io_error(&entry.path(), &error))?;
        // A line without its end was being written when its process was killed.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        found.extend(whole.lines().filter_map(record));
    }
    Ok(found)
}

fn record(line: &str) -> Option<(usize, Record)> {
    let mut words = line.split(' ');
    let block = words.next()?.parse().ok()?;
    let bytes = words.next()?.parse().ok()?;
    let checksum = words.next().filter(|word| word.len() == 8)?;
    let checksum = u32::from_str_radix(checksum, 16).ok()?;
    (words.next().is_none()).then_some((block, Record { bytes, checksum }))
}

fn other_result(target: &Path, folder: &Path, difference: &str) -> SourceError {
    SourceError::Invalid {
        what: format!(
            "{} cannot be begun: {} is an unfinished result of something else ({difference})",
            target.display(),
            folder.display()
        ),
        remedy: "finish or remove it, give another name, or ask for it to be replaced".into(),
    }
}

#[cfg(test)]
mod tests {
    use signal::{Axes, Axis, ElementType};

    use super::*;

    #[test]
    fn what_another_process_has_just_begun_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.zarr");
        let axes = Axes::new(vec![Axis::pixels("x", 3)], vec![Axis::pixels("kx", 2)]);
        let asked = Manifest {
            version: Manifest::version(),
            identity: "node 3".into(),
            format: ResultFormat::Zarr,
            compression: Compression::Default,
            chunk: vec![1],
            block: vec![1],
            of: 2,
            meta: SignalMeta::frames("scan", axes, ElementType::U8),
            provenance: Value::Null,
        };
        let prepare =
            |result: &Path| std::fs::create_dir(result).map_err(|error| io_error(result, &error));
        let part = Some(Part { number: 2, of: 2 });
        let begun = Partial::resumable(&target, &asked, part, Unfinished::Resume, &prepare);
        let (partial, _) = begun.unwrap();
        let record = Record {
            bytes: 2,
            checksum: 7,
        };
        partial.finished(1, record).unwrap();
        // While its part is written and afterwards, for one that saw no folder a moment before.
        let folder = partial_folder(&target);
        begin(&target, &folder, &asked, &prepare).unwrap();
        drop(partial);
        begin(&target, &folder, &asked, &prepare).unwrap();
        assert_eq!(records(&folder).unwrap(), BTreeMap::from([(1, record)]));
    }
}
