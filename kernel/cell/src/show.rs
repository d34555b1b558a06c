//! What a notebook shows of the values of this crate: tables with units, pictures, errors with their hint.

use crate::abi::role;
use crate::axis::Axis;
use crate::complex::{Complex, Float};
use crate::error::Error;
use crate::frame::{Element, Frame, Pixel};
use crate::host;
use crate::json::Json;
use crate::operation::Operation;
use crate::output::{Show, send};
use crate::picture;
use crate::region::Region;
use crate::rich::{Bundle, debug_text, plain};
use crate::signal::{Peak, Shape, Signal};
use crate::table::{Align, Table, escaped, number, quantity};

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
        if !self.names.is_empty() {
            text.push_str(&format!(", {}", self.names.join(", ")));
            return vec![
                ("text/html", axes(std::slice::from_ref(self)).html()),
                ("text/plain", text),
            ];
        }
        let from = quantity(self.offset, &self.units);
        text.push_str(&match self.values.is_empty() {
            true => format!(", {} apart, from {from}", quantity(self.scale, &self.units)),
            false => format!(", uneven, from {from}"),
        });
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
        if let (Some(first), Some(last)) = (axis.names.first(), axis.names.last()) {
            table.row(vec![
                axis.name.clone(),
                axis.names.len().to_string(),
                "names".into(),
                first.clone(),
                last.clone(),
                String::new(),
            ]);
            continue;
        }
        table.row(vec![
            axis.name.clone(),
            points,
            match axis.values.is_empty() {
                true => number(axis.scale),
                false => "uneven".into(),
            },
            number(axis.offset),
            last,
            axis.units.clone(),
        ]);
    }
    table
}

