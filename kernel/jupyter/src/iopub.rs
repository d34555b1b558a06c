//! The one writer of IOPub. Order of output is order of sends: whoever publishes holds the writer
//! until its message is with the socket, which never waits for a subscriber. So a message costs no
//! change of thread, and what a thread has published has left when the call returns.
//!
//! Two things happen on the way. Stream text is gathered into batches. Idles of widget messages
//! may be owed and paid when the page pauses, because each busy/idle flip costs the page 12 ms
//! and each small message before a frame costs 40 ms.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;

use crate::wire::{Author, Outgoing, Parent};
use crate::zmtp::{Importance, Publisher};

/// A batch of stream text leaves when it is this long …
const STREAM_BYTES: usize = 8 * 1024;
/// … or this old.
const STREAM_AGE: Duration = Duration::from_millis(50);
/// Owed idles are paid after this pause of the page's requests …
const OWED_PAUSE: Duration = Duration::from_millis(150);
/// … so many at once, since each keeps the page busy for about a millisecond …
const OWED_PORTION: usize = 32;
/// … with this much time between for what a person does …
const OWED_REST: Duration = Duration::from_millis(40);
/// … and without a pause only beyond so many, each of which is a little memory of the page. A drag of a minute owes
/// less.
const OWED_LIMIT: usize = 4096;
/// How long paced output waits for a subscriber that has much to read and reads nothing …
const PATIENCE: Duration = Duration::from_secs(1);
/// … and how long pictures do, which may be dropped.
const PATIENCE_WITH_PICTURES: Duration = Duration::from_millis(100);
/// Between two looks at the subscribers.
const PACE: Duration = Duration::from_micros(500);

/// Where messages go.
pub trait Port: Send + Sync + 'static {
    /// Never waits for subscribers.
    fn send(&self, frames: &[Bytes], importance: Importance);
    /// Whether a sender that can wait should.
    fn is_crowded(&self, patience: Duration) -> bool;
}

impl Port for Publisher {
    fn send(&self, frames: &[Bytes], importance: Importance) {
        self.publish(frames, importance);
    }

    fn is_crowded(&self, patience: Duration) -> bool {
        Self::is_crowded(self, patience)
    }
}

/// The way to publish; cheap to clone, callable from any thread.
#[derive(Clone)]
pub struct Iopub {
    shared: Arc<Shared>,
    /// Ends the thread that watches the clock.
    _life: Arc<Life>,
}

struct Shared {
    port: Arc<dyn Port>,
    writer: Mutex<Writer>,
    /// An earlier deadline than before.
    alarm: Condvar,
}

struct Life(Arc<Shared>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.with(|writer| writer.ended = true);
        self.0.alarm.notify_one();
    }
}

impl Iopub {
    /// Starts the thread that sends batches and owed idles when their time has come.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(author: Arc<Author>, port: Arc<dyn Port>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            port: port.clone(),
            writer: Mutex::new(Writer::new(author, port)),
            alarm: Condvar::new(),
        });
        let clock = shared.clone();
        std::thread::Builder::new()
            .name("iopub".into())
            .spawn(move || clock.watch())?;
        Ok(Self {
            _life: Arc::new(Life(shared.clone())),
            shared,
        })
    }

    /// Publishes, and never waits.
    pub fn publish(&self, message: Outgoing) {
        self.shared.with(|writer| writer.message(message));
    }

    /// Publishes after waiting for subscribers that read, but slower than is written: for output
    /// that can grow faster than any client reads.
    pub fn publish_paced(&self, message: Outgoing) {
        self.wait_for_readers(if importance(&message) == Importance::Picture {
            PATIENCE_WITH_PICTURES
        } else {
            PATIENCE
        });
        self.publish(message);
    }

    /// `starting`, `busy` or `idle`.
    pub fn status(&self, parent: Option<&Arc<Parent>>, state: &str) {
        self.publish(Outgoing::publish(
            "status",
            parent,
            json!({ "execution_state": state }),
        ));
    }

    /// Text for stdout or stderr, batched with its neighbours; paced as [`Iopub::publish_paced`].
    pub fn stream(&self, parent: Option<&Arc<Parent>>, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.wait_for_readers(PATIENCE);
            self.shared.with(|writer| writer.stream(parent, name, text));
        }
    }

    /// Publishes idle for `parent` later, when the page pauses.
    pub fn owe_idle(&self, parent: &Arc<Parent>) {
        self.shared.with(|writer| writer.owe(parent));
    }

    pub fn pay_idles(&self) {
        self.shared.with(|writer| writer.pay(true, usize::MAX));
    }

    /// Busy for a cell. While it runs, owed idles are held back.
    pub fn cell_begins(&self, parent: &Arc<Parent>) {
        self.shared.with(|writer| {
            writer.status(parent, "busy");
            writer.running = Some(parent.clone());
        });
    }

    /// Idle for the running cell, then what is owed.
    pub fn cell_ends(&self) {
        self.shared.with(Writer::cell_ends);
    }

    /// Sends text that waits for its batch.
    pub fn flush(&self) {
        self.shared.with(Writer::flush_batch);
    }

    fn wait_for_readers(&self, patience: Duration) {
        while self.shared.port.is_crowded(patience) {
            std::thread::sleep(PACE);
        }
    }
}

