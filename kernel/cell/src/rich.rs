//! What a notebook shows of values of plain Rust: a text for consoles and exported notebooks, HTML where it
//! says more.

use std::fmt::{Debug, Write};

use crate::abi::role;
use crate::error::{Error, Result};
use crate::output::{Show, send};
use crate::table::escaped;

pub(crate) type Bundle = Vec<(&'static str, String)>;

/// Longest text of one value; a longer one is cut, because it would stay in the notebook for ever.
const MAX: usize = 20_000;
/// A text longer than this is spread over lines, if it has fields.
const LINE: usize = 100;
/// Elements shown of a long list.
const LISTED: usize = 100;

/// The text of a value that is only `Debug`: on one line if it is short, cut if it is huge.
pub(crate) fn debug_text<T: Debug + ?Sized>(value: &T) -> String {
    let line = cut(&format_args!("{value:?}"));
    if line.len() > LINE && line.contains(" { ") && !line.contains('\n') {
        return cut(&format_args!("{value:#?}"));
    }
    line
}

fn cut(text: &std::fmt::Arguments<'_>) -> String {
    struct Limited(String);
    impl Write for Limited {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.push_str(text);
            // An error ends the formatting of a value that may be gigabytes long.
            if self.0.len() > MAX {
                Err(std::fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut limited = Limited(String::new());
    let whole = limited.write_fmt(*text).is_ok();
    let Limited(mut text) = limited;
    if !whole && text.len() > MAX {
        let end = (0..=MAX).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push_str(" … (cut here; print a part of it to see more)");
    }
    text
}

pub(crate) fn plain(text: String) -> Bundle {
    vec![("text/plain", text)]
}

pub(crate) fn text_of(bundle: &Bundle) -> &str {
    bundle
        .iter()
        .find(|(mime, _)| *mime == "text/plain")
        .map_or("", |(_, text)| text)
}

pub(crate) fn html_of(bundle: &Bundle) -> String {
    bundle
        .iter()
        .find(|(mime, _)| *mime == "text/html")
        .map_or_else(
            || format!("<code>{}</code>", escaped(text_of(bundle))),
            |(_, html)| html.clone(),
        )
}

/// Values by their index, one per line.
pub(crate) fn listed<T: Show>(items: &[T]) -> Bundle {
    if items.is_empty() {
        return plain("[]".into());
    }
    let more = items.len().saturating_sub(LISTED);
    let (mut text, mut html) = (String::from("["), String::from("<table><tbody>"));
    for (index, item) in items.iter().take(LISTED).enumerate() {
        let bundle = item.bundle();
        text.push_str(&format!(
            "\n  {index}: {}",
            text_of(&bundle).replace('\n', "\n     ")
        ));
        html.push_str(&format!(
            "<tr><th>{index}</th><td style=\"text-align:left\">{}</td></tr>",
            html_of(&bundle)
        ));
    }
    html.push_str("</tbody></table>");
    if more > 0 {
        text.push_str(&format!("\n  … {more} more"));
        html.push_str(&format!("<p>… {more} more</p>"));
    }
    text.push_str("\n]");
    vec![("text/html", html), ("text/plain", text)]
}

/// Short values on one line.
fn row<T: Debug>(items: &[T]) -> Bundle {
    if items.len() <= 2 * LISTED {
        return plain(debug_text(items));
    }
    let first: Vec<String> = items[..LISTED]
        .iter()
        .map(|item| format!("{item:?}"))
        .collect();
    plain(format!(
        "[{}, … {} more of {}]",
        first.join(", "),
        items.len() - LISTED,
        items.len()
    ))
}

macro_rules! short_values {
    ($($value:ty),*) => {
        $(impl Show for $value {
            fn bundle(&self) -> Bundle {
                plain(format!("{self:?}"))
            }

            fn bundle_of_list(items: &[Self]) -> Bundle {
                row(items)
            }
        })*
    };
}

short_values!(
    u8, i8, u16, i16, u32, i32, u64, i64, u128, i128, usize, isize, f32, f64, bool, char
);

impl Show for () {
    fn bundle(&self) -> Bundle {
        plain("()".into())
    }

    fn present(&self, kind: u32, display_id: &str) {
        if kind != role::RESULT {
            send(kind, &self.bundle(), display_id);
        }
    }
}

/// A text as a value stands in quotes, unless it has lines (`tree()?`).
fn present_text(text: &str, kind: u32, display_id: &str) {
    let bundle = match kind {
        role::RESULT if !text.contains('\n') => debug_text(text),
        role::RESULT => text.trim_end().to_owned(),
        _ => text.to_owned(),
    };
    send(kind, &plain(bundle), display_id);
}

impl Show for str {
    fn bundle(&self) -> Bundle {
        plain(self.to_owned())
    }

    fn present(&self, kind: u32, display_id: &str) {
        present_text(self, kind, display_id);
    }
}

impl Show for String {
    fn bundle(&self) -> Bundle {
        plain(self.clone())
    }

    fn bundle_of_list(items: &[Self]) -> Bundle {
        row(items)
    }

    fn present(&self, kind: u32, display_id: &str) {
        present_text(self, kind, display_id);
    }
}

impl<T: Show> Show for [T] {
    fn bundle(&self) -> Bundle {
        T::bundle_of_list(self)
    }
}

impl<T: Show> Show for Vec<T> {
    fn bundle(&self) -> Bundle {
        T::bundle_of_list(self)
    }
}

impl<T: Show, const N: usize> Show for [T; N] {
    fn bundle(&self) -> Bundle {
        T::bundle_of_list(self)
    }
}

impl<T: Show> Show for Option<T> {
    fn bundle(&self) -> Bundle {
        match self {
            None => plain("None".into()),
            Some(value) => {
                let mut bundle = value.bundle();
                for (mime, text) in &mut bundle {
                    if *mime == "text/plain" {
                        *text = format!("Some({text})");
                    }
                }
                bundle
            }
        }
    }

    fn present(&self, kind: u32, display_id: &str) {
        match self {
            Some(value) if T::LIVE => value.present(kind, display_id),
            _ => send(kind, &self.bundle(), display_id),
        }
    }
}

/// A call without its `?`: the value, or the error as a value.
impl<T: Show> Show for Result<T, Error> {
    fn bundle(&self) -> Bundle {
        match self {
            Ok(value) => value.bundle(),
            Err(error) => error.bundle(),
        }
    }

    fn present(&self, kind: u32, display_id: &str) {
        match self {
            Ok(value) => value.present(kind, display_id),
            Err(error) => error.present(kind, display_id),
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*);)*) => {
        $(impl<$($name: Show),*> Show for ($($name,)*) {
            fn bundle(&self) -> Bundle {
                let bundles = [$(self.$index.bundle()),*];
                let rich = bundles.iter().any(|bundle| bundle.len() > 1);
                let texts: Vec<&str> = bundles.iter().map(text_of).collect();
                let one_line = texts.join(", ");
                if one_line.len() <= LINE && !one_line.contains('\n') && !rich {
                    return plain(format!("({one_line})"));
                }
                let text: String = texts
                    .iter()
                    .map(|text| format!("\n  {},", text.replace('\n', "\n  ")))
                    .collect();
                let cells: String = bundles
                    .iter()
                    .map(|bundle| format!(
                        "<tr><td style=\"text-align:left\">{}</td></tr>",
                        html_of(bundle)
                    ))
                    .collect();
                vec![
                    ("text/html", format!("<table><tbody>{cells}</tbody></table>")),
                    ("text/plain", format!("({text}\n)")),
                ]
            }
        })*
    };
}

tuples! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Region;

    fn text(value: &(impl Show + ?Sized)) -> String {
        text_of(&value.bundle()).to_owned()
    }

    #[test]
    fn lists_options_and_tuples_read_like_rust() {
        assert_eq!(text(&vec![1.0, 2.5]), "[1.0, 2.5]");
        assert_eq!(text(&Some(3)), "Some(3)");
        assert_eq!(text(&None::<u8>), "None");
        assert_eq!(text(&(1, 2.5)), "(1, 2.5)");
        assert_eq!(text(&[true, false]), "[true, false]");
        let long = text(&vec![0u8; 1000]);
        assert!(long.ends_with(", … 900 more of 1000]"), "{long}");
        let regions = text(&vec![Region::rectangle(0, 0, 1, 1); 2]);
        assert!(
            regions.starts_with("[\n  0: Region of 1 scan") && regions.ends_with("\n]"),
            "{regions}"
        );
    }

    #[test]
    fn long_structs_are_spread_and_huge_texts_cut() {
        #[derive(Debug)]
        #[allow(dead_code)]
        struct Fit {
            name: &'static str,
            values: Vec<f64>,
        }
        let fit = |count| Fit {
            name: "gaussian",
            values: vec![1.25; count],
        };
        assert_eq!(debug_text(&fit(1)).lines().count(), 1);
        assert_eq!(debug_text(&fit(20)).lines().count(), 25);
        let huge = debug_text(&vec!["é".repeat(50); 10_000]);
        assert!(huge.len() < MAX + 100 && huge.contains("cut here"));
    }
}
