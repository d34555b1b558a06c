//! How a page shows a node: what of the model's traits a figure is drawn with. The page owns these traits
//! (`widget/src/state/traits.ts`); a trait that is missing or of another kind has the page's default.

use std::collections::HashMap;

use serde_json::{Map, Value};
use signal::{Colouring, Display, SignalKind, SignalMeta};
use views::{ColormapKind, Contrast};

/// What a page shows.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The selected node, then those of other panes.
    pub(crate) nodes: Vec<u32>,
    /// Which of its pictures a node shows.
    pictures: HashMap<u32, usize>,
    /// Scan position.
    pub(crate) index: Vec<usize>,
    /// By node, or node and component: `4.0`.
    levels: HashMap<String, Held>,
    /// All pictures of one class have the levels of the selected node and component.
    same_levels: Option<(u32, usize)>,
    contrast: HashMap<&'static str, Contrast>,
}

/// Levels of one picture.
#[derive(Clone, Debug)]
struct Held {
    limits: [f64; 2],
    /// For levels that nobody has set: the values they were chosen from (`chosenFrom`), and the share of a map that was there.
    chosen: Option<(String, f64)>,
}

impl Held {
    fn of(levels: &Value) -> Option<Self> {
        let limits = [levels["low"].as_f64()?, levels["high"].as_f64()?];
        let from = || levels["of"].as_str().unwrap_or_default().to_owned();
        let chosen = (levels["automatic"] == true)
            .then(|| (from(), levels["complete"].as_f64().unwrap_or(0.0)));
        Some(Self { limits, chosen })
    }

    /// The page chooses levels for what it shows: those of another picture may be from values that are gone.
    fn still(&self, now: &Now<'_>) -> Option<[f64; 2]> {
        let holds = self.chosen.as_ref().is_none_or(|(from, complete)| {
            *from == now.revision.to_string() && *complete >= now.complete
        });
        holds.then_some(self.limits)
    }
}

/// A node as it is now.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub meta: &'a SignalMeta,
    pub revision: u32,
    /// Share of a map that is computed; 1 for frames.
    pub complete: f64,
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
const CLASSES: [(&str, &str); 8] = [
    ("signal", "gray"),
    ("map", "viridis"),
    ("diverging", "diverging"),
    ("cyclic", "twilight"),
    ("categorical", "categories"),
    ("wheel", "hues"),
    ("rgb", "gray"),
    ("colours", "gray"),
];

/// How a picture of a node is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shows<'a> {
    Frame,
    Component(&'a Display),
    Composite(Colouring),
}

impl<'a> Shows<'a> {
    pub fn of(meta: &'a SignalMeta, picture: usize) -> Self {
        let component = meta.component(picture);
        match (meta.kind, meta.composite(picture), component) {
            (_, Some(composite), _) => Shows::Composite(composite.colouring),
            (SignalKind::Map, None, Some(component)) => Shows::Component(&component.display),
            (SignalKind::Map, None, None) => Shows::Component(&Display::Sequential),
            // What rises from nothing is drawn as counts are.
            (_, None, Some(part)) if part.display != Display::Sequential => {
                Shows::Component(&part.display)
            }
            _ => Shows::Frame,
        }
    }

    /// Pictures that share a contrast.
    fn class(self) -> &'static str {
        match self {
            Shows::Frame => "signal",
            Shows::Component(Display::Sequential) => "map",
            Shows::Component(Display::Diverging) => "diverging",
            Shows::Component(Display::Cyclic { .. }) => "cyclic",
            Shows::Component(Display::Categorical { .. }) => "categorical",
            Shows::Composite(Colouring::Wheel) => "wheel",
            Shows::Composite(Colouring::Rgb) => "rgb",
            Shows::Composite(Colouring::Colours) => "colours",
        }
    }

    /// Whether a colormap can show it.
    fn suits(self, kind: ColormapKind) -> bool {
        match self {
            Shows::Component(Display::Cyclic { .. }) | Shows::Composite(Colouring::Wheel) => {
                kind == ColormapKind::Cyclic
            }
            Shows::Component(Display::Categorical { .. }) => kind == ColormapKind::Categorical,
            _ => kind != ColormapKind::Categorical,
        }
    }

    /// Whether levels can be chosen for it: a period, names, images with levels of their own and own colours leave no choice.
    fn has_levels(self) -> bool {
        !matches!(
            self,
            Shows::Component(Display::Cyclic { .. } | Display::Categorical { .. })
                | Shows::Composite(Colouring::Rgb | Colouring::Colours)
        )
    }
}

