//! Folders that must be writable, and memory.

use std::path::{Path, PathBuf};

use super::Finding;
use crate::{install, journal};

/// Less than this beside the budget is tight: the compiler and a browser run on the same machine.
const ROOM_BYTES: u64 = 1 << 30;

pub(super) fn examine(report: &mut dyn FnMut(Finding)) {
    let places = [
        ("the cache of compiled cells", eval::cache_folder()),
        ("the folder of inputs", install::history_folder()),
        (
            "the journal of trees",
            journal::place().map(|place| place.folder),
        ),
        ("the folder for temporary files", Some(std::env::temp_dir())),
    ];
    for (what, folder) in places {
        if let Some(folder) = folder {
            report(writable(what, &folder));
        }
    }
    report(memory());
}

/// Tries the folder, or the nearest one above it that exists; leaves nothing behind.
pub(super) fn writable(what: &str, folder: &Path) -> Finding {
    let existing: PathBuf = folder
        .ancestors()
        .find(|folder| folder.exists())
        .map_or_else(|| folder.to_owned(), Path::to_owned);
    let probe = existing.join(format!(".signaltree-{}", uuid::Uuid::new_v4().simple()));
    let tried = std::fs::create_dir(&probe).and_then(|()| std::fs::remove_dir(&probe));
    let shown = folder.display();
    match tried {
        Ok(()) => Finding::good(format!("{what} can be written ({shown})")),
        Err(error) => Finding::broken(
            format!("{what} cannot be written ({shown}): {error}"),
            format!("make {} writable for you", existing.display()),
        ),
    }
}

fn memory() -> Finding {
    let variable = std::env::var(session::BUDGET_VARIABLE);
    if let Ok(text) = &variable
        && text.trim().parse::<usize>().is_err()
    {
        return Finding::broken(
            format!("{} is {text:?}", session::BUDGET_VARIABLE),
            "give a number of bytes, such as 4000000000, or leave it out",
        );
    }
    let budget = session::Config::from_environment().budget_bytes as u64;
    let megabytes = |bytes: u64| bytes >> 20;
    let what = format!("memory budget {} MB", megabytes(budget));
    match available() {
        Some(free) if free < budget + ROOM_BYTES => Finding::note(
            format!("{what}, but only {} MB are free now", megabytes(free)),
            format!(
                "close other programs, or set {} to fewer bytes",
                session::BUDGET_VARIABLE
            ),
        ),
        Some(free) => Finding::good(format!("{what} of {} MB that are free", megabytes(free))),
        None => Finding::good(what),
    }
}

/// Bytes that can be had without swapping, where the system says so.
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_folder_that_does_not_exist_yet_is_tried_above() {
        let folder = tempfile::tempdir().unwrap();
        let finding = writable("it", &folder.path().join("a/b"));
        assert_eq!(finding.verdict, Verdict::Good);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let finding = writable("it", &file.join("below"));
        assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
        assert!(finding.advice.contains("writable"));
    }
}
