//! Asking the person for a line: one `input_request` at a time, answered or interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::iopub::Iopub;
use crate::sockets::{Replies, Requests};
use crate::wire::{Outgoing, Parent};

const INTERRUPTED: &str = "interrupted while waiting for input";

enum Answer {
    Line(String),
    Refused(String),
    Interrupted,
}

struct Pending {
    /// Id of our request, which a client may quote in its reply.
    msg_id: String,
    answer: SyncSender<Answer>,
}

pub struct Stdin {
    replies: Replies,
    iopub: Iopub,
    pending: Mutex<Option<Pending>>,
    /// The running cell was interrupted: it gets no answer any more.
    interrupted: AtomicBool,
}

impl Stdin {
    pub fn new(replies: Replies, iopub: Iopub) -> Self {
        Self {
            replies,
            iopub,
            pending: Mutex::new(None),
            interrupted: AtomicBool::new(false),
        }
    }

    /// Another cell begins; interrupts before it are of no concern to it.
    pub fn cell_begins(&self) {
        self.interrupted.store(false, Ordering::SeqCst);
    }

    /// Asks the client that sent `parent`, and waits for its line or an interrupt.
    ///
    /// # Errors
    /// A sentence, if the request was interrupted or refused, or if another one is open.
    pub fn ask(
        &self,
        parent: &Arc<Parent>,
        prompt: &str,
        password: bool,
    ) -> Result<String, String> {
        let (answer, wait) = sync_channel(1);
        let msg_id = self.replies.next_id();
        {
            let mut pending = self.lock();
            if pending.is_some() {
                return Err("another input request is open; ask again when it is answered".into());
            }
            *pending = Some(Pending {
                msg_id: msg_id.clone(),
                answer,
            });
        }
        // An interrupt sets its flag before it looks for an open request, so one of both sees the other.
        if self.interrupted.load(Ordering::SeqCst) {
            self.lock().take();
            return Err(INTERRUPTED.into());
        }
        // What was printed before is on the screen before the prompt appears.
        self.iopub.flush();
        let content = json!({ "prompt": prompt, "password": password });
        self.replies.send_as(
            &msg_id,
            Outgoing::to_client("input_request", parent, content),
        );
        let answer = wait.recv().unwrap_or(Answer::Interrupted);
        self.lock().take();
        match answer {
            Answer::Line(line) => Ok(line),
            Answer::Refused(reason) => Err(reason),
            Answer::Interrupted => Err(INTERRUPTED.into()),
        }
    }

    /// Ends an open request, if there is one, and those the running cell may still make.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        if let Some(pending) = self.lock().as_ref() {
            let _ = pending.answer.try_send(Answer::Interrupted);
        }
    }

    /// Receives the answers.
    pub async fn run(self: Arc<Self>, mut requests: Requests) {
        loop {
            let message = requests.next().await;
            if message.parent.msg_type != "input_reply" {
                tracing::warn!("ignored on stdin: {}", message.parent.msg_type);
                continue;
            }
            let pending = self.lock();
            let Some(pending) = pending.as_ref() else {
                continue;
            };
            // A late answer to an interrupted request names that one; some clients name none.
            if message
                .in_reply_to
                .as_ref()
                .is_some_and(|id| *id != pending.msg_id)
            {
                continue;
            }
            let text = |key: &str| {
                message
                    .content
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let answer = match text("status") {
                "" | "ok" => Answer::Line(text("value").to_owned()),
                _ => Answer::Refused(format!("the front end gave no input: {}", text("evalue"))),
            };
            let _ = pending.answer.try_send(answer);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
