//! The crate `signaltree` that cells are compiled against: its sources travel in this binary and are
//! written to a folder named after their content, so that every kernel of one version shares them.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../cell/src/", $name)))),*]
    };
}

pub(crate) const SOURCES: [(&str, &str); 26] = sources![
    "lib.rs",
    "abi.rs",
    "axis.rs",
    "bridge.rs",
    "complex.rs",
    "error.rs",
    "frame.rs",
    "generated.rs",
    "hook.rs",
    "host.rs",
    "json.rs",
    "lineage.rs",
    "map.rs",
    "markup.rs",
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

/// What the runtime needs; features that cells ask for are added to them.
const TOKIO_MANIFEST: &str = "[package]
name = \"signaltree_tokio\"
version = \"0.1.0\"
edition = \"2024\"

[lib]
crate-type = [\"dylib\"]

[dependencies]
tokio = { version = \"1.34\", features = [\"rt\", \"rt-multi-thread\"] }

[workspace]
";

/// One runtime for all cells. A cell's thread is inside of it, so that tasks can be spawned, and waits in `now`, which
/// stands where the cell has `await`.
const TOKIO_SOURCE: &str = "pub use tokio;

use std::cell::Cell;
use std::future::IntoFuture;
use std::sync::LazyLock;

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().build().expect(\"the runtime of tokio does not start\")
});

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

pub fn enter() {
    if !INSIDE.replace(true) {
        std::mem::forget(RUNTIME.enter());
    }
}

pub trait Now: IntoFuture + Sized {
    fn now(self) -> Self::Output {
        RUNTIME.block_on(self.into_future())
    }
}

impl<F: IntoFuture> Now for F {}
";

/// Name of the folder, before the hash.
const FOLDER: &str = "cells-";
/// A folder that no kernel used for so long belongs to an older version.
const KEPT: Duration = Duration::from_secs(60 * 24 * 3600);

/// Folder of the crate and of its compiled form.
pub(crate) struct UserCrate {
    folder: PathBuf,
}

impl UserCrate {
    /// Where the crate is below `cache`, or would be. `compiler` tells compilers apart.
    pub(crate) fn locate(cache: &Path, compiler: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (SOURCES, MANIFEST, compiler).hash(&mut hasher);
        UserCrate {
            folder: cache.join(format!("{FOLDER}{:016x}", hasher.finish())),
        }
    }

    /// Writes the sources below `cache` unless they are there.
    pub(crate) fn write(cache: &Path, compiler: &str) -> Result<Self> {
        let user_crate = Self::locate(cache, compiler);
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
        // Tells `remove_stale` that it is in use; one that cannot be written is nobody's to remove.
        let _ = fs::File::open(&user_crate.folder)
            .and_then(|folder| folder.set_modified(SystemTime::now()));
        Ok(user_crate)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.folder.join("crate")
    }

    /// Two kernels may write at once; each writes its own draft, the first one stays.
    fn draft(&self, what: &str) -> PathBuf {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        self.folder
            .join(format!("{what}-{}-{number}", std::process::id()))
    }

    fn template(&self) -> PathBuf {
        self.folder.join("compiled")
    }

    /// The compiled crate, once an earlier kernel or `prepare` has kept it.
    pub(crate) fn library(&self) -> Option<PathBuf> {
        library_in(&self.template())
    }

    /// Gives the folder evcxr compiles in what an earlier kernel compiled.
    pub(crate) fn seed(&self, cells: &Path) -> Result<()> {
        const TRIES: usize = 10;
        let (template, target) = (self.template(), cells.join("target"));
        for _ in 1..TRIES {
            if !template.exists() {
                return Ok(());
            }
            match copy_tree(&template, &target) {
                Ok(()) if library_in(&target).is_some() => return Ok(()),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // Another kernel has just taken it away, to put a newer one there.
                _ => drop(fs::remove_dir_all(&target)),
            }
        }
        copy_tree(&template, &target)
    }

    /// Keeps the compiled crate for the next kernel. One that cargo took is kept as it is; one it did not take, because
    /// a part was lost, is replaced.
    pub(crate) fn keep(&self, cells: &Path) -> Result<()> {
        let target = cells.join("target");
        if let (Some(kept), Some(used)) = (self.library(), library_in(&target))
            && modified(&kept)? == modified(&used)?
        {
            return Ok(());
        }
        if self.template().exists() {
            let old = self.draft("old");
            fs::rename(self.template(), &old)?;
            // What stays takes some megabytes.
            let _ = fs::remove_dir_all(old);
        }
        let draft = self.draft("compiled");
        for found in compiled_files(&target)? {
            let inside = found.strip_prefix(&target).unwrap_or(&found);
            copy_tree(&found, &draft.join(inside))?;
        }
        settle(&draft, &self.template())
    }
}

/// The library `signaltree` in a target folder of cargo.
fn library_in(target: &Path) -> Option<PathBuf> {
    let triples = fs::read_dir(target).ok()?;
    let mut libraries = triples.flatten().flat_map(|triple| {
        let deps = fs::read_dir(triple.path().join("debug/deps"));
        deps.into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    });
    libraries.find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("libsignaltree-") && name.ends_with(".rlib"))
    })
}

fn modified(path: &Path) -> Result<SystemTime> {
    fs::metadata(path)?.modified()
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

/// Writes a crate that is linked as a library of its own, with tokio in it: cells that use it have no copy of tokio, but
/// the one in this library.
pub(crate) fn write_shared_tokio(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), TOKIO_MANIFEST)?;
    fs::write(folder.join("src/lib.rs"), TOKIO_SOURCE)
}

