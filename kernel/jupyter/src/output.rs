//! Where the output of cells goes: an [`Outlet`] that knows which request is being answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::cells::{Display, Outlet, Stream};
use crate::comms::Comms;
use crate::iopub::Iopub;
use crate::stdin::Stdin;
use crate::wire::{Outgoing, Parent};

/// The cell whose output arrives. It stays after its end, because a thread that a cell left behind
/// may still print and has no better owner.
#[derive(Clone, Default)]
pub struct Scope {
    pub parent: Option<Arc<Parent>>,
    pub execution_count: u32,
    pub silent: bool,
    pub allow_stdin: bool,
    /// Plain text of the result, for the history.
    pub result: Option<String>,
    /// The outputs so far go when the next one comes.
    pub clears: bool,
    pub running: bool,
}

pub struct CellOutput {
    iopub: Iopub,
    stdin: Arc<Stdin>,
    comms: Arc<Comms>,
    scope: Mutex<Scope>,
}

impl CellOutput {
    pub fn new(iopub: Iopub, stdin: Arc<Stdin>, comms: Arc<Comms>) -> Self {
        Self {
            iopub,
            stdin,
            comms,
            scope: Mutex::default(),
        }
    }

    pub fn begin(&self, scope: Scope) {
        self.stdin.cell_begins();
        *self.lock() = Scope {
            running: true,
            ..scope
        };
    }

    /// Ends the cell and returns the plain text of its result.
    pub fn end(&self) -> Option<String> {
        let mut scope = self.lock();
        scope.running = false;
        scope.result.take()
    }

    /// The request that output belongs to now.
    pub fn parent(&self) -> Option<Arc<Parent>> {
        self.lock().parent.clone()
    }

    pub fn is_running(&self) -> bool {
        self.lock().running
    }

    /// An output is about to be published: those that wait to be replaced by it are gone.
    fn before_output(&self) {
        let mut scope = self.lock();
        let cleared = std::mem::take(&mut scope.clears);
        let parent = scope.parent.clone().filter(|_| cleared);
        drop(scope);
        if let Some(parent) = parent {
            self.comms.outputs_cleared(&parent);
        }
    }

    fn publish(&self, msg_type: &str, content: Value) {
        self.iopub
            .publish_paced(Outgoing::publish(msg_type, self.parent().as_ref(), content));
    }

    fn lock(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for CellOutput {
    fn stream(&self, stream: Stream, text: &str) {
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        self.before_output();
        self.iopub.stream(self.parent().as_ref(), name, text);
    }

    fn display(&self, display: Display) {
        let transient = display
            .display_id
            .map_or_else(|| json!({}), |id| json!({ "display_id": id }));
        let kind = if display.update {
            "update_display_data"
        } else {
            self.before_output();
            "display_data"
        };
        self.publish(
            kind,
            json!({ "data": display.bundle, "metadata": display.metadata, "transient": transient }),
        );
    }

    fn result(&self, display: Display) {
        let count = {
            let mut scope = self.lock();
            if scope.silent {
                return;
            }
            scope.result = display
                .bundle
                .get("text/plain")
                .and_then(Value::as_str)
                .map(str::to_owned);
            scope.execution_count
        };
        self.before_output();
        self.publish(
            "execute_result",
            json!({ "execution_count": count, "data": display.bundle, "metadata": display.metadata }),
        );
    }

    fn show(&self, node: u32) {
        let scope = self.lock().clone();
        if scope.silent {
            return;
        }
        self.before_output();
        // A front end that offers no input is a program: what the output shows first is all it keeps.
        match self
            .comms
            .open_widget(scope.parent.as_ref(), node, scope.allow_stdin)
        {
            Ok(content) => self.publish("display_data", content),
            // The cell itself succeeded, so the reason appears in place of the picture.
            Err(reason) => {
                let text = format!("This signal cannot be shown: {reason}");
                self.publish(
                    "display_data",
                    json!({ "data": { "text/plain": text }, "metadata": {}, "transient": {} }),
                );
            }
        }
    }

    fn clear_output(&self, wait: bool) {
        self.lock().clears = true;
        if !wait {
            self.before_output();
        }
        self.publish("clear_output", json!({ "wait": wait }));
    }

    fn read_line(&self, prompt: &str, password: bool) -> Result<String, String> {
        let scope = self.lock().clone();
        let Some(parent) = scope.parent.filter(|_| scope.allow_stdin) else {
            return Err("this front end does not offer input; run the cell where a person can answer, or set the value in the cell".into());
        };
        self.stdin.ask(&parent, prompt, password)
    }
}
