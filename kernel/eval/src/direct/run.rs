//! Runs an accepted cell: the real functions on real values, in order.

use std::sync::Arc;

use signaltree::Error;

use super::convert::Rust;
use super::format::{self, Argument, Piece};
use super::typed_cell::{Kind, Node, Statement, TypedCell, Unwrap, Variable};
use super::types::Type;
use super::value::Value;
use super::{Scope, finalise, show, structs};
use crate::CellError;
use crate::capture::Sink;
use crate::error_report::{self, CellSource, Panic};
use crate::host::Shared;

/// Why a cell ended early.
enum Stop {
    /// An error went through `?`.
    Returned(Error),
    /// `unwrap` on nothing: its message and its place among all `unwrap`s.
    Panicked(String, usize),
    Interrupted,
    /// The check promised something that does not hold.
    Broken,
}

/// The value of a node: borrowed from a variable, or made here.
enum Held<'a> {
    Borrowed(&'a Value),
    Owned(Value),
}

impl Held<'_> {
    fn get(&self) -> &Value {
        match self {
            Held::Borrowed(value) => value,
            Held::Owned(value) => value,
        }
    }

    fn take(self) -> Value {
        match self {
            Held::Borrowed(value) => value.clone(),
            Held::Owned(value) => value,
        }
    }
}

struct Machine<'a> {
    shared: &'a Arc<Shared>,
    scope: &'a Scope,
    locals: Vec<Value>,
}

/// Runs the plan. On success its bindings enter the scope; on failure the names it binds leave it, as they
/// leave evcxr.
///
/// # Errors
/// An error went through `?`, an `unwrap` failed, or the cell was interrupted.
pub(crate) fn run(
    cell: TypedCell,
    scope: &mut Scope,
    shared: &Arc<Shared>,
) -> Result<(), CellError> {
    let mut machine = Machine {
        shared,
        scope,
        locals: Vec::new(),
    };
    let ended = cell
        .statements
        .iter()
        .try_for_each(|statement| machine.statement(statement));
    let locals = std::mem::take(&mut machine.locals);
    for (name, _) in &cell.bound {
        scope.remove(name);
    }
    if let Err(stop) = ended {
        return Err(stop.to_error(&cell));
    }
    for ((name, moved), value) in cell.bound.iter().zip(locals) {
        if *moved {
            scope.remove(name);
        } else {
            scope.insert(name, value);
        }
    }
    Ok(())
}

impl Stop {
    fn to_error(&self, cell: &TypedCell) -> CellError {
        match self {
            Stop::Returned(error) => {
                error_report::returned_error("signaltree::error::Error", &error.to_string())
            }
            Stop::Panicked(message, unwrap) => {
                let (line, column) = cell.unwraps.get(*unwrap).copied().unwrap_or((0, 0));
                let panic = Panic {
                    message: message.clone(),
                    file: "lib.rs".into(),
                    line,
                    column,
                };
                panic.to_error(Some(&CellSource::written(&cell.code)))
            }
            Stop::Interrupted => error_report::plain("Interrupted", "the cell was interrupted"),
            Stop::Broken => error_report::plain(
                "KernelError",
                "the kernel accepted this cell by mistake; put `use std::fmt;` before it, and it is compiled",
            ),
        }
    }
}

