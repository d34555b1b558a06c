//! A user's closure as the tree sees it. It runs on a worker, never on the thread that asks (`workers`).

#![allow(unsafe_code)] // calls the closure through the cell's function pointers

use std::ffi::c_void;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use signal::{Block, CancelToken, ElementType, Frame, FrameFunction, NavigationIndex, Output};
use signaltree::abi::{Owned, Returned, UserFunction, element, status};

use super::{Shared, element_type, frame_view, user_code};
use crate::error_report::CellSource;
use crate::lost_threads;
use crate::workers::Unfinished;

/// When a closure is reported that runs and runs.
const LONG: Duration = Duration::from_secs(10);

/// A closure and the kernel it runs in.
pub(super) struct Closure {
    user: Arc<User>,
    shared: Arc<Shared>,
    /// It crashed: what is said of every later call.
    crashed: OnceLock<String>,
}

/// Owns the boxed closure of a cell; frees it on the cell's side.
struct User {
    function: UserFunction,
    input: ElementType,
    output: Option<ElementType>,
    source: Option<Arc<CellSource>>,
    shared: Arc<Shared>,
}

// SAFETY: the cell's crate accepts only closures that are `Send + Sync + 'static`, and `run` takes the
// state by shared reference.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl Drop for User {
    fn drop(&mut self) {
        /// What remains of the closure, on its way to the thread that drops it.
        struct State {
            state: *mut c_void,
            free: unsafe extern "C" fn(*mut c_void),
        }
        // SAFETY: as for `User`.
        unsafe impl Send for State {}
        let UserFunction { state, free, .. } = self.function;
        let state = State { state, free };
        // What it captured is dropped by code of the user, which may do anything.
        self.shared.workers.dispose(move || {
            let State { state, free } = { state };
            // SAFETY: the state came with this `free` and is given back once.
            user_code(|| unsafe { free(state) });
        });
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
        shared: &Arc<Shared>,
        function: UserFunction,
        source: Option<Arc<CellSource>>,
    ) -> Result<Self, String> {
        let (input, output) = (function.input, function.output);
        let mut user = User {
            function,
            input: ElementType::F32,
            output: None,
            source,
            shared: Arc::clone(shared),
        };
        user.input = element_type(input).ok_or_else(|| format!("unknown pixel type {input}"))?;
        if output != element::NONE {
            user.output =
                Some(element_type(output).ok_or_else(|| format!("unknown pixel type {output}"))?);
        }
        Ok(Closure {
            user: Arc::new(user),
            shared: Arc::clone(shared),
            crashed: OnceLock::new(),
        })
    }

    fn run(
        &self,
        input: &Frame,
        at: NavigationIndex,
        cancel: Option<&CancelToken>,
    ) -> Result<Output, String> {
        if let Some(crashed) = self.crashed.get() {
            return Err(crashed.clone());
        }
        let (user, input) = (Arc::clone(&self.user), input.cast(self.user.input));
        let mut told = false;
        let mut waited = |time: Duration| {
            if time >= LONG && !told {
                told = true;
                self.shared.warn(&format!(
                    "A closure has been running for {} s at scan position {:?}. Interrupt the kernel to abandon \
                     it.\n",
                    LONG.as_secs(),
                    at.as_slice()
                ));
            }
            !cancel.is_some_and(CancelToken::is_cancelled)
        };
        let called = self
            .shared
            .workers
            .run(move || user.call(&input, at), &mut waited);
        match called {
            Ok(output) => output,
            Err(Unfinished::Left) => Err("the computation was cancelled".into()),
            Err(Unfinished::Abandoned) => {
                Err("the closure did not stop after the interrupt; it was abandoned".into())
            }
            Err(Unfinished::Failed) => {
                Err("no thread could be started for the closure; close other programs".into())
            }
            Err(Unfinished::Lost(loss)) => {
                let lost = self.shared.describe(loss);
                let text = lost_threads::closure_lost(&lost);
                // A pass, or a drag, must not lose a thread for each frame.
                let later = format!("{text}; it is not called again: correct it and run its cell");
                if self.crashed.set(later).is_ok() && lost.damaged {
                    self.shared.warn(&format!("{text}.\n"));
                }
                Err(text)
            }
        }
    }
}

impl User {
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

    /// Runs on a worker.
    fn call(&self, input: &Frame, at: NavigationIndex) -> Result<Output, String> {
        let view = frame_view(input);
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
            status::OK => self.returned(returned, input),
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

impl FrameFunction for Closure {
    fn input(&self) -> ElementType {
        self.user.input
    }

    fn output(&self) -> Option<ElementType> {
        self.user.output
    }

    fn call(&self, input: &Frame, at: NavigationIndex) -> Result<Output, String> {
        self.run(input, at, None)
    }

    fn call_unless(
        &self,
        input: &Frame,
        at: NavigationIndex,
        cancel: &CancelToken,
    ) -> Result<Output, String> {
        self.run(input, at, Some(cancel))
    }
}
