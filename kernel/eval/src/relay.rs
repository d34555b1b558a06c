//! The roles one binary plays, and the child process that only donates its file descriptors.
//!
//! evcxr starts a child and sends it the cells to load. Our child connects to the kernel's private
//! socket, passes its stdin, stdout and stderr over, and waits; the kernel loads the cells itself.

#![allow(unsafe_code)] // file descriptors and environment of a single-threaded process

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub(crate) const RELAY_VARIABLE: &str = "SIGNALTREE_RELAY";
const RUNTIME_VARIABLE: &str = "EVCXR_IS_RUNTIME";
const WRAPPER_VARIABLE: &str = "EVCXR_RUSTC_WRAPPER";

static RUNTIME_DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Must be the first thing `main` does, before any thread starts.
///
/// evcxr starts this binary again in two roles, told apart by the environment: as a wrapper around rustc
/// and as the process that runs cells. In these roles the call does not return. In the kernel itself it
/// settles the environment that compilers and cells will see.
pub fn runtime_hook_if_child() {
    if std::env::var_os(WRAPPER_VARIABLE).is_some() {
        evcxr::runtime_hook();
    }
    if std::env::var_os(RUNTIME_VARIABLE).is_some()
        && let Some(path) = std::env::var_os(RELAY_VARIABLE)
    {
        run(Path::new(&path));
    }
    settle_environment();
}

/// Private directory of this kernel process, once `runtime_hook_if_child` chose it.
pub(crate) fn runtime_directory() -> Option<&'static Path> {
    RUNTIME_DIRECTORY.get().map(PathBuf::as_path)
}

/// Where evcxr keeps the crate it compiles.
pub(crate) fn cells_directory(runtime: &Path) -> PathBuf {
    runtime.join("cells")
}

/// Where rust-analyzer looks for the sources of the standard library first.
pub(crate) fn library_view(runtime: &Path) -> PathBuf {
    runtime.join("library")
}

fn settle_environment() {
    // The keys of a hasher come from the system's random numbers: nobody can make this folder first.
    let random = RandomState::new().build_hasher().finish();
    let runtime =
        std::env::temp_dir().join(format!("signaltree-{}-{random:016x}", std::process::id()));
    if RUNTIME_DIRECTORY.set(runtime.clone()).is_err() {
        return;
    }
    // SAFETY: documented to run before any thread starts, so nobody reads the environment meanwhile.
    unsafe {
        std::env::set_var("EVCXR_TMPDIR", cells_directory(&runtime));
        // While nothing is there, rust-analyzer takes the toolchain's own.
        if std::env::var_os("RUST_SRC_PATH").is_none() {
            std::env::set_var("RUST_SRC_PATH", library_view(&runtime));
        }
        // A backtrace through evcxr's wrapper helps nobody and costs 130 ms per panic.
        std::env::set_var("RUST_BACKTRACE", "0");
        if let Some(path) = path_with_cargo() {
            std::env::set_var("PATH", path);
        }
    }
}

/// `PATH` with cargo's usual place added when cargo is not on it (a kernel started from a desktop).
fn path_with_cargo() -> Option<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if folders.iter().any(|folder| folder.join("cargo").exists()) {
        return None;
    }
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    folders.push(home.join("bin"));
    std::env::join_paths(folders).ok()
}

/// The relay: donates fds 0, 1 and 2 and lives as long as the kernel holds the connection.
fn run(socket: &Path) -> ! {
    // SAFETY: ignoring a signal in a process with one thread.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    let code = match donate(socket) {
        Ok(()) => 0,
        Err(_) => 97,
    };
    std::process::exit(code)
}

fn donate(socket: &Path) -> Result<()> {
    let mut connection = UnixStream::connect(socket)?;
    send_fds(&connection, [0, 1, 2])?;
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    for fd in 0..3 {
        // SAFETY: both descriptors are open; the three standard ones are ours to replace.
        if unsafe { libc::dup2(null.as_raw_fd(), fd) } < 0 {
            return Err(Error::last_os_error());
        }
    }
    let mut byte = [0];
    loop {
        match connection.read(&mut byte) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

const FDS: usize = 3;
const FD_BYTES: usize = FDS * size_of::<RawFd>();

/// Room for one control message with three descriptors, aligned as its header must be.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    bytes: [u8; 64],
}

fn send_fds(connection: &UnixStream, fds: [RawFd; FDS]) -> Result<()> {
    let mut byte = [1u8];
    let mut part = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    let mut control = Control { bytes: [0; 64] };
    // SAFETY: zero is a valid message header; it is filled with pointers to live locals, and the control
    // buffer is larger than CMSG_SPACE of three descriptors.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = libc::CMSG_SPACE(FD_BYTES as u32) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(FD_BYTES as u32) as _;
        std::ptr::copy_nonoverlapping(fds.as_ptr().cast(), libc::CMSG_DATA(header), FD_BYTES);
        libc::sendmsg(connection.as_raw_fd(), &message, 0)
    };
    if sent == 1 {
        Ok(())
    } else {
        Err(Error::last_os_error())
    }
}

/// Receives the relay's stdin, stdout and stderr.
pub(crate) fn receive_fds(connection: &UnixStream) -> Result<[OwnedFd; FDS]> {
    let mut byte = [0u8];
    let mut part = libc::iovec {
        iov_base: byte.as_mut_ptr().cast(),
        iov_len: 1,
    };
    let mut control = Control { bytes: [0; 64] };
    let mut fds: [RawFd; FDS] = [-1; FDS];
    // SAFETY: as in `send_fds`; the descriptors are copied out only when the kernel of the operating
    // system says that exactly three came.
    let complete = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<Control>() as _;
        if libc::recvmsg(connection.as_raw_fd(), &mut message, receive_flags()) != 1 {
            return Err(Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&message);
        let complete = !header.is_null()
            && (*header).cmsg_level == libc::SOL_SOCKET
            && (*header).cmsg_type == libc::SCM_RIGHTS
            && (*header).cmsg_len as usize == libc::CMSG_LEN(FD_BYTES as u32) as usize;
        if complete {
            std::ptr::copy_nonoverlapping(
                libc::CMSG_DATA(header),
                fds.as_mut_ptr().cast(),
                FD_BYTES,
            );
        }
        complete
    };
    if !complete {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "the relay did not pass three file descriptors",
        ));
    }
    // SAFETY: freshly received descriptors that nobody else owns.
    Ok(fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// Received descriptors must not leak into compilers and other children.
fn receive_flags() -> i32 {
    #[cfg(target_os = "linux")]
    return libc::MSG_CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    return 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn descriptors_cross_a_socket() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        send_fds(
            &ours,
            [null.as_raw_fd(), writer.as_raw_fd(), null.as_raw_fd()],
        )
        .unwrap();
        let [_, received, _] = receive_fds(&theirs).unwrap();
        drop(writer);
        std::fs::File::from(received).write_all(b"here").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "here");
    }
}
