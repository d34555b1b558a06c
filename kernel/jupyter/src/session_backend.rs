//! The engine as widgets and cells see it: JSON in, JSON and pixels out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use eval::Evaluator;
use protocol::{Command, CommandReply, Event, NodeKind, ProgressState, Reply, Request, WireError};
use serde_json::{Map, Value, json};
use session::journal::{Place, View};
use session::{Look, Poster, Session};

use crate::cells::{CellError, Cells, Completions, Display, Inspection, IsComplete};
use crate::kernel::Links;
use crate::progress::ProgressLine;
use crate::widget_backend::{CommReply, WidgetBackend, WidgetState};

/// Binds one session to the front end.
pub struct SessionBackend {
    session: Arc<Session>,
    /// Where output goes; known once the sockets are bound.
    links: OnceLock<Links>,
    /// Set by an interrupt, cleared when the next cell starts, never by the engine.
    interrupted: AtomicBool,
    /// The notebook this kernel belongs to, if Jupyter says so.
    notebook: OnceLock<PathBuf>,
}

impl SessionBackend {
    pub fn new(session: Arc<Session>) -> Arc<Self> {
        Arc::new(Self {
            session,
            links: OnceLock::new(),
            interrupted: AtomicBool::new(false),
            notebook: OnceLock::new(),
        })
    }

    /// Keeps a journal of the tree and the views from now on, so that the next kernel can restore them.
    pub fn keep_journal(&self, place: &Place) {
        self.session.keep_journal(place);
        let _ = self.notebook.set(place.notebook.clone());
    }

    /// Sends events of the session to the widgets from now on.
    pub fn connect(&self, links: Links) {
        let comms = links.comms.clone();
        let shown = Arc::downgrade(&comms);
        self.session.journal_views(move || {
            shown
                .upgrade()
                .map(|comms| comms.views())
                .unwrap_or_default()
        });
        if self.links.set(links).is_err() {
            return;
        }
        self.session.subscribe(Box::new(move |event: &Event| {
            match serde_json::to_value(event) {
                Ok(event) => comms.send_event(None, &event),
                Err(error) => tracing::error!("an event cannot be written as JSON: {error}"),
            }
            if let Event::Progress(progress) = event
                && progress.state == ProgressState::Done
            {
                comms.computed(progress.node);
            }
        }));
    }

    /// Runs a command with its progress in the output of the cell.
    fn run(&self, command: Command) -> Result<CommandReply, WireError> {
        let interrupted = || self.interrupted.load(Ordering::SeqCst);
        match self.links.get() {
            Some(links) if matches!(command, Command::Restore) => self.restore(links),
            Some(links) => {
                let writes = matches!(command, Command::Save { .. } | Command::Reshard { .. });
                let mut line = ProgressLine::new(&*links.output);
                let result = self
                    .session
                    .command(command, &interrupted, &mut |progress| line.update(progress));
                let reply = result.as_ref().ok().filter(|_| writes);
                line.end(
                    result.is_ok(),
                    reply.and_then(|reply| reply.text.as_deref()),
                );
                result
            }
            None => self.session.command(command, &interrupted, &mut |_| {}),
        }
    }

    /// The earlier tree again, and its widgets live.
    fn restore(&self, links: &Links) -> Result<CommandReply, WireError> {
        let mut reply = self
            .session
            .command(Command::Restore, &|| false, &mut |_| {})?;
        if let Some(restored) = &mut reply.restored {
            let moved = restored
                .nodes
                .iter()
                .map(|node| (node.was, node.node))
                .collect();
            restored.widgets = links.comms.revive(links.output.parent().as_ref(), &moved);
        }
        Ok(reply)
    }

    /// Whether a picture of the node shows all of it.
    fn is_whole(&self, node: u32) -> bool {
        self.session.description(node).is_some_and(|node| {
            node.kind != NodeKind::Map
                || node
                    .progress
                    .is_some_and(|progress| progress.state == ProgressState::Done)
        })
    }
}

impl SessionBackend {
    fn widget_state(
        &self,
        node: u32,
        poster: Result<Poster, WireError>,
    ) -> Result<WidgetState, String> {
        let poster = poster.map_err(|error| error.to_string())?;
        let mut traits = Map::new();
        traits.insert("protocol".into(), protocol::PROTOCOL_VERSION.into());
        traits.insert("node".into(), node.into());
        traits.insert("position".into(), poster.index.into());
        traits.insert("poster_text".into(), poster.text.as_str().into());
        Ok(WidgetState {
            traits,
            poster: Bytes::from(poster.png),
            width: poster.width,
            text: poster.text,
            alt: poster.alt,
            complete: poster.complete >= 1.0,
        })
    }
}

impl WidgetBackend for SessionBackend {
    fn open(&self, model: &str, node: u32, watched: bool) -> Result<WidgetState, String> {
        if !watched && !self.is_whole(node) {
            // Nobody will see it fill, so the picture is all there will be: wait for the whole map.
            if let Err(error) = self.run(Command::Compute { node }) {
                tracing::warn!("node {node}: {error}");
            }
        }
        let interrupted = || self.interrupted.load(Ordering::SeqCst);
        let state = self.widget_state(
            node,
            self.session.poster_unless(node, watched, &interrupted),
        )?;
        self.session.view_opened(model, vec![node]);
        Ok(state)
    }

