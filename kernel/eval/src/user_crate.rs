//! The crate `signaltree` that cells are compiled against: its sources travel in this binary and are
//! written to a folder named after their content, so that every kernel of one version shares them.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Result;
use std::path::{Path, PathBuf};

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../cell/src/", $name)))),*]
    };
}

pub(crate) const SOURCES: [(&str, &str); 23] = sources![
    "lib.rs",
    "abi.rs",
    "bridge.rs",
    "error.rs",
    "frame.rs",
    "generated.rs",
    "hook.rs",
    "host.rs",
    "json.rs",
    "lineage.rs",
    "map.rs",
    "memory.rs",
    "operation.rs",
    "output.rs",
    "picture.rs",
    "prelude.rs",
    "region.rs",
    "restore.rs",
    "rich.rs",
    "save.rs",
    "show.rs",
    "signal.rs",
    "table.rs",
];

const MANIFEST: &str = concat!(
    "[package]\nname = \"signaltree\"\nversion = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nedition = \"2024\"\n\n[workspace]\n"
);

/// Folder of the crate and of its compiled form.
pub(crate) struct UserCrate {
    folder: PathBuf,
}

impl UserCrate {
    /// Writes the sources below `cache` unless they are there. `compiler` tells compilers apart.
    pub(crate) fn write(cache: &Path, compiler: &str) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        (SOURCES, MANIFEST, compiler).hash(&mut hasher);
        let folder = cache.join(format!("cells-{:016x}", hasher.finish()));
        let user_crate = UserCrate { folder };
        if !user_crate.sources().exists() {
            fs::create_dir_all(&user_crate.folder)?;
            let draft = user_crate.draft("crate");
            fs::create_dir_all(draft.join("src"))?;
            fs::write(draft.join("Cargo.toml"), MANIFEST)?;
            for (name, text) in SOURCES {
                fs::write(draft.join("src").join(name), text)?;
            }
            settle(&draft, &user_crate.sources())?;
        }
        Ok(user_crate)
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.folder.join("crate")
    }

    /// Two kernels may write at once; each writes its own draft, the first one stays.
    fn draft(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{what}-{}", std::process::id()))
    }

    fn template(&self) -> PathBuf {
        self.folder.join("compiled")
    }

    /// Gives the folder evcxr compiles in what an earlier kernel compiled.
    pub(crate) fn seed(&self, cells: &Path) -> Result<()> {
        let template = self.template();
        if template.exists() {
            copy_tree(&template, &cells.join("target"))?;
        }
        Ok(())
    }

    /// Keeps the compiled crate for the next kernel.
    pub(crate) fn keep(&self, cells: &Path) -> Result<()> {
        if self.template().exists() {
            return Ok(());
        }
        let draft = self.draft("compiled");
        let target = cells.join("target");
        for found in compiled_files(&target)? {
            let inside = found.strip_prefix(&target).unwrap_or(&found);
            copy_tree(&found, &draft.join(inside))?;
        }
        settle(&draft, &self.template())
    }
}

/// What cargo needs to find the crate fresh: libraries and fingerprints.
fn compiled_files(target: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![target.join(".rustc_info.json")];
    for triple in fs::read_dir(target)? {
        let debug = triple?.path().join("debug");
        for part in ["deps", ".fingerprint"] {
            let Ok(entries) = fs::read_dir(debug.join(part)) else {
                continue;
            };
            for entry in entries {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                if name.is_some_and(|name| {
                    name.starts_with("signaltree-") || name.starts_with("libsignaltree-")
                }) {
                    found.push(path);
                }
            }
        }
    }
    found.retain(|path| path.exists());
    Ok(found)
}

fn settle(draft: &Path, place: &Path) -> Result<()> {
    match fs::rename(draft, place) {
        Err(_) if place.exists() => fs::remove_dir_all(draft),
        result => result,
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_tree(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(drop)
}

/// The user's cache folder.
pub fn cache_folder() -> Option<PathBuf> {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))
        .map(|folder| folder.join("signaltree"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_of_the_crate_travels() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cell/src");
        let mut found: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let mut listed: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }

    #[test]
    fn the_crate_is_written_once_and_its_compiled_form_kept() {
        let cache = tempfile::tempdir().unwrap();
        let user_crate = UserCrate::write(cache.path(), "rustc 1").unwrap();
        assert!(user_crate.sources().join("src/lib.rs").exists());
        let again = UserCrate::write(cache.path(), "rustc 1").unwrap();
        assert_eq!(again.sources(), user_crate.sources());
        assert_ne!(
            UserCrate::write(cache.path(), "rustc 2").unwrap().sources(),
            user_crate.sources()
        );

        let cells = cache.path().join("cells");
        let deps = cells.join("target/triple/debug/deps");
        fs::create_dir_all(&deps).unwrap();
        fs::write(deps.join("libsignaltree-1.rlib"), "library").unwrap();
        fs::write(deps.join("libctx.so"), "a cell").unwrap();
        user_crate.keep(&cells).unwrap();
        let next = cache.path().join("next");
        user_crate.seed(&next).unwrap();
        let deps = next.join("target/triple/debug/deps");
        assert!(deps.join("libsignaltree-1.rlib").exists());
        assert!(!deps.join("libctx.so").exists());
    }
}
