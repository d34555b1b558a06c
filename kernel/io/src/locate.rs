//! From the name a person types to a path that is there.
//!
//! A name that exists as it is written is taken as it is. Otherwise what people paste with a path is taken off
//! (blanks, quotes, `file://`, `~`, the separators of Windows), and a name written with other code points for the
//! same characters (`é` as one or as two) is found. What is not found is an error that shows the difference.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use icu_normalizer::ComposingNormalizerBorrowed;
use signal::{SourceError, nearest_names};

use crate::error::io_error;

/// Nearest names in an error.
const MAX_NAMES: usize = 3;

/// The path that a written one means.
///
/// # Errors
/// [`SourceError::NotFound`] with the nearest names in that folder, [`SourceError::Invalid`] for no name at all, a
/// link that leads nowhere, or a path of another system; [`SourceError::Io`].
pub fn locate(written: &Path) -> Result<PathBuf, SourceError> {
    if written.to_string_lossy().trim().is_empty() {
        return Err(SourceError::Invalid {
            what: "no path was given".into(),
            remedy: "write the name of a file between the quotes, for example `open(\"scan.zspy\")?`; Tab completes it".into(),
        });
    }
    let meant = expanded(written);
    let slashes = PathBuf::from(meant.to_string_lossy().replace('\\', "/"));
    let candidates = [written, &meant, &slashes];
    let mut fault = None;
    for candidate in &candidates {
        match std::fs::metadata(candidate) {
            Ok(_) => return Ok(candidate.to_path_buf()),
            Err(error) if is_absent(&error) => {}
            Err(error) => fault = fault.or(Some(unreachable(candidate, &error))),
        }
    }
    if let Some(found) = candidates
        .iter()
        .find_map(|path| with_same_characters(path))
    {
        return Ok(found);
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    Err(dangling(&meant)
        .or_else(|| foreign(&meant))
        .or_else(|| address(written))
        .unwrap_or_else(|| not_found(&meant)))
}

/// A written path without what was pasted with it: blanks and quotes around it, `file://`, `~` for the home folder,
/// a slash at its end. One that exists stays as it is.
pub fn expanded(written: &Path) -> PathBuf {
    let Some(text) = written.to_str() else {
        return written.into();
    };
    if written.symlink_metadata().is_ok() {
        return written.into();
    }
    let bare = text
        .trim()
        .trim_matches(['"', '\'', '`', '“', '”', '‘', '’'])
        .trim();
    let local: Cow<'_, str> = match bare.strip_prefix("file://") {
        Some(rest) => Cow::Owned(percent_decoded(
            rest.strip_prefix("localhost").unwrap_or(rest),
        )),
        None => Cow::Borrowed(bare),
    };
    let home = || std::env::var("HOME").ok().filter(|home| !home.is_empty());
    let path = match (local.strip_prefix('~'), home()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{home}{rest}")
        }
        _ => local.into_owned(),
    };
    match path.trim_end_matches('/') {
        "" => PathBuf::from(path),
        path => PathBuf::from(path),
    }
}

