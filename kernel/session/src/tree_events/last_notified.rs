//! What pages know of the tree, and what they do not know yet.

use std::collections::BTreeSet;

use protocol::{NodeChange, NodeDescription, TreeChange};
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// The tree as pages were told last.
#[derive(Default)]
pub(super) struct LastNotified {
    revision: u32,
    nodes: Vec<(u32, Fields)>,
}

impl LastNotified {
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Pages heard of the progress of these nodes since: what they have of it is not what they were told here.
    pub fn progressed(&mut self, of: &BTreeSet<u32>) {
        for (_, fields) in self.nodes.iter_mut().filter(|(id, _)| of.contains(id)) {
            fields.shift_remove("progress");
        }
    }

    /// Takes the tree for told, and gives what there is to tell of it; `None` where nothing else is said than before.
    pub fn renew(&mut self, nodes: &[NodeDescription]) -> Option<TreeChange> {
        let nodes: Vec<(u32, Fields)> =
            (nodes.iter()).map(|node| (node.id, fields(node))).collect();
        let nothing = Fields::new();
        let changes = nodes.iter().filter_map(|(id, now)| {
            let before = self.nodes.iter().find(|(other, _)| other == id);
            change(*id, before.map_or(&nothing, |(_, before)| before), now)
        });
        let changes: Vec<NodeChange> = changes.collect();
        let ids =
            |nodes: &[(u32, Fields)]| -> Vec<u32> { nodes.iter().map(|(id, _)| *id).collect() };
        let order = ids(&nodes);
        let is_other = order != ids(&self.nodes);
        self.nodes = nodes;
        if changes.is_empty() && !is_other {
            return None;
        }
        let since = self.revision;
        self.revision += 1;
        Some(TreeChange {
            since,
            revision: self.revision,
            order: is_other.then_some(order),
            nodes: changes,
        })
    }
}

fn fields(node: &NodeDescription) -> Fields {
    match serde_json::to_value(node) {
        Ok(Value::Object(fields)) => fields,
        other => {
            tracing::error!("node {} cannot be described: {other:?}", node.id);
            Fields::new()
        }
    }
}

fn change(id: u32, before: &Fields, now: &Fields) -> Option<NodeChange> {
    let fields: Fields = (now.iter())
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let without: Vec<String> = (before.keys())
        .filter(|name| !now.contains_key(*name))
        .cloned()
        .collect();
    let changed = !fields.is_empty() || !without.is_empty();
    changed.then_some(NodeChange {
        id,
        fields,
        without,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(id: u32, rest: Value) -> NodeDescription {
        let mut all = json!({
            "id": id, "name": "flat", "title": "", "operation": null, "parents": [], "source": 1, "scan": 1, "kind": "frame",
            "navigation_axes": [], "signal_axes": [], "element": "f32", "value_units": "", "components": [], "composites": [],
            "params": {}, "code": "", "can_undo": false, "can_redo": false, "revision": 1, "summary": "", "progress": null,
        });
        all.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn only_what_changed_is_notified() {
        let mut last_notified = LastNotified::default();
        let [scan, flat] = [
            node(1, json!({})),
            node(2, json!({"measured": "radius 4 px"})),
        ];
        let all = last_notified.renew(&[scan.clone(), flat.clone()]).unwrap();
        assert_eq!(
            (all.since, all.revision, all.order),
            (0, 1, Some(vec![1, 2]))
        );
        assert_eq!(all.nodes.len(), 2);
        assert_eq!(all.nodes[1].fields["measured"], "radius 4 px");
        assert_eq!(last_notified.renew(&[scan.clone(), flat]), None);

        let flat = node(2, json!({"revision": 2}));
        let one = last_notified.renew(&[scan.clone(), flat.clone()]).unwrap();
        let expected = json!({
            "since": 1, "revision": 2,
            "nodes": [{"id": 2, "fields": {"revision": 2}, "without": ["measured"]}],
        });
        assert_eq!(serde_json::to_value(one).unwrap(), expected);

        last_notified.progressed(&BTreeSet::from([1, 9]));
        let stopped = last_notified.renew(&[scan.clone(), flat.clone()]).unwrap();
        let expected = json!({
            "since": 2, "revision": 3,
            "nodes": [{"id": 1, "fields": {"progress": null}}],
        });
        assert_eq!(serde_json::to_value(stopped).unwrap(), expected);
        assert_eq!(last_notified.renew(&[scan, flat.clone()]), None);

        let less = last_notified.renew(&[flat]).unwrap();
        assert_eq!(
            (less.since, less.order, less.nodes),
            (3, Some(vec![2]), Vec::new())
        );
    }
}
