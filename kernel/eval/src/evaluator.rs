mod answers;
mod checking;
mod early;
mod interrupt;
mod lost_variables;
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use evcxr::{CommandContext, Error, EvalOutputs};
use serde_json::{Map, Value};

use crate::advice::{Lost, Notebook};
use crate::bridge::{Bridge, Reached, Variable};
use crate::capture::{Capture, Sink};
use crate::direct::{self, Refused, TypedCell};
use crate::early::Early;
use crate::help;
use crate::host::{Running, Shared};
use crate::source::Prepared;
use crate::tokens::{self, commands_end, rust_start};
use crate::{
    CellError, Compiler, Display, Options, Outlet, Preparing, Prewarm, SessionAccess, compiler,
    error_report, kept, lost_threads, relay, slips, variables,
};

/// Evaluates cells, one at a time; lives as long as the kernel.
pub struct Evaluator {
    /// Of compiled cells.
    shared: Arc<Shared>,
    /// Of direct cells, which run while hidden cells warm the compiler up.
    direct: Arc<Shared>,
    /// Of compiled cells that come before evcxr is there.
    alone: Arc<Shared>,
    capture: Result<Arc<Capture>, String>,
    options: Options,
    state: Mutex<State>,
    changed: Condvar,
    /// A cell waits for the compiler.
    awaited: AtomicBool,
    /// Compiled cells have one tokio between them.
    shares_tokio: AtomicBool,
    context: Mutex<Option<CommandContext>>,
    /// A cell is between `evaluate` and its return.
    evaluating: AtomicBool,
    /// That cell needs no compiler.
    runs_direct: AtomicBool,
    /// Variables of both kinds of cells; locked while a direct cell runs.
    bridge: Mutex<Bridge>,
    /// evcxr's variables with their types, as of the last compiled cell.
    compiled: Mutex<Vec<(String, String)>>,
    /// Variables that were reset with their session and not made again, for the advice under an error.
    lost: Mutex<Vec<Lost>>,
    /// What a cell can use, as of the last cell.
    variables: Mutex<Arc<[Variable]>>,
}

/// How far the start of the compiler is.
#[derive(Default)]
struct State {
    compiler: Compiler,
    preparing: Option<Preparing>,
    early: Option<Arc<Early>>,
}

/// What is said after the reason why there is no compiler.
const WITHOUT: &str =
    "Cells made only of SignalTree calls, literals, `let` and variables run without it.";

impl Evaluator {
    /// Captures stdout and stderr of the process and returns at once; the compiler starts on a thread.
    pub fn start(
        engine: Arc<dyn SessionAccess>,
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
        let direct = shared.beside();
        let alone = shared.beside();
        if let Ok(capture) = &capture {
            alone.set_capture(capture);
        }
        interrupt::survive([&shared, &alone]);
        direct::attach(&direct);
        let evaluator = Arc::new(Evaluator {
            shared,
            direct,
            alone,
            capture,
            options,
            state: Mutex::default(),
            changed: Condvar::new(),
            awaited: AtomicBool::new(false),
            shares_tokio: AtomicBool::new(false),
            context: Mutex::new(None),
            evaluating: AtomicBool::new(false),
            runs_direct: AtomicBool::new(false),
            bridge: Mutex::default(),
            compiled: Mutex::default(),
            lost: Mutex::default(),
            variables: Mutex::new(Arc::default()),
        });
        if evaluator.options.prewarm == Prewarm::Background {
            evaluator.start_compiler();
        }
        evaluator
    }

    pub fn state(&self) -> Compiler {
        lock(&self.state).compiler.clone()
    }

    /// Starts the compiler in the background unless it was started before.
    pub fn start_compiler(self: &Arc<Self>) {
        {
            let mut state = lock(&self.state);
            if state.compiler != Compiler::Off {
                return;
            }
            state.compiler = Compiler::Starting;
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
                        &*evaluator,
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
        self.shared.print_to(None);
        {
            let mut now = lock(&self.state);
            now.compiler = state;
            now.preparing = None;
        }
        self.changed.notify_all();
    }

    /// Runs one cell to its end: outputs go to the outlet, in order, before this returns.
    ///
    /// A cell of SignalTree calls, literals and known variables runs at once; any other is compiled.
    ///
    /// # Errors
    /// The cell does not compile, panicked, returned an error through `?`, or was interrupted.
    pub fn evaluate(self: &Arc<Self>, code: &str) -> Result<(), CellError> {
        self.cell(|| {
            let cell = lock(&self.bridge).try_direct(code);
            if self.options.prewarm == Prewarm::FirstCell {
                self.start_compiler();
            }
            match cell {
                Some(cell) => self.run_direct(code, cell),
                None => self.compile(code),
            }
        })
    }

    /// As [`Self::evaluate`], but always through the compiler.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_compiled(self: &Arc<Self>, code: &str) -> Result<(), CellError> {
        self.cell(|| self.compile(code))
    }

    /// Whether a cell would go through the compiler.
    pub fn needs_compiler(&self, code: &str) -> bool {
        lock(&self.bridge).try_direct(code).is_none()
    }

