//! Loads compiled cells into the kernel and runs them, one thread per donated connection.

#![allow(unsafe_code)] // loads libraries and calls into them

use std::ffi::{CStr, CString, c_void};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use super::{Capture, Shared, lock, user_code};
use crate::park::{self, UserThread};
use crate::relay::receive_fds;
use signaltree::abi::{Host, status};

/// Deep recursion in a cell should work; only touched pages cost memory.
pub(super) const STACK_BYTES: usize = 64 << 20;
const COMPLETE: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
const PANICKED: &[u8] = b"EVCXR_PANIC_NOTIFICATION\n";

/// Serves every relay that connects, for the life of the process.
pub(crate) fn accept_relays(
    listener: UnixListener,
    shared: Arc<Shared>,
    capture: Arc<Capture>,
    cells: PathBuf,
) -> std::io::Result<()> {
    let accept = move || {
        for connection in listener.incoming() {
            let served = connection.and_then(|connection| {
                let (shared, capture) = (Arc::clone(&shared), Arc::clone(&capture));
                let cells = cells.clone();
                std::thread::Builder::new()
                    .name("cells".into())
                    .stack_size(STACK_BYTES)
                    .spawn(move || {
                        if let Err(error) = serve(&connection, &shared, &capture, &cells) {
                            tracing::error!(%error, "a session of cells ended");
                        }
                        // The relay leaves, and with it the child evcxr waits for.
                        let _ = connection.shutdown(Shutdown::Both);
                    })
            });
            if let Err(error) = served {
                tracing::error!(%error, "a relay could not be served");
            }
        }
    };
    std::thread::Builder::new()
        .name("relays".into())
        .spawn(accept)
        .map(drop)
}

/// The thread that runs cells, and who waits for it.
pub(super) struct Session {
    pub(super) thread: Arc<UserThread>,
    pub(super) link: Link,
}

/// Who waits for the cells of a thread.
pub(super) enum Link {
    /// evcxr, through a relay: what it holds of the thread.
    Evcxr {
        connection: UnixStream,
        donated: [RawFd; 3],
    },
    /// The kernel itself, for one cell.
    Kernel(Sender<()>),
}

impl Session {
    /// Ends the waiting for a parked thread. evcxr's pipes and the relay are closed: the descriptors stay the thread's,
    /// which will never use or close them; only what they refer to is replaced.
    pub(super) fn close(self) {
        match self.link {
            Link::Evcxr {
                connection,
                donated,
            } => {
                if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
                    for fd in donated {
                        // SAFETY: both are open; the parked thread cannot have closed its own.
                        unsafe { libc::dup2(null.as_raw_fd(), fd) };
                    }
                }
                let _ = connection.shutdown(Shutdown::Both);
            }
            // Nobody waits any more when this fails.
            Link::Kernel(done) => drop(done.send(())),
        }
    }
}

/// Reads evcxr's lines and runs the cells they name until evcxr closes its end.
fn serve(
    connection: &UnixStream,
    shared: &Arc<Shared>,
    capture: &Capture,
    cells: &Path,
) -> std::io::Result<()> {
    // stderr is held open for as long as the session lives: evcxr takes its end as the child's end.
    let [stdin, stdout, stderr] = receive_fds(connection)?;
    let registered = UserThread::register();
    *lock(&shared.session) = Some(Session {
        thread: Arc::clone(registered.thread()),
        link: Link::Evcxr {
            connection: connection.try_clone()?,
            donated: [stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()],
        },
    });
    let mut evcxr = File::from(stdout);
    capture.begin_session(evcxr.try_clone()?);
    // evcxr's store of variables; opaque, handed from cell to cell.
    let mut variables: *mut c_void = std::ptr::null_mut();
    for line in BufReader::new(File::from(stdin)).lines() {
        let line = line?;
        let Some((library, function)) = line
            .strip_prefix("LOAD_AND_RUN ")
            .and_then(|rest| rest.rsplit_once(' '))
        else {
            tracing::error!(line, "evcxr sent a line that is not understood");
            return Ok(());
        };
        // A cell without its source still runs; its panics then have no line.
        let source = || std::fs::read_to_string(cells.join("src/lib.rs")).unwrap_or_default();
        match load(shared, Path::new(library), function, source) {
            Ok(cell) => {
                // SAFETY: the signature evcxr gives the functions it generates.
                let function = unsafe {
                    std::mem::transmute::<
                        *mut c_void,
                        unsafe extern "C" fn(*mut c_void) -> *mut c_void,
                    >(cell.function)
                };
                // SAFETY: the function evcxr generated for this cell, with the store of the cell before; it
                // catches panics itself.
                variables = cell.run(shared, || unsafe { function(variables) });
                capture.drain();
            }
            Err(reason) => {
                lock(&shared.running).broken = Some(reason);
                evcxr.write_all(PANICKED)?;
            }
        }
        evcxr.write_all(COMPLETE)?;
    }
    drop(stderr);
    Ok(())
}

