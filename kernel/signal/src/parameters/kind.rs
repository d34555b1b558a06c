use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ParameterInfo, file, navigation_region, pair, plain, signal_point, signal_polygon, signal_range,
};

/// What a parameter is; the widget has one control per kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ParameterKind {
    Number,
    Integer,
    Toggle,
    Text,
    /// One of a few names.
    Choice {
        choices: Vec<String>,
    },
    /// Two numbers with what each is called, whole ones or any.
    Pair {
        parts: [String; 2],
        whole: bool,
    },
    /// A file; its name has one of these endings, written small and without the dot.
    File {
        endings: Vec<String>,
    },
    /// `[row, column]` in the signal axes, in pixels.
    SignalPoint,
    /// `[from, to]` on the last signal axis, in its unit.
    SignalRange,
    /// `[[row, column], …]` in the signal axes, in pixels: the vertices, in order.
    SignalPolygon,
    /// `{x0, y0, width, height}` in scan positions.
    NavigationRegion,
}

/// What is to be known of a kind beside its values; each kind has them in its own file.
pub(super) struct Rules {
    /// The allowed values as a sentence for people.
    pub allowed: fn(&ParameterInfo) -> String,
    /// A value that is not left out, as a cell writes it.
    pub literal: fn(&ParameterInfo, &Value) -> String,
}

impl ParameterKind {
    /// A pair whose parts have these names.
    #[must_use]
    pub fn with_parts(self, names: [&str; 2]) -> Self {
        match self {
            ParameterKind::Pair { whole, .. } => ParameterKind::Pair {
                parts: names.map(str::to_owned),
                whole,
            },
            other => other,
        }
    }

    /// A file whose name has one of these endings.
    #[must_use]
    pub fn with_endings(self, endings: &[&str]) -> Self {
        match self {
            ParameterKind::File { .. } => ParameterKind::File {
                endings: endings.iter().map(|ending| (*ending).to_owned()).collect(),
            },
            other => other,
        }
    }

    pub(super) fn rules(&self) -> &'static Rules {
        match self {
            ParameterKind::Number => &plain::NUMBER,
            ParameterKind::Integer => &plain::INTEGER,
            ParameterKind::Toggle => &plain::TOGGLE,
            ParameterKind::Text => &plain::TEXT,
            ParameterKind::Choice { .. } => &plain::CHOICE,
            ParameterKind::Pair { .. } => &pair::RULES,
            ParameterKind::File { .. } => &file::RULES,
            ParameterKind::SignalPoint => &signal_point::RULES,
            ParameterKind::SignalRange => &signal_range::RULES,
            ParameterKind::SignalPolygon => &signal_polygon::RULES,
            ParameterKind::NavigationRegion => &navigation_region::RULES,
        }
    }
}
