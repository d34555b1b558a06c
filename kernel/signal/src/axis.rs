use serde::{Deserialize, Serialize};

/// One uniformly sampled axis: `value = offset + scale · index`, pixel centres at whole indices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    pub name: String,
    pub size: usize,
    pub scale: f64,
    pub offset: f64,
    /// Unit of `scale` and `offset` (`nm`, `1/nm`, `mrad`, `eV`, `s`); `px` when uncalibrated.
    pub units: String,
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
        }
    }

    /// Calibrated value at a (fractional) index.
    pub fn value(&self, index: f64) -> f64 {
        self.offset + self.scale * index
    }

    /// Fractional index of a calibrated value.
    pub fn index(&self, value: f64) -> f64 {
        (value - self.offset) / self.scale
    }

    /// What is wrong with this axis, if anything: an empty axis, a scale of zero, NaN or infinity.
    pub fn fault(&self) -> Option<String> {
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
    fn a_nan_scale_is_a_fault_that_names_the_axis() {
        let fault = Axis::new("ky", 8, f64::NAN, 0.0, "px").fault();
        assert!(fault.is_some_and(|text| text.contains("`ky`")));
    }
}
