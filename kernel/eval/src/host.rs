//! The table of functions a cell may call, and what the kernel knows about the running cell.

#![allow(unsafe_code)] // C functions called from cells with raw pointers

mod closure;
mod load;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Map, Value};
use signal::{Element, ElementType, Frame, for_pixels};

use crate::abi::{self, Host, Owned, Text, UserFunction, View, element, role, status};
use crate::capture::{Capture, Marker, Sink};
use crate::report::{CellSource, Panic};
use crate::{Display, Engine, Outlet, Stream};

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

    fn table(self: &Arc<Self>, cell: u64) -> &'static Host {
        Box::leak(Box::new(Host {
            version: abi::VERSION,
            size: size_of::<Host>() as u32,
            // One reference per cell is never given back: the cell may call for ever.
            context: Arc::into_raw(Arc::clone(self)).cast(),
            cell,
            command,
            retain,
            release,
            frame,
            release_frame,
            map_frames,
            display,
            show,
            clear_output,
            read_line,
            interrupted,
            report_error,
            report_panic,
        }))
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

/// The shared state behind a context pointer.
///
/// # Safety
/// `context` must come from a table made by [`Shared::table`].
unsafe fn shared(context: *const c_void) -> Arc<Shared> {
    let pointer: *const Shared = context.cast();
    // SAFETY: the table leaked one reference, so the count is at least one here.
    unsafe {
        Arc::increment_strong_count(pointer);
        Arc::from_raw(pointer)
    }
}

/// Runs the body of an entry; a panic of the kernel must not unwind into the cell.
fn entry<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        tracing::error!("the kernel panicked in a call of a cell");
        fallback
    })
}

/// Answers with a text and its status.
///
/// # Safety
/// `place` must be valid for a write and hold no text yet.
unsafe fn answer(shared: &Shared, place: *mut Owned, result: Result<String, String>) -> u32 {
    let (code, text) = match result {
        Ok(text) => (status::OK, text),
        Err(_) if shared.is_interrupted() => (status::INTERRUPTED, String::new()),
        Err(text) => (status::ERROR, text),
    };
    // SAFETY: promised by the caller.
    unsafe { place.write(Owned::new(text)) };
    code
}

/// # Safety
/// `at` must point to `rank` numbers.
unsafe fn position(at: *const usize, rank: u32) -> Vec<usize> {
    if rank == 0 {
        return Vec::new();
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(at, (rank as usize).min(abi::MAX_RANK)) }.to_vec()
}

unsafe extern "C" fn command(context: *const c_void, request: Text, reply: *mut Owned) -> u32 {
    entry(status::ERROR, || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        unsafe {
            let shared = shared(context);
            answer(&shared, reply, shared.engine.command(&request.read()))
        }
    })
}

unsafe extern "C" fn retain(context: *const c_void, node: u32) {
    // SAFETY: the context of our own table.
    entry((), || unsafe { shared(context) }.engine.retain(node));
}

unsafe extern "C" fn release(context: *const c_void, node: u32) {
    // SAFETY: the context of our own table.
    entry((), || unsafe { shared(context) }.engine.release(node));
}

unsafe extern "C" fn frame(
    context: *const c_void,
    node: u32,
    at: *const usize,
    at_rank: u32,
    wanted: u32,
    view: *mut View,
    guard: *mut u64,
    why: *mut Owned,
) -> u32 {
    entry(status::ERROR, || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        unsafe {
            let shared = shared(context);
            let at = position(at, at_rank);
            let frame = shared.engine.frame(node, &at).and_then(|frame| {
                let element = match wanted {
                    element::NONE => frame.element(),
                    code => {
                        element_type(code).ok_or_else(|| format!("unknown pixel type {code}"))?
                    }
                };
                convert(&frame, element)
            });
            match frame {
                Ok(frame) => {
                    let frame = Box::new(frame);
                    view.write(frame_view(&frame));
                    // The box stays where it is until `release_frame`.
                    guard.write(Box::into_raw(frame) as u64);
                    status::OK
                }
                Err(text) => answer(&shared, why, Err(text)),
            }
        }
    })
}

unsafe extern "C" fn release_frame(_context: *const c_void, guard: u64) {
    // SAFETY: the cell gives a guard back once, and it is the box made in `frame`.
    entry((), || drop(unsafe { Box::from_raw(guard as *mut Frame) }));
}

unsafe extern "C" fn map_frames(
    context: *const c_void,
    cell: u64,
    node: u32,
    function: UserFunction,
    created: *mut u32,
    why: *mut Owned,
) -> u32 {
    entry(status::ERROR, || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        unsafe {
            let shared = shared(context);
            let added = closure::Closure::new(function, shared.source(cell))
                .and_then(|closure| shared.engine.map_frames(node, Arc::new(closure)));
            match added {
                Ok(node) => {
                    created.write(node);
                    status::OK
                }
                Err(text) => answer(&shared, why, Err(text)),
            }
        }
    })
}

