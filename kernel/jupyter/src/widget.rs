//! The widget as an anywidget model: a state that a page can rebuild itself from at any time, and
//! the outputs that also show something where no kernel and no page is alive.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use protocol::Event;

use crate::progress::escaped;
use crate::widget_backend::WidgetState;
use crate::wire::{Outgoing, Parent};

/// Target under which front ends know widget models.
pub const TARGET: &str = "jupyter.widget";
/// Target of the comm on which a reloaded page asks for all models.
pub const CONTROL_TARGET: &str = "jupyter.widget.control";
/// Version of the widget messaging protocol; front ends reject another major version.
const MESSAGE_VERSION: &str = "2.1.0";
const MODULE: &str = "anywidget";
pub const MODULE_VERSION: &str = "~0.11.0";
/// One id for every viewer, so that pages share one style element.
pub const ANYWIDGET_ID: &str = "signaltree.Viewer";

/// Content, metadata and buffers of a `comm_open`.
pub type Opening = (Value, Value, Vec<Bytes>);

const ESM: &str = include_str!(concat!(env!("OUT_DIR"), "/index.js"));
const CSS: &str = include_str!(concat!(env!("OUT_DIR"), "/style.css"));

/// What makes a model of an earlier kernel live again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reattach {
    /// `restore()` in a cell.
    Restore,
    /// Its own cell, run again.
    Run,
}

impl Reattach {
    pub fn advice(self) -> &'static str {
        match self {
            Self::Restore => "Run restore()? in a cell to bring it back, or run this cell again.",
            Self::Run => "Run this cell again.",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Run => "run",
        }
    }
}

/// One model: the state shared by all views of one output.
pub struct Model {
    pub id: String,
    /// The notebook cell whose output holds it, if the front end names its cells.
    pub cell: Option<String>,
    pub node: u32,
    /// Under this id the output can be replaced, by a message with this parent.
    pub display_id: String,
    pub parent: Option<Arc<Parent>>,
    state: WidgetState,
    /// When a page last asked for something.
    asked: Option<Instant>,
    /// A page knows of it.
    seen: bool,
    /// Tells a cell that has no name by its client and its text.
    pub nameless_cell: Option<u64>,
    /// Set while no node of this kernel is behind it.
    reattach: Option<Reattach>,
}

impl Model {
    pub fn new(
        id: String,
        node: u32,
        parent: Option<&Arc<Parent>>,
        cell: Option<String>,
        state: WidgetState,
    ) -> Self {
        let display_id = format!("widget-{id}");
        Self {
            id,
            cell,
            node,
            display_id,
            parent: parent.cloned(),
            state,
            asked: None,
            seen: false,
            nameless_cell: None,
            reattach: None,
        }
    }

    /// A model of an earlier kernel: its picture, and what makes it live.
    pub fn detached(
        id: String,
        cell: Option<String>,
        state: WidgetState,
        reattach: Reattach,
    ) -> Self {
        Self {
            reattach: Some(reattach),
            ..Self::new(id, 0, None, cell, state)
        }
    }

    pub fn reattach(&self) -> Option<Reattach> {
        self.reattach
    }

    pub fn state(&self) -> &WidgetState {
        &self.state
    }

    /// Whether its picture shows a map that was not yet computed.
    pub fn awaits_picture(&self) -> bool {
        !self.state.complete
    }

