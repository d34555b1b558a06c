use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal::{Caveat, Computation, NotApplicable, SignalMeta, Source};

use crate::History;
use crate::dead_pixels::DeadPixels;

/// Where the frames of a node come from.
#[derive(Clone)]
pub enum Origin {
    Source(Arc<dyn Source>),
    Operation(Arc<dyn Computation>),
}

/// One signal of the tree: a file, or an operation on other nodes.
#[derive(Clone)]
pub struct Node {
    /// Never used again, also after the node is removed.
    pub id: u32,
    pub name: String,
    /// The name it was given; `name` has a number behind it while another node has that one.
    pub wanted: String,
    pub parents: Vec<u32>,
    pub origin: Origin,
    pub meta: Arc<SignalMeta>,
    /// Grows when the node's result may have changed.
    pub revision: u32,
    /// Node id of the file it goes back to.
    pub source: u32,
    /// The file it goes back to as it was opened: nodes with the same one share what is read of it.
    pub file: Arc<OpenedFile>,
    /// Why the operation no longer fits, after a change above it.
    pub fault: Option<NotApplicable>,
    /// Parameters it had before.
    pub history: Arc<History>,
    pub(crate) ended: Arc<Ended>,
}

/// What reading a file has shown that its header does not say.
#[derive(Default)]
pub(crate) struct Found {
    /// Once somebody has looked for them.
    pub dead: OnceLock<Option<DeadPixels>>,
    /// Most pixels of one frame that are NaN or infinite in the file.
    invalid: AtomicUsize,
}

impl Found {
    /// A frame has so many pixels that are NaN or infinite; whether it is the first with any.
    pub fn invalid_pixels(&self, count: usize) -> bool {
        count > 0 && self.invalid.fetch_max(count, Ordering::Relaxed) == 0
    }

    pub fn caveats(&self) -> Vec<Caveat> {
        let dead = self.dead.get().and_then(Option::as_ref);
        let dead = dead.map(|dead| dead.caveat().clone());
        let most = self.invalid.load(Ordering::Relaxed);
        let invalid = (most > 0).then(|| {
            let text = format!(
                "pixels that are NaN or infinite in the file (at most {most} of a frame) are left out of every result"
            );
            Caveat::new("invalid_pixels", text)
        });
        dead.into_iter().chain(invalid).collect()
    }
}

/// A source that one or several nodes were made for: the same file under two names is read, cached and painted
/// once.
pub struct OpenedFile {
    /// Never used again.
    pub number: u32,
    pub(crate) ended: Ended,
    /// What reading it has shown.
    pub(crate) found: Found,
}

impl OpenedFile {
    pub(crate) fn new(number: u32) -> Arc<Self> {
        Arc::new(OpenedFile {
            number,
            ended: Ended::default(),
            found: Found::default(),
        })
    }
}

/// Set when the engine has forgotten a node or a file. A thread that still works on an older snapshot keeps nothing
/// of it: nobody would take it away again.
#[derive(Debug, Default)]
pub(crate) struct Ended(AtomicBool);

impl Ended {
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Node {
    /// Of a file: what reading it has shown and is not in its description.
    pub fn found_caveats(&self) -> Vec<Caveat> {
        let Origin::Source(source) = &self.origin else {
            return Vec::new();
        };
        let mut caveats = source.caveats();
        caveats.extend(self.file.found.caveats());
        caveats
    }

    pub fn computation(&self) -> Option<&Arc<dyn Computation>> {
        match &self.origin {
            Origin::Operation(computation) => Some(computation),
            Origin::Source(_) => None,
        }
    }

    /// Wire name of the operation; `None` for a file.
    pub fn operation_name(&self) -> Option<&'static str> {
        self.computation()
            .map(|computation| computation.info().name)
    }
}
