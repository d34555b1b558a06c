//! What a notebook shows of each kind of value: a text for consoles and exported notebooks, HTML for pages.

use std::fmt::{Debug, Write};

use crate::abi::role;
use crate::error::{Error, Result};
use crate::frame::{Element, Frame};
use crate::host;
use crate::json::Json;
use crate::operation::Operation;
use crate::output::{Show, send};
use crate::picture;
use crate::region::Region;
use crate::signal::{Axis, Peak, Shape, Signal};
use crate::table::{Align, Table, escaped, number, quantity};

type Bundle = Vec<(&'static str, String)>;

/// Longest text of one value; a longer one is cut, because it would stay in the notebook for ever.
const LONGEST: usize = 20_000;
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
            if self.0.len() > LONGEST {
                Err(std::fmt::Error)
            } else {
                Ok(())
            }
        }
    }
    let mut limited = Limited(String::new());
    let whole = limited.write_fmt(*text).is_ok();
    let Limited(mut text) = limited;
    if !whole && text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push_str(" … (cut here; print a part of it to see more)");
    }
    text
}

fn plain(text: String) -> Bundle {
    vec![("text/plain", text)]
}

pub(crate) fn text_of(bundle: &Bundle) -> &str {
    bundle
        .iter()
        .find(|(mime, _)| *mime == "text/plain")
        .map_or("", |(_, text)| text)
}

