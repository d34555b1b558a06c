//! The control channel: interrupt and shutdown, answered at once whatever a cell does.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::cells::Cells;
use crate::comms::Comms;
use crate::execute::Executor;
use crate::iopub::Iopub;
use crate::requests::{answer, common, unknown};
use crate::sockets::{Replies, Requests};
use crate::stdin::Stdin;
use crate::wire::Incoming;

pub struct Control {
    pub iopub: Iopub,
    pub replies: Replies,
    pub cells: Arc<dyn Cells>,
    pub executor: Arc<Executor>,
    pub comms: Arc<Comms>,
    pub stdin: Arc<Stdin>,
    /// Told once the shutdown reply has been handed over.
    pub shutdown: Arc<Notify>,
}

impl Control {
    pub async fn run(self, mut requests: Requests) {
        loop {
            let message = requests.next().await;
            self.route(&message);
        }
    }

    fn route(&self, message: &Incoming) {
        let parent = &message.parent;
        if let Some(content) = common(&parent.msg_type, &message.content, &self.comms) {
            return answer(&self.iopub, &self.replies, parent, || Ok(content));
        }
        match parent.msg_type.as_str() {
            "interrupt_request" => {
                answer(&self.iopub, &self.replies, parent, || {
                    Ok(json!({ "status": "ok" }))
                });
                self.executor.abort_waiting();
                // The flag first, so that a cell woken from input finds it.
                self.cells.interrupt();
                self.stdin.interrupt();
            }
            "shutdown_request" => {
                let restart = message
                    .content
                    .get("restart")
                    .and_then(Value::as_bool)
                    .unwrap_or(false);
                answer(&self.iopub, &self.replies, parent, || {
                    Ok(json!({ "status": "ok", "restart": restart }))
                });
                self.shutdown.notify_one();
            }
            _ => unknown(&self.iopub, &self.replies, parent),
        }
    }
}
