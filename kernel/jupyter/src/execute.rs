//! Cells in order: a queue, one thread that evaluates, counts and answers.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::SystemTime;

use jupyter_protocol::ExecuteRequest;
use serde_json::{Map, Value, json};

use crate::analyse::documentation;
use crate::cells::{CellError, Cells, Inspection, Outlet, Stream};
use crate::comms::Comms;
use crate::history::History;
use crate::iopub::Iopub;
use crate::output::{CellOutput, Scope};
use crate::sockets::Replies;
use crate::wire::{Outgoing, Parent, iso_8601};

/// Stack of the thread that drives the evaluator; a deep parse must fit.
const STACK_BYTES: usize = 16 << 20;
/// Cells that may wait, and their bytes together; what comes beyond is refused.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_BYTES: usize = 64 << 20;

struct Job {
    parent: Arc<Parent>,
    request: ExecuteRequest,
}

impl Job {
    fn bytes(&self) -> usize {
        let asked = self.request.user_expressions.iter().flatten();
        let asked: usize = asked.map(|(name, code)| name.len() + code.len()).sum();
        self.request.code.len() + asked
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
}

impl Queue {
    fn pop(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.bytes -= job.bytes();
        Some(job)
    }

    fn take(&mut self) -> VecDeque<Job> {
        self.bytes = 0;
        std::mem::take(&mut self.jobs)
    }
}

pub struct Executor {
    cells: Arc<dyn Cells>,
    output: Arc<CellOutput>,
    comms: Arc<Comms>,
    iopub: Iopub,
    replies: Replies,
    history: Arc<History>,
    queue: Mutex<Queue>,
    waiting: Condvar,
}

impl Executor {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        cells: Arc<dyn Cells>,
        output: Arc<CellOutput>,
        comms: Arc<Comms>,
        iopub: Iopub,
        replies: Replies,
        history: Arc<History>,
    ) -> std::io::Result<Arc<Self>> {
        let executor = Arc::new(Self {
            cells,
            output,
            comms,
            iopub,
            replies,
            history,
            queue: Mutex::default(),
            waiting: Condvar::new(),
        });
        let thread = executor.clone();
        std::thread::Builder::new()
            .name("executor".into())
            .stack_size(STACK_BYTES)
            .spawn(move || thread.run())?;
        Ok(executor)
    }

    pub fn submit(&self, parent: Arc<Parent>, request: ExecuteRequest) {
        let job = Job { parent, request };
        let mut queue = self.lock();
        let (count, bytes) = (queue.jobs.len(), queue.bytes + job.bytes());
        if count >= MAX_WAITING || (count > 0 && bytes > MAX_WAITING_BYTES) {
            drop(queue);
            return self.refuse(&job.parent, count);
        }
        queue.bytes = bytes;
        queue.jobs.push_back(job);
        drop(queue);
        self.waiting.notify_one();
    }

    fn refuse(&self, parent: &Arc<Parent>, waiting: usize) {
        let reason = format!(
            "{waiting} cells wait already, {MAX_WAITING} or {} MB may; wait until some have run, or interrupt the kernel",
            MAX_WAITING_BYTES >> 20
        );
        let mut content = json!({ "ename": "QueueFull", "evalue": reason, "traceback": [format!("QueueFull: {reason}")] });
        self.iopub.status(Some(parent), "busy");
        self.iopub
            .publish(Outgoing::publish("error", Some(parent), content.clone()));
        content["status"] = "error".into();
        self.replies.send(Outgoing::reply(parent, content));
        self.iopub.status(Some(parent), "idle");
    }

    /// Answers every cell that waits with status `aborted`.
    pub fn abort_waiting(&self) {
        let waiting = self.lock().take();
        self.abort(waiting);
    }

    fn abort(&self, jobs: VecDeque<Job>) {
        for job in jobs {
            self.iopub.status(Some(&job.parent), "busy");
            self.replies
                .send(Outgoing::reply(&job.parent, json!({ "status": "aborted" })));
            self.iopub.status(Some(&job.parent), "idle");
        }
    }

