//! Models of an earlier kernel: what a page still shows of them, until `restore()` makes them live.
//!
//! A page that opens a notebook, or that was connected to a kernel which ended, holds outputs with
//! models this kernel never made. It gets them all the same, detached: the picture of the output and what
//! to do. Where the models come from: the journal of the earlier session, and the notebook on the disk.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use session::journal::View;

use super::{Comm, Comms, comm_msg};
use crate::notebook::{self, SavedView};
use crate::widget::{self, Model, Opening, Reattach};
use crate::widget_backend::WidgetState;
use crate::wire::Parent;

/// Pages that may wait for their models at a time.
const PAGES: usize = 64;

/// A page that waits for its models on its control comm.
struct Page {
    comm: String,
    parent: Arc<Parent>,
}

/// The thread that tells pages their models. The notebook may be large, and no other page waits for it.
pub(super) struct Reloads {
    inbox: SyncSender<Page>,
}

impl Reloads {
    pub fn new() -> (Self, ReloadQueue) {
        let (inbox, pages) = sync_channel(PAGES);
        (Self { inbox }, ReloadQueue(pages))
    }
}

pub(super) struct ReloadQueue(Receiver<Page>);

impl ReloadQueue {
    pub fn serve(self, comms: &std::sync::Weak<Comms>) {
        let mut saved = Saved::default();
        while let Ok(page) = self.0.recv() {
            let Some(comms) = comms.upgrade() else { return };
            super::guarded("a reload", || {
                comms.learn_earlier(saved.views(comms.backend.notebook()));
                comms.send_states(&page.comm, &page.parent);
            });
            comms.iopub.status(Some(&page.parent), "idle");
        }
    }
}

/// What was last read of the notebook.
#[derive(Default)]
struct Saved {
    file: Option<(PathBuf, u64, Option<SystemTime>)>,
    views: Vec<SavedView>,
}

impl Saved {
    /// Reads the notebook if it was saved since.
    fn views(&mut self, path: Option<PathBuf>) -> &[SavedView] {
        let file = path.and_then(|path| {
            let found = std::fs::metadata(&path)
                .ok()
                .filter(|file| file.is_file())?;
            Some((path, found.len(), found.modified().ok()))
        });
        if file != self.file {
            self.views = match &file {
                None => Vec::new(),
                Some((path, ..)) => notebook::saved_views(path).unwrap_or_else(|error| {
                    tracing::info!("no pictures are taken from {}: {error}", path.display());
                    Vec::new()
                }),
            };
            self.file = file;
        }
        &self.views
    }
}

impl Comms {
    /// A page asks for all models. Answered at once by another thread, which says busy and idle too.
    pub(super) fn reload(&self, comm: &str, parent: &Arc<Parent>) {
        self.iopub.status(Some(parent), "busy");
        let page = Page {
            comm: comm.to_owned(),
            parent: parent.clone(),
        };
        if self.reloads.inbox.try_send(page).is_err() {
            self.send_states(comm, parent);
            self.iopub.status(Some(parent), "idle");
        }
    }

    fn send_states(&self, comm: &str, parent: &Arc<Parent>) {
        let (states, buffers) = {
            let mut registry = self.lock();
            for comm in registry.comms.values_mut() {
                if let Comm::Widget(model) = comm {
                    model.note_seen();
                }
            }
            let awake = registry.order.iter().filter_map(|id| registry.model(id));
            let detached = registry.comms.values().filter_map(|comm| match comm {
                Comm::Detached(model) => Some(&**model),
                _ => None,
            });
            widget::update_states(awake.chain(detached))
        };
        self.iopub
            .publish(comm_msg(Some(parent), comm, states, buffers));
    }

    /// Enters models of earlier kernels, those of the journal and those of the saved notebook.
    fn learn_earlier(&self, saved: &[SavedView]) {
        let earlier = self.backend.earlier();
        let mut registry = self.lock();
        // What neither the notebook nor the journal has, no page will ask for.
        let known = |id: &str| {
            saved.iter().any(|view| view.model == id) || earlier.iter().any(|view| view.model == id)
        };
        if !saved.is_empty() {
            (registry.comms).retain(|id, comm| !matches!(comm, Comm::Detached(_)) || known(id));
        }
        for view in saved {
            let known = earlier.iter().find(|known| known.model == view.model);
            let state = WidgetState {
                traits: known.map(|known| known.state.clone()).unwrap_or_default(),
                poster: view.poster.clone(),
                text: view.text.clone(),
                complete: true,
                ..WidgetState::default()
            };
            let reattach = if known.is_some() {
                Reattach::Restore
            } else {
                Reattach::Run
            };
            registry.enter_detached(&view.model, view.cell.clone(), state, reattach);
        }
        for view in earlier {
            let state = WidgetState {
                traits: view.state.clone(),
                text: text_of(&view),
                complete: true,
                ..WidgetState::default()
            };
            registry.enter_detached(&view.model, view.cell.clone(), state, Reattach::Restore);
        }
    }

