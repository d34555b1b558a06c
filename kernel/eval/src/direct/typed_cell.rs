//! An accepted cell: what runs, in order, with every type known.

use super::format::Piece;
use super::registry::Entry;
use super::types::Type;
use super::value::Value;
use crate::Stream;

/// A cell that was accepted as a whole.
pub(crate) struct TypedCell {
    pub(super) statements: Vec<Statement>,
    /// The names it binds, in order, and whether the value is moved away before the cell ends.
    pub(super) bound: Vec<(String, bool)>,
    /// Line and column of every `unwrap` and `expect`.
    pub(super) unwraps: Vec<(usize, usize)>,
    pub(super) code: String,
}

pub(super) enum Statement {
    Let(String, Node),
    Run(Node),
    Show(Node),
}

pub(super) struct Node {
    pub(super) ty: Type,
    pub(super) kind: Kind,
    /// A variable or a part of one, as opposed to a value made here.
    pub(super) place: bool,
}

impl Node {
    pub(super) fn new(ty: Type, kind: Kind) -> Self {
        Node {
            ty,
            kind,
            place: false,
        }
    }
}

pub(super) enum Variable {
    /// Of an earlier cell.
    Known(String),
    /// The one bound by this cell at this place in its order.
    Local(usize),
}

/// `unwrap` or `expect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unwrap {
    /// Its place among all of the cell.
    pub(super) place: usize,
    /// What `expect` says.
    pub(super) message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

pub(super) enum Kind {
    Constant(Value),
    /// Literals whose type was open when they were read; `settle` makes them constants.
    Integer(i128),
    Float(String),
    Variable(Variable),
    Tuple(Vec<Node>),
    Sequence(Vec<Node>),
    Range(Box<(Node, Node)>),
    Reference(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<(Node, Node)>),
    Try(Box<Node>),
    Unwrap(Box<Node>, Unwrap),
    /// Number of items.
    Length(Box<Node>),
    /// Receiver first.
    Call(&'static Entry, Vec<Node>),
    /// Fields that are not given keep their defaults.
    Struct(&'static str, Vec<(String, Node)>),
    Field(Box<Node>, String),
    Something(Box<Node>),
    Nothing,
    /// To a `String`.
    Text(Box<Node>),
    Clone(Box<Node>),
    Format(Vec<Piece>, Vec<Node>),
    Print(Stream, Vec<Piece>, Vec<Node>),
}
