//! Whole signals for cells: computing maps, writing results. Both may take long, show progress and
//! can be interrupted.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{CommandReply, Event, Progress, ProgressState, WireError};
use signal::{CancelToken, SignalKind};
use tree::{ComputeError, Graph, Node};

use crate::errand::Failed;
use crate::{Session, convert, lock};

/// Shortest time between two reports.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Progress of a running save, told to its cell and to every page.
struct Report<'a> {
    session: &'a Session,
    told: Instant,
    progress: Progress,
    cell: &'a mut dyn FnMut(&Progress),
}

impl Report<'_> {
    fn done(&mut self, done: usize) {
        self.progress.done = done as f64;
        if self.told.elapsed() >= TELL_EVERY {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told = Instant::now();
        (self.cell)(&self.progress);
        let event = Event::Progress(self.progress.clone());
        self.session.events.send(&event);
    }

    fn end<T>(&mut self, result: Result<T, WireError>) -> Result<T, WireError> {
        self.progress.state = match &result {
            Ok(_) => ProgressState::Done,
            Err(error) if error.code == "cancelled" => ProgressState::Cancelled,
            Err(error) => {
                self.progress.message = error.message.clone();
                ProgressState::Failed
            }
        };
        if result.is_ok() {
            self.progress.done = self.progress.total;
        }
        self.tell();
        result
    }
}

/// Computes a whole map and keeps it.
pub(crate) fn compute(
    session: &Session,
    node: u32,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let mut told = Instant::now() - TELL_EVERY;
    let mut tick = |state: &tree::MapProgress| {
        let over = state.state != tree::PassState::Running;
        if over || told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            progress(&convert::map_progress(found, state));
        }
        flow(interrupted())
    };
    session
        .engine
        .finish_map(&graph, node, &mut tick)
        .map_err(|error| convert::compute_error(&error))?;
    Ok(CommandReply {
        node: Some(node),
        ..CommandReply::default()
    })
}

