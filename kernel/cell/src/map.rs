//! From a user's closure to a function the kernel can call from any of its threads.

#![allow(unsafe_code)] // the kernel calls back through raw pointers

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::abi::{MAX_RANK, Owned, Returned, UserFunction, View, element, status};
use crate::frame::{Frame, Pixel};

/// What a closure given to [`Signal::map`](crate::Signal::map) may return: a frame of the shape of
/// its input, one number, or a `Result` of either.
#[diagnostic::on_unimplemented(
    message = "a closure given to `map` cannot return `{Self}`",
    label = "this closure returns `{Self}`",
    note = "return a frame of the same shape (`frame.mapv(..)`), one number (`f32` or `f64`), or a `Result` of either"
)]
pub trait MapOutput {
    #[doc(hidden)]
    const CODE: u32;
    #[doc(hidden)]
    fn give(self, input: &View) -> Result<Returned, String>;
}

impl<T: Pixel> MapOutput for Frame<'static, T> {
    const CODE: u32 = T::CODE;

    fn give(self, input: &View) -> Result<Returned, String> {
        let wanted = &input.shape[..input.rank as usize];
        if self.shape() != wanted {
            return Err(format!(
                "the closure returned a frame of shape {:?}, expected {wanted:?} as its input",
                self.shape()
            ));
        }
        unsafe extern "C" fn free<T>(data: *mut c_void, len: usize, capacity: usize) {
            // SAFETY: the three parts of the vector taken apart below, given back once.
            drop(unsafe { Vec::<T>::from_raw_parts(data.cast(), len, capacity) });
        }
        let (pixels, shape, rank) = self.into_parts();
        let mut pixels = std::mem::ManuallyDrop::new(pixels);
        Ok(Returned {
            data: pixels.as_mut_ptr().cast(),
            element: T::CODE,
            rank: rank as u32,
            shape,
            capacity: pixels.capacity(),
            free: Some(free::<T>),
            ..Returned::EMPTY
        })
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl MapOutput for $number {
            const CODE: u32 = element::NONE;
            fn give(self, _input: &View) -> Result<Returned, String> {
                Ok(Returned { value: self as f64, ..Returned::EMPTY })
            }
        })*
    };
}

numbers!(f32, f64, u8, i8, u16, i16, u32, i32, u64, i64, usize);

impl<R: MapOutput, E: std::fmt::Display> MapOutput for Result<R, E> {
    const CODE: u32 = R::CODE;

    fn give(self, input: &View) -> Result<Returned, String> {
        self.map_err(|error| error.to_string())?.give(input)
    }
}

/// Boxes `closure` for the kernel.
pub(crate) fn user_function<T, R, F>(closure: F) -> UserFunction
where
    T: Pixel,
    R: MapOutput,
    F: Fn(Frame<'_, T>) -> R + Send + Sync + 'static,
{
    UserFunction {
        state: Box::into_raw(Box::new(closure)).cast(),
        input: T::CODE,
        output: R::CODE,
        run: run::<T, R, F>,
        free: free::<F>,
    }
}

unsafe extern "C" fn run<T, R, F>(
    state: *const c_void,
    input: *const View,
    at: *const usize,
    at_rank: u32,
    returned: *mut Returned,
    why: *mut Owned,
) -> u32
where
    T: Pixel,
    R: MapOutput,
    F: Fn(Frame<'_, T>) -> R,
{
    // SAFETY: `state` is the box made in `user_function`, alive until `free`; `input`, `at`,
    // `returned` and `why` live until this call returns, and `at` has `at_rank` entries.
    let (closure, view, at) = unsafe {
        (
            &*state.cast::<F>(),
            &*input,
            std::slice::from_raw_parts(at, (at_rank as usize).min(MAX_RANK)),
        )
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the kernel keeps the pixels unchanged during the call, and the closure's result
        // cannot borrow from the frame (`R` is the same for every lifetime).
        let frame = unsafe { Frame::<T>::borrowed(view, at) }.map_err(|error| error.to_string())?;
        closure(frame).give(view)
    }));
    match outcome {
        Ok(Ok(value)) => {
            // SAFETY: the kernel passed a valid place.
            unsafe { returned.write(value) };
            status::OK
        }
        Ok(Err(text)) => {
            // SAFETY: the kernel passed a valid place holding `EMPTY`.
            unsafe { why.write(Owned::new(text)) };
            status::ERROR
        }
        Err(payload) => {
            // Dropping a payload may panic again; that must not leave this function.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            status::PANICKED
        }
    }
}

unsafe extern "C" fn free<F>(state: *mut c_void) {
    // SAFETY: the box made in `user_function`, given back once. A panicking drop must not cross.
    let _ = catch_unwind(AssertUnwindSafe(|| unsafe {
        drop(Box::from_raw(state.cast::<F>()))
    }));
}
