//! A kernel of three parts: the evaluator under test, an engine and an outlet that record.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eval::{CellError, Display, Evaluator, Options, Outlet, SessionAccess, Stream};
use serde_json::{Value, json};
use signal::{Frame, FrameFunction};

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Stream(bool, String),
    Display(Display),
    Result(Display),
    Show(u32),
    Clear(bool),
}

impl Event {
    pub fn result(text: &str) -> Event {
        let mut display = Display::default();
        display.bundle.insert("text/plain".into(), text.into());
        Event::Result(display)
    }

    pub fn out(text: &str) -> Event {
        Event::Stream(false, text.into())
    }

    pub fn err(text: &str) -> Event {
        Event::Stream(true, text.into())
    }
}

#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<Event>>,
}

impl Outlet for Recorder {
    fn stream(&self, stream: Stream, text: &str) {
        let mut events = self.events.lock().unwrap();
        let error = stream == Stream::Stderr;
        match events.last_mut() {
            Some(Event::Stream(last, before)) if *last == error => before.push_str(text),
            _ => events.push(Event::Stream(error, text.into())),
        }
    }

    fn display(&self, display: Display) {
        self.events.lock().unwrap().push(Event::Display(display));
    }

    fn result(&self, display: Display) {
        self.events.lock().unwrap().push(Event::Result(display));
    }

    fn show(&self, node: u32) {
        self.events.lock().unwrap().push(Event::Show(node));
    }

    fn clear_output(&self, wait: bool) {
        self.events.lock().unwrap().push(Event::Clear(wait));
    }

    fn read_line(&self, prompt: &str, _password: bool) -> Result<String, String> {
        Ok(format!("answer to {prompt}"))
    }
}

/// A scan of 3 × 5 positions with frames of 4 × 6; every node is that scan.
pub struct RecordingEngine {
    frames: Vec<Frame>,
    commands: Mutex<Vec<Value>>,
    functions: Mutex<Vec<Arc<dyn FrameFunction>>>,
    handles: Mutex<HashMap<u32, i64>>,
    /// Operations by their nodes.
    operations: Mutex<HashMap<u32, String>>,
    next: Mutex<u32>,
    interrupted: AtomicBool,
}

impl RecordingEngine {
    fn new() -> Self {
        let frames = (0..15)
            .map(|position| {
                let pixels = (0..24)
                    .map(|pixel| (100 * position + pixel) as f32)
                    .collect();
                Frame::from_vec(&[4, 6], pixels).unwrap()
            })
            .collect();
        RecordingEngine {
            frames,
            commands: Mutex::default(),
            functions: Mutex::default(),
            handles: Mutex::default(),
            operations: Mutex::default(),
            next: Mutex::new(0),
            interrupted: AtomicBool::new(false),
        }
    }

    pub fn commands(&self) -> Vec<Value> {
        self.commands.lock().unwrap().clone()
    }

    pub fn node_named(&self, name: &str) -> u32 {
        let commands = self.commands();
        let found = commands
            .iter()
            .rev()
            .find(|command| command["command"] == "name" && command["name"] == name);
        match found {
            Some(command) => command["node"].as_u64().unwrap() as u32,
            None => panic!("no node is named {name} in {commands:#?}"),
        }
    }

    pub fn last_function(&self) -> Arc<dyn FrameFunction> {
        self.functions.lock().unwrap().last().unwrap().clone()
    }

    pub fn frame_at(&self, row: usize, column: usize) -> Frame {
        self.frames[5 * row + column].clone()
    }

    /// Handles on all nodes together.
    pub fn held(&self) -> i64 {
        self.handles.lock().unwrap().values().sum()
    }

    pub fn handles(&self, node: u32) -> i64 {
        self.handles
            .lock()
            .unwrap()
            .get(&node)
            .copied()
            .unwrap_or(0)
    }

    /// The next node has the number 1.
    pub fn start_numbers_again(&self) {
        *self.next.lock().unwrap() = 0;
    }

    /// What an operation gives, as the real engine says it.
    fn kind_of(&self, node: &Value) -> &'static str {
        let node = node.as_u64().unwrap_or_default() as u32;
        let operations = self.operations.lock().unwrap();
        match operations.get(&node).map_or("", String::as_str) {
            "strain_map" | "virtual_disk" | "virtual_annulus" | "virtual_rectangle"
            | "center_of_mass" => "map",
            "normalized_correlation" | "local_maximum" | "difference_of_gaussians_peaks" => "peaks",
            _ => "frame",
        }
    }

    fn create(&self) -> u32 {
        let mut next = self.next.lock().unwrap();
        *next += 1;
        *next
    }
}

