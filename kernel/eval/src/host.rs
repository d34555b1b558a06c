//! What the kernel knows about the running cell, and frames as cells see them.

mod alone;
mod closure;
mod handles;
mod load;
mod lost;
mod remarks;
mod table;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;
use signal::{ElementType, Frame};

use crate::capture::{Capture, Marker, Sink};
use crate::error_report::{CellSource, Panic};
use crate::lost_threads::{self, Lost};
use crate::park::UserCode;
use crate::source::Prepared;
use crate::workers::Workers;
use crate::{Display, Outlet, SessionAccess, Stream};
use signaltree::abi::{self, View, element};

pub(crate) use load::accept_relays;

/// Compiled cells whose source is remembered.
const MAX_SOURCES: usize = 512;

/// What all threads of the evaluator share. Leaked once per kernel: cells hold a pointer to it for ever.
pub(crate) struct Shared {
    pub(crate) engine: Arc<dyn SessionAccess>,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) interrupted: AtomicBool,
    /// While the compiler warms up: what hidden cells print is dropped.
    pub(crate) hidden: AtomicBool,
    /// A loaded cell is running, as opposed to being compiled.
    executing: AtomicBool,
    running: Mutex<Running>,
    /// Of the latest compiled cells, for the lines of what their closures say.
    sources: Mutex<BTreeMap<u64, Arc<CellSource>>>,
    next_cell: AtomicU64,
    capture: OnceLock<Arc<Capture>>,
    /// The hidden cell that makes the API known to evcxr.
    pub(crate) prelude: OnceLock<String>,
    session: Mutex<Option<load::Session>>,
    /// What the variables of compiled cells hold.
    handles: Mutex<handles::Handles>,
    /// Call closures; shared by all that run cells.
    pub(crate) workers: Workers,
    /// Flushes what the std of the running cell still buffers.
    flush: Mutex<Option<extern "C" fn()>>,
    /// The end of what was written to stderr: std and the allocator say there why they give up.
    last_words: Mutex<String>,
    /// Gets what is printed while hidden cells run here: cells that run beside them print nothing of their own.
    front: Mutex<Option<Arc<Shared>>>,
    /// Where values go that are asked for instead of shown.
    kept: Arc<Mutex<Option<Vec<Display>>>>,
}

/// What the running cell reported so far.
#[derive(Default)]
pub(crate) struct Running {
    /// The cell as it is compiled; empty for a direct one.
    pub(crate) cell: Arc<Prepared>,
    pub(crate) panicked: bool,
    pub(crate) failed: bool,
    /// Type and text of the last error that went through `?`.
    pub(crate) error: Option<(String, String)>,
    pub(crate) panic: Option<Panic>,
    /// The cell's thread is lost, and with it evcxr's session.
    pub(crate) lost: Option<Lost>,
    /// The cell could not be loaded.
    pub(crate) broken: Option<String>,
    pub(crate) source: Option<Arc<CellSource>>,
    /// Whether anything was shown.
    pub(crate) shown: bool,
    /// Variables the cell bound, in order.
    pub(crate) exports: Vec<Export>,
    /// Names and nodes of variables that a restored tree brought back.
    pub(crate) restored: Vec<(String, u32)>,
    /// What was told under it, and about what.
    told: HashSet<(String, String)>,
}

/// A variable as its cell told it.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    /// Empty: a value that only compiled cells can have.
    pub(crate) kind: String,
    /// `Debug` text of the value; empty for a signal.
    pub(crate) value: String,
    pub(crate) node: u32,
    /// Of a signal: until a variable of direct cells has it, its own may be gone with its cell.
    pub(crate) _held: Option<Arc<Holding>>,
}

/// A handle on a node.
pub(crate) struct Holding {
    engine: Arc<dyn SessionAccess>,
    node: u32,
}

impl Holding {
    fn new(engine: &Arc<dyn SessionAccess>, node: u32) -> Arc<Self> {
        engine.retain(node);
        Arc::new(Holding {
            engine: Arc::clone(engine),
            node,
        })
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.engine.release(self.node);
    }
}

