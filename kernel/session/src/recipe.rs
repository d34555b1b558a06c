//! Recipes: what `signaltree compute` is to do, as JSON with `"signaltree_recipe": 1`.
//!
//! A recipe names its input files (or leaves a slot open, that `--input` fills), the nodes below them with their
//! operations and parameters, parents before children, and which nodes are written to which files. Parameters that
//! are left out have their defaults. The fields are those of [`Recipe`]; under the same number a field never changes
//! its meaning.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{CommandReply, SaveOptions, WireError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tree::{Graph, Node};

use crate::journal::absolute;
use crate::provenance::{self, FileIdentity};
use crate::{Session, closure, convert, lock, parameter_files};

pub(crate) const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    #[serde(rename = "signaltree_recipe")]
    pub version: u32,
    /// Version of the program that wrote it.
    #[serde(default)]
    pub signaltree: String,
    pub inputs: Vec<RecipeInput>,
    #[serde(default)]
    pub nodes: Vec<RecipeNode>,
    pub outputs: Vec<RecipeOutput>,
}

/// A file. Without a `path` it is a slot that is filled when the recipe is computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecipeInput {
    pub name: String,
    /// Absolute, or from the folder of the recipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// From the folder of the recipe; tried when there is nothing at `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_path: Option<PathBuf>,
    /// Size and time of the last change that the file had, to warn when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_ns: Option<u64>,
    pub options: protocol::OpenOptions,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeNode {
    pub name: String,
    /// Names of inputs or of nodes before this one; the first is the signal the operation is of. One may be written as
    /// `"parent": "scan"`.
    #[serde(alias = "parent", deserialize_with = "protocol::parents")]
    pub parents: Vec<String>,
    /// Wire name: `radial_median`.
    pub operation: String,
    #[serde(default)]
    pub parameters: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeOutput {
    pub node: String,
    /// Name in the folder given by `--out`; its end tells the format unless the options do.
    pub file: PathBuf,
    #[serde(default, skip_serializing_if = "is_default")]
    pub options: SaveOptions,
}

fn is_default(options: &SaveOptions) -> bool {
    *options == SaveOptions::default()
}

/// Writes `nodes` with everything above them as a recipe; each is written to a file of its name.
pub(crate) fn write(
    session: &Session,
    nodes: &[u32],
    written: &str,
) -> Result<CommandReply, WireError> {
    let graph = session.tree.snapshot();
    let path = absolute(Path::new(written));
    let recipe = of(session, &graph, nodes, &path)?;
    let text = serde_json::to_string_pretty(&recipe)
        .map_err(|error| WireError::new("internal", error.to_string(), "please report this"))?;
    let part = path.with_extension("json.part");
    std::fs::write(&part, text + "\n")
        .and_then(|()| std::fs::rename(&part, &path))
        .map_err(|error| {
            WireError::new(
                "io",
                format!("the recipe {written} cannot be written: {error}"),
                "write it into a folder that exists and is yours",
            )
        })?;
    let outputs: Vec<String> = (recipe.outputs.iter())
        .map(|output| output.file.display().to_string())
        .collect();
    Ok(CommandReply {
        text: Some(format!(
            "{written}: makes {} by `signaltree compute {written} --out DIR`",
            outputs.join(", ")
        )),
        ..CommandReply::default()
    })
}

fn of(session: &Session, graph: &Graph, nodes: &[u32], path: &Path) -> Result<Recipe, WireError> {
    let mut recipe = Recipe {
        version: VERSION,
        signaltree: env!("CARGO_PKG_VERSION").to_owned(),
        inputs: Vec::new(),
        nodes: Vec::new(),
        outputs: Vec::new(),
    };
    let mut wanted: Vec<&Arc<Node>> = Vec::new();
    for id in nodes {
        let node = graph.node(*id).ok_or_else(|| convert::no_node(*id))?;
        if node.computation().is_none() {
            return Err(WireError::new(
                "no_parameters",
                format!("`{}` is a file: there is nothing to compute", node.name),
                "export a node below it",
            )
            .at_node(*id));
        }
        wanted.extend(graph.with_ancestors(node.id));
        recipe.outputs.push(RecipeOutput {
            node: node.name.clone(),
            file: format!("{}.zspy", node.name).into(),
            options: SaveOptions::default(),
        });
    }
    wanted.sort_by_key(|node| node.id);
    wanted.dedup_by_key(|node| node.id);
    for node in wanted {
        match node.computation() {
            None => recipe.inputs.extend(input(session, node, path)),
            Some(computation) if computation.info().name == closure::MAP => {
                return Err(WireError::new(
                    "closure",
                    format!(
                        "`{}` is a closure of a cell, which a recipe cannot hold",
                        node.name
                    ),
                    "save it from the notebook, or make the recipe from a node that has none above it",
                )
                .at_node(node.id));
            }
            Some(computation) => {
                let parents = node.parents.iter().filter_map(|parent| graph.node(*parent));
                let operation = computation.info().name;
                let folder = path.parent();
                recipe.nodes.push(RecipeNode {
                    name: node.name.clone(),
                    parents: parents.map(|parent| parent.name.clone()).collect(),
                    operation: operation.to_owned(),
                    parameters: parameter_files::with_ways(operation, computation.params(), folder),
                });
            }
        }
    }
    Ok(recipe)
}

fn input(session: &Session, node: &Node, recipe: &Path) -> Option<RecipeInput> {
    let opened = lock(&session.opened).get(&node.id).cloned()?;
    Some(RecipeInput {
        name: node.name.clone(),
        relative_path: (recipe.parent())
            .and_then(|folder| provenance::relative(folder, &opened.path)),
        size: opened.stamp.map(|stamp| stamp.size),
        modified_ns: opened.stamp.map(|stamp| stamp.modified),
        path: Some(opened.path),
        options: opened.options,
    })
}

impl Recipe {
    /// # Errors
    /// [`WireError`] saying what of the file is not as a recipe is.
    pub fn read(path: &Path) -> Result<Recipe, WireError> {
        let refuse = |what: String, hint: &str| {
            WireError::new("recipe", format!("{}: {what}", path.display()), hint)
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| refuse(error.to_string(), "give the path of a recipe"))?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|error| refuse(format!("is no JSON: {error}"), "correct it there"))?;
        let hint = "`node.recipe(path)?` in a notebook writes recipes";
        match value.get("signaltree_recipe").and_then(Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                return Err(refuse(
                    format!(
                        "is a recipe of version {version}; this program reads version {VERSION}"
                    ),
                    "use the version of the program that wrote it",
                ));
            }
            None => {
                return Err(refuse(
                    "is no recipe (no \"signaltree_recipe\")".into(),
                    hint,
                ));
            }
        }
        let recipe: Recipe =
            serde_json::from_value(value).map_err(|error| refuse(error.to_string(), hint))?;
        recipe
            .check()
            .map_err(|what| refuse(what, "correct it there"))?;
        Ok(recipe)
    }

    /// Names are there once, parents before children, outputs have different files.
    fn check(&self) -> Result<(), String> {
        let mut names: Vec<&str> = Vec::new();
        let inputs = (self.inputs.iter()).map(|input| (&input.name, &[][..]));
        let nodes = (self.nodes.iter()).map(|node| (&node.name, &node.parents[..]));
        for (name, parents) in inputs.chain(nodes) {
            if names.contains(&name.as_str()) {
                return Err(format!("the name `{name}` is given twice"));
            }
            if let Some(parent) = parents
                .iter()
                .find(|parent| !names.contains(&parent.as_str()))
            {
                return Err(format!(
                    "`{name}` is made from `{parent}`, which is no input and no node before it"
                ));
            }
            names.push(name);
        }
        if self.outputs.is_empty() {
            return Err("it has no outputs".into());
        }
        let mut files: Vec<&Path> = Vec::new();
        for output in &self.outputs {
            if !(self.nodes.iter()).any(|node| node.name == output.node) {
                return Err(format!("the output `{}` is no node of it", output.node));
            }
            let plain = output.file.components().count() == 1 && output.file.file_name().is_some();
            if !plain {
                return Err(format!(
                    "the output {} is not the name of a file",
                    output.file.display()
                ));
            }
            if files.contains(&output.file.as_path()) {
                return Err(format!("two outputs are called {}", output.file.display()));
            }
            files.push(&output.file);
        }
        Ok(())
    }
}

