//! Variables of compiled cells, read from the `Debug` text that the hook after their `let` sends.

use syn::{Expr, Lit, UnOp};

use signaltree::{Axis, Open, Peak, Region, SaveOptions, Shape};

use super::convert::Rust;
use super::types::{Integer, Type};
use super::value::Value;

impl Value {
    /// A variable of a compiled cell: type, `{:?}` of the value, node of a signal. `None`: the value stays with
    /// compiled cells.
    pub(crate) fn from_export(type_text: &str, text: &str, node: Option<u32>) -> Option<Value> {
        match type_text {
            "Signal" => Some(Value::Signal(signaltree::bridge::signal(node?))),
            "Shape" => shape(text).map(Value::Shape),
            _ => {
                let ty = named_type(&syn::parse_str(type_text).ok()?)?;
                numbers(text, &ty).or_else(|| read(&syn::parse_str(text).ok()?, &ty))
            }
        }
    }
}

/// The type that a hook names.
fn named_type(ty: &syn::Type) -> Option<Type> {
    match ty {
        syn::Type::Tuple(tuple) => {
            let items: Option<Vec<Type>> = tuple.elems.iter().map(named_type).collect();
            items.map(Type::Tuple)
        }
        syn::Type::Reference(_) => Some(Type::static_str()),
        syn::Type::Path(path) => {
            let last = path.path.segments.last()?;
            if let syn::PathArguments::AngleBracketed(arguments) = &last.arguments {
                let Some(syn::GenericArgument::Type(of)) = arguments.args.first() else {
                    return None;
                };
                return (last.ident == "Vec").then_some(Type::Vec(Box::new(named_type(of)?)));
            }
            let name = last.ident.to_string();
            match &*name {
                "bool" => Some(Type::Bool),
                "f32" => Some(Type::F32),
                "f64" => Some(Type::F64),
                "String" => Some(Type::Text),
                _ => (STRUCTS.iter().find(|known| **known == name))
                    .map(|known| Type::Named(known))
                    .or_else(|| Integer::from_name(&name).map(Type::Integer)),
            }
        }
        _ => None,
    }
}

const STRUCTS: [&str; 5] = ["Region", "Axis", "Peak", "Open", "SaveOptions"];

/// A list of numbers or truth values, which may be a long one.
fn numbers(text: &str, ty: &Type) -> Option<Value> {
    let Type::Vec(of) = ty else {
        return None;
    };
    let number = |text: &str| match &**of {
        Type::Bool => text.parse().ok().map(Value::Bool),
        Type::F32 => text.parse().ok().map(Value::F32),
        Type::F64 => text.parse().ok().map(Value::F64),
        Type::Integer(integer) => {
            let value = text.parse().ok().filter(|value| integer.holds(*value))?;
            Some(Value::Integer(*integer, value))
        }
        _ => None,
    };
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    let items = inside.split(", ").filter(|item| !item.is_empty());
    let items: Option<Vec<Value>> = items.map(number).collect();
    Some(Value::Sequence(ty.clone(), items?))
}

/// `(40, 56 | 128, 112)`.
fn shape(text: &str) -> Option<Shape> {
    let inside = text.strip_prefix('(')?.strip_suffix(')')?;
    let (navigation, signal) = inside.split_once('|')?;
    let sizes = |text: &str| -> Option<Vec<usize>> {
        text.split(',')
            .map(str::trim)
            .filter(|size| !size.is_empty())
            .map(|size| size.parse().ok())
            .collect()
    };
    Some(Shape {
        navigation: sizes(navigation)?,
        signal: sizes(signal)?,
    })
}

