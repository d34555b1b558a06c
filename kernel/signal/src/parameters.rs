//! Parameters of operations: declared once with [`parameters!`](crate::parameters), they drive the
//! widget's controls, validation, the cell's parameter structs and the line of code printed back.

mod file;
mod kind;
mod navigation_region;
mod pair;
mod plain;
mod signal_point;
mod signal_polygon;
mod signal_range;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use file::File;
pub use kind::ParameterKind;
pub use plain::{Choice, pascal_case};
pub use signal_polygon::SignalPolygon;
pub use signal_range::{Channels, SignalRange};

use crate::{Axis, ParameterError, nearest_names};

/// Description of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterInfo {
    pub name: String,
    pub kind: ParameterKind,
    /// Whether it may be left out (`None`): the operation then finds it itself.
    pub optional: bool,
    pub default: Value,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub units: String,
    pub help: String,
    /// Name of the Rust type: `f64`, `usize`, `Option<[f64; 2]>`.
    pub rust_type: String,
}

impl ParameterInfo {
    /// The allowed values as a sentence for people.
    pub fn allowed(&self) -> String {
        let text = (self.kind.rules().allowed)(self);
        if self.optional {
            format!("{text}, or left out")
        } else {
            text
        }
    }

    /// A value as a cell writes it: `Some([3.0, 4.5])`, `Statistic::Mean`.
    pub fn literal(&self, value: &Value) -> String {
        if value.is_null() {
            return "None".into();
        }
        let text = (self.kind.rules().literal)(self, value);
        if self.optional {
            format!("Some({text})")
        } else {
            text
        }
    }

    /// The unit of its values: its own, or that of the axis of the input that it lies on.
    pub fn units_on<'a>(&'a self, signal_axes: &'a [Axis]) -> &'a str {
        match (&self.kind, signal_axes.last()) {
            (ParameterKind::SignalRange, Some(axis)) => &axis.units,
            _ => &self.units,
        }
    }

    /// Its type without the `Option`.
    fn bare_type(&self) -> &str {
        let inner = self.rust_type.strip_prefix("Option<");
        (inner.and_then(|inner| inner.strip_suffix('>'))).unwrap_or(&self.rust_type)
    }
}

/// A Rust type that can be a parameter.
pub trait ParameterValue: Sized + Clone {
    fn kind() -> ParameterKind;
    fn rust_type() -> String;
    fn optional() -> bool {
        false
    }
    fn to_json(&self) -> Value;
    /// `None` when `value` is of another kind.
    fn from_json(value: &Value) -> Option<Self>;
    /// Numbers that must lie inside the declared range.
    fn numbers(&self) -> Vec<f64> {
        Vec::new()
    }
    /// The file that it is.
    fn file_mut(&mut self) -> Option<&mut File> {
        None
    }
}

/// A parameter struct; implement it with [`parameters!`](crate::parameters).
pub trait Parameters: Clone + Default + Send + Sync + 'static {
    /// Name of the struct as a cell writes it.
    const TYPE: &'static str;
    fn infos() -> Vec<ParameterInfo>;
    fn to_json(&self) -> Value;
    /// Missing fields take their default.
    ///
    /// # Errors
    /// [`ParameterError`] for an unknown name, a wrong kind or a value out of range.
    fn from_json(value: &Value) -> Result<Self, ParameterError>;
    /// Puts files that were read, by the names of their parameters, in the place of what was only written.
    fn take_files(&mut self, files: &[(String, File)]);
}

/// One field of a parameter object, checked against its description.
///
/// # Errors
/// [`ParameterError`] naming the parameter, the value and what is allowed.
pub fn parse_parameter<T: ParameterValue>(
    value: &Value,
    info: &ParameterInfo,
) -> Result<T, ParameterError> {
    let refuse = || ParameterError {
        parameter: info.name.clone(),
        value: value.to_string(),
        allowed: info.allowed(),
    };
    let parsed = T::from_json(value).ok_or_else(refuse)?;
    let inside = |number: &f64| {
        number.is_finite()
            && info.minimum.is_none_or(|low| *number >= low)
            && info.maximum.is_none_or(|high| *number <= high)
    };
    if parsed.numbers().iter().all(inside) {
        Ok(parsed)
    } else {
        Err(refuse())
    }
}

