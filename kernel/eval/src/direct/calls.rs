//! The check of calls: functions and methods of the registry, with the types of their arguments.

use syn::Expr;

use super::check::{Checker, path_text};
use super::convert::Accepts;
use super::generated::Parameters;
use super::registry::{self, Entry};
use super::typed_cell::{Kind, Node, Unwrap};
use super::types::{Integer, Type};
use super::{show, structs};

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &syn::ExprCall, expected: Option<&Type>) -> Option<Node> {
        let Expr::Path(path) = &*call.func else {
            return None;
        };
        let name = path_text(path)?;
        if self.is_bound(&name) {
            return None;
        }
        let arguments: Vec<&Expr> = call.args.iter().collect();
        match (name.as_str(), &arguments[..]) {
            ("Some", [value]) => {
                let inside = match expected {
                    Some(Type::Option(of)) => Some(&**of),
                    _ => None,
                };
                let value = self.expression(value, inside)?;
                let value = self.by_value(value)?;
                let ty = Type::Option(Box::new(value.ty.clone()));
                return Some(Node::new(ty, Kind::Something(Box::new(value))));
            }
            ("default" | "Default::default", []) => return defaults(expected?),
            (name, []) if name.ends_with("::default") => {
                let owner = name.trim_end_matches("::default");
                let (owner, _) = structs::with_default(owner).filter(|(_, default)| *default)?;
                return defaults(&Type::Named(owner));
            }
            _ => {}
        }
        self.arguments(registry::function(&name)?, None, &arguments)
    }

    pub(super) fn method_call(
        &mut self,
        call: &syn::ExprMethodCall,
        expected: Option<&Type>,
    ) -> Option<Node> {
        if call.turbofish.is_some() {
            return None;
        }
        let receiver = self.expression(&call.receiver, None)?;
        let ty = self.types.known(&receiver.ty);
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let method = call.method.to_string();
        match (method.as_str(), &arguments[..]) {
            ("unwrap", []) => return self.unwrapped(receiver, None),
            ("expect", [Expr::Lit(literal)]) => {
                let syn::Lit::Str(message) = &literal.lit else {
                    return None;
                };
                return self.unwrapped(receiver, Some(message.value()));
            }
            ("len", [])
                if matches!(ty.behind(), Type::Vec(_) | Type::Slice(_) | Type::Array(..)) =>
            {
                let length = Type::Integer(Integer::Usize);
                return Some(Node::new(length, Kind::Length(Box::new(receiver))));
            }
            ("into", []) => {
                let text = ty == Type::static_str() && expected == Some(&Type::Text);
                return text.then(|| Node::new(Type::Text, Kind::Text(Box::new(receiver))));
            }
            ("to_string" | "to_owned", []) if ty == Type::static_str() => {
                return Some(Node::new(Type::Text, Kind::Text(Box::new(receiver))));
            }
            ("to_string", [])
                if ty.is_display() && !matches!(ty, Type::Number(_) | Type::Ref(_)) =>
            {
                return Some(Node::new(Type::Text, Kind::Text(Box::new(receiver))));
            }
            ("clone", []) => {
                let known = ty.crosses() && !matches!(ty, Type::Number(_) | Type::Ref(_));
                return known.then(|| Node::new(ty.clone(), Kind::Clone(Box::new(receiver))));
            }
            _ => {}
        }
        let entry = registry::method(ty.behind(), &method)?;
        self.arguments(entry, Some(receiver), &arguments)
    }

    fn unwrapped(&mut self, receiver: Node, message: Option<String>) -> Option<Node> {
        let place = self.unwraps;
        self.unwraps += 1;
        let receiver = self.by_value(receiver)?;
        match self.types.known(&receiver.ty) {
            Type::Result(of) | Type::Option(of) => {
                let unwrap = Unwrap { place, message };
                Some(Node::new(*of, Kind::Unwrap(Box::new(receiver), unwrap)))
            }
            _ => None,
        }
    }

    fn arguments(
        &mut self,
        entry: &'static Entry,
        receiver: Option<Node>,
        arguments: &[&Expr],
    ) -> Option<Node> {
        if arguments.len() != entry.parameters.len() {
            return None;
        }
        let mut nodes: Vec<Node> = receiver.into_iter().collect();
        for (accepts, argument) in entry.parameters.iter().zip(arguments) {
            nodes.push(self.argument(accepts, argument)?);
        }
        Some(Node::new(entry.result.clone(), Kind::Call(entry, nodes)))
    }

    fn argument(&mut self, accepts: &Accepts, argument: &Expr) -> Option<Node> {
        let one;
        let expected = match accepts {
            Accepts::Type(ty) => Some(ty),
            Accepts::OneOf([name]) => {
                one = Type::Named(name);
                Some(&one)
            }
            _ => None,
        };
        let node = self.expression(argument, expected)?;
        let node = self.by_value(node)?;
        let ty = self.types.known(&node.ty);
        let text_behind = match &ty {
            Type::Ref(of) => matches!(**of, Type::Str | Type::Text),
            _ => false,
        };
        let fits = match accepts {
            Accepts::Type(wanted) => self.types.unify(wanted, &ty).is_some(),
            Accepts::Path | Accepts::Owned => text_behind || ty == Type::Text,
            Accepts::Line => text_behind,
            Accepts::Position => self.position(&ty).is_some(),
            Accepts::OneOf(names) => matches!(&ty, Type::Named(name) if names.contains(name)),
            Accepts::Borrowed(wanted) => matches!(&ty, Type::Ref(of) if **of == *wanted),
            Accepts::Signals => match &ty {
                Type::Ref(list) => match &**list {
                    Type::Array(of, _) | Type::Slice(of) | Type::Vec(of) => {
                        **of == Type::reference(Type::Named("Signal"))
                    }
                    _ => false,
                },
                _ => false,
            },
            Accepts::AnyParameters => match &ty {
                Type::Ref(of) => {
                    matches!(&**of, Type::Named(name) if Parameters::default_of(name).is_some())
                }
                _ => false,
            },
            Accepts::Shown => match &ty {
                Type::Ref(of) => show::is_shown(of),
                by_value => matches!(
                    by_value,
                    Type::Text | Type::Named("Html" | "Markdown" | "Svg")
                ),
            },
        };
        fits.then_some(node)
    }

    /// `impl ScanPosition`: one implementation fits, so rustc takes open literals for `usize`.
    fn position(&mut self, ty: &Type) -> Option<()> {
        let index = Type::Integer(Integer::Usize);
        match ty {
            Type::Unit => Some(()),
            Type::Tuple(items) if matches!(items.len(), 2..=4) => items
                .iter()
                .try_for_each(|item| self.types.unify(item, &index)),
            Type::Array(of, _) => self.types.unify(of, &index),
            Type::Ref(of) => match &**of {
                Type::Slice(of) => self.types.unify(of, &index),
                _ => None,
            },
            one => self.types.unify(one, &index),
        }
    }
}

/// The default of a struct of the crate.
fn defaults(ty: &Type) -> Option<Node> {
    let Type::Named(name) = ty else { return None };
    let (name, _) = structs::with_default(name).filter(|(_, default)| *default)?;
    Some(Node::new(Type::Named(name), Kind::Struct(name, Vec::new())))
}