/// `%20` and its like; anything else stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        match (
            *first,
            code.and_then(|code| u8::from_str_radix(code, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (byte, _) => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn unreachable(path: &Path, error: &std::io::Error) -> SourceError {
    // `FilesystemLoop` has no stable name yet.
    match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => SourceError::Invalid {
            what: format!("{} is a link that leads in a circle", path.display()),
            remedy: "remove it, or make it point to the file: `ln -sfn FILE LINK`".into(),
        },
        _ => io_error(path, error),
    }
}

/// Looks in each folder on the way for a name of the same characters.
fn with_same_characters(path: &Path) -> Option<PathBuf> {
    // Plain ASCII is written in one way only.
    if path.to_str()?.is_ascii() {
        return None;
    }
    let normalizer = ComposingNormalizerBorrowed::new_nfc();
    let mut found = PathBuf::new();
    for component in path.components() {
        let next = found.join(component);
        let Component::Normal(name) = component else {
            found = next;
            continue;
        };
        if next.symlink_metadata().is_ok() {
            found = next;
            continue;
        }
        let wanted = normalizer.normalize(name.to_str()?).into_owned();
        let same = (names_in(&found).into_iter())
            .find(|name| normalizer.normalize(name).as_ref() == wanted)?;
        found.push(same);
    }
    found.exists().then_some(found)
}

fn names_in(folder: &Path) -> Vec<String> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// The first link on the way that leads nowhere.
fn dangling(path: &Path) -> Option<SourceError> {
    let link = first_missing(path)?;
    let target = std::fs::read_link(&link).ok()?;
    Some(SourceError::Invalid {
        what: format!(
            "{} is a link to {}, which does not exist",
            link.display(),
            target.display()
        ),
        remedy: "mount or copy what it points to, or make it point to where that is now: `ln -sfn TARGET LINK`".into(),
    })
}

/// A path of Windows, as far as it can be told.
fn foreign(path: &Path) -> Option<SourceError> {
    let text = path.to_str()?;
    let mut start = text.chars();
    let drive = start.next().filter(char::is_ascii_alphabetic)?;
    let is_foreign = start.next() == Some(':') && matches!(start.next(), Some('\\' | '/'));
    is_foreign.then(|| SourceError::Invalid {
        what: format!("{text} is a path of Windows, and the kernel runs on another system"),
        remedy: format!(
            "give the path as this system sees it, in WSL for example \"/mnt/{}/{}\"",
            drive.to_ascii_lowercase(),
            text[3..].replace('\\', "/")
        ),
    })
}

/// An address of the network: `https://host/scan.zspy`, `s3://bucket/scan.zarr`.
pub fn address(written: &Path) -> Option<SourceError> {
    let text = written.to_str()?.trim().trim_matches(['"', '\'', '`']);
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && (scheme.chars()).all(|letter| letter.is_ascii_alphanumeric() || "+.-".contains(letter));
    (is_scheme && !scheme.eq_ignore_ascii_case("file")).then(|| {
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let name = path.trim_end_matches('/').rsplit('/').next();
        let name = name.filter(|name| path.contains('/') && !name.is_empty());
        SourceError::Invalid {
            what: format!("{text} is an address, and nothing is read from the network yet"),
            remedy: format!(
                "download it first and open the copy: `open({:?})?`",
                name.unwrap_or("scan.zspy")
            ),
        }
    })
}

/// The first part of a path that is not there.
fn first_missing(path: &Path) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = path
        .ancestors()
        .filter(|part| !part.as_os_str().is_empty())
        .collect();
    ancestors.reverse();
    let missing = ancestors
        .into_iter()
        .find(|part| part.metadata().is_err())?;
    Some(missing.to_path_buf())
}

/// [`SourceError::NotFound`] for the first part of a path that is not there, with the nearest names beside it.
pub fn not_found(path: &Path) -> SourceError {
    let missing = first_missing(path).unwrap_or_else(|| path.to_path_buf());
    let folder = missing.parent().unwrap_or(Path::new(""));
    let names = names_in(folder);
    let wanted = missing
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let nearest = nearest_names(&wanted, names.iter().map(String::as_str), MAX_NAMES);
    SourceError::NotFound {
        nearest: nearest
            .into_iter()
            .map(|name| with_difference(name, &wanted))
            .collect(),
        path: missing,
    }
}