fn settle(draft: &Path, place: &Path) -> Result<()> {
    loop {
        match fs::rename(draft, place) {
            Err(_) if place.exists() => return fs::remove_dir_all(draft),
            // Another kernel just took an old one away.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            result => return result,
        }
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
    fs::copy(from, to)?;
    // Its age tells whether cargo made it anew.
    fs::File::open(to)?.set_modified(modified(from)?)
}

/// Removes what older versions of the kernel or of Rust left below `cache`.
pub(crate) fn remove_stale(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(FOLDER));
        let age =
            modified(&entry.path()).and_then(|at| at.elapsed().map_err(std::io::Error::other));
        if ours && age.is_ok_and(|age| age > KEPT) {
            // It is no harm where it cannot be removed.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The folder that was asked for, or the user's.
pub(crate) fn cache(folder: Option<&Path>) -> Option<PathBuf> {
    folder.map(Path::to_path_buf).or_else(cache_folder)
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

        assert!(user_crate.library().is_none());
        let cells = compiled(cache.path(), "cells", "library");
        user_crate.keep(&cells).unwrap();
        assert!(user_crate.library().is_some());
        let next = cache.path().join("next");
        user_crate.seed(&next).unwrap();
        assert_eq!(library_text(&next), "library");
        assert!(!next.join(DEPS).join("libctx.so").exists());
        let age = |target: &Path| modified(&library_in(target).unwrap()).unwrap();
        assert_eq!(age(&next.join("target")), age(&user_crate.template()));
    }

    const DEPS: &str = "target/triple/debug/deps";

    /// A folder in which cargo compiled the crate and a cell.
    fn compiled(at: &Path, name: &str, library: &str) -> PathBuf {
        let cells = at.join(name);
        fs::create_dir_all(cells.join(DEPS)).unwrap();
        fs::write(cells.join(DEPS).join("libsignaltree-1.rlib"), library).unwrap();
        fs::write(cells.join(DEPS).join("libctx.so"), "a cell").unwrap();
        cells
    }

    fn library_text(cells: &Path) -> String {
        fs::read_to_string(cells.join(DEPS).join("libsignaltree-1.rlib")).unwrap()
    }

    #[test]
    fn a_kept_crate_that_cargo_did_not_take_is_replaced() {
        let cache = tempfile::tempdir().unwrap();
        let user_crate = UserCrate::write(cache.path(), "rustc 1").unwrap();
        let first = compiled(cache.path(), "first", "first");
        user_crate.keep(&first).unwrap();
        let next = cache.path().join("next");
        user_crate.seed(&next).unwrap();
        user_crate.keep(&next).unwrap();
        assert_eq!(library_text(&next), "first");
        // cargo compiles it again: the file is another one.
        let again = compiled(cache.path(), "again", "again");
        let later = SystemTime::now() + Duration::from_secs(5);
        fs::File::open(again.join(DEPS).join("libsignaltree-1.rlib"))
            .unwrap()
            .set_modified(later)
            .unwrap();
        user_crate.keep(&again).unwrap();
        let last = cache.path().join("last");
        user_crate.seed(&last).unwrap();
        assert_eq!(library_text(&last), "again");
    }

    #[test]
    fn kernels_that_start_at_once_all_get_a_whole_crate() {
        let cache = tempfile::tempdir().unwrap();
        let start = |number: usize| {
            let user_crate = UserCrate::write(cache.path(), "rustc 1").unwrap();
            assert!(user_crate.sources().join("src/lib.rs").exists());
            let cells = cache.path().join(format!("kernel-{number}"));
            user_crate.seed(&cells).unwrap();
            if !cells.join(DEPS).exists() {
                compiled(cache.path(), &format!("kernel-{number}"), "library");
            }
            assert_eq!(library_text(&cells), "library");
            // Who comes second may find that somebody else was quicker; its own kernel has its crate.
            let _ = user_crate.keep(&cells);
        };
        std::thread::scope(|scope| {
            (0..8).for_each(|number| {
                scope.spawn(move || start(number));
            });
        });
        let user_crate = UserCrate::write(cache.path(), "rustc 1").unwrap();
        assert!(user_crate.library().is_some());
        let left: Vec<_> = fs::read_dir(user_crate.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "crate" && name != "compiled")
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_used_as_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let user_crate = UserCrate::write(cache.path(), "rustc 1").unwrap();
        user_crate
            .keep(&compiled(cache.path(), "cells", "library"))
            .unwrap();
        for part in ["crate", "compiled"] {
            let part = user_crate.folder().join(part);
            let mut access = fs::metadata(&part).unwrap().permissions();
            access.set_readonly(true);
            fs::set_permissions(&part, access).unwrap();
        }
        let user_crate = UserCrate::write(cache.path(), "rustc 1").unwrap();
        let next = cache.path().join("next");
        user_crate.seed(&next).unwrap();
        user_crate.keep(&next).unwrap();
        assert_eq!(library_text(&next), "library");
    }

    #[test]
    fn only_what_nobody_used_for_long_is_swept() {
        let cache = tempfile::tempdir().unwrap();
        let old = UserCrate::write(cache.path(), "rustc 1").unwrap();
        let long_ago = SystemTime::now() - 2 * KEPT;
        fs::File::open(old.folder())
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        let new = UserCrate::write(cache.path(), "rustc 2").unwrap();
        remove_stale(cache.path());
        assert!(!old.folder().exists() && new.folder().exists());
    }
}
