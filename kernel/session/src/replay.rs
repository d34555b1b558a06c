//! `replay(file)?`: the tree that a saved result came from. Headers of files are read, no pixel.

use std::collections::HashMap;
use std::path::Path;

use protocol::{CommandReply, WireError};
use serde_json::json;

use crate::journal::{self, Ids, Made, NodeRecord};
use crate::provenance::{self, Provenance, Step};
use crate::{Session, caveats};

/// `input` is where the file lies from which the result was made, when it is not found otherwise.
pub(crate) fn replay(
    session: &Session,
    written: &str,
    input: Option<&str>,
) -> Result<CommandReply, WireError> {
    let path = Path::new(written);
    let provenance = provenance::read(path)?.ok_or_else(|| {
        WireError::new(
            "no_provenance",
            format!("{written} does not say how it was made"),
            "only results that this program has saved do; open() shows what is in it",
        )
    })?;
    let records = records(&provenance, written, input.map(Path::new))?;
    let (restored, moved) = journal::bring_back(session, &records, Ids::New);
    let last = records.last().and_then(|record| moved.get(&record.id));
    let made = journal::made_now(&restored);
    let reply = CommandReply {
        node: last.copied(),
        restored: Some(Box::new(restored)),
        ..CommandReply::default()
    };
    Ok(caveats::told(session, reply, &made))
}

fn records(
    provenance: &Provenance,
    written: &str,
    input: Option<&Path>,
) -> Result<Vec<NodeRecord>, WireError> {
    let folder = journal::absolute(Path::new(written));
    let folder = folder.parent().unwrap_or(Path::new("/"));
    let mut ids: HashMap<&str, u32> = HashMap::new();
    let mut records = Vec::new();
    for (step, id) in provenance.nodes.iter().zip(1..) {
        let parent = step.parent.as_deref().map(|parent| {
            ids.get(parent).copied().ok_or_else(|| {
                WireError::new(
                    "provenance",
                    format!(
                        "{written}: `{}` is made from `{parent}`, of which nothing is said before",
                        step.name
                    ),
                    "the file was changed by another program",
                )
            })
        });
        let made = made(step, parent.transpose()?, written, folder, input)?;
        ids.insert(&step.name, id);
        records.push(NodeRecord {
            id,
            name: step.name.clone(),
            revision: 1,
            variable: true,
            by_hand: false,
            made,
            past: Vec::new(),
            future: Vec::new(),
        });
    }
    Ok(records)
}

fn made(
    step: &Step,
    parent: Option<u32>,
    written: &str,
    folder: &Path,
    input: Option<&Path>,
) -> Result<Made, WireError> {
    match (&step.file, parent, &step.operation) {
        (Some(file), _, _) => {
            let remedy = format!("say where it is now: replay_with({written:?}, \"its path\")?");
            let found = provenance::find(file, folder, input, &remedy)?;
            Ok(Made::File {
                written: found.written,
                path: found.path,
                options: file.options.clone(),
                stamp: file.stamp(),
            })
        }
        (None, Some(parent), Some(operation)) => Ok(Made::Operation {
            parent,
            operation: operation.clone(),
            params: step.parameters.clone().unwrap_or_else(|| json!({})),
        }),
        (None, Some(parent), None) => Ok(Made::Closure { parent }),
        (None, None, _) => Err(WireError::new(
            "provenance",
            format!("{written}: `{}` comes from nothing", step.name),
            "the file was changed by another program",
        )),
    }
}
