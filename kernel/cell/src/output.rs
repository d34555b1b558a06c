//! What a cell shows and asks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::abi::role;
use crate::error::Result;
use crate::host;
use crate::json::quoted;
use crate::operation::Operation;
use crate::region::Region;
use crate::signal::Signal;

/// Something a notebook can show: one text per MIME type, the browser takes the richest.
pub trait Show {
    /// `(MIME type, text)` pairs.
    fn bundle(&self) -> Vec<(&'static str, String)>;

    #[doc(hidden)]
    fn show(&self, display_id: &str) {
        host::display(role::DISPLAY, &bundle_json(&self.bundle()), display_id);
    }
}

/// HTML, shown as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html(pub String);

/// Markdown, with formulas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown(pub String);

/// A drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg(pub String);

impl Show for Html {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("text/html", self.0.clone()),
            ("text/plain", self.0.clone()),
        ]
    }
}

impl Show for Markdown {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("text/markdown", self.0.clone()),
            ("text/plain", self.0.clone()),
        ]
    }
}

impl Show for Svg {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("image/svg+xml", self.0.clone()),
            ("text/plain", "a drawing".into()),
        ]
    }
}

impl Show for str {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![("text/plain", self.to_owned())]
    }
}

impl Show for String {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![("text/plain", self.clone())]
    }
}

impl Show for Signal {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![("text/plain", format!("{self:?}"))]
    }

    fn show(&self, _display_id: &str) {
        host::show(self.id());
    }
}

impl Show for Region {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        let fields = [
            ("x0", self.x0.to_string()),
            ("y0", self.y0.to_string()),
            ("width", self.width.to_string()),
            ("height", self.height.to_string()),
        ];
        table("Region of scan positions", &fields, format!("{self:?}"))
    }
}

impl<P: Operation> Show for P {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        table(P::NAME, &self.fields(), format!("{self:#?}"))
    }
}

fn table(caption: &str, fields: &[(&str, String)], plain: String) -> Vec<(&'static str, String)> {
    let rows: String = fields
        .iter()
        .map(|(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>", escaped(value)))
        .collect();
    vec![
        (
            "text/html",
            format!("<table><caption>{caption}</caption>{rows}</table>"),
        ),
        ("text/plain", plain),
    ]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
    pub fn update(&self, content: &(impl Show + ?Sized)) {
        host::display(role::UPDATE, &bundle_json(&content.bundle()), &self.id);
    }
}

/// Shows something now, in the middle of a cell.
pub fn display(content: &(impl Show + ?Sized)) -> DisplayHandle {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // The address tells cells apart: each has its own copy of this counter.
    let id = format!(
        "cell-{:x}-{}",
        std::ptr::from_ref(&NEXT).addr(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    content.show(&id);
    DisplayHandle { id }
}

/// A trailing expression with more than text to show.
pub(crate) fn result(content: &(impl Show + ?Sized)) {
    host::display(role::RESULT, &bundle_json(&content.bundle()), "");
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

impl Region {
    #[doc(hidden)]
    pub fn evcxr_display(&self) {
        result(self);
    }
}

macro_rules! rich {
    ($($content:ty),*) => {
        $(impl $content {
            #[doc(hidden)]
            pub fn evcxr_display(&self) {
                result(self);
            }
        })*
    };
}

rich!(Html, Markdown, Svg);
