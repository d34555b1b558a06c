//! Saving over a file that is open. A result that is only looked at is replaced; what anything is made from is not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::{Remark, WireError};
use tree::{Graph, Node, Origin};

use crate::holds::Holds;
use crate::{Session, lock, provenance};

/// Nodes that have the file open which a save of `node` to `path` replaces.
///
/// # Errors
/// `in_use`, with who holds it and how to let it go, when the file is one that `node` or another node is made from,
/// when it is no result of ours, or when it only lies in what would be replaced.
pub(super) fn replaced(
    session: &Session,
    graph: &Graph,
    node: &Node,
    path: &Path,
) -> Result<Vec<Arc<Node>>, WireError> {
    let wanted = real(path);
    let mut open: Vec<(Arc<Node>, Place)> = (lock(&session.opened).iter())
        .filter_map(|(id, opened)| {
            let node = graph.node(*id)?;
            let place = Place::of(&wanted, &real(&opened.path), node)?;
            Some((node.clone(), place))
        })
        .collect();
    open.sort_by_key(|(open, _)| open.id);
    let own = graph.with_ancestors(node.id);
    for (open, place) in &open {
        let below: Vec<_> = graph.children(open.id).collect();
        let (what, may_go) = if own.iter().any(|above| above.id == open.id) {
            let made = match node.id == open.id {
                true => String::new(),
                false => format!(", from which `{}` is made", node.name),
            };
            (format!("{} `{}`{made}", place.words(), open.name), false)
        } else if *place != Place::Whole {
            let may_go = *place != Place::Inside;
            (format!("{} `{}`", place.words(), open.name), may_go)
        } else if let Some(names) = listed(below.iter().map(|node| node.name.as_str())) {
            let made = format!("this file is open as `{}`, from which {names} ", open.name);
            let verb = if below.len() == 1 { "is" } else { "are" };
            (format!("{made}{verb} made"), true)
        } else if !is_result(path) {
            (format!("this file is open as `{}`", open.name), true)
        } else {
            continue;
        };
        let message = format!(
            "`{}` cannot be saved as {}: {what}",
            node.name,
            path.display()
        );
        let hint = match may_go {
            false => "save under another name".into(),
            true => let_go(&lock(&session.holds), graph, open),
        };
        return Err(WireError::new("in_use", message, hint).at_node(node.id));
    }
    Ok(open.into_iter().map(|(open, _)| open).collect())
}

/// How a path lies to a file that is open.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Whole,
    /// The open file lies in it.
    Around,
    /// It lies in the open file, which is a folder.
    Inside,
    /// Pixels of the open file are read from it: links of HDF5.
    Beside,
}

impl Place {
    fn of(wanted: &Path, open: &Path, node: &Node) -> Option<Place> {
        if open == wanted {
            return Some(Place::Whole);
        }
        if open.starts_with(wanted) {
            return Some(Place::Around);
        }
        if wanted.starts_with(open) {
            return Some(Place::Inside);
        }
        let Origin::Source(source) = &node.origin else {
            return None;
        };
        let beside = source.files_beside();
        (beside.iter().any(|file| real(file) == wanted)).then_some(Place::Beside)
    }

    fn words(self) -> &'static str {
        match self {
            Place::Whole => "this file is open as",
            Place::Around => "a part of it is open as",
            Place::Inside => "it lies in what is open as",
            Place::Beside => "from this file come pixels of what is open as",
        }
    }
}

/// Without links; of what is not there yet its folder.
fn real(path: &Path) -> PathBuf {
    let of_folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    (path.canonicalize().ok())
        .or_else(of_folder)
        .unwrap_or_else(|| path.to_owned())
}

fn is_result(path: &Path) -> bool {
    matches!(provenance::read(path), Ok(Some(_)))
}

/// How the file of a node is closed: by everybody letting go of it and of what is made from it.
fn let_go(holds: &Holds, graph: &Graph, open: &Node) -> String {
    let with_below = graph.with_descendants(open.id);
    let nodes: Vec<_> = (with_below.iter().rev())
        .filter_map(|id| graph.node(*id))
        .map(|node| (node.name.as_str(), holds.holders(node.id)))
        .collect();
    let mut steps = Vec::new();
    let drops: Vec<String> = (nodes.iter())
        .filter(|(_, held)| held.variable)
        .map(|(name, _)| format!("drop({name})"))
        .collect();
    if !drops.is_empty() {
        steps.push(format!("run `{}`", drops.join("; ")));
    }
    let of = |wanted: fn(&crate::holds::Holders) -> bool| {
        listed(
            nodes
                .iter()
                .filter(|(_, held)| wanted(held))
                .map(|(name, _)| *name),
        )
    };
    if let Some(names) = of(|held| held.value) {
        steps.push(format!("let go of the values of cells that hold {names}"));
    }
    if let Some(names) = of(|held| held.views > 0) {
        let views: usize = nodes.iter().map(|(_, held)| held.views).sum();
        let cells = match views {
            1 => "the cell whose view shows",
            _ => "the cells whose views show",
        };
        steps.push(format!("delete {cells} {names}, or run it without"));
    }
    if let Some(names) = of(|held| held.stays) {
        steps.push(format!("remove {names} in the tree of a view"));
    }
    match steps.is_empty() {
        true => "save under another name".into(),
        false => format!(
            "save under another name, or let go of it and save again: {}",
            steps.join("; ")
        ),
    }
}

/// `` `a`, `b` ``; `None` of none.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

pub(super) fn named(nodes: &[Arc<Node>]) -> Option<String> {
    listed(nodes.iter().map(|node| node.name.as_str()))
}

/// What is said when the file of these nodes was replaced.
pub(super) fn remarks(replaced: &[Arc<Node>], written: &str) -> impl Iterator<Item = Remark> {
    replaced.iter().map(move |node| Remark {
        about: node.name.clone(),
        text: format!(
            "{written} was replaced; run the cell again that opens `{}`, which has nothing of what is in the file now",
            node.name
        ),
    })
}
