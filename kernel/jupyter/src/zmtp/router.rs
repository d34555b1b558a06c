//! ROUTER: every message comes and goes with the identity of its peer. And the echo of the heartbeat.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::codec::{Encoded, MESSAGE_LIMIT};
use super::listen::{Endpoint, listen};
use super::outbox::Importance;
use super::peer::{Peer, Socket};

/// Messages that may wait to be taken; beyond it, peers wait.
const INBOX: usize = 64;

/// Messages of all peers that were accepted.
pub struct Inbox<T>(mpsc::Receiver<T>);

impl<T> Inbox<T> {
    /// The next message; `None` once the socket is gone.
    pub async fn next(&mut self) -> Option<T> {
        self.0.recv().await
    }
}

/// Makes of the frames of a message, the identity of its peer first, what is handed on; `None` drops it.
type Accept<T> = dyn Fn(Vec<Bytes>) -> Option<T> + Send + Sync;

/// The sending half; callable from any thread, never waits.
pub struct Router<T> {
    name: &'static str,
    accept: Box<Accept<T>>,
    inbox: mpsc::Sender<T>,
    peers: Mutex<HashMap<Bytes, Arc<Peer>>>,
    generated: AtomicU32,
}

impl<T: Send + 'static> Router<T> {
    /// `accept` runs in the task of the peer: what it drops costs nobody else time or room.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind(
        name: &'static str,
        endpoint: &Endpoint,
        accept: impl Fn(Vec<Bytes>) -> Option<T> + Send + Sync + 'static,
    ) -> std::io::Result<(Arc<Self>, Inbox<T>)> {
        let (inbox, messages) = mpsc::channel(INBOX);
        let router = Arc::new(Self {
            name,
            accept: Box::new(accept),
            inbox,
            peers: Mutex::default(),
            generated: AtomicU32::new(0),
        });
        listen(router.clone(), endpoint).await?;
        Ok((router, Inbox(messages)))
    }

    /// Sends to the peer that the first frame names; false if it is gone.
    pub fn send(&self, frames: &[Bytes]) -> bool {
        let Some((identity, rest)) = frames.split_first() else {
            return false;
        };
        let peer = self.peers().get(identity).cloned();
        peer.is_some_and(|peer| peer.send(Encoded::message(rest), Importance::Essential))
    }

    /// Whether everything sent has left.
    pub fn is_idle(&self) -> bool {
        self.peers().values().all(|peer| peer.is_idle())
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<Bytes, Arc<Peer>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Socket for Router<T> {
    const KIND: &'static str = "ROUTER";
    const ACCEPTS: &'static [&'static str] = &["DEALER", "REQ", "ROUTER"];
    const OUTBOX: usize = 64 << 20;
    const MESSAGE: usize = MESSAGE_LIMIT;

    fn name(&self) -> &'static str {
        self.name
    }

    fn joined(&self, peer: &Arc<Peer>, identity: Bytes) {
        let identity = if identity.is_empty() {
            // Begins with a zero, which the identity of no peer may.
            let number = self.generated.fetch_add(1, Ordering::Relaxed);
            Bytes::copy_from_slice(&[&[0][..], &number.to_be_bytes()].concat())
        } else {
            identity
        };
        peer.set_identity(identity.clone());
        // A client that connects again takes over from its old connection, which may not have ended.
        let before = self.peers().insert(identity, peer.clone());
        if let Some(before) = before {
            before.end();
        }
    }

    async fn received(&self, peer: &Arc<Peer>, mut message: Vec<Bytes>) {
        message.insert(0, peer.identity());
        if let Some(message) = (self.accept)(message) {
            // Fails only when the kernel ends.
            let _ = self.inbox.send(message).await;
        }
    }

    fn left(&self, peer: &Arc<Peer>) {
        let mut peers = self.peers();
        if let Some(current) = peers.get(&peer.identity())
            && current.number == peer.number
        {
            peers.remove(&peer.identity());
        }
    }
}

struct Echo(&'static str);

/// Answers every message with itself.
///
/// # Errors
/// If the address cannot be bound.
pub async fn echo(name: &'static str, endpoint: &Endpoint) -> std::io::Result<()> {
    listen(Arc::new(Echo(name)), endpoint).await
}

impl Socket for Echo {
    const KIND: &'static str = "ROUTER";
    const ACCEPTS: &'static [&'static str] = &["DEALER", "REQ", "ROUTER"];
    const OUTBOX: usize = 1 << 20;
    const MESSAGE: usize = 64 << 10;

    fn name(&self) -> &'static str {
        self.0
    }

    fn joined(&self, _peer: &Arc<Peer>, _identity: Bytes) {}

    async fn received(&self, peer: &Arc<Peer>, message: Vec<Bytes>) {
        peer.send(Encoded::message(&message), Importance::Essential);
    }

    fn left(&self, _peer: &Arc<Peer>) {}
}
