//! Values that cross between compiled cells and cells that the kernel runs without a compiler; called
//! by code the kernel adds to a cell, not for people.

#![allow(unsafe_code)] // a pointer read as the type its identity names

use std::any::TypeId;
use std::fmt::Debug;
use std::str::FromStr;

use crate::axis::Axis;
use crate::frame::Frame;
use crate::host;
use crate::region::Region;
use crate::signal::{Open, Peak, Shape, Signal};

/// A handle on a node that another cell made.
pub fn signal(node: u32) -> Signal {
    Signal::holding(node)
}

/// A frame that a direct cell holds, at its scan position; the pixels are not copied.
///
/// # Panics
/// When the kernel does not have the frame any more.
pub fn frame(guard: u64, at: &[usize]) -> Frame<'static, f64> {
    let shared = host::share_frame(guard).and_then(|(view, guard)| Frame::guarded(view, guard, at));
    match shared {
        Ok(frame) => frame,
        Err(error) => panic!("{error}: run the cell that made it again"),
    }
}

/// What keeps the pixels of a frame of the kernel alive; `None` when the cell made them.
pub fn guard(frame: &Frame<'static, f64>) -> Option<u64> {
    frame.guard()
}

/// Takes the place of a variable whose value stayed behind: a cell that ran without the compiler
/// replaced it by something that a compiled cell cannot have, or failed while replacing it.
pub struct StayedBehind;

/// A list of numbers or truth values that another cell made, from their texts with spaces between; long ones reach the
/// compiler as one literal.
///
/// # Panics
/// When a word is no such item; the kernel writes none.
pub fn list<T: FromStr>(text: &str) -> Vec<T> {
    let item = |item: &str| match item.parse() {
        Ok(item) => item,
        Err(_) => panic!("`{item}` in a list of the kernel"),
    };
    text.split_ascii_whitespace().map(item).collect()
}

/// Lists of more items stay in compiled cells: as text they cost ten times their size.
const MAX: usize = 100_000;

/// Tells the kernel the value of a variable, if it is of a type that direct cells know.
pub(crate) fn export(identity: TypeId, value: *const (), name: &str, at_any_length: bool) {
    if identity == TypeId::of::<Signal>() {
        // SAFETY: the identity says that the pointer, taken from a reference, points to a `Signal`.
        let signal = unsafe { &*value.cast::<Signal>() };
        return host::bind(name, "Signal", "", signal.id());
    }
    match TYPES.iter().find(|known| identity == (known.identity)()) {
        Some(known) if at_any_length || (known.length)(value) <= MAX => {
            host::bind(name, known.name, &(known.text)(value), 0);
        }
        _ => forget(name),
    }
}

/// A variable whose value direct cells cannot have, or that may change without a `let`.
pub(crate) fn forget(name: &str) {
    host::bind(name, "", "", 0);
}

/// A value that can be written down: as text it reaches evcxr when that comes.
#[diagnostic::on_unimplemented(message = "Crosses: `{Self}` stays in compiled cells")]
pub trait Crosses {}

impl Crosses for Signal {}

struct Known {
    name: &'static str,
    identity: fn() -> TypeId,
    /// `Debug` text of the value the pointer points to.
    text: fn(*const ()) -> String,
    /// Items of a list, 1 of anything else.
    length: fn(*const ()) -> usize,
}

impl Known {
    const fn one<T: Debug + 'static>(name: &'static str) -> Self {
        Known {
            name,
            identity: TypeId::of::<T>,
            // SAFETY: called by `export` only after the identities were found equal.
            text: |value| format!("{:?}", unsafe { &*value.cast::<T>() }),
            length: |_| 1,
        }
    }

    const fn list<T: Debug + 'static>(name: &'static str) -> Self {
        Known {
            // SAFETY: as above.
            length: |value| unsafe { &*value.cast::<Vec<T>>() }.len(),
            ..Known::one::<Vec<T>>(name)
        }
    }
}

macro_rules! known {
    (
        with_lists { $($both:ty = $both_name:literal,)* }
        alone { $($one:ty = $one_name:literal,)* }
        lists_of { $($list:ty = $list_name:literal,)* }
        // As Rust they would be long to compile: they stay where they are until evcxr is there.
        lists_that_stay { $($item:ty = $item_name:literal,)* }
    ) => {
        $(impl Crosses for $both {})*
        $(impl Crosses for Vec<$both> {})*
        $(impl Crosses for $one {})*
        $(impl Crosses for Vec<$list> {})*

        static TYPES: &[Known] = &[
            $(Known::one::<$both>($both_name),)*
            $(Known::list::<$both>(concat!("Vec<", $both_name, ">")),)*
            $(Known::one::<$one>($one_name),)*
            $(Known::list::<$list>(concat!("Vec<", $list_name, ">")),)*
            $(Known::list::<$item>(concat!("Vec<", $item_name, ">")),)*
        ];
    };
}

// `eval` reads these texts: `direct/export.rs`.
known! {
    with_lists {
        i32 = "i32",
        f64 = "f64",
        usize = "usize",
        bool = "bool",
        String = "String",
        &str = "&'static str",
        i8 = "i8",
        i16 = "i16",
        i64 = "i64",
        isize = "isize",
        u8 = "u8",
        u16 = "u16",
        u32 = "u32",
        u64 = "u64",
        f32 = "f32",
        (f64, f64) = "(f64, f64)",
        (usize, usize) = "(usize, usize)",
        Axis = "Axis",
    }
    alone {
        Region = "Region",
        Shape = "Shape",
        Peak = "Peak",
        Open = "Open",
    }
    lists_of {
        Vec<f64> = "Vec<f64>",
    }
    lists_that_stay {
        Peak = "Peak",
    }
}
