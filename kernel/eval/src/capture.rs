//! Everything the process writes to stdout and stderr, cut into text for the notebook and lines for evcxr.
//!
//! One pipe and one reader per stream, for the whole life of the process. A marker line that the code
//! evcxr generates prints on stdout is passed to evcxr; everything else goes to the notebook at once.

#![allow(unsafe_code)] // replaces the process's file descriptors 1 and 2

use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::Stream;

/// Where the captured output goes.
pub(crate) trait Sink: Send + Sync {
    fn text(&self, stream: Stream, text: &str);
    fn marker(&self, marker: Marker);
}

/// What the generated code around a cell reports through stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    Panic,
    Error,
    Other,
}

const MARKERS: [(&str, Marker); 4] = [
    ("EVCXR_PANIC_NOTIFICATION\n", Marker::Panic),
    ("EVCXR_ERROR_OCCURRED\n", Marker::Error),
    ("EVCXR_VARIABLE_CHANGED_TYPE:", Marker::Other),
    ("EVCXR_BEGIN_CONTENT ", Marker::Other),
];
const CONTENT: &str = "EVCXR_BEGIN_CONTENT ";
const END_OF_CONTENT: &str = "EVCXR_END_CONTENT\n";
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

static SAVED_STDERR: OnceLock<OwnedFd> = OnceLock::new();

/// The stderr the process was started with, for the log; valid before and after output is captured.
///
/// # Errors
/// When the operating system refuses another file descriptor.
pub fn log_file() -> Result<File> {
    if SAVED_STDERR.get().is_none() {
        // SAFETY: duplicates a standard descriptor; the result is checked below.
        let fd = unsafe { libc::fcntl(2, libc::F_DUPFD_CLOEXEC, 3) };
        if fd < 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: a fresh descriptor nobody else owns; a second one made meanwhile is closed.
        drop(SAVED_STDERR.set(unsafe { OwnedFd::from_raw_fd(fd) }));
    }
    SAVED_STDERR
        .get()
        .ok_or_else(|| Error::other("stderr was not saved"))?
        .try_clone()
        .map(File::from)
}

/// The two captured streams.
pub(crate) struct Capture {
    /// Written after each cell; random, so that no cell can print it.
    sentinel: Vec<u8>,
    /// Sentinels seen on stdout and stderr.
    seen: Mutex<[u64; 2]>,
    arrived: Condvar,
    sent: Mutex<u64>,
    /// evcxr's end of the running session.
    session: Mutex<Option<File>>,
    sink: Arc<dyn Sink>,
}

impl Capture {
    /// Replaces fds 1 and 2 by pipes and starts their readers.
    pub(crate) fn install(sink: Arc<dyn Sink>) -> Result<Arc<Self>> {
        drop(log_file()?);
        let capture = Arc::new(Capture {
            sentinel: sentinel()?,
            seen: Mutex::new([0; 2]),
            arrived: Condvar::new(),
            sent: Mutex::new(0),
            session: Mutex::new(None),
            sink,
        });
        for (fd, stream) in [(1, Stream::Stdout), (2, Stream::Stderr)] {
            let reader = replace_by_pipe(fd)?;
            let capture = Arc::clone(&capture);
            std::thread::Builder::new()
                .name(format!("capture-{fd}"))
                .spawn(move || capture.pump(reader, stream))?;
        }
        Ok(capture)
    }

    /// From now on marker lines go to this pipe.
    pub(crate) fn begin_session(&self, evcxr: File) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(evcxr);
    }

    /// Lets go of evcxr's pipe.
    pub(crate) fn end_session(&self) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns once everything written before has reached the sink.
    pub(crate) fn drain(&self) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        *sent += 1;
        for fd in [1, 2] {
            write_all(fd, &self.sentinel);
        }
        let until = Instant::now() + DRAIN_LIMIT;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.iter().any(|count| *count < *sent) {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                tracing::warn!("output of a cell did not drain");
                // Code that redirects a stream swallows the sentinel for good: do not wait for it again.
                for count in seen.iter_mut() {
                    *count = (*count).max(*sent);
                }
                return;
            };
            seen = self
                .arrived
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn pump(&self, mut reader: File, stream: Stream) {
        let mut splitter = Splitter::new(stream, &self.sentinel);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    splitter.push(&buffer[..count], &mut |piece| self.deliver(stream, piece))
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!(%error, "captured output cannot be read");
                    return;
                }
            }
        }
    }

    fn deliver(&self, stream: Stream, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.sink.text(stream, text),
            Piece::Line(bytes, marker) => {
                let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(evcxr) = session.as_mut()
                    && let Err(error) = evcxr.write_all(bytes)
                {
                    tracing::warn!(%error, "evcxr is not listening");
                }
                drop(session);
                self.sink.marker(marker);
            }
            Piece::Sentinel => {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen[usize::from(stream == Stream::Stderr)] += 1;
                self.arrived.notify_all();
            }
        }
    }
}

