//! Recipes computed without a notebook: `signaltree compute` and `signaltree combine`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use protocol::{Progress, ProgressState, WireError};
use tree::{Graph, Node};

use crate::handlers::change;
use crate::journal::{Stamp, absolute};
use crate::provenance::{self, find};
use crate::recipe::{self, Recipe, RecipeInput, RecipeOutput};
use crate::save::Saved;
use crate::session::Opened;
use crate::{Session, caveats, convert, lock, save};

/// Outputs that are written at a time; each keeps the chunks that it has begun in memory.
const SIDE_BY_SIDE: usize = 8;
/// Shortest time between two reports.
const NOTIFY_INTERVAL: Duration = Duration::from_millis(100);

/// One share of the work, from 1 to `of`.
pub use io::Part;

/// What is to be computed, and where it goes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub recipe: PathBuf,
    /// Folder of the outputs; made if it is not there.
    pub out: PathBuf,
    /// Files for the inputs of the recipe; without a name, for the only scan that it computes from.
    pub inputs: Vec<(Option<String>, PathBuf)>,
    pub part: Option<Part>,
    /// Compute again what is there already.
    pub fresh: bool,
}

/// An output that was dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub file: PathBuf,
    /// `(40, 56) map of ε_xx`.
    pub summary: String,
    /// It was there already, made by the same recipe from the same file.
    pub was_there: bool,
    /// Scan positions that were computed now, and those that an earlier run had left.
    pub computed: usize,
    pub kept: usize,
}

/// An output that is to be computed.
struct Wanted<'a> {
    node: Arc<Node>,
    file: PathBuf,
    output: &'a RecipeOutput,
}

/// Who listens to a batch.
pub struct Listener<'a> {
    /// Polled; ends the work, which can be taken up again.
    pub interrupted: &'a dyn Fn() -> bool,
    pub progress: &'a mut dyn FnMut(&Progress),
    /// Something that the user should know and that ends nothing.
    pub warn: &'a mut dyn FnMut(&str),
}

/// Computes the outputs of a recipe. Maps of one file are filled by one pass over it; what an interrupted run has
/// left is taken up again.
///
/// # Errors
/// [`WireError`] for a recipe that cannot be carried out (nothing is written then), or an output that cannot be
/// computed or written. `cancelled` when interrupted.
pub fn compute(
    session: &Arc<Session>,
    batch: &Batch,
    listener: &mut Listener<'_>,
) -> Result<Vec<Finished>, WireError> {
    check_part(batch.part)?;
    let recipe = Recipe::read(&batch.recipe)?;
    let nodes = build(session, &recipe, batch, listener)?;
    let out = absolute(&batch.out);
    std::fs::create_dir_all(&out).map_err(|error| {
        WireError::new(
            "io",
            format!("the folder {} cannot be made: {error}", out.display()),
            "give another --out",
        )
    })?;
    let graph = session.tree.snapshot();
    let mut finished = Vec::new();
    let mut wanted = Vec::new();
    for output in &recipe.outputs {
        let node = nodes
            .get(output.node.as_str())
            .and_then(|id| graph.node(*id));
        let node = node.ok_or_else(|| convert::no_node(0))?;
        let file = out.join(&output.file);
        if !batch.fresh && is_there(session, &graph, node, &file) {
            finished.push(Finished {
                file,
                summary: node.meta.summary(),
                was_there: true,
                computed: 0,
                kept: node.meta.axes.positions(),
            });
        } else {
            let node = node.clone();
            wanted.push(Wanted { node, file, output });
        }
    }
    let sources: Vec<u32> = (recipe.inputs.iter())
        .filter_map(|input| nodes.get(&input.name).copied())
        .collect();
    let before = caveats::remarks(session, &sources);
    for some in wanted.chunks(SIDE_BY_SIDE) {
        let saved = write_all(session, some, batch, listener)?;
        finished.extend(some.iter().zip(saved).map(|(wanted, saved)| Finished {
            file: wanted.file.clone(),
            summary: saved.summary,
            was_there: false,
            computed: saved.computed,
            kept: saved.kept,
        }));
    }
    let now = caveats::remarks(session, &sources);
    for remark in now.iter().filter(|remark| !before.contains(remark)) {
        (listener.warn)(&format!("{}: {}", remark.about, remark.text));
    }
    Ok(finished)
}

