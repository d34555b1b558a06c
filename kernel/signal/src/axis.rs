use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One axis, pixel centres at whole indices. Uniform, `value = offset + scale · index`, unless it has
/// `values` of its own: then `offset` is the first of them and `scale` their mean step, for what needs one
/// number for the whole axis and says so. Where each index stands for something that has a name (a component of a strain, a
/// chemical element), the axis has `names`, and its values are the indices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    pub name: String,
    pub size: usize,
    pub scale: f64,
    pub offset: f64,
    /// Unit of `scale` and `offset` (`nm`, `1/nm`, `mrad`, `eV`, `s`); `px` when uncalibrated.
    pub units: String,
    /// The value at each index of an axis that is not uniform, rising or falling throughout; empty when it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<f64>,
    /// What stands at each index of an axis of names: `ε_xx`, `red`, `Fe`; empty when it is one of values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// How the file defines an axis that is not uniform, for formats that can say it again (hyperspy's
    /// `FunctionalDataAxis`); null otherwise.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub definition: Value,
}

impl Axis {
    /// An uncalibrated axis: scale 1 px, offset 0.
    pub fn pixels(name: impl Into<String>, size: usize) -> Self {
        Axis::new(name, size, 1.0, 0.0, "px")
    }

    pub fn new(
        name: impl Into<String>,
        size: usize,
        scale: f64,
        offset: f64,
        units: impl Into<String>,
    ) -> Self {
        Axis {
            name: name.into(),
            size,
            scale,
            offset,
            units: units.into(),
            values: Vec::new(),
            names: Vec::new(),
            definition: Value::Null,
        }
    }

    /// An axis with a value for each index, rising or falling throughout ([`Axis::fault`] tells); at least two.
    pub fn with_values(
        name: impl Into<String>,
        values: Vec<f64>,
        units: impl Into<String>,
    ) -> Self {
        let offset = values.first().copied().unwrap_or(f64::NAN);
        let last = values.last().copied().unwrap_or(f64::NAN);
        let scale = (last - offset) / values.len().saturating_sub(1) as f64;
        Axis {
            values: values.clone(),
            ..Axis::new(name, values.len(), scale, offset, units)
        }
    }

    /// An axis with a name for each index.
    pub fn with_names(name: impl Into<String>, names: Vec<String>) -> Self {
        Axis {
            names: names.clone(),
            ..Axis::new(name, names.len(), 1.0, 0.0, "")
        }
    }

    /// What stands at an index, as people read it: its name, or its value with the unit, `Fe`, `12.5 eV`.
    pub fn place(&self, index: usize) -> String {
        match self.names.get(index) {
            Some(name) => name.clone(),
            None => format!("{} {}", self.value(index as f64), self.units)
                .trim_end()
                .to_owned(),
        }
    }

    /// The part of the axis over some of its indices, where it is.
    #[must_use]
    pub fn part(&self, kept: &Range<usize>) -> Axis {
        if kept.len() == self.size {
            return self.clone();
        }
        let values = self.values.get(kept.clone());
        let part = match values.filter(|values| values.len() > 1) {
            Some(values) => Axis::with_values(&*self.name, values.to_vec(), &*self.units),
            None => Axis::new(
                &*self.name,
                kept.len(),
                self.scale,
                self.value(kept.start as f64),
                &*self.units,
            ),
        };
        Axis {
            names: self.names.get(kept.clone()).unwrap_or_default().to_vec(),
            ..part
        }
    }

    /// The axis when so many steps become one: the middle of each block, and what names it had side by side.
    #[must_use]
    pub fn joined(&self, factor: usize) -> Axis {
        let size = self.size / factor;
        let joined = if self.values.is_empty() || size < 2 {
            let offset = (0..factor).map(|at| self.value(at as f64)).sum::<f64>() / factor as f64;
            let scale = self.scale * factor as f64;
            Axis::new(&*self.name, size, scale, offset, &*self.units)
        } else {
            let mean = |block: &[f64]| block.iter().sum::<f64>() / factor as f64;
            let values = self.values.chunks_exact(factor).map(mean).collect();
            Axis::with_values(&*self.name, values, &*self.units)
        };
        let together = |names: &[String]| match names {
            [first, .., last] if names.len() > 2 => format!("{first} … {last}"),
            few => few.join(" + "),
        };
        Axis {
            names: self.names.chunks_exact(factor).map(together).collect(),
            ..joined
        }
    }

    /// Whether `value = offset + scale · index` holds.
    pub fn is_uniform(&self) -> bool {
        self.values.is_empty()
    }

    /// Calibrated value at a (fractional) index; between and beyond the given values of an axis that is not
    /// uniform, on the straight line through the nearest two.
    pub fn value(&self, index: f64) -> f64 {
        match self.values.len() {
            0 | 1 => self.offset + self.scale * index,
            len => {
                let below = index.floor().clamp(0.0, (len - 2) as f64) as usize;
                let (a, b) = (self.values[below], self.values[below + 1]);
                a + (b - a) * (index - below as f64)
            }
        }
    }

