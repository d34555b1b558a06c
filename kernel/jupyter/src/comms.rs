//! The registry of comms and the thread that serves them, also while a cell runs.
//!
//! Entries outlive pages, tabs and clients: a page that loads again finds its models by id. Order
//! is kept because one thread takes the messages in the order they arrived; the work behind a
//! request is the engine's and is answered from its threads.

mod detached;
mod pictures;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use detached::Reloads;
use pictures::Pictures;

use crate::iopub::Iopub;
use crate::widget::{CONTROL_TARGET, Model, Opening, TARGET, comm_msg};
use crate::widget_backend::{CommReply, IdlePolicy, WidgetBackend};
use crate::wire::{Incoming, Outgoing, Parent};

/// Messages that may wait for the thread; beyond it the shell waits.
const QUEUE: usize = 4096;
/// Models kept; beyond it the oldest is closed.
const MODELS: usize = 64;
/// Target that answers with what it gets, for measurements.
const ECHO_TARGET: &str = "kbench.echo";

enum Comm {
    Widget(Box<Model>),
    /// A model of an earlier kernel that pages still show.
    Detached(Box<Model>),
    Control,
    Echo,
}

impl Comm {
    fn target(&self) -> &'static str {
        match self {
            Self::Widget(_) | Self::Detached(_) => TARGET,
            Self::Control => CONTROL_TARGET,
            Self::Echo => ECHO_TARGET,
        }
    }
}

/// What a thread of the comms does.
type Serve = Box<dyn FnOnce(&Weak<Comms>) + Send>;

#[derive(Default)]
struct Registry {
    comms: BTreeMap<String, Comm>,
    /// Models in the order they were opened.
    order: Vec<String>,
    /// The running cell, when it has no name: its request, and what tells it.
    nameless: Option<(String, u64)>,
}

pub struct Comms {
    iopub: Iopub,
    backend: Arc<dyn WidgetBackend>,
    policy: IdlePolicy,
    with_echo: bool,
    inbox: SyncSender<Incoming>,
    pictures: Arc<Pictures>,
    reloads: Reloads,
    /// Whether a front end is there that shows widgets: it has asked for them, or somebody types in it.
    pages: AtomicBool,
    registry: Mutex<Registry>,
}