fn check_part(part: Option<Part>) -> Result<(), WireError> {
    match part {
        Some(Part { number, of }) if number == 0 || number > of => Err(WireError::new(
            "part",
            format!("there is no part {number} of {of}"),
            "the parts of n are 1/n to n/n",
        )),
        _ => Ok(()),
    }
}

/// Opens the inputs and adds the nodes: headers are read, no pixel.
fn build(
    session: &Arc<Session>,
    recipe: &Recipe,
    batch: &Batch,
    listener: &mut Listener<'_>,
) -> Result<HashMap<String, u32>, WireError> {
    let folder = absolute(&batch.recipe);
    let folder = folder.parent().unwrap_or(Path::new("/"));
    let given = given_inputs(recipe, batch)?;
    let mut nodes = HashMap::new();
    for input in &recipe.inputs {
        let node = open(
            session,
            input,
            given.get(input.name.as_str()),
            folder,
            listener,
        )?;
        nodes.insert(input.name.clone(), node);
    }
    for node in &recipe.nodes {
        let above = |error: WireError| WireError {
            message: format!("`{}`: {}", node.name, error.message),
            ..error
        };
        let computation =
            change::bind_written(session, &node.operation, &recipe::parameters(node, folder))
                .map_err(above)?;
        // The recipe was checked: every parent comes before its children.
        let parents: Vec<u32> = (node.parents.iter())
            .filter_map(|parent| nodes.get(parent).copied())
            .collect();
        let id = session
            .tree
            .add_operation(&node.name, &parents, computation)
            .map_err(|error| above(convert::tree_error(error)))?;
        nodes.insert(node.name.clone(), id);
    }
    Ok(nodes)
}

/// Which file the command line gives for which input.
fn given_inputs<'a>(
    recipe: &'a Recipe,
    batch: &'a Batch,
) -> Result<HashMap<&'a str, &'a Path>, WireError> {
    let names: Vec<&str> = (recipe.inputs.iter())
        .map(|input| input.name.as_str())
        .collect();
    // Another scan with the same vacuum: what goes with a scan is what the recipe says, unless it is named.
    let scans = recipe.scans();
    let mut given = HashMap::new();
    for (name, path) in &batch.inputs {
        let name = match (name.as_deref(), scans.as_slice()) {
            (Some(name), _) if names.contains(&name) => name,
            (None, [only]) => only,
            (name, _) => {
                let what = name.map_or_else(
                    || "--input does not say which input it is".to_owned(),
                    |name| format!("the recipe has no input `{name}`"),
                );
                return Err(WireError::new(
                    "input",
                    what,
                    format!(
                        "give --input NAME=PATH; the inputs are {}",
                        names.join(", ")
                    ),
                ));
            }
        };
        if given.insert(name, path.as_path()).is_some() {
            return Err(WireError::new(
                "input",
                format!("two files are given for the input `{name}`"),
                "give one",
            ));
        }
    }
    Ok(given)
}

fn open(
    session: &Arc<Session>,
    input: &RecipeInput,
    given: Option<&&Path>,
    folder: &Path,
    listener: &mut Listener<'_>,
) -> Result<u32, WireError> {
    let remedy = format!("give it with --input {}=PATH", input.name);
    let identity = match (input.identity(folder), given) {
        (None, None) => {
            return Err(WireError::new(
                "input",
                format!("the recipe leaves open which file `{}` is", input.name),
                remedy,
            ));
        }
        (identity, _) => identity.unwrap_or_default(),
    };
    let found = find(&identity, folder, given.copied(), &remedy)?;
    if found.changed && given.is_none() {
        (listener.warn)(&format!(
            "{} has changed since the recipe was written",
            found.path.display()
        ));
    }
    let source = session.files.open(&found.path, &input.options)?;
    let node = session
        .tree
        .add_source(&input.name, source)
        .map_err(convert::tree_error)?;
    let opened = Opened {
        written: found.written,
        stamp: Stamp::of(&found.path),
        path: found.path,
        options: input.options.clone(),
    };
    lock(&session.opened).insert(node, opened);
    for remark in caveats::remarks(session, &[node]) {
        (listener.warn)(&format!("{}: {}", remark.about, remark.text));
    }
    Ok(node)
}

