use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use evcxr::{CommandContext, Error, EvalOutputs};
use serde_json::{Map, Value};

use crate::capture::{Capture, Sink};
use crate::complete::{self, Completions, Inspection};
use crate::host::{Running, Shared};
use crate::source::Prepared;
use crate::tokens;
use crate::{
    CellError, Compiler, Display, Engine, IsComplete, Options, Outlet, Stream, compiler, park,
    relay, report,
};

/// Evaluates cells, one at a time; lives as long as the kernel.
pub struct Evaluator {
    shared: Arc<Shared>,
    capture: Result<Arc<Capture>, String>,
    options: Options,
    state: Mutex<Compiler>,
    changed: Condvar,
    context: Mutex<Option<CommandContext>>,
    /// A cell is between `evaluate` and its return.
    evaluating: AtomicBool,
    /// Names and types of the variables, as of the last cell.
    variables: Mutex<Vec<(String, String)>>,
}

/// How often waiting looks at the interrupt flag.
const TICK: Duration = Duration::from_millis(50);
/// How long an interrupt goes on stopping compilers that evcxr starts one after another.
const COMPILERS_STOPPED_FOR: Duration = Duration::from_secs(5);
/// How long a cell may take to answer an interrupt, and then to reach a place where it can be parked.
const GRACE: Duration = Duration::from_millis(500);
const PARKING: Duration = Duration::from_secs(2);

impl Evaluator {
    /// Captures stdout and stderr of the process and returns at once; the compiler starts on a thread.
    pub fn start(
        engine: Arc<dyn Engine>,
        outlet: Arc<dyn Outlet>,
        options: Options,
    ) -> Arc<Evaluator> {
        let shared = Shared::new(engine, outlet);
        let sink: Arc<dyn Sink> = Arc::clone(&shared) as _;
        let capture = Capture::install(sink)
            .map_err(|error| format!("output cannot be captured: {error}; restart the kernel"));
        if let Ok(capture) = &capture {
            shared.set_capture(capture);
        }
        let evaluator = Arc::new(Evaluator {
            shared,
            capture,
            options,
            state: Mutex::new(Compiler::Off),
            changed: Condvar::new(),
            context: Mutex::new(None),
            evaluating: AtomicBool::new(false),
            variables: Mutex::default(),
        });
        if evaluator.options.prewarm {
            evaluator.start_compiler();
        }
        evaluator
    }

    pub fn state(&self) -> Compiler {
        lock(&self.state).clone()
    }

    /// Starts the compiler in the background unless it was started before.
    pub fn start_compiler(self: &Arc<Self>) {
        {
            let mut state = lock(&self.state);
            if *state != Compiler::Off {
                return;
            }
            *state = Compiler::Starting;
        }
        let evaluator = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("compiler".into())
            .spawn(move || {
                let started = evaluator.capture.clone().and_then(|capture| {
                    compiler::start(
                        &evaluator.shared,
                        &capture,
                        evaluator.options.cache.as_deref(),
                    )
                });
                evaluator.started(started);
            });
        if let Err(error) = spawned {
            self.started(Err(format!("no thread can be started: {error}")));
        }
    }

    fn started(&self, started: Result<CommandContext, String>) {
        let state = match started {
            Ok(context) => {
                *lock(&self.context) = Some(context);
                Compiler::Ready
            }
            Err(reason) => {
                tracing::error!(reason, "the compiler is not available");
                Compiler::Failed(reason)
            }
        };
        *lock(&self.state) = state;
        self.changed.notify_all();
    }

