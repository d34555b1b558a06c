//! Completion and inspection, on a thread of their own: they may wait for the compiler, and the
//! newest completion is the only one a person still looks at.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use jupyter_protocol::{CompleteRequest, InspectRequest};
use serde_json::{Value, json};

use crate::cells::{Cells, Inspection, Match};
use crate::iopub::Iopub;
use crate::requests::{answer, parse};
use crate::sockets::Replies;
use crate::wire::Incoming;

/// Requests that may wait, and the bytes of their code; what comes beyond gets an empty answer.
const MAX_WAITING: usize = 256;
const MAX_WAITING_BYTES: usize = 8 << 20;
/// Longer code is no cell that a person edits; nobody waits for a parser to go through it.
pub const MAX_CODE: usize = 256 << 10;

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Incoming>,
    bytes: usize,
}

pub struct Analyser {
    iopub: Iopub,
    replies: Replies,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Analyser {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        cells: Arc<dyn Cells>,
        iopub: Iopub,
        replies: Replies,
    ) -> std::io::Result<Arc<Self>> {
        let analyser = Arc::new(Self {
            iopub,
            replies,
            waiting: Mutex::default(),
            arrived: Condvar::new(),
        });
        let thread = analyser.clone();
        std::thread::Builder::new()
            .name("analyser".into())
            .stack_size(16 << 20)
            .spawn(move || thread.serve(&*cells))?;
        Ok(analyser)
    }

    /// Queues a request. A completion that still waits for the same client is answered at once with
    /// nothing: a person who types on has no use for the names of a moment ago.
    pub fn submit(&self, message: Incoming) {
        let bytes = code(&message).len();
        let mut waiting = self.waiting();
        let full =
            waiting.messages.len() >= MAX_WAITING || waiting.bytes + bytes > MAX_WAITING_BYTES;
        if full || bytes > MAX_CODE {
            drop(waiting);
            return self.answer_nothing(&message);
        }
        let superseded = if message.parent.msg_type == "complete_request" {
            let same = |earlier: &Incoming| {
                earlier.parent.msg_type == message.parent.msg_type
                    && earlier.parent.identities == message.parent.identities
            };
            let at = waiting.messages.iter().position(same);
            at.and_then(|at| waiting.messages.remove(at))
        } else {
            None
        };
        if let Some(earlier) = &superseded {
            waiting.bytes -= code(earlier).len();
        }
        waiting.bytes += bytes;
        waiting.messages.push_back(message);
        drop(waiting);
        self.arrived.notify_one();
        if let Some(earlier) = superseded {
            self.answer_nothing(&earlier);
        }
    }

    fn answer_nothing(&self, message: &Incoming) {
        answer(&self.iopub, &self.replies, &message.parent, || {
            Ok(match message.parent.msg_type.as_str() {
                "complete_request" => nothing_fits(message),
                _ => nothing_is_known(),
            })
        });
    }

    fn serve(&self, cells: &dyn Cells) {
        loop {
            let message = {
                let mut waiting = self.waiting();
                loop {
                    match waiting.messages.pop_front() {
                        Some(message) => {
                            waiting.bytes -= code(&message).len();
                            break message;
                        }
                        None => {
                            waiting = self
                                .arrived
                                .wait(waiting)
                                .unwrap_or_else(PoisonError::into_inner);
                        }
                    }
                }
            };
            let parent = message.parent.clone();
            answer(&self.iopub, &self.replies, &parent, || {
                match parent.msg_type.as_str() {
                    "complete_request" => complete(cells, message),
                    _ => inspect(cells, message),
                }
            });
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn code(message: &Incoming) -> &str {
    let code = message.content.get("code").and_then(Value::as_str);
    code.unwrap_or_default()
}

fn nothing_is_known() -> Value {
    json!({ "status": "ok", "found": false, "data": {}, "metadata": {} })
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
    json!({ "cursor_pos": code(message).chars().count(), "detail_level": 0 })
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
        .map(|item| json!({ "text": inserted(&item.text, &found.matches), "type": item.kind, "signature": item.signature, "start": found.start, "end": found.end }))
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

/// What JupyterLab puts in, by which it sorts, `_` before `(`: without its parenthesis `find_peaks` comes before
/// `find_peaks_with`.
fn inserted<'a>(text: &'a str, all: &[Match]) -> &'a str {
    let goes_on = |name: &str| {
        let longer = |other: &Match| {
            (other.text.strip_prefix(name)).is_some_and(|rest| rest.starts_with('_'))
        };
        all.iter().any(longer)
    };
    (text.strip_suffix('(').filter(|name| goes_on(name))).unwrap_or(text)
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
        None => nothing_is_known(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// JupyterLab sorts by what it puts in, as `localeCompare` does: `_` comes before `(`.
    #[test]
    fn a_name_comes_before_those_that_go_on_from_it() {
        let all = [
            "find_peaks(",
            "find_peaks_with(",
            "undo()",
            "frame(",
            "frames_of(",
        ]
        .map(|text| Match {
            text: text.into(),
            kind: String::new(),
            signature: String::new(),
        });
        let texts: Vec<&str> = all
            .iter()
            .map(|found| inserted(&found.text, &all))
            .collect();
        assert_eq!(
            texts,
            [
                "find_peaks",
                "find_peaks_with(",
                "undo()",
                "frame(",
                "frames_of("
            ]
        );
    }
}
