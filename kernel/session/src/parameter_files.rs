//! Files that are parameters: read when a computation is bound to them, so that operations need no I/O. What is kept of
//! one in sessions, recipes and results is where it was and the SHA-256 of what was in it: another content is refused.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use protocol::WireError;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use signal::{Block, File, ParameterInfo, ParameterKind, ParameterValue as _};
use tree::{Engine, Reservation};

use crate::journal::absolute;
use crate::{lock, provenance};

/// A picture of 4096 x 4096 numbers of 64 bit has half of that.
const MAX_BYTES: u64 = 256 << 20;

/// Where the way from the folder of a recipe or a result leads: beside `written`, `path` and `sha256` in files that are moved.
const RELATIVE: &str = "relative_path";

/// What is in the files that are bound now, by their hash: a drag of another parameter reads nothing again.
#[derive(Default)]
pub(crate) struct ParameterFiles {
    read: Mutex<Vec<(String, Weak<Content>)>>,
}

/// What is in a file, in the memory budget as long as an operation has it.
struct Content {
    bytes: Vec<u8>,
    _counted: Reservation,
}

/// One copy for all that are bound to it.
struct Shared(Arc<Content>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl ParameterFiles {
    /// The files that `params` name, with what is in them. A path is read as it is now; what was read before must be the same still.
    ///
    /// # Errors
    /// [`WireError`] naming the file: it is not there, too large, of another ending, no file, or has changed; or the memory budget
    /// has no room for it.
    pub fn of(
        &self,
        infos: &[ParameterInfo],
        params: &Value,
        engine: &Engine,
    ) -> Result<Vec<(String, File)>, WireError> {
        let mut files = Vec::new();
        for info in infos {
            // What is no file at all is refused with the other parameters.
            if let ParameterKind::File { endings } = &info.kind
                && let Some(file) = params.get(&info.name).and_then(File::from_json)
            {
                let file = self.with_bytes(file, &info.name, endings, engine)?;
                files.push((info.name.clone(), file));
            }
        }
        Ok(files)
    }

    fn with_bytes(
        &self,
        mut file: File,
        parameter: &str,
        endings: &[String],
        engine: &Engine,
    ) -> Result<File, WireError> {
        if let Some(bytes) = self.cached(&file.sha256) {
            return Ok(file.with_bytes(bytes));
        }
        let refuse = |code: &str, what: String, hint: String| {
            WireError::new(code, format!("{parameter}: {what}"), hint)
        };
        check_ending(&file, endings).map_err(|(what, hint)| refuse("parameter", what, hint))?;
        let was_read = !file.sha256.is_empty();
        let path = match was_read {
            true => PathBuf::from(&file.path),
            false => absolute(
                &found(&file.written)
                    .map_err(|error| refuse(error.code(), error.to_string(), error.remedy()))?,
            ),
        };
        let bytes = read(&path).map_err(|(code, what, hint)| refuse(code, what, hint))?;
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        if was_read && sha256 != file.sha256 {
            return Err(refuse(
                "file_changed",
                format!(
                    "{} is not what it was: its content has changed since",
                    path.display()
                ),
                format!(
                    "if it is meant to be as it is now, give its path again; the earlier one has the SHA-256 {}",
                    file.sha256
                ),
            ));
        }
        let count = bytes.len();
        let bytes = (self.keep(&sha256, bytes, engine)).ok_or_else(|| {
            let budget = engine.memory().budget_bytes;
            let enough = count.saturating_add(budget).div_ceil(1 << 20);
            refuse(
                "memory",
                format!(
                    "{} has {count} bytes, for which the memory budget of {budget} bytes has no room",
                    path.display()
                ),
                format!("raise the budget: memory_budget(\"{enough} MiB\")?"),
            )
        })?;
        file.path = path.display().to_string();
        file.sha256 = sha256;
        Ok(file.with_bytes(bytes))
    }

    fn cached(&self, sha256: &str) -> Option<Block> {
        let read = lock(&self.read);
        let (_, content) = read.iter().find(|(hash, _)| hash == sha256)?;
        content.upgrade().map(|content| Block::new(Shared(content)))
    }

    /// One copy of each content; `None` when the budget has no room for it.
    fn keep(&self, sha256: &str, bytes: Vec<u8>, engine: &Engine) -> Option<Block> {
        if let Some(cached) = self.cached(sha256) {
            return Some(cached);
        }
        let content = Arc::new(Content {
            _counted: engine.reserve(bytes.len())?,
            bytes,
        });
        let mut read = lock(&self.read);
        read.retain(|(_, content)| content.strong_count() > 0);
        read.push((sha256.to_owned(), Arc::downgrade(&content)));
        Some(Block::new(Shared(content)))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Code, what is wrong, and what to do about it.
type Refusal = (&'static str, String, String);

fn check_ending(file: &File, endings: &[String]) -> Result<(), (String, String)> {
    let ending = Path::new(file.name()).extension();
    let ending = ending.map(|ending| ending.to_string_lossy().to_lowercase());
    if file.written.trim().is_empty() || ending.is_some_and(|ending| endings.contains(&ending)) {
        // No path at all has its own words.
        return Ok(());
    }
    let taken = endings.join(" or .");
    Err((
        format!("`{}` does not end in .{taken}", file.name()),
        format!("give the path of a file ending in .{taken}"),
    ))
}

fn found(written: &str) -> Result<PathBuf, signal::SourceError> {
    if written.trim().is_empty() {
        return Err(signal::SourceError::Invalid {
            what: "no path was given".into(),
            remedy: "write the name of a file, from the folder of the notebook".into(),
        });
    }
    io::locate(Path::new(written))
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let name = path.display();
    let unreadable = |error: std::io::Error| -> Refusal {
        match error.kind() {
            std::io::ErrorKind::NotFound => (
                "not_found",
                format!("{name} is not there any more"),
                "bring it back, or give the path of another file".into(),
            ),
            _ => (
                "io",
                format!("{name} cannot be read: {error}"),
                "check the file and who may read it".into(),
            ),
        }
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err((
            "parameter",
            format!("{name} is a folder, not a file"),
            "give the path of a file".into(),
        ));
    }
    if about.len() > MAX_BYTES {
        return Err((
            "parameter",
            format!(
                "{name} has {} MiB, at most {} MiB are taken",
                about.len() >> 20,
                MAX_BYTES >> 20
            ),
            "give a smaller file; a whole scan is opened with `open`".into(),
        ));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Each file among the parameters of an operation, to be changed.
fn each(operation: &str, params: &mut Value, mut change: impl FnMut(&mut Value)) {
    let infos = ops::find(operation).map(|entry| entry.parameters());
    for info in infos.unwrap_or_default() {
        if matches!(info.kind, ParameterKind::File { .. })
            && let Some(file) = params.get_mut(&info.name)
        {
            change(file);
        }
    }
}

/// Parameters as they go into a file of `folder`: with the way from there to their files.
pub(crate) fn with_ways(operation: &str, mut params: Value, folder: Option<&Path>) -> Value {
    each(operation, &mut params, |file| {
        let way =
            (file["path"].as_str()).and_then(|path| provenance::relative(folder?, Path::new(path)));
        if let (Value::Object(file), Some(way)) = (file, way) {
            file.insert(RELATIVE.into(), way.display().to_string().into());
        }
    });
    params
}

/// Parameters from a file of `folder`, whose files may be where they were, or beside it; a path alone is one from there.
pub(crate) fn from_folder(operation: &str, mut params: Value, folder: &Path) -> Value {
    each(operation, &mut params, |file| match file {
        Value::String(written) if io::expanded(Path::new(written.as_str())).is_relative() => {
            *written = folder.join(written.as_str()).display().to_string();
        }
        Value::Object(file) => moved(file, folder),
        _ => {}
    });
    params
}

fn moved(file: &mut Map<String, Value>, folder: &Path) {
    let way = file.remove(RELATIVE);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    if text(file.get("path")).is_some_and(|path| Path::new(&path).is_file()) {
        return;
    }
    let places = [text(way.as_ref()), text(file.get("written"))];
    let mut places = places.into_iter().flatten().map(|way| folder.join(way));
    if let Some(found) = places.find(|path| path.is_file()) {
        let found = absolute(&found).display().to_string();
        file.insert("written".into(), found.clone().into());
        file.insert("path".into(), found.into());
    }
}

/// Parameters with what is in their files instead of where these are: the same on every machine.
pub(crate) fn without_places(operation: &str, mut params: Value) -> Value {
    each(operation, &mut params, |file| {
        if let Some(sha256) = file.get("sha256") {
            *file = sha256.clone();
        }
    });
    params
}