    fn run(&self) {
        let mut count = 0;
        loop {
            let job = {
                let mut queue = self.lock();
                loop {
                    match queue.pop() {
                        Some(job) => break job,
                        None => {
                            queue = self
                                .waiting
                                .wait(queue)
                                .unwrap_or_else(PoisonError::into_inner)
                        }
                    }
                }
            };
            self.execute(&job, &mut count);
        }
    }

    fn execute(&self, job: &Job, count: &mut u32) {
        let Job { parent, request } = job;
        let code = request.code.as_str();
        self.iopub.cell_begins(parent);
        let counted = !request.silent && request.store_history && !code.trim().is_empty();
        if counted {
            *count += 1;
            self.history.add(*count, code);
        }
        let started = iso_8601(SystemTime::now());
        // From here on an interrupt concerns this cell; a client may send one as soon as it sees the input.
        self.output.begin(Scope {
            parent: Some(parent.clone()),
            execution_count: *count,
            silent: request.silent,
            allow_stdin: request.allow_stdin,
            ..Scope::default()
        });
        if !request.silent {
            let content = json!({ "code": code, "execution_count": *count });
            self.iopub
                .publish(Outgoing::publish("execute_input", Some(parent), content));
        }
        if request.allow_stdin {
            self.comms.page_seen();
        }
        self.comms.cell_begins(parent, code);
        let outcome = self.evaluate(code).map(|payload| Done {
            payload,
            user_expressions: self.user_expressions(request.user_expressions.as_ref()),
        });
        self.comms.cell_ended(parent, outcome.is_err());
        if let Some(text) = self.output.end().filter(|_| counted) {
            self.history.set_output(*count, text);
        }
        let stop = outcome.is_err() && request.stop_on_error;
        let content = self.reply(parent, *count, outcome);
        self.iopub.flush();
        // Only what waited before the client could know of the error is aborted.
        let waiting = if stop {
            self.lock().take()
        } else {
            VecDeque::new()
        };
        // Front ends show from it how long a cell took.
        let metadata = json!({ "started": started, "status": content["status"] });
        self.replies
            .send(Outgoing::reply(parent, content).with_metadata(metadata));
        self.iopub.cell_ends();
        self.abort(waiting);
    }

    /// The payloads of a cell that succeeded, or its error. A bug below ends in an error too.
    fn evaluate(&self, code: &str) -> Result<Vec<Value>, CellError> {
        catch_unwind(AssertUnwindSafe(|| {
            if code.trim().is_empty() {
                return Ok(Vec::new());
            }
            if let Some(name) = help_wanted(code) {
                // `name?` may be Rust's own question mark on a variable.
                let asked = code.trim_start().starts_with('?');
                match self.cells.help(name) {
                    Ok(_) if !asked && self.cells.may_fail(name) => {}
                    Ok(found) => return Ok(vec![page(&found)]),
                    Err(_) if !asked => {}
                    Err(reason) => {
                        self.output.stream(Stream::Stderr, &format!("{reason}\n"));
                        return Ok(Vec::new());
                    }
                }
            }
            if let Some(name) = leaving(code).filter(|name| !self.cells.is_variable(name)) {
                let text = format!(
                    "`{name}` ends a console. In a notebook the kernel is shut down from the menu Kernel; it goes on until then.\n"
                );
                self.output.stream(Stream::Stdout, &text);
                return Ok(vec![json!({ "source": "ask_exit", "keepkernel": false })]);
            }
            self.cells.evaluate(code).map(|()| Vec::new())
        }))
        .unwrap_or_else(|panic| Err(kernel_error(&*panic)))
    }

    /// Publishes an error, and makes the content of the reply.
    fn reply(&self, parent: &Arc<Parent>, count: u32, outcome: Result<Done, CellError>) -> Value {
        match outcome {
            Ok(done) => json!({
                "status": "ok",
                "execution_count": count,
                "user_expressions": done.user_expressions,
                "payload": done.payload,
            }),
            Err(error) => {
                let content = json!({ "ename": error.name, "evalue": error.value, "traceback": error.traceback });
                self.iopub
                    .publish(Outgoing::publish("error", Some(parent), content.clone()));
                let mut reply = json!({ "status": "error", "execution_count": count, "user_expressions": {}, "payload": [] });
                if let (Value::Object(reply), Value::Object(error)) = (&mut reply, content) {
                    reply.extend(error);
                }
                reply
            }
        }
    }

