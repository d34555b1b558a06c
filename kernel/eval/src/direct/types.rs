//! Types of direct cells, and the inference rustc does for the literals in them.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integer {
    I8,
    I16,
    I32,
    I64,
    Isize,
    U8,
    U16,
    U32,
    U64,
    Usize,
}

impl Integer {
    const ALL: [(Integer, &'static str, i128, i128); 10] = [
        (Integer::I8, "i8", i8::MIN as i128, i8::MAX as i128),
        (Integer::I16, "i16", i16::MIN as i128, i16::MAX as i128),
        (Integer::I32, "i32", i32::MIN as i128, i32::MAX as i128),
        (Integer::I64, "i64", i64::MIN as i128, i64::MAX as i128),
        (
            Integer::Isize,
            "isize",
            isize::MIN as i128,
            isize::MAX as i128,
        ),
        (Integer::U8, "u8", 0, u8::MAX as i128),
        (Integer::U16, "u16", 0, u16::MAX as i128),
        (Integer::U32, "u32", 0, u32::MAX as i128),
        (Integer::U64, "u64", 0, u64::MAX as i128),
        (Integer::Usize, "usize", 0, usize::MAX as i128),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known, ..)| *known == name)?;
        Some(found.0)
    }

    fn row(self) -> (&'static str, i128, i128) {
        let (_, name, least, most) = Self::ALL[self as usize];
        (name, least, most)
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn is_signed(self) -> bool {
        self.row().1 < 0
    }

    pub(crate) fn holds(self, value: i128) -> bool {
        let (_, least, most) = self.row();
        (least..=most).contains(&value)
    }
}

/// A type as rustc sees it. References are types of the check only: at run time they are transparent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Unit,
    Bool,
    Integer(Integer),
    F32,
    F64,
    /// A literal whose type nothing has decided yet.
    Number(usize),
    Str,
    /// `String`.
    Text,
    /// A type of the cell's crate: `Signal`, `Region`, `RadialMedian`, `Subpixel`, …
    Named(&'static str),
    Tuple(Vec<Type>),
    Array(Box<Type>, usize),
    Slice(Box<Type>),
    Vec(Box<Type>),
    Option(Box<Type>),
    /// `signaltree::Result<T>`.
    Result(Box<Type>),
    Ref(Box<Type>),
    Range(Box<Type>),
}

impl Type {
    pub(super) fn reference(of: Type) -> Type {
        Type::Ref(Box::new(of))
    }

    /// `&'static str`.
    pub(super) fn static_str() -> Type {
        Type::reference(Type::Str)
    }

    /// The type behind any number of references.
    pub(super) fn behind(&self) -> &Type {
        match self {
            Type::Ref(of) => of.behind(),
            other => other,
        }
    }

    pub(super) fn is_copy(&self) -> bool {
        match self {
            Type::Unit
            | Type::Bool
            | Type::Integer(_)
            | Type::F32
            | Type::F64
            | Type::Number(_)
            | Type::Ref(_) => true,
            Type::Named(name) => {
                matches!(*name, "Region" | "Peak" | "Memory")
                    || super::generated::Choice::is_one(name)
            }
            Type::Tuple(items) => items.iter().all(Type::is_copy),
            Type::Array(of, _) | Type::Option(of) => of.is_copy(),
            Type::Str
            | Type::Text
            | Type::Slice(_)
            | Type::Vec(_)
            | Type::Result(_)
            | Type::Range(_) => false,
        }
    }

    /// Whether a word is all of its text.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Type::Bool | Type::Integer(_) | Type::F32 | Type::F64)
    }

    /// Whether `{}` formats it.
    pub(super) fn is_display(&self) -> bool {
        matches!(
            self.behind(),
            Type::Bool
                | Type::Integer(_)
                | Type::F32
                | Type::F64
                | Type::Number(_)
                | Type::Str
                | Type::Text
                | Type::Named("Shape")
        )
    }

    /// Whether a variable of this type has a Rust form, so that a compiled cell can have it too.
    pub(super) fn crosses(&self) -> bool {
        match self {
            Type::Bool
            | Type::Integer(_)
            | Type::F32
            | Type::F64
            | Type::Number(_)
            | Type::Text => true,
            Type::Named(name) => {
                !matches!(*name, "DisplayHandle" | "Restored" | "Difference" | "Code")
            }
            Type::Tuple(items) => !items.is_empty() && items.iter().all(Type::crosses),
            Type::Array(of, _) | Type::Vec(of) | Type::Option(of) | Type::Range(of) => of.crosses(),
            Type::Ref(of) => **of == Type::Str,
            Type::Unit | Type::Str | Type::Slice(_) | Type::Result(_) => false,
        }
    }
}

/// As a cell would write it.
impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Unit => out.write_str("()"),
            Type::Bool => out.write_str("bool"),
            Type::Integer(integer) => out.write_str(integer.name()),
            Type::F32 => out.write_str("f32"),
            Type::F64 => out.write_str("f64"),
            Type::Number(_) => out.write_str("_"),
            Type::Str => out.write_str("str"),
            Type::Text => out.write_str("String"),
            Type::Named("Frame") => out.write_str("Frame<'static, f64>"),
            Type::Named(name) => out.write_str(name),
            Type::Tuple(items) => {
                out.write_str("(")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(out, "{comma}{item}")?;
                }
                out.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Type::Array(of, length) => write!(out, "[{of}; {length}]"),
            Type::Slice(of) => write!(out, "[{of}]"),
            Type::Vec(of) => write!(out, "Vec<{of}>"),
            Type::Option(of) => write!(out, "Option<{of}>"),
            Type::Result(of) => write!(out, "Result<{of}>"),
            Type::Ref(of) if **of == Type::Str => out.write_str("&'static str"),
            Type::Ref(of) => write!(out, "&{of}"),
            Type::Range(of) => write!(out, "std::ops::Range<{of}>"),
        }
    }
}

