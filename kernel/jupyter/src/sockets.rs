//! The five sockets of a kernel, bound from the connection file.
//!
//! shell, control and stdin are ROUTER sockets, split so that replies leave while the next request
//! is read. The heartbeat is a ROUTER too: echoing every frame is all a REP does, and it keeps no
//! state that a vanished client could leave behind. IOPub is a PUB, never the XPUB of this crate,
//! which waits for each subscriber in turn.

use std::sync::Arc;

use bytes::Bytes;
use jupyter_protocol::ConnectionInfo;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zeromq::{
    PubSocket, RouterRecvHalf, RouterSendHalf, RouterSocket, Socket, SocketRecv, SocketSend,
    ZmqMessage,
};

use crate::iopub::Iopub;
use crate::wire::{Author, Incoming, Outgoing, Parent, Signer, decode};

/// Replies that may wait for a socket.
const REPLIES: usize = 1024;

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
    author: Arc<Author>,
    queue: mpsc::Sender<Vec<Bytes>>,
}

impl Replies {
    pub fn send(&self, message: Outgoing) {
        self.send_as(&self.author.next_id(), message);
    }

    /// Sends under an id taken from [`Replies::next_id`].
    pub fn send_as(&self, msg_id: &str, message: Outgoing) {
        if self
            .queue
            .try_send(self.author.encode_as(msg_id, message))
            .is_err()
        {
            tracing::error!(
                "{REPLIES} replies are waiting for a client that does not read; one is dropped"
            );
        }
    }

    pub fn next_id(&self) -> String {
        self.author.next_id()
    }
}

/// The receiving half of a ROUTER socket.
pub struct Requests {
    name: &'static str,
    signer: Signer,
    half: RouterRecvHalf,
}

impl Requests {
    /// The next well-formed message. Whatever is malformed is logged and dropped.
    pub async fn next(&mut self) -> Incoming {
        loop {
            match self.half.recv().await {
                Ok(message) => match decode(&self.signer, message.into_vec()) {
                    Ok(message) => {
                        let Parent {
                            msg_type, msg_id, ..
                        } = &*message.parent;
                        tracing::debug!("{}: {msg_type} {msg_id}", self.name);
                        return message;
                    }
                    Err(error) => tracing::warn!("dropped from {}: {error}", self.name),
                },
                Err(error) => {
                    tracing::warn!("receiving on {}: {error}", self.name);
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            }
        }
    }
}

pub struct Sockets {
    pub iopub: Iopub,
    pub shell: (Requests, Replies),
    pub control: (Requests, Replies),
    pub stdin: (Requests, Replies),
}

impl Sockets {
    /// Binds all five and answers heartbeats from now on. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`SocketError`] naming the socket that could not be bound.
    pub async fn bind(connection: &ConnectionInfo) -> Result<Self, SocketError> {
        let signer = Signer::new(&connection.key);
        let author = Arc::new(Author::new(signer.clone()));

        let heartbeat = bound::<RouterSocket>("heartbeat", &connection.hb_url()).await?;
        tokio::spawn(echo(heartbeat));

        let mut publisher = bound::<PubSocket>("iopub", &connection.iopub_url()).await?;
        let runtime = Handle::current();
        let iopub = Iopub::start(author.clone(), move |frames| {
            // The PUB socket only queues, so this returns at once.
            if let Ok(message) = ZmqMessage::try_from(frames)
                && let Err(error) = runtime.block_on(publisher.send(message))
            {
                tracing::warn!("publishing: {error}");
            }
        })?;

        let mut routers = Vec::new();
        for (name, address) in [
            ("shell", connection.shell_url()),
            ("control", connection.control_url()),
            ("stdin", connection.stdin_url()),
        ] {
            let (send, half) = bound::<RouterSocket>(name, &address).await?.split();
            let (queue, waiting) = mpsc::channel(REPLIES);
            tokio::spawn(send_replies(name, send, waiting));
            let replies = Replies {
                author: author.clone(),
                queue,
            };
            routers.push((
                Requests {
                    name,
                    signer: signer.clone(),
                    half,
                },
                replies,
            ));
        }
        let [shell, control, stdin] =
            <[_; 3]>::try_from(routers).map_err(|_| std::io::Error::other("three routers"))?;
        Ok(Self {
            iopub,
            shell,
            control,
            stdin,
        })
    }
}

async fn bound<S: Socket>(name: &'static str, address: &str) -> Result<S, SocketError> {
    let mut socket = S::new();
    socket
        .bind(address)
        .await
        .map_err(|error| SocketError::Bind {
            name,
            address: address.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(socket)
}

async fn send_replies(
    name: &'static str,
    mut socket: RouterSendHalf,
    mut waiting: mpsc::Receiver<Vec<Bytes>>,
) {
    while let Some(frames) = waiting.recv().await {
        let Ok(message) = ZmqMessage::try_from(frames) else {
            continue;
        };
        // A client that has gone takes its reply with it, and nothing else.
        if let Err(error) = socket.send(message).await {
            tracing::warn!("a reply on {name} was not delivered: {error}");
        }
    }
}

async fn echo(socket: RouterSocket) {
    let (mut send, mut receive) = socket.split();
    loop {
        match receive.recv().await {
            Ok(message) => {
                let _ = send.send(message).await;
            }
            Err(error) => {
                tracing::warn!("heartbeat: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}