impl Shared {
    fn with(&self, act: impl FnOnce(&mut Writer)) {
        let mut writer = self.lock();
        let before = writer.next_deadline();
        act(&mut writer);
        let after = writer.next_deadline();
        drop(writer);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.alarm.notify_one();
        }
    }

    fn watch(&self) {
        let mut writer = self.lock();
        while !writer.ended {
            writer = match writer.next_deadline() {
                None => self
                    .alarm
                    .wait(writer)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    let (writer, _) = self
                        .alarm
                        .wait_timeout(writer, left)
                        .unwrap_or_else(PoisonError::into_inner);
                    writer
                }
            };
            writer.act_on_deadlines();
        }
        writer.flush_batch();
        writer.pay(false, usize::MAX);
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Batch {
    parent: Option<Arc<Parent>>,
    name: &'static str,
    text: String,
    since: Instant,
}

struct Writer {
    author: Arc<Author>,
    port: Arc<dyn Port>,
    batch: Option<Batch>,
    owed: VecDeque<Arc<Parent>>,
    pay_at: Option<Instant>,
    running: Option<Arc<Parent>>,
    ended: bool,
}

impl Writer {
    fn new(author: Arc<Author>, port: Arc<dyn Port>) -> Self {
        Self {
            author,
            port,
            batch: None,
            owed: VecDeque::new(),
            pay_at: None,
            running: None,
            ended: false,
        }
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
                self.pay(false, OWED_PORTION);
                self.pay_at = (!self.owed.is_empty()).then(|| now + OWED_REST);
            }
        }
    }

    fn owe(&mut self, parent: &Arc<Parent>) {
        self.owed.push_back(parent.clone());
        if self.owed.len() > OWED_LIMIT {
            self.pay(true, OWED_PORTION);
        }
        self.pay_at = Some(Instant::now() + OWED_PAUSE);
    }

    fn cell_ends(&mut self) {
        self.flush_batch();
        if let Some(parent) = self.running.take() {
            self.status(&parent, "idle");
        }
        if !self.owed.is_empty() {
            // What was due while the cell ran; requests that go on put it off again.
            self.pay_at.get_or_insert_with(Instant::now);
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
        self.send(message);
    }

    fn send(&self, message: Outgoing) {
        let importance = importance(&message);
        self.port.send(&self.author.encode(message), importance);
    }

    fn stream(&mut self, parent: Option<&Arc<Parent>>, name: &'static str, text: &str) {
        let same = self.batch.as_ref().is_some_and(|batch| {
            batch.name == name
                && match (&batch.parent, parent) {
                    (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                    (None, None) => true,
                    _ => false,
                }
        });
        if !same {
            self.flush_batch();
        }
        let batch = self.batch.get_or_insert_with(|| Batch {
            parent: parent.cloned(),
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
            self.send(Outgoing::publish(
                "stream",
                parent.as_ref(),
                json!({ "name": name, "text": text }),
            ));
        }
    }

    /// Publishes the oldest owed idles. If a cell is running, the front end is told at once that the
    /// kernel is still busy.
    fn pay(&mut self, even_while_running: bool, most: usize) {
        if self.owed.is_empty() || (self.running.is_some() && !even_while_running) {
            return;
        }
        let portion = self.owed.len().min(most);
        for parent in self.owed.drain(..portion).collect::<Vec<_>>() {
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

/// What a subscriber that does not read loses first.
fn importance(message: &Outgoing) -> Importance {
    match message.msg_type.as_str() {
        "comm_msg" if !message.buffers.is_empty() => Importance::Picture,
        "comm_msg" | "stream" | "update_display_data" => Importance::Update,
        _ => Importance::Essential,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Signer, decode};
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    /// Messages become words like `a:text` or `a:idle`.
    struct Recorder(Seen, AtomicUsize);

    impl Port for Recorder {
        fn send(&self, frames: &[Bytes], _importance: Importance) {
            let message = decode(&Signer::new(""), frames.to_vec()).unwrap();
            let text = ["text", "execution_state", "name"]
                .iter()
                .find_map(|key| message.content.get(*key))
                .unwrap();
            let text = text.as_str().unwrap();
            self.0.lock().unwrap().push(format!(
                "{}:{}",
                message.in_reply_to.unwrap_or_default(),
                text
            ));
        }

        fn is_crowded(&self, _patience: Duration) -> bool {
            let ask = |left: usize| left.checked_sub(1);
            self.1
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, ask)
                .is_ok()
        }
    }

    fn recorded() -> (Iopub, Seen) {
        let seen = Seen::default();
        let author = Arc::new(Author::new(Signer::new("")));
        let port = Recorder(seen.clone(), AtomicUsize::new(0));
        let iopub = Iopub::start(author, Arc::new(port)).unwrap();
        (iopub, seen)
    }

    #[test]
    fn output_waits_for_slow_readers_and_nothing_else_does() {
        let seen = Seen::default();
        let author = Arc::new(Author::new(Signer::new("")));
        let port = Arc::new(Recorder(seen.clone(), AtomicUsize::new(20)));
        let iopub = Iopub::start(author, port.clone()).unwrap();
        iopub.status(None, "busy");
        assert_eq!(port.1.load(Ordering::SeqCst), 20);
        iopub.stream(None, "stdout", "text");
        assert_eq!(port.1.load(Ordering::SeqCst), 0);
        port.1.store(3, Ordering::SeqCst);
        let content = json!({ "name": "x" });
        iopub.publish_paced(Outgoing::publish("display_data", None, content));
        assert_eq!(port.1.load(Ordering::SeqCst), 0);
        assert_eq!(words(&seen), [":busy", ":text", ":x"]);
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
        for _ in 0..OWED_LIMIT {
            iopub.owe_idle(&parent("b"));
        }
        iopub.flush();
        assert_eq!(words(&seen).len(), 1 + OWED_PORTION + 1);
        assert_eq!(words(&seen).last().unwrap(), "cell:busy");
        iopub.cell_ends();
        assert_eq!(words(&seen)[1 + OWED_PORTION + 1], "cell:idle");
        drop(iopub);
        let all = 1 + OWED_LIMIT + 1 + 1 + 1;
        wait_for(|| words(&seen).len() == all);
    }

    fn wait_for(condition: impl Fn() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// When each message was sent.
    struct Clock(Arc<Mutex<Vec<Instant>>>);

    impl Port for Clock {
        fn send(&self, _frames: &[Bytes], _importance: Importance) {
            self.0.lock().unwrap().push(Instant::now());
        }

        fn is_crowded(&self, _patience: Duration) -> bool {
            false
        }
    }

    #[test]
    fn many_owed_idles_are_paid_in_portions_that_leave_the_page_time() {
        let times = Arc::<Mutex<Vec<Instant>>>::default();
        let author = Arc::new(Author::new(Signer::new("")));
        let iopub = Iopub::start(author, Arc::new(Clock(times.clone()))).unwrap();
        let count = 3 * OWED_PORTION + 1;
        (0..count).for_each(|_| iopub.owe_idle(&parent("a")));
        wait_for(|| times.lock().unwrap().len() == count);
        let times = times.lock().unwrap();
        let portions = times.chunk_by(|one, next| *next - *one < OWED_REST / 2);
        for portion in portions {
            assert!(portion.len() <= OWED_PORTION, "{} at once", portion.len());
        }
    }
}