impl Show for Peak {
    fn bundle(&self) -> Bundle {
        let place = |at: f64, error: f64| match error.is_nan() {
            true => format!("{at:.3}"),
            false => format!("{at:.3} ± {error:.3}"),
        };
        let mut text = format!(
            "Peak at ({}, {}) px: {} counts, score {:.4}",
            place(self.ky, self.ky_error),
            place(self.kx, self.kx_error),
            number(self.intensity),
            self.score,
        );
        if !self.misfit.is_nan() {
            text.push_str(&format!(", misfit {:.2}", self.misfit));
        }
        vec![
            ("text/html", peaks(std::slice::from_ref(self), "").html()),
            ("text/plain", text),
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

/// A column of peaks: its title, and what is in it.
type PeakColumn = (&'static str, fn(&Peak) -> String);

fn peaks(peaks: &[Peak], caption: &str) -> Table {
    fn known(value: f64, digits: usize) -> String {
        match value.is_nan() {
            true => "–".into(),
            false => format!("{value:.digits$}"),
        }
    }
    let has = |of: fn(&Peak) -> f64| peaks.iter().any(|peak| !of(peak).is_nan());
    // What no finder knows has no column.
    let errors = has(|peak| peak.ky_error) || has(|peak| peak.kx_error);
    let columns: [(bool, PeakColumn); 7] = [
        (true, ("ky (px)", |peak| format!("{:.3}", peak.ky))),
        (true, ("kx (px)", |peak| format!("{:.3}", peak.kx))),
        (errors, ("± ky (px)", |peak| known(peak.ky_error, 3))),
        (errors, ("± kx (px)", |peak| known(peak.kx_error, 3))),
        (true, ("intensity (counts)", |peak| number(peak.intensity))),
        (true, ("score", |peak| format!("{:.4}", peak.score))),
        (
            has(|peak| peak.misfit),
            ("misfit", |peak| known(peak.misfit, 2)),
        ),
    ];
    let columns: Vec<PeakColumn> = (columns.into_iter())
        .filter_map(|(is_known, column)| is_known.then_some(column))
        .collect();
    let titles: Vec<(&str, Align)> = (columns.iter())
        .map(|(title, _)| (*title, Align::Number))
        .collect();
    let mut table = Table::new(caption, &titles);
    table.first_rows(peaks, |peak| {
        columns.iter().map(|(_, cell)| cell(peak)).collect()
    });
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
        let value = |value: Option<T>| value.map_or("NaN".into(), |value| number(value.to_f64()));
        let facts = [
            ("least", value(self.min())),
            ("greatest", value(self.max())),
            ("mean", number(self.mean())),
        ];
        frame_bundle(self, std::any::type_name::<T>(), &pixels, "", &facts)
    }
}

impl<T: Float + Element> Show for Frame<'_, Complex<T>>
where
    Complex<T>: Pixel,
{
    fn bundle(&self) -> Bundle {
        let amplitude = self.amplitude().mapv(Float::to_f64);
        let mean = self.total() / self.len() as f64;
        let sign = if mean.im < 0.0 { "-" } else { "+" };
        let value = |value: Option<f64>| value.map_or("NaN".into(), number);
        let facts = [
            ("least", value(amplitude.min())),
            ("greatest", value(amplitude.max())),
            (
                "mean",
                format!("{} {sign} {}i", number(mean.re), number(mean.im.abs())),
            ),
        ];
        let pixel = format!("Complex<{}>", T::NAME);
        frame_bundle(self, &pixel, amplitude.as_slice(), "amplitude", &facts)
    }
}

/// A picture of the pixels, which are `part` of them, and the facts.
fn frame_bundle<T: Pixel>(
    frame: &Frame<'_, T>,
    pixel: &str,
    pixels: &[f64],
    part: &str,
    [least, greatest, mean]: &[(&str, String); 3],
) -> Bundle {
    let (rows, columns) = frame.rows_columns();
    let sizes: Vec<String> = frame.shape().iter().map(usize::to_string).collect();
    let at = match frame.position() {
        [] => String::new(),
        position => {
            let position: Vec<String> = position.iter().map(usize::to_string).collect();
            format!(" at scan position ({})", position.join(", "))
        }
    };
    let kind = format!("{} {pixel}", sizes.join(" × "));
    let part = match part {
        "" => String::new(),
        part => format!("{part} "),
    };
    let text = format!(
        "Frame of {kind}{at}: {part}{} to {}, mean {}",
        least.1, greatest.1, mean.1
    );
    let mut html = format!("<div>Frame{at}</div>");
    if let Some(picture) = picture::html(pixels, rows, columns) {
        html.push_str(&picture);
    }
    let facts = [
        ("pixels".to_owned(), &escaped(&kind)),
        (format!("{} {part}", least.0), &least.1),
        (format!("{} {part}", greatest.0), &greatest.1),
        (mean.0.to_owned(), &mean.1),
    ];
    let cells: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{} <b>{value}</b>", name.trim_end()))
        .collect();
    html.push_str(&format!("<div>{}</div>", cells.join(" &ensp; ")));
    vec![("text/html", html), ("text/plain", text)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::generated::{Disk, RadialMedian};
    use crate::rich::{html_of, text_of};

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
            values: Vec::new(),
            names: Vec::new(),
        }
    }

    #[test]
    fn an_uneven_axis_says_so_and_gives_its_values() {
        let energy = Axis {
            name: "Energy".into(),
            size: 3,
            scale: 3.5,
            offset: 1.0,
            units: "eV".into(),
            values: vec![1.0, 2.0, 8.0],
            names: Vec::new(),
        };
        assert_eq!(
            text(&energy),
            "axis Energy: 3 points, uneven, from 1 eV to 8 eV"
        );
        let table = text(&vec![energy.clone()]);
        assert!(
            table
                .lines()
                .nth(1)
                .is_some_and(|row| row.contains("uneven")),
            "{table}"
        );
        assert_eq!(
            (energy.value(1), energy.values()),
            (2.0, vec![1.0, 2.0, 8.0])
        );
        assert!(energy.value(3).is_nan());
        assert_eq!(axis("y", 3).values(), [-1.0, -0.5, 0.0]);
        assert!(format!("{energy:?}").ends_with("values: [1.0, 2.0, 8.0] }"));
        assert!(!format!("{:?}", axis("y", 3)).contains("values"));
    }

    #[test]
    fn complex_frames_say_how_large_their_numbers_are() {
        let pixels = vec![Complex::new(3.0f32, -4.0), Complex::new(1.0, 0.0)];
        let frame = Frame::from_vec(&[1, 2], pixels).unwrap();
        let shown = frame.bundle();
        assert_eq!(
            text_of(&shown),
            "Frame of 1 × 2 Complex<f32>: amplitude 1 to 5, mean 2 - 2i"
        );
        assert!(html_of(&shown).contains("Complex&lt;f32&gt;"));
    }

    #[test]
    fn an_axis_of_names_says_them() {
        let elements = Axis {
            size: 3,
            ..Axis::named("element", vec!["Fe", "O", "Ti"])
        };
        assert_eq!(text(&elements), "axis element: 3 points, Fe, O, Ti");
        let table = text(&vec![elements.clone()]);
        let row = table.lines().nth(1).unwrap_or_default();
        assert!(row.contains("names") && row.contains("Ti"), "{table}");
        assert!(format!("{elements:?}").ends_with(r#"names: ["Fe", "O", "Ti"] }"#));
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
            ky_error: f64::NAN,
            kx_error: f64::NAN,
            misfit: f64::NAN,
            spread: f64::NAN,
            spread_error: f64::NAN,
            stretch: f64::NAN,
            stretch_diagonal: f64::NAN,
            stretch_error: f64::NAN,
        };
        assert_eq!(
            text(&peak),
            "Peak at (1.250, 2.000) px: 1000 counts, score 0.5000"
        );
        let many = text(&vec![peak; 23]);
        assert!(many.starts_with("23 peaks\nky (px)") && many.ends_with("… 3 more"));
        assert_eq!(many.lines().count(), 23);
        let known = Peak {
            ky_error: 0.0123,
            kx_error: 0.02,
            misfit: 1.04,
            ..peak
        };
        assert_eq!(
            text(&known),
            "Peak at (1.250 ± 0.012, 2.000 ± 0.020) px: 1000 counts, score 0.5000, misfit 1.04"
        );
        let both = text(&vec![known, peak]);
        let lines: Vec<Vec<&str>> = both
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[2],
            ["1.250", "2.000", "0.012", "0.020", "1000", "0.5000", "1.04"]
        );
        assert_eq!(
            lines[3],
            ["1.250", "2.000", "–", "–", "1000", "0.5000", "–"]
        );
        assert!(!many.contains('±') && !many.contains("misfit") && both.contains("± ky (px)"));
        assert_eq!(text(&Vec::<Peak>::new()), "no peaks");
        assert_eq!(
            text(&Region::rectangle(0, 2, 3, 1)),
            "Region of 3 scan positions: rows 2, columns 0 to 2"
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
}
