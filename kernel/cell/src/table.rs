//! Tables of a notebook: HTML without colours of its own, so that it fits every theme, and the same as
//! aligned text for consoles and exported notebooks.

/// Rows shown of a long table.
pub(crate) const ROWS_SHOWN: usize = 20;

/// A table with a caption; columns of numbers are aligned right.
pub(crate) struct Table {
    caption: String,
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
    note: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Text,
    Number,
}

impl Table {
    pub(crate) fn new(caption: impl Into<String>, columns: &[(&str, Align)]) -> Self {
        Table {
            caption: caption.into(),
            columns: (columns.iter())
                .map(|(title, align)| ((*title).to_owned(), *align))
                .collect(),
            rows: Vec::new(),
            note: String::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds the first rows of `items`, and says how many were left out.
    pub(crate) fn first_rows<T>(&mut self, items: &[T], row: impl Fn(&T) -> Vec<String>) {
        self.rows.extend(items.iter().take(ROWS_SHOWN).map(row));
        if items.len() > ROWS_SHOWN {
            self.note = format!("… {} more", items.len() - ROWS_SHOWN);
        }
    }

    pub(crate) fn html(&self) -> String {
        let cell = |tag: &str, align: Align, text: &str| {
            let side = match align {
                Align::Text => "left",
                Align::Number => "right",
            };
            format!(
                "<{tag} style=\"text-align:{side}\">{}</{tag}>",
                escaped(text)
            )
        };
        let line = |tag: &str, cells: &mut dyn Iterator<Item = (Align, &str)>| {
            let cells: String = cells.map(|(align, text)| cell(tag, align, text)).collect();
            format!("<tr>{cells}</tr>")
        };
        let aligns = || self.columns.iter().map(|(_, align)| *align);
        let head = line(
            "th",
            &mut self
                .columns
                .iter()
                .map(|(title, align)| (*align, title.as_str())),
        );
        let body: String = self
            .rows
            .iter()
            .map(|row| line("td", &mut aligns().zip(row.iter().map(String::as_str))))
            .collect();
        let caption = match self.caption.as_str() {
            "" => String::new(),
            text => format!(
                "<caption style=\"caption-side:top;text-align:left\"><b>{}</b></caption>",
                escaped(text)
            ),
        };
        let note = match self.note.as_str() {
            "" => String::new(),
            text => format!("<p>{}</p>", escaped(text)),
        };
        format!("<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>{note}")
    }

    pub(crate) fn text(&self) -> String {
        let width = |column: usize| {
            let titles = self.columns[column].0.chars().count();
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .fold(titles, usize::max)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, width), (_, align)) in cells.zip(&widths).zip(&self.columns) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                let space = " ".repeat(width - cell.chars().count());
                match align {
                    Align::Text => line.extend([cell, &space]),
                    Align::Number => line.extend([space.as_str(), cell]),
                }
            }
            line.truncate(line.trim_end().len());
            line
        };
        let mut lines = Vec::new();
        if !self.caption.is_empty() {
            lines.push(self.caption.clone());
        }
        lines.push(line(
            &mut self.columns.iter().map(|(title, _)| title.as_str()),
        ));
        lines.extend(
            self.rows
                .iter()
                .map(|row| line(&mut row.iter().map(String::as_str))),
        );
        if !self.note.is_empty() {
            lines.push(self.note.clone());
        }
        lines.join("\n")
    }

    pub(crate) fn bundle(&self) -> Vec<(&'static str, String)> {
        vec![("text/html", self.html()), ("text/plain", self.text())]
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Six significant digits, as short as they can be written: `0.25`, `1200`, `3.2e-7`.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) {
        let text = format!("{value:.5e}");
        return match text.split_once('e') {
            Some((digits, power)) => format!("{}e{power}", short(digits)),
            None => text,
        };
    }
    // `as` is exact here: the difference is in -3 ..= 9.
    let decimals = (5.0 - magnitude).max(0.0) as usize;
    short(&format!("{value:.decimals$}")).to_owned()
}

/// Without zeros behind the decimal point that say nothing.
fn short(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

/// A number with its unit: `0.5 nm`; no unit, no space.
pub(crate) fn quantity(value: f64, units: &str) -> String {
    match units {
        "" => number(value),
        units => format!("{} {units}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (1200.0, "1200"),
            (1_234_567.0, "1234567"),
            (-19.500_000_1, "-19.5"),
            (3.2e-7, "3.2e-7"),
            (6.02e23, "6.02e23"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(quantity(0.5, "nm"), "0.5 nm");
        assert_eq!(quantity(2.0, ""), "2");
    }

    #[test]
    fn columns_stand_under_their_titles_and_long_tables_are_cut() {
        let mut table = Table::new("Sizes", &[("name", Align::Text), ("points", Align::Number)]);
        let items: Vec<usize> = (0..25).collect();
        table.first_rows(&items, |item| {
            vec![format!("é{item}"), (item * 100).to_string()]
        });
        let text = table.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Sizes");
        assert_eq!(lines[1], "name  points");
        assert_eq!(lines[3], "é1       100");
        assert_eq!(lines.last(), Some(&"… 5 more"));
        assert_eq!(table.html().matches("<tr>").count(), 21);
        let mut odd = Table::new("", &[("a<b", Align::Text)]);
        odd.row(vec!["\"&".into()]);
        assert!(odd.html().contains("a&lt;b") && odd.html().contains("&quot;&amp;"));
    }
}
