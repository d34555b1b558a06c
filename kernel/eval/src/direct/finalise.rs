//! The end of the check: literals get their final types, integer arithmetic is worked out as far as it is
//! known. What rustc would refuse or what would panic goes to rustc.

use super::Scope;
use super::typed_cell::{Kind, Node, Operator, Statement, Variable};
use super::types::{Inference, Integer, Type};
use super::value::Value;

struct Finaliser<'a> {
    types: &'a Inference,
    scope: &'a Scope,
    /// What is known of the integers this cell binds.
    locals: Vec<Option<i128>>,
}

/// Statements with settled types; `None` when a number does not fit its type.
pub(super) fn finalise_types(
    mut statements: Vec<Statement>,
    types: &Inference,
    scope: &Scope,
) -> Option<Vec<Statement>> {
    let mut finaliser = Finaliser {
        types,
        scope,
        locals: Vec::new(),
    };
    for statement in &mut statements {
        match statement {
            Statement::Let(_, node) => {
                let known = finaliser.node(node)?;
                finaliser.locals.push(known);
            }
            Statement::Run(node) | Statement::Show(node) => {
                finaliser.node(node)?;
            }
        }
    }
    Some(statements)
}

impl Finaliser<'_> {
    /// Settles a node; inside the value if it is an integer that is known before the cell runs.
    fn node(&self, node: &mut Node) -> Option<Option<i128>> {
        node.ty = self.types.settled(&node.ty);
        match &mut node.kind {
            Kind::Integer(value) => {
                let value = *value;
                return self.integer(node, value);
            }
            Kind::Float(digits) => {
                node.kind = Kind::Constant(float(digits, &node.ty)?);
            }
            Kind::Constant(_) | Kind::Nothing => {}
            Kind::Variable(Variable::Local(index)) => return Some(*self.locals.get(*index)?),
            Kind::Variable(Variable::Known(name)) => {
                return Some(match self.scope.get(name)? {
                    Value::Integer(_, value) => Some(*value),
                    _ => None,
                });
            }
            Kind::Negate(inner) => return self.negated(inner, &node.ty),
            Kind::Binary(operator, sides) => {
                let left = self.node(&mut sides.0)?;
                let right = self.node(&mut sides.1)?;
                let Type::Integer(integer) = node.ty else {
                    return Some(None);
                };
                // Whether an unknown operand overflows shows only when it runs; rustc has the message.
                let value = operate(*operator, left?, right?)?;
                return integer.holds(value).then_some(Some(value));
            }
            Kind::Reference(inner)
            | Kind::Try(inner)
            | Kind::Unwrap(inner, _)
            | Kind::Field(inner, _)
            | Kind::Something(inner)
            | Kind::Text(inner)
            | Kind::Clone(inner)
            | Kind::Length(inner) => {
                self.node(inner)?;
            }
            Kind::Range(ends) => {
                self.node(&mut ends.0)?;
                self.node(&mut ends.1)?;
            }
            Kind::Tuple(nodes)
            | Kind::Sequence(nodes)
            | Kind::Call(_, nodes)
            | Kind::Format(_, nodes)
            | Kind::Print(_, _, nodes) => self.all(nodes)?,
            Kind::Struct(_, fields) => {
                for (_, node) in fields {
                    self.node(node)?;
                }
            }
        }
        Some(None)
    }

    fn all(&self, nodes: &mut [Node]) -> Option<()> {
        nodes
            .iter_mut()
            .try_for_each(|node| self.node(node).map(drop))
    }

    fn integer(&self, node: &mut Node, value: i128) -> Option<Option<i128>> {
        let Type::Integer(integer) = node.ty else {
            return None;
        };
        node.kind = Kind::Constant(Value::Integer(integer, value));
        integer.holds(value).then_some(Some(value))
    }

    fn negated(&self, inner: &mut Node, ty: &Type) -> Option<Option<i128>> {
        let Type::Integer(integer) = ty else {
            self.node(inner)?;
            return Some(None);
        };
        let value = match inner.kind {
            // Only here may the literal itself be one too large: `-128i8`.
            Kind::Integer(value) => {
                inner.ty = ty.clone();
                inner.kind = Kind::Constant(Value::Integer(*integer, value));
                value
            }
            _ => self.node(inner)??,
        };
        let value = value.checked_neg()?;
        (integer.is_signed() && integer.holds(value)).then_some(Some(value))
    }
}

fn float(digits: &str, ty: &Type) -> Option<Value> {
    let value = match ty {
        Type::F32 => Value::F32(
            digits
                .parse()
                .ok()
                .filter(|value: &f32| value.is_finite())?,
        ),
        Type::F64 => Value::F64(
            digits
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())?,
        ),
        _ => return None,
    };
    Some(value)
}

/// `None` when it divides by zero; the range of the type is the caller's.
pub(super) fn operate(operator: Operator, left: i128, right: i128) -> Option<i128> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
    }
}

/// Arithmetic that the check found harmless.
pub(super) fn compute(operator: Operator, left: &Value, right: &Value) -> Option<Value> {
    macro_rules! floats {
        ($left:expr, $right:expr) => {
            match operator {
                Operator::Add => $left + $right,
                Operator::Subtract => $left - $right,
                Operator::Multiply => $left * $right,
                Operator::Divide => $left / $right,
            }
        };
    }
    Some(match (left, right) {
        (Value::Integer(integer, left), Value::Integer(_, right)) => {
            let value = operate(operator, *left, *right)?;
            Value::Integer(in_range(*integer, value)?, value)
        }
        (Value::F32(left), Value::F32(right)) => Value::F32(floats!(left, right)),
        (Value::F64(left), Value::F64(right)) => Value::F64(floats!(left, right)),
        _ => return None,
    })
}

fn in_range(integer: Integer, value: i128) -> Option<Integer> {
    integer.holds(value).then_some(integer)
}