fn html_of(bundle: &Bundle) -> String {
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

/// A text as a value stands in quotes, unless it has lines.
fn present_text(text: &str, kind: u32, display_id: &str) {
    let bundle = match kind {
        role::RESULT if !text.trim_end().contains('\n') => debug_text(text),
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

impl Show for Signal {
    const LIVE: bool = true;

    fn bundle(&self) -> Bundle {
        plain(format!("{self:?}"))
    }

    fn present(&self, kind: u32, display_id: &str) {
        if kind == role::UPDATE {
            send(kind, &self.bundle(), display_id);
        } else {
            host::show(self.id());
        }
    }
}

impl Show for Shape {
    fn bundle(&self) -> Bundle {
        let by = |sizes: &[usize]| {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            sizes.join(" × ")
        };
        let scan = match self.navigation.as_slice() {
            [] => "no scan axes".into(),
            sizes => format!("{} scan positions", by(sizes)),
        };
        let frame = match self.signal.as_slice() {
            [] => "one value each".into(),
            [channels] => format!("spectra of {channels} channels"),
            sizes => format!("frames of {} pixels", by(sizes)),
        };
        vec![
            (
                "text/html",
                format!("<code>{self}</code> &ensp;{scan}, {frame}"),
            ),
            ("text/plain", self.to_string()),
        ]
    }
}

impl Show for Axis {
    fn bundle(&self) -> Bundle {
        let mut text = format!("axis {}", self.name);
        if self.size > 0 {
            text.push_str(&format!(": {} points", self.size));
        }
        text.push_str(&format!(
            ", {} apart, from {}",
            quantity(self.scale, &self.units),
            quantity(self.offset, &self.units)
        ));
        if self.size > 0 {
            text.push_str(&format!(" to {}", quantity(self.last(), &self.units)));
        }
        vec![
            ("text/html", axes(std::slice::from_ref(self)).html()),
            ("text/plain", text),
        ]
    }

    fn bundle_of_list(items: &[Self]) -> Bundle {
        axes(items).bundle()
    }
}

fn axes(axes: &[Axis]) -> Table {
    let mut table = Table::new(
        "",
        &[
            ("axis", Align::Text),
            ("points", Align::Number),
            ("spacing", Align::Number),
            ("from", Align::Number),
            ("to", Align::Number),
            ("units", Align::Text),
        ],
    );
    for axis in axes {
        let (points, last) = match axis.size {
            0 => ("as in the file".into(), String::new()),
            size => (size.to_string(), number(axis.last())),
        };
        table.row(vec![
            axis.name.clone(),
            points,
            number(axis.scale),
            number(axis.offset),
            last,
            axis.units.clone(),
        ]);
    }
    table
}

impl Show for Peak {
    fn bundle(&self) -> Bundle {
        let [ky, kx, intensity, score] = peak_cells(self);
        vec![
            ("text/html", peaks(std::slice::from_ref(self), "").html()),
            (
                "text/plain",
                format!("Peak at ({ky}, {kx}) px: {intensity} counts, score {score}"),
            ),
        ]
    }

    fn bundle_of_list(items: &[Self]) -> Bundle {
        match items {
            [] => plain("no peaks".into()),
            [_] => peaks(items, "1 peak").bundle(),
            items => peaks(items, &format!("{} peaks", items.len())).bundle(),
        }
    }
}

fn peak_cells(peak: &Peak) -> [String; 4] {
    [
        format!("{:.3}", peak.ky),
        format!("{:.3}", peak.kx),
        number(peak.intensity),
        format!("{:.4}", peak.score),
    ]
}

fn peaks(peaks: &[Peak], caption: &str) -> Table {
    let mut table = Table::new(
        caption,
        &[
            ("ky (px)", Align::Number),
            ("kx (px)", Align::Number),
            ("intensity (counts)", Align::Number),
            ("score", Align::Number),
        ],
    );
    table.first_rows(peaks, |peak| peak_cells(peak).into());
    table
}

impl Show for Region {
    fn bundle(&self) -> Bundle {
        let span = |start: usize, length: usize| match length {
            0 => "none".into(),
            1 => start.to_string(),
            _ => format!("{start} to {}", start + length - 1),
        };
        let mut table = Table::new(
            "Region of scan positions",
            &[
                ("", Align::Text),
                ("first to last", Align::Number),
                ("size", Align::Number),
            ],
        );
        table.row(vec![
            "rows y".into(),
            span(self.y0, self.height),
            self.height.to_string(),
        ]);
        table.row(vec![
            "columns x".into(),
            span(self.x0, self.width),
            self.width.to_string(),
        ]);
        let text = format!(
            "Region of {} scan positions: rows {}, columns {}",
            self.width * self.height,
            span(self.y0, self.height),
            span(self.x0, self.width)
        );
        vec![("text/html", table.html()), ("text/plain", text)]
    }
}

impl<P: Operation> Show for P {
    fn bundle(&self) -> Bundle {
        let meaning = |field: usize| P::ABOUT.get(field).copied().unwrap_or(["", "", ""]);
        let mut table = Table::new(
            parameters_name(self),
            &[
                ("parameter", Align::Text),
                ("value", Align::Number),
                ("allowed", Align::Text),
                ("meaning", Align::Text),
            ],
        );
        for (index, (name, json)) in self.fields().into_iter().enumerate() {
            let [units, allowed, help] = meaning(index);
            let mut value = Json::parse(&json).map_or(json, |json| parameter(&json));
            if !units.is_empty() && value.starts_with(|c: char| c.is_ascii_digit()) {
                value = format!("{value} {units}");
            }
            table.row(vec![name.into(), value, allowed.into(), help.into()]);
        }
        vec![
            ("text/html", table.html()),
            ("text/plain", debug_text(self)),
        ]
    }
}

/// `RadialMedian` of `RadialMedian { centre: None, … }`.
fn parameters_name<P: Operation>(_: &P) -> &'static str {
    let name = std::any::type_name::<P>();
    name.rsplit("::").next().unwrap_or(name)
}

fn parameter(json: &Json) -> String {
    match json {
        Json::Null => "left out".into(),
        Json::Bool(value) => if *value { "yes" } else { "no" }.into(),
        Json::Number(value) => number(*value),
        Json::Text(text) => text.clone(),
        Json::List(items) => {
            let items: Vec<String> = items.iter().map(parameter).collect();
            format!("({})", items.join(", "))
        }
        Json::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name} {}", parameter(value)))
                .collect();
            members.join(", ")
        }
    }
}

impl Show for Error {
    fn bundle(&self) -> Bundle {
        const RED: &str = "color:var(--jp-error-color1,#d32f2f)";
        let hint = match self.hint() {
            "" => String::new(),
            hint => format!("<br><i>hint</i>: {}", escaped(hint)),
        };
        let html = format!(
            "<div style=\"border-left:3px solid;padding-left:.6em;border-{RED}\">\
             <b style=\"{RED}\">Error</b>: {}{hint}</div>",
            escaped(self.message())
        );
        vec![
            ("text/html", html),
            ("text/plain", format!("Error: {self}")),
        ]
    }
}