/// A literal of a known type.
fn read(expression: &Expr, ty: &Type) -> Option<Value> {
    match (expression, ty) {
        (Expr::Lit(literal), ty) => literal_value(&literal.lit, ty),
        (Expr::Unary(unary), ty) if matches!(unary.op, UnOp::Neg(_)) => {
            match (read_negated(&unary.expr, ty)?, ty) {
                (Value::Integer(integer, value), _) => Some(Value::Integer(integer, value)),
                (value, _) => Some(value),
            }
        }
        (Expr::Path(path), Type::F64) if path.path.is_ident("NaN") => Some(Value::F64(f64::NAN)),
        (Expr::Path(path), Type::F32) if path.path.is_ident("NaN") => Some(Value::F32(f32::NAN)),
        (Expr::Path(path), Type::F64) if path.path.is_ident("inf") => {
            Some(Value::F64(f64::INFINITY))
        }
        (Expr::Path(path), Type::F32) if path.path.is_ident("inf") => {
            Some(Value::F32(f32::INFINITY))
        }
        (Expr::Array(array), Type::Vec(of)) => {
            let items: Option<Vec<Value>> = array.elems.iter().map(|item| read(item, of)).collect();
            Some(Value::Sequence(ty.clone(), items?))
        }
        (Expr::Tuple(tuple), Type::Tuple(types)) if tuple.elems.len() == types.len() => {
            let items = tuple.elems.iter().zip(types);
            let items: Option<Vec<Value>> = items.map(|(item, ty)| read(item, ty)).collect();
            items.map(Value::Tuple)
        }
        (Expr::Struct(fields), Type::Named(name)) if fields.path.is_ident(name) => {
            named(fields, name)
        }
        _ => None,
    }
}

fn read_negated(expression: &Expr, ty: &Type) -> Option<Value> {
    if let (Expr::Lit(literal), Type::Integer(integer)) = (expression, ty)
        && let Lit::Int(digits) = &literal.lit
    {
        let value = -digits.base10_parse::<i128>().ok()?;
        return integer
            .holds(value)
            .then_some(Value::Integer(*integer, value));
    }
    match read(expression, ty)? {
        Value::F32(value) => Some(Value::F32(-value)),
        Value::F64(value) => Some(Value::F64(-value)),
        _ => None,
    }
}

fn literal_value(literal: &Lit, ty: &Type) -> Option<Value> {
    match (literal, ty) {
        (Lit::Int(digits), Type::Integer(integer)) => {
            let value = digits.base10_parse().ok()?;
            integer
                .holds(value)
                .then_some(Value::Integer(*integer, value))
        }
        (Lit::Float(digits), Type::F64) => Some(Value::F64(digits.base10_parse().ok()?)),
        (Lit::Float(digits), Type::F32) => Some(Value::F32(digits.base10_parse().ok()?)),
        (Lit::Bool(value), Type::Bool) => Some(Value::Bool(value.value)),
        (Lit::Str(text), Type::Text) => Some(Value::Text(text.value())),
        (Lit::Str(text), Type::Ref(of)) if **of == Type::Str => {
            Some(Value::Str(text.value().into()))
        }
        _ => None,
    }
}

