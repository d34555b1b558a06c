//! How a page shows a node: what of the model's traits a figure is drawn with. The page owns these traits
//! (`widget/src/state/traits.ts`); a trait that is missing or of another kind has the page's default.

use std::collections::HashMap;

use serde_json::{Map, Value};
use signal::{SignalKind, SignalMeta};
use views::Contrast;

/// What a page shows.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The selected node, then those of other panes.
    pub(crate) nodes: Vec<u32>,
    /// Scan position.
    pub(crate) index: Vec<usize>,
    /// By node, or node and component: `4.0`.
    levels: HashMap<String, [f64; 2]>,
    /// All pictures of one class have the levels of the selected node and component.
    same_levels: Option<(u32, usize)>,
    contrast: HashMap<&'static str, Contrast>,
}

/// Traits that change what a figure shows.
const TRAITS: [&str; 9] = [
    "node",
    "position",
    "component",
    "panes",
    "levels",
    "same_levels",
    "colormap",
    "gamma",
    "log",
];
/// Classes of pictures that share a contrast, and their colormaps.
const CLASSES: [(&str, &str); 3] = [
    ("signal", "gray"),
    ("map", "viridis"),
    ("diverging", "diverging"),
];

/// Pictures of a node that share a contrast.
fn class(meta: &SignalMeta, component: usize) -> &'static str {
    match meta.kind {
        SignalKind::Map => match meta.components.get(component) {
            Some(component) if component.diverging => "diverging",
            _ => "map",
        },
        SignalKind::Frame | SignalKind::Peaks => "signal",
    }
}

fn key(node: u32, meta: &SignalMeta, component: usize) -> String {
    match meta.kind {
        SignalKind::Map => format!("{node}.{component}"),
        SignalKind::Frame | SignalKind::Peaks => node.to_string(),
    }
}

impl Look {
    /// Whether a change of these traits changes a figure.
    pub fn concerns(traits: &Map<String, Value>) -> bool {
        traits.keys().any(|name| TRAITS.contains(&name.as_str()))
    }

    /// Reads the traits of a model.
    pub fn of(traits: &Map<String, Value>) -> Self {
        let whole = |value: &Value| u32::try_from(value.as_u64()?).ok();
        let of = |name: &str| traits.get(name).unwrap_or(&Value::Null);
        let selected = whole(of("node"));
        let panes = of("panes").as_array().into_iter().flatten();
        let focused = of("focused").as_u64().unwrap_or(0);
        let others = panes
            .filter(|pane| pane["key"].as_u64() != Some(focused))
            .filter_map(|pane| whole(&pane["node"]));
        let component = whole(of("component")).unwrap_or(0) as usize;
        let contrast = CLASSES.map(|(class, colormap)| {
            // A single value is for patterns, the pictures a notebook opens with.
            let choice = |name: &str| match of(name) {
                Value::Object(choices) => choices.get(class).cloned().unwrap_or_default(),
                single if class == "signal" => single.clone(),
                _ => Value::Null,
            };
            let gamma = choice("gamma").as_f64().filter(|gamma| *gamma > 0.0);
            let contrast = Contrast {
                gamma: gamma.unwrap_or(1.0),
                log: choice("log") == true,
                ..Contrast::of(choice("colormap").as_str().unwrap_or(colormap))
            };
            (class, contrast)
        });
        Look {
            nodes: selected.into_iter().chain(others).collect(),
            index: (of("position").as_array().into_iter().flatten())
                .filter_map(|index| index.as_u64()?.try_into().ok())
                .collect(),
            levels: (of("levels").as_object().into_iter().flatten())
                .filter_map(|(key, levels)| {
                    let limits = [levels["low"].as_f64()?, levels["high"].as_f64()?];
                    Some((key.clone(), limits))
                })
                .collect(),
            same_levels: selected
                .filter(|_| of("same_levels") == true)
                .map(|node| (node, component)),
            contrast: contrast.into(),
        }
    }

    pub(crate) fn contrast(&self, meta: &SignalMeta, component: usize) -> Contrast {
        let class = class(meta, component);
        let usual = CLASSES.iter().find(|(name, _)| *name == class);
        let chosen = self.contrast.get(class).copied();
        chosen.unwrap_or_else(|| Contrast::of(usual.map_or("gray", |(_, colormap)| colormap)))
    }

    /// The levels the page draws a picture with, if it has drawn it. `meta_of` tells what a node is.
    pub(crate) fn levels<'a>(
        &self,
        node: u32,
        meta: &SignalMeta,
        component: usize,
        meta_of: impl Fn(u32) -> Option<&'a SignalMeta>,
    ) -> Option<[f64; 2]> {
        let own = self.levels.get(&key(node, meta, component)).copied();
        let Some((selected, selected_component)) = self.same_levels else {
            return own;
        };
        let of_selected = meta_of(selected)
            .filter(|other| class(other, selected_component) == class(meta, component))
            .and_then(|other| self.levels.get(&key(selected, other, selected_component)));
        of_selected.copied().or(own)
    }
}

