//! The inputs of all kernels of a user in one file: a line of JSON each, appended by a thread, cut when
//! it has grown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Entry;

const FILE: &str = "inputs.jsonl";
const LOCK: &str = "lock";
/// Size at which the older half goes.
const MAX_BYTES: u64 = 4 << 20;
/// Inputs that may wait for the disk; beyond it they are kept in memory only.
const QUEUE: usize = 256;
/// How long another kernel may hold the lock. Without it, lines still arrive whole.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);
/// How long a question waits for the number of a session that has just begun.
const NUMBER_PATIENCE: Duration = Duration::from_secs(1);

/// One line. The first of a session has no input: it only takes the number.
#[derive(Serialize, Deserialize)]
struct Line {
    session: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

enum Message {
    Add { line: u32, input: String },
    Flush(SyncSender<()>),
}

#[derive(Clone, Copy, PartialEq)]
enum Number {
    /// Nothing has been written.
    Unknown,
    Taken(i64),
    /// The folder cannot be written.
    None,
}

struct Session {
    number: Mutex<Number>,
    known: Condvar,
}

pub(super) struct Store {
    folder: PathBuf,
    queue: SyncSender<Message>,
    session: Arc<Session>,
}

impl Store {
    /// `None` when no thread can be started.
    pub fn start(folder: PathBuf) -> Option<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let session = Arc::new(Session {
            number: Mutex::new(Number::Unknown),
            known: Condvar::new(),
        });
        let writer = Writer {
            folder: folder.clone(),
            session: session.clone(),
        };
        let started = std::thread::Builder::new()
            .name("history".into())
            .spawn(move || writer.run(&messages));
        match started {
            Ok(_) => Some(Store {
                folder,
                queue,
                session,
            }),
            Err(error) => {
                tracing::warn!("inputs are not kept for later kernels: {error}");
                None
            }
        }
    }

    pub fn add(&self, line: u32, input: &str) {
        let message = Message::Add {
            line,
            input: input.to_owned(),
        };
        if let Err(TrySendError::Full(_)) = self.queue.try_send(message) {
            tracing::debug!("the disk is slow: an input is not kept for later kernels");
        }
    }

    pub fn flush(&self, limit: Duration) {
        let (done, wait) = sync_channel(1);
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(limit);
        }
    }

    /// What the file has, and the number of this session: the one taken, or else the next.
    pub fn read(&self, begun: bool) -> (Vec<Entry>, i64) {
        let until = Instant::now() + NUMBER_PATIENCE;
        let mut number = self.session.number();
        while begun && *number == Number::Unknown {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            number = (self.session.known)
                .wait_timeout(number, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let taken = *number;
        drop(number);
        let lines = read(&self.folder.join(FILE)).unwrap_or_default();
        let session = match taken {
            Number::Taken(number) => number,
            Number::Unknown | Number::None => newest(&lines) + 1,
        };
        let entries = lines.into_iter().filter_map(|line| {
            Some(Entry {
                session: line.session,
                line: line.line?,
                input: line.input?,
                output: None,
            })
        });
        (entries.collect(), session)
    }
}

impl Session {
    fn number(&self) -> MutexGuard<'_, Number> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, number: Number) {
        *self.number() = number;
        self.known.notify_all();
    }
}

struct Writer {
    folder: PathBuf,
    session: Arc<Session>,
}

