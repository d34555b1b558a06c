//! The axes of a signal.

use crate::json::Json;

/// One axis: `value = offset + scale · index`, unless it is uneven and has `values` of its own. Then `offset` is the
/// first of them and `scale` their mean step. Where each index stands for something, it has `names`.
#[derive(Clone, Default, PartialEq)]
pub struct Axis {
    pub name: String,
    pub size: usize,
    pub scale: f64,
    pub offset: f64,
    pub units: String,
    /// The value at each index of an uneven axis; empty when it is uniform (see [`Axis::values`]).
    pub values: Vec<f64>,
    /// What stands at each index: `ε_xx`, `Fe`; empty when the axis is one of values.
    pub names: Vec<String>,
}

/// Values of its own and names are only written when there are some.
impl std::fmt::Debug for Axis {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = out.debug_struct("Axis");
        fields
            .field("name", &self.name)
            .field("size", &self.size)
            .field("scale", &self.scale)
            .field("offset", &self.offset)
            .field("units", &self.units);
        if !self.values.is_empty() {
            fields.field("values", &self.values);
        }
        if !self.names.is_empty() {
            fields.field("names", &self.names);
        }
        fields.finish()
    }
}

impl Axis {
    /// A calibration for [`Open::axes`](crate::Open::axes); the size is the file's.
    pub fn calibrated(name: &str, scale: f64, offset: f64, units: &str) -> Self {
        Axis {
            name: name.into(),
            size: 0,
            scale,
            offset,
            units: units.into(),
            values: Vec::new(),
            names: Vec::new(),
        }
    }

    /// An axis for [`Open::axes`](crate::Open::axes) of which each index stands for something that has a name:
    /// `Axis::named("element", vec!["Fe", "O", "Ti"])`.
    pub fn named(name: &str, names: Vec<&str>) -> Self {
        Axis {
            names: names.into_iter().map(str::to_owned).collect(),
            ..Axis::calibrated(name, 1.0, 0.0, "")
        }
    }

    /// The calibrated value at an index; NaN beyond the end of an uneven axis.
    pub fn value(&self, index: usize) -> f64 {
        match self.values.is_empty() {
            true => self.offset + self.scale * index as f64,
            false => self.values.get(index).copied().unwrap_or(f64::NAN),
        }
    }

    /// The calibrated value at every index.
    pub fn values(&self) -> Vec<f64> {
        (0..self.size).map(|index| self.value(index)).collect()
    }

    /// Value of the last point.
    pub(crate) fn last(&self) -> f64 {
        self.value(self.size.saturating_sub(1))
    }

    pub(crate) fn from_json(json: &Json) -> Self {
        let text = |name: &str| json.get(name).text().unwrap_or_default().to_owned();
        let number = |name: &str| json.get(name).number().unwrap_or(f64::NAN);
        Axis {
            name: text("name"),
            size: number("size") as usize,
            scale: number("scale"),
            offset: number("offset"),
            units: text("units"),
            values: (json.get("values").list().iter())
                .map(|value| value.number().unwrap_or(f64::NAN))
                .collect(),
            names: (json.get("names").list().iter())
                .map(|name| name.text().unwrap_or_default().to_owned())
                .collect(),
        }
    }
}
