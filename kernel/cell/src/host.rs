//! The kernel as a cell sees it: safe calls over the table of function pointers.

#![allow(unsafe_code)] // calls through the kernel's table; soundness rests on `signaltree_attach`

use std::io::Write;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::{self, Host, Owned, Text, UserFunction, View, status};
use crate::error::{Error, Result};
use crate::json::Json;

static HOST: AtomicPtr<Host> = AtomicPtr::new(std::ptr::null_mut());

/// Called by the kernel once for each loaded cell, before the cell runs. 0 means accepted.
///
/// # Safety
/// `host` must point to a table that stays alive and unchanged for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signaltree_attach(host: *const Host) -> u32 {
    // SAFETY: the kernel passes a leaked table whose first two fields never move.
    let fits = unsafe {
        (*host).version >= abi::VERSION && (*host).size as usize >= std::mem::size_of::<Host>()
    };
    if !fits {
        return status::ERROR;
    }
    HOST.store(host.cast_mut(), Ordering::Release);
    status::OK
}

/// Called by the kernel after each cell: what this std still buffers reaches the notebook.
#[unsafe(no_mangle)]
pub extern "C" fn signaltree_after_cell() {
    let _ = std::io::stdout().flush();
}

/// Called by the kernel once per process; all cells share one std, so one hook serves them all.
#[unsafe(no_mangle)]
pub extern "C" fn signaltree_set_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a value that is not a text was thrown".into());
        let (file, line, column) = info
            .location()
            .map_or(("", 0, 0), |at| (at.file(), at.line(), at.column()));
        if let Ok(host) = host() {
            // SAFETY: the texts live until the call returns.
            unsafe {
                (host.report_panic)(
                    host.context,
                    Text::new(&message),
                    Text::new(file),
                    line,
                    column,
                )
            };
        }
    }));
}

fn host() -> Result<&'static Host> {
    // SAFETY: null, or a table that `signaltree_attach` was promised to live for ever.
    unsafe { HOST.load(Ordering::Acquire).as_ref() }.ok_or_else(|| {
        Error::new("this code does not run inside a SignalTree kernel")
            .with_hint("run it in a notebook cell of the kernel \"SignalTree (Rust)\"")
    })
}

fn outcome(code: u32, why: String) -> Result<String> {
    match code {
        status::OK => Ok(why),
        status::INTERRUPTED => Err(Error::interrupted()),
        _ => Err(Error::from_reply(&why)),
    }
}

/// Sends a JSON command and gives the parsed reply.
pub(crate) fn command(request: &str) -> Result<Json> {
    let host = host()?;
    let mut reply = Owned::EMPTY;
    // SAFETY: request and reply live until the call returns.
    let code = unsafe { (host.command)(host.context, Text::new(request), &mut reply) };
    // SAFETY: the kernel left `EMPTY` there or its own text.
    let text = outcome(code, unsafe { reply.take() })?;
    Json::parse(&text).ok_or_else(|| Error::new(format!("the kernel sent a broken reply: {text}")))
}

pub(crate) fn retain(node: u32) {
    if let Ok(host) = host() {
        // SAFETY: plain integers.
        unsafe { (host.retain)(host.context, node) };
    }
}

pub(crate) fn release(node: u32) {
    if let Ok(host) = host() {
        // SAFETY: plain integers.
        unsafe { (host.release)(host.context, node) };
    }
}

/// A frame of the kernel and the guard that keeps its memory alive.
pub(crate) fn frame(node: u32, at: &[usize], element: u32) -> Result<(View, u64)> {
    let host = host()?;
    let (mut view, mut guard, mut why) = (View::EMPTY, 0, Owned::EMPTY);
    // SAFETY: every pointer lives until the call returns; the rank is the length of `at`.
    let code = unsafe {
        (host.frame)(
            host.context,
            node,
            at.as_ptr(),
            at.len() as u32,
            element,
            &mut view,
            &mut guard,
            &mut why,
        )
    };
    // SAFETY: the kernel left `EMPTY` there or its own text.
    outcome(code, unsafe { why.take() })?;
    Ok((view, guard))
}

/// One more guard on the frame that `guard` keeps alive.
pub(crate) fn share_frame(guard: u64) -> Result<(View, u64)> {
    let host = host()?;
    let (mut view, mut shared) = (View::EMPTY, 0);
    // SAFETY: both places live until the call returns; the kernel checks the guard.
    let code = unsafe { (host.share_frame)(host.context, guard, &mut view, &mut shared) };
    match code {
        status::OK => Ok((view, shared)),
        _ => Err(Error::new("the kernel does not have this frame any more")),
    }
}

pub(crate) fn release_frame(guard: u64) {
    if let Ok(host) = host() {
        // SAFETY: the guard came from `frame` and is given back once, by `Drop`.
        unsafe { (host.release_frame)(host.context, guard) };
    }
}

pub(crate) fn map_frames(node: u32, function: UserFunction) -> Result<u32> {
    let host = host()?;
    let (mut created, mut why) = (0, Owned::EMPTY);
    // SAFETY: the kernel takes the function over and calls its `free` once, also on error.
    let code = unsafe {
        (host.map_frames)(
            host.context,
            host.cell,
            node,
            function,
            &mut created,
            &mut why,
        )
    };
    // SAFETY: the kernel left `EMPTY` there or its own text.
    outcome(code, unsafe { why.take() })?;
    Ok(created)
}

/// What was printed before comes before what is shown now.
fn flush() {
    let _ = std::io::stdout().flush();
}

pub(crate) fn display(role: u32, bundle: &str, display_id: &str) {
    flush();
    if let Ok(host) = host() {
        // SAFETY: the texts live until the call returns.
        unsafe { (host.display)(host.context, role, Text::new(bundle), Text::new(display_id)) };
    }
}

pub(crate) fn show(node: u32) {
    flush();
    if let Ok(host) = host() {
        // SAFETY: plain integers.
        unsafe { (host.show)(host.context, node) };
    }
}

pub(crate) fn clear_output(wait: bool) {
    flush();
    if let Ok(host) = host() {
        // SAFETY: plain integers.
        unsafe { (host.clear_output)(host.context, u32::from(wait)) };
    }
}

pub(crate) fn read_line(prompt: &str, password: bool) -> Result<String> {
    flush();
    let host = host()?;
    let mut reply = Owned::EMPTY;
    // SAFETY: prompt and reply live until the call returns.
    let code = unsafe {
        (host.read_line)(
            host.context,
            Text::new(prompt),
            u32::from(password),
            &mut reply,
        )
    };
    // SAFETY: the kernel left `EMPTY` there or its own text.
    outcome(code, unsafe { reply.take() })
}

pub(crate) fn interrupted() -> bool {
    // SAFETY: plain integers.
    host().is_ok_and(|host| unsafe { (host.interrupted)(host.context) } != 0)
}

pub(crate) fn report_error(name: &str, text: &str) -> bool {
    match host() {
        Ok(host) => {
            // SAFETY: the texts live until the call returns.
            unsafe { (host.report_error)(host.context, Text::new(name), Text::new(text)) };
            true
        }
        Err(_) => false,
    }
}

/// Tells the kernel about a variable of this cell.
pub(crate) fn bind(name: &str, kind: &str, value: &str, node: u32) {
    if let Ok(host) = host() {
        let (name, kind, value) = (Text::new(name), Text::new(kind), Text::new(value));
        // SAFETY: the texts live until the call returns.
        unsafe { (host.bind)(host.context, name, kind, value, node) };
    }
}
