use std::sync::{Arc, Mutex};

use protocol::Event;

use crate::lock;

type Sink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Everybody who wants to know what changed.
#[derive(Default)]
pub(crate) struct Events {
    sinks: Mutex<Vec<Sink>>,
}

impl Events {
    pub fn subscribe(&self, sink: Box<dyn Fn(&Event) + Send + Sync>) {
        lock(&self.sinks).push(sink.into());
    }

    pub fn anybody(&self) -> bool {
        !lock(&self.sinks).is_empty()
    }

    pub fn send(&self, event: &Event) {
        let sinks = lock(&self.sinks).clone();
        sinks.iter().for_each(|sink| sink(event));
    }
}
