//! Completion of file names where a function of the API takes a path: `open("…`, `.save("…`, `replay_with("a", "…`; and where a
//! parameter is a file: `MaskPixels { file: Some("…`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::api::API;
use crate::complete::{Match, takes_path};
use crate::cursor::Cursor;
use crate::tokens::{Step, rust_start, step};

/// Files that `open` reads come first.
const READABLE: [&str; 7] = ["zspy", "hspy", "zarr", "npy", "mrc", "h5", "hdf5"];
/// More names than anybody reads.
const MAX: usize = 500;

/// Names that continue the path before the cursor, and the byte where they start.
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) matches: Vec<Match>,
}

/// `before` is the cell up to the cursor. `None`: the cursor is in no path.
pub(crate) fn complete(before: &str) -> Option<Found> {
    let quote = open_string(before)?;
    let argument = Cursor::at(before, quote).argument_of;
    let written = &before[quote + 1..];
    if !(argument.is_some_and(takes_path) || is_file(&before[..quote])) || written.contains('\\') {
        return None;
    }
    let name_from = written.rfind('/').map_or(0, |slash| slash + 1);
    let (folder, prefix) = written.split_at(name_from);
    let folder = if folder.is_empty() {
        PathBuf::from(".")
    } else {
        PathBuf::from(folder)
    };
    Some(Found {
        start: quote + 1 + name_from,
        matches: entries(&folder, prefix),
    })
}

/// Whether the value of a parameter begins here that is a file.
fn is_file(before: &str) -> bool {
    let value = before.strip_suffix("Some(").unwrap_or(before);
    let Some((owner, name)) = Cursor::at(value, value.len()).value_of else {
        return false;
    };
    let mut fields = API.fields(owner);
    fields.any(|field| field.name == name && field.doc.contains("the path of a file"))
}

/// What `open` reads in the folder of the notebook, and its folders, each as a text.
pub(crate) fn in_quotes() -> Vec<Match> {
    entries(Path::new("."), "")
        .into_iter()
        .filter(|found| found.kind == "folder" || is_readable(&found.text))
        .map(|found| Match {
            text: match found.kind.as_str() {
                "folder" => format!("\"{}", found.text),
                _ => format!("\"{}\"", found.text),
            },
            ..found
        })
        .collect()
}

/// Where the string literal begins that the text ends in.
fn open_string(text: &str) -> Option<usize> {
    let mut at = rust_start(text);
    while at < text.len() {
        at = match step(text, at) {
            Step::Unfinished => return text[at..].starts_with('"').then_some(at),
            Step::Skip(end) | Step::Word(end) => end,
            Step::Byte(_) => at + 1,
        };
    }
    None
}

fn is_readable(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| READABLE.iter().any(|known| extension == *known))
}

fn entries(folder: &Path, prefix: &str) -> Vec<Match> {
    // A folder that cannot be read has nothing to offer.
    let Ok(read) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(u8, Match)> = read
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !prefix.starts_with('.');
            let quoted = name.contains(['"', '\\']);
            if !name.starts_with(prefix) || hidden || quoted {
                return None;
            }
            // Follows links; one that leads nowhere is no folder.
            let is_folder = entry.path().is_dir();
            let readable = is_readable(&name);
            // Some formats are folders, and opened like files.
            let (rank, text, kind) = match (readable, is_folder) {
                (true, _) => (0, name, "file"),
                (false, true) => (1, format!("{name}/"), "folder"),
                (false, false) => (2, name, "file"),
            };
            let found = Match {
                text,
                kind: kind.into(),
                signature: String::new(),
            };
            Some((rank, found))
        })
        .collect();
    found.sort_by(|(a, x), (b, y)| (a, &x.text).cmp(&(b, &y.text)));
    found.truncate(MAX);
    found.into_iter().map(|(_, found)| found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(before: &str) -> Option<Vec<String>> {
        let found = complete(before)?;
        Some(found.matches.into_iter().map(|item| item.text).collect())
    }

    #[test]
    fn names_in_a_folder_readable_ones_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.mrc", "a é.npy", "notes.txt", ".hidden"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        for name in ["scan.zspy", "other"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let path = folder.path().display();
        assert_eq!(
            texts(&format!("let s = open(\"{path}/")).unwrap(),
            ["a é.npy", "b.mrc", "scan.zspy", "other/", "notes.txt"]
        );
        let code = format!("flat.save( \"{path}/s");
        let found = complete(&code).unwrap();
        assert_eq!(&code[found.start..], "s");
        assert_eq!(found.matches[0].text, "scan.zspy");
        assert_eq!(texts(&format!("open(\"{path}/nothing/")).unwrap(), [""; 0]);
        for value in ["Some(\"", "\""] {
            let code = format!("scan.mask_pixels(MaskPixels {{ file: {value}{path}/a");
            assert_eq!(texts(&code).unwrap(), ["a é.npy"]);
        }
        for call in [
            "flat.reshard(",
            "replay(",
            "replay_with(\"a\", ",
            "flat.recipe(",
        ] {
            let found = texts(&format!("{call}\"{path}/b"));
            assert_eq!(found.unwrap(), ["b.mrc"], "{call}");
        }
    }

    #[test]
    fn other_strings_are_left_alone() {
        for code in [
            "open(\"a\")",
            "println!(\"",
            "open(x, \"",
            "// open(\"",
            "open(r\"",
            "f(\"a",
            "flat.rename(\"",
            "recipe(\"a\", \"",
        ] {
            assert!(complete(code).is_none(), "{code}");
        }
    }
}