fn named(fields: &syn::ExprStruct, name: &str) -> Option<Value> {
    let member = |wanted: &str| {
        fields
            .fields
            .iter()
            .find(|field| matches!(&field.member, syn::Member::Named(name) if name == wanted))
            .map(|field| &field.expr)
    };
    fn field<T: Rust>(expression: Option<&Expr>) -> Option<T> {
        T::from_value(&read(expression?, &T::ty())?)
    }
    Some(match name {
        "Region" => Value::Region(Region::rectangle(
            field(member("x0"))?,
            field(member("y0"))?,
            field(member("width"))?,
            field(member("height"))?,
        )),
        "Peak" => Value::Peak(Peak {
            ky: field(member("ky"))?,
            kx: field(member("kx"))?,
            intensity: field(member("intensity"))?,
            score: field(member("score"))?,
            ky_error: field(member("ky_error"))?,
            kx_error: field(member("kx_error"))?,
            misfit: field(member("misfit"))?,
            spread: field(member("spread"))?,
            spread_error: field(member("spread_error"))?,
            stretch: field(member("stretch"))?,
            stretch_diagonal: field(member("stretch_diagonal"))?,
            stretch_error: field(member("stretch_error"))?,
        }),
        "Axis" => Value::Axis(Axis {
            name: field(member("name"))?,
            size: field(member("size"))?,
            scale: field(member("scale"))?,
            offset: field(member("offset"))?,
            units: field(member("units"))?,
            values: field(member("values")).unwrap_or_default(),
            names: field(member("names")).unwrap_or_default(),
        }),
        "Open" => Value::Open(Open {
            scan: field(member("scan"))?,
            signal_axes: field(member("signal_axes"))?,
            axes: field(member("axes"))?,
            dataset: field(member("dataset"))?,
        }),
        "SaveOptions" => Value::SaveOptions(SaveOptions {
            format: field(member("format"))?,
            chunk: field(member("chunk"))?,
            shard: field(member("shard"))?,
            compression: field(member("compression"))?,
            fresh: field(member("fresh"))?,
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_values_come_back_as_they_were() {
        let axis = Axis {
            name: "kx".into(),
            size: 7,
            scale: -0.5,
            offset: f64::INFINITY,
            units: "1/nm \"quoted\"".into(),
            values: Vec::new(),
            names: Vec::new(),
        };
        let uneven = Axis {
            values: vec![1.0, 2.5],
            ..axis.clone()
        };
        let elements = Axis::named("element", vec!["Fe", "O \"and\" more"]);
        let peak = Peak {
            ky: 1.5,
            kx: -2.0,
            intensity: 1e300,
            score: f64::NAN,
            ky_error: 0.25,
            kx_error: f64::NAN,
            misfit: f64::INFINITY,
            spread: -0.5,
            spread_error: f64::NAN,
            stretch: f64::NAN,
            stretch_diagonal: f64::NAN,
            stretch_error: f64::NAN,
        };
        for (ty, text) in [
            ("i8", "-128".to_owned()),
            ("u64", u64::MAX.to_string()),
            ("usize", "7".into()),
            ("f32", "1e-7".into()),
            ("f64", "-inf".into()),
            ("f64", "NaN".into()),
            ("f64", "0.1".into()),
            ("bool", "true".into()),
            ("String", format!("{:?}", "tab\t \u{1f980} \\ \"")),
            ("&'static str", "\"x\"".into()),
            ("Region", format!("{:?}", Region::rectangle(1, 2, 3, 4))),
            ("Shape", "(40, 56 | 128, 112)".into()),
            ("Shape", "(| 3)".into()),
            ("Axis", format!("{axis:?}")),
            ("Axis", format!("{uneven:?}")),
            ("Axis", format!("{elements:?}")),
            ("Vec<Axis>", format!("{:?}", [axis.clone(), axis.clone()])),
            ("Vec<Peak>", format!("{:?}", [peak])),
            ("Vec<f64>", "[]".into()),
            ("Vec<f64>", "[0.1, NaN, -inf, 1e300]".into()),
            ("Vec<i32>", "[0, -1, 4]".into()),
            ("Vec<bool>", "[true, false]".into()),
            ("Vec<String>", "[\"a, b\", \"]\"]".into()),
            ("Vec<&'static str>", "[]".into()),
            ("(f64, f64)", "(1.0, inf)".into()),
            ("Vec<(usize, usize)>", "[(1, 2), (3, 4)]".into()),
            ("Vec<Vec<f64>>", "[[1.0], [], [-2.5, NaN]]".into()),
            (
                "Open",
                format!(
                    "{:?}",
                    Open {
                        axes: vec![axis.clone()],
                        ..Open::default()
                    }
                ),
            ),
            (
                "SaveOptions",
                format!(
                    "{:?}",
                    SaveOptions {
                        chunk: vec![1, 4],
                        compression: "lz4".into(),
                        ..SaveOptions::default()
                    }
                ),
            ),
        ] {
            let value =
                Value::from_export(ty, &text, None).unwrap_or_else(|| panic!("{ty} {text}"));
            assert_eq!(value.type_text(), ty);
            assert_eq!(format!("{value:?}"), text);
        }
        for (ty, text) in [
            ("i8", "128"),
            ("Vec<u8>", "[1, 256]"),
            ("Vec<MyType>", "[]"),
            ("f64", "x"),
            ("MyType", "1"),
            ("char", "'x'"),
        ] {
            assert!(Value::from_export(ty, text, None).is_none(), "{ty} {text}");
        }
    }
}