    /// The value of an expression, not published; `()` for a cell without one.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn expression(self: &Arc<Self>, code: &str) -> Result<Display, CellError> {
        let (result, mut shown) = self.shared.keep_results(|| self.evaluate(code));
        result?;
        Ok(shown.pop().unwrap_or_else(|| plain_text("()")))
    }

    fn cell(&self, run: impl FnOnce() -> Result<(), CellError>) -> Result<(), CellError> {
        self.shared.interrupted.store(false, Ordering::Relaxed);
        self.direct.interrupted.store(false, Ordering::Relaxed);
        self.alone.interrupted.store(false, Ordering::Relaxed);
        self.evaluating.store(true, Ordering::Relaxed);
        let result = run();
        self.evaluating.store(false, Ordering::Relaxed);
        if result.is_ok() && self.shared.is_interrupted() {
            // What it showed may be half of the truth; nobody should take it for the whole.
            return Err(interrupted());
        }
        result
    }

    fn run_direct(&self, code: &str, cell: TypedCell) -> Result<(), CellError> {
        self.runs_direct.store(true, Ordering::Relaxed);
        self.direct.begin_cell(&Arc::default());
        let mut bridge = lock(&self.bridge);
        let run = std::panic::AssertUnwindSafe(|| {
            let run = |scope: &mut direct::Scope| direct::run(cell, scope, &self.direct);
            bridge.run(code, run, &self.shared)
        });
        let result = std::panic::catch_unwind(run).unwrap_or_else(|_| {
            Err(error_report::plain(
                "Internal",
                "the kernel met a bug while it ran this cell; the log has the details",
            ))
        });
        let ended = self.direct.end_cell();
        self.restored(&mut bridge, &ended);
        self.note_variables(&bridge);
        self.runs_direct.store(false, Ordering::Relaxed);
        match result {
            Err(_) if self.direct.is_interrupted() => Err(interrupted()),
            result => result,
        }
    }

    fn compile(self: &Arc<Self>, code: &str) -> Result<(), CellError> {
        if !direct::is_shallow(code) {
            // Parsers, ours and rustc's, go as deep as the brackets do.
            return Err(error_report::plain(
                "CompileError",
                "the cell is nested too deeply; split its expressions into several `let`",
            ));
        }
        if let Some(answer) = help::answer(code) {
            return answer.map(|shown| self.shared.show_result(shown));
        }
        if code.trim() == ":vars" {
            let variables = self.known_variables();
            self.shared.show_result(variables::table(&variables));
            return Ok(());
        }
        if let Some(name) = [":type ", ":t "]
            .iter()
            .find_map(|command| code.trim().strip_prefix(command))
        {
            let variables = self.known_variables();
            return variables::kind(&variables, name.trim())
                .map(|shown| self.shared.show_result(shown));
        }
        self.told_at_once(code)?;
        if self.state() != Compiler::Ready
            && commands_end(code) == 0
            && let Some(error) = direct::syntax_error(code)
        {
            return Err(error);
        }
        if let Some(result) = self.run_early(code) {
            return result;
        }
        self.wait_for_compiler()?;
        self.run(code)
    }

    /// Mistakes that need no compiler.
    fn told_at_once(&self, code: &str) -> Result<(), CellError> {
        let variables = self.known_variables();
        let lost = lock(&self.lost).clone();
        let describe = self.describing();
        let notebook = Notebook {
            cell: code,
            variables: &variables,
            lost: &lost,
            describe: Some(&describe),
        };
        if let Some(slip) = slips::find(&notebook) {
            return Err(slip.to_error(&notebook, &|code| self.checked(code, &notebook)));
        }
        let refused = lock(&self.bridge).refused(code);
        match refused {
            Some(Refused::Unlooked(slip)) => {
                Err(slip.to_error(&notebook, &|code| self.checked(code, &notebook)))
            }
            Some(Refused::Borrowed(name)) => Err(kept::borrowed(&name, &notebook)),
            None => Ok(()),
        }
    }

    fn run(&self, code: &str) -> Result<(), CellError> {
        let mut guard = lock(&self.context);
        let Some(context) = guard.as_mut() else {
            return Err(error_report::plain(
                "NoCompiler",
                "the compiler is not running",
            ));
        };
        self.hand_over(context)?;
        if !self.shares_tokio.load(Ordering::Relaxed) {
            let shares = compiler::share_tokio(context, &self.shared, code);
            self.shares_tokio.store(shares, Ordering::Relaxed);
            if self.shared.is_interrupted() {
                return Err(interrupted());
            }
        }
        let before = self.known_variables();
        let mut bindings = lock(&self.bridge).bindings(code, &variables_of(context));
        let shares = self.shares_tokio.load(Ordering::Relaxed);
        if shares && !code[rust_start(code)..].trim().is_empty() {
            bindings.code.push_str("signaltree_tokio::enter(); ");
        }
        let mut cell = Prepared::new(code, &bindings.code);
        if shares {
            cell.code = tokens::waiting(&cell.code);
        }
        let cell = Arc::new(cell);
        self.shared.begin_cell(&cell);
        let result = compiler::execute(context, &cell.code);
        let mut ended = self.shared.end_cell();
        if code.trim() == ":clear" && result.is_ok() {
            compiler::renew(context, &self.shared);
            self.shares_tokio.store(false, Ordering::Relaxed);
        }
        let compiled = variables_of(context);
        drop(guard);
        let reached = match &result {
            _ if ended.lost.is_some() => Reached::Disaster,
            Err(Error::SubprocessTerminated(_)) => {
                self.shared.release_lost();
                Reached::Disaster
            }
            Err(_) => Reached::Nothing,
            Ok(_) if ended.panicked || ended.failed || ended.broken.is_some() => Reached::Failure,
            Ok(_) => Reached::End,
        };
        let hints = variables::hints(&bindings);
        {
            let mut bridge = lock(&self.bridge);
            bridge.after(
                code,
                reached,
                bindings,
                std::mem::take(&mut ended.exports),
                &compiled,
            );
            if matches!(code.trim(), ":clear" | ":restart") && result.is_ok() {
                self.shared.release_cleared();
                bridge.clear();
            }
            self.note_lost(reached == Reached::Disaster, &compiled);
            *lock(&self.compiled) = compiled;
            self.restored(&mut bridge, &ended);
            self.note_variables(&bridge);
        }
        if reached == Reached::End {
            self.note_taken(code, &before);
        }
        self.finish(code, result, ended, &cell)
            .map_err(|mut error| {
                if error.name == "CompileError" {
                    error.traceback.extend(hints);
                }
                error
            })
    }

    /// Variables that `restore()` brought back.
    fn restored(&self, bridge: &mut Bridge, ended: &Running) {
        for (name, node) in &ended.restored {
            bridge.restore(name, *node);
        }
    }

    fn finish(
        &self,
        code: &str,
        result: Result<EvalOutputs, Error>,
        ended: Running,
        cell: &Prepared,
    ) -> Result<(), CellError> {
        if let Some(lost) = &ended.lost {
            return Err(lost_threads::cell_lost(lost, &self.remaining()));
        }
        if self.shared.is_interrupted() {
            return Err(interrupted());
        }
        let lost = lock(&self.lost).clone();
        let variables = self.known_variables();
        let describe = self.describing();
        let notebook = Notebook {
            cell: code,
            variables: &variables,
            lost: &lost,
            describe: Some(&describe),
        };
        if let Err(error) = &result {
            let type_of = |name: &str| self.hovered(code, name);
            if let Some(error) = kept::explained(error, &notebook, type_of) {
                return Err(error);
            }
        }
        let outputs = match result {
            Ok(outputs) => outputs,
            Err(Error::CompilationErrors(errors)) => {
                return Err(error_report::compile_errors(
                    &errors,
                    cell,
                    &notebook,
                    &|code| self.checked(code, &notebook),
                ));
            }
            Err(Error::SubprocessTerminated(text)) => {
                return Err(error_report::plain(
                    "Crash",
                    &format!(
                        "the cell ended its session; variables of compiled cells are lost, signals stay{}\n{text}",
                        self.remaining()
                    ),
                ));
            }
            Err(error) => return Err(error_report::plain("CompileError", &error.to_string())),
        };
        if let Some(reason) = ended.broken {
            return Err(error_report::plain("LoadError", &reason));
        }
        if ended.panicked {
            return Err(match ended.panic {
                Some(panic) => panic.to_error(ended.source.as_deref()),
                None => error_report::plain("Panic", "the cell panicked without a message"),
            });
        }
        if ended.failed {
            return Err(match ended.error {
                Some((name, text)) => error_report::returned_error(&name, &text),
                None => error_report::plain("Error", "the cell returned an error"),
            });
        }
        if !outputs.content_by_mime_type.is_empty() {
            // Commands (`:vars`) and types of other crates that display themselves through evcxr.
            self.shared.show_result(Display {
                bundle: bundle(outputs),
                ..Display::default()
            });
        }
        Ok(())
    }

    /// The type of a variable that a cell makes, as rust-analyzer sees it.
    fn hovered(&self, code: &str, name: &str) -> Option<String> {
        let asked = format!("{code}\n;{name}");
        let (plain, _) = self.analyse(|context| context.hover_at(&asked, asked.len()).ok())?;
        let line = plain
            .lines()
            .find(|line| line.contains(&format!("{name}:")))?;
        Some(line.split_once(": ")?.1.to_owned())
    }

    fn known_variables(&self) -> Arc<[Variable]> {
        Arc::clone(&lock(&self.variables))
    }

    /// Removes the private folder; call it last, before the process ends.
    pub fn clean_up(&self) {
        if let Some(runtime) = relay::runtime_directory() {
            // Nothing there is needed again; a leftover is swept by the next kernel.
            compiler::remove(runtime, std::process::id());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variables_of(context: &CommandContext) -> Vec<(String, String)> {
    context
        .variables_and_types()
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

fn interrupted() -> CellError {
    error_report::plain("Interrupted", "the cell was interrupted")
}

fn plain_text(text: &str) -> Display {
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