    /// The node it was opened for, and those its views show.
    pub fn nodes(&self) -> Vec<u32> {
        let number = |value: &Value| value.as_u64().and_then(|node| u32::try_from(node).ok());
        let state = &self.state.traits;
        let panes = state.get("panes").and_then(Value::as_array);
        let panes = panes
            .into_iter()
            .flatten()
            .filter_map(|pane| pane.get("node"));
        let shown = state.get("node").into_iter().chain(panes);
        let mut nodes = vec![self.node];
        nodes.extend(shown.filter_map(number));
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// A page asks for something.
    pub fn note_asked(&mut self) {
        self.asked = Some(Instant::now());
        self.seen = true;
    }

    /// A page got its state.
    pub fn note_seen(&mut self) {
        self.seen = true;
    }

    pub fn is_seen(&self) -> bool {
        self.seen
    }

    /// Whether a page has asked for nothing for this long.
    pub fn rests(&self, pause: Duration) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() >= pause)
    }

    /// Takes over what a page has changed.
    pub fn merge(&mut self, state: &Map<String, Value>) {
        for (key, value) in state.iter().filter(|(key, _)| !key.starts_with('_')) {
            self.state.traits.insert(key.clone(), value.clone());
        }
    }

    /// Replaces the picture; what pages have changed stays.
    pub fn set_picture(&mut self, state: WidgetState) {
        self.state.poster = state.poster;
        self.state.width = state.width;
        self.state.text = state.text;
        self.state.alt = state.alt;
        self.state.complete = state.complete;
    }

    /// The whole state, and the buffers that belong at its `poster`.
    fn full_state(&self) -> (Map<String, Value>, Vec<Bytes>) {
        let (esm, css) = bundle();
        let Value::Object(mut state) = json!({
            "_model_module": MODULE,
            "_model_name": "AnyModel",
            "_model_module_version": MODULE_VERSION,
            "_view_module": MODULE,
            "_view_name": "AnyView",
            "_view_module_version": MODULE_VERSION,
            "_view_count": null,
            "_dom_classes": [],
            "layout": null,
            "tabbable": null,
            "tooltip": null,
            "_anywidget_id": ANYWIDGET_ID,
            "_esm": esm,
            "_css": css,
        }) else {
            return Default::default();
        };
        state.extend(self.state.traits.clone());
        // By this id the views of a page find the model again that takes the place of an older one.
        state.insert("model".into(), self.id.as_str().into());
        state.insert("protocol".into(), protocol::PROTOCOL_VERSION.into());
        state.insert("asleep".into(), json!(self.reattach.map(Reattach::word)));
        if !self.state.text.is_empty() {
            state.insert("poster_text".into(), self.state.text.as_str().into());
        }
        let buffers = if self.state.poster.is_empty() {
            Vec::new()
        } else {
            vec![self.state.poster.clone()]
        };
        (state, buffers)
    }

    /// What makes the model in every page.
    pub fn open(&self) -> Opening {
        let (state, buffers) = self.full_state();
        let paths: Vec<_> = buffers.iter().map(|_| json!(["poster"])).collect();
        let content = json!({
            "comm_id": self.id,
            "target_name": TARGET,
            "data": { "state": state, "buffer_paths": paths },
        });
        (content, json!({ "version": MESSAGE_VERSION }), buffers)
    }

    /// Answer to `request_state`.
    pub fn update(&self) -> (Value, Vec<Bytes>) {
        let (state, buffers) = self.full_state();
        let paths: Vec<_> = buffers.iter().map(|_| json!(["poster"])).collect();
        (
            json!({ "method": "update", "state": state, "buffer_paths": paths }),
            buffers,
        )
    }

    /// Content of the message that shows the model in the output of its cell, or replaces it there.
    pub fn output(&self) -> Value {
        json!({
            "data": self.bundle(),
            "metadata": self.metadata(),
            "transient": { "display_id": self.display_id },
        })
    }

    /// The same for a page whose notebook does not hear of it: JupyterLab passes replaced outputs only to cells that ran
    /// since the page was loaded.
    pub fn picture_event(&self) -> Value {
        json!(Event::Picture {
            data: self.bundle(),
            metadata: self.metadata(),
        })
    }

    /// How the picture is shown: at its size, and in words for who cannot see it.
    fn metadata(&self) -> Value {
        let mut picture = Map::new();
        if self.state.width > 0 {
            picture.insert("width".into(), self.state.width.into());
        }
        if !self.state.alt.is_empty() {
            picture.insert("alt".into(), self.state.alt.as_str().into());
        }
        match self.state.poster.is_empty() || picture.is_empty() {
            true => json!({}),
            false => json!({ "image/png": picture }),
        }
    }

    /// The picture for pages: nbconvert's usual template has no place for the words of a bare PNG. Those who make paper of
    /// a notebook, or show neither, take the PNG.
    fn element(&self, picture: &str) -> String {
        let alt = escaped(&self.state.alt).replace('"', "&quot;");
        let width = match self.state.width {
            0 => String::new(),
            width => format!(" width=\"{width}\""),
        };
        format!("<img src=\"data:image/png;base64,{picture}\" alt=\"{alt}\"{width}>")
    }

    /// The live view, and a picture and a line for everybody else.
    fn bundle(&self) -> Value {
        let mut bundle = Map::new();
        let view = json!({ "version_major": 2, "version_minor": 0, "model_id": self.id });
        bundle.insert("application/vnd.jupyter.widget-view+json".into(), view);
        if !self.state.poster.is_empty() {
            let picture = BASE64.encode(&self.state.poster);
            bundle.insert("text/html".into(), self.element(&picture).into());
            bundle.insert("image/png".into(), picture.into());
        }
        bundle.insert("text/plain".into(), self.state.text.as_str().into());
        Value::Object(bundle)
    }
}

