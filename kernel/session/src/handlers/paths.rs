//! How the path of a file goes on that is typed into a page.

use std::path::Path;

/// More than a list shows.
const MAX: usize = 100;

/// Folders, and files with one of these endings, whose path begins as `written`; relative ones from the folder of the notebook. Hidden
/// ones are named when their dot is.
pub(crate) fn beginning(written: &str, endings: &[String]) -> Vec<String> {
    let (folder, prefix) = written.split_at(written.rfind('/').map_or(0, |slash| slash + 1));
    let looked_in = match folder {
        "" => Path::new(".").to_owned(),
        folder => io::expanded(Path::new(folder)),
    };
    // A folder that cannot be read has nothing to offer.
    let Ok(entries) = std::fs::read_dir(looked_in) else {
        return Vec::new();
    };
    let mut paths: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_hidden = name.starts_with('.') && !prefix.starts_with('.');
            if is_hidden || !name.starts_with(prefix) {
                return None;
            }
            if entry.path().is_dir() {
                return Some(format!("{folder}{name}/"));
            }
            let ending = Path::new(&name).extension()?.to_str()?.to_lowercase();
            endings.contains(&ending).then(|| format!("{folder}{name}"))
        })
        .collect();
    paths.sort();
    paths.truncate(MAX);
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_files_of_the_endings_go_on() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["dead.npy", "dead.NPY", "dead.txt", ".dead.npy", "flat.npy"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("deadly")).unwrap();
        let at = |name: &str| format!("{}/{name}", folder.path().display());
        let endings = ["npy".to_owned()];
        let found = beginning(&at("de"), &endings);
        assert_eq!(found, [at("dead.NPY"), at("dead.npy"), at("deadly/")]);
        assert_eq!(beginning(&at("nothing/"), &endings), [""; 0]);
        assert_eq!(beginning(&at(".d"), &endings), [at(".dead.npy")]);
    }
}