impl std::fmt::Debug for Holding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "node {}", self.node)
    }
}

thread_local! {
    /// `Some` while user code runs on this thread: then a panic belongs to it.
    static USER_CODE: RefCell<Option<Option<Panic>>> = const { RefCell::new(None) };
}

/// Runs user code on this thread and gives the last panic it reported.
fn user_code<T>(run: impl FnOnce() -> T) -> (T, Option<Panic>) {
    let outer = USER_CODE.with_borrow_mut(|slot| slot.replace(None));
    let value = {
        let _user = UserCode::enter();
        run()
    };
    let panic = USER_CODE.with_borrow_mut(|slot| std::mem::replace(slot, outer));
    (value, panic.flatten())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(engine: Arc<dyn SessionAccess>, outlet: Arc<dyn Outlet>) -> Arc<Self> {
        Self::with(engine, outlet, Workers::default(), Arc::default())
    }

    /// The same kernel for cells that run while hidden ones do.
    pub(crate) fn beside(&self) -> Arc<Self> {
        let (engine, outlet) = (Arc::clone(&self.engine), Arc::clone(&self.outlet));
        Self::with(engine, outlet, self.workers.clone(), Arc::clone(&self.kept))
    }

    fn with(
        engine: Arc<dyn SessionAccess>,
        outlet: Arc<dyn Outlet>,
        workers: Workers,
        kept: Arc<Mutex<Option<Vec<Display>>>>,
    ) -> Arc<Self> {
        Arc::new(Shared {
            engine,
            outlet,
            interrupted: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            executing: AtomicBool::new(false),
            running: Mutex::default(),
            sources: Mutex::default(),
            next_cell: AtomicU64::new(1),
            capture: OnceLock::new(),
            prelude: OnceLock::new(),
            session: Mutex::default(),
            handles: Mutex::default(),
            workers,
            flush: Mutex::default(),
            last_words: Mutex::default(),
            front: Mutex::default(),
            kept,
        })
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.engine.interrupted()
    }

    /// From now on what is shown waits for what was printed before it.
    pub(crate) fn set_capture(&self, capture: &Arc<Capture>) {
        // A second capture cannot be made.
        drop(self.capture.set(Arc::clone(capture)));
    }

    /// From now on what is printed belongs to cells of `front`; `None`: to cells of this one.
    pub(crate) fn print_to(&self, front: Option<&Arc<Shared>>) {
        *lock(&self.front) = front.cloned();
    }

    fn drain(&self) {
        if let Some(capture) = self.capture.get() {
            capture.drain();
        }
    }

    pub(crate) fn is_executing(&self) -> bool {
        self.executing.load(Ordering::Relaxed)
    }

    pub(crate) fn begin_cell(&self, cell: &Arc<Prepared>) {
        *lock(&self.running) = Running {
            cell: Arc::clone(cell),
            ..Running::default()
        };
    }

    /// Ends the cell; texts that turned out not to be its error are printed after all.
    pub(crate) fn end_cell(&self) -> Running {
        if !self.hidden.load(Ordering::Relaxed) {
            self.tell_found();
        }
        let mut ended = std::mem::take(&mut *lock(&self.running));
        if !ended.failed
            && let Some((_, text)) = ended.error.take()
        {
            self.text(Stream::Stderr, &format!("{text}\n"));
        }
        if !ended.panicked
            && let Some(panic) = ended.panic.take()
        {
            self.text(Stream::Stderr, &format!("{}\n", panic.text()));
        }
        ended
    }

    /// Registers a cell that is about to run; its closures report panics with this source.
    fn add_source(&self, generated: String) -> u64 {
        let cell = self.next_cell.fetch_add(1, Ordering::Relaxed);
        let mut running = lock(&self.running);
        let source = Arc::new(CellSource::new(Arc::clone(&running.cell), &generated));
        running.source = Some(Arc::clone(&source));
        drop(running);
        let mut sources = lock(&self.sources);
        sources.insert(cell, source);
        // A closure keeps the source of its cell; a function of an older one still runs, its panics have no line.
        while sources.len() > MAX_SOURCES {
            sources.pop_first();
        }
        cell
    }

    fn source(&self, cell: u64) -> Option<Arc<CellSource>> {
        lock(&self.sources).get(&cell).cloned()
    }

    /// Keeps the values that `run` would show.
    pub(crate) fn keep_results<T>(&self, run: impl FnOnce() -> T) -> (T, Vec<Display>) {
        *lock(&self.kept) = Some(Vec::new());
        let value = run();
        (value, lock(&self.kept).take().unwrap_or_default())
    }

    /// The value of a cell.
    pub(crate) fn show_result(&self, display: Display) {
        if let Some(kept) = &mut *lock(&self.kept) {
            return kept.push(display);
        }
        self.outlet.result(display);
    }

    /// A signal as the value of a cell.
    fn show_node(&self, node: u32) {
        if let Some(kept) = &mut *lock(&self.kept) {
            let request = format!(r#"{{"command":"describe","node":{node}}}"#);
            let reply = self.engine.command(&request).unwrap_or_default();
            let about: Value = serde_json::from_str(&reply).unwrap_or_default();
            let about = &about["description"];
            let part = |name: &str| about[name].as_str().unwrap_or_default().to_owned();
            let mut display = Display::default();
            let text = format!("Signal {} {}", part("name"), part("summary"));
            display.bundle.insert("text/plain".into(), text.into());
            return kept.push(display);
        }
        self.outlet.show(node);
    }

    fn show_something(&self) -> bool {
        lock(&self.running).shown = true;
        !self.hidden.load(Ordering::Relaxed)
    }
}

impl Sink for Shared {
    fn text(&self, stream: Stream, text: &str) {
        let front = lock(&self.front).clone();
        if let Some(front) = front {
            return front.text(stream, text);
        }
        if stream == Stream::Stderr {
            lost_threads::remember(&mut lock(&self.last_words), text);
        }
        if self.show_something() {
            self.outlet.stream(stream, text);
        } else {
            tracing::debug!(text, "a hidden cell printed");
        }
    }

    fn marker(&self, marker: Marker) {
        let mut running = lock(&self.running);
        match marker {
            Marker::Panic => running.panicked = true,
            Marker::Error => running.failed = true,
            Marker::Other => {}
        }
    }
}

fn element_type(code: u32) -> Option<ElementType> {
    Some(match code {
        element::U8 => ElementType::U8,
        element::I8 => ElementType::I8,
        element::U16 => ElementType::U16,
        element::I16 => ElementType::I16,
        element::U32 => ElementType::U32,
        element::I32 => ElementType::I32,
        element::U64 => ElementType::U64,
        element::I64 => ElementType::I64,
        element::F32 => ElementType::F32,
        element::F64 => ElementType::F64,
        element::C64 => ElementType::C64,
        element::C128 => ElementType::C128,
        _ => return None,
    })
}

fn element_code(element: ElementType) -> u32 {
    match element {
        ElementType::U8 => element::U8,
        ElementType::I8 => element::I8,
        ElementType::U16 => element::U16,
        ElementType::I16 => element::I16,
        ElementType::U32 => element::U32,
        ElementType::I32 => element::I32,
        ElementType::U64 => element::U64,
        ElementType::I64 => element::I64,
        ElementType::F32 => element::F32,
        ElementType::F64 => element::F64,
        ElementType::C64 => element::C64,
        ElementType::C128 => element::C128,
        // Cells are handed parts of them only.
        ElementType::Rgb8 | ElementType::Rgba8 | ElementType::Rgb16 | ElementType::Rgba16 => {
            element::NONE
        }
    }
}

fn frame_view(frame: &Frame) -> View {
    let rank = frame.shape().len().min(abi::MAX_RANK);
    let mut shape = [0; abi::MAX_RANK];
    shape[..rank].copy_from_slice(&frame.shape()[..rank]);
    View {
        data: frame.as_bytes().as_ptr().cast(),
        element: element_code(frame.element()),
        rank: rank as u32,
        shape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_types_agree() {
        for code in 1..=12 {
            assert_eq!(element_type(code).map(element_code), Some(code));
        }
        assert_eq!(element_type(13), None);
    }
}
