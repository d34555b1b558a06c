use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Axes, Colouring, Component, Composite, ElementType, ShownUnits};

/// What a signal has at every scan position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// An array over the signal axes.
    Frame,
    /// A ragged list of peaks in the space of the signal axes.
    Peaks,
    /// One number per component; the signal has no signal axes and is seen as images of the scan.
    Map,
}

impl SignalKind {
    pub fn noun(self) -> &'static str {
        match self {
            SignalKind::Frame => "frames",
            SignalKind::Peaks => "peaks",
            SignalKind::Map => "maps",
        }
    }
}

/// Something the user must know before trusting the numbers of a signal: what was assumed, filled in, approximated
/// or left out. It is said once under the cell that opened the file, stands in the viewer, and goes with every result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caveat {
    /// Stable identifier for programs, one per kind: `absent_chunks`, `assumed_unsigned`.
    pub code: String,
    /// A sentence without a full stop: what, where, and what it means for the numbers.
    pub text: String,
}

impl Caveat {
    /// Code of the caveat of a map that has positions without value, or nothing else.
    pub const NO_VALUE: &str = "no_value";

    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Caveat {
            code: code.into(),
            text: text.into(),
        }
    }
}

/// What a model was made from: a signal that stands for something fitted to another one (the components of a decomposition).
/// What was prepared for it is read by operations on it ([`crate::Needs::Model`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The operation whose model it is.
    pub operation: String,
    /// The signal that it was fitted to.
    pub of: SignalMeta,
}

/// Everything known about a signal without reading a pixel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalMeta {
    pub title: String,
    pub kind: SignalKind,
    pub axes: Axes,
    /// Type of a frame's pixels; `f32` for peaks and maps.
    pub element: ElementType,
    /// Quantity and unit of the values, for example `counts`.
    pub value_units: String,
    /// The images of a map. Of frames of complex numbers what can be shown of each ([`crate::ComplexPart`]); empty for others.
    pub components: Vec<Component>,
    /// Pictures drawn from several of them. The pictures of a map are counted through: images, then composites. Frames of
    /// colours have one, which is drawn from the frame itself.
    #[serde(default)]
    pub composites: Vec<Composite>,
    /// hyperspy's `Signal.signal_type`: `electron_diffraction`, `EELS`, … or empty.
    pub signal_type: String,
    pub beam_energy_kev: Option<f64>,
    /// Conventions and references that belong to the result (signs, axes, reference values).
    pub notes: Map<String, Value>,
    /// Of a model; the tree takes it away from everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<Model>>,
    /// What to know before trusting the numbers; the tree hands those of its parents to every node.
    pub caveats: Vec<Caveat>,
    /// The metadata tree of the file it came from, unchanged (hyperspy's `original_metadata`).
    pub original: Value,
}

impl SignalMeta {
    /// A frame signal with nothing known but its axes and pixel type; values are counts, complex ones and colours have no unit.
    pub fn frames(title: impl Into<String>, axes: Axes, element: ElementType) -> Self {
        SignalMeta {
            title: title.into(),
            kind: SignalKind::Frame,
            axes,
            element,
            value_units: match element.is_complex() || element.is_colour() {
                true => String::new(),
                false => "counts".into(),
            },
            components: SignalMeta::pictures_of(element),
            composites: SignalMeta::composites_of(element),
            signal_type: String::new(),
            beam_energy_kev: None,
            notes: Map::new(),
            model: None,
            caveats: Vec::new(),
            original: Value::Null,
        }
    }

    fn composites_of(element: ElementType) -> Vec<Composite> {
        match element.is_colour() {
            true => vec![Composite::new(
                "colours",
                "Colours",
                Colouring::Colours,
                &[],
            )],
            false => Vec::new(),
        }
    }

    /// The same frames with pixels of another type, and what is seen of those.
    #[must_use]
    pub fn with_element(self, element: ElementType) -> Self {
        SignalMeta {
            element,
            components: SignalMeta::pictures_of(element),
            composites: SignalMeta::composites_of(element),
            ..self
        }
    }

