//! The check of macros: `vec!`, `format!` and those that print.

use syn::Expr;

use super::check::{Checker, ident};
use super::format::{Argument, Piece};
use super::typed_cell::{Kind, Node};
use super::types::Type;
use crate::Stream;

impl Checker<'_> {
    pub(super) fn macro_call(
        &mut self,
        call: &syn::Macro,
        expected: Option<&Type>,
    ) -> Option<Node> {
        let name = ident(&call.path)?;
        let (stream, newline) = match name.as_str() {
            "vec" => return self.vector(call, expected),
            "println" => (Stream::Stdout, true),
            "print" => (Stream::Stdout, false),
            "eprintln" => (Stream::Stderr, true),
            "eprint" => (Stream::Stderr, false),
            "format" => {
                let (pieces, nodes) = self.formatted(call, false)?;
                return Some(Node::new(Type::Text, Kind::Format(pieces, nodes)));
            }
            _ => return None,
        };
        // In a compiled cell `eprintln!("{}", error)` may be evcxr's way to hand over an error.
        if stream == Stream::Stderr && call.tokens.to_string().contains("error") {
            return None;
        }
        let (mut pieces, nodes) = self.formatted(call, newline)?;
        if newline {
            pieces.push(Piece::Text("\n".into()));
        }
        Some(Node::new(Type::Unit, Kind::Print(stream, pieces, nodes)))
    }

    fn vector(&mut self, call: &syn::Macro, expected: Option<&Type>) -> Option<Node> {
        type Items = syn::punctuated::Punctuated<Expr, syn::Token![,]>;
        let items = call.parse_body_with(Items::parse_terminated).ok()?;
        let items: Vec<&Expr> = items.iter().collect();
        let inside = match expected {
            Some(Type::Vec(of)) => Some(&**of),
            _ => None,
        };
        let (of, nodes) = self.items(&items, inside)?;
        let ty = Type::Vec(Box::new(of));
        Some(Node::new(ty, Kind::Sequence(nodes)))
    }

    /// Format string and arguments; every argument is used and every hole has one.
    fn formatted(
        &mut self,
        call: &syn::Macro,
        may_be_empty: bool,
    ) -> Option<(Vec<Piece>, Vec<Node>)> {
        if call.tokens.is_empty() {
            return may_be_empty.then(|| (Vec::new(), Vec::new()));
        }
        let FormatCall { text, arguments } = call.parse_body().ok()?;
        let mut pieces = super::format::parse(&text)?;
        let mut nodes = Vec::new();
        let mut names: Vec<Option<String>> = Vec::new();
        for (name, expression) in &arguments {
            nodes.push(self.expression(expression, None)?);
            names.push(name.clone());
        }
        let written = nodes.len();
        let mut used = vec![false; written];
        for piece in &mut pieces {
            let Piece::Hole(argument, spec) = piece else {
                continue;
            };
            let index = match argument {
                Argument::Index(index) => *index,
                Argument::Name(name) => {
                    match names
                        .iter()
                        .position(|known| known.as_ref() == Some(&*name))
                    {
                        Some(index) => index,
                        None => {
                            nodes.push(self.variable(name)?);
                            names.push(Some(name.clone()));
                            nodes.len() - 1
                        }
                    }
                }
            };
            let node = nodes.get(index).filter(|_| {
                // A number refers to a written argument.
                index < written || matches!(argument, Argument::Name(_))
            })?;
            let ty = self.types.known(&node.ty);
            if matches!(node.kind, Kind::Nothing) || !(spec.debug || ty.is_display()) {
                return None;
            }
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
            *argument = Argument::Index(index);
        }
        used.iter().all(|used| *used).then_some((pieces, nodes))
    }
}

/// What stands between the parentheses of `format!`.
struct FormatCall {
    text: String,
    arguments: Vec<(Option<String>, Expr)>,
}

impl syn::parse::Parse for FormatCall {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        let text: syn::LitStr = input.parse()?;
        if !text.suffix().is_empty() {
            return Err(input.error("a suffix"));
        }
        let mut arguments: Vec<(Option<String>, Expr)> = Vec::new();
        while !input.is_empty() {
            input.parse::<syn::Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let named = input.peek(syn::Ident)
                && input.peek2(syn::Token![=])
                && !input.peek2(syn::Token![==]);
            let name = if named {
                let name: syn::Ident = input.parse()?;
                input.parse::<syn::Token![=]>()?;
                Some(name.to_string())
            } else {
                None
            };
            let before = arguments.last().is_some_and(|(name, _)| name.is_some());
            let twice = name.is_some() && arguments.iter().any(|(known, _)| *known == name);
            if twice || (before && name.is_none()) {
                return Err(input.error("an order rustc refuses"));
            }
            arguments.push((name, input.parse()?));
        }
        Ok(FormatCall {
            text: text.value(),
            arguments,
        })
    }
}
