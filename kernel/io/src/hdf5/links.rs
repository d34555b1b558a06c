//! Where names of an HDF5 file lead: through groups, soft links, and links into other files.
//!
//! A linked file is looked for as HDF5 does: at its own path if that is absolute, beside the file that links to it,
//! and by its bare name beside it, for files that were moved together.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::messages::link::LinkTarget;
use hdf5_reader::storage::{FileStorage, Storage, StorageBuffer};
use hdf5_reader::{Dataset, FilesystemExternalFileResolver, Hdf5File};
use signal::SourceError;

use crate::hdf5::absent::Refusing;
use crate::hdf5::error::damaged;
use crate::hdf5::filters;
use crate::hdf5::objects::{Kind, Link, header, kind, links};
use crate::storage::lock::lock;

/// Soft and external links followed for one name.
const MAX_STEPS: u32 = 64;
/// Levels of groups that are listed.
const MAX_LEVELS: usize = 32;
/// Links that are followed for a list.
const MAX_LISTED: usize = 1 << 14;
/// Linked files that are held open at once: a series may have thousands.
const MAX_OPEN: usize = 32;

/// An HDF5 file, and which one it was when it was opened.
pub struct Opened {
    pub file: Hdf5File,
    pub path: PathBuf,
    stamp: Option<(u64, SystemTime)>,
}

impl Opened {
    /// # Errors
    /// A file that is shorter than it says, or no HDF5 file.
    pub fn open(path: &Path) -> Result<Arc<Self>, SourceError> {
        // Read by position, not mapped: a file that becomes shorter is an error then, not the end of the process.
        let storage = FileStorage::open(path).map_err(|error| damaged(path, "the file", &error))?;
        Opened::on(path, Arc::new(Refusing(storage)))
    }

    fn on(path: &Path, storage: Arc<dyn Storage>) -> Result<Arc<Self>, SourceError> {
        let found_bytes = storage.len();
        // Our engine keeps decoded chunks itself, under the one budget.
        let options = hdf5_reader::OpenOptions::default()
            .with_chunk_cache_bytes(0)
            .with_chunk_cache_slots(0)
            .with_filter_registry(filters::registry());
        let options = match path.parent() {
            Some(folder) => options
                .with_external_file_resolver(Arc::new(FilesystemExternalFileResolver::new(folder))),
            None => options,
        };
        let file = Hdf5File::from_storage_with_options(storage, options)
            .map_err(|error| damaged(path, "the superblock", &error))?;
        let expected_bytes = file.superblock().eof_address;
        if found_bytes < expected_bytes {
            return Err(SourceError::Truncated {
                path: path.into(),
                expected_bytes,
                found_bytes,
                place: String::new(),
            });
        }
        Ok(Arc::new(Opened {
            file,
            path: path.into(),
            stamp: stamp(path),
        }))
    }

    /// # Errors
    /// [`SourceError::Invalid`] when it is another file now.
    pub fn check_same(&self) -> Result<(), SourceError> {
        if stamp(&self.path) == self.stamp {
            return Ok(());
        }
        Err(SourceError::Invalid {
            what: format!("{} was changed since it was opened", self.path.display()),
            remedy: "open it again".into(),
        })
    }

    pub fn root(self: &Arc<Self>) -> Result<Place, Error> {
        Ok(Place {
            opened: self.clone(),
            group: self.file.root_group()?,
        })
    }
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?))
}

/// A group in a file.
#[derive(Clone)]
pub struct Place {
    pub opened: Arc<Opened>,
    pub group: Group,
}

/// An array: the group whose own link leads to it, and its address.
#[derive(Clone)]
pub struct ArrayAt {
    pub place: Place,
    pub name: String,
    pub address: u64,
}

impl ArrayAt {
    pub fn dataset(&self) -> Result<Dataset, Error> {
        self.place.group.dataset(&self.name)
    }

    pub fn opened(&self) -> &Arc<Opened> {
        &self.place.opened
    }

    fn identity(&self) -> (*const Opened, u64) {
        (Arc::as_ptr(self.opened()), self.address)
    }
}

/// Where a name leads.
pub enum Found {
    Group(Place),
    Array(ArrayAt),
}

/// An entry of a list: its path, and the array or why there is none.
pub struct Entry {
    pub name: String,
    pub array: Result<ArrayAt, String>,
    /// Whether its own name is a link into another file.
    pub is_external: bool,
}

/// The files that links of one file lead to; each is opened once.
#[derive(Default)]
pub struct Files {
    known: Mutex<HashMap<PathBuf, Arc<Opened>>>,
    pool: Arc<Pool>,
}