unsafe extern "C" fn display(
    context: *const c_void,
    kind: u32,
    bundle: Text,
    display_id: Text,
) -> u32 {
    entry(status::ERROR, || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        let (shared, bundle, id) = unsafe { (shared(context), bundle.read(), display_id.read()) };
        let Ok(Value::Object(bundle)) = serde_json::from_str(&bundle) else {
            return status::ERROR;
        };
        shared.drain();
        if shared.show_something() {
            let display = Display {
                bundle,
                metadata: Map::new(),
                display_id: (!id.is_empty()).then_some(id),
                update: kind == role::UPDATE,
            };
            match kind {
                role::RESULT => shared.outlet.result(display),
                _ => shared.outlet.display(display),
            }
        }
        status::OK
    })
}

unsafe extern "C" fn show(context: *const c_void, node: u32) -> u32 {
    entry(status::ERROR, || {
        // SAFETY: the context of our own table.
        let shared = unsafe { shared(context) };
        shared.drain();
        if shared.show_something() {
            shared.outlet.show(node);
        }
        status::OK
    })
}

unsafe extern "C" fn clear_output(context: *const c_void, wait: u32) {
    // SAFETY: the context of our own table.
    entry((), || {
        unsafe { shared(context) }.outlet.clear_output(wait != 0)
    });
}

unsafe extern "C" fn read_line(
    context: *const c_void,
    prompt: Text,
    password: u32,
    reply: *mut Owned,
) -> u32 {
    entry(status::ERROR, || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        unsafe {
            let shared = shared(context);
            shared.drain();
            let line = shared.outlet.read_line(&prompt.read(), password != 0);
            answer(&shared, reply, line)
        }
    })
}

unsafe extern "C" fn interrupted(context: *const c_void) -> u32 {
    // SAFETY: the context of our own table.
    entry(0, || u32::from(unsafe { shared(context) }.is_interrupted()))
}

unsafe extern "C" fn report_error(context: *const c_void, name: Text, text: Text) {
    entry((), || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        let (shared, name, text) = unsafe { (shared(context), name.read(), text.read()) };
        let earlier = lock(&shared.running).error.replace((name, text));
        if let Some((_, earlier)) = earlier {
            // That one was an ordinary `eprintln!`.
            shared.text(Stream::Stderr, &format!("{earlier}\n"));
        }
    });
}

unsafe extern "C" fn report_panic(
    context: *const c_void,
    message: Text,
    file: Text,
    line: u32,
    column: u32,
) {
    entry((), || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        let (shared, panic) = unsafe {
            let panic = Panic {
                message: message.read(),
                file: file.read(),
                line: line as usize,
                column: column as usize,
            };
            (shared(context), panic)
        };
        let foreign = USER_CODE.with_borrow_mut(|slot| match slot {
            Some(last) => {
                *last = Some(panic);
                None
            }
            None => Some(panic),
        });
        if let Some(panic) = foreign {
            // A thread the user started: nobody waits for it, so its message is output.
            shared.text(Stream::Stderr, &format!("{}\n", panic.text()));
        }
    });
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

/// The frame with pixels of another type; the same memory when it already has them.
fn convert(frame: &Frame, wanted: ElementType) -> Result<Frame, String> {
    if frame.element() == wanted {
        return Ok(frame.clone());
    }
    macro_rules! cast {
        ($($name:ident => $rust:ty),*) => {
            match wanted {
                $(ElementType::$name => {
                    // `as` saturates at the ends of an integer type.
                    let pixels: Vec<$rust> = for_pixels!(frame, |pixels| pixels
                        .iter()
                        .map(|pixel| pixel.to_f64() as $rust)
                        .collect());
                    Frame::from_vec(frame.shape(), pixels)
                })*
            }
        };
    }
    cast!(U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32,
          U64 => u64, I64 => i64, F32 => f32, F64 => f64)
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
    fn frames_are_converted_only_when_they_must_be() {
        let frame = Frame::from_vec(&[2, 2], vec![1u16, 2, 300, 65535]).unwrap();
        let same = convert(&frame, ElementType::U16).unwrap();
        assert_eq!(same.as_bytes().as_ptr(), frame.as_bytes().as_ptr());
        let floats = convert(&frame, ElementType::F32).unwrap();
        assert_eq!(floats.pixels::<f32>().unwrap(), &[1.0, 2.0, 300.0, 65535.0]);
        let bytes = convert(&frame, ElementType::U8).unwrap();
        assert_eq!(bytes.pixels::<u8>().unwrap(), &[1, 2, 255, 255]);
    }

    #[test]
    fn codes_and_types_agree() {
        for code in 1..=10 {
            assert_eq!(element_type(code).map(element_code), Some(code));
        }
        assert_eq!(element_type(11), None);
    }
}