impl Writer {
    fn run(&self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Add { line, input } => {
                    if let Err(error) = self.add(line, input)
                        && *self.session.number() != Number::None
                    {
                        let folder = self.folder.display();
                        tracing::warn!("inputs are not kept for later kernels: {folder}: {error}");
                        self.session.set(Number::None);
                    }
                }
                Message::Flush(done) => drop(done.send(())),
            }
        }
    }

    fn add(&self, line: u32, input: String) -> io::Result<()> {
        let taken = *self.session.number();
        let session = match taken {
            Number::None => return Ok(()),
            Number::Taken(number) => number,
            Number::Unknown => {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&self.folder)?;
                let _lock = lock(&self.folder);
                let number = self.begin()?;
                self.session.set(Number::Taken(number));
                number
            }
        };
        let _lock = lock(&self.folder);
        let path = self.folder.join(FILE);
        append(
            &path,
            &Line {
                session,
                line: Some(line.into()),
                input: Some(input),
            },
        )?;
        if fs::metadata(&path)?.len() > MAX_BYTES {
            shorten(&path)?;
        }
        Ok(())
    }

    /// Takes the next number.
    fn begin(&self) -> io::Result<i64> {
        let path = self.folder.join(FILE);
        let lines = match read(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            lines => lines.unwrap_or_default(),
        };
        let session = newest(&lines) + 1;
        append(
            &path,
            &Line {
                session,
                line: None,
                input: None,
            },
        )?;
        Ok(session)
    }
}

fn newest(lines: &[Line]) -> i64 {
    lines.iter().map(|line| line.session).max().unwrap_or(0)
}

/// Held until it is dropped. `None` where files cannot be locked, or somebody does not let go.
fn lock(folder: &Path) -> Option<File> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(folder.join(LOCK))
        .ok()?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return None,
        }
    }
}

/// Lines that are damaged (a killed process, a full disk) are left out.
fn read(path: &Path) -> io::Result<Vec<Line>> {
    let mut bytes = Vec::new();
    // Whoever writes beyond the bound is not one of us; nobody waits for a file without end.
    let file = File::open(path)?;
    file.take(4 * MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// In one write, so that the lines of several kernels never mix.
fn append(path: &Path, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    if !ends_with_a_line(path) {
        text.insert(0, b'\n');
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&text)
}

/// Whether a new line may follow: a process may have been killed in the middle of one.
fn ends_with_a_line(path: &Path) -> bool {
    use std::io::{Seek, SeekFrom};
    let last = || -> io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    last().map_or(true, |byte| byte == b'\n')
}

/// Keeps the newer half, beside the old file until it is complete.
fn shorten(path: &Path) -> io::Result<()> {
    let lines = read(path)?;
    let mut kept = Vec::new();
    let mut bytes = 0;
    for line in lines.iter().rev() {
        let text = serde_json::to_vec(line)?;
        bytes += text.len() as u64 + 1;
        if bytes > MAX_BYTES / 2 {
            break;
        }
        kept.push(text);
    }
    let mut text = Vec::new();
    for line in kept.iter().rev() {
        text.extend(line);
        text.push(b'\n');
    }
    let part = path.with_extension(format!("part-{}", std::process::id()));
    let written = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn damaged_lines_are_left_out_and_a_torn_one_takes_no_other_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let good = r#"{"session":4,"line":1,"input":"a"}"#;
        fs::write(&path, format!("{good}\nnot json\n{{\"session\":5,\"li")).unwrap();
        let store = Store::start(folder.path().to_owned()).unwrap();
        store.add(1, "b\nc");
        store.flush(PATIENCE);
        let (entries, session) = store.read(true);
        assert_eq!(session, 5);
        let inputs: Vec<_> = entries.iter().map(|entry| entry.input.as_str()).collect();
        assert_eq!(inputs, ["a", "b\nc"]);
    }

    #[test]
    fn the_file_is_bounded_and_its_newest_lines_stay() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::start(folder.path().to_owned()).unwrap();
        let input = "x".repeat(200 << 10);
        for line in 1..=60 {
            store.add(line, &input);
            store.flush(PATIENCE);
        }
        let size = fs::metadata(folder.path().join(FILE)).unwrap().len();
        assert!(size <= MAX_BYTES, "{size}");
        let (entries, session) = store.read(true);
        assert_eq!((session, entries.last().unwrap().line), (1, 60));
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let store = Store::start(file.join("history")).unwrap();
        store.add(1, "a");
        store.add(2, "b");
        store.flush(PATIENCE);
        assert_eq!(store.read(true).1, 1);
    }
}