    fn picture(&self, node: u32, state: &Map<String, Value>) -> Result<WidgetState, String> {
        self.widget_state(node, self.session.poster(node, &Look::of(state)))
    }

    fn changes_picture(&self, state: &Map<String, Value>) -> bool {
        Look::concerns(state)
    }

    fn request(&self, model: &str, content: Value, _buffers: Vec<Bytes>, comm_reply: CommReply) {
        let request = match serde_json::from_value::<Request>(content.clone()) {
            Ok(request) => request,
            Err(error) => {
                return comm_reply.send(refusal(&content, &error.to_string()), Vec::new());
            }
        };
        self.session.request_from(
            model,
            request,
            Box::new(
                move |reply: Reply, buffers: Vec<Bytes>| match serde_json::to_value(&reply) {
                    Ok(content) => comm_reply.send(content, buffers),
                    Err(error) => tracing::error!("a reply cannot be written as JSON: {error}"),
                },
            ),
        );
    }

    fn update(&self, _model: &str, _state: &Map<String, Value>) {}

    fn revived(&self, model: &str, nodes: Vec<u32>) {
        self.session.view_opened(model, nodes);
    }

    fn shows(&self, model: &str, nodes: Vec<u32>) {
        self.session.view_shows(model, nodes);
    }

    fn close(&self, model: &str) {
        self.session.page_closed(model);
    }

    fn cell_begins(&self) {
        self.session.cell_begins();
    }

    fn cell_ended(&self, cell: &str, failed: bool) {
        self.session.cell_ended(cell, failed);
    }

    fn changed(&self) {
        self.session.journal_changed();
    }

    fn earlier(&self) -> Vec<View> {
        self.session.earlier_views()
    }

    fn notebook(&self) -> Option<PathBuf> {
        self.notebook.get().cloned()
    }
}

/// The answer to a message that is no request of this version.
fn refusal(content: &Value, reason: &str) -> Value {
    let error = WireError::new(
        "bad_request",
        format!("the kernel does not know this request: {reason}"),
        "The page may belong to another version of the kernel: reload it and run the cell again.",
    );
    if let Some(view) = content.get("view") {
        return json!({ "type": "failed", "view": view, "generation": content.get("generation"), "error": error });
    }
    json!({ "type": "refused", "request_id": content.get("request_id").unwrap_or(&json!(0)), "error": error })
}

/// The compiler and the engine as one evaluator: an interrupt reaches both.
pub struct Interpreter {
    pub evaluator: Arc<Evaluator>,
    pub engine: Arc<SessionBackend>,
}

impl Cells for Interpreter {
    fn evaluate(&self, code: &str) -> Result<(), CellError> {
        self.engine.interrupted.store(false, Ordering::SeqCst);
        let result = self.evaluator.evaluate(code);
        // What a thread of that cell still asks for is not what was interrupted.
        self.engine.interrupted.store(false, Ordering::SeqCst);
        result
    }

    fn expression(&self, code: &str) -> Result<Display, CellError> {
        self.evaluator.expression(code)
    }

    fn interrupt(&self) {
        self.engine.interrupted.store(true, Ordering::SeqCst);
        self.evaluator.interrupt();
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        self.evaluator.complete(code, cursor)
    }

    fn inspect(&self, code: &str, cursor: usize) -> Option<Inspection> {
        self.evaluator.inspect(code, cursor)
    }

    fn help(&self, name: &str) -> Result<Inspection, String> {
        self.evaluator.help(name)
    }

    fn may_fail(&self, name: &str) -> bool {
        self.evaluator.may_fail(name)
    }

    fn is_variable(&self, name: &str) -> bool {
        self.evaluator.is_variable(name)
    }

    fn is_complete(&self, code: &str) -> IsComplete {
        self.evaluator.is_complete(code)
    }

    fn shut_down(&self) {
        self.engine.session.end_journal();
        self.evaluator.clean_up();
    }
}

impl eval::SessionAccess for SessionBackend {
    fn command(&self, request: &str) -> Result<String, String> {
        let command = serde_json::from_str::<Command>(request).map_err(|error| {
            let message = format!("the engine does not know this command: {error}");
            json_of(WireError::new("bad_command", message, "restart the kernel"))
        })?;
        let reply = self.run(command).map_err(json_of)?;
        serde_json::to_string(&reply).map_err(|error| error.to_string())
    }

    fn retain(&self, node: u32) {
        self.session.retain(node);
    }

    fn new_remarks(&self) -> Vec<(String, String)> {
        let remarks = self.session.new_remarks().into_iter();
        remarks.map(|remark| (remark.about, remark.text)).collect()
    }

    fn release(&self, node: u32) {
        self.session.release(node);
    }

    fn lose(&self, nodes: &[u32]) {
        self.session.lose(nodes);
    }

    fn frame(&self, node: u32, index: &[usize]) -> Result<eval::Frame, String> {
        let interrupted = || self.interrupted.load(Ordering::SeqCst);
        self.session
            .frame_unless(node, index, &interrupted)
            .map_err(json_of)
    }

    fn map_frames(&self, node: u32, function: Arc<dyn eval::FrameFunction>) -> Result<u32, String> {
        self.session.add_map(node, function).map_err(json_of)
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }
}

/// Errors cross to a cell as JSON, so that their hint stays apart from their message.
fn json_of(error: WireError) -> String {
    serde_json::to_string(&error).unwrap_or_else(|_| error.to_string())
}
