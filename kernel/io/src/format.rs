use std::path::Path;
use std::sync::Arc;

use signal::{Source, SourceError};

use crate::OpenOptions;

/// What the documentation and the error of an unknown file say about a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatInfo {
    pub name: &'static str,
    /// Endings without the dot, lower case.
    pub extensions: &'static [&'static str],
    /// One sentence: what is read from it.
    pub summary: &'static str,
    /// Where the format is defined.
    pub specification: &'static str,
}

/// A file format: recognises a path and opens it without reading a pixel.
pub trait Format: Send + Sync {
    fn info(&self) -> FormatInfo;

    /// Whether the path looks like this format; called in the order of the registry.
    fn sniff(&self, candidate: &Candidate<'_>) -> bool;

    /// # Errors
    /// A [`SourceError`] that names the path, what was expected and what was found.
    fn open(&self, path: &Path, options: &OpenOptions) -> Result<Arc<dyn Source>, SourceError>;
}

/// A path that exists, and the first bytes of it when it is a file.
pub struct Candidate<'a> {
    pub path: &'a Path,
    pub is_directory: bool,
    pub head: &'a [u8],
}

impl Candidate<'_> {
    pub fn has_extension(&self, info: FormatInfo) -> bool {
        self.path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| info.extensions.contains(&extension.to_lowercase().as_str()))
    }

    /// Whether the path is a directory that holds a file called `name`.
    pub fn holds(&self, name: &str) -> bool {
        self.is_directory && self.path.join(name).is_file()
    }
}