fn key(node: u32, meta: &SignalMeta, picture: usize) -> String {
    match meta.kind == SignalKind::Map || !meta.components.is_empty() {
        // All images of a part of three axes have its levels.
        true => format!("{node}.{}", meta.component_number(picture)),
        false => node.to_string(),
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
        let panes = || of("panes").as_array().into_iter().flatten();
        let focused = of("focused").as_u64().unwrap_or(0);
        let others = panes()
            .filter(|pane| pane["key"].as_u64() != Some(focused))
            .filter_map(|pane| whole(&pane["node"]));
        let component = whole(of("component")).unwrap_or(0) as usize;
        let in_panes = panes()
            .filter_map(|pane| Some((whole(&pane["node"])?, whole(&pane["component"])? as usize)));
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
            pictures: in_panes
                .chain(selected.map(|node| (node, component)))
                .collect(),
            nodes: selected.into_iter().chain(others).collect(),
            index: (of("position").as_array().into_iter().flatten())
                .filter_map(|index| index.as_u64()?.try_into().ok())
                .collect(),
            levels: (of("levels").as_object().into_iter().flatten())
                .filter_map(|(key, levels)| Some((key.clone(), Held::of(levels)?)))
                .collect(),
            same_levels: selected
                .filter(|_| of("same_levels") == true)
                .map(|node| (node, component)),
            contrast: contrast.into(),
        }
    }

    /// Which of its pictures a node shows; the first of one that no page shows.
    pub(crate) fn picture(&self, node: u32) -> usize {
        self.pictures.get(&node).copied().unwrap_or(0)
    }

    pub(crate) fn contrast(&self, shows: Shows<'_>) -> Contrast {
        let class = shows.class();
        let usual = CLASSES.iter().find(|(name, _)| *name == class);
        let usual = Contrast::of(usual.map_or("gray", |(_, colormap)| colormap));
        match self.contrast.get(class).copied() {
            Some(chosen) if shows.suits(chosen.colormap.kind) => chosen,
            Some(chosen) => Contrast {
                colormap: usual.colormap,
                ..chosen
            },
            None => usual,
        }
    }

    /// The levels the page draws a picture with, if it has drawn it and the values are still those it has seen.
    pub(crate) fn levels<'a>(
        &self,
        node: u32,
        component: usize,
        now: impl Fn(u32) -> Option<Now<'a>>,
    ) -> Option<[f64; 2]> {
        let held = |node, component, now: Now<'_>| {
            let levels = self.levels.get(&key(node, now.meta, component))?;
            levels.still(&now)
        };
        let here = now(node)?;
        let shows = Shows::of(here.meta, component);
        if !shows.has_levels() {
            return None;
        }
        let of_selected = self.same_levels.and_then(|(selected, number)| {
            let there = now(selected)?;
            let alike = Shows::of(there.meta, number).class() == shows.class();
            alike.then(|| held(selected, number, there)).flatten()
        });
        of_selected.or_else(|| held(node, component, here))
    }
}

