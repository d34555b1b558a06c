//! How values of direct cells are shown: each as its real type.

use signaltree::{Axis, DisplayHandle, Peak, Show, hook};

use super::convert::Rust;
use super::types::Type;
use super::value::Value;

/// Whether the type implements `Show`; every other one shows its `Debug` text.
pub(super) fn is_shown(ty: &Type) -> bool {
    match ty {
        Type::Unit
        | Type::Bool
        | Type::Integer(_)
        | Type::F32
        | Type::F64
        | Type::Number(_)
        | Type::Str
        | Type::Text => true,
        Type::Named(name) => {
            !matches!(*name, "Open" | "SaveOptions") && !super::generated::Choice::is_one(name)
        }
        Type::Tuple(items) => (2..=4).contains(&items.len()) && items.iter().all(is_shown),
        Type::Array(of, _)
        | Type::Slice(of)
        | Type::Vec(of)
        | Type::Option(of)
        | Type::Result(of) => is_shown(of) && **of != Type::Str,
        Type::Ref(_) | Type::Range(_) => false,
    }
}

/// Shows the value of a trailing expression, as the hook around it does in a compiled cell.
pub(super) fn result(value: &Value, ty: &Type) {
    let ty = match ty {
        // The hook looks behind one reference.
        Type::Ref(of) => of,
        ty => ty,
    };
    if !is_shown(ty) {
        return hook::debug(value);
    }
    match value {
        Value::Unit | Value::Handle(_) => {}
        Value::Signal(signal) => hook::result(signal),
        Value::Str(text) => hook::result(&**text),
        Value::Text(text) => hook::result(text),
        Value::Optional(_, Some(inner)) if matches!(**inner, Value::Signal(_)) => {
            result(inner, &inner.type_of());
        }
        Value::Outcome(outcome) => match (&**outcome, ty) {
            (Ok(inner), Type::Result(of)) => result(inner, of),
            (Ok(inner), _) => hook::debug(inner),
            (Err(error), _) => hook::result(error),
        },
        other => hook::result(other),
    }
}

/// Shows it now, in the middle of a cell.
pub(super) fn display(value: &Value) -> DisplayHandle {
    match value {
        Value::Signal(signal) => signaltree::display(signal),
        other => signaltree::display(other),
    }
}

impl Show for Value {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        match self {
            Value::Unit => ().bundle(),
            Value::Bool(value) => value.bundle(),
            Value::Integer(_, value) => value.bundle(),
            Value::F32(value) => value.bundle(),
            Value::F64(value) => value.bundle(),
            Value::Str(text) => text.as_ref().bundle(),
            Value::Text(text) => text.bundle(),
            Value::Signal(signal) => signal.bundle(),
            Value::Region(region) => region.bundle(),
            Value::Shape(shape) => shape.bundle(),
            Value::Axis(axis) => axis.bundle(),
            Value::Peak(peak) => peak.bundle(),
            Value::Frame(frame) => frame.as_ref().bundle(),
            Value::Memory(memory) => memory.bundle(),
            Value::Restored(restored) => restored.as_ref().bundle(),
            Value::Difference(difference) => difference.as_ref().bundle(),
            Value::Code(code) => code.as_ref().bundle(),
            Value::Html(html) => html.bundle(),
            Value::Markdown(markdown) => markdown.bundle(),
            Value::Svg(svg) => svg.bundle(),
            Value::Parameters(parameters) => parameters.bundle(),
            Value::Tuple(items) => match &items[..] {
                [a, b] => (a.clone(), b.clone()).bundle(),
                [a, b, c] => (a.clone(), b.clone(), c.clone()).bundle(),
                [a, b, c, d] => (a.clone(), b.clone(), c.clone(), d.clone()).bundle(),
                _ => format!("{self:?}").bundle(),
            },
            Value::Sequence(Type::Vec(of) | Type::Array(of, _) | Type::Slice(of), items) => {
                list(of, items, self)
            }
            Value::Optional(_, value) => value.as_deref().cloned().bundle(),
            Value::Outcome(outcome) => match &**outcome {
                Ok(value) => value.bundle(),
                Err(error) => error.bundle(),
            },
            // No other type implements `Show`; the check refuses to show them.
            _ => format!("{self:?}").bundle(),
        }
    }
}

/// Several values: types that show their lists in their own way get the real list.
fn list(of: &Type, items: &[Value], all: &Value) -> Vec<(&'static str, String)> {
    fn real<T: Rust + Show>(all: &Value) -> Option<Vec<(&'static str, String)>> {
        Vec::<T>::from_value(all).map(|list| list.bundle())
    }
    let shown = match of {
        Type::Bool => real::<bool>(all),
        Type::F32 => real::<f32>(all),
        Type::F64 => real::<f64>(all),
        Type::Text => real::<String>(all),
        Type::Named("Axis") => real::<Axis>(all),
        Type::Named("Peak") => real::<Peak>(all),
        // Every integer prints alike.
        Type::Integer(_) => items
            .iter()
            .map(|item| match item {
                Value::Integer(_, value) => Some(*value),
                _ => None,
            })
            .collect::<Option<Vec<i128>>>()
            .map(|list| list.bundle()),
        _ => None,
    };
    shown.unwrap_or_else(|| items.bundle())
}