impl Comms {
    /// Starts the threads.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn start(
        iopub: Iopub,
        backend: Arc<dyn WidgetBackend>,
        policy: IdlePolicy,
        with_echo: bool,
    ) -> std::io::Result<Arc<Self>> {
        let (inbox, messages) = sync_channel(QUEUE);
        let pictures = Arc::<Pictures>::default();
        let (reloads, reload_queue) = Reloads::new();
        let comms = Arc::new(Self {
            iopub,
            backend,
            policy,
            with_echo,
            inbox,
            pictures: pictures.clone(),
            reloads,
            pages: AtomicBool::new(false),
            registry: Mutex::default(),
        });
        let start = |name: &str, serve: Serve| {
            let comms = Arc::downgrade(&comms);
            std::thread::Builder::new()
                .name(name.into())
                .spawn(move || serve(&comms))
        };
        start("comms", Box::new(move |comms| serve(comms, &messages)))?;
        start(
            "pictures",
            Box::new(move |comms| pictures::serve(comms, &pictures)),
        )?;
        start("reloads", Box::new(|comms| reload_queue.serve(comms)))?;
        Ok(comms)
    }

    /// Hands a `comm_open`, `comm_msg` or `comm_close` to the thread.
    pub fn submit(&self, message: Incoming) {
        if self.inbox.send(message).is_err() {
            tracing::error!("the comms thread has ended; a message is lost");
        }
    }

    /// `{id: {"target_name": ..}}` of all comms, or of those of one target.
    pub fn list(&self, target: Option<&str>) -> Value {
        if target == Some(TARGET) {
            self.pages.store(true, Ordering::Relaxed);
        }
        let registry = self.lock();
        let entries = registry
            .comms
            .iter()
            .filter(|(_, comm)| target.is_none_or(|target| comm.target() == target));
        entries
            .map(|(id, comm)| (id.clone(), json!({ "target_name": comm.target() })))
            .collect::<Map<_, _>>()
            .into()
    }

    /// A cell is about to run: what its last run had opened is closed, and what deleted cells held. JupyterLab
    /// closes neither.
    ///
    /// A front end that does not name its cells runs the same text again from the same cell, or shows pictures only:
    /// what no page has ever asked for is closed.
    pub fn cell_begins(&self, parent: &Arc<Parent>, code: &str) {
        self.backend.cell_begins();
        let nameless = cell_id(parent).is_none().then(|| {
            let mut hasher = DefaultHasher::new();
            (&parent.identities, code).hash(&mut hasher);
            hasher.finish()
        });
        let deleted = parent
            .metadata
            .get("deletedCells")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let cells: Vec<&str> = deleted
            .filter_map(Value::as_str)
            .chain(cell_id(parent))
            .collect();
        let named = |model: &Model| {
            model
                .cell
                .as_deref()
                .is_some_and(|cell| cells.contains(&cell))
        };
        let again = |model: &Model| {
            nameless.is_some() && model.nameless_cell == nameless && !model.is_seen()
        };
        self.close_models(parent, |model| named(model) || again(model));
        self.lock().nameless = nameless.map(|cell| (parent.msg_id.clone(), cell));
    }

    /// The cell has run.
    pub fn cell_ended(&self, parent: &Parent, failed: bool) {
        let cell = cell_id(parent).unwrap_or_default();
        self.backend.cell_ended(cell, failed);
    }

    /// The outputs that a cell has made so far are gone from the page.
    pub fn outputs_cleared(&self, parent: &Arc<Parent>) {
        let own = |model: &Model| {
            (model.parent.as_ref()).is_some_and(|request| request.msg_id == parent.msg_id)
        };
        self.close_models(parent, own);
    }

    fn close_models(&self, parent: &Arc<Parent>, unwanted: impl Fn(&Model) -> bool) {
        let unwanted = |comm: &Comm| matches!(comm, Comm::Widget(model) | Comm::Detached(model) if unwanted(model));
        let ids: Vec<String> = (self.lock().comms.iter())
            .filter(|(_, comm)| unwanted(comm))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.close_model(&id, Some(parent));
        }
    }

    /// Opens a model of `node` in every page and returns the content of the `display_data` that
    /// shows it.
    ///
    /// # Errors
    /// The engine's sentence, if the node cannot be shown.
    pub fn open_widget(
        &self,
        parent: Option<&Arc<Parent>>,
        node: u32,
        watched: bool,
    ) -> Result<Value, String> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let state = self.backend.open(&id, node, watched)?;
        let cell = parent.and_then(|parent| cell_id(parent)).map(str::to_owned);
        let mut model = Model::new(id.clone(), node, parent, cell, state);
        if let (Some(parent), Some((request, cell))) = (parent, &self.lock().nameless)
            && parent.msg_id == *request
        {
            model.nameless_cell = Some(*cell);
        }
        let opened = model.open();
        let output = model.output();
        let oldest = {
            let mut registry = self.lock();
            registry
                .comms
                .insert(id.clone(), Comm::Widget(Box::new(model)));
            registry.order.push(id);
            (registry.order.len() > MODELS).then(|| registry.order[0].clone())
        };
        if let Some(oldest) = oldest {
            self.close_model(&oldest, parent);
        }
        self.backend.changed();
        self.announce(parent, opened);
        Ok(output)
    }

    /// Somebody sits before a page: a program that only executes the notebook answers no questions.
    pub fn page_seen(&self) {
        self.pages.store(true, Ordering::Relaxed);
    }

    /// Makes a model in every page. A program that only executes the notebook (nbconvert, papermill) would store it in the
    /// file, and readers without a kernel would look for its script on the network instead of showing the picture: it is
    /// not told. A page that comes later asks for all models.
    fn announce(&self, parent: Option<&Arc<Parent>>, opened: Opening) {
        if !self.pages.load(Ordering::Relaxed) {
            return;
        }
        let (content, metadata, buffers) = opened;
        self.iopub.publish(
            Outgoing::publish("comm_open", parent, content)
                .with_metadata(metadata)
                .with_buffers(buffers),
        );
    }

    /// Sends an event to one model, or to all.
    pub fn send_event(&self, model: Option<&str>, event: &Value) {
        let ids: Vec<String> = match model {
            Some(id) => vec![id.to_owned()],
            None => self.lock().order.clone(),
        };
        for id in ids {
            let data = json!({ "method": "custom", "content": event });
            self.iopub.publish(comm_msg(None, &id, data, Vec::new()));
        }
    }

    fn close_model(&self, id: &str, parent: Option<&Arc<Parent>>) {
        if self.forget(id) {
            self.backend.close(id);
            self.backend.changed();
            self.iopub.publish(Outgoing::publish(
                "comm_close",
                parent,
                json!({ "comm_id": id, "data": {} }),
            ));
        }
    }

    /// Removes a comm; true if it was a model.
    fn forget(&self, id: &str) -> bool {
        let mut registry = self.lock();
        registry.order.retain(|other| other != id);
        matches!(
            registry.comms.remove(id),
            Some(Comm::Widget(_) | Comm::Detached(_))
        )
    }

    fn handle(&self, message: Incoming) {
        let Some(id) = message
            .content
            .get("comm_id")
            .and_then(Value::as_str)
            .map(str::to_owned)
        else {
            tracing::warn!("{} without a comm_id", message.parent.msg_type);
            return self.around(&message.parent, || {});
        };
        match message.parent.msg_type.as_str() {
            "comm_open" => self.around(&message.parent, || self.opened(&id, &message)),
            "comm_close" => self.around(&message.parent, || {
                if self.forget(&id) {
                    self.backend.close(&id);
                    self.backend.changed();
                }
            }),
            _ => self.message(&id, message),
        }
    }

    /// busy, work, idle.
    fn around(&self, parent: &Arc<Parent>, work: impl FnOnce()) {
        self.iopub.status(Some(parent), "busy");
        work();
        self.iopub.status(Some(parent), "idle");
    }

    fn opened(&self, id: &str, message: &Incoming) {
        let comm = match message.content.get("target_name").and_then(Value::as_str) {
            Some(CONTROL_TARGET) => {
                self.pages.store(true, Ordering::Relaxed);
                Comm::Control
            }
            Some(ECHO_TARGET) if self.with_echo => {
                self.iopub.publish(comm_msg(
                    Some(&message.parent),
                    id,
                    json!({ "op": "opened" }),
                    Vec::new(),
                ));
                Comm::Echo
            }
            other => {
                tracing::info!("no comm target {other:?}");
                let content = json!({ "comm_id": id, "data": {} });
                self.iopub.publish(Outgoing::publish(
                    "comm_close",
                    Some(&message.parent),
                    content,
                ));
                return;
            }
        };
        self.lock().comms.insert(id.to_owned(), comm);
    }

    fn message(&self, id: &str, mut message: Incoming) {
        let parent = message.parent.clone();
        let Some(Value::Object(data)) = message.content.remove("data") else {
            return self.around(&parent, || tracing::warn!("comm_msg without data"));
        };
        let target = self.lock().comms.get(id).map(Comm::target);
        match target {
            Some(TARGET) => self.widget_message(id, &parent, data, message.buffers),
            Some(CONTROL_TARGET) => self.control_message(id, &parent, &data),
            Some(_) => self.echo(id, &parent, data, message.buffers),
            // Comms of an earlier kernel or of a closed model: nothing to do, whatever they carry.
            None => self.around(&parent, || {}),
        }
    }

    fn widget_message(
        &self,
        id: &str,
        parent: &Arc<Parent>,
        mut data: Map<String, Value>,
        buffers: Vec<Bytes>,
    ) {
        match data.get("method").and_then(Value::as_str) {
            Some("custom") => {
                let reply = self.comm_reply(id, parent);
                let content = data.remove("content").unwrap_or_default();
                let mut picture = None;
                let refusal = match self.lock().comms.get_mut(id) {
                    Some(Comm::Detached(model)) => Some(detached::refusal(&content, model)),
                    Some(Comm::Widget(model)) => {
                        // A page that comes later may have a notebook with an older picture.
                        let comes_later = model.is_seen() && content["type"] == "hello";
                        picture = comes_later.then(|| model.picture_event());
                        model.note_asked();
                        None
                    }
                    _ => None,
                };
                match refusal {
                    Some(refusal) => reply.send(refusal, Vec::new()),
                    None => self.backend.request(id, content, buffers, reply),
                }
                if let Some(picture) = picture {
                    self.send_event(Some(id), &picture);
                }
            }
            Some("update") => self.around(parent, || {
                let Some(Value::Object(state)) = data.remove("state") else {
                    return;
                };
                let mut shown = None;
                match self.lock().comms.get_mut(id) {
                    Some(Comm::Widget(model)) => {
                        model.merge(&state);
                        model.note_seen();
                        shown = Some(model.nodes());
                    }
                    Some(Comm::Detached(model)) => model.merge(&state),
                    _ => {}
                }
                if self.backend.changes_picture(&state) {
                    self.pictures.outdated(id);
                }
                self.backend.update(id, &state);
                if let Some(nodes) = shown {
                    self.backend.shows(id, nodes);
                }
                self.backend.changed();
                // Several pages may show this model; each learns what one of them changed.
                let echo = json!({ "method": "echo_update", "state": state, "buffer_paths": [] });
                self.iopub
                    .publish(comm_msg(Some(parent), id, echo, Vec::new()));
            }),
            Some("request_state") => self.around(parent, || {
                let update = match self.lock().comms.get_mut(id) {
                    Some(Comm::Widget(model) | Comm::Detached(model)) => {
                        model.note_seen();
                        model.update()
                    }
                    _ => return,
                };
                self.iopub
                    .publish(comm_msg(Some(parent), id, update.0, update.1));
            }),
            other => self.around(parent, || tracing::warn!("unknown widget method {other:?}")),
        }
    }

    /// The promise of one answer; under the strict policy busy is published now.
    fn comm_reply(&self, id: &str, parent: &Arc<Parent>) -> CommReply {
        if self.policy == IdlePolicy::Strict {
            self.iopub.status(Some(parent), "busy");
        }
        CommReply::new(self.iopub.clone(), self.policy, id, parent)
    }

    fn control_message(&self, id: &str, parent: &Arc<Parent>, data: &Map<String, Value>) {
        match data.get("method").and_then(Value::as_str) {
            Some("request_states") => self.reload(id, parent),
            other => self.around(parent, || {
                tracing::warn!("unknown widget control method {other:?}");
            }),
        }
    }

    fn echo(&self, id: &str, parent: &Arc<Parent>, data: Map<String, Value>, buffers: Vec<Bytes>) {
        let _idle = self.comm_reply(id, parent);
        let number = |key: &str| {
            data.get(key)
                .and_then(Value::as_u64)
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0)
        };
        if data.get("op").and_then(Value::as_str) == Some("burst") {
            let blob = Bytes::from(vec![0_u8; number("size")]);
            for i in 0..number("count") {
                self.iopub.publish_paced(comm_msg(
                    Some(parent),
                    id,
                    json!({ "op": "burst", "i": i }),
                    vec![blob.clone()],
                ));
            }
        } else {
            self.iopub
                .publish(comm_msg(Some(parent), id, data.into(), buffers));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Comms {
    fn drop(&mut self) {
        self.pictures.end();
    }
}

/// The cell a request came from, if the front end says so.
fn cell_id(parent: &Parent) -> Option<&str> {
    parent.metadata.get("cellId").and_then(Value::as_str)
}

fn serve(comms: &Weak<Comms>, messages: &Receiver<Incoming>) {
    while let Ok(message) = messages.recv() {
        let Some(comms) = comms.upgrade() else { return };
        guarded("a task of the comms thread", || comms.handle(message));
    }
}

/// A bug in one task must not end its thread.
fn guarded(what: &str, work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        tracing::error!(
            "{what} ended in a panic: {}",
            crate::execute::panic_text(&*panic)
        );
    }
}
