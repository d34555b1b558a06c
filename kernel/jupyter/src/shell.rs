//! The shell: decides who answers, and never waits for a cell.

use std::sync::{Arc, Mutex, PoisonError};

use jupyter_protocol::{ExecuteRequest, HistoryRequest, IsCompleteRequest};
use serde_json::{Value, json};

use crate::analyse::Analyser;
use crate::cells::{Cells, IsComplete};
use crate::comms::Comms;
use crate::execute::{Executor, help_wanted};
use crate::history::History;
use crate::iopub::Iopub;
use crate::requests::{answer, common, parse, unknown};
use crate::sockets::{Replies, Requests};
use crate::wire::Incoming;

pub struct Shell {
    pub iopub: Iopub,
    pub replies: Replies,
    pub cells: Arc<dyn Cells>,
    pub executor: Arc<Executor>,
    pub analyser: Analyser,
    pub comms: Arc<Comms>,
    pub history: Arc<Mutex<History>>,
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
            "history_request" => answer(&self.iopub, &self.replies, &parent, || {
                self.history(message)
            }),
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

    fn history(&self, message: Incoming) -> Result<Value, String> {
        let defaults = json!({
            "hist_access_type": "tail", "output": false, "raw": true, "unique": false,
            "session": 0, "start": 0, "stop": i32::MAX, "n": i32::MAX, "pattern": "*",
        });
        let request: HistoryRequest = parse(&message.parent.msg_type, message.content, defaults)?;
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |n: i32| usize::try_from(n).unwrap_or(0);
        let rows = match request {
            HistoryRequest::Tail { n, output, .. } => history.tail(count(n), output),
            HistoryRequest::Range {
                session,
                start,
                stop,
                output,
                ..
            } => history.range(
                session.unwrap_or(0).into(),
                start.into(),
                stop.into(),
                output,
            ),
            HistoryRequest::Search {
                pattern,
                unique,
                output,
                n,
                ..
            } => history.search(&pattern, count(n), unique, output),
        };
        Ok(json!({ "status": "ok", "history": rows }))
    }
}