fn flow(stop: bool) -> ControlFlow<()> {
    if stop {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// A save under way: written by a thread of its own, so that neither a slow operation nor a slow disk
/// keeps its cell from being interrupted.
struct Writing {
    cancel: CancelToken,
    /// Scan positions.
    done: AtomicUsize,
    stage: Mutex<Stage>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Working,
    /// The new file takes the place of the old one; that is not stopped any more.
    Finishing,
    Abandoned,
}

impl Writing {
    /// Lets nothing take its place any more; `false` when it is too late for that.
    fn abandon(&self) -> bool {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Working {
            *stage = Stage::Abandoned;
            self.cancel.cancel();
        }
        *stage == Stage::Abandoned
    }

    fn may_finish(&self) -> bool {
        let mut stage = lock(&self.stage);
        if *stage == Stage::Working && !self.cancel.is_cancelled() {
            *stage = Stage::Finishing;
        }
        *stage == Stage::Finishing
    }
}

/// Computes a whole signal and writes it. An existing file is replaced when the new one is complete.
pub(crate) fn save(
    session: &Arc<Session>,
    node: u32,
    written: &str,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let path = std::path::absolute(written).unwrap_or_else(|_| PathBuf::from(written));
    refuse_open_file(session, &graph, found, &path)?;
    let writing = Arc::new(Writing {
        cancel: CancelToken::new(),
        done: AtomicUsize::new(0),
        stage: Mutex::new(Stage::Working),
    });
    let _registered = session.register_save(node, &writing.cancel);
    let mut report = Report {
        session,
        told: Instant::now() - TELL_EVERY,
        progress: Progress {
            node,
            state: ProgressState::Running,
            done: 0.0,
            total: found.meta.axes.positions() as f64,
            label: format!("saving {written}"),
            message: String::new(),
        },
        cell: progress,
    };
    report.tell();
    let work = {
        let (session, graph, node) = (session.clone(), graph.clone(), found.clone());
        let writing = writing.clone();
        move || write(&session, &graph, &node, &path, &writing)
    };
    let waited = session.errands.wait(work, &mut || {
        report.done(writing.done.load(Ordering::Relaxed));
        let stop = interrupted() || writing.cancel.is_cancelled();
        !(stop && writing.abandon())
    });
    let result = waited.unwrap_or_else(|failed| {
        Err(match failed {
            Failed::Interrupted => convert::cancelled(),
            Failed::Panicked => convert::bug(),
        }
        .at_node(node))
    });
    report.end(result)?;
    Ok(CommandReply {
        node: Some(node),
        text: Some(format!("{written}: {}", found.meta.summary())),
        ..CommandReply::default()
    })
}

fn write(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    path: &Path,
    writing: &Writing,
) -> Result<(), WireError> {
    let failed = |error: signal::SourceError| io_error(node, path, &error);
    let writer = io::ResultWriter::create(path, &node.meta).map_err(failed)?;
    match node.meta.kind {
        SignalKind::Map => write_map(session, graph, node, path, writing, &writer)?,
        SignalKind::Frame | SignalKind::Peaks => {
            write_stream(session, graph, node, path, writing, &writer)?;
        }
    }
    writer.finish_if(|| writing.may_finish()).map_err(failed)
}

/// Writing over a file that is being read, or over the folder it lies in, would destroy it.
fn refuse_open_file(
    session: &Session,
    graph: &Graph,
    node: &Node,
    path: &Path,
) -> Result<(), WireError> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let wanted = real(path);
    let opened = lock(&session.opened);
    let clash = opened.iter().find_map(|(id, opened)| {
        let open = real(&opened.path);
        let what = if open == wanted {
            "this file"
        } else {
            "a part of it"
        };
        let node = graph.node(*id)?;
        open.starts_with(&wanted).then_some((node, what))
    });
    match clash {
        None => Ok(()),
        Some((open, what)) => Err(WireError::new(
            "in_use",
            format!(
                "`{}` cannot be saved as {}: {what} is open as `{}`",
                node.name,
                path.display(),
                open.name
            ),
            "save under another name",
        )
        .at_node(node.id)),
    }
}

/// Why a file could not be written, with the space that is left there.
fn io_error(node: &Node, path: &Path, error: &signal::SourceError) -> WireError {
    let mut wire = convert::source_error(error).at_node(node.id);
    wire.message = format!("`{}` was not saved; {}", node.name, wire.message);
    let folder = path.parent().unwrap_or(path);
    if matches!(error, signal::SourceError::Io { .. })
        && let Ok(disk) = rustix::fs::statvfs(folder)
    {
        let free_mb = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
        let need_mb = node.meta.total_bytes() >> 20;
        wire.hint = format!(
            "{} has {free_mb} MB free, the result needs up to {need_mb} MB; what was there before is unchanged",
            folder.display()
        );
    }
    wire
}

/// Computes the map (or takes it as it is) and writes its images.
fn write_map(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    path: &Path,
    writing: &Writing,
    writer: &io::ResultWriter,
) -> Result<(), WireError> {
    let map = session
        .engine
        .finish_map(graph, node.id, &mut |progress| {
            writing.done.store(progress.done, Ordering::Relaxed);
            flow(writing.cancel.is_cancelled())
        })
        .map_err(|error| convert::compute_error(&error))?;
    let progress = map.progress();
    if progress.failures > 0 {
        let first = progress
            .error
            .map_or_else(String::new, |error| error.to_string());
        session.events.send(&Event::Notice {
            level: protocol::NoticeLevel::Warning,
            message: format!(
                "{} positions have no value; the first: {first}",
                progress.failures
            ),
            hint: "they are NaN in the file".into(),
            node: Some(node.id),
        });
    }
    writer
        .write_map(&map.all())
        .map_err(|error| io_error(node, path, &error))
}

/// Streams frames or peaks into the file. A frame that fails ends it: a hole would look like counts.
fn write_stream(
    session: &Session,
    graph: &Arc<Graph>,
    node: &Node,
    path: &Path,
    writing: &Writing,
    writer: &io::ResultWriter,
) -> Result<(), WireError> {
    let mut failed = None;
    let mut consume = |unit: tree::UnitOutputs| {
        for (at, output) in unit.outputs {
            let written = match output {
                Ok(output) => writer
                    .write(at, &output)
                    .map_err(|error| io_error(node, path, &error)),
                Err(error) => Err(frame_error(node, &error)),
            };
            if let Err(error) = written {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            writing.done.fetch_add(1, Ordering::Relaxed);
        }
        ControlFlow::Continue(())
    };
    let streamed = session
        .engine
        .stream(graph, node.id, &writing.cancel, &mut || {}, &mut consume);
    match failed {
        Some(error) => Err(error),
        None => streamed.map_err(|error| convert::compute_error(&error)),
    }
}

fn frame_error(node: &Node, error: &ComputeError) -> WireError {
    let mut wire = convert::compute_error(error);
    if wire.code != "cancelled" {
        wire.message = format!("`{}` was not saved; {}", node.name, wire.message);
    }
    wire
}

impl Session {
    /// Lets a page cancel this save while the guard lives.
    fn register_save(&self, node: u32, cancel: &CancelToken) -> SaveGuard<'_> {
        lock(&self.saves).push((node, cancel.clone()));
        SaveGuard {
            session: self,
            cancel: cancel.clone(),
        }
    }

    pub(crate) fn cancel_save(&self, node: u32) {
        let saves = lock(&self.saves);
        let of_node = saves.iter().filter(|(saving, _)| *saving == node);
        of_node.for_each(|(_, cancel)| cancel.cancel());
    }
}

struct SaveGuard<'a> {
    session: &'a Session,
    cancel: CancelToken,
}

impl Drop for SaveGuard<'_> {
    fn drop(&mut self) {
        // Over: its token tells it apart from other saves of the same node.
        self.cancel.cancel();
        lock(&self.session.saves).retain(|(_, cancel)| !cancel.is_cancelled());
    }
}
