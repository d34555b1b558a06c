//! A user's closure as the tree sees it.

#![allow(unsafe_code)] // calls the closure through the cell's function pointers

use std::sync::Arc;

use signal::{Block, ElementType, Frame, FrameFunction, NavigationIndex, Output};

use super::{element_type, frame_view, user_code};
use crate::abi::{Owned, Returned, UserFunction, element, status};
use crate::report::CellSource;

/// Owns the boxed closure of a cell; frees it on the cell's side.
pub(super) struct Closure {
    function: UserFunction,
    input: ElementType,
    output: Option<ElementType>,
    source: Option<Arc<CellSource>>,
}

// SAFETY: the cell's crate accepts only closures that are `Send + Sync + 'static`, and `run` takes the
// state by shared reference.
unsafe impl Send for Closure {}
// SAFETY: as above.
unsafe impl Sync for Closure {}

impl Drop for Closure {
    fn drop(&mut self) {
        // SAFETY: the state came with this `free` and is given back once.
        unsafe { (self.function.free)(self.function.state) };
    }
}

/// Pixels a closure returned; the vector stays the cell's, we only give it back.
struct UserPixels {
    returned: Returned,
    bytes: usize,
}

// SAFETY: plain pixels that nobody changes any more; `free` may be called from any thread, as the
// allocator of std may.
unsafe impl Send for UserPixels {}
// SAFETY: as above.
unsafe impl Sync for UserPixels {}

impl AsRef<[u8]> for UserPixels {
    fn as_ref(&self) -> &[u8] {
        if self.bytes == 0 {
            return &[];
        }
        // SAFETY: the cell handed over a vector of exactly this many bytes (shape and type were checked).
        unsafe { std::slice::from_raw_parts(self.returned.data.cast(), self.bytes) }
    }
}

impl Drop for UserPixels {
    fn drop(&mut self) {
        let Returned {
            data,
            free,
            shape,
            rank,
            capacity,
            ..
        } = self.returned;
        let pixels = shape.iter().take(rank as usize).product();
        if let Some(free) = free {
            // SAFETY: the parts of the vector as the cell gave them, once.
            unsafe { free(data, pixels, capacity) };
        }
    }
}

impl Closure {
    /// Takes the function over; it is freed even when this fails.
    pub(super) fn new(
        function: UserFunction,
        source: Option<Arc<CellSource>>,
    ) -> Result<Self, String> {
        let (input, output) = (function.input, function.output);
        let mut closure = Closure {
            function,
            input: ElementType::F32,
            output: None,
            source,
        };
        closure.input = element_type(input).ok_or_else(|| format!("unknown pixel type {input}"))?;
        if output != element::NONE {
            closure.output =
                Some(element_type(output).ok_or_else(|| format!("unknown pixel type {output}"))?);
        }
        Ok(closure)
    }

    fn returned(&self, returned: Returned, input: &Frame) -> Result<Output, String> {
        let Some(element) = self.output else {
            return Ok(Output::Values(Arc::from([returned.value as f32])));
        };
        let rank = (returned.rank as usize).min(returned.shape.len());
        let shape = returned.shape[..rank].to_vec();
        let matches = element_type(returned.element) == Some(element) && shape == input.shape();
        let bytes = if matches {
            input.len() * element.size_bytes()
        } else {
            0
        };
        let pixels = UserPixels { returned, bytes };
        if !matches {
            return Err(format!(
                "the closure returned a frame of shape {shape:?}, expected {:?} as its input",
                input.shape()
            ));
        }
        Frame::from_block(&shape, element, Block::new(pixels), 0).map(Output::Frame)
    }
}

impl FrameFunction for Closure {
    fn input(&self) -> ElementType {
        self.input
    }

    fn output(&self) -> Option<ElementType> {
        self.output
    }

    fn call(&self, input: &Frame, at: NavigationIndex) -> Result<Output, String> {
        let input = input.cast(self.input);
        let view = frame_view(&input);
        let (mut returned, mut why) = (Returned::EMPTY, Owned::EMPTY);
        let at = at.as_slice();
        let (code, panic) = user_code(|| {
            // SAFETY: every pointer lives until the call returns; `input` keeps the pixels alive.
            unsafe {
                (self.function.run)(
                    self.function.state,
                    &view,
                    at.as_ptr(),
                    at.len() as u32,
                    &mut returned,
                    &mut why,
                )
            }
        });
        // SAFETY: the cell left `EMPTY` there or its own text.
        let why = unsafe { why.take() };
        match code {
            status::OK => self.returned(returned, &input),
            status::PANICKED => Err(match panic {
                Some(panic) => format!(
                    "the closure panicked: {}",
                    panic.one_line(self.source.as_deref())
                ),
                None => "the closure panicked".into(),
            }),
            _ => Err(why),
        }
    }
}