    /// Models of the earlier session are live again: `moved` says which node is which now. Every page
    /// gets them under their old ids, and its views take to them. Returns how many there are.
    pub fn revive(&self, parent: Option<&Arc<Parent>>, moved: &HashMap<u32, u32>) -> u32 {
        let mut count = 0;
        for view in self.backend.earlier() {
            let id = view.model.clone();
            if let Some(node) = moved.get(&view.node)
                && let Some((nodes, open)) = self.reattach(view, *node, moved)
            {
                self.backend.revived(&id, nodes);
                self.announce(parent, open);
                count += 1;
            }
        }
        if count > 0 {
            self.backend.changed();
        }
        count
    }

    /// Puts a live model in the place of the detached one, and gives the nodes it shows and the message that opens it;
    /// `None` if something newer is shown there.
    fn reattach(
        &self,
        view: View,
        node: u32,
        moved: &HashMap<u32, u32>,
    ) -> Option<(Vec<u32>, Opening)> {
        let mut registry = self.lock();
        let run_again = |comm: &Comm| matches!(comm, Comm::Widget(model) if model.cell.is_some() && model.cell == view.cell);
        if registry.comms.values().any(run_again) {
            return None;
        }
        let mut state = match registry.comms.get(&view.model) {
            None => WidgetState {
                text: text_of(&view),
                ..WidgetState::default()
            },
            Some(Comm::Detached(model)) => model.state().clone(),
            Some(_) => return None,
        };
        state.complete = true;
        state.traits = view.state;
        let now = |shown: Option<&Value>| {
            let shown = shown.and_then(Value::as_u64)?;
            moved.get(&u32::try_from(shown).ok()?)
        };
        let shown = now(state.traits.get("node")).unwrap_or(&node);
        state.traits.insert("node".into(), json!(shown));
        let panes = state.traits.get_mut("panes").and_then(Value::as_array_mut);
        for pane in panes.into_iter().flatten() {
            if let Some(node) = now(pane.get("node")) {
                pane["node"] = json!(node);
            }
        }
        if let Some(Value::Object(levels)) = state.traits.get_mut("levels") {
            *levels = levels_now(std::mem::take(levels), moved);
        }
        let model = Model::new(view.model.clone(), node, None, view.cell, state);
        let open = (model.nodes(), model.open());
        registry
            .comms
            .insert(view.model.clone(), Comm::Widget(Box::new(model)));
        registry.order.push(view.model);
        Some(open)
    }

    /// What the journal keeps of the live models.
    pub fn views(&self) -> Vec<View> {
        let registry = self.lock();
        let models = registry.order.iter().filter_map(|id| registry.model(id));
        models
            .map(|model| View {
                model: model.id.clone(),
                node: model.node,
                cell: model.cell.clone(),
                state: model.state().traits.clone(),
            })
            .collect()
    }
}

impl super::Registry {
    fn model(&self, id: &str) -> Option<&Model> {
        match self.comms.get(id) {
            Some(Comm::Widget(model)) => Some(model),
            _ => None,
        }
    }

    fn enter_detached(
        &mut self,
        id: &str,
        cell: Option<String>,
        state: WidgetState,
        reattach: Reattach,
    ) {
        if !self.comms.contains_key(id) {
            let model = Model::detached(id.to_owned(), cell, state, reattach);
            self.comms
                .insert(id.to_owned(), Comm::Detached(Box::new(model)));
        }
    }
}

/// Levels are held by node, or node and component. Revisions count from one again, so that no levels are from values
/// that can be told to be the same: those that nobody has set are chosen again.
fn levels_now(levels: Map<String, Value>, moved: &HashMap<u32, u32>) -> Map<String, Value> {
    let now = |(key, mut held): (String, Value)| {
        let (node, component) = key.split_at(key.find('.').unwrap_or(key.len()));
        let node = moved.get(&node.parse().ok()?)?;
        if let Some(held) = held.as_object_mut() {
            held.remove("of");
        }
        Some((format!("{node}{component}"), held))
    };
    levels.into_iter().filter_map(now).collect()
}

fn text_of(view: &View) -> String {
    let text = view.state.get("poster_text").and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// The answer to a page that asks a detached model for anything.
pub(super) fn refusal(content: &Value, model: &Model) -> Value {
    let error = protocol::WireError::new(
        "asleep",
        "This view belongs to an earlier kernel.",
        model.reattach().map_or("", Reattach::advice),
    );
    match content.get("view") {
        Some(view) => {
            json!({ "type": "failed", "view": view, "generation": content.get("generation"), "error": error })
        }
        None => {
            json!({ "type": "refused", "request_id": content.get("request_id").unwrap_or(&json!(0)), "error": error })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_their_nodes_and_are_chosen_again_unless_somebody_has_set_them() {
        let held = json!({
            "2": {"low": 1, "high": 9, "automatic": true, "of": "3", "complete": 1},
            "4.10": {"low": -2, "high": 2, "automatic": false, "of": "1", "complete": 0.4},
            "7.0": {"low": 0, "high": 1},
        });
        let moved = HashMap::from([(2, 12), (4, 2)]);
        let now = levels_now(held.as_object().cloned().unwrap_or_default(), &moved);
        let expected = json!({
            "12": {"low": 1, "high": 9, "automatic": true, "complete": 1},
            "2.10": {"low": -2, "high": 2, "automatic": false, "complete": 0.4},
        });
        assert_eq!(Value::Object(now), expected);
    }
}
