//! The tree for the pages: what changed of it, and not at every step of a cell that makes hundreds of nodes.

mod last_notified;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, Weak};
use std::time::Duration;

use protocol::{Event, NodeDescription, Progress, TreeDescription};

use crate::{Session, convert, lock};
use last_notified::LastNotified;

/// Changes within this time after one that was told are told together.
const PAUSE: Duration = Duration::from_millis(50);

/// Tells the pages of changes of the tree: the first at once, what follows closely in one.
pub(crate) struct TreeEvents {
    /// There is a change that no page has heard of.
    pending: AtomicBool,
    wake: SyncSender<()>,
    /// Held while a tree is described and sent, so that a page never gets an older one after a newer one.
    last_notified: Mutex<LastNotified>,
    /// Nodes whose progress pages heard of since the tree was told. Not in `told`: threads of the engine, which say how far
    /// they are, do not wait for a description.
    progressed: Mutex<BTreeSet<u32>>,
}

impl TreeEvents {
    /// Starts the thread; it ends with the session.
    pub fn start(session: Weak<Session>) -> Self {
        let (wake, woken) = sync_channel(1);
        let started = std::thread::Builder::new()
            .name("tree-events".into())
            .spawn(move || {
                while woken.recv().is_ok() {
                    match session.upgrade() {
                        Some(session) => session.notify_tree_now(),
                        None => return,
                    }
                    std::thread::sleep(PAUSE);
                }
            });
        if let Err(error) = started {
            tracing::error!("pages hear of no change that a cell makes: no thread: {error}");
        }
        Self {
            pending: AtomicBool::new(false),
            wake,
            last_notified: Mutex::default(),
            progressed: Mutex::default(),
        }
    }
}

impl Session {
    /// The tree has changed. Returns at once; the pages hear of it soon, and the journal.
    pub(crate) fn notify_tree(&self) {
        self.journal_changed();
        self.tree_events.pending.store(true, Ordering::SeqCst);
        // Full: the thread has not yet looked, and will see this change too.
        let _ = self.tree_events.wake.try_send(());
    }

    /// Tells pages how far a computation is. What the tree says of it is told again with the next change, also where it says
    /// what it said before the computation began.
    pub(crate) fn notify_progress(&self, said: Progress) {
        let node = said.node;
        self.events.send(&Event::Progress(said));
        // Afterwards: a tree that is told in between may come to pages before it.
        lock(&self.tree_events.progressed).insert(node);
    }

    /// Whoever returns from here knows that the pages have been sent the tree as it is.
    pub(crate) fn notify_tree_now(&self) {
        let mut last_notified = lock(&self.tree_events.last_notified);
        if self.tree_events.pending.swap(false, Ordering::SeqCst) && self.events.anybody() {
            self.notify_difference(&mut last_notified);
        }
    }

    /// The whole tree. Pages are told what they have not heard of it before, so that the next change they are told is one of this.
    pub fn tree(&self) -> TreeDescription {
        let mut last_notified = lock(&self.tree_events.last_notified);
        let nodes = self.notify_difference(&mut last_notified);
        TreeDescription {
            revision: last_notified.revision(),
            nodes,
        }
    }

    fn notify_difference(&self, last_notified: &mut LastNotified) -> Vec<NodeDescription> {
        last_notified.progressed(&std::mem::take(&mut *lock(&self.tree_events.progressed)));
        let graph = self.tree.snapshot();
        let nodes: Vec<NodeDescription> = (graph.nodes().iter())
            .map(|node| convert::node(self, &graph, node))
            .collect();
        if let Some(change) = last_notified.renew(&nodes) {
            self.events.send(&Event::TreeChanged(change));
        }
        nodes
    }
}