    /// Runs one cell to its end: outputs go to the outlet, in order, before this returns.
    ///
    /// # Errors
    /// The cell does not compile, panicked, returned an error through `?`, or was interrupted.
    pub fn evaluate(self: &Arc<Self>, code: &str) -> Result<(), CellError> {
        self.shared.interrupted.store(false, Ordering::Relaxed);
        self.evaluating.store(true, Ordering::Relaxed);
        let result = self.wait_for_compiler().and_then(|()| self.run(code));
        self.evaluating.store(false, Ordering::Relaxed);
        if result.is_ok() && self.shared.is_interrupted() {
            // What it showed may be half of the truth; nobody should take it for the whole.
            return Err(interrupted());
        }
        result
    }

    fn run(&self, code: &str) -> Result<(), CellError> {
        let mut guard = lock(&self.context);
        let Some(context) = guard.as_mut() else {
            return Err(report::plain("NoCompiler", "the compiler is not running"));
        };
        let cell = Prepared::new(code);
        self.shared.begin_cell(code);
        let result = compiler::execute(context, &cell.code);
        let ended = self.shared.end_cell();
        *lock(&self.variables) = context
            .variables_and_types()
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .collect();
        drop(guard);
        self.finish(result, ended, &cell)
    }

    fn finish(
        &self,
        result: Result<EvalOutputs, Error>,
        ended: Running,
        cell: &Prepared,
    ) -> Result<(), CellError> {
        if ended.parked {
            return Err(report::plain(
                "Interrupted",
                "the cell did not stop by itself, so it was abandoned: variables were reset, signals stay \
                 in the tree",
            ));
        }
        if self.shared.is_interrupted() {
            return Err(interrupted());
        }
        let outputs = match result {
            Ok(outputs) => outputs,
            Err(Error::CompilationErrors(errors)) => {
                return Err(report::compile_errors(&errors, cell));
            }
            Err(Error::SubprocessTerminated(text)) => {
                return Err(report::plain(
                    "Crash",
                    &format!(
                        "the cell ended its session; variables are lost, signals stay\n{text}"
                    ),
                ));
            }
            Err(error) => return Err(report::plain("CompileError", &error.to_string())),
        };
        if let Some(reason) = ended.broken {
            return Err(report::plain("LoadError", &reason));
        }
        if ended.panicked {
            return Err(match ended.panic {
                Some(panic) => panic.to_error(ended.source.as_deref()),
                None => report::plain("Panic", "the cell panicked without a message"),
            });
        }
        if ended.failed {
            return Err(match ended.error {
                Some((name, text)) => report::returned_error(&name, &text),
                None => report::plain("Error", "the cell returned an error"),
            });
        }
        if !outputs.content_by_mime_type.is_empty() {
            // Commands (`:vars`) and types of other crates that display themselves through evcxr.
            self.shared.outlet.result(Display {
                bundle: bundle(outputs),
                ..Display::default()
            });
        }
        Ok(())
    }

