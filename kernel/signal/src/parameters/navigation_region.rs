//! A rectangle of scan positions.

use serde_json::{Value, json};

use super::kind::Rules;
use super::{ParameterKind, ParameterValue};
use crate::Region;

pub(super) const RULES: Rules = Rules {
    allowed: |_| "a region of scan positions: x0, y0, width, height, at least 1 by 1".into(),
    literal: |_, value| {
        format!(
            "Region::rectangle({}, {}, {}, {})",
            value["x0"], value["y0"], value["width"], value["height"]
        )
    },
};

impl ParameterValue for Region {
    fn kind() -> ParameterKind {
        ParameterKind::NavigationRegion
    }
    fn rust_type() -> String {
        "Region".into()
    }
    fn to_json(&self) -> Value {
        json!({"x0": self.x0, "y0": self.y0, "width": self.width, "height": self.height})
    }
    fn from_json(value: &Value) -> Option<Self> {
        let field = |name: &str| usize::from_json(value.get(name)?);
        let region = Region {
            x0: field("x0")?,
            y0: field("y0")?,
            width: field("width")?,
            height: field("height")?,
        };
        (region.width > 0 && region.height > 0).then_some(region)
    }
}
