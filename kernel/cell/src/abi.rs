//! The C boundary between the kernel and a cell: both use this definition.
//!
//! Kernel and cell have different copies of std, perhaps different compilers, so only `repr(C)`
//! values, integers and function pointers cross; enums cross as `u32`; nothing unwinds across; memory
//! is freed by the side that made it. [`Host`] is append-only: a newer kernel serves an older crate.

#![allow(unsafe_code)] // raw memory crosses here; every block says why it is sound
#![allow(dead_code)] // each side uses its half

use std::ffi::c_void;

pub use crate::host::signaltree_attach as attach;

pub const VERSION: u32 = 1;

/// Largest rank of a frame and of a scan position.
pub const MAX_RANK: usize = 4;

/// What a call returns.
pub mod status {
    pub const OK: u32 = 0;
    /// The text is in `why`.
    pub const ERROR: u32 = 1;
    pub const INTERRUPTED: u32 = 2;
    /// User code panicked; the kernel has the message from the panic hook.
    pub const PANICKED: u32 = 3;
}

/// Codes of pixel types.
pub mod element {
    /// Not a pixel type: "as stored" for an input, "one number" for an output.
    pub const NONE: u32 = 0;
    pub const U8: u32 = 1;
    pub const I8: u32 = 2;
    pub const U16: u32 = 3;
    pub const I16: u32 = 4;
    pub const U32: u32 = 5;
    pub const I32: u32 = 6;
    pub const U64: u32 = 7;
    pub const I64: u32 = 8;
    pub const F32: u32 = 9;
    pub const F64: u32 = 10;
    /// Real and imaginary part, one after the other.
    pub const C64: u32 = 11;
    pub const C128: u32 = 12;
}

/// What [`Host::display`] does with its bundle.
pub mod role {
    pub const DISPLAY: u32 = 0;
    pub const RESULT: u32 = 1;
    pub const UPDATE: u32 = 2;
}

/// UTF-8 borrowed for the duration of one call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    ptr: *const u8,
    len: usize,
}

impl Text {
    pub fn new(text: &str) -> Self {
        Text {
            ptr: text.as_ptr(),
            len: text.len(),
        }
    }

    /// # Safety
    /// The memory must be alive and unchanged during the call this text was passed to.
    pub unsafe fn read(self) -> String {
        if self.ptr.is_null() || self.len == 0 {
            return String::new();
        }
        // SAFETY: `new` took pointer and length from a string that the caller keeps alive.
        let bytes = unsafe { std::slice::from_raw_parts(self.ptr, self.len) };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// UTF-8 handed over; its maker's `free` releases it.
#[repr(C)]
pub struct Owned {
    ptr: *mut u8,
    len: usize,
    free: Option<unsafe extern "C" fn(*mut u8, usize)>,
}

impl Owned {
    pub const EMPTY: Owned = Owned {
        ptr: std::ptr::null_mut(),
        len: 0,
        free: None,
    };

    pub fn new(text: String) -> Self {
        unsafe extern "C" fn free(ptr: *mut u8, len: usize) {
            // SAFETY: pointer and length come from the boxed slice leaked below, once.
            drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(ptr, len)) });
        }
        let bytes: Box<[u8]> = text.into_bytes().into_boxed_slice();
        let len = bytes.len();
        Owned {
            ptr: Box::into_raw(bytes).cast(),
            len,
            free: Some(free),
        }
    }

    /// Copies the text out and frees the original.
    ///
    /// # Safety
    /// `self` must be `EMPTY` or come unchanged from [`Owned::new`] on either side.
    pub unsafe fn take(self) -> String {
        let text = Text {
            ptr: self.ptr,
            len: self.len,
        };
        // SAFETY: the memory lives until `free` below.
        let copy = unsafe { text.read() };
        if let Some(free) = self.free {
            // SAFETY: the maker's own function with the maker's own pointer and length.
            unsafe { free(self.ptr, self.len) };
        }
        copy
    }
}

/// A frame in the kernel's memory: C order, read only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    pub data: *const c_void,
    pub element: u32,
    pub rank: u32,
    pub shape: [usize; MAX_RANK],
}

