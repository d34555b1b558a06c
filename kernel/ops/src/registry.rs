//! The list of operations. Menu, widget controls, completion, cell structs, contract tests and
//! benches iterate it; its order is the order on screen. A new one has its line in its folder's file.

use std::sync::LazyLock;

use signal::{Registered, nearest_names};

use crate::{
    arithmetic, background, corrections, decomposition, detectors, filter, geometry, patterns,
    peaks, phase_contrast, radial, strain,
};

/// The folders of operations, in the order of [`signal::Category`].
static FOLDERS: [&[&dyn Registered]; 12] = [
    corrections::OPERATIONS,
    background::OPERATIONS,
    peaks::OPERATIONS,
    strain::OPERATIONS,
    detectors::OPERATIONS,
    phase_contrast::OPERATIONS,
    patterns::OPERATIONS,
    radial::OPERATIONS,
    geometry::OPERATIONS,
    filter::OPERATIONS,
    decomposition::OPERATIONS,
    arithmetic::OPERATIONS,
];

/// Every operation, in menu order.
pub fn registry() -> &'static [&'static dyn Registered] {
    static ALL: LazyLock<Vec<&'static dyn Registered>> = LazyLock::new(|| FOLDERS.concat());
    &ALL
}

/// A wire name that no operation has.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownOperation {
    pub name: String,
    /// The closest wire names, best first; may be empty.
    pub nearest: Vec<&'static str>,
}

impl std::fmt::Display for UnknownOperation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "there is no operation `{}`", self.name)?;
        let (text, names) = if self.nearest.is_empty() {
            ("the operations are", wire_names().collect())
        } else {
            ("the nearest names are", self.nearest.clone())
        };
        write!(out, "; {text} {}", names.join(", "))
    }
}

impl std::error::Error for UnknownOperation {}

fn wire_names() -> impl Iterator<Item = &'static str> {
    registry().iter().map(|entry| entry.info().name)
}

/// The operation with this wire name.
///
/// # Errors
/// [`UnknownOperation`] with the nearest names.
pub fn find(name: &str) -> Result<&'static dyn Registered, UnknownOperation> {
    registry()
        .iter()
        .copied()
        .find(|entry| entry.info().name == name)
        .ok_or_else(|| UnknownOperation {
            name: name.to_owned(),
            nearest: nearest_names(name, wire_names(), 3),
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_parameter_structs_are_unique() {
        let infos: Vec<_> = registry().iter().map(|entry| entry.info()).collect();
        let names: HashSet<_> = infos.iter().map(|info| info.name).collect();
        let structs: HashSet<_> = infos.iter().map(|info| info.parameters_type).collect();
        assert_eq!(names.len(), infos.len());
        assert_eq!(structs.len(), infos.len());
    }

    #[test]
    fn a_slip_of_the_finger_gets_the_nearest_name() {
        let error = find("radial_medain").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("radial_median")));
        assert!(find("strain_map").is_ok());
    }
}
