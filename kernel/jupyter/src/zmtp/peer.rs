//! One connection, from its greeting to its end.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::codec::{CodecError, Command, Decoder, Encoded, Traffic};
use super::handshake::{self, Greeting, HandshakeError};
use super::listen::Seat;
use super::outbox::{Importance, Lost, Outbox};
use super::stream::Stream;

/// Time from connecting to READY.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Bytes of messages that have begun to arrive, all peers of the process together. Far above what
/// clients send; without it, peers that nobody knows could fill the memory.
const ARRIVING: usize = 2 << 30;

static PEERS: AtomicU64 = AtomicU64::new(0);
static ARRIVED: AtomicUsize = AtomicUsize::new(0);

/// What one peer holds of [`ARRIVING`].
#[derive(Default)]
struct Share(usize);

impl Share {
    /// False if all shares together are too large.
    fn set(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.0, bytes);
        if bytes >= before {
            let more = bytes - before;
            more == 0 || ARRIVED.fetch_add(more, Ordering::Relaxed) + more <= ARRIVING
        } else {
            ARRIVED.fetch_sub(before - bytes, Ordering::Relaxed);
            true
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// What has arrived of a peer.
#[derive(Default)]
struct Arriving {
    decoder: Decoder,
    share: Share,
}

/// What a kind of socket does with its peers.
pub(super) trait Socket: Send + Sync + 'static {
    const KIND: &'static str;
    /// Types of socket that may connect.
    const ACCEPTS: &'static [&'static str];
    /// Bytes that may wait for one peer.
    const OUTBOX: usize;
    /// Bytes of one message from a peer.
    const MESSAGE: usize;

    /// Name in the log.
    fn name(&self) -> &'static str;
    fn joined(&self, peer: &Arc<Peer>, identity: Bytes);
    fn received(&self, peer: &Arc<Peer>, message: Vec<Bytes>) -> impl Future<Output = ()> + Send;
    /// `SUBSCRIBE` (true) or `CANCEL` of a topic.
    fn subscription(&self, _peer: &Arc<Peer>, _topic: Bytes, _begins: bool) {}
    fn left(&self, peer: &Arc<Peer>);
}

#[derive(Debug, thiserror::Error)]
enum PeerError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("messages of more than {ARRIVING} bytes are arriving at once")]
    Crowded,
    #[error("it was not ready {} s after it had connected", HANDSHAKE.as_secs())]
    Late,
    #[error("{0}")]
    Stream(#[from] std::io::Error),
}

impl From<HandshakeError> for PeerError {
    fn from(error: HandshakeError) -> Self {
        Self::Codec(error.into())
    }
}

pub(super) struct Peer {
    /// Tells peers of one process apart.
    pub number: u64,
    socket: &'static str,
    identity: OnceLock<Bytes>,
    stream: Stream,
    outbox: Mutex<Outbox>,
    /// Something waits that could not be written at once.
    waiting: Notify,
    ended: AtomicBool,
    end: Notify,
}

impl Peer {
    /// Writes what the peer takes now and keeps the rest for it. False if the peer is gone, or is
    /// sent away because it does not read.
    pub fn send(&self, message: Encoded, importance: Importance) -> bool {
        if self.ended.load(Ordering::Acquire) {
            return false;
        }
        let mut outbox = self.outbox();
        let was_empty = outbox.is_empty();
        let had_lost = outbox.has_lost();
        if outbox.push(message, importance).is_err() {
            drop(outbox);
            tracing::warn!(
                "{}: peer {} does not read and has more to read than is kept for it; it is disconnected and may connect again",
                self.socket,
                self.number
            );
            self.end();
            return false;
        }
        if outbox.has_lost() && !had_lost {
            tracing::warn!(
                "{}: peer {} does not read; pictures and updates are dropped for it",
                self.socket,
                self.number
            );
        }
        // Others are in the queue: their turn comes when the peer reads again.
        if !was_empty {
            return true;
        }
        let written = outbox.write_with(|pieces| self.stream.try_write(pieces));
        let rest = !outbox.is_empty();
        drop(outbox);
        if let Err(error) = written {
            tracing::debug!("{}: peer {}: {error}", self.socket, self.number);
            self.end();
            return false;
        }
        if rest {
            self.waiting.notify_one();
        }
        true
    }

    /// The name that a ROUTER knows it by.
    pub fn identity(&self) -> Bytes {
        self.identity.get().cloned().unwrap_or_default()
    }

    pub fn set_identity(&self, identity: Bytes) {
        // Once: a peer is ready once.
        let _ = self.identity.set(identity);
    }

    /// Whether everything sent has left.
    pub fn is_idle(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.outbox().is_empty()
    }

    /// Whether a sender that can wait should.
    pub fn is_crowded(&self, now: Instant, patience: Duration) -> bool {
        !self.ended.load(Ordering::Acquire) && self.outbox().is_crowded(now, patience)
    }

