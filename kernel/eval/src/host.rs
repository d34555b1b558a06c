//! What the kernel knows about the running cell, and frames as cells see them.

mod closure;
mod load;
mod table;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use signal::{ElementType, Frame};

use crate::abi::{self, View, element};
use crate::capture::{Capture, Marker, Sink};
use crate::report::{CellSource, Panic};
use crate::{Engine, Outlet, Stream};

pub(crate) use load::accept_relays;

/// What all threads of the evaluator share. Leaked once per kernel: cells hold a pointer to it for ever.
pub(crate) struct Shared {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) interrupted: AtomicBool,
    /// While the compiler warms up: what hidden cells print is dropped.
    pub(crate) hidden: AtomicBool,
    /// A loaded cell is running, as opposed to being compiled.
    executing: AtomicBool,
    running: Mutex<Running>,
    sources: Mutex<HashMap<u64, Arc<CellSource>>>,
    next_cell: AtomicU64,
    panic_hook_set: AtomicBool,
    capture: OnceLock<Arc<Capture>>,
    session: Mutex<Option<load::Session>>,
}

/// What the running cell reported so far.
#[derive(Default)]
pub(crate) struct Running {
    /// The cell as the user wrote it.
    pub(crate) code: Arc<str>,
    pub(crate) panicked: bool,
    pub(crate) failed: bool,
    /// Type and text of the last error that went through `?`.
    pub(crate) error: Option<(String, String)>,
    pub(crate) panic: Option<Panic>,
    /// The cell did not stop when asked, and its thread was abandoned.
    pub(crate) parked: bool,
    /// The cell could not be loaded.
    pub(crate) broken: Option<String>,
    pub(crate) source: Option<Arc<CellSource>>,
    /// Whether anything was shown.
    pub(crate) shown: bool,
}

thread_local! {
    /// `Some` while user code runs on this thread: then a panic belongs to it.
    static USER_CODE: RefCell<Option<Option<Panic>>> = const { RefCell::new(None) };
}

/// Runs user code on this thread and gives the last panic it reported.
fn user_code<T>(run: impl FnOnce() -> T) -> (T, Option<Panic>) {
    let outer = USER_CODE.with_borrow_mut(|slot| slot.replace(None));
    let value = run();
    let panic = USER_CODE.with_borrow_mut(|slot| std::mem::replace(slot, outer));
    (value, panic.flatten())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(engine: Arc<dyn Engine>, outlet: Arc<dyn Outlet>) -> Arc<Self> {
        Arc::new(Shared {
            engine,
            outlet,
            interrupted: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            executing: AtomicBool::new(false),
            running: Mutex::default(),
            sources: Mutex::default(),
            next_cell: AtomicU64::new(1),
            panic_hook_set: AtomicBool::new(false),
            capture: OnceLock::new(),
            session: Mutex::default(),
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

    fn drain(&self) {
        if let Some(capture) = self.capture.get() {
            capture.drain();
        }
    }

    pub(crate) fn is_executing(&self) -> bool {
        self.executing.load(Ordering::Relaxed)
    }

    /// Abandons the running cell: its thread is parked and evcxr gets a new session without variables.
    /// `false` when the thread cannot be parked, or the cell ended meanwhile.
    pub(crate) fn abandon_cell(&self, limit: Duration) -> bool {
        let mut current = lock(&self.session);
        let parked = current.as_ref().is_some_and(|session| {
            session.park(limit, || self.is_executing() && self.is_interrupted())
        });
        if parked && let Some(session) = current.take() {
            self.executing.store(false, Ordering::Relaxed);
            lock(&self.running).parked = true;
            if let Some(capture) = self.capture.get() {
                capture.end_session();
            }
            session.close();
            drop(current);
            // Nobody drops the variables of a session that is abandoned.
            self.engine.release_all();
        }
        parked
    }

    pub(crate) fn begin_cell(&self, code: &str) {
        *lock(&self.running) = Running {
            code: code.into(),
            ..Running::default()
        };
    }

    /// Ends the cell; texts that turned out not to be its error are printed after all.
    pub(crate) fn end_cell(&self) -> Running {
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
        let source = Arc::new(CellSource::new(&running.code, generated));
        running.source = Some(Arc::clone(&source));
        drop(running);
        lock(&self.sources).insert(cell, source);
        cell
    }

    fn source(&self, cell: u64) -> Option<Arc<CellSource>> {
        lock(&self.sources).get(&cell).cloned()
    }

    fn show_something(&self) -> bool {
        lock(&self.running).shown = true;
        !self.hidden.load(Ordering::Relaxed)
    }
}

impl Sink for Shared {
    fn text(&self, stream: Stream, text: &str) {
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
        for code in 1..=10 {
            assert_eq!(element_type(code).map(element_code), Some(code));
        }
        assert_eq!(element_type(11), None);
    }
}
