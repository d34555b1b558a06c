//! A stretch of a signal axis: an energy window.

use std::ops::Range;

use serde_json::{Value, json};

use super::kind::Rules;
use super::plain::float;
use super::{ParameterKind, ParameterValue};
use crate::Axis;

pub(super) const RULES: Rules = Rules {
    allowed: |_| "[from, to] in the unit of the signal axis, the smaller one first".into(),
    literal: |_, value| format!("[{}, {}]", float(&value[0]), float(&value[1])),
};

/// Ends of a range that are this near to the centre of a channel lie on it: so far are calibrations exact, as a share of a channel.
const SLACK: f64 = 1e-6;

/// From one value of a signal axis up to another, in the axis' own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalRange {
    pub from: f64,
    pub to: f64,
}

/// The channels of an axis that a range covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Indices; empty where no centre lies inside.
    pub inside: Range<usize>,
    /// Whether it would cover more if the axis went on.
    pub is_cut: bool,
}

impl SignalRange {
    /// Channels whose centres lie in `from ≤ centre < to`: ranges that follow each other share none and leave out none. Whole
    /// channels count, also of an axis that falls or is not uniform.
    pub fn channels(self, axis: &Axis) -> Channels {
        let (from, to) = (axis.index(self.from), axis.index(self.to));
        let (first, end) = match axis.scale > 0.0 {
            true => ((from - SLACK).ceil(), (to - SLACK).ceil()),
            // Indices count up where values fall.
            false => ((to + SLACK).floor() + 1.0, (from + SLACK).floor() + 1.0),
        };
        let size = axis.size as f64;
        Channels {
            inside: first.clamp(0.0, size) as usize..end.clamp(0.0, size) as usize,
            is_cut: first < 0.0 || end > size,
        }
    }

    /// The range over all of these channels, from edge to edge.
    pub fn over(channels: &Range<usize>, axis: &Axis) -> Self {
        let first = axis.value(channels.start as f64 - 0.5);
        let last = axis.value(channels.end as f64 - 0.5);
        SignalRange {
            from: first.min(last),
            to: first.max(last),
        }
    }
}

impl ParameterValue for SignalRange {
    fn kind() -> ParameterKind {
        ParameterKind::SignalRange
    }
    fn rust_type() -> String {
        "[f64; 2]".into()
    }
    fn to_json(&self) -> Value {
        json!([self.from, self.to])
    }
    fn from_json(value: &Value) -> Option<Self> {
        let [from, to] = <[f64; 2]>::from_json(value)?;
        (from < to).then_some(SignalRange { from, to })
    }
    fn numbers(&self) -> Vec<f64> {
        vec![self.from, self.to]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, channel by channel.
    fn by_definition(range: SignalRange, axis: &Axis) -> Vec<usize> {
        (0..axis.size)
            .filter(|index| {
                let centre = axis.value(*index as f64);
                range.from <= centre && centre < range.to
            })
            .collect()
    }

    #[test]
    fn whole_channels_whose_centres_lie_inside() {
        let axes = [
            Axis::new("Energy", 40, 0.5, 200.0, "eV"),
            Axis::new("Energy", 40, -0.5, 219.5, "eV"),
            Axis::pixels("channel", 40),
            Axis::with_values("Energy", (0..40).map(|n| f64::from(n * n)).collect(), "eV"),
            Axis::with_values("Energy", (0..40).map(|n| f64::from(-n * n)).collect(), "eV"),
        ];
        for axis in &axes {
            let ends = [axis.value(0.0), axis.value(39.0)];
            let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
            for n in 0..60 {
                let at = |share: f64| low + (high - low) * share;
                let range = SignalRange {
                    from: at(f64::from(n) / 90.0 - 0.1) + 0.017,
                    to: at(f64::from(n) / 60.0 + 0.05) + 0.013,
                };
                let found = range.channels(axis).inside;
                let expected = by_definition(range, axis);
                assert_eq!(
                    found.clone().collect::<Vec<_>>(),
                    expected,
                    "{range:?} {axis:?}"
                );
            }
        }
    }

    #[test]
    fn the_first_end_counts_and_the_last_does_not() {
        // 200.30000000000001 is the centre of channel 3.
        let axis = Axis::new("Energy", 40, 0.1, 200.0, "eV");
        let range = |from, to| SignalRange { from, to }.channels(&axis);
        assert_eq!(range(200.3, 200.7).inside, 3..7);
        assert_eq!(range(200.7, 201.1).inside, 7..11);
        let falling = Axis::new("Energy", 40, -0.1, 203.9, "eV");
        let range = SignalRange {
            from: 200.3,
            to: 200.7,
        };
        assert_eq!(range.channels(&falling).inside, 33..37);
    }

    #[test]
    fn what_lies_beyond_the_axis_is_cut_off_and_said() {
        for axis in [
            Axis::new("Energy", 8, 2.0, 10.0, "eV"),
            Axis::new("Energy", 8, -2.0, 24.0, "eV"),
        ] {
            let range = |from, to| SignalRange { from, to }.channels(&axis);
            // Up to where the next channel would be.
            assert!(!range(9.0, 26.0).is_cut);
            assert_eq!(range(9.0, 26.0).inside, 0..8);
            assert!(range(9.0, 26.1).is_cut && range(8.0, 12.0).is_cut);
            assert_eq!(range(-1e300, 1e300).inside, 0..8);
            assert!(range(30.0, 40.0).inside.is_empty());
            assert!(range(12.1, 13.9).inside.is_empty() && !range(12.1, 13.9).is_cut);
        }
    }

    #[test]
    fn a_range_over_channels_covers_those() {
        for axis in [
            Axis::new("Energy", 9, 0.1, -0.4, "eV"),
            Axis::new("Energy", 9, -0.1, 0.3, "eV"),
            Axis::with_values("Energy", vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0], "eV"),
        ] {
            for channels in [0..axis.size, 2..5, 3..4] {
                let found = SignalRange::over(&channels, &axis).channels(&axis);
                assert_eq!((found.inside, found.is_cut), (channels, false), "{axis:?}");
            }
        }
    }

    #[test]
    fn ends_in_the_wrong_order_are_none() {
        assert!(SignalRange::from_json(&json!([2.0, 1.0])).is_none());
        assert!(SignalRange::from_json(&json!([1.0, 1.0])).is_none());
        assert!(SignalRange::from_json(&json!([1.0])).is_none());
        let range = SignalRange {
            from: -1.5,
            to: 3.0,
        };
        assert_eq!(SignalRange::from_json(&range.to_json()), Some(range));
    }
}
