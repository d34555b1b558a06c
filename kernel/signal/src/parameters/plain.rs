//! Numbers, truth values, texts, names: what is the same of any signal.

use serde_json::{Value, json};

use super::kind::Rules;
use super::{File, ParameterInfo, ParameterKind, ParameterValue};

pub(super) const NUMBER: Rules = Rules {
    allowed: |info| match (info.minimum, info.maximum) {
        (Some(low), Some(high)) => with_unit(info, format!("{low} to {high}")),
        _ => with_unit(info, "a finite number".into()),
    },
    literal: |_, value| float(value),
};

pub(super) const INTEGER: Rules = Rules {
    allowed: |info| match (info.minimum, info.maximum) {
        (Some(low), Some(high)) => with_unit(info, format!("whole numbers from {low} to {high}")),
        _ => with_unit(info, "a whole number".into()),
    },
    literal: |_, value| value.as_f64().map_or_else(String::new, |n| format!("{n}")),
};

pub(super) const TOGGLE: Rules = Rules {
    allowed: |_| "true or false".into(),
    literal: |_, value| value.to_string(),
};

pub(super) const TEXT: Rules = Rules {
    allowed: |_| "a text".into(),
    literal: |_, value| format!("{:?}.into()", value.as_str().unwrap_or_default()),
};

pub(super) const CHOICE: Rules = Rules {
    allowed: |info| match &info.kind {
        ParameterKind::Choice { choices } => choices.join(", "),
        _ => String::new(),
    },
    literal: |info, value| {
        let name = value.as_str().unwrap_or_default();
        format!("{}::{}", info.bare_type(), pascal_case(name))
    },
};

pub(super) fn with_unit(info: &ParameterInfo, text: String) -> String {
    match info.units.is_empty() {
        true => text,
        false => format!("{text} {}", info.units),
    }
}

/// A number as Rust's `f64`.
pub(super) fn float(value: &Value) -> String {
    format!("{:?}", value.as_f64().unwrap_or(f64::NAN))
}

/// The name of a type or a variant in Rust, of a name on the wire: `center_of_mass`, `arith-mean` → `CenterOfMass`, `ArithMean`.
pub fn pascal_case(name: &str) -> String {
    (name.split(|letter: char| !letter.is_alphanumeric()))
        .filter_map(|word| {
            let mut letters = word.chars();
            let first = letters.next()?;
            Some(first.to_uppercase().chain(letters).collect::<String>())
        })
        .collect()
}

impl ParameterValue for f64 {
    fn kind() -> ParameterKind {
        ParameterKind::Number
    }
    fn rust_type() -> String {
        "f64".into()
    }
    fn to_json(&self) -> Value {
        json!(self)
    }
    fn from_json(value: &Value) -> Option<Self> {
        value.as_f64().filter(|number| number.is_finite())
    }
    fn numbers(&self) -> Vec<f64> {
        vec![*self]
    }
}

impl ParameterValue for usize {
    fn kind() -> ParameterKind {
        ParameterKind::Integer
    }
    fn rust_type() -> String {
        "usize".into()
    }
    fn to_json(&self) -> Value {
        json!(self)
    }
    fn from_json(value: &Value) -> Option<Self> {
        // A slider may send 5.0 for 5.
        value
            .as_u64()
            .map(|number| number as usize)
            .or_else(|| match value.as_f64() {
                Some(number) if number >= 0.0 && number.fract() == 0.0 && number < 1e15 => {
                    Some(number as usize)
                }
                _ => None,
            })
    }
    fn numbers(&self) -> Vec<f64> {
        vec![*self as f64]
    }
}

impl ParameterValue for bool {
    fn kind() -> ParameterKind {
        ParameterKind::Toggle
    }
    fn rust_type() -> String {
        "bool".into()
    }
    fn to_json(&self) -> Value {
        json!(self)
    }
    fn from_json(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl ParameterValue for String {
    fn kind() -> ParameterKind {
        ParameterKind::Text
    }
    fn rust_type() -> String {
        "String".into()
    }
    fn to_json(&self) -> Value {
        json!(self)
    }
    fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: ParameterValue> ParameterValue for Option<T> {
    fn kind() -> ParameterKind {
        T::kind()
    }
    fn rust_type() -> String {
        format!("Option<{}>", T::rust_type())
    }
    fn optional() -> bool {
        true
    }
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_json)
    }
    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_json(value).map(Some),
        }
    }
    fn numbers(&self) -> Vec<f64> {
        self.as_ref().map_or_else(Vec::new, T::numbers)
    }
    fn file_mut(&mut self) -> Option<&mut File> {
        self.as_mut().and_then(T::file_mut)
    }
}

/// One of a few names; implement it with [`choices!`](crate::choices).
pub trait Choice: Sized + Clone + 'static {
    const TYPE: &'static str;
    fn names() -> &'static [&'static str];
    fn name(&self) -> &'static str;
    fn from_name(name: &str) -> Option<Self>;
}

impl<T: Choice> ParameterValue for T {
    fn kind() -> ParameterKind {
        ParameterKind::Choice {
            choices: T::names().iter().map(|name| (*name).to_owned()).collect(),
        }
    }
    fn rust_type() -> String {
        T::TYPE.into()
    }
    fn to_json(&self) -> Value {
        json!(self.name())
    }
    fn from_json(value: &Value) -> Option<Self> {
        T::from_name(value.as_str()?)
    }
}
