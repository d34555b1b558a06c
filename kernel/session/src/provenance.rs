//! How a result was made: the file it goes back to, every operation with all its parameters, the versions and
//! the conventions. Every saved result carries this as one JSON object with `"signaltree_provenance": 1`; the
//! fields are those of [`Provenance`]. Fields may be added; a field never changes its meaning under the same number.

mod find;
mod read;
mod text;

use std::path::{Path, PathBuf};

use protocol::{OpenOptions, WireError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signal::{Axes, Axis, Caveat, Component, ElementType, SignalKind, SignalMeta};
use tree::{Graph, Node};

use crate::journal::Stamp;
use crate::{Session, closure, code, date, lock, parameter_files};

pub(crate) use find::find;
pub(crate) use read::read;
pub use text::describe;

/// Provenance of another version is not read.
pub(crate) const VERSION: u32 = 1;

/// How one result was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    #[serde(rename = "signaltree_provenance")]
    pub version: u32,
    /// When it was written, UTC: `2026-11-23T08:15:30Z`.
    pub created: String,
    /// Version of the program.
    pub signaltree: String,
    /// Name of the node that was saved: the last one of `nodes`.
    pub result: String,
    /// The same for results of the same computation on the same file.
    #[serde(default)]
    pub identity: String,
    /// Parents before children.
    pub nodes: Vec<Step>,
    pub conventions: Conventions,
}

/// A node: a file (`file`), an operation (`parents`, `operation`, `parameters`), or a closure of a cell, of which
/// only that it was there is known (`parents`, `closure`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileIdentity>,
    /// The first is the signal the operation is of. Results of earlier releases have one, called `parent`.
    #[serde(
        alias = "parent",
        deserialize_with = "protocol::parents",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub parents: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Grows when an operation gives other results for the same parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// All of them, also those at their defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// What the operation found over the scan before its first frame: a reference lattice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closure: bool,
    /// The Rust line that makes the node.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<SignalIdentity>,
}

/// A file as it was when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileIdentity {
    /// As the user wrote it.
    pub written: String,
    /// Absolute.
    pub path: PathBuf,
    /// From the folder of the result, where both are on one disk: finds it when folders are moved together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_path: Option<PathBuf>,
    /// `zspy`, `zarr`, `npy`, `mrc`, ….
    pub format: String,
    /// Bytes; of a store, those of its headers.
    pub size: u64,
    /// Last change, UTC; of a store, the latest of its headers.
    pub modified: String,
    /// The same in nanoseconds since 1970.
    pub modified_ns: u64,
    pub options: OpenOptions,
    /// How the file itself was made, if it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Box<Provenance>>,
}

/// Axes and values of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalIdentity {
    pub kind: SignalKind,
    /// `u16`, `f32`.
    pub element: String,
    pub value_units: String,
    /// Slowest first.
    pub axes: Axes,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
}

/// What the numbers of a result mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conventions {
    pub axis_order: String,
    pub index: String,
    pub calibration: String,
    /// Of this result: signs, directions, references.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub notes: Map<String, Value>,
    /// What to know before trusting the numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<Caveat>,
}

impl Conventions {
    fn of(meta: &SignalMeta, caveats: &[Caveat]) -> Self {
        let mut axes = meta.axes.navigation.iter().chain(&meta.axes.signal);
        let calibration = match axes.all(Axis::is_uniform) {
            true => "value = offset + scale * index",
            false => "value = offset + scale * index; of an axis with `values`, values[index]",
        };
        Conventions {
            axis_order: "slowest first, navigation before signal: (ny, nx | ky, kx)".into(),
            index: "counted from 0; 0 is top left".into(),
            calibration: calibration.into(),
            notes: meta.notes.clone(),
            caveats: caveats.to_vec(),
        }
    }
}

