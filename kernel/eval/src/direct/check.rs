//! Whether a cell can run without the compiler: every node is looked at and typed as rustc would type it.

use syn::{Expr, Member, Pat, Stmt};

use super::Scope;
use super::generated::Choice;
use super::typed_cell::{Kind, Node, Operator, Statement, TypedCell, Variable};
use super::types::{Inference, Integer, Type};
use super::{source, structs};

/// A variable that this cell binds.
struct Local {
    name: String,
    ty: Type,
    /// Its value went elsewhere: rustc refuses any later use.
    moved: bool,
}

pub(super) struct Checker<'a> {
    scope: &'a Scope,
    pub(super) types: Inference,
    locals: Vec<Local>,
    pub(super) unwraps: usize,
    /// A statement that is understood, and refused as in a compiled cell.
    refusal: Option<Refusal>,
}

/// Why a statement that is understood does not run.
pub(super) enum Refusal {
    /// It drops a `Result`.
    Unlooked,
    /// Its variable, of this name, borrows from another one: none can be kept for the next cells.
    Borrowed(String),
}

/// The first statement of a cell that is refused, and why; those before it are understood.
pub(super) fn refusal(statements: &[Stmt], scope: &Scope) -> Option<(usize, Refusal)> {
    let mut checker = Checker::new(scope);
    for (index, statement) in statements.iter().enumerate() {
        let last = index + 1 == statements.len();
        if checker.statement(statement, last).is_none() {
            return Some((index, checker.refusal?));
        }
    }
    None
}

/// The plan of a cell; `None` at the slightest doubt.
pub(super) fn typed_cell(statements: &[Stmt], code: &str, scope: &Scope) -> Option<TypedCell> {
    let mut checker = Checker::new(scope);
    let mut checked = Vec::with_capacity(statements.len());
    for (index, statement) in statements.iter().enumerate() {
        let last = index + 1 == statements.len();
        checked.push(checker.statement(statement, last)?);
    }
    let unwraps = source::places(code, &["unwrap", "expect"]);
    if unwraps.len() != checker.unwraps {
        return None;
    }
    let bound = checker
        .locals
        .iter()
        .map(|local| (local.name.clone(), local.moved))
        .collect();
    let statements = super::finalise::finalise_types(checked, &checker.types, scope)?;
    Some(TypedCell {
        statements,
        bound,
        unwraps,
        code: code.to_owned(),
    })
}

pub(super) fn ident(path: &syn::Path) -> Option<String> {
    path.get_ident().map(ToString::to_string)
}

/// A path without arguments, the crate's own name left out: `Region::rectangle`.
pub(super) fn path_text(path: &syn::ExprPath) -> Option<String> {
    if !path.attrs.is_empty() || path.qself.is_some() || path.path.leading_colon.is_some() {
        return None;
    }
    let mut names = Vec::new();
    for segment in &path.path.segments {
        if !segment.arguments.is_none() {
            return None;
        }
        names.push(segment.ident.to_string());
    }
    if names.len() > 1 && names[0] == "signaltree" {
        names.remove(0);
    }
    Some(names.join("::"))
}

impl<'a> Checker<'a> {
    fn new(scope: &'a Scope) -> Self {
        Checker {
            scope,
            types: Inference::default(),
            locals: Vec::new(),
            unwraps: 0,
            refusal: None,
        }
    }
}

