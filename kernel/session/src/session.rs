use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use bytes::Bytes;
use protocol::{
    Command, CommandReply, Event, NodeDescription, OperationDescription, Progress, ProgressState,
    Reply, Request, WireError,
};
use signal::{CancelToken, Frame, FrameFunction, NavigationIndex, Output};
use tree::{Engine, EngineConfig, EngineEvent, Graph, Node, PassState, Priority, Removed, Tree};

use crate::attention::Viewers;
use crate::blocking_call::{BlockingCalls, Failed, is_interruptible};
use crate::drafts::Drafts;
use crate::events::Events;
use crate::holds::Holds;
use crate::journal::{Journal, Stamp};
use crate::parameter_files::ParameterFiles;
use crate::request_queue::RequestQueue;
use crate::sources::OpenFiles;
use crate::tree_events::TreeEvents;
use crate::waits::Waits;
use crate::{closure, code, convert, cost, lock, progress, router, save};

/// Name of the environment variable that sets the memory budget, in bytes.
pub const BUDGET_VARIABLE: &str = "SIGNALTREE_MEMORY_BUDGET";

/// Limits of a session.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes of cached chunks, outputs, map and navigation images together.
    pub budget_bytes: usize,
    /// Threads of whole-scan passes.
    pub threads: usize,
}

impl Default for Config {
    /// 1 GiB and one thread per core.
    fn default() -> Self {
        let engine = EngineConfig::default();
        Config {
            budget_bytes: engine.budget_bytes,
            threads: engine.threads,
        }
    }
}

impl Config {
    /// The default, with `SIGNALTREE_MEMORY_BUDGET` (bytes) if it is set to a number.
    pub fn from_environment() -> Self {
        let mut config = Config::default();
        if let Ok(text) = std::env::var(BUDGET_VARIABLE) {
            match text.trim().parse() {
                Ok(bytes) => config.budget_bytes = bytes,
                Err(_) => tracing::warn!(
                    "{BUDGET_VARIABLE} is {text:?}, not a number of bytes; the default is used"
                ),
            }
        }
        config
    }
}

/// What the session remembers of a file beside the node.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// As the user wrote it, for the line of code.
    pub written: String,
    /// Absolute, so that a save can refuse to replace a file that is open.
    pub path: PathBuf,
    pub options: protocol::OpenOptions,
    /// The file as it was when it was opened.
    pub stamp: Option<Stamp>,
}

/// The tree with everything around it. Shared by all pages and cells.
pub struct Session {
    pub(crate) tree: Tree,
    pub(crate) engine: Engine,
    pub(crate) events: Arc<Events>,
    pub(crate) request_queue: RequestQueue,
    pub(crate) opened: Mutex<HashMap<u32, Opened>>,
    pub(crate) files: OpenFiles,
    pub(crate) parameter_files: ParameterFiles,
    pub(crate) holds: Mutex<Holds>,
    /// Running saves, so that a page can end them.
    pub(crate) saves: Mutex<Vec<(u32, CancelToken)>>,
    /// Saves whose file may still be open.
    pub(crate) writing: Mutex<Vec<Weak<save::Job>>>,
    /// What a frame of a file costs, by its number, as far as it is measured.
    pub(crate) costs: Mutex<HashMap<u32, cost::Measured>>,
    /// What reading each file has shown, as the pages were told last.
    pub(crate) found: Mutex<Vec<crate::caveats::Found>>,
    pub(crate) remarked: Mutex<crate::caveats::Remarked>,
    /// How fast running maps are.
    pub(crate) throughputs: Mutex<HashMap<u32, save::Throughput>>,
    pub(crate) blocking_calls: BlockingCalls,
    pub(crate) tree_events: TreeEvents,
    /// How often somebody asked whether an operation fits a node.
    questions: AtomicUsize,
    pub(crate) viewers: Viewers,
    pub(crate) drafts: Drafts,
    pub(crate) waits: Waits,
    /// Unless nobody asked for one.
    pub(crate) journal: OnceLock<Journal>,
}

