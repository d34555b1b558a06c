//! `println!` and its like: format strings are taken apart here, every value is formatted by `std`.

use std::fmt::Write;

use super::value::Value;

/// What a hole refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Index(usize),
    Name(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    /// `<`, `^`, `>`, or nothing.
    align: Option<char>,
    plus: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    pub(super) debug: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Hole(Argument, Spec),
}

/// Widest field and longest fraction; a wider one goes to the compiler.
const WIDEST: usize = 1000;

/// The pieces of a format string; `None` for whatever is not plainly understood.
pub(super) fn parse(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut next = 0;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return None;
        }
        let end = rest.find('}')?;
        let (name, spec) = match rest[..end].split_once(':') {
            Some((name, spec)) => (name, spec_of(spec)?),
            None => (&rest[..end], Spec::default()),
        };
        rest = &rest[end + 1..];
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Hole(argument(name, &mut next)?, spec));
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Some(pieces)
}

fn argument(name: &str, next: &mut usize) -> Option<Argument> {
    if name.is_empty() {
        *next += 1;
        return Some(Argument::Index(*next - 1));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return name.parse().ok().map(Argument::Index);
    }
    let plain = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    plain.then(|| Argument::Name(name.to_owned()))
}

fn spec_of(text: &str) -> Option<Spec> {
    let mut spec = Spec::default();
    let mut rest = text;
    let mut flag = |character: char| match rest.strip_prefix(character) {
        Some(after) => {
            rest = after;
            true
        }
        None => false,
    };
    for align in ['<', '^', '>'] {
        if flag(align) {
            spec.align = Some(align);
            break;
        }
    }
    spec.plus = flag('+');
    spec.alternate = flag('#');
    spec.zero = flag('0');
    let number = |rest: &mut &str| -> Option<Option<usize>> {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        *rest = after;
        if number.is_empty() {
            return Some(None);
        }
        number.parse().ok().filter(|n| *n <= WIDEST).map(Some)
    };
    spec.width = number(&mut rest)?.unwrap_or(0);
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        spec.precision = Some(number(&mut rest)??);
    }
    match rest {
        "" => {}
        "?" => spec.debug = true,
        _ => return None,
    }
    Some(spec)
}

/// Formats one value as `format!` with this specification does.
pub(super) fn write(out: &mut String, value: &Value, spec: &Spec) {
    // Flags of a format string are fixed when it is compiled: one string for each combination.
    macro_rules! with {
        ($flags:expr) => {
            // Writing to a string cannot fail.
            drop(match (spec.precision, spec.debug) {
                (None, false) => {
                    write!(out, concat!("{:", $flags, "1$}"), value, spec.width)
                }
                (None, true) => {
                    write!(out, concat!("{:", $flags, "1$?}"), value, spec.width)
                }
                (Some(precision), false) => {
                    write!(
                        out,
                        concat!("{:", $flags, "1$.2$}"),
                        value, spec.width, precision
                    )
                }
                (Some(precision), true) => {
                    write!(
                        out,
                        concat!("{:", $flags, "1$.2$?}"),
                        value, spec.width, precision
                    )
                }
            })
        };
    }
    macro_rules! aligned {
        ($align:literal) => {
            match (spec.plus, spec.alternate, spec.zero) {
                (false, false, false) => with!($align),
                (false, false, true) => with!(concat!($align, "0")),
                (false, true, false) => with!(concat!($align, "#")),
                (false, true, true) => with!(concat!($align, "#0")),
                (true, false, false) => with!(concat!($align, "+")),
                (true, false, true) => with!(concat!($align, "+0")),
                (true, true, false) => with!(concat!($align, "+#")),
                (true, true, true) => with!(concat!($align, "+#0")),
            }
        };
    }
    match spec.align {
        Some('<') => aligned!("<"),
        Some('^') => aligned!("^"),
        Some(_) => aligned!(">"),
        None => aligned!(""),
    }
}