impl<T: Element> Show for Frame<'_, T> {
    fn bundle(&self) -> Bundle {
        let pixels: Vec<f64> = self.iter().map(|pixel| pixel.to_f64()).collect();
        let (rows, columns) = self.rows_columns();
        let sizes: Vec<String> = self.shape().iter().map(usize::to_string).collect();
        let at = match self.position() {
            [] => String::new(),
            position => {
                let position: Vec<String> = position.iter().map(usize::to_string).collect();
                format!(" at scan position ({})", position.join(", "))
            }
        };
        let value = |value: Option<T>| value.map_or("NaN".into(), |value| number(value.to_f64()));
        let facts = [
            (
                "pixels",
                format!("{} {}", sizes.join(" × "), std::any::type_name::<T>()),
            ),
            ("least", value(self.min())),
            ("greatest", value(self.max())),
            ("mean", number(self.mean())),
        ];
        let text = format!(
            "Frame of {}{at}: {} to {}, mean {}",
            facts[0].1, facts[1].1, facts[2].1, facts[3].1
        );
        let mut html = format!("<div>Frame{at}</div>");
        if let Some(picture) = picture::html(&pixels, rows, columns) {
            html.push_str(&picture);
        }
        let cells: Vec<String> = facts
            .iter()
            .map(|(name, value)| format!("{name} <b>{value}</b>"))
            .collect();
        html.push_str(&format!("<div>{}</div>", cells.join(" &ensp; ")));
        vec![("text/html", html), ("text/plain", text)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::{Disk, RadialMedian};

    fn text(value: &(impl Show + ?Sized)) -> String {
        text_of(&value.bundle()).to_owned()
    }

    fn axis(name: &str, size: usize) -> Axis {
        Axis {
            name: name.into(),
            size,
            scale: 0.5,
            offset: -1.0,
            units: "nm".into(),
        }
    }

    #[test]
    fn a_call_without_its_question_mark_shows_its_value() {
        let shape: Result<Shape> = Ok(Shape {
            navigation: vec![40, 56],
            signal: vec![128, 112],
        });
        assert_eq!(text(&shape), "(40, 56 | 128, 112)");
        assert!(html_of(&shape.bundle()).contains("40 × 56 scan positions, frames of 128 × 112"));
        let refused: Result<Shape> = Err(Error::new("a < b").with_hint("look"));
        assert_eq!(text(&refused), "Error: a < b\nhint: look");
        assert!(html_of(&refused.bundle()).contains("a &lt; b<br><i>hint</i>: look"));
    }

    #[test]
    fn tables_have_their_units() {
        let axes = text(&vec![axis("y", 3), axis("x", 0)]);
        let lines: Vec<&str> = axes.lines().collect();
        assert_eq!(lines[0], "axis          points  spacing  from  to  units");
        assert_eq!(lines[1], "y                  3      0.5    -1   0  nm");
        assert!(lines[2].contains("as in the file"), "{axes}");
        assert_eq!(
            text(&axis("y", 3)),
            "axis y: 3 points, 0.5 nm apart, from -1 nm to 0 nm"
        );
        let peak = Peak {
            ky: 1.25,
            kx: 2.0,
            intensity: 1e3,
            score: 0.5,
        };
        assert_eq!(
            text(&peak),
            "Peak at (1.250, 2.000) px: 1000 counts, score 0.5000"
        );
        let many = text(&vec![peak; 23]);
        assert!(many.starts_with("23 peaks\nky (px)") && many.ends_with("… 3 more"));
        assert_eq!(many.lines().count(), 23);
        assert_eq!(text(&Vec::<Peak>::new()), "no peaks");
        assert_eq!(
            text(&Region::rectangle(0, 2, 3, 1)),
            "Region of 3 scan positions: rows 2, columns 0 to 2"
        );
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
    fn parameters_show_what_they_mean() {
        let html = html_of(&RadialMedian::default().bundle());
        for part in [
            "RadialMedian",
            "keep_direct_beam",
            "yes",
            "left out",
            "direct beam",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        let html = html_of(&Disk::default().bundle());
        assert!(
            html.contains("8 px") && html.contains("0 to 100000 px"),
            "{html}"
        );
        assert_eq!(
            text(&Disk::default()),
            "Disk { centre: None, radius: 8.0, statistic: Sum }"
        );
    }

    #[test]
    fn a_frame_has_a_picture_and_a_line() {
        let frame = Frame::from_fn((4, 6), |(row, column)| (10 * row + column) as u16);
        assert_eq!(text(&frame), "Frame of 4 × 6 u16: 0 to 35, mean 17.5");
        assert!(html_of(&frame.bundle()).contains("data:image/png;base64,iVBOR"));
        let spectrum = Frame::from_vec(&[3], vec![1.0, f64::NAN, 2.0]);
        assert!(spectrum.is_ok_and(|frame| html_of(&frame.bundle()).contains("<polyline")));
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
        assert!(huge.len() < LONGEST + 100 && huge.contains("cut here"));
    }
}
