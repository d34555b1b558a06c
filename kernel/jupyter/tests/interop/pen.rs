//! Jupyter's messages through sockets of the `zeromq` crate.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use jupyter::wire::{Author, Outgoing, Signer};
use jupyter_protocol::ConnectionInfo;
use serde_json::Value;
use tokio::time::timeout;
use zeromq::{SocketRecv, SocketSend, SubSocket, ZmqMessage};

use crate::front_end::Message;
use crate::front_end::client::PATIENCE;

/// Where the kernel binds a port, in ZeroMQ's words.
pub fn place(connection: &ConnectionInfo, port: u16) -> String {
    format!("tcp://{}:{port}", connection.ip)
}

pub async fn within<T>(patience: Duration, what: impl Future<Output = T>) -> Option<T> {
    timeout(patience, what).await.ok()
}

/// Writes and reads Jupyter's messages.
pub struct Pen {
    author: Author,
    pub signer: Signer,
}

impl Pen {
    pub fn new(connection: &ConnectionInfo) -> Self {
        let signer = Signer::new(&connection.key);
        Self {
            author: Author::new(signer.clone()),
            signer,
        }
    }

    /// The identifier of a request, and its frames.
    pub fn write(&self, kind: &str, content: Value, buffers: Vec<Bytes>) -> (String, Vec<Bytes>) {
        let message = Outgoing::publish(kind, None, content).with_buffers(buffers);
        let id = self.author.next_id();
        let mut frames = self.author.encode_as(&id, message);
        // A client sends no topic.
        frames.remove(0);
        (id, frames)
    }

    pub async fn say(&self, socket: &mut impl SocketSend, kind: &str, content: Value) -> String {
        self.say_with(socket, kind, content, Vec::new()).await
    }

    pub async fn say_with(
        &self,
        socket: &mut impl SocketSend,
        kind: &str,
        content: Value,
        buffers: Vec<Bytes>,
    ) -> String {
        let (id, frames) = self.write(kind, content, buffers);
        let message = ZmqMessage::try_from(frames).unwrap();
        socket.send(message).await.unwrap();
        id
    }

    pub async fn hear(&self, socket: &mut impl SocketRecv) -> Message {
        let message = within(PATIENCE, socket.recv()).await.expect("an answer");
        Message::read(&self.signer, message.unwrap().into_vec())
    }

    /// Everything published for a request, up to its idle.
    pub async fn output_of(&self, id: &str, iopub: &mut SubSocket) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.hear(iopub).await;
            if message.parent.as_deref() == Some(id) {
                let end = message.word() == "idle";
                messages.push(message);
                if end {
                    return messages;
                }
            }
        }
    }
}
