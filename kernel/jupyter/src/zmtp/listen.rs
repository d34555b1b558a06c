//! Where peers connect, and how many may.

use std::collections::VecDeque;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::task::AbortHandle;

use super::peer::{Socket, serve};
use super::stream::Stream;

/// Peers of one socket.
const SEATS: usize = 256;
/// Peers of one socket that have connected and not yet said who they are; beyond it, the one that has
/// waited longest goes.
const STRANGERS: usize = 128;
/// Pause after the system refused a connection (usually too many open files).
const REFUSED: Duration = Duration::from_millis(50);

/// `tcp://host:port` or `ipc://path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Host `*` means every interface.
    Tcp {
        host: String,
        port: u16,
    },
    Ipc(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(to, "tcp://{host}:{port}"),
            Self::Ipc(path) => write!(to, "ipc://{}", path.display()),
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    /// The second is held for its end.
    Unix(UnixListener, #[expect(dead_code)] SocketFile),
}

/// Removed with the listener.
struct SocketFile {
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Listener {
    async fn bind(endpoint: &Endpoint) -> Result<Self> {
        match endpoint {
            Endpoint::Tcp { host, port } => {
                let host = match host.trim_matches(['[', ']']) {
                    "*" => "0.0.0.0",
                    host => host,
                };
                Ok(Self::Tcp(TcpListener::bind((host, *port)).await?))
            }
            Endpoint::Ipc(path) => {
                // A kernel that was killed leaves its file behind; nobody listens on it.
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(Error::new(
                        ErrorKind::AddrInUse,
                        "another process listens on it",
                    ));
                }
                match std::fs::symlink_metadata(path) {
                    Ok(file) if is_socket(&file) => std::fs::remove_file(path)?,
                    _ => {}
                }
                let listener = UnixListener::bind(path)?;
                let path = path.clone();
                Ok(Self::Unix(listener, SocketFile { path }))
            }
        }
    }

    async fn accept(&self) -> Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small messages are whole messages: nothing follows that they could wait for.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

fn is_socket(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    file.file_type().is_socket()
}

/// Peers of one socket.
#[derive(Default)]
struct Hall {
    seated: AtomicUsize,
    /// Those that have not said who they are, the oldest first.
    strangers: Mutex<VecDeque<(u64, AbortHandle)>>,
}

impl Hall {
    fn strangers(&self) -> std::sync::MutexGuard<'_, VecDeque<(u64, AbortHandle)>> {
        self.strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right of one connection to be open.
pub(super) struct Seat {
    hall: Arc<Hall>,
    number: u64,
    kept: bool,
}

impl Seat {
    /// The peer has said who it is.
    pub fn keep(&mut self) {
        if !self.kept {
            self.kept = true;
            self.hall.seated.fetch_add(1, Ordering::Relaxed);
            self.leave_strangers();
        }
    }

    fn leave_strangers(&self) {
        self.hall
            .strangers()
            .retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.kept {
            self.hall.seated.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.leave_strangers();
        }
    }
}

/// Binds `endpoint` and serves every peer that connects, for the life of the runtime.
///
/// # Errors
/// If the address cannot be bound.
pub(super) async fn listen<S: Socket>(socket: Arc<S>, endpoint: &Endpoint) -> Result<()> {
    let listener = Listener::bind(endpoint).await?;
    tokio::spawn(async move {
        let hall = Arc::<Hall>::default();
        for number in 0_u64.. {
            let stream = match listener.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!("{}: a connection was not accepted: {error}", socket.name());
                    tokio::time::sleep(REFUSED).await;
                    continue;
                }
            };
            if hall.seated.load(Ordering::Relaxed) >= SEATS {
                tracing::warn!(
                    "{}: {SEATS} peers are connected; another one is refused",
                    socket.name()
                );
                continue;
            }
            let seat = Seat {
                hall: hall.clone(),
                number,
                kept: false,
            };
            // Locked over the start of the task, which leaves the list when the peer is known.
            let mut strangers = hall.strangers();
            let task = tokio::spawn(serve(socket.clone(), stream, seat));
            strangers.push_back((number, task.abort_handle()));
            let oldest = (strangers.len() > STRANGERS).then(|| strangers.pop_front());
            drop(strangers);
            if let Some(Some((_, oldest))) = oldest {
                oldest.abort();
            }
        }
    });
    Ok(())
}
