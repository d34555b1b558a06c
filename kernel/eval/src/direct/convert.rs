//! Between the interpreter's values and the Rust types of the functions it calls: a line of the registry
//! takes its types from the closure it is written with, so that it cannot differ from the function.

use std::sync::Arc;

use signaltree::{
    Axis, Code, Difference, DisplayHandle, Error, Frame, Html, Markdown, Memory, Open, Peak,
    Region, Restored, SaveOptions, Shape, Signal, Svg,
};

use super::types::{Integer, Type};
use super::value::Value;

/// A type that values of direct cells may have.
pub(super) trait Rust: Sized {
    fn ty() -> Type;
    fn from_value(value: &Value) -> Option<Self>;
    fn into_value(self) -> Value;
}

macro_rules! plain {
    ($($rust:ty: $variant:ident = $ty:expr),* $(,)?) => {
        $(impl Rust for $rust {
            fn ty() -> Type {
                $ty
            }
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
        })*
    };
}

plain! {
    bool: Bool = Type::Bool,
    f32: F32 = Type::F32,
    f64: F64 = Type::F64,
    String: Text = Type::Text,
    Signal: Signal = Type::Named("Signal"),
    Region: Region = Type::Named("Region"),
    Shape: Shape = Type::Named("Shape"),
    Axis: Axis = Type::Named("Axis"),
    Peak: Peak = Type::Named("Peak"),
    Open: Open = Type::Named("Open"),
    SaveOptions: SaveOptions = Type::Named("SaveOptions"),
    Html: Html = Type::Named("Html"),
    Markdown: Markdown = Type::Named("Markdown"),
    Svg: Svg = Type::Named("Svg"),
    Arc<Frame<'static, f64>>: Frame = Type::Named("Frame"),
    Arc<DisplayHandle>: Handle = Type::Named("DisplayHandle"),
    Arc<Restored>: Restored = Type::Named("Restored"),
    Arc<Difference>: Difference = Type::Named("Difference"),
    Arc<Code>: Code = Type::Named("Code"),
    Memory: Memory = Type::Named("Memory"),
}

macro_rules! integers {
    ($($rust:ty: $variant:ident),*) => {
        $(impl Rust for $rust {
            fn ty() -> Type {
                Type::Integer(Integer::$variant)
            }
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Integer(Integer::$variant, value) => Self::try_from(*value).ok(),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::Integer(Integer::$variant, self as i128)
            }
        })*
    };
}

integers!(u32: U32, usize: Usize);

impl Rust for () {
    fn ty() -> Type {
        Type::Unit
    }
    fn from_value(value: &Value) -> Option<Self> {
        matches!(value, Value::Unit).then_some(())
    }
    fn into_value(self) -> Value {
        Value::Unit
    }
}

/// Items of an array, a vector or a slice.
fn items<T: Rust>(value: &Value) -> Option<Vec<T>> {
    match value {
        Value::Sequence(_, items) => items.iter().map(T::from_value).collect(),
        _ => None,
    }
}

impl<T: Rust> Rust for Vec<T> {
    fn ty() -> Type {
        Type::Vec(Box::new(T::ty()))
    }
    fn from_value(value: &Value) -> Option<Self> {
        items(value)
    }
    fn into_value(self) -> Value {
        Value::Sequence(Self::ty(), self.into_iter().map(Rust::into_value).collect())
    }
}

impl<T: Rust, const N: usize> Rust for [T; N] {
    fn ty() -> Type {
        Type::Array(Box::new(T::ty()), N)
    }
    fn from_value(value: &Value) -> Option<Self> {
        items(value)?.try_into().ok()
    }
    fn into_value(self) -> Value {
        Value::Sequence(Self::ty(), self.into_iter().map(Rust::into_value).collect())
    }
}

/// What a function returns as `&[T]`.
pub(super) struct Slice<T>(pub(super) Vec<T>);

impl<T: Rust> Rust for Slice<T> {
    fn ty() -> Type {
        Type::reference(Type::Slice(Box::new(T::ty())))
    }
    fn from_value(value: &Value) -> Option<Self> {
        items(value).map(Slice)
    }
    fn into_value(self) -> Value {
        let ty = Type::Slice(Box::new(T::ty()));
        Value::Sequence(ty, self.0.into_iter().map(Rust::into_value).collect())
    }
}