impl Session {
    pub fn new(config: Config) -> Arc<Session> {
        let engine = Engine::new(EngineConfig {
            budget_bytes: config.budget_bytes,
            threads: config.threads,
        });
        let session = Arc::new_cyclic(|session: &std::sync::Weak<Session>| {
            let observed = session.clone();
            engine.observe(move |event| {
                if let Some(session) = observed.upgrade() {
                    session.engine_event(&event);
                }
            });
            Session {
                tree: Tree::new(),
                engine,
                events: Arc::default(),
                request_queue: RequestQueue::start(),
                opened: Mutex::default(),
                files: OpenFiles::default(),
                parameter_files: ParameterFiles::default(),
                holds: Mutex::default(),
                saves: Mutex::default(),
                costs: Mutex::default(),
                found: Mutex::default(),
                remarked: Mutex::default(),
                throughputs: Mutex::default(),
                writing: Mutex::default(),
                blocking_calls: BlockingCalls::default(),
                tree_events: TreeEvents::start(session.clone()),
                questions: AtomicUsize::new(0),
                viewers: Viewers::default(),
                drafts: Drafts::default(),
                waits: Waits::default(),
                journal: OnceLock::new(),
            }
        });
        session.watch_memory();
        session
    }

    /// `sink` is called with every event, from several threads; it must not block.
    pub fn subscribe(&self, sink: Box<dyn Fn(&Event) + Send + Sync>) {
        self.events.subscribe(sink);
    }

    /// A page's request. Returns at once; `answer` is called once from another thread, or dropped
    /// uncalled when a newer frame of the same view has taken its place.
    pub fn request(
        self: &Arc<Self>,
        request: Request,
        answer: Box<dyn FnOnce(Reply, Vec<Bytes>) + Send>,
    ) {
        self.request_from("", request, answer);
    }

    /// As [`Session::request`], for several pages whose view numbers may coincide: `page` tells them apart.
    pub fn request_from(
        self: &Arc<Self>,
        page: &str,
        request: Request,
        answer: Box<dyn FnOnce(Reply, Vec<Bytes>) + Send>,
    ) {
        router::request(self, page, request, answer);
    }