/// Answer to `request_states`: every model, with its buffers. Paths start at the record of the
/// model, so the element `state` is needed.
pub fn update_states<'a>(models: impl Iterator<Item = &'a Model>) -> (Value, Vec<Bytes>) {
    let (mut states, mut paths, mut all) = (Map::new(), Vec::new(), Vec::new());
    for model in models {
        let (state, buffers) = model.full_state();
        let record = json!({
            "model_name": "AnyModel",
            "model_module": MODULE,
            "model_module_version": MODULE_VERSION,
            "state": state,
        });
        paths.extend(buffers.iter().map(|_| json!([model.id, "state", "poster"])));
        states.insert(model.id.clone(), record);
        all.extend(buffers);
    }
    (
        json!({ "method": "update_states", "states": states, "buffer_paths": paths }),
        all,
    )
}

/// A comm message of ours.
pub fn comm_msg(
    parent: Option<&Arc<Parent>>,
    comm_id: &str,
    data: Value,
    buffers: Vec<Bytes>,
) -> Outgoing {
    Outgoing::publish(
        "comm_msg",
        parent,
        json!({ "comm_id": comm_id, "data": data }),
    )
    .with_buffers(buffers)
}

/// Script and style of the widget. `SIGNALTREE_WIDGET_DIR` names a directory to read them from
/// instead, for work on the widget.
fn bundle() -> (Cow<'static, str>, Cow<'static, str>) {
    let read = |name: &str| {
        let path = std::path::PathBuf::from(std::env::var_os("SIGNALTREE_WIDGET_DIR")?).join(name);
        std::fs::read_to_string(&path)
            .inspect_err(|error| tracing::warn!("{}: {error}", path.display()))
            .ok()
    };
    let text = |name, built| read(name).map_or(Cow::Borrowed(built), Cow::Owned);
    (text("index.js", ESM), text("style.css", CSS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(poster: &'static [u8]) -> Model {
        let traits = json!({ "protocol": 1, "position": [0, 0] })
            .as_object()
            .cloned()
            .unwrap();
        Model::new(
            "m1".into(),
            5,
            None,
            None,
            WidgetState {
                traits,
                poster: Bytes::from_static(poster),
                width: 400,
                text: "<scan>".into(),
                alt: "a scan".into(),
                complete: true,
            },
        )
    }

    #[test]
    fn states_say_where_each_buffer_belongs() {
        let (with, without) = (
            model(b"png"),
            Model::new("m2".into(), 5, None, None, WidgetState::default()),
        );
        let (content, buffers) = update_states([&with, &without].into_iter());
        assert_eq!(content["buffer_paths"], json!([["m1", "state", "poster"]]));
        assert_eq!(buffers, [Bytes::from_static(b"png")]);
        assert_eq!(content["states"]["m2"]["state"]["_model_name"], "AnyModel");
        assert_eq!(content["states"]["m1"]["model_module_version"], "~0.11.0");
        let (open, metadata, _) = with.open();
        assert_eq!(open["data"]["buffer_paths"], json!([["poster"]]));
        assert_eq!(metadata["version"], "2.1.0");
    }

    #[test]
    fn the_nodes_of_all_panes_are_shown() {
        let mut model = model(b"");
        assert_eq!(model.nodes(), [5]);
        let panes = json!([{ "key": 0, "node": 9 }, { "key": 1, "node": 3 }, { "node": null }]);
        let state = json!({ "node": 3, "panes": panes });
        model.merge(state.as_object().unwrap());
        assert_eq!(model.nodes(), [3, 5, 9]);
    }

    #[test]
    fn a_page_cannot_replace_the_script() {
        let mut model = model(b"");
        model.merge(
            json!({ "position": [3, 7], "_esm": "evil" })
                .as_object()
                .unwrap(),
        );
        let (update, buffers) = model.update();
        assert!(buffers.is_empty());
        assert_eq!(update["state"]["position"], json!([3, 7]));
        assert_ne!(update["state"]["_esm"], "evil");
    }

    #[test]
    fn an_output_has_a_picture_and_a_line() {
        let output = model(b"png").output();
        let data = &output["data"];
        assert_eq!(data["image/png"], "cG5n");
        assert_eq!(
            data["text/html"],
            "<img src=\"data:image/png;base64,cG5n\" alt=\"a scan\" width=\"400\">"
        );
        assert_eq!(data["text/plain"], "<scan>");
        assert_eq!(
            data["application/vnd.jupyter.widget-view+json"]["model_id"],
            "m1"
        );
        assert_eq!(
            output["metadata"]["image/png"],
            json!({ "width": 400, "alt": "a scan" })
        );
        let bare = Model::new("m2".into(), 5, None, None, WidgetState::default()).output();
        assert!(bare["data"].get("image/png").is_none());
        assert_eq!(bare["metadata"], json!({}));
    }
}