/// A loaded cell; never unloaded, because closures, vtables and statics of it may be in use.
pub(super) struct Cell {
    pub(super) function: *mut c_void,
    after: Option<extern "C" fn()>,
}

impl Cell {
    /// Runs the cell by calling its function.
    pub(super) fn run<T>(&self, shared: &Shared, call: impl FnOnce() -> T) -> T {
        park::guard_exit();
        *lock(&shared.flush) = self.after;
        shared.executing.store(true, Ordering::Relaxed);
        let (value, panic) = user_code(call);
        shared.executing.store(false, Ordering::Relaxed);
        lock(&shared.running).panic = panic;
        if let Some(after) = self.after {
            after();
        }
        value
    }
}

/// All cells share one std, so one hook serves them all.
static PANIC_HOOK_SET: AtomicBool = AtomicBool::new(false);

/// Loads a library; `source` gives the file it was compiled from.
pub(super) fn load(
    shared: &Arc<Shared>,
    path: &Path,
    function: &str,
    source: impl FnOnce() -> String,
) -> Result<Cell, String> {
    let text = path
        .to_str()
        .ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
    let name = CString::new(text).map_err(|error| error.to_string())?;
    // SAFETY: loading runs the library's initialisers; it was compiled a moment ago for this process.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() {
        return Err(format!(
            "the compiled cell cannot be loaded: {}",
            loader_error()
        ));
    }
    park::add_text(&name);
    let find = |symbol: &str| -> Option<*mut c_void> {
        let symbol = CString::new(symbol).ok()?;
        // SAFETY: a live handle and a terminated name.
        let found = unsafe { libc::dlsym(library, symbol.as_ptr()) };
        (!found.is_null()).then_some(found)
    };
    let function = find(function).ok_or_else(|| format!("{text} has no function {function}"))?;
    if let Some(attach) = find("signaltree_attach") {
        let table = shared.table(shared.add_source(source()));
        // SAFETY: the signature `signaltree_attach` has in the crate of the same ABI version.
        let accepted = unsafe {
            std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const Host) -> u32>(attach)(
                table,
            )
        };
        if accepted != status::OK {
            return Err("the cell was compiled for another version of the kernel".into());
        }
    }
    if !PANIC_HOOK_SET.load(Ordering::Relaxed)
        && let Some(set) = find("signaltree_set_panic_hook")
    {
        // SAFETY: the signature it has in the crate.
        unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(set)() };
        PANIC_HOOK_SET.store(true, Ordering::Relaxed);
    }
    Ok(Cell {
        function,
        // SAFETY: the signature it has in the crate.
        after: find("signaltree_after_cell")
            .map(|after| unsafe { std::mem::transmute::<*mut c_void, extern "C" fn()>(after) }),
    })
}

fn loader_error() -> String {
    // SAFETY: returns null or a terminated text that is copied at once.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            "unknown reason".into()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}