    /// Fractional index of a calibrated value: the inverse of [`Axis::value`].
    pub fn index(&self, value: f64) -> f64 {
        let len = self.values.len();
        if len < 2 {
            return (value - self.offset) / self.scale;
        }
        let rising = self.scale > 0.0;
        let after = (self.values).partition_point(|given| match rising {
            true => *given <= value,
            false => *given >= value,
        });
        let below = after.saturating_sub(1).min(len - 2);
        let (a, b) = (self.values[below], self.values[below + 1]);
        below as f64 + (value - a) / (b - a)
    }

    /// What is wrong with this axis, if anything: an empty axis, a scale of zero, NaN or infinity, values that
    /// do not rise or fall throughout, another number of names than of entries.
    pub fn fault(&self) -> Option<String> {
        if !self.names.is_empty() && self.names.len() != self.size {
            return Some(format!(
                "axis `{}` has {} names for {} entries",
                self.name,
                self.names.len(),
                self.size
            ));
        }
        if !self.values.is_empty() {
            if self.values.len() != self.size {
                return Some(format!(
                    "axis `{}` has {} values for {} entries",
                    self.name,
                    self.values.len(),
                    self.size
                ));
            }
            let mut steps = self.values.windows(2).map(|pair| pair[1] - pair[0]);
            let rising = self.scale > 0.0;
            if !steps.all(|step| step.is_finite() && step != 0.0 && (step > 0.0) == rising) {
                return Some(format!(
                    "the values of axis `{}` neither rise nor fall throughout",
                    self.name
                ));
            }
        }
        if self.size == 0 {
            Some(format!("axis `{}` has size 0", self.name))
        } else if !self.scale.is_finite() || self.scale == 0.0 || !self.offset.is_finite() {
            Some(format!(
                "axis `{}` has scale {} and offset {}; both must be finite and the scale not 0",
                self.name, self.scale, self.offset
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_index_are_inverse() {
        let axis = Axis::new("kx", 96, 0.25, -12.0, "1/nm");
        assert_eq!(axis.value(48.0), 0.0);
        assert_eq!(axis.index(axis.value(7.25)), 7.25);
    }

    #[test]
    fn values_of_their_own_are_kept_both_ways() {
        for values in [vec![1.0, 2.0, 4.0, 8.0], vec![9.0, 4.0, 1.0, -3.0]] {
            let axis = Axis::with_values("Energy", values.clone(), "eV");
            assert_eq!((axis.size, axis.fault()), (4, None));
            for (index, value) in values.iter().enumerate() {
                assert_eq!(axis.value(index as f64), *value);
                assert_eq!(axis.index(*value), index as f64);
            }
            for index in [-1.5, 0.25, 1.5, 2.75, 4.0] {
                assert!(
                    (axis.index(axis.value(index)) - index).abs() < 1e-12,
                    "{index}"
                );
            }
        }
        assert_eq!(
            Axis::with_values("E", vec![1.0, 2.0, 4.0], "eV").value(1.5),
            3.0
        );
        for values in [
            vec![1.0, 3.0, 2.0, 4.0],
            vec![1.0, f64::NAN, 2.0],
            vec![1.0, 1.0, 2.0],
        ] {
            assert!(Axis::with_values("E", values, "eV").fault().is_some());
        }
    }

    #[test]
    fn a_nan_scale_is_a_fault_that_names_the_axis() {
        let fault = Axis::new("ky", 8, f64::NAN, 0.0, "px").fault();
        assert!(fault.is_some_and(|text| text.contains("`ky`")));
    }

    #[test]
    fn names_go_with_the_part_that_is_kept_and_stand_side_by_side_where_entries_are_joined() {
        let names = |all: &[&str]| -> Vec<String> { all.iter().map(|one| (*one).into()).collect() };
        let axis = Axis::with_names("element", names(&["C", "N", "O", "Ti", "Fe"]));
        assert_eq!((axis.size, axis.fault()), (5, None));
        assert_eq!((axis.place(3), axis.place(5)), ("Ti".into(), "5".into()));
        let part = axis.part(&(1..3));
        assert_eq!(
            (part.names.clone(), part.value(0.0)),
            (names(&["N", "O"]), 1.0)
        );
        assert_eq!(axis.joined(2).names, names(&["C + N", "O + Ti"]));
        assert_eq!(axis.joined(4).names, names(&["C … Ti"]));
        let wrong = Axis {
            size: 4,
            ..axis.clone()
        };
        assert!(
            wrong
                .fault()
                .is_some_and(|text| text.contains("5 names for 4"))
        );
        assert_eq!(Axis::new("E", 3, 0.5, 12.0, "eV").place(1), "12.5 eV");
        assert_eq!(Axis::new("E", 3, 0.5, 12.0, "").place(1), "12.5");
        // Files of earlier releases have none.
        let told = serde_json::to_value(Axis::pixels("x", 2)).unwrap();
        assert!(told.get("names").is_none());
        let told = serde_json::to_value(&axis).unwrap();
        assert_eq!(serde_json::from_value::<Axis>(told).unwrap(), axis);
    }
}