    /// Each expression gets its value or its error. They are part of the cell: an interrupt ends them too.
    fn user_expressions(&self, asked: Option<&HashMap<String, String>>) -> Map<String, Value> {
        let answer = |code: &String| {
            let value = catch_unwind(AssertUnwindSafe(|| self.cells.expression(code)));
            match value.unwrap_or_else(|panic| Err(kernel_error(&*panic))) {
                Ok(value) => {
                    json!({ "status": "ok", "data": value.bundle, "metadata": value.metadata })
                }
                Err(error) => {
                    json!({ "status": "error", "ename": error.name, "evalue": error.value, "traceback": error.traceback })
                }
            }
        };
        asked
            .into_iter()
            .flatten()
            .map(|(name, code)| (name.clone(), answer(code)))
            .collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a cell that succeeded leaves for its reply.
struct Done {
    payload: Vec<Value>,
    user_expressions: Map<String, Value>,
}

fn kernel_error(panic: &(dyn std::any::Any + Send)) -> CellError {
    let value = panic_text(panic);
    CellError {
        name: "KernelError".into(),
        traceback: vec![
            format!("KernelError: {value}"),
            "This is a bug of the kernel; the tree and the views are kept.".into(),
        ],
        value,
    }
}

/// The payload that opens the pager of the front end.
fn page(found: &Inspection) -> Value {
    json!({
        "source": "page",
        "start": 0,
        "data": documentation(found),
    })
}

/// The name in a cell that is only `?name` or `name?`. A `?` after a call is Rust's own; in front of a line nothing
/// of Rust begins with it, so that titles and commands may follow: `?Mean pattern`, `?:dep`.
pub fn help_wanted(code: &str) -> Option<&str> {
    let code = code.trim();
    if let Some(rest) = code.strip_prefix('?') {
        let name = rest.trim_start_matches('?').trim_matches(['?', ' ']);
        let is_line = !name.is_empty() && !name.contains('\n');
        return is_line.then_some(name);
    }
    let name = code.strip_suffix('?')?.trim_end_matches('?').trim();
    let is_path = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'));
    (is_path && name.starts_with(|c: char| c.is_alphabetic() || c == '_')).then_some(name)
}

/// The word of a cell that is only a wish to leave: `exit`, `quit()`, `:quit`.
fn leaving(code: &str) -> Option<&str> {
    let word = code.trim().trim_end_matches(';').trim_end_matches("()");
    matches!(word, "exit" | "quit" | ":quit").then_some(word)
}

/// The message of a panic.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_asked_for_names_only() {
        assert_eq!(help_wanted("?open"), Some("open"));
        assert_eq!(help_wanted(" open? "), Some("open"));
        assert_eq!(help_wanted("Signal::save??"), Some("Signal::save"));
        assert_eq!(help_wanted("?Mean pattern"), Some("Mean pattern"));
        assert_eq!(help_wanted("?? :dep"), Some(":dep"));
        assert_eq!(help_wanted("?println!"), Some("println!"));
        assert_eq!(help_wanted("open(\"x\")?"), None);
        assert_eq!(help_wanted("let a = f()?"), None);
        assert_eq!(help_wanted("?"), None);
        assert_eq!(help_wanted("a + b?"), None);
        assert_eq!(help_wanted("?a\nb"), None);
    }

    #[test]
    fn only_a_cell_of_that_word_leaves() {
        assert_eq!(leaving(" exit() "), Some("exit"));
        assert_eq!(leaving("quit;"), Some("quit"));
        assert_eq!(leaving(":quit"), Some(":quit"));
        assert_eq!(leaving("exit(3)"), None);
        assert_eq!(leaving("let exit = 1;"), None);
        assert_eq!(leaving("std::process::exit(3)"), None);
    }
}
