//! Two numbers that belong together, with one unit and the same limits: two directions, steps along rows and columns.

use serde_json::{Value, json};

use super::kind::Rules;
use super::plain::{float, with_unit};
use super::{ParameterInfo, ParameterKind, ParameterValue};

pub(super) const RULES: Rules = Rules {
    allowed,
    literal: |info, value| {
        let number = |at: usize| match is_whole(info) {
            true => format!("{}", value[at].as_f64().unwrap_or_default()),
            false => float(&value[at]),
        };
        format!("({}, {})", number(0), number(1))
    },
};

fn is_whole(info: &ParameterInfo) -> bool {
    matches!(info.kind, ParameterKind::Pair { whole: true, .. })
}

fn allowed(info: &ParameterInfo) -> String {
    let parts = match &info.kind {
        ParameterKind::Pair { parts, .. } => parts.join(", "),
        _ => String::new(),
    };
    let number = match is_whole(info) {
        true => "a whole number",
        false => "a finite number",
    };
    let each = match (info.minimum, info.maximum) {
        (Some(low), Some(high)) if is_whole(info) => format!("{number} from {low} to {high}"),
        (Some(low), Some(high)) => format!("{low} to {high}"),
        _ => number.to_owned(),
    };
    with_unit(info, format!("({parts}), each {each}"))
}

/// What both parts of a pair are.
trait Part: ParameterValue + Copy {
    const WHOLE: bool;
}

impl Part for f64 {
    const WHOLE: bool = false;
}

impl Part for usize {
    const WHOLE: bool = true;
}

impl<N: Part> ParameterValue for (N, N) {
    fn kind() -> ParameterKind {
        ParameterKind::Pair {
            parts: ["first", "second"].map(str::to_owned),
            whole: N::WHOLE,
        }
    }
    fn rust_type() -> String {
        format!("({0}, {0})", N::rust_type())
    }
    fn to_json(&self) -> Value {
        json!([self.0.to_json(), self.1.to_json()])
    }
    fn from_json(value: &Value) -> Option<Self> {
        let [first, second] = value.as_array()?.as_slice() else {
            return None;
        };
        Some((N::from_json(first)?, N::from_json(second)?))
    }
    fn numbers(&self) -> Vec<f64> {
        [self.0.numbers(), self.1.numbers()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameters as _;

    crate::parameters! {
        /// Example.
        pub struct Example {
            pub sector: Option<(f64, f64)> = None, range (-360, 360), units "°", parts ["from", "to"];
            pub steps: (usize, usize) = (2, 3), range (1, 64), units "px", parts ["rows", "columns"];
            pub shear: (f64, f64) = (0.0, 0.0);
        }
    }

    #[test]
    fn there_and_back_as_json_and_as_a_cell_writes_it() {
        let value = json!({"sector": [-30, 12.5], "steps": [4.0, 1], "shear": [0.5, -0.25]});
        let example = Example::from_json(&value).unwrap();
        assert_eq!(example.sector, Some((-30.0, 12.5)));
        assert_eq!(example.steps, (4, 1));
        assert_eq!(Example::from_json(&example.to_json()).unwrap(), example);
        let literals: Vec<String> = (Example::infos().iter())
            .map(|info| info.literal(&example.to_json()[&info.name]))
            .collect();
        assert_eq!(literals, ["Some((-30.0, 12.5))", "(4, 1)", "(0.5, -0.25)"]);
        assert_eq!(Example::infos()[0].rust_type, "Option<(f64, f64)>");
    }

    #[test]
    fn what_is_no_pair_or_beyond_the_limits_is_refused_with_what_is_allowed() {
        for wrong in [
            json!([1.0]),
            json!([1.0, 2.0, 3.0]),
            json!(4.0),
            json!([0.0, 361.0]),
        ] {
            let error = Example::from_json(&json!({ "sector": wrong })).unwrap_err();
            assert_eq!(error.allowed, "(from, to), each -360 to 360 °, or left out");
        }
        let error = Example::from_json(&json!({"steps": [2.5, 1]})).unwrap_err();
        assert_eq!(
            error.allowed,
            "(rows, columns), each a whole number from 1 to 64 px"
        );
        let error = Example::from_json(&json!({"shear": ["a", 1]})).unwrap_err();
        assert_eq!(error.allowed, "(first, second), each a finite number");
    }
}