    /// Ends the connection.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.end.notify_one();
    }

    /// Writes what waits, whenever the peer takes more.
    async fn write_waiting(&self) -> std::io::Result<()> {
        loop {
            self.waiting.notified().await;
            loop {
                self.stream.writable().await?;
                // One write for each lock: others may send in between.
                let mut outbox = self.outbox();
                outbox.write_some(&mut |pieces: &[_]| self.stream.try_write(pieces))?;
                if outbox.is_empty() {
                    if let Some(Lost {
                        pictures,
                        updates,
                        bytes,
                    }) = outbox.take_lost()
                    {
                        tracing::warn!(
                            "{}: peer {} reads again; it lost {pictures} pictures and {updates} updates ({bytes} bytes)",
                            self.socket,
                            self.number
                        );
                    }
                    break;
                }
            }
        }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Member<'a, S: Socket>(&'a S, &'a Arc<Peer>);

impl<S: Socket> Drop for Member<'_, S> {
    fn drop(&mut self) {
        self.1.ended.store(true, Ordering::Release);
        self.0.left(self.1);
    }
}

/// Serves one connection until either side ends it. `seat` is given back then.
pub(super) async fn serve<S: Socket>(socket: Arc<S>, stream: Stream, mut seat: Seat) {
    let peer = Arc::new(Peer {
        number: PEERS.fetch_add(1, Ordering::Relaxed),
        socket: socket.name(),
        identity: OnceLock::new(),
        stream,
        outbox: Mutex::new(Outbox::new(S::OUTBOX)),
        waiting: Notify::new(),
        ended: AtomicBool::new(false),
        end: Notify::new(),
    });
    // Dropped with this task, however it ends.
    let member = Member(&*socket, &peer);
    let conversation = async {
        let mut arriving = Arriving::default();
        // Who has not said who it is has no messages to send.
        arriving.decoder.limit(0);
        let identity = tokio::time::timeout(HANDSHAKE, shake_hands::<S>(&peer, &mut arriving))
            .await
            .map_err(|_| PeerError::Late)??;
        seat.keep();
        arriving.decoder.limit(S::MESSAGE);
        socket.joined(&peer, identity);
        talk(&*socket, &peer, &mut arriving).await
    };
    let result = tokio::select! {
        result = conversation => result,
        result = peer.write_waiting() => result.map_err(PeerError::from),
        () = peer.end.notified() => Ok(()),
    };
    drop(member);
    match result {
        Ok(()) => {}
        Err(PeerError::Codec(CodecError::Handshake(
            error @ (HandshakeError::Mechanism(_) | HandshakeError::OldVersion(_)),
        ))) => tracing::warn!("{}: peer {}: {error}", peer.socket, peer.number),
        Err(error) => tracing::info!("{}: peer {}: {error}", peer.socket, peer.number),
    }
}

async fn shake_hands<S: Socket>(
    peer: &Arc<Peer>,
    arriving: &mut Arriving,
) -> Result<Bytes, PeerError> {
    peer.send(handshake::greeting(), Importance::Essential);
    let mut greeted = false;
    loop {
        match receive(peer, arriving).await? {
            None => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            Some(Traffic::Greeting(Greeting { .. })) => {
                greeted = true;
                peer.send(handshake::ready(S::KIND), Importance::Essential);
            }
            Some(Traffic::Command(Command::Ready(properties))) if greeted => {
                return handshake::identity(&properties, S::KIND, S::ACCEPTS).map_err(|error| {
                    peer.send(handshake::refusal(&error), Importance::Essential);
                    error.into()
                });
            }
            Some(Traffic::Command(Command::Error(reason))) => {
                return Err(HandshakeError::Refused(reason).into());
            }
            Some(Traffic::Command(_)) => {
                return Err(HandshakeError::Unexpected("a command").into());
            }
            Some(Traffic::Message(_)) => {
                return Err(HandshakeError::Unexpected("a message").into());
            }
        }
    }
}

async fn talk<S: Socket>(
    socket: &S,
    peer: &Arc<Peer>,
    arriving: &mut Arriving,
) -> Result<(), PeerError> {
    while let Some(traffic) = receive(peer, arriving).await? {
        match traffic {
            Traffic::Message(frames) => socket.received(peer, frames).await,
            Traffic::Command(Command::Subscribe(topic)) => socket.subscription(peer, topic, true),
            Traffic::Command(Command::Cancel(topic)) => socket.subscription(peer, topic, false),
            Traffic::Command(Command::Ping(context)) => {
                peer.send(Encoded::command("PONG", &context), Importance::Essential);
            }
            Traffic::Command(Command::Error(reason)) => {
                return Err(HandshakeError::Refused(reason).into());
            }
            Traffic::Command(_) | Traffic::Greeting(_) => {}
        }
    }
    Ok(())
}

/// The next message or command; `None` when the peer has closed the connection.
async fn receive(peer: &Peer, arriving: &mut Arriving) -> Result<Option<Traffic>, PeerError> {
    loop {
        let next = arriving.decoder.next()?;
        if !arriving.share.set(arriving.decoder.held()) {
            return Err(PeerError::Crowded);
        }
        if let Some(traffic) = next {
            return Ok(Some(traffic));
        }
        peer.stream.readable().await?;
        match peer.stream.try_read(arriving.decoder.room()) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_together_and_given_back() {
        let (mut one, mut other) = (Share::default(), Share::default());
        assert!(one.set(ARRIVING / 2) && other.set(ARRIVING / 4) && one.set(10));
        assert!(!other.set(ARRIVING + 1));
        drop(other);
        assert!(one.set(20) && ARRIVED.load(Ordering::Relaxed) < ARRIVING / 2);
    }
}