impl Machine<'_> {
    fn statement(&mut self, statement: &Statement) -> Result<(), Stop> {
        if self.shared.is_interrupted() {
            return Err(Stop::Interrupted);
        }
        match statement {
            Statement::Let(name, node) => {
                let value = self.node(node)?.take();
                if let Value::Signal(signal) = &value {
                    // A node that is gone needs no name.
                    let _ = signal.rename(name);
                }
                self.locals.push(value);
            }
            Statement::Run(node) => drop(self.node(node)?),
            Statement::Show(node) => show::result(self.node(node)?.get(), &node.ty),
        }
        Ok(())
    }

    fn node<'v>(&'v self, node: &'v Node) -> Result<Held<'v>, Stop> {
        Ok(Held::Owned(match &node.kind {
            Kind::Constant(value) => return Ok(Held::Borrowed(value)),
            Kind::Variable(Variable::Local(index)) => {
                return self
                    .locals
                    .get(*index)
                    .map(Held::Borrowed)
                    .ok_or(Stop::Broken);
            }
            Kind::Variable(Variable::Known(name)) => {
                return self.scope.get(name).map(Held::Borrowed).ok_or(Stop::Broken);
            }
            Kind::Reference(inner) => return self.node(inner),
            Kind::Tuple(nodes) => Value::Tuple(self.all(nodes)?),
            Kind::Sequence(nodes) => Value::Sequence(node.ty.clone(), self.all(nodes)?),
            Kind::Range(ends) => Value::Range(Box::new((
                self.node(&ends.0)?.take(),
                self.node(&ends.1)?.take(),
            ))),
            Kind::Negate(inner) => match self.node(inner)?.get() {
                Value::Integer(integer, value) => Value::Integer(*integer, -value),
                Value::F32(value) => Value::F32(-value),
                Value::F64(value) => Value::F64(-value),
                _ => return Err(Stop::Broken),
            },
            Kind::Binary(operator, sides) => {
                let (left, right) = (self.node(&sides.0)?, self.node(&sides.1)?);
                finalise::compute(*operator, left.get(), right.get()).ok_or(Stop::Broken)?
            }
            Kind::Try(inner) => match self.node(inner)?.take() {
                Value::Outcome(outcome) => outcome.map_err(Stop::Returned)?,
                _ => return Err(Stop::Broken),
            },
            Kind::Unwrap(inner, unwrap) => unwrapped(self.node(inner)?.take(), unwrap)?,
            Kind::Length(inner) => match self.node(inner)?.get() {
                Value::Sequence(_, items) => items.len().into_value(),
                _ => return Err(Stop::Broken),
            },
            Kind::Call(entry, nodes) => {
                let held: Vec<Held<'_>> = nodes
                    .iter()
                    .map(|node| self.node(node))
                    .collect::<Result<_, _>>()?;
                if self.shared.is_interrupted() {
                    return Err(Stop::Interrupted);
                }
                let arguments: Vec<&Value> = held.iter().map(Held::get).collect();
                (entry.call)(&arguments).ok_or(Stop::Broken)?
            }
            Kind::Struct(name, fields) => {
                let mut given = Vec::with_capacity(fields.len());
                for (field, node) in fields {
                    given.push((field.clone(), self.node(node)?.take()));
                }
                structs::build(name, &given).ok_or(Stop::Broken)?
            }
            Kind::Field(inner, name) => {
                structs::field(self.node(inner)?.get(), name).ok_or(Stop::Broken)?
            }
            Kind::Something(inner) => {
                let value = self.node(inner)?.take();
                Value::Optional(inner.ty.clone(), Some(Box::new(value)))
            }
            Kind::Nothing => match &node.ty {
                Type::Option(of) => Value::Optional((**of).clone(), None),
                _ => return Err(Stop::Broken),
            },
            Kind::Text(inner) => Value::Text(self.node(inner)?.get().to_string()),
            Kind::Clone(inner) => self.node(inner)?.get().clone(),
            Kind::Format(pieces, nodes) => Value::Text(self.formatted(pieces, nodes)?),
            Kind::Print(stream, pieces, nodes) => {
                let text = self.formatted(pieces, nodes)?;
                if !text.is_empty() {
                    self.shared.text(*stream, &text);
                }
                Value::Unit
            }
            // `settle` made constants of them.
            Kind::Integer(_) | Kind::Float(_) => return Err(Stop::Broken),
        }))
    }

    fn all(&self, nodes: &[Node]) -> Result<Vec<Value>, Stop> {
        nodes
            .iter()
            .map(|node| self.node(node).map(Held::take))
            .collect()
    }

    fn formatted(&self, pieces: &[Piece], nodes: &[Node]) -> Result<String, Stop> {
        let held: Vec<Held<'_>> = nodes
            .iter()
            .map(|node| self.node(node))
            .collect::<Result<_, _>>()?;
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Hole(Argument::Index(index), spec) => {
                    let value = held.get(*index).ok_or(Stop::Broken)?;
                    format::write(&mut out, value.get(), spec);
                }
                Piece::Hole(Argument::Name(_), _) => return Err(Stop::Broken),
            }
        }
        Ok(out)
    }
}

/// The value inside, or the panic of `std`'s `unwrap` and `expect`.
fn unwrapped(value: Value, unwrap: &Unwrap) -> Result<Value, Stop> {
    let why = match value {
        Value::Outcome(outcome) => match *outcome {
            Ok(value) => return Ok(value),
            Err(error) => {
                let said = unwrap.message.as_deref();
                let said = said.unwrap_or("called `Result::unwrap()` on an `Err` value");
                format!("{said}: {error:?}")
            }
        },
        Value::Optional(_, Some(value)) => return Ok(*value),
        Value::Optional(_, None) => unwrap
            .message
            .clone()
            .unwrap_or_else(|| "called `Option::unwrap()` on a `None` value".into()),
        _ => return Err(Stop::Broken),
    };
    Err(Stop::Panicked(why, unwrap.place))
}
