//! Called by code that the kernel adds to a cell; not for people.

#![allow(unsafe_code)] // one identity check that erases a lifetime, see `non_static_type_id`

use std::any::TypeId;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use crate::abi::role;
use crate::bridge;
use crate::host;
use crate::output::Show;
use crate::signal::Signal;

/// Value of a trailing expression.
pub fn result<T: Show + ?Sized>(value: &T) {
    value.present(role::RESULT, "");
}

/// Value of a trailing expression that has nothing to show but its `Debug` text.
pub fn debug<T: Debug + ?Sized>(value: &T) {
    let text = crate::rich::debug_text(value);
    crate::output::send(role::RESULT, &[("text/plain", text)], "");
}

/// A trailing expression stands in `(&&&&Value(&(…))).show_value()`: the first trait below that fits
/// its type is taken, because method lookup removes one reference after the other.
pub struct Value<'a, T: ?Sized>(pub &'a T);

pub trait ShowRich {
    fn show_value(&self);
}

impl<T: Show + ?Sized> ShowRich for &&&Value<'_, T> {
    fn show_value(&self) {
        result(self.0);
    }
}

pub trait ShowBorrowed {
    fn show_value(&self);
}

impl<T: Show + ?Sized> ShowBorrowed for &&Value<'_, &T> {
    fn show_value(&self) {
        result(*self.0);
    }
}

pub trait ShowDebug {
    fn show_value(&self);
}

impl<T: Debug + ?Sized> ShowDebug for &Value<'_, T> {
    fn show_value(&self) {
        debug(self.0);
    }
}

/// Nothing fits: the compiler says what the type lacks.
pub trait ShowNothing<T: ?Sized> {
    fn show_value(&self)
    where
        T: NotebookValue;
}

impl<T: ?Sized> ShowNothing<T> for Value<'_, T> {
    fn show_value(&self)
    where
        T: NotebookValue,
    {
    }
}

#[diagnostic::on_unimplemented(
    message = "`{Self}` has no text to show: it doesn't implement `Debug`",
    label = "the value of this cell"
)]
pub trait NotebookValue {}

/// Text of an expression that evcxr itself takes for the value of a cell.
pub trait EvcxrDisplay {
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> EvcxrDisplay for T {
    fn evcxr_display(&self) {
        debug(self);
    }
}

/// Follows each `let` of a cell: a signal takes the name of its variable, and the kernel learns values
/// that cells without a compiler can use too. A plain function without bounds, so that it changes
/// neither type inference nor lifetimes.
pub fn name<T>(value: &T, name: &str) {
    export(value, name, false);
}

fn export<T>(value: &T, name: &str, at_any_length: bool) {
    rename(value, name);
    bridge::export(
        non_static_type_id::<T>(),
        std::ptr::from_ref(value).cast(),
        name,
        at_any_length,
    );
}

/// Follows each `let mut`: the value may change later without another `let`, so it stays here.
pub fn name_mutable<T>(value: &T, name: &str) {
    rename(value, name);
    bridge::forget(name);
}

/// As [`name`], in a cell that runs before evcxr is there and can keep only such values.
pub fn cross<T: bridge::Crosses>(value: &T, name: &str) {
    export(value, name, true);
}

fn rename<T>(value: &T, name: &str) {
    if non_static_type_id::<T>() == TypeId::of::<Signal>() {
        // SAFETY: the types are the same; `Signal` has no lifetime that could differ.
        let signal = unsafe { &*std::ptr::from_ref(value).cast::<Signal>() };
        // A node that is gone needs no name.
        let _ = signal.rename(name);
    }
}

/// `TypeId` of `T` with every lifetime taken as `'static`.
fn non_static_type_id<T>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T> Identified for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let phantom = PhantomData::<T>;
    let phantom: &dyn Identified = &phantom;
    // SAFETY: only the lifetime bound of the trait object changes; `id` looks at no value and the
    // vtable does not depend on lifetimes.
    let phantom =
        unsafe { std::mem::transmute::<&dyn Identified, &(dyn Identified + 'static)>(phantom) };
    phantom.id()
}

/// An error on its way out of the cell through `?`. `false`: nobody took it, print it.
pub fn error<E>(name_of: &E, text: &str) -> bool {
    fn type_name<E>(_: &E) -> &'static str {
        std::any::type_name::<E>()
    }
    host::report_error(type_name(name_of), text)
}

/// What an error becomes that leaves a cell without evcxr through `?`.
pub struct Returned;

impl<E: Display> From<E> for Returned {
    fn from(error: E) -> Self {
        let text = error.to_string();
        if !self::error(&error, &text) {
            std::eprintln!("{text}");
        }
        Returned
    }
}

/// Run once in the background so that the first cell of a session is not the slow one.
///
/// # Errors
/// Never; the `?` after it is the point.
pub fn warm() -> crate::Result<Signal> {
    Err(crate::Error::new("warm"))
}

/// Takes the place of std's `eprintln!` in cells: evcxr prints an error that leaves a cell through `?`
/// with exactly `eprintln!("{}", error)`, and that text belongs into the error message.
#[macro_export]
macro_rules! eprintln {
    ($format:tt, $error:ident) => {
        $crate::__print_or_report!($format, $error, $error)
    };
    ($($argument:tt)*) => {
        ::std::eprintln!($($argument)*)
    };
}

// The name appears twice: once to be compared, once with the caller's hygiene.
#[doc(hidden)]
#[macro_export]
macro_rules! __print_or_report {
    ("{}", error, $error:ident) => {
        if !$crate::hook::error(&$error, &::std::format!("{}", $error)) {
            ::std::eprintln!("{}", $error);
        }
    };
    ("{:?}", error, $error:ident) => {
        if !$crate::hook::error(&$error, &::std::format!("{:?}", $error)) {
            ::std::eprintln!("{:?}", $error);
        }
    };
    ($format:tt, $name:ident, $error:ident) => {
        ::std::eprintln!($format, $error)
    };
}