#[derive(Clone, Debug)]
enum Slot {
    Integer,
    Float,
    Same(usize),
    Is(Type),
}

/// What is known of the literals of one cell.
#[derive(Default)]
pub(super) struct Inference {
    slots: Vec<Slot>,
}

impl Inference {
    pub(super) fn integer(&mut self) -> Type {
        self.slots.push(Slot::Integer);
        Type::Number(self.slots.len() - 1)
    }

    pub(super) fn float(&mut self) -> Type {
        self.slots.push(Slot::Float);
        Type::Number(self.slots.len() - 1)
    }

    fn root(&self, mut slot: usize) -> usize {
        while let Slot::Same(next) = self.slots[slot] {
            slot = next;
        }
        slot
    }

    /// The type as far as it is known; literals that nothing decided stay open.
    pub(super) fn known(&self, ty: &Type) -> Type {
        self.replace(ty, false)
    }

    /// The type at the end of the cell: what nothing decided is `i32` or `f64`.
    pub(super) fn settled(&self, ty: &Type) -> Type {
        self.replace(ty, true)
    }

    fn replace(&self, ty: &Type, settle: bool) -> Type {
        let inner = |of: &Type| Box::new(self.replace(of, settle));
        match ty {
            Type::Number(slot) => {
                let root = self.root(*slot);
                match &self.slots[root] {
                    Slot::Is(ty) => ty.clone(),
                    Slot::Integer if settle => Type::Integer(Integer::I32),
                    Slot::Float if settle => Type::F64,
                    _ => Type::Number(root),
                }
            }
            Type::Tuple(items) => Type::Tuple(
                items
                    .iter()
                    .map(|item| self.replace(item, settle))
                    .collect(),
            ),
            Type::Array(of, length) => Type::Array(inner(of), *length),
            Type::Slice(of) => Type::Slice(inner(of)),
            Type::Vec(of) => Type::Vec(inner(of)),
            Type::Option(of) => Type::Option(inner(of)),
            Type::Result(of) => Type::Result(inner(of)),
            Type::Ref(of) => Type::Ref(inner(of)),
            Type::Range(of) => Type::Range(inner(of)),
            other => other.clone(),
        }
    }

    /// Makes two types one, deciding literals on the way; `None` when they differ.
    pub(super) fn unify(&mut self, a: &Type, b: &Type) -> Option<()> {
        match (&self.known(a), &self.known(b)) {
            (Type::Number(a), Type::Number(b)) => {
                if a == b {
                    return Some(());
                }
                let same = matches!(
                    (&self.slots[*a], &self.slots[*b]),
                    (Slot::Integer, Slot::Integer) | (Slot::Float, Slot::Float)
                );
                self.slots[*a] = Slot::Same(*b);
                same.then_some(())
            }
            (Type::Number(slot), ty) | (ty, Type::Number(slot)) => {
                let fits = match self.slots[*slot] {
                    Slot::Integer => matches!(ty, Type::Integer(_)),
                    Slot::Float => matches!(ty, Type::F32 | Type::F64),
                    Slot::Same(_) | Slot::Is(_) => false,
                };
                self.slots[*slot] = Slot::Is(ty.clone());
                fits.then_some(())
            }
            (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
                a.iter().zip(b).try_for_each(|(a, b)| self.unify(a, b))
            }
            (Type::Array(a, m), Type::Array(b, n)) if m == n => self.unify(a, b),
            (Type::Slice(a), Type::Slice(b))
            | (Type::Vec(a), Type::Vec(b))
            | (Type::Option(a), Type::Option(b))
            | (Type::Result(a), Type::Result(b))
            | (Type::Ref(a), Type::Ref(b))
            | (Type::Range(a), Type::Range(b)) => self.unify(a, b),
            (a, b) => (a == b).then_some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_take_the_type_they_meet() {
        let mut types = Inference::default();
        let (a, b, c) = (types.integer(), types.integer(), types.float());
        assert!(types.unify(&a, &b).is_some());
        assert!(types.unify(&b, &Type::Integer(Integer::Usize)).is_some());
        assert_eq!(types.settled(&a), Type::Integer(Integer::Usize));
        assert_eq!(types.settled(&c), Type::F64);
        assert!(types.unify(&a, &Type::Integer(Integer::I32)).is_none());
        let open = types.integer();
        assert!(types.unify(&open, &Type::F64).is_none());
    }

    #[test]
    fn ranges_of_integers() {
        for (integer, name, least, most) in Integer::ALL {
            assert_eq!(Integer::from_name(name), Some(integer));
            assert_eq!(integer.name(), name);
            assert!(integer.holds(least) && integer.holds(most));
            assert!(!integer.holds(least - 1) && !integer.holds(most + 1));
        }
        assert_eq!(Integer::from_name("i128"), None);
    }
}
