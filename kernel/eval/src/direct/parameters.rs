//! What the interpreter knows of the parameter structs, written out of their list in `generated`.

/// A method of `Signal` that adds a node.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// The struct it takes, or would take if that had fields.
    pub(crate) parameters: &'static str,
    /// How many signals it takes beside its own.
    pub(crate) further: usize,
}

/// Defines `Parameters`, `Choice` and `METHODS` from the operations of the registry.
macro_rules! operations {
    (
        choices { $($choice:ident { $($variant:ident),* })* }
        $($name:ident: $($method:ident($($further:ident),*)),+ { $($field:ident: $kind:ty),* })*
    ) => {
        use std::fmt;

        use signaltree::{$($choice,)* Region, Result, Show as _, Signal};

        use crate::direct::convert::Rust;
        use crate::direct::parameters::Method;
        use crate::direct::types::Type;
        use crate::direct::value::Value;

        /// Every method of `Signal` that adds a node, with the structs it takes.
        pub(crate) const METHODS: &[Method] = &[$($(Method {
            name: stringify!($method),
            parameters: stringify!($name),
            further: <[&str]>::len(&[$(stringify!($further)),*]),
        },)+)*];

        /// One of the parameter structs.
        #[derive(Clone, PartialEq)]
        pub(crate) enum Parameters {
            $($name(signaltree::$name)),*
        }

        impl Parameters {
            pub(crate) fn default_of(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Parameters::$name(Default::default())),)*
                    _ => None,
                }
            }

            /// The fields of a struct with their types, in order.
            pub(crate) fn fields(name: &str) -> Option<Vec<(&'static str, Type)>> {
                match name {
                    $(stringify!($name) => Some(vec![$((stringify!($field), <$kind>::ty())),*]),)*
                    _ => None,
                }
            }

            pub(crate) fn type_name(&self) -> &'static str {
                match self {
                    $(Parameters::$name(_) => stringify!($name)),*
                }
            }

            pub(crate) fn members(&self) -> Vec<(&'static str, Value)> {
                match self {
                    $(Parameters::$name(_parameters) => {
                        vec![$((stringify!($field), _parameters.$field.clone().into_value())),*]
                    })*
                }
            }

            /// Gives a field another value; `None` when there is no such field, or of another type.
            pub(crate) fn set(&mut self, _field: &str, _value: &Value) -> Option<()> {
                match self {
                    $(Parameters::$name(_parameters) => {
                        $(if _field == stringify!($field) {
                            _parameters.$field = <$kind>::from_value(_value)?;
                            return Some(());
                        })*
                        None
                    })*
                }
            }

            /// What the methods of `Signal` call.
            pub(crate) fn apply(&self, signal: &Signal, further: &[&Signal]) -> Result<Signal> {
                match self {
                    $(Parameters::$name(parameters) => signal.apply_with(further, parameters)),*
                }
            }

            pub(crate) fn set_parameters(&self, signal: &Signal) -> Result<()> {
                match self {
                    $(Parameters::$name(parameters) => signal.set_parameters(parameters)),*
                }
            }

            pub(crate) fn bundle(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Parameters::$name(parameters) => parameters.bundle()),*
                }
            }
        }

        impl fmt::Debug for Parameters {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Parameters::$name(parameters) => fmt::Debug::fmt(parameters, out)),*
                }
            }
        }

        $(impl Rust for signaltree::$name {
            fn ty() -> Type {
                Type::Named(stringify!($name))
            }
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Parameters(Parameters::$name(parameters)) => Some(parameters.clone()),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::Parameters(Parameters::$name(self))
            }
        })*

        /// A value of one of the enums that parameters choose from.
        #[derive(Clone, Copy, PartialEq)]
        pub(crate) enum Choice {
            $($choice(signaltree::$choice)),*
        }

        impl Choice {
            pub(crate) fn named(name: &str, variant: &str) -> Option<Self> {
                $($(
                    if name == stringify!($choice) && variant == stringify!($variant) {
                        return Some(Choice::$choice(signaltree::$choice::$variant));
                    }
                )*)*
                None
            }

            pub(crate) fn is_one(name: &str) -> bool {
                [$(stringify!($choice)),*].contains(&name)
            }

            pub(crate) fn type_name(&self) -> &'static str {
                match self {
                    $(Choice::$choice(_) => stringify!($choice)),*
                }
            }
        }

        impl fmt::Debug for Choice {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Choice::$choice(choice) => fmt::Debug::fmt(choice, out)),*
                }
            }
        }

        $(impl Rust for signaltree::$choice {
            fn ty() -> Type {
                Type::Named(stringify!($choice))
            }
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Choice(Choice::$choice(choice)) => Some(*choice),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::Choice(Choice::$choice(self))
            }
        })*
    };
}

pub(super) use operations;
