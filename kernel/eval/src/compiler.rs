//! evcxr: started in the background, warmed up with the prelude, one cell at a time.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use evcxr::{CommandContext, Error, EvalContext, EvalOutputs};

use crate::capture::Capture;
use crate::host::{Shared, accept_relays};
use crate::relay::{self, RELAY_VARIABLE};
use crate::user_crate::{UserCrate, cache_folder};

const NO_RUST: &str = "Rust is not installed, and cells are compiled: get it from https://rustup.rs, \
                       then restart the kernel";

/// Starts evcxr and gives it the prelude; takes seconds.
///
/// # Errors
/// One sentence on what is missing.
pub(crate) fn start(
    shared: &Arc<Shared>,
    capture: &Arc<Capture>,
    cache: Option<&Path>,
) -> Result<CommandContext, String> {
    let started = Instant::now();
    let version = rustc_version()?;
    let runtime = relay::runtime_directory().ok_or(
        "the program does not call eval::runtime_hook_if_child() first in main, so cells cannot run",
    )?;
    let cells = relay::cells_directory(runtime);
    let place = prepare(runtime, &cells, cache, &version)
        .map_err(|error| format!("the folder for compiled cells cannot be made: {error}"))?;
    place.seed(&cells).unwrap_or_else(|error| {
        tracing::warn!(%error, "the compiled crate of an earlier kernel cannot be used");
    });

    let socket = runtime.join("relay");
    let listener = UnixListener::bind(&socket)
        .map_err(|error| format!("{} cannot be opened: {error}", socket.display()))?;
    accept_relays(
        listener,
        Arc::clone(shared),
        Arc::clone(capture),
        cells.clone(),
    )
    .map_err(|error| format!("no thread can be started: {error}"))?;
    let executable = std::env::current_exe()
        .map_err(|error| format!("the kernel does not find its own program: {error}"))?;
    let mut relay = Command::new(executable);
    relay.env(RELAY_VARIABLE, &socket);

    shared.hidden.store(true, Ordering::Relaxed);
    let warmed = warm(relay, shared, &place.sources());
    shared.hidden.store(false, Ordering::Relaxed);
    let context = warmed?;
    if let Err(error) = place.keep(&cells) {
        tracing::warn!(%error, "the compiled crate is not kept for the next kernel");
    }
    tracing::info!(
        seconds = started.elapsed().as_secs_f64(),
        "the compiler is ready"
    );
    Ok(context)
}

fn rustc_version() -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|_| NO_RUST.to_owned())?;
    if Command::new("cargo").arg("-V").output().is_err() {
        return Err(NO_RUST.into());
    }
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "rustc does not work ({}): repair it with `rustup toolchain install stable`, then restart \
             the kernel",
            why.lines().next().unwrap_or("it gave no reason")
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn prepare(
    runtime: &Path,
    cells: &Path,
    cache: Option<&Path>,
    version: &str,
) -> std::io::Result<UserCrate> {
    sweep(runtime);
    let mut private = std::fs::DirBuilder::new();
    private.mode(0o700).recursive(true);
    private.create(runtime)?;
    private.create(cells)?;
    let cache = cache
        .map(Path::to_path_buf)
        .or_else(cache_folder)
        .unwrap_or_else(|| runtime.to_path_buf());
    // A home that cannot be written (a shared account) is no reason to fail.
    UserCrate::write(&cache, version).or_else(|_| UserCrate::write(runtime, version))
}

/// Removes what kernels that were killed left behind.
fn sweep(runtime: &Path) {
    let Some(entries) = runtime.parent().and_then(|folder| folder.read_dir().ok()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix("signaltree-")?.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        if let Some(process) = process
            && Path::new("/proc/self").exists()
            && !PathBuf::from(format!("/proc/{process}")).exists()
        {
            // Another user's folder stays: removing it fails.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn warm(relay: Command, shared: &Shared, sources: &Path) -> Result<CommandContext, String> {
    let (context, _) = EvalContext::with_subprocess_command(relay)
        .map_err(|error| format!("the compiler does not start: {error}"))?;
    let mut context = CommandContext::with_eval_context(context);
    // The second cell makes rust-analyzer read std, and evcxr expect `?` in cells: both cost seconds once.
    let prelude = format!(
        ":dep signaltree = {{ path = {:?} }}\n:efmt {{}}\nuse signaltree::prelude::*;\nuse \
         signaltree::eprintln;",
        sources.display().to_string()
    );
    for cell in [prelude.as_str(), "let warm = signaltree::hook::warm()?;"] {
        hidden(&mut context, shared, cell)
            .map_err(|reason| format!("the first cell does not compile: {reason}"))?;
    }
    // There is one compiler per kernel.
    drop(shared.prelude.set(prelude));
    Ok(context)
}

/// Runs a cell of ours that shows nothing.
fn hidden(context: &mut CommandContext, shared: &Shared, cell: &str) -> Result<(), String> {
    shared.begin_cell(&Arc::default());
    let result = execute(context, cell);
    let ended = shared.end_cell();
    match (result, ended.broken) {
        (Err(error), _) => Err(describe(&error)),
        (Ok(_), Some(broken)) => Err(broken),
        (Ok(_), None) => Ok(()),
    }
}

/// Makes the API known again after evcxr has forgotten everything.
pub(crate) fn renew(context: &mut CommandContext, shared: &Shared) {
    let Some(prelude) = shared.prelude.get() else {
        return;
    };
    shared.hidden.store(true, Ordering::Relaxed);
    if let Err(reason) = hidden(context, shared, prelude) {
        tracing::error!(reason, "the API is not known to cells any more");
    }
    shared.hidden.store(false, Ordering::Relaxed);
}

fn describe(error: &Error) -> String {
    match error {
        Error::CompilationErrors(errors) => errors
            .iter()
            .map(|error| match error.rendered() {
                rendered if rendered.is_empty() => error.message(),
                rendered => rendered,
            })
            .collect::<Vec<_>>()
            .join("\n"),
        error => error.to_string(),
    }
}

/// One cell; a panic of evcxr itself is an error of the cell.
pub(crate) fn execute(context: &mut CommandContext, code: &str) -> Result<EvalOutputs, Error> {
    catch_unwind(AssertUnwindSafe(|| context.execute(code))).unwrap_or_else(|_| {
        Err(Error::Message(
            "the compiler front end failed on this cell; rewrite it, or restart the kernel if others \
             fail too"
                .into(),
        ))
    })
}
