//! Values of direct cells: the real ones of the cell's crate, so that their texts are the real ones too.

use std::fmt;
use std::sync::Arc;

use signaltree::{
    Axis, Code, Difference, DisplayHandle, Error, Frame, Html, Markdown, Memory, Open, Peak,
    Region, Restored, SaveOptions, Shape, Signal, Svg,
};

use super::generated::{Choice, Parameters};
use super::types::{Integer, Type};

#[derive(Clone)]
pub(crate) enum Value {
    Unit,
    Bool(bool),
    Integer(Integer, i128),
    F32(f32),
    F64(f64),
    /// `&'static str`.
    Str(Arc<str>),
    /// `String`.
    Text(String),
    Signal(Signal),
    Region(Region),
    Shape(Shape),
    Axis(Axis),
    Peak(Peak),
    Open(Open),
    SaveOptions(SaveOptions),
    Frame(Arc<Frame<'static, f64>>),
    Handle(Arc<DisplayHandle>),
    Restored(Arc<Restored>),
    Difference(Arc<Difference>),
    Code(Arc<Code>),
    Memory(Memory),
    Html(Html),
    Markdown(Markdown),
    Svg(Svg),
    Parameters(Parameters),
    Choice(Choice),
    Tuple(Vec<Value>),
    /// An array, a vector or a slice: its whole type and its items.
    Sequence(Type, Vec<Value>),
    /// The type inside and the value.
    Optional(Type, Option<Box<Value>>),
    /// Never the value of a variable.
    Outcome(Box<Result<Value, Error>>),
    Range(Box<(Value, Value)>),
}

/// Longer lists of numbers are written as one literal, which costs the compiler nothing.
const SHORT: usize = 32;

impl Value {
    pub(crate) fn type_of(&self) -> Type {
        match self {
            // A result is taken apart before anybody asks.
            Value::Unit | Value::Outcome(_) => Type::Unit,
            Value::Bool(_) => Type::Bool,
            Value::Integer(integer, _) => Type::Integer(*integer),
            Value::F32(_) => Type::F32,
            Value::F64(_) => Type::F64,
            Value::Str(_) => Type::static_str(),
            Value::Text(_) => Type::Text,
            Value::Signal(_) => Type::Named("Signal"),
            Value::Region(_) => Type::Named("Region"),
            Value::Shape(_) => Type::Named("Shape"),
            Value::Axis(_) => Type::Named("Axis"),
            Value::Peak(_) => Type::Named("Peak"),
            Value::Open(_) => Type::Named("Open"),
            Value::SaveOptions(_) => Type::Named("SaveOptions"),
            Value::Frame(_) => Type::Named("Frame"),
            Value::Handle(_) => Type::Named("DisplayHandle"),
            Value::Restored(_) => Type::Named("Restored"),
            Value::Difference(_) => Type::Named("Difference"),
            Value::Code(_) => Type::Named("Code"),
            Value::Memory(_) => Type::Named("Memory"),
            Value::Html(_) => Type::Named("Html"),
            Value::Markdown(_) => Type::Named("Markdown"),
            Value::Svg(_) => Type::Named("Svg"),
            Value::Parameters(parameters) => Type::Named(parameters.type_name()),
            Value::Choice(choice) => Type::Named(choice.type_name()),
            Value::Tuple(items) => Type::Tuple(items.iter().map(Value::type_of).collect()),
            Value::Sequence(ty, _) => ty.clone(),
            Value::Optional(of, _) => Type::Option(Box::new(of.clone())),
            Value::Range(ends) => Type::Range(Box::new(ends.0.type_of())),
        }
    }

    /// The type as a person writes it: `Signal`, `usize`, `&'static str`.
    pub(crate) fn type_text(&self) -> String {
        self.type_of().to_string()
    }

    /// Type and expression that give a compiled cell this value; paths are complete. `None`: there is none.
    pub(crate) fn rust_binding(&self) -> Option<(String, String)> {
        Some((rust_type(&self.type_of())?, self.rust_expression()?))
    }

    /// One line for lists of variables; reads no pixel.
    pub(crate) fn summary(&self) -> String {
        const MAX: usize = 200;
        let mut text = match self {
            Value::Frame(frame) => {
                format!("{:?} f64 at {:?}", frame.shape(), frame.position())
            }
            Value::Sequence(ty, items) if items.len() > 20 => {
                format!("{ty} of {}", items.len())
            }
            value => format!("{value:?}"),
        };
        if text.len() > MAX {
            let end = (0..=MAX).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or(0));
            text.push('…');
        }
        text
    }

