//! The kinds of operations.

use serde::{Serialize, Serializer};

/// What kind of operation one is. The order is that of the menu; a kind has its heading there and its folder in the crate `ops`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Corrections,
    Background,
    Peaks,
    Strain,
    Detectors,
    PhaseContrast,
    Patterns,
    Radial,
    Geometry,
    Filter,
    Models,
    Arithmetic,
    /// The user's own.
    Closures,
}

impl Category {
    /// Heading in the menu.
    pub const fn heading(self) -> &'static str {
        match self {
            Category::Corrections => "Detector corrections",
            Category::Background => "Background",
            Category::Peaks => "Peaks",
            Category::Strain => "Strain",
            Category::Detectors => "Virtual detectors",
            Category::PhaseContrast => "Phase contrast",
            Category::Patterns => "Patterns",
            Category::Radial => "Radial",
            Category::Geometry => "Geometry",
            Category::Filter => "Filter",
            Category::Models => "Models",
            Category::Arithmetic => "Arithmetic",
            Category::Closures => "Closures",
        }
    }

    /// Folder of its operations in `ops`; the user's own have none.
    pub const fn folder(self) -> Option<&'static str> {
        Some(match self {
            Category::Corrections => "corrections",
            Category::Background => "background",
            Category::Peaks => "peaks",
            Category::Strain => "strain",
            Category::Detectors => "detectors",
            Category::PhaseContrast => "phase_contrast",
            Category::Patterns => "patterns",
            Category::Radial => "radial",
            Category::Geometry => "geometry",
            Category::Filter => "filter",
            Category::Models => "decomposition",
            Category::Arithmetic => "arithmetic",
            Category::Closures => return None,
        })
    }
}

/// As its heading.
impl Serialize for Category {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.heading())
    }
}
