//! The one writer of IOPub. Order of output is order of sends: everything that is published goes
//! through one bounded channel to one thread.
//!
//! Three things happen on the way. Stream text is gathered into batches. Idles of widget messages
//! may be owed and paid when the page pauses, because each busy/idle flip costs the page 12 ms
//! and each small message before a frame costs 40 ms. A flush tells a replier that everything
//! sent before it has left.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use crate::wire::{Author, Outgoing, Parent};

/// Messages that may wait for the writer; beyond it senders wait.
const QUEUE: usize = 256;
/// A batch of stream text leaves when it is this long …
const STREAM_BYTES: usize = 8 * 1024;
/// … or this old.
const STREAM_AGE: Duration = Duration::from_millis(50);
/// Owed idles are paid after this pause …
const OWED_PAUSE: Duration = Duration::from_millis(150);
/// … or when there are this many.
const OWED_LIMIT: usize = 256;

enum Item {
    Message(Outgoing),
    Stream {
        parent: Option<Arc<Parent>>,
        name: &'static str,
        text: String,
    },
    OweIdle(Arc<Parent>),
    PayIdles,
    CellBegins(Arc<Parent>),
    CellEnds,
    Flush(SyncSender<()>),
}

/// The way to publish; cheap to clone, callable from any thread.
#[derive(Clone)]
pub struct Iopub {
    queue: SyncSender<Item>,
}

impl Iopub {
    /// Starts the writer. `send` hands the frames of one message to the socket and must not wait
    /// for subscribers.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        author: Arc<Author>,
        send: impl FnMut(Vec<Bytes>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, items) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("iopub".into())
            .spawn(move || Writer::new(author, send).run(&items))?;
        Ok(Self { queue })
    }

    pub fn publish(&self, message: Outgoing) {
        self.put(Item::Message(message));
    }

    /// `starting`, `busy` or `idle`.
    pub fn status(&self, parent: Option<&Arc<Parent>>, state: &str) {
        self.publish(Outgoing::publish(
            "status",
            parent,
            json!({ "execution_state": state }),
        ));
    }

    /// Text for stdout or stderr, batched with its neighbours.
    pub fn stream(&self, parent: Option<&Arc<Parent>>, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.put(Item::Stream {
                parent: parent.cloned(),
                name,
                text: text.to_owned(),
            });
        }
    }

    /// Publishes idle for `parent` later, when the page pauses.
    pub fn owe_idle(&self, parent: &Arc<Parent>) {
        self.put(Item::OweIdle(parent.clone()));
    }

    pub fn pay_idles(&self) {
        self.put(Item::PayIdles);
    }

    /// Busy for a cell. While it runs, owed idles are held back.
    pub fn cell_begins(&self, parent: &Arc<Parent>) {
        self.put(Item::CellBegins(parent.clone()));
    }

    /// Idle for the running cell, then what is owed.
    pub fn cell_ends(&self) {
        self.put(Item::CellEnds);
    }

    /// Returns when everything sent before has been handed to the socket.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.put(Item::Flush(done));
        let _ = wait.recv_timeout(Duration::from_secs(2));
    }

    fn put(&self, item: Item) {
        if self.queue.send(item).is_err() {
            tracing::error!("the IOPub writer has ended; a message is lost");
        }
    }
}

struct Batch {
    parent: Option<Arc<Parent>>,
    name: &'static str,
    text: String,
    since: Instant,
}

struct Writer<Send> {
    author: Arc<Author>,
    send: Send,
    batch: Option<Batch>,
    owed: VecDeque<Arc<Parent>>,
    pay_at: Option<Instant>,
    running: Option<Arc<Parent>>,
}

impl<Send: FnMut(Vec<Bytes>)> Writer<Send> {
    fn new(author: Arc<Author>, send: Send) -> Self {
        Self {
            author,
            send,
            batch: None,
            owed: VecDeque::new(),
            pay_at: None,
            running: None,
        }
    }

