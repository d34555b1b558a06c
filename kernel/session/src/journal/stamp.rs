//! Whether a file is still the one it was.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// Files of a store that change with it, where a folder's own time does not tell.
const TELLTALES: [&str; 5] = ["zarr.json", ".zmetadata", ".zattrs", ".zgroup", ".zarray"];

/// Size and time of the last change; of a store, those of its folder and its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Bytes; of a store, those of its headers.
    pub size: u64,
    /// Nanoseconds since 1970; of a store, the latest.
    pub modified: u64,
}

impl Stamp {
    /// `None` when there is nothing at `path`.
    pub fn of(path: &Path) -> Option<Stamp> {
        let found = std::fs::metadata(path).ok()?;
        let mut stamp = Stamp {
            size: if found.is_dir() { 0 } else { found.len() },
            modified: nanoseconds(&found),
        };
        if found.is_dir() {
            for name in TELLTALES {
                if let Ok(header) = std::fs::metadata(path.join(name)) {
                    stamp.size += header.len();
                    stamp.modified = stamp.modified.max(nanoseconds(&header));
                }
            }
        }
        Some(stamp)
    }
}

fn nanoseconds(file: &std::fs::Metadata) -> u64 {
    file.modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
