//! Struct literals and public fields of the crate's own types; those of operations come from `generated`.

use signaltree::{Axis, Html, Markdown, Open, Peak, Region, SaveOptions, Shape, Svg};

use super::convert::Rust;
use super::generated::Parameters;
use super::types::Type;
use super::value::Value;

macro_rules! structs {
    (@ complete) => { false };
    (@ default) => { true };
    (@ complete $kind:ty, $name:ident, $field:ident) => { None::<$kind> };
    (@ default $kind:ty, $name:ident, $field:ident) => { Some($name::default().$field) };
    ($($name:ident { $($field:ident: $kind:ty),* } $default:ident;)*) => {
        /// The public fields of a struct with their types, in order.
        pub(super) fn fields(name: &str) -> Option<Vec<(&'static str, Type)>> {
            match name {
                $(stringify!($name) => Some(vec![$((stringify!($field), <$kind>::ty())),*]),)*
                _ => Parameters::fields(name),
            }
        }

        /// Whether `..default()` completes a literal of it; the name as it lives in types.
        pub(super) fn with_default(name: &str) -> Option<(&'static str, bool)> {
            match name {
                $(stringify!($name) => Some((stringify!($name), structs!(@ $default))),)*
                _ => Some((Parameters::default_of(name)?.type_name(), true)),
            }
        }

        /// The value of a literal; fields that are not given keep their defaults.
        pub(super) fn build(name: &str, given: &[(String, Value)]) -> Option<Value> {
            $(if name == stringify!($name) {
                return $name::make(given).map(Value::$name);
            })*
            let mut parameters = Parameters::default_of(name)?;
            for (field, value) in given {
                parameters.set(field, value)?;
            }
            Some(Value::Parameters(parameters))
        }

        /// A public field of a value.
        pub(super) fn field(value: &Value, name: &str) -> Option<Value> {
            match (value, name) {
                $($((Value::$name(owner), stringify!($field)) => {
                    Some(owner.$field.clone().into_value())
                })*)*
                (Value::Html(Html { text }), "text")
                | (Value::Markdown(Markdown { text }), "text")
                | (Value::Svg(Svg { text }), "text") => Some(Value::Text(text.clone())),
                (Value::Tuple(items), index) => items.get(index.parse::<usize>().ok()?).cloned(),
                (Value::Parameters(parameters), name) => parameters
                    .members()
                    .into_iter()
                    .find(|(field, _)| *field == name)
                    .map(|(_, value)| value),
                _ => None,
            }
        }

        trait Make: Sized {
            fn make(given: &[(String, Value)]) -> Option<Self>;
        }

        $(impl Make for $name {
            fn make(given: &[(String, Value)]) -> Option<Self> {
                Some($name {
                    $($field: one(given, stringify!($field), structs!(@ $default $kind, $name, $field))?),*
                })
            }
        })*
    };
}

structs! {
    Region { x0: usize, y0: usize, width: usize, height: usize } complete;
    Shape { navigation: Vec<usize>, signal: Vec<usize> } complete;
    Peak {
        ky: f64, kx: f64, intensity: f64, score: f64, ky_error: f64, kx_error: f64, misfit: f64,
        spread: f64, spread_error: f64, stretch: f64, stretch_diagonal: f64, stretch_error: f64
    } complete;
    Axis { name: String, size: usize, scale: f64, offset: f64, units: String, values: Vec<f64>, names: Vec<String> } default;
    Open { scan: (usize, usize), signal_axes: usize, axes: Vec<Axis>, dataset: String } default;
    SaveOptions { format: String, chunk: Vec<usize>, shard: Vec<usize>, compression: String, fresh: bool } default;
}

fn one<T: Rust>(given: &[(String, Value)], name: &str, default: Option<T>) -> Option<T> {
    match given.iter().find(|(field, _)| field == name) {
        Some((_, value)) => T::from_value(value),
        None => default,
    }
}

/// Type of a public field.
pub(super) fn field_type(owner: &Type, name: &str) -> Option<Type> {
    match owner {
        Type::Named("Html" | "Markdown" | "Svg") if name == "text" => Some(Type::Text),
        Type::Named(owner) => fields(owner)?
            .into_iter()
            .find(|(field, _)| *field == name)
            .map(|(_, ty)| ty),
        Type::Tuple(items) => items.get(name.parse::<usize>().ok()?).cloned(),
        _ => None,
    }
}