    /// Waits until the compiler is ready, and says so when that takes long.
    fn wait_for_compiler(self: &Arc<Self>) -> Result<(), CellError> {
        self.start_compiler();
        let began = Instant::now();
        let mut said = false;
        let mut state = lock(&self.state);
        loop {
            match &*state {
                Compiler::Ready => break,
                Compiler::Failed(reason) => return Err(report::plain("NoCompiler", reason)),
                Compiler::Off | Compiler::Starting => {}
            }
            if self.shared.is_interrupted() {
                return Err(interrupted());
            }
            if !said && began.elapsed() >= self.options.notice_after {
                said = true;
                drop(state);
                self.shared.outlet.display(notice(
                    "The Rust compiler is starting; the first cell takes some seconds …",
                ));
                state = lock(&self.state);
                continue;
            }
            state = self
                .changed
                .wait_timeout(state, TICK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(state);
        if said {
            // At once: a cell without output would keep the notice for ever.
            self.shared.outlet.clear_output(false);
        }
        Ok(())
    }

    /// Asks the running cell to stop; harmless when none runs.
    ///
    /// Calls of SignalTree end with an error, and the compiler is stopped if the cell still waits for it.
    /// A cell that neither calls SignalTree nor looks at `interrupted()` is abandoned after half a second,
    /// and variables are lost.
    pub fn interrupt(self: &Arc<Self>) {
        if !self.evaluating.load(Ordering::Relaxed) {
            return;
        }
        self.shared.interrupted.store(true, Ordering::Relaxed);
        let evaluator = Arc::clone(self);
        let stop = move || {
            let until = Instant::now() + COMPILERS_STOPPED_FOR;
            while evaluator.evaluating.load(Ordering::Relaxed)
                && evaluator.shared.interrupted.load(Ordering::Relaxed)
                && !evaluator.shared.is_executing()
                && evaluator.state() == Compiler::Ready
                && Instant::now() < until
            {
                park::stop_compilers();
                std::thread::sleep(TICK);
            }
            evaluator.stop_running_cell();
        };
        if let Err(error) = std::thread::Builder::new()
            .name("interrupt".into())
            .spawn(stop)
        {
            tracing::warn!(%error, "the compiler cannot be stopped");
        }
    }

    /// Gives a running cell time to stop by itself, then abandons it.
    fn stop_running_cell(&self) {
        let still = || {
            self.evaluating.load(Ordering::Relaxed)
                && self.shared.interrupted.load(Ordering::Relaxed)
                && self.shared.is_executing()
        };
        let until = Instant::now() + GRACE;
        while still() && Instant::now() < until {
            std::thread::sleep(TICK);
        }
        if still() && !self.shared.abandon_cell(PARKING) && still() {
            self.shared.text(
                Stream::Stderr,
                "The cell does not stop: it waits inside a call. Wait for it, or restart the kernel.\n",
            );
        }
    }

    /// Completions at a position counted in characters. Never waits for a running cell.
    pub fn complete(&self, code: &str, cursor: usize) -> Completions {
        let variables = lock(&self.variables).clone();
        complete::complete(code, cursor, &variables, |code, byte| {
            self.analyse(|context| context.completions(code, byte).ok())
        })
    }

    /// Documentation of the name at a position counted in characters.
    pub fn inspect(&self, code: &str, cursor: usize) -> Option<Inspection> {
        let variables = lock(&self.variables).clone();
        complete::inspect(code, cursor, &variables, |code, byte| {
            self.analyse(|context| context.hover_at(code, byte).ok())
        })
    }

    /// Asks rust-analyzer, which lives in the compiler's context, unless a cell has it.
    fn analyse<T>(&self, ask: impl FnOnce(&mut CommandContext) -> Option<T>) -> Option<T> {
        let mut context = self.context.try_lock().ok()?;
        let context = context.as_mut()?;
        // It may panic on unfinished code; then it knows nothing.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ask(context))).ok()?
    }

    /// Whether a console should run the text or wait for more.
    pub fn is_complete(&self, code: &str) -> IsComplete {
        tokens::is_complete(code)
    }

    /// Names and types of the variables that cells have.
    pub fn variables(&self) -> Vec<(String, String)> {
        lock(&self.variables).clone()
    }

    /// Removes the private folder; call it last, before the process ends.
    pub fn clean_up(&self) {
        if let Some(runtime) = relay::runtime_directory() {
            // Nothing there is needed again; a leftover is swept by the next kernel.
            let _ = std::fs::remove_dir_all(runtime);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn interrupted() -> CellError {
    report::plain("Interrupted", "the cell was interrupted")
}

fn notice(text: &str) -> Display {
    let mut bundle = Map::new();
    bundle.insert("text/plain".into(), Value::String(text.into()));
    Display {
        bundle,
        ..Display::default()
    }
}

fn bundle(outputs: EvalOutputs) -> Map<String, Value> {
    outputs
        .content_by_mime_type
        .into_iter()
        .map(|(mime, text)| {
            let value = if mime.ends_with("json") {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            } else {
                Value::String(text.trim_end_matches('\n').to_owned())
            };
            (mime, value)
        })
        .collect()
}
