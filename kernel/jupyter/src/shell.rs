//! The shell: decides who answers, and never waits for a cell.

use std::sync::Arc;

use jupyter_protocol::{ExecuteRequest, IsCompleteRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::analyse::{Analyser, MAX_CODE};
use crate::cells::{Cells, IsComplete};
use crate::comms::Comms;
use crate::execute::{Executor, help_wanted};
use crate::history::{History, Question};
use crate::iopub::Iopub;
use crate::requests::{answer, common, parse, unknown};
use crate::sockets::{Replies, Requests};
use crate::wire::Incoming;

pub struct Shell {
    pub iopub: Iopub,
    pub replies: Replies,
    pub cells: Arc<dyn Cells>,
    pub executor: Arc<Executor>,
    pub analyser: Arc<Analyser>,
    pub comms: Arc<Comms>,
    pub history: Arc<History>,
}

impl Shell {
    pub async fn run(self, mut requests: Requests) {
        loop {
            let message = requests.next().await;
            self.route(message);
        }
    }

    fn route(&self, message: Incoming) {
        let (parent, msg_type) = (message.parent.clone(), message.parent.msg_type.clone());
        if let Some(content) = common(&msg_type, &message.content, &self.comms) {
            return answer(&self.iopub, &self.replies, &parent, || Ok(content));
        }
        match msg_type.as_str() {
            "comm_open" | "comm_msg" | "comm_close" => self.comms.submit(message),
            "execute_request" => self.execute(message),
            "complete_request" | "inspect_request" => self.analyser.submit(message),
            "is_complete_request" => answer(&self.iopub, &self.replies, &parent, || {
                self.is_complete(message)
            }),
            "history_request" => self.history(message),
            _ => unknown(&self.iopub, &self.replies, &parent),
        }
    }

    fn execute(&self, message: Incoming) {
        let defaults = json!({
            "silent": false, "store_history": true, "user_expressions": {}, "allow_stdin": true, "stop_on_error": true,
        });
        match parse::<ExecuteRequest>(&message.parent.msg_type, message.content, defaults) {
            Ok(request) => self.executor.submit(message.parent, request),
            Err(reason) => answer(&self.iopub, &self.replies, &message.parent, || Err(reason)),
        }
    }

    fn is_complete(&self, message: Incoming) -> Result<Value, String> {
        let request: IsCompleteRequest =
            parse(&message.parent.msg_type, message.content, json!({}))?;
        if request.code.len() > MAX_CODE {
            return Ok(json!({ "status": "unknown" }));
        }
        if help_wanted(&request.code).is_some() {
            return Ok(json!({ "status": "complete" }));
        }
        Ok(match self.cells.is_complete(&request.code) {
            IsComplete::Complete => json!({ "status": "complete" }),
            IsComplete::Incomplete { indent } => {
                json!({ "status": "incomplete", "indent": indent })
            }
            IsComplete::Invalid => json!({ "status": "invalid" }),
            IsComplete::Unknown => json!({ "status": "unknown" }),
        })
    }

    /// On another thread, because the inputs of earlier kernels are read from the disk.
    fn history(&self, message: Incoming) {
        let (iopub, replies) = (self.iopub.clone(), self.replies.clone());
        let history = self.history.clone();
        tokio::task::spawn_blocking(move || {
            let parent = message.parent.clone();
            answer(&iopub, &replies, &parent, || {
                let (question, with_output) = history_question(message)?;
                let rows = history.ask(&question, with_output);
                Ok(json!({ "status": "ok", "history": rows }))
            });
        });
    }
}

#[derive(Deserialize)]
struct HistoryRequest {
    hist_access_type: String,
    output: bool,
    session: i64,
    start: i64,
    stop: Option<i64>,
    n: Option<i64>,
    pattern: String,
    unique: bool,
}

/// The question, and whether results are wanted beside the inputs.
fn history_question(message: Incoming) -> Result<(Question, bool), String> {
    let defaults = json!({
        "hist_access_type": "tail", "output": false, "session": 0, "start": 1, "pattern": "*", "unique": false,
    });
    let msg_type = message.parent.msg_type.clone();
    let request: HistoryRequest = parse(&msg_type, message.content, defaults)?;
    let question = match request.hist_access_type.as_str() {
        "tail" => Question::Tail { n: request.n },
        "range" => Question::Range {
            session: request.session,
            start: request.start,
            stop: request.stop,
        },
        "search" => Question::Search {
            pattern: request.pattern,
            n: request.n,
            unique: request.unique,
        },
        other => {
            return Err(format!(
                "the content of {msg_type} does not fit: hist_access_type is tail, range or search, not {other:?}"
            ));
        }
    };
    Ok((question, request.output))
}