impl View {
    pub const EMPTY: View = View {
        data: std::ptr::null(),
        element: element::NONE,
        rank: 0,
        shape: [0; MAX_RANK],
    };
}

/// What a user's closure returned: a frame whose memory is handed over, or one number.
#[repr(C)]
pub struct Returned {
    pub value: f64,
    pub data: *mut c_void,
    pub element: u32,
    pub rank: u32,
    pub shape: [usize; MAX_RANK],
    pub capacity: usize,
    /// Frees `data`: pointer, number of pixels, capacity in pixels.
    pub free: Option<unsafe extern "C" fn(*mut c_void, usize, usize)>,
}

impl Returned {
    pub const EMPTY: Returned = Returned {
        value: f64::NAN,
        data: std::ptr::null_mut(),
        element: element::NONE,
        rank: 0,
        shape: [0; MAX_RANK],
        capacity: 0,
        free: None,
    };
}

/// A boxed closure of the user; `run` catches panics on the user's side and may be called from
/// several threads at once (the user's crate requires `Send + Sync`).
#[repr(C)]
pub struct UserFunction {
    pub state: *mut c_void,
    pub input: u32,
    /// Pixel type of the returned frame, [`element::NONE`] for one number.
    pub output: u32,
    pub run: unsafe extern "C" fn(
        state: *const c_void,
        input: *const View,
        at: *const usize,
        at_rank: u32,
        returned: *mut Returned,
        why: *mut Owned,
    ) -> u32,
    pub free: unsafe extern "C" fn(state: *mut c_void),
}

/// What the kernel offers; one per loaded cell, alive for ever.
#[repr(C)]
pub struct Host {
    pub version: u32,
    pub size: u32,
    pub context: *const c_void,
    /// Number of the cell this table was made for.
    pub cell: u64,
    /// JSON command in, JSON reply or error out.
    pub command:
        unsafe extern "C" fn(context: *const c_void, request: Text, reply: *mut Owned) -> u32,
    pub retain: unsafe extern "C" fn(context: *const c_void, node: u32),
    pub release: unsafe extern "C" fn(context: *const c_void, node: u32),
    /// One frame as pixels of `element` (`NONE`: as stored), kept alive by `guard`.
    pub frame: unsafe extern "C" fn(
        context: *const c_void,
        node: u32,
        at: *const usize,
        at_rank: u32,
        element: u32,
        view: *mut View,
        guard: *mut u64,
        why: *mut Owned,
    ) -> u32,
    pub release_frame: unsafe extern "C" fn(context: *const c_void, guard: u64),
    pub map_frames: unsafe extern "C" fn(
        context: *const c_void,
        cell: u64,
        node: u32,
        function: UserFunction,
        created: *mut u32,
        why: *mut Owned,
    ) -> u32,
    /// `bundle`: JSON object of MIME type to text.
    pub display: unsafe extern "C" fn(
        context: *const c_void,
        role: u32,
        bundle: Text,
        display_id: Text,
    ) -> u32,
    pub show: unsafe extern "C" fn(context: *const c_void, node: u32) -> u32,
    pub clear_output: unsafe extern "C" fn(context: *const c_void, wait: u32),
    pub read_line: unsafe extern "C" fn(
        context: *const c_void,
        prompt: Text,
        password: u32,
        reply: *mut Owned,
    ) -> u32,
    pub interrupted: unsafe extern "C" fn(context: *const c_void) -> u32,
    /// An error that `?` is about to carry out of the cell: type name and text.
    pub report_error: unsafe extern "C" fn(context: *const c_void, name: Text, text: Text),
    pub report_panic: unsafe extern "C" fn(
        context: *const c_void,
        message: Text,
        file: Text,
        line: u32,
        column: u32,
    ),
    /// A variable of a cell: its type and the `Debug` text of its value, or its node. An empty type
    /// stands for a value that only compiled cells can have.
    pub bind: unsafe extern "C" fn(
        context: *const c_void,
        name: Text,
        kind: Text,
        value: Text,
        node: u32,
    ),
    /// One more guard on the frame that a living guard keeps alive.
    pub share_frame: unsafe extern "C" fn(
        context: *const c_void,
        guard: u64,
        view: *mut View,
        shared: *mut u64,
    ) -> u32,
}