/// A name, and what in it differs from the wanted one and may not be seen on a screen.
fn with_difference(name: &str, wanted: &str) -> String {
    let only_in = |a: &str, b: &str| -> Vec<String> {
        let mut found = Vec::new();
        for character in a.chars() {
            let is_hidden =
                !character.is_ascii() || character.is_whitespace() || character.is_control();
            let text = match character {
                ' ' => "a space".to_owned(),
                other => format!("`{other}` U+{:04X}", other as u32),
            };
            let counts = [a, b].map(|text| text.matches(character).count());
            if is_hidden && counts[0] > counts[1] && !found.contains(&text) {
                found.push(text);
            }
        }
        found
    };
    let (more, less) = (only_in(name, wanted), only_in(wanted, name));
    let mut difference = Vec::new();
    if !more.is_empty() {
        difference.push(format!("with {}", more.join(", ")));
    }
    if !less.is_empty() {
        difference.push(format!("without {}", less.join(", ")));
    }
    match difference.is_empty() {
        true => name.to_owned(),
        false => format!("{name:?} ({})", difference.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSED: &str = "caf\u{e9} scan.npy";
    const DECOMPOSED: &str = "cafe\u{301} scan.npy";

    #[test]
    fn the_same_characters_are_the_same_name_also_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("me\u{301}sure");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join(DECOMPOSED), b"x").unwrap();
        for (outer, name) in [("m\u{e9}sure", COMPOSED), ("me\u{301}sure", DECOMPOSED)] {
            let found = locate(&folder.path().join(outer).join(name)).unwrap();
            assert_eq!(found, inside.join(DECOMPOSED));
        }
        // Both spellings exist: each is itself.
        std::fs::write(inside.join(COMPOSED), b"y").unwrap();
        assert_eq!(
            locate(&inside.join(COMPOSED)).unwrap(),
            inside.join(COMPOSED)
        );
    }

    #[test]
    fn what_is_pasted_with_a_path_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my scan.npy");
        std::fs::write(&file, b"x").unwrap();
        let text = file.to_str().unwrap();
        for written in [
            format!(" {text} "),
            format!("\"{text}\""),
            format!("'{text}'"),
            format!("{text}/"),
            format!("file://{}", text.replace(' ', "%20")),
            format!("file://localhost{text}"),
            text.replace('/', "\\"),
        ] {
            assert_eq!(locate(Path::new(&written)).unwrap(), file, "{written}");
        }
        let home = std::env::var("HOME").unwrap();
        assert_eq!(
            expanded(Path::new("~/a b/c.zspy")),
            Path::new(&home).join("a b/c.zspy")
        );
        assert_eq!(expanded(Path::new("~")), Path::new(&home));
        assert_eq!(expanded(Path::new("~someone/a")), Path::new("~someone/a"));
        assert_eq!(expanded(Path::new("100%.npy")), Path::new("100%.npy"));
    }

    #[test]
    fn a_name_that_exists_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join(" 'odd\\name' ");
        std::fs::write(&odd, b"x").unwrap();
        assert_eq!(locate(&odd).unwrap(), odd);
        assert_eq!(expanded(&odd), odd);
    }

    #[test]
    fn errors_say_what_is_not_there_and_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("scans")).unwrap();
        std::fs::write(at("scan\u{a0}1.npy"), b"x").unwrap();
        std::fs::write(at("map.npy "), b"x").unwrap();
        std::os::unix::fs::symlink("nowhere.npy", at("dangling.npy")).unwrap();
        std::os::unix::fs::symlink("b.npy", at("a.npy")).unwrap();
        std::os::unix::fs::symlink("a.npy", at("b.npy")).unwrap();
        let said = |name: &str| locate(&at(name)).unwrap_err().to_string();
        assert!(
            said("scan 1.npy").contains("U+00A0"),
            "{}",
            said("scan 1.npy")
        );
        assert!(
            said("map.npy").contains("\"map.npy \" (with a space)"),
            "{}",
            said("map.npy")
        );
        assert!(said("dangling.npy").contains("a link to nowhere.npy, which does not exist"));
        assert!(said("a.npy").contains("in a circle"), "{}", said("a.npy"));
        let deep = said("scnas/one/two.npy");
        assert!(
            deep.contains("scnas does not exist") && deep.contains("scans"),
            "{deep}"
        );
        assert!(
            locate(Path::new("  "))
                .unwrap_err()
                .to_string()
                .contains("no path")
        );
        for (written, copy) in [
            (
                "https://zenodo.org/records/1/files/scan.hspy?download=1",
                "scan.hspy",
            ),
            (" s3://bucket/one/scan.zarr/ ", "scan.zarr"),
            ("https://host", "scan.zspy"),
        ] {
            let error = locate(Path::new(written)).unwrap_err();
            assert!(error.to_string().contains("is an address"), "{error}");
            let offered = format!("`open({copy:?})?`");
            assert!(error.remedy().contains(&offered), "{}", error.remedy());
        }
        let windows = locate(Path::new("C:\\data\\scan.zspy")).unwrap_err();
        assert!(
            windows.remedy().contains("/mnt/c/data/scan.zspy"),
            "{}",
            windows.remedy()
        );
    }
}