    fn run(mut self, items: &Receiver<Item>) {
        loop {
            let item = match self.next_deadline() {
                None => items.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => items.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match item {
                Ok(item) => self.handle(item),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.act_on_deadlines();
        }
        self.flush_batch();
        self.pay(false);
    }

    fn next_deadline(&self) -> Option<Instant> {
        let batch = self.batch.as_ref().map(|batch| batch.since + STREAM_AGE);
        [batch, self.pay_at].into_iter().flatten().min()
    }

    fn act_on_deadlines(&mut self) {
        let now = Instant::now();
        if self
            .batch
            .as_ref()
            .is_some_and(|batch| now >= batch.since + STREAM_AGE)
        {
            self.flush_batch();
        }
        if self.pay_at.is_some_and(|at| now >= at) {
            self.pay_at = None;
            if self.running.is_none() {
                self.pay(false);
            }
        }
    }

    fn handle(&mut self, item: Item) {
        match item {
            Item::Message(message) => self.message(message),
            Item::Stream { parent, name, text } => self.stream(parent, name, &text),
            Item::OweIdle(parent) => {
                self.owed.push_back(parent);
                self.pay_at = Some(Instant::now() + OWED_PAUSE);
                if self.owed.len() >= OWED_LIMIT {
                    self.pay(true);
                }
            }
            Item::PayIdles => self.pay(true),
            Item::CellBegins(parent) => {
                self.status(&parent, "busy");
                self.running = Some(parent);
            }
            Item::CellEnds => {
                self.flush_batch();
                if let Some(parent) = self.running.take() {
                    self.status(&parent, "idle");
                }
                if self.pay_at.is_none() {
                    self.pay(false);
                }
            }
            Item::Flush(done) => {
                self.flush_batch();
                let _ = done.try_send(());
            }
        }
    }

    fn message(&mut self, message: Outgoing) {
        // Text printed before a message of the same request is seen before it.
        let id = |parent: &Option<Arc<Parent>>| parent.as_ref().map(|parent| parent.msg_id.clone());
        if self
            .batch
            .as_ref()
            .is_some_and(|batch| id(&batch.parent) == id(&message.parent))
        {
            self.flush_batch();
        }
        (self.send)(self.author.encode(message));
    }

    fn stream(&mut self, parent: Option<Arc<Parent>>, name: &'static str, text: &str) {
        let same = self.batch.as_ref().is_some_and(|batch| {
            batch.name == name
                && match (&batch.parent, &parent) {
                    (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                    (None, None) => true,
                    _ => false,
                }
        });
        if !same {
            self.flush_batch();
        }
        let batch = self.batch.get_or_insert_with(|| Batch {
            parent,
            name,
            text: String::new(),
            since: Instant::now(),
        });
        batch.text.push_str(text);
        if batch.text.len() >= STREAM_BYTES {
            self.flush_batch();
        }
    }

    fn flush_batch(&mut self) {
        if let Some(Batch {
            parent, name, text, ..
        }) = self.batch.take()
        {
            let message = Outgoing::publish(
                "stream",
                parent.as_ref(),
                json!({ "name": name, "text": text }),
            );
            (self.send)(self.author.encode(message));
        }
    }

    /// Publishes the owed idles. If a cell is running, the front end is told at once that the
    /// kernel is still busy.
    fn pay(&mut self, even_while_running: bool) {
        self.pay_at = None;
        if self.owed.is_empty() || (self.running.is_some() && !even_while_running) {
            return;
        }
        for parent in std::mem::take(&mut self.owed) {
            self.status(&parent, "idle");
        }
        if let Some(running) = self.running.clone() {
            self.status(&running, "busy");
        }
    }

    fn status(&mut self, parent: &Arc<Parent>, state: &str) {
        self.message(Outgoing::publish(
            "status",
            Some(parent),
            json!({ "execution_state": state }),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Signer, decode};
    use std::sync::Mutex;

    fn parent(msg_id: &str) -> Arc<Parent> {
        Arc::new(Parent {
            header: Bytes::from(format!("{{\"msg_id\":\"{msg_id}\",\"msg_type\":\"t\"}}")),
            msg_id: msg_id.to_owned(),
            msg_type: "t".into(),
            identities: Vec::new(),
            metadata: serde_json::Map::new(),
        })
    }

    type Seen = Arc<Mutex<Vec<String>>>;

    /// A writer whose messages become words like `a:stream:text` or `a:idle`.
    fn recorded() -> (Iopub, Seen) {
        let seen = Seen::default();
        let record = seen.clone();
        let author = Arc::new(Author::new(Signer::new("")));
        let iopub = Iopub::start(author, move |frames| {
            let message = decode(&Signer::new(""), frames).unwrap();
            let text = ["text", "execution_state", "name"]
                .iter()
                .find_map(|key| message.content.get(*key))
                .unwrap();
            let text = text.as_str().unwrap();
            record.lock().unwrap().push(format!(
                "{}:{}",
                message.in_reply_to.unwrap_or_default(),
                text
            ));
        })
        .unwrap();
        (iopub, seen)
    }

    fn words(seen: &Seen) -> Vec<String> {
        seen.lock().unwrap().clone()
    }

    #[test]
    fn lines_are_gathered_and_leave_before_idle() {
        let (iopub, seen) = recorded();
        let cell = parent("a");
        iopub.cell_begins(&cell);
        for _ in 0..1000 {
            iopub.stream(Some(&cell), "stdout", "line\n");
        }
        iopub.cell_ends();
        iopub.flush();
        let seen = words(&seen);
        assert!(seen.len() <= 4, "{} messages", seen.len());
        assert_eq!(
            seen.iter()
                .map(|word| word.matches("line").count())
                .sum::<usize>(),
            1000
        );
        assert_eq!(seen.last().unwrap(), "a:idle");
    }

    #[test]
    fn a_change_of_stream_or_a_message_of_the_same_cell_ends_a_batch() {
        let (iopub, seen) = recorded();
        let (cell, other) = (parent("a"), parent("b"));
        iopub.stream(Some(&cell), "stdout", "1");
        iopub.status(Some(&other), "busy");
        iopub.stream(Some(&cell), "stdout", "2");
        iopub.stream(Some(&cell), "stderr", "3");
        iopub.status(Some(&cell), "busy");
        iopub.flush();
        assert_eq!(words(&seen), ["b:busy", "a:12", "a:3", "a:busy"]);
    }

    #[test]
    fn a_batch_leaves_by_age() {
        let (iopub, seen) = recorded();
        iopub.stream(None, "stdout", "late");
        std::thread::sleep(STREAM_AGE * 3);
        assert_eq!(words(&seen), [":late"]);
    }

    #[test]
    fn owed_idles_are_paid_after_a_pause() {
        let (iopub, seen) = recorded();
        iopub.owe_idle(&parent("a"));
        iopub.owe_idle(&parent("b"));
        iopub.flush();
        assert!(words(&seen).is_empty());
        std::thread::sleep(OWED_PAUSE * 2);
        assert_eq!(words(&seen), ["a:idle", "b:idle"]);
    }

    #[test]
    fn a_running_cell_holds_owed_idles_back_until_there_are_too_many() {
        let (iopub, seen) = recorded();
        let cell = parent("cell");
        iopub.cell_begins(&cell);
        iopub.owe_idle(&parent("a"));
        std::thread::sleep(OWED_PAUSE * 2);
        assert_eq!(words(&seen), ["cell:busy"]);
        for _ in 1..OWED_LIMIT {
            iopub.owe_idle(&parent("b"));
        }
        iopub.flush();
        assert_eq!(words(&seen).len(), 1 + OWED_LIMIT + 1);
        assert_eq!(words(&seen).last().unwrap(), "cell:busy");
        iopub.cell_ends();
        iopub.flush();
        assert_eq!(words(&seen).last().unwrap(), "cell:idle");
    }
}
