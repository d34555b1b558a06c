//! Values that cross between compiled cells and cells that the kernel runs without a compiler; called
//! by code the kernel adds to a cell, not for people.

#![allow(unsafe_code)] // a pointer read as the type its identity names

use std::any::TypeId;
use std::fmt::Debug;

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

/// Tells the kernel the value of a variable, if it is of a type that direct cells know.
pub(crate) fn export(identity: TypeId, value: *const (), name: &str) {
    if identity == TypeId::of::<Signal>() {
        // SAFETY: the identity says that the pointer, taken from a reference, points to a `Signal`.
        let signal = unsafe { &*value.cast::<Signal>() };
        return host::bind(name, "Signal", "", signal.id());
    }
    for known in &TYPES {
        if identity == (known.identity)() {
            return host::bind(name, known.name, &(known.text)(value), 0);
        }
    }
    forget(name);
}

/// A variable whose value direct cells cannot have, or that may change without a `let`.
pub(crate) fn forget(name: &str) {
    host::bind(name, "", "", 0);
}

/// A value small enough to be written down: as text it reaches evcxr when that comes.
#[diagnostic::on_unimplemented(message = "Crosses: `{Self}` stays in compiled cells")]
pub trait Crosses {}

macro_rules! cross {
    ($($kind:ty),*) => {
        $(impl Crosses for $kind {})*
    };
}

cross!(
    i8,
    i16,
    i32,
    i64,
    isize,
    u8,
    u16,
    u32,
    u64,
    usize,
    f32,
    f64,
    bool,
    &str,
    Signal,
    Region,
    Shape,
    Axis,
    Vec<Axis>,
    Peak,
    Open
);

struct Known {
    name: &'static str,
    identity: fn() -> TypeId,
    /// `Debug` text of the value the pointer points to.
    text: fn(*const ()) -> String,
}

impl Known {
    const fn new<T: Debug + 'static>(name: &'static str) -> Self {
        Known {
            name,
            identity: TypeId::of::<T>,
            // SAFETY: called by `export` only after the identities were found equal.
            text: |value| format!("{:?}", unsafe { &*value.cast::<T>() }),
        }
    }
}

static TYPES: [Known; 24] = [
    Known::new::<i32>("i32"),
    Known::new::<f64>("f64"),
    Known::new::<usize>("usize"),
    Known::new::<bool>("bool"),
    Known::new::<String>("String"),
    Known::new::<&'static str>("&'static str"),
    Known::new::<i8>("i8"),
    Known::new::<i16>("i16"),
    Known::new::<i64>("i64"),
    Known::new::<isize>("isize"),
    Known::new::<u8>("u8"),
    Known::new::<u16>("u16"),
    Known::new::<u32>("u32"),
    Known::new::<u64>("u64"),
    Known::new::<f32>("f32"),
    Known::new::<char>("char"),
    Known::new::<Region>("Region"),
    Known::new::<Shape>("Shape"),
    Known::new::<Axis>("Axis"),
    Known::new::<Vec<Axis>>("Vec<Axis>"),
    Known::new::<Peak>("Peak"),
    Known::new::<Vec<Peak>>("Vec<Peak>"),
    Known::new::<Vec<f64>>("Vec<f64>"),
    Known::new::<Open>("Open"),
];
