//! `replay(file)?`: the tree that a saved result came from. Headers of files are read, no pixel.

use std::collections::HashMap;
use std::path::Path;

use protocol::{CommandReply, WireError};
use serde_json::json;

use crate::journal::{self, Ids, Made, NodeRecord};
use crate::provenance::{self, Provenance, Step};
use crate::{Session, caveats, parameter_files};

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
    Ok(caveats::with_remarks(session, reply, &made))
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
    let scan = scan(provenance);
    for (step, id) in provenance.nodes.iter().zip(1..) {
        let parents = step.parents.iter().map(|parent| {
            ids.get(parent.as_str()).copied().ok_or_else(|| {
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
        let parents = parents.collect::<Result<Vec<u32>, _>>()?;
        let input = input.filter(|_| Some(step.name.as_str()) == scan);
        let made = made(step, parents, written, folder, input)?;
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

/// The file that the result is of: at the top of the line of first parents.
fn scan(provenance: &Provenance) -> Option<&str> {
    let mut at = provenance.nodes.last()?;
    for step in provenance.nodes.iter().rev() {
        if at.parents.first() == Some(&step.name) {
            at = step;
        }
    }
    Some(&at.name)
}

fn made(
    step: &Step,
    parents: Vec<u32>,
    written: &str,
    folder: &Path,
    input: Option<&Path>,
) -> Result<Made, WireError> {
    match (&step.file, parents.first(), &step.operation) {
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
        (None, Some(_), Some(operation)) => Ok(Made::Operation {
            parents,
            operation: operation.clone(),
            params: parameter_files::from_folder(
                operation,
                step.parameters.clone().unwrap_or_else(|| json!({})),
                folder,
            ),
        }),
        (None, Some(_), None) => Ok(Made::Closure { parents }),
        (None, None, _) => Err(WireError::new(
            "provenance",
            format!("{written}: `{}` comes from nothing", step.name),
            "the file was changed by another program",
        )),
    }
}