/// The page's rule for levels that nobody has chosen (`automaticLevels`).
pub(crate) fn automatic(levels: &views::Levels, diverging: bool) -> [f64; 2] {
    let [mut low, mut high] = levels.percentiles;
    if high <= low {
        [low, high] = levels.extrema;
    }
    if diverging {
        let reach = low.abs().max(high.abs());
        [low, high] = [-reach, reach];
    }
    if high > low {
        [low, high]
    } else {
        [low, low + 1.0]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use signal::{Axes, Axis, Component, ElementType};

    use super::*;

    fn traits(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn frames() -> SignalMeta {
        let axes = Axes::new(vec![Axis::pixels("x", 3)], vec![Axis::pixels("kx", 5)]);
        SignalMeta::frames("scan", axes, ElementType::U16)
    }

    #[test]
    fn the_traits_of_a_page_are_read() {
        let look = Look::of(&traits(json!({
            "node": 4, "position": [3, 7], "component": 1, "focused": 2,
            "panes": [{"key": 0, "node": 2, "component": 0}, {"key": 2, "node": 4, "component": 1}],
            "levels": {"2": {"low": 1.5, "high": 9.0, "automatic": true}, "4.1": {"low": -2, "high": 2}, "7": {"low": 0}},
            "colormap": {"signal": "magma", "diverging": "diverging_dark"}, "gamma": {"signal": 0.5}, "log": {"signal": true},
        })));
        assert_eq!(look.nodes, [4, 2]);
        assert_eq!(look.index, [3, 7]);
        let scan = frames();
        let map = scan.to_map(vec![
            Component::new("a", "a", "", false),
            Component::new("b", "b", "", true),
        ]);
        assert_eq!(look.levels(2, &scan, 0, |_| None), Some([1.5, 9.0]));
        assert_eq!(look.levels(4, &map, 1, |_| None), Some([-2.0, 2.0]));
        assert_eq!(look.levels(7, &scan, 0, |_| None), None);
        let drawn = look.contrast(&scan, 0);
        assert_eq!(
            (drawn.colormap.name.as_str(), drawn.gamma, drawn.log),
            ("magma", 0.5, true)
        );
        assert_eq!(look.contrast(&map, 0), Contrast::of("viridis"));
        assert_eq!(look.contrast(&map, 1), Contrast::of("diverging_dark"));
    }

    #[test]
    fn pictures_of_one_class_may_share_the_levels_of_the_selected_one() {
        let look = Look::of(&traits(json!({
            "node": 2, "same_levels": true,
            "levels": {"2": {"low": 0, "high": 10}, "3": {"low": 5, "high": 6}},
        })));
        let scan = frames();
        let map = scan.to_map(vec![Component::new("a", "a", "", false)]);
        assert_eq!(look.levels(3, &scan, 0, |_| Some(&scan)), Some([0.0, 10.0]));
        assert_eq!(look.levels(3, &map, 0, |_| Some(&scan)), None);
    }

    #[test]
    fn what_no_page_has_set_has_the_pages_defaults() {
        let look = Look::of(&traits(
            json!({ "colormap": "inferno", "gamma": -1, "node": null }),
        ));
        assert_eq!((look.nodes.len(), look.index.len()), (0, 0));
        assert_eq!(look.contrast(&frames(), 0), Contrast::of("inferno"));
        assert_eq!(Look::default().contrast(&frames(), 0), Contrast::of("gray"));
        assert!(Look::concerns(&traits(json!({ "gamma": 2 }))));
        assert!(!Look::concerns(&traits(json!({ "zoom": {} }))));
    }

    #[test]
    fn automatic_levels_follow_the_rule_of_the_page() {
        let levels = |percentiles, extrema| views::Levels {
            percentiles,
            extrema,
        };
        assert_eq!(
            automatic(&levels([1.0, 9.0], [0.0, 99.0]), false),
            [1.0, 9.0]
        );
        assert_eq!(
            automatic(&levels([0.0, 0.0], [0.0, 4.0]), false),
            [0.0, 4.0]
        );
        assert_eq!(
            automatic(&levels([-1.0, 3.0], [-5.0, 5.0]), true),
            [-3.0, 3.0]
        );
        assert_eq!(
            automatic(&levels([2.0, 2.0], [2.0, 2.0]), false),
            [2.0, 3.0]
        );
    }
}