    fn rust_expression(&self) -> Option<String> {
        let list = |items: &[Value]| -> Option<String> {
            let items: Option<Vec<String>> = items.iter().map(Value::rust_expression).collect();
            Some(items?.join(", "))
        };
        Some(match self {
            Value::Bool(value) => value.to_string(),
            Value::Integer(integer, value) => format!("{value}{}", integer.name()),
            // Bits: exact, also for infinities and NaN.
            Value::F32(value) if !value.is_finite() => {
                format!("f32::from_bits({})", value.to_bits())
            }
            Value::F64(value) if !value.is_finite() => {
                format!("f64::from_bits({})", value.to_bits())
            }
            Value::F32(value) => format!("{value:?}f32"),
            Value::F64(value) => format!("{value:?}f64"),
            Value::Str(text) => format!("{text:?}"),
            Value::Text(text) => format!("::std::string::String::from({text:?})"),
            Value::Signal(signal) => format!("::signaltree::bridge::signal({})", signal.id()),
            Value::Region(region) => format!("::signaltree::{region:?}"),
            Value::Peak(peak) => {
                let fields = [
                    ("ky", peak.ky),
                    ("kx", peak.kx),
                    ("intensity", peak.intensity),
                    ("score", peak.score),
                    ("ky_error", peak.ky_error),
                    ("kx_error", peak.kx_error),
                    ("misfit", peak.misfit),
                    ("spread", peak.spread),
                    ("spread_error", peak.spread_error),
                    ("stretch", peak.stretch),
                    ("stretch_diagonal", peak.stretch_diagonal),
                    ("stretch_error", peak.stretch_error),
                ];
                let mut expression = String::from("::signaltree::Peak {");
                for (name, value) in fields {
                    let value = Value::F64(value).rust_expression()?;
                    expression.push_str(&format!(" {name}: {value},"));
                }
                expression + " }"
            }
            Value::Shape(shape) => format!(
                "::signaltree::Shape {{ navigation: ::std::vec!{:?}, signal: ::std::vec!{:?} }}",
                shape.navigation, shape.signal
            ),
            Value::Axis(axis) => axis_expression(axis)?,
            Value::Open(open) => {
                let axes: Option<Vec<String>> = open.axes.iter().map(axis_expression).collect();
                format!(
                    "::signaltree::Open {{ scan: {:?}, signal_axes: {}, axes: ::std::vec![{}], \
                     dataset: ::std::string::String::from({:?}) }}",
                    open.scan,
                    open.signal_axes,
                    axes?.join(", "),
                    open.dataset
                )
            }
            Value::SaveOptions(options) => format!(
                "::signaltree::SaveOptions {{ format: {:?}.into(), chunk: ::std::vec!{:?}, \
                 shard: ::std::vec!{:?}, compression: {:?}.into(), fresh: {} }}",
                options.format, options.chunk, options.shard, options.compression, options.fresh
            ),
            Value::Frame(frame) => format!(
                "::signaltree::bridge::frame({}, &{:?})",
                signaltree::bridge::guard(frame)?,
                frame.position()
            ),
            Value::Html(Html { text }) => format!("::signaltree::Html({text:?})"),
            Value::Markdown(Markdown { text }) => format!("::signaltree::Markdown({text:?})"),
            Value::Svg(Svg { text }) => format!("::signaltree::Svg({text:?})"),
            Value::Parameters(parameters) => {
                let fields: Option<Vec<String>> = parameters
                    .members()
                    .into_iter()
                    .map(|(name, value)| Some(format!("{name}: {}", value.rust_expression()?)))
                    .collect();
                format!(
                    "::signaltree::{} {{ {} }}",
                    parameters.type_name(),
                    fields?.join(", ")
                )
            }
            Value::Choice(choice) => format!("::signaltree::{}::{choice:?}", choice.type_name()),
            Value::Tuple(items) if items.len() == 1 => format!("({},)", list(items)?),
            Value::Tuple(items) => format!("({})", list(items)?),
            Value::Sequence(Type::Array(..), items) => format!("[{}]", list(items)?),
            Value::Sequence(Type::Vec(of), items) if items.len() > SHORT && of.is_number() => {
                let texts: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
                format!(
                    "::signaltree::bridge::list::<{of}>(\"{}\")",
                    texts.join(" ")
                )
            }
            Value::Sequence(Type::Vec(_), items) => format!("::std::vec![{}]", list(items)?),
            Value::Optional(_, Some(value)) => format!("Some({})", value.rust_expression()?),
            Value::Optional(_, None) => "None".into(),
            Value::Memory(memory) => format!("::signaltree::{memory:?}"),
            Value::Range(ends) => format!(
                "{}..{}",
                ends.0.rust_expression()?,
                ends.1.rust_expression()?
            ),
            Value::Unit
            | Value::Handle(_)
            | Value::Restored(_)
            | Value::Difference(_)
            | Value::Code(_)
            | Value::Sequence(..)
            | Value::Outcome(_) => return None,
        })
    }
}

