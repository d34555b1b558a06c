//! Direct cells against an engine that records; no compiler is needed.

mod corpus;
mod formats;
mod hostile;
mod running;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};
use signal::{Frame, FrameFunction};

use super::{Scope, attach, run, try_direct};
use crate::host::Shared;
use crate::{CellError, Display, Outlet, SessionAccess, Stream};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    Out(String),
    Err(String),
    Display(Json),
    Update(Json),
    Result(Json),
    Show(u32),
    Clear(bool),
}

/// An engine whose nodes are all one scan of 3 × 5 frames of 4 × 6, and an outlet; both only take note.
#[derive(Default)]
pub(super) struct Recorder {
    events: Mutex<Vec<Event>>,
    commands: Mutex<Vec<Json>>,
    handles: Mutex<HashMap<u32, i64>>,
    nodes: Mutex<u32>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outlet for Recorder {
    fn stream(&self, stream: Stream, text: &str) {
        lock(&self.events).push(match stream {
            Stream::Stdout => Event::Out(text.into()),
            Stream::Stderr => Event::Err(text.into()),
        });
    }

    fn display(&self, display: Display) {
        let bundle = Json::Object(display.bundle);
        lock(&self.events).push(if display.update {
            Event::Update(bundle)
        } else {
            Event::Display(bundle)
        });
    }

    fn result(&self, display: Display) {
        lock(&self.events).push(Event::Result(Json::Object(display.bundle)));
    }

    fn show(&self, node: u32) {
        lock(&self.events).push(Event::Show(node));
    }

    fn clear_output(&self, wait: bool) {
        lock(&self.events).push(Event::Clear(wait));
    }

    fn read_line(&self, prompt: &str, _password: bool) -> Result<String, String> {
        Ok(format!("answer to {prompt}"))
    }
}

impl SessionAccess for Recorder {
    fn command(&self, request: &str) -> Result<String, String> {
        let command: Json = serde_json::from_str(request).map_err(|error| error.to_string())?;
        lock(&self.commands).push(command.clone());
        let axis = |name: &str, size: u32| json!({"name": name, "size": size, "scale": 0.5, "offset": 0.0, "units": "nm"});
        let reply = match command["command"].as_str() {
            Some("open") if command["path"] == "missing.zspy" => {
                return Err(
                    json!({"code": "not_found", "message": "missing.zspy does not exist",
                    "hint": "check the path"})
                    .to_string(),
                );
            }
            Some("open" | "add_node" | "branch" | "reshard") => {
                let mut nodes = lock(&self.nodes);
                *nodes += 1;
                json!({"node": *nodes})
            }
            Some("describe") => json!({"description": {
                "name": "scan", "summary": "(3, 5 | 4, 6) f32",
                "navigation_axes": [axis("y", 3), axis("x", 5)],
                "signal_axes": [axis("ky", 4), axis("kx", 6)]}}),
            Some("peaks") => json!({"numbers": [
                1.5, 2.5, 100.0, 0.9, 0.25, 0.5, 1.0, 3.0, 4.0, 50.0, 0.8, null, null, null
            ]}),
            Some("values") => json!({"numbers": [0.01, -0.02]}),
            Some("tree") => json!({"text": "scan\n  flat"}),
            Some("diff") => {
                json!({"difference": {"a": "annulus", "b": "wider", "common": "scan", "rows": [
                {"operation": "Annulus", "parameter": "outer_radius", "units": "px", "a": "40", "b": "50"},
                {"operation": "Background", "b": "with its defaults"}]}})
            }
            Some("export" | "provenance" | "recipe") => {
                json!({"text": "let scan = open(\"scan.zspy\")?;"})
            }
            Some("replay") => json!({"restored": {"nodes": [
                {"name": "replayed_scan", "node": 1, "summary": "(3, 5 | 4, 6) f32", "variable": true}]}}),
            _ => json!({}),
        };
        Ok(reply.to_string())
    }

    fn retain(&self, node: u32) {
        *lock(&self.handles).entry(node).or_default() += 1;
    }

    fn release(&self, node: u32) {
        *lock(&self.handles).entry(node).or_default() -= 1;
    }

    fn frame(&self, _node: u32, index: &[usize]) -> Result<Frame, String> {
        match index {
            [row, column] if *row < 3 && *column < 5 => {
                let pixels = (0..24).map(|pixel| pixel as f32).collect();
                Frame::from_vec(&[4, 6], pixels).map_err(|error| error.to_string())
            }
            _ => Err(format!(
                "scan position {index:?} is outside the scan (3, 5)"
            )),
        }
    }

    fn map_frames(&self, _node: u32, _function: Arc<dyn FrameFunction>) -> Result<u32, String> {
        Err("no closures here".into())
    }

    fn interrupted(&self) -> bool {
        false
    }
}

/// The one kernel of this test program: the crate of cells is attached to one table per process.
struct Kernel {
    recorder: Arc<Recorder>,
    shared: Arc<Shared>,
}

static KERNEL: LazyLock<Mutex<Kernel>> = LazyLock::new(|| {
    let recorder = Arc::new(Recorder::default());
    let shared = Shared::new(recorder.clone(), recorder.clone());
    attach(&shared);
    Mutex::new(Kernel { recorder, shared })
});

/// Cells of one notebook.
pub(super) struct Session {
    kernel: MutexGuard<'static, Kernel>,
    pub(super) scope: Scope,
}

impl Session {
    pub(super) fn new() -> Session {
        let kernel = lock(&KERNEL);
        lock(&kernel.recorder.commands).clear();
        lock(&kernel.recorder.events).clear();
        lock(&kernel.recorder.handles).clear();
        *lock(&kernel.recorder.nodes) = 0;
        Session {
            kernel,
            scope: Scope::default(),
        }
    }

    pub(super) fn evaluate(&mut self, code: &str) -> Result<Vec<Event>, CellError> {
        let cell = try_direct(code, &self.scope).unwrap_or_else(|| panic!("not accepted:\n{code}"));
        run(cell, &mut self.scope, &self.kernel.shared)?;
        Ok(self.events())
    }

    pub(super) fn run(&mut self, code: &str) -> Vec<Event> {
        match self.evaluate(code) {
            Ok(events) => events,
            Err(error) => panic!("{code}\nfailed: {error}"),
        }
    }

    pub(super) fn fails(&mut self, code: &str) -> CellError {
        match self.evaluate(code) {
            Ok(events) => panic!("{code}\ndid not fail: {events:?}"),
            Err(error) => error,
        }
    }

    pub(super) fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *lock(&self.kernel.recorder.events))
    }

    pub(super) fn commands(&self) -> Vec<Json> {
        lock(&self.kernel.recorder.commands).clone()
    }

    pub(super) fn handles(&self, node: u32) -> i64 {
        lock(&self.kernel.recorder.handles)
            .get(&node)
            .copied()
            .unwrap_or(0)
    }

    pub(super) fn type_of(&self, name: &str) -> String {
        self.scope
            .get(name)
            .map_or("nothing".into(), |value| value.type_text())
    }
}

/// The text of a result that has nothing but text.
pub(super) fn text(text: &str) -> Vec<Event> {
    vec![Event::Result(json!({"text/plain": text}))]
}
