//! What a saved signal says of itself.

use signal::{Caveat, SignalKind, SignalMeta};
use tree::{Graph, Node};

use crate::closure;

/// The description that goes into the file: its title tells what it is, and of what.
pub(super) fn of(graph: &Graph, node: &Node) -> SignalMeta {
    SignalMeta {
        title: title(graph, node),
        ..(*node.meta).clone()
    }
}

/// `Strain map of tilted grain`, `Peaks of tilted grain`, `tilted grain (subtract radial median)`; of a file, its own.
fn title(graph: &Graph, node: &Node) -> String {
    let of = &node.meta.title;
    let Some(computation) = node.computation() else {
        return of.clone();
    };
    let info = computation.info();
    let name = match info.name {
        closure::MAP => "Map by a closure",
        _ => info.title,
    };
    // A mean pattern has none of the scan positions of its parent.
    let of_the_scan = (node.parents.first())
        .and_then(|parent| graph.node(*parent))
        .is_some_and(|parent| parent.meta.axes.positions() > node.meta.axes.positions());
    match node.meta.kind {
        SignalKind::Map => format!("{name} of {of}"),
        SignalKind::Peaks => format!("Peaks of {of}"),
        SignalKind::Frame if of_the_scan => format!("{name} of {of}"),
        SignalKind::Frame => {
            let mut letters = name.chars();
            let first = letters
                .next()
                .map(|letter| letter.to_lowercase().collect::<String>());
            format!("{of} ({}{})", first.unwrap_or_default(), letters.as_str())
        }
    }
}

/// Code of the caveat of scan positions that could not be computed.
pub(crate) const HOLES: &str = "positions_without_value";

/// Scan positions of a map that could not be computed.
pub(super) fn holes(count: usize, first: &str) -> Caveat {
    let positions = match count {
        1 => "1 scan position has no value and is".to_owned(),
        count => format!("{count} scan positions have no value and are"),
    };
    Caveat::new(HOLES, format!("{positions} NaN: {first}"))
}