fn axis_expression(axis: &Axis) -> Option<String> {
    Some(format!(
        "::signaltree::Axis {{ name: {:?}.into(), size: {}, scale: {}, offset: {}, units: {:?}.into(), values: ::std::vec![{}], names: ::std::vec![{}] }}",
        axis.name,
        axis.size,
        Value::F64(axis.scale).rust_expression()?,
        Value::F64(axis.offset).rust_expression()?,
        axis.units,
        (axis.values.iter())
            .map(|value| Value::F64(*value).rust_expression())
            .collect::<Option<Vec<String>>>()?
            .join(", "),
        (axis.names.iter())
            .map(|name| format!("{name:?}.into()"))
            .collect::<Vec<String>>()
            .join(", ")
    ))
}

/// The type with complete paths.
fn rust_type(ty: &Type) -> Option<String> {
    let inner = |of: &Type| rust_type(of);
    Some(match ty {
        Type::Bool | Type::Integer(_) | Type::F32 | Type::F64 => ty.to_string(),
        Type::Text => "::std::string::String".into(),
        Type::Named("DisplayHandle" | "Restored" | "Difference" | "Code") => return None,
        Type::Named("Frame") => "::signaltree::Frame<'static, f64>".into(),
        Type::Named(name) => format!("::signaltree::{name}"),
        Type::Tuple(items) => {
            let items: Option<Vec<String>> = items.iter().map(inner).collect();
            let items = items?;
            let comma = if items.len() == 1 { "," } else { "" };
            format!("({}{comma})", items.join(", "))
        }
        Type::Array(of, length) => format!("[{}; {length}]", inner(of)?),
        Type::Vec(of) => format!("::std::vec::Vec<{}>", inner(of)?),
        Type::Option(of) => format!("::std::option::Option<{}>", inner(of)?),
        Type::Range(of) => format!("::std::ops::Range<{}>", inner(of)?),
        Type::Ref(of) if **of == Type::Str => "&'static str".into(),
        Type::Unit
        | Type::Number(_)
        | Type::Str
        | Type::Slice(_)
        | Type::Result(_)
        | Type::Ref(_) => {
            return None;
        }
    })
}

/// What `{:?}` of the real value writes.
impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Unit => fmt::Debug::fmt(&(), out),
            Value::Bool(value) => fmt::Debug::fmt(value, out),
            Value::Integer(_, value) => fmt::Debug::fmt(value, out),
            Value::F32(value) => fmt::Debug::fmt(value, out),
            Value::F64(value) => fmt::Debug::fmt(value, out),
            Value::Str(text) => fmt::Debug::fmt(text, out),
            Value::Text(text) => fmt::Debug::fmt(text, out),
            Value::Signal(signal) => fmt::Debug::fmt(signal, out),
            Value::Region(region) => fmt::Debug::fmt(region, out),
            Value::Shape(shape) => fmt::Debug::fmt(shape, out),
            Value::Axis(axis) => fmt::Debug::fmt(axis, out),
            Value::Peak(peak) => fmt::Debug::fmt(peak, out),
            Value::Open(open) => fmt::Debug::fmt(open, out),
            Value::SaveOptions(options) => fmt::Debug::fmt(options, out),
            Value::Frame(frame) => fmt::Debug::fmt(frame, out),
            Value::Handle(handle) => fmt::Debug::fmt(handle, out),
            Value::Restored(restored) => fmt::Debug::fmt(restored, out),
            Value::Difference(difference) => fmt::Debug::fmt(difference, out),
            Value::Code(code) => fmt::Debug::fmt(code, out),
            Value::Memory(memory) => fmt::Debug::fmt(memory, out),
            Value::Html(html) => fmt::Debug::fmt(html, out),
            Value::Markdown(markdown) => fmt::Debug::fmt(markdown, out),
            Value::Svg(svg) => fmt::Debug::fmt(svg, out),
            Value::Parameters(parameters) => fmt::Debug::fmt(parameters, out),
            Value::Choice(choice) => fmt::Debug::fmt(choice, out),
            Value::Tuple(items) => {
                let mut tuple = out.debug_tuple("");
                items.iter().for_each(|item| {
                    tuple.field(item);
                });
                tuple.finish()
            }
            Value::Sequence(_, items) => fmt::Debug::fmt(items, out),
            Value::Optional(_, value) => fmt::Debug::fmt(value, out),
            Value::Outcome(outcome) => fmt::Debug::fmt(outcome, out),
            Value::Range(ends) => fmt::Debug::fmt(&(&ends.0..&ends.1), out),
        }
    }
}

/// What `{}` writes, for types that have it.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => fmt::Display::fmt(value, out),
            Value::Integer(_, value) => fmt::Display::fmt(value, out),
            Value::F32(value) => fmt::Display::fmt(value, out),
            Value::F64(value) => fmt::Display::fmt(value, out),
            Value::Str(text) => fmt::Display::fmt(text, out),
            Value::Text(text) => fmt::Display::fmt(text, out),
            Value::Shape(shape) => fmt::Display::fmt(shape, out),
            // The check lets no other type through.
            _ => Err(fmt::Error),
        }
    }
}