/// Whether the file is the result of the same computation already.
fn is_there(session: &Session, graph: &Graph, node: &Node, file: &Path) -> bool {
    let Ok(Some(found)) = provenance::read(file) else {
        return false;
    };
    !found.identity.is_empty() && found.identity == provenance::identity(session, graph, node)
}

/// Saves the outputs side by side: those of one file are subscribed to one pass over it, and each is continued where an
/// interrupted run has left it.
fn write_all(
    session: &Arc<Session>,
    wanted: &[Wanted<'_>],
    batch: &Batch,
    listener: &mut Listener<'_>,
) -> Result<Vec<Saved>, WireError> {
    let stop = AtomicBool::new(false);
    let (tell, heard) = channel();
    std::thread::scope(|scope| {
        for (number, one) in wanted.iter().enumerate() {
            let (tell, stop) = (tell.clone(), &stop);
            let started = std::thread::Builder::new()
                .name(format!("save-{number}"))
                .spawn_scoped(scope, move || {
                    let progress = tell.clone();
                    let saved = write(session, one, batch, stop, &mut |now| {
                        // Nobody listens any more: the work ends by itself.
                        let _ = progress.send((number, Word::Progress(now.clone())));
                    });
                    let _ = tell.send((number, Word::Ended(saved)));
                });
            if let Err(error) = started {
                stop.store(true, Ordering::Relaxed);
                return Err(WireError::new(
                    "busy",
                    format!("a thread could not be started: {error}"),
                    "try again when less is running",
                ));
            }
        }
        drop(tell);
        listen(wanted, &heard, &stop, listener)
    })
}

/// What a thread that saves tells.
enum Word {
    Progress(Progress),
    Ended(Result<Saved, WireError>),
}

/// Adds up how far all are, until all have ended. The first error ends the others too: they can be continued.
fn listen(
    wanted: &[Wanted<'_>],
    heard: &Receiver<(usize, Word)>,
    stop: &AtomicBool,
    listener: &mut Listener<'_>,
) -> Result<Vec<Saved>, WireError> {
    let mut latest: Vec<Option<Progress>> = vec![None; wanted.len()];
    let mut all: Vec<Option<Saved>> = wanted.iter().map(|_| None).collect();
    let mut failed: Option<WireError> = None;
    let mut last_notified = Instant::now() - NOTIFY_INTERVAL;
    loop {
        if (listener.interrupted)() {
            stop.store(true, Ordering::Relaxed);
        }
        match heard.recv_timeout(NOTIFY_INTERVAL) {
            Ok((number, Word::Progress(progress))) => latest[number] = Some(progress),
            Ok((_, Word::Ended(Err(error)))) => {
                stop.store(true, Ordering::Relaxed);
                // That others were ended is no news.
                if failed
                    .as_ref()
                    .is_none_or(|failed| failed.code == "cancelled")
                {
                    failed = Some(error);
                }
            }
            Ok((number, Word::Ended(Ok(saved)))) => all[number] = Some(saved),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if last_notified.elapsed() >= NOTIFY_INTERVAL
            && let Some(progress) = together(&latest)
        {
            last_notified = Instant::now();
            (listener.progress)(&progress);
        }
    }
    if let Some(mut progress) = together(&latest) {
        progress.state = match &failed {
            None => ProgressState::Done,
            Some(error) if error.code == "cancelled" => ProgressState::Cancelled,
            Some(_) => ProgressState::Failed,
        };
        (listener.progress)(&progress);
    }
    failed.map_or(Ok(all.into_iter().flatten().collect()), Err)
}

/// One progress of several; how much there is to do is known when it is known of each.
fn together(latest: &[Option<Progress>]) -> Option<Progress> {
    let known: Vec<&Progress> = latest.iter().flatten().collect();
    let first = known.first()?;
    let sum = |of: fn(&Progress) -> f64| known.iter().map(|one| of(one)).sum::<f64>();
    let label = match latest.len() {
        1 => first.label.clone(),
        count => format!("saving {count} results"),
    };
    let all_counted = latest
        .iter()
        .all(|one| one.as_ref().is_some_and(|one| one.total > 0.0));
    Some(Progress {
        state: ProgressState::Running,
        done: sum(|one| one.done),
        total: match all_counted {
            true => sum(|one| one.total),
            false => 0.0,
        },
        kept: sum(|one| one.kept),
        rate: (known.iter().any(|one| one.rate.is_some()))
            .then(|| sum(|one| one.rate.unwrap_or(0.0))),
        seconds_left: (known.iter().filter_map(|one| one.seconds_left)).reduce(f64::max),
        label,
        message: String::new(),
        ..(*first).clone()
    })
}

/// Always piece by piece, so that it can be continued; a whole is its only part.
fn write(
    session: &Arc<Session>,
    wanted: &Wanted<'_>,
    batch: &Batch,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Saved, WireError> {
    let mut options = wanted.output.options.clone();
    options.fresh |= batch.fresh;
    save::save_share(
        session,
        wanted.node.id,
        &wanted.file.display().to_string(),
        &options,
        Some(batch.part.unwrap_or(Part { number: 1, of: 1 })),
        &|| stop.load(Ordering::Relaxed),
        progress,
    )
}

/// Puts together what the parts in a folder have computed, and gives the files their names.
///
/// # Errors
/// [`WireError`] when nothing is there to combine, or a part is missing; the others of the folder are combined all
/// the same.
pub fn combine(folder: &Path) -> Result<Vec<PathBuf>, WireError> {
    let targets = unfinished(folder)?;
    if targets.is_empty() {
        return Err(WireError::new(
            "nothing_to_combine",
            format!("{}: no part of a result lies there", folder.display()),
            "give the folder that was the --out of `signaltree compute --part i/n`",
        ));
    }
    let mut done = Vec::new();
    let mut failed = None;
    for target in targets {
        match io::combine(&target, &provenance::add_caveats) {
            Ok(()) => done.push(target),
            Err(error) => {
                failed.get_or_insert(convert::source_error(&error));
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

/// The files of which unfinished parts lie in a folder.
fn unfinished(folder: &Path) -> Result<Vec<PathBuf>, WireError> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        WireError::new(
            "io",
            format!("{}: {error}", folder.display()),
            "give a folder",
        )
    })?;
    let mut targets: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_prefix('.')?.strip_suffix(".partial")?.to_owned()))
        .map(|name| folder.join(name))
        .filter(|target| matches!(io::unfinished(target), Ok(Some(_))))
        .collect();
    targets.sort();
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_there_is_to_do_is_told_when_it_is_known() {
        let one = |done: f64, total: f64| {
            Some(Progress {
                node: 1,
                state: ProgressState::Running,
                done,
                total,
                label: "saving part 1/4 of a.zspy".into(),
                message: String::new(),
                rate: None,
                seconds_left: None,
                kept: 0.0,
                can_resume: false,
                measuring: None,
            })
        };
        assert!(together(&[None, None]).is_none());
        for early in [[one(5.0, 560.0), None], [one(5.0, 560.0), one(0.0, 0.0)]] {
            let all = together(&early).unwrap();
            assert_eq!((all.total, all.label.as_str()), (0.0, "saving 2 results"));
        }
        let all = together(&[one(5.0, 560.0), one(7.0, 560.0)]).unwrap();
        assert_eq!((all.done, all.total), (12.0, 1120.0));
        let alone = together(&[one(5.0, 560.0)]).unwrap();
        assert_eq!(alone.label, "saving part 1/4 of a.zspy");
    }
}
