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

use crate::Preparing;
use crate::capture::Capture;
use crate::early::Early;
use crate::host::{Shared, accept_relays};
use crate::names;
use crate::relay::{self, RELAY_VARIABLE};
use crate::tokens::{self, commands_end};
use crate::toolchain::{self, Toolchain};
use crate::user_crate::{self, UserCrate};

/// Who waits for the compiler.
pub(crate) trait Waiting: Sync {
    fn now(&self, preparing: Preparing);
    /// Cells that need no evcxr can be compiled from now on.
    fn can_compile(&self, early: Early);
    /// Whether a cell waits: then what only makes later cells quicker is left to them.
    fn is_awaited(&self) -> bool;
}

/// Starts evcxr and gives it the prelude; takes seconds.
///
/// # Errors
/// One sentence on what is missing.
pub(crate) fn start(
    shared: &Arc<Shared>,
    capture: &Arc<Capture>,
    cache: Option<&Path>,
    waiting: &dyn Waiting,
) -> Result<CommandContext, String> {
    let started = Instant::now();
    waiting.now(Preparing::Rust);
    let toolchain = Toolchain::find()?;
    let runtime = relay::runtime_directory().ok_or(
        "the program does not call eval::runtime_hook_if_child() first in main, so cells cannot run",
    )?;
    let cells = relay::cells_directory(runtime);
    let place = prepare(runtime, &cells, cache, &toolchain.version)
        .map_err(|error| format!("the folder for compiled cells cannot be made: {error}"))?;
    if let Some(library) = place.library() {
        match Early::new(&toolchain.rustc, library, runtime.join("early")) {
            Ok(early) => waiting.can_compile(early),
            Err(error) => tracing::warn!(%error, "the first cells wait for evcxr"),
        }
    }
    place.seed(&cells).unwrap_or_else(|error| {
        tracing::warn!(%error, "the compiled crate of an earlier kernel cannot be used");
    });
    if !toolchain.has_library() {
        waiting.now(Preparing::Library);
        toolchain
            .fetch_library()
            .unwrap_or_else(|reason| tracing::warn!(reason, "values of std have no type"));
    }
    waiting.now(if place.library().is_some() {
        Preparing::Types
    } else {
        Preparing::Crate
    });
    if toolchain.has_library()
        && let Err(error) = toolchain::lay_out(&toolchain.library(), &relay::library_view(runtime))
    {
        tracing::warn!(%error, "the whole standard library is read");
    }

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
    let warmed = warm(relay, shared, &place.sources(), waiting);
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

fn prepare(
    runtime: &Path,
    cells: &Path,
    cache: Option<&Path>,
    version: &str,
) -> std::io::Result<UserCrate> {
    remove_stale(runtime);
    let mut private = std::fs::DirBuilder::new();
    private.mode(0o700).recursive(true);
    private.create(runtime)?;
    private.create(cells)?;
    // A home that cannot be written (a shared account) is no reason to fail.
    let cache = user_crate::cache(cache).unwrap_or_else(|| runtime.to_path_buf());
    UserCrate::write(&cache, version).or_else(|_| UserCrate::write(runtime, version))
}

/// Removes what kernels that were killed left behind.
fn remove_stale(runtime: &Path) {
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
            remove(&entry.path(), process);
        }
    }
}

/// Removes the private folder of a kernel process, and the folders beside it in which its rust-analyzer kept lock files.
pub(crate) fn remove(runtime: &Path, process: u32) {
    // Another user's folder stays: removing it fails.
    let _ = std::fs::remove_dir_all(runtime);
    let locks = format!("rust-analyzer{process:x}-");
    let beside = (runtime.parent()).and_then(|folder| folder.read_dir().ok());
    for entry in beside.into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&locks) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn warm(
    relay: Command,
    shared: &Shared,
    sources: &Path,
    waiting: &dyn Waiting,
) -> Result<CommandContext, String> {
    let (context, _) = EvalContext::with_subprocess_command(relay)
        .map_err(|error| format!("the compiler does not start: {error}"))?;
    let mut context = CommandContext::with_eval_context(context);
    // An error of a call whose outcome nobody looks at would go unseen: `scan.save("x.zspy");` is refused.
    let prelude = format!(
        ":dep signaltree = {{ path = {:?} }}\n:efmt {{}}\n#![deny(unused_must_use)]\nuse \
         signaltree::prelude::*;\nuse signaltree::eprintln;",
        sources.display().to_string()
    );
    let run = |context: &mut CommandContext, cell: &str| {
        hidden(context, shared, cell)
            .map_err(|reason| format!("the first cell does not compile: {reason}"))
    };
    run(&mut context, &prelude)?;
    // There is one compiler per kernel.
    drop(shared.prelude.set(prelude));
    // It makes rust-analyzer infer a first type, and evcxr expect `?` in cells: both cost time once.
    if !waiting.is_awaited() {
        run(&mut context, "let warm = signaltree::hook::warm()?;")?;
    }
    Ok(context)
}

/// Runs a cell of ours that shows nothing.
pub(crate) fn hidden(
    context: &mut CommandContext,
    shared: &Shared,
    cell: &str,
) -> Result<(), String> {
    shared.begin_cell(&Arc::default());
    let result = execute(context, cell);
    let ended = shared.end_cell();
    match (result, ended.broken) {
        (Err(error), _) => Err(describe(&error)),
        (Ok(_), Some(broken)) => Err(broken),
        (Ok(_), None) => Ok(()),
    }
}

/// Lets all cells share one copy of tokio before `code` runs, if it waits for a future or asks for tokio: each is a
/// library of its own, and the statics of another copy know nothing of its tasks. Gives whether that is done.
pub(crate) fn share_tokio(context: &mut CommandContext, shared: &Shared, code: &str) -> bool {
    let commands = code[..commands_end(code)].lines().map(str::trim_start);
    let crates: Vec<&str> = commands.filter(|line| line.starts_with(":dep ")).collect();
    let asks = crates.iter().any(|line| line.contains("tokio"));
    if !asks && !names::mentioned(code).contains("tokio") && !tokens::awaits(code) {
        return false;
    }
    let Some(folder) = relay::runtime_directory().map(|runtime| runtime.join("tokio")) else {
        return false;
    };
    if let Err(error) = user_crate::write_shared_tokio(&folder) {
        tracing::warn!(%error, "cells do not share tokio");
        return false;
    }
    // What the cell wants of it comes along, or it would be compiled twice.
    let cell = format!(
        "{}\n:dep signaltree_tokio = {{ path = {:?} }}\nuse signaltree_tokio::Now as _;",
        crates.join("\n"),
        folder.display().to_string()
    );
    shared.begin_cell(&Arc::default());
    let result = execute(context, &cell);
    shared.end_cell();
    if let Err(error) = &result {
        // The cell itself will say what is wrong.
        tracing::warn!(reason = describe(error), "cells do not share tokio");
    }
    result.is_ok()
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
