//! What a cell shows and asks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::abi::role;
use crate::error::Result;
use crate::host;
use crate::json::quoted;

/// Something a notebook can show: one text per MIME type, the browser takes the richest.
///
/// Implement it for a type of your own, and a cell that ends with such a value shows it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shown",
    note = "implement `Show` for it, or show its text: `display(&format!(\"{{:?}}\", value))`"
)]
pub trait Show {
    /// Whether it is shown by a live view and not by its bundle.
    #[doc(hidden)]
    const LIVE: bool = false;

    /// `(MIME type, text)` pairs.
    fn bundle(&self) -> Vec<(&'static str, String)>;

    /// Several of them, as in a `Vec`.
    #[doc(hidden)]
    fn bundle_of_list(items: &[Self]) -> Vec<(&'static str, String)>
    where
        Self: Sized,
    {
        crate::rich::listed(items)
    }

    /// Sends it to the page; `kind` is one of `abi::role`.
    #[doc(hidden)]
    fn present(&self, kind: u32, display_id: &str) {
        send(kind, &self.bundle(), display_id);
    }
}

/// What [`display`] takes: a reference to something that is shown, or a text made for it by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not shown by value",
    label = "lend it with `&`",
    note = "`display(&value)` shows it and leaves it where it is"
)]
pub trait Shown {
    /// What is shown.
    #[doc(hidden)]
    type Content: Show + ?Sized;

    #[doc(hidden)]
    fn content(&self) -> &Self::Content;
}

impl<T: Show + ?Sized> Shown for &T {
    type Content = T;

    fn content(&self) -> &T {
        self
    }
}

pub(crate) fn send(kind: u32, bundle: &[(&'static str, String)], display_id: &str) {
    host::display(kind, &bundle_json(bundle), display_id);
}

fn bundle_json(bundle: &[(&'static str, String)]) -> String {
    let members: Vec<String> = bundle
        .iter()
        .map(|(mime, text)| format!("{}:{}", quoted(mime), quoted(text)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// What is shown can be replaced later.
#[derive(Debug)]
pub struct DisplayHandle {
    id: String,
}

impl DisplayHandle {
    /// Replaces what was shown, wherever it is shown.
    pub fn update(&self, content: impl Shown) {
        send(role::UPDATE, &content.content().bundle(), &self.id);
    }
}

/// `display(&scan)` as the last line of a cell has shown what it is about.
impl Show for DisplayHandle {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![("text/plain", format!("{self:?}"))]
    }

    fn present(&self, kind: u32, display_id: &str) {
        if kind != role::RESULT {
            send(kind, &self.bundle(), display_id);
        }
    }
}

/// Shows something now, in the middle of a cell: `display(&scan)`, `display(Html("<b>bold</b>"))`.
pub fn display(content: impl Shown) -> DisplayHandle {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // The address tells cells apart: each has its own copy of this counter.
    let id = format!(
        "cell-{:x}-{}",
        std::ptr::from_ref(&NEXT).addr(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    content.content().present(role::DISPLAY, &id);
    DisplayHandle { id }
}

/// Removes the cell's outputs; with `wait`, only when the next one arrives.
pub fn clear_output(wait: bool) {
    host::clear_output(wait);
}

/// Asks the person at the notebook for a line of text.
///
/// # Errors
/// The page does not allow questions, or the cell was interrupted.
pub fn input(prompt: &str) -> Result<String> {
    host::read_line(prompt, false)
}

/// Asks for a line of text without showing it.
///
/// # Errors
/// As [`input`].
pub fn password(prompt: &str) -> Result<String> {
    host::read_line(prompt, true)
}

/// Whether the person at the notebook pressed "interrupt"; a long loop should look now and then.
pub fn interrupted() -> bool {
    host::interrupted()
}
