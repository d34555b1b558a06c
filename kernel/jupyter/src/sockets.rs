//! The five sockets of a kernel, bound from the connection file.
//!
//! shell, control and stdin are ROUTER sockets; replies leave from the thread that made them. The
//! heartbeat is a ROUTER too: echoing every frame is all a REP does, and it keeps no state that a
//! vanished client could leave behind. IOPub welcomes each subscription (JEP 65).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, Transport};
use serde_json::json;

use crate::iopub::Iopub;
use crate::wire::{Author, Incoming, Outgoing, Parent, Signer, decode};
use crate::zmtp::{self, Endpoint, Inbox, Publisher, Router};

/// A socket that could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error(
        "cannot bind the {name} socket to {address}: {reason}. Another process may hold the port; start the kernel again"
    )]
    Bind {
        name: &'static str,
        address: String,
        reason: String,
    },
    #[error("cannot start the thread that publishes: {0}")]
    Thread(#[from] std::io::Error),
}

/// The sending half of a ROUTER socket; callable from any thread, never waits.
#[derive(Clone)]
pub struct Replies {
    name: &'static str,
    author: Arc<Author>,
    router: Arc<Router<Incoming>>,
}

impl Replies {
    pub fn send(&self, message: Outgoing) {
        self.send_as(&self.author.next_id(), message);
    }

    /// Sends under an id taken from [`Replies::next_id`].
    pub fn send_as(&self, msg_id: &str, message: Outgoing) {
        let kind = message.msg_type.clone();
        // A client that has gone takes its reply with it, and nothing else.
        if !self.router.send(&self.author.encode_as(msg_id, message)) {
            tracing::info!("{}: the client has gone; its {kind} is dropped", self.name);
        }
    }

    pub fn next_id(&self) -> String {
        self.author.next_id()
    }
}

/// The receiving half of a ROUTER socket.
pub struct Requests(Inbox<Incoming>);

impl Requests {
    /// The next well-formed message. Whatever is malformed is logged and dropped before.
    pub async fn next(&mut self) -> Incoming {
        match self.0.next().await {
            Some(message) => message,
            // The runtime is ending: nothing will be asked any more.
            None => std::future::pending().await,
        }
    }
}

/// Decodes and verifies; runs in the task of the client that sent the frames.
fn decode_request(name: &'static str, signer: &Signer, frames: Vec<Bytes>) -> Option<Incoming> {
    match decode(signer, frames) {
        Ok(message) => {
            let Parent {
                msg_type, msg_id, ..
            } = &*message.parent;
            tracing::debug!("{name}: {msg_type} {msg_id}");
            Some(message)
        }
        Err(error) => {
            tracing::warn!("dropped from {name}: {error}");
            None
        }
    }
}

pub struct Sockets {
    pub iopub: Iopub,
    pub shell: (Requests, Replies),
    pub control: (Requests, Replies),
    pub stdin: (Requests, Replies),
    pub farewell: Farewell,
}

impl Sockets {
    /// Binds all five and answers heartbeats from now on. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SocketError`] naming the socket that could not be bound.
    pub async fn bind(connection: &ConnectionInfo) -> Result<Self, SocketError> {
        let signer = Signer::new(&connection.key);
        let author = Arc::new(Author::new(signer.clone()));

        let place = endpoint(connection, connection.hb_port);
        named("heartbeat", &place, zmtp::echo("heartbeat", &place).await)?;

        let place = endpoint(connection, connection.iopub_port);
        let host = author.clone();
        let bound = Publisher::bind("iopub", &place, move |topic| welcome(&host, topic)).await;
        let publisher = named("iopub", &place, bound)?;
        let iopub = Iopub::start(author.clone(), publisher.clone())?;

        let mut routers = Vec::new();
        let mut channels = Vec::new();
        for (name, port) in [
            ("shell", connection.shell_port),
            ("control", connection.control_port),
            ("stdin", connection.stdin_port),
        ] {
            let place = endpoint(connection, port);
            let signer = signer.clone();
            let decode_request = move |frames| decode_request(name, &signer, frames);
            let bound = Router::bind(name, &place, decode_request).await;
            let (router, inbox) = named(name, &place, bound)?;
            routers.push(router.clone());
            let replies = Replies {
                name,
                author: author.clone(),
                router,
            };
            channels.push((Requests(inbox), replies));
        }
        let [shell, control, stdin] =
            <[_; 3]>::try_from(channels).map_err(|_| std::io::Error::other("three channels"))?;
        Ok(Self {
            iopub,
            shell,
            control,
            stdin,
            farewell: Farewell { publisher, routers },
        })
    }
}

/// Sees the last messages off.
pub struct Farewell {
    publisher: Arc<Publisher>,
    routers: Vec<Arc<Router<Incoming>>>,
}

impl Farewell {
    /// Returns when everything sent is with the operating system, at the latest after `patience`.
    pub async fn wait(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let idle =
            || self.publisher.is_idle() && self.routers.iter().all(|router| router.is_idle());
        while !idle() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Jupyter's ports are parts of file names where it uses Unix sockets.
fn endpoint(connection: &ConnectionInfo, port: u16) -> Endpoint {
    let host = &connection.ip;
    match connection.transport {
        Transport::TCP => Endpoint::Tcp {
            host: host.clone(),
            port,
        },
        Transport::IPC => Endpoint::Ipc(format!("{host}-{port}").into()),
    }
}

fn named<T>(
    name: &'static str,
    place: &Endpoint,
    bound: std::io::Result<T>,
) -> Result<T, SocketError> {
    bound.map_err(|error| SocketError::Bind {
        name,
        address: place.to_string(),
        reason: error.to_string(),
    })
}

/// `iopub_welcome`, which tells a client that its subscription is in force. It begins with the topic,
/// so that the subscriber lets it pass.
fn welcome(author: &Author, topic: &Bytes) -> Vec<Bytes> {
    let content = json!({ "subscription": String::from_utf8_lossy(topic) });
    let mut frames = author.encode(Outgoing::publish("iopub_welcome", None, content));
    frames[0] = topic.clone();
    frames
}
