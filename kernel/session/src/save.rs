//! Whole signals for cells and pages: computing to memory, writing results. Both may take long, show progress
//! and can be interrupted.

mod memory;
mod meta;
mod open_file;
mod report;
mod store;
mod writing;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use protocol::{CommandReply, Event, NoticeLevel, Progress, Remark, SaveOptions, WireError};
use signal::{CancelToken, Caveat, SignalKind, SignalMeta};
use tree::{Graph, Node};

use crate::blocking_call::Failed;
use crate::{Session, caveats, closure, convert, date, handlers, journal, lock, provenance};
pub(crate) use memory::{compute, compute_all};
pub(crate) use meta::HOLES;
use report::Report;
pub(crate) use report::Throughput;
use writing::Writing;

fn flow(stop: bool) -> ControlFlow<()> {
    if stop {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

/// What is saved, where and how.
pub(crate) struct Job {
    session: Arc<Session>,
    graph: Arc<Graph>,
    node: Arc<Node>,
    /// As the file describes it.
    meta: SignalMeta,
    /// The path as somebody has written it.
    written: String,
    path: PathBuf,
    options: io::WriteOptions,
    /// Nodes that have the file open which the new one takes the place of.
    replaces: Vec<Arc<Node>>,
    writing: Writing,
}

impl Job {
    /// Scan positions that stay on the disk for the next time; `None` when nothing does.
    fn kept(&self) -> Option<u64> {
        let unfinished = io::unfinished(&self.path).ok().flatten()?;
        (unfinished.identity == self.options.identity).then_some(unfinished.finished_positions)
    }

    fn kept_text(&self) -> Option<String> {
        // Of a file that was replaced nothing can be gone on with.
        for (_, source) in self.graph.sources_of(self.node.id) {
            source.check().ok()?;
        }
        let kept = self.kept().filter(|kept| *kept > 0)?;
        let percent = 100 * kept / (self.node.meta.axes.positions() as u64).max(1);
        Some(format!(
            "{percent} % is kept; save it to the same place again to go on"
        ))
    }
}

/// Computes a whole signal and writes it. An existing file is replaced when the new one is complete. What an
/// earlier save of the same has left is continued.
pub(crate) fn save(
    session: &Arc<Session>,
    node: u32,
    written: &str,
    options: &SaveOptions,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    let saved = save_share(session, node, written, options, None, interrupted, progress)?;
    Ok(CommandReply {
        node: Some(node),
        text: Some(saved.text),
        caveats: saved.remarks,
        ..CommandReply::default()
    })
}

/// What a save has written.
pub(crate) struct Saved {
    /// What was written, in one line.
    pub text: String,
    /// `(40, 56) map of ε_xx`.
    pub summary: String,
    /// Scan positions.
    pub computed: usize,
    /// Those that an earlier save had left.
    pub kept: usize,
    /// What was found while it was computed.
    pub remarks: Vec<Remark>,
}

/// As [`save`]; with a part only the blocks of that share are computed, and the file stays unfinished until
/// all parts are there and combined.
pub(crate) fn save_share(
    session: &Arc<Session>,
    node: u32,
    written: &str,
    options: &SaveOptions,
    part: Option<io::Part>,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Saved, WireError> {
    let job = Arc::new(job(session, node, written, options, part)?);
    let _registered = session.register_save(node, &job.writing.cancel);
    let label = match part {
        Some(part) if part.of > 1 => {
            format!("saving part {}/{} of {written}", part.number, part.of)
        }
        _ => format!("saving {written}"),
    };
    let total = job.writing.total.load(Ordering::Relaxed);
    let began = Instant::now();
    let mut report = Report::new(session, node, total, label, progress);
    let work = {
        let job = job.clone();
        move || write(&job)
    };
    let writing = &job.writing;
    let waited = session.blocking_calls.wait(work, &mut || {
        report.done(
            writing.done.load(Ordering::Relaxed),
            writing.already.load(Ordering::Relaxed),
            writing.total.load(Ordering::Relaxed),
        );
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
    let kept = match &result {
        Ok(()) => None,
        Err(_) => job.kept_text(),
    };
    let result = result.map_err(|error| remark(error, kept.as_deref()));
    let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let [done, already, total] = [&writing.done, &writing.already, &writing.total].map(of);
    report.count(done, already, total);
    report.end(result, kept)?;
    let found = std::mem::take(&mut *lock(&job.writing.found));
    let remarks = (found.into_iter())
        .map(|caveat| Remark {
            about: written.to_owned(),
            text: caveat.text,
        })
        .chain(open_file::remarks(&job.replaces, written));
    let text = report::Written {
        path: written,
        summary: job.node.meta.summary(),
        bytes: report::bytes_below(&job.path),
        took: began.elapsed(),
        kept_percent: 100 * already / total.max(1),
    }
    .text();
    Ok(Saved {
        text,
        summary: job.node.meta.summary(),
        computed: total - already,
        kept: already,
        remarks: remarks.collect(),
    })
}

fn no_name() -> WireError {
    WireError::new(
        "parameter",
        "no name was given for the file",
        "write one between the quotes, for example `save(\"result.zspy\")?`",
    )
}

/// Says that asking again goes on.
fn remark(mut error: WireError, kept: Option<&str>) -> WireError {
    if let Some(kept) = kept {
        error.hint = match error.code.as_str() {
            "cancelled" => kept.to_owned(),
            _ => format!("{}; {kept}", error.hint),
        };
    }
    error
}

fn job(
    session: &Arc<Session>,
    node: u32,
    written: &str,
    options: &SaveOptions,
    part: Option<io::Part>,
) -> Result<Job, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    let found = found.clone();
    if written.trim().is_empty() {
        return Err(no_name().at_node(node));
    }
    let path = journal::absolute(Path::new(written));
    let replaces = open_file::replaced(session, &graph, &found, &path)?;
    let mut options = write_options(options, &path).map_err(|error| error.at_node(node))?;
    options.part = part;
    // Nothing tells whether a closure is the one of last time.
    let closures = (graph.with_ancestors(found.id).iter())
        .any(|node| node.operation_name() == Some(closure::MAP));
    if !closures {
        options.identity = provenance::identity(session, &graph, &found);
    }
    // How much a part has to do is known when the blocks are shared out.
    let total = match part {
        Some(part) if part.of > 1 => 0,
        _ => found.meta.axes.positions(),
    };
    Ok(Job {
        session: session.clone(),
        writing: Writing::new(total),
        meta: meta::of(&graph, &found),
        graph,
        node: found,
        written: written.to_owned(),
        path,
        options,
        replaces,
    })
}

fn write_options(options: &SaveOptions, path: &Path) -> Result<io::WriteOptions, WireError> {
    let unknown = |what: &str, given: &str, known: &str| {
        WireError::new(
            "parameter",
            format!("{}: there is no {what} `{given}`", path.display()),
            format!("use {known}"),
        )
    };
    let format = match &options.format {
        None => None,
        Some(name) => Some(
            io::ResultFormat::named(name)
                .ok_or_else(|| unknown("format", name, "zspy, zarr, hspy or npy"))?,
        ),
    };
    let compression = match &options.compression {
        None => io::Compression::Default,
        Some(name) => io::Compression::named(name)
            .ok_or_else(|| unknown("compression", name, "zstd, lz4, gzip or none"))?,
    };
    let sizes = |sizes: &Option<Vec<u32>>| {
        (sizes.as_ref()).map(|sizes| sizes.iter().map(|size| *size as usize).collect())
    };
    Ok(io::WriteOptions {
        format,
        compression,
        chunk: sizes(&options.chunk),
        shard: sizes(&options.shard),
        unfinished: match options.fresh {
            true => io::Unfinished::Replace,
            false => io::Unfinished::Resume,
        },
        ..io::WriteOptions::default()
    })
}

/// Saves for a page: returns when it has begun, events say how it goes on. What is there already is replaced only if
/// `replace` says that the person was asked; a name that is chosen in a dialog is a slip more easily than one in a cell.
pub(crate) fn start(
    session: &Arc<Session>,
    node: u32,
    written: &str,
    options: &SaveOptions,
    replace: bool,
) -> Result<(), WireError> {
    // What can be refused is refused in the answer.
    let asked = job(session, node, written, options, None)?;
    if !replace && asked.kept().is_none() && asked.path.exists() {
        return Err(exists(&asked, written).at_node(node));
    }
    let (weak, written, options) = (Arc::downgrade(session), written.to_owned(), options.clone());
    let work = move || {
        let Some(session) = weak.upgrade() else {
            return;
        };
        match save(&session, node, &written, &options, &|| false, &mut |_| {}) {
            Ok(saved) => notify_pages(&session, node, saved.caveats),
            // What went wrong is in the progress that the pages were told.
            Err(error) => tracing::info!("a page's save ended: {}", error.message),
        }
    };
    match std::thread::Builder::new().name("save".into()).spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => Err(WireError::new(
            "busy",
            format!("a save could not be started: {error}"),
            "try again when less is running",
        )
        .at_node(node)),
    }
}

/// `strain.zspy exists already (Strain map of grain, of 2026-11-28 19:20 UTC) and is open as \`again\``
fn exists(asked: &Job, written: &str) -> WireError {
    let path = &asked.path;
    let title = io::open(path, &io::OpenOptions::default())
        .map(|there| there.meta().title.clone())
        .unwrap_or_default();
    let changed = (std::fs::metadata(path)
        .and_then(|found| found.modified())
        .ok())
    .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
    .map(|time| date::of_seconds(time.as_secs()));
    let changed = changed.map_or_else(String::new, |date| {
        format!("of {}", date::to_the_minute(&date))
    });
    let about: Vec<&str> = [title.as_str(), changed.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let about = match about.is_empty() {
        true => String::new(),
        false => format!(" ({})", about.join(", ")),
    };
    let open = open_file::named(&asked.replaces);
    let open = open.map_or_else(String::new, |names| format!(" and is open as {names}"));
    WireError::new(
        "exists",
        format!("{written} exists already{about}{open}"),
        "replace it, or give another name",
    )
}

/// What a cell would be told under it.
fn notify_pages(session: &Session, node: u32, remarks: Vec<Remark>) {
    for remark in remarks {
        session.events.send(&Event::Notice {
            level: NoticeLevel::Warning,
            message: format!("Saved {}: {}", remark.about, remark.text),
            hint: String::new(),
            node: Some(node),
        });
    }
}

/// Writes the frames of a file anew, in chunks fit for dragging, and opens the new file. Each chunk of the old
/// one is decoded once.
pub(crate) fn reshard(
    session: &Arc<Session>,
    node: u32,
    written: &str,
    options: &SaveOptions,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let found = graph.node(node).ok_or_else(|| convert::no_node(node))?;
    if found.computation().is_some() {
        return Err(WireError::new(
            "wrong_kind",
            format!("`{}` is computed, not read from a file", found.name),
            "save it: save(path) writes chunks that are fit for dragging",
        )
        .at_node(node));
    }
    let saved = save(session, node, written, options, interrupted, progress)?;
    let opened = handlers::files::open(session, written, &protocol::OpenOptions::default())?;
    // What the new file inherits stands in what is said of it when it is opened.
    let new_remarks = (saved.caveats.into_iter()).filter(|remark| !opened.caveats.contains(remark));
    let caveats = new_remarks.chain(opened.caveats.clone()).collect();
    Ok(CommandReply {
        text: saved.text,
        caveats,
        ..opened
    })
}

/// Longest time a save waits for one to the same place that was interrupted.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file of a save is its own as long as this lives: until nothing of it writes, and before anybody hears of its end.
struct Place<'a>(&'a Arc<Job>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let own = Arc::downgrade(self.0);
        lock(&self.0.session.writing).retain(|other| !other.ptr_eq(&own));
    }
}

/// A thread of an interrupted save may be in the middle of a frame, and holds its file until then.
fn wait_for_earlier(job: &Arc<Job>) -> Result<Place<'_>, WireError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let earlier = {
            let mut running = lock(&job.session.writing);
            let earlier = (running.iter().filter_map(Weak::upgrade))
                .find(|other| other.path == job.path && !Arc::ptr_eq(other, job));
            if earlier.is_none() {
                running.push(Arc::downgrade(job));
            }
            earlier
        };
        let Some(earlier) = earlier else {
            return Ok(Place(job));
        };
        let ending = earlier.writing.cancel.is_cancelled() && Instant::now() < until;
        if !ending {
            return Err(WireError::new(
                "in_use",
                format!(
                    "`{}` cannot be saved as {}: `{}` is being saved there",
                    job.node.name,
                    job.path.display(),
                    earlier.node.name
                ),
                "wait for its end, stop it, or save under another name",
            )
            .at_node(job.node.id));
        }
        drop(earlier);
        if job.writing.cancel.is_cancelled() {
            return Err(convert::cancelled().at_node(job.node.id));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The whole of it, on the thread of the call.
fn write(job: &Arc<Job>) -> Result<(), WireError> {
    let failed = |error: signal::SourceError| io_error(job, &error);
    let _place = wait_for_earlier(job)?;
    let writing = &job.writing;
    let mut options = job.options.clone();
    // The record of how the result was made says what the preparations have found. Of several processes,
    // those with nothing to do for a node do not gather its reference either.
    let _prepared = (options.part.is_none_or(|part| part.of <= 1))
        .then(|| {
            (job.session.engine)
                .prepare(&job.graph, job.node.id, &writing.cancel)
                .map_err(|error| convert::compute_error(&error))
        })
        .transpose()?;
    if job.node.computation().is_some() {
        (job.session.engine)
            .find_dead_pixels(&job.graph, job.node.id, &writing.cancel)
            .map_err(|error| convert::compute_error(&error))?;
    }
    let known = caveats::of_result(&job.session, &job.graph, &job.node, Vec::new());
    let provenance = |caveats: &[Caveat]| {
        provenance::of(
            &job.session,
            &job.graph,
            &job.node,
            caveats,
            Some(&job.path),
        )
    };
    options.provenance = provenance(&known);
    let writer = io::ResultWriter::create_with(&job.path, &job.meta, &options).map_err(failed)?;
    let (total, already) = writer.share();
    writing.total.store(total as usize, Ordering::Relaxed);
    writing.already.store(already as usize, Ordering::Relaxed);
    writing.done.store(already as usize, Ordering::Relaxed);
    let in_pieces = job.options.part.is_some() || writer.already() > 0;
    let mut writer = if job.node.meta.kind == SignalKind::Map && !in_pieces {
        match store::write_map(job, &job.graph, &writer) {
            Ok(()) => writer,
            Err(error) => {
                store::leave(Some(writer), job);
                return Err(error);
            }
        }
    } else {
        store::stream(job, writer)?
    };
    let found = std::mem::take(&mut *lock(&writing.found));
    let all = caveats::of_result(&job.session, &job.graph, &job.node, found);
    *lock(&writing.found) = caveats::beyond(&all, &job.node.meta.caveats);
    writer.set_caveats(all.clone(), provenance(&all));
    writer.finish_if(|| writing.may_finish()).map_err(failed)
}

/// Why a file could not be written, with the space that is left there.
fn io_error(job: &Job, error: &signal::SourceError) -> WireError {
    let (node, path) = (&job.node, &job.path);
    let mut wire = convert::source_error(error).at_node(node.id);
    wire.message = format!("`{}` was not saved; {}", node.name, wire.message);
    let folder = path.parent().unwrap_or(path);
    // The remedies of the file layer are for who reads a file, or speak of its own options.
    if matches!(error, signal::SourceError::Invalid { .. })
        && matches!(io::unfinished(path), Ok(Some(left)) if left.identity != job.options.identity)
    {
        wire.hint = format!(
            "save the other one to its end, choose another name, or remove what it has left: `{}.save_with({:?}, SaveOptions {{ fresh: true, ..default() }})?`, `--fresh` of `signaltree compute`",
            node.name, job.written
        );
    }
    if matches!(error, signal::SourceError::Io { .. })
        && let Ok(disk) = rustix::fs::statvfs(folder)
        // What is no disk has no room either.
        && disk.f_blocks > 0
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

impl Session {
    /// Lets a page cancel this save while the guard lives, and keeps the node so long: whoever saves and runs
    /// the cell again gets what was asked for.
    fn register_save(&self, node: u32, cancel: &CancelToken) -> SaveGuard<'_> {
        lock(&self.saves).push((node, cancel.clone()));
        lock(&self.holds).work_begins(node);
        SaveGuard {
            session: self,
            node,
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
    node: u32,
    cancel: CancelToken,
}

impl Drop for SaveGuard<'_> {
    fn drop(&mut self) {
        // Over: its token tells it apart from other saves of the same node.
        self.cancel.cancel();
        lock(&self.session.saves).retain(|(_, cancel)| !cancel.is_cancelled());
        lock(&self.session.holds).work_ends(self.node);
        self.session.remove_loose_nodes();
    }
}