    /// A cell's command. May block (saving, computing); `interrupted` is polled and ends such work.
    ///
    /// # Errors
    /// [`WireError`] saying what, where and what to do.
    pub fn command(
        self: &Arc<Self>,
        command: Command,
        interrupted: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<CommandReply, WireError> {
        router::command(self, command, interrupted, progress)
    }

    /// The frame of a node at a scan position: a view into the cache, no copy.
    ///
    /// # Errors
    /// [`WireError`] when the node has no frames or the frame cannot be computed.
    pub fn frame(self: &Arc<Self>, node: u32, index: &[usize]) -> Result<Frame, WireError> {
        self.frame_unless(node, index, &|| false)
    }

    /// As [`Session::frame`] for a cell: ends within milliseconds of `interrupted`, also in the middle of
    /// a slow operation.
    ///
    /// # Errors
    /// As [`Session::frame`], and `cancelled`.
    pub fn frame_unless(
        self: &Arc<Self>,
        node: u32,
        index: &[usize],
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Frame, WireError> {
        match self.output_unless(node, index, interrupted)? {
            Output::Frame(frame) => Ok(frame),
            other => Err(self.wrong_kind(node, "frames", other.noun())),
        }
    }

    /// A lazy node whose operation is the user's closure.
    ///
    /// # Errors
    /// [`WireError`] when the parent has no frames.
    pub fn add_map(&self, parent: u32, function: Arc<dyn FrameFunction>) -> Result<u32, WireError> {
        let node = self
            .tree
            .add_operation("map", &[parent], closure::computation(function))
            .map_err(convert::tree_error)?;
        self.notify_tree();
        Ok(node)
    }

    /// A cell holds one more handle of this node.
    pub fn retain(&self, node: u32) {
        // A handle on a node that was removed by hand counts nothing.
        if self.tree.snapshot().node(node).is_some() {
            lock(&self.holds).retain(node);
        }
    }

    /// A cell has dropped a handle. A node goes with the last who holds it, see `holds.rs`.
    pub fn release(&self, node: u32) {
        lock(&self.holds).release(node);
        self.remove_loose_nodes();
    }

    /// A cell's handles on these nodes, one for each, were lost in a crash. What nothing else holds stays as if it
    /// had come back from an earlier session: it may have taken hours.
    pub fn lose(&self, nodes: &[u32]) {
        let graph = self.tree.snapshot();
        {
            let mut holds = lock(&self.holds);
            nodes.iter().for_each(|node| holds.release(*node));
            let mut kept = nodes.to_vec();
            kept.retain(|node| graph.node(*node).is_some() && holds.is_loose(*node, || false));
            kept.retain(|node| graph.children(*node).next().is_none());
            kept.iter().for_each(|node| holds.orphan(*node));
        }
        self.remove_loose_nodes();
    }

    /// A view was opened for these nodes; they stay until it is closed ([`Session::page_closed`]).
    pub fn view_opened(&self, view: &str, nodes: Vec<u32>) {
        lock(&self.holds).view_opened(view, nodes);
        self.remove_loose_nodes();
    }

    /// An open view shows these nodes from now on, among them those it was opened for.
    pub fn view_shows(&self, view: &str, nodes: Vec<u32>) {
        lock(&self.holds).view_shows(view, nodes);
        self.remove_loose_nodes();
    }

    /// `None` when there is no such node.
    pub fn description(&self, node: u32) -> Option<NodeDescription> {
        let graph = self.tree.snapshot();
        let found = graph.node(node)?;
        Some(convert::node(self, &graph, found))
    }

    pub fn operations(&self) -> Vec<OperationDescription> {
        convert::operations()
    }

    /// Chunks read and outputs computed so far.
    pub fn reads(&self) -> tree::Reads {
        self.engine.reads()
    }

    pub fn memory(&self) -> tree::Memory {
        self.engine.memory()
    }

    /// How often somebody has asked so far whether an operation fits a node. Menus ask; a change of the tree does not.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    pub(crate) fn count_question(&self) {
        self.questions.fetch_add(1, Ordering::Relaxed);
    }

    /// Output of a node for a cell that waits.
    pub(crate) fn output_unless(
        self: &Arc<Self>,
        node: u32,
        index: &[usize],
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Output, WireError> {
        let graph = self.tree.snapshot();
        let at = self.position(&graph, node, index)?;
        if is_interruptible() && interrupted() {
            return Err(convert::cancelled().at_node(node));
        }
        // Most frames of a loop are in memory, and another thread would cost more than they do.
        if let Some(output) = self.engine.cached_output(&graph, node, at) {
            return Ok(output);
        }
        self.blocking_call(Some(node), interrupted, move |session, cancel| {
            let _first = session.engine.interactive();
            session
                .engine
                .output(&graph, node, at, Priority::Interactive, cancel)
                .map_err(|error| convert::compute_error(&error))
        })
    }

    /// Does what a cell waits for on another thread. When interrupted, this returns at once, and the work
    /// ends when it looks at its token: at the next frame.
    pub(crate) fn blocking_call<T: Send + 'static>(
        self: &Arc<Self>,
        node: Option<u32>,
        interrupted: &dyn Fn() -> bool,
        work: impl FnOnce(&Arc<Session>, &CancelToken) -> Result<T, WireError> + Send + 'static,
    ) -> Result<T, WireError> {
        let cancel = CancelToken::new();
        let (session, token) = (self.clone(), cancel.clone());
        let done = self
            .blocking_calls
            .wait(move || work(&session, &token), &mut || !interrupted());
        done.unwrap_or_else(|failed| {
            cancel.cancel();
            let mut error = match failed {
                Failed::Interrupted => convert::cancelled(),
                Failed::Panicked => convert::bug(),
            };
            error.node = node;
            Err(error)
        })
    }

    /// A scan position given from outside: as many indices as navigation axes.
    pub(crate) fn position(
        &self,
        graph: &tree::Graph,
        node: u32,
        index: &[usize],
    ) -> Result<NavigationIndex, WireError> {
        let node = graph.node(node).ok_or_else(|| convert::no_node(node))?;
        let at = NavigationIndex::new(index);
        if index.len() == node.meta.axes.navigation.len() && node.meta.axes.contains(at) {
            return Ok(at);
        }
        Err(convert::outside_scan(node, index))
    }

    pub(crate) fn wrong_kind(&self, node: u32, wanted: &str, found: &str) -> WireError {
        let graph = self.tree.snapshot();
        let Some(shown) = graph.node(node) else {
            return convert::no_node(node);
        };
        let name = shown.name.as_str();
        let first = match wanted {
            "peaks" if found == "frames" => {
                format!("find them first, `{name}.find_peaks(NormalizedCorrelation::default())?`; ")
            }
            _ => String::new(),
        };
        // A saved map is a file of images, too.
        let opened = code::line(self, &graph, shown);
        let images = match opened.split_once("= open(") {
            Some((made, path)) if (wanted, found) == ("frames", "maps") => format!(
                "; its images are the frames of `{made}= open_with({}, Open {{ signal_axes: 2, ..default() }})?;`",
                path.trim_end_matches(")?;")
            ),
            _ => String::new(),
        };
        WireError::new(
            "wrong_kind",
            format!("`{name}` has {found}, {wanted} were asked for"),
            format!(
                "{first}what it has is read by `{}`{images}",
                convert::first_position(shown)
            ),
        )
        .at_node(node)
    }

    /// Removes the nodes that nobody holds any more, see `holds.rs`.
    pub(crate) fn remove_loose_nodes(&self) {
        if !lock(&self.holds).take_loosened() {
            return;
        }
        let loose = |graph: &Graph, node: &Node| {
            let made_again = || self.is_made_again(graph, node);
            lock(&self.holds).is_loose(node.id, made_again)
        };
        let renamed = |node: &Node| lock(&self.holds).has_own_name(node.id);
        let removed = self.tree.remove_loose(loose, renamed);
        if !removed.nodes.is_empty() {
            self.forget_removed(&removed);
            self.notify_tree();
        }
    }

    /// Whether a cell has made the same as this node, which came back.
    fn is_made_again(&self, graph: &Graph, node: &Node) -> bool {
        let same = |other: &Node| other.id > node.id && self.is_same(graph, node, other);
        graph.nodes().iter().any(|other| same(other))
    }

    /// Whether two nodes are the same operations on the same file.
    fn is_same(&self, graph: &Graph, one: &Node, other: &Node) -> bool {
        let alike = match (one.computation(), other.computation()) {
            (None, None) => {
                let opened = lock(&self.opened);
                let file = |node: &Node| {
                    let opened = opened.get(&node.id)?;
                    Some((&opened.path, &opened.options, opened.stamp))
                };
                one.file.number == other.file.number
                    || file(one).is_some_and(|found| file(other) == Some(found))
            }
            (Some(one), Some(other)) => {
                let name = one.info().name;
                name != closure::MAP && name == other.info().name && one.params() == other.params()
            }
            _ => false,
        };
        let above = one.parents.iter().zip(&other.parents);
        alike
            && one.parents.len() == other.parents.len()
            && above.into_iter().all(|(one, other)| {
                one == other
                    || match (graph.node(*one), graph.node(*other)) {
                        (Some(one), Some(other)) => self.is_same(graph, one, other),
                        _ => false,
                    }
            })
    }

    pub(crate) fn forget_removed(&self, removed: &Removed) {
        self.remember_caveats(removed);
        self.engine.hand_over(&self.tree.snapshot(), removed);
        let nodes = &*removed.ids();
        self.forget_drafts_of(nodes);
        self.engine.forget(removed);
        lock(&self.opened).retain(|node, _| !nodes.contains(node));
        lock(&self.throughputs).retain(|node, _| !nodes.contains(node));
        let of = |number: u32| removed.files.iter().any(|file| file.number == number);
        lock(&self.costs).retain(|file, _| !of(*file));
        lock(&self.holds).forget(nodes);
    }

    fn is_paused(&self, node: u32) -> bool {
        let map = self.engine.map_progress(node);
        map.is_some_and(|map| map.state == PassState::Idle)
    }

    fn engine_event(&self, event: &EngineEvent) {
        match event {
            EngineEvent::Map(progress) => {
                let graph = self.tree.snapshot();
                if graph.node(progress.node).is_none() {
                    return self.draft_progressed(progress);
                }
                // What ends because its parameters changed is of no interest any more.
                let current = graph.node(progress.node);
                if let Some(node) = current.filter(|node| node.revision == progress.revision) {
                    let said = self.with_throughput(progress::of_map(self, node, progress));
                    let runs = said.state == ProgressState::Running;
                    self.notify_progress(said);
                    if runs && self.is_paused(progress.node) {
                        self.notify_tree(); // the pause was told before
                    }
                    if progress.state == PassState::Done && progress.without_value > 0 {
                        self.notify_tree(); // the node has a caveat more
                    }
                }
            }
            EngineEvent::Navigator { file, complete } => {
                for root in self.tree.snapshot().roots_of(*file) {
                    self.events.send(&Event::NavigatorChanged {
                        source: root.id,
                        complete: *complete,
                    });
                }
            }
            EngineEvent::Region {
                node,
                view,
                complete,
            } => self.region_improved(*node, view, *complete),
            EngineEvent::Estimate { node, .. } => {
                self.estimate_improved(*node);
            }
            EngineEvent::Preparing(progress) => self.preparation_progressed(progress),
            EngineEvent::Evicted { node } => self.materialised_evicted(*node),
            EngineEvent::Caveats { .. } => self.notify_tree(),
            // What is tried is in no tree.
            EngineEvent::Prepared { node } => {
                if self.tree.snapshot().node(*node).is_some() {
                    self.notify_tree();
                }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.engine.shut_down();
        self.request_queue.stop();
    }
}
