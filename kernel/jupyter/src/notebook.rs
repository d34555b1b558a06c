//! What a notebook on the disk still shows of widgets whose kernel has ended.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Deserialize;

use crate::widget::ANYWIDGET_ID;

/// A larger file is not read for its pictures.
const LARGEST_FILE: u64 = 512 << 20;
/// Views taken from one notebook, and bytes of their pictures.
const MAX_VIEWS: usize = 256;
const MAX_BYTES: usize = 64 << 20;

/// An output that names a model: what it shows to those who have none.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedView {
    pub model: String,
    pub cell: Option<String>,
    /// PNG; empty if the output has none.
    pub poster: Bytes,
    pub text: String,
}

/// The views in the outputs of a notebook. Those whose state another program has saved with the
/// notebook are its own and left out.
///
/// # Errors
/// A sentence: the file cannot be read, or is no notebook.
pub fn saved_views(path: &Path) -> Result<Vec<SavedView>, String> {
    let size = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .len();
    if size > LARGEST_FILE {
        return Err(format!("it has {size} bytes"));
    }
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let notebook: Notebook = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    Ok(notebook.views())
}

#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    cells: Vec<Cell>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    widgets: BTreeMap<String, Widgets>,
}

#[derive(Default, Deserialize)]
struct Widgets {
    #[serde(default)]
    state: BTreeMap<String, SavedModel>,
}

#[derive(Deserialize)]
struct SavedModel {
    #[serde(default)]
    state: SavedState,
}

#[derive(Default, Deserialize)]
struct SavedState {
    #[serde(rename = "_anywidget_id")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Cell {
    id: Option<String>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    data: Bundle,
}

#[derive(Default, Deserialize)]
struct Bundle {
    #[serde(rename = "application/vnd.jupyter.widget-view+json")]
    view: Option<View>,
    #[serde(rename = "image/png")]
    png: Option<Text>,
    #[serde(rename = "text/plain")]
    plain: Option<Text>,
}

#[derive(Deserialize)]
struct View {
    model_id: String,
}

/// A text, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Lines(Vec<String>),
}

impl Text {
    fn joined(self) -> String {
        match self {
            Self::Whole(text) => text,
            Self::Lines(lines) => lines.concat(),
        }
    }
}

impl Notebook {
    fn views(self) -> Vec<SavedView> {
        let of_others = |model: &SavedModel| model.state.kind.as_deref() != Some(ANYWIDGET_ID);
        let others: HashSet<String> = self
            .metadata
            .widgets
            .into_values()
            .flat_map(|widgets| widgets.state)
            .filter(|(_, model)| of_others(model))
            .map(|(id, _)| id)
            .collect();
        let mut bytes = 0;
        let mut views = Vec::new();
        for cell in self.cells {
            for output in cell.outputs {
                let Some(view) = output.data.view else {
                    continue;
                };
                // An empty id: the view was closed before the notebook was saved.
                if view.model_id.is_empty() || others.contains(&view.model_id) {
                    continue;
                }
                let poster = output.data.png.and_then(decoded).unwrap_or_default();
                bytes += poster.len();
                if views.len() == MAX_VIEWS || bytes > MAX_BYTES {
                    return views;
                }
                views.push(SavedView {
                    model: view.model_id,
                    cell: cell.id.clone(),
                    poster,
                    text: output.data.plain.map(Text::joined).unwrap_or_default(),
                });
            }
        }
        views
    }
}

fn decoded(png: Text) -> Option<Bytes> {
    let letters: String = png
        .joined()
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    BASE64.decode(letters).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn views(notebook: &serde_json::Value) -> Vec<SavedView> {
        serde_json::from_value::<Notebook>(notebook.clone())
            .unwrap()
            .views()
    }

    #[test]
    fn outputs_with_a_model_are_found() {
        let view = |id: &str| json!({ "version_major": 2, "version_minor": 0, "model_id": id });
        let notebook = json!({
            "nbformat": 4, "nbformat_minor": 5,
            "metadata": { "kernelspec": { "name": "signaltree" }, "widgets": {
                "application/vnd.jupyter.widget-state+json": { "version_major": 2, "state": {
                    "slider": { "model_name": "IntSliderModel", "state": { "value": 3 } },
                    "ours": { "model_name": "AnyModel", "state": { "_anywidget_id": ANYWIDGET_ID } },
                } },
            } },
            "cells": [
                { "cell_type": "markdown", "id": "t", "source": ["# text"] },
                { "cell_type": "code", "id": "c1", "source": "scan", "outputs": [
                    { "output_type": "stream", "name": "stdout", "text": ["hello\n"] },
                    { "output_type": "display_data", "data": {
                        "application/vnd.jupyter.widget-view+json": view("ours"),
                        "image/png": "cG5n\n", "text/plain": ["scan: ", "(2, 3)"],
                    } },
                    { "output_type": "display_data", "data": { "application/vnd.jupyter.widget-view+json": view("slider") } },
                    { "output_type": "display_data", "data": { "application/vnd.jupyter.widget-view+json": view("") } },
                ] },
                { "cell_type": "code", "source": "old format", "outputs": [
                    { "output_type": "execute_result", "data": { "application/vnd.jupyter.widget-view+json": view("bare") } },
                ] },
            ],
        });
        let found = views(&notebook);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            SavedView {
                model: "ours".into(),
                cell: Some("c1".into()),
                poster: Bytes::from_static(b"png"),
                text: "scan: (2, 3)".into(),
            }
        );
        assert_eq!((found[1].model.as_str(), &found[1].cell), ("bare", &None));
        assert!(found[1].poster.is_empty());
    }

    #[test]
    fn a_notebook_has_a_bound_on_its_views() {
        let cells: Vec<_> = (0..400)
            .map(|number| {
                json!({ "outputs": [{ "data": { "application/vnd.jupyter.widget-view+json": { "model_id": format!("m{number}") } } }] })
            })
            .collect();
        assert_eq!(views(&json!({ "cells": cells })).len(), MAX_VIEWS);
        assert!(saved_views(Path::new("no such notebook")).is_err());
    }
}
