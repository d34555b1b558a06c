//! A place on frames: the centre of a detector.

use serde_json::{Value, json};

use super::kind::Rules;
use super::plain::float;
use super::{ParameterKind, ParameterValue};

pub(super) const RULES: Rules = Rules {
    allowed: |_| "(row, column) in pixels".into(),
    literal: |_, value| literal(value),
};

/// `[3.0, 4.5]`.
pub(super) fn literal(value: &Value) -> String {
    format!("[{}, {}]", float(&value[0]), float(&value[1]))
}

impl ParameterValue for [f64; 2] {
    fn kind() -> ParameterKind {
        ParameterKind::SignalPoint
    }
    fn rust_type() -> String {
        "[f64; 2]".into()
    }
    fn to_json(&self) -> Value {
        json!(self)
    }
    fn from_json(value: &Value) -> Option<Self> {
        let [row, column] = value.as_array()?.as_slice() else {
            return None;
        };
        Some([f64::from_json(row)?, f64::from_json(column)?])
    }
    fn numbers(&self) -> Vec<f64> {
        self.to_vec()
    }
}
