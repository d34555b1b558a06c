use serde::{Deserialize, Serialize};

use crate::{Axis, NavigationIndex};

/// The axes of a signal, slowest first, navigation before signal: `(ny, nx | ky, kx)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Axes {
    pub navigation: Vec<Axis>,
    pub signal: Vec<Axis>,
}

impl Axes {
    pub fn new(navigation: Vec<Axis>, signal: Vec<Axis>) -> Self {
        Axes { navigation, signal }
    }

    pub fn navigation_shape(&self) -> Vec<usize> {
        self.navigation.iter().map(|axis| axis.size).collect()
    }

    pub fn signal_shape(&self) -> Vec<usize> {
        self.signal.iter().map(|axis| axis.size).collect()
    }

    /// Number of scan positions; 1 for a signal without navigation axes.
    pub fn positions(&self) -> usize {
        self.navigation.iter().map(|axis| axis.size).product()
    }

    /// Number of pixels in one frame.
    pub fn frame_len(&self) -> usize {
        self.signal.iter().map(|axis| axis.size).product()
    }

    pub fn contains(&self, at: NavigationIndex) -> bool {
        at.as_slice().len() == self.navigation.len()
            && at
                .as_slice()
                .iter()
                .zip(&self.navigation)
                .all(|(index, axis)| *index < axis.size)
    }

    /// `(16, 24 | 96, 80)`: the shape as the project writes it everywhere; `(| 96, 80)` without scan axes.
    pub fn shape_text(&self) -> String {
        let join = |axes: &[Axis]| {
            axes.iter()
                .map(|axis| axis.size.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let space = if self.navigation.is_empty() { "" } else { " " };
        format!(
            "({}{space}| {})",
            join(&self.navigation),
            join(&self.signal)
        )
    }

    /// What is wrong with these axes, if anything (see [`Axis::fault`]).
    pub fn fault(&self) -> Option<String> {
        self.navigation
            .iter()
            .chain(&self.signal)
            .find_map(Axis::fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_written_without_a_gap_where_nothing_is() {
        let axes = |sizes: &[usize]| -> Vec<Axis> {
            (sizes.iter())
                .map(|size| Axis::pixels("a", *size))
                .collect()
        };
        let text =
            |scan: &[usize], frame: &[usize]| Axes::new(axes(scan), axes(frame)).shape_text();
        assert_eq!(text(&[16, 24], &[96, 80]), "(16, 24 | 96, 80)");
        assert_eq!(text(&[], &[512, 300]), "(| 512, 300)");
    }
}