fn sentinel() -> Result<Vec<u8>> {
    let mut random = [0u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut sentinel = b"\0\x01signaltree-".to_vec();
    for byte in random {
        sentinel.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    sentinel.extend_from_slice(b"\x01\0");
    Ok(sentinel)
}

fn replace_by_pipe(fd: RawFd) -> Result<File> {
    let (reader, writer) = std::io::pipe()?;
    // SAFETY: both descriptors are open; standard descriptors of this process are replaced for good.
    if unsafe { libc::dup2(writer.as_raw_fd(), fd) } < 0 {
        return Err(Error::last_os_error());
    }
    Ok(File::from(OwnedFd::from(reader)))
}

fn write_all(fd: RawFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: writes from a live slice to a descriptor that stays open for the process's life.
        let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(count) if count > 0 => bytes = &bytes[count..],
            _ if Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// Bytes for evcxr.
    Line(&'a [u8], Marker),
    Sentinel,
}

/// Cuts a byte stream into pieces, whatever the sizes it arrives in.
struct Splitter {
    stream: Stream,
    sentinel: Vec<u8>,
    pending: Vec<u8>,
    in_content: bool,
}

impl Splitter {
    fn new(stream: Stream, sentinel: &[u8]) -> Self {
        Splitter {
            stream,
            sentinel: sentinel.to_vec(),
            pending: Vec::new(),
            in_content: false,
        }
    }

    fn push(&mut self, bytes: &[u8], deliver: &mut dyn FnMut(Piece<'_>)) {
        self.pending.extend_from_slice(bytes);
        while self.step(deliver) {}
    }

    /// One piece; `false` when more bytes are needed.
    fn step(&mut self, deliver: &mut dyn FnMut(Piece<'_>)) -> bool {
        let sentinel = find(&self.pending, &self.sentinel);
        let end = sentinel.unwrap_or(self.pending.len());
        if self.in_content {
            return self.content(end, sentinel.is_some(), deliver);
        }
        if let Some((at, length, marker)) = self.marker(end) {
            deliver_text(&self.pending[..at], deliver);
            if length == 0 && sentinel.is_none() {
                // The rest of the line is still to come.
                self.pending.drain(..at);
                return false;
            }
            let stop = if length == 0 { end } else { at + length };
            let mut line = self.pending[at..stop].to_vec();
            if length == 0 {
                line.push(b'\n');
            }
            self.in_content = line.starts_with(CONTENT.as_bytes());
            deliver(Piece::Line(&line, marker));
            self.pending.drain(..stop);
            return true;
        }
        if sentinel.is_some() {
            deliver_text(&self.pending[..end], deliver);
            deliver(Piece::Sentinel);
            self.pending.drain(..end + self.sentinel.len());
            return !self.pending.is_empty();
        }
        let keep = self.held_back();
        let ready = self.pending.len() - keep;
        deliver_text(&self.pending[..ready], deliver);
        self.pending.drain(..ready);
        false
    }

    /// Inside `EVCXR_BEGIN_CONTENT`: everything belongs to evcxr until the end line.
    fn content(&mut self, end: usize, ended: bool, deliver: &mut dyn FnMut(Piece<'_>)) -> bool {
        let stop = find(&self.pending[..end], END_OF_CONTENT.as_bytes());
        match stop {
            Some(at) => {
                let stop = at + END_OF_CONTENT.len();
                deliver(Piece::Line(&self.pending[..stop], Marker::Other));
                self.pending.drain(..stop);
            }
            None if ended => {
                let mut rest = self.pending[..end].to_vec();
                rest.extend_from_slice(b"\n");
                rest.extend_from_slice(END_OF_CONTENT.as_bytes());
                deliver(Piece::Line(&rest, Marker::Other));
                self.pending.drain(..end);
            }
            None => return false,
        }
        self.in_content = false;
        true
    }

    /// First marker before `end`: position, length of its line (0: incomplete), meaning.
    fn marker(&self, end: usize) -> Option<(usize, usize, Marker)> {
        if self.stream == Stream::Stderr {
            return None;
        }
        let bytes = &self.pending[..end];
        MARKERS
            .iter()
            .filter_map(|(text, marker)| {
                let at = find(bytes, text.as_bytes())?;
                let length = find(&bytes[at..], b"\n").map_or(0, |newline| newline + 1);
                Some((at, length, *marker))
            })
            .min_by_key(|(at, ..)| *at)
    }

    /// Length of the tail that may be the beginning of a marker, of the sentinel or of a character.
    fn held_back(&self) -> usize {
        let markers = MARKERS
            .iter()
            .map(|(text, _)| text.as_bytes())
            .filter(|_| self.stream == Stream::Stdout)
            .chain([self.sentinel.as_slice()]);
        let partial = markers
            .map(|pattern| {
                (1..=pattern.len().min(self.pending.len()))
                    .rev()
                    .find(|length| self.pending.ends_with(&pattern[..*length]))
                    .unwrap_or(0)
            })
            .max()
            .unwrap_or(0);
        partial.max(incomplete_character(&self.pending))
    }
}

fn deliver_text(bytes: &[u8], deliver: &mut dyn FnMut(Piece<'_>)) {
    if !bytes.is_empty() {
        deliver(Piece::Text(&String::from_utf8_lossy(bytes)));
    }
}

/// Bytes of an unfinished UTF-8 character at the end.
fn incomplete_character(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        _ => 0,
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let first = *pattern.first()?;
    let mut from = 0;
    while let Some(offset) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + offset;
        if bytes[at..].starts_with(pattern) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Seen {
        Text(String),
        Line(String, Marker),
        Sentinel,
    }

    fn split(chunks: &[&[u8]], stream: Stream) -> Vec<Seen> {
        let mut splitter = Splitter::new(stream, b"\0END\0");
        let mut seen: Vec<Seen> = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, &mut |piece| match piece {
                Piece::Text(text) => match seen.last_mut() {
                    Some(Seen::Text(last)) => last.push_str(text),
                    _ => seen.push(Seen::Text(text.into())),
                },
                Piece::Line(bytes, marker) => {
                    seen.push(Seen::Line(String::from_utf8_lossy(bytes).into(), marker));
                }
                Piece::Sentinel => seen.push(Seen::Sentinel),
            });
        }
        seen
    }

    #[test]
    fn a_marker_may_start_in_the_middle_of_a_line_and_arrive_byte_by_byte() {
        let bytes = b"no newline\xc3\xa9EVCXR_ERROR_OCCURRED\nafter EVCXR_\0END\0";
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        let expected = [
            Seen::Text("no newlineé".into()),
            Seen::Line("EVCXR_ERROR_OCCURRED\n".into(), Marker::Error),
            Seen::Text("after EVCXR_".into()),
            Seen::Sentinel,
        ];
        assert_eq!(split(&[bytes], Stream::Stdout), expected);
        assert_eq!(split(&singles, Stream::Stdout), expected);
    }

    #[test]
    fn content_of_other_crates_reaches_evcxr_whole() {
        let bytes =
            b"EVCXR_BEGIN_CONTENT text/html\n<b>EVCXR_\n</b>\nEVCXR_END_CONTENT\nrest\0END\0";
        let seen = split(&[&bytes[..20], &bytes[20..]], Stream::Stdout);
        assert_eq!(
            seen,
            [
                Seen::Line("EVCXR_BEGIN_CONTENT text/html\n".into(), Marker::Other),
                Seen::Line("<b>EVCXR_\n</b>\nEVCXR_END_CONTENT\n".into(), Marker::Other),
                Seen::Text("rest".into()),
                Seen::Sentinel,
            ]
        );
    }

    #[test]
    fn unfinished_content_ends_with_its_cell() {
        let seen = split(&[b"EVCXR_BEGIN_CONTENT a/b\nx\0END\0next"], Stream::Stdout);
        assert_eq!(seen.len(), 4, "{seen:?}");
        assert_eq!(seen[3], Seen::Text("next".into()));
    }

    #[test]
    fn stderr_is_never_searched_for_markers() {
        assert_eq!(
            split(&[b"EVCXR_ERROR_OCCURRED\n\0END\0"], Stream::Stderr),
            [Seen::Text("EVCXR_ERROR_OCCURRED\n".into()), Seen::Sentinel]
        );
    }
}
