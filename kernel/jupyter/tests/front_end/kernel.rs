//! A kernel whose cells are a few words of a script, and whose engine shows made-up nodes.

#![allow(dead_code)]

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use jupyter::cells::{
    CellError, Cells, Completions, Display, Inspection, IsComplete, Match, Outlet, Stream,
};
use jupyter::kernel::{self, Links, Parts};
use jupyter::widget_backend::{CommReply, IdlePolicy, WidgetBackend, WidgetState};
use jupyter_protocol::{ConnectionInfo, Transport};
use serde_json::{Map, Value, json};

/// Serves on a connection until it is shut down.
pub async fn serve(connection: ConnectionInfo, idle: IdlePolicy, pictures: Arc<Pictures>) {
    let engine = pictures.clone();
    let parts = Parts {
        backend: pictures,
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
    kernel::run(&connection, parts).await.unwrap();
}

/// A connection on five free ports.
pub fn connection() -> ConnectionInfo {
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

impl WidgetBackend for Pictures {
    fn open(&self, _model: &str, node: u32, watched: bool) -> Result<WidgetState, String> {
        if node == 13 {
            return Err("there is no node 13".into());
        }
        let traits = object(json!({ "protocol": 1, "node": node }));
        Ok(WidgetState {
            traits,
            poster: Bytes::from_static(b"\x89PNG"),
            text: format!("<node {node}>"),
            complete: !watched,
            ..WidgetState::default()
        })
    }

    fn picture(&self, node: u32, state: &Map<String, Value>) -> Result<WidgetState, String> {
        let colormap = state.get("colormap").and_then(Value::as_str);
        Ok(WidgetState {
            poster: Bytes::from_static(b"whole"),
            text: match colormap {
                Some(colormap) => format!("<node {node} in {colormap}>"),
                None => format!("<node {node}, whole>"),
            },
            alt: format!("node {node}"),
            complete: true,
            ..WidgetState::default()
        })
    }

    fn changes_picture(&self, state: &Map<String, Value>) -> bool {
        state.contains_key("colormap")
    }

    fn request(&self, _model: &str, content: Value, _buffers: Vec<Bytes>, reply: CommReply) {
        if content["silent"] == true {
            return;
        }
        std::thread::spawn(move || reply.send(content, vec![Bytes::from_static(&[1, 2, 3])]));
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
