//! Texts that a notebook shows formatted: HTML, Markdown, drawings.
//!
//! Each is a struct and a function of the same name, so that any text makes one: `Html("<b>bold</b>")`,
//! `Html(format!("{n} peaks"))`.

#![allow(non_snake_case)] // called like the structs they make

use crate::output::{Show, Shown};

/// HTML, shown as it is: `display(Html("<b>bold</b>"))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html {
    /// The text, as the browser gets it.
    pub text: String,
}

/// HTML, shown as it is: `display(Html("<b>bold</b>"))`. Any text makes one, also `format!("…")`.
pub fn Html(text: impl Into<String>) -> Html {
    Html { text: text.into() }
}

/// Markdown, with formulas: `display(Markdown("the phase $\\varphi$"))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown {
    /// The text, as the notebook gets it.
    pub text: String,
}

/// Markdown, with formulas: `display(Markdown("*now*"))`. Any text makes one, also `format!("…")`.
pub fn Markdown(text: impl Into<String>) -> Markdown {
    Markdown { text: text.into() }
}

/// A drawing in SVG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg {
    /// The drawing, from `<svg` on.
    pub text: String,
}

/// A drawing in SVG: `display(Svg(drawing))`. Any text makes one, also `format!("…")`.
pub fn Svg(text: impl Into<String>) -> Svg {
    Svg { text: text.into() }
}

impl Show for Html {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("text/html", self.text.clone()),
            ("text/plain", self.text.clone()),
        ]
    }
}

impl Show for Markdown {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("text/markdown", self.text.clone()),
            ("text/plain", self.text.clone()),
        ]
    }
}

impl Show for Svg {
    fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![
            ("image/svg+xml", self.text.clone()),
            ("text/plain", "a drawing".into()),
        ]
    }
}

macro_rules! shown_by_value {
    ($($text:ty),*) => {
        $(impl Shown for $text {
            type Content = Self;

            fn content(&self) -> &Self {
                self
            }
        })*
    };
}

shown_by_value!(Html, Markdown, Svg, String);
