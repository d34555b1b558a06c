//! Completion and inspection, on a thread of their own: they may wait for the compiler, and the
//! newest completion is the only one a person still looks at.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use jupyter_protocol::{CompleteRequest, InspectRequest};
use serde_json::{Value, json};

use crate::cells::{Cells, Inspection};
use crate::iopub::Iopub;
use crate::requests::{answer, parse};
use crate::sockets::Replies;
use crate::wire::Incoming;

/// Requests that may wait; beyond it the shell waits.
const QUEUE: usize = 1024;

pub struct Analyser {
    queue: SyncSender<Incoming>,
}

impl Analyser {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(cells: Arc<dyn Cells>, iopub: Iopub, replies: Replies) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("analyser".into())
            .stack_size(16 << 20)
            .spawn(move || {
                serve(&*cells, &iopub, &replies, &requests);
            })?;
        Ok(Self { queue })
    }

    pub fn submit(&self, message: Incoming) {
        if self.queue.send(message).is_err() {
            tracing::error!("the analyser thread has ended; a request is lost");
        }
    }
}

fn serve(cells: &dyn Cells, iopub: &Iopub, replies: &Replies, requests: &Receiver<Incoming>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Ok(message) = requests.recv() else { return };
            waiting.push_back(message);
        }
        waiting.extend(requests.try_iter());
        let Some(message) = waiting.pop_front() else {
            continue;
        };
        let parent = message.parent.clone();
        // A person who types on has no use for the names of a moment ago.
        let superseded = parent.msg_type == "complete_request"
            && waiting.iter().any(|later| {
                later.parent.msg_type == parent.msg_type
                    && later.parent.identities == parent.identities
            });
        answer(iopub, replies, &parent, || {
            match (parent.msg_type.as_str(), superseded) {
                ("complete_request", true) => Ok(nothing_fits(&message)),
                ("complete_request", false) => complete(cells, message),
                _ => inspect(cells, message),
            }
        });
    }
}

fn nothing_fits(message: &Incoming) -> Value {
    let cursor = message
        .content
        .get("cursor_pos")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    json!({ "status": "ok", "matches": [], "cursor_start": cursor, "cursor_end": cursor, "metadata": {} })
}

/// The cursor's place when a client does not say: the end.
fn cursor_default(message: &Incoming) -> Value {
    let code = message
        .content
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    json!({ "cursor_pos": code.chars().count(), "detail_level": 0 })
}

fn complete(cells: &dyn Cells, message: Incoming) -> Result<Value, String> {
    let defaults = cursor_default(&message);
    let request: CompleteRequest = parse(&message.parent.msg_type, message.content, defaults)?;
    let found = cells.complete(
        &request.code,
        request.cursor_pos.min(request.code.chars().count()),
    );
    let types: Vec<Value> = found
        .matches
        .iter()
        .map(|item| json!({ "text": item.text, "type": item.kind, "signature": item.signature, "start": found.start, "end": found.end }))
        .collect();
    let matches: Vec<&str> = found
        .matches
        .iter()
        .map(|item| item.text.as_str())
        .collect();
    Ok(json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": found.start,
        "cursor_end": found.end,
        "metadata": { "_jupyter_types_experimental": types },
    }))
}

fn inspect(cells: &dyn Cells, message: Incoming) -> Result<Value, String> {
    let defaults = cursor_default(&message);
    let request: InspectRequest = parse(&message.parent.msg_type, message.content, defaults)?;
    let found = cells.inspect(
        &request.code,
        request.cursor_pos.min(request.code.chars().count()),
    );
    Ok(match found {
        Some(found) => json!({
            "status": "ok",
            "found": true,
            "data": documentation(&found),
            "metadata": {},
        }),
        None => json!({ "status": "ok", "found": false, "data": {}, "metadata": {} }),
    })
}

/// The MIME bundle of a documentation.
pub fn documentation(found: &Inspection) -> Value {
    let mut data = json!({ "text/plain": found.plain });
    let richer = [
        ("text/markdown", &found.markdown),
        ("text/html", &found.html),
    ];
    for (mime, text) in richer {
        if let Some(text) = text {
            data[mime] = text.as_str().into();
        }
    }
    data
}
