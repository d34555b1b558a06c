//! The thread that draws pictures again when a map they show half done is computed: drawing takes
//! longer than any page should wait.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::json;

use super::{Comm, Comms};
use crate::wire::Outgoing;

/// Maps that may wait for their picture.
const QUEUE: usize = 256;

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
