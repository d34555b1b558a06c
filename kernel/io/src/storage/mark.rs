//! Whether the pixels of a mapped file are still those of its opening. A program that writes through a memory map
//! changes them in place: the time of the file follows late, and in a file system in memory never.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Places that are looked at in a file on a disk, spread over it, and the bytes of each.
const PLACES: u128 = 16;
const PLACE_BYTES: usize = 4096;
/// A file in memory is read whole, up to this size: of a larger one nothing is known.
const MAX_BYTES: u64 = 256 << 20;
/// A file that changed so shortly before it was looked at may change again without another time stamp.
const TICK: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 1 << 20;
/// Of a store with more files none is looked at.
const MAX_FILES: usize = 4096;

/// What one call of the system tells of a file that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    written: SystemTime,
}

impl Stamp {
    pub fn of(file: &File) -> Option<Stamp> {
        let found = file.metadata().ok()?;
        Some(Stamp {
            length: found.len(),
            written: found.modified().ok()?,
        })
    }
}

/// Of the bytes of a file that is open, and of its last change, the time of which nobody can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    changed: Duration,
    checksum: u32,
}

impl Mark {
    /// `None` when it cannot be told whether the file will be the same later.
    pub fn of(file: &File) -> Option<Mark> {
        let found = file.metadata().ok()?;
        let time = |seconds: i64, nanoseconds: i64| {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            Duration::new(seconds, u32::try_from(nanoseconds).unwrap_or(0))
        };
        let written = time(found.mtime(), found.mtime_nsec());
        let changed = time(found.ctime(), found.ctime_nsec());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        if written.max(changed) + TICK > now {
            return None;
        }
        let checksum = match is_in_memory(file) {
            true if found.len() > MAX_BYTES => return None,
            true => whole(file, found.len())?,
            false => sampled(file, found.len())?,
        };
        Some(Mark { changed, checksum })
    }
}

/// A checksum of some bytes of a file, or of some files of a store: tells two contents apart of which size and time are
/// the same, also after a copy to another disk. `None` when there is nothing to read, or too much to list.
pub fn sample_of(path: &Path) -> Option<u32> {
    let mut files = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        for entry in fs::read_dir(&path).ok()? {
            open.push(entry.ok()?.path());
        }
        if files.len() + open.len() > MAX_FILES {
            return None;
        }
    }
    files.sort();
    let last = files.len().checked_sub(1)? as u128;
    let mut places: Vec<_> = (0..PLACES)
        .map(|place| (last * place / (PLACES - 1)) as usize)
        .collect();
    places.dedup();
    places.into_iter().try_fold(0, |checksum: u32, place| {
        let file = File::open(&files[place]).ok()?;
        let length = file.metadata().ok()?.len();
        Some(checksum.rotate_left(1) ^ sampled(&file, length)?)
    })
}

fn whole(file: &File, length: u64) -> Option<u32> {
    let pieces = length.div_ceil(READ_BYTES as u64);
    checksum(
        file,
        length,
        READ_BYTES,
        (0..pieces).map(|piece| piece * READ_BYTES as u64),
    )
}

/// From the first byte to the last.
fn sampled(file: &File, length: u64) -> Option<u32> {
    let last = length.saturating_sub(PLACE_BYTES as u64);
    let place = |place| (u128::from(last) * place / (PLACES - 1)) as u64;
    checksum(file, length, PLACE_BYTES, (0..PLACES).map(place))
}

fn checksum(
    file: &File,
    length: u64,
    piece: usize,
    places: impl Iterator<Item = u64>,
) -> Option<u32> {
    let mut buffer = vec![0; piece.min(usize::try_from(length).unwrap_or(piece))];
    let mut checksum = 0;
    for at in places {
        let wanted =
            usize::try_from(length - at).map_or(buffer.len(), |left| left.min(buffer.len()));
        file.read_exact_at(&mut buffer[..wanted], at).ok()?;
        checksum = crc32c::crc32c_append(checksum, &buffer[..wanted]);
    }
    Some(checksum)
}

/// Whether the times of a file do not tell of what is written through a map.
fn is_in_memory(file: &File) -> bool {
    #[cfg(target_os = "linux")]
    {
        const TMPFS: i128 = 0x0102_1994;
        const RAMFS: i128 = 0x8584_58f6;
        rustix::fs::fstatfs(file)
            .is_ok_and(|system| [TMPFS, RAMFS].contains(&i128::from(system.f_type)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, length: usize) -> File {
        let path = folder.join("scan.npy");
        fs::write(&path, vec![7; length]).unwrap();
        std::thread::sleep(TICK * 3 / 2);
        fs::File::options()
            .read(true)
            .write(true)
            .open(path)
            .unwrap()
    }

    /// As a program does that writes through a map: the times of the file are set back.
    fn change(file: &File, at: u64) {
        let time = file.metadata().unwrap().modified().unwrap();
        file.write_at(&[8], at).unwrap();
        file.set_modified(time).unwrap();
        std::thread::sleep(TICK * 3 / 2);
    }

    #[test]
    fn what_is_written_in_place_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        for length in [1, 4096, 5000, 100_000, 1_000_000] {
            let file = written(folder.path(), length);
            let mark = Mark::of(&file);
            assert!(mark.is_some());
            assert_eq!(Mark::of(&file), mark);
            change(&file, length as u64 - 1);
            assert_ne!(Mark::of(&file), mark);
        }
        let file = written(folder.path(), 100);
        file.set_modified(SystemTime::now()).unwrap();
        assert_eq!(Mark::of(&file), None, "it is too young");
    }

    #[test]
    fn a_sample_tells_contents_apart_and_not_places() {
        let folder = tempfile::tempdir().unwrap();
        let store = |name: &str, last: u8| {
            let store = folder.path().join(name);
            fs::create_dir_all(store.join("c/0")).unwrap();
            fs::write(store.join("zarr.json"), "{}").unwrap();
            fs::write(store.join("c/0/1"), [1; 10]).unwrap();
            fs::write(store.join("c/0/2"), [1, last]).unwrap();
            (sample_of(&store), sample_of(&store.join("c/0/2")))
        };
        let (one, same, other) = (store("a", 1), store("b", 1), store("c", 2));
        assert_eq!(one, same);
        assert!(one.0 != other.0 && one.1 != other.1 && one.0.is_some() && one.1.is_some());
        assert_eq!(sample_of(&folder.path().join("missing")), None);
        fs::write(folder.path().join("empty"), "").unwrap();
        assert!(sample_of(&folder.path().join("empty")).is_some());
    }

    #[test]
    fn the_bytes_are_looked_at_from_the_first_to_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = written(folder.path(), 3_000_017);
        let both = || {
            (
                whole(&file, 3_000_017).unwrap(),
                sampled(&file, 3_000_017).unwrap(),
            )
        };
        let before = both();
        for (at, is_a_place) in [(0, true), (3_000_016, true), (1_500_000, false)] {
            file.write_at(&[8], at).unwrap();
            let now = both();
            assert_ne!(now.0, before.0);
            assert_eq!(now.1 != before.1, is_a_place);
            file.write_at(&[7], at).unwrap();
        }
        assert_eq!(both(), before);
    }
}
