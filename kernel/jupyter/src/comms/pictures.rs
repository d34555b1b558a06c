//! The thread that draws pictures again when a map they show half done is computed: drawing takes
//! longer than any page should wait.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Comm, Comms};
use crate::wire::Outgoing;

/// Maps that may wait for their picture.
const QUEUE: usize = 256;
/// A page builds its view anew when the picture of an output is replaced; whoever drags in it would lose the
/// pointer. So an output keeps its picture until nothing was asked of it for this long.
const REST: Duration = Duration::from_millis(1000);
/// A drag without end does not keep the picture from a notebook that is saved.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Pictures {
    inbox: SyncSender<u32>,
}

impl Pictures {
    pub fn new() -> (Self, PictureQueue) {
        let (inbox, nodes) = sync_channel(QUEUE);
        (Self { inbox }, PictureQueue(nodes))
    }
}

pub(super) struct PictureQueue(Receiver<u32>);

impl PictureQueue {
    pub fn serve(self, comms: &std::sync::Weak<Comms>) {
        while let Ok(node) = self.0.recv() {
            let begun = Instant::now();
            while begun.elapsed() < LONGEST_WAIT
                && comms.upgrade().is_some_and(|comms| comms.is_held(node))
            {
                std::thread::sleep(LOOK_AGAIN);
            }
            let Some(comms) = comms.upgrade() else { return };
            super::guarded("drawing a picture", || comms.replace_pictures(node));
        }
    }
}

impl Comms {
    /// The map of `node` is computed. Returns at once.
    pub fn computed(&self, node: u32) {
        if self.pictures.inbox.try_send(node).is_err() {
            tracing::warn!("too many pictures wait; that of node {node} stays as it is");
        }
    }

    /// Whether somebody works in an output that waits for the picture of `node`.
    fn is_held(&self, node: u32) -> bool {
        self.lock().comms.values().any(|comm| {
            matches!(comm, Comm::Widget(model)
                if model.node == node && model.awaits_picture() && !model.rests(REST))
        })
    }

    /// Once per output: a notebook that is saved or exported then holds the whole map.
    fn replace_pictures(&self, node: u32) {
        let waits = |comm: &Comm| matches!(comm, Comm::Widget(model) if model.node == node && model.awaits_picture());
        if !self.lock().comms.values().any(waits) {
            return;
        }
        let figure = match self.figures.picture(node) {
            Ok(figure) => figure,
            Err(error) => return tracing::warn!("no picture of node {node}: {error}"),
        };
        for comm in self.lock().comms.values_mut().filter(|comm| waits(comm)) {
            let Comm::Widget(model) = comm else { continue };
            model.set_figure(figure.clone());
            let content = json!({
                "data": model.output(),
                "metadata": {},
                "transient": { "display_id": model.display_id },
            });
            self.iopub.publish(Outgoing::publish(
                "update_display_data",
                model.parent.as_ref(),
                content,
            ));
        }
    }
}