    /// A map over this signal's scan positions with the given components, and no composites.
    pub fn to_map(&self, components: Vec<Component>) -> Self {
        SignalMeta {
            kind: SignalKind::Map,
            axes: Axes::new(self.axes.navigation.clone(), Vec::new()),
            element: ElementType::F32,
            // Of all images, if they share one.
            value_units: match components.as_slice() {
                [first, rest @ ..] if rest.iter().all(|other| other.units == first.units) => {
                    first.units.clone()
                }
                _ => String::new(),
            },
            components,
            composites: Vec::new(),
            signal_type: String::new(),
            notes: Map::new(),
            model: None,
            ..self.clone()
        }
    }

    /// Adds a caveat unless it is there.
    pub fn add_caveat(&mut self, caveat: Caveat) {
        if !self.caveats.contains(&caveat) {
            self.caveats.push(caveat);
        }
    }

    /// Adds what holds for the signals this one is made from.
    pub fn inherit_caveats(&mut self, parents: &[&SignalMeta]) {
        let own = std::mem::take(&mut self.caveats);
        let inherited = parents.iter().flat_map(|parent| parent.caveats.clone());
        for caveat in inherited.chain(own) {
            self.add_caveat(caveat);
        }
    }

    /// Bytes of the whole signal if it were written out; saturates.
    pub fn total_bytes(&self) -> u64 {
        let per_position = match self.kind {
            SignalKind::Map => self.components.len().max(1),
            _ => self.axes.frame_len(),
        };
        (self.axes.positions() as u64)
            .saturating_mul(per_position as u64)
            .saturating_mul(self.element.size_bytes() as u64)
    }

    /// The composite that is a picture of a map, by the number of the picture.
    pub fn composite(&self, picture: usize) -> Option<&Composite> {
        (self.composites).get(picture.checked_sub(self.components.len())?)
    }

    /// How many pictures there are to choose from: the images of a map and its composites, the parts of complex numbers, the
    /// images of a frame with three axes, of complex ones for each part; 1 where there is no choice.
    pub fn pictures(&self) -> usize {
        self.images() * (self.components.len() + self.composites.len()).max(1)
    }

    /// Images along the slowest of three signal axes; 1 of all other signals.
    pub fn images(&self) -> usize {
        match self.axes.signal.as_slice() {
            [images, _, _] => images.size.max(1),
            _ => 1,
        }
    }

    /// The component that a picture is one of, which is not its number where frames have three axes.
    pub fn component_number(&self, picture: usize) -> usize {
        picture / self.images()
    }

    pub fn component(&self, picture: usize) -> Option<&Component> {
        self.components.get(self.component_number(picture))
    }

    /// The components that a picture is drawn from: itself, or those of a composite; `None` for a picture that is not there.
    pub fn planes(&self, picture: usize) -> Option<Vec<usize>> {
        match self.composite(picture) {
            Some(composite) if composite.colouring == Colouring::Colours => Some(vec![picture]),
            Some(composite) => composite.planes(&self.components),
            None => (picture < self.pictures()).then(|| vec![picture]),
        }
    }

    /// In which unit the values of a picture of a map are written for people, or those of frames: figures and
    /// pages have it from here. A composite has that of its first component.
    pub fn writing(&self, picture: usize) -> ShownUnits {
        let first = self
            .planes(picture)
            .and_then(|planes| planes.first().copied());
        let component = first.and_then(|first| self.component(first));
        let units = match component.map(|component| component.units.as_str()) {
            None | Some("") => &self.value_units,
            Some(units) => units,
        };
        let stored = ShownUnits {
            factor: 1.0,
            units: units.to_owned(),
        };
        (component.and_then(|component| component.shown.clone())).unwrap_or(stored)
    }

    /// One line: `(40, 56 | 128, 112) u16`, `(40, 56) map of ε_xx, ε_yy`.
    pub fn summary(&self) -> String {
        match self.kind {
            SignalKind::Frame => format!("{} {}", self.axes.shape_text(), self.element),
            SignalKind::Peaks => format!("{} peaks", self.axes.shape_text()),
            SignalKind::Map => format!(
                "({}) map of {}",
                self.axes
                    .navigation_shape()
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
                self.components
                    .iter()
                    .map(|component| component.title.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }
}
