//! What is done ahead of the first cell, at installation: the sources of the standard library fetched, the crate of
//! cells compiled, a cell tried.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capture::{Capture, Sink};
use crate::compiler::{self, Waiting};
use crate::early::Early;
use crate::host::Shared;
use crate::toolchain::Toolchain;
use crate::user_crate::{self, UserCrate};
use crate::{Display, Frame, FrameFunction, Outlet, Preparing, SessionAccess, Stream, relay};

/// What is there for the Rust on the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Where the compiled crate is, or would be.
    pub folder: PathBuf,
    /// The crate of cells is compiled.
    pub compiled: bool,
    /// The sources of the standard library are there.
    pub library: bool,
}

impl Prepared {
    /// Whether the first compiled cell of a kernel finds everything.
    pub fn is_complete(&self) -> bool {
        self.compiled && self.library
    }
}

/// Looks at what is prepared; changes nothing. `cache` as in [`crate::Options`].
///
/// # Errors
/// One sentence on what is missing: no Rust, or no folder of the user's.
pub fn prepared(cache: Option<&Path>) -> Result<Prepared, String> {
    let (toolchain, cache) = places(cache)?;
    Ok(look(&toolchain, &cache))
}

/// Prepares what is missing. `tell` gets a sentence for each step that takes time.
///
/// Output of this process is captured from then on: [`crate::log_file`] still reaches the person.
///
/// # Errors
/// One sentence on what is missing. What could be prepared is; kernels prepare the rest themselves.
pub fn prepare(cache: Option<&Path>, tell: &mut dyn FnMut(&str)) -> Result<Prepared, String> {
    let (toolchain, cache) = places(cache)?;
    user_crate::remove_stale(&cache);
    let found = look(&toolchain, &cache);
    if found.is_complete() {
        return Ok(found);
    }
    let fetched = if found.library {
        Ok(())
    } else {
        tell("fetching the sources of Rust's standard library");
        toolchain.fetch_library()
    };
    if found.compiled {
        return fetched.map(|()| look(&toolchain, &cache));
    }
    tell("compiling what cells are built on (some 20 s)");
    let shared = Shared::new(Arc::new(Nothing), Arc::new(Nothing));
    let sink: Arc<dyn Sink> = Arc::clone(&shared) as _;
    let capture =
        Capture::install(sink).map_err(|error| format!("output cannot be captured: {error}"))?;
    shared.set_capture(&capture);
    let started = compiler::start(&shared, &capture, Some(&cache), &Nothing);
    // evcxr's processes end with it.
    let tried = started.map(drop);
    if let Some(runtime) = relay::runtime_directory() {
        // A leftover is swept by the next kernel.
        let _ = std::fs::remove_dir_all(runtime);
    }
    tried?;
    fetched?;
    let now = look(&toolchain, &cache);
    if now.compiled {
        Ok(now)
    } else {
        Err(format!(
            "{} cannot be written: make it writable, or set XDG_CACHE_HOME for installation and kernel",
            now.folder.display()
        ))
    }
}

fn places(cache: Option<&Path>) -> Result<(Toolchain, PathBuf), String> {
    let toolchain = Toolchain::find()?;
    let cache = user_crate::cache(cache)
        .ok_or("no folder for caches is known: set HOME or XDG_CACHE_HOME")?;
    Ok((toolchain, cache))
}

fn look(toolchain: &Toolchain, cache: &Path) -> Prepared {
    let user_crate = UserCrate::locate(cache, &toolchain.version);
    Prepared {
        compiled: user_crate.library().is_some() && user_crate.sources().exists(),
        folder: user_crate.folder().to_path_buf(),
        library: toolchain.has_library(),
    }
}

/// The engine, the notebook and the waiting cell that are not there.
struct Nothing;

const NOBODY: &str = "no kernel runs";

impl SessionAccess for Nothing {
    fn command(&self, _request: &str) -> Result<String, String> {
        Err(NOBODY.into())
    }
    fn retain(&self, _node: u32) {}
    fn release(&self, _node: u32) {}
    fn frame(&self, _node: u32, _index: &[usize]) -> Result<Frame, String> {
        Err(NOBODY.into())
    }
    fn map_frames(&self, _node: u32, _function: Arc<dyn FrameFunction>) -> Result<u32, String> {
        Err(NOBODY.into())
    }
    fn interrupted(&self) -> bool {
        false
    }
}

impl Outlet for Nothing {
    fn stream(&self, _stream: Stream, _text: &str) {}
    fn display(&self, _display: Display) {}
    fn result(&self, _display: Display) {}
    fn show(&self, _node: u32) {}
    fn clear_output(&self, _wait: bool) {}
    fn read_line(&self, _prompt: &str, _password: bool) -> Result<String, String> {
        Err(NOBODY.into())
    }
}

impl Waiting for Nothing {
    fn now(&self, _preparing: Preparing) {}
    fn can_compile(&self, _early: Early) {}
    fn is_awaited(&self) -> bool {
        false
    }
}
