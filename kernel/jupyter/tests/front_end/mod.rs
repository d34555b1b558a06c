//! A front end with verbs, and a kernel beside it whose cells are a few words of a script.

#![allow(dead_code)]

pub mod client;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Client, PATIENCE};
use jupyter::cells::{
    CellError, Cells, Completions, Display, Inspection, IsComplete, Match, Outlet, Stream,
};
use jupyter::figures::{Answer, Figure, Figures, IdlePolicy};
use jupyter::kernel::{self, Links, Parts};
use jupyter::wire::{Author, Outgoing, Signer, decode};
use jupyter_protocol::{ConnectionInfo, Transport};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

/// Evaluates lines of a made-up language: `print text`, `value text`, `error name`, `panic`,
/// `sleep ms`, `wait` (for an interrupt), `input prompt`, `show node`, `lines n`, `display id`,
/// `update id`, `clear`.
struct Script {
    outlet: Arc<dyn Outlet>,
    interrupted: AtomicBool,
}

impl Cells for Script {
    fn evaluate(&self, code: &str) -> Result<(), CellError> {
        self.interrupted.store(false, Ordering::SeqCst);
        for line in code.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let error = |name: &str, value: &str| CellError {
                name: name.into(),
                value: value.into(),
                traceback: vec![format!("{name}: {value}")],
            };
            let text = |text: &str| Display {
                bundle: object(json!({ "text/plain": text })),
                ..Display::default()
            };
            match word {
                "print" => self.outlet.stream(Stream::Stdout, &format!("{rest}\n")),
                "warn" => self.outlet.stream(Stream::Stderr, &format!("{rest}\n")),
                "value" => self.outlet.result(text(rest)),
                "error" => return Err(error(rest, "as asked")),
                "panic" => panic!("the script panics"),
                "sleep" => std::thread::sleep(Duration::from_millis(rest.parse().unwrap())),
                "wait" => {
                    while !self.interrupted.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    return Err(error("Interrupted", "the cell was interrupted"));
                }
                "input" => {
                    let line = self
                        .outlet
                        .read_line(rest, false)
                        .map_err(|reason| error("Input", &reason))?;
                    self.outlet.stream(Stream::Stdout, &format!("got {line}\n"));
                }
                "show" => self.outlet.show(rest.parse().unwrap()),
                "lines" => (0..rest.parse().unwrap())
                    .for_each(|i: u32| self.outlet.stream(Stream::Stdout, &format!("line {i}\n"))),
                "display" | "update" => {
                    self.outlet.display(Display {
                        display_id: Some(rest.into()),
                        update: word == "update",
                        ..text(word)
                    });
                }
                "clear" => self.outlet.clear_output(true),
                _ => return Err(error("Unknown", word)),
            }
        }
        Ok(())
    }

    fn expression(&self, code: &str) -> Result<Display, CellError> {
        match code.split_once(' ') {
            Some(("value", text)) => Ok(Display {
                bundle: object(json!({ "text/plain": text })),
                ..Display::default()
            }),
            _ => Err(CellError {
                name: "Unknown".into(),
                value: code.into(),
                traceback: vec![code.into()],
            }),
        }
    }

    fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        let item = Match {
            text: "print".into(),
            kind: "keyword".into(),
            signature: String::new(),
        };
        Completions {
            start: cursor - code.chars().take(cursor).count(),
            end: cursor,
            matches: vec![item],
        }
    }

    fn inspect(&self, code: &str, _cursor: usize) -> Option<Inspection> {
        (code == "print").then(|| Inspection {
            plain: "prints".into(),
            markdown: Some("*prints*".into()),
            html: None,
        })
    }

    fn is_complete(&self, code: &str) -> IsComplete {
        if code.ends_with('{') {
            IsComplete::Incomplete {
                indent: "    ".into(),
            }
        } else {
            IsComplete::Complete
        }
    }
}