/// # Errors
/// [`ParameterError`] when `value` is not an object or has a key that no parameter has.
pub fn reject_unknown_parameters(
    value: &Value,
    infos: &[ParameterInfo],
) -> Result<Map<String, Value>, ParameterError> {
    let names = || infos.iter().map(|info| info.name.as_str());
    let object = match value {
        Value::Null => return Ok(Map::new()),
        Value::Object(object) => object,
        other => {
            return Err(ParameterError {
                parameter: "parameters".into(),
                value: other.to_string(),
                allowed: format!("an object with {}", names().collect::<Vec<_>>().join(", ")),
            });
        }
    };
    for key in object.keys() {
        if !names().any(|name| name == key) {
            let near = nearest_names(key, names(), 3);
            let offer = if near.is_empty() {
                names().collect::<Vec<_>>()
            } else {
                near
            };
            return Err(ParameterError {
                parameter: key.clone(),
                value: object[key].to_string(),
                allowed: format!("the parameters {}", offer.join(", ")),
            });
        }
    }
    Ok(object.clone())
}

/// Declares a parameter struct: fields with default, range, unit and help; pairs with the names of their parts
/// (`parts ["from", "to"]`), files with their endings (`endings ["npy"]`).
///
/// ```
/// signal::parameters! {
///     /// What the operation does, one sentence.
///     pub struct Example {
///         /// Radius of the disk.
///         pub radius: f64 = 4.0, range (1.0, 128.0), units "px";
///         /// Keep values below zero.
///         pub keep_negative: bool = false;
///     }
/// }
/// use signal::Parameters;
/// let example = Example::from_json(&signal::serde_json::json!({"radius": 6.5})).unwrap();
/// assert_eq!(example.radius, 6.5);
/// assert!(Example::from_json(&signal::serde_json::json!({"radius": 0.2})).is_err());
/// ```
#[macro_export]
macro_rules! parameters {
    (
        $(#[doc = $struct_doc:expr])*
        pub struct $Struct:ident {
            $(
                $(#[doc = $doc:expr])*
                pub $field:ident : $ty:ty = $default:expr
                    $(, range ($low:expr, $high:expr))?
                    $(, units $units:literal)?
                    $(, parts $parts:tt)?
                    $(, endings $endings:tt)?
                ;
            )*
        }
    ) => {
        $(#[doc = $struct_doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Struct {
            $( $(#[doc = $doc])* pub $field: $ty, )*
        }

        impl Default for $Struct {
            fn default() -> Self {
                $Struct { $( $field: $default, )* }
            }
        }

        impl $crate::Parameters for $Struct {
            const TYPE: &'static str = stringify!($Struct);

            fn infos() -> Vec<$crate::ParameterInfo> {
                use $crate::ParameterValue as _;
                let default = $Struct::default();
                vec![ $( {
                    #[allow(unused_mut, unused_assignments)]
                    let mut range: (Option<f64>, Option<f64>) = (None, None);
                    $( range = (Some($low as f64), Some($high as f64)); )?
                    $crate::ParameterInfo {
                        name: stringify!($field).to_owned(),
                        kind: <$ty as $crate::ParameterValue>::kind()
                            $(.with_parts($parts))?
                            $(.with_endings(&$endings))?,
                        optional: <$ty as $crate::ParameterValue>::optional(),
                        default: default.$field.to_json(),
                        minimum: range.0,
                        maximum: range.1,
                        units: [$($units,)? ""][0].to_owned(),
                        help: (&[$($doc),*] as &[&str]).concat().trim().to_owned(),
                        rust_type: <$ty as $crate::ParameterValue>::rust_type(),
                    }
                }, )* ]
            }

            fn to_json(&self) -> $crate::serde_json::Value {
                #[allow(unused_mut)]
                let mut object = $crate::serde_json::Map::new();
                $( object.insert(
                    stringify!($field).to_owned(),
                    $crate::ParameterValue::to_json(&self.$field),
                ); )*
                $crate::serde_json::Value::Object(object)
            }

            fn from_json(
                value: &$crate::serde_json::Value,
            ) -> Result<Self, $crate::ParameterError> {
                let infos = Self::infos();
                let object = $crate::reject_unknown_parameters(value, &infos)?;
                #[allow(unused_mut)]
                let mut parsed = $Struct::default();
                $(
                    if let (Some(value), Some(info)) = (
                        object.get(stringify!($field)),
                        infos.iter().find(|info| info.name == stringify!($field)),
                    ) {
                        parsed.$field = $crate::parse_parameter(value, info)?;
                    }
                )*
                Ok(parsed)
            }

            fn take_files(&mut self, files: &[(String, $crate::File)]) {
                for (name, read) in files {
                    let file: Option<&mut $crate::File> = match name.as_str() {
                        $( stringify!($field) => $crate::ParameterValue::file_mut(&mut self.$field), )*
                        _ => None,
                    };
                    if let Some(file) = file {
                        *file = read.clone();
                    }
                }
            }
        }
    };
}

/// Declares a choice: an enum whose variants have fixed names on the wire.
///
/// ```
/// signal::choices! {
///     /// How pixels are combined.
///     pub enum Statistic { Sum = "sum", Mean = "mean" }
/// }
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $doc:expr])*
        pub enum $Enum:ident { $( $(#[doc = $variant_doc:expr])* $Variant:ident = $name:literal ),* $(,)? }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Enum { $( $(#[doc = $variant_doc])* $Variant ),* }

        impl $crate::Choice for $Enum {
            const TYPE: &'static str = stringify!($Enum);
            fn names() -> &'static [&'static str] {
                &[$($name),*]
            }
            fn name(&self) -> &'static str {
                match self { $( $Enum::$Variant => $name ),* }
            }
            fn from_name(name: &str) -> Option<Self> {
                match name { $( $name => Some($Enum::$Variant), )* _ => None }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Region;

    choices! {
        /// How.
        pub enum How { Fast = "fast", Slow = "slow" }
    }

    parameters! {
        /// Example.
        pub struct Example {
            /// Radius of
            /// the disk.
            pub radius: f64 = 4.0, range (1.0, 128.0), units "px";
            pub centre: Option<[f64; 2]> = None, units "px";
            pub count: usize = 3, range (1, 9);
            pub how: How = How::Fast;
            pub region: Option<Region> = None;
        }
    }

    #[test]
    fn json_there_and_back() {
        let value = json!({"radius": 2.5, "centre": [3.0, 4.5], "count": 5.0, "how": "slow"});
        let example = Example::from_json(&value).unwrap();
        assert_eq!(example.centre, Some([3.0, 4.5]));
        assert_eq!(example.count, 5);
        assert_eq!(example.how, How::Slow);
        assert_eq!(Example::from_json(&example.to_json()).unwrap(), example);
    }

    #[test]
    fn errors_name_parameter_value_and_range() {
        let error = Example::from_json(&json!({"radius": 500})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "radius = 500 is not allowed; allowed: 1 to 128 px"
        );
        let error = Example::from_json(&json!({"radios": 5})).unwrap_err();
        assert!(error.allowed.contains("radius"), "{error}");
        assert!(Example::from_json(&json!({"how": "never"})).is_err());
        assert!(Example::from_json(&json!({"radius": f64::NAN})).is_err());
        assert!(
            Example::from_json(&json!({"region": {"x0":0,"y0":0,"width":0,"height":2}})).is_err()
        );
    }

    #[test]
    fn infos_carry_help_units_and_range() {
        let infos = Example::infos();
        assert_eq!(infos[0].help, "Radius of the disk.");
        assert_eq!(infos[0].units, "px");
        assert_eq!(infos[0].maximum, Some(128.0));
        assert!(infos[1].optional);
    }
}