/// The page's rule for levels that nobody has chosen (`automaticLevels`).
pub(crate) fn automatic(levels: &views::Levels, shows: Shows<'_>) -> [f64; 2] {
    let [mut low, mut high] = levels.percentiles;
    if high <= low {
        [low, high] = levels.extrema;
    }
    match shows {
        Shows::Component(Display::Diverging) => {
            let reach = low.abs().max(high.abs());
            [low, high] = [-reach, reach];
        }
        Shows::Component(Display::Cyclic { period }) => [low, high] = [0.0, *period],
        // No length is dark, so that the hue of a weak field is not that of a strong one.
        Shows::Composite(Colouring::Wheel) => low = 0.0,
        _ => {}
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
    use signal::{Axes, Axis, Component, Composite, ElementType};

    use super::*;

    fn traits(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    /// The first revision of a node, all of it.
    fn now(meta: &SignalMeta) -> Option<Now<'_>> {
        Some(Now {
            meta,
            revision: 1,
            complete: 1.0,
        })
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
            "levels": {"2": {"low": 1.5, "high": 9.0, "automatic": true, "of": "1", "complete": 1}, "4.1": {"low": -2, "high": 2}, "7": {"low": 0}},
            "colormap": {"signal": "magma", "diverging": "diverging_dark"}, "gamma": {"signal": 0.5}, "log": {"signal": true},
        })));
        assert_eq!(look.nodes, [4, 2]);
        assert_eq!(look.index, [3, 7]);
        let scan = frames();
        let map = scan.to_map(vec![
            Component::new("a", "a", "", Display::Sequential),
            Component::new("b", "b", "", Display::Diverging),
        ]);
        assert_eq!(look.levels(2, 0, |_| now(&scan)), Some([1.5, 9.0]));
        assert_eq!(look.levels(4, 1, |_| now(&map)), Some([-2.0, 2.0]));
        assert_eq!(look.levels(7, 0, |_| now(&scan)), None);
        assert_eq!(look.levels(2, 0, |_| None), None);
        let drawn = look.contrast(Shows::Frame);
        assert_eq!(
            (drawn.colormap.name.as_str(), drawn.gamma, drawn.log),
            ("magma", 0.5, true)
        );
        assert_eq!(look.contrast(Shows::of(&map, 0)), Contrast::of("viridis"));
        assert_eq!(
            look.contrast(Shows::of(&map, 1)),
            Contrast::of("diverging_dark")
        );
    }

    #[test]
    fn pictures_of_one_class_may_share_the_levels_of_the_selected_one() {
        let look = Look::of(&traits(json!({
            "node": 2, "same_levels": true,
            "levels": {"2": {"low": 0, "high": 10}, "3": {"low": 5, "high": 6}},
        })));
        let scan = frames();
        let map = scan.to_map(vec![Component::new("a", "a", "", Display::Sequential)]);
        let of = |node| now(if node == 2 { &scan } else { &map });
        assert_eq!(look.levels(3, 0, |_| now(&scan)), Some([0.0, 10.0]));
        assert_eq!(look.levels(3, 0, of), None);
    }

    #[test]
    fn levels_that_nobody_has_set_hold_for_the_values_they_were_chosen_from() {
        let map = frames().to_map(vec![Component::new("a", "a", "", Display::Diverging)]);
        let levels = |held: Value, revision, complete| {
            let look = Look::of(&traits(json!({ "levels": { "4.0": held } })));
            let now = Now {
                meta: &map,
                revision,
                complete,
            };
            look.levels(4, 0, |_| Some(now))
        };
        let part = json!({"low": -1, "high": 1, "automatic": true, "of": "3", "complete": 0.39});
        assert_eq!(levels(part.clone(), 3, 0.39), Some([-1.0, 1.0]));
        // More of the map, other parameters, a sum of positions, or no word of what they are from.
        assert_eq!(levels(part.clone(), 3, 1.0), None);
        assert_eq!(levels(part, 4, 0.1), None);
        let tried = json!({"low": -1, "high": 1, "automatic": true, "of": "3:{}", "complete": 1});
        assert_eq!(levels(tried, 3, 1.0), None);
        let unknown = json!({"low": -1, "high": 1, "automatic": true});
        assert_eq!(levels(unknown, 3, 1.0), None);
        let set = json!({"low": -1, "high": 1, "automatic": false, "of": "3", "complete": 0.39});
        assert_eq!(levels(set, 5, 1.0), Some([-1.0, 1.0]));
    }

    #[test]
    fn what_no_page_has_set_has_the_pages_defaults() {
        let look = Look::of(&traits(
            json!({ "colormap": "inferno", "gamma": -1, "node": null }),
        ));
        assert_eq!((look.nodes.len(), look.index.len()), (0, 0));
        assert_eq!(look.contrast(Shows::Frame), Contrast::of("inferno"));
        assert_eq!(Look::default().contrast(Shows::Frame), Contrast::of("gray"));
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
            automatic(&levels([1.0, 9.0], [0.0, 99.0]), Shows::Frame),
            [1.0, 9.0]
        );
        assert_eq!(
            automatic(&levels([0.0, 0.0], [0.0, 4.0]), Shows::Frame),
            [0.0, 4.0]
        );
        assert_eq!(
            automatic(
                &levels([-1.0, 3.0], [-5.0, 5.0]),
                Shows::Component(&Display::Diverging)
            ),
            [-3.0, 3.0]
        );
        assert_eq!(
            automatic(&levels([2.0, 2.0], [2.0, 2.0]), Shows::Frame),
            [2.0, 3.0]
        );
        let cyclic = Display::Cyclic { period: 360.0 };
        assert_eq!(
            automatic(&levels([-9.0, 3.0], [-9.0, 5.0]), Shows::Component(&cyclic)),
            [0.0, 360.0]
        );
        let wheel = Shows::Composite(Colouring::Wheel);
        assert_eq!(
            automatic(&levels([1.0, 9.0], [0.0, 99.0]), wheel),
            [0.0, 9.0]
        );
        assert_eq!(
            automatic(&levels([0.0, 0.0], [0.0, 0.0]), wheel),
            [0.0, 1.0]
        );
    }

    #[test]
    fn a_colormap_that_cannot_show_a_picture_is_not_taken_for_it() {
        let look = Look::of(&traits(json!({
            "colormap": {"wheel": "magma", "cyclic": "hsv", "categorical": "hues", "map": "twilight"},
            "gamma": {"wheel": 0.5}, "levels": {"4.1": {"low": 0, "high": 7}, "4.0": {"low": 0, "high": 7}},
        })));
        let display = Display::Cyclic { period: 1.0 };
        let mut map = frames().to_map(vec![Component::new("y", "y", "", display)]);
        let shown = |shows| look.contrast(shows).colormap.name.as_str();
        let wheel = Shows::Composite(Colouring::Wheel);
        assert_eq!((shown(wheel), look.contrast(wheel).gamma), ("hues", 0.5));
        assert_eq!(shown(Shows::of(&map, 0)), "hsv");
        let names = Display::Categorical { names: Vec::new() };
        assert_eq!(shown(Shows::Component(&names)), "categories");
        assert_eq!(shown(Shows::Component(&Display::Sequential)), "twilight");
        // The levels of a period are its own, those of a composite are held by its number.
        assert_eq!(look.levels(4, 0, |_| now(&map)), None);
        map.composites = vec![Composite::new("w", "w", Colouring::Wheel, &["y", "y"])];
        assert_eq!(look.levels(4, 1, |_| now(&map)), Some([0.0, 7.0]));
    }
}