impl SignalIdentity {
    fn meta(&self) -> SignalMeta {
        let element = serde_json::from_value(Value::from(self.element.as_str()));
        let element = element.unwrap_or(ElementType::F32);
        let frames = SignalMeta::frames("", self.axes.clone(), element);
        SignalMeta {
            kind: self.kind,
            value_units: self.value_units.clone(),
            components: match self.kind {
                SignalKind::Map => self.components.clone(),
                _ => frames.components,
            },
            ..frames
        }
    }

    fn of(meta: &SignalMeta) -> Self {
        SignalIdentity {
            kind: meta.kind,
            element: meta.element.name().to_owned(),
            value_units: meta.value_units.clone(),
            axes: meta.axes.clone(),
            // Those of frames follow from their pixels.
            components: match meta.kind {
                SignalKind::Map => meta.components.clone(),
                _ => Vec::new(),
            },
        }
    }
}

/// The provenance of `node` as it goes into a file, with what is to be said of it. `target` is where the result is written.
pub(crate) fn of(
    session: &Session,
    graph: &Graph,
    node: &Node,
    caveats: &[Caveat],
    target: Option<&Path>,
) -> Value {
    let provenance = Provenance {
        version: VERSION,
        created: date::now(),
        signaltree: env!("CARGO_PKG_VERSION").to_owned(),
        result: node.name.clone(),
        identity: identity(session, graph, node),
        nodes: (graph.with_ancestors(node.id).into_iter())
            .map(|node| step(session, graph, node, target))
            .collect(),
        conventions: Conventions::of(&node.meta, caveats),
    };
    serde_json::to_value(provenance).unwrap_or_else(|error| {
        tracing::error!(%error, "the provenance of a result cannot be written");
        Value::Null
    })
}

fn step(session: &Session, graph: &Graph, node: &Node, target: Option<&Path>) -> Step {
    let mut step = Step {
        name: node.name.clone(),
        signal: Some(SignalIdentity::of(&node.meta)),
        ..Step::default()
    };
    let Some(computation) = node.computation() else {
        step.file = file(session, node, target);
        return step;
    };
    let info = computation.info();
    step.parents = (node.parents.iter())
        .filter_map(|parent| Some(graph.node(*parent)?.name.clone()))
        .collect();
    if info.name == closure::MAP {
        step.closure = true;
        return step;
    }
    step.operation = Some(info.name.to_owned());
    step.operation_revision = Some(computation.revision());
    step.title = Some(info.title.to_owned());
    step.parameters = Some(parameter_files::with_ways(
        info.name,
        computation.params(),
        target.and_then(Path::parent),
    ));
    step.prepared =
        (session.engine.prepared(node)).and_then(|prepared| computation.prepared_notes(&prepared));
    step.code = code::line(session, graph, node);
    step
}

fn file(session: &Session, node: &Node, target: Option<&Path>) -> Option<FileIdentity> {
    let opened = lock(&session.opened).get(&node.id).cloned()?;
    let stamp = opened.stamp;
    let folder = target.and_then(Path::parent);
    Some(FileIdentity {
        relative_path: folder.and_then(|folder| relative(folder, &opened.path)),
        format: io::format_name(&opened.path).unwrap_or_default().to_owned(),
        size: stamp.map_or(0, |stamp| stamp.size),
        modified: stamp.map_or_else(String::new, |stamp| {
            date::of_seconds(stamp.modified / 1_000_000_000)
        }),
        modified_ns: stamp.map_or(0, |stamp| stamp.modified),
        provenance: read(&opened.path).ok().flatten().map(Box::new),
        written: opened.written,
        path: opened.path,
        options: opened.options,
    })
}

impl FileIdentity {
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        (self.modified_ns != 0).then_some(Stamp {
            size: self.size,
            modified: self.modified_ns,
        })
    }
}

