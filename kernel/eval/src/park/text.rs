//! Where the code of loaded cells lies.

#![allow(unsafe_code)] // walks the loader's list of libraries

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

const MAX_RANGES: usize = 8192;

/// Executable ranges of loaded cells; appended under the loader's lock, read by signal handlers.
static TEXT: [(AtomicUsize, AtomicUsize); MAX_RANGES] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; MAX_RANGES];
static TEXTS: AtomicUsize = AtomicUsize::new(0);

/// Remembers where the code of a freshly loaded library lies.
pub(crate) fn add_text(library: &CStr) {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        wanted: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes a live record; `wanted` is the reference given below.
        unsafe {
            let info = &*info;
            let wanted = *wanted.cast::<&CStr>();
            if info.dlpi_name.is_null() || CStr::from_ptr(info.dlpi_name) != wanted {
                return 0;
            }
            for index in 0..usize::from(info.dlpi_phnum) {
                let header = &*info.dlpi_phdr.add(index);
                if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0 {
                    let start = info.dlpi_addr as usize + header.p_vaddr as usize;
                    remember(start, start + header.p_memsz as usize);
                }
            }
        }
        1
    }
    let mut wanted: &CStr = library;
    // SAFETY: the callback only reads the records and the reference, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut wanted).cast()) };
}

fn remember(start: usize, end: usize) {
    let index = TEXTS.load(Ordering::Acquire);
    // With a full table later cells are parked only where they wait; nothing else changes.
    if let Some((first, last)) = TEXT.get(index) {
        first.store(start, Ordering::Relaxed);
        last.store(end, Ordering::Relaxed);
        TEXTS.store(index + 1, Ordering::Release);
    }
}

/// Whether a cell's code lies at this address. Only atomics: signal handlers ask.
pub(super) fn is_cell_text(address: usize) -> bool {
    TEXT.iter()
        .take(TEXTS.load(Ordering::Acquire))
        .any(|(start, end)| {
            (start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)).contains(&address)
        })
}
