//! The thread that draws the pictures of outputs again: when a map they show half done is computed, and when a page shows
//! its nodes otherwise. A notebook that is saved or exported then holds what was last seen. Drawing takes longer than any
//! page should wait.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Comm, Comms};
use crate::wire::Outgoing;

/// An output keeps its picture until nothing was asked of it for this long: while somebody drags, none is drawn.
const REST: Duration = Duration::from_millis(1000);
/// A drag without end does not keep the picture from a notebook that is saved.
const MAX_WAIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Waiting {
    /// Models whose picture is no longer what is seen, and since when.
    models: BTreeMap<String, Instant>,
    ended: bool,
}

#[derive(Default)]
pub(super) struct Pictures {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Pictures {
    /// The picture of a model is to be drawn again once it rests. Returns at once.
    pub fn outdated(&self, model: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let since = waiting.models.entry(model.to_owned());
        since.or_insert_with(Instant::now);
        self.wake.notify_one();
    }

    /// Ends the thread that serves them.
    pub fn end(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.ended = true;
        self.wake.notify_one();
    }

    /// Waits until a picture may have to be drawn; false at the end.
    fn wait(&self) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.models.is_empty() && !waiting.ended {
            let woken = self.wake.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
        !waiting.ended
    }

    fn take(&self, ready: impl Fn(&str, Instant) -> bool) -> Vec<String> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let models = waiting.models.iter();
        let due = models.filter(|(model, since)| ready(model.as_str(), **since));
        let due: Vec<String> = due.map(|(model, _)| model.clone()).collect();
        waiting.models.retain(|model, _| !due.contains(model));
        due
    }
}

/// The thread.
pub(super) fn serve(comms: &std::sync::Weak<Comms>, pictures: &Pictures) {
    while pictures.wait() {
        let Some(comms) = comms.upgrade() else { return };
        let due = pictures.take(|model, since| since.elapsed() >= MAX_WAIT || comms.rests(model));
        for model in due {
            super::guarded("drawing a picture", || comms.replace_picture(&model));
        }
        drop(comms);
        std::thread::sleep(LOOK_AGAIN);
    }
}

impl Comms {
    /// The map of `node` is computed: outputs that show part of it get the whole. Returns at once.
    pub fn computed(&self, node: u32) {
        let registry = self.lock();
        let partial = registry.comms.iter().filter(|(_, comm)| {
            matches!(comm, Comm::Widget(model) if model.awaits_picture() && model.nodes().contains(&node))
        });
        for (id, _) in partial {
            self.pictures.outdated(id);
        }
    }

    /// Whether nobody works in an output.
    fn rests(&self, model: &str) -> bool {
        match self.lock().comms.get(model) {
            Some(Comm::Widget(model)) => model.rests(REST),
            _ => true,
        }
    }

    fn replace_picture(&self, id: &str) {
        let (node, state) = match self.lock().comms.get(id) {
            Some(Comm::Widget(model)) => (model.node, model.state().traits.clone()),
            _ => return,
        };
        let state = match self.backend.picture(node, &state) {
            Ok(state) => state,
            Err(error) => return tracing::warn!("no picture of node {node}: {error}"),
        };
        let mut registry = self.lock();
        let Some(Comm::Widget(model)) = registry.comms.get_mut(id) else {
            return;
        };
        if state.poster == model.state().poster && state.text == model.state().text {
            return;
        }
        model.set_picture(state);
        let shown = Outgoing::publish("update_display_data", model.parent.as_ref(), model.output());
        let event = model.is_seen().then(|| model.picture_event());
        drop(registry);
        self.iopub.publish(shown);
        if let Some(event) = event {
            self.send_event(Some(id), &event);
        }
    }
}
