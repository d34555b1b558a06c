//! A front end with verbs, and a kernel beside it whose cells are a few words of a script.

#![allow(dead_code)]

pub mod client;
pub mod kernel;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Client, PATIENCE};
use jupyter::widget_backend::IdlePolicy;
use jupyter::wire::{Author, Outgoing, Signer, decode};
use jupyter_protocol::ConnectionInfo;
use kernel::Pictures;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A received message.
#[derive(Debug)]
pub struct Message {
    pub kind: String,
    pub parent: Option<String>,
    pub content: Value,
    pub metadata: Value,
    pub header: Value,
    pub buffers: Vec<Bytes>,
}

impl Message {
    /// Of frames as they come from the kernel.
    pub fn read(signer: &Signer, frames: Vec<Bytes>) -> Self {
        let start = frames
            .iter()
            .position(|frame| &frame[..] == b"<IDS|MSG>")
            .unwrap();
        let json = |i: usize| serde_json::from_slice(&frames[start + i]).unwrap();
        let (header, metadata) = (json(2), json(4));
        let message = decode(signer, frames).expect("the kernel signs its messages");
        Self {
            kind: message.parent.msg_type.clone(),
            parent: message.in_reply_to,
            content: message.content.into(),
            metadata,
            header,
            buffers: message.buffers,
        }
    }

    /// One word for the order of messages: `stream`, `busy`, `idle`, …
    pub fn word(&self) -> String {
        self.content["execution_state"]
            .as_str()
            .map_or_else(|| self.kind.clone(), str::to_owned)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Shell,
    Control,
    Stdin,
}

pub struct FrontEnd {
    runtime: Runtime,
    author: Author,
    signer: Signer,
    dealers: [Client; 3],
    iopub: Client,
    pub connection: ConnectionInfo,
    pub pictures: Arc<Pictures>,
    pub kernel: Option<tokio::task::JoinHandle<()>>,
}

impl FrontEnd {
    /// A kernel and a client that is connected on every channel.
    pub fn start(idle: IdlePolicy) -> Self {
        let runtime = Runtime::new().unwrap();
        let connection = kernel::connection();
        let pictures = Arc::new(Pictures::default());
        let kernel = runtime.spawn(kernel::serve(connection.clone(), idle, pictures.clone()));
        let (dealers, iopub) = connect(&connection);
        let signer = Signer::new(&connection.key);
        let author = Author::new(signer.clone());
        let mut front_end = Self {
            runtime,
            author,
            signer,
            dealers,
            iopub,
            connection,
            pictures,
            kernel: Some(kernel),
        };
        front_end.nudge();
        front_end
    }

    /// Asks until IOPub is heard, as front ends do.
    fn nudge(&mut self) {
        loop {
            self.send(Channel::Shell, "kernel_info_request", json!({}));
            self.reply(Channel::Shell);
            if self.published_within(Duration::from_millis(200)).is_some() {
                break;
            }
        }
        while self.published_within(Duration::from_millis(100)).is_some() {}
    }

    pub fn send(&mut self, channel: Channel, kind: &str, content: Value) -> String {
        self.send_with(channel, kind, content, json!({}), Vec::new())
    }

    pub fn send_with(
        &mut self,
        channel: Channel,
        kind: &str,
        content: Value,
        metadata: Value,
        buffers: Vec<Bytes>,
    ) -> String {
        let message = Outgoing::publish(kind, None, content)
            .with_metadata(metadata)
            .with_buffers(buffers);
        let id = self.author.next_id();
        let frames = self.author.encode_as(&id, message);
        // A client sends no topic.
        self.send_frames(channel, frames[1..].to_vec());
        id
    }

    pub fn send_frames(&mut self, channel: Channel, frames: Vec<Bytes>) {
        self.dealers[channel as usize].send(&frames).unwrap();
    }

    pub fn execute(&mut self, code: &str) -> String {
        self.send(
            Channel::Shell,
            "execute_request",
            json!({ "code": code, "allow_stdin": true }),
        )
    }

    /// As JupyterLab does it: with the id of the cell.
    pub fn execute_in(&mut self, cell: &str, code: &str) -> String {
        let content = json!({ "code": code });
        self.send_with(
            Channel::Shell,
            "execute_request",
            content,
            json!({ "cellId": cell }),
            Vec::new(),
        )
    }

    pub fn reply(&mut self, channel: Channel) -> Message {
        self.reply_within(channel, PATIENCE)
            .unwrap_or_else(|| panic!("no message on {channel:?}"))
    }

    pub fn reply_within(&mut self, channel: Channel, patience: Duration) -> Option<Message> {
        let frames = self.dealers[channel as usize].receive(patience)?;
        Some(self.read(frames))
    }

    pub fn published(&mut self) -> Message {
        self.published_within(PATIENCE)
            .expect("no message on iopub")
    }

    pub fn published_within(&mut self, patience: Duration) -> Option<Message> {
        let frames = self.iopub.receive(patience)?;
        Some(self.read(frames))
    }

    /// Everything published for a request, up to its idle.
    pub fn output_of(&mut self, id: &str) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.published();
            if message.parent.as_deref() == Some(id) {
                let end = message.word() == "idle";
                messages.push(message);
                if end {
                    return messages;
                }
            }
        }
    }

    /// Runs a cell and returns the words of its output and its reply.
    pub fn run(&mut self, code: &str) -> (Vec<String>, Message) {
        let id = self.execute(code);
        let words = self.output_of(&id).iter().map(Message::word).collect();
        (words, self.reply(Channel::Shell))
    }

    pub fn read(&self, frames: Vec<Bytes>) -> Message {
        Message::read(&self.signer, frames)
    }

    /// Waits for the end of the kernel's task.
    pub fn join(&mut self) {
        let kernel = self.kernel.take().unwrap();
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, kernel).await })
            .expect("the kernel ends")
            .unwrap();
    }

    pub fn heartbeat(&mut self, bytes: &'static [u8]) -> Bytes {
        let mut client = Client::connect(self.connection.hb_port, "REQ", b"").unwrap();
        client
            .send(&[Bytes::new(), Bytes::from_static(bytes)])
            .unwrap();
        client.receive(PATIENCE).unwrap().remove(1)
    }
}

/// Connects on every channel, as soon as the kernel has bound them.
fn connect(connection: &ConnectionInfo) -> ([Client; 3], Client) {
    let client = |port: u16, kind: &str| {
        let end = Instant::now() + PATIENCE;
        loop {
            // One identity on all channels, as clients have it: input requests find their asker by it.
            match Client::connect(port, kind, b"front-end") {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let dealers = [
        client(connection.shell_port, "DEALER"),
        client(connection.control_port, "DEALER"),
        client(connection.stdin_port, "DEALER"),
    ];
    let mut iopub = client(connection.iopub_port, "SUB");
    iopub.subscribe(b"", true).unwrap();
    (dealers, iopub)
}