impl Checker<'_> {
    fn statement(&mut self, statement: &Stmt, last: bool) -> Option<Statement> {
        match statement {
            Stmt::Local(local) if local.attrs.is_empty() => {
                let Pat::Ident(name) = &local.pat else {
                    return None;
                };
                let plain = name.attrs.is_empty()
                    && name.by_ref.is_none()
                    && name.mutability.is_none()
                    && name.subpat.is_none();
                let init = local.init.as_ref()?;
                if !plain || init.diverge.is_some() {
                    return None;
                }
                let name = name.ident.to_string();
                // A name that is a constant, or in capitals, would be a pattern or a warning.
                let variable = name.starts_with(|c: char| c.is_lowercase() || c == '_');
                if !variable || name == "_" {
                    return None;
                }
                let value = self.expression(&init.expr, None)?;
                let value = self.by_value(value)?;
                let ty = self.types.known(&value.ty);
                if !ty.crosses() {
                    let of_call = |lent: &Node| matches!(lent.kind, Kind::Call(..) | Kind::Try(_));
                    if matches!(&value.kind, Kind::Reference(lent) if lent.place || of_call(lent)) {
                        self.refusal = Some(Refusal::Borrowed(name));
                    }
                    return None;
                }
                self.locals.push(Local {
                    name: name.clone(),
                    ty,
                    moved: false,
                });
                Some(Statement::Let(name, value))
            }
            Stmt::Expr(expression, semicolon) => {
                self.value_statement(expression, semicolon.is_some(), last)
            }
            Stmt::Macro(call) if call.attrs.is_empty() => {
                let node = self.macro_call(&call.mac, None)?;
                Some(if call.semi_token.is_some() || !last {
                    Statement::Run(node)
                } else {
                    Statement::Show(node)
                })
            }
            _ => None,
        }
    }

    fn value_statement(
        &mut self,
        expression: &Expr,
        semicolon: bool,
        last: bool,
    ) -> Option<Statement> {
        if !semicolon && !last {
            return None;
        }
        let node = self.expression(expression, None)?;
        if semicolon {
            if matches!(self.types.known(&node.ty), Type::Result(_)) {
                self.refusal = Some(Refusal::Unlooked);
                return None;
            }
            return Some(Statement::Run(self.by_value(node)?));
        }
        // The hook around the value needs to know the type of what it shows.
        let unknown = matches!(&node.kind, Kind::Nothing);
        (!unknown).then_some(Statement::Show(node))
    }

    /// Where a value is moved to: a variable that is not `Copy` is gone afterwards.
    pub(super) fn by_value(&mut self, node: Node) -> Option<Node> {
        if node.place && !self.types.known(&node.ty).is_copy() {
            match &node.kind {
                Kind::Variable(Variable::Local(index)) => self.locals[*index].moved = true,
                // evcxr forgets a variable of an earlier cell that is moved away; rustc decides.
                _ => return None,
            }
        }
        Some(node)
    }

    /// An expression; `expected` helps only those that say nothing themselves (`None`, `default()`).
    pub(super) fn expression(
        &mut self,
        expression: &Expr,
        expected: Option<&Type>,
    ) -> Option<Node> {
        match expression {
            Expr::Lit(literal) if literal.attrs.is_empty() => self.literal(&literal.lit),
            Expr::Path(path) => self.path(path, expected),
            Expr::Paren(paren) if paren.attrs.is_empty() => self.expression(&paren.expr, expected),
            Expr::Unary(unary) if unary.attrs.is_empty() => {
                if !matches!(unary.op, syn::UnOp::Neg(_)) {
                    return None;
                }
                let inner = self.expression(&unary.expr, None)?;
                self.is_number(&inner.ty)?;
                Some(Node::new(inner.ty.clone(), Kind::Negate(Box::new(inner))))
            }
            Expr::Binary(binary) if binary.attrs.is_empty() => {
                let operator = match binary.op {
                    syn::BinOp::Add(_) => Operator::Add,
                    syn::BinOp::Sub(_) => Operator::Subtract,
                    syn::BinOp::Mul(_) => Operator::Multiply,
                    syn::BinOp::Div(_) => Operator::Divide,
                    _ => return None,
                };
                let left = self.expression(&binary.left, None)?;
                let right = self.expression(&binary.right, None)?;
                self.is_number(&left.ty)?;
                self.is_number(&right.ty)?;
                self.types.unify(&left.ty, &right.ty)?;
                Some(Node::new(
                    left.ty.clone(),
                    Kind::Binary(operator, Box::new((left, right))),
                ))
            }
            Expr::Reference(reference) if reference.attrs.is_empty() => {
                if reference.mutability.is_some() {
                    return None;
                }
                let inner = self.expression(&reference.expr, None)?;
                Some(Node::new(
                    Type::reference(inner.ty.clone()),
                    Kind::Reference(Box::new(inner)),
                ))
            }
            Expr::Tuple(tuple) if tuple.attrs.is_empty() => self.tuple(tuple),
            Expr::Array(array) if array.attrs.is_empty() => {
                let items: Vec<&Expr> = array.elems.iter().collect();
                let (of, nodes) = self.items(&items, None)?;
                let ty = Type::Array(Box::new(of), nodes.len());
                Some(Node::new(ty, Kind::Sequence(nodes)))
            }
            Expr::Range(range) if range.attrs.is_empty() => self.range(range),
            Expr::Try(tried) if tried.attrs.is_empty() => {
                let inner = self.expression(&tried.expr, None)?;
                let inner = self.by_value(inner)?;
                match self.types.known(&inner.ty) {
                    Type::Result(of) => Some(Node::new(*of, Kind::Try(Box::new(inner)))),
                    _ => None,
                }
            }
            Expr::Call(call) if call.attrs.is_empty() => self.call(call, expected),
            Expr::MethodCall(call) if call.attrs.is_empty() => self.method_call(call, expected),
            Expr::Struct(literal) if literal.attrs.is_empty() => self.structure(literal),
            Expr::Field(field) if field.attrs.is_empty() => self.field(field),
            Expr::Macro(call) if call.attrs.is_empty() => self.macro_call(&call.mac, expected),
            _ => None,
        }
    }

    fn is_number(&self, ty: &Type) -> Option<()> {
        let known = self.types.known(ty);
        matches!(
            known,
            Type::Integer(_) | Type::F32 | Type::F64 | Type::Number(_)
        )
        .then_some(())
    }

    fn literal(&mut self, literal: &syn::Lit) -> Option<Node> {
        use super::value::Value;
        Some(match literal {
            syn::Lit::Bool(value) => {
                Node::new(Type::Bool, Kind::Constant(Value::Bool(value.value)))
            }
            syn::Lit::Str(text) if text.suffix().is_empty() => Node::new(
                Type::static_str(),
                Kind::Constant(Value::Str(text.value().into())),
            ),
            syn::Lit::Int(digits) => {
                let ty = match digits.suffix() {
                    "" => self.types.integer(),
                    suffix => Type::Integer(Integer::from_name(suffix)?),
                };
                Node::new(ty, Kind::Integer(digits.base10_parse().ok()?))
            }
            syn::Lit::Float(digits) => {
                let ty = match digits.suffix() {
                    "" => self.types.float(),
                    "f32" => Type::F32,
                    "f64" => Type::F64,
                    _ => return None,
                };
                Node::new(ty, Kind::Float(digits.base10_digits().to_owned()))
            }
            _ => return None,
        })
    }

    fn path(&mut self, path: &syn::ExprPath, expected: Option<&Type>) -> Option<Node> {
        let name = path_text(path)?;
        if let Some((owner, variant)) = name.split_once("::") {
            let choice = Choice::named(owner, variant)?;
            return Some(Node::new(
                Type::Named(choice.type_name()),
                Kind::Constant(super::value::Value::Choice(choice)),
            ));
        }
        if let Some(variable) = self.variable(&name) {
            return Some(variable);
        }
        if name == "None" && !self.is_bound(&name) {
            return match expected? {
                Type::Option(of) => Some(Node::new(Type::Option(of.clone()), Kind::Nothing)),
                _ => None,
            };
        }
        None
    }

    pub(super) fn is_bound(&self, name: &str) -> bool {
        self.locals.iter().any(|local| local.name == name) || self.scope.get(name).is_some()
    }

    pub(super) fn variable(&self, name: &str) -> Option<Node> {
        let local = self.locals.iter().rposition(|local| local.name == name);
        let (ty, variable) = match local {
            Some(index) if self.locals[index].moved => return None,
            Some(index) => (self.locals[index].ty.clone(), Variable::Local(index)),
            None => (
                self.scope.get(name)?.type_of(),
                Variable::Known(name.to_owned()),
            ),
        };
        let mut node = Node::new(ty, Kind::Variable(variable));
        node.place = true;
        Some(node)
    }

    fn tuple(&mut self, tuple: &syn::ExprTuple) -> Option<Node> {
        if tuple.elems.is_empty() {
            let unit = Kind::Constant(super::value::Value::Unit);
            return Some(Node::new(Type::Unit, unit));
        }
        // `std` gives traits to tuples of at most twelve.
        if tuple.elems.len() > 12 {
            return None;
        }
        let mut nodes = Vec::with_capacity(tuple.elems.len());
        for item in &tuple.elems {
            let node = self.expression(item, None)?;
            nodes.push(self.by_value(node)?);
        }
        let types = nodes.iter().map(|node| node.ty.clone()).collect();
        Some(Node::new(Type::Tuple(types), Kind::Tuple(nodes)))
    }

    /// Items of one type.
    pub(super) fn items(
        &mut self,
        items: &[&Expr],
        expected: Option<&Type>,
    ) -> Option<(Type, Vec<Node>)> {
        let mut of = expected.cloned();
        let mut nodes = Vec::with_capacity(items.len());
        for item in items {
            let node = self.expression(item, of.as_ref())?;
            let node = self.by_value(node)?;
            match &of {
                Some(of) => self.types.unify(of, &node.ty)?,
                None => of = Some(node.ty.clone()),
            }
            nodes.push(node);
        }
        Some((of?, nodes))
    }

    fn range(&mut self, range: &syn::ExprRange) -> Option<Node> {
        if !matches!(range.limits, syn::RangeLimits::HalfOpen(_)) {
            return None;
        }
        let start = self.expression(range.start.as_deref()?, None)?;
        let end = self.expression(range.end.as_deref()?, None)?;
        self.is_number(&start.ty)?;
        self.types.unify(&start.ty, &end.ty)?;
        let ty = Type::Range(Box::new(start.ty.clone()));
        Some(Node::new(ty, Kind::Range(Box::new((start, end)))))
    }

    fn structure(&mut self, literal: &syn::ExprStruct) -> Option<Node> {
        if literal.qself.is_some() {
            return None;
        }
        let name = ident(&literal.path)?;
        let fields = structs::fields(&name)?;
        let (name, has_default) = structs::with_default(&name)?;
        let mut given: Vec<(String, Node)> = Vec::new();
        for field in &literal.fields {
            let Member::Named(member) = &field.member else {
                return None;
            };
            let member = member.to_string();
            let (_, ty) = fields.iter().find(|(known, _)| *known == member)?;
            let twice = given.iter().any(|(known, _)| *known == member);
            if twice || !field.attrs.is_empty() {
                return None;
            }
            let node = self.expression(&field.expr, Some(ty))?;
            let node = self.by_value(node)?;
            self.types.unify(ty, &node.ty)?;
            given.push((member, node));
        }
        match (&literal.rest, literal.dot2_token) {
            (Some(rest), _) => {
                let base = self.expression(rest, Some(&Type::Named(name)))?;
                // Only the plain default: another base would be moved out of in part.
                let plain = matches!(&base.kind, Kind::Struct(_, given) if given.is_empty());
                if !plain || base.ty != Type::Named(name) || !has_default {
                    return None;
                }
            }
            (None, None) if given.len() == fields.len() => {}
            _ => return None,
        }
        Some(Node::new(Type::Named(name), Kind::Struct(name, given)))
    }

    fn field(&mut self, field: &syn::ExprField) -> Option<Node> {
        let base = self.expression(&field.base, None)?;
        let name = match &field.member {
            Member::Named(name) => name.to_string(),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let owner = self.types.known(&base.ty);
        let ty = structs::field_type(owner.behind(), &name)?;
        let place = base.place || matches!(owner, Type::Ref(_));
        let mut node = Node::new(ty, Kind::Field(Box::new(base), name));
        node.place = place;
        Some(node)
    }
}
