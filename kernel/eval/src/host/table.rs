//! The functions of the table, called from cells with raw pointers.

#![allow(unsafe_code)] // C functions called from cells with raw pointers

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use signal::Frame;

use super::{Export, Holding, Shared, USER_CODE, closure, element_type, frame_view, lock};
use crate::capture::Sink;
use crate::error_report::Panic;
use crate::park::{KernelCall, asked_to_stop};
use crate::{Display, Stream};
use signaltree::abi::{self, Host, Owned, Text, UserFunction, View, element, role, status};

impl Shared {
    /// A table for one cell; it lives as long as the process.
    pub(crate) fn table(self: &Arc<Self>, cell: u64) -> &'static Host {
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
            bind,
            share_frame,
        }))
    }
}

impl Shared {
    /// Gives the kernel's own copy of the cell's crate this kernel's functions.
    pub(crate) fn attach_own(self: &Arc<Self>) {
        // SAFETY: the table is never freed and nobody changes it.
        let accepted = unsafe { signaltree::abi::attach(self.table(0)) };
        if accepted != status::OK {
            tracing::error!("the kernel was built with another version of the crate of cells");
        }
    }

    /// Notes the variables in the reply to `restore` or `replay`; they exist once the cell has ended.
    fn note_restored(&self, reply: &str) {
        let reply: Value = serde_json::from_str(reply).unwrap_or_default();
        let nodes = reply["restored"]["nodes"].as_array();
        let variables = nodes.into_iter().flatten().filter_map(|node| {
            let name = node["name"].as_str()?.to_owned();
            (node["variable"] == true).then_some((name, node["node"].as_u64()? as u32))
        });
        lock(&self.running).restored.extend(variables);
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
    let _inside = KernelCall::enter();
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
            let request = request.read();
            let result = shared.engine.command(&request);
            if let Ok(reply) = &result
                && (request.contains(r#""command":"restore""#)
                    || request.contains(r#""command":"replay""#))
            {
                shared.note_restored(reply);
            }
            if let Ok(reply) = &result {
                shared.tell_remarks(reply);
            }
            answer(&shared, reply, result)
        }
    })
}

unsafe extern "C" fn retain(context: *const c_void, node: u32) {
    // SAFETY: the context of our own table.
    entry((), || unsafe { shared(context) }.retain_for_cell(node));
}

unsafe extern "C" fn release(context: *const c_void, node: u32) {
    // SAFETY: the context of our own table.
    entry((), || unsafe { shared(context) }.release_for_cell(node));
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
                if frame.element().is_colour() {
                    return Err(colour_frame(&frame));
                }
                let element = match wanted {
                    element::NONE => frame.element(),
                    code => {
                        element_type(code).ok_or_else(|| format!("unknown pixel type {code}"))?
                    }
                };
                if frame.element().is_complex() && !element.is_complex() {
                    return Err(complex_frame(&frame, at.len()));
                }
                Ok(frame.cast(element))
            });
            match frame {
                Ok(frame) => {
                    hold(frame, view, guard);
                    status::OK
                }
                Err(text) => answer(&shared, why, Err(text)),
            }
        }
    })
}

/// Why a cell gets no frame of colours, and what to do.
fn colour_frame(frame: &signal::Frame) -> String {
    format!(
        "the frame has colours ({}, shape {:?}), which cells do not have; take one number for each pixel of the signal first: \
        `.luminance()?`, `.red()?`, `.green()?` or `.blue()?`, and the frame of that",
        frame.element().colour_name(),
        frame.shape()
    )
}

/// Why a cell gets no frame of real numbers from complex ones, and what to do.
fn complex_frame(frame: &signal::Frame, rank: usize) -> String {
    let half = match frame.element() {
        signal::ElementType::C64 => "f32",
        _ => "f64",
    };
    let at = match rank {
        1 => "0".to_owned(),
        rank => format!("({})", vec!["0"; rank].join(", ")),
    };
    format!(
        "the frame has complex numbers ({}, shape {:?}), `frame` gives real ones; take them as they are, \
        `.frame_as::<Complex<{half}>>({at})?`, or a part of the signal first: `.amplitude()?`, `.phase()?`, `.real()?` or `.imaginary()?`, \
        and the frame of that",
        frame.element(),
        frame.shape()
    )
}

/// Frames that cells hold, by their guards.
static FRAMES: Mutex<BTreeMap<u64, Box<Frame>>> = Mutex::new(BTreeMap::new());
static NEXT_GUARD: AtomicU64 = AtomicU64::new(1);

/// Keeps a frame until `release_frame`.
///
/// # Safety
/// Both places must be valid for a write.
unsafe fn hold(frame: Frame, view: *mut View, guard: *mut u64) {
    let number = NEXT_GUARD.fetch_add(1, Ordering::Relaxed);
    let frame = Box::new(frame);
    // SAFETY: promised by the caller. The view points to pixels that live as long as the frame.
    unsafe {
        view.write(frame_view(&frame));
        guard.write(number);
    }
    lock(&FRAMES).insert(number, frame);
}

unsafe extern "C" fn release_frame(_context: *const c_void, guard: u64) {
    entry((), || {
        let frame = lock(&FRAMES).remove(&guard);
        drop(frame);
    });
}

unsafe extern "C" fn share_frame(
    _context: *const c_void,
    guard: u64,
    view: *mut View,
    shared: *mut u64,
) -> u32 {
    entry(status::ERROR, || {
        let frame = lock(&FRAMES).get(&guard).map(|frame| Frame::clone(frame));
        match frame {
            Some(frame) => {
                // SAFETY: the cell's places live until this call returns.
                unsafe { hold(frame, view, shared) };
                status::OK
            }
            None => status::ERROR,
        }
    })
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
            let added = closure::Closure::new(&shared, function, shared.source(cell))
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
                role::RESULT => shared.show_result(display),
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
            shared.show_node(node);
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
    entry(0, || {
        let stop = unsafe { shared(context) }.is_interrupted() || asked_to_stop();
        u32::from(stop)
    })
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

unsafe extern "C" fn bind(context: *const c_void, name: Text, kind: Text, value: Text, node: u32) {
    entry((), || {
        // SAFETY: the pointers come from the cell's call and live until it returns.
        let (shared, name, kind, value) =
            unsafe { (shared(context), name.read(), kind.read(), value.read()) };
        let _held = (kind == "Signal").then(|| Holding::new(&shared.engine, node));
        lock(&shared.running).exports.push(Export {
            name,
            kind,
            value,
            node,
            _held,
        });
    });
}