/// An engine that shows any node but 13, and answers a request with its own content.
#[derive(Default)]
pub struct Pictures {
    pub closed: Mutex<Vec<String>>,
    /// What cells begin, close and end, in this order.
    pub cells: Mutex<Vec<String>>,
    pub updates: Mutex<Vec<Map<String, Value>>>,
    pub shown: Mutex<Vec<(String, Vec<u32>)>>,
    pub links: OnceLock<Links>,
}

impl Figures for Pictures {
    fn open(&self, _model: &str, node: u32, watched: bool) -> Result<Figure, String> {
        if node == 13 {
            return Err("there is no node 13".into());
        }
        let state = object(json!({ "protocol": 1, "node": node }));
        Ok(Figure {
            state,
            poster: Bytes::from_static(b"\x89PNG"),
            text: format!("<node {node}>"),
            complete: !watched,
            ..Figure::default()
        })
    }

    fn picture(&self, node: u32, state: &Map<String, Value>) -> Result<Figure, String> {
        let colormap = state.get("colormap").and_then(Value::as_str);
        Ok(Figure {
            poster: Bytes::from_static(b"whole"),
            text: match colormap {
                Some(colormap) => format!("<node {node} in {colormap}>"),
                None => format!("<node {node}, whole>"),
            },
            alt: format!("node {node}"),
            complete: true,
            ..Figure::default()
        })
    }

    fn changes_picture(&self, state: &Map<String, Value>) -> bool {
        state.contains_key("colormap")
    }

    fn request(&self, _model: &str, content: Value, _buffers: Vec<Bytes>, answer: Answer) {
        if content["silent"] == true {
            return;
        }
        std::thread::spawn(move || answer.send(content, vec![Bytes::from_static(&[1, 2, 3])]));
    }

    fn update(&self, _model: &str, state: &Map<String, Value>) {
        self.updates.lock().unwrap().push(state.clone());
    }

    fn shows(&self, model: &str, nodes: Vec<u32>) {
        self.shown.lock().unwrap().push((model.to_owned(), nodes));
    }

    fn close(&self, model: &str) {
        self.closed.lock().unwrap().push(model.to_owned());
        self.cells.lock().unwrap().push(format!("closes {model}"));
    }

    fn cell_begins(&self) {
        self.cells.lock().unwrap().push("begins".into());
    }

    fn cell_ended(&self, cell: &str, failed: bool) {
        let how = if failed { "failed" } else { "ended" };
        self.cells.lock().unwrap().push(format!("{cell} {how}"));
    }
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

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
        let connection = connection();
        let pictures = Arc::new(Pictures::default());
        let engine = pictures.clone();
        let parts = Parts {
            figures: pictures.clone(),
            idle,
            with_echo: true,
            history: None,
            cells: Box::new(move |links| {
                let cells = Script {
                    outlet: links.outlet(),
                    interrupted: AtomicBool::new(false),
                };
                engine.links.set(links).ok();
                Arc::new(cells)
            }),
        };
        let served = connection.clone();
        let kernel = runtime.spawn(async move { kernel::run(&served, parts).await.unwrap() });
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
        let start = frames
            .iter()
            .position(|frame| &frame[..] == b"<IDS|MSG>")
            .unwrap();
        let json = |i: usize| serde_json::from_slice(&frames[start + i]).unwrap();
        let (header, metadata) = (json(2), json(4));
        let message = decode(&self.signer, frames).expect("the kernel signs its messages");
        Message {
            kind: message.parent.msg_type.clone(),
            parent: message.in_reply_to,
            content: message.content.into(),
            metadata,
            header,
            buffers: message.buffers,
        }
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

/// A connection on five free ports.
fn connection() -> ConnectionInfo {
    let listeners: Vec<_> = (0..5)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let port = |i: usize| listeners[i].local_addr().unwrap().port();
    ConnectionInfo {
        ip: "127.0.0.1".into(),
        transport: Transport::TCP,
        shell_port: port(0),
        iopub_port: port(1),
        stdin_port: port(2),
        control_port: port(3),
        hb_port: port(4),
        key: "a key for the tests".into(),
        signature_scheme: "hmac-sha256".into(),
        kernel_name: None,
    }
}
