//! What was measured as the value of a parameter.

use serde_json::Value;

/// With as many places as a person would type; what is left off is far below the error of anything measured in px or σ.
pub fn rounded(value: f64) -> Value {
    ((1e3 * value).round() / 1e3).into()
}

/// A place in a frame, which differs from one to the next.
pub fn rounded_place(place: [f64; 2]) -> Value {
    place.map(|at| (1e2 * at).round() / 1e2).to_vec().into()
}
