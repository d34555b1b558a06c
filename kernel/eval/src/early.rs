//! Cells that come before evcxr is there: compiled by rustc alone and run once.
//!
//! evcxr takes seconds to start, nearly all of them to read the types of the standard library, which it needs to
//! keep variables between cells. A cell that keeps none, or only values that direct cells can have too, needs nothing
//! of it: its values go to the variables of direct cells, its definitions to evcxr when that is there. Any other cell
//! waits.

mod diagnostic;
mod draft;
mod items;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use diagnostic::Diagnostic;
pub(crate) use draft::{Draft, ENTRY, outcome};

use crate::bridge::Bindings;
use crate::direct::Value;
use crate::host::Export;

/// As evcxr's own file is called, so that places in it read the same.
const SOURCE: &str = "src/lib.rs";
/// Options of what is to be loaded: as evcxr has cargo do it.
const LIBRARY: [&str; 12] = [
    "-C",
    "opt-level=2",
    "-C",
    "debug-assertions=on",
    "-C",
    "codegen-units=16",
    "-C",
    "embed-bitcode=no",
    "-C",
    "prefer-dynamic",
    "-C",
    "rpath",
];
/// Options where only the errors are of interest.
const METADATA: [&str; 2] = ["--emit", "metadata"];
/// How often a running compiler is looked at.
const TICK: Duration = Duration::from_millis(2);

/// The compiler of early cells, and what they leave to evcxr.
pub(crate) struct Early {
    rustc: PathBuf,
    /// The compiled crate `signaltree`.
    library: PathBuf,
    folder: PathBuf,
    count: AtomicU64,
    left: Mutex<Left>,
}

/// What evcxr gets before its first cell.
#[derive(Default)]
pub(crate) struct Left {
    /// Items, in order.
    items: Vec<String>,
    /// Variables that later cells may change. The value keeps a signal alive until then.
    variables: Vec<(String, Value)>,
}

/// What became of a draft.
pub(crate) enum Built {
    Library(PathBuf),
    /// It is wrong, and evcxr would say no more.
    Errors(Vec<Diagnostic>),
    Interrupted,
    /// It is for evcxr.
    No,
}

impl Early {
    /// `folder` is private to this kernel.
    pub(crate) fn new(rustc: &Path, library: PathBuf, folder: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Early {
            rustc: rustc.to_path_buf(),
            library,
            folder,
            count: AtomicU64::new(0),
            left: Mutex::default(),
        })
    }

    /// The cell, if it may run before evcxr is there.
    pub(crate) fn draft(&self, code: &str, bindings: &Bindings) -> Option<Draft> {
        let left = self.left();
        let changeable = |name: &str| left.variables.iter().any(|(known, _)| known == name);
        Draft::new(code, bindings, &left.items, &changeable)
    }

    /// Compiles a draft; `interrupted` ends that.
    pub(crate) fn build(&self, draft: &Draft, interrupted: &dyn Fn() -> bool) -> Built {
        self.ask(draft, &LIBRARY, interrupted)
    }

    /// As [`Self::build`], but only says whether it would succeed, which is quicker.
    pub(crate) fn check(&self, draft: &Draft, interrupted: &dyn Fn() -> bool) -> Built {
        self.ask(draft, &METADATA, interrupted)
    }

    fn ask(&self, draft: &Draft, output: &[&str], interrupted: &dyn Fn() -> bool) -> Built {
        self.try_build(draft, output, interrupted)
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "a cell cannot be compiled without evcxr");
                Built::No
            })
    }

    fn try_build(
        &self,
        draft: &Draft,
        output: &[&str],
        interrupted: &dyn Fn() -> bool,
    ) -> std::io::Result<Built> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(number.to_string());
        std::fs::create_dir_all(folder.join("src"))?;
        std::fs::write(folder.join(SOURCE), &draft.text)?;
        let library = folder.join("libearly.so");
        let mut rustc = Command::new(&self.rustc);
        rustc
            .args(["--crate-name", "early", "--crate-type", "cdylib"])
            .args(["--edition", "2024", "--error-format", "json"])
            .args(output)
            .arg("--extern")
            .arg(format!("signaltree={}", self.library.display()))
            .arg("-o")
            .arg(&library)
            .arg(SOURCE)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = rustc.spawn()?;
        let said = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut text = String::new();
                // What cannot be read is no diagnostic; the status still tells.
                let _ = stderr.read_to_string(&mut text);
                text
            })
        });
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if interrupted() {
                child.kill()?;
                child.wait()?;
                return Ok(Built::Interrupted);
            }
            std::thread::sleep(TICK);
        };
        if status.success() {
            return Ok(Built::Library(library));
        }
        let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
        Ok(match draft.judge(&said, output == METADATA) {
            Some(errors) => Built::Errors(errors),
            None => Built::No,
        })
    }

    /// Keeps for evcxr what a cell that succeeded defines; gives the values that direct cells may have.
    pub(crate) fn keep(&self, draft: Draft, exports: Vec<Export>) -> Vec<(String, Value)> {
        let mut left = self.left();
        left.items.extend(draft.items);
        let mut direct = Vec::new();
        for export in exports {
            let node = (export.kind == "Signal").then_some(export.node);
            let Some(value) = Value::from_export(&export.kind, &export.value, node) else {
                tracing::error!(
                    name = export.name,
                    "the value of a variable is not understood"
                );
                continue;
            };
            direct.retain(|(name, _)| *name != export.name);
            left.variables.retain(|(name, _)| *name != export.name);
            if draft.mutable.contains(&export.name) {
                left.variables.push((export.name, value));
            } else {
                direct.push((export.name, value));
            }
        }
        direct
    }

    /// A direct cell gave the name another value.
    pub(crate) fn forget(&self, names: &[String]) {
        let mut left = self.left();
        left.variables.retain(|(name, _)| !names.contains(name));
    }

    /// Names and types of the variables that wait for evcxr.
    pub(crate) fn waiting(&self) -> Vec<(String, String)> {
        let left = self.left();
        let named = |(name, value): &(String, Value)| (name.clone(), value.type_text());
        left.variables.iter().map(named).collect()
    }

    /// What evcxr has to get now; it is not given again.
    pub(crate) fn hand_over(&self) -> Left {
        std::mem::take(&mut *self.left())
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// A cell that makes evcxr know it; `None` when there is nothing.
    pub(crate) fn cell(&self) -> Option<String> {
        let mut cell = self.items.join("\n");
        for (name, value) in &self.variables {
            let Some((kind, expression)) = value.rust_binding() else {
                tracing::error!(name, "the value of a variable cannot be written");
                continue;
            };
            cell.push_str(&format!(
                "\nlet mut {name}: {kind} = {expression}; ::signaltree::hook::name_mutable(&{name}, \"{name}\");"
            ));
        }
        (!cell.trim().is_empty()).then_some(cell)
    }
}