impl<A: Rust, B: Rust> Rust for (A, B) {
    fn ty() -> Type {
        Type::Tuple(vec![A::ty(), B::ty()])
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Tuple(items) => match &items[..] {
                [a, b] => Some((A::from_value(a)?, B::from_value(b)?)),
                _ => None,
            },
            _ => None,
        }
    }
    fn into_value(self) -> Value {
        Value::Tuple(vec![self.0.into_value(), self.1.into_value()])
    }
}

impl<T: Rust> Rust for Option<T> {
    fn ty() -> Type {
        Type::Option(Box::new(T::ty()))
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Optional(_, None) => Some(None),
            Value::Optional(_, Some(value)) => Some(Some(T::from_value(value)?)),
            _ => None,
        }
    }
    fn into_value(self) -> Value {
        Value::Optional(T::ty(), self.map(|value| Box::new(value.into_value())))
    }
}

impl<T: Rust> Rust for Result<T, Error> {
    fn ty() -> Type {
        Type::Result(Box::new(T::ty()))
    }
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Outcome(outcome) => match &**outcome {
                Ok(value) => Some(Ok(T::from_value(value)?)),
                Err(error) => Some(Err(error.clone())),
            },
            _ => None,
        }
    }
    fn into_value(self) -> Value {
        Value::Outcome(Box::new(self.map(Rust::into_value)))
    }
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Accepts {
    /// Exactly this type, by value.
    Type(Type),
    /// `impl AsRef<Path>`: a text.
    Path,
    /// `impl ScanPosition`.
    Position,
    /// `&str`.
    Line,
    /// `impl Into<String>`: a text.
    Owned,
    /// A reference to this type.
    Borrowed(Type),
    /// `&[&Signal]`.
    Signals,
    /// One of these parameter structs, by value.
    OneOf(&'static [&'static str]),
    /// A reference to any parameter struct.
    AnyParameters,
    /// `impl Shown`: a reference to what a notebook can show, or a text made for it.
    Shown,
}

/// A parameter of a function in the registry.
pub(super) trait Parameter: Sized {
    fn accepts() -> Accepts;
    fn take(value: &Value) -> Option<Self>;
}

impl<T: Rust> Parameter for T {
    fn accepts() -> Accepts {
        Accepts::Type(T::ty())
    }
    fn take(value: &Value) -> Option<Self> {
        T::from_value(value)
    }
}

/// `&T`.
pub(super) struct Borrowed<T>(pub(super) T);

impl<T: Rust> Parameter for Borrowed<T> {
    fn accepts() -> Accepts {
        Accepts::Borrowed(T::ty())
    }
    fn take(value: &Value) -> Option<Self> {
        T::from_value(value).map(Borrowed)
    }
}

/// `&[&Signal]`.
pub(super) struct Signals(pub(super) Vec<Signal>);

impl Parameter for Signals {
    fn accepts() -> Accepts {
        Accepts::Signals
    }
    fn take(value: &Value) -> Option<Self> {
        items(value).map(Signals)
    }
}

/// `Vec<&str>`.
pub(super) struct Names(pub(super) Vec<String>);

impl Parameter for Names {
    fn accepts() -> Accepts {
        Accepts::Type(Type::Vec(Box::new(Type::reference(Type::Str))))
    }
    fn take(value: &Value) -> Option<Self> {
        match value {
            Value::Sequence(_, items) => items.iter().map(text).collect::<Option<_>>().map(Names),
            _ => None,
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_string()),
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident),*) => {
        $($(#[$doc])*
        pub(super) struct $name(pub(super) String);

        impl Parameter for $name {
            fn accepts() -> Accepts {
                Accepts::$name
            }
            fn take(value: &Value) -> Option<Self> {
                text(value).map($name)
            }
        })*
    };
}

texts!(
    /// `impl AsRef<Path>`.
    Path,
    /// `&str`.
    Line,
    /// `impl Into<String>`.
    Owned
);

/// `impl ScanPosition`.
pub(super) struct Position(pub(super) Vec<usize>);

impl Parameter for Position {
    fn accepts() -> Accepts {
        Accepts::Position
    }
    fn take(value: &Value) -> Option<Self> {
        let indices = match value {
            Value::Unit => Some(Vec::new()),
            Value::Tuple(items) => items.iter().map(usize::from_value).collect(),
            Value::Sequence(..) => items(value),
            one => usize::from_value(one).map(|index| vec![index]),
        };
        indices.map(Position)
    }
}
