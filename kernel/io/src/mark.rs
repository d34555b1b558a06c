//! Whether the pixels of a mapped file are still those of its opening. A program that writes through a memory map
//! changes them in place: the time of the file follows late, and in a file system in memory never.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Places that are looked at in a file on a disk, spread over it, and the bytes of each.
const PLACES: u128 = 16;
const PLACE_BYTES: usize = 4096;
/// A file in memory is read whole, up to this size: of a larger one nothing is known.
const MOST_BYTES: u64 = 256 << 20;
/// A file that changed so shortly before it was looked at may change again without another time stamp.
const TICK: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 1 << 20;

/// Of the size, the place on the disk, the times and the bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    file: (u64, u64, u64),
    written: Duration,
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
            true if found.len() > MOST_BYTES => return None,
            true => whole(file, found.len())?,
            false => sampled(file, found.len())?,
        };
        Some(Mark {
            file: (found.dev(), found.ino(), found.len()),
            written,
            changed,
            checksum,
        })
    }
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
    use std::fs;
    use std::path::Path;

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
