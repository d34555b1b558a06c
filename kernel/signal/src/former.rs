//! Parameters as earlier releases had them: notebooks, recipes and sessions outlive a release.

use serde_json::Value;

/// A parameter, or a value of one, that no longer means what it did.
struct Former {
    /// The parameter struct.
    owner: &'static str,
    name: &'static str,
    value: Was,
    /// What to write instead and why, without a full stop.
    now: &'static str,
}

#[derive(Clone, Copy)]
enum Was {
    Any,
    /// A number up to this one.
    UpTo(f64),
    /// A name on the wire.
    Choice(&'static str),
}

const FORMER: &[Former] = &[
    Former {
        owner: "NormalizedCorrelation",
        name: "window_pad",
        value: Was::Any,
        now: "leave `window_pad` out: no window is compared with any more, the background under every disk is fitted with it",
    },
    Former {
        owner: "NormalizedCorrelation",
        name: "subpixel",
        value: Was::Any,
        now: "leave `subpixel` out: every disk is fitted, and its position has a standard error",
    },
    Former {
        owner: "NormalizedCorrelation",
        name: "threshold",
        value: Was::UpTo(1.0),
        now: "`threshold` is in standard deviations now, not a correlation of at most 1: leave it out, and it is chosen for the scan",
    },
    Former {
        owner: "LocalMaximum",
        name: "subpixel",
        value: Was::Choice("disk"),
        now: "disks are fitted by `find_peaks(NormalizedCorrelation::default())`; other spots take `Subpixel::Parabola`",
    },
    Former {
        owner: "DifferenceOfGaussiansPeaks",
        name: "subpixel",
        value: Was::Choice("disk"),
        now: "disks are fitted by `find_peaks(NormalizedCorrelation::default())`; other spots take `Subpixel::Parabola`",
    },
];

impl Former {
    fn is(&self, owner: &str, name: &str) -> bool {
        self.owner == owner && self.name == name
    }

    fn has(&self, value: &Value) -> bool {
        match self.value {
            Was::Any => true,
            Was::UpTo(most) => value.as_f64().is_some_and(|value| value <= most),
            Was::Choice(name) => value.as_str() == Some(name),
        }
    }
}

/// What to write instead of a parameter of an earlier release.
#[must_use]
pub fn former_parameter(owner: &str, name: &str, value: &Value) -> Option<&'static str> {
    (FORMER.iter())
        .find(|former| former.is(owner, name) && former.has(value))
        .map(|former| former.now)
}

/// Parameters that an earlier release wrote, without what is gone: those take their default.
#[must_use]
pub fn without_former_parameters(owner: &str, params: &Value) -> Value {
    let mut params = params.clone();
    if let Value::Object(given) = &mut params {
        given.retain(|name, value| former_parameter(owner, name, value).is_none());
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_gone_is_left_out_and_the_rest_stays() {
        let written = json!({
            "radius": 4.0, "threshold": 0.35, "min_distance": 6, "window_pad": 3, "subpixel": "parabola",
            "exclude_border": 0, "max_peaks": null,
        });
        assert_eq!(
            without_former_parameters("NormalizedCorrelation", &written),
            json!({"radius": 4.0, "min_distance": 6, "exclude_border": 0, "max_peaks": null})
        );
        let now = json!({"threshold": 4.5, "max_peaks": 3});
        assert_eq!(
            without_former_parameters("NormalizedCorrelation", &now),
            now
        );
        let spots = json!({"subpixel": "disk", "min_distance": 2});
        assert_eq!(
            without_former_parameters("LocalMaximum", &spots),
            json!({"min_distance": 2})
        );
        assert!(former_parameter("LocalMaximum", "subpixel", &json!("com")).is_none());
        assert!(former_parameter("LocalMaximum", "window_pad", &json!(3)).is_none());
    }
}