impl SessionAccess for RecordingEngine {
    fn command(&self, request: &str) -> Result<String, String> {
        let command: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
        self.commands.lock().unwrap().push(command.clone());
        let axis = |name: &str, size: u32| json!({"name": name, "size": size, "scale": 0.5, "offset": 0.0, "units": "nm"});
        let reply = match command["command"].as_str() {
            Some("open") if command["path"] == "missing.zspy" => {
                return Err(
                    json!({"code": "not_found", "message": "missing.zspy does not exist",
                                  "hint": "check the path"})
                    .to_string(),
                );
            }
            Some("open") if command["path"] == "half.zspy" => json!({"node": self.create(),
                "caveats": [{"about": "half.zspy", "text": "32 of 64 chunks are not there"}]}),
            Some("open" | "add_node" | "branch" | "reshard") => {
                let node = self.create();
                let operation = command["operation"].as_str().unwrap_or_default();
                let mut operations = self.operations.lock().unwrap();
                operations.insert(node, operation.to_owned());
                json!({"node": node})
            }
            Some("describe") => json!({"description": {
                "caveats": [{"code": "absent_chunks", "text": "32 of 64 chunks are not there"}],
                "name": "scan", "summary": "(3, 5 | 4, 6) f32", "kind": self.kind_of(&command["node"]),
                "navigation_axes": [axis("y", 3), axis("x", 5)],
                "signal_axes": [axis("ky", 4), axis("kx", 6)]}}),
            Some("values") => json!({"numbers": [0.01, -0.02, 0.0, 0.1, 1.0, 0.2]}),
            Some("peaks") => {
                json!({"numbers": [1.5, 2.5, 100.0, 0.9, 0.25, null, 1.5, 0.02, 0.01, 0.0, 0.0, 0.01]})
            }
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
        *self.handles.lock().unwrap().entry(node).or_default() += 1;
    }

    fn release(&self, node: u32) {
        *self.handles.lock().unwrap().entry(node).or_default() -= 1;
    }

    fn frame(&self, node: u32, index: &[usize]) -> Result<Frame, String> {
        let kind = self.kind_of(&node.into());
        if kind != "frame" {
            return Err(format!("it has {kind}, frames were asked for"));
        }
        let operations = self.operations.lock().unwrap();
        let is_pattern = (operations.get(&node)).is_some_and(|name| name.ends_with("_pattern"));
        match index {
            // One frame without a scan.
            [] if is_pattern => Ok(self.frame_at(0, 0)),
            [row, column] if *row < 3 && *column < 5 => Ok(self.frame_at(*row, *column)),
            _ => Err(format!(
                "scan position {index:?} is outside the scan (3, 5)"
            )),
        }
    }

    fn map_frames(&self, _node: u32, function: Arc<dyn FrameFunction>) -> Result<u32, String> {
        self.functions.lock().unwrap().push(function);
        Ok(self.create())
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

pub struct Kernel {
    pub evaluator: Arc<Evaluator>,
    pub engine: Arc<RecordingEngine>,
    outlet: Arc<Recorder>,
    /// How long each cell took, with its first line.
    pub times: RefCell<Vec<(Duration, String)>>,
    /// Whether every cell is compiled.
    pub all_compiled: bool,
}

impl Kernel {
    pub fn start() -> Kernel {
        Self::start_with(Options::default())
    }

    pub fn start_with(options: Options) -> Kernel {
        let engine = Arc::new(RecordingEngine::new());
        let outlet = Arc::new(Recorder::default());
        let options = Options {
            notice_after: Duration::from_millis(100),
            ..options
        };
        Kernel {
            evaluator: Evaluator::start(engine.clone(), outlet.clone(), options),
            engine,
            outlet,
            times: RefCell::default(),
            all_compiled: false,
        }
    }

    pub fn clear(&self) {
        self.outlet.events.lock().unwrap().clear();
        self.engine.commands.lock().unwrap().clear();
    }

    /// Everything the outlet got since the last call.
    pub fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.outlet.events.lock().unwrap())
    }

    /// What was printed since the last call.
    pub fn text(&self, stream: Stream) -> String {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Stream(error, text) if error == (stream == Stream::Stderr) => Some(text),
                _ => None,
            })
            .collect()
    }

    pub fn run(&self, code: &str) {
        if let Err(error) = self.evaluate(code) {
            panic!("the cell\n{code}\nfailed:\n{error}");
        }
    }

    /// Runs a cell that needs no compiler.
    pub fn direct(&self, code: &str) {
        assert!(!self.evaluator.needs_compiler(code), "not direct: {code}");
        self.run(code);
    }

    /// Runs a cell through the compiler, whether or not it needs it.
    pub fn compiled(&self, code: &str) {
        if let Err(error) = self.evaluator.evaluate_compiled(code) {
            panic!("the cell\n{code}\nfailed:\n{error}");
        }
    }

    fn evaluate(&self, code: &str) -> Result<(), CellError> {
        let began = Instant::now();
        let result = if self.all_compiled {
            self.evaluator.evaluate_compiled(code)
        } else {
            self.evaluator.evaluate(code)
        };
        self.times
            .borrow_mut()
            .push((began.elapsed(), code.lines().next().unwrap_or("").into()));
        result
    }

    pub fn fails(&self, code: &str) -> CellError {
        match self.evaluate(code) {
            Ok(()) => panic!(
                "the cell\n{code}\ndid not fail; events: {:?}",
                self.events()
            ),
            Err(error) => error,
        }
    }

    pub fn interrupted_after(&self, pause: Duration, code: &str) -> CellError {
        let evaluator = Arc::clone(&self.evaluator);
        let interrupt = std::thread::spawn(move || {
            std::thread::sleep(pause);
            evaluator.interrupt();
        });
        let error = self.fails(code);
        interrupt.join().unwrap();
        error
    }
}