impl Recipe {
    /// The inputs that results are of, at the top of their lines of first parents; the others go with them.
    pub(crate) fn scans(&self) -> Vec<&str> {
        let tops: Vec<&str> = (self.outputs.iter())
            .map(|output| self.top(&output.node))
            .collect();
        (self.inputs.iter())
            .map(|input| input.name.as_str())
            .filter(|name| tops.contains(name))
            .collect()
    }

    fn top<'a>(&'a self, name: &'a str) -> &'a str {
        (self.nodes.iter().rev()).fold(name, |name, node| match node.parents.first() {
            Some(first) if node.name == name => first,
            _ => name,
        })
    }
}

impl RecipeInput {
    /// As a provenance would know it, with a path relative to the folder of the recipe made absolute.
    pub(crate) fn identity(&self, folder: &Path) -> Option<FileIdentity> {
        let path = self.path.as_ref()?;
        Some(FileIdentity {
            written: path.display().to_string(),
            path: folder.join(path),
            relative_path: self.relative_path.clone(),
            size: self.size.unwrap_or(0),
            modified_ns: self.modified_ns.unwrap_or(0),
            options: self.options.clone(),
            ..FileIdentity::default()
        })
    }
}

/// Empty parameters stand for the defaults. Files among them are found from the folder of the recipe.
pub(crate) fn parameters(node: &RecipeNode, folder: &Path) -> Value {
    match &node.parameters {
        Value::Null => Value::Object(Map::new()),
        given => parameter_files::from_folder(&node.operation, given.clone(), folder),
    }
}

#[cfg(test)]
mod tests {
    use super::{Recipe, RecipeNode};

    #[test]
    fn recipes_of_the_time_when_each_node_had_one_parent_are_read() {
        let written = r#"{"name": "flat", "parent": "scan", "operation": "radial_median"}"#;
        let node: RecipeNode = serde_json::from_str(written).unwrap();
        assert_eq!(node.parents, ["scan"]);
        let again = serde_json::to_value(&node).unwrap();
        assert_eq!(again["parents"], serde_json::json!(["scan"]));
    }

    #[test]
    fn the_scan_is_what_first_parents_lead_to() {
        let recipe: Recipe = serde_json::from_value(serde_json::json!({
            "signaltree_recipe": 1, "signaltree": "0.1.0",
            "inputs": [{"name": "vacuum"}, {"name": "scan"}],
            "nodes": [
                {"name": "clean", "parent": "vacuum", "operation": "radial_median"},
                {"name": "flat", "parents": ["scan"], "operation": "radial_median"},
                {"name": "peaks", "parents": ["flat", "clean"], "operation": "normalized_correlation"},
            ],
            "outputs": [{"node": "peaks", "file": "peaks.zspy"}],
        }))
        .unwrap();
        assert_eq!(recipe.check(), Ok(()));
        assert_eq!(recipe.scans(), ["scan"]);
    }
}