impl Files {
    /// With the file that was opened by name.
    pub fn of(first: &Arc<Opened>) -> Self {
        let files = Files::default();
        let key = first
            .path
            .canonicalize()
            .unwrap_or_else(|_| first.path.clone());
        lock(&files.known).insert(key, first.clone());
        files
    }

    /// # Errors
    /// In words that follow the name of the file.
    pub fn linked(&self, from: &Opened, name: &str) -> Result<Arc<Opened>, String> {
        let folder = from.path.parent().unwrap_or(Path::new("."));
        let written = Path::new(name);
        let bare = written.file_name().map(|bare| folder.join(bare));
        let path = [Some(folder.join(written)), bare]
            .into_iter()
            .flatten()
            .find(|path| path.is_file())
            .ok_or("which is not there")?;
        let key = path.canonicalize().unwrap_or_else(|_| path.clone());
        if let Some(known) = lock(&self.known).get(&key) {
            return Ok(known.clone());
        }
        let storage = Pooled::open(&path, &self.pool)
            .map_err(|error| format!("which cannot be read: {error}"))?;
        let opened = Opened::on(&path, Arc::new(Refusing(storage)))
            .map_err(|error| format!("which cannot be read: {error}"))?;
        lock(&self.known).insert(key, opened.clone());
        Ok(opened)
    }

    /// Where a path leads, from a group or (with a leading slash) from the root.
    ///
    /// # Errors
    /// In words: `nothing`, `external link to a.h5, which is not there`.
    pub fn at(&self, place: &Place, path: &str) -> Result<Found, String> {
        let mut steps = MAX_STEPS;
        self.walk(place, path, &mut steps)
    }

    fn walk(&self, place: &Place, path: &str, steps: &mut u32) -> Result<Found, String> {
        let mut here = match path.starts_with('/') {
            true => place.opened.root().map_err(|error| error.to_string())?,
            false => place.clone(),
        };
        let mut parts = path
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .peekable();
        while let Some(part) = parts.next() {
            let all = links(&here.opened.file, here.group.address())
                .map_err(|error| error.to_string())?;
            let link = all.iter().find(|link| link.name == part);
            let link =
                link.ok_or_else(|| format!("name without an object: there is no `{part}`"))?;
            match self.follow(&here, link, steps)? {
                Found::Group(group) => here = group,
                array if parts.peek().is_none() => return Ok(array),
                Found::Array(_) => return Err(format!("name below the array `{part}`")),
            }
        }
        Ok(Found::Group(here))
    }

    fn follow(&self, place: &Place, link: &Link, steps: &mut u32) -> Result<Found, String> {
        match &link.target {
            LinkTarget::Hard { address } => hard(place, &link.name, *address),
            LinkTarget::Soft { path } => {
                let said = format!("soft link to {path}");
                step(steps, &said)?;
                (self.walk(place, path, steps)).map_err(|fault| chain(said, &fault))
            }
            LinkTarget::External { filename, path } => {
                let said = format!("external link to {filename}");
                step(steps, &said)?;
                let linked = self.linked(&place.opened, filename);
                let linked = linked.map_err(|fault| format!("{said}, {fault}"))?;
                let root = linked.root().map_err(|error| format!("{said}: {error}"))?;
                (self.walk(&root, path, steps)).map_err(|fault| chain(said, &fault))
            }
        }
    }

    /// All arrays below a group: first those that lie in the file itself, then what other names lead to, each
    /// array under its first name only; and links that lead nowhere.
    pub fn list(&self, place: &Place) -> Vec<Entry> {
        let mut listing = Listing {
            seen: HashSet::new(),
            groups: HashSet::new(),
            external: VecDeque::new(),
            soft: VecDeque::new(),
            entries: Vec::new(),
            left: MAX_LISTED,
        };
        listing.below(place, "", 0);
        // Groups behind links add their own. A link into another file is the name of an array, a soft link only
        // another name for it.
        while let Some((place, prefix, level, link)) =
            (listing.external.pop_front()).or_else(|| listing.soft.pop_front())
        {
            let name = format!("{prefix}{}", link.name);
            let is_external = matches!(link.target, LinkTarget::External { .. });
            match self.follow(&place, &link, &mut MAX_STEPS.clone()) {
                Ok(Found::Group(group)) => listing.below(&group, &format!("{name}/"), level + 1),
                Ok(Found::Array(array)) => listing.add(name, Ok(array), is_external),
                Err(fault) => listing.add(name, Err(fault), is_external),
            }
        }
        listing.entries
    }
}

struct Listing {
    seen: HashSet<(*const Opened, u64)>,
    groups: HashSet<(*const Opened, u64)>,
    /// Links with the place they are in: its path, its level.
    external: VecDeque<(Place, String, usize, Link)>,
    soft: VecDeque<(Place, String, usize, Link)>,
    entries: Vec<Entry>,
    left: usize,
}