/// The way from `folder` to `path`, both absolute.
pub(crate) fn relative(folder: &Path, path: &Path) -> Option<PathBuf> {
    if !folder.is_absolute() || !path.is_absolute() {
        return None;
    }
    let shared = folder
        .components()
        .zip(path.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = folder.components().skip(shared).map(|_| Path::new(".."));
    let down = path.components().skip(shared);
    Some(
        up.chain(down.clone().map(|part| Path::new(part.as_os_str())))
            .collect(),
    )
}

/// Tells whether two computations give the same: a hash of the files with size and time, the operations with
/// revision and parameters, and the version of the program. The same on every machine that sees the same files; empty
/// when a closure is among the operations.
pub(crate) fn identity(session: &Session, graph: &Graph, node: &Node) -> String {
    let mut steps: Vec<Value> = vec![env!("CARGO_PKG_VERSION").into()];
    let all = graph.with_ancestors(node.id);
    for node in &all {
        let mut step = match node.computation() {
            Some(computation) if computation.info().name == closure::MAP => {
                // Nothing can be said of a closure.
                return String::new();
            }
            Some(computation) => serde_json::json!({
                "operation": computation.info().name,
                "revision": computation.revision(),
                "parameters":
                    parameter_files::without_places(computation.info().name, computation.params()),
            }),
            None => {
                let opened = lock(&session.opened).get(&node.id).cloned();
                opened.map_or(Value::Null, |opened| {
                    serde_json::json!({
                        "name": opened.path.file_name().map(|name| name.to_string_lossy()),
                        "size": opened.stamp.map(|stamp| stamp.size),
                        // Not every file system keeps more than seconds.
                        "modified": opened.stamp.map(|stamp| stamp.modified / 1_000_000_000),
                        "content": io::sample_of(&opened.path),
                        "options": opened.options,
                        "axes": node.meta.axes,
                    })
                })
            }
        };
        // Of one parent it is the step before: so it was when there were no others.
        if let (Value::Object(step), [_, _, ..]) = (&mut step, node.parents.as_slice()) {
            let places = node
                .parents
                .iter()
                .map(|parent| all.iter().position(|node| node.id == *parent));
            step.insert("parents".into(), places.collect::<Vec<_>>().into());
        }
        steps.push(step);
    }
    fingerprint(Value::Array(steps).to_string().as_bytes())
}

/// FNV-1a of 128 bits, in hexadecimal digits.
fn fingerprint(bytes: &[u8]) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = bytes.iter().fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    });
    format!("{hash:032x}")
}

/// Puts what is to be said of a result into its provenance, which is JSON already.
pub(crate) fn add_caveats(provenance: &mut Value, caveats: &[Caveat]) {
    if let Some(conventions) = provenance
        .get_mut("conventions")
        .and_then(Value::as_object_mut)
        && !caveats.is_empty()
    {
        conventions.insert("caveats".into(), serde_json::json!(caveats));
    }
}

/// Refuses what another version wrote, and what is no provenance at all.
pub(crate) fn parse(value: &Value, path: &Path) -> Result<Provenance, WireError> {
    let refuse = |what: String| {
        WireError::new(
            "provenance",
            format!("{}: {what}", path.display()),
            "its pixels and axes can be opened all the same",
        )
    };
    match value.get("signaltree_provenance").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => serde_json::from_value(value.clone())
            .map_err(|error| {
                refuse(format!(
                    "how it was made is written in a way that cannot be read: {error}"
                ))
            }),
        Some(version) => Err(refuse(format!(
            "how it was made is written in version {version}, this program reads version {VERSION}"
        ))),
        None => Err(refuse("what it says of how it was made is not ours".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn results_of_the_time_when_each_step_had_one_parent_are_read() {
        let written =
            r#"{"name": "flat", "parent": "scan", "operation": "radial_median", "parameters": {}}"#;
        let step: Step = serde_json::from_str(written).unwrap();
        assert_eq!(step.parents, ["scan"]);
        let file: Step = serde_json::from_str(r#"{"name": "scan"}"#).unwrap();
        assert!(file.parents.is_empty());
        assert!(!serde_json::to_string(&file).unwrap().contains("parent"));
    }
}
