//! The images of a map, how each is shown, and pictures that are drawn from several of them.

use serde::{Deserialize, Serialize};

/// How the values of an image are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Display {
    /// From least to greatest.
    #[default]
    Sequential,
    /// Zero is the middle of the range, so that a diverging colormap fits.
    Diverging,
    /// Values that are a `period` apart mean the same, in the unit of the values: 2π for an angle in radians.
    Cyclic { period: f64 },
    /// Whole numbers that stand for something: the value `n` is `names[n]`.
    Categorical { names: Vec<String> },
}

/// One image of a map signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredComponent")]
pub struct Component {
    /// Identifier, also the name on disk: `e_xx`.
    pub name: String,
    /// Text on screen: `ε_xx`.
    pub title: String,
    pub units: String,
    pub display: Display,
    /// How a value is written for people, where they are used to another unit than the one it is stored in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownUnits>,
}

/// As it lies in files; earlier releases wrote `diverging` instead of `display`.
#[derive(Deserialize)]
struct StoredComponent {
    name: String,
    title: String,
    units: String,
    display: Option<Display>,
    #[serde(default)]
    diverging: bool,
    shown: Option<ShownUnits>,
}

impl From<StoredComponent> for Component {
    fn from(stored: StoredComponent) -> Self {
        let former = match stored.diverging {
            true => Display::Diverging,
            false => Display::Sequential,
        };
        Component {
            name: stored.name,
            title: stored.title,
            units: stored.units,
            display: stored.display.unwrap_or(former),
            shown: stored.shown,
        }
    }
}

/// `factor` times the stored value is the number in `units`: 100 and `%` for a strain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownUnits {
    pub factor: f64,
    pub units: String,
}

impl Component {
    pub fn new(name: &str, title: &str, units: &str, display: Display) -> Self {
        Component {
            name: name.into(),
            title: title.into(),
            units: units.into(),
            display,
            shown: None,
        }
    }

    /// The same, written for people as `factor` times the value, in `units`.
    pub fn shown_in(self, factor: f64, units: &str) -> Self {
        let units = units.into();
        Component {
            shown: Some(ShownUnits { factor, units }),
            ..self
        }
    }
}

/// A picture that is drawn from several images of a map. It has no values of its own: whoever draws it takes those of
/// its components, and colours them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composite {
    /// Identifier: `deflection`.
    pub name: String,
    /// Text on screen.
    pub title: String,
    pub colouring: Colouring,
    /// Names of the components, in the order that the colouring says.
    pub components: Vec<String>,
}

/// How several images become one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colouring {
    /// Components `y`, `x` of a vector in the plane of the picture: its direction is the hue, its length the brightness.
    /// The direction is `atan2(y, x)`: 0 is +x, to the right, and 90° is +y, down.
    Wheel,
    /// Red, green and blue, each between its own levels.
    Rgb,
    /// The frame itself, whose pixels are colours: no component, no levels ([`crate::Channel`]).
    Colours,
}

impl Colouring {
    /// How many images it takes.
    pub fn planes(self) -> usize {
        match self {
            Colouring::Wheel => 2,
            Colouring::Rgb => 3,
            Colouring::Colours => 0,
        }
    }
}

impl Composite {
    pub fn new(name: &str, title: &str, colouring: Colouring, components: &[&str]) -> Self {
        Composite {
            name: name.into(),
            title: title.into(),
            colouring,
            components: components.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Where its components are among those of a map; `None` where one is not there.
    pub fn planes(&self, components: &[Component]) -> Option<Vec<usize>> {
        let find = |name: &String| components.iter().position(|other| other.name == *name);
        let planes: Vec<usize> = self.components.iter().map(find).collect::<Option<_>>()?;
        (planes.len() == self.colouring.planes()).then_some(planes)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn components_of_earlier_releases_are_read() {
        let stored = |more: serde_json::Value| {
            let mut entry = json!({"name": "e", "title": "ε", "units": ""});
            (entry.as_object_mut().unwrap()).extend(more.as_object().unwrap().clone());
            from_value::<Component>(entry).unwrap()
        };
        assert_eq!(
            stored(json!({"diverging": true})).display,
            Display::Diverging
        );
        assert_eq!(
            stored(json!({"diverging": false})).display,
            Display::Sequential
        );
        assert_eq!(stored(json!({})).display, Display::Sequential);
        let shown = json!({"diverging": true, "shown": {"factor": 100.0, "units": "%"}});
        let strain = Component::new("e", "ε", "", Display::Diverging).shown_in(100.0, "%");
        assert_eq!(stored(shown), strain);
    }

    #[test]
    fn every_display_is_stored_as_it_is() {
        for display in [
            Display::Sequential,
            Display::Diverging,
            Display::Cyclic { period: 360.0 },
            Display::Categorical {
                names: vec!["grain".into(), "matrix".into()],
            },
        ] {
            let component = Component::new("a", "a", "°", display);
            let stored = to_value(&component).unwrap();
            assert!(stored.get("diverging").is_none() && stored.get("shown").is_none());
            assert_eq!(from_value::<Component>(stored).unwrap(), component);
        }
        let stored = to_value(Display::Cyclic { period: 360.0 }).unwrap();
        assert_eq!(stored, json!({"type": "cyclic", "period": 360.0}));
    }

    #[test]
    fn a_composite_finds_its_components_by_name() {
        let named = |names: &[&str]| -> Vec<Component> {
            let of = |name: &&str| Component::new(name, name, "px", Display::Diverging);
            names.iter().map(of).collect()
        };
        let wheel = Composite::new("shift", "Shift", Colouring::Wheel, &["dy", "dx"]);
        assert_eq!(wheel.planes(&named(&["dx", "sum", "dy"])), Some(vec![2, 0]));
        assert_eq!(wheel.planes(&named(&["dx", "sum"])), None);
        let short = Composite::new("shift", "Shift", Colouring::Rgb, &["dy", "dx"]);
        assert_eq!(short.planes(&named(&["dy", "dx"])), None);
    }
}