impl Listing {
    fn add(&mut self, name: String, array: Result<ArrayAt, String>, is_external: bool) {
        if let Ok(array) = &array
            && !self.seen.insert(array.identity())
        {
            return;
        }
        self.entries.push(Entry {
            name,
            array,
            is_external,
        });
    }

    fn below(&mut self, place: &Place, prefix: &str, level: usize) {
        let identity = (Arc::as_ptr(&place.opened), place.group.address());
        if level > MAX_LEVELS || !self.groups.insert(identity) {
            return;
        }
        let found = match links(&place.opened.file, place.group.address()) {
            Ok(found) => found,
            Err(error) => {
                let fault = format!("group that cannot be read: {error}");
                return self.add(prefix.trim_end_matches('/').to_owned(), Err(fault), false);
            }
        };
        for link in found {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let address = match link.target {
                LinkTarget::Hard { address } => address,
                LinkTarget::External { .. } => {
                    (self.external).push_back((place.clone(), prefix.to_owned(), level, link));
                    continue;
                }
                LinkTarget::Soft { .. } => {
                    (self.soft).push_back((place.clone(), prefix.to_owned(), level, link));
                    continue;
                }
            };
            let name = format!("{prefix}{}", link.name);
            match hard(place, &link.name, address) {
                Ok(Found::Group(group)) => self.below(&group, &format!("{name}/"), level + 1),
                Ok(Found::Array(array)) => self.add(name, Ok(array), false),
                Err(fault) => self.add(name, Err(fault), false),
            }
        }
    }
}

/// What a group's own link leads to; a named type counts as a name without an object.
fn hard(place: &Place, name: &str, address: u64) -> Result<Found, String> {
    let messages = header(&place.opened.file, address)
        .map_err(|error| format!("object that cannot be read: {error}"))?;
    match kind(&messages) {
        Kind::Array => Ok(Found::Array(ArrayAt {
            place: place.clone(),
            name: name.into(),
            address,
        })),
        Kind::Group => match place.group.group(name) {
            Ok(group) => Ok(Found::Group(Place {
                opened: place.opened.clone(),
                group,
            })),
            Err(error) => Err(format!("group that cannot be read: {error}")),
        },
        Kind::Other => Err("name of a type, not of an array".into()),
    }
}

fn step(steps: &mut u32, said: &str) -> Result<(), String> {
    *steps = (steps.checked_sub(1)).ok_or_else(|| format!("{said}, which leads in a circle"))?;
    Ok(())
}

/// Only the first and the last of a row of links are said.
fn chain(said: String, fault: &str) -> String {
    match fault.rsplit_once("external link to ") {
        Some((_, last)) => format!("{said}, that is, external link to {last}"),
        None if fault.contains("circle") => format!("{said}, which leads in a circle"),
        None => format!("{said}, which is not there"),
    }
}

/// Files of a series, a few of them open at a time.
#[derive(Default)]
struct Pool {
    open: Mutex<Vec<(PathBuf, Arc<File>)>>,
}

impl Pool {
    /// The file, opened again if it had to be closed.
    fn file(&self, path: &Path) -> std::io::Result<Arc<File>> {
        let mut open = lock(&self.open);
        if let Some(at) = open.iter().position(|(known, _)| known == path) {
            let entry = open.remove(at);
            let file = entry.1.clone();
            open.push(entry);
            return Ok(file);
        }
        let file = Arc::new(File::open(path)?);
        if open.len() >= MAX_OPEN {
            open.remove(0);
        }
        open.push((path.into(), file.clone()));
        Ok(file)
    }
}

struct Pooled {
    path: PathBuf,
    length: u64,
    pool: Arc<Pool>,
}

impl Pooled {
    fn open(path: &Path, pool: &Arc<Pool>) -> std::io::Result<Self> {
        Ok(Pooled {
            length: pool.file(path)?.metadata()?.len(),
            path: path.into(),
            pool: pool.clone(),
        })
    }
}

impl Storage for Pooled {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_range(&self, offset: u64, len: usize) -> Result<StorageBuffer, Error> {
        use std::os::unix::fs::FileExt;
        let available = self.length.saturating_sub(offset);
        if len as u64 > available {
            return Err(Error::UnexpectedEof {
                offset,
                needed: len as u64,
                available,
            });
        }
        let mut bytes = vec![0; len];
        self.pool
            .file(&self.path)?
            .read_exact_at(&mut bytes, offset)?;
        Ok(StorageBuffer::from_vec(bytes))
    }
}
